//! Every Prometheus name, its labels and its help text, in one place.
//!
//! The host's own metrics are named in full. Results of monitors start with a [`Prefix`]: those of a detector's
//! metric `ks` are `<prefix>_<kind>_drift_ks` and that name with each of [`AROUND`] and [`VERDICT`]; those under the
//! names of the Python service are `<prefix>_<subject>_drift` and `<prefix>_<subject>_emd` with each of [`LEGACY_AROUND`].

use crate::domain::{DriftKind, Measurement, Role, Verdict};

/// What the name of every result starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

/// Why text is no prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' does not start a metric's name: letters, digits and underscores, no digit first")]
pub struct PrefixError(String);

impl Prefix {
    /// Letters, digits and underscores, no digit first. Colons are left to recording rules.
    ///
    /// # Errors
    /// [`PrefixError`] for anything else.
    pub fn new(text: &str) -> Result<Self, PrefixError> {
        let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fits && text.bytes().next().is_some_and(|b| !b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PrefixError(text.to_owned()))
        }
    }

    /// What the names of a shadow's results start with: an alert on the others never sees them.
    #[must_use]
    pub fn of_shadows(&self) -> Self {
        Self(format!("{}_shadow", self.0))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Prefix {
    /// That of the Python service, whose dashboards keep working.
    fn default() -> Self {
        Self("drift_monitoring_api_model".to_owned())
    }
}

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets, with `_sum` and `_count`.
    Histogram,
}

/// One metric: of results without the prefix and the underscore behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Its name.
    pub name: &'static str,
    /// What kind of number it is.
    pub of_type: Type,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

macro_rules! names {
    ($list:ident, $about:literal: $($constant:ident $type:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $constant: Name = Name {
                name: $name, of_type: Type::$type, labels: &[$($label),*], help: $help,
            };
        )+
        #[doc = $about]
        pub const $list: &[Name] = &[$($constant),+];
    };
}

names! { HOST, "The host's own metrics.":
    HTTP_REQUESTS Counter "http_requests_total" ["method", "path", "status"]
        "Requests answered, by route and status.";
    HTTP_REQUEST_DURATION Histogram "http_request_duration_seconds" ["method", "path"]
        "Time from the head of a request to the head of its answer.";
    HTTP_IN_FLIGHT Gauge "leeway_http_requests_in_flight" []
        "Requests being answered.";
    INGEST_ROWS Counter "leeway_ingest_rows_total" ["result"]
        "Rows received: accepted and committed, duplicate of a stored one, or rejected.";
    INGEST_LABELS Counter "leeway_ingest_labels_total" []
        "Labels committed.";
    INGEST_COMMITS Counter "leeway_ingest_commits_total" []
        "Transactions that stored rows or labels; many requests share one.";
    INGEST_COMMIT_SECONDS Histogram "leeway_ingest_commit_seconds" []
        "Time of such a transaction, from its first statement to its commit.";
    INGEST_QUEUE_BYTES Gauge "leeway_ingest_queue_bytes" []
        "Rows and labels that wait to be written, in bytes.";
    INGEST_LAG_ROWS Gauge "leeway_ingest_lag_rows" []
        "Rows that are committed and not profiled yet.";
    PROFILED_ROWS Counter "leeway_profiled_rows_total" []
        "Rows that went into profiles.";
    EVALUATIONS Counter "leeway_evaluations_total" ["detector", "outcome"]
        "Evaluations, by what they came to: judged, insufficient or failed.";
    EVALUATION_SECONDS Histogram "leeway_evaluation_seconds" []
        "Time of an evaluation, from its windows to its stored measurements.";
    DETECTOR_FAILURES Counter "leeway_detector_failures_total" ["detector", "reason"]
        "Calls of a detector that gave no answer, by what ended them.";
    GUEST_SECONDS Counter "leeway_guest_seconds_total" ["detector"]
        "Time spent inside a detector's sandbox.";
    GUEST_MEMORY Gauge "leeway_guest_memory_bytes_max" ["detector"]
        "Most memory that a single call of a detector took, since the start.";
    DETECTOR_CPU_SECONDS Counter "leeway_detector_cpu_seconds_total" ["detector"]
        "Processor time of a detector's calls.";
    DETECTOR_CALL_SECONDS Histogram "leeway_detector_call_seconds" ["detector"]
        "Time of a call of a detector, from its start to its answer or its end.";
    DETECTOR_WAIT_SECONDS Counter "leeway_detector_wait_seconds_total" ["detector"]
        "Time that a detector's calls waited for a place to run in.";
    DETECTOR_LOG_DROPPED Counter "leeway_detector_log_dropped_bytes_total" ["detector"]
        "Bytes that a detector wrote beyond its budget of log, which were dropped.";
    DETECTOR_FUEL Counter "leeway_detector_fuel_total" ["detector"]
        "Instructions of a detector's calls, of those calls whose instructions are counted: replays.";
    DETECTOR_QUARANTINED Gauge "leeway_detector_quarantined" ["detector"]
        "Whether an uploaded version was taken out of use because it failed too often: 1 yes, 0 no.";
    SERIES_EXPOSED Gauge "leeway_series_exposed" []
        "Series of results on this page.";
    SERIES_DROPPED Counter "leeway_series_dropped_total" []
        "Series of results that were left out because the page is full, counted anew at each evaluation.";
    MODELS Gauge "leeway_models" []
        "Registered models.";
    MODELS_OWNED Gauge "leeway_models_owned" []
        "Models that this host evaluates and shows; every model has one such host.";
    HOSTS_ALIVE Gauge "leeway_hosts_alive" []
        "Hosts on this database that are alive, this one included.";
    DATABASE_UP Gauge "leeway_database_up" []
        "Whether the database answered when it was last asked: 1 yes, 0 no.";
    BUILD_INFO Gauge "leeway_build_info" ["version"]
        "Always 1: which version runs.";
    PROCESS_CPU Counter "process_cpu_seconds_total" []
        "User and system time of the host's process.";
    PROCESS_MEMORY Gauge "process_resident_memory_bytes" []
        "Resident memory of the host's process.";
    PROCESS_FDS Gauge "process_open_fds" []
        "Open file descriptors of the host's process.";
    PROCESS_START Gauge "process_start_time_seconds" []
        "When the host's process started, in seconds since 1970.";
}

