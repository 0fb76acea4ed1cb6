//! What an evaluation comes to, and how it is read back.

use std::sync::atomic::Ordering;

use leeway::domain::Verdict;
use leeway::domain::monitor::MonitorSpec;
use leeway::monitor::{Cause, Outcome, WatchError};
use leeway::store::{EvaluationFilter, MeasurementFilter};
use serde_json::json;

use super::fixture::{Fixture, rows};

#[tokio::test]
async fn a_model_has_three_monitors_and_a_deleted_one_stays_away() {
    let fixture = Fixture::new().await;
    let names = |monitors: Vec<leeway::monitor::MonitorRecord>| -> Vec<String> {
        monitors.into_iter().map(|monitor| monitor.name).collect()
    };
    let all = names(fixture.watch.monitors(&fixture.model).await.unwrap());
    assert_eq!(all, ["concept-drift", "data-drift", "prior-drift"]);
    fixture
        .watch
        .delete(&fixture.model, "prior-drift")
        .await
        .unwrap();
    fixture.quiet(0..7).await;
    fixture.watch.run_due().await.unwrap();
    let left = names(fixture.watch.monitors(&fixture.model).await.unwrap());
    assert_eq!(left, ["concept-drift", "data-drift"]);
    let gone = fixture.watch.monitor(&fixture.model, "prior-drift").await;
    assert!(matches!(gone, Err(WatchError::NoMonitor { .. })));
}

#[tokio::test]
async fn drift_is_found_stored_and_told() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..7).await;
    fixture.watch.run_due().await.unwrap();
    let latest = fixture.watch.latest(&fixture.model).await.unwrap();
    let of = |name: &str| latest.iter().find(|record| record.monitor == name).unwrap();
    let data = of("data-drift");
    assert_eq!(
        (data.outcome, data.reference_rows, data.current_rows),
        (Outcome::Judged, 1_000, 400)
    );
    assert!(
        data.measurements
            .iter()
            .all(|one| one.verdict == Verdict::Stable),
        "{:?}",
        data.measurements
    );
    let prior = of("prior-drift");
    for metric in ["ks", "chi_square", "wasserstein"] {
        let found = prior
            .measurements
            .iter()
            .find(|one| one.metric == metric)
            .unwrap();
        assert_eq!(
            (found.column.as_deref(), found.verdict),
            (Some("prediction"), Verdict::Stable),
            "{metric}"
        );
    }

    fixture.hour(7, rows(7, 0.5, None)).await;
    fixture.hour(8, rows(8, 0.5, None)).await;
    fixture.news();
    fixture.advance(60);
    fixture.watch.run_due().await.unwrap();
    let data = fixture.latest("data-drift").await;
    let x = data
        .measurements
        .iter()
        .find(|one| one.column.as_deref() == Some("x"))
        .unwrap();
    assert_eq!(x.verdict, Verdict::Drifted);
    assert_eq!(data.cause, Cause::Data);
    assert_eq!(fixture.news(), ["data-drift judged", "prior-drift judged"]);
}

#[tokio::test]
async fn the_reference_is_read_once() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..7).await;
    fixture.watch.run_due().await.unwrap();
    for hour in 7..10 {
        let before = fixture.hours.windows.load(Ordering::SeqCst);
        fixture.quiet(hour..hour + 1).await;
        fixture.advance(1);
        fixture.watch.run_due().await.unwrap();
        let made = fixture.hours.windows.load(Ordering::SeqCst) - before;
        assert_eq!(
            made, 2,
            "the current windows of the two monitors that have data, and nothing else"
        );
    }
    let baselines = fixture.count("SELECT count(*) FROM baseline").await;
    assert_eq!(baselines, 2, "concept-drift has no labels to learn from");
}

#[tokio::test]
async fn a_lack_of_data_is_recorded_once_and_again_when_asked() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..7).await;
    fixture.watch.run_due().await.unwrap();
    let lacks = "SELECT count(*) FROM evaluation WHERE outcome = 'insufficient'";
    assert_eq!(fixture.count(lacks).await, 1);
    fixture.quiet(7..9).await;
    fixture.watch.run_due().await.unwrap();
    assert_eq!(
        fixture.count(lacks).await,
        1,
        "the same lack says nothing new"
    );
    let asked = fixture
        .watch
        .evaluate(&fixture.model, Some("concept-drift"), Cause::Request)
        .await
        .unwrap();
    assert_eq!(
        asked[0].reason.as_deref(),
        Some("the current window has fewer than 100 labelled rows")
    );
    assert_eq!(fixture.count(lacks).await, 2);
    let monitor = fixture
        .watch
        .monitor(&fixture.model, "concept-drift")
        .await
        .unwrap();
    assert_eq!(
        (monitor.failures, monitor.last_error),
        (0, None),
        "no labels are no error"
    );
}

