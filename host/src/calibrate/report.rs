//! What a calibration found.

use serde::{Deserialize, Serialize};

use crate::certify::Rate;
use crate::domain::Role;

use super::movement::Unit;

/// What a calibration found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Rows of the reference that were used.
    pub rows: u64,
    /// Rows of the reference; where they are more, a uniform sample was used.
    pub rows_seen: u64,
    /// What "in order" means.
    pub order: Order,
    /// Rows that each shuffled replay learned from; the others were its windows.
    pub reference_rows: u64,
    /// Shuffled replays.
    pub replays: u32,
    /// Replays in which each shift was tried, and the share of them in which it had to be seen.
    pub shift_replays: u32,
    /// See `shift_replays`.
    pub power: f64,
    /// What a suggested size must hold to.
    pub targets: Targets,
    /// Seed of everything that was drawn.
    pub seed: u64,
    /// False alarms of the model: windows in which any of its monitors alarmed.
    pub model: Vec<SizeAlarms>,
    /// One for each monitor.
    pub monitors: Vec<MonitorReport>,
    /// What a person should know and no number says.
    pub notes: Vec<String>,
    /// Version of the program.
    pub leeway: String,
}

/// What order rows have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// That of their times.
    Time,
    /// That in which they came: no row has a time.
    Rows,
}

/// What a suggested size must hold to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Targets {
    /// The interval of its false alarms reaches down to this.
    pub false_alarms: f64,
    /// Its median column of numbers shows this shift, in standard deviations.
    pub shift: f64,
    /// Its median column of few values shows this share of moved values.
    pub share: f64,
}

/// False alarms of windows of one size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SizeAlarms {
    /// Rows of each window.
    pub rows: u32,
    /// How often there was one.
    pub false_alarms: Share,
}

/// How often something happened, with its exact 95% interval (Clopper & Pearson 1934).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// `hits` of `of`; 0 of none.
    pub share: f64,
    /// How often it happened.
    pub hits: u32,
    /// How often it could have.
    pub of: u32,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Share {
    pub(super) fn new(hits: u32, of: u32) -> Self {
        let rate = Rate::new(hits, of);
        Self {
            share: rate.share(),
            hits,
            of,
            low: rate.low,
            high: rate.high,
        }
    }
}

/// What one monitor does on the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorReport {
    /// Its name.
    pub monitor: String,
    /// Its detector, `name@version`.
    pub detector: String,
    /// Whether the detector follows rows rather than compare windows. A window is then so many rows after the reference.
    pub follows_rows: bool,
    /// Rows of its own window, where it has a number of them.
    pub window_rows: Option<u64>,
    /// One for each size, ascending.
    pub sizes: Vec<SizeReport>,
    /// What following all rows came to; of detectors that follow rows.
    pub passes: Option<Passes>,
    /// The smallest shift that each column shows.
    pub columns: Vec<ColumnReport>,
    /// Columns that were not moved.
    pub left_out: Vec<LeftOut>,
    /// Which size to take.
    pub suggestion: Suggestion,
    /// Why windows have no answer, where some have none: the first reason.
    pub failure: Option<String>,
}

/// Windows of one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SizeReport {
    /// Rows of each window.
    pub rows: u32,
    /// Of shuffled windows with a verdict: how many alarmed.
    pub false_alarms: Share,
    /// Shuffled windows without a verdict, because there were too few values.
    pub undecided: u32,
    /// Shuffled windows without an answer.
    pub failed: u32,
    /// Windows in order, each against all other rows; absent of detectors that follow rows.
    pub in_order: Option<InOrder>,
    /// Median over columns of numbers of the smallest shift that is seen, in standard deviations; none where the median column shows
    /// none that was tried, or where no column was moved.
    pub median_shift: Option<f64>,
    /// The same over columns of few values, as a share of the values.
    pub median_share: Option<f64>,
}

/// Windows of the reference as they follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InOrder {
    /// How many alarmed.
    #[serde(flatten)]
    pub alarms: Share,
    /// Whether that is more than chance lets expect: its interval lies above that of shuffled windows. The reference moves by itself.
    pub moves: bool,
}

/// A detector that follows rows, over all rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Passes {
    /// Shuffled passes in which it ever alarmed.
    pub ever: Share,
    /// Alarms in ten thousand shuffled rows.
    pub alarms_per_10000_rows: f64,
    /// Alarms over the rows in order; none where that pass failed.
    pub in_order_alarms: Option<u64>,
}

/// One column of a monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// Its name.
    pub column: String,
    /// What it means to the model.
    pub role: Role,
    /// What it was moved by.
    pub unit: Unit,
    /// One for each size, ascending.
    pub smallest: Vec<Smallest>,
}

/// The smallest shift that is seen in windows of one size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Smallest {
    /// Rows of each window.
    pub rows: u32,
    /// None where not even the largest that was tried is seen.
    pub shift: Option<f64>,
}

/// A column that was not moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub column: String,
    /// Why.
    pub why: String,
}

/// Which size to take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The smallest size that holds to all targets.
    pub window_rows: Option<u32>,
    /// Why this one, or why none.
    pub why: String,
}
