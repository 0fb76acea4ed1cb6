//! How well a classifier does on rows whose truth is a probability: the expected confusion matrix.
//!
//! With `truth` the calibrated probability that a row is of the positive class, these are the estimates of performance without labels:
//! confidence-based performance estimation, as `NannyML` 0.13.1 defines it. With `truth` the label, 0 or 1, they are the performance itself, so
//! estimate and truth come out of the same lines.

/// One figure of a classifier's performance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Share of rows that are predicted rightly.
    Accuracy,
    /// Share of positives among rows that are predicted as such.
    Precision,
    /// Share of positives that are predicted as such.
    Recall,
    /// Share of negatives that are predicted as such.
    Specificity,
    /// Harmonic mean of precision and recall, `2 TP / (2 TP + FP + FN)`.
    F1,
    /// Chance that a positive has a larger score than a negative, equal scores counting half.
    Auroc,
    /// Mean of `(score - truth)^2`.
    Brier,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 7] = [
        Self::Accuracy,
        Self::F1,
        Self::Precision,
        Self::Recall,
        Self::Specificity,
        Self::Auroc,
        Self::Brier,
    ];
}

/// A figure, and what it takes to say how sure it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Performance {
    /// The figure, in `[0, 1]`.
    pub value: f64,
    /// What each row adds: the influence function. Its mean is 0; its variance over the number of rows is the figure's.
    pub influence: Vec<f64>,
}

impl Performance {
    /// Variance of one row's influence: the figure of `n` rows has a standard error of `sqrt(variance / n)`.
    pub fn variance(&self) -> f64 {
        let rows = self.influence.len().max(1) as f64;
        self.influence.iter().map(|part| part * part).sum::<f64>() / rows
    }
}

/// A metric over rows; nothing where its denominator is 0 (no row, nothing predicted as positive, one class alone).
///
/// `scores` order the rows, larger for the positive class; `predicted` is what the model said; `truth` is in `[0, 1]`. With `t` the truth:
/// `TP = sum t` and `FP = sum 1 - t` over rows predicted positive, `FN = sum t` and `TN = sum 1 - t` over the others.
///
/// - accuracy, precision, recall, specificity, F1: a ratio `sum a / sum b` over rows; influence `(a - value b) / mean b`;
/// - AUROC: with rows by score descending, the area under the cumulated `t` against the cumulated `1 - t`, by trapezoids, equal scores
///   together (cumulated probabilities are rounded to five decimals, as `NannyML` has it); influence `t (F(s) - value) / mean t + (1 - t)(G(s) - value) / mean (1 - t)`, where `F` is the share of negatives below the
///   score and `G` that of positives above it, ties half (`DeLong`, `DeLong` & Clarke-Pearson 1988).
///
/// Standard errors follow by the delta method: Hampel (1974), "The Influence Curve and Its Role in Robust Estimation".
pub fn measure(
    metric: Metric,
    scores: &[f64],
    predicted: &[bool],
    truth: &[f64],
) -> Option<Performance> {
    let rows = || {
        scores
            .iter()
            .zip(predicted)
            .zip(truth)
            .map(|((score, said), truth)| (*score, f64::from(u8::from(*said)), *truth))
    };
    match metric {
        Metric::Auroc => auroc(scores, truth),
        Metric::Accuracy => {
            ratio(rows().map(|(_, said, t)| (said * t + (1.0 - said) * (1.0 - t), 1.0)))
        }
        Metric::Precision => ratio(rows().map(|(_, said, t)| (said * t, said))),
        Metric::Recall => ratio(rows().map(|(_, said, t)| (said * t, t))),
        Metric::Specificity => {
            ratio(rows().map(|(_, said, t)| ((1.0 - said) * (1.0 - t), 1.0 - t)))
        }
        Metric::F1 => ratio(rows().map(|(_, said, t)| (said * t, 0.5 * (said + t)))),
        Metric::Brier => ratio(rows().map(|(score, _, t)| {
            (
                t * (1.0 - score) * (1.0 - score) + (1.0 - t) * score * score,
                1.0,
            )
        })),
    }
}

/// `sum a / sum b`; nothing where the denominator is 0.
pub fn ratio(rows: impl Iterator<Item = (f64, f64)> + Clone) -> Option<Performance> {
    let (mut above, mut below, mut count) = (0.0, 0.0, 0.0);
    for (a, b) in rows.clone() {
        above += a;
        below += b;
        count += 1.0;
    }
    if below <= 0.0 {
        return None;
    }
    let (value, scale) = (above / below, count / below);
    let influence = rows.map(|(a, b)| (a - value * b) * scale).collect();
    Some(Performance { value, influence })
}