#[tokio::test]
async fn errors_of_labelled_rows_are_judged() {
    let fixture = Fixture::new().await;
    for hour in 0..7 {
        fixture.hour(hour, rows(hour, 0.0, Some(0.1))).await;
    }
    fixture.watch.run_due().await.unwrap();
    let concept = fixture.latest("concept-drift").await;
    assert_eq!(
        (concept.outcome, concept.labelled_rows),
        (Outcome::Judged, 400)
    );
    assert!(
        concept
            .measurements
            .iter()
            .all(|one| one.verdict == Verdict::Stable),
        "{:?}",
        concept.measurements
    );
    fixture.hour(7, rows(7, 0.0, Some(0.9))).await;
    fixture.advance(1);
    fixture.watch.run_due().await.unwrap();
    let concept = fixture.latest("concept-drift").await;
    let error = concept
        .measurements
        .iter()
        .find(|one| one.metric == "wasserstein")
        .unwrap();
    assert_eq!(
        (error.column.as_deref(), error.verdict),
        (Some("error"), Verdict::Drifted)
    );
}

#[tokio::test]
async fn a_monitor_that_fails_backs_off_and_harms_no_other() {
    let fixture = Fixture::new().await;
    let config = json!({ "columns": { "nowhere": { "ignore": true } } });
    let spec = MonitorSpec {
        config,
        ..MonitorSpec::of("data-drift")
    };
    fixture
        .watch
        .create(&fixture.model, "broken", spec)
        .await
        .unwrap();
    fixture.quiet(0..7).await;
    fixture.watch.run_due().await.unwrap();
    let latest = fixture.watch.latest(&fixture.model).await.unwrap();
    let outcomes: Vec<(String, Outcome)> = latest
        .into_iter()
        .map(|record| (record.monitor, record.outcome))
        .collect();
    assert_eq!(outcomes[0], ("broken".to_owned(), Outcome::Failed));
    assert_eq!(outcomes[2], ("data-drift".to_owned(), Outcome::Judged));

    let failures = "SELECT count(*) FROM evaluation WHERE outcome = 'failed' AND cause = 'data'";
    for (pause, expected) in [(0, 1), (4, 1), (1, 2), (9, 2), (1, 3)] {
        fixture.advance(pause);
        fixture.watch.run_due().await.unwrap();
        assert_eq!(
            fixture.count(failures).await,
            expected,
            "after {pause} more seconds"
        );
    }
    let monitor = fixture
        .watch
        .monitor(&fixture.model, "broken")
        .await
        .unwrap();
    assert_eq!(monitor.failures, 3);
    assert!(monitor.last_error.unwrap().contains("nowhere"));

    let mended = MonitorSpec::of("data-drift");
    let (mended, new) = fixture
        .watch
        .put(&fixture.model, "broken", mended)
        .await
        .unwrap();
    assert!(!new);
    assert_eq!(
        (mended.revision, mended.failures, mended.retry_at),
        (2, 0, None)
    );
    fixture.watch.run_due().await.unwrap();
    let latest = fixture.watch.latest(&fixture.model).await.unwrap();
    assert_eq!(latest[0].outcome, Outcome::Judged);
}

#[tokio::test]
async fn what_cannot_be_asked_of_a_monitor_names_its_field() {
    let fixture = Fixture::new().await;
    let field = |error: WatchError| match error {
        WatchError::Spec { field, .. } => field,
        other => panic!("{other}"),
    };
    let create = |name: &'static str, spec| fixture.watch.create(&fixture.model, name, spec);
    let none = create("a", MonitorSpec::of("nothing")).await;
    assert_eq!(field(none.unwrap_err()), "detector");
    let config = MonitorSpec {
        config: json!({ "level": 2 }),
        ..MonitorSpec::of("data-drift")
    };
    assert_eq!(field(create("a", config).await.unwrap_err()), "config");
    assert_eq!(
        field(
            create("a/b", MonitorSpec::of("data-drift"))
                .await
                .unwrap_err()
        ),
        "name"
    );
    let taken = create("data-drift", MonitorSpec::of("data-drift")).await;
    assert!(matches!(taken, Err(WatchError::NameTaken { .. })));
    for number in 3..100 {
        let name = format!("n{number}");
        fixture
            .watch
            .create(&fixture.model, &name, MonitorSpec::of("data-drift"))
            .await
            .unwrap();
    }
    let more = create("more", MonitorSpec::of("data-drift")).await;
    assert!(matches!(more, Err(WatchError::TooMany(100))));
}

