//! Change of correlation: do the columns still go together as they did, pair by pair?

mod pairs;

use leeway_matrix::{Call, Sealed, Settings, Shares, Table, Values, read, seeded, settings_schema};
use leeway_sdk::{
    BatchDetector, Column, ColumnKind, Descriptor, Direction, DriftKind, Failure, Measurement,
    Metric, Needs, Role, ThresholdKind, Verdict, Window, detail, parse_config,
};
use leeway_statistics::benjamini_hochberg::{adjusted, cutoff};
use leeway_statistics::normal::normal_isf;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use pairs::{Change, Correlation, correlations};

/// The detector `correlation`.
pub struct CorrelationChange;

/// Rows of a window that take part at most.
pub const ROWS_MAX: u32 = 10_000;
/// Columns at most: 4,950 pairs.
pub const COLUMNS_MAX: usize = 100;
/// The metric.
const METRIC: &str = "correlation_change";
/// Pairs that a measurement names.
const NAMED_MAX: usize = 10;
/// Bytes of a column's name in a measurement's detail, so that ten pairs fit into the host's 4,096.
const NAME_BYTES_MAX: usize = 96;

/// Settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    level: f64,
    rows_min: u64,
    effect_min: f64,
    ignore: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            level: 0.05,
            rows_min: 50,
            effect_min: 0.1,
            ignore: Vec::new(),
        }
    }
}

/// What is kept of the reference.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Baseline {
    rows: usize,
    names: Vec<String>,
    /// Smallest and largest number of each column.
    ranges: Vec<(f64, f64)>,
    /// Of each pair `(i, j)`, `i < j`, in this order; `None` where there is none.
    correlations: Vec<Option<Correlation>>,
}

impl Sealed for Baseline {
    const FORMAT: u8 = 1;
}

