//! The settings of a stream detector: their JSON Schema, and what is said of those that are wrong.

use std::fmt::Display;

use leeway_sdk::Failure;
use serde_json::{Value, json};

/// A configuration whose settings are out of range; the error names the setting.
pub fn invalid(error: impl Display) -> Failure {
    Failure::InvalidConfig(error.to_string())
}

/// The schema of a configuration, as text.
pub fn schema<const N: usize>(description: &str, properties: [(&str, Value); N]) -> String {
    let properties: serde_json::Map<String, Value> = properties
        .into_iter()
        .map(|(name, property)| (name.to_owned(), property))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": description,
        "additionalProperties": false,
        "properties": properties,
    })
    .to_string()
}

/// A number of a range, both ends included.
pub fn number(default: f64, (minimum, maximum): (f64, f64), why: &str) -> Value {
    json!({ "type": "number", "minimum": minimum, "maximum": maximum, "default": default, "description": why })
}

/// A level in `(0, 1)`.
pub fn level(default: f64, why: &str) -> Value {
    json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": default, "description": why })
}

/// A whole number of a range, both ends included.
pub fn whole(default: u32, (minimum, maximum): (u32, u32), why: &str) -> Value {
    json!({ "type": "integer", "minimum": minimum, "maximum": maximum, "default": default, "description": why })
}

/// A yes or no.
pub fn flag(default: bool, why: &str) -> Value {
    json!({ "type": "boolean", "default": default, "description": why })
}

/// Upwards, downwards, or both, which is the default.
pub fn direction() -> Value {
    json!({ "enum": ["up", "down", "both"], "default": "both", "description": "Which changes count." })
}
