//! What evaluations were made of.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::types::Json;
use sqlx::{Postgres, Row, Transaction};

use crate::domain::inputs::{Inputs, KeptInputs, Made, ReferenceMade};
use crate::domain::monitor::MonitorSpec;
use crate::domain::record::EvaluationRecord;

use super::evaluations::{EVALUATION, evaluation};
use super::read_rows::{self, RowSet};
use super::row_columns::{Part, RawRows};
use super::{Store, StoreError, StoreResult};

/// An evaluation with what is needed to make it again.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvaluation {
    /// What is shown of it.
    pub record: EvaluationRecord,
    /// Its model.
    pub model_no: i32,
    /// Its monitor.
    pub monitor_no: i64,
    /// Revision of the monitor that ran.
    pub revision: i32,
    /// Digest under which its baseline was stored; none where it was not.
    pub baseline: Option<String>,
    /// What it was made of; none where that was not kept.
    pub inputs: Option<KeptInputs>,
}

impl Store {
    /// An evaluation by its number.
    pub async fn evaluation(&self, evaluation_no: i64) -> StoreResult<Option<StoredEvaluation>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{EVALUATION}, e.model_no, e.monitor_no, e.monitor_revision, e.baseline, e.inputs, e.input_chunks,
                 coalesce(e.input_reference, l.chunks) AS input_reference, e.input_state
             FROM evaluation e JOIN model m USING (model_no) JOIN monitor o USING (monitor_no)
             LEFT JOIN chunk_list l ON l.model_no = e.model_no AND l.digest = e.inputs -> 'made' -> 'reference' ->> 'chunks'
             WHERE e.evaluation_no = $1"
        )))
        .bind(evaluation_no)
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let mut records = self.with_measurements(std::slice::from_ref(&row)).await?;
        let record = match records.pop() {
            Some(record) => record,
            None => evaluation(&row)?,
        };
        let inputs: Option<serde_json::Value> = row.try_get("inputs")?;
        let inputs: Option<Inputs> =
            inputs
                .map(serde_json::from_value)
                .transpose()
                .map_err(|error| StoreError::Corrupt {
                    table: "evaluation",
                    key: format!("evaluation_no {evaluation_no}"),
                    reason: format!("inputs: {error}"),
                })?;
        let kept = match inputs {
            None => None,
            Some(inputs) => Some(KeptInputs {
                inputs,
                current: row.try_get("input_chunks")?,
                reference: row.try_get("input_reference")?,
                state: row.try_get("input_state")?,
            }),
        };
        Ok(Some(StoredEvaluation {
            record,
            model_no: row.try_get("model_no")?,
            monitor_no: row.try_get("monitor_no")?,
            revision: row.try_get("monitor_revision")?,
            baseline: row.try_get("baseline")?,
            inputs: kept,
        }))
    }

    /// What a monitor did at a revision; none where that is forgotten.
    pub async fn monitor_spec_at(
        &self,
        monitor_no: i64,
        revision: i32,
    ) -> StoreResult<Option<MonitorSpec>> {
        let spec: Option<serde_json::Value> = sqlx::query_scalar(
            "SELECT spec FROM monitor WHERE monitor_no = $1 AND revision = $2
             UNION ALL SELECT spec FROM monitor_spec WHERE monitor_no = $1 AND revision = $2 LIMIT 1",
        )
        .bind(monitor_no)
        .bind(revision)
        .fetch_optional(self.pool())
        .await?;
        spec.map(serde_json::from_value)
            .transpose()
            .map_err(|error| StoreError::Corrupt {
                table: "monitor_spec",
                key: format!("monitor_no {monitor_no}, revision {revision}"),
                reason: error.to_string(),
            })
    }

    /// Rows of a set, in their order, whole.
    pub async fn rows_of_set(&self, model_no: i32, set: &RowSet) -> StoreResult<RawRows> {
        let mut connection = self.pool().acquire().await?;
        read_rows::rows_of_set(&mut connection, model_no, set, &Part::Whole).await
    }

    /// Forgets lists and specs that no evaluation from `before` on can name; how many.
    pub(super) async fn forget_inputs(&self, before: Timestamp) -> StoreResult<u64> {
        let mut forgotten = 0;
        for statement in [
            // `used_at` may be a day behind.
            "DELETE FROM chunk_list WHERE used_at < $1::timestamptz - interval '1 day'",
            "DELETE FROM monitor_spec WHERE ended_at < $1",
        ] {
            let done = sqlx::query(statement)
                .bind(before.to_sqlx())
                .execute(self.pool())
                .await?;
            forgotten += done.rows_affected();
        }
        Ok(forgotten)
    }
}

/// What goes into the row of an evaluation. A reference that many evaluations share is stored once.
pub(super) async fn insert(
    transaction: &mut Transaction<'_, Postgres>,
    model_no: i32,
    kept: &KeptInputs,
    now: Timestamp,
) -> StoreResult<(Json<Inputs>, Option<Vec<u8>>)> {
    let shared = match &kept.inputs.made {
        Made::Windows {
            reference: ReferenceMade::Training { chunks },
            ..
        } => Some(chunks),
        Made::Windows { .. } | Made::Rows { .. } => None,
    };
    let inputs = Json(kept.inputs.clone());
    let (Some(digest), Some(chunks)) = (shared, &kept.reference) else {
        return Ok((inputs, kept.reference.clone()));
    };
    sqlx::query(
        "INSERT INTO chunk_list (model_no, digest, chunks, used_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (model_no, digest) DO UPDATE SET used_at = excluded.used_at
         WHERE chunk_list.used_at < excluded.used_at - interval '1 day'",
    )
    .bind(model_no)
    .bind(digest)
    .bind(chunks)
    .bind(now.to_sqlx())
    .execute(&mut **transaction)
    .await?;
    Ok((inputs, None))
}
