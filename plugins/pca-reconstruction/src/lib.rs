//! PCA reconstruction: do the reference's principal components still put the current rows together again?

mod learn;
mod model;

use leeway_matrix::{Call, Sealed, Settings, Shares, read, seeded, settings_schema};
use leeway_sdk::{
    BatchDetector, Column, ColumnKind, Descriptor, Direction, DriftKind, Failure, Measurement,
    Metric, Needs, Role, ThresholdKind, Verdict, Window, detail, parse_config,
};
use leeway_statistics::normal::{normal_isf, normal_sf};
use serde::Deserialize;
use serde_json::json;

pub use learn::{Baseline, Law, Spread, learn, spread};
pub use model::{DIMENSIONS_MAX, Model};

/// The detector `pca-reconstruction`.
pub struct PcaReconstruction;

/// Rows of a window that take part at most.
pub const ROWS_MAX: u32 = 100_000;
/// Numbers of a window that take part at most; wide windows take part with fewer rows.
pub const VALUES_MAX: usize = 1 << 21;
/// The metric.
const METRIC: &str = "reconstruction_error";
/// Reference rows for each dimension below which components are chance: nothing is judged.
const ROWS_PER_DIMENSION_MIN: usize = 2;

/// Settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    level: f64,
    rows_min: u64,
    effect_min: f64,
    ignore: Vec<String>,
    variance: f64,
    chunks: usize,
    sigmas: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            level: 0.05,
            rows_min: 30,
            effect_min: 0.1,
            ignore: Vec::new(),
            variance: 0.65,
            chunks: 10,
            sigmas: None,
        }
    }
}

impl Config {
    fn wants(&self, column: &Column) -> bool {
        !self.ignore.contains(&column.name)
    }
}

/// Rows of a window that fit the bounds.
fn rows_max(columns: usize) -> u32 {
    u32::try_from(VALUES_MAX / columns.max(1)).map_or(ROWS_MAX, |rows| rows.clamp(1, ROWS_MAX))
}

impl BatchDetector for PcaReconstruction {
    fn describe() -> Descriptor {
        let default = Config::default();
        let settings = Settings {
            level: default.level,
            rows_min: default.rows_min,
            effect_min: default.effect_min,
        };
        let mut properties = settings_schema(
            settings,
            "Smallest change of the mean error that matters, in standard deviations of a row's error.",
        );
        properties["variance"] = json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": default.variance,
            "description": "Share of the variance that the kept components must exceed." });
        properties["chunks"] = json!({ "type": "integer", "minimum": 2, "maximum": 1_000, "default": default.chunks,
            "description": "Chunks of the reference, in the order of its rows, between which its own changes are measured." });
        properties["sigmas"] = json!({ "type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 100, "default": null,
            "description": "So many standard errors in place of the level: 3 as NannyML." });
        Descriptor {
            name: "pca-reconstruction".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Compares how columns go together: the mean distance of rows from the space of the reference's principal components.".to_owned(),
            kind: DriftKind::Data,
            accepts: vec![ColumnKind::Numeric, ColumnKind::Categorical],
            roles: vec![Role::Feature],
            needs: Needs::Rows,
            rows_min: 1,
            metrics: vec![Metric {
                name: METRIC.to_owned(),
                help: "Mean Euclidean distance of standardised rows from their reconstruction; the effect is its change in standard deviations of a row's.".to_owned(),
                unit: String::new(),
                direction: Direction::TwoSided,
                minimum: Some(0.0),
                maximum: None,
                default_threshold: None,
            }],
            config_schema: json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "description": "Reconstruction by principal components (NannyML's DataReconstructionDriftCalculator).",
                "additionalProperties": false,
                "properties": properties
            })
            .to_string(),
            state_format: u32::from(Baseline::FORMAT),
        }
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        parse_config::<Config>(config).map(|_| ())
    }

    fn fit(reference: &dyn Window, config: &str, seed: u64) -> Result<Vec<u8>, Failure> {
        let config: Config = parse_config(config)?;
        let columns = reference.columns();
        let wanted = columns.iter().filter(|column| config.wants(column)).count();
        if wanted > DIMENSIONS_MAX {
            return Err(Failure::UnusableData(format!(
                "{wanted} columns; there may be {DIMENSIONS_MAX}: leave some out with 'ignore'"
            )));
        }
        let wants = |column: &Column| config.wants(column);
        let table = read(reference, wants, rows_max(wanted), seeded(seed, 1))?;
        learn(&table, config.variance, config.chunks).to_bytes()
    }

    fn evaluate(
        baseline: &[u8],
        current: &dyn Window,
        config: &str,
        seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        let config: Config = parse_config(config)?;
        let learned = Baseline::from_bytes(baseline)?;
        let names = learned.model.names();
        let wants = |column: &Column| names.contains(&column.name.as_str());
        let table = read(current, wants, rows_max(names.len()), seeded(seed, 2))?;
        let (missing, unseen) = learned.model.shares(&table);
        let call = Call {
            metric: METRIC,
            column: None,
            reference_rows: learned.rows,
            current_rows: table.rows,
            shares: Shares { missing, unseen },
        };
        Ok(vec![judged(&call, &learned, &table, &config)])
    }
}

