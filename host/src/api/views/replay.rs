//! An evaluation that was made again, as it is shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::monitor::{BaselineSource, Difference, Replayed, Source};

/// What came out when an evaluation was made again.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayView {
    /// Number of the evaluation.
    pub evaluation_no: i64,
    /// The model.
    pub model_id: String,
    /// The monitor.
    pub monitor: String,
    /// Detector as `name@version`.
    #[schema(example = "data-drift@1.0.0")]
    pub detector: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Whether every number came out with the same bits.
    pub same: bool,
    /// Measurements that were compared.
    pub measurements: usize,
    /// The first number that did not.
    pub difference: Option<ReplayDifferenceView>,
    /// Where the window came from.
    pub window: WindowSourceView,
    /// Where the baseline came from; absent for detectors that follow rows.
    pub baseline: Option<BaselineSourceView>,
    /// Instructions of the call that learned the baseline, if it had to be learned again.
    pub fit_fuel: Option<u64>,
    /// Instructions of the call that judged: the same number on every machine. Absent where this host does not count them.
    pub fuel: Option<u64>,
    /// How long the calls took, in seconds.
    pub seconds: f64,
}

/// A number that came out differently.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayDifferenceView {
    /// Which measurement, from 0.
    pub ordinal: usize,
    /// Its metric.
    pub metric: String,
    /// Its column; absent for the window as a whole.
    pub column: Option<String>,
    /// Which number of it.
    pub field: String,
    /// What it was; of a number with its bits.
    pub then: String,
    /// What it is now.
    pub now: String,
}

/// Where a window came from.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WindowSourceView {
    /// Stored profiles of its chunks, which have not changed since.
    Profiles,
    /// Stored rows.
    Rows,
}

/// Where a baseline came from.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineSourceView {
    /// It was stored.
    Stored,
    /// It was learned again from the reference window, and is the same.
    LearnedAgain,
}

impl From<Replayed> for ReplayView {
    fn from(replayed: Replayed) -> Self {
        Self {
            evaluation_no: replayed.evaluation_no,
            model_id: replayed.model_id,
            monitor: replayed.monitor,
            detector: replayed.detector,
            digest: replayed.digest,
            same: replayed.difference.is_none(),
            measurements: replayed.measurements,
            difference: replayed.difference.map(ReplayDifferenceView::from),
            window: match replayed.window {
                Source::Profiles => WindowSourceView::Profiles,
                Source::Rows => WindowSourceView::Rows,
            },
            baseline: replayed.baseline.map(|from| match from {
                BaselineSource::Stored => BaselineSourceView::Stored,
                BaselineSource::LearnedAgain => BaselineSourceView::LearnedAgain,
            }),
            fit_fuel: replayed.fit_fuel,
            fuel: replayed.fuel,
            seconds: replayed.seconds,
        }
    }
}

impl From<Difference> for ReplayDifferenceView {
    fn from(found: Difference) -> Self {
        Self {
            ordinal: found.ordinal,
            metric: found.metric,
            column: found.column,
            field: found.field.to_owned(),
            then: found.then,
            now: found.now,
        }
    }
}
