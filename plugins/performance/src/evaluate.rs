//! Estimates, truth where there are labels, and what becomes of probabilities: the measurements of a window.

use std::collections::BTreeMap;

use leeway_outcomes::Rows;
use leeway_sdk::{Failure, Measurement, Role, ThresholdKind, Verdict, Window, measurement};
use leeway_statistics::calibration::{Miscalibration, brier, calibration_error};
use leeway_statistics::calibration_change::{Gap, Moved};
use leeway_statistics::cbpe::Performance;
use leeway_statistics::normal::{normal_isf, normal_sf};
use serde_json::Value;

use crate::baseline::{Baseline, Expected, Learned};
use crate::config::Config;
use crate::data::{Data, Of};
use crate::figure::Figure;

/// Why probabilities cannot be judged.
const UNMOVED: &str = "no outcome speaks of these probabilities: none is both in the reference and in the window, or all are 1/2";

pub(crate) fn evaluate(
    baseline: &Baseline,
    current: &dyn Window,
    config: &Config,
    seed: u64,
) -> Result<Vec<Measurement>, Failure> {
    let rows = Rows::of(current, seed)?;
    match baseline {
        Baseline::Nothing { why, regressor } => Ok(nothing(why, *regressor, config)),
        Baseline::Learned(learned) => {
            let data = learned.subject.read(&rows)?;
            let judge = Judge {
                learned,
                data: &data,
                config,
                window_rows: current.rows(),
            };
            let mut measurements = judge.figures(Of::Expected);
            if !data.labelled.is_empty() {
                measurements.extend(judge.figures(Of::Truth));
                measurements.extend(judge.certainty());
            }
            measurements.extend(judge.labels(&rows));
            Ok(measurements)
        }
    }
}

/// The figure that stands for all, insufficient, with the reason.
fn nothing(why: &str, regressor: bool, config: &Config) -> Vec<Measurement> {
    let figure = if regressor {
        Figure::Mae
    } else {
        Figure::Accuracy
    };
    let wanted = Figure::ALL
        .into_iter()
        .find(|one| config.wants(*one) && one.is_share() != regressor);
    let mut found = measurement(
        &format!("estimated_{}", wanted.unwrap_or(figure).name()),
        None,
    );
    found.detail = Some(leeway_sdk::detail([("reason", why.into())]));
    vec![found]
}

struct Judge<'a> {
    learned: &'a Learned,
    data: &'a Data,
    config: &'a Config,
    window_rows: u64,
}

