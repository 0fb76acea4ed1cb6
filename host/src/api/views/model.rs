//! Models, receipts and reference data as the API shows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{ColumnKind, Model, ModelId, ModelSettings, ModelType, Role};
use crate::ingest::{Receipt, ReferenceVersion, Registration};
use crate::store::{NewColumn, StoredReference};

use super::super::problem::InputProblem;
use super::object::{object_or_null, objects};

/// What a model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModelTypeView {
    /// One of a finite set of classes.
    Classifier,
    /// A number.
    Regressor,
}

impl From<ModelTypeView> for ModelType {
    fn from(view: ModelTypeView) -> Self {
        match view {
            ModelTypeView::Classifier => Self::Classifier,
            ModelTypeView::Regressor => Self::Regressor,
        }
    }
}

impl From<ModelType> for ModelTypeView {
    fn from(kind: ModelType) -> Self {
        match kind {
            ModelType::Classifier => Self::Classifier,
            ModelType::Regressor => Self::Regressor,
        }
    }
}

/// What the values of a stored column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKindForm {
    /// Numbers.
    Numeric,
    /// Names out of a finite set.
    Categorical,
    /// Vectors of one length: of features alone.
    Embedding,
}

/// What a stored column means to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleForm {
    /// An input of the model.
    #[default]
    Feature,
    /// What the model answered.
    Prediction,
    /// The score behind the answer.
    Probability,
    /// The truth, which often arrives later.
    Label,
}

/// How a model's rows are cut into chunks. Cannot change once rows are there.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettingsView {
    /// A chunk holds rows of one such stretch of time, in seconds.
    #[schema(minimum = 1, maximum = 2_678_400, default = 3600)]
    pub chunk_seconds: u32,
    /// A chunk that has so many rows is followed by another of the same stretch.
    #[schema(minimum = 1, maximum = 1_000_000, default = 1000)]
    pub chunk_rows: u32,
}

impl Default for ModelSettingsView {
    fn default() -> Self {
        Self::from(ModelSettings::default())
    }
}

impl From<ModelSettings> for ModelSettingsView {
    fn from(settings: ModelSettings) -> Self {
        Self {
            chunk_seconds: settings.chunk_seconds,
            chunk_rows: settings.chunk_rows,
        }
    }
}

impl From<ModelSettingsView> for ModelSettings {
    fn from(view: ModelSettingsView) -> Self {
        Self {
            chunk_seconds: view.chunk_seconds,
            chunk_rows: view.chunk_rows,
        }
    }
}

/// A column that a model shall have from the start.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnForm {
    /// Its name.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[^\x00]+$")]
    pub name: String,
    /// What its values are.
    pub kind: ColumnKindForm,
    /// What it means to the model; a feature where nothing is said.
    #[serde(default)]
    #[schema(default = "feature")]
    pub role: RoleForm,
    /// Numbers of each vector of an embedding, where it is needed; other columns have none. All embeddings of a model together
    /// have at most 16,384.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4096)]
    pub dimension: Option<u32>,
}

/// A model to register.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelForm {
    /// Its name. At most 256 bytes, no control characters.
    #[schema(
        min_length = 1,
        max_length = 256,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"
    )]
    pub model_id: String,
    /// What it answers. Cannot change once known.
    #[serde(default)]
    pub model_type: Option<ModelTypeView>,
    /// The class whose probability it gives. Cannot change once rows are there.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1024, pattern = r"^[^\x00]+$")]
    pub positive_label: Option<String>,
    /// Rows up to this time are what it was trained on. A newer time retrains it: a new baseline begins.
    #[serde(default)]
    pub last_training_time: Option<Timestamp>,
    /// How its rows are cut into chunks.
    #[serde(default, deserialize_with = "object_or_null")]
    pub settings: Option<ModelSettingsView>,
    /// Columns that it shall have from the start; others are added when rows first bring them.
    #[serde(default, deserialize_with = "objects")]
    #[schema(max_items = 4096)]
    pub columns: Vec<ColumnForm>,
}

/// What shall change of a model. What is left out, or null, stays as it is.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelPatch {
    /// What it answers. Cannot change once known.
    #[serde(default)]
    pub model_type: Option<ModelTypeView>,
    /// The class whose probability it gives. Cannot change once rows are there.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1024, pattern = r"^[^\x00]+$")]
    pub positive_label: Option<String>,
    /// A newer time retrains the model: a new baseline begins.
    #[serde(default)]
    pub last_training_time: Option<Timestamp>,
    /// How its rows are cut into chunks. Cannot change once rows are there.
    #[serde(default, deserialize_with = "object_or_null")]
    pub settings: Option<ModelSettingsView>,
    /// Columns to add.
    #[serde(default, deserialize_with = "objects")]
    #[schema(max_items = 4096)]
    pub columns: Vec<ColumnForm>,
}

