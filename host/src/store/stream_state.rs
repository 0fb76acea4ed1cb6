//! Where versions of stream detectors stand that are not the one in use.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, Postgres, Transaction};

use super::monitor_state::{Claim, MonitorState};
use super::{Store, StoreResult};

/// Versions whose state a monitor keeps beside the one in use: the newest.
const STATES_MAX: i64 = 8;

impl Store {
    /// Puts away where a claimed monitor's stream detector stands, and takes out where the one of `digest` stood: nowhere, if it
    /// was never here. Holds with the end of the claim.
    pub async fn swap_stream_state(&self, claim: &mut Claim, digest: &str) -> StoreResult<()> {
        let (monitor, state) = (&claim.monitor, &claim.state);
        let at = state.evaluated_at.unwrap_or(monitor.created_at);
        if let (Some(other), Some(_)) = (&state.stream_digest, &state.stream_state) {
            put(
                &mut claim.transaction,
                (monitor.no, monitor.revision),
                other,
                state,
                at,
            )
            .await?;
        }
        let found = take(
            &mut claim.transaction,
            (monitor.no, monitor.revision),
            digest,
        )
        .await?;
        claim.state.evaluated_seq = found.evaluated_seq;
        claim.state.evaluated_label_seq = found.evaluated_label_seq;
        claim.state.stream_state = found.stream_state;
        claim.state.stream_digest = Some(digest.to_owned());
        Ok(())
    }
}

/// Where a version stands; at the start if nothing is known.
pub(super) async fn take(
    connection: &mut PgConnection,
    (monitor_no, revision): (i64, i32),
    digest: &str,
) -> StoreResult<MonitorState> {
    type Row = (i64, i64, Vec<u8>, i32, Option<jiff_sqlx::Timestamp>);
    let row: Option<Row> = sqlx::query_as(
        "SELECT evaluated_seq, evaluated_label_seq, state, failures, retry_at FROM stream_state
         WHERE monitor_no = $1 AND revision = $2 AND digest = $3",
    )
    .bind(monitor_no)
    .bind(revision)
    .bind(digest)
    .fetch_optional(connection)
    .await?;
    let mut state = MonitorState::default();
    if let Some((seq, label_seq, bytes, failures, retry_at)) = row {
        state.evaluated_seq = seq;
        state.evaluated_label_seq = label_seq;
        state.stream_state = Some(bytes);
        state.failures = failures;
        state.retry_at = retry_at.map(jiff_sqlx::Timestamp::to_jiff);
    }
    state.stream_digest = Some(digest.to_owned());
    Ok(state)
}

/// Notes where a version stands, and forgets the oldest beyond [`STATES_MAX`].
pub(super) async fn put(
    transaction: &mut Transaction<'_, Postgres>,
    (monitor_no, revision): (i64, i32),
    digest: &str,
    state: &MonitorState,
    now: Timestamp,
) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO stream_state (monitor_no, digest, revision, evaluated_seq, evaluated_label_seq, state, failures, retry_at, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (monitor_no, digest) DO UPDATE SET revision = excluded.revision, evaluated_seq = excluded.evaluated_seq,
             evaluated_label_seq = excluded.evaluated_label_seq, state = excluded.state, failures = excluded.failures,
             retry_at = excluded.retry_at, changed_at = excluded.changed_at",
    )
    .bind(monitor_no)
    .bind(digest)
    .bind(revision)
    .bind(state.evaluated_seq)
    .bind(state.evaluated_label_seq)
    .bind(state.stream_state.as_deref().unwrap_or_default())
    .bind(state.failures)
    .bind(state.retry_at.map(ToSqlx::to_sqlx))
    .bind(now.to_sqlx())
    .execute(&mut **transaction)
    .await?;
    sqlx::query(
        "DELETE FROM stream_state WHERE monitor_no = $1 AND digest <> $2 AND digest NOT IN
         (SELECT digest FROM stream_state WHERE monitor_no = $1 ORDER BY changed_at DESC, digest LIMIT $3)",
    )
    .bind(monitor_no)
    .bind(digest)
    .bind(STATES_MAX)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
