//! Evaluations, measurements and backtests as the API shows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{Began, Measurement, Verdict};
use crate::monitor::{BacktestRecord, BacktestState, Cause, EvaluationRecord, Outcome};
use crate::store::StoredMeasurement;

use super::comparison::ComparisonView;

/// What a measurement says of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictView {
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

impl From<Verdict> for VerdictView {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Stable => Self::Stable,
            Verdict::Drifted => Self::Drifted,
            Verdict::Insufficient => Self::Insufficient,
            Verdict::Constant => Self::Constant,
            Verdict::Failed => Self::Failed,
        }
    }
}

impl From<VerdictView> for Verdict {
    fn from(view: VerdictView) -> Self {
        match view {
            VerdictView::Stable => Self::Stable,
            VerdictView::Drifted => Self::Drifted,
            VerdictView::Insufficient => Self::Insufficient,
            VerdictView::Constant => Self::Constant,
            VerdictView::Failed => Self::Failed,
        }
    }
}

/// One number of one evaluation.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeasurementView {
    /// A metric that the detector declares.
    pub metric: String,
    /// The column; null for the window as a whole.
    pub column: Option<String>,
    /// The number.
    pub value: f64,
    /// Size of the change, 0 for none.
    pub effect: Option<f64>,
    /// Probability of such a value without drift.
    pub p_value: Option<f64>,
    /// The same, corrected for the columns judged together.
    pub p_adjusted: Option<f64>,
    /// Beyond it the verdict is `drifted`.
    pub threshold: Option<f64>,
    /// calibrated, floor or fixed; null where there is no threshold.
    pub threshold_kind: Option<String>,
    /// Values of the reference window that were used.
    pub reference_rows: u64,
    /// Values of the current window that were used.
    pub current_rows: u64,
    /// Share of the current window's rows with no value.
    pub missing_share: f64,
    /// Share of the current window's values that the reference never had.
    pub unseen_share: f64,
    /// The judgement.
    pub verdict: VerdictView,
    /// The row at which a stream detector found it; null for others.
    pub row: Option<u64>,
    /// More, for people.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<serde_json::Value>,
    /// The segment of rows that it is about; null for all rows.
    pub segment: Option<String>,
    /// Of drift of a column: when it began; null where that is not known.
    pub began: Option<BeganView>,
}

/// When a change began, by the times of the rows.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct BeganView {
    /// Time of the first rows that the change is in, estimated to a chunk of rows.
    pub at: Timestamp,
    /// Where the 95% interval starts; null where it may have begun before the first row that was looked at.
    pub earliest: Option<Timestamp>,
    /// Where it ends.
    pub latest: Timestamp,
}

impl From<Began> for BeganView {
    fn from(began: Began) -> Self {
        Self {
            at: began.at,
            earliest: began.earliest,
            latest: began.latest,
        }
    }
}

impl From<Measurement> for MeasurementView {
    fn from(measurement: Measurement) -> Self {
        Self {
            metric: measurement.metric,
            column: measurement.column,
            value: measurement.value,
            effect: measurement.effect,
            p_value: measurement.p_value,
            p_adjusted: measurement.p_adjusted,
            threshold: measurement.threshold,
            threshold_kind: measurement.threshold_kind.map(|kind| kind.to_string()),
            reference_rows: measurement.reference_rows,
            current_rows: measurement.current_rows,
            missing_share: measurement.missing_share,
            unseen_share: measurement.unseen_share,
            verdict: measurement.verdict.into(),
            row: measurement.row,
            detail: measurement.detail,
            segment: measurement.segment,
            began: measurement.began.map(Into::into),
        }
    }
}

/// One stored number with what it belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryView {
    /// When it was measured.
    pub measured_at: Timestamp,
    /// The evaluation that gave it.
    pub evaluation_no: i64,
    /// The model.
    pub model_id: String,
    /// The monitor.
    pub monitor: String,
    /// Detector as `name@version`.
    #[schema(example = "data-drift@1.0.0")]
    pub detector: String,
    /// Kind of drift that it judges: data, prior or concept.
    #[schema(example = "data")]
    pub kind: String,
    /// Why the evaluation ran.
    pub cause: CauseView,
    /// First prediction time of the current window.
    pub window_from: Option<Timestamp>,
    /// Last prediction time of the current window.
    pub window_to: Option<Timestamp>,
    /// The number and its judgement.
    #[serde(flatten)]
    pub measurement: MeasurementView,
}

impl From<StoredMeasurement> for HistoryView {
    fn from(stored: StoredMeasurement) -> Self {
        Self {
            measured_at: stored.key.measured_at,
            evaluation_no: stored.key.evaluation_no,
            model_id: stored.model_id,
            monitor: stored.monitor,
            detector: stored.detector,
            kind: stored.kind.to_string(),
            cause: stored.cause.into(),
            window_from: stored.window_from,
            window_to: stored.window_to,
            measurement: stored.measurement.into(),
        }
    }
}

