//! The host's own metrics, counted where things happen.

use prometheus::core::Collector;
use prometheus::{
    Counter, CounterVec, Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec,
    IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::names::{self, Name};
use super::process;

/// Upper ends of the buckets of times, in seconds: from a quick read to a slow evaluation.
const SECONDS: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Methods that have a series of their own: a client could make up any number of others.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// The others.
const OTHER: &str = "other";

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestResult {
    /// It is stored.
    Accepted,
    /// It was there already.
    Duplicate,
    /// It was refused.
    Rejected,
}

impl IngestResult {
    const ALL: [Self; 3] = [Self::Accepted, Self::Duplicate, Self::Rejected];

    fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
        }
    }
}

/// What ended a call of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// It ran too long.
    Deadline,
    /// It wanted too much memory.
    Memory,
    /// It crashed.
    Trap,
    /// It said that it cannot.
    Refused,
    /// It answered what it may not.
    Untrusted,
    /// Anything else.
    Other,
}

impl FailureReason {
    fn label(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Trap => "trap",
            Self::Refused => "refused",
            Self::Untrusted => "untrusted",
            Self::Other => OTHER,
        }
    }
}

/// The host's own metrics. Every method may be called from any thread, and takes less than a microsecond.
#[derive(Debug)]
pub struct Host {
    registry: Registry,
    http_requests: IntCounterVec,
    http_seconds: HistogramVec,
    http_in_flight: IntGauge,
    ingest_rows: IntCounterVec,
    ingest_labels: IntCounter,
    ingest_commits: IntCounter,
    ingest_commit_seconds: Histogram,
    ingest_queue_bytes: IntGauge,
    ingest_lag_rows: IntGauge,
    profiled_rows: IntCounter,
    evaluations: IntCounterVec,
    evaluation_seconds: Histogram,
    detector_failures: IntCounterVec,
    guest_seconds: CounterVec,
    guest_memory: IntGaugeVec,
    series_exposed: IntGauge,
    series_dropped: IntCounter,
    models: IntGauge,
    database_up: IntGauge,
    process_cpu: Counter,
    process_memory: Gauge,
    process_fds: Gauge,
}

