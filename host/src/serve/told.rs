//! Counts for `/metrics` what ingest and monitors say happened, and wakes the monitors when rows arrive.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::Role;
use crate::domain::model::{LABEL, PREDICTION, PROBABILITY};
use crate::domain::record::{EvaluationRecord, Outcome};
use crate::ingest::{IngestError, IngestEvents, Receipt};
use crate::metrics::{self, Answer, Call, FailureReason, IngestResult, Latest, Metrics};
use crate::monitor::{Called, Detectors, ResultSink, Watch};
use crate::runtime::RunError;

/// The way from monitors to `/metrics`.
#[derive(Debug)]
pub(super) struct Results {
    metrics: Arc<Metrics>,
    detectors: Arc<Detectors>,
}

impl Results {
    pub(super) fn new(metrics: Arc<Metrics>, detectors: Arc<Detectors>) -> Self {
        Self { metrics, detectors }
    }

    fn count(&self, record: &EvaluationRecord) {
        let outcome = match record.outcome {
            Outcome::Judged => "judged",
            Outcome::Insufficient => "insufficient",
            Outcome::Failed => "failed",
        };
        self.metrics
            .host
            .evaluated(&record.detector, outcome, record.duration_seconds);
    }

    fn show(&self, record: &EvaluationRecord, show: fn(&metrics::Results, &Latest<'_>)) {
        let columns = record
            .measurements
            .iter()
            .filter_map(|one| one.column.as_deref());
        let roles: Vec<(&str, Role)> = columns.map(|column| (column, role(column))).collect();
        let descriptor = self.detectors.descriptor(&record.detector);
        let helps: Vec<(&str, &str)> = descriptor
            .iter()
            .flat_map(|descriptor| &descriptor.metrics)
            .map(|metric| (metric.name.as_str(), metric.help.as_str()))
            .collect();
        let latest = Latest {
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
            helps: &helps,
            shadow: record.shadow,
        };
        show(&self.metrics.results, &latest);
    }
}

impl ResultSink for Results {
    fn evaluated(&self, record: &EvaluationRecord) {
        self.count(record);
        self.show(record, metrics::Results::set);
    }

    fn evaluated_for_another(&self, record: &EvaluationRecord) {
        self.count(record);
    }

    fn restored(&self, record: &EvaluationRecord) {
        self.show(record, metrics::Results::restore);
    }

    fn keep(&self, kept: &dyn Fn(&str, Option<&str>) -> bool) {
        self.metrics.results.keep(kept);
    }

    fn shadowed(&self, record: &EvaluationRecord) {
        self.show(record, metrics::Results::set);
    }

    fn versions(&self, versions: &[(String, bool)]) {
        self.metrics.host.set_versions(versions);
    }

    fn unshadowed(&self, model_id: &str, monitor: &str) {
        self.metrics.results.remove_shadow(model_id, monitor);
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

    fn called(&self, called: &Called<'_>) {
        let (host, usage) = (&self.metrics.host, &called.usage);
        let call = Call {
            seconds: called.seconds,
            cpu_seconds: called.cpu_seconds,
            waited_seconds: called.waited_seconds,
            memory_bytes: usage.memory_bytes_peak as u64,
            log_bytes_dropped: usage.log_bytes_dropped,
            fuel: usage.fuel,
        };
        host.guest_ran(called.detector, &call);
        if let Some(failure) = called.failure {
            host.detector_failed(called.detector, reason(failure));
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
