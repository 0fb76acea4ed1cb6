//! What is kept of the reference, as bytes.

use std::collections::BTreeMap;

use leeway_sdk::Failure;
use leeway_statistics::calibration::Miscalibration;
use leeway_statistics::chunk_spread::ChunkSpread;
use serde::{Deserialize, Serialize};

use crate::figure::Figure;
use crate::subject::Subject;

/// First byte of a baseline; raised when its layout changes.
pub(crate) const FORMAT: u8 = 1;

/// What the reference taught.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Baseline {
    /// Nothing, and why. `regressor`: what the model seems to be.
    Nothing { why: String, regressor: bool },
    /// How to estimate, and what to expect without drift.
    Learned(Box<Learned>),
}

/// How to estimate, and what to expect without drift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Learned {
    pub(crate) subject: Subject,
    /// Labelled rows that it was learned from.
    pub(crate) rows: u64,
    pub(crate) estimated: BTreeMap<Figure, Expected>,
    pub(crate) realized: BTreeMap<Figure, Expected>,
    /// Absent where the model gives no probabilities.
    pub(crate) certainty: Option<Certain>,
}

/// A figure of the reference and its spread between windows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Expected {
    /// Of the whole reference.
    pub(crate) value: f64,
    between: f64,
    row: f64,
    rows: f64,
    chunks: f64,
    mean: f64,
    deviation: f64,
}

/// How right the reference's probabilities were.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Certain {
    pub(crate) calibration_error: f64,
    excess: f64,
    variance: f64,
    spread: f64,
    rows: f64,
}

impl Expected {
    pub(crate) fn new(value: f64, spread: &ChunkSpread) -> Self {
        let ChunkSpread {
            between,
            row,
            rows,
            chunks,
            mean,
            deviation,
        } = *spread;
        Self {
            value,
            between,
            row,
            rows,
            chunks,
            mean,
            deviation,
        }
    }

    pub(crate) fn spread(&self) -> ChunkSpread {
        let Self {
            between,
            row,
            rows,
            chunks,
            mean,
            deviation,
            ..
        } = *self;
        ChunkSpread {
            between,
            row,
            rows,
            chunks,
            mean,
            deviation,
        }
    }
}

impl Certain {
    pub(crate) fn new(calibration_error: f64, off: Miscalibration) -> Self {
        let Miscalibration {
            excess,
            variance,
            spread,
            rows,
        } = off;
        Self {
            calibration_error,
            excess,
            variance,
            spread,
            rows,
        }
    }

    pub(crate) fn miscalibration(&self) -> Miscalibration {
        let Self {
            excess,
            variance,
            spread,
            rows,
            ..
        } = *self;
        Miscalibration {
            excess,
            variance,
            spread,
            rows,
        }
    }
}

impl Baseline {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![FORMAT];
        bytes.extend(
            postcard::to_allocvec(self).map_err(|error| Failure::Internal(error.to_string()))?,
        );
        Ok(bytes)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let unusable = |why: String| Failure::UnusableBaseline(why);
        match bytes.split_first() {
            Some((&FORMAT, rest)) => {
                postcard::from_bytes(rest).map_err(|error| unusable(error.to_string()))
            }
            Some((format, _)) => Err(unusable(format!("its format is {format}, not {FORMAT}"))),
            None => Err(unusable("it is empty".to_owned())),
        }
    }
}