#[expect(clippy::too_many_lines, reason = "a table of filters")]
#[tokio::test]
async fn measurements_are_filtered_and_read_page_by_page() {
    let fixture = Fixture::new().await;
    for hour in 0..7 {
        fixture.hour(hour, rows(hour, 0.0, Some(0.1))).await;
    }
    fixture.watch.run_due().await.unwrap();
    fixture.advance(60);
    fixture.hour(7, rows(7, 2.0, Some(0.1))).await;
    fixture.watch.run_due().await.unwrap();
    let everything = MeasurementFilter {
        model_no: Some(fixture.model_no),
        limit: 1_000,
        ..MeasurementFilter::default()
    };
    let all = fixture.store.measurements(&everything).await.unwrap();
    assert!(all.is_sorted_by_key(|one| std::cmp::Reverse(one.key.measured_at)));

    let mut paged = Vec::new();
    let mut page = MeasurementFilter {
        limit: 3,
        ..everything.clone()
    };
    loop {
        let found = fixture.store.measurements(&page).await.unwrap();
        let Some(last) = found.last() else { break };
        page.after = Some(last.key);
        paged.extend(found);
    }
    assert_eq!(paged, all);

    let filter = |change: fn(&mut MeasurementFilter)| {
        let mut filter = everything.clone();
        change(&mut filter);
        filter
    };
    for (name, filter, holds) in [
        (
            "monitor",
            filter(|f| f.monitor = Some("data-drift".into())),
            (|one| one.monitor == "data-drift") as fn(&leeway::store::StoredMeasurement) -> bool,
        ),
        (
            "metric",
            filter(|f| f.metric = Some("wasserstein".into())),
            |one| one.measurement.metric == "wasserstein",
        ),
        ("column", filter(|f| f.column = Some("x".into())), |one| {
            one.measurement.column.as_deref() == Some("x")
        }),
        (
            "whole window",
            filter(|f| f.column = Some(String::new())),
            |one| one.measurement.column.is_none(),
        ),
        (
            "verdict",
            filter(|f| f.verdict = Some(Verdict::Drifted)),
            |one| one.measurement.verdict == Verdict::Drifted,
        ),
        (
            "cause",
            filter(|f| f.cause = Some(Cause::Backtest)),
            |one| one.cause == Cause::Backtest,
        ),
    ] {
        let expected: Vec<_> = all.iter().filter(|one| holds(one)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{name}");
        assert_eq!(
            fixture.store.measurements(&filter).await.unwrap(),
            expected,
            "{name}"
        );
    }
    let newest = all[0].key.measured_at;
    let recent = MeasurementFilter {
        from: Some(newest),
        ..everything.clone()
    };
    let older = MeasurementFilter {
        to: Some(newest),
        ..everything
    };
    let (recent, older) = (
        fixture.store.measurements(&recent).await.unwrap(),
        fixture.store.measurements(&older).await.unwrap(),
    );
    assert!(!recent.is_empty() && !older.is_empty());
    assert_eq!([recent, older].concat(), all);
    let evaluations = EvaluationFilter {
        model_no: Some(fixture.model_no),
        limit: 2,
        ..EvaluationFilter::default()
    };
    let found = fixture.store.evaluations(&evaluations).await.unwrap();
    assert_eq!(found.len(), 2);
    let next = EvaluationFilter {
        after: Some((found[1].evaluated_at, found[1].evaluation_no)),
        ..evaluations
    };
    assert!(
        fixture
            .store
            .evaluations(&next)
            .await
            .unwrap()
            .iter()
            .all(|one| one.evaluation_no < found[1].evaluation_no)
    );
}

#[tokio::test]
async fn a_deleted_monitor_takes_its_measurements_and_series_along() {
    let fixture = Fixture::new().await;
    fixture.quiet(0..7).await;
    fixture.watch.run_due().await.unwrap();
    fixture.news();
    fixture
        .watch
        .delete(&fixture.model, "data-drift")
        .await
        .unwrap();
    assert_eq!(fixture.news(), ["data-drift removed"]);
    let left = fixture.count("SELECT count(*) FROM measurement x WHERE NOT EXISTS (SELECT FROM monitor o WHERE o.monitor_no = x.monitor_no)").await;
    assert_eq!(left, 0);
    assert!(fixture.count("SELECT count(*) FROM measurement").await > 0);
}
