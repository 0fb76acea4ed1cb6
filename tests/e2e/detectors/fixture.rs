//! Versions of one detector, made of `examples/beyond-tail` by changing bytes of it, and rows that drift or do not.

use jiff::{SignedDuration, Timestamp};
use leeway::domain::version::StoredCard;
use serde_json::{Value, json};

use crate::harness::app::{Answer, TestApp};

/// The detector `beyond-tail@1.0.0`.
pub(in crate::e2e) const BEYOND_TAIL: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/beyond-tail.wasm"));
/// Where its series stand.
pub(in crate::e2e) const FAMILY: &str = "drift_monitoring_api_model_data_drift_beyond_tail";
/// Where those of its shadow stand.
pub(in crate::e2e) const SHADOW_FAMILY: &str =
    "drift_monitoring_api_model_shadow_data_drift_beyond_tail";

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at: Vec<usize> = (0..=bytes.len() - from.len())
        .filter(|&at| bytes[at..].starts_with(from))
        .collect();
    assert_eq!(at.len(), 1, "the example was built differently");
    let mut changed = bytes.to_vec();
    changed[at[0]..at[0] + to.len()].copy_from_slice(to);
    changed
}

/// The same under another version, such as `1.1.0`.
pub(in crate::e2e) fn version(version: &str) -> Vec<u8> {
    named("beyond-tail", version)
}

/// The same under another name of eleven letters.
pub(in crate::e2e) fn named(name: &str, version: &str) -> Vec<u8> {
    let names = format!("{name}{version}");
    replaced(BEYOND_TAIL, b"beyond-tail1.0.0", names.as_bytes())
}

/// One that calls nothing drifted unless 90% lie beyond the tail.
pub(in crate::e2e) fn calm(of: &str) -> Vec<u8> {
    replaced(
        &version(of),
        &0.02_f64.to_le_bytes(),
        &0.9_f64.to_le_bytes(),
    )
}

/// One that asks for a quantile that there is none of, and fails wherever it has to judge.
pub(in crate::e2e) fn broken(of: &str) -> Vec<u8> {
    replaced(
        &version(of),
        &0.99_f64.to_le_bytes(),
        &2.0_f64.to_le_bytes(),
    )
}

/// Uploads a component as `curl --data-binary` would.
pub(in crate::e2e) async fn upload(app: &TestApp, query: &str, component: &[u8]) -> Answer {
    app.send(
        &format!("/v1/detectors{query}"),
        "application/wasm",
        component,
    )
    .await
}

/// A version that is certified; its report card is left out, since it takes seconds.
pub(in crate::e2e) async fn certified(app: &TestApp, component: &[u8]) -> Value {
    let version = upload(app, "", component).await;
    assert_eq!(version.status, 202, "{version}");
    let version = version.json();
    pass(app, version["digest"].as_str().unwrap()).await;
    version
}

/// Lets a version that waits for its report card pass without one.
pub(in crate::e2e) async fn pass(app: &TestApp, digest: &str) {
    let claim = app.store.claim_certification(Some(digest)).await.unwrap();
    let card = StoredCard::default();
    app.store
        .finish_certification(claim.unwrap(), &card, None, app.now())
        .await
        .unwrap();
}

/// A version that is active.
pub(in crate::e2e) async fn active(app: &TestApp, component: &[u8]) -> Value {
    let version = certified(app, component).await;
    act(app, &version, "activate").await.ok()
}

/// `POST /v1/detectors/{name}/versions/{version}/{action}`.
pub(in crate::e2e) async fn act(app: &TestApp, version: &Value, action: &str) -> Answer {
    let path = format!("{}/{action}", path(version));
    Answer::of(app.request(reqwest::Method::POST, &path)).await
}

/// Where a version is.
pub(in crate::e2e) fn path(version: &Value) -> String {
    format!(
        "/v1/detectors/{}/versions/{}",
        version["name"].as_str().unwrap(),
        version["version"].as_str().unwrap()
    )
}

/// The state of `beyond-tail` in a version.
pub(in crate::e2e) async fn state(app: &TestApp, version: &str) -> String {
    let path = format!("/v1/detectors/beyond-tail/versions/{version}");
    let found = app.get(&path).await.ok();
    found["state"].as_str().unwrap().to_owned()
}

/// A monitor of `shop` that follows new data with a detector.
pub(in crate::e2e) async fn monitor(app: &TestApp, name: &str, detector: &str) -> Answer {
    app.put(
        &format!("/v1/models/shop/monitors/{name}"),
        &json!({ "detector": detector, "rows_min": 50, "reference": {"from": "training"}, "current": {"of": "sliding", "extent": {"rows": 100}} }),
    )
    .await
}

/// Rows of `shop`, one a minute from `start` on, whose feature `x` fills [shift, shift + 1] evenly. Up to the end of 2025 it was trained.
pub(in crate::e2e) async fn rows(app: &TestApp, start: &str, count: u32, shift: f64) {
    let from: Timestamp = start.parse().unwrap();
    let row = |at: u32| {
        let even = (f64::from(at) * 0.618_033_988_749_895).fract();
        json!({
            "record_id": format!("{start}/{at}"),
            "prediction_time": (from + SignedDuration::from_mins(at.into())).to_string(),
            "features": { "x": even + shift },
            "prediction": even,
        })
    };
    let rows: Vec<Value> = (0..count).map(row).collect();
    let path =
        "/v1/models/shop/predictions?model_type=regressor&last_training_time=2025-12-10T00:00:00Z";
    app.post(path, &json!({ "predictions": rows })).await.ok();
}

/// A model with rows from before its training and after it, of which a tenth lies beyond the tail afterwards.
pub(in crate::e2e) async fn shop(app: &TestApp) {
    rows(app, "2025-12-01T00:00:00Z", 1_000, 0.0).await;
    rows(app, "2025-12-11T00:00:00Z", 300, 0.1).await;
}
