//! Reads what a model answered and what was true, row by row.
//!
//! What the detectors of performance and of label shift share: rows of a window, at most [`ROWS_MAX`] of them; the classes of a classifier;
//! and which numbers are the probability of which class; what they say of
//! themselves, and their baselines as bytes.

mod answers;
pub mod baseline;
mod calibrated;
mod classes;
mod declared;
mod rows;
#[cfg(feature = "table")]
pub mod table;

pub use answers::{Answers, Asked, ProbabilityOf, Shape};
pub use calibrated::Calibrations;
pub use classes::{CLASSES_MAX, MISSING, Named, UNKNOWN};
pub use declared::{
    classes_schema, describe, positive_schema, probability_of_schema, rows_min_schema,
};
pub use rows::{PIECE, ROWS_MAX, Rows};
