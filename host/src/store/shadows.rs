//! Evaluations of versions that run beside the active one.

use jiff::Timestamp;
use sqlx::{Postgres, Transaction};

use crate::domain::record::MonitorRecord;

use super::baselines::{self, StoredBaseline};
use super::evaluations::{self, NewEvaluation};
use super::monitor_state::MonitorState;
use super::{Store, StoreResult, stream_state};

/// The right to run the shadow of a monitor, which one host has at a time. Ends with the connection behind it, also in a crash.
#[derive(Debug)]
pub struct ShadowClaim {
    transaction: Transaction<'static, Postgres>,
    monitor: MonitorRecord,
    digest: String,
    /// Where the version stands, if it follows rows.
    pub state: MonitorState,
}

/// The upper 16 bits of the advisory lock, see `monitor_state`.
const CLAIM_SHADOW: i64 = 0x4c5a << 48;

impl Store {
    /// Claims the shadow of a monitor for one evaluation, when nobody else has it.
    pub async fn claim_shadow(
        &self,
        monitor: &MonitorRecord,
        digest: &str,
    ) -> StoreResult<ShadowClaim> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(CLAIM_SHADOW | monitor.no)
            .execute(&mut *transaction)
            .await?;
        let of = (monitor.no, monitor.revision);
        let state = stream_state::take(&mut transaction, of, digest).await?;
        Ok(ShadowClaim {
            transaction,
            monitor: monitor.clone(),
            digest: digest.to_owned(),
            state,
        })
    }

    /// Ends a claim: stores the evaluation if there is one, the baseline if it is new, and where a version that follows rows
    /// stands. The evaluation's number (0 without one), or none where the monitor was changed or removed meanwhile.
    pub async fn finish_shadow(
        &self,
        claim: ShadowClaim,
        evaluation: Option<NewEvaluation<'_>>,
        baseline: Option<&StoredBaseline>,
        state: Option<&MonitorState>,
        now: Timestamp,
    ) -> StoreResult<Option<i64>> {
        let ShadowClaim {
            mut transaction,
            monitor,
            digest,
            ..
        } = claim;
        if evaluation.is_some() {
            self.ensure_result_months(now).await?;
        }
        let there: Option<i32> = sqlx::query_scalar(
            "SELECT revision FROM monitor WHERE monitor_no = $1 AND revision = $2 FOR KEY SHARE",
        )
        .bind(monitor.no)
        .bind(monitor.revision)
        .fetch_optional(&mut *transaction)
        .await?;
        if there.is_none() {
            return Ok(None);
        }
        if let Some(baseline) = baseline {
            baselines::insert(&mut transaction, monitor.no, baseline, now).await?;
        }
        if let Some(state) = state {
            let of = (monitor.no, monitor.revision);
            stream_state::put(&mut transaction, of, &digest, state, now).await?;
        }
        let no = match evaluation {
            None => 0,
            Some(evaluation) => {
                evaluations::insert(
                    &mut transaction,
                    monitor.model_no,
                    monitor.no,
                    monitor.revision,
                    evaluation,
                )
                .await?
            }
        };
        transaction.commit().await?;
        Ok(Some(no))
    }
}
