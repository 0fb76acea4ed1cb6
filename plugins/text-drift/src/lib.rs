//! Text drift: are the current texts longer, do they use unknown words, can a classifier of words tell them apart?

mod words;

use leeway_matrix::{
    Call, Sealed, Settings, Shares, Table, Told, Values, read, seeded, settings_schema, tell,
};
use leeway_sdk::{
    BatchDetector, Column, ColumnKind, Descriptor, Direction, DriftKind, Failure, Measurement,
    Metric, Needs, Role, Verdict, Window, detail, parse_config,
};
use leeway_statistics::benjamini_hochberg::{adjusted, cutoff};
use leeway_statistics::logistic::{Labelled, Logistic};
use leeway_statistics::mann_whitney::area;
use leeway_statistics::normal::{normal_isf, normal_sf};
use leeway_statistics::rng::Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use words::WORDS_MAX;
use words::{Features, Texts};

/// The detector `text-drift`.
pub struct TextDrift;

/// Rows of a window that take part at most.
pub const ROWS_MAX: u32 = 4_000;
/// Words that a measurement names.
const NAMED_MAX: usize = 20;
/// Bytes of a word in a measurement's detail.
const WORD_BYTES_MAX: usize = 48;
/// Words that the reference's texts have on average where a column counts as one of texts.
const TEXT_WORDS_MIN: f64 = 3.0;
/// Parts of the rows for the classifier.
const FOLDS: usize = 5;

const LENGTH: &str = "text_length";
const UNKNOWN: &str = "unknown_words";
const AUC: &str = "text_auc";

/// Settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    level: f64,
    rows_min: u64,
    effect_min: f64,
    ignore: Vec<String>,
    text_columns: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            level: 0.05,
            rows_min: 50,
            effect_min: 0.05,
            ignore: Vec::new(),
            text_columns: Vec::new(),
        }
    }
}

/// What is kept of the reference: its texts.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Baseline {
    table: Table,
}

impl Sealed for Baseline {
    const FORMAT: u8 = 1;
}

fn metric(name: &str, help: &str) -> Metric {
    Metric {
        name: name.to_owned(),
        help: help.to_owned(),
        unit: String::new(),
        direction: Direction::HigherIsDrift,
        minimum: Some(0.0),
        maximum: Some(1.0),
        default_threshold: None,
    }
}

impl BatchDetector for TextDrift {
    fn describe() -> Descriptor {
        let default = Config::default();
        let settings = Settings {
            level: default.level,
            rows_min: default.rows_min,
            effect_min: default.effect_min,
        };
        let mut properties = settings_schema(
            settings,
            "Smallest effect that matters: how far an area under the ROC curve is from 0.5, in [0, 0.5].",
        );
        properties["text_columns"] = json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true, "default": [],
            "description": "Columns of texts; without any, the categorical columns whose reference has three words a row or more." });
        Descriptor {
            name: "text-drift".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Compares texts by their length, by words that the reference does not know, and by a classifier of words, and names those that give them away.".to_owned(),
            kind: DriftKind::Data,
            accepts: vec![ColumnKind::Categorical],
            roles: vec![Role::Feature],
            needs: Needs::Rows,
            rows_min: 1,
            metrics: vec![
                metric(LENGTH, "Chance that a current text is longer than a reference one, or shorter, whichever is larger."),
                metric(UNKNOWN, "Chance that a current text has a larger share of words that half of the reference does not have than the other half's texts, or a smaller one."),
                metric(AUC, "Area under the ROC curve of a classifier of the window by tf-idf of words, on texts that it was not trained on."),
            ],
            config_schema: json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "description": "Drift of texts, which are the names of categorical columns.",
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
        let there = reference.columns();
        if let Some(gone) = config
            .text_columns
            .iter()
            .find(|name| !there.iter().any(|column| column.name == **name))
        {
            return Err(Failure::InvalidConfig(format!(
                "text_columns: there is no categorical feature '{gone}'"
            )));
        }
        let wants = |column: &Column| {
            let named =
                config.text_columns.is_empty() || config.text_columns.contains(&column.name);
            named && !config.ignore.contains(&column.name)
        };
        let mut table = read(reference, wants, ROWS_MAX, seeded(seed, 1))?;
        if config.text_columns.is_empty() {
            table.columns.retain(|column| {
                let texts = texts(&column.values);
                let words: f64 = texts.lengths().iter().sum();
                texts.rows() > 0 && words / texts.rows() as f64 >= TEXT_WORDS_MIN
            });
        }
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
        let now = read(current, wants, ROWS_MAX, seeded(seed, 2))?;
        let mut drafts = Vec::new();
        for column in &table.columns {
            drafts.extend(compare(&table, &now, &column.name, &config, seed));
        }
        Ok(judge(drafts, &config))
    }
}

fn texts(values: &Values) -> Texts {
    match values {
        Values::Names { codes, names } => Texts::new(codes, names),
        Values::Numbers(_) | Values::Vectors { .. } => Texts::default(),
    }
}

/// A test on its way to a verdict; without an area it has one already.
struct Draft {
    measurement: Measurement,
    area: Option<Judged>,
}

/// An area, its deviation without drift, and whether both ends mean drift.
struct Judged {
    auc: f64,
    error: f64,
    two_sided: bool,
}

impl Judged {
    fn p_value(&self) -> f64 {
        if self.error <= 0.0 {
            return 1.0;
        }
        let off = (self.auc - 0.5) / self.error;
        if self.two_sided {
            (2.0 * normal_sf(off.abs())).min(1.0)
        } else {
            normal_sf(off)
        }
    }

    /// The area, or the one of the other end.
    fn value(&self) -> f64 {
        if self.two_sided {
            self.auc.max(1.0 - self.auc)
        } else {
            self.auc
        }
    }

