//! What a column holds, and what it means to the watched model.

use serde::{Deserialize, Serialize};

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// Real numbers; NaN is missing.
    Numeric,
    /// Names out of a finite set.
    Categorical,
    /// Vectors of one fixed length.
    Embedding,
}

/// What a column means to the watched model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// An input of the model.
    Feature,
    /// What the model answered.
    Prediction,
    /// The score behind the answer.
    Probability,
    /// The truth, which often arrives later.
    Label,
    /// Classifier: `1` where prediction and label differ, else `0`. Derived.
    Error,
    /// Regressor: label minus prediction. Derived.
    Residual,
    /// Regressor: absolute value of the residual. Derived.
    AbsoluteResidual,
    /// Classifier: squared difference of probability and label. Derived.
    Brier,
}

impl Role {
    /// Whether the host computes the column itself, on labelled rows.
    pub fn is_derived(self) -> bool {
        matches!(
            self,
            Self::Error | Self::Residual | Self::AbsoluteResidual | Self::Brier
        )
    }
}

macro_rules! display_as_kebab {
    ($type:ty { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $(Self::$variant => $text),+ })
            }
        }
    };
}
pub(crate) use display_as_kebab;

display_as_kebab!(ColumnKind { Numeric => "numeric", Categorical => "categorical", Embedding => "embedding" });
display_as_kebab!(Role {
    Feature => "feature", Prediction => "prediction", Probability => "probability", Label => "label",
    Error => "error", Residual => "residual", AbsoluteResidual => "absolute-residual", Brier => "brier",
});
