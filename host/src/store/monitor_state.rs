//! How far monitors have come: who evaluates one at the moment, and which are due.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::{Postgres, Row, Transaction};

use crate::domain::record::MonitorRecord;

use super::monitors::{MONITOR, monitor};
use super::notes::Note;
use super::{Store, StoreResult};

/// How far a monitor's windows have come; nothing before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WindowPosition {
    /// Of tumbling windows by time: where the last one ended.
    pub to: Option<Timestamp>,
    /// Of tumbling windows by rows: the largest number of the chunks of the last one.
    pub chunk_no: Option<i64>,
    /// Of monitors that bound false alarms over time: their level is spent for rows up to this time.
    pub spent_to: Option<Timestamp>,
}

/// How far a monitor has come.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MonitorState {
    /// Rows up to here were profiled at its last evaluation; of a detector that follows rows: were given to it.
    pub evaluated_seq: i64,
    /// The same of labels.
    pub evaluated_label_seq: i64,
    /// When it was evaluated last.
    pub evaluated_at: Option<Timestamp>,
    /// How far its windows have come.
    pub position: WindowPosition,
    /// What a stream detector hands to its next call.
    pub stream_state: Option<Vec<u8>>,
    /// Digest of that detector.
    pub stream_digest: Option<String>,
    /// Failures in a row.
    pub failures: i32,
    /// Not evaluated again before this.
    pub retry_at: Option<Timestamp>,
    /// Why it failed.
    pub last_error: Option<String>,
    /// Why there was too little to judge.
    pub insufficient: Option<String>,
}

/// How far a model's rows and labels are profiled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Profiled {
    /// Rows with a seq up to this are in the chunks.
    pub seq: i64,
    /// Labels with a seq up to this are in the chunks.
    pub label_seq: i64,
}

/// How much of a model is labelled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelTotals {
    /// Rows, at least one.
    pub rows: u64,
    /// Rows that have a label.
    pub labelled: u64,
    /// Sum of the times from prediction to label, in seconds.
    pub delay_seconds: f64,
}

/// What tells whether a monitor is due.
#[derive(Debug, Clone)]
pub struct MonitorProgress {
    /// The monitor.
    pub monitor: MonitorRecord,
    /// What was profiled when it was evaluated last.
    pub evaluated: Profiled,
    /// Whether somebody asked for its evaluation.
    pub requested: bool,
}

/// The right to evaluate a monitor, which one host has at a time. Ends with the transaction behind it, also in a crash.
#[derive(Debug)]
pub struct Claim {
    pub(super) transaction: Transaction<'static, Postgres>,
    /// The monitor as it stood when it was claimed.
    pub monitor: MonitorRecord,
    /// Its state then.
    pub state: MonitorState,
    /// What the other hosts are told when the claim ends with an evaluation.
    pub note: Option<Note>,
}

/// Advisory locks are numbers shared by all that use the database: the upper 16 bits say what is locked.
const CLAIM_MONITOR: i64 = 0x4c57 << 48;
pub(super) const CLAIM_BACKTEST: i64 = 0x4c58 << 48;

