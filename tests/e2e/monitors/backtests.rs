//! Evaluations over the past: progress, crashes, and what a new monitor finds.

use leeway::domain::Verdict;
use leeway::domain::monitor::{CurrentSpec, Extent, MonitorSpec};
use leeway::monitor::{BacktestState, Cause};
use leeway::store::MeasurementFilter;

use super::fixture::{Fixture, rows};

#[tokio::test]
async fn a_new_monitor_has_a_past() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..10).await;
    fixture.hour(10, rows(10, 3.0, None)).await;
    fixture.quiet(11..13).await;
    let current = CurrentSpec::Sliding {
        extent: Extent::Rows(200),
    };
    let spec = MonitorSpec {
        current,
        ..MonitorSpec::of("data-drift")
    };
    fixture
        .watch
        .create(&fixture.model, "hours", spec)
        .await
        .unwrap();
    fixture.watch.run_due().await.unwrap();
    let past = MeasurementFilter {
        monitor: Some("hours".into()),
        cause: Some(Cause::Backtest),
        column: Some("x".into()),
        metric: Some("ks".into()),
        limit: 100,
        ..MeasurementFilter::default()
    };
    let found = fixture.store.measurements(&past).await.unwrap();
    let drifted: Vec<(String, bool)> = found
        .iter()
        .rev()
        .map(|one| {
            (
                one.window_from.unwrap().to_string(),
                one.measurement.verdict == Verdict::Drifted,
            )
        })
        .collect();
    assert_eq!(drifted.len(), 8, "one for each hour after the training");
    for (from, drifted) in drifted {
        assert_eq!(drifted, from.contains("T10:"), "{from}");
    }
    let monitor = fixture
        .watch
        .monitor(&fixture.model, "hours")
        .await
        .unwrap();
    let states = fixture.store.backtests(monitor.no, 10).await.unwrap();
    assert_eq!(states.len(), 1);
    assert_eq!(
        (states[0].state, states[0].windows, states[0].windows_done),
        (BacktestState::Done, 8, 8)
    );

    // Another one takes the place of the first.
    let asked = fixture
        .watch
        .backtest(&fixture.model, "hours")
        .await
        .unwrap();
    assert_eq!(asked.state, BacktestState::Waiting);
    let again = fixture
        .watch
        .backtest(&fixture.model, "hours")
        .await
        .unwrap();
    assert_eq!(
        again.backtest_no, asked.backtest_no,
        "one that waits is enough"
    );
    fixture.watch.run_due().await.unwrap();
    let done = fixture
        .watch
        .backtest_state(asked.backtest_no)
        .await
        .unwrap();
    assert_eq!(done.state, BacktestState::Done);
    assert_eq!(fixture.store.measurements(&past).await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_backtest_over_which_a_host_died_starts_again() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..8).await;
    fixture.watch.run_due().await.unwrap();
    let count = "SELECT count(*) FROM evaluation WHERE cause = 'backtest'";
    let whole = fixture.count(count).await;
    assert!(whole > 0);
    sqlx::query("UPDATE backtest SET state = 'running', windows_done = 1")
        .execute(fixture.store.pool())
        .await
        .unwrap();
    fixture.watch.run_due().await.unwrap();
    assert_eq!(fixture.count(count).await, whole);
    assert_eq!(
        fixture
            .count("SELECT count(*) FROM backtest WHERE state <> 'done'")
            .await,
        0
    );
}

#[tokio::test]
async fn tumbling_windows_of_the_past_are_the_backtests() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..11).await;
    let current = CurrentSpec::Tumbling {
        extent: Extent::Seconds(2 * 3_600),
    };
    let spec = MonitorSpec {
        current,
        ..MonitorSpec::of("data-drift")
    };
    fixture
        .watch
        .create(&fixture.model, "tumbling", spec)
        .await
        .unwrap();
    fixture.watch.run_due().await.unwrap();
    let by_cause = async |cause: &str| -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM evaluation e JOIN monitor o USING (monitor_no) WHERE o.name = 'tumbling' AND cause = $1")
            .bind(cause)
            .fetch_one(fixture.store.pool())
            .await
            .unwrap()
    };
    assert_eq!((by_cause("backtest").await, by_cause("data").await), (3, 0));
    fixture.quiet(11..13).await;
    fixture.watch.run_due().await.unwrap();
    assert_eq!((by_cause("backtest").await, by_cause("data").await), (3, 1));
}
