//! Rows read back as clients sent them: categories by name, and beside each row the label that counts.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::domain::{ColumnKind, Model, ModelColumn, Role};

use super::{Store, StoreError, StoreResult};

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Of a numeric column. May be infinite, is never NaN.
    Number(f64),
    /// Of a categorical column.
    Category(String),
    /// Of an embedding. A number of it that is missing is NaN; not all are.
    Vector(Vec<f32>),
}

/// A stored row with the label that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    /// Order of arrival within the model.
    pub seq: i64,
    /// The client's name of the row.
    pub record_id: String,
    /// When the model answered.
    pub prediction_time: Timestamp,
    /// One entry for each column of the model, in their order; `None` is missing, or a vector that was not asked for. That of the label is the label.
    pub values: Vec<Option<Scalar>>,
    /// When the label arrived; `None` where there is none.
    pub labelled_at: Option<Timestamp>,
}

/// What a row holds before its codes have names.
struct RawRow {
    seq: i64,
    record_id: String,
    prediction_time: Timestamp,
    numbers: Vec<Option<f64>>,
    codes: Vec<Option<i32>>,
    embedding: Option<Vec<Option<f32>>>,
    label_number: Option<f64>,
    label_code: Option<i32>,
    labelled_at: Option<Timestamp>,
}

impl Store {
    /// Rows of a model by arrival, at most `rows_max` of those behind `after`; with their vectors where they are `embedded`.
    pub async fn history_rows(
        &self,
        model: &Model,
        after: i64,
        rows_max: u32,
        embedded: bool,
    ) -> StoreResult<Vec<HistoryRow>> {
        let rows = sqlx::query(
            "SELECT p.seq, p.record_id, p.prediction_time, p.numbers, p.codes, CASE WHEN $4 THEN p.embedding END AS embedding, l.number, l.code, l.received_at
             FROM prediction p
             LEFT JOIN LATERAL (
                 SELECT number, code, received_at FROM label
                 WHERE model_no = p.model_no AND record_id = p.record_id
                 ORDER BY seq DESC LIMIT 1
             ) l ON true
             WHERE p.model_no = $1 AND p.seq > $2
             ORDER BY p.seq LIMIT $3",
        )
        .bind(model.no)
        .bind(after)
        .bind(i64::from(rows_max))
        .bind(embedded)
        .fetch_all(&self.pool)
        .await?;
        let rows: Vec<RawRow> = rows.iter().map(raw_row).collect::<StoreResult<_>>()?;
        let names = self.names_of(model, &rows).await?;
        rows.into_iter()
            .map(|row| named_row(model, row, &names))
            .collect()
    }

    /// The names of exactly those codes that occur: a page costs the same however many categories there are.
    async fn names_of(
        &self,
        model: &Model,
        rows: &[RawRow],
    ) -> StoreResult<HashMap<(i32, i32), String>> {
        let mut wanted: Vec<(i32, i32)> = model
            .columns
            .iter()
            .filter(|column| column.kind == ColumnKind::Categorical)
            .flat_map(|column| {
                rows.iter()
                    .filter_map(move |row| Some((column.no, row.code(column)?)))
            })
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let (columns, codes): (Vec<i32>, Vec<i32>) = wanted.into_iter().unzip();
        let rows = sqlx::query(
            "SELECT c.column_no, c.code, c.name FROM unnest($2::int4[], $3::int4[]) AS w (column_no, code)
             JOIN category c ON c.model_no = $1 AND c.column_no = w.column_no AND c.code = w.code",
        )
        .bind(model.no)
        .bind(columns)
        .bind(codes)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let key = (row.try_get("column_no")?, row.try_get("code")?);
                Ok((key, row.try_get("name")?))
            })
            .collect()
    }
}

impl RawRow {
    fn code(&self, column: &ModelColumn) -> Option<i32> {
        match column.role {
            Role::Label => self.label_code,
            _ => self.codes.get(column.position).copied().flatten(),
        }
    }

    fn number(&self, column: &ModelColumn) -> Option<f64> {
        let number = match column.role {
            Role::Label => self.label_number,
            _ => self.numbers.get(column.position).copied().flatten(),
        };
        number.filter(|number| !number.is_nan())
    }

    fn vector(&self, column: &ModelColumn) -> Option<Vec<f32>> {
        let numbers = self.embedding.as_ref()?.iter();
        let vector = numbers.skip(column.position).take(column.dimension);
        let vector: Vec<f32> = vector.map(|number| number.unwrap_or(f32::NAN)).collect();
        vector
            .iter()
            .any(|number| !number.is_nan())
            .then_some(vector)
    }
}

fn raw_row(row: &PgRow) -> StoreResult<RawRow> {
    let labelled_at: Option<SqlTimestamp> = row.try_get("received_at")?;
    Ok(RawRow {
        seq: row.try_get("seq")?,
        record_id: row.try_get("record_id")?,
        prediction_time: row.try_get::<SqlTimestamp, _>("prediction_time")?.to_jiff(),
        numbers: row.try_get("numbers")?,
        codes: row.try_get("codes")?,
        embedding: row.try_get("embedding")?,
        label_number: row.try_get("number")?,
        label_code: row.try_get("code")?,
        labelled_at: labelled_at.map(SqlTimestamp::to_jiff),
    })
}

fn named_row(
    model: &Model,
    row: RawRow,
    names: &HashMap<(i32, i32), String>,
) -> StoreResult<HistoryRow> {
    let value = |column: &ModelColumn| match column.kind {
        ColumnKind::Categorical => row
            .code(column)
            .map(|code| {
                let name = names.get(&(column.no, code)).cloned();
                name.map(Scalar::Category)
                    .ok_or_else(|| StoreError::Corrupt {
                        table: "prediction",
                        key: format!("model_no {}, seq {}", model.no, row.seq),
                        reason: format!("column '{}' has no category {code}", column.name),
                    })
            })
            .transpose(),
        ColumnKind::Embedding => Ok(row.vector(column).map(Scalar::Vector)),
        ColumnKind::Numeric => Ok(row.number(column).map(Scalar::Number)),
    };
    let values = model
        .columns
        .iter()
        .map(value)
        .collect::<StoreResult<Vec<_>>>()?;
    Ok(HistoryRow {
        seq: row.seq,
        record_id: row.record_id,
        prediction_time: row.prediction_time,
        values,
        labelled_at: row.labelled_at,
    })
}
