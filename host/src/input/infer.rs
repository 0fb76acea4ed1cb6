//! What a column holds, from its first values.

use super::missing::MissingTexts;
use super::{number, vector};
use crate::domain::ColumnKind;

/// What has been seen of one column.
#[derive(Debug, Default, Clone)]
pub(super) struct Evidence {
    values: u64,
    numbers: u64,
    texts: u64,
    vectors: u64,
    nested: Option<&'static str>,
    dimension: Option<usize>,
}

/// What a column holds, as far as seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds(ColumnKind),
    /// No value was seen.
    Nothing,
    /// None of the kinds.
    Unsupported(&'static str),
}

impl Evidence {
    /// Text of a file that has no types.
    pub(super) fn see_untyped(&mut self, text: &[u8], missing: &MissingTexts) {
        let trimmed = text.trim_ascii();
        if missing.has_text(trimmed) {
            return;
        }
        self.values += 1;
        match number::parse(trimmed) {
            // `nan` in any spelling.
            Some(number) if number.is_nan() => self.values -= 1,
            Some(_) => self.numbers += 1,
            None => match vector::dimension(trimmed) {
                Some(dimension) => self.see_dimension(dimension),
                None => self.texts += 1,
            },
        }
    }

    /// Text of a file that tells it from numbers.
    pub(super) fn see_text(&mut self, text: &[u8], missing: &MissingTexts) {
        let trimmed = text.trim_ascii();
        if missing.has_text(trimmed) {
            return;
        }
        self.values += 1;
        match number::parse(trimmed) {
            // JSON has no other way to write these.
            Some(number) if number.is_nan() => self.values -= 1,
            Some(number) if number.is_infinite() => self.numbers += 1,
            _ => self.texts += 1,
        }
    }

    pub(super) fn see_number(&mut self) {
        self.values += 1;
        self.numbers += 1;
    }

    pub(super) fn see_bool(&mut self) {
        self.values += 1;
        self.texts += 1;
    }

    pub(super) fn see_vector(&mut self, dimension: usize) {
        self.values += 1;
        self.see_dimension(dimension);
    }

    pub(super) fn see_nested(&mut self, what: &'static str) {
        self.values += 1;
        self.nested = Some(what);
    }

    fn see_dimension(&mut self, dimension: usize) {
        self.vectors += 1;
        self.dimension = self
            .dimension
            .or(Some(dimension).filter(|&dimension| dimension > 0));
    }

    /// Length of the first vector that has one.
    pub(super) fn dimension(&self) -> Option<usize> {
        self.dimension
    }

    /// A column is what all its values are; text takes in everything but arrays and objects.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self { values: 0, .. } => Verdict::Nothing,
            Self {
                nested: Some(what), ..
            } => Verdict::Unsupported(what),
            Self {
                values, numbers, ..
            } if numbers == values => Verdict::Holds(ColumnKind::Numeric),
            Self {
                values, vectors, ..
            } if vectors == values => Verdict::Holds(ColumnKind::Embedding),
            _ => Verdict::Holds(ColumnKind::Categorical),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(texts: &[&str]) -> Verdict {
        let missing = MissingTexts::new(&[String::new(), "NA".into()]);
        let mut evidence = Evidence::default();
        for text in texts {
            evidence.see_untyped(text.as_bytes(), &missing);
        }
        evidence.verdict()
    }

    #[test]
    fn untyped_text_is_what_all_of_its_values_are() {
        assert_eq!(
            verdict(&["1", " 2.5 ", "", "NA", "-inf", "nan"]),
            Verdict::Holds(ColumnKind::Numeric)
        );
        assert_eq!(
            verdict(&["1", "2", "x"]),
            Verdict::Holds(ColumnKind::Categorical)
        );
        assert_eq!(
            verdict(&["true", "false"]),
            Verdict::Holds(ColumnKind::Categorical)
        );
        assert_eq!(
            verdict(&["2024-01-01"]),
            Verdict::Holds(ColumnKind::Categorical)
        );
        assert_eq!(
            verdict(&["[1, 2]", ""]),
            Verdict::Holds(ColumnKind::Embedding)
        );
        assert_eq!(
            verdict(&["[1, 2]", "x"]),
            Verdict::Holds(ColumnKind::Categorical)
        );
        assert_eq!(verdict(&["", "NA", "nan"]), Verdict::Nothing);
        assert_eq!(verdict(&[]), Verdict::Nothing);
    }
}
