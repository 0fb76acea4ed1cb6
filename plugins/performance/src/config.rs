//! What a person can configure, and the schema that says so.

use std::collections::BTreeMap;

use leeway_outcomes::{
    Asked, ProbabilityOf, classes_schema, positive_schema, probability_of_schema, rows_min_schema,
};
use leeway_sdk::Failure;
use serde::Deserialize;
use serde_json::json;

use crate::figure::Figure;

/// Configuration of the detector. Every field has a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// What the model answers; absent where its columns say.
    pub(crate) task: Option<Task>,
    positive: Option<String>,
    classes: BTreeMap<String, String>,
    probability_of: Option<ProbabilityOf>,
    /// Which figures; absent for all that can be had.
    pub(crate) metrics: Option<Vec<Figure>>,
    /// Rows of the reference's chunks; absent for ten chunks.
    pub(crate) chunk_rows: Option<usize>,
    /// Standard errors from the reference to the threshold, and half the width of the band.
    pub(crate) sigmas: f64,
    /// Whether thresholds follow the size of the current window.
    pub(crate) scaled: bool,
    /// Fewest rows of either window, and fewest labelled ones.
    pub(crate) rows_min: usize,
    /// Smallest change that matters.
    effect_min: BTreeMap<Figure, f64>,
    /// Chance of an alarm about probabilities that still hold.
    pub(crate) calibration_level: f64,
    /// Smallest change of the mean difference of outcome and probability that matters.
    pub(crate) calibration_effect_min: f64,
    /// Fixed thresholds.
    pub(crate) thresholds: BTreeMap<Figure, f64>,
}

/// What a model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Task {
    Classifier,
    Regressor,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            task: None,
            positive: None,
            classes: BTreeMap::new(),
            probability_of: None,
            metrics: None,
            chunk_rows: None,
            sigmas: 3.0,
            scaled: true,
            rows_min: 100,
            effect_min: BTreeMap::new(),
            calibration_level: 0.0027,
            calibration_effect_min: 0.02,
            thresholds: BTreeMap::new(),
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
        if config.task == Some(Task::Regressor) && !config.classes.is_empty() {
            return Err(Failure::InvalidConfig(
                "classes: a regressor has none".to_owned(),
            ));
        }
        let (level, effect_min) = (config.calibration_level, config.calibration_effect_min);
        for (holds, wrong) in [
            (
                level > 0.0 && level < 1.0,
                "calibration_level: it must be a number in (0, 1)",
            ),
            (
                (0.0..=1.0).contains(&effect_min),
                "calibration_effect_min: it must be a number in [0, 1]",
            ),
        ] {
            if !holds {
                return Err(Failure::InvalidConfig(wrong.to_owned()));
            }
        }
        Ok(config)
    }

    pub(crate) fn asked(&self) -> Asked {
        Asked {
            positive: self.positive.clone(),
            classes: self.classes.clone(),
            probability_of: self.probability_of,
        }
    }

    /// Smallest change of a figure that matters: of a share in itself, of an error relative to the reference.
    pub(crate) fn effect_min(&self, figure: Figure) -> f64 {
        self.effect_min
            .get(&figure)
            .copied()
            .unwrap_or_else(|| figure.effect_min())
    }

    pub(crate) fn wants(&self, figure: Figure) -> bool {
        self.metrics
            .as_ref()
            .is_none_or(|wanted| wanted.contains(&figure))
    }
}

/// The JSON Schema of [`Config`].
pub(crate) fn schema() -> String {
    let names: Vec<&str> = Figure::ALL.iter().map(|figure| figure.name()).collect();
    let default = Config::default();
    let by_figure = |description: &str| {
        json!({ "type": "object", "description": description, "propertyNames": { "enum": names },
            "additionalProperties": { "type": "number", "minimum": 0 } })
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "How a model's performance is estimated without its labels, and judged.",
        "additionalProperties": false,
        "properties": {
            "task": { "enum": ["classifier", "regressor"],
                "description": "What the model answers. Without it: a classifier if there are probabilities or answers are names, else a regressor." },
            "positive": positive_schema("that the probability is of"),
            "classes": classes_schema(),
            "probability_of": probability_of_schema(),
            "metrics": { "type": "array", "items": { "enum": names }, "minItems": 1, "uniqueItems": true,
                "description": "Which figures. Without it: all that can be had." },
            "chunk_rows": { "type": "integer", "minimum": 30, "maximum": 1_000_000,
                "description": "Rows of the reference's chunks, from which its spread is learned. Without it: ten chunks." },
            "sigmas": { "type": "number", "exclusiveMinimum": 0, "maximum": 10, "default": default.sigmas,
                "description": "Standard errors from the reference to the threshold, and from the estimate to the ends of its band." },
            "scaled": { "type": "boolean", "default": default.scaled,
                "description": "Whether thresholds follow the size of the current window. Else: mean and standard deviation of the reference's chunks." },
            "rows_min": rows_min_schema(default.rows_min),
            "effect_min": by_figure("Smallest change that matters: of a share in itself, of an error relative to the reference."),
            "calibration_level": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": default.calibration_level,
                "description": "Chance of an alarm, for each of spiegelhalter_z and calibration_shift, where probabilities hold as they did in the reference." },
            "calibration_effect_min": { "type": "number", "minimum": 0, "maximum": 1, "default": default.calibration_effect_min,
                "description": "Smallest change of the mean difference of outcome and probability that matters. That of spiegelhalter_z is effect_min of brier." },
            "thresholds": by_figure("Fixed thresholds, in place of learned ones.")
        }
    })
    .to_string()
}
