//! A version that fails again and again is taken out of use, says why, and nobody else notices.

use jiff::SignedDuration;
use leeway::monitor::FollowSettings;
use leeway::serve::ServiceSettings;
use serde_json::{Value, json};

use super::fixture::{activate, active, broken, evaluations, good, monitor, rows};
use crate::harness::app::{TestApp, settings};

async fn start(quarantine_after: u32) -> TestApp {
    TestApp::with(ServiceSettings {
        follow: FollowSettings {
            quarantine_after,
            ..FollowSettings::default()
        },
        ..settings()
    })
    .await
}

fn spec(fallback: &str) -> Value {
    json!({
        "detector": "raw", "rows_min": 50, "reference": {"from": "training"},
        "current": {"of": "sliding", "extent": {"rows": 100}}, "fallback": fallback,
    })
}

async fn shop(app: &TestApp) {
    rows(app, "shop", "2025-12-01T00:00:00Z", 1_000, 0.0, false).await;
    rows(app, "shop", "2025-12-11T00:00:00Z", 300, 0.0, false).await;
}

async fn state(app: &TestApp, version: &str) -> (String, String) {
    let path = format!("/v1/detectors/raw/versions/{version}");
    let found = app.get(&path).await.ok();
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    (text("state"), text("reason"))
}

/// What a monitor came to last.
async fn last(app: &TestApp, monitor: &str) -> Value {
    evaluations(app, "shop", monitor).await[0].clone()
}

#[tokio::test]
async fn a_version_that_keeps_failing_is_quarantined_and_the_one_before_takes_over_where_asked() {
    let app = start(3).await;
    shop(&app).await;
    active(&app, "", &good("1.0.0")).await;
    monitor(&app, "shop", "falls-back", &spec("previous"))
        .await
        .ok();
    monitor(&app, "shop", "stays", &spec("none")).await.ok();
    app.run_due().await;
    assert_eq!(last(&app, "stays").await["outcome"], "judged");
    let bad = active(&app, "", &broken("1.1.0")).await;

    // Two monitors a round, each of which backs off.
    for _ in 0..3 {
        app.run_due().await;
        app.advance(SignedDuration::from_mins(2));
    }

    let (now, reason) = state(&app, "1.1.0").await;
    assert_eq!(now, "quarantined");
    assert!(
        reason.starts_with("3 evaluations in a row failed, the last one so: "),
        "{reason}"
    );
    let metrics = app.metrics().await;
    let of = |version: &str| {
        let name = format!("raw@{version}");
        metrics.one("leeway_detector_quarantined", &[("detector", &name)])
    };
    assert_eq!((of("1.0.0"), of("1.1.0")), (0.0, 1.0));
    let events = app.get("/v1/detectors/events?name=raw").await.ok();
    let newest = &events["items"][0];
    assert_eq!(
        (&newest["action"], &newest["outcome"]),
        (&json!("quarantine"), &json!("done"))
    );

    let back = last(&app, "falls-back").await;
    assert_eq!(back["outcome"], "judged", "{back:#}");
    assert_eq!(back["detector"], "raw@1.0.0");
    let stays = app.get("/v1/models/shop/monitors/stays").await.ok();
    let error = stays["last_error"].as_str().unwrap();
    assert!(
        error.starts_with("raw@1.1.0 is quarantined: 3 evaluations"),
        "{error}"
    );

    // Released by activation: it runs again, and is counted anew.
    activate(&app, &bad).await;
    assert_eq!(state(&app, "1.1.0").await.0, "active");
    let released = app.metrics().await;
    let labels = [("detector", "raw@1.1.0")];
    assert_eq!(released.one("leeway_detector_quarantined", &labels), 0.0);
    app.advance(SignedDuration::from_hours(2));
    app.run_due().await;
    assert_eq!(
        state(&app, "1.1.0").await.0,
        "active",
        "two failures are not three"
    );

    // The older version again: everybody is judged.
    let first = json!({"name": "raw", "version": "1.0.0"});
    activate(&app, &first).await;
    app.run_due().await;
    for name in ["falls-back", "stays"] {
        assert_eq!(last(&app, name).await["outcome"], "judged", "{name}");
    }
}

#[tokio::test]
async fn with_0_nothing_is_ever_quarantined() {
    let app = start(0).await;
    shop(&app).await;
    active(&app, "", &broken("1.0.0")).await;
    monitor(&app, "shop", "mine", &spec("none")).await.ok();
    for _ in 0..4 {
        app.run_due().await;
        app.advance(SignedDuration::from_hours(2));
    }
    assert_eq!(state(&app, "1.0.0").await.0, "active");
    assert_eq!(last(&app, "mine").await["outcome"], "failed");
}

#[tokio::test]
async fn what_a_detector_declines_does_not_count_against_it() {
    let app = start(1).await;
    shop(&app).await;
    active(&app, "", super::fixture::HOSTILE).await;
    let declines = json!({ "detector": "hostile", "config": {"act": "refuse-data"} });
    monitor(&app, "shop", "declines", &declines).await.ok();
    app.run_due().await;
    assert_eq!(last(&app, "declines").await["outcome"], "failed");
    let found = app.get("/v1/detectors/hostile/versions/1.0.0").await.ok();
    assert_eq!(found["state"], "active");
}
