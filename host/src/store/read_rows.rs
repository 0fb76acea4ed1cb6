//! Reads rows and labels in the order in which they arrived.

use futures_util::TryStreamExt;
use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::StoreResult;
use super::row_columns::{MicrosRange, Part, RawRows, RowColumns, Widths};

/// A label as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLabel {
    /// Order of arrival within the model.
    pub seq: i64,
    /// When it arrived, in microseconds since 1970-01-01T00:00:00Z.
    pub received_at: i64,
    /// Whose truth it is.
    pub record_id: String,
    /// The label, where labels are numbers.
    pub number: Option<f64>,
    /// The label, where labels are categories.
    pub code: Option<i32>,
}

/// Rows in a range of time whose seq is in a range too: what a chunk counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSet {
    /// Prediction times.
    pub times: MicrosRange,
    /// First seq.
    pub seq_from: i64,
    /// Last seq.
    pub seq_to: i64,
}

/// Rows after a seq, in their order, at most `limit`.
pub(super) async fn rows_after(
    connection: &mut PgConnection,
    model_no: i32,
    seq: i64,
    limit: usize,
) -> StoreResult<RawRows> {
    let select = Part::Whole.select();
    copy_out(
        connection,
        &format!(
            "SELECT p.seq, p.prediction_time, p.record_id, {select} FROM prediction p
             WHERE p.model_no = {model_no} AND p.seq > {seq} ORDER BY p.seq LIMIT {limit}"
        ),
    )
    .await
}

/// Rows of a set, in their order.
pub(super) async fn rows_of_set(
    connection: &mut PgConnection,
    model_no: i32,
    set: &RowSet,
    part: &Part,
) -> StoreResult<RawRows> {
    let (select, condition) = (part.select(), condition(set));
    copy_out(
        connection,
        &format!(
            "SELECT p.seq, p.prediction_time, p.record_id, {select} FROM prediction p
             WHERE p.model_no = {model_no} AND {condition} ORDER BY p.seq"
        ),
    )
    .await
}

/// A uniform sample of the rows of disjoint sets, at most `limit` of them, by time. The same rows and seed give the same
/// sample. Reads all rows in the server and hands over the sample alone.
pub(super) async fn sample_of_sets(
    connection: &mut PgConnection,
    model_no: i32,
    sets: &[RowSet],
    limit: u32,
    seed: u64,
) -> StoreResult<RawRows> {
    let values: Vec<String> = sets
        .iter()
        .map(|set| {
            let (from, to) = (time(set.times.start), time(set.times.end));
            format!(
                "({from}, {to}, {}::int8, {}::int8)",
                set.seq_from, set.seq_to
            )
        })
        .collect();
    if values.is_empty() {
        return Ok(RawRows::default());
    }
    let (select, values, seed) = (Part::Whole.select(), values.join(", "), seed.cast_signed());
    // The rows with the smallest hashes are a uniform sample, whatever the order in which they are met.
    copy_out(
        connection,
        &format!(
            "SELECT seq, prediction_time, record_id, numbers, codes, embedding FROM (
                 SELECT p.seq, p.prediction_time, p.record_id, {select}
                 FROM (VALUES {values}) s (time_from, time_to, seq_from, seq_to)
                 CROSS JOIN LATERAL (
                     SELECT * FROM prediction r
                     WHERE r.model_no = {model_no} AND r.seq BETWEEN s.seq_from AND s.seq_to
                     AND r.prediction_time >= s.time_from AND r.prediction_time < s.time_to
                     OFFSET 0
                 ) p
                 ORDER BY hashint8extended(p.seq, '{seed}'), p.seq LIMIT {limit}
             ) drawn ORDER BY prediction_time, seq"
        ),
    )
    .await
}

