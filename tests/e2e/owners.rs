//! Several hosts on one database: every model is evaluated and shown by one of them, whoever comes and goes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use leeway::serve::ServiceSettings;
use serde_json::{Value, json};

use crate::harness::app::{Series, TestApp};

const EVALUATED: &str = "drift_monitoring_api_model_evaluated_timestamp_seconds";
const MODELS: usize = 24;

/// Names of the models.
fn models() -> Vec<String> {
    (0..MODELS).map(|no| format!("model-{no}")).collect()
}

/// Sends a row to each model, through this host.
async fn rows(app: &TestApp, record: &str) {
    for model in models() {
        let row = json!({"record_id": record, "prediction_time": "2025-12-31T00:00:00Z", "features": {"x": 1.5}, "prediction": 1.0});
        let path = format!("/v1/models/{model}/predictions?model_type=regressor");
        app.post(&path, &json!({"predictions": [row]})).await.ok();
    }
}

/// Everybody looks as often as it takes.
async fn settle(apps: &[&TestApp]) {
    for _ in 0..3 {
        for app in apps {
            app.service.watch.look().await.unwrap();
        }
    }
}

/// Models with series.
fn shown(series: &Series) -> BTreeSet<String> {
    let all = series.all(EVALUATED, &[]);
    all.iter()
        .map(|(labels, _)| labels["model_id"].clone())
        .collect()
}

async fn shows(app: &TestApp) -> BTreeSet<String> {
    shown(&app.metrics().await)
}

/// Every model is shown by exactly one of two hosts; how many by each.
async fn shared(one: &TestApp, other: &TestApp) -> (usize, usize) {
    let (one, other) = (shows(one).await, shows(other).await);
    assert!(one.is_disjoint(&other), "{one:?} {other:?}");
    let union: BTreeSet<String> = one.union(&other).cloned().collect();
    assert_eq!(union, models().into_iter().collect());
    (one.len(), other.len())
}

/// The database takes a host for dead: the one that joined as the so manieth.
async fn silence(app: &TestApp, joined: i64) {
    let gone = sqlx::query(
        "UPDATE host SET alive_until = clock_timestamp() - interval '1 second' WHERE host_no = $1",
    )
    .bind(joined)
    .execute(app.store.pool())
    .await
    .unwrap();
    assert_eq!(gone.rows_affected(), 1);
}

#[tokio::test]
async fn models_are_shared_and_each_is_shown_and_evaluated_by_its_owner_alone() {
    let one = TestApp::start().await;
    rows(&one, "a").await;
    one.run_due().await;
    assert_eq!(shows(&one).await.len(), MODELS);

    let other = one.beside().await;
    assert_eq!(shows(&other).await.len(), 0, "nobody gave anything up yet");
    settle(&[&one, &other]).await;

    let (ones, others) = shared(&one, &other).await;
    assert!(ones > 4 && others > 4, "{ones} and {others}");
    for (app, owned) in [(&one, ones), (&other, others)] {
        app.service.measure_now().await;
        let series = app.metrics().await;
        assert_eq!(series.one("leeway_hosts_alive", &[]), 2.0);
        assert_eq!(series.one("leeway_models", &[]), MODELS as f64);
        assert_eq!(series.one("leeway_models_owned", &[]), owned as f64);
    }

    // Rows that come through one host are followed by the owner of their model.
    one.advance(jiff::SignedDuration::from_secs(60));
    rows(&one, "b").await;
    one.run_due().await;
    let profiled = |series: &Series| series.one("leeway_profiled_rows_total", &[]);
    assert_eq!(profiled(&one.metrics().await), (MODELS + ones) as f64);
    other.run_due().await;
    assert_eq!(profiled(&other.metrics().await), others as f64);
    shared(&one, &other).await;
}

#[tokio::test]
async fn models_of_a_host_that_is_silent_are_taken_over_and_given_back() {
    let one = TestApp::start().await;
    rows(&one, "a").await;
    one.run_due().await;
    let before = one.metrics().await;
    let other = one.beside().await;
    settle(&[&one, &other]).await;
    shared(&one, &other).await;

    silence(&one, 2).await;
    settle(&[&one]).await;
    let after = one.metrics().await;
    assert_eq!(shown(&after).len(), MODELS);
    let results = |series: &Series| -> Vec<_> {
        let of_results = |name: &str| name.starts_with("drift_monitoring_api_model_");
        let of = series.0.iter().filter(|((name, _), _)| of_results(name));
        of.map(|(key, value)| (key.clone(), value.to_bits()))
            .collect()
    };
    assert_eq!(
        results(&after),
        results(&before),
        "as it stood before another had it"
    );

    // It was never dead: it finds out that it was taken for dead, and gives up what it showed.
    other.service.watch.look().await.unwrap();
    assert_eq!(shows(&other).await.len(), 0);
    settle(&[&one, &other]).await;
    let (ones, others) = shared(&one, &other).await;
    assert!(ones > 4 && others > 4, "{ones} and {others}");
}

