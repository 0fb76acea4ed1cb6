//! When monitors are evaluated, and when they rest.

use jiff::SignedDuration;
use leeway::domain::Clock;
use leeway::domain::monitor::{Cadence, CurrentSpec, Extent, MonitorSpec};
use leeway::monitor::{Cause, MonitorRecord, Outcome};
use leeway::store::{Claim, Retention};

use super::fixture::{Fixture, rows, watch};

async fn evaluations(fixture: &Fixture, monitor: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM evaluation e JOIN monitor o USING (monitor_no) WHERE o.name = $1 AND e.cause <> 'backtest'")
        .bind(monitor)
        .fetch_one(fixture.store.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_schedule_follows_the_clock_and_new_data_the_rows() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..7).await;
    let hourly = MonitorSpec {
        cadence: Cadence::Schedule {
            every_seconds: 3_600,
        },
        ..MonitorSpec::of("data-drift")
    };
    let asked = MonitorSpec {
        cadence: Cadence::Request,
        ..MonitorSpec::of("data-drift")
    };
    let rarely = MonitorSpec {
        cadence: Cadence::NewData { seconds_min: 600 },
        ..MonitorSpec::of("data-drift")
    };
    for (name, spec) in [("hourly", hourly), ("asked", asked), ("rarely", rarely)] {
        fixture
            .watch
            .create(&fixture.model, name, spec)
            .await
            .unwrap();
    }
    fixture.watch.run_due().await.unwrap();
    let counts = async |names: [&str; 4]| {
        let mut counts = Vec::new();
        for name in names {
            counts.push(evaluations(&fixture, name).await);
        }
        counts
    };
    let names = ["data-drift", "hourly", "asked", "rarely"];
    assert_eq!(counts(names).await, [1, 1, 0, 1]);
    fixture.quiet(7..8).await;
    fixture.watch.run_due().await.unwrap();
    assert_eq!(
        counts(names).await,
        [1, 1, 0, 1],
        "the default monitors pause for a second"
    );
    fixture.advance(1);
    fixture.watch.run_due().await.unwrap();
    assert_eq!(counts(names).await, [2, 1, 0, 1]);
    fixture.advance(599);
    fixture.watch.run_due().await.unwrap();
    assert_eq!(counts(names).await, [2, 1, 0, 2]);
    fixture.advance(3_000);
    fixture.watch.run_due().await.unwrap();
    assert_eq!(counts(names).await, [2, 2, 0, 2]);
    let record = fixture
        .watch
        .evaluate(&fixture.model, Some("asked"), Cause::Request)
        .await
        .unwrap();
    assert_eq!((record.len(), record[0].outcome), (1, Outcome::Judged));
    fixture
        .watch
        .evaluate_soon(&fixture.model, Some("asked"))
        .await
        .unwrap();
    fixture.watch.run_due().await.unwrap();
    assert_eq!(counts(names).await, [2, 2, 2, 2]);
}

#[tokio::test]
async fn each_tumbling_window_is_evaluated_once() {
    let fixture = Fixture::new().await;
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
    fixture.quiet(0..11).await;
    fixture.watch.run_due().await.unwrap();
    // Hour 5 is the half of a window that the training leaves; 6-7 and 8-9 are complete; 10 waits for 11.
    assert_eq!(evaluations(&fixture, "tumbling").await, 3);
    fixture.watch.run_due().await.unwrap();
    assert_eq!(evaluations(&fixture, "tumbling").await, 3);
    fixture.quiet(11..13).await;
    fixture.watch.run_due().await.unwrap();
    assert_eq!(evaluations(&fixture, "tumbling").await, 4);
    let waits = fixture
        .watch
        .evaluate(&fixture.model, Some("tumbling"), Cause::Request)
        .await
        .unwrap();
    assert_eq!(
        waits[0].reason.as_deref(),
        Some("the next window is not complete yet")
    );
}

/// The data drift monitor, held as an evaluation holds it.
async fn claimed(fixture: &Fixture) -> (MonitorRecord, Claim) {
    let monitor = fixture
        .watch
        .monitor(&fixture.model, "data-drift")
        .await
        .unwrap();
    let claim = fixture.store.claim_monitor(monitor.no, false).await;
    (monitor, claim.unwrap().unwrap())
}

