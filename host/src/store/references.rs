//! Uploaded reference data: versions, their profiles and the uploads themselves.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::requests;
use super::{Store, StoreError, StoreResult};

/// Bytes of one piece of an upload.
const PART_BYTES: usize = 1024 * 1024;
const REFERENCE: &str =
    "SELECT reference_no, format, digest, rows, labelled_rows, active, created_at FROM reference";

/// Reference data about to be stored.
#[derive(Debug, Clone)]
pub struct NewReference<'a> {
    /// csv, ndjson, parquet or arrow.
    pub format: &'a str,
    /// SHA-256 of the upload, in hexadecimal.
    pub digest: &'a str,
    /// Rows it has.
    pub rows: u64,
    /// Rows that have a label.
    pub labelled_rows: u64,
    /// Profile of features, prediction and probability.
    pub profile: &'a [u8],
    /// Profile of label and derived columns of the labelled rows.
    pub labelled_profile: Option<&'a [u8]>,
    /// The upload itself.
    pub upload: &'a [u8],
}

/// A stored version of reference data, without its profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReference {
    /// From 1.
    pub reference_no: i32,
    /// csv, ndjson, parquet or arrow.
    pub format: String,
    /// SHA-256 of the upload, in hexadecimal.
    pub digest: String,
    /// Rows it has.
    pub rows: u64,
    /// Rows that have a label.
    pub labelled_rows: u64,
    /// Whether monitors compare with it.
    pub active: bool,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

impl Store {
    /// Versions of a model, newest first.
    pub async fn references(&self, model_no: i32) -> StoreResult<Vec<StoredReference>> {
        let sql = format!("{REFERENCE} WHERE model_no = $1 ORDER BY reference_no DESC");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(model_no)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(reference).collect()
    }

    /// The version with a digest, if the model has one.
    pub async fn reference_of_digest(
        &self,
        model_no: i32,
        digest: &str,
    ) -> StoreResult<Option<StoredReference>> {
        let sql = format!(
            "{REFERENCE} WHERE model_no = $1 AND digest = $2 ORDER BY reference_no LIMIT 1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(model_no)
            .bind(digest)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(reference).transpose()
    }

    /// Stores a version, and makes it the active one if asked to. The same upload again is the version that
    /// is there already.
    ///
    /// # Errors
    /// [`StoreError::ModelGone`].
    pub async fn add_reference(
        &self,
        model_no: i32,
        new: &NewReference<'_>,
        activate: bool,
        now: Timestamp,
    ) -> StoreResult<StoredReference> {
        let mut transaction = self.pool.begin().await?;
        lock(&mut transaction, model_no).await?;
        let there: Option<i32> = sqlx::query_scalar(
            "SELECT reference_no FROM reference WHERE model_no = $1 AND digest = $2 ORDER BY reference_no LIMIT 1",
        )
        .bind(model_no)
        .bind(new.digest)
        .fetch_optional(&mut *transaction)
        .await?;
        let no = if let Some(no) = there {
            no
        } else {
            let no: i32 = sqlx::query_scalar(
                "INSERT INTO reference (model_no, reference_no, format, digest, rows, labelled_rows, created_at, profile, labelled_profile)
                 SELECT $1, coalesce(max(reference_no), 0) + 1, $2, $3, $4, $5, $6, $7, $8 FROM reference WHERE model_no = $1
                 RETURNING reference_no",
            )
            .bind(model_no)
            .bind(new.format)
            .bind(new.digest)
            .bind(new.rows.cast_signed())
            .bind(new.labelled_rows.cast_signed())
            .bind(now.to_sqlx())
            .bind(new.profile)
            .bind(new.labelled_profile)
            .fetch_one(&mut *transaction)
            .await?;
            for (part, bytes) in (0_i32..).zip(new.upload.chunks(PART_BYTES)) {
                sqlx::query("INSERT INTO reference_part (model_no, reference_no, part_no, bytes) VALUES ($1, $2, $3, $4)")
                    .bind(model_no)
                    .bind(no)
                    .bind(part)
                    .bind(bytes)
                    .execute(&mut *transaction)
                    .await?;
            }
            no
        };
        if activate {
            switch(&mut transaction, model_no, no).await?;
        }
        let sql = format!("{REFERENCE} WHERE model_no = $1 AND reference_no = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(model_no)
            .bind(no)
            .fetch_one(&mut *transaction)
            .await?;
        let stored = reference(&row)?;
        transaction.commit().await?;
        Ok(stored)
    }

    /// Makes a version the active one; whether it is there.
    pub async fn activate_reference(&self, model_no: i32, reference_no: i32) -> StoreResult<bool> {
        let mut transaction = self.pool.begin().await?;
        lock(&mut transaction, model_no).await?;
        let there = switch(&mut transaction, model_no, reference_no).await?;
        if there {
            transaction.commit().await?;
        }
        Ok(there)
    }

    /// Removes a version; whether it was there. Without an active version monitors compare with rows.
    pub async fn delete_reference(&self, model_no: i32, reference_no: i32) -> StoreResult<bool> {
        let mut transaction = self.pool.begin().await?;
        let deleted =
            sqlx::query("DELETE FROM reference WHERE model_no = $1 AND reference_no = $2")
                .bind(model_no)
                .bind(reference_no)
                .execute(&mut *transaction)
                .await?;
        requests::rebased(&mut transaction, model_no).await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected() > 0)
    }
}

/// Whoever stores or switches versions of a model waits for others who do.
async fn lock(transaction: &mut sqlx::PgConnection, model_no: i32) -> StoreResult<()> {
    let locked: Option<i32> =
        sqlx::query_scalar("SELECT model_no FROM model WHERE model_no = $1 FOR NO KEY UPDATE")
            .bind(model_no)
            .fetch_optional(transaction)
            .await?;
    locked.map(|_| ()).ok_or(StoreError::ModelGone)
}

/// Switches over; whether the version is there. The index allows one active version at any moment, so the old
/// one goes first.
async fn switch(
    transaction: &mut sqlx::PgConnection,
    model_no: i32,
    reference_no: i32,
) -> StoreResult<bool> {
    sqlx::query(
        "UPDATE reference SET active = false WHERE model_no = $1 AND active AND reference_no <> $2",
    )
    .bind(model_no)
    .bind(reference_no)
    .execute(&mut *transaction)
    .await?;
    let active =
        sqlx::query("UPDATE reference SET active = true WHERE model_no = $1 AND reference_no = $2")
            .bind(model_no)
            .bind(reference_no)
            .execute(&mut *transaction)
            .await?;
    requests::rebased(transaction, model_no).await?;
    Ok(active.rows_affected() > 0)
}

fn reference(row: &PgRow) -> StoreResult<StoredReference> {
    Ok(StoredReference {
        reference_no: row.try_get("reference_no")?,
        format: row.try_get("format")?,
        digest: row.try_get("digest")?,
        rows: row.try_get::<i64, _>("rows")?.cast_unsigned(),
        labelled_rows: row.try_get::<i64, _>("labelled_rows")?.cast_unsigned(),
        active: row.try_get("active")?,
        created_at: row.try_get::<SqlTimestamp, _>("created_at")?.to_jiff(),
    })
}
