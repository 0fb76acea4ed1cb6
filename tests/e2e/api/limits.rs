//! Both sides of every limit that clients can run into.

use std::fmt::Write as _;

use leeway::api::{BodyLimits, RequestLimits};
use leeway::serve::ServiceSettings;
use serde_json::{Value, json};

use crate::harness::app::TestApp;

fn row(id: &str) -> Value {
    json!({ "record_id": id, "prediction_time": "2025-12-01T00:00:00Z", "prediction": 1 })
}

#[tokio::test]
async fn names_and_texts_have_a_longest_length() {
    let app = TestApp::start().await;
    let (fits, over) = ("x".repeat(256), "x".repeat(257));
    app.post(&format!("/v1/models/{fits}/predictions"), &row("a"))
        .await
        .ok();
    let answer = app
        .post(&format!("/v1/models/{over}/predictions"), &row("a"))
        .await;
    answer.refused(400, "bad-path");

    let path = "/v1/models/m/predictions";
    app.post(path, &row(&"x".repeat(512))).await.ok();
    app.post(path, &row(&"x".repeat(513)))
        .await
        .refused(422, "bad-rows");
    for (name, value, status) in [
        (&fits, json!(1), 200),
        (&over, json!(1), 422),
        (&"y".repeat(256), json!("x".repeat(1_024)), 200),
        (&"z".repeat(256), json!("x".repeat(1_025)), 422),
    ] {
        let mut row = row("b");
        row["features"] = json!({ (name.as_str()): value });
        let answer = app.post(path, &row).await;
        assert_eq!(answer.status, status, "{answer}");
    }

    let put = async |name: String| {
        let path = format!("/v1/models/m/monitors/{name}");
        app.put(&path, &json!({ "detector": "data-drift" })).await
    };
    put("x".repeat(100)).await.ok();
    put("x".repeat(101)).await.refused(400, "bad-path");
}

#[tokio::test]
async fn a_batch_has_a_largest_number_of_rows() {
    let app = TestApp::start().await;
    let csv = |rows: usize| {
        let mut text = "record_id,prediction_time,prediction\n".to_owned();
        for at in 0..rows {
            let _ = writeln!(text, "{at},2025-12-01T00:00:00Z,1");
        }
        text
    };
    let path = "/v1/models/m/predictions";
    let receipt = app.send(path, "text/csv", csv(100_000)).await.ok();
    assert_eq!(receipt["accepted"], 100_000);
    app.send(path, "text/csv", csv(100_001))
        .await
        .refused(413, "too-large");
}

#[tokio::test]
async fn rows_come_from_the_years_since_2000_and_up_to_a_day_ahead() {
    let app = TestApp::start().await;
    for (time, status) in [
        ("2000-01-01T00:00:00Z", 200),
        ("1999-12-31T23:59:59.999999Z", 422),
        ("2026-01-02T00:00:00Z", 200),
        ("2026-01-02T00:00:00.000001Z", 422),
    ] {
        let mut row = row(time);
        row["prediction_time"] = json!(time);
        let answer = app.post("/v1/models/m/predictions", &row).await;
        assert_eq!(answer.status, status, "{time}: {answer}");
    }
}

#[tokio::test]
async fn a_model_has_a_largest_number_of_features_and_monitors() {
    let app = TestApp::start().await;
    let wide = |features: usize| {
        let columns: Vec<Value> = (0..features)
            .map(|at| json!({ "name": format!("f{at}"), "kind": "numeric" }))
            .collect();
        json!({ "model_id": features.to_string(), "columns": columns })
    };
    app.post("/v1/models", &wide(4_088)).await.ok();
    app.post("/v1/models", &wide(4_089))
        .await
        .refused(413, "too-large");

    let spec = json!({ "detector": "data-drift" });
    for at in 0..97 {
        let path = format!("/v1/models/4088/monitors/m{at}");
        assert_eq!(app.put(&path, &spec).await.status, 201);
    }
    app.put("/v1/models/4088/monitors/one-more", &spec)
        .await
        .refused(422, "bad-monitor");
}

#[tokio::test]
async fn bodies_have_a_largest_size() {
    let bodies = BodyLimits {
        batch_bytes_max: 300,
        document_bytes_max: 200,
        ..BodyLimits::default()
    };
    let app = TestApp::with(ServiceSettings {
        bodies,
        ..ServiceSettings::default()
    })
    .await;
    let padded = |body: &Value, bytes: usize| {
        let text = body.to_string();
        format!("{text}{}", " ".repeat(bytes - text.len()))
    };
    let json = "application/json";
    for (path, body, most) in [
        ("/v1/models/m/predictions", row("a"), 300),
        ("/v1/models", json!({ "model_id": "m" }), 200),
    ] {
        app.send(path, json, padded(&body, most)).await.ok();
        app.send(path, json, padded(&body, most + 1))
            .await
            .refused(413, "too-large");
    }
}

#[tokio::test]
async fn a_full_server_says_so_and_when_to_come_again() {
    let requests = RequestLimits {
        concurrent_max: 0,
        ..RequestLimits::default()
    };
    let app = TestApp::with(ServiceSettings {
        requests,
        ..ServiceSettings::default()
    })
    .await;
    let answer = app.post("/v1/models/m/predictions", &row("a")).await;
    answer.refused(503, "busy");
    assert_eq!(answer.header("retry-after"), "1");
    // Whoever watches the server still sees it.
    for path in ["/metrics", "/health/live", "/health/ready"] {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
}
