//! Measurements: the numbers of evaluations.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Postgres, Row, Transaction};

use crate::domain::record::Cause;
use crate::domain::{Began, DriftKind, Measurement, Verdict};

use super::evaluations::count;
use super::models::named;
use super::{Store, StoreError, StoreResult};

/// Which measurements to read, newest first.
#[derive(Debug, Clone, Default)]
pub struct MeasurementFilter {
    /// Of this model.
    pub model_no: Option<i32>,
    /// Of this monitor.
    pub monitor: Option<String>,
    /// Of this metric.
    pub metric: Option<String>,
    /// Of this column; an empty name is the window as a whole.
    pub column: Option<String>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// Of evaluations with this cause.
    pub cause: Option<Cause>,
    /// Measured from this time on.
    pub from: Option<Timestamp>,
    /// Measured before this time.
    pub to: Option<Timestamp>,
    /// Those after this one in the order.
    pub after: Option<MeasurementKey>,
    /// Those of versions that are not in use, in place of all others.
    pub shadow: bool,
    /// At most so many.
    pub limit: u32,
}

/// A measurement's place in the order: newest first, inside an evaluation as the detector gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasurementKey {
    /// When it was measured.
    pub measured_at: Timestamp,
    /// Its evaluation.
    pub evaluation_no: i64,
    /// Its place in the evaluation.
    pub ordinal: i32,
}

/// A stored measurement with what it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMeasurement {
    /// Its place in the order.
    pub key: MeasurementKey,
    /// The model's name.
    pub model_id: String,
    /// The monitor's name.
    pub monitor: String,
    /// Detector as `name@version`.
    pub detector: String,
    /// Kind of drift that it judges.
    pub kind: DriftKind,
    /// Why the evaluation ran.
    pub cause: Cause,
    /// First prediction time of the current window.
    pub window_from: Option<Timestamp>,
    /// Last prediction time of the current window.
    pub window_to: Option<Timestamp>,
    /// The numbers.
    pub measurement: Measurement,
}

const COLUMNS: &str = "x.evaluation_no, x.measured_at, x.ordinal, x.metric, x.column_name, x.value, x.effect, x.p_value, x.p_adjusted,
    x.threshold, x.threshold_kind, x.reference_rows, x.current_rows, x.missing_share, x.unseen_share, x.verdict, x.row_seq, x.detail,
    x.segment, x.began_at, x.began_earliest, x.began_latest";

impl Store {
    /// Measurements, newest first, inside an evaluation in the detector's order.
    pub async fn measurements(
        &self,
        filter: &MeasurementFilter,
    ) -> StoreResult<Vec<StoredMeasurement>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS}, m.model_id, o.name AS monitor, e.detector, e.kind, e.cause, e.window_from, e.window_to
             FROM measurement x
             JOIN evaluation e ON e.evaluation_no = x.evaluation_no AND e.evaluated_at = x.measured_at
             JOIN model m ON m.model_no = x.model_no JOIN monitor o ON o.monitor_no = x.monitor_no
             WHERE ($1::int4 IS NULL OR x.model_no = $1) AND ($2::text IS NULL OR o.name = $2)
               AND ($3::text IS NULL OR x.metric = $3) AND ($4::text IS NULL OR coalesce(x.column_name, '') = $4)
               AND ($5::text IS NULL OR x.verdict = $5) AND ($6::text IS NULL OR e.cause = $6)
               AND ($7::timestamptz IS NULL OR x.measured_at >= $7) AND ($8::timestamptz IS NULL OR x.measured_at < $8)
               AND ($9::timestamptz IS NULL OR x.measured_at < $9
                    OR (x.measured_at = $9 AND (x.evaluation_no < $10 OR (x.evaluation_no = $10 AND x.ordinal > $11))))
               AND e.shadow = $13
             ORDER BY x.measured_at DESC, x.evaluation_no DESC, x.ordinal LIMIT $12"
        )))
        .bind(filter.model_no)
        .bind(&filter.monitor)
        .bind(&filter.metric)
        .bind(&filter.column)
        .bind(filter.verdict.map(|verdict| verdict.to_string()))
        .bind(filter.cause.map(|cause| cause.to_string()))
        .bind(filter.from.map(ToSqlx::to_sqlx))
        .bind(filter.to.map(ToSqlx::to_sqlx))
        .bind(filter.after.map(|after| after.measured_at.to_sqlx()))
        .bind(filter.after.map(|after| after.evaluation_no))
        .bind(filter.after.map(|after| after.ordinal))
        .bind(i64::from(filter.limit))
        .bind(filter.shadow)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(stored).collect()
    }
}

