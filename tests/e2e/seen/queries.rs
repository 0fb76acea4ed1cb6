//! Every question that dashboards, rules and documents ask is asked: a real service fed with the example, a real Prometheus
//! that scrapes it, and the database as the role that may only read.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::dashboards::{self, Language, Question};
use super::documents;
use crate::harness::prometheus::Prometheus;
use crate::harness::service::Service;
use crate::harness::{program, repository, server};

/// Seconds of the past that graphs show: since the service was started.
const SHOWN: i64 = 300;

/// What has no answer while nothing is wrong, and why.
const EMPTY_WHEN_HEALTHY: [(&str, &str); 7] = [
    (
        "Leeway: all models: annotation Alerts",
        "alerts wait five minutes",
    ),
    (
        "Leeway: a model: annotation Alerts",
        "alerts wait five minutes",
    ),
    (
        "Leeway: detectors: annotation Alerts",
        "alerts wait five minutes",
    ),
    (
        "Leeway: the service: annotation Alerts",
        "alerts wait five minutes",
    ),
    ("Leeway: detectors: Failures", "every call gives an answer"),
    (
        "Leeway: detectors: Monitors without answer",
        "every monitor has one",
    ),
    (
        "Leeway: detectors: Columns that drift, by the shadow",
        "no version runs in shadow",
    ),
];

/// What the dashboards of the Python service ask, as far as its metrics go.
const PYTHON_SERVICE: [&str; 12] = [
    "drift_monitoring_api_model_concept_drift",
    "drift_monitoring_api_model_concept_emd",
    "drift_monitoring_api_model_prediction_drift",
    "drift_monitoring_api_model_prediction_emd",
    "drift_monitoring_api_model_prediction_prob_drift",
    "drift_monitoring_api_model_prediction_prob_emd",
    "drift_monitoring_api_model_prior_drift",
    "drift_monitoring_api_model_prior_emd",
    "drift_monitoring_api_model_prior_drift{model_id=\"flights\"}",
    "rate(http_requests_total[1m])",
    "sum(rate(http_requests_total{status=~\"2..\"}[5m])) / sum(rate(http_requests_total[5m]))",
    "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
];

/// The variable that names a figure of performance, and the figure that is chosen.
pub(super) const FIGURE: &str = "${figure}";
pub(super) const FIGURE_CHOSEN: &str = "accuracy";

/// A query as Grafana would send it, with every variable at "All".
fn filled(text: &str, of: Language) -> String {
    let mut filled = text
        .replace("$__rate_interval", "1m")
        .replace("$__range", "5m");
    if of == Language::Sql {
        while let Some((before, rest)) = filled.split_once("$__timeFilter(") {
            let (column, behind) = rest.split_once(')').unwrap();
            filled = format!(
                "{before}{column} BETWEEN '1970-01-01T00:00:00Z' AND '2100-01-01T00:00:00Z'{behind}"
            );
        }
        return filled
            .replace("${model:sqlstring}", "'flights'")
            .replace("${figure:sqlstring}", "'accuracy'")
            .replace(
                "${monitor:sqlstring}",
                "'data-drift', 'prior-drift', 'concept-drift', 'performance'",
            );
    }
    filled = filled.replace(FIGURE, FIGURE_CHOSEN);
    for variable in ["$model", "$monitor", "$detector", "$column", "$instance"] {
        filled = filled.replace(variable, ".*");
    }
    filled
}

