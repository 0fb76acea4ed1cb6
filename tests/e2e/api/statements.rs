//! `POST /v1/sql`: the history as JSON, CSV and Arrow.

use std::io::Cursor;

use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::json;

use crate::harness::app::{Answer, TestApp};

const COUNTS: &str =
    "SELECT model_id, rows_received, NULL::float8 AS nothing FROM history.models ORDER BY model_id";

async fn ask(app: &TestApp, accept: &str, statement: &str) -> Answer {
    let request = app.request(Method::POST, "/v1/sql").header(ACCEPT, accept);
    Answer::of(request.json(&json!({ "sql": statement, "rows_max": 1 }))).await
}

#[tokio::test]
async fn an_answer_comes_in_the_format_that_is_asked_for() {
    let app = TestApp::start().await;
    for id in ["a", "b"] {
        let row = json!({ "record_id": "r", "prediction_time": "2025-12-01T00:00:00Z" });
        app.post(&format!("/v1/models/{id}/predictions"), &row)
            .await
            .ok();
    }

    let json = ask(&app, "application/json", COUNTS).await;
    assert_eq!(json.header("content-type"), "application/json");
    let said = json.ok();
    assert_eq!(said["rows"], json!([["a", 1, null]]));
    assert_eq!(said["truncated"], true);
    let names: Vec<&serde_json::Value> = said["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["model_id", "rows_received", "nothing"]);

    let csv = ask(&app, "text/csv", COUNTS).await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert_eq!(csv.header("x-truncated"), "true");
    assert_eq!(csv.text(), "model_id,rows_received,nothing\na,1,\n");

    let arrow = ask(&app, "application/vnd.apache.arrow.stream", COUNTS).await;
    assert_eq!(arrow.status, 200);
    let mut reader =
        arrow_ipc::reader::StreamReader::try_new(Cursor::new(arrow.body), None).unwrap();
    let batch = reader.next().unwrap().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (1, 3));

    ask(&app, "image/png", COUNTS)
        .await
        .refused(406, "not-acceptable");

    let plain = app.send("/v1/sql", "text/plain", COUNTS).await.ok();
    assert_eq!(plain["rows"], json!([["a", 1, null], ["b", 1, null]]));
    assert_eq!(plain["truncated"], false);
}

#[tokio::test]
async fn a_statement_that_is_refused_changes_nothing_and_says_why() {
    let app = TestApp::start().await;
    app.post("/v1/models", &json!({ "model_id": "a" }))
        .await
        .ok();
    for statement in [
        "DELETE FROM model",
        "SELECT 1; DELETE FROM model",
        "WITH gone AS (DELETE FROM public.model RETURNING 1) SELECT * FROM gone",
        "SELECT * FROM public.token",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT nothing FROM history.models",
    ] {
        let problem = ask(&app, "*/*", statement).await.refused(422, "bad-sql");
        assert!(problem["detail"].as_str().unwrap().len() > 10, "{problem}");
    }
    assert_eq!(
        app.get("/v1/models").await.ok()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
