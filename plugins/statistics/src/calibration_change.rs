//! Whether outcomes have moved away from their probabilities since a reference, score by score.

/// Most bins of scores, as many rows of the reference in each where scores differ.
pub const BINS: usize = 10;

/// What to look at in the gap between an outcome and its probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// `(y - p)(1 - 2p)`, whose mean is the Brier score's excess by wrong probabilities: the term of Spiegelhalter (1986).
    Excess,
    /// `y - p`: calibration in the large (Cox 1958).
    Large,
}

impl Gap {
    fn slope(self, p: f64) -> f64 {
        match self {
            Self::Excess => 1.0 - 2.0 * p,
            Self::Large => 1.0,
        }
    }
}

/// Sums over the rows of a bin of scores.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bin {
    /// Rows.
    pub rows: f64,
    /// Rows whose outcome is 1.
    pub positives: f64,
    /// Sums of `y - p` and of `(y - p)(1 - 2p)`.
    pub gaps: [f64; 2],
    /// Sum of `(1 - 2p)^2`.
    pub squares: f64,
}

/// Rows by their scores, with the edges that a reference taught.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scored {
    /// Where each bin but the first begins, ascending.
    pub edges: Vec<f64>,
    /// The bins.
    pub bins: Vec<Bin>,
}

/// A change of the mean gap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moved {
    /// Mean gap of the current rows less that of reference rows with the same scores: the effect.
    pub difference: f64,
    /// Its standard error without a change, positive.
    pub standard_error: f64,
}

impl Scored {
    /// Bins of a reference: its scores cut into [`BINS`] runs of equal counts, fewer where scores repeat. `outcomes` are 0 or 1.
    pub fn learn(probabilities: &[f64], outcomes: &[f64]) -> Self {
        let mut sorted = probabilities.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut edges: Vec<f64> = (1..BINS)
            .filter_map(|cut| sorted.get(cut * sorted.len() / BINS).copied())
            .filter(|edge| sorted.first() != Some(edge))
            .collect();
        edges.dedup();
        Self::count(&edges, probabilities, outcomes)
    }

    /// Other rows in the same bins.
    #[must_use]
    pub fn of(&self, probabilities: &[f64], outcomes: &[f64]) -> Self {
        Self::count(&self.edges, probabilities, outcomes)
    }

    fn count(edges: &[f64], probabilities: &[f64], outcomes: &[f64]) -> Self {
        let mut bins = vec![Bin::default(); edges.len() + 1];
        for (&p, &y) in probabilities.iter().zip(outcomes) {
            let bin = &mut bins[edges.partition_point(|edge| *edge <= p)];
            let slope = Gap::Excess.slope(p);
            bin.rows += 1.0;
            bin.positives += y;
            bin.gaps[0] += y - p;
            bin.gaps[1] += (y - p) * slope;
            bin.squares += slope * slope;
        }
        Self {
            edges: edges.to_vec(),
            bins,
        }
    }

