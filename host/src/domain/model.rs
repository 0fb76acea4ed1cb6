//! A watched model: its name, its columns, and how its rows are cut into chunks.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::column::{ColumnKind, Role};
use super::schema::{COLUMNS_MAX, ModelType};

/// Longest `model_id`, in bytes.
pub const MODEL_ID_BYTES_MAX: usize = 256;
/// Longest `record_id`, in bytes.
pub const RECORD_ID_BYTES_MAX: usize = 512;
/// Most features of a model: what a schema may have, without prediction, probability, label and derived columns.
pub const FEATURES_MAX: usize = COLUMNS_MAX - 8;
/// Most names of a categorical column.
pub const CATEGORIES_MAX: usize = 10_000;
/// Most numbers of a vector that is stored.
pub const EMBEDDING_DIMENSION_MAX: usize = 4_096;
/// Most numbers of all vectors of a row together: 64 KiB.
pub const EMBEDDING_NUMBERS_MAX: usize = 16_384;

/// Name of the prediction's column.
pub const PREDICTION: &str = "prediction";
/// Name of the probability's column.
pub const PROBABILITY: &str = "probability";
/// Name of the label's column.
pub const LABEL: &str = "label";
/// Names that no feature may have: those of the other columns, given or derived.
pub const RESERVED_NAMES: [&str; 7] = [
    PREDICTION,
    PROBABILITY,
    LABEL,
    "error",
    "brier",
    "residual",
    "absolute_residual",
];

/// The name by which clients know a model. 1 to [`MODEL_ID_BYTES_MAX`] bytes, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ModelId(String);

/// Why text is no `model_id`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelIdError {
    /// Empty or too long.
    #[error("a model_id has 1 to {MODEL_ID_BYTES_MAX} bytes, not {0}")]
    Length(usize),
    /// It has a control character.
    #[error("a model_id has no control characters")]
    Control,
}

impl ModelId {
    /// Checks the text.
    pub fn new(text: impl Into<String>) -> Result<Self, ModelIdError> {
        let text = text.into();
        if text.is_empty() || text.len() > MODEL_ID_BYTES_MAX {
            return Err(ModelIdError::Length(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(ModelIdError::Control);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for ModelId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A column of a model's rows as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelColumn {
    /// Order in which columns were added, from 0.
    pub no: i32,
    /// Its name.
    pub name: String,
    /// Numeric or categorical; of a feature also an embedding.
    pub kind: ColumnKind,
    /// Feature, prediction, probability or label.
    pub role: Role,
    /// Place among the row's columns of its kind, from 0; of an embedding that of its first number among the numbers of all
    /// the row's embeddings. Of the label: 0, it has a table of its own.
    pub position: usize,
    /// Numbers of each vector of an embedding; 0 for other columns.
    pub dimension: usize,
    /// First version of the schema that has it.
    pub schema_version: i32,
}

/// How a model's rows are cut into chunks, and when its labels count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// A chunk holds rows of one such stretch of time, aligned to 1970-01-01T00:00:00Z. In seconds, 1 to 31 days' worth.
    pub chunk_seconds: u32,
    /// A chunk that has so many rows is followed by another of the same stretch. 1 to 1,000,000.
    pub chunk_rows: u32,
}

impl Default for ModelSettings {
    /// An hour, a thousand rows.
    fn default() -> Self {
        Self {
            chunk_seconds: 3_600,
            chunk_rows: 1_000,
        }
    }
}

/// A watched model as the database knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Number inside the database.
    pub no: i32,
    /// Name that its clients use.
    pub id: ModelId,
    /// What it answers, once somebody has said.
    pub model_type: Option<ModelType>,
    /// The class whose probability it gives.
    pub positive_label: Option<String>,
    /// Rows up to this time are what it was trained on.
    pub last_training_time: Option<Timestamp>,
    /// Raised by one whenever columns are added.
    pub schema_version: i32,
    /// Chunks and labels.
    pub settings: ModelSettings,
    /// Columns of its rows, in the order in which they were added.
    pub columns: Vec<ModelColumn>,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl Model {
    /// Numbers of all embeddings of a row together.
    pub fn embedding_numbers(&self) -> usize {
        self.columns.iter().map(|column| column.dimension).sum()
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&ModelColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
    /// The column of a role other than `feature`.
    pub fn column_of(&self, role: Role) -> Option<&ModelColumn> {
        self.columns.iter().find(|column| column.role == role)
    }

    /// What the model answers: what somebody said; else a classifier if prediction or label are categories
    /// or there is a probability, else a regressor; `None` while there is neither prediction nor label.
    pub fn answers(&self) -> Option<ModelType> {
        if self.model_type.is_some() {
            return self.model_type;
        }
        let kind = |role| self.column_of(role).map(|column| column.kind);
        let answers = [kind(Role::Prediction), kind(Role::Label)];
        if kind(Role::Probability).is_some() || answers.contains(&Some(ColumnKind::Categorical)) {
            return Some(ModelType::Classifier);
        }
        answers
            .iter()
            .any(Option::is_some)
            .then_some(ModelType::Regressor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(columns: &[(Role, ColumnKind)]) -> Model {
        let column = |(no, &(role, kind)): (usize, &(Role, ColumnKind))| ModelColumn {
            no: i32::try_from(no).unwrap(),
            name: role.to_string(),
            kind,
            role,
            position: 0,
            dimension: 0,
            schema_version: 1,
        };
        Model {
            no: 1,
            id: ModelId::new("m").unwrap(),
            model_type: None,
            positive_label: None,
            last_training_time: None,
            schema_version: 1,
            settings: ModelSettings::default(),
            columns: columns.iter().enumerate().map(column).collect(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_a_model_answers_is_what_was_said_or_what_its_columns_suggest() {
        use ColumnKind::{Categorical, Numeric};
        for (columns, answers) in [
            (vec![(Role::Feature, Categorical)], None),
            (
                vec![(Role::Prediction, Numeric)],
                Some(ModelType::Regressor),
            ),
            (vec![(Role::Label, Numeric)], Some(ModelType::Regressor)),
            (
                vec![(Role::Prediction, Categorical)],
                Some(ModelType::Classifier),
            ),
            (
                vec![(Role::Prediction, Numeric), (Role::Probability, Numeric)],
                Some(ModelType::Classifier),
            ),
        ] {
            let mut model = model(&columns);
            assert_eq!(model.answers(), answers, "{columns:?}");
            model.model_type = Some(ModelType::Regressor);
            assert_eq!(model.answers(), Some(ModelType::Regressor));
        }
    }

    #[test]
    fn a_model_id_may_be_as_long_as_the_limit_and_no_longer() {
        assert!(ModelId::new("x".repeat(MODEL_ID_BYTES_MAX)).is_ok());
        for (text, error) in [
            (
                "x".repeat(MODEL_ID_BYTES_MAX + 1),
                ModelIdError::Length(MODEL_ID_BYTES_MAX + 1),
            ),
            (String::new(), ModelIdError::Length(0)),
            ("a\nb".into(), ModelIdError::Control),
        ] {
            assert_eq!(ModelId::new(text), Err(error));
        }
    }
}
