//! What detectors learned from reference windows.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{Postgres, Transaction};

use super::{Store, StoreResult};

/// A baseline on its way in or out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBaseline {
    /// SHA-256 over component, configuration, seed and reference window, in hexadecimal.
    pub digest: String,
    /// The detector's bytes.
    pub bytes: Vec<u8>,
    /// Rows of the reference window.
    pub rows: u64,
}

/// Baselines that a monitor keeps: the newest.
const BASELINES_MAX: i64 = 4;

impl Store {
    /// The baseline of a digest.
    pub async fn baseline(
        &self,
        monitor_no: i64,
        digest: &str,
    ) -> StoreResult<Option<StoredBaseline>> {
        let row: Option<(Vec<u8>, i64)> = sqlx::query_as(
            "SELECT bytes, rows FROM baseline WHERE monitor_no = $1 AND digest = $2",
        )
        .bind(monitor_no)
        .bind(digest)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(bytes, rows)| StoredBaseline {
            digest: digest.to_owned(),
            bytes,
            rows: rows.unsigned_abs(),
        }))
    }
}

/// Stores a baseline in place of one of the same digest, and forgets the oldest beyond [`BASELINES_MAX`].
pub(super) async fn insert(
    transaction: &mut Transaction<'_, Postgres>,
    monitor_no: i64,
    baseline: &StoredBaseline,
    now: Timestamp,
) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO baseline (monitor_no, digest, bytes, rows, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (monitor_no, digest) DO UPDATE SET bytes = excluded.bytes, rows = excluded.rows, created_at = excluded.created_at",
    )
    .bind(monitor_no)
    .bind(&baseline.digest)
    .bind(&baseline.bytes)
    .bind(i64::try_from(baseline.rows).unwrap_or(i64::MAX))
    .bind(now.to_sqlx())
    .execute(&mut **transaction)
    .await?;
    sqlx::query(
        "DELETE FROM baseline WHERE monitor_no = $1 AND digest <> $2 AND digest NOT IN
         (SELECT digest FROM baseline WHERE monitor_no = $1 ORDER BY created_at DESC, digest LIMIT $3)",
    )
    .bind(monitor_no)
    .bind(&baseline.digest)
    .bind(BASELINES_MAX)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