fn auroc(scores: &[f64], truth: &[f64]) -> Option<Performance> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&left, &right| {
        scores[right]
            .total_cmp(&scores[left])
            .then(left.cmp(&right))
    });
    let rows = scores.len() as f64;
    let positives: f64 = order.iter().map(|&at| truth[at]).sum();
    let negatives: f64 = order.iter().map(|&at| 1.0 - truth[at]).sum();
    if positives <= 0.0 || negatives <= 0.0 {
        return None;
    }
    // For each run of equal scores: where it ends, and positives above and negatives below it with half of its own.
    let mut runs = Vec::new();
    let (mut above, mut passed, mut area) = (0.0, 0.0, 0.0);
    let mut from = 0;
    while from < order.len() {
        let score = scores[order[from]];
        let run = order[from..]
            .iter()
            .take_while(|&&at| scores[at] == score)
            .count();
        let (mut own, mut others) = (0.0, 0.0);
        for &at in &order[from..from + run] {
            own += truth[at];
            others += 1.0 - truth[at];
        }
        area += others * (above + 0.5 * own);
        runs.push((
            from + run,
            above + 0.5 * own,
            negatives - passed - 0.5 * others,
        ));
        above += own;
        passed += others;
        from += run;
    }
    let whole = truth.iter().all(|truth| *truth == 0.0 || *truth == 1.0);
    // Influences are of the area as it is, so that they sum to 0.
    let exact = area / (positives * negatives);
    let value = if whole {
        exact
    } else {
        rounded_area(&order, truth, &runs)
    }
    .clamp(0.0, 1.0);
    let mut influence = vec![0.0; scores.len()];
    let mut from = 0;
    for (to, above, below) in runs {
        for &at in &order[from..to] {
            let positive = truth[at] * (below / negatives - exact) * rows / positives;
            influence[at] =
                positive + (1.0 - truth[at]) * (above / positives - exact) * rows / negatives;
        }
        from = to;
    }
    Some(Performance { value, influence })
}

/// The area with cumulated truths rounded to five decimals, as `NannyML` 0.13.1 has it: its figures come out to the ninth decimal. Within a run of
/// equal scores truths are cumulated evenly.
fn rounded_area(order: &[usize], truth: &[f64], runs: &[(usize, f64, f64)]) -> f64 {
    let rounded = |sum: f64| libm::rint(sum * 1e5) / 1e5;
    let (mut passed, mut positives, mut area) = (0.0, 0.0, 0.0);
    let (mut last, mut from) = ((0.0, 0.0), 0);
    for &(to, _, _) in runs {
        let run = to - from;
        let share = order[from..to].iter().map(|&at| truth[at]).sum::<f64>() / run as f64;
        for _ in 0..run {
            positives += share;
            passed += 1.0;
            let now = (rounded(positives), rounded(passed - positives));
            area += (now.1 - last.1) * (now.0 + last.0) * 0.5;
            last = now;
        }
        from = to;
    }
    area / (last.0 * last.1)
}

