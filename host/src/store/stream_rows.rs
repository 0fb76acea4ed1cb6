//! Rows and labels in the order in which they arrived, for detectors that follow them.

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use sqlx::postgres::PgRow;
use sqlx::{Row, ValueRef};

use super::{Store, StoreResult};

/// A row, with its label where labels were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRow {
    /// Its arrival number: of the row, or of the label.
    pub seq: i64,
    /// When the model answered.
    pub prediction_time: Timestamp,
    /// Values of numeric columns by position.
    pub numbers: Vec<Option<f64>>,
    /// Codes of categorical columns by position.
    pub codes: Vec<Option<i32>>,
    /// Numbers of all vectors, one behind the other; empty where there are none, and where they were not asked for.
    pub embedding: Vec<Option<f32>>,
    /// The label, if labels are numbers.
    pub label_number: Option<f64>,
    /// The label's code, if they are categories.
    pub label_code: Option<i32>,
}

/// Some rows, and how far they reach.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRows {
    /// In their order.
    pub rows: Vec<StreamRow>,
    /// Everything up to this arrival number was looked at.
    pub seq_to: i64,
    /// Whether there is more.
    pub more: bool,
}

impl Store {
    /// Rows of a model with `after < seq <= to`, the first `limit` of them; with their vectors where they are `embedded`.
    pub async fn rows_in_order(
        &self,
        model_no: i32,
        (after, to): (i64, i64),
        limit: u32,
        embedded: bool,
    ) -> StoreResult<StreamRows> {
        let rows = sqlx::query(
            "SELECT seq, prediction_time, numbers, codes, CASE WHEN $5 THEN embedding END AS embedding, NULL::float8 AS number, NULL::int4 AS code
             FROM prediction
             WHERE model_no = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4",
        )
        .bind(model_no)
        .bind(after)
        .bind(to)
        .bind(i64::from(limit))
        .bind(embedded)
        .fetch_all(&self.pool)
        .await?;
        let rows: Vec<StreamRow> = rows.iter().map(stream_row).collect::<StoreResult<_>>()?;
        let more = rows.len() == limit as usize;
        let seq_to = match rows.last() {
            Some(row) if more => row.seq,
            _ => to.max(after),
        };
        Ok(StreamRows { rows, seq_to, more })
    }

    /// Rows of a model with `after < seq <= to`, the first `limit` of them, as far as they have a label with a seq up to `labels_to`:
    /// each with the last of those. `seq` is the label's.
    pub async fn rows_with_labels(
        &self,
        model_no: i32,
        (after, to): (i64, i64),
        labels_to: i64,
        limit: u32,
    ) -> StoreResult<StreamRows> {
        let rows = sqlx::query(
            "SELECT p.seq AS place, l.seq, p.prediction_time, p.numbers, p.codes, NULL::float4[] AS embedding, l.number, l.code
             FROM (SELECT seq, record_id, prediction_time, numbers, codes FROM prediction
                   WHERE model_no = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4) p
             LEFT JOIN LATERAL (SELECT n.seq, n.number, n.code FROM label n
                   WHERE n.model_no = $1 AND n.record_id = p.record_id AND n.seq <= $5 ORDER BY n.seq DESC LIMIT 1) l ON true
             ORDER BY p.seq",
        )
        .bind(model_no)
        .bind(after)
        .bind(to)
        .bind(i64::from(limit))
        .bind(labels_to)
        .fetch_all(&self.pool)
        .await?;
        complete(&rows, "seq", (after, to), limit)
    }

    /// Labels of a model with `after < seq <= to`, the first `limit` of them, with the rows that they are the first label of, as far
    /// as those have a seq up to `rows_to`. All rows of a record are meant.
    pub async fn labels_with_rows(
        &self,
        model_no: i32,
        (after, to): (i64, i64),
        rows_to: i64,
        limit: u32,
    ) -> StoreResult<StreamRows> {
        let rows = sqlx::query(
            "SELECT l.seq AS place, l.seq, p.prediction_time, p.numbers, p.codes, NULL::float4[] AS embedding, l.number, l.code
             FROM (SELECT seq, record_id, number, code FROM label WHERE model_no = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4) l
             LEFT JOIN prediction p ON p.model_no = $1 AND p.record_id = l.record_id AND p.seq <= $5
                 AND NOT EXISTS (SELECT FROM label e WHERE e.model_no = $1 AND e.record_id = l.record_id AND e.seq < l.seq)
             ORDER BY l.seq, p.seq",
        )
        .bind(model_no)
        .bind(after)
        .bind(to)
        .bind(i64::from(limit))
        .bind(rows_to)
        .fetch_all(&self.pool)
        .await?;
        complete(&rows, "prediction_time", (after, to), limit)
    }
}

/// Rows that are complete: those that have something in the column `partner`. Each `place` was looked at, once or more.
fn complete(
    rows: &[PgRow],
    partner: &str,
    (after, to): (i64, i64),
    limit: u32,
) -> StoreResult<StreamRows> {
    let (mut found, mut places, mut last) = (Vec::with_capacity(rows.len()), 0_u64, None);
    for row in rows {
        let place: i64 = row.try_get("place")?;
        places += u64::from(last != Some(place));
        last = Some(place);
        if !row.try_get_raw(partner)?.is_null() {
            found.push(stream_row(row)?);
        }
    }
    let more = places == u64::from(limit);
    let seq_to = match last {
        Some(place) if more => place,
        _ => to.max(after),
    };
    Ok(StreamRows {
        rows: found,
        seq_to,
        more,
    })
}

fn stream_row(row: &PgRow) -> StoreResult<StreamRow> {
    Ok(StreamRow {
        seq: row.try_get("seq")?,
        prediction_time: row.try_get::<SqlTimestamp, _>("prediction_time")?.to_jiff(),
        numbers: row.try_get("numbers")?,
        codes: row.try_get("codes")?,
        embedding: row
            .try_get::<Option<_>, _>("embedding")?
            .unwrap_or_default(),
        label_number: row.try_get("number")?,
        label_code: row.try_get("code")?,
    })
}
