//! Arrow IPC and Parquet: columns straight to columns.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;

use crate::domain::model::EMBEDDING_DIMENSION_MAX;
use crate::domain::{ColumnKind, ColumnValues};
use crate::input::{
    BodyColumn, BodyError, Columnar, column_dimension, column_kind, record_batches,
};

use super::builder::{Field, MISSING, Purpose, RowsBuilder, length_out_of_bounds};
use super::error::IngestError;
use super::rows::Rows;

/// Decodes an Arrow or Parquet body.
pub(super) fn decode(
    mut builder: RowsBuilder,
    body: &Bytes,
    format: Columnar,
    rows_max: usize,
    now: i64,
) -> Result<Rows, IngestError> {
    let batches = record_batches(body, format, rows_max as u64).map_err(|error| match error {
        BodyError::TooManyRows(found) => IngestError::TooLarge {
            what: "the number of rows of one request",
            found,
            limit: rows_max as u64,
        },
        BodyError::Damaged(reason) => IngestError::Body {
            format: match format {
                Columnar::Arrow => "Arrow IPC",
                Columnar::Parquet => "Parquet",
            },
            reason,
        },
    })?;
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let Some(first) = batches.first() else {
        return builder.finish(0, now);
    };
    let flat = builder.purpose() != Purpose::Labels;
    let mut seen = Vec::new();
    for (at, field) in first.schema_ref().fields().iter().enumerate() {
        let name = field.name();
        let target = builder.field(name, 0, flat);
        if target == Field::Nowhere || seen.contains(&target) {
            builder
                .problems
                .add_to_all(name, "the column cannot be taken, or stands twice");
            continue;
        }
        seen.push(target);
        let arrays = batches.iter().map(|batch| batch.column(at));
        let done = match target {
            Field::RecordId => record_ids(&mut builder, arrays),
            Field::Time => times(&mut builder, arrays),
            Field::Column(slot) => column(&mut builder, slot, field.data_type(), arrays),
            Field::Features | Field::Nowhere => Ok(()),
        };
        if let Err(reason) = done {
            builder.problems.add_to_all(name, reason);
        }
    }
    builder.finish(rows, now)
}

/// One column of values. `Err`: its type does not fit.
fn column<'a>(
    builder: &mut RowsBuilder,
    slot: usize,
    data_type: &DataType,
    arrays: impl Iterator<Item = &'a ArrayRef> + Clone,
) -> Result<(), String> {
    let Some(found) = column_kind(data_type).map_err(|words| {
        format!("holds {words}, which is none of numbers, categories and vectors")
    })?
    else {
        return Ok(());
    };
    if found == ColumnKind::Embedding && !builder.takes_vectors(Field::Column(slot)) {
        let column = match builder.kind(slot) {
            Some(kind) => format!("the column is {kind}"),
            None => "only a feature may".to_owned(),
        };
        return Err(format!("holds vectors, and {column}"));
    }
    let kind = match builder.kind(slot) {
        None => found,
        Some(known) if known == found => known,
        // Numbers name the categories of a declared column.
        Some(ColumnKind::Categorical) if builder.is_declared(slot) => ColumnKind::Categorical,
        Some(known) => return Err(format!("holds {found} values, and the column is {known}")),
    };
    let mut dimension = builder.dimension(slot).unwrap_or(0);
    if kind == ColumnKind::Embedding && dimension == 0 {
        let Some(found) = column_dimension(arrays.clone()) else {
            // No row has a vector.
            return Ok(());
        };
        if found > EMBEDDING_DIMENSION_MAX {
            return Err(length_out_of_bounds(found));
        }
        dimension = found;
    }
    if kind == ColumnKind::Embedding {
        builder
            .take_room(dimension * arrays.clone().map(arrow_array::Array::len).sum::<usize>())?;
    }
    let mut values = BodyColumn::new(kind, dimension);
    let mut row = 0;
    for array in arrays {
        let mut rest = array.clone();
        while let Err((at, reason)) = values.append(&rest, &MISSING) {
            let name = builder.name(slot).to_owned();
            builder.problems.add(row + at, Some(&name), reason.clone());
            if kind != ColumnKind::Embedding || builder.problems.is_full() {
                // What follows it was not looked at.
                return Err(reason);
            }
            // A vector of another length is wrong by itself.
            values.push_missing();
            row += at + 1;
            rest = rest.slice(at + 1, rest.len() - at - 1);
        }
        row += rest.len();
    }
    let values = values.finish();
    if values.rows() != row {
        return Err("cannot be read".into());
    }
    if let ColumnValues::Categorical { dictionary, .. } = &values
        && dictionary.iter().any(|name| name.contains('\0'))
    {
        return Err("has a NUL character, which is not stored".into());
    }
    builder.put_values(slot, values);
    Ok(())
}

