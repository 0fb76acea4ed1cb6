//! Why derived columns cannot be computed.

use crate::domain::{ColumnKind, ModelType, Role, SchemaError};

/// Why derived columns cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DeriveError {
    /// A column of the model has the name of a derived one.
    #[error("column '{0}' has the name of a derived column")]
    NameTaken(String),
    /// A column of the model has the role of a derived one.
    #[error("column '{column}' has the role {role}, which the host derives")]
    RoleTaken {
        /// Its name.
        column: String,
        /// Its role.
        role: Role,
    },
    /// Prediction and label cannot be compared.
    #[error(
        "a {model} needs {needed}; prediction '{prediction}' is {prediction_kind} and label '{label}' is {label_kind}"
    )]
    Kinds {
        /// What the model is.
        model: ModelType,
        /// What it needs.
        needed: &'static str,
        /// Name of the prediction.
        prediction: String,
        /// Its kind.
        prediction_kind: ColumnKind,
        /// Name of the label.
        label: String,
        /// Its kind.
        label_kind: ColumnKind,
    },
    /// The probability is not a number.
    #[error("probability '{column}' is {kind}, not numeric")]
    ProbabilityKind {
        /// Its name.
        column: String,
        /// Its kind.
        kind: ColumnKind,
    },
    /// The label is a number and the positive class is not.
    #[error("the positive class '{0}' is not a number, and the labels are numbers")]
    PositiveNotANumber(String),
    /// The batch has other columns than the schema.
    #[error("the batch does not fit the schema in column '{0}'")]
    Batch(String),
    /// The columns do not make a schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}
