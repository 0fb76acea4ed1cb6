//! Vectors through the whole service: sent, stored, profiled, judged as a whole, shown, and judged again from what is stored.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder, Float64Builder, ListBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::harness::app::TestApp;

const DIMENSION: usize = 16;
const ARROW: &str = "application/vnd.apache.arrow.stream";
const PARQUET: &str = "application/vnd.apache.parquet";
const ROWS: usize = 300;

/// A number in [0, 1) for each seed: splitmix64.
fn uniform(seed: u64) -> f32 {
    let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    // Of 24 bits each is a 32-bit float.
    ((bits ^ (bits >> 31)) >> 40) as f32 / 16_777_216.0
}

/// Vectors of a part: nearly all rows have one. Each number is moved by `shift`.
fn vectors(part: u64, shift: f32) -> Vec<Option<Vec<f32>>> {
    let number = |row: u64, at: u64| uniform((part << 32) | (row << 8) | at) + shift;
    (0..ROWS as u64)
        .map(|row| (row % 50 != 7).then(|| (0..16).map(|at| number(row, at)).collect()))
        .collect()
}

fn time(part: u64, row: usize) -> String {
    let start: Timestamp = "2025-12-01T00:00:00Z".parse().unwrap();
    let hours = SignedDuration::from_hours(i64::try_from(part).unwrap());
    let seconds = SignedDuration::from_secs(i64::try_from(row).unwrap());
    (start + hours + seconds).to_string()
}

fn json_rows(part: u64, shift: f32) -> Value {
    let rows = vectors(part, shift).into_iter().enumerate();
    rows.map(|(row, vector)| {
        json!({
            "record_id": format!("{part}-{row}"), "prediction_time": time(part, row),
            "features": { "text": vector, "age": f64::from(uniform((part << 32) | row as u64)) },
        })
    })
    .collect()
}

/// The vectors as the columns of a table: of one length by type, or as lists of doubles.
fn arrays(rows: &[Option<Vec<f32>>], fixed: bool) -> ArrayRef {
    if fixed {
        let length = i32::try_from(DIMENSION).unwrap();
        let mut builder = FixedSizeListBuilder::new(Float32Builder::new(), length);
        for row in rows {
            let there = row.is_some();
            for at in 0..DIMENSION {
                builder
                    .values()
                    .append_option(row.as_ref().map(|row| row[at]));
            }
            builder.append(there);
        }
        return Arc::new(builder.finish());
    }
    let mut builder = ListBuilder::new(Float64Builder::new());
    for row in rows {
        let there = row.is_some();
        for &number in row.iter().flatten() {
            builder.values().append_value(f64::from(number));
        }
        builder.append(there);
    }
    Arc::new(builder.finish())
}

