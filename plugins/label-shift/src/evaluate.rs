//! The shares of classes in a window, by each estimate, and whether they have moved.

use leeway_outcomes::{Answers, Rows, Shape};
use leeway_sdk::{Failure, Measurement, ThresholdKind, Verdict, Window, detail, measurement};
use leeway_statistics::label_shift::{
    LabelShiftError, Priors, black_box, expectation_maximisation,
};
use leeway_statistics::normal::{normal_isf, normal_sf};
use serde_json::{Map, Value, json};

use crate::baseline::{Baseline, Learned, of_classes};
use crate::config::Config;

/// Classes that a detail names, those that moved most first.
const NAMED_MAX: usize = 20;
/// Characters of a class's name in a detail.
const NAME_CHARS_MAX: usize = 60;

pub(crate) fn evaluate(
    baseline: &Baseline,
    current: &dyn Window,
    config: &Config,
    seed: u64,
) -> Result<Vec<Measurement>, Failure> {
    let learned = match baseline {
        Baseline::Learned(learned) => learned,
        Baseline::Nothing(why) => return Ok(vec![because(measurement("prior_change", None), why)]),
    };
    let rows = Rows::of(current, seed)?;
    let answers = Answers::read(&rows, &learned.classes, &learned.shape)?;
    let usable: Vec<usize> = (0..rows.count())
        .filter(|&row| answers.answered(row))
        .collect();
    let window = Current {
        learned,
        config,
        usable: &usable,
        answers: &answers,
        rows: current.rows(),
    };

    let mut predictions = vec![0.0; learned.classes.len()];
    for &row in &usable {
        predictions[answers.predicted[row] as usize] += 1.0;
    }
    let mut found = vec![(
        "prior_black_box",
        black_box(&learned.confusions, &predictions),
    )];
    if !learned.probabilities.is_empty() {
        let now = of_classes(&answers, &learned.calibrations.of(&answers)?, &usable);
        let by_rows = expectation_maximisation(
            &learned.probabilities,
            &learned.labels,
            &now,
            &learned.class_rows(),
        );
        found.push(("prior_em", by_rows));
    }
    let methods = found.len() as f64;
    let mut measurements = Vec::new();
    for (metric, priors) in &found {
        measurements.extend(window.of_estimate(metric, priors, methods));
    }
    measurements.push(window.change(&found, methods));
    measurements.extend(window.realized());
    Ok(measurements)
}

fn because(mut one: Measurement, why: &str) -> Measurement {
    one.detail = Some(detail([("reason", why.into())]));
    one
}

/// One class's share against the reference's.
struct Moved {
    class: usize,
    share: f64,
    before: f64,
    /// Of the difference.
    error: f64,
    /// Of the share.
    own_error: f64,
    p_value: f64,
    p_adjusted: f64,
    /// Standard errors beyond which it is significant.
    critical: f64,
}

impl Moved {
    fn drifted(&self, config: &Config) -> bool {
        self.p_adjusted < config.level && (self.share - self.before).abs() >= config.effect_min
    }
}

struct Current<'a> {
    learned: &'a Learned,
    config: &'a Config,
    answers: &'a Answers,
    usable: &'a [usize],
    rows: u64,
}

