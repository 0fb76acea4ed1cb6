//! The rows of uploaded reference data are the same to a detector, whatever they were written in.

use std::sync::Arc;

use arrow_array::types::Float32Type;
use arrow_array::{
    ArrayRef, FixedSizeListArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use leeway::domain::{ModelId, SystemClock};
use leeway::ingest::{BodyFormat, Ingest, IngestOptions, IngestSettings};
use leeway::monitor::{WindowRequest, Windows};
use leeway::profile::Window;

use crate::harness::server::database;

/// 2026-03-01T00:00:00Z in microseconds; a row a second from there on.
const START: i64 = 1_772_323_200_000_000;
const X: [Option<f64>; 4] = [Some(1.5), None, Some(-2.0), Some(0.1)];
const C: [Option<&str>; 4] = [Some("red"), Some("7"), None, Some("é, \"b\"")];
const V: [Option<[f32; 2]>; 4] = [Some([0.5, -1.0]), None, Some([1e3, 0.1]), Some([0.0, 2.0])];
const PREDICTION: [i64; 4] = [1, 0, 1, 1];
const LABEL: [Option<i64>; 4] = [Some(1), Some(1), None, Some(0)];

fn time(row: usize) -> String {
    format!("2026-03-01T00:00:{row:02}Z")
}

fn csv() -> String {
    "x;c;v;prediction;label;prediction_time\n\
     1.5;red;[0.5 -1];1;1;2026-03-01T00:00:00Z\n\
     ;7;;0;1;2026-03-01T00:00:01Z\n\
     -2;;[1e3 0.1];1;;2026-03-01T00:00:02Z\n\
     0.1;\"é, \"\"b\"\"\";[0 2];1;0;2026-03-01T00:00:03Z\n"
        .replace(';', ",")
}

/// Rows as JSON, with the features flat or in an object of their own.
fn json(flat: bool) -> Vec<serde_json::Value> {
    let row = |row: usize| {
        let mut value = serde_json::json!({
            "prediction": PREDICTION[row], "label": LABEL[row], "prediction_time": time(row),
        });
        let features = serde_json::json!({ "x": X[row], "c": C[row], "v": V[row] });
        let fields = value.as_object_mut().unwrap();
        if flat {
            fields.extend(features.as_object().unwrap().clone());
        } else {
            fields.insert("features".into(), features);
        }
        value
    };
    (0..4).map(row).collect()
}

fn lines(flat: bool) -> String {
    let rows: Vec<String> = json(flat).iter().map(ToString::to_string).collect();
    rows.join("\n") + "\n"
}

fn columns() -> String {
    let times: Vec<String> = (0..4).map(time).collect();
    serde_json::json!({
        "prediction_time": times, "prediction": PREDICTION, "ground_truth_label": LABEL, "features": { "x": X, "c": C, "v": V },
    })
    .to_string()
}

fn batch() -> RecordBatch {
    let times = (0..4).map(|row| START + row * 1_000_000);
    let vectors = V.map(|vector| vector.map(|numbers| numbers.map(Some)));
    let vectors = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(vectors, 2);
    let columns: [(&str, ArrayRef); 6] = [
        ("x", Arc::new(Float64Array::from(X.to_vec()))),
        ("c", Arc::new(StringArray::from(C.to_vec()))),
        ("v", Arc::new(vectors)),
        (
            "prediction",
            Arc::new(Int64Array::from(PREDICTION.to_vec())),
        ),
        ("label", Arc::new(Int64Array::from(LABEL.to_vec()))),
        (
            "prediction_time",
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        ),
    ];
    let columns = columns.map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn arrow() -> Vec<u8> {
    let (rows, mut bytes) = (batch(), Vec::new());
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new(&mut bytes, rows.schema_ref()).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes
}

fn parquet() -> Vec<u8> {
    let (rows, mut bytes) = (batch(), Vec::new());
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    bytes
}

/// Kept rows as text, column by column.
fn text(window: &Window) -> Vec<String> {
    let rows = window.kept_rows();
    let mut columns: Vec<String> = window
        .columns()
        .iter()
        .zip(0..)
        .map(|(column, at)| {
            let values = if let Ok(numbers) = window.numbers(at, 0, rows) {
                format!("{numbers:?}")
            } else if let Ok(vectors) = window.embeddings(at, 0, rows) {
                assert_eq!(column.dimension, 2);
                format!("{vectors:?}")
            } else {
                let names = window.dictionary_size(at).unwrap();
                let names = window.dictionary(at, 0, names).unwrap();
                let codes = window.codes(at, 0, rows).unwrap().iter();
                let name = |code: &u32| names.get(*code as usize).map_or("-", String::as_str);
                format!("{:?}", codes.map(name).collect::<Vec<_>>())
            };
            format!("{} {values}", column.name)
        })
        .collect();
    columns.sort();
    columns.push(format!("{:?}", window.times(0, rows).unwrap()));
    columns
}

#[tokio::test]
async fn the_rows_of_an_upload_are_the_same_in_every_format() {
    let store = database().await;
    let clock = Arc::new(SystemClock);
    let ingest = Ingest::start(
        store.clone(),
        clock,
        IngestSettings::default(),
        Arc::new(|_| {}),
    );
    let windows = Windows::new(store.clone(), 1 << 20);
    let list = serde_json::Value::from(json(false)).to_string();
    let uploads: [(&str, BodyFormat, Vec<u8>); 7] = [
        ("csv", BodyFormat::Csv, csv().into()),
        ("ndjson", BodyFormat::Ndjson, lines(true).into()),
        (
            "ndjson with features",
            BodyFormat::Ndjson,
            lines(false).into(),
        ),
        ("json", BodyFormat::Json, list.into()),
        ("json columns", BodyFormat::Json, columns().into()),
        ("arrow", BodyFormat::Arrow, arrow()),
        ("parquet", BodyFormat::Parquet, parquet()),
    ];
    for (name, format, body) in uploads {
        let id = ModelId::new(name).unwrap();
        let options = IngestOptions::default();
        ingest
            .reference(&id, format, body.into(), &options, true)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let model = store.model(&id).await.unwrap().unwrap();
        let all = WindowRequest {
            keep_rows: Some((10, 1)),
            segment: None,
        };

        let window = windows.reference(&model, all).await;
        let (_, window) = window
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .unwrap();

        assert!(window.complete(), "{name}");
        assert_eq!(
            text(&window),
            [
                "absolute_residual [0.0, 1.0, NaN, 1.0]",
                r#"c ["red", "7", "-", "é, \"b\""]"#,
                "label [1.0, 1.0, NaN, 0.0]",
                "prediction [1.0, 0.0, 1.0, 1.0]",
                "residual [0.0, 1.0, NaN, -1.0]",
                "v [0.5, -1.0, NaN, NaN, 1000.0, 0.1, 0.0, 2.0]",
                "x [1.5, NaN, -2.0, 0.1]",
                "[1772323200.0, 1772323201.0, 1772323202.0, 1772323203.0]",
            ],
            "{name}"
        );
    }
}
