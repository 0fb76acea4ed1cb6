//! How models stand, and where the values of a column are.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::app::TestApp;

use super::rows::{AFTER, BEFORE, Change, TRAINED, batch};

/// A model with rows before its training and after it.
async fn trained(app: &TestApp, id: &str, after: Change) {
    let path =
        format!("/v1/models/{id}/predictions?model_type=classifier&last_training_time={TRAINED}");
    app.post(&path, &batch(BEFORE, 1_000, Change::default()))
        .await
        .ok();
    app.post(&path, &batch(AFTER, 500, after)).await.ok();
}

fn moved(shift: f64) -> Change {
    Change {
        shift,
        ..Change::default()
    }
}

async fn overview(app: &TestApp, query: &str) -> Value {
    app.get(&format!("/v1/overview{query}")).await.ok()
}

fn ids(overview: &Value) -> Vec<&str> {
    let items = overview["items"].as_array().unwrap().iter();
    items.map(|one| one["model_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_overview_says_what_drifts_how_much_and_since_when() {
    let app = TestApp::start().await;
    assert_eq!(
        overview(&app, "").await,
        json!({"items": [], "found": 0, "totals": {"models": 0, "drifted": 0, "failing": 0, "kinds": {}}})
    );
    trained(&app, "steady", moved(0.0)).await;
    trained(&app, "moving", moved(0.0)).await;
    app.run_due().await;
    let calm = overview(&app, "").await;
    assert_eq!(
        (&calm["totals"]["models"], &calm["totals"]["drifted"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(calm["items"][0]["kinds"]["data"]["verdict"], "stable");
    assert_eq!(calm["items"][0]["since"], Value::Null);

    // The drift begins with the next window, and lasts over the one behind it.
    let mut since = Value::Null;
    for start in ["2025-12-15T00:00:00Z", "2025-12-18T00:00:00Z"] {
        app.advance(SignedDuration::from_hours(1));
        app.post(
            "/v1/models/moving/predictions",
            &batch(start, 500, moved(0.6)),
        )
        .await
        .ok();
        app.run_due().await;
        let results = app.get("/v1/models/moving/results").await.ok();
        let found = overview(&app, "").await;
        let (first, second) = (&found["items"][0], &found["items"][1]);
        assert_eq!(
            (&first["model_id"], &second["model_id"]),
            (&json!("moving"), &json!("steady"))
        );
        let data = &first["kinds"]["data"];
        assert_eq!(
            (&data["verdict"], &data["judged"], &data["drifted"]),
            (&json!("drifted"), &json!(3), &json!(1))
        );
        assert_eq!(
            (&data["worst"]["column"], &data["worst"]["metric"]),
            (&json!("moving"), &json!("ks"))
        );
        let evaluations = results["evaluations"].as_array().unwrap();
        let of = evaluations
            .iter()
            .find(|one| one["monitor"] == "data-drift")
            .unwrap();
        let mut measurements = of["measurements"].as_array().unwrap().iter();
        let one = measurements
            .find(|one| one["column"] == "moving" && one["metric"] == "ks")
            .unwrap();
        for field in ["value", "threshold", "effect"] {
            assert_eq!(data["worst"][field], one[field], "{field}");
        }
        assert_eq!(first["effect"], one["effect"]);
        if since.is_null() {
            since = of["window_to"].clone();
        }
        assert_eq!(
            (&first["since"], &first["since_known"]),
            (&since, &json!(true))
        );
        assert_eq!(first["kinds"]["prior"]["verdict"], "stable");
        assert_eq!(found["totals"]["kinds"]["data"]["drifted"], 1);
    }
    // A host that has just started reads the same out of the database.
    let fresh = app.beside().await;
    assert_eq!(overview(&fresh, "").await, overview(&app, "").await);

    app.delete("/v1/models/moving").await;
    assert_eq!(ids(&overview(&app, "").await), ["steady"]);
}

#[tokio::test]
async fn an_overview_is_searched_sorted_and_cut_into_pages() {
    let app = TestApp::start().await;
    for name in ["b-two", "a-one", "C-three"] {
        app.post("/v1/models", &json!({ "model_id": name }))
            .await
            .ok();
    }
    assert_eq!(
        ids(&overview(&app, "?sort=model").await),
        ["C-three", "a-one", "b-two"]
    );
    assert_eq!(
        ids(&overview(&app, "?sort=model&reverse=true&limit=1&offset=1").await),
        ["a-one"]
    );
    let found = overview(&app, "?search=c-").await;
    assert_eq!((ids(&found), &found["found"]), (vec!["C-three"], &json!(1)));
    assert_eq!(
        overview(&app, "?kind=data&verdict=drifted").await["found"],
        0
    );
    assert_eq!(overview(&app, "?offset=9").await["items"], json!([]));
    for query in [
        "limit=0",
        "limit=1001",
        "offset=-1",
        "sort=colour",
        "kind=all",
        "verdict=bad",
        "reverse=maybe",
        "x=1",
    ] {
        app.get(&format!("/v1/overview?{query}"))
            .await
            .refused(400, "bad-query");
    }
}

#[tokio::test]
async fn the_distributions_of_a_column_hold_every_row_of_both_windows() {
    let app = TestApp::start().await;
    trained(&app, "shop", moved(0.6)).await;
    app.run_due().await;
    let path = "/v1/models/shop/distributions?monitor=data-drift&column=";
    let found = app.get(&format!("{path}moving&bins=20")).await.ok();

    assert_eq!(
        (&found["kind"], &found["role"], &found["reference_from"]),
        (&json!("numeric"), &json!("feature"), &json!("training"))
    );
    let bins = found["bins"].as_array().unwrap();
    assert!(bins.len() > 5 && bins.len() <= 20, "{}", bins.len());
    let sum = |side: &str| {
        bins.iter()
            .map(|bin| bin[side].as_f64().unwrap())
            .sum::<f64>()
    };
    assert_eq!((sum("reference"), sum("current")), (1_000.0, 500.0));
    assert_eq!(
        (&found["reference"]["rows"], &found["current"]["rows"]),
        (&json!(1_000), &json!(500))
    );
    let mean = |side: &str| found[side]["mean"].as_f64().unwrap();
    assert!((mean("current") - mean("reference") - 0.6).abs() < 0.01);

    let plan = app.get(&format!("{path}plan")).await.ok();
    let names: Vec<&Value> = plan["categories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["free", "gold"]);
    assert_eq!(
        plan["others"],
        json!({"names": 0, "reference": 0.0, "current": 0.0})
    );

    // Derived columns have distributions once there are labels; before that they are columns without rows.
    app.get(&format!("{path}nothing"))
        .await
        .refused(404, "no-column");
    app.get("/v1/models/shop/distributions?monitor=none&column=plan")
        .await
        .refused(404, "no-monitor");
    app.get("/v1/models/none/distributions?monitor=data-drift&column=plan")
        .await
        .refused(404, "no-model");
    for (query, kind) in [
        ("monitor=data-drift&column=plain", "no-column"),
        ("monitor=data%00drift&column=plan", "no-monitor"),
    ] {
        app.get(&format!("/v1/models/shop/distributions?{query}"))
            .await
            .refused(404, kind);
    }
    for query in [
        "monitor=data-drift",
        "column=plan",
        "monitor=data-drift&column=plan&bins=0",
        "monitor=data-drift&column=plan&bins=201",
    ] {
        app.get(&format!("/v1/models/shop/distributions?{query}"))
            .await
            .refused(400, "bad-query");
    }
}

#[tokio::test]
async fn a_tumbling_monitor_shows_the_window_that_it_judged_last() {
    let app = TestApp::start().await;
    trained(&app, "shop", moved(0.0)).await;
    app.put("/v1/models/shop/monitors/days", &json!({"detector": "data-drift", "rows_min": 50, "current": {"of": "tumbling", "extent": {"rows": 200}}})).await.ok();
    app.run_due().await;
    let evaluations = app
        .get("/v1/evaluations?model_id=shop&monitor=days&limit=1&measurements=false")
        .await
        .ok();
    let last = &evaluations["items"][0];
    assert_eq!(last["measurements"], json!([]));

    let found = app
        .get("/v1/models/shop/distributions?monitor=days&column=steady")
        .await
        .ok();

    assert_eq!(found["current"]["rows"], last["current_rows"]);
    assert!(last["current_rows"].as_u64().unwrap() < 500);
}

#[tokio::test]
async fn a_model_without_rows_has_columns_without_distributions() {
    let app = TestApp::start().await;
    app.post(
        "/v1/models",
        &json!({"model_id": "new", "columns": [{"name": "age", "kind": "numeric"}]}),
    )
    .await
    .ok();

    let found = app
        .get("/v1/models/new/distributions?monitor=data-drift&column=age")
        .await
        .ok();

    assert_eq!(
        (&found["kind"], &found["reference"], &found["bins"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    assert_eq!(found["reason"], "the model has no rows yet");
    app.get("/v1/models/new/distributions?monitor=data-drift&column=size")
        .await
        .refused(404, "no-column");
}