names! { RESULTS, "Results that do not belong to one metric of a detector.":
    MODEL_DRIFTED Gauge "drifted" ["model_id", "kind"]
        "Whether any monitor of this kind of drift says drift: 1 yes, 0 no, absent where none could judge.";
    LABELLED_SHARE Gauge "labelled_share" ["model_id"]
        "Share of the model's newest rows whose label has arrived.";
    LABEL_DELAY Gauge "label_delay_seconds" ["model_id"]
        "Mean time between a prediction and its label, of the same rows.";
    EVALUATION_SUCCESS Gauge "evaluation_success" ["model_id", "monitor", "detector"]
        "Whether the detector gave an answer: 1 yes, 0 no.";
    EVALUATED_TIMESTAMP Gauge "evaluated_timestamp_seconds" ["model_id", "monitor", "detector"]
        "When the monitor was evaluated last, in seconds since 1970.";
    REFERENCE_WINDOW_ROWS Gauge "reference_window_rows" ["model_id", "monitor", "detector"]
        "Rows of the reference window.";
    CURRENT_WINDOW_ROWS Gauge "current_window_rows" ["model_id", "monitor", "detector"]
        "Rows of the current window.";
    CURRENT_WINDOW_LABELLED_ROWS Gauge "current_window_labelled_rows" ["model_id", "monitor", "detector"]
        "Rows of the current window whose label has arrived.";
}

/// Labels of a measurement's series; `column` and `segment` only where it is about one.
pub const MEASUREMENT_LABELS: &[&str] = &["model_id", "monitor", "detector", "column", "segment"];

/// The label that only series of shadows have: `name@version` of the shadow.
pub const SHADOW: &str = "shadow";

/// A number that stands beside the value of a metric.
#[derive(Debug, Clone, Copy)]
pub struct Beside {
    /// What is put behind the metric's name and an underscore.
    pub suffix: &'static str,
    /// What it says; `{}` is the metric.
    pub help: &'static str,
    /// The number, where the measurement has it.
    pub number: fn(&Measurement) -> Option<f64>,
}

/// Beside the value of every metric of every detector.
pub const AROUND: [Beside; 10] = [
    DRIFTED,
    Beside {
        suffix: "effect",
        help: "Size of the change that {} found, on a scale that does not grow with the rows.",
        number: |one| one.effect,
    },
    P_VALUE,
    Beside {
        suffix: "p_adjusted",
        help: "Probability of a {} this large without drift, corrected for the columns judged together.",
        number: |one| one.p_adjusted,
    },
    THRESHOLD,
    Beside {
        suffix: "lower",
        help: "Lower end of the band that the detector gives with {}.",
        number: |one| band(one, "lower"),
    },
    Beside {
        suffix: "upper",
        help: "Upper end of the band that the detector gives with {}.",
        number: |one| band(one, "upper"),
    },
    Beside {
        suffix: "reference_rows",
        help: "Values of the reference window that {} used.",
        number: |one| Some(one.reference_rows as f64),
    },
    Beside {
        suffix: "current_rows",
        help: "Values of the current window that {} used.",
        number: |one| Some(one.current_rows as f64),
    },
    Beside {
        suffix: "began_timestamp_seconds",
        help: "When the drift that {} found began, by the times of the rows; absent without drift.",
        number: |one| Some(one.began?.at.as_millisecond() as f64 / 1e3),
    },
];

