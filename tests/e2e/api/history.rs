//! Reading back: pages, filters, backtests, and the past of a monitor that is new.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::app::TestApp;

use super::rows::{AFTER, BEFORE, Change, TRAINED, batch};

async fn evaluated(app: &TestApp, times: u32) {
    let path = format!("/v1/models/shop/predictions?last_training_time={TRAINED}");
    app.post(&path, &batch(BEFORE, 500, Change::default()))
        .await
        .ok();
    for time in 0..times {
        let start = format!("2025-12-{}T00:00:00Z", 11 + time);
        app.post(&path, &batch(&start, 500, Change::default()))
            .await
            .ok();
        app.run_due().await;
        app.advance(SignedDuration::from_mins(1));
    }
}

/// All items of a list, page by page.
async fn pages(app: &TestApp, path: &str, limit: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("{path}limit={limit}{cursor}")).await.ok();
        let items = page["items"].as_array().unwrap();
        all.extend(items.iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else {
            return all;
        };
        assert_eq!(items.len(), limit, "only the last page is shorter");
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn pages_of_any_size_hold_every_item_once() {
    let app = TestApp::start().await;
    evaluated(&app, 3).await;
    for id in ["b", "a", "c"] {
        app.post("/v1/models", &json!({ "model_id": id }))
            .await
            .ok();
    }
    for path in [
        "/v1/models?",
        "/v1/models/shop/predictions?",
        "/v1/measurements?",
        "/v1/measurements?model_id=shop&monitor=data-drift&",
        "/v1/evaluations?model_id=shop&",
    ] {
        let whole = pages(&app, path, 1_000).await;
        assert!(whole.len() > 3, "{path}");
        for limit in [7, whole.len() - 1, whole.len()].map(|limit| limit.min(1_000)) {
            assert_eq!(pages(&app, path, limit).await, whole, "{path} {limit}");
        }
        let distinct: BTreeSet<String> = whole.iter().map(Value::to_string).collect();
        assert_eq!(distinct.len(), whole.len(), "{path}");
    }
}

#[tokio::test]
async fn measurements_are_filtered_by_what_they_are_and_when() {
    let app = TestApp::start().await;
    evaluated(&app, 3).await;
    let all = pages(&app, "/v1/measurements?", 1_000).await;
    for (field, query) in [
        ("monitor", "monitor=prior-drift"),
        ("metric", "metric=ks"),
        ("column", "column=steady"),
        ("verdict", "verdict=stable"),
    ] {
        let value = query.split_once('=').unwrap().1;
        let expected: Vec<&Value> = all.iter().filter(|one| one[field] == value).collect();
        let found = pages(&app, &format!("/v1/measurements?{query}&"), 1_000).await;
        assert!(!expected.is_empty() && expected.len() < all.len() || field == "verdict");
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    // From a time on, and before another: the second of three evaluations.
    let range = "from=2026-01-01T00:01:00Z&to=2026-01-01T00:02:00Z&";
    let found = pages(&app, &format!("/v1/measurements?{range}"), 1_000).await;
    assert!(!found.is_empty());
    assert!(
        found
            .iter()
            .all(|one| one["measured_at"] == "2026-01-01T00:01:00Z")
    );
    let expected = all
        .iter()
        .filter(|one| one["measured_at"] == "2026-01-01T00:01:00Z");
    assert_eq!(expected.count(), found.len());
    // Newest first.
    let times: Vec<&str> = all
        .iter()
        .map(|one| one["measured_at"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b));
    app.get("/v1/measurements?model_id=none")
        .await
        .refused(404, "no-model");
}

#[tokio::test]
async fn a_new_monitor_has_a_past_at_once() {
    let app = TestApp::start().await;
    evaluated(&app, 5).await;
    let before = app.now();
    let spec = json!({
        "detector": "data-drift", "rows_min": 50, "current": { "of": "tumbling", "extent": { "rows": 500 } },
    });
    let form = json!({ "name": "mine", "spec": spec });
    let made = app.post("/v1/models/shop/monitors", &form).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("location"), "/v1/models/shop/monitors/mine");
    assert_eq!(app.get(made.header("location")).await.ok(), made.json());

    app.run_due().await;

    let past = pages(&app, "/v1/evaluations?model_id=shop&monitor=mine&", 1_000).await;
    assert!(past.len() >= 3, "{past:?}");
    assert!(
        past.iter().all(|one| one["cause"] == "backtest"),
        "{past:?}"
    );
    let ends: BTreeSet<&str> = past
        .iter()
        .map(|one| one["window_to"].as_str().unwrap())
        .collect();
    assert_eq!(ends.len(), past.len(), "each window once");
    assert_eq!(before, app.now());
}

#[tokio::test]
async fn a_backtest_shows_how_far_it_is() {
    let app = TestApp::start().await;
    evaluated(&app, 5).await;
    let path = "/v1/models/shop/monitors/data-drift/backtest";
    let asked = app.post(path, &Value::Null).await;
    assert_eq!(asked.status, 202);
    let place = asked.header("location").to_owned();
    assert_eq!(app.get(&place).await.ok(), asked.json());
    assert_eq!(asked.json()["state"], "waiting");

    app.run_due().await;

    let done = app.get(&place).await.ok();
    assert_eq!(done["state"], "done", "{done}");
    assert!(done["windows"].as_u64().unwrap() > 1, "{done}");
    assert_eq!(done["windows"], done["windows_done"]);
}

#[tokio::test]
async fn a_monitor_is_evaluated_when_somebody_asks() {
    let app = TestApp::start().await;
    let path = format!("/v1/models/shop/predictions?last_training_time={TRAINED}");
    for start in [BEFORE, AFTER] {
        app.post(&path, &batch(start, 500, Change::default()))
            .await
            .ok();
    }
    let evaluate = "/v1/models/shop/monitors/data-drift/evaluate";
    // At once: nothing has been profiled before.
    let results = app
        .post(&format!("{evaluate}?wait=true"), &Value::Null)
        .await
        .ok();
    let one = &results["evaluations"][0];
    assert_eq!(
        (&one["outcome"], &one["cause"]),
        (&json!("judged"), &json!("request"))
    );
    assert_eq!(
        (&one["reference_rows"], &one["current_rows"]),
        (&json!(500), &json!(500))
    );
    // And soon.
    assert_eq!(app.post(evaluate, &Value::Null).await.status, 202);
    app.run_due().await;
    let past = pages(&app, "/v1/evaluations?monitor=data-drift&", 1_000).await;
    assert!(past.len() >= 2);
    let all = app
        .post("/v1/models/shop/evaluate?wait=true", &Value::Null)
        .await
        .ok();
    let names: Vec<&Value> = all["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["monitor"])
        .collect();
    assert_eq!(names, ["concept-drift", "data-drift", "prior-drift"]);
}
