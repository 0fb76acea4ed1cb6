//! Text of strangers on a terminal: no control characters, a known width.

/// Writes formatted text to the end of a `String`, which takes all there is.
macro_rules! append {
    ($text:expr, $($format:tt)+) => {{
        let _ = std::fmt::Write::write_fmt(&mut $text, format_args!($($format)+));
    }};
}
pub(super) use append;

/// Without characters that would steer a terminal or turn the direction of writing: each of them
/// becomes U+FFFD.
pub(super) fn clean(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if steers(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Columns that text takes on a terminal: two for the wide characters of East Asia and pictographs,
/// none for marks on the character before. Scripts beyond that are taken as one column a character.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

fn width_of(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f
        | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x200b..=0x200d
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1_f300..=0x1_f64f
        | 0x1_f680..=0x1_f6ff
        | 0x1_f900..=0x1_f9ff
        | 0x2_0000..=0x3_fffd => 2,
        _ => 1,
    }
}

/// At most `width_max` columns, `…` in place of what was cut off the end.
pub(super) fn shorten(text: &str, width_max: usize) -> String {
    if width(text) <= width_max {
        return text.to_owned();
    }
    let mut kept = head(text, width_max.saturating_sub(1)).to_owned();
    if width_max > 0 {
        kept.push('…');
    }
    kept
}

/// The same, cut at the start: the end of a path says more.
pub(super) fn shorten_start(text: &str, width_max: usize) -> String {
    if width(text) <= width_max {
        return text.to_owned();
    }
    let mut left = width_max.saturating_sub(1);
    let start = text.char_indices().rev().find_map(|(at, c)| {
        let fits = left.checked_sub(width_of(c));
        left = fits.unwrap_or(0);
        fits.is_none().then_some(at + c.len_utf8())
    });
    format!("…{}", &text[start.unwrap_or(0)..])
}

/// The longest beginning of at most `width_max` columns, marks on its last character included.
fn head(text: &str, width_max: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find_map(|(at, c)| {
        taken += width_of(c);
        (taken > width_max).then_some(at)
    });
    &text[..end.unwrap_or(text.len())]
}

/// Lines of at most `width_max` columns: `first` before the first, as many spaces before the others.
/// Every run of white space counts as one space; a word longer than a line is cut.
pub(super) fn wrap(first: &str, text: &str, width_max: usize) -> String {
    let indent = width(first);
    let room = width_max.saturating_sub(indent).max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = clean(word);
        let mut rest = word.as_str();
        while !rest.is_empty() {
            if let Some(last) = lines.last_mut()
                && width(last) + 1 + width(rest) <= room
            {
                last.push(' ');
                last.push_str(rest);
                break;
            }
            let part = match head(rest, room) {
                "" => rest,
                part => part,
            };
            lines.push(part.to_owned());
            rest = &rest[part.len()..];
        }
    }
    let mut wrapped = first.to_owned();
    wrapped.push_str(&lines.join(&format!("\n{}", " ".repeat(indent))));
    wrapped.truncate(wrapped.trim_end().len());
    wrapped.push('\n');
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(
            clean("a\u{1b}[31mb\nc\u{202e}d"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d"
        );
        assert_eq!(clean("größe 温度"), "größe 温度");
    }

    #[test]
    fn long_names_are_cut_between_characters_and_fill_their_room() {
        assert_eq!(shorten("temperature", 11), "temperature");
        assert_eq!(shorten("temperature", 8), "tempera…");
        assert_eq!(shorten("温度計の値", 6), "温度…");
        assert_eq!(shorten("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(shorten("abc", 0), "");
        assert_eq!(shorten_start("/data/2013/july.csv", 9), "…july.csv");
        assert_eq!(shorten_start("温度", 3), "…度");
        assert_eq!(width("温度…"), 5);
    }

    #[test]
    fn words_are_put_into_lines() {
        assert_eq!(wrap("- ", "one two\n three", 9), "- one two\n  three\n");
        assert_eq!(wrap("- ", "abcdefgh i", 6), "- abcd\n  efgh\n  i\n");
        assert_eq!(wrap("- ", "", 6), "-\n");
        assert_eq!(wrap("", "温度", 1), "温度\n");
    }
}
