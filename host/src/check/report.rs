//! What a check found: everything that any of its outputs shows.

use serde::Serialize;

use crate::domain::{ColumnKind, DriftKind, Measurement, ModelType, Role, Verdict};
use crate::runtime::Usage;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The watched model.
    pub model: ModelSummary,
    /// The reference window.
    pub reference: WindowSummary,
    /// The current window, whole.
    pub current: WindowSummary,
    /// One for each detector, over the whole current window, in the order they were asked for.
    pub evaluations: Vec<Evaluation>,
    /// The same for each chunk, in order; empty where the window was not cut.
    pub chunks: Vec<Chunk>,
    /// Both windows' distributions, column by column, in the schema's order, derived columns last.
    pub columns: Vec<ColumnPicture>,
    /// What a person should know and no measurement says.
    pub notes: Vec<String>,
    /// Version of the program.
    pub leeway: String,
}

/// The watched model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelSummary {
    /// Its name.
    pub id: String,
    /// What it answers, where that is known.
    pub model_type: Option<ModelType>,
}

/// One window or chunk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowSummary {
    /// The file it came from.
    pub file: String,
    /// Its rows.
    pub rows: u64,
    /// RFC 3339 times of its first and last row, where rows carry a time.
    pub from: Option<String>,
    /// See `from`.
    pub to: Option<String>,
}

/// One slice of the current window, judged alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chunk {
    /// Counted from 1.
    pub number: usize,
    /// Its rows and times.
    pub window: WindowSummary,
    /// One for each detector that judges windows.
    pub evaluations: Vec<Evaluation>,
}

/// One detector's answer for one window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// `name@version`.
    pub detector: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Which drift it judges.
    pub kind: DriftKind,
    /// The seed that makes it repeatable.
    pub seed: u64,
    /// What it measured; empty if it failed or found nothing to judge.
    pub measurements: Vec<Measurement>,
    /// Why there is no answer.
    pub error: Option<String>,
    /// What the detector wrote, a line each, with its level in front.
    pub log: Vec<String>,
    /// What each call of the detector used, in their order; in no output of a check, because no two runs
    /// use the same time.
    #[serde(skip)]
    pub calls: Vec<Call>,
}

/// One call of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The function of the contract.
    pub function: &'static str,
    /// What it used.
    pub usage: Usage,
}

/// The distribution of a column in both windows, on the same scale.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnPicture {
    /// Its name.
    pub name: String,
    /// What it means to the model.
    pub role: Role,
    /// What its values are.
    pub kind: ColumnKind,
    /// The shape; for embeddings that of the vectors' norms.
    pub shape: Shape,
    /// Reference window: rows, missing ones included.
    pub reference_rows: u64,
    /// Current window: rows, missing ones included.
    pub current_rows: u64,
    /// Reference window: rows with no value.
    pub reference_missing: u64,
    /// Current window: rows with no value.
    pub current_missing: u64,
}

/// Counts to draw side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Shape {
    /// Bins of equal width: `edges` has one more entry than the counts. Values outside the edges
    /// (the far tails, at most 1% on either side of both windows together) are counted apart.
    Histogram {
        /// Ascending.
        edges: Vec<f64>,
        /// Rows of the reference window in each bin.
        reference: Vec<f64>,
        /// Rows of the current window in each bin.
        current: Vec<f64>,
        /// Rows below the first and above the last edge: reference window, then current window.
        outside: [[f64; 2]; 2],
        /// Mean and standard deviation of the reference window, then of the current window.
        moments: [[f64; 2]; 2],
    },
    /// The most frequent categories of both windows together, most frequent first; or the values of a
    /// numeric column that has few, ascending.
    Categories {
        /// Names.
        names: Vec<String>,
        /// Rows of the reference window in each.
        reference: Vec<f64>,
        /// Rows of the current window in each.
        current: Vec<f64>,
        /// Rows of all others: reference window, then current window.
        others: [f64; 2],
    },
}

/// What the whole check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing drifted.
    Stable,
    /// Something drifted.
    Drifted,
    /// A detector gave no answer.
    Error,
}

impl Report {
    /// Drifted if any measurement is, also in a chunk; an error if a detector gave no answer.
    pub fn outcome(&self) -> Outcome {
        let mut all = self
            .evaluations
            .iter()
            .chain(self.chunks.iter().flat_map(|chunk| &chunk.evaluations));
        if all.clone().any(|evaluation| evaluation.error.is_some()) {
            return Outcome::Error;
        }
        let drifted = |evaluation: &Evaluation| {
            evaluation
                .measurements
                .iter()
                .any(|one| one.verdict == Verdict::Drifted)
        };
        if all.any(drifted) {
            Outcome::Drifted
        } else {
            Outcome::Stable
        }
    }
}
