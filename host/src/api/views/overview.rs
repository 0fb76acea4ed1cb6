//! How models stand, as the API shows it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Verdict;
use crate::monitor::{KindStanding, OverviewRow};

use super::evaluation::VerdictView;
use super::model::ModelTypeView;

/// The measurement with the largest effect, of those that drifted where one did.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorstView {
    /// The column; null for the window as a whole.
    #[schema(example = "age")]
    pub column: Option<String>,
    /// The metric.
    #[schema(example = "ks")]
    pub metric: String,
    /// The number.
    pub value: f64,
    /// Beyond it the verdict is `drifted`.
    pub threshold: Option<f64>,
    /// Size of the change, 0 for none: does not grow with the rows, so that models compare.
    pub effect: Option<f64>,
}

/// What the monitors of one kind of drift say together.
#[derive(Debug, Serialize, ToSchema)]
pub struct KindStandingView {
    /// The worst of their verdicts.
    pub verdict: VerdictView,
    /// The monitor that gave it.
    #[schema(example = "data-drift")]
    pub monitor: String,
    /// Columns that it judged; 1 where it judges windows as a whole.
    pub judged: u64,
    /// Columns that drifted.
    pub drifted: u64,
    /// Its worst measurement.
    pub worst: Option<WorstView>,
    /// Why there is no verdict.
    pub reason: Option<String>,
    /// End of the first window of the drift that lasts; null without one.
    pub since: Option<Timestamp>,
    /// Whether there was a verdict without drift before that; else the drift may be older.
    pub since_known: bool,
}

/// How a model stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandingView {
    /// The model.
    #[schema(example = "churn")]
    pub model_id: String,
    /// What it answers; null until somebody says.
    pub model_type: Option<ModelTypeView>,
    /// By kind of drift: data, prior, concept. Kinds that nothing has judged are absent.
    pub kinds: BTreeMap<String, KindStandingView>,
    /// Size of the worst change of the kinds that drifted, else of all; 0 where nothing was measured.
    pub effect: f64,
    /// End of the first window of its oldest drift that lasts; null without one.
    pub since: Option<Timestamp>,
    /// Whether there was a verdict without drift before that; else the drift may be older.
    pub since_known: bool,
    /// Rows that were profiled.
    pub rows: u64,
    /// Rows of its largest current window.
    pub current_rows: u64,
    /// Those of them that have a label.
    pub labelled_rows: u64,
    /// Last prediction time of its newest window.
    pub window_to: Option<Timestamp>,
    /// When a monitor of it was evaluated last.
    pub evaluated_at: Option<Timestamp>,
    /// Monitors that are enabled.
    pub monitors: u32,
    /// Those that failed last.
    pub failing: u32,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// How many models have a verdict.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct VerdictCounts {
    /// Models that drifted.
    pub drifted: u64,
    /// Models that did not.
    pub stable: u64,
    /// Models of which there is too little to judge.
    pub insufficient: u64,
    /// Models whose monitor failed.
    pub failed: u64,
}

/// All models that there are, whatever the search.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct TotalsView {
    /// Models.
    pub models: u64,
    /// Models with drift of any kind.
    pub drifted: u64,
    /// Models with a monitor that failed last.
    pub failing: u64,
    /// By kind of drift.
    pub kinds: BTreeMap<String, VerdictCounts>,
}

/// How models stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverviewView {
    /// One page of the models that the search found.
    pub items: Vec<StandingView>,
    /// How many it found.
    pub found: u64,
    /// All models.
    pub totals: TotalsView,
}

impl VerdictCounts {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Drifted => self.drifted += 1,
            Verdict::Stable | Verdict::Constant => self.stable += 1,
            Verdict::Insufficient => self.insufficient += 1,
            Verdict::Failed => self.failed += 1,
        }
    }
}

impl TotalsView {
    /// Counts models.
    pub fn of(rows: &[OverviewRow]) -> Self {
        let mut totals = Self::default();
        for row in rows {
            totals.models += 1;
            totals.drifted += u64::from(row.drifted() > 0);
            totals.failing += u64::from(row.failing > 0);
            for (kind, standing) in &row.kinds {
                let counts = totals.kinds.entry((*kind).to_owned()).or_default();
                counts.add(standing.verdict);
            }
        }
        totals
    }
}

impl From<&KindStanding> for KindStandingView {
    fn from(standing: &KindStanding) -> Self {
        let drifted = standing.verdict == Verdict::Drifted;
        let worst = standing.worst.as_ref().map(|worst| WorstView {
            column: worst.column.clone(),
            metric: worst.metric.clone(),
            value: worst.value,
            threshold: worst.threshold,
            effect: worst.effect,
        });
        Self {
            verdict: standing.verdict.into(),
            monitor: standing.monitor.clone(),
            judged: standing.judged,
            drifted: standing.drifted,
            worst,
            reason: standing.reason.clone(),
            since: standing.since.filter(|_| drifted),
            since_known: drifted && standing.since_known,
        }
    }
}

impl From<&OverviewRow> for StandingView {
    fn from(row: &OverviewRow) -> Self {
        let kinds = row.kinds.iter();
        Self {
            model_id: row.model_id.clone(),
            model_type: row.model_type.map(ModelTypeView::from),
            kinds: kinds
                .map(|(kind, standing)| ((*kind).to_owned(), standing.into()))
                .collect(),
            effect: row.effect(),
            since: row.since,
            since_known: row.since_known,
            rows: row.rows,
            current_rows: row.current_rows,
            labelled_rows: row.labelled_rows,
            window_to: row.window_to,
            evaluated_at: row.evaluated_at,
            monitors: row.monitors,
            failing: row.failing,
            created_at: row.created_at,
        }
    }
}