/// A request that is being answered; counted until it is dropped.
#[derive(Debug)]
pub struct RequestInFlight(IntGauge);

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Host {
    pub(super) fn new(version: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let build: GaugeVec = register(
            &registry,
            GaugeVec::new(opts(names::BUILD_INFO), names::BUILD_INFO.labels)?,
        )?;
        build.with_label_values(&[version]).set(1.0);
        let start: Gauge = register(&registry, Gauge::with_opts(opts(names::PROCESS_START))?)?;
        start.set(process::start_seconds().unwrap_or(0.0));

        let counters =
            |name: Name| register(&registry, IntCounterVec::new(opts(name), name.labels)?);
        let counter = |name: Name| register(&registry, IntCounter::with_opts(opts(name))?);
        let gauge = |name: Name| register(&registry, IntGauge::with_opts(opts(name))?);
        let real = |name: Name| register(&registry, Gauge::with_opts(opts(name))?);
        let times = |name: Name| register(&registry, Histogram::with_opts(buckets(name))?);

        let ingest_rows = counters(names::INGEST_ROWS)?;
        for result in IngestResult::ALL {
            // At 0 from the start, so that a first row is seen as an increase.
            ingest_rows.with_label_values(&[result.label()]);
        }
        Ok(Self {
            http_requests: counters(names::HTTP_REQUESTS)?,
            http_seconds: register(
                &registry,
                HistogramVec::new(
                    buckets(names::HTTP_REQUEST_DURATION),
                    names::HTTP_REQUEST_DURATION.labels,
                )?,
            )?,
            http_in_flight: gauge(names::HTTP_IN_FLIGHT)?,
            ingest_rows,
            ingest_labels: counter(names::INGEST_LABELS)?,
            ingest_commits: counter(names::INGEST_COMMITS)?,
            ingest_commit_seconds: times(names::INGEST_COMMIT_SECONDS)?,
            ingest_queue_bytes: gauge(names::INGEST_QUEUE_BYTES)?,
            ingest_lag_rows: gauge(names::INGEST_LAG_ROWS)?,
            profiled_rows: counter(names::PROFILED_ROWS)?,
            evaluations: counters(names::EVALUATIONS)?,
            evaluation_seconds: times(names::EVALUATION_SECONDS)?,
            detector_failures: counters(names::DETECTOR_FAILURES)?,
            guest_seconds: register(
                &registry,
                CounterVec::new(opts(names::GUEST_SECONDS), names::GUEST_SECONDS.labels)?,
            )?,
            guest_memory: register(
                &registry,
                IntGaugeVec::new(opts(names::GUEST_MEMORY), names::GUEST_MEMORY.labels)?,
            )?,
            series_exposed: gauge(names::SERIES_EXPOSED)?,
            series_dropped: counter(names::SERIES_DROPPED)?,
            models: gauge(names::MODELS)?,
            database_up: gauge(names::DATABASE_UP)?,
            process_cpu: register(&registry, Counter::with_opts(opts(names::PROCESS_CPU))?)?,
            process_memory: real(names::PROCESS_MEMORY)?,
            process_fds: real(names::PROCESS_FDS)?,
            registry,
        })
    }

    /// A request came in: keep what is returned until it is answered.
    pub fn request_started(&self) -> RequestInFlight {
        self.http_in_flight.inc();
        RequestInFlight(self.http_in_flight.clone())
    }

    /// A request was answered. `path`: the route's pattern, never what the client sent.
    pub fn request_answered(&self, method: &str, path: &str, status: u16, seconds: f64) {
        let method = METHODS
            .into_iter()
            .find(|one| *one == method)
            .unwrap_or(OTHER);
        self.http_requests
            .with_label_values(&[method, path, status.to_string().as_str()])
            .inc();
        self.http_seconds
            .with_label_values(&[method, path])
            .observe(seconds);
    }

    /// So many rows of a request had this result. Accepted ones lag until they are profiled.
    pub fn rows_ingested(&self, result: IngestResult, rows: u64) {
        self.ingest_rows
            .with_label_values(&[result.label()])
            .inc_by(rows);
        if result == IngestResult::Accepted {
            self.ingest_lag_rows.add(signed(rows));
        }
    }

    /// So many labels were committed.
    pub fn labels_ingested(&self, labels: u64) {
        self.ingest_labels.inc_by(labels);
    }

    /// A transaction with rows or labels was committed.
    pub fn committed(&self, seconds: f64) {
        self.ingest_commits.inc();
        self.ingest_commit_seconds.observe(seconds);
    }

    /// What waits to be written, in bytes.
    pub fn set_queue_bytes(&self, bytes: u64) {
        self.ingest_queue_bytes.set(signed(bytes));
    }

    /// What was counted from the database at the start: rows that are committed and not profiled.
    pub fn set_lag_rows(&self, rows: u64) {
        self.ingest_lag_rows.set(signed(rows));
    }

    /// So many rows were profiled.
    pub fn rows_profiled(&self, rows: u64) {
        self.profiled_rows.inc_by(rows);
        self.ingest_lag_rows.sub(signed(rows));
    }

    /// An evaluation ended. `outcome`: judged, insufficient or failed.
    pub fn evaluated(&self, detector: &str, outcome: &str, seconds: f64) {
        self.evaluations
            .with_label_values(&[detector, outcome])
            .inc();
        self.evaluation_seconds.observe(seconds);
    }

    /// A detector gave no answer.
    pub fn detector_failed(&self, detector: &str, reason: FailureReason) {
        self.detector_failures
            .with_label_values(&[detector, reason.label()])
            .inc();
    }

    /// A call of a detector took so long, and so much memory where that is known.
    pub fn guest_ran(&self, detector: &str, seconds: f64, memory_bytes: Option<u64>) {
        // A counter does not fall; a clock might.
        self.guest_seconds
            .with_label_values(&[detector])
            .inc_by(seconds.max(0.0));
        if let Some(bytes) = memory_bytes {
            let most = self.guest_memory.with_label_values(&[detector]);
            // Two calls that end at once may keep the smaller one; the next call mends it.
            most.set(most.get().max(signed(bytes)));
        }
    }

    /// Registered models.
    pub fn set_models(&self, models: u64) {
        self.models.set(signed(models));
    }

    /// Whether the database answered.
    pub fn set_database_up(&self, up: bool) {
        self.database_up.set(i64::from(up));
    }

    pub(super) fn set_series(&self, exposed: usize, dropped: u64) {
        self.series_exposed.set(signed(exposed as u64));
        let new = dropped.saturating_sub(self.series_dropped.get());
        self.series_dropped.inc_by(new);
    }

    /// Appends these metrics in the text exposition format.
    pub(super) fn write(&self, page: &mut String) -> Result<(), prometheus::Error> {
        let new = process::cpu_seconds() - self.process_cpu.get();
        self.process_cpu.inc_by(new.max(0.0));
        if let Some(bytes) = process::resident_bytes() {
            self.process_memory.set(bytes);
        }
        if let Some(count) = process::open_fds() {
            self.process_fds.set(count);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        page.push_str(&String::from_utf8_lossy(&text));
        Ok(())
    }
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn opts(name: Name) -> Opts {
    Opts::new(name.name, name.help)
}

fn buckets(name: Name) -> HistogramOpts {
    HistogramOpts::new(name.name, name.help).buckets(SECONDS.to_vec())
}

/// Counts stay far below 2^63.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(host: &Host) -> String {
        let mut page = String::new();
        host.write(&mut page).unwrap();
        page
    }

    #[test]
    fn everything_that_happens_is_counted() {
        let host = Host::new("1.2.3").unwrap();
        let in_flight = host.request_started();
        host.request_answered("POST", "/v1/models/{id}/predictions", 200, 0.003);
        host.request_answered("BREW", "/pot", 405, 0.001);
        host.rows_ingested(IngestResult::Accepted, 10);
        host.rows_ingested(IngestResult::Duplicate, 2);
        host.labels_ingested(3);
        host.committed(0.01);
        host.rows_profiled(4);
        host.set_queue_bytes(99);
        host.evaluated("data-drift@0.1.0", "judged", 0.2);
        host.detector_failed("slow@1.0.0", FailureReason::Deadline);
        host.guest_ran("data-drift@0.1.0", 0.5, Some(1_000));
        host.guest_ran("data-drift@0.1.0", 0.25, Some(900));
        host.set_models(7);
        host.set_database_up(true);
        host.set_series(5, 6);
        host.set_series(5, 9);
        let text = page(&host);
        for line in [
            "http_requests_total{method=\"POST\",path=\"/v1/models/{id}/predictions\",status=\"200\"} 1",
            "http_requests_total{method=\"other\",path=\"/pot\",status=\"405\"} 1",
            "http_request_duration_seconds_bucket{method=\"POST\",path=\"/v1/models/{id}/predictions\",le=\"0.005\"} 1",
            "leeway_http_requests_in_flight 1",
            "leeway_ingest_rows_total{result=\"accepted\"} 10",
            "leeway_ingest_rows_total{result=\"duplicate\"} 2",
            "leeway_ingest_rows_total{result=\"rejected\"} 0",
            "leeway_ingest_labels_total 3",
            "leeway_ingest_commits_total 1",
            "leeway_ingest_commit_seconds_count 1",
            "leeway_ingest_queue_bytes 99",
            "leeway_ingest_lag_rows 6",
            "leeway_profiled_rows_total 4",
            "leeway_evaluations_total{detector=\"data-drift@0.1.0\",outcome=\"judged\"} 1",
            "leeway_evaluation_seconds_sum 0.2",
            "leeway_detector_failures_total{detector=\"slow@1.0.0\",reason=\"deadline\"} 1",
            "leeway_guest_seconds_total{detector=\"data-drift@0.1.0\"} 0.75",
            "leeway_guest_memory_bytes_max{detector=\"data-drift@0.1.0\"} 1000",
            "leeway_series_exposed 5",
            "leeway_series_dropped_total 9",
            "leeway_models 7",
            "leeway_database_up 1",
            "leeway_build_info{version=\"1.2.3\"} 1",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}\n{text}");
        }
        drop(in_flight);
        assert!(page(&host).contains("\nleeway_http_requests_in_flight 0\n"));
    }

    #[test]
    fn every_name_is_registered_with_its_help_and_type() {
        let host = Host::new("1").unwrap();
        host.request_answered("GET", "/", 200, 0.0);
        host.evaluated("a", "judged", 0.0);
        host.detector_failed("a", FailureReason::Other);
        host.guest_ran("a", 0.0, Some(0));
        let text = page(&host);
        for one in names::HOST {
            let of_type = match one.of_type {
                names::Type::Counter => "counter",
                names::Type::Gauge => "gauge",
                names::Type::Histogram => "histogram",
            };
            let (name, help) = (one.name, one.help);
            let head = format!("# HELP {name} {help}\n# TYPE {name} {of_type}\n");
            assert!(text.contains(&head), "{head}");
        }
        let families = text
            .lines()
            .filter(|line| line.starts_with("# TYPE "))
            .count();
        assert_eq!(families, names::HOST.len());
    }
}
