//! Models that somebody registers, or of which somebody says more.

use crate::domain::model::{EMBEDDING_DIMENSION_MAX, FEATURES_MAX};
use crate::domain::{ColumnKind, Model, ModelType, Role};
use crate::store::{ModelLock, NewModel, StoreError};

use super::builder::check_name;
use super::error::IngestError;
use super::fit::{self, Asked};
use super::{Ingest, Registration};

/// Longest chunk, in seconds: 31 days.
const CHUNK_SECONDS_MAX: u32 = 31 * 86_400;
/// Most rows of a chunk.
const CHUNK_ROWS_MAX: u32 = 1_000_000;
/// Longest name of the positive class, in bytes: that of a category.
const POSITIVE_LABEL_BYTES_MAX: usize = crate::input::CATEGORY_BYTES_MAX;

impl Ingest {
    /// Registers a model, or changes what may change. `None` leaves a field as it is, and so does a
    /// `last_training_time` that is not newer than the known one. All or nothing.
    pub async fn register(&self, registration: Registration) -> Result<Model, IngestError> {
        check(&registration)?;
        for _ in 0..8 {
            let lock = if let Some(model) = self.store.model(&registration.id).await? {
                self.store.lock_model(model.no).await?
            } else {
                let new = NewModel {
                    id: registration.id.clone(),
                    model_type: registration.model_type,
                    positive_label: registration.positive_label.clone(),
                    last_training_time: registration.last_training_time,
                    settings: registration.settings.clone().unwrap_or_default(),
                };
                self.store.lock_new_model(&new, self.clock.now()).await?
            };
            // Somebody has deleted it meanwhile, or registered it.
            let Some(lock) = lock else {
                continue;
            };
            let (model, declared) = apply(lock, &registration).await?;
            self.registry.put(model.clone(), &declared);
            return Ok(model);
        }
        Err(StoreError::ModelGone.into())
    }
}

/// What can be seen to be wrong without a look at the model.
fn check(registration: &Registration) -> Result<(), IngestError> {
    let wrong = |reason: String| Err(IngestError::Registration(reason));
    if let Some(settings) = &registration.settings {
        if !(1..=CHUNK_SECONDS_MAX).contains(&settings.chunk_seconds) {
            return wrong(format!(
                "chunk_seconds is {}; it must be 1 to {CHUNK_SECONDS_MAX}",
                settings.chunk_seconds
            ));
        }
        if !(1..=CHUNK_ROWS_MAX).contains(&settings.chunk_rows) {
            return wrong(format!(
                "chunk_rows is {}; it must be 1 to {CHUNK_ROWS_MAX}",
                settings.chunk_rows
            ));
        }
    }
    if let Some(label) = &registration.positive_label {
        if label.is_empty() || label.len() > POSITIVE_LABEL_BYTES_MAX {
            return wrong(format!(
                "positive_label has {} bytes; it must have 1 to {POSITIVE_LABEL_BYTES_MAX}",
                label.len()
            ));
        }
        if label.contains('\0') {
            return wrong("positive_label has a NUL character, which is not stored".into());
        }
    }
    let mut names = std::collections::HashSet::new();
    for column in &registration.columns {
        let name = super::problems::quote(&column.name);
        if !names.insert(column.name.as_str()) {
            return wrong(format!("column '{name}' stands twice"));
        }
        if column.role.is_derived() {
            return wrong(format!("column '{name}' is derived by the server"));
        }
        if column.role == Role::Feature {
            check_name(&column.name).map_err(|reason| {
                IngestError::Registration(format!("column '{name}': {reason}"))
            })?;
        } else if column.name != column.role.to_string() {
            return wrong(format!(
                "column '{name}' has the role {role}, so it must be called {role}",
                role = column.role
            ));
        }
        if column.kind == ColumnKind::Embedding {
            if column.role != Role::Feature {
                return wrong(format!("column '{name}': only a feature is an embedding"));
            }
            if !(1..=EMBEDDING_DIMENSION_MAX).contains(&column.dimension) {
                return wrong(format!(
                    "column '{name}': its dimension is {}; it must be 1 to {EMBEDDING_DIMENSION_MAX}",
                    column.dimension
                ));
            }
        } else if column.dimension != 0 {
            return wrong(format!(
                "column '{name}': it is {}, and only an embedding has a dimension",
                column.kind
            ));
        }
        if column.role == Role::Probability && column.kind != ColumnKind::Numeric {
            return wrong("a probability is numeric".into());
        }
    }
    Ok(())
}

