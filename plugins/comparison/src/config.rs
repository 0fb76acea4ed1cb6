//! What a person can configure, and the schema that says so.

use std::collections::BTreeMap;

use leeway_sdk::Failure;
use leeway_statistics::{benjamini_hochberg, benjamini_yekutieli, holm};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Test;

/// Configuration of a comparison. Every field has a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// False-alarm rate of one evaluation, over all its columns together, in (0, 1).
    pub level: f64,
    /// Fewest values of a column, in each window, for a verdict.
    pub rows_min: u64,
    /// Tests of numeric columns; absent for the detector's own choice.
    pub numeric: Option<Vec<Test>>,
    /// Tests of categorical columns; absent for the detector's own choice.
    pub categorical: Option<Vec<Test>>,
    /// A numeric column with fewer distinct values than this is judged as a categorical one.
    pub distinct_min: usize,
    /// Bins of a numeric column for the tests that count.
    pub bins: usize,
    /// Smallest effect that matters, by test.
    pub effect_min: BTreeMap<Test, f64>,
    /// Fixed thresholds on the value, by test: they replace the calibrated verdict.
    pub thresholds: BTreeMap<Test, f64>,
    /// How p-values are corrected for the number of columns.
    pub correction: Correction,
    /// The window as a whole has drifted when more than this share of its columns has.
    pub drifted_share_max: f64,
    /// Settings of single columns.
    pub columns: BTreeMap<String, ColumnConfig>,
}

/// Settings of one column.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnConfig {
    /// Its tests; absent for those of its kind.
    pub tests: Option<Vec<Test>>,
    /// Leave it out.
    pub ignore: bool,
}

/// How p-values are corrected for the number of columns judged together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// Benjamini & Hochberg (1995): bounds the share of false alarms among alarms, of columns that are independent or move together.
    #[serde(alias = "benjamini-hochberg")]
    Bh,
    /// Benjamini & Yekutieli (2001): the same whatever the dependence, at the cost of power.
    By,
    /// Holm (1979): bounds the chance of any false alarm.
    Holm,
    /// Each column at the level, as if it were alone.
    None,
}

impl Correction {
    /// P-values after correction, and the level that single columns then have.
    pub(crate) fn apply(self, p_values: Vec<f64>, level: f64) -> (Vec<f64>, f64) {
        match self {
            Self::Bh => (
                benjamini_hochberg::adjusted(&p_values),
                benjamini_hochberg::cutoff(&p_values, level),
            ),
            Self::By => (
                benjamini_yekutieli::adjusted(&p_values),
                benjamini_yekutieli::cutoff(&p_values, level),
            ),
            Self::Holm => (holm::adjusted(&p_values), holm::cutoff(&p_values, level)),
            Self::None => (p_values, level),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            level: 0.05,
            rows_min: 30,
            numeric: None,
            categorical: None,
            distinct_min: 20,
            bins: 10,
            effect_min: BTreeMap::new(),
            thresholds: BTreeMap::new(),
            correction: Correction::Bh,
            drifted_share_max: 0.0,
            columns: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads a configuration and checks what the schema cannot say.
    ///
    /// # Errors
    /// [`Failure::InvalidConfig`], naming the field.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let config: Self = leeway_sdk::parse_config(text)?;
        if let Some(test) = config
            .categorical
            .iter()
            .flatten()
            .find(|test| !test.counts())
        {
            return Err(Failure::InvalidConfig(format!(
                "categorical: '{}' needs numbers",
                test.name()
            )));
        }
        Ok(config)
    }

    /// Smallest effect of a test that matters.
    pub(crate) fn effect_min(&self, test: Test) -> f64 {
        self.effect_min
            .get(&test)
            .copied()
            .unwrap_or_else(|| test.effect_min())
    }
}

/// The JSON Schema of [`Config`].
pub(crate) fn schema(defaults: &str) -> String {
    let names = |counts_only: bool| -> Vec<&str> {
        Test::ALL
            .into_iter()
            .filter(|test| !counts_only || test.counts())
            .map(Test::name)
            .collect()
    };
    let tests = |counts_only| json!({ "type": "array", "items": { "enum": names(counts_only) }, "minItems": 1, "uniqueItems": true });
    let by_test = |description: &str| {
        json!({
            "type": "object", "description": description,
            "propertyNames": { "enum": names(false) }, "additionalProperties": { "type": "number", "minimum": 0 }
        })
    };
    let default = Config::default();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": format!("How two windows are compared. {defaults}"),
        "additionalProperties": false,
        "properties": {
            "level": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": default.level,
                "description": "False-alarm rate of one evaluation, over all its columns together." },
            "rows_min": { "type": "integer", "minimum": 1, "maximum": 1_000_000_000, "default": default.rows_min,
                "description": "Fewest values of a column, in each window, for a verdict." },
            "numeric": tests(false),
            "categorical": tests(true),
            "distinct_min": { "type": "integer", "minimum": 0, "maximum": 10_000, "default": default.distinct_min,
                "description": "A numeric column with fewer distinct values in the reference is judged as a categorical one." },
            "bins": { "type": "integer", "minimum": 2, "maximum": 1_000, "default": default.bins,
                "description": "Quantile bins of a numeric column, for the tests that count." },
            "effect_min": by_test("Smallest effect that matters, by test."),
            "thresholds": by_test("Fixed thresholds on the value, by test, in place of calibrated ones."),
            "correction": { "enum": ["bh", "by", "holm", "none", "benjamini-hochberg"], "default": "bh",
                "description": "How p-values are corrected for the number of columns judged together: Benjamini & Hochberg (also by its whole name), Benjamini & Yekutieli, Holm, or not at all." },
            "drifted_share_max": { "type": "number", "minimum": 0, "maximum": 1, "default": default.drifted_share_max,
                "description": "The window as a whole has drifted when more than this share of its columns has." },
            "columns": { "type": "object", "description": "Settings of single columns, by name.", "additionalProperties": {
                "type": "object", "additionalProperties": false,
                "properties": { "tests": tests(false), "ignore": { "type": "boolean", "default": false } } } }
        }
    })
    .to_string()
}