impl Current<'_> {
    /// The classes that have a measurement of their own: the positive one of two, or those with a column.
    fn reported(&self) -> Vec<(usize, Option<&str>)> {
        match &self.learned.shape {
            Shape::Multiclass { columns } => columns
                .iter()
                .map(|column| Some(column.as_str()))
                .enumerate()
                .collect(),
            _ if self.learned.classes.len() == 2 => vec![(self.learned.positive as usize, None)],
            _ => Vec::new(),
        }
    }

    fn of_estimate(
        &self,
        metric: &str,
        priors: &Result<Priors, LabelShiftError>,
        methods: f64,
    ) -> Vec<Measurement> {
        let of = |(class, column): (usize, Option<&str>)| {
            let mut one = self.blank(metric, column);
            match priors {
                Err(error) => because(one, &error.to_string()),
                Ok(priors) => {
                    let moved = self.moved(priors, class, methods);
                    one.value = moved.share;
                    self.judge(&mut one, &moved);
                    let (low, high) = interval(&moved);
                    one.detail = Some(detail([
                        ("class", self.name(class).into()),
                        ("reference", moved.before.into()),
                        ("lower", low.into()),
                        ("upper", high.into()),
                        ("standard_error", moved.own_error.into()),
                        ("condition_number", priors.condition.into()),
                    ]));
                    one
                }
            }
        };
        self.reported().into_iter().map(of).collect()
    }

    /// The window as a whole: by the sharper estimate that there is.
    fn change(
        &self,
        found: &[(&str, Result<Priors, LabelShiftError>)],
        methods: f64,
    ) -> Measurement {
        let mut one = self.blank("prior_change", None);
        let Some((metric, Ok(priors))) = found.iter().rev().find(|(_, priors)| priors.is_ok())
        else {
            let why = found
                .iter()
                .find_map(|(_, priors)| priors.as_ref().err())
                .map(ToString::to_string)
                .unwrap_or_default();
            return because(one, &why);
        };
        let mut moved: Vec<Moved> = (0..priors.shares.len())
            .map(|class| self.moved(priors, class, methods))
            .collect();
        moved.sort_by(|left, right| {
            left.p_value
                .total_cmp(&right.p_value)
                .then(left.class.cmp(&right.class))
        });
        one.value = (0.5
            * moved
                .iter()
                .map(|moved| (moved.share - moved.before).abs())
                .sum::<f64>())
        .clamp(0.0, 1.0);
        one.effect = Some(one.value);
        // The smallest p-value, each counted as often as there are classes and estimates.
        one.p_value = moved
            .first()
            .map(|moved| (moved.p_adjusted / methods).min(1.0));
        one.p_adjusted = moved.first().map(|moved| moved.p_adjusted);
        if moved.len() == 2 {
            // Two shares move by the same: the change of the one is that of the whole.
            let significant = moved[0].critical * moved[0].error;
            one.threshold = Some(significant.max(self.config.effect_min).min(1.0));
            let floor = self.config.effect_min > significant;
            one.threshold_kind = Some(if floor {
                ThresholdKind::Floor
            } else {
                ThresholdKind::Calibrated
            });
        }
        let drifted = moved.iter().any(|moved| moved.drifted(self.config));
        one.verdict = self.verdict(drifted);
        let mut classes = Map::new();
        for moved in moved.iter().take(NAMED_MAX) {
            let (low, high) = interval(moved);
            let rounded = |share: f64| (share * 1e6).round() / 1e6;
            let shares = json!([
                rounded(moved.before),
                rounded(moved.share),
                rounded(low),
                rounded(high)
            ]);
            classes.insert(self.name(moved.class), shares);
        }
        one.detail = Some(detail([
            ("estimate", metric.trim_start_matches("prior_").into()),
            ("condition_number", priors.condition.into()),
            (
                "classes_reference_estimate_lower_upper",
                Value::Object(classes),
            ),
        ]));
        one
    }

    fn moved(&self, priors: &Priors, class: usize, methods: f64) -> Moved {
        let class_rows = self.learned.class_rows();
        let total: f64 = class_rows.iter().sum();
        let (share, before) = (priors.shares[class], class_rows[class] / total);
        let error = (priors.variances[class] + before * (1.0 - before) / total).sqrt();
        let z = if error > 0.0 {
            (share - before) / error
        } else {
            0.0
        };
        let p_value = (2.0 * normal_sf(z.abs())).min(1.0);
        // Of two classes the one tells all of the other.
        let compared = methods
            * if class_rows.len() == 2 {
                1.0
            } else {
                class_rows.len() as f64
            };
        Moved {
            class,
            share,
            before,
            error,
            own_error: priors.variances[class].sqrt(),
            p_value,
            p_adjusted: (p_value * compared).min(1.0),
            critical: normal_isf(self.config.level / compared / 2.0),
        }
    }

    fn judge(&self, one: &mut Measurement, moved: &Moved) {
        let change = moved.share - moved.before;
        let significant = moved.critical * moved.error;
        let floor = self.config.effect_min > significant;
        let away = significant.max(self.config.effect_min);
        one.effect = Some(change);
        one.p_value = Some(moved.p_value);
        one.p_adjusted = Some(moved.p_adjusted);
        one.threshold =
            Some((moved.before + if change < 0.0 { -away } else { away }).clamp(0.0, 1.0));
        one.threshold_kind = Some(if floor {
            ThresholdKind::Floor
        } else {
            ThresholdKind::Calibrated
        });
        one.verdict = self.verdict(moved.drifted(self.config));
    }

    fn verdict(&self, drifted: bool) -> Verdict {
        match (self.usable.len() >= self.config.rows_min, drifted) {
            (false, _) => Verdict::Insufficient,
            (true, true) => Verdict::Drifted,
            (true, false) => Verdict::Stable,
        }
    }

    /// The shares among rows that have labels already: nothing is judged of them here.
    fn realized(&self) -> Vec<Measurement> {
        let labelled: Vec<u32> = self
            .usable
            .iter()
            .filter(|&&row| self.answers.labelled(row))
            .map(|&row| self.answers.labels[row])
            .collect();
        if labelled.is_empty() {
            return Vec::new();
        }
        let of = |(class, column): (usize, Option<&str>)| {
            let mut one = self.blank("realized_prior", column);
            one.current_rows = labelled.len() as u64;
            one.value = labelled
                .iter()
                .filter(|label| **label as usize == class)
                .count() as f64
                / labelled.len() as f64;
            one.verdict = if labelled.len() >= self.config.rows_min {
                Verdict::Stable
            } else {
                Verdict::Insufficient
            };
            one.detail = Some(detail([("class", self.name(class).into())]));
            one
        };
        self.reported().into_iter().map(of).collect()
    }

    fn name(&self, class: usize) -> String {
        self.learned.classes[class]
            .chars()
            .take(NAME_CHARS_MAX)
            .collect()
    }

    fn blank(&self, metric: &str, column: Option<&str>) -> Measurement {
        let mut one = measurement(metric, column);
        let total: f64 = self.learned.class_rows().iter().sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of rows"
        )]
        let reference_rows = total as u64;
        one.reference_rows = reference_rows;
        one.current_rows = (self.usable.len() as u64).min(self.rows);
        let read = self.answers.predicted.len().max(1) as f64;
        one.missing_share = (1.0 - self.usable.len() as f64 / read).clamp(0.0, 1.0);
        one.unseen_share = self.answers.unseen_share();
        one
    }
}

/// The share's own interval at the corrected level.
fn interval(moved: &Moved) -> (f64, f64) {
    let away = moved.critical * moved.own_error;
    ((moved.share - away).max(0.0), (moved.share + away).min(1.0))
}
