//! What a detector of answers and labels says of itself, and the schemas of its settings.

use leeway_sdk::{ColumnKind, Descriptor, Metric, Needs, Role};
use serde_json::{Value, json};

use crate::CLASSES_MAX;

/// A detector that reads answers and labels row by row. Change what differs.
pub fn describe(name: &str, version: &str, summary: &str, metrics: Vec<Metric>) -> Descriptor {
    Descriptor {
        accepts: vec![ColumnKind::Numeric, ColumnKind::Categorical],
        roles: vec![
            Role::Feature,
            Role::Prediction,
            Role::Probability,
            Role::Label,
        ],
        needs: Needs::Rows,
        ..leeway_sdk::describe(name, version, summary, metrics)
    }
}

/// Of [`crate::Asked::positive`]: the class `what`, such as `whose share is reported`.
pub fn positive_schema(what: &str) -> Value {
    let why = format!(
        "The class {what}, where there are two. Without it: 1, else true, else the class of whose rows the mean probability is higher."
    );
    json!({ "type": "string", "description": why })
}

/// Of [`crate::Asked::classes`].
pub fn classes_schema() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" }, "maxProperties": CLASSES_MAX,
        "description": "The column of each class's probability, for more than two classes: {\"cat\": \"proba_cat\"}." })
}

/// Of [`crate::Asked::probability_of`].
pub fn probability_of_schema() -> Value {
    json!({ "enum": ["positive", "predicted"],
        "description": "What the probability is of. Without it: the positive class where there are two, else the predicted one." })
}

/// Of the fewest rows for a verdict.
pub fn rows_min_schema(default: usize) -> Value {
    json!({ "type": "integer", "minimum": 30, "maximum": 1_000_000, "default": default,
        "description": "Fewest labelled rows of the reference, and fewest rows of the current window, for a verdict." })
}
