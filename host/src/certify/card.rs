//! The report card of a detector: what was checked, what came out, and whether it is certified.

use serde::{Deserialize, Serialize};

use super::rate::Rate;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Worth knowing; refuses nothing.
    Noted,
    /// Refuses the detector.
    Failed,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Noted => "noted",
            Self::Failed => "FAILED",
        })
    }
}

/// One row of the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked; the same name on every card.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in words for the author.
    pub says: String,
}

impl Check {
    pub(super) fn new(name: &str, outcome: Outcome, says: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            outcome,
            says: says.into(),
        }
    }
}

/// What the two calls on many rows used: the dearest of each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Rows of each window.
    pub rows: u64,
    /// Columns of each window that the detector sees.
    pub columns: u64,
    /// Wall time of the call on the reference rows; the median of several.
    pub fit_seconds: f64,
    /// Wall time of the call on the current rows; the median of several.
    pub evaluate_seconds: f64,
    /// Fuel of the call on the reference rows. The same on every machine; absent where it was not counted.
    pub fit_fuel: Option<u64>,
    /// Fuel of the call on the current rows.
    pub evaluate_fuel: Option<u64>,
    /// Most bytes of memory of a call.
    pub memory_bytes_peak: u64,
    /// Most bytes that a call handed over.
    pub output_bytes: u64,
}

/// How often a detector saw a shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// What was shifted, and how far.
    pub shift: String,
    /// Evaluations in which a shifted column, or the window as a whole, was called drifted.
    pub seen: Rate,
}

/// A detector's report card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Version of the host that made it.
    pub leeway: String,
    /// The contract.
    pub contract: String,
    /// `name@version` of the detector.
    pub detector: String,
    /// Digest of its component.
    pub digest: String,
    /// Seed of all rows.
    pub seed: u64,
    /// No check failed.
    pub certified: bool,
    /// Wall time that the certification took.
    pub seconds: f64,
    /// Every check, in a fixed order. One that does not apply is left out.
    pub checks: Vec<Check>,
    /// Cost on many rows.
    pub cost: Option<Cost>,
    /// Evaluations without drift in which a column was called drifted.
    pub false_alarms: Option<Rate>,
    /// Shifts of what the detector looks at.
    pub power: Vec<Power>,
}

impl Card {
    /// The checks that refuse the detector.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        let failed = |check: &&Check| check.outcome == Outcome::Failed;
        self.checks.iter().filter(failed)
    }
}
