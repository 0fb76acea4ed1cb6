//! Whether probabilities say how often things happen: Brier score, calibration error, Spiegelhalter's z.

use serde::{Deserialize, Serialize};

use crate::chi_squared::chi_squared_sf;
use crate::isotonic::Isotonic;

/// Bins of [`calibration_error`], as many rows in each; a few more where rows are few.
pub const BINS: usize = 10;
/// Parts of [`needs_calibration`]: each is judged by what was learned from the others.
pub const FOLDS: usize = 10;
/// Scores that part the classes this well are left as they are: there is nothing between them to learn from.
const AUROC_MAX: f64 = 0.999;

/// Brier score: the mean of `(probability - outcome)^2`, in `[0, 1]`; nothing without rows.
///
/// `outcomes` are 0 or 1. Equals `sklearn.metrics.brier_score_loss`.
/// Source: Brier (1950), "Verification of Forecasts Expressed in Terms of Probability".
pub fn brier(probabilities: &[f64], outcomes: &[f64]) -> Option<f64> {
    let squares = probabilities
        .iter()
        .zip(outcomes)
        .map(|(p, y)| (p - y) * (p - y));
    (!probabilities.is_empty()).then(|| squares.sum::<f64>() / probabilities.len() as f64)
}

/// Expected calibration error: `sum_b n_b / n |mean probability - share of positives|` over bins of equal counts, in `[0, 1]`.
///
/// Rows are sorted by probability, equal ones by outcome, and cut into runs of `n / BINS` rows, the last with what is left over; `2 * BINS` rows and
/// fewer make bins of two. Nothing below four rows. It grows as rows get fewer: compare windows of one size alone.
/// Source: Naeini, Cooper & Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using Bayesian Binning"; the bins are those of
/// `NannyML` 0.13.1.
pub fn calibration_error(probabilities: &[f64], outcomes: &[f64]) -> Option<f64> {
    let gap = |bin: &Vec<(f64, f64)>| bin.iter().map(|(p, y)| p - y).sum::<f64>().abs();
    let gaps: f64 = bins(probabilities, outcomes)?.iter().map(gap).sum();
    Some(gaps / probabilities.len() as f64)
}

/// How far outcomes are from what their probabilities say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Miscalibration {
    /// Mean of `(y - p)(1 - 2p)`: the Brier score less what it would be if the probabilities were true. In `[-1/4, 1]`.
    pub excess: f64,
    /// Variance of one row's term if they are true, `mean((1 - 2p)^2 p (1 - p))`, `>= 0`.
    pub variance: f64,
    /// Variance of the terms as they are, `>= 0`.
    pub spread: f64,
    /// Rows that were looked at.
    pub rows: f64,
}

impl Miscalibration {
    /// Nothing without rows.
    ///
    /// Source: Spiegelhalter (1986), "Probabilistic Prediction in Patient Management and Clinical Trials".
    pub fn of(probabilities: &[f64], outcomes: &[f64]) -> Option<Self> {
        let rows = probabilities.len() as f64;
        let (mut excess, mut variance, mut squares) = (0.0, 0.0, 0.0);
        for (p, y) in probabilities.iter().zip(outcomes) {
            let slope = 1.0 - 2.0 * p;
            excess += (y - p) * slope;
            squares += (y - p) * (y - p) * slope * slope;
            variance += slope * slope * p * (1.0 - p);
        }
        (rows > 0.0).then(|| Self {
            excess: excess / rows,
            variance: variance / rows,
            spread: (squares / rows - excess / rows * excess / rows).max(0.0),
            rows,
        })
    }

    /// Spiegelhalter's z: standard normal if the probabilities are true. Nothing where they are all 0, 1/2 or 1, which no outcome speaks of.
    pub fn z(&self) -> Option<f64> {
        (self.variance > 0.0).then(|| self.excess / (self.variance / self.rows).sqrt())
    }

    /// z of the change since `before`: the excess has moved though the same probabilities are given.
    ///
    /// `(excess - excess') / sqrt(spread / n + spread' / n')`. Not for probabilities
    /// that were fitted to the rows of `before`: a fit is nearer to its own rows than to others, which is a bias.
    pub fn z_since(&self, before: &Self) -> Option<f64> {
        let variance = self.spread / self.rows + before.spread / before.rows;
        (variance > 0.0).then(|| (self.excess - before.excess) / variance.sqrt())
    }
}

