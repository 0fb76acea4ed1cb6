//! Who is told of results as they are committed.

use crate::domain::record::EvaluationRecord;
use crate::runtime::RunError;

/// Takes results, for `/metrics`. Called after the commit; must not block.
pub trait ResultSink: Send + Sync {
    /// A monitor was evaluated on its present windows. Not called for backtests.
    fn evaluated(&self, record: &EvaluationRecord);
    /// A monitor was changed or removed: what it said before holds no longer.
    fn monitor_removed(&self, model_id: &str, monitor: &str);
    /// A model was removed.
    fn model_removed(&self, model_id: &str);
    /// Share of a model's rows since its training that have a label, in [0, 1], and the mean time from prediction to label
    /// in seconds; the latter absent where no row has one.
    fn labels(&self, model_id: &str, labelled_share: f64, mean_delay_seconds: Option<f64>);
    /// So many committed rows went into profiles.
    fn profiled(&self, rows: u64);
    /// A detector (`name@version`) was called: how long it ran, how much memory it took where that is known, and how it failed.
    fn called(
        &self,
        detector: &str,
        seconds: f64,
        memory_bytes: Option<usize>,
        failure: Option<&RunError>,
    );
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSink;

impl ResultSink for NoSink {
    fn evaluated(&self, _: &EvaluationRecord) {}
    fn monitor_removed(&self, _: &str, _: &str) {}
    fn model_removed(&self, _: &str) {}
    fn labels(&self, _: &str, _: f64, _: Option<f64>) {}
    fn profiled(&self, _: u64) {}
    fn called(&self, _: &str, _: f64, _: Option<usize>, _: Option<&RunError>) {}
}
