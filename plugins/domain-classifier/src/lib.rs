//! Domain classifier: can a classifier tell the current rows from the reference, and by which columns?

mod classifier;
mod features;

use leeway_matrix::{
    Call, Scene, Sealed, Settings, Shares, Table, read, rows_within, seeded, settings_schema,
};
use leeway_sdk::{
    BatchDetector, Column, ColumnKind, Descriptor, Direction, DriftKind, Failure, Measurement,
    Metric, Needs, Role, Verdict, Window, detail, parse_config,
};
use leeway_statistics::normal::{normal_isf, normal_sf};
use leeway_statistics::rng::Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use classifier::{Classifier, Kind, tell};
pub use features::{Features, PRODUCTS_MAX, TREE_DIMENSIONS_MAX};

/// The detector `domain-classifier`.
pub struct DomainClassifier;

/// Rows of a window that take part at most.
pub const ROWS_MAX: u32 = 10_000;
/// Numbers of a window that take part at most; wide windows take part with fewer rows.
pub const VALUES_MAX: usize = 1 << 21;
/// The metric.
const METRIC: &str = "domain_auc";
/// Columns that a measurement names.
const NAMED_MAX: usize = 20;
/// Bytes of a column's name in a measurement's detail, so that all fit into the host's 4,096.
const NAME_BYTES_MAX: usize = 128;

/// Settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    level: f64,
    rows_min: u64,
    effect_min: f64,
    ignore: Vec<String>,
    model: Kind,
    folds: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            level: 0.05,
            rows_min: 50,
            effect_min: 0.05,
            ignore: Vec::new(),
            model: Kind::Both,
            folds: 5,
        }
    }
}

/// What is kept of the reference: its rows.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Baseline {
    table: Table,
}

impl Sealed for Baseline {
    const FORMAT: u8 = 1;
}

impl BatchDetector for DomainClassifier {
    fn describe() -> Descriptor {
        let default = Config::default();
        let settings = Settings {
            level: default.level,
            rows_min: default.rows_min,
            effect_min: default.effect_min,
        };
        let mut properties = settings_schema(
            settings,
            "Smallest advantage that matters: the area under the ROC curve less 0.5, in [0, 0.5].",
        );
        properties["model"] = json!({ "enum": ["both", "logistic", "trees"], "default": "both",
            "description": "Logistic regression on columns, squares and products, boosted trees of depth 3, or the mean of their log-odds." });
        properties["folds"] = json!({ "type": "integer", "minimum": 2, "maximum": 20, "default": default.folds,
            "description": "Parts of the rows; each but the first is scored by a classifier of those before it." });
        Descriptor {
            name: "domain-classifier".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Trains a classifier to tell the current rows from the reference, and names the columns that give them away.".to_owned(),
            kind: DriftKind::Data,
            accepts: vec![ColumnKind::Numeric, ColumnKind::Categorical, ColumnKind::Embedding],
            roles: vec![Role::Feature],
            needs: Needs::Rows,
            rows_min: 1,
            metrics: vec![Metric {
                name: METRIC.to_owned(),
                help: "Area under the ROC curve of a classifier of the window, on rows that it was not trained on; 0.5 where it cannot tell.".to_owned(),
                unit: String::new(),
                direction: Direction::HigherIsDrift,
                minimum: Some(0.0),
                maximum: Some(1.0),
                default_threshold: None,
            }],
            config_schema: json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "description": "Classifier two-sample test (Lopez-Paz & Oquab 2017).",
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
        let wants = |column: &Column| !config.ignore.contains(&column.name);
        let table = read(
            reference,
            wants,
            rows_within(reference, wants, ROWS_MAX, VALUES_MAX)?,
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
        let config: Config = parse_config(config)?;
        let Baseline { table } = Baseline::from_bytes(baseline)?;
        let wants = |column: &Column| table.column(&column.name).is_some();
        let now = read(
            current,
            wants,
            rows_within(current, wants, ROWS_MAX, VALUES_MAX)?,
            seeded(seed, 2),
        )?;
        Ok(vec![judged(&table, &now, &config, seed)])
    }
}

/// The one measurement of the window.
fn judged(reference: &Table, current: &Table, config: &Config, seed: u64) -> Measurement {
    let columns: Vec<&str> = reference
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let call = Call {
        metric: METRIC,
        column: None,
        reference_rows: reference.rows,
        current_rows: current.rows,
        shares: Shares::of(reference, current, &columns),
    };
    if columns.is_empty() {
        return call.without(Verdict::Failed, "there is no column to compare");
    }
    if let Some(few) = call.too_few(config.rows_min) {
        return few;
    }
    let scene = match Scene::new(reference, current, &columns) {
        Ok(scene) => scene,
        Err(reason) => return call.without(Verdict::Failed, &reason),
    };
    if scene.dimensions() == 0 {
        return call.without(Verdict::Constant, "all rows are the same");
    }
    let features = Features::new(&scene);
    let Some(told) = tell(&features, config.model, config.folds, &mut Rng::new(seed)) else {
        return call.without(
            Verdict::Insufficient,
            "a part of the rows has too few of one window",
        );
    };
    let critical = 0.5 + normal_isf(config.level) * told.error;
    let p_value = if told.error > 0.0 {
        normal_sf((told.auc - 0.5) / told.error)
    } else {
        1.0
    };
    let floor = 0.5 + config.effect_min;
    let mut one = call.judged(
        told.auc,
        told.auc - 0.5,
        p_value,
        critical.min(1.0),
        floor.min(1.0),
    );
    let short = |name: &str| name[..name.floor_char_boundary(NAME_BYTES_MAX)].to_owned();
    let named: Vec<_> = told
        .classifier
        .shares(&features)
        .into_iter()
        .filter(|(_, share)| *share > 0.0)
        .take(NAMED_MAX)
        .map(|(column, share)| json!({ "column": short(columns[column]), "share": (share * 1e4).round() / 1e4 }))
        .collect();
    one.detail = Some(detail([
        ("seed", json!(seed.to_string())),
        ("columns", json!(named)),
        ("folds", json!(config.folds)),
    ]));
    one
}

leeway_sdk::export_batch_detector!(DomainClassifier);

#[cfg(test)]
mod tests;
