//! Reference data becomes two profiles: one of all rows, one of the labelled ones.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::domain::{Batch, ColumnSpec, ColumnValues, MISSING_CODE, Model, Role, Schema};
use crate::profile::{Derivation, ProfileBuilder, ProfileConfig};

use super::BodyFormat;
use super::error::IngestError;
use super::fit::Place;
use super::rows::Rows;
use super::time::NO_TIME;

/// The profiles of reference data, as bytes.
pub(super) struct Profiles {
    pub(super) profile: Vec<u8>,
    pub(super) labelled: Option<Vec<u8>>,
    pub(super) labelled_rows: u64,
}

/// Rows that are profiled at a time, so that what is copied stays small.
const BATCH_ROWS: usize = 65_536;
/// Numbers of their vectors at most.
const BATCH_NUMBERS: usize = 1 << 22;

/// What is stored of an upload, and in which format. JSON has many shapes, of which whoever reads the rows again need
/// know none but this: a flat row a line, under the names of the model.
pub(super) fn stored(format: BodyFormat, body: Bytes, rows: &Rows) -> (BodyFormat, Bytes) {
    match format {
        BodyFormat::Json | BodyFormat::Ndjson => (BodyFormat::Ndjson, lines(rows).into()),
        BodyFormat::Csv | BodyFormat::Arrow | BodyFormat::Parquet => (format, body),
    }
}

fn lines(rows: &Rows) -> Vec<u8> {
    let mut lines = Vec::new();
    let field = |lines: &mut Vec<u8>, name: &str, value: serde_json::Value| {
        lines.push(if lines.ends_with(b"{") { b' ' } else { b',' });
        lines.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
        lines.push(b':');
        lines.extend_from_slice(value.to_string().as_bytes());
    };
    for row in 0..rows.count {
        lines.push(b'{');
        if let Some(&time) = rows.times.get(row).filter(|&&time| time != NO_TIME)
            && let Ok(time) = jiff::Timestamp::from_microsecond(time)
        {
            field(&mut lines, "prediction_time", time.to_string().into());
        }
        for column in &rows.columns {
            let value = match &column.values {
                ColumnValues::Numeric(values) if !values[row].is_nan() => values[row].into(),
                ColumnValues::Categorical { codes, dictionary } => {
                    match dictionary.get(codes[row] as usize) {
                        Some(name) => name.as_str().into(),
                        None => continue,
                    }
                }
                ColumnValues::Embedding { dimension, values } => {
                    let vector = &values[row * dimension..(row + 1) * dimension];
                    if vector.iter().all(|number| number.is_nan()) {
                        continue;
                    }
                    vector.iter().map(|&number| component(number)).collect()
                }
                ColumnValues::Numeric(_) => continue,
            };
            field(&mut lines, &column.name, value);
        }
        lines.extend_from_slice(b"}\n");
    }
    lines
}

/// A number of a vector as JSON, which has no infinity.
fn component(number: f32) -> serde_json::Value {
    if number.is_infinite() {
        let text = if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        return text.into();
    }
    // NaN is null.
    number.into()
}

