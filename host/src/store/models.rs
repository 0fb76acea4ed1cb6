//! Models, their columns and categories.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgExecutor, PgRow};

use crate::domain::{ColumnKind, Model, ModelColumn, ModelId, ModelSettings, ModelType, Role};

use super::notes::{self, Note};
use super::removal;
use super::{Store, StoreError, StoreResult};

/// A model about to be registered.
#[derive(Debug, Clone)]
pub struct NewModel {
    /// Name that its clients use.
    pub id: ModelId,
    /// What it answers, if somebody said.
    pub model_type: Option<ModelType>,
    /// The class whose probability it gives.
    pub positive_label: Option<String>,
    /// Rows up to this time are what it was trained on.
    pub last_training_time: Option<Timestamp>,
    /// Chunks and labels.
    pub settings: ModelSettings,
}

/// A column about to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewColumn {
    /// Its name.
    pub name: String,
    /// Numeric or categorical; of a feature also an embedding.
    pub kind: ColumnKind,
    /// Feature, prediction, probability or label.
    pub role: Role,
    /// Numbers of each vector of an embedding; 0 for other columns.
    pub dimension: usize,
}

const MODEL: &str = "SELECT model_no, model_id, model_type, positive_label, last_training_time, schema_version, settings, created_at FROM model";

impl Store {
    /// The model of a name.
    pub async fn model(&self, id: &ModelId) -> StoreResult<Option<Model>> {
        let mut connection = self.pool.acquire().await?;
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{MODEL} WHERE model_id = $1")))
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        let models = with_columns(&mut connection, row.as_slice()).await?;
        Ok(models.into_iter().next())
    }

    /// The model of a number.
    pub async fn model_by_no(&self, no: i32) -> StoreResult<Option<Model>> {
        load(&mut *self.pool.acquire().await?, no).await
    }

    /// Models by name, at most `models_max` of those behind `after`.
    pub async fn models(&self, after: Option<&str>, models_max: u32) -> StoreResult<Vec<Model>> {
        let mut connection = self.pool.acquire().await?;
        let sql =
            format!("{MODEL} WHERE $1::text IS NULL OR model_id > $1 ORDER BY model_id LIMIT $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(after)
            .bind(i64::from(models_max))
            .fetch_all(&mut *connection)
            .await?;
        with_columns(&mut connection, &rows).await
    }

    /// Names of the categories of a column; the position is the code.
    pub async fn categories(&self, model_no: i32, column_no: i32) -> StoreResult<Vec<String>> {
        categories(&self.pool, model_no, column_no).await
    }

    /// Numbers of the columns that somebody declared, rather than that rows showed.
    pub async fn declared_columns(&self, model_no: i32) -> StoreResult<Vec<i32>> {
        declared(&self.pool, model_no).await
    }

    /// Removes a model and everything of it; whether it was there. What is much goes in pieces afterwards: see
    /// [`Store::remove_some`].
    pub async fn delete_model(&self, id: &ModelId) -> StoreResult<bool> {
        let mut transaction = self.pool.begin().await?;
        let no: Option<i32> = sqlx::query_scalar("SELECT model_no FROM model WHERE model_id = $1")
            .bind(id.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(no) = no else {
            return Ok(false);
        };
        // First what writers and profilers hold while they work, so that those under way end before; whoever
        // comes later finds no counters, and writes nothing.
        for sql in [
            "SELECT FROM progress WHERE model_no = $1 FOR UPDATE",
            "SELECT FROM arrival WHERE model_no = $1 FOR UPDATE",
        ] {
            sqlx::query(sql).bind(no).execute(&mut *transaction).await?;
        }
        removal::note(&mut transaction, Some(no), None).await?;
        let deleted = sqlx::query("DELETE FROM model WHERE model_no = $1")
            .bind(no)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        notes::with_commit(&mut transaction, &Note::Model(id.to_string())).await?;
        transaction.commit().await?;
        self.remove_briefly().await?;
        Ok(deleted > 0)
    }

    /// Registers a model with its counters, unless its name is taken; whether it was new.
    pub async fn create_model(&self, model: &NewModel, now: Timestamp) -> StoreResult<bool> {
        Ok(insert(&self.pool, model, now).await?.is_some())
    }
}

/// Adds a model and its counters in one statement. `None`: its name is taken.
pub(super) async fn insert<'c>(
    executor: impl PgExecutor<'c>,
    model: &NewModel,
    now: Timestamp,
) -> StoreResult<Option<i32>> {
    Ok(sqlx::query_scalar(
        "WITH new AS (
             INSERT INTO model (model_id, model_type, positive_label, last_training_time, settings, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ON CONSTRAINT model_id_key DO NOTHING RETURNING model_no
         ), arrives AS (
             INSERT INTO arrival (model_no) SELECT model_no FROM new
         ), progresses AS (
             INSERT INTO progress (model_no) SELECT model_no FROM new
         )
         SELECT model_no FROM new",
    )
    .bind(model.id.as_str())
    .bind(model.model_type.map(|kind| kind.to_string()))
    .bind(&model.positive_label)
    .bind(model.last_training_time.map(ToSqlx::to_sqlx))
    .bind(sqlx::types::Json(&model.settings))
    .bind(now.to_sqlx())
    .fetch_optional(executor)
    .await?)
}

/// The model of a number.
pub(super) async fn load(connection: &mut PgConnection, no: i32) -> StoreResult<Option<Model>> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!("{MODEL} WHERE model_no = $1")))
        .bind(no)
        .fetch_optional(&mut *connection)
        .await?;
    let models = with_columns(connection, row.as_slice()).await?;
    Ok(models.into_iter().next())
}

