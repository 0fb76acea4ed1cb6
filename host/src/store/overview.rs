//! How all models stand: what changed since one looked, and the latest verdict of the monitors that did.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::domain::record::Outcome;
use crate::domain::{DriftKind, ModelType};

use super::models::named;
use super::{Store, StoreError, StoreResult};

/// Evaluations that are looked back over for the beginning of a drift, of each monitor.
const LOOK_BACK: i64 = 500;

/// A model as far as an overview shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelMark {
    /// Number inside the database.
    pub no: i32,
    /// Its name.
    pub model_id: String,
    /// What it answers; none until somebody says.
    pub model_type: Option<ModelType>,
    /// Rows that were profiled.
    pub rows: u64,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// A monitor, and what tells that it was evaluated or changed.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorMark {
    /// Number inside the database.
    pub no: i64,
    /// Number of its model.
    pub model_no: i32,
    /// Its name.
    pub name: String,
    /// Raised by every change of what it does.
    pub revision: i32,
    /// Whether it is evaluated at all.
    pub enabled: bool,
    /// When it was evaluated last.
    pub evaluated_at: Option<Timestamp>,
    /// Failures in a row.
    pub failures: i32,
}

/// The latest evaluation of a monitor in a few numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Number of the monitor.
    pub monitor_no: i64,
    /// Kind of drift that it judges.
    pub kind: DriftKind,
    /// What the evaluation came to.
    pub outcome: Outcome,
    /// Why there are no measurements.
    pub reason: Option<String>,
    /// When it ran.
    pub evaluated_at: Timestamp,
    /// Last prediction time of the current window.
    pub window_to: Option<Timestamp>,
    /// Rows of the current window.
    pub current_rows: u64,
    /// Labelled rows of the current window.
    pub labelled_rows: u64,
    /// Columns that were judged: stable, drifted or constant. Where no measurement is of a column, the window counts as one.
    pub judged: u64,
    /// Those of them that drifted.
    pub drifted: u64,
    /// The measurement with the largest effect, of those that drifted where one did.
    pub worst: Option<Worst>,
    /// End of the first window of the present run of drifted ones.
    pub since: Option<Timestamp>,
    /// Whether an evaluation without drift was seen before that; else the drift may be older.
    pub since_known: bool,
}

/// One measurement of many.
#[derive(Debug, Clone, PartialEq)]
pub struct Worst {
    /// The column; none for the window as a whole.
    pub column: Option<String>,
    /// The metric.
    pub metric: String,
    /// The number.
    pub value: f64,
    /// Beyond it the verdict is drifted.
    pub threshold: Option<f64>,
    /// Size of the change.
    pub effect: Option<f64>,
}

impl Store {
    /// All models, by number.
    pub async fn model_marks(&self) -> StoreResult<Vec<ModelMark>> {
        let rows = sqlx::query(
            "SELECT m.model_no, m.model_id, m.model_type, m.created_at, coalesce(p.profiled_seq, 0) AS rows
             FROM model m LEFT JOIN progress p USING (model_no) ORDER BY m.model_no",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(model_mark).collect()
    }

    /// All monitors, by number.
    pub async fn monitor_marks(&self) -> StoreResult<Vec<MonitorMark>> {
        let rows = sqlx::query(
            "SELECT o.monitor_no, o.model_no, o.name, o.revision, coalesce((o.spec ->> 'enabled')::bool, true) AS enabled,
                 s.evaluated_at, coalesce(s.failures, 0) AS failures
             FROM monitor o LEFT JOIN monitor_state s ON s.monitor_no = o.monitor_no AND s.revision = o.revision
             ORDER BY o.monitor_no",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(monitor_mark).collect()
    }

    /// How these monitors stand, as they are now: those that were evaluated, whatever the order.
    ///
    /// Each comes with the time of the evaluation that is known of it already: the beginning of a drift is looked for after that.
    /// Backtests count for the beginning, but are no latest evaluation.
    pub async fn standings(
        &self,
        monitors: &[(i64, Option<Timestamp>)],
    ) -> StoreResult<Vec<Standing>> {
        let numbers: Vec<i64> = monitors.iter().map(|one| one.0).collect();
        let known: Vec<Option<SqlTimestamp>> = monitors
            .iter()
            .map(|one| one.1.map(ToSqlx::to_sqlx))
            .collect();
        let rows = sqlx::query(
            "SELECT o.monitor_no, e.kind, e.outcome, e.reason, e.evaluated_at, e.window_to, e.current_rows, e.labelled_rows,
                 t.judged, t.drifted, w.column_name, w.metric, w.value, w.threshold, w.effect, r.since, coalesce(r.known, false) AS known
             FROM unnest($1::int8[], $2::timestamptz[]) AS k (monitor_no, known) JOIN monitor o USING (monitor_no)
             CROSS JOIN LATERAL (SELECT * FROM evaluation x WHERE x.monitor_no = o.monitor_no AND x.monitor_revision = o.revision
                 AND x.cause <> 'backtest' AND NOT x.shadow ORDER BY x.evaluated_at DESC, x.evaluation_no DESC LIMIT 1) e
             CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE c.judged) AS judged, count(*) FILTER (WHERE c.drifted) AS drifted FROM (
                 SELECT bool_or(x.verdict IN ('stable', 'drifted', 'constant')) AS judged, bool_or(x.verdict = 'drifted') AS drifted,
                     x.column_name IS NULL AS whole, bool_and(x.column_name IS NULL) OVER () AS only
                 FROM measurement x WHERE x.evaluation_no = e.evaluation_no AND x.measured_at = e.evaluated_at GROUP BY x.column_name
                 ) c WHERE c.only OR NOT c.whole) t
             LEFT JOIN LATERAL (SELECT x.column_name, x.metric, x.value, x.threshold, x.effect FROM measurement x
                 WHERE x.evaluation_no = e.evaluation_no AND x.measured_at = e.evaluated_at AND x.verdict IN ('stable', 'drifted')
                 ORDER BY x.verdict = 'drifted' DESC, x.column_name IS NULL, x.effect DESC NULLS LAST,
                     x.value / nullif(x.threshold, 0) DESC NULLS LAST, x.ordinal
                 LIMIT 1) w ON true
             LEFT JOIN LATERAL (
                 WITH run AS (SELECT coalesce(x.window_to, x.evaluated_at) AS at, EXISTS (SELECT FROM measurement y
                         WHERE y.evaluation_no = x.evaluation_no AND y.measured_at = x.evaluated_at AND y.verdict = 'drifted') AS drifted
                     FROM evaluation x WHERE x.monitor_no = o.monitor_no AND x.monitor_revision = o.revision AND x.outcome = 'judged' AND NOT x.shadow
                         AND (k.known IS NULL OR x.evaluated_at > k.known)
                     ORDER BY x.evaluated_at DESC, x.evaluation_no DESC LIMIT $3),
                 calm AS (SELECT max(at) AS at FROM run WHERE NOT drifted)
                 SELECT min(run.at) AS since, bool_or(calm.at IS NOT NULL) AS known FROM run, calm
                 WHERE run.drifted AND (calm.at IS NULL OR run.at > calm.at)) r ON t.drifted > 0",
        )
        .bind(numbers)
        .bind(known)
        .bind(LOOK_BACK)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(standing).collect()
    }
}