/// Measurements of these evaluations, by number, each list in its order.
pub(super) async fn of_evaluations(
    pool: &PgPool,
    keys: &[(i64, Timestamp)],
) -> StoreResult<HashMap<i64, Vec<Measurement>>> {
    let numbers: Vec<i64> = keys.iter().map(|key| key.0).collect();
    let times: Vec<SqlTimestamp> = keys.iter().map(|key| key.1.to_sqlx()).collect();
    let mut found: HashMap<i64, Vec<Measurement>> = HashMap::new();
    if keys.is_empty() {
        return Ok(found);
    }
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM unnest($1::int8[], $2::timestamptz[]) AS k (evaluation_no, measured_at)
         JOIN measurement x ON x.evaluation_no = k.evaluation_no AND x.measured_at = k.measured_at
         ORDER BY x.evaluation_no, x.ordinal"
    )))
    .bind(numbers)
    .bind(times)
    .fetch_all(pool)
    .await?;
    for row in &rows {
        found
            .entry(row.try_get("evaluation_no")?)
            .or_default()
            .push(measurement(row)?);
    }
    Ok(found)
}

/// One field of all measurements: a column of the statement.
fn all<T>(of: &[Measurement], one: impl Fn(&Measurement) -> T) -> Vec<T> {
    of.iter().map(one).collect()
}

/// Stores the measurements of an evaluation, in one statement.
pub(super) async fn insert(
    transaction: &mut Transaction<'_, Postgres>,
    model_no: i32,
    monitor_no: i64,
    evaluation_no: i64,
    at: Timestamp,
    measurements: &[Measurement],
) -> StoreResult<()> {
    if measurements.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO measurement (evaluation_no, measured_at, model_no, monitor_no, ordinal, metric, column_name, value, effect, p_value,
             p_adjusted, threshold, threshold_kind, reference_rows, current_rows, missing_share, unseen_share, verdict, row_seq, detail, segment, began_at,
             began_earliest, began_latest)
         SELECT $1, $2, $3, $4, (n - 1)::int4, metric, column_name, value, effect, p_value, p_adjusted, threshold, threshold_kind,
             reference_rows, current_rows, missing_share, unseen_share, verdict, row_seq, detail::jsonb, segment, began_at,
             began_earliest, began_latest
         FROM unnest($5::text[], $6::text[], $7::float8[], $8::float8[], $9::float8[], $10::float8[], $11::float8[], $12::text[], $13::int8[],
             $14::int8[], $15::float8[], $16::float8[], $17::text[], $18::int8[], $19::text[], $20::text[], $21::timestamptz[],
             $22::timestamptz[], $23::timestamptz[]) WITH ORDINALITY
             AS t (metric, column_name, value, effect, p_value, p_adjusted, threshold, threshold_kind, reference_rows, current_rows,
                   missing_share, unseen_share, verdict, row_seq, detail, segment, began_at, began_earliest, began_latest, n)",
    )
    .bind(evaluation_no)
    .bind(at.to_sqlx())
    .bind(model_no)
    .bind(monitor_no)
    .bind(all(measurements, |one| one.metric.clone()))
    .bind(all(measurements, |one| one.column.clone()))
    .bind(all(measurements, |one| one.value))
    .bind(all(measurements, |one| one.effect))
    .bind(all(measurements, |one| one.p_value))
    .bind(all(measurements, |one| one.p_adjusted))
    .bind(all(measurements, |one| one.threshold))
    .bind(all(measurements, |one| one.threshold_kind.map(|kind| kind.to_string())))
    .bind(all(measurements, |one| count(one.reference_rows)))
    .bind(all(measurements, |one| count(one.current_rows)))
    .bind(all(measurements, |one| one.missing_share))
    .bind(all(measurements, |one| one.unseen_share))
    .bind(all(measurements, |one| one.verdict.to_string()))
    .bind(all(measurements, |one| one.row.map(count)))
    .bind(all(measurements, |one| one.detail.as_ref().map(detail_text)))
    .bind(all(measurements, |one| one.segment.clone()))
    .bind(all(measurements, |one| one.began.map(|began| began.at.to_sqlx())))
    .bind(all(measurements, |one| {
        one.began.and_then(|began| began.earliest).map(ToSqlx::to_sqlx)
    }))
    .bind(all(measurements, |one| one.began.map(|began| began.latest.to_sqlx())))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// JSON as Postgres takes it: the one character that it has no place for is left out.