/// Two months of flights in two models, their labels, a monitor of performance, and an answer that is an error.
async fn feed(service: &Service) {
    let address = service.url("");
    let demo = tokio::task::spawn_blocking(move || {
        Command::new(program())
            .args(["demo", "--server", &address, "--months", "2", "--exit"])
            .args(["--rows-per-second", "4000", "--data"])
            .arg(repository().join("examples/flights"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    });
    let demo = demo.await.unwrap();
    assert!(
        demo.status.success(),
        "{}",
        String::from_utf8_lossy(&demo.stderr)
    );
    // The classifier is watched without labels, too.
    let monitor = json!({"detector": "performance", "cadence": {"on": "request"}});
    let path = service.url("/v1/models/flights/monitors/performance");
    let made = service.client.put(path).json(&monitor).send().await;
    assert!(made.unwrap().status().is_success());
    let path = "/v1/models/flights/monitors/performance/evaluate?wait=true";
    let evaluated: Value = service
        .post(path, &json!({}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        evaluated["evaluations"][0]["outcome"], "judged",
        "{evaluated}"
    );
    let missing = service.client.get(service.url("/v1/models/nobody")).send();
    assert_eq!(missing.await.unwrap().status(), 404);
}

/// Waits until Prometheus has seen what the service says now, and its rules have too.
async fn seen(prometheus: &mut Prometheus, service: &Service) {
    let now = jiff::Timestamp::now().as_second();
    for (what, expression) in [
        ("all is profiled", "leeway_ingest_lag_rows == 0".to_owned()),
        (
            "the error is scraped twice",
            "count_over_time(http_requests_total{status=\"404\"}[5m]) > 1".to_owned(),
        ),
        (
            "rules have seen it",
            format!("timestamp(leeway:value_over_threshold:ratio{{kind=\"concept\"}}) > {now} + 2"),
        ),
        (
            "alerts have seen it",
            "ALERTS{alertname=\"LeewayConceptDrift\"}".to_owned(),
        ),
    ] {
        prometheus.until(what, &expression).await;
    }
    let ready = service.client.get(service.url("/health/ready")).send();
    assert!(ready.await.unwrap().status().is_success());
}

/// The answer of Prometheus or of the database: how many series or rows.
async fn answer(
    question: &Question,
    prometheus: &Prometheus,
    service: &Service,
) -> Result<usize, String> {
    let text = filled(&question.text, question.of);
    let unfilled = text.contains("${") || text.contains("$__");
    if unfilled {
        return Err(format!("a variable is left: {text}"));
    }
    match question.of {
        Language::Instant => prometheus.instant(&text).await.map(|found| found.len()),
        Language::Range => prometheus
            .range(&text, SHOWN)
            .await
            .map(|found| found.len()),
        Language::Sql => {
            let asked = service.post("/v1/sql", &json!({ "sql": text })).await;
            let body: Value = asked.unwrap().json().await.unwrap();
            match body["rows"].as_array() {
                Some(rows) => Ok(rows.len()),
                None => Err(format!("{body} in {text}")),
            }
        }
    }
}

#[tokio::test]
async fn every_question_of_dashboards_rules_and_documents_has_an_answer() {
    let folder = server::folder();
    let service = Service::start(&folder).await;
    let mut prometheus = Prometheus::start(service.address).await;
    feed(&service).await;
    seen(&mut prometheus, &service).await;

    let mut questions: Vec<Question> = dashboards::all()
        .iter()
        .flat_map(|(_, dashboard)| dashboards::questions(dashboard))
        .chain(documents::questions())
        .collect();
    questions.extend(PYTHON_SERVICE.map(|text| Question {
        place: "the Python service".to_owned(),
        text: text.to_owned(),
        of: Language::Instant,
    }));
    let mut wrong = Vec::new();
    let mut empty = BTreeSet::new();
    for question in &questions {
        match answer(question, &prometheus, &service).await {
            Ok(0) => {
                empty.insert(question.place.as_str());
                if !EMPTY_WHEN_HEALTHY
                    .iter()
                    .any(|(place, _)| *place == question.place)
                {
                    wrong.push(format!("{}: empty: {}", question.place, question.text));
                }
            }
            Ok(_) => {}
            Err(error) => wrong.push(format!("{}: {error}", question.place)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The list of exceptions stays as short as it can be.
    for (place, reason) in EMPTY_WHEN_HEALTHY {
        assert!(
            empty.contains(place),
            "{place} has an answer: {reason} is not so"
        );
    }

    let mut alerts = BTreeSet::new();
    for rule in prometheus.rules().await {
        let name = rule["name"].as_str().unwrap().to_owned();
        assert_eq!(rule["health"], "ok", "{name}: {}", rule["lastError"]);
        if rule["type"] == "recording" {
            let series = prometheus.instant(&name).await.unwrap();
            assert!(!series.is_empty(), "{name} records nothing");
        } else if rule["state"] != "inactive" {
            alerts.insert(name);
        }
    }
    // Drift of the example is seen in every kind, and nothing else is wrong.
    let expected = ["LeewayConceptDrift", "LeewayDataDrift", "LeewayPriorDrift"];
    assert_eq!(
        alerts.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );

    drop(prometheus);
    assert_eq!(service.stop(), Some(0));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn variables_are_filled_in() {
    assert_eq!(
        filled("a_${figure}_lower{b=~\"$model\"}", Language::Range),
        "a_accuracy_lower{b=~\".*\"}"
    );
    assert_eq!(
        filled("rate(a{b=~\"$model\"}[$__rate_interval])", Language::Range),
        "rate(a{b=~\".*\"}[1m])"
    );
    assert_eq!(
        filled(
            "x WHERE $__timeFilter(t) AND m = ${model:sqlstring}",
            Language::Sql
        ),
        "x WHERE t BETWEEN '1970-01-01T00:00:00Z' AND '2100-01-01T00:00:00Z' AND m = 'flights'"
    );
}
