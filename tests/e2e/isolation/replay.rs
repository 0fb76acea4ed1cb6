//! Every number can be had again from what is stored, bit for bit; and where it cannot, the answer says what is missing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{HOSTILE, active, evaluations, monitor, rows};
use crate::harness::app::{Answer, TestApp};
use crate::harness::program;

async fn replay(app: &TestApp, evaluation: &Value) -> Answer {
    let path = format!("/v1/evaluations/{}/replay", evaluation["evaluation_no"]);
    Answer::of(app.request(Method::POST, &path)).await
}

/// Replays all evaluations that came to measurements, and says how many there were, and from where the windows came.
async fn replay_all(app: &TestApp, monitors: &[&str]) -> Vec<Value> {
    let mut replayed = Vec::new();
    for name in monitors {
        for evaluation in evaluations(app, "shop", name).await {
            if evaluation["outcome"] != "judged" {
                replay(app, &evaluation).await.refused(409, "not-judged");
                continue;
            }
            let again = replay(app, &evaluation).await.ok();
            assert_eq!(again["same"], true, "{again:#}\n{evaluation:#}");
            let count = evaluation["measurements"].as_array().unwrap().len();
            assert_eq!(again["measurements"], count);
            assert!(again["fuel"].as_u64().unwrap() > 0, "{again}");
            replayed.push(again);
        }
    }
    replayed
}

const ALL: [&str; 7] = [
    "data-drift",
    "prior-drift",
    "concept-drift",
    "trailing",
    "tumbling",
    "adwin",
    "page-hinkley",
];

/// A model with all detectors that come with the host, with references of every kind but a data set.
async fn shop(app: &TestApp) {
    rows(app, "shop", "2025-12-01T00:00:00Z", 1_000, 0.0, true).await;
    rows(app, "shop", "2025-12-11T00:00:00Z", 300, 0.2, true).await;
    let trailing = json!({
        "detector": "data-drift", "reference": {"from": "trailing", "extent": {"rows": 100}},
        "current": {"of": "sliding", "extent": {"rows": 100}}, "seed": 5,
    });
    let tumbling =
        json!({ "detector": "data-drift", "current": {"of": "tumbling", "extent": {"rows": 100}} });
    for (name, spec) in [
        ("trailing", trailing),
        ("tumbling", tumbling),
        ("adwin", json!({"detector": "adwin"})),
        ("page-hinkley", json!({"detector": "page-hinkley"})),
    ] {
        monitor(app, "shop", name, &spec).await.ok();
    }
    app.run_due().await;
}

fn count(replayed: &[Value], field: &str, value: &str) -> usize {
    replayed.iter().filter(|one| one[field] == value).count()
}

#[tokio::test]
async fn every_measurement_comes_out_bit_for_bit_and_again_when_all_has_moved_on() {
    let app = TestApp::start().await;
    shop(&app).await;

    let first = replay_all(&app, &ALL).await;
    assert!(first.len() > 20, "{}", first.len());
    assert!(count(&first, "window", "profiles") > 10);
    assert!(count(&first, "baseline", "stored") > 3);
    assert!(count(&first, "baseline", "learned-again") > 3);

    // Late rows in the same hours, labels that are corrected, new columns, another class: every chunk changes.
    app.advance(SignedDuration::from_secs(60));
    rows(&app, "shop", "2025-12-01T00:00:30Z", 1_000, 0.3, true).await;
    rows(&app, "shop", "2025-12-11T00:00:30Z", 300, 0.3, true).await;
    let corrected: Vec<Value> = (0..300)
        .map(|at| json!({ "record_id": format!("2025-12-11T00:00:00Z/{at}"), "label": "no" }))
        .collect();
    app.post("/v1/models/shop/labels", &json!({ "labels": corrected }))
        .await
        .ok();
    let wider = json!({ "predictions": [{
        "record_id": "wider", "prediction_time": "2025-12-11T02:00:00Z",
        "features": { "x": 0.5, "plan": "silver", "age": 7 }, "prediction": "yes", "probability": 0.5,
    }] });
    app.post("/v1/models/shop/predictions", &wider).await.ok();
    app.run_due().await;
    // The monitors have forgotten their baselines, and are configured differently.
    for name in ["data-drift", "trailing"] {
        let spec = json!({ "detector": "data-drift", "rows_min": 60 });
        monitor(&app, "shop", name, &spec).await.ok();
    }
    app.run_due().await;

    let second = replay_all(&app, &ALL).await;
    assert!(second.len() > first.len(), "{}", second.len());
    let from_rows = count(&second, "window", "rows");
    assert!(from_rows >= 15, "{from_rows} of {}", second.len());
    // The fuel of the same call is the same, wherever its window came from.
    let mut compared = 0;
    for then in &first {
        let same = |one: &&Value| one["evaluation_no"] == then["evaluation_no"];
        // Backtests of monitors that were changed are replaced.
        if let Some(now) = second.iter().find(same) {
            assert_eq!(now["fuel"], then["fuel"], "{then} {now}");
            compared += 1;
        }
    }
    assert!(compared > 10, "{compared} of {}", first.len());
    // What came of it can be seen where detectors are watched.
    let metrics = app.metrics().await;
    let fuel = metrics.all("leeway_detector_fuel_total", &[]);
    assert!(fuel.iter().any(|(_, value)| *value > 0.0), "{fuel:?}");
}

