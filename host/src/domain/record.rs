//! Monitors, evaluations and backtests as they are stored and shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::column::display_as_kebab;
use super::monitor::MonitorSpec;
use super::{DriftKind, Measurement};

/// A stored monitor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MonitorRecord {
    /// Number inside the database.
    #[serde(skip)]
    pub no: i64,
    /// Number of its model.
    #[serde(skip)]
    pub model_no: i32,
    /// Its name, one of its kind a model.
    pub name: String,
    /// What it does.
    pub spec: MonitorSpec,
    /// Raised by every change.
    pub revision: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// When it was evaluated last.
    pub evaluated_at: Option<Timestamp>,
    /// Failures in a row.
    pub failures: i32,
    /// Not evaluated again before this, after a failure.
    pub retry_at: Option<Timestamp>,
    /// Why it failed.
    pub last_error: Option<String>,
}

/// Why an evaluation ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// New rows or labels were profiled.
    Data,
    /// Its time had come.
    Schedule,
    /// Somebody asked.
    Request,
    /// Over the past.
    Backtest,
}

display_as_kebab!(Cause {
    Data => "data", Schedule => "schedule", Request => "request", Backtest => "backtest",
});

/// What an evaluation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// There are measurements.
    Judged,
    /// There was too little to judge: `reason` says what was missing.
    Insufficient,
    /// The detector failed: `reason` says how.
    Failed,
}

display_as_kebab!(Outcome { Judged => "judged", Insufficient => "insufficient", Failed => "failed" });

/// One run of a monitor, with its measurements.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluationRecord {
    /// Number inside the database; 0 where it was not stored, because it says what the one before said.
    pub evaluation_no: i64,
    /// The model's name.
    pub model_id: String,
    /// The monitor's name.
    pub monitor: String,
    /// Detector as `name@version`.
    pub detector: String,
    /// Kind of drift that it judges.
    pub kind: DriftKind,
    /// SHA-256 of the component.
    pub digest: String,
    /// Why it ran.
    pub cause: Cause,
    /// Whether a version ran that is not in use: beside the active one, or tried over the past.
    pub shadow: bool,
    /// What it came to.
    pub outcome: Outcome,
    /// Why there are no measurements.
    pub reason: Option<String>,
    /// When it ran.
    pub evaluated_at: Timestamp,
    /// First prediction time of the current window.
    pub window_from: Option<Timestamp>,
    /// Last prediction time of the current window.
    pub window_to: Option<Timestamp>,
    /// Rows of the reference window.
    pub reference_rows: u64,
    /// Rows of the current window.
    pub current_rows: u64,
    /// Labelled rows of the current window.
    pub labelled_rows: u64,
    /// How long the detector ran.
    pub duration_seconds: f64,
    /// What it measured. `row` of a stream detector's is the row's arrival number: `prediction.seq`, or `label.seq` for
    /// what is derived from labels.
    pub measurements: Vec<Measurement>,
    /// What the detector wrote.
    pub log: Vec<String>,
}

/// How far a backtest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BacktestState {
    /// Not begun.
    Waiting,
    /// Under way.
    Running,
    /// All windows are evaluated.
    Done,
    /// Ended early: `reason` says why.
    Failed,
}

display_as_kebab!(BacktestState {
    Waiting => "waiting", Running => "running", Done => "done", Failed => "failed",
});

/// Evaluations of a monitor over the past, and how far they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestRecord {
    /// Number inside the database.
    pub backtest_no: i64,
    /// The model's name.
    pub model_id: String,
    /// The monitor's name.
    pub monitor: String,
    /// How far it is.
    pub state: BacktestState,
    /// Windows to evaluate.
    pub windows: u64,
    /// Windows evaluated.
    pub windows_done: u64,
    /// Why it failed.
    pub reason: Option<String>,
    /// `name@version` that is tried in place of the monitor's own detector; absent for that one.
    pub detector: Option<String>,
    /// Of a version that is tried: how its verdicts compare.
    pub comparison: Option<serde_json::Value>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last came further.
    pub changed_at: Timestamp,
}