impl Store {
    /// Claims a monitor for one evaluation: none where it is gone, or, unless `wait`, where somebody else evaluates it.
    pub async fn claim_monitor(&self, monitor_no: i64, wait: bool) -> StoreResult<Option<Claim>> {
        let mut transaction = self.pool.begin().await?;
        let key = CLAIM_MONITOR | monitor_no;
        if wait {
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(key)
                .execute(&mut *transaction)
                .await?;
        } else {
            let claimed: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
                .bind(key)
                .fetch_one(&mut *transaction)
                .await?;
            if !claimed {
                return Ok(None);
            }
        }
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{MONITOR} WHERE o.monitor_no = $1"
        )))
        .bind(monitor_no)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(monitor) = row.as_ref().map(monitor).transpose()? else {
            return Ok(None);
        };
        let row = sqlx::query(
            "SELECT evaluated_seq, evaluated_label_seq, window_to, window_chunk_no, spent_to, stream_state, stream_digest, insufficient
             FROM monitor_state WHERE monitor_no = $1 AND revision = $2",
        )
        .bind(monitor_no)
        .bind(monitor.revision)
        .fetch_optional(&mut *transaction)
        .await?;
        let state = match row {
            None => MonitorState::default(),
            Some(row) => MonitorState {
                evaluated_seq: row.try_get("evaluated_seq")?,
                evaluated_label_seq: row.try_get("evaluated_label_seq")?,
                evaluated_at: monitor.evaluated_at,
                position: WindowPosition {
                    to: row
                        .try_get::<Option<SqlTimestamp>, _>("window_to")?
                        .map(SqlTimestamp::to_jiff),
                    chunk_no: row.try_get("window_chunk_no")?,
                    spent_to: row
                        .try_get::<Option<SqlTimestamp>, _>("spent_to")?
                        .map(SqlTimestamp::to_jiff),
                },
                stream_state: row.try_get("stream_state")?,
                stream_digest: row.try_get("stream_digest")?,
                failures: monitor.failures,
                retry_at: monitor.retry_at,
                last_error: monitor.last_error.clone(),
                insufficient: row.try_get("insufficient")?,
            },
        };
        Ok(Some(Claim {
            transaction,
            monitor,
            state,
            note: None,
        }))
    }

    /// How far a model's rows are profiled.
    pub async fn profiled(&self, model_no: i32) -> StoreResult<Profiled> {
        let row: Option<(i64, i64)> = sqlx::query_as(
            "SELECT profiled_seq, profiled_label_seq FROM progress WHERE model_no = $1",
        )
        .bind(model_no)
        .fetch_optional(&self.pool)
        .await?;
        let (seq, label_seq) = row.unwrap_or_default();
        Ok(Profiled { seq, label_seq })
    }

    /// Models with rows or labels that are not profiled yet. Reads two small rows a model.
    pub async fn models_behind(&self) -> StoreResult<Vec<i32>> {
        Ok(sqlx::query_scalar(
            "SELECT model_no FROM arrival a JOIN progress p USING (model_no)
             WHERE a.last_seq > p.profiled_seq OR a.last_label_seq > p.profiled_label_seq ORDER BY model_no",
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Models with monitors whose time has come: by schedule, or after a failure. Two indexes lead to them, so models whose
    /// monitors follow their rows cost nothing, however many there are.
    pub async fn models_timed(&self, now: Timestamp) -> StoreResult<Vec<i32>> {
        Ok(sqlx::query_scalar(
            "SELECT o.model_no FROM monitor o JOIN monitor_state s USING (monitor_no)
             WHERE o.spec -> 'cadence' ->> 'on' = 'schedule'
               AND (o.spec ->> 'enabled')::bool
               AND (s.retry_at IS NULL OR s.retry_at <= $1)
               AND coalesce(extract(epoch FROM s.evaluated_at), -1) <
                   floor(extract(epoch FROM $1::timestamptz) / (o.spec -> 'cadence' ->> 'every_seconds')::int8)
                   * (o.spec -> 'cadence' ->> 'every_seconds')::int8
             UNION
             SELECT o.model_no FROM monitor_state s JOIN monitor o USING (monitor_no) WHERE s.retry_at <= $1
               AND (o.spec ->> 'enabled')::bool AND o.spec -> 'cadence' ->> 'on' <> 'request'",
        )
        .bind(now.to_sqlx())
        .fetch_all(&self.pool)
        .await?)
    }

    /// Models whose profiles have moved since a monitor last looked: after a crash between profiling and evaluation.
    /// Reads a row of each monitor.
    pub async fn models_unevaluated(&self) -> StoreResult<Vec<i32>> {
        Ok(sqlx::query_scalar(
            "SELECT DISTINCT o.model_no FROM monitor o JOIN monitor_state s USING (monitor_no) JOIN progress p USING (model_no)
             WHERE (p.profiled_seq > s.evaluated_seq OR p.profiled_label_seq > s.evaluated_label_seq)
               AND s.retry_at IS NULL AND (o.spec ->> 'enabled')::bool AND o.spec -> 'cadence' ->> 'on' = 'new-data'",
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// States of a model's monitors beside the monitors: what tells whether they are due.
    pub async fn monitor_progress(&self, model_no: i32) -> StoreResult<Vec<MonitorProgress>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT m.*, coalesce(t.evaluated_seq, 0) AS evaluated_seq, coalesce(t.evaluated_label_seq, 0) AS evaluated_label_seq,
                    EXISTS (SELECT FROM evaluation_request r WHERE r.monitor_no = m.monitor_no) AS requested
             FROM ({MONITOR} WHERE o.model_no = $1) m
             LEFT JOIN monitor_state t ON t.monitor_no = m.monitor_no AND t.revision = m.revision ORDER BY m.name"
        )))
        .bind(model_no)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let evaluated = Profiled {
                    seq: row.try_get("evaluated_seq")?,
                    label_seq: row.try_get("evaluated_label_seq")?,
                };
                Ok(MonitorProgress {
                    monitor: monitor(row)?,
                    evaluated,
                    requested: row.try_get("requested")?,
                })
            })
            .collect()
    }

    /// How much of models is labelled: over chunks with rows after their training. Models without such rows are left out.
    pub async fn label_totals_of(
        &self,
        models: &[i32],
    ) -> StoreResult<Vec<(i32, String, LabelTotals)>> {
        let rows: Vec<(i32, String, i64, i64, f64)> = sqlx::query_as(
            "SELECT m.model_no, m.model_id, sum(c.rows)::int8, sum(c.labelled_rows)::int8, sum(c.label_delay_seconds)::float8
             FROM model m JOIN chunk c ON c.model_no = m.model_no AND (m.last_training_time IS NULL OR c.last_time > m.last_training_time)
             WHERE m.model_no = ANY($1) GROUP BY m.model_no HAVING sum(c.rows) > 0",
        )
        .bind(models)
        .fetch_all(&self.pool)
        .await?;
        let totals = |(no, id, rows, labelled, delay_seconds): (i32, String, i64, i64, f64)| {
            let totals = LabelTotals {
                rows: rows.unsigned_abs(),
                labelled: labelled.unsigned_abs(),
                delay_seconds,
            };
            (no, id, totals)
        };
        Ok(rows.into_iter().map(totals).collect())
    }

    /// The active reference data of a model without its profile: version, rows, labelled rows.
    pub async fn active_reference_size(
        &self,
        model_no: i32,
    ) -> StoreResult<Option<(i32, u64, u64)>> {
        let row: Option<(i32, i64, i64)> = sqlx::query_as(
            "SELECT reference_no, rows, labelled_rows FROM reference WHERE model_no = $1 AND active",
        )
        .bind(model_no)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(no, rows, labelled)| (no, rows.unsigned_abs(), labelled.unsigned_abs())))
    }
}
