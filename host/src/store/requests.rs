//! Evaluations that were asked for: they stand here until they are done, whatever becomes of the host that was asked.

use sqlx::PgConnection;

use super::{Store, StoreResult};

impl Store {
    /// Asks for evaluations of monitors. Those that are gone are passed over.
    pub async fn request_evaluations(&self, monitors: &[i64]) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO evaluation_request (monitor_no)
             SELECT monitor_no FROM monitor WHERE monitor_no = ANY($1) ORDER BY monitor_no FOR KEY SHARE
             ON CONFLICT (monitor_no) DO UPDATE SET request_no = DEFAULT",
        )
        .bind(monitors)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The newest request for a monitor. Read before what it asks for is done, it tells which requests that answers.
    pub async fn requested(&self, monitor_no: i64) -> StoreResult<Option<i64>> {
        Ok(
            sqlx::query_scalar("SELECT request_no FROM evaluation_request WHERE monitor_no = $1")
                .bind(monitor_no)
                .fetch_optional(&self.pool)
                .await?,
        )
    }

    /// A request was answered, and all before it.
    pub async fn request_answered(&self, monitor_no: i64, request_no: i64) -> StoreResult<()> {
        sqlx::query("DELETE FROM evaluation_request WHERE monitor_no = $1 AND request_no <= $2")
            .bind(monitor_no)
            .bind(request_no)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Models with monitors that somebody asked to evaluate. Reads requests alone, of which there are few.
    pub async fn models_requested(&self) -> StoreResult<Vec<i32>> {
        Ok(sqlx::query_scalar(
            "SELECT DISTINCT o.model_no FROM evaluation_request r JOIN monitor o USING (monitor_no)",
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

/// What the monitors of a model compare with is another now: those that follow new data are to be evaluated, new data or not.
pub(super) async fn rebased(connection: &mut PgConnection, model_no: i32) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO evaluation_request (monitor_no)
         SELECT monitor_no FROM monitor WHERE model_no = $1 AND (spec ->> 'enabled')::bool AND spec -> 'cadence' ->> 'on' = 'new-data'
         ORDER BY monitor_no FOR KEY SHARE
         ON CONFLICT (monitor_no) DO UPDATE SET request_no = DEFAULT",
    )
    .bind(model_no)
    .execute(connection)
    .await?;
    Ok(())
}