/// Outcomes against probabilities, bin by bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinTest {
    /// `sum_b (sum (y - p))^2 / (n_b s (1 - s) (1 + rows / rows before))`, `>= 0`, where `s` is a bin's share of positives, one of each added.
    pub statistic: f64,
    /// Bins.
    pub degrees: f64,
    /// P-value under the chi-squared law.
    pub p_value: f64,
}

/// The test that outcomes still follow the probabilities that were fitted to `rows_before` rows, in the bins of [`calibration_error`].
///
/// The fit's own error has the variance of as many rows, so each bin's is raised by `rows / rows_before`: for fits of few parameters. An isotonic
/// fit bends to its own rows, which this does not account for. It sees what Spiegelhalter's z is
/// blind to, such as errors of one sign on both sides of one half. Nothing without two bins.
/// Source: Hosmer & Lemeshow (1980), "Goodness of Fit Tests for the Multiple Logistic Regression Model", with fixed probabilities.
pub fn hosmer_lemeshow(
    probabilities: &[f64],
    outcomes: &[f64],
    rows_before: f64,
) -> Option<BinTest> {
    let raised = 1.0 + probabilities.len() as f64 / rows_before;
    let (mut statistic, mut degrees) = (0.0, 0.0);
    for bin in bins(probabilities, outcomes)? {
        let gap: f64 = bin.iter().map(|(p, y)| y - p).sum();
        let rows = bin.len() as f64;
        let share = (bin.iter().map(|(_, y)| y).sum::<f64>() + 1.0) / (rows + 2.0);
        let variance = rows * share * (1.0 - share) * raised;
        if variance > 0.0 {
            statistic += gap * gap / variance;
            degrees += 1.0;
        }
    }
    (degrees > 0.0).then(|| BinTest {
        statistic,
        degrees,
        p_value: chi_squared_sf(statistic, degrees),
    })
}

/// Rows by probability, equal ones by outcome, in runs of equal counts, the last with the rest; nothing below four rows.
fn bins(probabilities: &[f64], outcomes: &[f64]) -> Option<Vec<Vec<(f64, f64)>>> {
    let rows = probabilities.len();
    let count = if rows <= 2 * BINS { rows / 2 } else { BINS };
    if count < 2 {
        return None;
    }
    let mut sorted: Vec<(f64, f64)> = probabilities
        .iter()
        .copied()
        .zip(outcomes.iter().copied())
        .collect();
    sorted.sort_unstable_by(|left, right| {
        left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1))
    });
    let width = rows / count;
    let count = rows / width;
    let run = |bin: usize| {
        sorted[bin * width..if bin + 1 == count {
            rows
        } else {
            (bin + 1) * width
        }]
            .to_vec()
    };
    Some((0..count).map(run).collect())
}