impl ModelPatch {
    /// The same as a registration of `id`.
    pub fn of(self, id: ModelId) -> Registration {
        Registration {
            id,
            model_type: self.model_type.map(ModelType::from),
            positive_label: self.positive_label,
            last_training_time: self.last_training_time,
            settings: self.settings.map(ModelSettings::from),
            columns: self.columns.into_iter().map(NewColumn::from).collect(),
        }
    }
}

impl ModelForm {
    /// The fields beside the name.
    pub fn into_parts(self) -> (String, ModelPatch) {
        let patch = ModelPatch {
            model_type: self.model_type,
            positive_label: self.positive_label,
            last_training_time: self.last_training_time,
            settings: self.settings,
            columns: self.columns,
        };
        (self.model_id, patch)
    }
}

impl From<ColumnForm> for NewColumn {
    fn from(form: ColumnForm) -> Self {
        Self {
            name: form.name,
            kind: match form.kind {
                ColumnKindForm::Numeric => ColumnKind::Numeric,
                ColumnKindForm::Categorical => ColumnKind::Categorical,
                ColumnKindForm::Embedding => ColumnKind::Embedding,
            },
            dimension: form.dimension.map_or(0, |dimension| dimension as usize),
            role: match form.role {
                RoleForm::Feature => Role::Feature,
                RoleForm::Prediction => Role::Prediction,
                RoleForm::Probability => Role::Probability,
                RoleForm::Label => Role::Label,
            },
        }
    }
}

/// A column of a model's rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct ColumnView {
    /// Its name.
    pub name: String,
    /// numeric, categorical or embedding.
    #[schema(example = "numeric")]
    pub kind: String,
    /// Numbers of each vector of an embedding; absent for other columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 768)]
    pub dimension: Option<usize>,
    /// feature, prediction, probability or label.
    #[schema(example = "feature")]
    pub role: String,
    /// First version of the schema that has it.
    pub schema_version: i32,
}

/// A watched model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelView {
    /// Its name.
    pub model_id: String,
    /// What it answers; null until somebody says.
    pub model_type: Option<ModelTypeView>,
    /// The class whose probability it gives.
    pub positive_label: Option<String>,
    /// Rows up to this time are what it was trained on.
    pub last_training_time: Option<Timestamp>,
    /// Raised by one whenever columns are added.
    pub schema_version: i32,
    /// How its rows are cut into chunks.
    pub settings: ModelSettingsView,
    /// Columns of its rows, in the order in which they were added.
    pub columns: Vec<ColumnView>,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl From<Model> for ModelView {
    fn from(model: Model) -> Self {
        let columns = model.columns.into_iter().map(|column| ColumnView {
            name: column.name,
            kind: column.kind.to_string(),
            dimension: (column.kind == ColumnKind::Embedding).then_some(column.dimension),
            role: column.role.to_string(),
            schema_version: column.schema_version,
        });
        Self {
            model_id: model.id.to_string(),
            model_type: model.model_type.map(ModelTypeView::from),
            positive_label: model.positive_label,
            last_training_time: model.last_training_time,
            schema_version: model.schema_version,
            settings: model.settings.into(),
            columns: columns.collect(),
            created_at: model.created_at,
        }
    }
}

/// What became of a batch. What it counts is committed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// Rows that are now stored and were not before.
    pub accepted: u64,
    /// Rows that were there already: the same record at the same time counts once.
    pub duplicates: u64,
    /// Labels that are now stored.
    pub labels: u64,
    /// Rows that were refused: only where `partial=true` asked for the good ones alone.
    pub rejected: Vec<InputProblem>,
    /// Version of the model's schema after the batch.
    pub schema_version: i32,
}

impl From<Receipt> for ReceiptView {
    fn from(receipt: Receipt) -> Self {
        Self {
            accepted: receipt.accepted,
            duplicates: receipt.duplicates,
            labels: receipt.labels,
            rejected: receipt
                .rejected
                .into_iter()
                .map(InputProblem::from)
                .collect(),
            schema_version: receipt.schema_version,
        }
    }
}

/// A stored version of reference data.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferenceView {
    /// From 1.
    #[schema(example = 1)]
    pub version: i32,
    /// csv, ndjson, parquet or arrow.
    #[schema(example = "csv")]
    pub format: String,
    /// SHA-256 of the upload, in hexadecimal.
    pub digest: String,
    /// Rows it has.
    pub rows: u64,
    /// Rows that have a label.
    pub labelled_rows: u64,
    /// Whether monitors compare with it. At most one version is active.
    pub active: bool,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

impl From<ReferenceVersion> for ReferenceView {
    fn from(version: ReferenceVersion) -> Self {
        Self {
            version: version.version,
            format: version.format,
            digest: version.digest,
            rows: version.rows,
            labelled_rows: version.labelled_rows,
            active: version.active,
            created_at: version.created_at,
        }
    }
}

impl From<StoredReference> for ReferenceView {
    fn from(stored: StoredReference) -> Self {
        Self {
            version: stored.reference_no,
            format: stored.format,
            digest: stored.digest,
            rows: stored.rows,
            labelled_rows: stored.labelled_rows,
            active: stored.active,
            created_at: stored.created_at,
        }
    }
}
