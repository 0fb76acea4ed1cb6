//! Counts for `/metrics` what ingest and monitors say happened, and wakes the monitors when rows arrive.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::Role;
use crate::domain::model::{LABEL, PREDICTION, PROBABILITY};
use crate::domain::record::{EvaluationRecord, Outcome};
use crate::ingest::{IngestError, IngestEvents, Receipt};
use crate::metrics::{Answer, FailureReason, IngestResult, Latest, Metrics};
use crate::monitor::{ResultSink, Watch};
use crate::runtime::RunError;

/// The way from monitors to `/metrics`.
#[derive(Debug)]
pub(super) struct Results {
    metrics: Arc<Metrics>,
}

impl Results {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }
}

impl ResultSink for Results {
    fn evaluated(&self, record: &EvaluationRecord) {
        let outcome = match record.outcome {
            Outcome::Judged => "judged",
            Outcome::Insufficient => "insufficient",
            Outcome::Failed => "failed",
        };
        self.metrics
            .host
            .evaluated(&record.detector, outcome, record.duration_seconds);
        let columns = record
            .measurements
            .iter()
            .filter_map(|one| one.column.as_deref());
        let roles: Vec<(&str, Role)> = columns.map(|column| (column, role(column))).collect();
        self.metrics.results.set(&Latest {
            model_id: &record.model_id,
            monitor: &record.monitor,
            detector: &record.detector,
            kind: record.kind,
            outcome: match record.outcome {
                Outcome::Failed => Answer::Failed,
                Outcome::Judged | Outcome::Insufficient => Answer::Given,
            },
            evaluated_at: record.evaluated_at,
            reference_rows: record.reference_rows,
            current_rows: record.current_rows,
            labelled_rows: record.labelled_rows,
            roles: &roles,
            measurements: &record.measurements,
        });
    }

    fn monitor_removed(&self, model_id: &str, monitor: &str) {
        self.metrics.results.remove_monitor(model_id, monitor);
    }

    fn model_removed(&self, model_id: &str) {
        self.metrics.results.remove_model(model_id);
    }

    fn labels(&self, model_id: &str, labelled_share: f64, mean_delay_seconds: Option<f64>) {
        self.metrics
            .results
            .set_labels(model_id, labelled_share, mean_delay_seconds);
    }

    fn profiled(&self, rows: u64) {
        self.metrics.host.rows_profiled(rows);
    }

    fn called(
        &self,
        detector: &str,
        seconds: f64,
        memory_bytes: Option<usize>,
        failure: Option<&RunError>,
    ) {
        self.metrics
            .host
            .guest_ran(detector, seconds, memory_bytes.map(|bytes| bytes as u64));
        if let Some(failure) = failure {
            self.metrics.host.detector_failed(detector, reason(failure));
        }
    }
}

fn reason(failure: &RunError) -> FailureReason {
    match failure {
        RunError::Deadline { .. } => FailureReason::Deadline,
        RunError::Memory { .. } | RunError::Tables { .. } | RunError::DoesNotFit(_) => {
            FailureReason::Memory
        }
        RunError::StackOverflow | RunError::Panicked { .. } | RunError::Trapped { .. } => {
            FailureReason::Trap
        }
        RunError::Refused(_) => FailureReason::Refused,
        RunError::Untrusted(_)
        | RunError::Boundary(_)
        | RunError::OutputTooLarge { .. }
        | RunError::LogFlood { .. } => FailureReason::Untrusted,
        RunError::Busy => FailureReason::Other,
    }
}

/// The way from ingest to `/metrics` and to the monitors.
pub(super) struct Arrivals {
    metrics: Arc<Metrics>,
    watch: Arc<Watch>,
}

impl Arrivals {
    pub(super) fn new(metrics: Arc<Metrics>, watch: Arc<Watch>) -> Self {
        Self { metrics, watch }
    }
}

impl IngestEvents for Arrivals {
    fn committed(&self, models: &[i32], duration: Duration) {
        self.metrics.host.committed(duration.as_secs_f64());
        for &model in models {
            self.watch.touched(model);
        }
    }

    fn answered(&self, answer: &Result<Receipt, IngestError>) {
        let host = &self.metrics.host;
        match answer {
            Ok(receipt) => {
                host.rows_ingested(IngestResult::Accepted, receipt.accepted);
                host.rows_ingested(IngestResult::Duplicate, receipt.duplicates);
                host.rows_ingested(IngestResult::Rejected, receipt.rejected.len() as u64);
                host.labels_ingested(receipt.labels);
            }
            Err(IngestError::Rows { total, .. }) => {
                host.rows_ingested(IngestResult::Rejected, *total);
            }
            Err(_) => {}
        }
    }
}

/// What a column means: the names of all but features are reserved.
fn role(column: &str) -> Role {
    match column {
        PREDICTION => Role::Prediction,
        PROBABILITY => Role::Probability,
        LABEL => Role::Label,
        "error" => Role::Error,
        "brier" => Role::Brier,
        "residual" => Role::Residual,
        "absolute_residual" => Role::AbsoluteResidual,
        _ => Role::Feature,
    }
}