    fn critical(&self, level: f64) -> f64 {
        let tail = if self.two_sided { 0.5 * level } else { level };
        (0.5 + normal_isf(tail) * self.error).min(1.0)
    }
}

/// The three tests of a column.
fn compare(
    reference: &Table,
    current: &Table,
    name: &str,
    config: &Config,
    seed: u64,
) -> Vec<Draft> {
    let of = |table: &Table| table.column(name).map(|column| texts(&column.values));
    let (before, now) = (
        of(reference).unwrap_or_default(),
        of(current).unwrap_or_default(),
    );
    let call = |metric| Call {
        metric,
        column: Some(name),
        reference_rows: before.rows(),
        current_rows: now.rows(),
        shares: Shares::of(reference, current, &[name]),
    };
    let done = |measurement| Draft {
        measurement,
        area: None,
    };
    if before.rows().min(now.rows()) < FOLDS * leeway_matrix::PART_ROWS_MIN
        || call(AUC).too_few(config.rows_min).is_some()
    {
        let why = "too few texts in a window";
        let few = |metric| done(call(metric).without(Verdict::Insufficient, why));
        return [LENGTH, UNKNOWN, AUC].map(few).into();
    }
    let (lengths, current_lengths) = (before.lengths(), now.lengths());
    let (unknown, current_unknown) = words::unknown(&before, &now);
    vec![
        shifted(&call(LENGTH), &lengths, &current_lengths),
        shifted(&call(UNKNOWN), &unknown, &current_unknown),
        classified(&call(AUC), &before, &now, seed),
    ]
}

/// Whether numbers of the texts are larger or smaller now.
fn shifted(call: &Call<'_>, before: &[f64], now: &[f64]) -> Draft {
    let numbers = [before, now].concat();
    let current: Vec<bool> = (0..numbers.len()).map(|row| row >= before.len()).collect();
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
    let mut measurement = call.start();
    measurement.detail = Some(detail([
        ("reference_mean", json!(mean(before))),
        ("current_mean", json!(mean(now))),
    ]));
    let found = area(&numbers, &current).filter(|found| found.null_variance > 0.0);
    if found.is_none() {
        measurement.verdict = Verdict::Constant;
    }
    Draft {
        measurement,
        area: found.map(|found| Judged {
            auc: found.auc,
            error: found.null_variance.sqrt(),
            two_sided: true,
        }),
    }
}

/// Whether a classifier of words can tell the windows apart.
fn classified(call: &Call<'_>, before: &Texts, now: &Texts, seed: u64) -> Draft {
    let features = Features::new(before, now);
    let width = features.words.len();
    let fit = |positive: &[bool], rows: &[u32]| {
        let labelled = Labelled {
            values: &features.values,
            features: width,
            positive,
        };
        Logistic::fit(labelled, rows, 1.0)
    };
    let score = |model: &Logistic, row: u32| {
        let start = row as usize * width;
        model.score(&features.values[start..start + width])
    };
    let rows = before.rows() + now.rows();
    let told = (width > 0)
        .then(|| tell(before.rows(), rows, FOLDS, &mut Rng::new(seed), fit, score))
        .flatten();
    let Some(Told {
        auc,
        error,
        classifier,
    }) = told
    else {
        let why = "no word is in three texts and in at most half of them";
        return Draft {
            measurement: call.without(Verdict::Constant, why),
            area: None,
        };
    };
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|&a, &b| {
        classifier.weights[b]
            .abs()
            .total_cmp(&classifier.weights[a].abs())
            .then(a.cmp(&b))
    });
    let named: Vec<_> = order
        .into_iter()
        .take(NAMED_MAX)
        .map(|at| {
            let word = &features.words[at];
            let (reference, current) = features.shares[at];
            let round = |share: f64| (share * 1e4).round() / 1e4;
            json!({ "word": word[..word.floor_char_boundary(WORD_BYTES_MAX)], "reference": round(reference), "current": round(current) })
        })
        .collect();
    let mut measurement = call.start();
    measurement.detail = Some(detail([
        ("seed", json!(seed.to_string())),
        ("vocabulary", json!(width)),
        ("words", json!(named)),
    ]));
    Draft {
        measurement,
        area: Some(Judged {
            auc,
            error,
            two_sided: false,
        }),
    }
}

/// Corrects for the number of tests (Benjamini & Hochberg 1995).
fn judge(drafts: Vec<Draft>, config: &Config) -> Vec<Measurement> {
    let family: Vec<f64> = drafts
        .iter()
        .filter_map(|draft| draft.area.as_ref())
        .map(Judged::p_value)
        .collect();
    let level = cutoff(&family, config.level);
    let mut corrected = adjusted(&family).into_iter();
    let mut judged = Vec::with_capacity(drafts.len());
    for Draft { measurement, area } in drafts {
        let Some(area) = area else {
            judged.push(measurement);
            continue;
        };
        let call = Call {
            metric: &measurement.metric,
            column: measurement.column.as_deref(),
            reference_rows: usize::try_from(measurement.reference_rows).unwrap_or(usize::MAX),
            current_rows: usize::try_from(measurement.current_rows).unwrap_or(usize::MAX),
            shares: Shares {
                missing: measurement.missing_share,
                unseen: measurement.unseen_share,
            },
        };
        let value = area.value();
        let floor = (0.5 + config.effect_min).min(1.0);
        let mut one = call.judged(
            value,
            value - 0.5,
            area.p_value(),
            area.critical(level),
            floor,
        );
        one.p_adjusted = corrected.next();
        one.detail.clone_from(&measurement.detail);
        judged.push(one);
    }
    judged
}

leeway_sdk::export_batch_detector!(TextDrift);

#[cfg(test)]
mod tests;