fn words(error: &arrow_schema::ArrowError) -> String {
    error.to_string()
}

fn record_ids<'a>(
    builder: &mut RowsBuilder,
    arrays: impl Iterator<Item = &'a ArrayRef>,
) -> Result<(), String> {
    let mut start = 0;
    for array in arrays {
        let rows = array.len();
        if array.data_type().is_integer() {
            let integers = cast(array, &DataType::Int64).map_err(|error| words(&error))?;
            let integers = integers.as_primitive::<Int64Type>();
            for (row, id) in integers.iter().enumerate() {
                if let Some(id) = id {
                    builder.integer(Field::RecordId, start + row, id.into());
                }
            }
        } else {
            let texts = match array.data_type() {
                DataType::Utf8 => array.clone(),
                DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => {
                    cast(array, &DataType::Utf8).map_err(|error| words(&error))?
                }
                other => return Err(format!("holds {other}, and records are text or integers")),
            };
            for (row, id) in texts.as_string::<i32>().iter().enumerate() {
                if let Some(id) = id {
                    builder.text(Field::RecordId, start + row, id);
                }
            }
        }
        start += rows;
    }
    Ok(())
}

fn times<'a>(
    builder: &mut RowsBuilder,
    arrays: impl Iterator<Item = &'a ArrayRef>,
) -> Result<(), String> {
    let mut start = 0;
    for array in arrays {
        let rows = array.len();
        match array.data_type() {
            DataType::Timestamp(unit, _) => {
                let micros = |at: usize| match unit {
                    TimeUnit::Second => {
                        let ticks = array.as_primitive::<TimestampSecondType>().value(at);
                        ticks.checked_mul(1_000_000)
                    }
                    TimeUnit::Millisecond => {
                        let ticks = array.as_primitive::<TimestampMillisecondType>().value(at);
                        ticks.checked_mul(1_000)
                    }
                    TimeUnit::Microsecond => {
                        Some(array.as_primitive::<TimestampMicrosecondType>().value(at))
                    }
                    TimeUnit::Nanosecond => {
                        let ticks = array.as_primitive::<TimestampNanosecondType>().value(at);
                        Some(ticks.div_euclid(1_000))
                    }
                };
                for row in (0..rows).filter(|&row| array.is_valid(row)) {
                    // Beyond the calendar is beyond every limit.
                    builder.time(start + row, micros(row).unwrap_or(i64::MAX));
                }
            }
            DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Dictionary(_, _) => {
                let texts = cast(array, &DataType::Utf8).map_err(|error| words(&error))?;
                for (row, text) in texts.as_string::<i32>().iter().enumerate() {
                    if let Some(text) = text {
                        builder.text(Field::Time, start + row, text);
                    }
                }
            }
            numeric if numeric.is_numeric() => {
                let seconds = cast(array, &DataType::Float64).map_err(|error| words(&error))?;
                let seconds = seconds.as_primitive::<arrow_array::types::Float64Type>();
                for (row, seconds) in seconds.iter().enumerate() {
                    if let Some(seconds) = seconds {
                        builder.number(Field::Time, start + row, seconds);
                    }
                }
            }
            other => return Err(format!("holds {other}, which is no time")),
        }
        start += rows;
    }
    Ok(())
}
