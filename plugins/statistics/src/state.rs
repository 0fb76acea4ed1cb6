//! The bytes in which a stream detector keeps its state between calls.

use core::fmt;

/// Why bytes are not a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// The bytes end too early, or go on after the end.
    WrongLength,
    /// The first byte names a format this build does not read.
    UnknownFormat(u8),
    /// A part has a value no detector could have written.
    Damaged(&'static str),
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongLength => write!(f, "the state has the wrong length"),
            Self::UnknownFormat(format) => write!(f, "state format {format} is not known"),
            Self::Damaged(part) => write!(f, "the state is damaged: {part}"),
        }
    }
}

impl core::error::Error for StateError {}

/// Beyond `2^53` another row would no longer count.
pub(crate) const ROWS_MAX: f64 = 9_007_199_254_740_992.0;

/// Takes numbers off the front of a state, little-endian.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins after the first byte, which must be `format`.
    pub(crate) fn new(bytes: &'a [u8], format: u8) -> Result<Self, StateError> {
        match bytes.split_first() {
            None => Err(StateError::WrongLength),
            Some((&first, rest)) if first == format => Ok(Self { rest }),
            Some((&first, _)) => Err(StateError::UnknownFormat(first)),
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, StateError> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, StateError> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, StateError> {
        self.take().map(u64::from_le_bytes)
    }

    /// A number of things, at most `bound`.
    pub(crate) fn length(&mut self, bound: usize) -> Result<usize, StateError> {
        let length = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
        if length <= bound {
            Ok(length)
        } else {
            Err(StateError::Damaged("a length is out of range"))
        }
    }

    pub(crate) fn bool(&mut self) -> Result<bool, StateError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(StateError::Damaged("a flag is neither set nor clear")),
        }
    }

    /// A number of at most `bound` in size.
    pub(crate) fn f64_within(&mut self, bound: f64) -> Result<f64, StateError> {
        let value = f64::from_le_bytes(self.take()?);
        if value.abs() <= bound {
            Ok(value)
        } else {
            Err(StateError::Damaged("a number is out of range"))
        }
    }

    /// A whole number of rows: not negative, below `2^53`.
    pub(crate) fn rows(&mut self) -> Result<f64, StateError> {
        let rows = self.f64_within(ROWS_MAX)?;
        if rows >= 0.0 && rows.fract() == 0.0 {
            Ok(rows)
        } else {
            Err(StateError::Damaged("a number of rows is no such number"))
        }
    }

    /// Nothing may follow.
    pub(crate) fn finish(self) -> Result<(), StateError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(StateError::WrongLength)
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(StateError::WrongLength)?;
        self.rest = rest;
        Ok(*taken)
    }
}

/// Puts numbers one after the other, little-endian: what [`Reader`] takes apart.
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins with the byte of a format.
    pub(crate) fn new(format: u8) -> Self {
        Self {
            bytes: vec![format],
        }
    }

    pub(crate) fn bool(self, flag: bool) -> Self {
        self.u8(u8::from(flag))
    }

    pub(crate) fn u8(mut self, number: u8) -> Self {
        self.bytes.push(number);
        self
    }

    pub(crate) fn u32(mut self, number: u32) -> Self {
        self.bytes.extend(number.to_le_bytes());
        self
    }

    pub(crate) fn u64(mut self, number: u64) -> Self {
        self.bytes.extend(number.to_le_bytes());
        self
    }

    pub(crate) fn f64(mut self, number: f64) -> Self {
        self.bytes.extend(number.to_le_bytes());
        self
    }

    pub(crate) fn f64s(self, numbers: impl IntoIterator<Item = f64>) -> Self {
        numbers.into_iter().fold(self, Self::f64)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
