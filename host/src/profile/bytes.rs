//! Whole numbers, doubles and texts as bytes.

/// Bytes that grow.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A whole number in LEB128: seven bits a byte, the lowest first, the top bit set on all but the last.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(low_byte(number) | 0x80);
            number >>= 7;
        }
        self.bytes.push(low_byte(number));
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(super) fn double(&mut self, double: f64) {
        self.bytes.extend(double.to_le_bytes());
    }

    /// Words of eight bytes each.
    pub(super) fn words(&mut self, words: impl ExactSizeIterator<Item = u64>) {
        let start = self.bytes.len();
        self.bytes.resize(start + 8 * words.len(), 0);
        for (bytes, word) in self.bytes[start..].chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }

    /// A text after its length in bytes.
    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }
}

fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// What bytes do not hold: says which.
pub(super) type Malformed = &'static str;

/// Bytes that are taken from the front. Nothing is allocated for lengths that the bytes do not bear out.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes that are left.
    pub(super) fn remaining(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or("it ends too early")?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.bytes.split_first().ok_or("it ends too early")?;
        self.bytes = rest;
        Ok(byte)
    }

    /// A whole number in its shortest form.
    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err("a number is too large");
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 {
                    Err("a number is longer than it need be")
                } else {
                    Ok(number)
                };
            }
        }
        Err("a number is too long")
    }

    /// A number of things that follow, each of at least one byte.
    pub(super) fn length(&mut self, max: usize) -> Result<usize, Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| "a length is too large")?;
        if length > max || length > self.bytes.len() {
            Err("a length is too large")
        } else {
            Ok(length)
        }
    }

    pub(super) fn double(&mut self) -> Result<f64, Malformed> {
        let (bytes, rest) = self
            .bytes
            .split_first_chunk::<8>()
            .ok_or("it ends too early")?;
        self.bytes = rest;
        Ok(f64::from_le_bytes(*bytes))
    }

    /// So many words of eight bytes each.
    pub(super) fn words(
        &mut self,
        count: usize,
    ) -> Result<impl Iterator<Item = u64> + use<'a>, Malformed> {
        let bytes = count.checked_mul(8).ok_or("a length is too large")?;
        let (words, _) = self.take(bytes)?.as_chunks::<8>();
        Ok(words.iter().map(|word| u64::from_le_bytes(*word)))
    }

    pub(super) fn text(&mut self, bytes_max: usize) -> Result<&'a str, Malformed> {
        let length = self.length(bytes_max)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| "a name is not UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(bytes: &[u8]) -> Result<u64, Malformed> {
        Reader::new(bytes).number()
    }

    #[test]
    fn numbers_are_refused_unless_in_their_shortest_form() {
        assert_eq!(number(&[0xe5, 0x8e, 0x26]), Ok(624_485)); // The example of the DWARF standard.
        assert_eq!(
            number(&[0x80, 0x00]),
            Err("a number is longer than it need be")
        );
        assert_eq!(number(&[0xff; 11]), Err("a number is too large"));
        assert_eq!(number(&[0x80]), Err("it ends too early"));
    }

    #[test]
    fn a_length_that_the_bytes_do_not_bear_out_is_refused() {
        assert_eq!(Reader::new(&[2, 0, 0]).length(2), Ok(2));
        assert_eq!(
            Reader::new(&[2, 0, 0]).length(1),
            Err("a length is too large")
        );
        assert_eq!(
            Reader::new(&[3, 0, 0]).length(9),
            Err("a length is too large")
        );
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(numbers in prop::collection::vec(any::<u64>(), 0..9), shift in 0..64_u32) {
            let mut writer = Writer::default();
            for number in &numbers {
                writer.number(number >> shift);
            }
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            for number in numbers {
                prop_assert_eq!(reader.number(), Ok(number >> shift));
            }
            prop_assert!(reader.is_empty());
        }
    }
}
