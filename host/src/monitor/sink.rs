//! Who is told of results as they are committed.

use crate::domain::record::EvaluationRecord;
use crate::runtime::{RunError, Usage};

/// A call of a detector that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// `name@version`.
    pub detector: &'a str,
    /// Wall time, in seconds.
    pub seconds: f64,
    /// Processor time, in seconds.
    pub cpu_seconds: f64,
    /// How long it waited for a place, in seconds.
    pub waited_seconds: f64,
    /// What it used; also where it failed.
    pub usage: Usage,
    /// How it failed.
    pub failure: Option<&'a RunError>,
}

/// Takes results, for `/metrics`. Called after the commit; must not block.
pub trait ResultSink: Send + Sync {
    /// A monitor was evaluated on its present windows. Not called for backtests.
    fn evaluated(&self, record: &EvaluationRecord);
    /// A version ran beside the active one. Shown apart, where results are shown at all.
    fn shadowed(&self, _: &EvaluationRecord) {}
    /// Uploaded versions that there are (`name@version`), and whether each is quarantined.
    fn versions(&self, _versions: &[(String, bool)]) {}
    /// A monitor has no shadow.
    fn unshadowed(&self, _model_id: &str, _monitor: &str) {}
    /// A monitor of another host's model was evaluated here: the owner shows it, this host counts its work.
    fn evaluated_for_another(&self, record: &EvaluationRecord);
    /// What a monitor said last, before this host or elsewhere. It is shown unless something newer is; nothing is counted.
    fn restored(&self, record: &EvaluationRecord);
    /// What is shown of models, and of their monitors, stays where this says so: asked with a model alone, then with each of its
    /// monitors.
    fn keep(&self, kept: &dyn Fn(&str, Option<&str>) -> bool);
    /// A monitor was changed or removed: what it said before holds no longer.
    fn monitor_removed(&self, model_id: &str, monitor: &str);
    /// A model was removed.
    fn model_removed(&self, model_id: &str);
    /// Share of a model's rows since its training that have a label, in [0, 1], and the mean time from prediction to label
    /// in seconds; the latter absent where no row has one.
    fn labels(&self, model_id: &str, labelled_share: f64, mean_delay_seconds: Option<f64>);
    /// So many committed rows went into profiles.
    fn profiled(&self, rows: u64);
    /// A detector was called.
    fn called(&self, call: &Called<'_>);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSink;

impl ResultSink for NoSink {
    fn evaluated(&self, _: &EvaluationRecord) {}
    fn evaluated_for_another(&self, _: &EvaluationRecord) {}
    fn restored(&self, _: &EvaluationRecord) {}
    fn keep(&self, _: &dyn Fn(&str, Option<&str>) -> bool) {}
    fn monitor_removed(&self, _: &str, _: &str) {}
    fn model_removed(&self, _: &str) {}
    fn labels(&self, _: &str, _: f64, _: Option<f64>) {}
    fn profiled(&self, _: u64) {}
    fn called(&self, _: &Called<'_>) {}
}
