//! The whole demo against a server that only writes down what it is sent.

use std::collections::HashSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::*;

#[derive(Debug, Default)]
struct Notes {
    registered: Vec<String>,
    references: Vec<(String, usize)>,
    rows: Vec<(String, String)>,
    labels: Vec<(String, String)>,
    /// Labels of rows that were not there.
    early: usize,
    busy: bool,
    evaluated: usize,
}

type Shared = Arc<Mutex<Notes>>;

async fn predictions(
    State(notes): State<Shared>,
    Path(model): Path<String>,
    body: String,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let mut notes = notes.lock().unwrap();
    // Every other request meets a busy server.
    notes.busy = !notes.busy;
    if notes.busy {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]);
    }
    let rows: Vec<Value> = serde_json::from_str(&body).unwrap();
    for row in rows {
        let id = row["record_id"].as_str().unwrap().to_owned();
        notes.rows.push((model.clone(), id));
    }
    (StatusCode::OK, [("retry-after", "0")])
}

async fn labels(State(notes): State<Shared>, Path(model): Path<String>, body: String) {
    let mut notes = notes.lock().unwrap();
    let there: HashSet<(String, String)> = notes.rows.iter().cloned().collect();
    let labels: Vec<Value> = serde_json::from_str(&body).unwrap();
    for label in labels {
        let id = (
            model.clone(),
            label["record_id"].as_str().unwrap().to_owned(),
        );
        notes.early += usize::from(!there.contains(&id));
        notes.labels.push(id);
    }
}

async fn reference(State(notes): State<Shared>, Path(model): Path<String>, body: String) {
    notes
        .lock()
        .unwrap()
        .references
        .push((model, body.lines().count() - 1));
}

async fn register(State(notes): State<Shared>, body: String) -> StatusCode {
    let body: Value = serde_json::from_str(&body).unwrap();
    notes
        .lock()
        .unwrap()
        .registered
        .push(body["model_id"].as_str().unwrap().to_owned());
    StatusCode::CREATED
}

async fn results(State(notes): State<Shared>, Path(model): Path<String>) -> axum::Json<Value> {
    let rows = notes
        .lock()
        .unwrap()
        .rows
        .iter()
        .filter(|(of, _)| *of == model)
        .count();
    axum::Json(json!({"model_id": model, "evaluations": [{
        "monitor": "data-drift", "kind": "data", "outcome": "insufficient", "reason": format!("{rows} rows"),
        "reference_rows": 6000, "current_rows": rows, "measurements": [],
    }]}))
}

async fn evaluate(State(notes): State<Shared>, Path(_): Path<String>) {
    notes.lock().unwrap().evaluated += 1;
}

/// Its address, and what it is sent.
async fn server() -> (String, Shared) {
    let notes = Shared::default();
    let router = Router::new()
        .route("/health/ready", get(async || ()))
        .route("/v1/models", post(register))
        .route("/v1/models/{id}/reference", post(reference))
        .route("/v1/models/{id}/predictions", post(predictions))
        .route("/v1/models/{id}/labels", post(labels))
        .route("/v1/models/{id}/results", get(results))
        .route("/v1/models/{id}/evaluate", post(evaluate))
        .with_state(Arc::clone(&notes));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, notes)
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn settings(server: &str) -> Settings {
    Settings {
        data: concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/flights").into(),
        reference_month: REFERENCE_MONTH_DEFAULT.into(),
        months_max: 1,
        rows_per_second: u32::MAX,
        server: Some(server.into()),
        token: None,
        data_dir: None,
        exit: true,
    }
}

#[tokio::test]
async fn every_row_and_label_is_sent_once_and_labels_follow_their_rows() {
    let (address, notes) = server().await;
    let settings = settings(&address);
    let client = Client::new(&address, None).unwrap();
    let written = Written::default();
    let mut screen = Screen::plain(written.clone());
    client.ready().await;
    Stream::new(&settings, &client, &mut screen)
        .unwrap()
        .run()
        .await
        .unwrap();

    let notes = notes.lock().unwrap();
    assert_eq!(notes.registered, ["flights", "flights-delay"]);
    assert_eq!(
        notes.references,
        [("flights".into(), 6_000), ("flights-delay".into(), 6_000)]
    );
    for sent in [&notes.rows, &notes.labels] {
        assert_eq!(sent.len(), 12_000);
        assert_eq!(sent.iter().collect::<HashSet<_>>().len(), 12_000);
    }
    assert_eq!(notes.early, 0);
    assert_eq!(
        notes.evaluated, 4,
        "each model at the end of the month and of the stream"
    );
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains(&format!("{address}/docs\n")), "{text}");
    assert!(
        text.contains("reference  2013-03: 6,000 flights\n"),
        "{text}"
    );
    assert!(
        text.contains("2013-04  flights-delay: 6,000 rows, "),
        "{text}"
    );
    assert!(
        text.contains("against 2013-03:\nmonth    model          data drift"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'));
}

#[tokio::test]
async fn what_the_server_refuses_is_told() {
    let router = Router::new()
        .fallback(async || (StatusCode::BAD_REQUEST, r#"{"detail": "no such thing"}"#));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (settings, client) = (settings(&address), Client::new(&address, None).unwrap());
    let mut screen = Screen::plain(std::io::sink());
    let error = Stream::new(&settings, &client, &mut screen)
        .unwrap()
        .run()
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "POST /v1/models answered 400 Bad Request: no such thing"
    );
}

#[tokio::test]
async fn a_month_that_is_not_there_is_told_before_anything_starts() {
    let mut settings = settings("http://127.0.0.1:1");
    settings.reference_month = "2014-01".into();
    let client = Client::new("http://127.0.0.1:1", None).unwrap();
    let mut screen = Screen::plain(std::io::sink());
    let error = Stream::new(&settings, &client, &mut screen).err().unwrap();
    assert!(
        error.to_string().ends_with("has no month '2014-01'"),
        "{error}"
    );
}
