//! Detectors that are uploaded without their report card, which takes seconds, and rows of a classifier.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use jiff::{SignedDuration, Timestamp};
use leeway::domain::version::StoredCard;
use serde_json::{Value, json};

use crate::harness::app::{Answer, TestApp};
use crate::harness::wat::Raw;

/// The guest of `plugins/hostile`.
pub(super) const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));

/// Up to here a model was trained.
const TRAINED: &str = "2025-12-10T00:00:00Z";

/// The metric of `raw` under a name of its own: `hostile` has a metric `calm`, and no two detectors share a name.
pub(super) const METRIC: &str = r#"(data (i32.const 1040) "even")"#;

/// The detector `raw` in a version, which says 0.5.
pub(super) fn good(version: &str) -> Vec<u8> {
    let fields = format!(r#"(data (i32.const 1032) "{version}") {METRIC}"#);
    Raw {
        fields: &fields,
        ..Raw::default()
    }
    .component()
}

/// The same, but it says NaN, which is its own fault.
pub(super) fn broken(version: &str) -> Vec<u8> {
    let fields = format!(
        r#"(data (i32.const 1032) "{version}") {METRIC} (data (i32.const 2344) "\00\00\00\00\00\00\f8\7f")"#
    );
    Raw {
        fields: &fields,
        ..Raw::default()
    }
    .component()
}

/// Uploads a component. `query`: the limits that it asks for.
pub(super) async fn upload(app: &TestApp, query: &str, component: &[u8]) -> Answer {
    let path = format!("/v1/detectors{query}");
    app.send(&path, "application/wasm", component).await
}

/// A version that is active.
pub(super) async fn active(app: &TestApp, query: &str, component: &[u8]) -> Value {
    let uploaded = upload(app, query, component).await;
    assert_eq!(uploaded.status, 202, "{uploaded}");
    let version = uploaded.json();
    let digest = version["digest"].as_str().unwrap();
    let claim = app.store.claim_certification(Some(digest)).await.unwrap();
    let card = StoredCard::default();
    app.store
        .finish_certification(claim.unwrap(), &card, None, app.now())
        .await
        .unwrap();
    activate(app, &version).await
}

/// Activates a version.
pub(super) async fn activate(app: &TestApp, version: &Value) -> Value {
    let path = format!(
        "/v1/detectors/{}/versions/{}/activate",
        version["name"].as_str().unwrap(),
        version["version"].as_str().unwrap()
    );
    Answer::of(app.request(reqwest::Method::POST, &path))
        .await
        .ok()
}

/// Rows of a model, one a minute from `start` on, with labels if `labelled`.
pub(in crate::e2e) async fn rows(
    app: &TestApp,
    model: &str,
    start: &str,
    count: u32,
    shift: f64,
    labelled: bool,
) {
    let from: Timestamp = start.parse().unwrap();
    let row = |at: u32| {
        let even = |step: f64| (f64::from(at) * step).fract();
        let yes = even(0.618_033_988_749_895) < 0.5;
        let answer = |yes: bool| if yes { "yes" } else { "no" };
        let mut row = json!({
            "record_id": format!("{start}/{at}"),
            "prediction_time": (from + SignedDuration::from_mins(at.into())).to_string(),
            "features": {
                "x": even(0.414_213_562_373_095) + shift,
                "plan": if even(0.645_751_311_064_591) < 0.3 { "gold" } else { "free" },
            },
            "prediction": answer(yes),
            "probability": even(0.618_033_988_749_895),
        });
        if labelled {
            row["label"] = json!(answer(yes == (even(0.236_067_977_499_79) >= 0.1)));
        }
        row
    };
    let rows: Vec<Value> = (0..count).map(row).collect();
    let path = format!(
        "/v1/models/{model}/predictions?model_type=classifier&last_training_time={TRAINED}"
    );
    app.post(&path, &json!({ "predictions": rows })).await.ok();
}

/// Makes or changes a monitor.
pub(super) async fn monitor(app: &TestApp, model: &str, name: &str, spec: &Value) -> Answer {
    app.put(&format!("/v1/models/{model}/monitors/{name}"), spec)
        .await
}

/// Evaluations of a monitor, newest first.
pub(super) async fn evaluations(app: &TestApp, model: &str, monitor: &str) -> Vec<Value> {
    let path = format!("/v1/evaluations?model_id={model}&monitor={monitor}&limit=1000");
    let page = app.get(&path).await.ok();
    page["items"].as_array().unwrap().clone()
}
