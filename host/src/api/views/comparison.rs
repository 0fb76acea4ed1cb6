//! Two versions of a detector over the same past, as the API shows it: shapes alone, since what is stored is what is shown.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// How the verdicts of a version that was tried compare with those of the monitor's own detector, column by column and window by
/// window. A column counts as drifted where any of its metrics says so.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparisonView {
    /// Detector of the monitor, as `name@version`.
    pub with: String,
    /// Windows that both judged.
    pub windows: u64,
    /// Windows that only one of them judged.
    pub windows_of_one: u64,
    /// Columns of windows with the same verdict.
    pub same: u64,
    /// Columns of windows that only the version that was tried calls drifted.
    pub only_tried_drifted: u64,
    /// Columns of windows that only the monitor's own detector calls drifted.
    pub only_own_drifted: u64,
    /// Columns of windows that differ otherwise, such as `insufficient` and `stable`.
    pub other: u64,
    /// The newest of those that differ.
    pub differences: Vec<DifferenceView>,
}

/// A column of a window that two versions judge differently.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceView {
    /// First prediction time of the window.
    pub window_from: Option<Timestamp>,
    /// Last prediction time of the window.
    pub window_to: Option<Timestamp>,
    /// The column; null for the window as a whole.
    pub column: Option<String>,
    /// What the version that was tried says.
    pub tried: Option<String>,
    /// What the monitor's own detector says.
    pub own: Option<String>,
}
