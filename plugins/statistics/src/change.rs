//! What every detector of changes in a stream can do: take a row, say whether something changed, become bytes and come back.

use crate::state::StateError;

/// A detector of changes in a stream of numbers, row by row.
///
/// Invariants: values that are no number, infinite or outside [`ChangeDetector::RANGE`] are passed over and leave no trace; a detector
/// that comes back from its bytes goes on exactly as the original would.
pub trait ChangeDetector: Sized {
    /// The values it is made for, both ends included.
    const RANGE: (f64, f64) = (-crate::adwin::VALUE_MAX, crate::adwin::VALUE_MAX);
    /// Whether it knows a state of warning before the alarm.
    const WARNS: bool = false;

    /// Takes in the next value; whether it is where a change was found.
    fn update(&mut self, value: f64) -> bool;
    /// Whether the last value left it in a state of warning.
    fn warned(&self) -> bool {
        false
    }
    /// Whether it has seen enough to find a change.
    fn ready(&self) -> bool {
        true
    }
    /// The mean it goes by.
    fn mean(&self) -> f64;
    /// Rows it goes by.
    fn rows(&self) -> f64;
    /// Its state, settings included. The same state gives the same bytes.
    fn to_bytes(&self) -> Vec<u8>;
    /// The state again.
    ///
    /// # Errors
    /// [`StateError`] if the bytes are cut off, of another format, or hold what no detector could have.
    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError>;

    /// Takes rows in order; the positions in `values` at which a change was found.
    fn update_all(&mut self, values: &[f64]) -> Vec<usize> {
        let mut detections = Vec::new();
        for (row, &value) in values.iter().enumerate() {
            if self.update(value) {
                detections.push(row);
            }
        }
        detections
    }
}

/// Whether a value is one that a detector takes in.
pub(crate) fn within(value: f64, (low, high): (f64, f64)) -> bool {
    value >= low && value <= high
}

/// The range of errors and of losses: `[0, 1]`.
pub const UNIT: (f64, f64) = (0.0, 1.0);
