//! How far a model's rows are profiled, and the transaction in which that moves.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::{PgConnection, Postgres, Row, Transaction};

use crate::domain::Model;

use super::chunks::{self, ChunkInfo, ChunkProfiles, NewChunk, NewestChunk};
use super::models;
use super::read_rows::{self, RowSet, StoredLabel};
use super::row_columns::{MicrosRange, Part, RawRows, RowColumns};
use super::{Store, StoreError, StoreResult};

/// How far a model's rows are profiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Rows with a seq up to this are in the chunks.
    pub profiled_seq: i64,
    /// Labels with a seq up to this are in the chunks.
    pub profiled_label_seq: i64,
    /// Largest number of a chunk.
    pub last_chunk_no: i64,
    /// The training time at which chunks are cut.
    pub training_time: Option<Timestamp>,
    /// A training time at which some chunks are cut and others are still to be.
    pub cutting_at: Option<Timestamp>,
    /// How derived columns were computed.
    pub derivation: String,
}

/// A transaction that holds a model's progress: nobody else profiles its rows meanwhile. Dropped, it leaves no trace.
#[derive(Debug)]
pub struct Profiling {
    transaction: Transaction<'static, Postgres>,
    model_no: i32,
}

impl Store {
    /// How far a model's rows are profiled.
    ///
    /// # Errors
    /// [`StoreError::ModelGone`] if there is no such model.
    pub async fn progress(&self, model_no: i32) -> StoreResult<Progress> {
        read(&mut *self.pool().acquire().await?, model_no, READ).await
    }

    /// Takes a model's progress; waits for whoever has it.
    ///
    /// # Errors
    /// [`StoreError::ModelGone`] if there is no such model.
    pub async fn profiling(&self, model_no: i32) -> StoreResult<(Profiling, Progress)> {
        let mut transaction = self.pool().begin().await?;
        // Every read below follows an index in its order. Of a table that grew since it was analysed the planner thinks
        // it small, and would read all of it, or all that comes after a seq, and sort that. What it cannot avoid of
        // this is given a cost that would be worth compiling the plan.
        sqlx::query(
            "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
                    set_config('enable_sort', 'off', true), set_config('jit', 'off', true)",
        )
        .execute(&mut *transaction)
        .await?;
        let progress = read(&mut transaction, model_no, TAKE).await?;
        let profiling = Profiling {
            transaction,
            model_no,
        };
        Ok((profiling, progress))
    }
}

const READ: &str = "SELECT profiled_seq, profiled_label_seq, last_chunk_no, training_time, derivation, cutting_at FROM progress WHERE model_no = $1";
const TAKE: &str = "SELECT profiled_seq, profiled_label_seq, last_chunk_no, training_time, derivation, cutting_at FROM progress WHERE model_no = $1 FOR UPDATE";

async fn read(
    connection: &mut PgConnection,
    model_no: i32,
    statement: &'static str,
) -> StoreResult<Progress> {
    let row = sqlx::query(statement)
        .bind(model_no)
        .fetch_optional(connection)
        .await?
        .ok_or(StoreError::ModelGone)?;
    Ok(Progress {
        profiled_seq: row.try_get(0)?,
        profiled_label_seq: row.try_get(1)?,
        last_chunk_no: row.try_get(2)?,
        training_time: row
            .try_get::<Option<SqlTimestamp>, _>(3)?
            .map(SqlTimestamp::to_jiff),
        derivation: row.try_get(4)?,
        cutting_at: row
            .try_get::<Option<SqlTimestamp>, _>(5)?
            .map(SqlTimestamp::to_jiff),
    })
}

impl Profiling {
    /// The model as it is now. Read after rows, it has every column that they have.
    pub async fn model(&mut self) -> StoreResult<Model> {
        models::load(&mut self.transaction, self.model_no)
            .await?
            .ok_or(StoreError::ModelGone)
    }

    /// Names of the categories of a column; the position is the code.
    pub async fn categories(&mut self, column_no: i32) -> StoreResult<Vec<String>> {
        models::categories(&mut *self.transaction, self.model_no, column_no).await
    }

    /// Rows after a seq, in their order, at most `limit`.
    pub async fn rows_after(&mut self, seq: i64, limit: usize) -> StoreResult<RawRows> {
        read_rows::rows_after(&mut self.transaction, self.model_no, seq, limit).await
    }

    /// Rows of a set, in their order.
    pub async fn rows_of_set(&mut self, set: &RowSet, part: &Part) -> StoreResult<RawRows> {
        read_rows::rows_of_set(&mut self.transaction, self.model_no, set, part).await
    }

