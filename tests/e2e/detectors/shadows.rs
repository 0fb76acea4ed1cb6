//! A new version beside the old one: the same windows, recorded and shown apart.

use leeway::builtin;
use leeway::domain::Descriptor;
use leeway::domain::version::{Actor, Upload};
use leeway::store::{Added, NewVersion};
use serde_json::{Value, json};

use super::fixture::{
    BEYOND_TAIL, FAMILY, SHADOW_FAMILY, act, active, broken, calm, certified, monitor, pass, rows,
    shop,
};
use crate::harness::app::TestApp;

async fn evaluations(app: &TestApp, shadow: bool) -> Vec<Value> {
    let path = format!("/v1/evaluations?model_id=shop&monitor=tail&shadow={shadow}");
    let page = app.get(&path).await.ok();
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_shadow_judges_the_same_windows_and_stands_apart() {
    let app = TestApp::start().await;
    shop(&app).await;
    active(&app, BEYOND_TAIL).await;
    monitor(&app, "tail", "beyond-tail").await.ok();
    app.run_due().await;
    let plain = app.metrics().await;
    let second = certified(&app, &calm("1.1.0")).await;
    act(&app, &second, "shadow").await.ok();

    rows(&app, "2025-12-20T00:00:00Z", 100, 0.1).await;
    app.run_due().await;

    let shadows = evaluations(&app, true).await;
    let own = evaluations(&app, false).await;
    let (shadow, own) = (&shadows[0], &own[0]);
    assert_eq!(
        (&shadow["detector"], &own["detector"]),
        (&"beyond-tail@1.1.0".into(), &"beyond-tail@1.0.0".into())
    );
    for same in ["window_from", "window_to", "current_rows", "reference_rows"] {
        assert_eq!(shadow[same], own[same], "{same}");
    }
    let value = |of: &Value| of["measurements"][0]["value"].clone();
    assert_eq!(value(shadow), value(own));
    let verdict = |of: &Value| {
        of["measurements"][0]["verdict"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        (verdict(shadow), verdict(own)),
        ("stable".into(), "drifted".into())
    );

    // Names and a label of its own: what looks at the others sees what it saw.
    let series = app.metrics().await;
    let labels = [("shadow", "beyond-tail@1.1.0"), ("column", "x")];
    assert!(series.one(SHADOW_FAMILY, &labels) > 0.02);
    assert_eq!(
        series.one(&format!("{SHADOW_FAMILY}_drifted"), &labels),
        0.0
    );
    assert_eq!(
        series.one(&format!("{FAMILY}_drifted"), &[("column", "x")]),
        1.0
    );
    assert_eq!(series.all(FAMILY, &[]).len(), plain.all(FAMILY, &[]).len());
    let drifted = "drift_monitoring_api_model_drifted";
    assert_eq!(series.one(drifted, &[("kind", "data")]), 1.0);
    let latest = app.get("/v1/models/shop/results").await.ok();
    assert!(!latest.to_string().contains("1.1.0"));
    let count = async |view: &str| -> i64 {
        let sql =
            format!("SELECT count(*) FROM history.{view} WHERE detector = 'beyond-tail@1.1.0'");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(app.store.pool())
            .await
            .unwrap()
    };
    assert_eq!(
        (count("measurements").await, count("evaluations").await),
        (0, 0)
    );
    assert!(count("shadow_measurements").await > 0 && count("shadow_evaluations").await > 0);

    // A shadow that comes into use is none any more.
    act(&app, &second, "activate").await.ok();
    app.run_due().await;
    let series = app.metrics().await;
    assert_eq!(series.with("shadow", "beyond-tail@1.1.0"), 0);
    assert_eq!(
        series.one(&format!("{FAMILY}_drifted"), &[("column", "x")]),
        0.0
    );
}

#[tokio::test]
async fn a_shadow_that_fails_fails_nobody() {
    let app = TestApp::start().await;
    shop(&app).await;
    active(&app, BEYOND_TAIL).await;
    monitor(&app, "tail", "beyond-tail").await.ok();
    let second = certified(&app, &broken("1.1.0")).await;
    act(&app, &second, "shadow").await.ok();

    app.run_due().await;
    rows(&app, "2025-12-20T00:00:00Z", 100, 0.1).await;
    app.run_due().await;

    let shadows = evaluations(&app, true).await;
    assert_eq!(shadows.len(), 1, "after a failure it rests");
    assert_eq!(shadows[0]["outcome"], "failed");
    let own = evaluations(&app, false).await;
    assert!(own.iter().all(|one| one["outcome"] == "judged"), "{own:#?}");
    let monitor = app.get("/v1/models/shop/monitors/tail").await.ok();
    assert_eq!(monitor["failures"], 0, "{monitor:#}");
}

#[tokio::test]
async fn a_shadow_needs_a_version_that_it_can_run_beside() {
    let app = TestApp::start().await;
    let version = certified(&app, BEYOND_TAIL).await;

    let alone = act(&app, &version, "shadow")
        .await
        .refused(409, "wrong-state");

    assert!(
        alone["detail"]
            .as_str()
            .unwrap()
            .contains("no version is active")
    );
    act(&app, &version, "activate").await.ok();
    act(&app, &version, "shadow")
        .await
        .refused(409, "wrong-state");
}

/// The stream detector `page-hinkley` with other bytes, stored as a version of `stream`.
async fn stream(app: &TestApp, version: &str) -> Value {
    let plugin = builtin::find("page-hinkley").unwrap().component;
    let mut bytes = plugin.to_vec();
    // A section that nobody reads: its length, the length of its name, its name.
    bytes.extend([0, 6, 5]);
    bytes.extend(version.as_bytes());
    let upload = Upload::component(bytes);
    let descriptor = Descriptor {
        name: "stream".into(),
        version: version.into(),
        ..crate::harness::plugin("page-hinkley").descriptor().clone()
    };
    let new = NewVersion {
        upload: &upload,
        digest: &upload.digest(),
        limits: &json!({}),
        descriptor: &descriptor,
    };
    let seen = app.store.detectors_revision().await.unwrap();
    let actor = Actor::host();
    let added = app
        .store
        .add_detector(&new, seen, 10, &actor, app.now())
        .await;
    assert_eq!(added.unwrap(), Added::New);
    pass(app, new.digest).await;
    json!({ "name": "stream", "version": version, "digest": new.digest })
}

/// Rows that each version was given in all, by digest.
async fn followed(app: &TestApp, version: &Value) -> i64 {
    sqlx::query_scalar(
        "SELECT coalesce(sum(current_rows), 0)::int8 FROM evaluation WHERE digest = $1",
    )
    .bind(version["digest"].as_str().unwrap())
    .fetch_one(app.store.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn versions_that_follow_rows_each_go_on_from_where_they_stood() {
    let app = TestApp::start().await;
    let labelled = async |start: &str, count: u32| {
        rows(&app, start, count, 0.0).await;
        let labels: Vec<Value> = (0..count)
            .map(|at| json!({ "record_id": format!("{start}/{at}"), "label": 0.5 }))
            .collect();
        app.post("/v1/models/shop/labels", &json!({ "labels": labels }))
            .await
            .ok();
        app.run_due().await;
    };
    labelled("2025-12-01T00:00:00Z", 100).await;
    let (first, second) = (stream(&app, "1.0.0").await, stream(&app, "2.0.0").await);
    act(&app, &first, "activate").await.ok();
    monitor(&app, "tail", "stream").await.ok();
    app.run_due().await;
    assert_eq!(followed(&app, &first).await, 100);

    act(&app, &second, "shadow").await.ok();
    labelled("2025-12-02T00:00:00Z", 50).await;
    assert_eq!(followed(&app, &first).await, 150);
    assert_eq!(
        followed(&app, &second).await,
        150,
        "the shadow began with the first row"
    );

    // The shadow comes into use where it stands, and the old one waits where it stood.
    act(&app, &second, "activate").await.ok();
    labelled("2025-12-03T00:00:00Z", 30).await;
    assert_eq!(followed(&app, &second).await, 180);
    assert_eq!(followed(&app, &first).await, 150);
    act(&app, &first, "activate").await.ok();
    labelled("2025-12-04T00:00:00Z", 20).await;
    assert_eq!(
        followed(&app, &first).await,
        200,
        "no row is missed, and none counts twice"
    );
    assert_eq!(followed(&app, &second).await, 180);
}
