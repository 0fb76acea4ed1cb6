//! A window as a detector sees it, whether the host or a test stands behind it.

use crate::{AccessError, Categories, Column, Distribution, Failure, Moments};

/// The code of a missing category.
pub const MISSING_CODE: u32 = u32::MAX;

/// Rows of a model, the reference window or the current one. Columns and rows count from 0.
///
/// The exact meaning of each call stands in `wit/windows.wit`. Missing numbers are NaN, missing
/// categories [`MISSING_CODE`], missing vectors all NaN; kernels leave them out.
pub trait Window {
    /// All rows that the profiles count.
    fn rows(&self) -> u64;
    /// Every column, in a fixed order.
    fn columns(&self) -> Vec<Column>;
    /// Times of the first and the last row, seconds since 1970-01-01T00:00:00Z.
    fn span(&self) -> Option<(f64, f64)>;

    /// Rows whose values can be read; `0` where there are profiles alone.
    fn kept_rows(&self) -> u32;
    /// Whether the kept rows are all rows.
    fn complete(&self) -> bool;
    /// Times of kept rows `[offset, offset + len)`.
    fn times(&self, offset: u32, len: u32) -> Result<Vec<f64>, AccessError>;
    /// Numbers of a numeric column.
    fn numbers(&self, column: u32, offset: u32, len: u32) -> Result<Vec<f64>, AccessError>;
    /// Codes of a categorical column.
    fn codes(&self, column: u32, offset: u32, len: u32) -> Result<Vec<u32>, AccessError>;
    /// The names of all codes of a categorical column.
    fn dictionary(&self, column: u32) -> Result<Vec<String>, AccessError>;
    /// Components of an embedding column, row after row.
    fn embeddings(&self, column: u32, offset: u32, len: u32) -> Result<Vec<f32>, AccessError>;
    /// Kept rows drawn without replacement, ascending.
    fn sample(&self, count: u32, seed: u64) -> Result<Vec<u32>, AccessError>;

    /// Quantiles, type 7.
    fn quantiles(&self, column: u32, probabilities: &[f64]) -> Result<Vec<f64>, AccessError>;
    /// Counts in `(-inf, e0], (e0, e1], ... , (ek, inf)`.
    fn counts_in_bins(&self, column: u32, edges: &[f64]) -> Result<Vec<f64>, AccessError>;
    /// Share of values at most each point.
    fn cdf(&self, column: u32, points: &[f64]) -> Result<Vec<f64>, AccessError>;
    /// Sorted distinct values with counts.
    fn distinct(&self, column: u32) -> Result<Distribution, AccessError>;
    /// Counts of a categorical column, names ascending.
    fn category_counts(&self, column: u32) -> Result<Categories, AccessError>;
    /// Moments of the finite values.
    fn moments(&self, column: u32) -> Result<Moments, AccessError>;
}

/// The failure of a detector that could not read its window: lets `?` pass an [`AccessError`] on.
pub fn unusable(error: AccessError) -> Failure {
    Failure::UnusableData(match error {
        AccessError::NoSuchColumn(column) => format!("the window has no column {column}"),
        AccessError::WrongKind(what) => format!("wrong kind of column: {what}"),
        AccessError::OutOfRange(end) => format!("asked past the end, which is {end}"),
        AccessError::NoRows => "the window holds no rows, only profiles".to_owned(),
        AccessError::InvalidArgument(what) => what,
    })
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        unusable(error)
    }
}
