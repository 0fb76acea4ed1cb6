//! The life of a version: into use, back again, out of use, on every host.

use leeway::domain::version::Actor;
use serde_json::{Value, json};

use super::fixture::{
    BEYOND_TAIL, FAMILY, act, active, calm, certified, monitor, path, rows, shop, state, version,
};
use crate::harness::app::{Series, TestApp};

/// Series of results that `beyond-tail@1.0.0` gave.
fn results(page: &Series) -> usize {
    let names = page.0.keys().filter(|(name, labels)| {
        let gave = labels
            .get("detector")
            .is_some_and(|it| it == "beyond-tail@1.0.0");
        gave && name.starts_with("drift_")
    });
    names.count()
}

/// Who gave the latest result of the monitor `tail`, and what it says of `x`.
async fn latest(app: &TestApp) -> (String, String) {
    let results = app.get("/v1/models/shop/results").await.ok();
    let found = results["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["monitor"] == "tail")
        .unwrap_or_else(|| panic!("{results:#}"))
        .clone();
    let verdict = found["measurements"][0]["verdict"].as_str();
    let verdict = verdict.or(found["reason"].as_str()).unwrap();
    (
        found["detector"].as_str().unwrap().to_owned(),
        verdict.to_owned(),
    )
}

#[tokio::test]
async fn a_monitor_uses_an_uploaded_detector_and_its_metric_stands_on_metrics_with_its_help() {
    let app = TestApp::start().await;
    shop(&app).await;
    let refused = monitor(&app, "tail", "beyond-tail")
        .await
        .refused(422, "bad-monitor");
    let reason = refused["errors"][0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("there is no detector 'beyond-tail'; there are adwin"),
        "{reason}"
    );
    let version = certified(&app, BEYOND_TAIL).await;
    let refused = monitor(&app, "tail", "beyond-tail")
        .await
        .refused(422, "bad-monitor");
    let reason = refused["errors"][0]["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        "no version of detector 'beyond-tail' is active; there is 1.0.0 (certified)"
    );

    act(&app, &version, "activate").await.ok();
    monitor(&app, "tail", "beyond-tail").await.ok();
    app.run_due().await;

    assert_eq!(
        latest(&app).await,
        ("beyond-tail@1.0.0".into(), "drifted".into())
    );
    let page = app.get("/metrics").await.text();
    let help = format!(
        "# HELP {FAMILY} Data drift, beyond_tail: Share of values beyond the reference's 99% quantile.\n"
    );
    assert!(page.contains(&help), "{page}");
    let series = app.metrics().await;
    let labels = [
        ("detector", "beyond-tail@1.0.0"),
        ("monitor", "tail"),
        ("column", "x"),
    ];
    assert!((series.one(FAMILY, &labels) - 0.11).abs() < 0.03);
    assert_eq!(series.with("shadow", "beyond-tail@1.0.0"), 0);
}

#[tokio::test]
async fn activation_and_rollback_hold_from_the_next_evaluation_on_every_host() {
    let app = TestApp::start().await;
    let other = app.beside().await;
    shop(&app).await;
    let first = active(&app, BEYOND_TAIL).await;
    monitor(&app, "tail", "beyond-tail").await.ok();
    monitor(&app, "pinned", "beyond-tail@1.0.0").await.ok();
    app.run_due().await;
    assert_eq!(latest(&app).await.1, "drifted");
    let second = certified(&app, &calm("1.1.0")).await;

    act(&app, &second, "activate").await.ok();

    assert_eq!(state(&app, "1.0.0").await, "retired");
    // The host that was asked evaluates at once; another one without a word from anybody.
    app.run_due().await;
    assert_eq!(
        latest(&app).await,
        ("beyond-tail@1.1.0".into(), "stable".into())
    );
    let old = [("monitor", "tail"), ("detector", "beyond-tail@1.0.0")];
    assert!(app.metrics().await.all(FAMILY, &old).is_empty());
    act(&app, &first, "activate").await.ok();
    let evaluated = other
        .post(
            "/v1/models/shop/monitors/tail/evaluate?wait=true",
            &Value::Null,
        )
        .await
        .ok();
    assert_eq!(evaluated["evaluations"][0]["detector"], "beyond-tail@1.0.0");
    act(&other, &second, "activate").await.ok();
    rows(&app, "2025-12-20T00:00:00Z", 100, 0.1).await;
    app.run_due().await;
    assert_eq!(latest(&app).await.0, "beyond-tail@1.1.0");
    // Who pins a version keeps it.
    let results = app.get("/v1/models/shop/results").await.ok();
    assert!(
        results["evaluations"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["monitor"] == "pinned"
                && one["detector"] == "beyond-tail@1.0.0"
                && one["outcome"] == "judged"),
        "{results:#}"
    );
}

#[tokio::test]
async fn an_evaluation_ends_on_the_version_it_began_with() {
    let app = TestApp::start().await;
    shop(&app).await;
    active(&app, BEYOND_TAIL).await;
    let second = certified(&app, &calm("1.1.0")).await;
    let detectors = app.service.watch.detectors();
    let resolve = async || {
        detectors
            .resolve(&app.store, "beyond-tail")
            .await
            .unwrap()
            .unwrap()
    };
    let began = resolve().await;

    act(&app, &second, "activate").await.ok();

    assert_eq!(began.descriptor().version, "1.0.0");
    assert!(began.configure(&json!({}), 1).is_ok(), "it still runs");
    assert_eq!(resolve().await.descriptor().version, "1.1.0");
}

#[tokio::test]
async fn uploaded_detectors_are_there_after_a_restart() {
    let app = TestApp::start().await;
    shop(&app).await;
    active(&app, BEYOND_TAIL).await;
    monitor(&app, "tail", "beyond-tail").await.ok();
    app.run_due().await;
    let before = app.metrics().await;
    let series = results(&before);
    assert!(series > 5);

    app.service.watch.stop().await; // Its models are nobody's then.
    let restarted = app.beside().await;

    assert_eq!(results(&restarted.metrics().await), series);
    let page = restarted.get("/metrics").await.text();
    assert!(
        page.contains("Data drift, beyond_tail: Share of values"),
        "the help too"
    );
    rows(&restarted, "2025-12-20T00:00:00Z", 100, 0.0).await;
    restarted.run_due().await;
    assert_eq!(
        latest(&restarted).await,
        ("beyond-tail@1.0.0".into(), "stable".into())
    );
}

#[tokio::test]
async fn what_is_in_use_can_neither_be_retired_nor_deleted_by_mistake() {
    let app = TestApp::start().await;
    shop(&app).await;
    let first = active(&app, BEYOND_TAIL).await;
    let second = certified(&app, &version("1.1.0")).await;
    monitor(&app, "tail", "beyond-tail").await.ok();
    monitor(&app, "pinned", "beyond-tail@1.1.0").await.ok();

    let in_use = act(&app, &first, "retire").await.refused(409, "in-use");
    assert_eq!(in_use["detail"], "beyond-tail is in use by shop / tail");
    app.delete(&path(&first)).await.refused(409, "wrong-state");
    app.delete(&path(&second)).await.refused(409, "in-use");
    act(&app, &first, "retire?force=true").await.ok();
    app.run_due().await;
    assert_eq!(
        latest(&app).await,
        (
            "beyond-tail".into(),
            "no version of detector 'beyond-tail' is active; there is 1.1.0 (certified), 1.0.0 (retired)".into()
        )
    );
    act(&app, &first, "activate").await.ok();
    app.run_due().await;
    assert_eq!(
        latest(&app).await.1,
        "drifted",
        "it is tried at once, not after a pause"
    );

    app.delete("/v1/models/shop/monitors/pinned").await.ok();
    app.delete(&path(&second)).await.ok();
    app.get(&path(&second)).await.refused(404, "no-detector");
    app.delete(&path(&second)).await.refused(404, "no-detector");
    app.get("/v1/detectors/nobody")
        .await
        .refused(404, "no-detector");
    // Its bytes may come again.
    certified(&app, &version("1.1.0")).await;
}

#[tokio::test]
async fn a_version_in_quarantine_runs_no_more_until_somebody_activates_it() {
    let app = TestApp::start().await;
    shop(&app).await;
    let version = active(&app, BEYOND_TAIL).await;
    monitor(&app, "tail", "beyond-tail").await.ok();
    monitor(&app, "pinned", "beyond-tail@1.0.0").await.ok();
    let versions = &app.service.versions;

    let done = versions
        .quarantine(
            "beyond-tail",
            "1.0.0",
            "it failed 5 times in a row",
            &Actor::host(),
        )
        .await
        .unwrap();

    assert!(done);
    app.post("/v1/models/shop/evaluate?wait=true", &Value::Null)
        .await
        .ok();
    assert!(
        latest(&app)
            .await
            .1
            .contains("1.0.0 is quarantined: it failed 5 times")
    );
    let results = app.get("/v1/models/shop/results").await.ok();
    let reasons: Vec<&str> = results["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["reason"].as_str())
        .collect();
    assert!(
        reasons.contains(&"beyond-tail@1.0.0 is quarantined: it failed 5 times in a row"),
        "{reasons:?}"
    );
    let shown = app.get(&path(&version)).await.ok();
    assert_eq!(shown["reason"], "it failed 5 times in a row");
    act(&app, &version, "shadow")
        .await
        .refused(409, "wrong-state");
    act(&app, &version, "activate").await.ok();
    app.run_due().await;
    assert_eq!(latest(&app).await.1, "drifted");
    assert_eq!(app.get(&path(&version)).await.ok()["reason"], Value::Null);
}

#[tokio::test]
async fn what_a_version_writes_is_kept_and_read_page_by_page() {
    const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
    let app = TestApp::start().await;
    shop(&app).await;
    let version = active(&app, HOSTILE).await;
    let spec =
        json!({ "detector": "hostile", "rows_min": 50, "config": { "act": "log", "amount": 3 } });
    app.put("/v1/models/shop/monitors/tail", &spec).await.ok();
    app.run_due().await;
    rows(&app, "2025-12-20T00:00:00Z", 100, 0.0).await;
    app.run_due().await;

    let place = format!("{}/log", path(&version));
    let all = app.get(&place).await.ok();
    let all = all["items"].as_array().unwrap();
    assert!(all.len() > 1);
    assert_eq!(all[0]["monitor"], "tail");
    assert_eq!(
        all[0]["lines"],
        json!(["info: again", "info: again", "info: again"])
    );
    let first = app.get(&format!("{place}?limit=1")).await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app
        .get(&format!("{place}?limit=1&cursor={cursor}"))
        .await
        .ok();
    assert_eq!(
        (&first["items"][0], &second["items"][0]),
        (&all[0], &all[1])
    );
    app.get("/v1/detectors/hostile/versions/9.9.9/log")
        .await
        .refused(404, "no-detector");
}
