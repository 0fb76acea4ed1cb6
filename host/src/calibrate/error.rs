//! Why there is no calibration: one line that says what and where.

use super::settings::SIZES_MAX;

/// Why there is no calibration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CalibrateError {
    /// A count outside its range.
    #[error("{what} is {value}; it must be {least} to {most}")]
    OutOfRange {
        what: &'static str,
        value: u32,
        least: u32,
        most: u32,
    },
    /// A target that is none.
    #[error("{what} is {target}; it must be above 0, and at most {most}")]
    Target {
        what: &'static str,
        target: f64,
        most: f64,
    },
    /// Too many sizes.
    #[error("{0} sizes; there may be {SIZES_MAX}")]
    TooManySizes(usize),
    /// The reference is too short.
    #[error("there are {rows} rows; windows of {size} rows need at least {needed}")]
    TooFewRows {
        rows: usize,
        needed: usize,
        size: u32,
    },
    /// Nothing to calibrate.
    #[error("there is no monitor to calibrate")]
    NoMonitors,
    /// The rows do not make a window.
    #[error("the rows do not make a window: {0}")]
    Window(String),
    /// Whoever lends the sandbox takes it back.
    #[error("the calibration was stopped")]
    Stopped,
}