impl Judge<'_> {
    fn figures(&self, of: Of) -> Vec<Measurement> {
        let (kind, known, rows) = match of {
            Of::Expected => ("estimated", &self.learned.estimated, &self.data.usable),
            Of::Truth => ("realized", &self.learned.realized, &self.data.labelled),
        };
        let found = self
            .data
            .figures(rows, of, |figure| self.config.wants(figure));
        let one = |(figure, expected): (&Figure, &Expected)| {
            let mut one = self.blank(&format!("{kind}_{}", figure.name()), rows.len());
            match found.get(figure) {
                Some(found) => self.judge(&mut one, *figure, expected, found, of),
                None => {
                    one.detail = Some(text(BTreeMap::from([(
                        "reason",
                        "it has no denominator in these rows".into(),
                    )])));
                }
            }
            one
        };
        known
            .iter()
            .filter(|(figure, _)| self.config.wants(**figure))
            .map(one)
            .collect()
    }

    fn judge(
        &self,
        one: &mut Measurement,
        figure: Figure,
        expected: &Expected,
        found: &Performance,
        of: Of,
    ) {
        let rows = found.influence.len() as f64;
        // Rounding may leave a share just outside of its range.
        one.value = if figure.is_share() {
            found.value.clamp(0.0, 1.0)
        } else {
            found.value.min(f64::MAX)
        };
        let (spread, sigmas) = (expected.spread, self.config.sigmas);
        let worse = if figure.is_error() { 1.0 } else { -1.0 };
        let unit = if figure.is_share() {
            1.0
        } else {
            expected.value.max(f64::MIN_POSITIVE)
        };
        let change = worse * (one.value - expected.value) / unit;
        one.effect = change.is_finite().then_some(change);
        let (centre, error) = if self.config.scaled {
            (expected.value, spread.standard_error(rows))
        } else {
            (spread.mean, spread.deviation)
        };
        let significant = centre + worse * sigmas * error;
        let matters = expected.value + worse * self.config.effect_min(figure) * unit;
        let (threshold, threshold_kind) = match self.config.thresholds.get(&figure) {
            Some(fixed) => (*fixed, ThresholdKind::Fixed),
            None if worse * (matters - significant) > 0.0 => (matters, ThresholdKind::Floor),
            None => (significant, ThresholdKind::Calibrated),
        };
        let threshold = if figure.is_share() {
            threshold.clamp(0.0, 1.0)
        } else {
            threshold.max(0.0)
        };
        if !threshold.is_finite() {
            return;
        }
        (one.threshold, one.threshold_kind) = (Some(threshold), Some(threshold_kind));
        let beyond = worse * (one.value - threshold) > 0.0;
        let enough = found.influence.len() >= self.config.rows_min;
        one.verdict = match (enough, beyond) {
            (false, _) => Verdict::Insufficient,
            (true, true) => Verdict::Drifted,
            (true, false) => Verdict::Stable,
        };
        one.detail = Some(text(self.words(figure, expected, one.value, rows, of)));
    }

    /// What a person may want to see: the reference, and the band in which the truth of so many rows lies.
    fn words(
        &self,
        figure: Figure,
        expected: &Expected,
        value: f64,
        rows: f64,
        of: Of,
    ) -> BTreeMap<&'static str, Value> {
        let spread = expected.spread;
        let mut words = BTreeMap::from([
            ("reference", expected.value.into()),
            ("reference_chunks", spread.chunks.into()),
            ("between_chunks_sd", spread.between.sqrt().into()),
        ]);
        // The truth of these rows strays from its estimate as any figure of so many labelled rows strays.
        let row = self
            .learned
            .realized
            .get(&figure)
            .map_or(spread.row, |realized| realized.spread.row);
        let error = (row / rows).sqrt();
        let (low, high) = (
            value - self.config.sigmas * error,
            value + self.config.sigmas * error,
        );
        let highest = if figure.is_share() { 1.0 } else { f64::MAX };
        words.extend([
            ("standard_error", error.into()),
            ("lower", low.max(0.0).into()),
            ("upper", high.min(highest).into()),
        ]);
        if of == Of::Expected {
            words.extend(self.learned.subject.words());
        }
        words
    }

    /// Whether probabilities still say how often things happen.
    fn certainty(&self) -> Vec<Measurement> {
        let rows = &self.data.labelled;
        let (Some(before), Some(certainty)) = (&self.learned.certainty, self.data.certainty(rows))
        else {
            return Vec::new();
        };
        let enough = rows.len() >= self.config.rows_min;
        let mut found = Vec::new();
        if let Some(error) = calibration_error(&certainty.scores, &certainty.truth) {
            let mut one = self.blank("calibration_error", rows.len());
            one.value = error;
            one.effect = Some(error - before.calibration_error);
            one.verdict = if enough {
                Verdict::Stable
            } else {
                Verdict::Insufficient
            };
            let mut words = BTreeMap::from([("reference", before.calibration_error.into())]);
            words.extend(
                brier(&certainty.scores, &certainty.truth).map(|brier| ("brier", brier.into())),
            );
            one.detail = Some(text(words));
            found.push(one);
        }
        let reference = before.scored();
        let now = reference.of(&certainty.scores, &certainty.truth);
        for (metric, gap, effect_min) in [
            (
                "spiegelhalter_z",
                Gap::Excess,
                self.config.effect_min(Figure::Brier),
            ),
            (
                "calibration_shift",
                Gap::Large,
                self.config.calibration_effect_min,
            ),
        ] {
            let mut one = self.blank(metric, rows.len());
            if let Some(moved) = reference.moved(&now, gap) {
                self.moved(&mut one, moved, effect_min);
            } else {
                one.verdict = Verdict::Constant;
                one.detail = Some(text(BTreeMap::from([("reason", UNMOVED.into())])));
            }
            if !enough {
                one.verdict = Verdict::Insufficient;
            }
            found.push(one);
        }
        if let (Some(now), Some(one)) = (
            Miscalibration::of(&certainty.scores, &certainty.truth),
            found
                .iter_mut()
                .find(|one| one.metric == "spiegelhalter_z" && one.p_value.is_some()),
        ) {
            let mut words = BTreeMap::from([
                ("excess", now.excess.into()),
                ("reference_excess", before.excess.into()),
            ]);
            words.extend(now.z().map(|z| ("z_of_this_window", z.into())));
            one.detail = Some(text(words));
        }
        found
    }

    /// Drifted where the change is unlikely by chance and matters.
    fn moved(&self, one: &mut Measurement, moved: Moved, effect_min: f64) {
        let z = (moved.difference / moved.standard_error).abs();
        let unlikely = normal_isf(self.config.calibration_level / 2.0);
        let matters = effect_min / moved.standard_error;
        if !(z.is_finite() && matters.is_finite()) {
            return;
        }
        let (threshold, kind) = if matters > unlikely {
            (matters, ThresholdKind::Floor)
        } else {
            (unlikely, ThresholdKind::Calibrated)
        };
        one.value = z;
        one.effect = Some(moved.difference);
        one.p_value = Some((2.0 * normal_sf(z)).min(1.0));
        (one.threshold, one.threshold_kind) = (Some(threshold), Some(kind));
        one.verdict = if z > threshold {
            Verdict::Drifted
        } else {
            Verdict::Stable
        };
    }

    /// How many rows have labels, and how far those lag behind.
    fn labels(&self, rows: &Rows) -> Vec<Measurement> {
        let Some(label) = rows.role(Role::Label) else {
            return Vec::new();
        };
        if self.data.rows == 0 {
            return Vec::new();
        }
        let has_label = match rows.named(&label.name) {
            Ok(named) if !named.too_many() => named
                .among(named.names())
                .iter()
                .filter(|code| **code != leeway_outcomes::MISSING)
                .count(),
            _ => rows.numbers(&label.name).map_or(0, |numbers| {
                numbers.iter().filter(|number| !number.is_nan()).count()
            }),
        };
        let mut coverage = self.blank("label_coverage", self.data.rows);
        coverage.value = has_label as f64 / self.data.rows as f64;
        coverage.verdict = Verdict::Stable;
        let newest = |some: &[usize]| {
            some.iter()
                .map(|&row| self.data.times[row])
                .filter(|time| time.is_finite())
                .reduce(f64::max)
        };
        let lag = newest(&self.data.usable)
            .zip(newest(&self.data.labelled))
            .map(|(all, labelled)| (all - labelled).max(0.0));
        let lag = lag.filter(|lag| lag.is_finite()).map(|lag| {
            let mut one = self.blank("label_lag_seconds", self.data.rows);
            one.value = lag;
            one.verdict = Verdict::Stable;
            one
        });
        std::iter::once(coverage).chain(lag).collect()
    }

    fn blank(&self, metric: &str, rows: usize) -> Measurement {
        let mut one = measurement(metric, None);
        one.reference_rows = self.learned.rows;
        one.current_rows = (rows as u64).min(self.window_rows);
        one.missing_share = self.data.missing_share().clamp(0.0, 1.0);
        one.unseen_share = self.data.unseen_share.clamp(0.0, 1.0);
        one
    }
}

/// The text of a JSON object.
fn text(words: BTreeMap<&'static str, Value>) -> String {
    Value::Object(
        words
            .into_iter()
            .map(|(word, value)| (word.to_owned(), value))
            .collect(),
    )
    .to_string()
}
