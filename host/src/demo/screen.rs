//! Where the demo writes: a table refreshed in place on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};

use rustix::termios::tcgetwinsize;

/// Columns and lines of a terminal that does not say.
const SIZE_DEFAULT: (usize, usize) = (100, 40);

/// Standard output, or what stands for it in tests.
pub(crate) struct Screen {
    out: Box<dyn Write + Send>,
    live: bool,
    colour: bool,
    /// Lines of the table that stands there now.
    standing: usize,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let out = std::io::stdout();
        let live = out.is_terminal();
        Self {
            colour: live && std::env::var_os("NO_COLOR").is_none(),
            live,
            ..Self::plain(out)
        }
    }

    /// Not a terminal.
    pub(crate) fn plain(out: impl Write + Send + 'static) -> Self {
        Self {
            out: Box::new(out),
            live: false,
            colour: false,
            standing: 0,
        }
    }

    /// Whether a table can be refreshed in place.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Whether text may have colours.
    pub(crate) fn has_colour(&self) -> bool {
        self.colour
    }

    /// Columns and lines.
    pub(crate) fn size(&self) -> (usize, usize) {
        let size = tcgetwinsize(std::io::stdout()).ok().filter(|_| self.live);
        size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)))
            .filter(|&(columns, lines)| columns > 0 && lines > 0)
            .unwrap_or(SIZE_DEFAULT)
    }

    /// Writes a line that stays, above the table.
    pub(crate) fn say(&mut self, line: &str) -> std::io::Result<()> {
        let text = format!("{}{line}\n", clear(self.standing));
        self.standing = 0;
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Writes the table in the place of the one before. No line may be wider than the terminal.
    pub(crate) fn show(&mut self, lines: &[String]) -> std::io::Result<()> {
        let text = format!("{}{}\n", clear(self.standing), lines.join("\n"));
        self.standing = lines.len().max(1);
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Leaves the table where it is.
    pub(crate) fn keep(&mut self) {
        self.standing = 0;
    }
}

/// What takes so many lines back.
fn clear(lines: usize) -> String {
    if lines == 0 {
        String::new()
    } else {
        // Up, to the first column, and everything below goes.
        format!("\u{1b}[{lines}A\r\u{1b}[J")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_taken_back() {
        assert_eq!(clear(0), "");
        assert_eq!(clear(12), "\u{1b}[12A\r\u{1b}[J");
    }
}
