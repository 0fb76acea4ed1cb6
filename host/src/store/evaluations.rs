//! Evaluations with their measurements: stored together with the state of their monitor, or not at all.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{Postgres, Row, Transaction};

use crate::domain::inputs::{Inputs, KeptInputs};
use crate::domain::record::{Cause, EvaluationRecord};
use crate::domain::{DriftKind, Measurement};

use super::baselines::{self, StoredBaseline};
use super::inputs;
use super::measurements;
use super::models::named;
use super::monitor_state::{Claim, MonitorState};
use super::notes;
use super::partitions::Partitioned;
use super::{Store, StoreError, StoreResult};

/// An evaluation about to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewEvaluation<'a> {
    /// What is shown of it.
    pub record: &'a EvaluationRecord,
    /// Digest of the baseline that it compared with.
    pub baseline: Option<&'a str>,
    /// Seed of the call.
    pub seed: u64,
    /// Rows with a seq up to this were profiled when it ran.
    pub seq_to: i64,
    /// What it was made of, where that is kept.
    pub inputs: Option<&'a KeptInputs>,
}

/// Which evaluations to read, newest first.
#[derive(Debug, Clone, Default)]
pub struct EvaluationFilter {
    /// Of this model.
    pub model_no: Option<i32>,
    /// Of this monitor.
    pub monitor: Option<String>,
    /// Run from this time on.
    pub from: Option<Timestamp>,
    /// Run before this time.
    pub to: Option<Timestamp>,
    /// Those after this one in the order: its time and number.
    pub after: Option<(Timestamp, i64)>,
    /// Those of versions that are not in use, in place of all others.
    pub shadow: bool,
    /// At most so many.
    pub limit: u32,
    /// Leaves their measurements out.
    pub bare: bool,
}

pub(super) const EVALUATION: &str = "SELECT e.evaluation_no, e.evaluated_at, m.model_id, o.name AS monitor, e.detector, e.kind, e.digest, e.cause, e.shadow,
    e.outcome, e.reason, e.window_from, e.window_to, e.reference_rows, e.current_rows, e.labelled_rows, e.duration_seconds, e.log";
/// Of each monitor the latest evaluation as it is now; not those of backtests.
const LATEST: &str = "FROM monitor o JOIN model m USING (model_no)
    CROSS JOIN LATERAL (SELECT * FROM evaluation x WHERE x.monitor_no = o.monitor_no AND x.monitor_revision = o.revision
        AND x.cause <> 'backtest' AND NOT x.shadow ORDER BY x.evaluated_at DESC, x.evaluation_no DESC LIMIT 1) e";

impl Store {
    /// Ends a claim: stores the state, the evaluation if there is one, and the baseline if it is new, in one transaction.
    ///
    /// The evaluation's number (0 without one), or none where the monitor was changed or removed meanwhile: nothing is stored then.
    pub async fn finish_claim(
        &self,
        claim: Claim,
        state: &MonitorState,
        evaluation: Option<NewEvaluation<'_>>,
        baseline: Option<&StoredBaseline>,
        now: Timestamp,
    ) -> StoreResult<Option<i64>> {
        let Claim {
            mut transaction,
            monitor,
            note,
            ..
        } = claim;
        if let Some(evaluation) = &evaluation {
            self.ensure_result_months(evaluation.record.evaluated_at)
                .await?;
        }
        let updated = sqlx::query(
            "UPDATE monitor_state SET evaluated_seq = $3, evaluated_label_seq = $4, evaluated_at = $5, window_to = $6, window_chunk_no = $7,
             stream_state = $8, failures = $9, retry_at = $10, last_error = $11, insufficient = $12,
             stream_digest = $13, spent_to = $14
             WHERE monitor_no = $1 AND revision = $2",
        )
        .bind(monitor.no)
        .bind(monitor.revision)
        .bind(state.evaluated_seq)
        .bind(state.evaluated_label_seq)
        .bind(state.evaluated_at.map(ToSqlx::to_sqlx))
        .bind(state.position.to.map(ToSqlx::to_sqlx))
        .bind(state.position.chunk_no)
        .bind(&state.stream_state)
        .bind(state.failures)
        .bind(state.retry_at.map(ToSqlx::to_sqlx))
        .bind(&state.last_error)
        .bind(&state.insufficient)
        .bind(&state.stream_digest)
        .bind(state.position.spent_to.map(ToSqlx::to_sqlx))
        .execute(&mut *transaction)
        .await?;
        if updated.rows_affected() == 0 {
            return Ok(None);
        }
        if let Some(baseline) = baseline {
            baselines::insert(&mut transaction, monitor.no, baseline, now).await?;
        }
        let no = match evaluation {
            None => 0,
            Some(evaluation) => {
                if let Some(note) = &note {
                    notes::with_commit(&mut transaction, note).await?;
                }
                insert(
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

    /// Partitions for results of this time.
    pub(super) async fn ensure_result_months(&self, time: Timestamp) -> StoreResult<()> {
        self.ensure_months(Partitioned::Evaluation, time, time)
            .await?;
        self.ensure_months(Partitioned::Measurement, time, time)
            .await
    }

    /// The latest evaluation of each monitor of a model as the monitor is now, with its measurements. Not those of backtests.
    pub async fn latest_evaluations(&self, model_no: i32) -> StoreResult<Vec<EvaluationRecord>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{EVALUATION} {LATEST} WHERE o.model_no = $1 ORDER BY o.name"
        )))
        .bind(model_no)
        .fetch_all(&self.pool)
        .await?;
        self.with_measurements(&rows).await
    }

