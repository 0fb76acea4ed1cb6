//! The whole path: rows and labels in, verdicts on `/metrics`, in the API and in SQL, and gone with what they are of.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::app::{Series, TestApp};

use super::rows::{AFTER, BEFORE, Change, TRAINED, batch, labels};

const PREFIX: &str = "drift_monitoring_api_model";

/// A model with as many rows before its training as after it, none of them different.
async fn steady(app: &TestApp) {
    let path =
        format!("/v1/models/shop/predictions?model_type=classifier&last_training_time={TRAINED}");
    for start in [BEFORE, AFTER] {
        app.post(&path, &batch(start, 1_000, Change::default()))
            .await
            .ok();
    }
}

/// What `<prefix>_<name>_drift_drifted` says of each column.
fn drifted(series: &Series, name: &str) -> Vec<(String, f64)> {
    let name = format!("{PREFIX}_{name}_drift_drifted");
    series
        .all(&name, &[("model_id", "shop")])
        .into_iter()
        .map(|(labels, value)| (labels["column"].clone(), value))
        .collect()
}

fn pairs(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
    let owned = |&(name, value): &(&str, f64)| (name.to_owned(), value);
    expected.iter().map(owned).collect()
}

#[tokio::test]
async fn drift_of_one_feature_stands_on_metrics_and_that_of_no_other() {
    let app = TestApp::start().await;
    steady(&app).await;
    app.run_due().await;
    let before = app.metrics().await;
    let stable = [("moving", 0.0), ("plan", 0.0), ("steady", 0.0)];
    assert_eq!(drifted(&before, "data"), pairs(&stable));
    let kind = |kind| [("model_id", "shop"), ("kind", kind)];
    assert_eq!(before.one(&format!("{PREFIX}_drifted"), &kind("data")), 0.0);

    app.advance(SignedDuration::from_secs(60));
    let change = Change {
        shift: 0.4,
        ..Change::default()
    };
    let moved = batch("2025-12-20T00:00:00Z", 1_000, change);
    app.post("/v1/models/shop/predictions", &moved).await.ok();
    app.run_due().await;

    let after = app.metrics().await;
    let drifting = [("moving", 1.0), ("plan", 0.0), ("steady", 0.0)];
    assert_eq!(drifted(&after, "data"), pairs(&drifting));
    assert_eq!(after.one(&format!("{PREFIX}_drifted"), &kind("data")), 1.0);
    assert_eq!(after.one(&format!("{PREFIX}_drifted"), &kind("prior")), 0.0);
    let moving = [
        ("model_id", "shop"),
        ("monitor", "data-drift"),
        ("column", "moving"),
    ];
    assert!(
        !after
            .all(&format!("{PREFIX}_data_drift"), &moving)
            .is_empty()
    );
    let monitor = [("model_id", "shop"), ("monitor", "data-drift")];
    assert_eq!(
        after.one(&format!("{PREFIX}_current_window_rows"), &monitor),
        2_000.0
    );
    assert_eq!(
        after.one(&format!("{PREFIX}_reference_window_rows"), &monitor),
        1_000.0
    );

    // The same stands in the API.
    let results = app.get("/v1/models/shop/results").await.ok();
    let data = results["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["monitor"] == "data-drift")
        .unwrap();
    let measurements = data["measurements"].as_array().unwrap();
    // What is not about one column is about all of them.
    for one in measurements {
        let moved = one["column"].is_null() || one["column"] == "moving";
        let expected = if moved { "drifted" } else { "stable" };
        assert_eq!(one["verdict"], expected, "{one}");
    }
    let found = app
        .get("/v1/measurements?model_id=shop&monitor=data-drift&verdict=drifted")
        .await
        .ok();
    let columns: Vec<&Value> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["column"])
        .collect();
    assert!(
        !columns.is_empty()
            && columns
                .iter()
                .all(|&column| column.is_null() || column == "moving")
    );
}

#[tokio::test]
async fn labels_count_whether_they_come_before_or_after_their_rows() {
    let app = TestApp::start().await;
    let path = "/v1/models/shop/labels";
    let wrong = |wrong| Change {
        wrong,
        ..Change::default()
    };
    // Before the rows, of which nobody has heard yet.
    let early = labels(BEFORE, 1_000, wrong(0.1));
    app.post(path, &early).await.ok();
    steady(&app).await;
    app.run_due().await;
    let share = format!("{PREFIX}_labelled_share");
    assert_eq!(
        app.metrics().await.one(&share, &[("model_id", "shop")]),
        0.0
    );

    // After them, and first many of them wrong.
    app.advance(SignedDuration::from_mins(15));
    app.post(path, &labels(AFTER, 1_000, wrong(0.4))).await.ok();
    app.run_due().await;

    let series = app.metrics().await;
    assert_eq!(series.one(&share, &[("model_id", "shop")]), 1.0);
    assert_eq!(drifted(&series, "concept"), pairs(&[("error", 1.0)]));
    let answers = app.get("/v1/models/shop/predictions?limit=1").await.ok();
    let first = &answers["items"][0];
    assert_eq!(first["label"], early["labels"][0]["label"]);
    assert_eq!(first["record_id"], early["labels"][0]["record_id"]);

    // Corrected ones replace them.
    app.advance(SignedDuration::from_secs(1));
    app.post(path, &labels(AFTER, 1_000, wrong(0.1))).await.ok();
    app.run_due().await;
    assert_eq!(
        drifted(&app.metrics().await, "concept"),
        pairs(&[("error", 0.0)])
    );
}

