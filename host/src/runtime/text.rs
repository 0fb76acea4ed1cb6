//! Words of strangers, made fit to stand in a message.

/// Characters kept of a message.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// On one line, of bounded length, with nothing that would steer a terminal.
pub(super) fn plain(text: &str) -> String {
    plain_up_to(MESSAGE_CHARS_MAX, text)
}

/// The same, of at most so many characters and `…` where there were more.
///
/// Line ends and tabs become spaces; other control characters, and those that turn the direction of
/// writing, become U+FFFD.
pub(super) fn plain_up_to(chars_max: usize, text: &str) -> String {
    let mut chars = text.chars();
    let mut plain: String = chars.by_ref().take(chars_max).map(tame).collect();
    if chars.next().is_some() {
        plain.push('…');
    }
    plain
}

fn tame(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            '\u{fffd}'
        }
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_taken_out() {
        assert_eq!(
            plain("a\u{1b}[31mb\u{7}\u{9b}2J\u{202e}c"),
            "a\u{fffd}[31mb\u{fffd}\u{fffd}2J\u{fffd}c"
        );
        assert_eq!(plain("one\ntwo\tthree\r"), "one two three ");
        assert_eq!(plain("größer als 3 ≤ 日本"), "größer als 3 ≤ 日本");
    }

    #[test]
    fn what_is_too_long_ends_in_three_dots() {
        assert_eq!(plain_up_to(3, "äöü"), "äöü");
        assert_eq!(plain_up_to(3, "äöüß"), "äöü…");
        assert_eq!(
            plain(&"x".repeat(60 << 20)).chars().count(),
            MESSAGE_CHARS_MAX + 1
        );
    }
}
