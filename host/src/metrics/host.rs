//! The host's own metrics, counted where things happen.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

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
/// Detectors (`name@version`) with series of their own; those that come later share one, named `other`.
pub const DETECTORS_MAX: usize = 500;

/// What evaluations come to.
const OUTCOMES: [&str; 3] = ["judged", "insufficient", "failed"];

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
    const ALL: [Self; 6] = [
        Self::Deadline,
        Self::Memory,
        Self::Trap,
        Self::Refused,
        Self::Untrusted,
        Self::Other,
    ];

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

/// A call of a detector that has ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Call {
    /// Wall time, in seconds.
    pub seconds: f64,
    /// Processor time, in seconds.
    pub cpu_seconds: f64,
    /// How long it waited for a place, in seconds.
    pub waited_seconds: f64,
    /// Most memory that it took, in bytes.
    pub memory_bytes: u64,
    /// Log that was dropped, in bytes.
    pub log_bytes_dropped: u64,
    /// Instructions, where they were counted.
    pub fuel: Option<u64>,
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
    detector_cpu: CounterVec,
    detector_calls: HistogramVec,
    detector_wait: CounterVec,
    detector_log_dropped: IntCounterVec,
    detector_fuel: IntCounterVec,
    detector_quarantined: IntGaugeVec,
    /// Uploaded versions.
    versions: Mutex<HashSet<String>>,
    /// Detectors that have series.
    detectors: Mutex<HashSet<String>>,
    series_exposed: IntGauge,
    series_dropped: IntCounter,
    models: IntGauge,
    models_owned: IntGauge,
    hosts_alive: IntGauge,
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
        let seconds = |name: Name| register(&registry, CounterVec::new(opts(name), name.labels)?);
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
            guest_seconds: seconds(names::GUEST_SECONDS)?,
            guest_memory: register(
                &registry,
                IntGaugeVec::new(opts(names::GUEST_MEMORY), names::GUEST_MEMORY.labels)?,
            )?,
            detector_cpu: seconds(names::DETECTOR_CPU_SECONDS)?,
            detector_calls: register(
                &registry,
                HistogramVec::new(
                    buckets(names::DETECTOR_CALL_SECONDS),
                    names::DETECTOR_CALL_SECONDS.labels,
                )?,
            )?,
            detector_wait: seconds(names::DETECTOR_WAIT_SECONDS)?,
            detector_log_dropped: counters(names::DETECTOR_LOG_DROPPED)?,
            detector_fuel: counters(names::DETECTOR_FUEL)?,
            detector_quarantined: register(
                &registry,
                IntGaugeVec::new(
                    opts(names::DETECTOR_QUARANTINED),
                    names::DETECTOR_QUARANTINED.labels,
                )?,
            )?,
            versions: Mutex::default(),
            detectors: Mutex::default(),
            series_exposed: gauge(names::SERIES_EXPOSED)?,
            series_dropped: counter(names::SERIES_DROPPED)?,
            models: gauge(names::MODELS)?,
            models_owned: gauge(names::MODELS_OWNED)?,
            hosts_alive: gauge(names::HOSTS_ALIVE)?,
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
        let detector = self.known(detector);
        self.evaluations
            .with_label_values(&[detector, outcome])
            .inc();
        self.evaluation_seconds.observe(seconds);
    }

    /// A detector gave no answer.
    pub fn detector_failed(&self, detector: &str, reason: FailureReason) {
        let detector = self.known(detector);
        self.detector_failures
            .with_label_values(&[detector, reason.label()])
            .inc();
    }

    /// A call of a detector ended, in whatever way.
    pub fn guest_ran(&self, detector: &str, call: &Call) {
        let labels = [self.known(detector)];
        // A counter does not fall; a clock might.
        let add = |to: &CounterVec, seconds: f64| {
            to.with_label_values(&labels).inc_by(seconds.max(0.0));
        };
        add(&self.guest_seconds, call.seconds);
        add(&self.detector_cpu, call.cpu_seconds);
        add(&self.detector_wait, call.waited_seconds);
        self.detector_calls
            .with_label_values(&labels)
            .observe(call.seconds);
        self.detector_log_dropped
            .with_label_values(&labels)
            .inc_by(call.log_bytes_dropped);
        if let Some(fuel) = call.fuel {
            self.detector_fuel.with_label_values(&labels).inc_by(fuel);
        }
        let most = self.guest_memory.with_label_values(&labels);
        // Two calls that end at once may keep the smaller one; the next call mends it.
        most.set(most.get().max(signed(call.memory_bytes)));
    }

    /// The uploaded versions there are (`name@version`), and whether each is quarantined. Series of those that are no longer there
    /// go; beyond [`DETECTORS_MAX`] only quarantined ones are shown.
    pub fn set_versions(&self, versions: &[(String, bool)]) {
        let now: HashSet<String> = versions.iter().map(|(name, _)| name.clone()).collect();
        let mut known = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in known.difference(&now) {
            self.detector_removed(gone);
        }
        *known = now;
        drop(known);
        self.detector_quarantined.reset();
        for (at, (name, quarantined)) in versions.iter().enumerate() {
            if *quarantined || at < DETECTORS_MAX {
                self.detector_quarantined
                    .with_label_values(&[name.as_str()])
                    .set(i64::from(*quarantined));
            }
        }
    }

    /// A detector (`name@version`) is gone: so are its series.
    pub fn detector_removed(&self, detector: &str) {
        let mut known = self
            .detectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !known.remove(detector) {
            return;
        }
        // A series that never was is no matter.
        for outcome in OUTCOMES {
            let _ = self.evaluations.remove_label_values(&[detector, outcome]);
        }
        for reason in FailureReason::ALL {
            let labels = [detector, reason.label()];
            let _ = self.detector_failures.remove_label_values(&labels);
        }
        let labels = [detector];
        for seconds in [&self.guest_seconds, &self.detector_cpu, &self.detector_wait] {
            let _ = seconds.remove_label_values(&labels);
        }
        for counts in [&self.detector_log_dropped, &self.detector_fuel] {
            let _ = counts.remove_label_values(&labels);
        }
        let _ = self.detector_calls.remove_label_values(&labels);
        let _ = self.guest_memory.remove_label_values(&labels);
    }

    /// The label of a detector: its own, or [`OTHER`] where there are too many.
    fn known<'a>(&self, detector: &'a str) -> &'a str {
        let mut known = self
            .detectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.contains(detector) {
            return detector;
        }
        if known.len() >= DETECTORS_MAX {
            return OTHER;
        }
        known.insert(detector.to_owned());
        detector
    }

    /// Registered models.
    pub fn set_models(&self, models: u64) {
        self.models.set(signed(models));
    }

    /// Hosts that are alive, and the models that are this one's own.
    pub fn set_share(&self, hosts: u64, models_owned: u64) {
        self.hosts_alive.set(signed(hosts));
        self.models_owned.set(signed(models_owned));
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

    fn call(seconds: f64, memory_bytes: u64) -> Call {
        Call {
            seconds,
            cpu_seconds: seconds / 2.0,
            waited_seconds: 1.0,
            memory_bytes,
            log_bytes_dropped: 10,
            fuel: Some(100),
        }
    }

    #[test]
    fn series_of_a_detector_go_with_it_and_no_others() {
        let host = Host::new("1").unwrap();
        for detector in ["gone@1.0.0", "stays@1.0.0"] {
            host.guest_ran(detector, &call(0.5, 1));
            host.evaluated(detector, "failed", 0.5);
            for reason in FailureReason::ALL {
                host.detector_failed(detector, reason);
            }
        }
        let before = page(&host);
        assert!(before.contains("gone@1.0.0"));

        host.detector_removed("gone@1.0.0");
        host.detector_removed("never@1.0.0");

        let after = page(&host);
        assert!(!after.contains("gone@1.0.0"), "{after}");
        let of = |page: &str, name: &str| page.matches(name).count();
        assert_eq!(of(&after, "stays@1.0.0"), of(&before, "stays@1.0.0"));
    }

    #[test]
    fn versions_say_whether_they_are_quarantined_and_take_their_series_with_them() {
        let host = Host::new("1").unwrap();
        let line = |name: &str, value: u8| {
            format!("leeway_detector_quarantined{{detector=\"{name}\"}} {value}\n")
        };
        host.guest_ran("b@1.0.0", &call(0.5, 1));
        host.set_versions(&[("a@1.0.0".into(), true), ("b@1.0.0".into(), false)]);
        let text = page(&host);
        assert!(text.contains(&line("a@1.0.0", 1)) && text.contains(&line("b@1.0.0", 0)));
        assert!(text.contains("leeway_detector_call_seconds_count{detector=\"b@1.0.0\"} 1"));
        host.set_versions(&[("a@1.0.0".into(), false)]);
        let text = page(&host);
        assert!(text.contains(&line("a@1.0.0", 0)));
        assert!(!text.contains("b@1.0.0"), "{text}");
    }

    #[test]
    fn detectors_beyond_the_limit_share_a_series() {
        let host = Host::new("1").unwrap();
        for number in 0..=DETECTORS_MAX {
            host.guest_ran(&format!("d@{number}"), &call(0.5, 1));
        }
        host.guest_ran("d@0", &call(0.5, 1));
        let text = page(&host);
        let line =
            |label: &str| format!("leeway_detector_call_seconds_count{{detector=\"{label}\"}}");
        assert!(text.contains(&format!("{} 2\n", line("d@0"))));
        assert!(text.contains(&line(&format!("d@{}", DETECTORS_MAX - 1))));
        assert!(text.contains(&format!("{} 1\n", line("other"))));
        assert!(!text.contains(&line(&format!("d@{DETECTORS_MAX}"))));

        // Room for another.
        host.detector_removed("d@7");
        host.guest_ran("new@1", &call(0.5, 1));
        assert!(page(&host).contains(&line("new@1")));
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
        host.guest_ran("data-drift@0.1.0", &call(0.5, 1_000));
        host.guest_ran("data-drift@0.1.0", &call(0.25, 900));
        host.set_models(7);
        host.set_share(2, 4);
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
            "leeway_detector_cpu_seconds_total{detector=\"data-drift@0.1.0\"} 0.375",
            "leeway_detector_call_seconds_bucket{detector=\"data-drift@0.1.0\",le=\"0.25\"} 1",
            "leeway_detector_call_seconds_count{detector=\"data-drift@0.1.0\"} 2",
            "leeway_detector_wait_seconds_total{detector=\"data-drift@0.1.0\"} 2",
            "leeway_detector_log_dropped_bytes_total{detector=\"data-drift@0.1.0\"} 20",
            "leeway_detector_fuel_total{detector=\"data-drift@0.1.0\"} 200",
            "leeway_series_exposed 5",
            "leeway_series_dropped_total 9",
            "leeway_models 7",
            "leeway_models_owned 4",
            "leeway_hosts_alive 2",
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
        host.guest_ran("a", &call(0.0, 0));
        host.set_versions(&[("a@1.0.0".into(), false)]);
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
