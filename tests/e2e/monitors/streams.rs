//! Detectors that follow rows, in pieces and across hosts.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use leeway::domain::monitor::MonitorSpec;
use leeway::domain::{Clock, Verdict};
use leeway::monitor::Outcome;
use leeway::store::{MeasurementFilter, Partitioned};

use super::fixture::{Fixture, START, watch};

/// Rows `from..to`, wrong from row 500 on, with their labels: as the writers leave them.
async fn labelled(fixture: &Fixture, from: i64, to: i64) {
    insert_rows(fixture, from, to, from + 1).await;
    insert_labels(fixture, from, to, from + 1).await;
    fixture.arrived(to - from, to - from).await;
}

/// Rows `from..to` of a stream that becomes wrong at row 500; the first has this seq.
async fn insert_rows(fixture: &Fixture, from: i64, to: i64, seq: i64) {
    let at = Timestamp::from_second(START + 6 * 3_600).unwrap();
    fixture
        .store
        .ensure_months(Partitioned::Prediction, at, at)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO prediction SELECT n - $3 + $5, $1, $2, 'r' || n, ARRAY[0.5, 1.0], '{}'
         FROM generate_series($3::int8, $4::int8 - 1) n",
    )
    .bind(fixture.model_no)
    .bind(at.to_sqlx())
    .bind(from)
    .bind(to)
    .bind(seq)
    .execute(fixture.store.pool())
    .await
    .unwrap();
}

/// Labels of such rows.
async fn insert_labels(fixture: &Fixture, from: i64, to: i64, seq: i64) {
    let now = fixture.clock.now();
    fixture
        .store
        .ensure_months(Partitioned::Label, now, now)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO label SELECT n - $3 + $5, $1, $2, 'r' || n,
             CASE WHEN n < 500 THEN 1.0 ELSE 0.0 END, NULL
         FROM generate_series($3::int8, $4::int8 - 1) n",
    )
    .bind(fixture.model_no)
    .bind(now.to_sqlx())
    .bind(from)
    .bind(to)
    .bind(seq)
    .execute(fixture.store.pool())
    .await
    .unwrap();
}

/// How many labelled rows the detector was given, evaluation by evaluation.
async fn given(fixture: &Fixture) -> Vec<i64> {
    sqlx::query_scalar(
        "SELECT e.labelled_rows FROM evaluation e JOIN monitor o USING (monitor_no)
         WHERE o.name = 'adwin' ORDER BY e.evaluation_no",
    )
    .fetch_all(fixture.store.pool())
    .await
    .unwrap()
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
async fn each_labelled_row_is_given_once_when_it_is_complete_and_corrections_are_not() {
    let fixture = Fixture::new().await;
    let adwin = MonitorSpec::of("adwin");
    fixture
        .watch
        .create(&fixture.model, "adwin", adwin)
        .await
        .unwrap();
    // 100 rows, of which 60 have labels; then labels of 40 rows that are not there yet.
    insert_rows(&fixture, 0, 100, 1).await;
    insert_labels(&fixture, 0, 60, 1).await;
    insert_labels(&fixture, 200, 240, 61).await;
    fixture.arrived(100, 100).await;
    fixture.watch.run_due().await.unwrap();
    assert_eq!(given(&fixture).await, [60]);

    // Corrections of all 60, and of 5 that wait for their rows.
    insert_labels(&fixture, 0, 60, 101).await;
    insert_labels(&fixture, 200, 205, 161).await;
    fixture.arrived(0, 65).await;
    fixture.watch.run_due().await.unwrap();
    assert_eq!(given(&fixture).await, [60]);

    // The rows come, with others; and the labels of the 40 first rows that had none. Another host goes on.
    insert_rows(&fixture, 180, 260, 101).await;
    insert_labels(&fixture, 60, 100, 166).await;
    fixture.arrived(80, 40).await;
    let other = watch(
        &fixture.store,
        &fixture.clock,
        &fixture.hours,
        &fixture.told,
    );
    other.run_due().await.unwrap();
    assert_eq!(given(&fixture).await, [60, 40, 40]);

    // The rest: every row that has a label was given once.
    insert_labels(&fixture, 180, 260, 206).await;
    fixture.arrived(0, 80).await;
    fixture.watch.run_due().await.unwrap();
    assert_eq!(given(&fixture).await, [60, 40, 40, 40]);
    fixture.watch.run_due().await.unwrap();
    assert_eq!(given(&fixture).await.len(), 4);
}

#[tokio::test]
async fn drift_is_found_whether_labels_come_after_their_rows_or_before() {
    for labels_first in [false, true] {
        let fixture = Fixture::new().await;
        let adwin = MonitorSpec::of("adwin");
        fixture
            .watch
            .create(&fixture.model, "adwin", adwin)
            .await
            .unwrap();
        let rows = async || {
            insert_rows(&fixture, 0, 1_000, 1).await;
            fixture.arrived(1_000, 0).await;
            fixture.watch.run_due().await.unwrap();
        };
        let labels = async || {
            insert_labels(&fixture, 0, 1_000, 1).await;
            fixture.arrived(0, 1_000).await;
            fixture.watch.run_due().await.unwrap();
        };
        if labels_first {
            labels().await;
            rows().await;
        } else {
            rows().await;
            labels().await;
        }
        assert_eq!(given(&fixture).await, [1_000]);
        let first = changes(&fixture).await[0].0.unwrap();
        assert!((501..700).contains(&first), "found at label {first}");
    }
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
    let adwin = fixture.latest("adwin").await;
    assert_eq!(adwin.outcome, Outcome::Insufficient);
    assert_eq!(
        adwin.reason.as_deref(),
        Some("no column is what the detector takes: role error or absolute-residual; kind numeric")
    );
}