/// Why an evaluation ran.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CauseView {
    /// New rows or labels were profiled.
    Data,
    /// Its time had come.
    Schedule,
    /// Somebody asked.
    Request,
    /// Over the past.
    Backtest,
}

impl From<Cause> for CauseView {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Data => Self::Data,
            Cause::Schedule => Self::Schedule,
            Cause::Request => Self::Request,
            Cause::Backtest => Self::Backtest,
        }
    }
}

/// What an evaluation came to.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeView {
    /// There are measurements.
    Judged,
    /// There was too little to judge: `reason` says what was missing.
    Insufficient,
    /// The detector failed: `reason` says how.
    Failed,
}

/// One run of a monitor.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationView {
    /// Number of the evaluation.
    pub evaluation_no: i64,
    /// The model.
    pub model_id: String,
    /// The monitor.
    pub monitor: String,
    /// Detector as `name@version`.
    #[schema(example = "data-drift@1.0.0")]
    pub detector: String,
    /// Kind of drift that it judges: data, prior or concept.
    #[schema(example = "data")]
    pub kind: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Why it ran.
    pub cause: CauseView,
    /// Whether a version ran that is not in use: beside the active one, or tried over the past.
    pub shadow: bool,
    /// What it came to.
    pub outcome: OutcomeView,
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
    /// How long the detector ran, in seconds.
    pub duration_seconds: f64,
    /// What it measured.
    pub measurements: Vec<MeasurementView>,
    /// What the detector wrote.
    pub log: Vec<String>,
}

impl From<EvaluationRecord> for EvaluationView {
    fn from(record: EvaluationRecord) -> Self {
        Self {
            evaluation_no: record.evaluation_no,
            model_id: record.model_id,
            monitor: record.monitor,
            detector: record.detector,
            kind: record.kind.to_string(),
            digest: record.digest,
            cause: record.cause.into(),
            shadow: record.shadow,
            outcome: match record.outcome {
                Outcome::Judged => OutcomeView::Judged,
                Outcome::Insufficient => OutcomeView::Insufficient,
                Outcome::Failed => OutcomeView::Failed,
            },
            reason: record.reason,
            evaluated_at: record.evaluated_at,
            window_from: record.window_from,
            window_to: record.window_to,
            reference_rows: record.reference_rows,
            current_rows: record.current_rows,
            labelled_rows: record.labelled_rows,
            duration_seconds: record.duration_seconds,
            measurements: record
                .measurements
                .into_iter()
                .map(MeasurementView::from)
                .collect(),
            log: record.log,
        }
    }
}

/// Evaluations of one model, one a monitor.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResultsView {
    /// The model.
    pub model_id: String,
    /// Its evaluations, by name of the monitor.
    pub evaluations: Vec<EvaluationView>,
}

impl ResultsView {
    /// The evaluations of a model.
    pub fn of(model_id: &str, records: Vec<EvaluationRecord>) -> Self {
        Self {
            model_id: model_id.to_owned(),
            evaluations: records.into_iter().map(EvaluationView::from).collect(),
        }
    }
}

/// How far a backtest is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BacktestStateView {
    /// Not begun.
    Waiting,
    /// Under way.
    Running,
    /// All windows are evaluated.
    Done,
    /// Ended early: `reason` says why.
    Failed,
}

/// Evaluations of a monitor over the past, and how far they are.
#[derive(Debug, Serialize, ToSchema)]
pub struct BacktestView {
    /// Number of the backtest.
    pub backtest_no: i64,
    /// The model.
    pub model_id: String,
    /// The monitor.
    pub monitor: String,
    /// How far it is.
    pub state: BacktestStateView,
    /// Windows to evaluate.
    pub windows: u64,
    /// Windows evaluated.
    pub windows_done: u64,
    /// Why it failed.
    pub reason: Option<String>,
    /// The version that is tried, as `name@version`; null where the monitor's own detector is run.
    pub detector: Option<String>,
    /// Where the verdicts of the version that is tried differ from those of the monitor's own detector.
    #[schema(value_type = Option<ComparisonView>)]
    pub comparison: Option<serde_json::Value>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last came further.
    pub changed_at: Timestamp,
}

impl From<BacktestRecord> for BacktestView {
    fn from(record: BacktestRecord) -> Self {
        Self {
            backtest_no: record.backtest_no,
            model_id: record.model_id,
            monitor: record.monitor,
            state: match record.state {
                BacktestState::Waiting => BacktestStateView::Waiting,
                BacktestState::Running => BacktestStateView::Running,
                BacktestState::Done => BacktestStateView::Done,
                BacktestState::Failed => BacktestStateView::Failed,
            },
            windows: record.windows,
            windows_done: record.windows_done,
            reason: record.reason,
            detector: record.detector,
            comparison: record.comparison,
            created_at: record.created_at,
            changed_at: record.changed_at,
        }
    }
}
