//! What is kept of the reference window, as bytes.

use leeway_sdk::{ColumnKind, Failure, Window};
use serde::{Deserialize, Serialize};

use crate::duplicates::{self, Repeats};

/// First byte of a baseline; raised when its layout changes.
pub(crate) const FORMAT: u8 = 1;
/// Where the fields begin: after the format and the checksum.
const FIELDS_AT: usize = 9;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    pub(crate) rows: u64,
    /// Times of the first and the last row, in seconds.
    pub(crate) span: Option<(f64, f64)>,
    pub(crate) columns: Vec<Known>,
    /// How often rows repeat; only where all rows can be read.
    pub(crate) repeats: Option<Repeats>,
}

/// One column of the reference.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) rows: u64,
    pub(crate) missing: u64,
    pub(crate) non_finite: u64,
    pub(crate) values: Values,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Numeric,
    Categorical,
    /// Vectors, with their length.
    Embedding(u32),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Values {
    /// Smallest and largest finite number; nothing where there is none. Of vectors: of their lengths.
    Range(Option<(f64, f64)>),
    /// Names, ascending; how many of them occurred once; whether there are more than the dictionary holds.
    Names {
        names: Vec<String>,
        once: u64,
        more: bool,
    },
}

impl Kind {
    pub(crate) fn of(column: &leeway_sdk::Column) -> Self {
        match column.kind {
            ColumnKind::Numeric => Self::Numeric,
            ColumnKind::Categorical => Self::Categorical,
            ColumnKind::Embedding => Self::Embedding(column.dimension),
        }
    }

    pub(crate) fn told(self) -> String {
        match self {
            Self::Numeric => "numeric".to_owned(),
            Self::Categorical => "categorical".to_owned(),
            Self::Embedding(length) => format!("vectors of {length}"),
        }
    }
}

impl Baseline {
    pub(crate) fn of(reference: &dyn Window) -> Result<Self, Failure> {
        let mut columns = Vec::new();
        for (index, column) in (0..).zip(reference.columns()) {
            let values = if column.kind == ColumnKind::Categorical {
                let counted = reference.category_counts(index)?;
                let once = counted.counts.iter().filter(|count| **count == 1.0).count();
                Values::Names {
                    names: counted.names,
                    once: once as u64,
                    more: counted.rest > 0.0,
                }
            } else {
                let moments = reference.moments(index)?;
                Values::Range((moments.count > 0.0).then_some((moments.minimum, moments.maximum)))
            };
            columns.push(Known {
                kind: Kind::of(&column),
                name: column.name,
                rows: column.rows,
                missing: column.missing,
                non_finite: column.non_finite,
                values,
            });
        }
        Ok(Self {
            rows: reference.rows(),
            span: reference.span(),
            columns,
            repeats: duplicates::read(reference)?,
        })
    }

    /// Byte form: the format, a checksum of the fields, the fields.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = postcard::to_extend(self, vec![FORMAT; FIELDS_AT])
            .map_err(|error| Failure::Internal(error.to_string()))?;
        let sum = checksum(&bytes[FIELDS_AT..]).to_le_bytes();
        bytes[1..FIELDS_AT].copy_from_slice(&sum);
        Ok(bytes)
    }

    /// Reads what [`Baseline::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Failure::UnusableBaseline`] for another format or damaged bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let unusable = |why: String| Failure::UnusableBaseline(why);
        let (format, rest) = bytes
            .split_first()
            .ok_or_else(|| unusable("it is empty".to_owned()))?;
        if *format != FORMAT {
            return Err(unusable(format!(
                "its format is {format}, this version reads {FORMAT}"
            )));
        }
        let (sum, fields) = rest
            .split_first_chunk::<8>()
            .ok_or_else(|| unusable("it is cut off".to_owned()))?;
        if u64::from_le_bytes(*sum) != checksum(fields) {
            return Err(unusable(
                "it is damaged: its checksum does not fit".to_owned(),
            ));
        }
        postcard::from_bytes(fields).map_err(|error| unusable(error.to_string()))
    }
}

/// Tells a damaged baseline from a sound one: each step is one-to-one in the sum so far, so a change of one byte always shows.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(bytes.len() as u64, |sum, byte| {
        let mixed = (sum ^ u64::from(*byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15); // The golden ratio, odd.
        mixed ^ (mixed >> 29)
    })
}
