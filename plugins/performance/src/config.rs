//! What a person can configure, and the schema that says so.

use std::collections::BTreeMap;

use leeway_outcomes::{Asked, CLASSES_MAX, ProbabilityOf};
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
            "positive": { "type": "string",
                "description": "The class that the probability is of, where there are two. Without it: 1, else true, else the class of whose rows the mean probability is higher." },
            "classes": { "type": "object", "additionalProperties": { "type": "string" }, "maxProperties": CLASSES_MAX,
                "description": "The column of each class's probability, for more than two classes: {\"cat\": \"proba_cat\"}." },
            "probability_of": { "enum": ["positive", "predicted"],
                "description": "What the probability is of. Without it: the positive class where there are two, else the predicted one." },
            "metrics": { "type": "array", "items": { "enum": names }, "minItems": 1, "uniqueItems": true,
                "description": "Which figures. Without it: all that can be had." },
            "chunk_rows": { "type": "integer", "minimum": 30, "maximum": 1_000_000,
                "description": "Rows of the reference's chunks, from which its spread is learned. Without it: ten chunks." },
            "sigmas": { "type": "number", "exclusiveMinimum": 0, "maximum": 10, "default": default.sigmas,
                "description": "Standard errors from the reference to the threshold, and from the estimate to the ends of its band." },
            "scaled": { "type": "boolean", "default": default.scaled,
                "description": "Whether thresholds follow the size of the current window. Else: mean and standard deviation of the reference's chunks." },
            "rows_min": { "type": "integer", "minimum": 30, "maximum": 1_000_000, "default": default.rows_min,
                "description": "Fewest labelled rows of the reference, and fewest rows of the current window, for a verdict." },
            "effect_min": by_figure("Smallest change that matters: of a share in itself, of an error relative to the reference."),
            "thresholds": by_figure("Fixed thresholds, in place of learned ones.")
        }
    })
    .to_string()
}
