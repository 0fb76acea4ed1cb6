//! The same rows in every format and encoding are the same rows.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::harness::app::{Answer, TestApp};

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv";
const ARROW: &str = "application/vnd.apache.arrow.stream";
const PARQUET: &str = "application/vnd.apache.parquet";

fn rows() -> Vec<Value> {
    let row = |at: u8, age: Option<f64>, plan: &str, probability: f64| {
        json!({
            "record_id": format!("r{at}"), "prediction_time": format!("2025-12-01T00:00:0{at}Z"),
            "features": { "age": age, "plan": plan },
            "prediction": "yes", "probability": probability, "label": "no",
        })
    };
    vec![
        row(0, Some(41.5), "gold", 0.75),
        row(1, None, "free, with \"quotes\"", 0.5),
        row(2, Some(-1e300), "größe", 1.0),
    ]
}

fn ndjson() -> Vec<u8> {
    let lines: Vec<String> = rows().iter().map(Value::to_string).collect();
    lines.join("\n").into_bytes()
}

fn column(name: &str) -> Vec<Value> {
    let rows = rows();
    let of = |row: &Value| match &row[name] {
        Value::Null => row["features"][name].clone(),
        value => value.clone(),
    };
    rows.iter().map(of).collect()
}

const COLUMNS: [&str; 7] = [
    "record_id",
    "prediction_time",
    "age",
    "plan",
    "prediction",
    "probability",
    "label",
];

fn csv() -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).unwrap();
    let columns = COLUMNS.map(column);
    for row in 0..3 {
        let text = |column: &Vec<Value>| match &column[row] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            number => number.to_string(),
        };
        writer.write_record(columns.iter().map(text)).unwrap();
    }
    writer.into_inner().unwrap()
}

fn table() -> RecordBatch {
    let array = |name: &str| -> ArrayRef {
        let values = column(name);
        if ["age", "probability"].contains(&name) {
            let numbers = values.iter().map(Value::as_f64);
            Arc::new(Float64Array::from(numbers.collect::<Vec<_>>()))
        } else {
            let texts = values.iter().map(Value::as_str);
            Arc::new(StringArray::from(texts.collect::<Vec<_>>()))
        }
    };
    RecordBatch::try_from_iter(COLUMNS.map(|name| (name, array(name)))).unwrap()
}

fn arrow() -> Vec<u8> {
    let table = table();
    let mut bytes = Vec::new();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new(&mut bytes, table.schema_ref()).unwrap();
    writer.write(&table).unwrap();
    writer.finish().unwrap();
    bytes
}

fn parquet() -> Vec<u8> {
    let table = table();
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, table.schema(), None).unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();
    bytes
}

/// Every body that says the three rows.
fn bodies() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let json = |value: &Value| serde_json::to_vec(value).unwrap();
    let features = json!({ "age": column("age"), "plan": column("plan") });
    let columns = json!({
        "record_id": column("record_id"), "prediction_time": column("prediction_time"), "features": features,
        "prediction": column("prediction"), "probability": column("probability"), "label": column("label"),
    });
    vec![
        ("list", JSON, json(&json!(rows()))),
        ("predictions", JSON, json(&json!({ "predictions": rows() }))),
        ("columns", JSON, json(&columns)),
        ("ndjson", NDJSON, ndjson()),
        ("csv", CSV, csv()),
        ("arrow", ARROW, arrow()),
        ("parquet", PARQUET, parquet()),
    ]
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

async fn post(
    app: &TestApp,
    path: &str,
    media_type: &str,
    encoding: &str,
    body: Vec<u8>,
) -> Answer {
    let mut request = app
        .request(Method::POST, path)
        .header(CONTENT_TYPE, media_type);
    if !encoding.is_empty() {
        request = request.header(CONTENT_ENCODING, encoding);
    }
    Answer::of(request.body(body)).await
}

#[tokio::test]
async fn the_same_rows_in_every_format_and_encoding() {
    let app = TestApp::start().await;
    let mut expected = None;
    for (name, media_type, body) in bodies() {
        for encoding in ["", "gzip", "zstd"] {
            let body = match encoding {
                "gzip" => gzip(&body),
                "zstd" => zstd::encode_all(body.as_slice(), 1).unwrap(),
                _ => body.clone(),
            };
            let path = format!("/v1/models/{name}-{encoding}/predictions");
            let receipt = post(&app, &path, media_type, encoding, body).await.ok();
            assert_eq!(
                receipt,
                json!({ "accepted": 3, "duplicates": 0, "labels": 3, "rejected": [], "schema_version": 1 }),
                "{name} {encoding}"
            );
            let items = app.get(&path).await.ok()["items"].take();
            let expected = expected.get_or_insert_with(|| items.clone());
            assert_eq!(&items, expected, "{name} {encoding}");
        }
    }
    let items = expected.unwrap();
    for (item, row) in items.as_array().unwrap().iter().zip(rows()) {
        for (field, value) in row.as_object().unwrap() {
            assert_eq!(&item[field], value, "{field}");
        }
    }

    // The fourth shape of JSON: one row.
    let receipt = app
        .post("/v1/models/one/predictions", &rows()[0])
        .await
        .ok();
    assert_eq!(receipt["accepted"], 1);
}

#[tokio::test]
async fn reference_data_in_every_format_has_the_same_rows() {
    let app = TestApp::start().await;
    for (name, media_type, body) in bodies() {
        let path = format!("/v1/models/{name}/reference");
        let version = post(&app, &path, media_type, "gzip", gzip(&body))
            .await
            .ok();
        assert_eq!(
            [
                &version["version"],
                &version["rows"],
                &version["labelled_rows"]
            ],
            [1, 3, 3],
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_it_says_is_refused() {
    let app = TestApp::start().await;
    let path = "/v1/models/m/predictions";
    for (media_type, encoding, body, status, slug) in [
        (JSON, "", &b"{"[..], 400, "bad-body"),
        (JSON, "", b"", 400, "bad-body"),
        (ARROW, "", b"not arrow", 400, "bad-body"),
        (PARQUET, "", b"PAR1", 400, "bad-body"),
        (JSON, "gzip", b"{}", 400, "bad-body"),
        (JSON, "zstd", b"{}", 400, "bad-body"),
        (JSON, "br", b"{}", 415, "unsupported-type"),
        ("text/html", "", b"{}", 415, "unsupported-type"),
    ] {
        let answer = post(&app, path, media_type, encoding, body.to_vec()).await;
        answer.refused(status, slug);
    }
    let answer = post(&app, path, "text/html", "", Vec::new()).await;
    assert!(answer.header("accept-post").contains(PARQUET));
    assert_eq!(app.get("/v1/models").await.ok()["items"], json!([]));
}

#[tokio::test]
async fn a_small_body_that_unpacks_to_a_huge_one_is_refused() {
    let app = TestApp::start().await;
    // Just above the limit of 64 MiB.
    let huge = vec![b' '; (64 << 20) + 1];
    for (encoding, body) in [
        ("gzip", gzip(&huge)),
        ("zstd", zstd::encode_all(huge.as_slice(), 1).unwrap()),
    ] {
        assert!(body.len() < 1 << 20);
        let answer = post(&app, "/v1/models/m/predictions", JSON, encoding, body).await;
        let problem = answer.refused(413, "too-large");
        assert!(
            problem["detail"].as_str().unwrap().contains("64 MiB")
                || problem["detail"].as_str().unwrap().contains("67108864"),
            "{answer}"
        );
    }
}
