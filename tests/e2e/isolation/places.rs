//! A detector that burns its whole deadline on every call, with many monitors, beside one that is quick.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use leeway::monitor::FollowSettings;
use leeway::serve::ServiceSettings;
use serde_json::json;

use super::fixture::{HOSTILE, active, evaluations, monitor, rows};
use crate::harness::app::{TestApp, settings};

/// Monitors of the slow detector, and how long each of its calls takes.
const SLOW: usize = 40;
const DEADLINE_MS: u64 = 5_000;
/// Rounds of the quick one.
const ROUNDS: u32 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_detector_with_many_monitors_delays_no_evaluation_of_a_quick_one() {
    let app = TestApp::with(ServiceSettings {
        follow: FollowSettings {
            pace: Duration::from_millis(50),
            evaluations_at_once: 2,
            ..FollowSettings::default()
        },
        ..settings()
    })
    .await;
    let limits = format!("?deadline_ms={DEADLINE_MS}");
    active(&app, &limits, HOSTILE).await;
    for model in ["slow", "quick"] {
        rows(&app, model, "2025-12-01T00:00:00Z", 1_000, 0.0, false).await;
        rows(&app, model, "2025-12-11T00:00:00Z", 300, 0.0, false).await;
    }
    app.run_due().await; // Everybody has seen by now that the detectors that come with the host are quick.
    for number in 0..SLOW {
        let spec = json!({ "detector": "hostile", "config": { "act": "loop" } });
        monitor(&app, "slow", &format!("loop-{number}"), &spec)
            .await
            .ok();
    }

    app.service.start();
    let seen = evaluations(&app, "quick", "data-drift").await.len();
    for round in 1..=ROUNDS {
        app.advance(SignedDuration::from_secs(2)); // A monitor is evaluated once a second at most.
        let start = format!("2025-12-12T{round:02}:00:00Z");
        rows(&app, "quick", &start, 60, 0.0, false).await;
        let patience = Instant::now() + Duration::from_mins(2);
        while evaluations(&app, "quick", "data-drift").await.len() < seen + round as usize {
            assert!(Instant::now() < patience, "round {round} was not evaluated");
            tokio::task::yield_now().await;
        }
    }

    let metrics = app.metrics().await;
    let of = |name: &str, detector: &str| {
        let found = metrics.all(name, &[("detector", detector)]);
        found.iter().map(|(_, value)| *value).sum::<f64>()
    };
    let quick = evaluations(&app, "quick", "data-drift").await[0]["detector"].clone();
    let quick = quick.as_str().unwrap();
    let slow_calls = of("leeway_detector_call_seconds_count", "hostile@1.0.0");
    assert!(
        slow_calls < SLOW as f64,
        "it was over too early: {slow_calls}"
    );
    let (slow_waits, quick_waits) = (
        of("leeway_detector_wait_seconds_total", "hostile@1.0.0"),
        of("leeway_detector_wait_seconds_total", quick),
    );
    assert!(
        quick_waits < 1.0,
        "{ROUNDS} evaluations waited {quick_waits} s for places; those of the slow detector {slow_waits} s"
    );
    assert!(of("leeway_detector_cpu_seconds_total", quick) > 0.0);
}
