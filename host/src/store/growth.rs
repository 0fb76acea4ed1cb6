//! Models that grow: columns, categories and facts are added under the lock of the model's row.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{Postgres, Transaction};

use crate::domain::{ColumnKind, Model, ModelColumn, ModelSettings, ModelType, Role};

use super::models::{self, NewColumn, NewModel};
use super::requests;
use super::{Store, StoreResult};

/// A model that nobody else changes meanwhile. Dropped without [`ModelLock::commit`] it changes nothing.
#[derive(Debug)]
pub struct ModelLock {
    transaction: Transaction<'static, Postgres>,
    model: Model,
    declared: Vec<i32>,
    grown: bool,
}

impl Store {
    /// Registers a model, and gives it to nobody else before [`ModelLock::commit`]; `None` if its name is taken.
    pub async fn lock_new_model(
        &self,
        model: &NewModel,
        now: Timestamp,
    ) -> StoreResult<Option<ModelLock>> {
        // As the database keeps it.
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        let mut transaction = self.pool.begin().await?;
        let Some(no) = models::insert(&mut *transaction, model, now).await? else {
            return Ok(None);
        };
        let model = Model {
            no,
            id: model.id.clone(),
            model_type: model.model_type,
            positive_label: model.positive_label.clone(),
            last_training_time: model.last_training_time,
            schema_version: 0,
            settings: model.settings.clone(),
            columns: Vec::new(),
            created_at: now,
        };
        Ok(Some(ModelLock {
            transaction,
            model,
            declared: Vec::new(),
            grown: false,
        }))
    }

    /// Locks a model; `None` if it is gone.
    pub async fn lock_model(&self, model_no: i32) -> StoreResult<Option<ModelLock>> {
        let mut transaction = self.pool.begin().await?;
        let locked: Option<i32> =
            sqlx::query_scalar("SELECT model_no FROM model WHERE model_no = $1 FOR NO KEY UPDATE")
                .bind(model_no)
                .fetch_optional(&mut *transaction)
                .await?;
        if locked.is_none() {
            return Ok(None);
        }
        let Some(model) = models::load(&mut transaction, model_no).await? else {
            return Ok(None);
        };
        let declared = models::declared(&mut *transaction, model_no).await?;
        Ok(Some(ModelLock {
            transaction,
            model,
            declared,
            grown: false,
        }))
    }
}

impl ModelLock {
    /// The model as it is now, with what was added.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Numbers of the columns that somebody declared, rather than that rows showed.
    pub fn declared(&self) -> &[i32] {
        &self.declared
    }

    /// Whether the model has rows or labels.
    pub async fn has_rows(&mut self) -> StoreResult<bool> {
        Ok(sqlx::query_scalar(
            "SELECT last_seq > 0 OR last_label_seq > 0 FROM arrival WHERE model_no = $1",
        )
        .bind(self.model.no)
        .fetch_one(&mut *self.transaction)
        .await?)
    }

