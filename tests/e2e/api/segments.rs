//! Monitors that split their rows, say when a drift began, and bound false alarms over time.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::{Answer, TestApp};

use super::rows::{AFTER, BEFORE, Change, TRAINED, labels, rows};

const PREFIX: &str = "drift_monitoring_api_model";

/// Rows of two plans of which one alone moves; `gold` are three in ten.
fn batch(start: &str, count: u32, gold_shift: f64) -> Value {
    let mut rows = rows(start, count, Change::default());
    for row in &mut rows {
        if row["features"]["plan"] == "gold" {
            let moved = row["features"]["moving"].as_f64().unwrap() + gold_shift;
            row["features"]["moving"] = json!(moved);
        }
    }
    json!({ "predictions": rows })
}

/// Rows of the training, rows as them from [`AFTER`] on, and from a day later on rows whose gold customers have moved.
async fn shop(app: &TestApp) {
    let path =
        format!("/v1/models/shop/predictions?model_type=classifier&last_training_time={TRAINED}");
    let moved = "2025-12-12T00:00:00Z";
    for (start, count, shift) in [
        (BEFORE, 4_000, 0.0),
        (AFTER, 1_440, 0.0),
        (moved, 1_440, 0.4),
    ] {
        app.post(&path, &batch(start, count, shift)).await.ok();
    }
}

async fn monitor(app: &TestApp, name: &str, spec: &Value) -> Answer {
    app.put(&format!("/v1/models/shop/monitors/{name}"), spec)
        .await
}

/// Evaluations of a monitor but those over the past, newest first.
async fn evaluations(app: &TestApp, name: &str) -> Vec<Value> {
    let path = format!("/v1/evaluations?model_id=shop&monitor={name}&limit=1000");
    let page = app.get(&path).await.ok();
    let mut all = page["items"].as_array().unwrap().clone();
    all.retain(|one| one["cause"] != "backtest");
    all
}

/// The last one.
async fn latest(app: &TestApp, name: &str) -> Value {
    evaluations(app, name).await.remove(0)
}

/// Segment, column and verdict of each measurement of a metric.
fn verdicts(evaluation: &Value, metric: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let measurements = evaluation["measurements"].as_array();
    let measurements = measurements.unwrap_or_else(|| panic!("{evaluation:#}"));
    measurements
        .iter()
        .filter(|one| one["metric"] == metric)
        .map(|one| {
            (
                text(&one["segment"]),
                text(&one["column"]),
                text(&one["verdict"]),
            )
        })
        .collect()
}

fn says(found: &[(String, String, String)], segment: &str, column: &str) -> String {
    let of = |one: &&(String, String, String)| one.0 == segment && one.1 == column;
    let found = found.iter().find(of);
    found
        .unwrap_or_else(|| panic!("{segment} {column}"))
        .2
        .clone()
}

async fn replayed(app: &TestApp, evaluation: &Value) -> Value {
    let path = format!("/v1/evaluations/{}/replay", evaluation["evaluation_no"]);
    let again = Answer::of(app.request(Method::POST, &path)).await.ok();
    assert_eq!(again["same"], true, "{again:#}");
    again
}

/// The newest day, in which gold customers have moved.
const DAY: &str = r#"{"of": "sliding", "extent": {"seconds": 86400}}"#;

fn split(by: &str) -> Value {
    let current: Value = serde_json::from_str(DAY).unwrap();
    json!({ "detector": "data-drift", "segment_by": by, "current": current, "cadence": {"on": "request"} })
}

async fn evaluated(app: &TestApp, name: &str, spec: &Value) -> Value {
    monitor(app, name, spec).await.ok();
    app.run_due().await;
    let path = format!("/v1/models/shop/monitors/{name}/evaluate?wait=true");
    Answer::of(app.request(Method::POST, &path)).await.ok();
    latest(app, name).await
}

