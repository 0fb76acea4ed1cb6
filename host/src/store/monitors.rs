//! Monitors: which detector watches which model.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{Postgres, Row, Transaction};

use crate::domain::monitor::{MONITORS_MAX, MonitorSpec};
use crate::domain::record::MonitorRecord;

use super::monitor_state::WindowPosition;
use super::notes;
use super::removal;
use super::{Store, StoreError, StoreResult};

/// What became of a monitor that was to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is there now, under this number.
    New(i64),
    /// The model has one of that name.
    NameTaken,
    /// The model has as many as it may have.
    TooMany,
}

pub(super) const MONITOR: &str = "SELECT o.monitor_no, o.model_no, o.name, o.spec, o.revision, o.created_at, o.changed_at,
    s.evaluated_at, coalesce(s.failures, 0) AS failures, s.retry_at, s.last_error
    FROM monitor o LEFT JOIN monitor_state s ON s.monitor_no = o.monitor_no AND s.revision = o.revision";

impl Store {
    /// Monitors of a model, by name.
    pub async fn monitors(&self, model_no: i32) -> StoreResult<Vec<MonitorRecord>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{MONITOR} WHERE o.model_no = $1 ORDER BY o.name"
        )))
        .bind(model_no)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(monitor).collect()
    }

    /// One monitor of a model.
    pub async fn monitor(&self, model_no: i32, name: &str) -> StoreResult<Option<MonitorRecord>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{MONITOR} WHERE o.model_no = $1 AND o.name = $2"
        )))
        .bind(model_no)
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(monitor).transpose()
    }

    /// The monitor of a number.
    pub async fn monitor_by_no(&self, monitor_no: i64) -> StoreResult<Option<MonitorRecord>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{MONITOR} WHERE o.monitor_no = $1"
        )))
        .bind(monitor_no)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(monitor).transpose()
    }

    /// Makes a monitor with a state from which it starts, and asks for its backtest.
    ///
    /// # Errors
    /// [`StoreError::ModelGone`] where there is no such model.
    pub async fn create_monitor(
        &self,
        model_no: i32,
        name: &str,
        spec: &MonitorSpec,
        start: WindowPosition,
        now: Timestamp,
    ) -> StoreResult<Made> {
        let mut transaction = self.pool.begin().await?;
        // Monitors of one model are made one after the other, so that their number holds.
        lock_model(&mut transaction, model_no).await?;
        let (monitors, taken): (i64, bool) = sqlx::query_as(
            "SELECT count(*), coalesce(bool_or(name = $2), false) FROM monitor WHERE model_no = $1",
        )
        .bind(model_no)
        .bind(name)
        .fetch_one(&mut *transaction)
        .await?;
        if taken {
            return Ok(Made::NameTaken);
        }
        if usize::try_from(monitors).is_ok_and(|monitors| monitors >= MONITORS_MAX) {
            return Ok(Made::TooMany);
        }
        let no = insert(&mut transaction, model_no, name, spec, start, now).await?;
        transaction.commit().await?;
        Ok(Made::New(no))
    }

    /// Makes these monitors, unless that was done for this model before; whether it was done now.
    ///
    /// Those that were deleted since do not come back. A name that is taken is passed over.
    pub async fn create_default_monitors(
        &self,
        model_no: i32,
        defaults: &[(&str, MonitorSpec)],
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut transaction = self.pool.begin().await?;
        let first = sqlx::query(
            "UPDATE model SET has_defaults = true WHERE model_no = $1 AND NOT has_defaults",
        )
        .bind(model_no)
        .execute(&mut *transaction)
        .await?
        .rows_affected()
            == 1;
        if !first {
            return Ok(false);
        }
        for (name, spec) in defaults {
            let taken: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM monitor WHERE model_no = $1 AND name = $2)",
            )
            .bind(model_no)
            .bind(name)
            .fetch_one(&mut *transaction)
            .await?;
            if !taken {
                let start = WindowPosition::default();
                insert(&mut transaction, model_no, name, spec, start, now).await?;
            }
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Changes what a monitor does: it forgets what it had learned, starts from `start`, and is to be evaluated over the past.
    /// Whether it is there.
    pub async fn change_monitor(
        &self,
        monitor_no: i64,
        spec: &MonitorSpec,
        start: WindowPosition,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut transaction = self.pool.begin().await?;
        // Evaluations of the past are made again with what the monitor did then.
        sqlx::query(
            "INSERT INTO monitor_spec (monitor_no, revision, spec, ended_at)
             SELECT monitor_no, revision, spec, $2 FROM monitor WHERE monitor_no = $1 FOR NO KEY UPDATE",
        )
        .bind(monitor_no)
        .bind(now.to_sqlx())
        .execute(&mut *transaction)
        .await?;
        if let Some(note) = notes::of_monitor(&mut transaction, monitor_no).await? {
            notes::with_commit(&mut transaction, &note).await?;
        }
        let revision: Option<i32> = sqlx::query_scalar(
            "UPDATE monitor SET spec = $2, revision = revision + 1, changed_at = $3 WHERE monitor_no = $1 RETURNING revision",
        )
        .bind(monitor_no)
        .bind(Json(spec))
        .bind(now.to_sqlx())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(revision) = revision else {
            return Ok(false);
        };
        for statement in [
            "DELETE FROM monitor_state WHERE monitor_no = $1",
            "DELETE FROM stream_state WHERE monitor_no = $1",
            "DELETE FROM baseline WHERE monitor_no = $1",
            "DELETE FROM backtest WHERE monitor_no = $1 AND state IN ('waiting', 'running')",
        ] {
            sqlx::query(statement)
                .bind(monitor_no)
                .execute(&mut *transaction)
                .await?;
        }
        begin(&mut transaction, monitor_no, revision, start, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Removes a monitor with all that it learned and measured; whether it was there.
    pub async fn delete_monitor(&self, monitor_no: i64) -> StoreResult<bool> {
        let mut transaction = self.pool.begin().await?;
        if let Some(note) = notes::of_monitor(&mut transaction, monitor_no).await? {
            notes::with_commit(&mut transaction, &note).await?;
        }
        removal::note(&mut transaction, None, Some(monitor_no)).await?;
        // An evaluation that is about to be stored finds the monitor gone.
        let gone = sqlx::query("DELETE FROM monitor WHERE monitor_no = $1")
            .bind(monitor_no)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        transaction.commit().await?;
        self.remove_briefly().await?;
        Ok(gone == 1)
    }
}

async fn lock_model(transaction: &mut Transaction<'_, Postgres>, model_no: i32) -> StoreResult<()> {
    sqlx::query("SELECT FROM model WHERE model_no = $1 FOR NO KEY UPDATE")
        .bind(model_no)
        .fetch_optional(&mut **transaction)
        .await?
        .map(|_| ())
        .ok_or(StoreError::ModelGone)
}

async fn insert(
    transaction: &mut Transaction<'_, Postgres>,
    model_no: i32,
    name: &str,
    spec: &MonitorSpec,
    start: WindowPosition,
    now: Timestamp,
) -> StoreResult<i64> {
    let no: i64 = sqlx::query_scalar(
        "INSERT INTO monitor (model_no, name, spec, created_at, changed_at) VALUES ($1, $2, $3, $4, $4) RETURNING monitor_no",
    )
    .bind(model_no)
    .bind(name)
    .bind(Json(spec))
    .bind(now.to_sqlx())
    .fetch_one(&mut **transaction)
    .await?;
    begin(transaction, no, 1, start, now).await?;
    Ok(no)
}

/// The state of a revision before its first evaluation, and its backtest.
async fn begin(
    transaction: &mut Transaction<'_, Postgres>,
    monitor_no: i64,
    revision: i32,
    start: WindowPosition,
    now: Timestamp,
) -> StoreResult<()> {
    sqlx::query("INSERT INTO monitor_state (monitor_no, revision, window_to, window_chunk_no) VALUES ($1, $2, $3, $4)")
        .bind(monitor_no)
        .bind(revision)
        .bind(start.to.map(ToSqlx::to_sqlx))
        .bind(start.chunk_no)
        .execute(&mut **transaction)
        .await?;
    sqlx::query("INSERT INTO backtest (monitor_no, state, created_at, changed_at) VALUES ($1, 'waiting', $2, $2)")
        .bind(monitor_no)
        .bind(now.to_sqlx())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

pub(super) fn monitor(row: &PgRow) -> StoreResult<MonitorRecord> {
    let no: i64 = row.try_get("monitor_no")?;
    let spec: serde_json::Value = row.try_get("spec")?;
    let time = |column: &str| -> StoreResult<Option<Timestamp>> {
        Ok(row
            .try_get::<Option<SqlTimestamp>, _>(column)?
            .map(SqlTimestamp::to_jiff))
    };
    Ok(MonitorRecord {
        no,
        model_no: row.try_get("model_no")?,
        name: row.try_get("name")?,
        spec: serde_json::from_value(spec).map_err(|error| StoreError::Corrupt {
            table: "monitor",
            key: format!("monitor_no {no}"),
            reason: error.to_string(),
        })?,
        revision: row.try_get("revision")?,
        created_at: row.try_get::<SqlTimestamp, _>("created_at")?.to_jiff(),
        changed_at: row.try_get::<SqlTimestamp, _>("changed_at")?.to_jiff(),
        evaluated_at: time("evaluated_at")?,
        failures: row.try_get("failures")?,
        retry_at: time("retry_at")?,
        last_error: row.try_get("last_error")?,
    })
}