/// Profiles rows. Columns are those of the rows, features first, in the order of the model.
pub(super) fn profiles(
    model: &Model,
    rows: &Rows,
    places: &[Place],
) -> Result<Profiles, IngestError> {
    let wrong = |error: &dyn std::fmt::Display| IngestError::Registration(error.to_string());
    let mut order: Vec<usize> = (0..rows.columns.len()).collect();
    let rank = |role| match role {
        Role::Feature => 0,
        Role::Prediction => 1,
        Role::Probability => 2,
        _ => 3,
    };
    order.sort_by_key(|&at| (rank(rows.columns[at].role), model.columns[places[at].at].no));
    let spec = |&at: &usize| ColumnSpec {
        name: model.columns[places[at].at].name.clone(),
        kind: model.columns[places[at].at].kind,
        role: rows.columns[at].role,
    };
    let of_all: Vec<usize> = order
        .iter()
        .copied()
        .filter(|&at| rows.columns[at].role != Role::Label)
        .collect();
    let schema = Schema::new(of_all.iter().map(spec).collect()).map_err(|error| wrong(&error))?;
    let mut builder = ProfileBuilder::new(schema, ProfileConfig::service());
    let fit = BATCH_NUMBERS / model.embedding_numbers().max(1);
    let at_once = fit.clamp(1, BATCH_ROWS);
    for start in (0..rows.count).step_by(at_once) {
        let range: Vec<usize> = (start..rows.count.min(start + at_once)).collect();
        let batch = batch(rows, &of_all, &range);
        builder.observe(&batch).map_err(|error| wrong(&error))?;
    }
    let profile = builder.finish().to_bytes();

    let Some(label) = rows.column_of(Role::Label) else {
        return Ok(Profiles {
            profile,
            labelled: None,
            labelled_rows: 0,
        });
    };
    let labelled: Vec<usize> = (0..rows.count)
        .filter(|&row| match &label.values {
            ColumnValues::Numeric(values) => !values[row].is_nan(),
            ColumnValues::Categorical { codes, .. } => codes[row] != MISSING_CODE,
            ColumnValues::Embedding { .. } => false,
        })
        .collect();
    let answers: Vec<usize> = order
        .iter()
        .copied()
        .filter(|&at| rows.columns[at].role != Role::Feature)
        .collect();
    let schema = Schema::new(answers.iter().map(spec).collect()).map_err(|error| wrong(&error))?;
    let derivation = model
        .answers()
        .map(|answers| Derivation::new(&schema, answers, model.positive_label.as_deref()))
        .transpose()
        .map_err(|error| wrong(&error))?;
    let extended = derivation.as_ref().map_or_else(
        || Arc::new(schema),
        |derivation| Arc::clone(derivation.schema()),
    );
    let kept: Vec<usize> = (0..extended.columns().len())
        .filter(|&at| {
            let role = extended.columns()[at].role;
            role == Role::Label || role.is_derived()
        })
        .collect();
    let specs = kept.iter().map(|&at| extended.columns()[at].clone());
    let schema = Schema::new(specs.collect()).map_err(|error| wrong(&error))?;
    let mut builder = ProfileBuilder::new(schema, ProfileConfig::service());
    for range in labelled.chunks(BATCH_ROWS) {
        let mut batch = batch(rows, &answers, range);
        if let Some(derivation) = &derivation {
            batch = derivation.extend(batch).map_err(|error| wrong(&error))?;
        }
        let mut at = 0;
        batch.columns.retain(|_| {
            at += 1;
            kept.contains(&(at - 1))
        });
        builder.observe(&batch).map_err(|error| wrong(&error))?;
    }
    Ok(Profiles {
        profile,
        labelled: (!labelled.is_empty()).then(|| builder.finish().to_bytes()),
        labelled_rows: labelled.len() as u64,
    })
}

/// Some columns of some rows.
fn batch(rows: &Rows, columns: &[usize], range: &[usize]) -> Batch {
    let column = |&at: &usize| match &rows.columns[at].values {
        ColumnValues::Numeric(values) => {
            ColumnValues::Numeric(range.iter().map(|&row| values[row]).collect())
        }
        ColumnValues::Categorical { codes, dictionary } => ColumnValues::Categorical {
            codes: range.iter().map(|&row| codes[row]).collect(),
            dictionary: dictionary.clone(),
        },
        ColumnValues::Embedding { dimension, values } => {
            let vector = |&row: &usize| &values[row * dimension..(row + 1) * dimension];
            ColumnValues::Embedding {
                dimension: *dimension,
                values: range.iter().flat_map(vector).copied().collect(),
            }
        }
    };
    let seconds = |&row: &usize| match rows.times[row] {
        NO_TIME => f64::NAN,
        micros => micros as f64 / 1e6,
    };
    let timed = range.iter().any(|&row| rows.times[row] != NO_TIME);
    Batch {
        rows: range.len(),
        times: timed.then(|| range.iter().map(seconds).collect()),
        columns: columns.iter().map(column).collect(),
    }
}

/// SHA-256 of an upload, in hexadecimal.
pub(super) fn digest(upload: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(upload) {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