fn detail_text(detail: &serde_json::Value) -> String {
    detail.to_string().replace("\\u0000", "")
}

fn measurement(row: &PgRow) -> StoreResult<Measurement> {
    let corrupt = |error: serde_json::Error| StoreError::Corrupt {
        table: "measurement",
        key: format!("evaluation_no {:?}", row.try_get::<i64, _>("evaluation_no")),
        reason: error.to_string(),
    };
    let rows =
        |column: &str| -> StoreResult<u64> { Ok(row.try_get::<i64, _>(column)?.unsigned_abs()) };
    Ok(Measurement {
        metric: row.try_get("metric")?,
        column: row.try_get("column_name")?,
        value: row.try_get("value")?,
        effect: row.try_get("effect")?,
        p_value: row.try_get("p_value")?,
        p_adjusted: row.try_get("p_adjusted")?,
        threshold: row.try_get("threshold")?,
        threshold_kind: row
            .try_get::<Option<String>, _>("threshold_kind")?
            .map(|kind| named(&kind))
            .transpose()
            .map_err(corrupt)?,
        reference_rows: rows("reference_rows")?,
        current_rows: rows("current_rows")?,
        missing_share: row.try_get("missing_share")?,
        unseen_share: row.try_get("unseen_share")?,
        verdict: named(row.try_get("verdict")?).map_err(corrupt)?,
        row: row
            .try_get::<Option<i64>, _>("row_seq")?
            .map(i64::unsigned_abs),
        detail: row.try_get("detail")?,
        segment: row.try_get("segment")?,
        began: began(row)?,
    })
}

fn began(row: &PgRow) -> StoreResult<Option<Began>> {
    let time = |column: &str| -> StoreResult<Option<Timestamp>> {
        Ok(row
            .try_get::<Option<SqlTimestamp>, _>(column)?
            .map(SqlTimestamp::to_jiff))
    };
    let ends = time("began_at")?.zip(time("began_latest")?);
    let Some((at, latest)) = ends else {
        return Ok(None);
    };
    Ok(Some(Began {
        at,
        earliest: time("began_earliest")?,
        latest,
    }))
}

fn stored(row: &PgRow) -> StoreResult<StoredMeasurement> {
    let corrupt = |error: serde_json::Error| StoreError::Corrupt {
        table: "evaluation",
        key: format!("evaluation_no {:?}", row.try_get::<i64, _>("evaluation_no")),
        reason: error.to_string(),
    };
    let time = |column: &str| -> StoreResult<Option<Timestamp>> {
        Ok(row
            .try_get::<Option<SqlTimestamp>, _>(column)?
            .map(SqlTimestamp::to_jiff))
    };
    Ok(StoredMeasurement {
        key: MeasurementKey {
            measured_at: row.try_get::<SqlTimestamp, _>("measured_at")?.to_jiff(),
            evaluation_no: row.try_get("evaluation_no")?,
            ordinal: row.try_get("ordinal")?,
        },
        model_id: row.try_get("model_id")?,
        monitor: row.try_get("monitor")?,
        detector: row.try_get("detector")?,
        kind: named(row.try_get("kind")?).map_err(corrupt)?,
        cause: named(row.try_get("cause")?).map_err(corrupt)?,
        window_from: time("window_from")?,
        window_to: time("window_to")?,
        measurement: measurement(row)?,
    })
}
