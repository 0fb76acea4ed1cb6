//! What is kept of the reference, as bytes.

use std::collections::BTreeMap;

use leeway_outcomes::baseline;
use leeway_sdk::Failure;
use leeway_statistics::calibration_change::{Bin, Scored};
use leeway_statistics::chunk_spread::ChunkSpread;
use serde::{Deserialize, Serialize};

use crate::figure::Figure;
use crate::subject::Subject;

/// First byte of a baseline; raised when its layout changes.
pub(crate) const FORMAT: u8 = 2;

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
    pub(crate) spread: ChunkSpread,
}

/// How right the reference's probabilities were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Certain {
    pub(crate) calibration_error: f64,
    pub(crate) excess: f64,
    /// Where each bin of scores but the first begins.
    edges: Vec<f64>,
    /// Rows, positives, gaps and squares of each bin.
    bins: Vec<[f64; 5]>,
}

impl Certain {
    pub(crate) fn new(calibration_error: f64, excess: f64, scored: Scored) -> Self {
        let numbers = |bin: &Bin| {
            let [large, excess] = bin.gaps;
            [bin.rows, bin.positives, large, excess, bin.squares]
        };
        Self {
            calibration_error,
            excess,
            bins: scored.bins.iter().map(numbers).collect(),
            edges: scored.edges,
        }
    }

    pub(crate) fn scored(&self) -> Scored {
        let bin = |&[rows, positives, large, excess, squares]: &[f64; 5]| Bin {
            rows,
            positives,
            gaps: [large, excess],
            squares,
        };
        Scored {
            edges: self.edges.clone(),
            bins: self.bins.iter().map(bin).collect(),
        }
    }
}

impl Baseline {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        baseline::to_bytes(FORMAT, self)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        baseline::from_bytes(FORMAT, bytes)
    }
}