/// An end of the band in a measurement's detail; absent where there is no value that it could be around.
fn band(one: &Measurement, end: &str) -> Option<f64> {
    let judged = !matches!(one.verdict, Verdict::Insufficient | Verdict::Failed);
    let found = one.detail.as_ref().filter(|_| judged)?.get(end)?.as_f64();
    found.filter(|number| number.is_finite())
}

/// Beside every value under a name of the Python service.
pub const LEGACY_AROUND: [Beside; 3] = [P_VALUE, THRESHOLD, DRIFTED];

const DRIFTED: Beside = Beside {
    suffix: "drifted",
    help: "Whether {} says drift: 1 drifted, 0 stable, absent where nothing could be judged.",
    number: |one| match one.verdict {
        Verdict::Drifted => Some(1.0),
        Verdict::Stable => Some(0.0),
        Verdict::Insufficient | Verdict::Constant | Verdict::Failed => None,
    },
};
const P_VALUE: Beside = Beside {
    suffix: "p_value",
    help: "Probability of a {} this large without drift, before correction.",
    number: |one| one.p_value,
};
const THRESHOLD: Beside = Beside {
    suffix: "threshold",
    help: "Beyond this {} is drift.",
    number: |one| one.threshold,
};

/// The suffix whose series carries the verdict as a label of that name, and the value 1.
pub const VERDICT: &str = "verdict";
/// Help of [`VERDICT`]; `{}` is the metric.
pub const VERDICT_HELP: &str = "Always 1: what {} says is the label verdict.";

/// The family of a metric's value.
pub fn family(prefix: &Prefix, kind: DriftKind, metric: &str) -> String {
    // A detector's metrics are checked when it is loaded; this holds whatever happens there.
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    };
    let metric: String = metric.chars().map(allowed).collect();
    format!("{}_{kind}_drift_{metric}", prefix.0)
}

/// Every family of a metric, without the prefix: its value, and what stands around it.
pub fn families(kind: DriftKind, metric: &str) -> impl Iterator<Item = String> {
    let value = format!("{kind}_drift_{metric}");
    let around = AROUND.iter().map(|one| one.suffix).chain([VERDICT]);
    let around: Vec<String> = around.map(|suffix| format!("{value}_{suffix}")).collect();
    std::iter::once(value).chain(around)
}

/// Every family under the names of the Python service, without the prefix.
pub fn legacy_families() -> impl Iterator<Item = String> {
    let names = SUBJECTS
        .iter()
        .flat_map(|(subject, _)| ["drift", "emd"].map(|end| format!("{subject}_{end}")));
    names.flat_map(|name| {
        let around: Vec<String> = LEGACY_AROUND
            .iter()
            .map(|one| format!("{name}_{}", one.suffix))
            .collect();
        std::iter::once(name).chain(around)
    })
}

/// Help of the family of a metric's value: what its detector says of it, if it does.
pub fn value_help(kind: DriftKind, metric: &str, said: Option<&str>) -> String {
    let kind = match kind {
        DriftKind::Data => "Data",
        DriftKind::Prior => "Prior",
        DriftKind::Concept => "Concept",
    };
    if let Some(said) = said.filter(|said| !said.is_empty()) {
        return format!("{kind} drift, {metric}: {said}");
    }
    format!("{kind} drift: the metric {metric} of the current window against the reference window.")
}

/// What a column's drift was called by the Python service, and what the column holds.
///
/// `data` is new; the others are its names. Several columns may have one subject: they differ in the label `column`.
pub fn subject(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Feature => SUBJECTS[0],
        Role::Prediction => SUBJECTS[1],
        Role::Probability => SUBJECTS[2],
        Role::Label => SUBJECTS[3],
        Role::Error | Role::Residual | Role::AbsoluteResidual | Role::Brier => SUBJECTS[4],
    }
}

