//! Performance of a model before its labels come, and beside the truth once they do.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::app::TestApp;

use super::rows::{AFTER, BEFORE, Change, TRAINED, batch, labels};

/// The newest measurement of a metric.
async fn measured(app: &TestApp, monitor: &str, metric: &str) -> Option<Value> {
    let results = app.get("/v1/models/shop/results").await.ok();
    let evaluations = results["evaluations"].as_array().unwrap();
    let evaluation = evaluations.iter().find(|one| one["monitor"] == monitor)?;
    assert_eq!(evaluation["outcome"], "judged", "{evaluation:#}");
    let measurements = evaluation["measurements"].as_array().unwrap();
    measurements
        .iter()
        .find(|one| one["metric"] == metric)
        .cloned()
}

#[tokio::test]
async fn an_estimate_stands_before_the_labels_and_the_truth_beside_it_after() {
    let app = TestApp::start().await;
    let path =
        format!("/v1/models/shop/predictions?model_type=classifier&last_training_time={TRAINED}");
    let known = Change {
        labelled: true,
        wrong: 0.1,
        ..Change::default()
    };
    app.post(&path, &batch(BEFORE, 1_000, known)).await.ok();
    app.post(&path, &batch(AFTER, 1_000, Change::default()))
        .await
        .ok();
    for detector in ["performance", "label-shift"] {
        app.put(
            &format!("/v1/models/shop/monitors/{detector}"),
            &json!({ "detector": detector }),
        )
        .await
        .ok();
    }
    app.run_due().await;

    let estimated = measured(&app, "performance", "estimated_accuracy")
        .await
        .unwrap();
    assert_eq!(
        (&estimated["verdict"], &estimated["current_rows"]),
        (&json!("stable"), &json!(1_000)),
        "{estimated:#}"
    );
    assert!(
        (estimated["value"].as_f64().unwrap() - 0.9).abs() < 0.02,
        "{estimated:#}"
    );
    let coverage = measured(&app, "performance", "label_coverage")
        .await
        .unwrap();
    assert_eq!(coverage["value"], 0.0);
    assert_eq!(
        measured(&app, "performance", "realized_accuracy").await,
        None
    );
    let shares = measured(&app, "label-shift", "prior_em").await.unwrap();
    assert_eq!(shares["verdict"], "stable", "{shares:#}");

    // Half of the labels come, and say that the model has become worse than its probabilities tell.
    app.advance(SignedDuration::from_mins(15));
    let worse = Change {
        wrong: 0.4,
        ..Change::default()
    };
    app.post("/v1/models/shop/labels", &labels(AFTER, 500, worse))
        .await
        .ok();
    app.run_due().await;

    let realized = measured(&app, "performance", "realized_accuracy")
        .await
        .unwrap();
    assert_eq!(
        (&realized["verdict"], &realized["current_rows"]),
        (&json!("drifted"), &json!(500)),
        "{realized:#}"
    );
    assert!(
        (realized["value"].as_f64().unwrap() - 0.6).abs() < 0.02,
        "{realized:#}"
    );
    assert_eq!(
        measured(&app, "performance", "label_coverage")
            .await
            .unwrap()["value"],
        0.5
    );
    let lag = measured(&app, "performance", "label_lag_seconds")
        .await
        .unwrap();
    assert_eq!(lag["value"], 500.0 * 60.0);
    let moved = measured(&app, "performance", "spiegelhalter_z")
        .await
        .unwrap();
    assert!(moved["p_value"].as_f64().unwrap() < 1e-6, "{moved:#}");
}
