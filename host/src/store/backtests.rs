//! Backtests: which are waiting, who runs one, how far it is.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row, Transaction};

use crate::domain::record::{BacktestRecord, BacktestState, MonitorRecord};

use super::evaluations::{self, NewEvaluation, count};
use super::models::named;
use super::monitor_state::CLAIM_BACKTEST;
use super::{Store, StoreError, StoreResult};

const BACKTEST: &str = "SELECT b.backtest_no, m.model_id, o.name AS monitor, b.state, b.windows, b.windows_done, b.reason, b.detector, b.comparison, b.created_at, b.changed_at
    FROM backtest b JOIN monitor o USING (monitor_no) JOIN model m USING (model_no)";

/// The right to run a backtest, which one host has at a time. Ends with the connection behind it, also in a crash.
#[derive(Debug)]
pub struct BacktestClaim {
    _transaction: Transaction<'static, Postgres>,
    /// Its number.
    pub backtest_no: i64,
    /// Number of its monitor.
    pub monitor_no: i64,
    /// The version that is tried in place of the monitor's own detector.
    pub detector: Option<String>,
}

impl Store {
    /// Asks for a backtest of a monitor, with `detector` (`name@version`) in place of its own; one that waits is enough.
    pub async fn request_backtest(
        &self,
        monitor_no: i64,
        detector: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<BacktestRecord> {
        let no: i64 = sqlx::query_scalar(
            "WITH under_way AS (SELECT backtest_no FROM backtest WHERE monitor_no = $1 AND state = 'waiting' AND detector IS NOT DISTINCT FROM $3 LIMIT 1),
                  made AS (INSERT INTO backtest (monitor_no, state, created_at, changed_at, detector)
                           SELECT $1, 'waiting', $2, $2, $3 WHERE NOT EXISTS (SELECT FROM under_way) RETURNING backtest_no)
             SELECT backtest_no FROM under_way UNION ALL SELECT backtest_no FROM made",
        )
        .bind(monitor_no)
        .bind(now.to_sqlx())
        .bind(detector)
        .fetch_one(&self.pool)
        .await?;
        self.backtest(no).await?.ok_or(StoreError::ModelGone)
    }

    /// A backtest.
    pub async fn backtest(&self, backtest_no: i64) -> StoreResult<Option<BacktestRecord>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{BACKTEST} WHERE b.backtest_no = $1"
        )))
        .bind(backtest_no)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(backtest).transpose()
    }

    /// Backtests of a monitor, newest first, at most `limit`.
    pub async fn backtests(&self, monitor_no: i64, limit: u32) -> StoreResult<Vec<BacktestRecord>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{BACKTEST} WHERE b.monitor_no = $1 ORDER BY b.backtest_no DESC LIMIT $2"
        )))
        .bind(monitor_no)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(backtest).collect()
    }

    /// Claims the first backtest after number `after` that waits, or whose host died over it, and that nobody else has.
    pub async fn claim_backtest(&self, after: i64) -> StoreResult<Option<BacktestClaim>> {
        let mut transaction = self.pool.begin().await?;
        let waiting: Vec<(i64, i64, Option<String>)> = sqlx::query_as(
            "SELECT backtest_no, monitor_no, detector FROM backtest WHERE state IN ('waiting', 'running') AND backtest_no > $1 ORDER BY backtest_no LIMIT 100",
        )
        .bind(after)
        .fetch_all(&mut *transaction)
        .await?;
        for (backtest_no, monitor_no, detector) in waiting {
            // Two backtests of one monitor would delete each other's evaluations: the monitor is claimed.
            let claimed: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
                .bind(CLAIM_BACKTEST | monitor_no)
                .fetch_one(&mut *transaction)
                .await?;
            if !claimed {
                continue;
            }
            let open: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM backtest WHERE backtest_no = $1 AND state IN ('waiting', 'running'))",
            )
            .bind(backtest_no)
            .fetch_one(&mut *transaction)
            .await?;
            if open {
                return Ok(Some(BacktestClaim {
                    _transaction: transaction,
                    backtest_no,
                    monitor_no,
                    detector,
                }));
            }
        }
        Ok(None)
    }

    /// Begins a backtest of so many windows, and removes what an earlier one of its monitor measured: also its own, if a host died over it.
    pub async fn begin_backtest(
        &self,
        claim: &BacktestClaim,
        windows: u64,
        now: Timestamp,
    ) -> StoreResult<()> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "DELETE FROM measurement x USING evaluation e WHERE e.monitor_no = $1 AND e.cause = 'backtest'
             AND e.shadow = ($2::text IS NOT NULL) AND ($2 IS NULL OR e.detector = $2) AND x.monitor_no = $1 AND x.evaluation_no = e.evaluation_no AND x.measured_at = e.evaluated_at",
        )
        .bind(claim.monitor_no)
        .bind(&claim.detector)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "DELETE FROM evaluation WHERE monitor_no = $1 AND cause = 'backtest' AND shadow = ($2::text IS NOT NULL)
             AND ($2 IS NULL OR detector = $2)",
        )
        .bind(claim.monitor_no)
        .bind(&claim.detector)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("UPDATE backtest SET state = 'running', windows = $2, windows_done = 0, changed_at = $3 WHERE backtest_no = $1")
            .bind(claim.backtest_no)
            .bind(count(windows))
            .bind(now.to_sqlx())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Stores one window of a backtest, if it came to anything, and that it is done. False where the monitor was changed or removed.
    pub async fn advance_backtest(
        &self,
        claim: &BacktestClaim,
        monitor: &MonitorRecord,
        evaluation: Option<NewEvaluation<'_>>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        if evaluation.is_some() {
            self.ensure_result_months(now).await?;
        }
        let mut transaction = self.pool.begin().await?;
        let there: Option<i32> = sqlx::query_scalar(
            "SELECT revision FROM monitor WHERE monitor_no = $1 AND revision = $2 FOR KEY SHARE",
        )
        .bind(monitor.no)
        .bind(monitor.revision)
        .fetch_optional(&mut *transaction)
        .await?;
        if there.is_none() {
            return Ok(false);
        }
        if let Some(evaluation) = evaluation {
            evaluations::insert(
                &mut transaction,
                monitor.model_no,
                monitor.no,
                monitor.revision,
                evaluation,
            )
            .await?;
        }
        sqlx::query("UPDATE backtest SET windows_done = windows_done + 1, changed_at = $2 WHERE backtest_no = $1")
            .bind(claim.backtest_no)
            .bind(now.to_sqlx())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Ends a backtest: with a reason it has failed. How many tumbling windows there were is known only now. Older ones of its monitor that have ended are forgotten beyond `BACKTESTS_MAX`.
    pub async fn end_backtest(
        &self,
        claim: BacktestClaim,
        reason: Option<&str>,
        comparison: Option<&serde_json::Value>,
        now: Timestamp,
    ) -> StoreResult<()> {
        let state = if reason.is_some() {
            BacktestState::Failed
        } else {
            BacktestState::Done
        };
        sqlx::query(
            "UPDATE backtest SET state = $2, reason = $3, changed_at = $4, windows = CASE WHEN $2 = 'done' THEN windows_done ELSE windows END,
             comparison = $5 WHERE backtest_no = $1",
        )
        .bind(claim.backtest_no)
        .bind(state.to_string())
        .bind(reason)
        .bind(now.to_sqlx())
        .bind(comparison)
        .execute(&self.pool)
        .await?;
        sqlx::query(
            "DELETE FROM backtest WHERE monitor_no = $1 AND state IN ('done', 'failed') AND backtest_no NOT IN
             (SELECT backtest_no FROM backtest WHERE monitor_no = $1 ORDER BY backtest_no DESC LIMIT $2)",
        )
        .bind(claim.monitor_no)
        .bind(BACKTESTS_MAX)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Backtests of a monitor that can be looked up: the newest.
const BACKTESTS_MAX: i64 = 20;

fn backtest(row: &PgRow) -> StoreResult<BacktestRecord> {
    let backtest_no: i64 = row.try_get("backtest_no")?;
    Ok(BacktestRecord {
        backtest_no,
        model_id: row.try_get("model_id")?,
        monitor: row.try_get("monitor")?,
        state: named(row.try_get("state")?).map_err(|error| StoreError::Corrupt {
            table: "backtest",
            key: format!("backtest_no {backtest_no}"),
            reason: error.to_string(),
        })?,
        windows: row.try_get::<i64, _>("windows")?.unsigned_abs(),
        windows_done: row.try_get::<i64, _>("windows_done")?.unsigned_abs(),
        reason: row.try_get("reason")?,
        detector: row.try_get("detector")?,
        comparison: row.try_get("comparison")?,
        created_at: row.try_get::<SqlTimestamp, _>("created_at")?.to_jiff(),
        changed_at: row.try_get::<SqlTimestamp, _>("changed_at")?.to_jiff(),
    })
}
