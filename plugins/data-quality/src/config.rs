//! What a person can configure, and the schema that says so.

use std::collections::BTreeMap;

use leeway_sdk::Failure;
use serde::Deserialize;
use serde_json::json;

use crate::metrics::Check;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) level: f64,
    pub(crate) rows_min: u64,
    pub(crate) effect_min: BTreeMap<Check, f64>,
    pub(crate) thresholds: BTreeMap<Check, f64>,
    pub(crate) ignore: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            level: 0.05,
            rows_min: 30,
            effect_min: BTreeMap::new(),
            thresholds: BTreeMap::new(),
            ignore: Vec::new(),
        }
    }
}

impl Config {
    /// Reads a configuration. The schema says all there is to check, but for a level that is no level.
    ///
    /// # Errors
    /// [`Failure::InvalidConfig`], naming the field.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let config: Self = leeway_sdk::parse_config(text)?;
        if !(config.level > 0.0 && config.level < 1.0) {
            return Err(Failure::InvalidConfig(format!(
                "level: {} is not between 0 and 1",
                config.level
            )));
        }
        Ok(config)
    }

    pub(crate) fn effect_min(&self, check: Check) -> f64 {
        self.effect_min
            .get(&check)
            .copied()
            .unwrap_or_else(|| check.effect_min())
    }
}

/// The JSON Schema of [`Config`].
pub(crate) fn schema() -> String {
    let names: Vec<&str> = Check::ALL.into_iter().map(Check::name).collect();
    let by_check = |description: &str| {
        json!({
            "type": "object", "description": description,
            "propertyNames": { "enum": names }, "additionalProperties": { "type": "number", "minimum": 0 }
        })
    };
    let default = Config::default();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "What is watched in the rows beside their distribution. Labels are not: they come late.",
        "additionalProperties": false,
        "properties": {
            "level": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": default.level,
                "description": "False-alarm rate of one evaluation, over everything it tests together." },
            "rows_min": { "type": "integer", "minimum": 1, "maximum": 1_000_000_000, "default": default.rows_min,
                "description": "Fewest rows of a column, in each window, for a verdict on shares." },
            "effect_min": by_check("Smallest effect that matters, by check: a share more than in the reference, or doublings of the volume."),
            "thresholds": by_check("Fixed thresholds on the value, by check, in place of tests. stale_seconds is judged only where it has one."),
            "ignore": { "type": "array", "items": { "type": "string" }, "uniqueItems": true, "maxItems": 10_000,
                "description": "Columns to leave out." }
        }
    })
    .to_string()
}