pub(super) async fn categories<'c>(
    executor: impl PgExecutor<'c>,
    model_no: i32,
    column_no: i32,
) -> StoreResult<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT name FROM category WHERE model_no = $1 AND column_no = $2 ORDER BY code",
    )
    .bind(model_no)
    .bind(column_no)
    .fetch_all(executor)
    .await?)
}

pub(super) async fn declared<'c>(
    executor: impl PgExecutor<'c>,
    model_no: i32,
) -> StoreResult<Vec<i32>> {
    Ok(
        sqlx::query_scalar("SELECT column_no FROM model_column WHERE model_no = $1 AND declared")
            .bind(model_no)
            .fetch_all(executor)
            .await?,
    )
}

/// Models out of their rows, with their columns.
async fn with_columns(connection: &mut PgConnection, rows: &[PgRow]) -> StoreResult<Vec<Model>> {
    let mut models: Vec<Model> = Vec::with_capacity(rows.len());
    for row in rows {
        models.push(model(row)?);
    }
    if models.is_empty() {
        return Ok(models);
    }
    let nos: Vec<i32> = models.iter().map(|model| model.no).collect();
    let places: HashMap<i32, usize> = nos.iter().copied().zip(0..).collect();
    let columns = sqlx::query(
        "SELECT model_no, column_no, name, kind, role, position, coalesce(dimension, 0) AS dimension, schema_version FROM model_column
         WHERE model_no = ANY ($1) ORDER BY model_no, column_no",
    )
    .bind(nos)
    .fetch_all(connection)
    .await?;
    for row in columns {
        let no: i32 = row.try_get("model_no")?;
        let column = column(&row).map_err(|error| corrupt(no, &error))?;
        if let Some(&place) = places.get(&no) {
            models[place].columns.push(column);
        }
    }
    Ok(models)
}

fn corrupt(no: i32, error: &impl ToString) -> StoreError {
    StoreError::Corrupt {
        table: "model",
        key: format!("model_no {no}"),
        reason: error.to_string(),
    }
}

/// A model without its columns.
fn model(row: &PgRow) -> StoreResult<Model> {
    let no: i32 = row.try_get("model_no")?;
    let model_type: Option<String> = row.try_get("model_type")?;
    let settings: sqlx::types::Json<ModelSettings> = row.try_get("settings")?;
    Ok(Model {
        no,
        id: ModelId::new(row.try_get::<String, _>("model_id")?)
            .map_err(|error| corrupt(no, &error))?,
        model_type: model_type
            .map(|text| named(&text))
            .transpose()
            .map_err(|error| corrupt(no, &error))?,
        positive_label: row.try_get("positive_label")?,
        last_training_time: row
            .try_get::<Option<SqlTimestamp>, _>("last_training_time")?
            .map(SqlTimestamp::to_jiff),
        schema_version: row.try_get("schema_version")?,
        settings: settings.0,
        columns: Vec::new(),
        created_at: row.try_get::<SqlTimestamp, _>("created_at")?.to_jiff(),
    })
}

fn column(row: &PgRow) -> anyhow::Result<ModelColumn> {
    Ok(ModelColumn {
        no: row.try_get("column_no")?,
        name: row.try_get("name")?,
        kind: named::<ColumnKind>(row.try_get("kind")?)?,
        role: named::<Role>(row.try_get("role")?)?,
        position: usize::try_from(row.try_get::<i32, _>("position")?)?,
        dimension: usize::try_from(row.try_get::<i32, _>("dimension")?)?,
        schema_version: row.try_get("schema_version")?,
    })
}

/// A value by the name that it has in JSON, in SQL and on the screen.
pub(super) fn named<T: serde::de::DeserializeOwned>(name: &str) -> Result<T, serde_json::Error> {
    serde_json::from_value(serde_json::Value::String(name.to_owned()))
}
