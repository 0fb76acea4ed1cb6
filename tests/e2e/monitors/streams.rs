//! Detectors that follow rows, in pieces and across hosts.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use leeway::domain::monitor::MonitorSpec;
use leeway::domain::{Clock, Verdict};
use leeway::monitor::Outcome;
use leeway::store::{MeasurementFilter, Partitioned};

use super::fixture::{Fixture, START};

/// Rows `from..to`, wrong from row 500 on, with their labels: as the writers leave them.
async fn labelled(fixture: &Fixture, from: i64, to: i64) {
    let at = Timestamp::from_second(START + 6 * 3_600).unwrap();
    let now = fixture.clock.now();
    fixture
        .store
        .ensure_months(Partitioned::Prediction, at, at)
        .await
        .unwrap();
    fixture
        .store
        .ensure_months(Partitioned::Label, now, now)
        .await
        .unwrap();
    for statement in [
        "INSERT INTO prediction SELECT n + 1, $1, $2::timestamptz, 'r' || n, ARRAY[0.5, 1.0], '{}' FROM generate_series($4::int8, $5::int8 - 1) n WHERE $3::timestamptz IS NOT NULL",
        "INSERT INTO label SELECT n + 1, $1, $3::timestamptz, 'r' || n, CASE WHEN n < 500 THEN 1.0 ELSE 0.0 END, NULL FROM generate_series($4::int8, $5::int8 - 1) n WHERE $2::timestamptz IS NOT NULL",
    ] {
        sqlx::query(statement)
            .bind(fixture.model_no)
            .bind(at.to_sqlx())
            .bind(now.to_sqlx())
            .bind(from)
            .bind(to)
            .execute(fixture.store.pool())
            .await
            .unwrap();
    }
    fixture.arrived(to - from, to - from).await;
}

async fn changes(fixture: &Fixture) -> Vec<(Option<u64>, f64)> {
    let filter = MeasurementFilter {
        monitor: Some("adwin".into()),
        metric: Some("change".into()),
        limit: 100,
        ..MeasurementFilter::default()
    };
    let mut found = fixture.store.measurements(&filter).await.unwrap();
    found.reverse();
    assert!(
        found
            .iter()
            .all(|one| one.measurement.verdict == Verdict::Drifted)
    );
    found
        .iter()
        .map(|one| (one.measurement.row, one.measurement.value))
        .collect()
}

#[tokio::test]
async fn labels_are_followed_in_pieces_as_in_one() {
    let whole = Fixture::new().await;
    whole
        .watch
        .create(&whole.model, "adwin", MonitorSpec::of("adwin"))
        .await
        .unwrap();
    labelled(&whole, 0, 1_000).await;
    whole.watch.run_due().await.unwrap();
    let expected = changes(&whole).await;
    assert!(!expected.is_empty());
    let first = expected[0].0.unwrap();
    assert!((501..700).contains(&first), "found at label {first}");

    let pieces = Fixture::new().await;
    pieces
        .watch
        .create(&pieces.model, "adwin", MonitorSpec::of("adwin"))
        .await
        .unwrap();
    for (from, to) in [(0, 1), (1, 499), (499, 510), (510, 1_000)] {
        labelled(&pieces, from, to).await;
        pieces.watch.run_due().await.unwrap();
        pieces.watch.run_due().await.unwrap();
    }
    let mut found = changes(&pieces).await;
    found.sort_by_key(|change| change.0);
    let mut expected = expected;
    expected.sort_by_key(|change| change.0);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_stream_without_labels_says_nothing_and_fails_at_nothing() {
    let fixture = Fixture::new().await;
    fixture
        .watch
        .create(&fixture.model, "adwin", MonitorSpec::of("adwin"))
        .await
        .unwrap();
    fixture.quiet(0..7).await;
    fixture.watch.run_due().await.unwrap();
    let latest = fixture.watch.latest(&fixture.model).await.unwrap();
    assert!(latest.iter().all(|record| record.monitor != "adwin"));
    let monitor = fixture
        .watch
        .monitor(&fixture.model, "adwin")
        .await
        .unwrap();
    assert_eq!(monitor.failures, 0);
    sqlx::query("DELETE FROM model_column WHERE role = 'label'")
        .execute(fixture.store.pool())
        .await
        .unwrap();
    fixture.quiet(7..9).await;
    fixture.watch.run_due().await.unwrap();
    let latest = fixture.watch.latest(&fixture.model).await.unwrap();
    let adwin = latest
        .iter()
        .find(|record| record.monitor == "adwin")
        .unwrap();
    assert_eq!(adwin.outcome, Outcome::Insufficient);
    assert_eq!(
        adwin.reason.as_deref(),
        Some("no column is what the detector takes: role error or absolute-residual; kind numeric")
    );
}
