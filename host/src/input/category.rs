//! The text that names a category, and its code.

use std::io::Write;

use rustc_hash::FxHashMap;

use super::ValueProblem;
use super::limits::CATEGORY_BYTES_MAX;

/// The one spelling of whole numbers and truth values; any other text is itself.
pub(crate) fn canonical(text: &[u8]) -> &[u8] {
    match text {
        b"True" | b"TRUE" => b"true",
        b"False" | b"FALSE" => b"false",
        [.., b'0'] => without_zero_fraction(text),
        _ => text,
    }
}

/// `-7.00` to `-7`; text that is not such a number stays.
fn without_zero_fraction(text: &[u8]) -> &[u8] {
    let zeros = text.iter().rev().take_while(|&&byte| byte == b'0').count();
    let Some((b'.', whole)) = text[..text.len() - zeros].split_last() else {
        return text;
    };
    let digits = whole.strip_prefix(b"-").unwrap_or(whole);
    match digits {
        [] => text,
        b"0" => b"0",
        _ if digits.iter().all(u8::is_ascii_digit) => whole,
        _ => text,
    }
}

/// Gives each name of a batch a code, in the order of first appearance.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    codes: FxHashMap<Box<[u8]>, u32>,
    scratch: Vec<u8>,
    bytes: usize,
}

impl Interner {
    /// The code of a text.
    pub(crate) fn code(&mut self, text: &[u8]) -> Result<u32, ValueProblem> {
        let name = canonical(text);
        match self.codes.get(name) {
            Some(&code) => Ok(code),
            None => self.add(name),
        }
    }

    /// The code of a number: the shortest text that reads back as it, never with an exponent.
    pub(crate) fn number_code(
        &mut self,
        number: impl std::fmt::Display,
    ) -> Result<u32, ValueProblem> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        // Writing to memory cannot fail.
        let _ = write!(scratch, "{number}");
        let code = self.code(if scratch == b"-0" { b"0" } else { &scratch });
        self.scratch = scratch;
        code
    }

    #[cold]
    fn add(&mut self, name: &[u8]) -> Result<u32, ValueProblem> {
        if name.len() > CATEGORY_BYTES_MAX {
            return Err(ValueProblem::CategoryTooLong(name.len()));
        }
        if std::str::from_utf8(name).is_err() {
            return Err(ValueProblem::NotUtf8);
        }
        let code = u32::try_from(self.codes.len()).expect("a batch has fewer rows than codes");
        self.codes.insert(name.into(), code);
        self.bytes += name.len();
        Ok(code)
    }

    /// Bytes of all names.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The names, each at the place of its code; starts afresh.
    pub(crate) fn take(&mut self) -> Vec<String> {
        self.bytes = 0;
        let mut names = vec![String::new(); self.codes.len()];
        for (name, code) in self.codes.drain() {
            let name = String::from_utf8(name.into_vec()).expect("checked when it was added");
            names[code as usize] = name;
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_and_truth_values_have_one_spelling() {
        let cases = [
            ("7.0", "7"),
            ("-7.00", "-7"),
            ("0.0", "0"),
            ("-0.0", "0"),
            ("007.0", "007"),
            ("True", "true"),
            ("FALSE", "false"),
            ("10", "10"),
            ("1.50", "1.50"),
            ("v1.0", "v1.0"),
            ("1.0.0", "1.0.0"),
            (".0", ".0"),
            ("-.0", "-.0"),
            ("0", "0"),
            ("00", "00"),
            ("1.", "1."),
            ("tRUE", "tRUE"),
        ];
        for (text, name) in cases {
            assert_eq!(canonical(text.as_bytes()), name.as_bytes(), "{text}");
        }
    }

    #[test]
    fn codes_follow_the_order_of_first_appearance_and_start_afresh() {
        let mut interner = Interner::default();
        assert_eq!(interner.code(b"b"), Ok(0));
        assert_eq!(interner.code(b"a"), Ok(1));
        assert_eq!(interner.code(b"b"), Ok(0));
        assert_eq!(interner.number_code(1.0), Ok(2));
        assert_eq!(interner.code(b"1.0"), Ok(2));
        assert_eq!(interner.number_code(-0.0), Ok(3));
        assert_eq!(interner.take(), ["b", "a", "1", "0"]);
        assert_eq!(interner.code(b"z"), Ok(0));
    }

    #[test]
    fn a_category_may_be_as_long_as_the_limit_and_no_longer() {
        let mut interner = Interner::default();
        assert_eq!(interner.code(&[b'x'; CATEGORY_BYTES_MAX]), Ok(0));
        let longer = interner.code(&[b'x'; CATEGORY_BYTES_MAX + 1]);
        assert_eq!(
            longer,
            Err(ValueProblem::CategoryTooLong(CATEGORY_BYTES_MAX + 1))
        );
        assert_eq!(interner.code(b"\xff"), Err(ValueProblem::NotUtf8));
    }
}