async fn apply(
    mut lock: ModelLock,
    registration: &Registration,
) -> Result<(Model, Vec<i32>), IngestError> {
    let asked = Asked {
        model_type: registration.model_type,
        ..Asked::default()
    };
    fit::contradiction(lock.model(), &asked)?;
    if let (Some(model_type), None) = (registration.model_type, lock.model().model_type) {
        lock.set_model_type(model_type).await?;
    }
    if registration.last_training_time > lock.model().last_training_time
        && let Some(time) = registration.last_training_time
    {
        lock.set_training_time(time).await?;
    }
    let contradiction = |model: &Model, field, known: String, asked: String| {
        Err(IngestError::Contradiction {
            model: model.id.to_string(),
            field,
            known,
            asked,
        })
    };
    if let Some(label) = &registration.positive_label
        && lock.model().positive_label.as_ref() != Some(label)
    {
        if lock.has_rows().await? {
            let known = lock.model().positive_label.clone();
            let known = known.unwrap_or_else(|| "settled, as there are rows,".into());
            return contradiction(lock.model(), "positive_label", known, label.clone());
        }
        lock.set_positive_label(label).await?;
    }
    if let Some(settings) = &registration.settings
        && *settings != lock.model().settings
    {
        if lock.has_rows().await? {
            let known = format!("{:?}", lock.model().settings);
            return contradiction(lock.model(), "settings", known, format!("{settings:?}"));
        }
        lock.set_settings(settings).await?;
    }
    for column in &registration.columns {
        let found = lock
            .model()
            .columns
            .iter()
            .find(|found| found.name == column.name);
        if let Some(found) = found {
            let same = found.kind == column.kind && found.role == column.role;
            if !same || found.dimension != column.dimension {
                let words = |kind: ColumnKind, role: Role, dimension: usize| match kind {
                    ColumnKind::Embedding => format!("{kind} of dimension {dimension} ({role})"),
                    ColumnKind::Numeric | ColumnKind::Categorical => format!("{kind} ({role})"),
                };
                let known = words(found.kind, found.role, found.dimension);
                let known = format!("'{}' as {known}", found.name);
                let asked = words(column.kind, column.role, column.dimension);
                return contradiction(lock.model(), "column", known, asked);
            }
            let no = found.no;
            lock.declare(no).await?;
        } else {
            lock.add_column(column, true).await?;
        }
    }
    check_answers(lock.model(), registration)?;
    Ok(lock.commit().await?)
}

/// What only shows when all columns are together.
fn check_answers(model: &Model, registration: &Registration) -> Result<(), IngestError> {
    let features = model
        .columns
        .iter()
        .filter(|column| column.role == Role::Feature);
    let found = features.count();
    if found > FEATURES_MAX {
        return Err(IngestError::TooLarge {
            what: "the number of features of the model",
            found: found as u64,
            limit: FEATURES_MAX as u64,
        });
    }
    fit::check_embeddings(model)?;
    if fit::answers_differ(model) {
        let reason = if registration.model_type == Some(ModelType::Regressor) {
            "prediction and label of a regressor are numeric"
        } else {
            "prediction and label are both numeric or both categorical"
        };
        return Err(IngestError::Registration(reason.into()));
    }
    Ok(())
}