    /// How far the mean gap of `current` is from that of the reference at the same scores.
    ///
    /// `sum_b m_b (mean gap in current bin b - mean gap in reference bin b) / m`: direct standardisation, so that a change of the scores
    /// alone, where probabilities were wrong before, is no change of the gap. The variance of a gap within a bin is `s (1 - s)` times the
    /// mean square of its slope, `s` the bin's share of positives in both windows, one of each added. Nothing where no gap can move:
    /// without rows, or where the slope is 0 in all of them.
    /// Source: Spiegelhalter (1986), "Probabilistic Prediction in Patient Management and Clinical Trials", for the term; Cochran (1968),
    /// "The Effectiveness of Adjustment by Subclassification in Removing Bias", for the bins.
    pub fn moved(&self, current: &Self, gap: Gap) -> Option<Moved> {
        let (mut rows, mut sum, mut variance) = (0.0, 0.0, 0.0);
        for (before, now) in self.bins.iter().zip(&current.bins) {
            let (n, m) = (before.rows, now.rows);
            if n == 0.0 || m == 0.0 {
                continue;
            }
            let (gaps, square) = match gap {
                Gap::Large => ((before.gaps[0], now.gaps[0]), 1.0),
                Gap::Excess => (
                    (before.gaps[1], now.gaps[1]),
                    (before.squares + now.squares) / (n + m),
                ),
            };
            let share = (before.positives + now.positives + 1.0) / (n + m + 2.0);
            rows += m;
            sum += gaps.1 - m * gaps.0 / n;
            variance += square * share * (1.0 - share) * (m + m * m / n);
        }
        (variance > 0.0).then(|| Moved {
            difference: sum / rows,
            standard_error: variance.sqrt() / rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::rng::Rng;
    use proptest::prelude::*;

    #[test]
    fn a_bin_on_paper() {
        let before = Scored::learn(&[0.2; 4], &[1.0, 0.0, 0.0, 0.0]);
        assert_eq!((before.edges.len(), before.bins.len()), (0, 1));
        let now = before.of(&[0.2; 2], &[1.0, 1.0]);
        // Gaps: 0.05 before, 0.8 now. s = 4 / 8, so the variance is 0.25 (1/2 + 1/4).
        let large = before.moved(&now, Gap::Large).unwrap();
        close(large.difference, 0.75, 1e-14);
        close(large.standard_error, (0.25_f64 * 0.75).sqrt(), 1e-14);
        // The slope is 0.6 in every row.
        let excess = before.moved(&now, Gap::Excess).unwrap();
        close(excess.difference, 0.6 * 0.75, 1e-14);
        close(excess.standard_error, 0.6 * large.standard_error, 1e-14);
    }

    #[test]
    fn nothing_can_move_without_rows_or_slope() {
        let before = Scored::learn(&[0.5; 9], &[1.0; 9]);
        assert_eq!(before.moved(&before.of(&[], &[]), Gap::Large), None);
        assert_eq!(before.moved(&before, Gap::Excess), None);
        assert!(before.moved(&before, Gap::Large).is_some());
        let none = Scored::learn(&[], &[]);
        assert_eq!(none.moved(&none, Gap::Large), None);
    }

    /// Scores of the law `u^spread`, and outcomes of the chance `score^wrong`.
    fn rows(count: u32, spread: f64, wrong: f64, rng: &mut Rng) -> (Vec<f64>, Vec<f64>) {
        (0..count)
            .map(|_| {
                let score = libm::pow(rng.uniform(), spread);
                let chance = libm::pow(score, wrong);
                (score, f64::from(u8::from(rng.uniform() < chance)))
            })
            .unzip()
    }

    #[test]
    fn scores_that_move_where_they_are_wrong_are_no_change_but_other_outcomes_are() {
        let mut rng = Rng::new(2);
        for (spread, wrong, changed) in [(1.0, 2.0, 0), (1.5, 2.0, 0), (1.0, 3.0, 1)] {
            let mut passed = [0; 2];
            for _ in 0..300 {
                let (p, y) = rows(2000, 1.0, 2.0, &mut rng);
                let before = Scored::learn(&p, &y);
                let (p, y) = rows(1000, spread, wrong, &mut rng);
                let now = before.of(&p, &y);
                for (passed, gap) in passed.iter_mut().zip([Gap::Large, Gap::Excess]) {
                    let moved = before.moved(&now, gap).unwrap();
                    *passed += u32::from(moved.difference.abs() > 3.0 * moved.standard_error);
                }
            }
            match changed {
                0 => assert!(
                    passed.iter().all(|passed| *passed <= 6),
                    "{spread}: {passed:?}"
                ),
                _ => assert!(passed[0] >= 270, "{passed:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn the_same_rows_have_not_moved(p in prop::collection::vec(0.0..=1.0_f64, 1..60), seed: u64) {
            let mut rng = Rng::new(seed);
            let y: Vec<f64> = p.iter().map(|p| f64::from(u8::from(rng.uniform() < *p))).collect();
            let before = Scored::learn(&p, &y);
            prop_assert_eq!(before.bins.iter().map(|bin| bin.rows).sum::<f64>(), p.len() as f64);
            for gap in [Gap::Large, Gap::Excess] {
                if let Some(moved) = before.moved(&before, gap) {
                    prop_assert!(moved.difference.abs() < 1e-12 && moved.standard_error > 0.0);
                }
            }
        }
    }
}
