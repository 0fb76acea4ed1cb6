//! Forgets what is older than it may be: whole partitions of rows and results, and old chunks.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::Row;

use super::partitions::Partitioned;
use super::{Store, StoreResult};

/// How old things may become. `None`: they stay for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Rows.
    pub rows: Option<SignedDuration>,
    /// Labels.
    pub labels: Option<SignedDuration>,
    /// Chunks with their profiles. Those of training rows stay as long as they are the training's.
    pub profiles: Option<SignedDuration>,
    /// Evaluations and measurements.
    pub results: Option<SignedDuration>,
}

/// What was forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Names of the partitions.
    pub partitions: Vec<String>,
    /// Number of chunks.
    pub chunks: u64,
}

/// Chunks removed by one statement: it is short, so nobody waits for its locks.
const CHUNKS_AT_ONCE: i64 = 1_000;
/// How long the removal of a partition waits for those that read the table. It is tried again with the next round.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '2s'";

impl Store {
    /// Removes partitions that end before the time that is to be kept, and chunks that do.
    pub async fn forget(&self, keep: &Retention, now: Timestamp) -> StoreResult<Forgotten> {
        let mut forgotten = Forgotten::default();
        for (table, age) in [
            (Partitioned::Prediction, keep.rows),
            (Partitioned::Label, keep.labels),
            (Partitioned::Evaluation, keep.results),
            (Partitioned::Measurement, keep.results),
        ] {
            if let Some(before) = age.and_then(|age| now.checked_sub(age).ok()) {
                forgotten
                    .partitions
                    .extend(self.drop_months(table.table(), before).await?);
            }
        }
        if let Some(before) = keep.results.and_then(|age| now.checked_sub(age).ok()) {
            self.forget_inputs(before).await?;
        }
        if let Some(before) = keep.profiles.and_then(|age| now.checked_sub(age).ok()) {
            forgotten.chunks = self.delete_chunks(before).await?;
        }
        Ok(forgotten)
    }

    async fn drop_months(&self, table: &str, before: Timestamp) -> StoreResult<Vec<String>> {
        // A partition's end stands in its bound; its name is not asked.
        let rows = sqlx::query(
            "SELECT c.oid::regclass::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = $1::regclass
               AND (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz <= $2
             ORDER BY 1",
        )
        .bind(table)
        .bind(before.to_sqlx())
        .fetch_all(&self.pool)
        .await?;
        let mut dropped = Vec::new();
        for row in rows {
            let name: String = row.try_get("name")?;
            let mut transaction = self.pool.begin().await?;
            sqlx::query(LOCK_WAIT).execute(&mut *transaction).await?;
            let done = sqlx::query(sqlx::AssertSqlSafe(format!("DROP TABLE {name}")))
                .execute(&mut *transaction)
                .await;
            match done {
                Ok(_) => {
                    transaction.commit().await?;
                    dropped.push(name);
                }
                // Somebody reads it, or another host was quicker.
                Err(sqlx::Error::Database(error))
                    if ["55P03", "42P01"].contains(&error.code().unwrap_or_default().as_ref()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !dropped.is_empty() {
            self.forget_months();
        }
        Ok(dropped)
    }

    async fn delete_chunks(&self, before: Timestamp) -> StoreResult<u64> {
        let mut deleted = 0;
        loop {
            let now = sqlx::query(
                "DELETE FROM chunk WHERE (model_no, chunk_no) IN (
                     SELECT c.model_no, c.chunk_no FROM chunk c JOIN model m USING (model_no)
                     WHERE c.end_time <= $1 AND (m.last_training_time IS NULL OR c.last_time > m.last_training_time) LIMIT $2)",
            )
            .bind(before.to_sqlx())
            .bind(CHUNKS_AT_ONCE)
            .execute(&self.pool)
            .await?
            .rows_affected();
            deleted += now;
            if i64::try_from(now).is_ok_and(|now| now < CHUNKS_AT_ONCE) {
                return Ok(deleted);
            }
        }
    }
}
