//! Takes away what deleted models and monitors left: in small transactions, and on from where it stood after a crash.
//!
//! A deletion itself is short: the model or monitor goes with all that is small, so its name is free and nothing of it is seen
//! any more. Its rows, profiles and results, which may be millions, are noted in `removal` by the same transaction.

use sqlx::{Postgres, Row, Transaction};

use super::{Store, StoreResult};

/// Rows of one transaction.
pub const REMOVED_AT_ONCE: i64 = 10_000;
/// Profiles of one transaction: some 20 MB.
const CHUNKS_AT_ONCE: i64 = 100;
/// Transactions that whoever deletes waits for: of what is smaller nothing is left then.
const WAITED_FOR: usize = 10;

/// Where rows of a model are: table, and the order in which they go.
const OF_MODEL: [(&str, &str, i64); 3] = [
    ("prediction", "seq", REMOVED_AT_ONCE),
    ("label", "seq", REMOVED_AT_ONCE),
    ("chunk", "chunk_no", CHUNKS_AT_ONCE),
];
/// The same of a monitor.
const OF_MONITOR: [(&str, &str, i64); 2] = [
    ("measurement", "measured_at", REMOVED_AT_ONCE),
    ("evaluation", "evaluated_at", REMOVED_AT_ONCE),
];

impl Store {
    /// Takes away some of what deleted models and monitors left; whether there may be more. Hosts that do so at once take turns.
    pub async fn remove_some(&self) -> StoreResult<bool> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query(
            "SELECT removal_no, model_no, monitors FROM removal ORDER BY removal_no LIMIT 1 FOR UPDATE SKIP LOCKED",
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else {
            return Ok(false);
        };
        // Each statement follows an index in its order: what goes first is known without reading the rest.
        sqlx::query("SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)")
            .execute(&mut *transaction)
            .await?;
        let model_no: Option<i32> = row.try_get("model_no")?;
        let monitors: Vec<i64> = row.try_get("monitors")?;
        let mut gone = 0;
        if let Some(model_no) = model_no {
            for (table, order, limit) in OF_MODEL {
                if gone == 0 {
                    let of = ("model_no", i64::from(model_no));
                    gone = remove(&mut transaction, table, of, order, limit).await?;
                }
            }
        }
        for monitor_no in monitors {
            for (table, order, limit) in OF_MONITOR {
                if gone == 0 {
                    let of = ("monitor_no", monitor_no);
                    gone = remove(&mut transaction, table, of, order, limit).await?;
                }
            }
        }
        if gone == 0 {
            let removal_no: i64 = row.try_get("removal_no")?;
            sqlx::query("DELETE FROM removal WHERE removal_no = $1")
                .bind(removal_no)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Takes away what was left by somebody who waits, unless it is much.
    pub(super) async fn remove_briefly(&self) -> StoreResult<()> {
        for _ in 0..WAITED_FOR {
            if !self.remove_some().await? {
                break;
            }
        }
        Ok(())
    }
}

/// Deletes the first rows of a model or monitor in an order; how many.
async fn remove(
    transaction: &mut Transaction<'_, Postgres>,
    table: &str,
    (column, no): (&str, i64),
    order: &str,
    limit: i64,
) -> StoreResult<u64> {
    let sql = format!(
        "DELETE FROM {table} WHERE {column} = $1 AND {order} <= (
             SELECT max({order}) FROM (SELECT {order} FROM {table} WHERE {column} = $1 ORDER BY {order} LIMIT $2) first)"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(no)
        .bind(limit)
        .execute(&mut **transaction)
        .await?;
    Ok(done.rows_affected())
}

/// Notes what a deletion of a model, or of a monitor alone, leaves.
pub(super) async fn note(
    transaction: &mut Transaction<'_, Postgres>,
    model_no: Option<i32>,
    monitor_no: Option<i64>,
) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO removal (model_no, monitors)
         SELECT $1, coalesce(array_agg(monitor_no), '{}') FROM monitor WHERE model_no = $1 OR monitor_no = $2",
    )
    .bind(model_no)
    .bind(monitor_no)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
