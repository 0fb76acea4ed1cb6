//! A version over the past: its verdicts beside those of the monitor's own detector, and nobody's results are touched.

use serde_json::{Value, json};

use super::fixture::{BEYOND_TAIL, active, calm, certified, monitor, path, rows, shop};
use crate::harness::app::{Answer, TestApp};

async fn try_on(app: &TestApp, version: &Value, monitor: &str) -> Answer {
    let form = json!({ "model_id": "shop", "monitor": monitor });
    app.post(&format!("{}/backtests", path(version)), &form)
        .await
}

#[tokio::test]
async fn a_new_version_has_a_past_and_it_is_compared_with_the_active_one() {
    let app = TestApp::start().await;
    shop(&app).await;
    rows(&app, "2025-12-20T00:00:00Z", 300, 0.0).await;
    active(&app, BEYOND_TAIL).await;
    monitor(&app, "tail", "beyond-tail").await.ok();
    app.run_due().await;
    let before = app
        .get("/v1/measurements?model_id=shop&monitor=tail")
        .await
        .ok();
    let second = certified(&app, &calm("1.1.0")).await;

    let asked = try_on(&app, &second, "tail").await;
    assert_eq!(asked.status, 202, "{asked}");
    let place = asked.header("location").to_owned();
    assert_eq!(app.get(&place).await.ok()["state"], "waiting");
    app.run_due().await;

    let done = app.get(&place).await.ok();
    assert_eq!(
        (&done["state"], &done["detector"]),
        (&json!("done"), &json!("beyond-tail@1.1.0")),
        "{done:#}"
    );
    assert_eq!(done["windows_done"], done["windows"]);
    let comparison = &done["comparison"];
    let count = |name: &str| comparison[name].as_u64().unwrap();
    assert_eq!(comparison["with"], "beyond-tail@1.0.0");
    assert!(count("windows") > 3, "{comparison:#}");
    assert_eq!(count("windows_of_one"), 0);
    // The old one calls a tenth beyond the tail drift, the new one nothing; without drift they agree.
    assert!(
        count("only_own_drifted") > 0 && count("same") > 0,
        "{comparison:#}"
    );
    assert_eq!((count("only_tried_drifted"), count("other")), (0, 0));
    assert_eq!(count("same") + count("only_own_drifted"), count("windows"));
    let difference = &comparison["differences"][0];
    assert_eq!(
        (
            &difference["column"],
            &difference["tried"],
            &difference["own"]
        ),
        (&json!("x"), &json!("stable"), &json!("drifted"))
    );

    let after = app
        .get("/v1/measurements?model_id=shop&monitor=tail")
        .await
        .ok();
    assert_eq!(before, after, "nobody's results are touched");
    let tried = app
        .get("/v1/evaluations?model_id=shop&monitor=tail&shadow=true")
        .await
        .ok();
    let tried = tried["items"].as_array().unwrap();
    assert_eq!(tried.len() as u64, count("windows"));
    // The same again replaces what it measured.
    try_on(&app, &second, "tail").await.ok();
    app.run_due().await;
    let again = app
        .get("/v1/evaluations?model_id=shop&monitor=tail&shadow=true")
        .await
        .ok();
    assert_eq!(again["items"].as_array().unwrap().len(), tried.len());
}

#[tokio::test]
async fn only_a_version_that_may_be_used_is_tried_and_only_on_what_there_is() {
    let app = TestApp::start().await;
    shop(&app).await;
    let version = super::fixture::upload(&app, "", BEYOND_TAIL).await.json();

    try_on(&app, &version, "data-drift")
        .await
        .refused(409, "wrong-state");
    super::fixture::pass(&app, version["digest"].as_str().unwrap()).await;
    try_on(&app, &version, "nobody")
        .await
        .refused(404, "no-monitor");
    let nobody = json!({ "model_id": "nobody", "monitor": "data-drift" });
    app.post(&format!("{}/backtests", path(&version)), &nobody)
        .await
        .refused(404, "no-model");
    let missing = json!({ "name": "beyond-tail", "version": "9.9.9" });
    try_on(&app, &missing, "data-drift")
        .await
        .refused(404, "no-detector");
    // Against another detector altogether, too.
    let asked = try_on(&app, &version, "data-drift").await.ok();
    app.run_due().await;
    let place = format!("/v1/backtests/{}", asked["backtest_no"]);
    let done = app.get(&place).await.ok();
    assert_eq!(done["state"], "done", "{done:#}");
    let with = done["comparison"]["with"].as_str().unwrap();
    assert!(with.starts_with("data-drift@"), "{with}");
}
