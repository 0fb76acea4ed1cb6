//! Every metric that a dashboard, a rule or a document names is one that the service registers or a rule records.

use leeway::metrics::Prefix;
use leeway::metrics::names::{AROUND, HOST, LEGACY_AROUND, RESULTS, SUBJECTS, Type, VERDICT};

use super::dashboards::{self, Language};
use super::documents;
use super::queries::{FIGURE, FIGURE_CHOSEN};
use crate::harness::repository;

/// Names that start so are ours to know; anything else is a function, a label or Prometheus' own.
const OURS: [&str; 5] = [
    "leeway_",
    "leeway:",
    "http_",
    "process_",
    "drift_monitoring_api_",
];

/// The names of metrics in an expression, with the literal beginning of those that a pattern stands for.
fn named(expression: &str) -> Vec<&str> {
    expression
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
        .filter(|word| OURS.iter().any(|start| word.starts_with(start)))
        .collect()
}

/// Whether the service has a metric of this name, or a rule records it.
fn known(name: &str, recorded: &[String]) -> bool {
    if name.starts_with("leeway:") {
        return recorded.iter().any(|one| one == name);
    }
    let of_host = HOST.iter().any(|one| match one.of_type {
        Type::Histogram => ["_bucket", "_sum", "_count"]
            .iter()
            .any(|end| name.strip_suffix(end) == Some(one.name)),
        Type::Counter | Type::Gauge => one.name == name,
    });
    of_host || of_results(name)
}

fn of_results(name: &str) -> bool {
    let prefix = Prefix::default();
    let behind = |prefix: &Prefix| name.strip_prefix(prefix.as_str())?.strip_prefix('_');
    // Shadows have the same names behind a longer prefix.
    let Some(result) = behind(&prefix.of_shadows()).or_else(|| behind(&prefix)) else {
        return false;
    };
    // A pattern begins here.
    if result.is_empty() {
        return true;
    }
    let of_python = SUBJECTS.iter().any(|(subject, _)| {
        ["drift", "emd"].iter().any(|end| {
            let value = format!("{subject}_{end}");
            let beside = LEGACY_AROUND
                .iter()
                .any(|one| result == format!("{value}_{}", one.suffix));
            result == value || beside
        })
    });
    // Which metrics a detector has is its own business; the patterns of dashboards end behind the kind.
    let of_detector = ["data_drift_", "prior_drift_", "concept_drift_"]
        .iter()
        .any(|kind| result.strip_prefix(kind).is_some_and(declared));
    of_python || of_detector || RESULTS.iter().any(|one| one.name == result)
}

/// Whether a metric of the detectors that come with the host begins so.
fn declared(metric: &str) -> bool {
    let base = AROUND
        .iter()
        .map(|one| one.suffix)
        .chain([VERDICT])
        .find_map(|suffix| metric.strip_suffix(suffix)?.strip_suffix('_'))
        .unwrap_or(metric);
    let ours = [
        "ks",
        "wasserstein",
        "chi_square",
        "mean_shift",
        "psi",
        "drifted_share",
        "estimated_accuracy",
        "realized_accuracy",
    ];
    // A pattern for every figure of performance begins behind the second word.
    ["", "estimated_"].contains(&base) || ours.contains(&base)
}

/// What rules record, and what they ask.
fn rules() -> (Vec<String>, Vec<String>) {
    let (mut recorded, mut asked) = (Vec::new(), Vec::new());
    for file in ["recording.rules.yml", "alert.rules.yml"] {
        let text = std::fs::read_to_string(repository().join("config").join(file)).unwrap();
        let file: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        for group in file["groups"].as_array().unwrap() {
            for rule in group["rules"].as_array().unwrap() {
                recorded.extend(rule["record"].as_str().map(str::to_owned));
                asked.push(rule["expr"].as_str().unwrap().to_owned());
            }
        }
    }
    (recorded, asked)
}

#[test]
fn every_metric_that_is_named_exists() {
    let (recorded, mut asked) = rules();
    asked.extend(
        dashboards::all()
            .iter()
            .flat_map(|(_, dashboard)| dashboards::questions(dashboard))
            .chain(documents::questions())
            .filter(|question| question.of != Language::Sql)
            .map(|question| question.text),
    );
    let mut seen = 0;
    for expression in &asked {
        let expression = &expression.replace(FIGURE, FIGURE_CHOSEN);
        for name in named(expression) {
            assert!(known(name, &recorded), "{name} in {expression}");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
    for name in [
        "leeway_modles",
        "http_requests",
        "leeway:worst",
        "drift_monitoring_api_model_data_drift_kz",
        "drift_monitoring_api_model_concept_drift_estimated_accuracy_middle",
    ] {
        assert!(!known(name, &recorded), "{name}");
    }
    assert_eq!(
        named("max by (model_id) (leeway_models{x=\"y\"})"),
        ["leeway_models"]
    );
}