/// The mean of one-against-rest figures: macro average. A class whose figure has no denominator counts 0, as in scikit-learn.
///
/// Nothing without classes.
pub fn macro_average(classes: &[Option<Performance>], rows: usize) -> Option<Performance> {
    if classes.iter().all(Option::is_none) {
        return None;
    }
    let share = 1.0 / classes.len() as f64;
    let mut influence = vec![0.0; rows];
    let mut value = 0.0;
    for class in classes.iter().flatten() {
        value += share * class.value;
        for (sum, part) in influence.iter_mut().zip(&class.influence) {
            *sum += share * part;
        }
    }
    Some(Performance { value, influence })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::rng::Rng;
    use proptest::prelude::*;

    const SCORES: [f64; 5] = [0.9, 0.8, 0.6, 0.4, 0.1];
    const SAID: [bool; 5] = [true, true, true, false, false];

    fn value(metric: Metric, truth: &[f64]) -> f64 {
        measure(metric, &SCORES, &SAID, truth).unwrap().value
    }

    #[test]
    fn labels_give_the_performance_itself() {
        let truth = [1.0, 0.0, 1.0, 1.0, 0.0];
        close(value(Metric::Accuracy, &truth), 0.6, 1e-14);
        close(value(Metric::Precision, &truth), 2.0 / 3.0, 1e-14);
        close(value(Metric::Recall, &truth), 2.0 / 3.0, 1e-14);
        close(value(Metric::Specificity, &truth), 0.5, 1e-14);
        close(value(Metric::F1, &truth), 2.0 / 3.0, 1e-14);
        // Of six pairs (0.9, 0.6, 0.4 against 0.8, 0.1) four are in order.
        close(value(Metric::Auroc, &truth), 4.0 / 6.0, 1e-14);
        close(
            value(Metric::Brier, &truth),
            (0.01 + 0.64 + 0.16 + 0.36 + 0.01) / 5.0,
            1e-14,
        );
    }

    #[test]
    fn probabilities_give_what_to_expect() {
        close(
            value(Metric::Accuracy, &SCORES),
            (0.9 + 0.8 + 0.6 + 0.6 + 0.9) / 5.0,
            1e-14,
        );
        close(value(Metric::Precision, &SCORES), 2.3 / 3.0, 1e-14);
        close(value(Metric::Recall, &SCORES), 2.3 / 2.8, 1e-14);
        close(value(Metric::Specificity, &SCORES), 1.5 / 2.2, 1e-14);
        close(value(Metric::F1, &SCORES), 2.3 / (0.5 * (3.0 + 2.8)), 1e-14);
    }

    #[test]
    fn a_metric_without_a_denominator_is_none() {
        let none = |metric, said: [bool; 2], truth: [f64; 2]| {
            measure(metric, &[0.5, 0.6], &said, &truth).is_none()
        };
        assert!(none(Metric::Precision, [false, false], [1.0, 0.0]));
        assert!(none(Metric::Recall, [true, false], [0.0, 0.0]));
        assert!(none(Metric::Specificity, [true, false], [1.0, 1.0]));
        assert!(none(Metric::Auroc, [true, false], [1.0, 1.0]));
        assert!(none(Metric::F1, [false, false], [0.0, 0.0]));
        assert!(measure(Metric::Accuracy, &[], &[], &[]).is_none());
        assert_eq!(macro_average(&[None, None], 3), None);
    }

    #[test]
    fn equal_scores_count_half() {
        let tied = measure(Metric::Auroc, &[0.5; 4], &[true; 4], &[1.0, 0.0, 0.0, 1.0]).unwrap();
        assert_eq!(tied.value, 0.5);
    }

    #[test]
    fn influences_give_the_spread_of_fresh_windows() {
        let mut rng = Rng::new(3);
        let mut window = |rows: usize| {
            let scores: Vec<f64> = (0..rows).map(|_| rng.uniform()).collect();
            let truth: Vec<f64> = scores
                .iter()
                .map(|score| f64::from(u8::from(rng.uniform() < *score)))
                .collect();
            let said: Vec<bool> = scores.iter().map(|score| *score > 0.6).collect();
            (scores, said, truth)
        };
        let (scores, said, truth) = window(20_000);
        for metric in Metric::ALL {
            let stated = measure(metric, &scores, &said, &truth).unwrap().variance();
            let drawn: Vec<f64> = (0..300)
                .map(|_| {
                    let (scores, said, truth) = window(400);
                    measure(metric, &scores, &said, &truth).unwrap().value
                })
                .collect();
            let mean = drawn.iter().sum::<f64>() / 300.0;
            let spread = drawn
                .iter()
                .map(|value| (value - mean) * (value - mean))
                .sum::<f64>()
                / 299.0;
            let ratio = spread * 400.0 / stated;
            assert!((0.75..1.35).contains(&ratio), "{metric:?}: {ratio}");
        }
    }

    proptest! {
        #[test]
        fn values_are_shares_and_influences_sum_to_nothing(rows in prop::collection::vec((0..9_u8, prop::bool::ANY, 0..=8_u8), 2..40)) {
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0) / 8.0).collect();
            let said: Vec<bool> = rows.iter().map(|row| row.1).collect();
            let truth: Vec<f64> = rows.iter().map(|row| f64::from(row.2) / 8.0).collect();
            for metric in Metric::ALL {
                if let Some(found) = measure(metric, &scores, &said, &truth) {
                    prop_assert!((0.0..=1.0 + 1e-12).contains(&found.value), "{metric:?} {}", found.value);
                    let scale: f64 = found.influence.iter().map(|part| part.abs()).sum::<f64>() + 1.0;
                    prop_assert!(found.influence.iter().sum::<f64>().abs() < 1e-9 * scale, "{metric:?}");
                }
            }
        }
    }
}