/// Whether an isotonic function makes probabilities out of scores that the scores are not yet: the calibration error falls.
///
/// Rows are dealt to [`FOLDS`] parts, the positives and the negatives each in turn; the scores of a part are calibrated by what the other
/// parts teach; the errors of all rows before and after are compared. Without chance, so that the same rows give the same answer. `false` for
/// one class alone, for classes with fewer rows than parts, and for scores whose AUROC passes 0.999.
/// The idea and the limits are `NannyML`'s (0.13.1), which compares ten random tenths.
pub fn needs_calibration(scores: &[f64], outcomes: &[f64]) -> bool {
    let mut turns = [0_usize; 2];
    let folds: Vec<usize> = outcomes
        .iter()
        .map(|&outcome| {
            let turn = &mut turns[usize::from(outcome > 0.5)];
            *turn += 1;
            (*turn - 1) % FOLDS
        })
        .collect();
    let predicted = vec![false; scores.len()];
    let auroc = crate::cbpe::measure(crate::cbpe::Metric::Auroc, scores, &predicted, outcomes);
    if turns.iter().any(|&rows| rows < FOLDS) || auroc.is_none_or(|auroc| auroc.value > AUROC_MAX) {
        return false;
    }
    let mut calibrated = vec![0.0; scores.len()];
    for fold in 0..FOLDS {
        let others = |values: &[f64]| -> Vec<f64> {
            values
                .iter()
                .zip(&folds)
                .filter(|(_, of)| **of != fold)
                .map(|(value, _)| *value)
                .collect()
        };
        let Some(fitted) = Isotonic::fit(&others(scores), &others(outcomes)) else {
            return false;
        };
        for (at, _) in folds.iter().enumerate().filter(|(_, of)| **of == fold) {
            calibrated[at] = fitted.at(scores[at]);
        }
    }
    calibration_error(scores, outcomes) > calibration_error(&calibrated, outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::rng::Rng;

    /// Scores, and outcomes whose chance `of` says.
    fn rows(count: usize, of: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        let mut rng = Rng::new(5);
        (0..count)
            .map(|_| {
                let score = rng.uniform();
                (score, f64::from(u8::from(rng.uniform() < of(score))))
            })
            .unzip()
    }

    #[test]
    fn small_cases_on_paper() {
        let (p, y) = ([0.1, 0.4, 0.8, 0.9], [0.0, 0.0, 1.0, 0.0]);
        close(
            brier(&p, &y).unwrap(),
            (0.01 + 0.16 + 0.04 + 0.81) / 4.0,
            1e-14,
        );
        // Two bins of two: |0.25 - 0| / 2 + |0.85 - 0.5| / 2.
        close(calibration_error(&p, &y).unwrap(), 0.3, 1e-14);
        let off = Miscalibration::of(&p, &y).unwrap();
        // -0.08 - 0.08 - 0.12 + 0.72; 0.64 * 0.09 + 0.04 * 0.24 + 0.36 * 0.16 + 0.64 * 0.09
        close(off.excess, 0.44 / 4.0, 1e-13);
        close(off.z().unwrap(), 0.44 / 0.1824_f64.sqrt(), 1e-13);
        // The Brier score is what the probabilities say it is, and the excess.
        let said: f64 = p.iter().map(|p| p * (1.0 - p)).sum::<f64>() / 4.0;
        close(said + off.excess, brier(&p, &y).unwrap(), 1e-13);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(brier(&[], &[]), None);
        assert_eq!(calibration_error(&[0.5; 3], &[1.0; 3]), None);
        assert_eq!(Miscalibration::of(&[], &[]), None);
        assert_eq!(
            Miscalibration::of(&[0.5, 1.0], &[1.0, 1.0]).unwrap().z(),
            None
        );
    }

    #[test]
    fn errors_that_z_is_blind_to_are_seen_in_bins() {
        // y - p is p^2 - p, the same on both sides of one half, where 1 - 2p changes its sign.
        let (p, y) = rows(4000, |score| score * score);
        assert!(Miscalibration::of(&p, &y).unwrap().z().unwrap().abs() < 3.0);
        assert!(hosmer_lemeshow(&p, &y, 4000.0).unwrap().p_value < 1e-9);
        let (p, y) = rows(4000, |score| score);
        let same = hosmer_lemeshow(&p, &y, 4000.0).unwrap();
        assert!(same.p_value > 0.001 && same.degrees == 10.0, "{same:?}");
        assert_eq!(hosmer_lemeshow(&p[..3], &y[..3], 10.0), None);
        // Ties and the order of rows say nothing.
        let back = |values: &[f64]| {
            values
                .iter()
                .rev()
                .map(|value| (value * 8.0).floor() / 8.0)
                .collect::<Vec<_>>()
        };
        let there = |values: &[f64]| {
            values
                .iter()
                .map(|value| (value * 8.0).floor() / 8.0)
                .collect::<Vec<_>>()
        };
        let (left, right) = (
            hosmer_lemeshow(&back(&p), &back(&y), 9.0).unwrap(),
            hosmer_lemeshow(&there(&p), &there(&y), 9.0).unwrap(),
        );
        close(left.statistic, right.statistic, 1e-9);
    }

    #[test]
    fn true_probabilities_have_a_small_z_and_others_need_calibration() {
        let (p, y) = rows(4000, |score| score);
        assert!(Miscalibration::of(&p, &y).unwrap().z().unwrap().abs() < 3.0);
        let (s, y) = rows(4000, |score| 0.5 * score);
        assert!(Miscalibration::of(&s, &y).unwrap().z().unwrap().abs() > 5.0);
        assert!(needs_calibration(&s, &y));
        assert!(
            !needs_calibration(&s, &vec![1.0; s.len()]),
            "one class alone"
        );
        let parted: Vec<f64> = s
            .iter()
            .map(|score| f64::from(u8::from(*score > 0.5)))
            .collect();
        assert!(
            !needs_calibration(&s, &parted),
            "nothing between the classes"
        );
        let few: Vec<f64> = (0..40)
            .map(|at| f64::from(u8::from(at < FOLDS - 1)))
            .collect();
        assert!(!needs_calibration(&s[..40], &few));
    }
}