fn count(row: &PgRow, column: &str) -> StoreResult<u64> {
    Ok(row.try_get::<i64, _>(column)?.unsigned_abs())
}

fn time(row: &PgRow, column: &str) -> StoreResult<Option<Timestamp>> {
    let time: Option<SqlTimestamp> = row.try_get(column)?;
    Ok(time.map(SqlTimestamp::to_jiff))
}

fn model_mark(row: &PgRow) -> StoreResult<ModelMark> {
    let no: i32 = row.try_get("model_no")?;
    let model_type: Option<String> = row.try_get("model_type")?;
    let model_type = model_type.map(|name| named(&name)).transpose();
    Ok(ModelMark {
        no,
        model_id: row.try_get("model_id")?,
        model_type: model_type.map_err(|error| StoreError::Corrupt {
            table: "model",
            key: format!("model_no {no}"),
            reason: error.to_string(),
        })?,
        rows: count(row, "rows")?,
        created_at: row.try_get::<SqlTimestamp, _>("created_at")?.to_jiff(),
    })
}

fn monitor_mark(row: &PgRow) -> StoreResult<MonitorMark> {
    Ok(MonitorMark {
        no: row.try_get("monitor_no")?,
        model_no: row.try_get("model_no")?,
        name: row.try_get("name")?,
        revision: row.try_get("revision")?,
        enabled: row.try_get("enabled")?,
        evaluated_at: time(row, "evaluated_at")?,
        failures: row.try_get("failures")?,
    })
}

fn standing(row: &PgRow) -> StoreResult<Standing> {
    let monitor_no: i64 = row.try_get("monitor_no")?;
    let corrupt = |error: serde_json::Error| StoreError::Corrupt {
        table: "evaluation",
        key: format!("monitor_no {monitor_no}"),
        reason: error.to_string(),
    };
    let metric: Option<String> = row.try_get("metric")?;
    let worst = match metric {
        None => None,
        Some(metric) => Some(Worst {
            metric,
            column: row.try_get("column_name")?,
            value: row.try_get("value")?,
            threshold: row.try_get("threshold")?,
            effect: row.try_get("effect")?,
        }),
    };
    Ok(Standing {
        monitor_no,
        kind: named(row.try_get("kind")?).map_err(corrupt)?,
        outcome: named(row.try_get("outcome")?).map_err(corrupt)?,
        reason: row.try_get("reason")?,
        evaluated_at: row.try_get::<SqlTimestamp, _>("evaluated_at")?.to_jiff(),
        window_to: time(row, "window_to")?,
        current_rows: count(row, "current_rows")?,
        labelled_rows: count(row, "labelled_rows")?,
        judged: count(row, "judged")?,
        drifted: count(row, "drifted")?,
        worst,
        since: time(row, "since")?,
        since_known: row.try_get("known")?,
    })
}