/// Rows of some records with a seq up to `seq_to`, part of each.
pub(super) async fn rows_of_records(
    connection: &mut PgConnection,
    model_no: i32,
    record_ids: &[&str],
    seq_to: i64,
    part: &Part,
) -> StoreResult<RowColumns> {
    let (mut rows, select) = (part_columns(part), part.select());
    // One descent of the index for each record, whatever the planner knows of the tables.
    let statement = format!(
        "SELECT p.seq, p.prediction_time, p.record_id, p.numbers, p.codes FROM unnest($2::text[]) r (id)
         CROSS JOIN LATERAL (
             SELECT p.seq, p.prediction_time, p.record_id, {select} FROM prediction p
             WHERE p.model_no = $1 AND p.record_id = r.id AND p.seq <= $3 OFFSET 0
         ) p"
    );
    let found = sqlx::query(AssertSqlSafe(statement))
        .bind(model_no)
        .bind(record_ids)
        .bind(seq_to)
        .fetch_all(connection)
        .await?;
    for row in found {
        let numbers: Vec<Option<f64>> = row.try_get(3)?;
        let codes: Vec<Option<i32>> = row.try_get(4)?;
        rows.push(
            row.try_get(0)?,
            micros(row.try_get(1)?),
            row.try_get(2)?,
            numbers.into_iter().map(|number| number.unwrap_or(f64::NAN)),
            codes.into_iter().map(|code| code.unwrap_or(-1)),
        );
    }
    Ok(rows)
}

/// Labels after a seq, in their order, at most `limit`.
pub(super) async fn labels_after(
    connection: &mut PgConnection,
    model_no: i32,
    seq: i64,
    limit: i64,
) -> StoreResult<Vec<StoredLabel>> {
    let found = sqlx::query(
        "SELECT seq, received_at, record_id, number, code FROM label
         WHERE model_no = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(model_no)
    .bind(seq)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    found.iter().map(label).collect()
}

/// All labels of some records with a seq up to `seq_to`, in no order.
pub(super) async fn labels_of(
    connection: &mut PgConnection,
    model_no: i32,
    record_ids: &[&str],
    seq_to: i64,
) -> StoreResult<Vec<StoredLabel>> {
    let found = sqlx::query(
        "SELECT l.seq, l.received_at, l.record_id, l.number, l.code FROM unnest($2::text[]) r (id)
         CROSS JOIN LATERAL (
             SELECT * FROM label l WHERE l.model_no = $1 AND l.record_id = r.id AND l.seq <= $3 OFFSET 0
         ) l",
    )
    .bind(model_no)
    .bind(record_ids)
    .bind(seq_to)
    .fetch_all(connection)
    .await?;
    found.iter().map(label).collect()
}

fn label(row: &PgRow) -> StoreResult<StoredLabel> {
    Ok(StoredLabel {
        seq: row.try_get(0)?,
        received_at: micros(row.try_get(1)?),
        record_id: row.try_get(2)?,
        number: row.try_get(3)?,
        code: row.try_get(4)?,
    })
}

fn part_columns(part: &Part) -> RowColumns {
    RowColumns::new(match part {
        Part::Whole => Widths::default(),
        Part::Some { numbers, codes } => Widths {
            numbers: numbers.len(),
            codes: codes.len(),
            embedding: 0,
        },
    })
}

pub(super) fn micros(time: SqlTimestamp) -> i64 {
    time.to_jiff().as_microsecond()
}

/// A time as SQL, exact to the microsecond.
fn time(micros: i64) -> String {
    format!("timestamptz '{}'", at(micros))
}

/// A time out of microseconds; one beyond the calendar is its end.
pub(super) fn at(micros: i64) -> Timestamp {
    let end = if micros < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_microsecond(micros).unwrap_or(end)
}

fn condition(set: &RowSet) -> String {
    let (from, to) = (time(set.times.start), time(set.times.end));
    format!(
        "p.seq BETWEEN {} AND {} AND p.prediction_time >= {from} AND p.prediction_time < {to}",
        set.seq_from, set.seq_to
    )
}

async fn copy_out(connection: &mut PgConnection, select: &str) -> StoreResult<RawRows> {
    let mut rows = RawRows::default();
    let mut stream = connection
        .copy_out_raw(&format!("COPY ({select}) TO STDOUT (FORMAT binary)"))
        .await?;
    while let Some(bytes) = stream.try_next().await? {
        rows.0.push(&bytes);
    }
    Ok(rows)
}
