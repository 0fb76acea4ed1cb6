//! What is wrong is said with its kind, its row and its field, and changes nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::{Answer, TestApp};

fn row(id: &str, age: impl Into<Value>) -> Value {
    let age = age.into();
    json!({ "record_id": id, "prediction_time": "2025-12-01T00:00:00Z", "features": { "age": age } })
}

#[tokio::test]
async fn a_bad_row_is_named_by_position_and_field() {
    let app = TestApp::start().await;
    let path = "/v1/models/m/predictions";
    app.post(path, &row("first", 1)).await.ok();
    let batch = json!([
        row("a", 2),
        row("b", "old"),
        { "record_id": "c", "prediction_time": "1999-12-31T23:59:59Z" },
        { "prediction_time": "2025-12-01T00:00:00Z" },
    ]);

    let problem = app.post(path, &batch).await.refused(422, "bad-rows");

    let places: Vec<(u64, &str)> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["row"].as_u64().unwrap(), one["field"].as_str().unwrap()))
        .collect();
    assert_eq!(
        places,
        [(1, "age"), (2, "prediction_time"), (3, "record_id")]
    );
    let stored = app.get(path).await.ok();
    assert_eq!(stored["items"].as_array().unwrap().len(), 1);

    let receipt = app.post(&format!("{path}?partial=true"), &batch).await.ok();
    assert_eq!(receipt["accepted"], 1);
    assert_eq!(receipt["rejected"], problem["errors"]);
    let again = app.post(&format!("{path}?partial=true"), &batch).await.ok();
    assert_eq!(
        (&again["accepted"], &again["duplicates"]),
        (&json!(0), &json!(1))
    );
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[tokio::test]
async fn every_kind_of_refusal_is_a_problem_document() {
    let app = TestApp::start().await;
    app.post("/v1/models/m/predictions", &row("a", 1))
        .await
        .ok();
    app.patch("/v1/models/m", &json!({ "model_type": "regressor" }))
        .await
        .ok();
    let spec = json!({ "detector": "data-drift" });
    let monitor = json!({ "name": "mine", "spec": spec });
    app.post("/v1/models/m/monitors", &monitor).await.ok();
    let (get, post, patch, put, delete) = (
        Method::GET,
        Method::POST,
        Method::PATCH,
        Method::PUT,
        Method::DELETE,
    );
    let none = Value::Null;
    let with = |field: &str, value: Value| {
        let mut spec = spec.clone();
        spec[field] = value;
        spec
    };
    for (method, path, body, status, slug, field) in [
        (&get, "/nowhere", none.clone(), 404, "no-route", None),
        (
            &put,
            "/v1/models",
            none.clone(),
            405,
            "method-not-allowed",
            None,
        ),
        (&get, "/v1/models/none", none.clone(), 404, "no-model", None),
        (
            &get,
            "/v1/models/m/monitors/none",
            none.clone(),
            404,
            "no-monitor",
            None,
        ),
        (
            &delete,
            "/v1/models/m/reference/7",
            none.clone(),
            404,
            "no-reference",
            None,
        ),
        (
            &get,
            "/v1/backtests/12345",
            none.clone(),
            404,
            "no-backtest",
            None,
        ),
        (
            &get,
            "/problems/none",
            none.clone(),
            404,
            "no-problem",
            None,
        ),
        (&get, "/v1/models/%00", none.clone(), 400, "bad-path", None),
        (
            &get,
            "/v1/models?limit=0",
            none.clone(),
            400,
            "bad-query",
            Some("limit"),
        ),
        (
            &get,
            "/v1/models?limit=1001",
            none.clone(),
            400,
            "bad-query",
            Some("limit"),
        ),
        (
            &get,
            "/v1/measurements?cursor=x",
            none.clone(),
            400,
            "bad-query",
            Some("cursor"),
        ),
        (
            &get,
            "/v1/measurements?verdict=maybe",
            none.clone(),
            400,
            "bad-query",
            None,
        ),
        (
            &get,
            "/v1/measurements?colum=x",
            none.clone(),
            400,
            "bad-query",
            None,
        ),
        (
            &post,
            "/v1/models",
            json!({ "model_id": "" }),
            422,
            "bad-model",
            Some("model_id"),
        ),
        (
            &post,
            "/v1/models",
            json!({ "model_id": "x", "modeltype": 1 }),
            400,
            "bad-body",
            None,
        ),
        (&post, "/v1/models", json!(["x"]), 400, "bad-body", None),
        (
            &post,
            "/v1/models",
            json!({ "model_id": "x\0" }),
            422,
            "bad-text",
            None,
        ),
        (
            &patch,
            "/v1/models/m",
            json!({ "model_type": "classifier" }),
            409,
            "contradiction",
            Some("model_type"),
        ),
        (
            &post,
            "/v1/models/m/monitors",
            monitor.clone(),
            409,
            "name-taken",
            None,
        ),
        (
            &put,
            "/v1/models/m/monitors/x",
            with("detector", json!("none")),
            422,
            "bad-monitor",
            Some("detector"),
        ),
        (
            &put,
            "/v1/models/m/monitors/x",
            with("config", json!({ "alpha": 7 })),
            422,
            "bad-monitor",
            Some("config"),
        ),
        (
            &put,
            "/v1/models/m/monitors/x",
            with("labelled_share_min", json!(1.5)),
            422,
            "bad-monitor",
            Some("labelled_share_min"),
        ),
        (
            &put,
            "/v1/models/m/monitors/x",
            with("cadence", json!({ "on": "request", "x": 1 })),
            400,
            "bad-body",
            None,
        ),
        (
            &post,
            "/v1/sql",
            json!({ "sql": "DROP TABLE model" }),
            422,
            "bad-sql",
            Some("sql"),
        ),
        (
            &post,
            "/v1/sql",
            json!({ "sql": "SELECT 1", "rows_max": 0 }),
            400,
            "bad-body",
            Some("rows_max"),
        ),
        (
            &post,
            "/v1/models/m/predictions",
            row("b", "old"),
            422,
            "bad-rows",
            Some("age"),
        ),
        (
            &post,
            "/v1/models/m/labels",
            json!({ "labels": [{ "record_id": "" , "label": 1 }] }),
            422,
            "bad-rows",
            Some("record_id"),
        ),
    ] {
        let place = format!("{method} {path} {body}");
        let mut request = app.request(method.clone(), path);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, status, "{place}: {answer}");
        let problem = answer.refused(status, slug);
        let found = problem["errors"][0]["field"].as_str();
        assert_eq!(found, field, "{place}: {answer}");
        let kind = app.get(problem["type"].as_str().unwrap()).await.ok();
        assert_eq!(
            (&kind["status"], &kind["title"]),
            (&problem["status"], &problem["title"])
        );
    }
    let monitors = app.get("/v1/models/m/monitors").await.ok();
    assert_eq!(monitors["items"].as_array().unwrap().len(), 4);
}
