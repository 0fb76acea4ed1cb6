//! Clients of the Python service, unchanged.

use serde_json::{Value, json};

use crate::harness::app::TestApp;

/// What such a client sends: times as Python writes them, no features.
fn body(from: u32, to: u32, shift: f64) -> Value {
    let row = |at: u32| {
        let even = |step: f64| (f64::from(at) * step).fract();
        let probability = even(0.618_033_988_749_895) * (1.0 - shift) + shift;
        json!({
            "prediction_time": format!("2025-12-{:02} {:02}:00:00.000000", 1 + at / 24, at % 24),
            "record_id": at.to_string(),
            "prediction": f64::from(u8::from(probability > 0.5)),
            "prediction_probability": probability,
            "ground_truth_label": f64::from(u8::from(even(0.414_213_562_373_095) < 0.5)),
        })
    };
    json!({
        "model_id": "churn", "model_type": "classifier", "last_training_time": "2025-12-12T00:00:00",
        "predictions": (from..to).map(row).collect::<Vec<_>>(),
    })
}

const RESULTS: [&str; 8] = [
    "concept_drift",
    "concept_emd",
    "prediction_drift",
    "prediction_emd",
    "prediction_prob_drift",
    "prediction_prob_emd",
    "prior_drift",
    "prior_emd",
];

#[tokio::test]
async fn a_batch_is_stored_and_judged_in_one_call() {
    let app = TestApp::start().await;
    let trained_on = app.post("/metrics", &body(0, 260, 0.0)).await;
    assert_eq!(trained_on.ok()["receipt"]["accepted"], 260);

    let answer = app.post("/metrics", &body(265, 480, 0.4)).await;

    let said = answer.ok();
    assert_eq!(said["model_id"], "churn");
    assert_eq!(said["receipt"]["accepted"], 215);
    let results = said["results"].as_object().unwrap();
    assert_eq!(
        results.keys().map(String::as_str).collect::<Vec<_>>(),
        RESULTS
    );
    for (name, value) in results {
        let header = answer.header(&format!("X-{}", name.replace('_', "-")));
        assert_eq!(
            header.parse::<f64>().unwrap(),
            value.as_f64().unwrap(),
            "{name}"
        );
    }
    // The distance by which the probabilities moved: they were pressed together towards 1.
    let moved = results["prediction_prob_emd"].as_f64().unwrap();
    assert!((moved - 0.2).abs() < 0.02, "{moved}");
    assert!(results["prior_emd"].as_f64().unwrap() < 0.1);

    // The dashboards find the same numbers under the same names.
    let series = app.metrics().await;
    for (name, value) in results {
        let found = series.all(
            &format!("drift_monitoring_api_model_{name}"),
            &[("model_id", "churn")],
        );
        assert!(
            found
                .iter()
                .any(|(_, found)| *found == value.as_f64().unwrap()),
            "{name} {value}: {found:?}"
        );
    }
    let requests = [("method", "POST"), ("path", "/metrics"), ("status", "200")];
    assert_eq!(series.all("http_requests_total", &requests).len(), 1);
}

#[tokio::test]
async fn the_history_has_the_names_of_the_python_service() {
    let app = TestApp::start().await;
    // More than one page of what is held in memory at a time.
    app.post("/metrics", &body(0, 480, 0.0)).await.ok();
    let more: Vec<Value> = (0..2_500)
        .map(|at| json!({ "record_id": format!("m{at}"), "prediction_time": "2025-12-24T00:00:00Z" }))
        .collect();
    app.post("/v1/models/churn/predictions", &json!(more))
        .await
        .ok();

    let history = app.get("/prediction_history/churn").await.ok();

    let rows = history.as_array().unwrap();
    assert_eq!(rows.len(), 2_980);
    let sent = body(0, 480, 0.0);
    assert_eq!(rows[0]["prediction_time"], "2025-12-01T00:00:00Z");
    let fields: Vec<&str> = rows[0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for (row, sent) in rows.iter().zip(sent["predictions"].as_array().unwrap()) {
        for field in [
            "record_id",
            "prediction",
            "prediction_probability",
            "ground_truth_label",
        ] {
            assert_eq!(row[field], sent[field], "{field}");
        }
    }
    assert_eq!(fields.len(), 5);
    assert_eq!(rows[2_979]["record_id"], "m2499");
    assert_eq!(rows[2_979]["ground_truth_label"], Value::Null);

    app.post("/v1/models", &json!({ "model_id": "empty" }))
        .await
        .ok();
    assert_eq!(app.get("/prediction_history/empty").await.ok(), json!([]));
    app.get("/prediction_history/none")
        .await
        .refused(404, "no-model");
}

#[tokio::test]
async fn it_says_what_it_is() {
    let app = TestApp::start().await;
    let index = app.get("/").await.ok();
    assert_eq!(index["service"], "leeway");
    for (name, link) in index["links"].as_object().unwrap() {
        let answer = app.get(link.as_str().unwrap()).await;
        assert_eq!(answer.status, 200, "{name}");
    }
    assert_eq!(app.get("/health/live").await.ok()["status"], "alive");
    app.service.readiness.set(leeway::api::Phase::Stopping);
    let answer = app.get("/health/ready").await;
    answer.refused(503, "not-ready");
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(app.get("/health/live").await.status, 200);
}
