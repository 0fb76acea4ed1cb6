//! The state of a stream detector: one detector a column, as bytes.

use leeway_sdk::{Failure, Window};
use serde::{Deserialize, Serialize};

/// First byte of a state; raised when its layout changes.
pub(crate) const FORMAT: u8 = 1;

/// A stream that left rows out is another stream.
///
/// # Errors
/// [`Failure::UnusableData`] where rows of the window are missing.
pub(crate) fn require_every_row(rows: &dyn Window) -> Result<(), Failure> {
    if rows.complete() {
        return Ok(());
    }
    Err(Failure::UnusableData(
        "a stream needs every row, and the window kept a sample of them".to_owned(),
    ))
}

/// One column's detector.
#[derive(Serialize, Deserialize)]
pub(crate) struct ColumnState {
    pub(crate) column: String,
    #[serde(with = "whole")]
    pub(crate) detector: Vec<u8>,
}

/// Bytes as one piece: a `Vec` goes byte by byte, to the same effect.
mod whole {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<u8>, D::Error> {
        from.deserialize_bytes(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
}

/// All columns' detectors, in the order in which columns were first seen.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    columns: Vec<ColumnState>,
}

impl State {
    /// The state of a column seen before.
    pub(crate) fn get(&self, column: &str) -> Option<&[u8]> {
        self.columns
            .iter()
            .find(|state| state.column == column)
            .map(|state| state.detector.as_slice())
    }

    /// Keeps the state of a column.
    pub(crate) fn set(&mut self, new: ColumnState) {
        match self
            .columns
            .iter_mut()
            .find(|state| state.column == new.column)
        {
            Some(state) => *state = new,
            None => self.columns.push(new),
        }
    }

    /// Reads what [`State::to_bytes`] wrote; no bytes are the state before the first row.
    ///
    /// # Errors
    /// [`Failure::UnusableBaseline`] for another format or damaged bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        match bytes.split_first() {
            None => Ok(Self::default()),
            Some((&FORMAT, fields)) => postcard::from_bytes(fields)
                .map_err(|error| Failure::UnusableBaseline(error.to_string())),
            Some((other, _)) => Err(Failure::UnusableBaseline(format!(
                "its format is {other}, this version reads {FORMAT}"
            ))),
        }
    }

    /// Byte form: the format, then the columns.
    ///
    /// # Errors
    /// [`Failure::Internal`] if the fields cannot be written.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![FORMAT];
        bytes.extend(
            postcard::to_allocvec(self).map_err(|error| Failure::Internal(error.to_string()))?,
        );
        Ok(bytes)
    }
}
