//! What a monitor is: which detector, on which windows, when.

use serde::{Deserialize, Serialize};

/// Longest name of a monitor, in bytes.
pub const MONITOR_NAME_BYTES_MAX: usize = 100;
/// Most monitors of a model.
pub const MONITORS_MAX: usize = 100;

/// The rows that define normal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReferenceSpec {
    /// The active data set where there is one; else the rows up to the training time where there are
    /// any; else as `trailing`, as many rows as the current window has.
    Auto,
    /// The active uploaded data set.
    DataSet,
    /// Rows up to `last_training_time`.
    Training,
    /// The rows just before the current window.
    Trailing {
        /// How far back they go.
        extent: Extent,
    },
}

/// How many rows a window has. Windows begin and end where chunks do: the smallest run of chunks that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Extent {
    /// The newest rows, so many.
    Rows(u64),
    /// The newest stretch of time, in seconds, counted back from the model's newest row.
    Seconds(u64),
}

/// The rows under test. Never rows up to `last_training_time`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CurrentSpec {
    /// All since the training, or since the first row.
    SinceTraining,
    /// The newest rows, again at every evaluation.
    Sliding {
        /// How far back they go.
        extent: Extent,
    },
    /// One window after the other without overlap, each evaluated once, when it is complete.
    Tumbling {
        /// Size of each.
        extent: Extent,
    },
}

/// When a monitor is evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cadence {
    /// When new rows or labels are profiled, at most this often.
    NewData {
        /// Shortest time between two evaluations, in seconds.
        #[serde(default)]
        seconds_min: u32,
    },
    /// At fixed times: every so many seconds since 1970-01-01T00:00:00Z.
    Schedule {
        /// Time between two evaluations, in seconds, at least 1.
        every_seconds: u32,
    },
    /// When somebody asks.
    Request,
}

/// What happens to a monitor whose detector's version is quarantined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// It fails, and says why.
    #[default]
    None,
    /// The version that was active before takes over.
    Previous,
}

/// What a monitor does, as people write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonitorSpec {
    /// Name of the detector.
    pub detector: String,
    /// The detector's configuration: a JSON object, held against its schema.
    #[serde(default = "empty_object")]
    pub config: serde_json::Value,
    /// The reference window.
    #[serde(default = "auto")]
    pub reference: ReferenceSpec,
    /// The current window.
    #[serde(default = "newest_rows")]
    pub current: CurrentSpec,
    /// When it is evaluated.
    #[serde(default = "new_data")]
    pub cadence: Cadence,
    /// Fewest rows of either window for a verdict. A detector that asks for more gets more.
    #[serde(default = "rows_min")]
    pub rows_min: u64,
    /// A window whose verdict needs labels waits until this share of its rows has one, in [0, 1].
    #[serde(default)]
    pub labelled_share_min: f64,
    /// Rows younger than this, seen from the model's newest row, do not count for a verdict that needs labels:
    /// their labels may still be on the way. In seconds.
    #[serde(default)]
    pub label_maturity_seconds: u64,
    /// Whether it is evaluated at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What happens when the detector's version is quarantined.
    #[serde(default)]
    pub fallback: Fallback,
    /// Seed of every call.
    #[serde(default)]
    pub seed: u32,
    /// Splits the rows: each segment is judged by itself. A column, or an expression: see [`super::segment`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_by: Option<String>,
    /// Bounds false alarms over time, in place of at each evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_alarms: Option<FalseAlarms>,
}

/// A bound on false alarms over time (alpha spending, Lan and `DeMets` 1983): each stretch of the rows' time has its part of
/// the level, and the first evaluation that sees it spends that part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FalseAlarms {
    /// Largest probability of a false alarm within any period, in (0, 1).
    pub at_most: f64,
    /// Length of the period, in seconds of the rows' time.
    pub per_seconds: u64,
}

/// Rows of a current window where nothing else is said.
pub const CURRENT_ROWS_DEFAULT: u64 = 5_000;
/// Fewest rows of a window where nothing else is said.
pub const ROWS_MIN_DEFAULT: u64 = 100;

fn empty_object() -> serde_json::Value {
    serde_json::json!({})
}
fn auto() -> ReferenceSpec {
    ReferenceSpec::Auto
}
fn newest_rows() -> CurrentSpec {
    CurrentSpec::Sliding {
        extent: Extent::Rows(CURRENT_ROWS_DEFAULT),
    }
}
fn new_data() -> Cadence {
    Cadence::NewData { seconds_min: 0 }
}
fn rows_min() -> u64 {
    ROWS_MIN_DEFAULT
}
fn yes() -> bool {
    true
}

impl MonitorSpec {
    /// A monitor of this detector with everything else as it is by default.
    pub fn of(detector: &str) -> Self {
        Self {
            detector: detector.to_owned(),
            config: empty_object(),
            reference: auto(),
            current: newest_rows(),
            cadence: new_data(),
            rows_min: rows_min(),
            labelled_share_min: 0.0,
            label_maturity_seconds: 0,
            enabled: true,
            fallback: Fallback::None,
            seed: 0,
            segment_by: None,
            false_alarms: None,
        }
    }
}
