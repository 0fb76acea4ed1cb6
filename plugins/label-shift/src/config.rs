//! What a person can configure, and the schema that says so.

use std::collections::BTreeMap;

use leeway_outcomes::{
    Asked, ProbabilityOf, classes_schema, positive_schema, probability_of_schema, rows_min_schema,
};
use leeway_sdk::Failure;
use serde::Deserialize;
use serde_json::json;

/// Configuration of the detector. Every field has a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    positive: Option<String>,
    classes: BTreeMap<String, String>,
    probability_of: Option<ProbabilityOf>,
    /// False-alarm rate of one evaluation, over both estimates and all classes together.
    pub(crate) level: f64,
    /// Smallest change of a class's share that matters.
    pub(crate) effect_min: f64,
    /// Fewest labelled rows of the reference, and fewest rows of the current window.
    pub(crate) rows_min: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            positive: None,
            classes: BTreeMap::new(),
            probability_of: None,
            level: 0.05,
            effect_min: 0.02,
            rows_min: 100,
        }
    }
}

impl Config {
    /// Reads a configuration and checks what the schema cannot say.
    ///
    /// # Errors
    /// [`Failure::InvalidConfig`], naming the field.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let config: Self = leeway_sdk::parse_config(text)?;
        config.asked().check()?;
        Ok(config)
    }

    pub(crate) fn asked(&self) -> Asked {
        Asked {
            positive: self.positive.clone(),
            classes: self.classes.clone(),
            probability_of: self.probability_of,
        }
    }
}

/// The JSON Schema of [`Config`].
pub(crate) fn schema() -> String {
    let default = Config::default();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "How the shares of classes are estimated from predictions, and judged.",
        "additionalProperties": false,
        "properties": {
            "positive": positive_schema("whose share is reported"),
            "classes": classes_schema(),
            "probability_of": probability_of_schema(),
            "level": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": default.level,
                "description": "False-alarm rate of one evaluation, over both estimates and all classes together." },
            "effect_min": { "type": "number", "minimum": 0, "maximum": 1, "default": default.effect_min,
                "description": "Smallest change of a class's share that matters." },
            "rows_min": rows_min_schema(default.rows_min)
        }
    })
    .to_string()
}