/// The one measurement of the window.
fn judged(
    call: &Call<'_>,
    learned: &Baseline,
    table: &leeway_matrix::Table,
    config: &Config,
) -> Measurement {
    if learned.model.names().is_empty() {
        return call.without(Verdict::Failed, "there is no column to compare");
    }
    let rows_min = config
        .rows_min
        .max((ROWS_PER_DIMENSION_MIN * learned.model.names().len()) as u64);
    if (call.reference_rows as u64) < rows_min || (call.current_rows as u64) < config.rows_min {
        let why = format!(
            "{} and {} rows; a verdict needs {rows_min} in the reference and {} now",
            call.reference_rows, call.current_rows, config.rows_min
        );
        return call.without(Verdict::Insufficient, &why);
    }
    let (now, law) = match learned.judge(table) {
        Ok(judged) => judged,
        Err(reason) => return call.without(Verdict::Failed, &reason),
    };
    let Some(law) = law else {
        let why = "the components explain every row of the reference: nothing is left whose change could be judged";
        let mut one = call.without(Verdict::Insufficient, why);
        one.value = now.mean;
        return one;
    };
    let off = (now.mean - law.centre).abs();
    let p_value = 2.0 * normal_sf(law.normal_of(off / law.error));
    let sigmas = config
        .sigmas
        .unwrap_or_else(|| law.errors_of(normal_isf(0.5 * config.level)));
    let (critical, floor) = (sigmas * law.error, config.effect_min * law.row_deviation);
    let margin = critical.max(floor);
    let mut one = call.start();
    one.value = now.mean;
    one.effect = Some(off / law.row_deviation);
    one.p_value = Some(p_value.min(1.0));
    // The end that the value lies towards: beyond it is drift.
    one.threshold = Some(if now.mean >= law.centre {
        law.centre + margin
    } else {
        (law.centre - margin).max(0.0)
    });
    one.threshold_kind = Some(if floor > critical {
        ThresholdKind::Floor
    } else {
        ThresholdKind::Calibrated
    });
    one.verdict = if off > margin {
        Verdict::Drifted
    } else {
        Verdict::Stable
    };
    one.detail = Some(detail([
        ("components", json!(learned.model.components())),
        ("lower", json!((law.centre - margin).max(0.0))),
        ("upper", json!(law.centre + margin)),
        (
            "sampling_error",
            json!(now.deviation / (now.rows as f64).sqrt()),
        ),
        ("nannyml_lower", json!(learned.nannyml_lower())),
        ("nannyml_upper", json!(learned.nannyml_upper())),
    ]));
    one
}

leeway_sdk::export_batch_detector!(PcaReconstruction);

#[cfg(test)]
mod tests;
