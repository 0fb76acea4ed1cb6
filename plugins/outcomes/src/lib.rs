//! Reads what a model answered and what was true, row by row.
//!
//! What the detectors of performance and of label shift share: rows of a window, at most [`ROWS_MAX`] of them; the classes of a classifier;
//! and which numbers are the probability of which class.

mod answers;
mod calibrated;
mod classes;
mod rows;
#[cfg(feature = "table")]
pub mod table;

pub use answers::{Answers, Asked, ProbabilityOf, Shape};
pub use calibrated::Calibrations;
pub use classes::{CLASSES_MAX, MISSING, Named, UNKNOWN};
pub use rows::{PIECE, ROWS_MAX, Rows};