    /// The same of several models: what `/metrics` is rebuilt from when a host takes them over.
    pub async fn latest_evaluations_of(
        &self,
        models: &[i32],
    ) -> StoreResult<Vec<EvaluationRecord>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{EVALUATION} {LATEST} WHERE o.model_no = ANY($1) ORDER BY o.monitor_no"
        )))
        .bind(models)
        .fetch_all(&self.pool)
        .await?;
        self.with_measurements(&rows).await
    }

    /// The same of one monitor of a model by name; none where there is no such monitor, or it was not evaluated yet.
    pub async fn latest_evaluation(
        &self,
        model_no: i32,
        monitor: &str,
    ) -> StoreResult<Option<EvaluationRecord>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{EVALUATION} {LATEST} WHERE o.model_no = $1 AND o.name = $2"
        )))
        .bind(model_no)
        .bind(monitor)
        .fetch_all(&self.pool)
        .await?;
        Ok(self.with_measurements(&rows).await?.pop())
    }

    /// Evaluations with their measurements, newest first.
    pub async fn evaluations(
        &self,
        filter: &EvaluationFilter,
    ) -> StoreResult<Vec<EvaluationRecord>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{EVALUATION} FROM evaluation e JOIN model m USING (model_no) JOIN monitor o USING (monitor_no)
             WHERE ($1::int4 IS NULL OR e.model_no = $1) AND ($2::text IS NULL OR o.name = $2)
               AND ($3::timestamptz IS NULL OR e.evaluated_at >= $3) AND ($4::timestamptz IS NULL OR e.evaluated_at < $4)
               AND ($5::timestamptz IS NULL OR (e.evaluated_at, e.evaluation_no) < ($5, $6)) AND e.shadow = $7
             ORDER BY e.evaluated_at DESC, e.evaluation_no DESC LIMIT $8"
        )))
        .bind(filter.model_no)
        .bind(&filter.monitor)
        .bind(filter.from.map(ToSqlx::to_sqlx))
        .bind(filter.to.map(ToSqlx::to_sqlx))
        .bind(filter.after.map(|(time, _)| time.to_sqlx()))
        .bind(filter.after.map(|(_, no)| no))
        .bind(filter.shadow)
        .bind(i64::from(filter.limit))
        .fetch_all(&self.pool)
        .await?;
        if filter.bare {
            return rows.iter().map(evaluation).collect();
        }
        self.with_measurements(&rows).await
    }

    /// What a detector (`name@version`) wrote, newest first: evaluations that have a log, without their measurements.
    pub async fn detector_log(
        &self,
        detector: &str,
        after: Option<(Timestamp, i64)>,
        limit: u32,
    ) -> StoreResult<Vec<EvaluationRecord>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{EVALUATION} FROM evaluation e JOIN model m USING (model_no) JOIN monitor o USING (monitor_no)
             WHERE e.detector = $1 AND e.log <> '[]' AND ($2::timestamptz IS NULL OR (e.evaluated_at, e.evaluation_no) < ($2, $3))
             ORDER BY e.evaluated_at DESC, e.evaluation_no DESC LIMIT $4"
        )))
        .bind(detector)
        .bind(after.map(|(time, _)| time.to_sqlx()))
        .bind(after.map(|(_, no)| no))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(evaluation).collect()
    }

    pub(super) async fn with_measurements(
        &self,
        rows: &[PgRow],
    ) -> StoreResult<Vec<EvaluationRecord>> {
        let mut records = rows
            .iter()
            .map(evaluation)
            .collect::<StoreResult<Vec<_>>>()?;
        let keys: Vec<(i64, Timestamp)> = records
            .iter()
            .map(|record| (record.evaluation_no, record.evaluated_at))
            .collect();
        let mut found = measurements::of_evaluations(&self.pool, &keys).await?;
        for record in &mut records {
            record.measurements = found.remove(&record.evaluation_no).unwrap_or_default();
        }
        Ok(records)
    }
}