#[tokio::test]
async fn a_drift_of_one_segment_is_found_there_and_nowhere_else() {
    let app = TestApp::start().await;
    shop(&app).await;

    let found = evaluated(&app, "by-plan", &split("plan")).await;
    let ks = verdicts(&found, "ks");
    assert_eq!(says(&ks, "gold", "moving"), "drifted");
    assert_eq!(says(&ks, "gold", "steady"), "stable");
    assert_eq!(says(&ks, "free", "moving"), "stable");
    // The reference of a segment is the segment of the reference.
    let rows: u64 = found["measurements"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["column"] == "steady" && one["metric"] == "ks")
        .map(|one| one["reference_rows"].as_u64().unwrap())
        .sum();
    assert_eq!(rows, 4_000);
    assert_eq!(replayed(&app, &found).await["baseline"], "stored");

    let series = app.metrics().await;
    let drifted = format!("{PREFIX}_data_drift_ks_drifted");
    let of = |segment| {
        [
            ("monitor", "by-plan"),
            ("column", "moving"),
            ("segment", segment),
        ]
    };
    assert_eq!(series.one(&drifted, &of("gold")), 1.0);
    assert_eq!(series.one(&drifted, &of("free")), 0.0);
    let sql = json!({ "sql": "SELECT DISTINCT segment, column_name FROM history.measurements
        WHERE monitor = 'by-plan' AND verdict = 'drifted' AND column_name IS NOT NULL" });
    let table = app.post("/v1/sql", &sql).await.ok();
    assert_eq!(table["rows"], json!([["gold", "moving"]]), "{table}");

    // What was learned is forgotten: it is learned again from the segments of the reference.
    sqlx::query("DELETE FROM baseline")
        .execute(app.store.pool())
        .await
        .unwrap();
    assert_eq!(replayed(&app, &found).await["baseline"], "learned-again");
}

#[tokio::test]
async fn conditions_and_buckets_split_and_small_segments_wait() {
    let app = TestApp::start().await;
    shop(&app).await;
    let by = "plan = 'gold' and steady < 0.99";
    let found = verdicts(&evaluated(&app, "condition", &split(by)).await, "ks");
    assert_eq!(says(&found, "true", "moving"), "drifted");
    assert_eq!(says(&found, "false", "moving"), "stable");

    let found = evaluated(&app, "bucket", &split("bucket(steady, 0.01, 0.5)")).await;
    let ks = verdicts(&found, "ks");
    assert_eq!(says(&ks, "0.01 to < 0.5", "steady"), "stable");
    assert_eq!(says(&ks, ">= 0.5", "moving"), "drifted");
    // One row in a hundred is too little of a day to judge.
    let few: Vec<&Value> = found["measurements"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["segment"] == "< 0.01")
        .collect();
    assert_eq!(few.len(), 1);
    assert_eq!(few[0]["verdict"], "insufficient");
    assert!(few[0]["current_rows"].as_u64().unwrap() < 100);
    replayed(&app, &found).await;
}

#[tokio::test]
async fn labels_and_rows_are_split_too_also_of_uploaded_reference_data() {
    let app = TestApp::start().await;
    shop(&app).await;
    for (start, count) in [
        (BEFORE, 4_000),
        (AFTER, 1_440),
        ("2025-12-12T00:00:00Z", 1_440),
    ] {
        let known = labels(
            start,
            count,
            Change {
                wrong: 0.1,
                ..Change::default()
            },
        );
        app.post("/v1/models/shop/labels", &known).await.ok();
    }
    let with = |detector: &str| {
        let mut spec = split("plan");
        spec["detector"] = json!(detector);
        spec
    };
    let concept = evaluated(&app, "concept", &with("concept-drift")).await;
    let segments: Vec<&Value> = concept["measurements"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["column"] == "error")
        .map(|one| &one["segment"])
        .collect();
    assert!(
        segments.contains(&&json!("gold")) && segments.contains(&&json!("free")),
        "{concept:#}"
    );
    replayed(&app, &concept).await;

    let mmd = evaluated(&app, "mmd", &with("mmd")).await;
    let found = verdicts(&mmd, "mmd_squared");
    assert_eq!(says(&found, "gold", "-"), "drifted", "{mmd:#}");
    assert_eq!(says(&found, "free", "-"), "stable", "{mmd:#}");

    // The same from a file.
    let reference = rows(
        BEFORE,
        4_000,
        Change {
            wrong: 0.1,
            labelled: true,
            ..Change::default()
        },
    );
    let reference: Vec<Value> = reference
        .iter()
        .map(|row| {
            let mut flat = row["features"].clone();
            for field in ["prediction", "probability", "label"] {
                flat[field] = row[field].clone();
            }
            flat
        })
        .collect();
    let lines: Vec<String> = reference.iter().map(Value::to_string).collect();
    let body = lines.join("\n");
    app.send("/v1/models/shop/reference", "application/x-ndjson", body)
        .await
        .ok();
    for (name, detector, column) in [
        ("data-2", "data-drift", "moving"),
        ("concept-2", "concept-drift", "error"),
    ] {
        let again = evaluated(&app, name, &with(detector)).await;
        let rows: u64 = again["measurements"]
            .as_array()
            .unwrap_or_else(|| panic!("{again:#}"))
            .iter()
            .filter(|one| one["column"] == column)
            .filter(|one| one["metric"] == again["measurements"][0]["metric"])
            .map(|one| one["reference_rows"].as_u64().unwrap())
            .sum();
        assert_eq!(rows, 4_000, "{again:#}");
        replayed(&app, &again).await;
    }
}

#[tokio::test]
async fn what_cannot_be_split_or_spent_is_refused_with_its_field() {
    let app = TestApp::start().await;
    shop(&app).await;
    for (change, field, said) in [
        (json!({"segment_by": "plan ="}), "segment_by", "at byte 6"),
        (
            json!({"segment_by": "plan", "detector": "adwin"}),
            "segment_by",
            "follows rows",
        ),
        (
            json!({"false_alarms": {"at_most": 0.05, "per_seconds": 60}, "detector": "adwin"}),
            "false_alarms",
            "no test whose level",
        ),
        (
            json!({"false_alarms": {"at_most": 0.05, "per_seconds": 60}, "detector": "performance"}),
            "false_alarms",
            "no test whose level",
        ),
        (
            json!({"false_alarms": {"at_most": 1.0, "per_seconds": 60}}),
            "false_alarms.at_most",
            "below 1",
        ),
        (
            json!({"false_alarms": {"at_most": 0.5, "per_seconds": 0}}),
            "false_alarms.per_seconds",
            "1 to 315360000",
        ),
    ] {
        let mut spec = json!({ "detector": "data-drift" });
        for (name, value) in change.as_object().unwrap() {
            spec[name] = value.clone();
        }
        let refused = monitor(&app, "wrong", &spec).await;
        assert_eq!(refused.status, 422, "{refused}");
        let text = refused.text();
        assert!(text.contains(field) && text.contains(said), "{text}");
    }
    // Only rows tell what columns are.
    for (by, said) in [
        ("city", "no column 'city'"),
        ("steady", "use bucket(steady, ...)"),
        ("plan > 1", "is categorical"),
    ] {
        let failed = evaluated(&app, "wrong", &split(by)).await;
        assert_eq!(failed["outcome"], "failed");
        let reason = failed["reason"].as_str().unwrap();
        assert!(reason.contains(said), "{reason}");
    }
}

#[tokio::test]
async fn a_drift_says_when_it_began() {
    let app = TestApp::start().await;
    let path =
        format!("/v1/models/shop/predictions?model_type=classifier&last_training_time={TRAINED}");
    app.patch("/v1/models/shop", &json!({ "chunk_seconds": 3_600 }))
        .await;
    app.post(&path, &batch(BEFORE, 4_000, 0.0)).await.ok();
    app.post(&path, &batch(AFTER, 720, 0.0)).await.ok();
    app.run_due().await;
    let before = latest(&app, "data-drift").await;
    let none = before["measurements"].as_array().unwrap();
    assert!(none.iter().all(|one| one["began"].is_null()), "{before:#}");

    // Everybody moves at noon.
    let noon: Timestamp = "2025-12-11T12:00:00Z".parse().unwrap();
    let change = Change {
        shift: 0.3,
        ..Change::default()
    };
    let moved = json!({ "predictions": rows(&noon.to_string(), 300, change) });
    app.advance(SignedDuration::from_secs(60));
    app.post(&path, &moved).await.ok();
    app.run_due().await;
    let after = latest(&app, "data-drift").await;
    let moving = after["measurements"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["column"] == "moving" && one["verdict"] == "drifted")
        .unwrap_or_else(|| panic!("{after:#}"));
    let time =
        |field: &str| -> Timestamp { moving["began"][field].as_str().unwrap().parse().unwrap() };
    assert!(
        time("earliest") <= time("at") && time("at") <= time("latest"),
        "{moving:#}"
    );
    let off = (time("at") - noon).total(jiff::Unit::Hour).unwrap();
    assert!(off.abs() <= 1.0, "{moving:#}");
    let series = app.metrics().await;
    let metric = moving["metric"].as_str().unwrap();
    let name = format!("{PREFIX}_data_drift_{metric}_began_timestamp_seconds");
    let shown = series.one(&name, &[("monitor", "data-drift"), ("column", "moving")]);
    assert!((shown - time("at").as_second() as f64).abs() < 1.0);
    replayed(&app, &after).await;
}

#[tokio::test]
async fn false_alarms_are_bounded_over_time_and_each_window_spends_its_part() {
    let app = TestApp::start().await;
    let path =
        format!("/v1/models/shop/predictions?model_type=classifier&last_training_time={TRAINED}");
    app.post(&path, &batch(BEFORE, 4_000, 0.0)).await.ok();
    let spec = json!({
        "detector": "data-drift", "config": {"numeric": ["ks"]},
        "current": {"of": "tumbling", "extent": {"seconds": 21_600}},
        "false_alarms": {"at_most": 0.05, "per_seconds": 864_000},
    });
    monitor(&app, "bounded", &spec).await.ok();
    app.post(&path, &batch(AFTER, 1_440, 0.0)).await.ok();
    let moved = json!({ "predictions": rows("2025-12-12T00:00:00Z", 1_440, Change { shift: 0.4, ..Change::default() }) });
    app.post(&path, &moved).await.ok();
    app.run_due().await;
    let mut windows = evaluations(&app, "bounded").await;
    windows.retain(|one| one["outcome"] == "judged");
    assert!(windows.len() >= 6, "{windows:#?}");
    let mut total = 0.0;
    for window in &windows {
        let log = window["log"].to_string();
        let level = log
            .split("level ")
            .nth(1)
            .unwrap_or_else(|| panic!("{window:#}"));
        total += level.split(' ').next().unwrap().parse::<f64>().unwrap();
        let drifted = verdicts(window, "ks").iter().any(|one| one.2 == "drifted");
        let is_late = window["window_from"].as_str().unwrap() >= "2025-12-12";
        assert_eq!(drifted, is_late, "{window:#}");
        replayed(&app, window).await;
    }
    // At most two of ten days were seen.
    assert!(total <= 0.05 * 0.2 + 1e-12 && total > 0.005, "{total}");
}
