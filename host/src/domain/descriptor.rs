//! What a detector says of itself, once the host has checked it.

use serde::{Deserialize, Serialize};

use super::column::{ColumnKind, Role, display_as_kebab};

/// Which kind of drift a detector judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftKind {
    /// A change of P(X).
    Data,
    /// A change of P(Y).
    Prior,
    /// A change of P(Y given X).
    Concept,
}

display_as_kebab!(DriftKind { Data => "data", Prior => "prior", Concept => "concept" });

/// What a detector must be able to ask of its windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    /// Kernels on profiles are enough.
    Profiles,
    /// Rows must be kept.
    Rows,
}

/// Where a metric's values move when there is drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Larger is drift.
    HigherIsDrift,
    /// Smaller is drift.
    LowerIsDrift,
    /// Both ends are drift.
    TwoSided,
    /// Judges nothing.
    Informational,
}

/// A metric that a detector may report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Lower-case letters, digits, underscores.
    pub name: String,
    /// One sentence.
    pub help: String,
    /// Unit in words, empty for a pure number.
    pub unit: String,
    /// Where drift lies.
    pub direction: Direction,
    /// Smallest possible value.
    pub minimum: Option<f64>,
    /// Largest possible value.
    pub maximum: Option<f64>,
    /// Fixed threshold where nothing else is configured.
    pub default_threshold: Option<f64>,
}

/// What a detector says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Lower-case letters, digits, hyphens.
    pub name: String,
    /// MAJOR.MINOR.PATCH.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// Which drift it judges.
    pub kind: DriftKind,
    /// Kinds of column it takes.
    pub accepts: Vec<ColumnKind>,
    /// Roles it takes.
    pub roles: Vec<Role>,
    /// Profiles or rows.
    pub needs: Needs,
    /// Fewest values for a verdict.
    pub rows_min: u32,
    /// Every metric it may report.
    pub metrics: Vec<Metric>,
    /// JSON Schema of the configuration, as text.
    pub config_schema: String,
    /// Raised when older baselines cannot be read.
    pub state_format: u32,
}

impl Descriptor {
    /// `name@version`, the name under which people and metrics know a detector.
    pub fn full_name(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// The declared metric of this name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}