#[tokio::test]
async fn who_has_a_monitor_has_it_alone() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..7).await;
    let (monitor, claim) = claimed(&fixture).await;
    assert!(
        fixture
            .store
            .claim_monitor(monitor.no, false)
            .await
            .unwrap()
            .is_none()
    );
    fixture.watch.run_due().await.unwrap();
    assert_eq!(
        (
            evaluations(&fixture, "data-drift").await,
            evaluations(&fixture, "prior-drift").await
        ),
        (0, 1)
    );
    drop(claim); // As if its host had died: the database learns of it a moment later.
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while evaluations(&fixture, "data-drift").await == 0 {
        assert!(std::time::Instant::now() < deadline, "it stays claimed");
        fixture.watch.run_due().await.unwrap();
    }
    assert_eq!(evaluations(&fixture, "data-drift").await, 1);
}

#[tokio::test]
async fn an_evaluation_of_a_monitor_that_was_changed_meanwhile_leaves_nothing() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..7).await;
    let (monitor, claim) = claimed(&fixture).await;
    let state = claim.state.clone();
    let changed = MonitorSpec {
        rows_min: 50,
        ..monitor.spec
    };
    fixture
        .watch
        .put(&fixture.model, "data-drift", changed)
        .await
        .unwrap();
    let finished = fixture
        .store
        .finish_claim(claim, &state, None, None, fixture.clock.now())
        .await
        .unwrap();
    assert_eq!(finished, None);
}

#[tokio::test]
async fn hosts_that_work_at_once_evaluate_nothing_twice() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..7).await;
    let other = watch(
        &fixture.store,
        &fixture.clock,
        &fixture.hours,
        &fixture.told,
    );
    let (one, two) = tokio::join!(fixture.watch.run_due(), other.run_due());
    one.unwrap();
    two.unwrap();
    fixture.watch.run_due().await.unwrap();
    for name in ["data-drift", "prior-drift", "concept-drift"] {
        assert_eq!(evaluations(&fixture, name).await, 1, "{name}");
    }
    let tries = fixture
        .count("SELECT count(*) FROM evaluation WHERE cause = 'backtest'")
        .await;
    assert_eq!(tries, 4, "two windows of two monitors");
}

#[tokio::test]
async fn the_background_loop_finds_what_was_written() {
    let fixture = Fixture::new().await;
    fixture.watch.start();
    fixture.quiet(0..7).await;
    fixture.hour(7, rows(7, 0.5, None)).await;
    fixture.watch.touched(fixture.model_no);
    let drifted = "SELECT count(*) FROM measurement WHERE verdict = 'drifted'";
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(2);
    while fixture.count(drifted).await == 0 {
        assert!(
            std::time::Instant::now() < deadline,
            "nothing was evaluated"
        );
        tokio::task::yield_now().await;
    }
    fixture.watch.stop().await;
    assert_eq!(
        fixture
            .watch
            .evaluate(&fixture.model, None, Cause::Request)
            .await
            .unwrap_err()
            .to_string(),
        "the server is stopping"
    );
}

#[tokio::test]
async fn results_past_their_age_go_month_by_month() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..7).await;
    fixture.watch.run_due().await.unwrap();
    fixture.advance(40 * 86_400);
    fixture.quiet(7..8).await;
    fixture.watch.run_due().await.unwrap();
    let before = fixture.count("SELECT count(*) FROM measurement").await;
    let keep = |days: i64| Retention {
        results: Some(SignedDuration::from_hours(24 * days)),
        ..Retention::default()
    };
    let now = fixture.clock.now();
    let forgotten = fixture.store.forget(&keep(60), now).await.unwrap();
    assert_eq!(forgotten.partitions.len(), 0);
    let forgotten = fixture.store.forget(&keep(1), now).await.unwrap();
    assert_eq!(
        forgotten.partitions,
        ["evaluation_2026_01", "measurement_2026_01"]
    );
    let after = fixture.count("SELECT count(*) FROM measurement").await;
    assert!(0 < after && after < before, "{after} of {before}");
    fixture.watch.latest(&fixture.model).await.unwrap();
}
