//! A mean that moves with every row.

use crate::state::{Reader, StateError, Writer};

/// Rows and their mean, by the recursion `mean += (1 / n) (x - mean)`.
///
/// The order of its operations is River's, so that comparisons between two such means come out alike.
/// Source: West (1979), "Updating Mean and Variance Estimates: An Improved Method".
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct RunningMean {
    pub(crate) rows: f64,
    pub(crate) mean: f64,
}

impl RunningMean {
    pub(crate) fn update(&mut self, value: f64) {
        self.rows += 1.0;
        self.mean += (1.0 / self.rows) * (value - self.mean);
    }

    pub(crate) fn write(&self, to: Writer) -> Writer {
        to.f64(self.rows).f64(self.mean)
    }

    /// Reads back a mean of values of at most `bound` in size.
    pub(crate) fn read(from: &mut Reader<'_>, bound: f64) -> Result<Self, StateError> {
        let (rows, mean) = (from.rows()?, from.f64_within(bound)?);
        if rows == 0.0 && mean != 0.0 {
            return Err(StateError::Damaged("a mean of no rows"));
        }
        Ok(Self { rows, mean })
    }
}