/// Stores an evaluation with its measurements; its number.
pub(super) async fn insert(
    transaction: &mut Transaction<'_, Postgres>,
    model_no: i32,
    monitor_no: i64,
    revision: i32,
    evaluation: NewEvaluation<'_>,
) -> StoreResult<i64> {
    let record = evaluation.record;
    let (mut facts, mut reference): (Option<Json<Inputs>>, Option<Vec<u8>>) = (None, None);
    if let Some(kept) = evaluation.inputs {
        let (inputs, own) =
            inputs::insert(transaction, model_no, kept, record.evaluated_at).await?;
        (facts, reference) = (Some(inputs), own);
    }
    let kept = evaluation.inputs;
    let no: i64 = sqlx::query_scalar(
        "INSERT INTO evaluation (evaluated_at, model_no, monitor_no, monitor_revision, detector, kind, digest, baseline, seed, cause, outcome,
             reason, window_from, window_to, seq_to, reference_rows, current_rows, labelled_rows, duration_seconds, log, shadow, inputs,
             input_chunks, input_reference, input_state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25) RETURNING evaluation_no",
    )
    .bind(record.evaluated_at.to_sqlx())
    .bind(model_no)
    .bind(monitor_no)
    .bind(revision)
    .bind(&record.detector)
    .bind(record.kind.to_string())
    .bind(&record.digest)
    .bind(evaluation.baseline)
    .bind(i64::try_from(evaluation.seed).unwrap_or(i64::MAX))
    .bind(record.cause.to_string())
    .bind(record.outcome.to_string())
    .bind(&record.reason)
    .bind(record.window_from.map(ToSqlx::to_sqlx))
    .bind(record.window_to.map(ToSqlx::to_sqlx))
    .bind(evaluation.seq_to)
    .bind(count(record.reference_rows))
    .bind(count(record.current_rows))
    .bind(count(record.labelled_rows))
    .bind(record.duration_seconds)
    .bind(Json(&record.log))
    .bind(record.shadow)
    .bind(facts)
    .bind(kept.and_then(|kept| kept.current.as_deref()))
    .bind(reference)
    .bind(kept.and_then(|kept| kept.state.as_deref()))
    .fetch_one(&mut **transaction)
    .await?;
    let at = record.evaluated_at;
    measurements::insert(
        transaction,
        model_no,
        monitor_no,
        no,
        at,
        &record.measurements,
    )
    .await?;
    Ok(no)
}

/// A count as the database holds it.
pub(super) fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

pub(super) fn evaluation(row: &PgRow) -> StoreResult<EvaluationRecord> {
    let evaluation_no: i64 = row.try_get("evaluation_no")?;
    let corrupt = |error: serde_json::Error| StoreError::Corrupt {
        table: "evaluation",
        key: format!("evaluation_no {evaluation_no}"),
        reason: error.to_string(),
    };
    let time = |column: &str| -> StoreResult<Option<Timestamp>> {
        Ok(row
            .try_get::<Option<SqlTimestamp>, _>(column)?
            .map(SqlTimestamp::to_jiff))
    };
    let rows =
        |column: &str| -> StoreResult<u64> { Ok(row.try_get::<i64, _>(column)?.unsigned_abs()) };
    let log: Json<Vec<String>> = row.try_get("log")?;
    let measurements: Vec<Measurement> = Vec::new();
    Ok(EvaluationRecord {
        evaluation_no,
        model_id: row.try_get("model_id")?,
        monitor: row.try_get("monitor")?,
        detector: row.try_get("detector")?,
        kind: named::<DriftKind>(row.try_get("kind")?).map_err(corrupt)?,
        digest: row.try_get("digest")?,
        cause: named::<Cause>(row.try_get("cause")?).map_err(corrupt)?,
        shadow: row.try_get("shadow")?,
        outcome: named(row.try_get("outcome")?).map_err(corrupt)?,
        reason: row.try_get("reason")?,
        evaluated_at: row.try_get::<SqlTimestamp, _>("evaluated_at")?.to_jiff(),
        window_from: time("window_from")?,
        window_to: time("window_to")?,
        reference_rows: rows("reference_rows")?,
        current_rows: rows("current_rows")?,
        labelled_rows: rows("labelled_rows")?,
        duration_seconds: row.try_get("duration_seconds")?,
        measurements,
        log: log.0,
    })
}