impl BatchDetector for CorrelationChange {
    fn describe() -> Descriptor {
        let default = Config::default();
        let settings = Settings {
            level: default.level,
            rows_min: default.rows_min,
            effect_min: default.effect_min,
        };
        let properties = settings_schema(
            settings,
            "Smallest change of a rank correlation that matters, in [0, 2].",
        );
        Descriptor {
            name: "correlation".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Compares how numeric columns go together: the change of Spearman's rank correlation of each pair, corrected for the number of pairs.".to_owned(),
            kind: DriftKind::Data,
            accepts: vec![ColumnKind::Numeric],
            roles: vec![Role::Feature],
            needs: Needs::Rows,
            rows_min: 1,
            metrics: vec![Metric {
                name: METRIC.to_owned(),
                help: "Absolute change of Spearman's correlation, of the pair that changed most surely; also for each column, of its pairs.".to_owned(),
                unit: String::new(),
                direction: Direction::HigherIsDrift,
                minimum: Some(0.0),
                maximum: Some(2.0),
                default_threshold: None,
            }],
            config_schema: json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "description": "Rank correlations of all pairs of numeric columns. Names are not judged.",
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
        let wanted = reference
            .columns()
            .iter()
            .filter(|column| wants(column))
            .count();
        if wanted > COLUMNS_MAX {
            return Err(Failure::UnusableData(format!(
                "{wanted} columns; there may be {COLUMNS_MAX}: leave some out with 'ignore'"
            )));
        }
        let table = read(reference, wants, ROWS_MAX, seeded(seed, 1))?;
        let columns = numbers(&table);
        let range = |numbers: &&[f64]| {
            let present = || numbers.iter().copied().filter(|x| !x.is_nan());
            (
                present().fold(f64::INFINITY, f64::min),
                present().fold(f64::NEG_INFINITY, f64::max),
            )
        };
        Baseline {
            rows: table.rows,
            names: table
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            ranges: columns.iter().map(range).collect(),
            correlations: correlations(&columns),
        }
        .to_bytes()
    }

    fn evaluate(
        baseline: &[u8],
        current: &dyn Window,
        config: &str,
        seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        let config: Config = parse_config(config)?;
        let baseline = Baseline::from_bytes(baseline)?;
        let wants = |column: &Column| baseline.names.contains(&column.name);
        let table = read(current, wants, ROWS_MAX, seeded(seed, 2))?;
        Ok(judge(&baseline, &table, &config))
    }
}

/// Numbers of each column.
fn numbers(table: &Table) -> Vec<&[f64]> {
    table
        .columns
        .iter()
        .filter_map(|column| match &column.values {
            Values::Numbers(numbers) => Some(numbers.as_slice()),
            Values::Names { .. } | Values::Vectors { .. } => None,
        })
        .collect()
}

/// The window's measurement, and one for each column.
fn judge(baseline: &Baseline, table: &Table, config: &Config) -> Vec<Measurement> {
    let names: Vec<&str> = baseline.names.iter().map(String::as_str).collect();
    let call = |column| Call {
        metric: METRIC,
        column,
        reference_rows: baseline.rows,
        current_rows: table.rows,
        shares: shares(baseline, table, column),
    };
    let all = call(None);
    if names.len() < 2 {
        return vec![all.without(Verdict::Failed, "there are fewer than two numeric columns")];
    }
    if let Some(few) = all.too_few(config.rows_min) {
        return vec![few];
    }
    // A column that is not in this window has no correlation in it.
    let gone = vec![f64::NAN; table.rows];
    let columns: Vec<&[f64]> = names
        .iter()
        .map(
            |name| match table.column(name).map(|column| &column.values) {
                Some(Values::Numbers(numbers)) => numbers.as_slice(),
                _ => gone.as_slice(),
            },
        )
        .collect();
    let now = correlations(&columns);
    let changes: Vec<Change> = pairs::changes(
        &baseline.correlations,
        &now,
        names.len(),
        config.rows_min as f64,
    );
    if changes.is_empty() {
        let why = "no pair of columns has enough rows and two values in both windows";
        return vec![all.without(Verdict::Insufficient, why)];
    }
    let p_values: Vec<f64> = changes.iter().map(|change| change.p_value).collect();
    let (corrected, level) = (adjusted(&p_values), cutoff(&p_values, config.level));
    let judged: Vec<(&Change, f64)> = changes.iter().zip(corrected).collect();
    let mut measurements = vec![measured(&all, &names, judged.clone(), level, config)];
    for (number, name) in names.iter().enumerate() {
        let of = |(change, _): &(&Change, f64)| change.first == number || change.second == number;
        let own: Vec<(&Change, f64)> = judged.iter().copied().filter(of).collect();
        if !own.is_empty() {
            measurements.push(measured(&call(Some(name)), &names, own, level, config));
        }
    }
    measurements
}

/// Missing and unseen values, of one column or of all.
fn shares(baseline: &Baseline, table: &Table, column: Option<&str>) -> Shares {
    let (mut cells, mut missing, mut unseen) = (0, 0, 0);
    for (name, (low, high)) in baseline.names.iter().zip(&baseline.ranges) {
        let wanted = column.is_none_or(|column| column == name);
        let found = table.column(name).map(|column| &column.values);
        if let (true, Some(Values::Numbers(numbers))) = (wanted, found) {
            cells += numbers.len();
            missing += numbers.iter().filter(|x| x.is_nan()).count();
            unseen += numbers.iter().filter(|&x| x < low || x > high).count();
        }
    }
    let share = |count: usize| {
        if cells == 0 {
            0.0
        } else {
            count as f64 / cells as f64
        }
    };
    Shares {
        missing: share(missing),
        unseen: share(unseen),
    }
}

/// The verdict over some pairs: that of the surest change that is large enough, else of the surest one.
fn measured(
    call: &Call<'_>,
    names: &[&str],
    mut judged: Vec<(&Change, f64)>,
    level: f64,
    config: &Config,
) -> Measurement {
    let matters = |change: &Change| change.size() >= config.effect_min;
    judged.sort_by(|(a, _), (b, _)| {
        matters(b)
            .cmp(&matters(a))
            .then(a.p_value.total_cmp(&b.p_value))
            .then(b.size().total_cmp(&a.size()))
    });
    let mut one = call.start();
    let Some((worst, p_adjusted)) = judged.first().copied() else {
        return one;
    };
    let critical = worst.size_at(normal_isf(0.5 * level)).min(2.0);
    let significant = p_adjusted <= config.level;
    (one.value, one.effect) = (worst.size(), Some(worst.size()));
    (one.p_value, one.p_adjusted) = (Some(worst.p_value), Some(p_adjusted));
    let (threshold, kind) = if config.effect_min > critical {
        (config.effect_min, ThresholdKind::Floor)
    } else {
        (critical, ThresholdKind::Calibrated)
    };
    (one.threshold, one.threshold_kind) = (Some(threshold), Some(kind));
    one.verdict = if significant && matters(worst) {
        Verdict::Drifted
    } else {
        Verdict::Stable
    };
    let drifted = judged
        .iter()
        .filter(|(change, p)| *p <= config.level && matters(change))
        .count();
    let short = |name: &str| name[..name.floor_char_boundary(NAME_BYTES_MAX)].to_owned();
    let named: Vec<_> = judged
        .iter()
        .take(NAMED_MAX)
        .map(|(change, p)| {
            json!({
                "columns": [short(names[change.first]), short(names[change.second])],
                "reference": rounded(change.reference), "current": rounded(change.current), "p_adjusted": p
            })
        })
        .collect();
    one.detail = Some(detail([
        ("pairs", json!(judged.len())),
        ("drifted_pairs", json!(drifted)),
        ("worst", json!(named)),
    ]));
    one
}

/// Four decimals are enough for people.
fn rounded(r: f64) -> f64 {
    (r * 1e4).round() / 1e4
}

leeway_sdk::export_batch_detector!(CorrelationChange);

#[cfg(test)]
mod tests;
