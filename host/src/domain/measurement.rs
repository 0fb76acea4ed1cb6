//! One number of one evaluation, and what it says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::column::display_as_kebab;

/// What a measurement says of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Enough data, no drift.
    Stable,
    /// Significant, and large enough to matter.
    Drifted,
    /// Too few values to judge.
    Insufficient,
    /// One value only, the same in both windows.
    Constant,
    /// This column could not be judged.
    Failed,
}

display_as_kebab!(Verdict {
    Stable => "stable", Drifted => "drifted", Insufficient => "insufficient",
    Constant => "constant", Failed => "failed",
});

/// What a threshold is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdKind {
    /// Critical value for these sizes at the corrected level.
    Calibrated,
    /// Where the effect reaches its floor.
    Floor,
    /// A fixed number.
    Fixed,
}

display_as_kebab!(ThresholdKind { Calibrated => "calibrated", Floor => "floor", Fixed => "fixed" });

/// One number of one evaluation. Units and ranges as in `wit/types.wit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// A declared metric.
    pub metric: String,
    /// Absent for the window as a whole.
    pub column: Option<String>,
    /// Finite.
    pub value: f64,
    /// Size of the change, `0` for none.
    pub effect: Option<f64>,
    /// In [0, 1].
    pub p_value: Option<f64>,
    /// In [0, 1], corrected for the columns judged together.
    pub p_adjusted: Option<f64>,
    /// Beyond it the verdict is drifted.
    pub threshold: Option<f64>,
    /// Present exactly when the threshold is.
    pub threshold_kind: Option<ThresholdKind>,
    /// Values of the reference window that were used.
    pub reference_rows: u64,
    /// Values of the current window that were used.
    pub current_rows: u64,
    /// Share of the current window's rows with no value.
    pub missing_share: f64,
    /// Share of the current window's values that the reference never had.
    pub unseen_share: f64,
    /// The judgement.
    pub verdict: Verdict,
    /// Row of the window, from 0: stream detectors only.
    pub row: Option<u64>,
    /// A JSON object for people.
    pub detail: Option<serde_json::Value>,
    /// The segment of rows that it is about; absent for all rows. The host's, not the detector's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Of drift of a column: when it began. The host's, not the detector's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Began>,
}

/// When a change began, by the times of the rows: an estimate, and the interval that holds the truth in 95 of 100 cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    /// Time of the first rows that the change is in.
    pub at: Timestamp,
    /// Where the interval starts; absent where it may have begun before the first row that was looked at.
    pub earliest: Option<Timestamp>,
    /// Where it ends.
    pub latest: Timestamp,
}
