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