fn table(part: u64, rows: &[Option<Vec<f32>>], fixed: bool) -> RecordBatch {
    let texts = |of: &dyn Fn(usize) -> String| -> ArrayRef {
        let texts: Vec<String> = (0..rows.len()).map(of).collect();
        Arc::new(StringArray::from(texts))
    };
    let columns = [
        ("record_id", texts(&|row| format!("{part}-{row}"))),
        ("prediction_time", texts(&|row| time(part, row))),
        ("text", arrays(rows, fixed)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn arrow(table: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new(&mut bytes, table.schema_ref()).unwrap();
    writer.write(table).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn parquet(table: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, table.schema(), None).unwrap();
    writer.write(table).unwrap();
    writer.close().unwrap();
    bytes
}

async fn evaluate(app: &TestApp, monitor: &str) -> Value {
    let path = format!("/v1/models/m/monitors/{monitor}/evaluate");
    let answer = app.post(&format!("{path}?wait=true"), &Value::Null).await;
    answer.ok()["evaluations"][0].take()
}

/// Verdicts by the column that they are of; of all together `-`.
fn verdicts(evaluation: &Value) -> Vec<(String, String)> {
    let text = |value: &Value, none: &str| value.as_str().unwrap_or(none).to_owned();
    let measurements = evaluation["measurements"].as_array();
    let measurements = measurements.unwrap_or_else(|| panic!("{evaluation:#}"));
    measurements
        .iter()
        .map(|one| (text(&one["column"], "-"), text(&one["verdict"], "")))
        .collect()
}

#[expect(
    clippy::too_many_lines,
    reason = "one story, from the first row to the verdict"
)]
#[tokio::test]
async fn drift_of_vectors_is_found_against_an_upload_and_against_stored_rows() {
    let app = TestApp::start().await;
    // The first batch says what the model has.
    let first = app
        .post("/v1/models/m/predictions", &json_rows(1, 0.0))
        .await
        .ok();
    assert_eq!(first["accepted"], ROWS);
    let columns = app.get("/v1/models/m").await.ok()["columns"].take();
    assert_eq!(
        columns,
        json!([
            { "name": "age", "kind": "numeric", "role": "feature", "schema_version": 1 },
            { "name": "text", "kind": "embedding", "dimension": 16, "role": "feature", "schema_version": 1 },
        ])
    );
    let upload = table(0, &vectors(0, 0.0), true);
    let upload = upload.project(&[2]).unwrap();
    let version = app
        .send("/v1/models/m/reference", ARROW, arrow(&upload))
        .await
        .ok();
    assert_eq!(version["rows"], ROWS);
    let on_request = json!({ "on": "request" });
    let newest = json!({ "of": "sliding", "extent": { "rows": 200 } });
    let trailing = json!({ "from": "trailing", "extent": { "rows": 200 } });
    for (name, spec) in [
        (
            "mmd",
            json!({ "detector": "mmd", "reference": { "from": "data-set" }, "current": newest, "cadence": on_request }),
        ),
        (
            "before",
            json!({ "detector": "mmd", "reference": trailing, "current": newest, "cadence": on_request, "config": { "ignore": ["age"] } }),
        ),
        (
            "classifier",
            json!({ "detector": "domain-classifier", "reference": trailing, "current": newest, "cadence": on_request }),
        ),
        (
            "stream",
            json!({ "detector": "two-sample-bets", "cadence": on_request }),
        ),
    ] {
        let path = format!("/v1/models/m/monitors/{name}");
        app.put(&path, &spec).await.ok();
    }

    // More of the same, as lists of doubles.
    let same = arrow(&table(2, &vectors(2, 0.0), false));
    app.send("/v1/models/m/predictions", ARROW, same).await.ok();
    app.run_due().await;
    let of = |column: &str, verdict: &str| (column.to_owned(), verdict.to_owned());
    let uploaded = evaluate(&app, "mmd").await;
    assert_eq!(uploaded["reference_rows"], ROWS);
    // The upload has no ages, and the newest rows have none.
    assert!(
        verdicts(&uploaded).contains(&of("text", "stable")),
        "{uploaded:#}"
    );
    let before = evaluate(&app, "before").await;
    assert_eq!(verdicts(&before), [of("text", "stable")], "{before:#}");
    let classifier = evaluate(&app, "classifier").await;
    assert_eq!(classifier["outcome"], "judged", "{classifier:#}");
    let stream = evaluate(&app, "stream").await;
    assert_eq!(stream["outcome"], "judged", "{stream:#}");

    // Moved by half a standard deviation in every number.
    let moved = parquet(&table(3, &vectors(3, 0.15), true));
    app.send("/v1/models/m/predictions", PARQUET, moved)
        .await
        .ok();
    app.run_due().await;
    let uploaded = evaluate(&app, "mmd").await;
    assert!(
        verdicts(&uploaded).contains(&of("text", "drifted")),
        "{uploaded:#}"
    );
    let before = evaluate(&app, "before").await;
    assert_eq!(verdicts(&before), [of("text", "drifted")], "{before:#}");
    let classifier = evaluate(&app, "classifier").await;
    assert_eq!(verdicts(&classifier)[0].1, "drifted", "{classifier:#}");
    let named = &classifier["measurements"][0]["detail"]["columns"][0]["column"];
    assert_eq!(named, "text", "{classifier:#}");

    // The same again, out of what is stored.
    for evaluation in [&uploaded, &before, &classifier] {
        let path = format!("/v1/evaluations/{}/replay", evaluation["evaluation_no"]);
        let again = app.post(&path, &Value::Null).await.ok();
        assert_eq!(again["same"], true, "{again:#}");
    }

    // What the service shows of it.
    let rows = app.get("/v1/models/m/predictions?limit=10").await.ok();
    let shown = rows["items"].as_array().unwrap().iter();
    for (row, sent) in shown.zip(vectors(1, 0.0)) {
        // As they were sent, in single precision.
        let numbers = row["features"]["text"].as_array().map(|numbers| {
            let numbers = numbers
                .iter()
                .map(|number| number.to_string().parse::<f32>().unwrap());
            numbers.collect::<Vec<_>>()
        });
        assert_eq!(numbers, sent);
    }
    assert_eq!(rows["items"][7]["features"]["text"], Value::Null);
    let path = "/v1/models/m/distributions?monitor=before&column=text";
    let norms = app.get(path).await.ok();
    assert_eq!(
        (&norms["kind"], &norms["current"]["missing"]),
        (&json!("embedding"), &json!(6))
    );
    let mean = |side: &str| norms[side]["mean"].as_f64().unwrap();
    assert!(mean("current") > mean("reference"), "{norms:#}");
}

#[tokio::test]
async fn vectors_of_the_wrong_length_are_refused_in_every_format() {
    let app = TestApp::start().await;
    let path = "/v1/models/m/predictions";
    app.post(path, &json_rows(1, 0.0)).await.ok();
    let mut rows = vectors(2, 0.0);
    rows[40] = Some(vec![0.5; DIMENSION - 1]);
    let short = table(2, &rows, false);
    let mut json = json_rows(2, 0.0);
    json[40]["features"]["text"] = json!(vec![0.5; 15]);
    let bodies = [
        ("application/json", json.to_string().into_bytes()),
        (ARROW, arrow(&short)),
        (PARQUET, parquet(&short)),
    ];
    for (media_type, body) in bodies {
        let problem = app
            .send(path, media_type, body)
            .await
            .refused(422, "bad-rows");
        let detail = problem["detail"].as_str().unwrap();
        let words = "row 40, field 'text': a vector of 15 components; the column has 16";
        assert!(detail.contains(words), "{media_type}: {detail}");
    }

    // Declared, with its limits: see tests/e2e/ingest.rs for all of them.
    let declare = |dimension: Value| json!({ "model_id": "n", "columns": [{ "name": "v", "kind": "embedding", "dimension": dimension }] });
    for dimension in [json!(0), json!(4_097), Value::Null] {
        app.post("/v1/models", &declare(dimension))
            .await
            .refused(422, "bad-model");
    }
    app.post("/v1/models", &declare(json!(4_096))).await.ok();
    let columns = app.get("/v1/models/n").await.ok()["columns"].take();
    assert_eq!(columns[0]["dimension"], 4_096);

    // Of the longest vectors 256 fill a page.
    let path = "/v1/models/n/predictions";
    let rows: Vec<Value> = (0..257)
        .map(|row| json!({ "record_id": row, "prediction_time": time(1, row), "features": { "v": vec![1; 4_096] } }))
        .collect();
    app.post(path, &Value::from(rows)).await.ok();
    let first = app.get(&format!("{path}?limit=1000")).await.ok();
    assert_eq!(first["items"].as_array().unwrap().len(), 256);
    let cursor = first["next_cursor"].as_str().unwrap();
    let last = app
        .get(&format!("{path}?limit=1000&cursor={cursor}"))
        .await
        .ok();
    assert_eq!(last["items"].as_array().unwrap().len(), 1);
}