/// Every subject: its name, and what it is.
pub const SUBJECTS: [(&str, &str); 5] = [
    ("data", "a feature"),
    ("prediction", "the prediction"),
    ("prediction_prob", "the predicted probability"),
    ("prior", "the label"),
    ("concept", "the model's errors"),
];

/// The metric whose value is `<subject>_emd`: the earth mover's distance.
pub const EMD_METRIC: &str = "wasserstein";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn a_prefix_starts_a_name() {
        assert!(Prefix::new("leeway_2").is_ok() && Prefix::new("_").is_ok());
        for text in ["", "2x", "a-b", "a b", "a:b", "é"] {
            assert_eq!(Prefix::new(text), Err(PrefixError(text.into())));
        }
    }

    /// What `promtool check metrics` holds against names, as far as it can be said of a list.
    #[test]
    fn names_follow_the_rules_of_prometheus() {
        let mut seen = BTreeSet::new();
        for one in HOST.iter().chain(RESULTS) {
            assert!(seen.insert(one.name), "{} stands twice", one.name);
            assert!(
                one.name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{}",
                one.name
            );
            let counts = one.name.ends_with("_total");
            assert_eq!(counts, one.of_type == Type::Counter, "{}", one.name);
            for reserved in ["_count", "_sum", "_bucket"] {
                assert!(!one.name.ends_with(reserved), "{}", one.name);
            }
            for word in one.name.split('_') {
                let bad = ["ms", "milliseconds", "kb", "minutes", "gauge", "histogram"];
                assert!(!bad.contains(&word), "{}: {word}", one.name);
            }
            assert!(one.help.ends_with('.') && !one.help.contains(['\\', '\n', '|']));
            assert!(!one.labels.contains(&"le"));
        }
    }

    #[test]
    fn no_result_has_the_name_of_a_metric_of_the_host_whatever_the_prefix() {
        let suffixes = || RESULTS.iter().map(|one| one.name.to_owned());
        let around = || AROUND.iter().map(|one| one.suffix.to_owned());
        for host in HOST {
            for end in suffixes().chain(around()).chain([VERDICT.to_owned()]) {
                assert!(!host.name.ends_with(&format!("_{end}")), "{}", host.name);
            }
            assert!(!host.name.contains("_drift"), "{}", host.name);
        }
    }

    /// The tables of the document, by the mark they stand behind.
    fn tables() -> [(&'static str, String); 4] {
        let quoted = |names: &[&str]| {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            quoted.join(", ")
        };
        let of = |names: &[Name], prefix: &str| {
            let mut table =
                "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n".to_owned();
            for one in names {
                let of_type = format!("{:?}", one.of_type).to_lowercase();
                let labels = quoted(one.labels);
                let _ = writeln!(
                    table,
                    "| `{prefix}{}` | {of_type} | {labels} | {} |",
                    one.name, one.help
                );
            }
            table
        };
        let mut around = "| suffix | meaning |\n| --- | --- |\n".to_owned();
        let verdict = (VERDICT, VERDICT_HELP);
        let beside = AROUND.iter().map(|one| (one.suffix, one.help));
        for (suffix, help) in beside.chain([verdict]) {
            let _ = writeln!(around, "| `_{suffix}` | {} |", help.replace("{}", "`ks`"));
        }
        let mut subjects = "| column | names |\n| --- | --- |\n".to_owned();
        for (subject, what) in SUBJECTS {
            let names = ["drift", "emd"].map(|end| format!("`<prefix>_{subject}_{end}`"));
            let _ = writeln!(subjects, "| {what} | {} |", names.join(", "));
        }
        [
            ("around", around),
            ("subjects", subjects),
            ("results", of(RESULTS, "<prefix>_")),
            ("host", of(HOST, "")),
        ]
    }

    /// With `LEEWAY_WRITE_DOCS=1` the tables are written instead.
    #[test]
    fn the_document_lists_every_metric() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let found = std::fs::read_to_string(path).unwrap();
        let mut expected = String::new();
        let mut rest = found.as_str();
        for (mark, table) in tables() {
            let mark = format!("<!-- {mark} -->\n");
            let (before, after) = rest.split_once(&mark).expect("the marks in their order");
            let (_, after) = after.split_once("<!-- end -->\n").expect("an end");
            let _ = writeln!(expected, "{before}{mark}{table}<!-- end -->");
            rest = after;
        }
        expected += rest;
        if std::env::var_os("LEEWAY_WRITE_DOCS").is_some() {
            std::fs::write(path, &expected).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            expected,
            "LEEWAY_WRITE_DOCS=1 cargo test -p leeway the_document writes it"
        );
    }
}
