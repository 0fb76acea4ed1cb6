//! What clients send: rows with 20 numbers and 5 categories, in three shapes, made before they are needed.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use leeway_statistics::rng::Rng;

/// Numeric features of a row.
pub(crate) const NUMERIC: usize = 20;
/// Categorical features of a row.
pub(crate) const CATEGORICAL: usize = 5;
/// Time of the first row: 2026-01-05T00:00:00Z.
const START_SECONDS: u64 = 1_767_571_200;

/// What a request holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One row as JSON.
    Single,
    /// 1,000 rows as JSON.
    Batch,
    /// 10,000 rows as an Arrow stream.
    Arrow,
}

impl Shape {
    pub(crate) fn rows(self) -> u64 {
        match self {
            Self::Single => 1,
            Self::Batch => 1_000,
            Self::Arrow => 10_000,
        }
    }

    /// How the command line calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Batch => "batch",
            Self::Arrow => "arrow",
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Single | Self::Batch => "application/json",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// A body whose first row is the `first` of its client. No two rows of a run have one `record_id`.
    pub(crate) fn body(self, client: usize, first: u64) -> Vec<u8> {
        match self {
            Self::Single => row(client, first).into_bytes(),
            Self::Batch => {
                let rows: Vec<String> = (first..first + self.rows())
                    .map(|at| row(client, at))
                    .collect();
                format!("{{\"predictions\":[{}]}}", rows.join(",")).into_bytes()
            }
            Self::Arrow => arrow(client, first, self.rows()),
        }
    }
}

fn values(client: usize, at: u64) -> ([f64; NUMERIC], [u64; CATEGORICAL]) {
    let mut rng = Rng::new((client as u64) << 40 | at);
    let numbers = std::array::from_fn(|_| rng.normal());
    let names = std::array::from_fn(|i| rng.below(10 * (i as u64 + 1)));
    (numbers, names)
}

fn seconds(at: u64) -> u64 {
    // A row a millisecond, per client.
    START_SECONDS * 1_000 + at
}

fn row(client: usize, at: u64) -> String {
    let (numbers, names) = values(client, at);
    let mut text = format!(
        "{{\"record_id\":\"{client}-{at}\",\"prediction_time\":{}.{:03},\"prediction\":{},\"features\":{{",
        seconds(at) / 1_000,
        seconds(at) % 1_000,
        at % 2
    );
    for (i, number) in numbers.iter().enumerate() {
        let _ = write!(text, "\"x{i:02}\":{number},");
    }
    for (i, name) in names.iter().enumerate() {
        let _ = write!(
            text,
            "\"c{i:02}\":\"name-{name}\"{}",
            if i + 1 < CATEGORICAL { "," } else { "}}" }
        );
    }
    text
}

fn arrow(client: usize, first: u64, rows: u64) -> Vec<u8> {
    let all: Vec<_> = (first..first + rows).map(|at| values(client, at)).collect();
    let mut fields = vec![
        Field::new("record_id", DataType::Utf8, false),
        Field::new(
            "prediction_time",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            false,
        ),
        Field::new("prediction", DataType::Float64, false),
    ];
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            (first..first + rows).map(|at| format!("{client}-{at}")),
        )),
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(
                (first..first + rows)
                    .map(|at| i64::try_from(seconds(at) * 1_000).unwrap_or(i64::MAX)),
            )
            .with_timezone("UTC"),
        ),
        Arc::new(Float64Array::from_iter_values(
            (first..first + rows).map(|at| (at % 2) as f64),
        )),
    ];
    for i in 0..NUMERIC {
        fields.push(Field::new(format!("x{i:02}"), DataType::Float64, false));
        columns.push(Arc::new(Float64Array::from_iter_values(
            all.iter().map(|(numbers, _)| numbers[i]),
        )));
    }
    for i in 0..CATEGORICAL {
        fields.push(Field::new(format!("c{i:02}"), DataType::Utf8, false));
        columns.push(Arc::new(StringArray::from_iter_values(
            all.iter().map(|(_, names)| format!("name-{}", names[i])),
        )));
    }
    let schema = Arc::new(Schema::new(fields));
    let batch =
        RecordBatch::try_new(Arc::clone(&schema), columns).expect("columns fit their schema");
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).expect("memory takes everything");
    writer.write(&batch).expect("memory takes everything");
    writer.into_inner().expect("memory takes everything")
}