#[tokio::test]
async fn models_of_a_host_that_ends_are_taken_over_at_once() {
    let one = TestApp::start().await;
    rows(&one, "a").await;
    one.run_due().await;
    let other = one.beside().await;
    settle(&[&one, &other]).await;

    one.service.stop().await;
    assert_eq!(shows(&one).await.len(), 0);
    settle(&[&other]).await;
    assert_eq!(shows(&other).await.len(), MODELS);

    rows(&other, "b").await;
    other.run_due().await;
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM arrival a JOIN progress p USING (model_no) WHERE a.last_seq > p.profiled_seq")
        .fetch_one(other.store.pool())
        .await
        .unwrap();
    assert_eq!(waiting, 0);
}

#[tokio::test]
async fn what_one_host_does_for_anothers_model_is_shown_by_the_owner() {
    let one = TestApp::start().await;
    rows(&one, "a").await;
    one.run_due().await;
    let other = one.beside().await;
    settle(&[&one, &other]).await;
    one.service.start();
    other.service.start();
    let model = shows(&one).await.into_iter().next().unwrap();
    let labels = [("model_id", model.as_str()), ("monitor", "data-drift")];
    one.advance(jiff::SignedDuration::from_secs(60));

    // It is asked of the host that does not own the model.
    let path = format!("/v1/models/{model}/evaluate?wait=true");
    let results = other.post(&path, &Value::Null).await.ok();
    assert_eq!(results["evaluations"].as_array().unwrap().len(), 3);
    until("the owner shows it", async || {
        let now = one.now().as_second() as f64;
        one.metrics().await.one(EVALUATED, &labels) == now
    })
    .await;
    assert!(!shows(&other).await.contains(&model));

    // Rows, too, and the old call, which answers with the results.
    one.advance(jiff::SignedDuration::from_secs(60));
    let body = json!({"model_id": model, "model_type": "regressor", "predictions": [
        {"record_id": "b", "prediction_time": "2025-12-31T00:00:00Z", "prediction": 1.0, "ground_truth_label": 1.0}]});
    other.post("/metrics", &body).await.ok();
    until("the owner shows the label", async || {
        let share = "drift_monitoring_api_model_labelled_share";
        let series = one.metrics().await;
        series.one(share, &[("model_id", &model)]) == 0.5
            && series.one(EVALUATED, &labels) == one.now().as_second() as f64
    })
    .await;
    let row =
        json!({"record_id": "c", "prediction_time": "2025-12-31T00:00:00Z", "prediction": 1.0});
    let path = format!("/v1/models/{model}/predictions");
    let profiled = one.metrics().await.one("leeway_profiled_rows_total", &[]);
    other.post(&path, &json!({"predictions": [row]})).await.ok();
    until("the owner follows the row", async || {
        one.metrics().await.one("leeway_profiled_rows_total", &[]) == profiled + 1.0
    })
    .await;

    // And what is removed.
    let path = format!("/v1/models/{model}/monitors/data-drift");
    assert_eq!(other.delete(&path).await.status, 204);
    until("the series of the monitor are gone", async || {
        one.metrics().await.all(EVALUATED, &labels).is_empty()
    })
    .await;
    let path = format!("/v1/models/{model}");
    assert_eq!(other.delete(&path).await.status, 204);
    until("the series of the model are gone", async || {
        one.metrics().await.with("model_id", &model) == 0
    })
    .await;
    one.service.stop().await;
    other.service.stop().await;
}

#[tokio::test]
async fn hosts_find_each_other_in_the_background() {
    let settings = ServiceSettings::default();
    let one = TestApp::with(settings).await;
    rows(&one, "a").await;
    one.run_due().await;
    one.service.start();
    let other = one.beside().await;
    other.service.start();
    until("both show some", async || {
        let (ones, others) = (shows(&one).await, shows(&other).await);
        assert!(ones.is_disjoint(&others), "{ones:?} {others:?}");
        !others.is_empty() && ones.len() + others.len() == MODELS
    })
    .await;
    other.service.stop().await;
    until("the one that is left shows all", async || {
        shows(&one).await.len() == MODELS
    })
    .await;
    one.service.stop().await;
}

#[tokio::test]
async fn an_evaluation_that_was_asked_for_runs_although_the_host_that_was_asked_is_gone() {
    let one = TestApp::start().await;
    rows(&one, "a").await;
    one.run_due().await;
    let requests = async |app: &TestApp| -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM evaluation WHERE cause = 'request'")
            .fetch_one(app.store.pool())
            .await
            .unwrap()
    };
    let answer = one.post("/v1/models/model-3/evaluate", &Value::Null).await;
    assert_eq!(answer.status, 202);
    assert_eq!(requests(&one).await, 0);
    let other = one.beside().await;
    silence(&other, 1).await;
    drop(one);
    settle(&[&other]).await;

    other.run_due().await;
    assert_eq!(requests(&other).await, 3);
    other.run_due().await;
    assert_eq!(requests(&other).await, 3, "each once");
}

/// Waits for what the background does.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}: in vain");
        tokio::task::yield_now().await;
    }
}
