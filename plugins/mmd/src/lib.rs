//! Maximum mean discrepancy: are the current rows, all columns together, from where the reference rows are from?

mod blocks;
mod test;

use leeway_matrix::{Sealed, Settings, Table, read, rows_within, seeded, settings_schema};
use leeway_sdk::{
    BatchDetector, Column, ColumnKind, Descriptor, Direction, DriftKind, Failure, Measurement,
    Metric, Needs, Role, Window, parse_config,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use test::{Discrepancy, EXACT_ROWS_MAX, discrepancy};

/// The detector `mmd`.
pub struct Mmd;

/// Rows of a window that take part at most: what the host keeps by default.
pub const ROWS_MAX: u32 = 20_000;
/// Numbers of a window that take part at most; wide windows take part with fewer rows.
pub const VALUES_MAX: usize = 1 << 21;
/// The metric.
const METRIC: &str = "mmd_squared";
/// Permutations at most.
const PERMUTATIONS_MAX: u32 = 9_999;

/// Settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    level: f64,
    rows_min: u64,
    effect_min: f64,
    ignore: Vec<String>,
    permutations: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            level: 0.05,
            rows_min: 30,
            effect_min: 0.02,
            ignore: Vec::new(),
            permutations: 499,
        }
    }
}

impl Config {
    fn parse(text: &str) -> Result<Self, Failure> {
        let config: Self = parse_config(text)?;
        let needed = f64::from(config.permutations) + 1.0;
        if config.level * needed < 1.0 {
            return Err(Failure::InvalidConfig(format!(
                "permutations: {} cannot give a p-value of {}; it takes {}",
                config.permutations,
                config.level,
                (1.0 / config.level).ceil() - 1.0
            )));
        }
        Ok(config)
    }

    fn wants(&self, column: &Column) -> bool {
        !self.ignore.contains(&column.name)
    }
}

/// What is kept of the reference: its rows.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    pub(crate) table: Table,
}

impl Sealed for Baseline {
    const FORMAT: u8 = 1;
}

impl BatchDetector for Mmd {
    fn describe() -> Descriptor {
        let default = Config::default();
        let settings = Settings {
            level: default.level,
            rows_min: default.rows_min,
            effect_min: default.effect_min,
        };
        let mut properties = settings_schema(
            settings,
            "Smallest discrepancy (not squared) that matters, in [0, 1.41].",
        );
        properties["permutations"] = json!({ "type": "integer", "minimum": 19, "maximum": PERMUTATIONS_MAX, "default": default.permutations,
            "description": "Random assignments of the rows to the windows behind the p-value." });
        Descriptor {
            name: "mmd".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Compares all columns together: the squared maximum mean discrepancy under a Gaussian kernel, judged by permutations.".to_owned(),
            kind: DriftKind::Data,
            accepts: vec![ColumnKind::Numeric, ColumnKind::Categorical, ColumnKind::Embedding],
            roles: vec![Role::Feature],
            needs: Needs::Rows,
            rows_min: 1,
            metrics: vec![Metric {
                name: METRIC.to_owned(),
                help: "Unbiased squared maximum mean discrepancy; of all numbers and names together, and of each embedding; the effect is its root.".to_owned(),
                unit: String::new(),
                direction: Direction::HigherIsDrift,
                minimum: Some(-2.0),
                maximum: Some(2.0),
                default_threshold: None,
            }],
            config_schema: json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "description": "Kernel two-sample test (Gretton et al. 2012) of whole rows.",
                "additionalProperties": false,
                "properties": properties
            })
            .to_string(),
            state_format: u32::from(Baseline::FORMAT),
        }
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        Config::parse(config).map(|_| ())
    }

    fn fit(reference: &dyn Window, config: &str, seed: u64) -> Result<Vec<u8>, Failure> {
        let config = Config::parse(config)?;
        let rows_max = rows_within(
            reference,
            |column| config.wants(column),
            ROWS_MAX,
            VALUES_MAX,
        )?;
        let table = read(
            reference,
            |column| config.wants(column),
            rows_max,
            seeded(seed, 1),
        )?;
        Baseline { table }.to_bytes()
    }

    fn evaluate(
        baseline: &[u8],
        current: &dyn Window,
        config: &str,
        seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        let config = Config::parse(config)?;
        let Baseline { table } = Baseline::from_bytes(baseline)?;
        let wanted = |column: &Column| config.wants(column) && table.column(&column.name).is_some();
        let rows_max = rows_within(current, wanted, ROWS_MAX, VALUES_MAX)?;
        let now = read(current, wanted, rows_max, seeded(seed, 2))?;
        Ok(blocks::evaluate(&table, &now, &config, seed))
    }
}

leeway_sdk::export_batch_detector!(Mmd);

#[cfg(test)]
mod tests;
