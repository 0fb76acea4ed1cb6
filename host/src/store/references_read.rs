//! The active reference data of a model, and samples of rows for windows.

use futures_util::TryStreamExt;
use sqlx::Row;

use super::read_rows::{self, RowSet, StoredLabel};
use super::row_columns::RawRows;
use super::{Store, StoreResult};

/// The profiles of the active reference data.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveReference {
    /// Its version.
    pub version: i32,
    /// Format of the upload: csv, ndjson, parquet or arrow.
    pub format: String,
    /// Features, prediction and probability of all rows.
    pub profile: Vec<u8>,
    /// Label and derived columns of labelled rows.
    pub labelled: Option<Vec<u8>>,
}

impl Store {
    /// Version of the active reference data.
    pub async fn active_reference_version(&self, model_no: i32) -> StoreResult<Option<i32>> {
        Ok(
            sqlx::query_scalar("SELECT reference_no FROM reference WHERE model_no = $1 AND active")
                .bind(model_no)
                .fetch_optional(self.pool())
                .await?,
        )
    }

    /// A version of the reference data.
    pub async fn reference_profiles(
        &self,
        model_no: i32,
        version: i32,
    ) -> StoreResult<Option<ActiveReference>> {
        let row = sqlx::query(
            "SELECT format, profile, labelled_profile FROM reference WHERE model_no = $1 AND reference_no = $2",
        )
        .bind(model_no)
        .bind(version)
        .fetch_optional(self.pool())
        .await?;
        row.map(|row| {
            Ok(ActiveReference {
                version,
                format: row.try_get(0)?,
                profile: row.try_get(1)?,
                labelled: row.try_get(2)?,
            })
        })
        .transpose()
    }

    /// Hands the pieces of an upload over, in their order.
    pub async fn reference_upload(
        &self,
        model_no: i32,
        version: i32,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> StoreResult<()> {
        let mut pieces = sqlx::query(
            "SELECT bytes FROM reference_part WHERE model_no = $1 AND reference_no = $2 ORDER BY part_no",
        )
        .bind(model_no)
        .bind(version)
        .fetch(self.pool());
        while let Some(piece) = pieces.try_next().await? {
            take(piece.try_get(0)?).map_err(sqlx::Error::Io)?;
        }
        Ok(())
    }

    /// A uniform sample of the rows of disjoint sets, at most `limit` of them, by time.
    pub async fn sample_rows(
        &self,
        model_no: i32,
        sets: &[RowSet],
        limit: u32,
        seed: u64,
    ) -> StoreResult<RawRows> {
        let mut connection = self.pool().acquire().await?;
        read_rows::sample_of_sets(&mut connection, model_no, sets, limit, seed).await
    }

    /// All labels of some records with a seq up to `seq_to`, in no order.
    pub async fn labels_of(
        &self,
        model_no: i32,
        record_ids: &[&str],
        seq_to: i64,
    ) -> StoreResult<Vec<StoredLabel>> {
        let mut connection = self.pool().acquire().await?;
        read_rows::labels_of(&mut connection, model_no, record_ids, seq_to).await
    }
}