#[tokio::test]
async fn a_detector_that_reads_rows_and_an_uploaded_one_come_out_bit_for_bit() {
    let app = TestApp::start().await;
    active(&app, "", HOSTILE).await;
    rows(&app, "shop", "2025-12-01T00:00:00Z", 1_000, 0.0, true).await;
    rows(&app, "shop", "2025-12-11T00:00:00Z", 300, 0.2, true).await;
    let spec = json!({ "detector": "hostile", "config": {"act": "seed"}, "seed": 3 });
    monitor(&app, "shop", "mine", &spec).await.ok();
    app.run_due().await;

    let again = replay_all(&app, &["mine"]).await;

    assert!(!again.is_empty());
    assert_eq!(again[0]["detector"], "hostile@1.0.0");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let app = TestApp::start().await;
    shop(&app).await;
    let newest = evaluations(&app, "shop", "data-drift").await[0].clone();
    let no = newest["evaluation_no"].as_i64().unwrap();
    let run = |statement: &'static str| sqlx::query(statement).execute(app.store.pool());

    let nobody = Answer::of(app.request(Method::POST, "/v1/evaluations/999999/replay")).await;
    nobody.refused(404, "no-evaluation");

    // A number that is not the one that was measured.
    sqlx::query(
        "UPDATE measurement SET value = value + 0.125 WHERE evaluation_no = $1 AND ordinal = 0",
    )
    .bind(no)
    .execute(app.store.pool())
    .await
    .unwrap();
    let again = replay(&app, &newest).await.ok();
    assert_eq!(again["same"], false);
    assert_eq!(again["difference"]["field"], "value");
    assert_eq!(again["difference"]["ordinal"], 0);

    // A chunk that is not the one that was judged.
    run("UPDATE chunk SET revision = revision + 1")
        .await
        .unwrap();
    let rebuilt = replay(&app, &newest).await.ok();
    assert_eq!(rebuilt["window"], "rows");
    run("DELETE FROM prediction WHERE record_id = '2025-12-11T00:00:00Z/7'")
        .await
        .unwrap();
    let problem = replay(&app, &newest).await.refused(409, "inputs-gone");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("the current window: chunk ")
            && detail.contains("of its 60 rows 59 are still stored"),
        "{detail}"
    );

    // Inputs of before.
    run("UPDATE evaluation SET inputs = NULL").await.unwrap();
    replay(&app, &newest).await.refused(409, "inputs-not-kept");
}

#[tokio::test]
async fn a_window_with_another_digest_is_not_compared() {
    let app = TestApp::start().await;
    shop(&app).await;
    let newest = evaluations(&app, "shop", "data-drift").await[0].clone();
    sqlx::query("UPDATE evaluation SET inputs = jsonb_set(inputs, '{window}', '\"00\"')")
        .execute(app.store.pool())
        .await
        .unwrap();

    let problem = replay(&app, &newest).await.refused(409, "inputs-differ");

    assert!(problem["detail"].as_str().unwrap().contains("had 00"));
}

#[tokio::test]
async fn the_command_line_says_whether_every_bit_is_the_same() {
    let app = TestApp::start().await;
    shop(&app).await;
    let newest = evaluations(&app, "shop", "data-drift").await[0].clone();
    let number = newest["evaluation_no"].to_string();
    let server = format!("http://{}", app.address);
    let run = |arguments: Vec<String>| async move {
        let mut command = Command::new(program());
        command.arg("replay").args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), text.into_owned())
    };
    let at = |number: &str| vec![number.to_owned(), "--server".to_owned(), server.clone()];

    let (code, said) = run(at(&number)).await;
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("same bits: all ") && said.contains("instructions"),
        "{said}"
    );

    let (code, said) = run(at("999999")).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("there is no evaluation 999999"), "{said}");

    sqlx::query("UPDATE measurement SET value = value + 1")
        .execute(app.store.pool())
        .await
        .unwrap();
    let (code, said) = run(at(&number)).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("different: value of "), "{said}");
}