    /// Rows of some records with a seq up to `seq_to`.
    pub async fn rows_of_records(
        &mut self,
        record_ids: &[&str],
        seq_to: i64,
        part: &Part,
    ) -> StoreResult<RowColumns> {
        read_rows::rows_of_records(
            &mut self.transaction,
            self.model_no,
            record_ids,
            seq_to,
            part,
        )
        .await
    }

    /// Labels after a seq, in their order, at most `limit`.
    pub async fn labels_after(&mut self, seq: i64, limit: i64) -> StoreResult<Vec<StoredLabel>> {
        read_rows::labels_after(&mut self.transaction, self.model_no, seq, limit).await
    }

    /// All labels of some records with a seq up to `seq_to`, in no order.
    pub async fn labels_of(
        &mut self,
        record_ids: &[&str],
        seq_to: i64,
    ) -> StoreResult<Vec<StoredLabel>> {
        read_rows::labels_of(&mut self.transaction, self.model_no, record_ids, seq_to).await
    }

    /// The newest chunk of every stretch that has one inside these ranges. No stretch crosses the ends of a range.
    pub async fn newest_chunks(&mut self, ranges: &[MicrosRange]) -> StoreResult<Vec<NewestChunk>> {
        chunks::newest_inside(&mut self.transaction, self.model_no, ranges).await
    }

    /// The chunk that counts each of some rows: `(time, seq, start of the aligned stretch)`, times in microseconds.
    pub async fn chunks_of_rows(
        &mut self,
        rows: &[(i64, i64, i64)],
    ) -> StoreResult<Vec<Option<i64>>> {
        chunks::chunks_of_rows(&mut self.transaction, self.model_no, rows).await
    }

    /// Some chunks by their numbers.
    pub async fn chunks(&mut self, chunk_nos: &[i64]) -> StoreResult<Vec<ChunkInfo>> {
        chunks::infos(&mut self.transaction, self.model_no, chunk_nos).await
    }

    /// Profiles of some chunks.
    pub async fn chunk_profiles(&mut self, chunk_nos: &[i64]) -> StoreResult<Vec<ChunkProfiles>> {
        chunks::profiles(&mut self.transaction, self.model_no, chunk_nos).await
    }

    /// Chunks whose stretch a moment cuts in two: it lies inside and is not its last microsecond. `aligned` is where
    /// stretches may begin at the earliest, in microseconds. The first `limit` of them in the order of their rows.
    pub async fn chunks_around(
        &mut self,
        aligned: i64,
        time: Timestamp,
        limit: i64,
    ) -> StoreResult<Vec<ChunkInfo>> {
        chunks::around(&mut self.transaction, self.model_no, aligned, time, limit).await
    }

    /// Chunks whose labels wait to be counted anew, at most `limit`.
    pub async fn stale_chunks(&mut self, limit: i64) -> StoreResult<Vec<ChunkInfo>> {
        chunks::stale(&mut self.transaction, self.model_no, limit).await
    }

    /// Marks chunks as stale: these, or all that have labels.
    pub async fn mark_stale(&mut self, chunk_nos: Option<&[i64]>) -> StoreResult<()> {
        chunks::mark_stale(&mut self.transaction, self.model_no, chunk_nos).await
    }

    /// Opens chunks.
    pub async fn insert_chunks(&mut self, chunks: &[NewChunk<'_>]) -> StoreResult<()> {
        chunks::insert(&mut self.transaction, self.model_no, chunks).await
    }

    /// Changes a chunk; a profile that is not given stays as it is.
    pub async fn update_chunk(
        &mut self,
        chunk: &ChunkInfo,
        profile: Option<&[u8]>,
        labelled: Option<&[u8]>,
    ) -> StoreResult<()> {
        chunks::write(
            &mut self.transaction,
            self.model_no,
            chunk,
            profile,
            labelled,
        )
        .await
    }

    /// Stores the progress and ends the transaction.
    pub async fn commit(mut self, progress: &Progress) -> StoreResult<()> {
        sqlx::query(
            "UPDATE progress SET profiled_seq = $2, profiled_label_seq = $3, last_chunk_no = $4, training_time = $5, derivation = $6,
                 cutting_at = $7
             WHERE model_no = $1",
        )
        .bind(self.model_no)
        .bind(progress.profiled_seq)
        .bind(progress.profiled_label_seq)
        .bind(progress.last_chunk_no)
        .bind(progress.training_time.map(ToSqlx::to_sqlx))
        .bind(&progress.derivation)
        .bind(progress.cutting_at.map(ToSqlx::to_sqlx))
        .execute(&mut *self.transaction)
        .await?;
        self.transaction.commit().await?;
        Ok(())
    }
}
