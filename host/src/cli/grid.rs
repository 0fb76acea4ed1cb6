//! Rows of text in columns, as wide as what is in them.

/// Widest a column may be, in characters; longer text is cut.
const WIDTH_MAX: usize = 60;

/// A header, a line, the rows.
pub(super) fn grid(header: &[String], rows: &[Vec<String>]) -> String {
    let lines: Vec<Vec<String>> = std::iter::once(header)
        .chain(rows.iter().map(Vec::as_slice))
        .map(|row| row.iter().map(|text| shown(text)).collect())
        .collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|at| {
            let widths = lines.iter().map(|line| line[at].chars().count());
            widths.max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            text.push_str(&rules.join("  "));
            text.push('\n');
        }
    }
    text
}

/// Text on one line, without what would move the cursor.
fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(WIDTH_MAX)
        .collect();
    if text.chars().count() > WIDTH_MAX {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_text() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        assert_eq!(
            grid(
                &row("id", "name"),
                &[row("1", "one\x1b[2J"), row("200", "é")]
            ),
            "id   name\n---  -------\n1    one [2J\n200  é\n"
        );
        assert_eq!(shown(&"x".repeat(61)).chars().count(), 60);
    }
}
