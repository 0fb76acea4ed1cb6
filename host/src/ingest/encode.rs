//! Rows as columns become rows as Postgres takes them.

use jiff::Timestamp;

use crate::domain::{ColumnValues, MISSING_CODE, Role};
use crate::store::{Arrival, LabelValue, NewLabels, NewRows};

use super::fit::Place;
use super::known::{Known, NO_CODE};
use super::rows::Rows;

/// The rows of a request, and the labels among them. `with_rows`: not only the labels.
pub(super) fn encode(
    known: &Known,
    rows: &Rows,
    places: &[Place],
    received_at: Timestamp,
    with_rows: bool,
) -> Arrival {
    let model_no = known.model.no;
    let mut arrival = Arrival {
        model_no,
        ..Arrival::default()
    };
    if with_rows {
        arrival.rows = encode_rows(known, rows, places);
    }
    let label = rows
        .columns
        .iter()
        .zip(places)
        .find(|(column, _)| column.role == Role::Label);
    if let Some((column, place)) = label {
        let mut labels = NewLabels::with_capacity(rows.count);
        for row in 0..rows.count {
            let value = match &column.values {
                ColumnValues::Numeric(values) if !values[row].is_nan() => {
                    LabelValue::Number(values[row])
                }
                ColumnValues::Categorical { codes, .. } if codes[row] != MISSING_CODE => {
                    LabelValue::Code(place.codes[codes[row] as usize])
                }
                _ => continue,
            };
            labels.push(model_no, received_at, rows.ids.get(row), value);
        }
        arrival.labels = labels;
    }
    arrival
}

fn encode_rows(known: &Known, rows: &Rows, places: &[Place]) -> NewRows {
    let mut numeric: Vec<(usize, &[f64])> = Vec::new();
    let mut categorical: Vec<(usize, &[u32], &[i32])> = Vec::new();
    let mut embedded: Vec<(usize, usize, &[f32])> = Vec::new();
    for (column, place) in rows.columns.iter().zip(places) {
        if column.role == Role::Label {
            continue;
        }
        let position = known.model.columns[place.at].position;
        match &column.values {
            ColumnValues::Numeric(values) => numeric.push((position, values)),
            ColumnValues::Categorical { codes, .. } => {
                categorical.push((position, codes, &place.codes));
            }
            ColumnValues::Embedding { dimension, values } => {
                embedded.push((position, *dimension, values));
            }
        }
    }
    let mut numbers = vec![f64::NAN; known.numbers];
    let mut codes = vec![NO_CODE; known.codes];
    // Where no row of the request has a vector there is nothing to send.
    let width = if embedded.is_empty() {
        0
    } else {
        known.embedding
    };
    let mut embedding = vec![f32::NAN; width];
    let mut encoded = NewRows::with_capacity(rows.count, known.numbers, known.codes, width);
    for row in 0..rows.count {
        for &(position, values) in &numeric {
            numbers[position] = values[row];
        }
        for &(position, values, names) in &categorical {
            codes[position] = names.get(values[row] as usize).copied().unwrap_or(NO_CODE);
        }
        for &(position, dimension, values) in &embedded {
            let vector = &values[row * dimension..(row + 1) * dimension];
            embedding[position..position + dimension].copy_from_slice(vector);
        }
        let (time, id) = (rows.times[row], rows.ids.get(row));
        let values = (numbers.as_slice(), codes.as_slice(), embedding.as_slice());
        encoded.push_embedded(known.model.no, time, id, values);
    }
    encoded
}
