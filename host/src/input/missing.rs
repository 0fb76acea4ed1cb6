//! Which texts stand for no value.

use rustc_hash::FxHashSet;

use super::number;

/// Texts that stand for no value, and the numbers among them.
#[derive(Debug, Clone)]
pub(crate) struct MissingTexts {
    texts: FxHashSet<Vec<u8>>,
    /// Whether some text starts with this byte: spares most values the look-up.
    starts: [bool; 256],
    bytes_max: usize,
    empty: bool,
    numbers: Vec<f64>,
}

impl MissingTexts {
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = &'a String>) -> Self {
        let texts: FxHashSet<Vec<u8>> = texts
            .into_iter()
            .map(|text| text.trim_ascii().as_bytes().to_vec())
            .collect();
        let mut starts = [false; 256];
        for &first in texts.iter().filter_map(|text| text.first()) {
            starts[usize::from(first)] = true;
        }
        let numbers = texts
            .iter()
            .filter_map(|text| number::parse(text))
            .filter(|n| !n.is_nan());
        let numbers = numbers.collect();
        let bytes_max = texts.iter().map(Vec::len).max().unwrap_or(0);
        let empty = texts.contains(&[] as &[u8]);
        Self {
            texts,
            starts,
            bytes_max,
            empty,
            numbers,
        }
    }

    /// Whether a text, without spaces around it, stands for no value.
    pub(crate) fn has_text(&self, trimmed: &[u8]) -> bool {
        match trimmed.first() {
            None => self.empty,
            Some(&first) => {
                self.starts[usize::from(first)]
                    && trimmed.len() <= self.bytes_max
                    && self.texts.contains(trimmed)
            }
        }
    }

    /// Whether a number stands for no value. NaN is never asked about.
    pub(super) fn has_number(&self, number: f64) -> bool {
        !self.numbers.is_empty() && self.numbers.contains(&number)
    }

    /// Numbers that stand for no value.
    pub(super) fn has_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_missing_only_if_it_is_listed_whole() {
        let missing = MissingTexts::new(&[String::new(), "NA".into(), "-999".into()]);
        assert!(missing.has_text(b"") && missing.has_text(b"NA") && missing.has_text(b"-999"));
        assert!(!missing.has_text(b"N") && !missing.has_text(b"NAN") && !missing.has_text(b"-99"));
        assert!(missing.has_number(-999.0) && !missing.has_number(999.0));
        assert!(!MissingTexts::new(&["NaN".into()]).has_text(b""));
    }
}