    /// Adds a column. All columns that are added under one lock make one new version of the schema.
    pub async fn add_column(&mut self, column: &NewColumn, declared: bool) -> StoreResult<()> {
        if !self.grown {
            self.grown = true;
            self.model.schema_version = sqlx::query_scalar(
                "UPDATE model SET schema_version = schema_version + 1 WHERE model_no = $1 RETURNING schema_version",
            )
            .bind(self.model.no)
            .fetch_one(&mut *self.transaction)
            .await?;
        }
        let columns = &self.model.columns;
        let no = columns.last().map_or(0, |last| last.no + 1);
        let same = |other: &&ModelColumn| other.kind == column.kind && other.role != Role::Label;
        let position = match column.kind {
            _ if column.role == Role::Label => 0,
            ColumnKind::Embedding => self.model.embedding_numbers(),
            ColumnKind::Numeric | ColumnKind::Categorical => columns.iter().filter(same).count(),
        };
        let dimension = (column.kind == ColumnKind::Embedding).then_some(column.dimension);
        sqlx::query(
            "INSERT INTO model_column (model_no, column_no, name, kind, role, position, schema_version, declared, dimension)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.model.no)
        .bind(no)
        .bind(&column.name)
        .bind(column.kind.to_string())
        .bind(column.role.to_string())
        .bind(i32::try_from(position).unwrap_or(i32::MAX))
        .bind(self.model.schema_version)
        .bind(declared)
        .bind(dimension.map(|dimension| i32::try_from(dimension).unwrap_or(i32::MAX)))
        .execute(&mut *self.transaction)
        .await?;
        if declared {
            self.declared.push(no);
        }
        self.model.columns.push(ModelColumn {
            no,
            name: column.name.clone(),
            kind: column.kind,
            role: column.role,
            position,
            dimension: dimension.unwrap_or(0),
            schema_version: self.model.schema_version,
        });
        Ok(())
    }

    /// Says that a column is what it is because somebody said so.
    pub async fn declare(&mut self, column_no: i32) -> StoreResult<()> {
        if !self.declared.contains(&column_no) {
            sqlx::query(
                "UPDATE model_column SET declared = true WHERE model_no = $1 AND column_no = $2",
            )
            .bind(self.model.no)
            .bind(column_no)
            .execute(&mut *self.transaction)
            .await?;
            self.declared.push(column_no);
        }
        Ok(())
    }

    /// Names of the categories of a column; the position is the code.
    pub async fn categories(&mut self, column_no: i32) -> StoreResult<Vec<String>> {
        models::categories(&mut *self.transaction, self.model.no, column_no).await
    }

    /// Adds categories behind the `there` that the column has.
    pub async fn add_categories(
        &mut self,
        column_no: i32,
        there: usize,
        names: &[&str],
    ) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO category (model_no, column_no, code, name)
             SELECT $1, $2, $3 + n.place::int4 - 1, n.name FROM unnest($4::text[]) WITH ORDINALITY AS n (name, place)",
        )
        .bind(self.model.no)
        .bind(column_no)
        .bind(i32::try_from(there).unwrap_or(i32::MAX))
        .bind(names)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Says what the model answers.
    pub async fn set_model_type(&mut self, model_type: ModelType) -> StoreResult<()> {
        sqlx::query("UPDATE model SET model_type = $2 WHERE model_no = $1")
            .bind(self.model.no)
            .bind(model_type.to_string())
            .execute(&mut *self.transaction)
            .await?;
        self.model.model_type = Some(model_type);
        Ok(())
    }

    /// Says which class its probability is of.
    pub async fn set_positive_label(&mut self, label: &str) -> StoreResult<()> {
        sqlx::query("UPDATE model SET positive_label = $2 WHERE model_no = $1")
            .bind(self.model.no)
            .bind(label)
            .execute(&mut *self.transaction)
            .await?;
        self.model.positive_label = Some(label.to_owned());
        Ok(())
    }

    /// Says when it was trained.
    pub async fn set_training_time(&mut self, time: Timestamp) -> StoreResult<()> {
        sqlx::query("UPDATE model SET last_training_time = $2 WHERE model_no = $1")
            .bind(self.model.no)
            .bind(time.to_sqlx())
            .execute(&mut *self.transaction)
            .await?;
        self.model.last_training_time = Some(time);
        requests::rebased(&mut self.transaction, self.model.no).await
    }

    /// Says how its rows are cut.
    pub async fn set_settings(&mut self, settings: &ModelSettings) -> StoreResult<()> {
        sqlx::query("UPDATE model SET settings = $2 WHERE model_no = $1")
            .bind(self.model.no)
            .bind(sqlx::types::Json(settings))
            .execute(&mut *self.transaction)
            .await?;
        self.model.settings = settings.clone();
        Ok(())
    }

    /// Makes everything hold that was added.
    pub async fn commit(self) -> StoreResult<(Model, Vec<i32>)> {
        self.transaction.commit().await?;
        Ok((self.model, self.declared))
    }
}