#[tokio::test]
async fn series_vanish_with_their_monitor_and_with_their_model() {
    let app = TestApp::start().await;
    steady(&app).await;
    app.put(
        "/v1/models/shop/monitors/mine",
        &json!({ "detector": "data-drift" }),
    )
    .await
    .ok();
    app.run_due().await;
    let series = app.metrics().await;
    assert!(series.with("monitor", "mine") > 0);
    let all = series.with("model_id", "shop");
    assert_eq!(series.one("leeway_series_exposed", &[]), all as f64);

    assert_eq!(
        app.delete("/v1/models/shop/monitors/mine").await.status,
        204
    );
    let series = app.metrics().await;
    assert_eq!(series.with("monitor", "mine"), 0);
    assert!(series.with("monitor", "data-drift") > 0);
    let gone = app
        .get("/v1/measurements?model_id=shop&monitor=mine")
        .await
        .ok();
    assert_eq!(gone["items"], json!([]));

    assert_eq!(app.delete("/v1/models/shop").await.status, 204);
    assert_eq!(app.metrics().await.with("model_id", "shop"), 0);
    app.run_due().await;
    assert_eq!(app.metrics().await.with("model_id", "shop"), 0);
    app.get("/v1/models/shop").await.refused(404, "no-model");
    // The name is free again.
    steady(&app).await;
    app.run_due().await;
    assert!(app.metrics().await.with("model_id", "shop") > 0);
}

#[tokio::test]
async fn the_next_host_on_the_same_database_shows_the_latest_results_at_once() {
    let app = TestApp::start().await;
    steady(&app).await;
    app.run_due().await;
    let here = app.metrics().await;
    app.service.stop().await;
    let there = app.beside().await.metrics().await;
    let results = |series: &Series| -> Vec<_> {
        let of = series
            .0
            .iter()
            .filter(|((_, labels), _)| labels.contains_key("monitor"));
        of.map(|(key, value)| (key.clone(), value.to_bits()))
            .collect()
    };
    assert!(!results(&here).is_empty());
    assert_eq!(results(&here), results(&there));
}

#[tokio::test]
async fn a_retrained_model_starts_a_new_baseline() {
    let app = TestApp::start().await;
    steady(&app).await;
    let shift = |shift| Change {
        shift,
        ..Change::default()
    };
    let path = "/v1/models/shop/predictions";
    app.post(path, &batch("2025-12-20T00:00:00Z", 1_000, shift(0.4)))
        .await
        .ok();
    app.run_due().await;
    let moving = |series: &Series| {
        drifted(series, "data")
            .iter()
            .find(|one| one.0 == "moving")
            .map(|one| one.1)
    };
    assert_eq!(moving(&app.metrics().await), Some(1.0));

    // Retrained on everything so far: what follows is compared with that, and it is evaluated without any new row.
    app.patch(
        "/v1/models/shop",
        &json!({ "last_training_time": "2025-12-21T00:00:00Z" }),
    )
    .await
    .ok();
    app.run_due().await;
    assert_eq!(moving(&app.metrics().await), None);
    let results = app.get("/v1/models/shop/results").await.ok();
    for one in results["evaluations"].as_array().unwrap() {
        assert_eq!(one["outcome"], "insufficient", "{one}");
    }

    // As the last rows before the training were.
    let everything = [shift(0.0), shift(0.4)];
    for (day, change) in everything.into_iter().enumerate() {
        let start = format!("2025-12-2{}T00:00:00Z", 2 + 2 * day);
        app.post(path, &batch(&start, 1_000, change)).await.ok();
    }
    app.advance(SignedDuration::from_secs(1));
    app.run_due().await;
    let results = app.get("/v1/models/shop/results").await.ok();
    let data = &results["evaluations"][1];
    assert_eq!(
        (&data["monitor"], &data["outcome"]),
        (&json!("data-drift"), &json!("judged"))
    );
    assert_eq!(data["reference_rows"], 3_000);
    assert_eq!(data["current_rows"], 2_000);

    // An older time is ignored.
    let patched = app
        .patch("/v1/models/shop", &json!({ "last_training_time": TRAINED }))
        .await
        .ok();
    assert_eq!(patched["last_training_time"], "2025-12-21T00:00:00Z");
}

#[tokio::test]
async fn a_reference_that_is_switched_is_what_the_next_verdict_compares_with() {
    let app = TestApp::start().await;
    steady(&app).await;
    app.run_due().await;
    let moving = async |app: &TestApp| {
        app.run_due().await;
        let columns = drifted(&app.metrics().await, "data");
        columns.into_iter().find(|one| one.0 == "moving").unwrap().1
    };
    assert_eq!(moving(&app).await, 0.0);
    // No row arrives from here on.
    let shifted = Change {
        shift: 0.4,
        ..Change::default()
    };
    let path = "/v1/models/shop/reference";
    app.post(
        &format!("{path}?activate=false"),
        &batch(BEFORE, 1_000, shifted),
    )
    .await
    .ok();
    assert_eq!(moving(&app).await, 0.0);
    assert_eq!(
        app.post(&format!("{path}/1/activate"), &Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(moving(&app).await, 1.0);
    app.post(path, &batch(AFTER, 1_000, Change::default()))
        .await
        .ok();
    assert_eq!(moving(&app).await, 0.0);
    let versions = app.get(path).await.ok();
    let active: Vec<(&Value, &Value)> = versions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["version"], &one["active"]))
        .collect();
    assert_eq!(
        active,
        [(&json!(2), &json!(true)), (&json!(1), &json!(false))]
    );
    app.post(&format!("{path}/1/activate"), &Value::Null).await;
    assert_eq!(moving(&app).await, 1.0);
    assert_eq!(app.delete(&format!("{path}/1")).await.status, 204);
    assert_eq!(moving(&app).await, 0.0);
}
