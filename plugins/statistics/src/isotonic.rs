//! The rising step of best fit: what share of rows with a score is of the positive class.

/// A function that never falls: linear between its points, constant beyond them.
///
/// Source: Barlow, Bartholomew, Bremner & Brunk (1972), "Statistical Inference under Order Restrictions": pool adjacent violators.
/// Values equal those of scikit-learn's `IsotonicRegression(out_of_bounds="clip")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Isotonic {
    points: Vec<(f64, f64)>,
}

/// Scores nearer to each other than this are one score.
const SAME_SCORE: f64 = 1e-15;

impl Isotonic {
    /// The function of least squares through `(score, outcome)`, one pair a row; nothing if there are no rows, if the lengths differ or if
    /// a number is not finite. `O(n log n)`.
    pub fn fit(scores: &[f64], outcomes: &[f64]) -> Option<Self> {
        if scores.is_empty() || scores.len() != outcomes.len() {
            return None;
        }
        let mut rows: Vec<(f64, f64)> = scores
            .iter()
            .copied()
            .zip(outcomes.iter().copied())
            .collect();
        if rows
            .iter()
            .any(|(score, outcome)| !score.is_finite() || !outcome.is_finite())
        {
            return None;
        }
        rows.sort_unstable_by(|left, right| {
            left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1))
        });
        let scores = distinct(&rows);
        let mut blocks: Vec<Block> = Vec::with_capacity(scores.len());
        for (at, &(_, sum, rows)) in scores.iter().enumerate() {
            let mut block = Block {
                from: at,
                sum,
                rows,
            };
            while let Some(last) = blocks.last() {
                if last.mean() < block.mean() {
                    break;
                }
                block = Block {
                    from: last.from,
                    sum: last.sum + block.sum,
                    rows: last.rows + block.rows,
                };
                blocks.pop();
            }
            blocks.push(block);
        }
        let mut points = Vec::with_capacity(2 * blocks.len());
        for (at, block) in blocks.iter().enumerate() {
            let to = blocks.get(at + 1).map_or(scores.len(), |next| next.from) - 1;
            points.push((scores[block.from].0, block.mean()));
            if to > block.from {
                points.push((scores[to].0, block.mean()));
            }
        }
        Some(Self { points })
    }

    /// The function through these points; nothing unless there is one, scores rise, values do not fall, and all are finite.
    pub fn from_points(points: Vec<(f64, f64)>) -> Option<Self> {
        let finite = points
            .iter()
            .all(|(score, value)| score.is_finite() && value.is_finite());
        let rises = points
            .windows(2)
            .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        (finite && rises && !points.is_empty()).then_some(Self { points })
    }

    /// Its points, scores ascending.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// Its value at a score that is a number.
    pub fn at(&self, score: f64) -> f64 {
        let after = self.points.partition_point(|point| point.0 <= score);
        match (after.checked_sub(1), self.points.get(after)) {
            (None, _) => self.points[0].1,
            (Some(last), None) => self.points[last].1,
            (Some(before), Some(&(high, above))) => {
                let (low, below) = self.points[before];
                (above - below) / (high - low) * (score - low) + below
            }
        }
    }
}

struct Block {
    from: usize,
    sum: f64,
    rows: f64,
}

impl Block {
    fn mean(&self) -> f64 {
        self.sum / self.rows
    }
}

/// Each score once, with the sum of its outcomes and its rows.
fn distinct(rows: &[(f64, f64)]) -> Vec<(f64, f64, f64)> {
    let mut distinct: Vec<(f64, f64, f64)> = Vec::new();
    for &(score, outcome) in rows {
        match distinct.last_mut() {
            Some(last) if score - last.0 < SAME_SCORE => {
                last.1 += outcome;
                last.2 += 1.0;
            }
            _ => distinct.push((score, outcome, 1.0)),
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn violators_are_pooled_and_the_rest_is_interpolated() {
        let fitted = Isotonic::fit(&[1.0, 2.0, 3.0, 4.0, 4.0], &[0.0, 1.0, 0.0, 1.0, 0.5]).unwrap();
        assert_eq!(
            fitted.points(),
            [(1.0, 0.0), (2.0, 0.5), (3.0, 0.5), (4.0, 0.75)]
        );
        assert_eq!(
            [0.0, 1.5, 2.5, 3.5, 9.0].map(|score| fitted.at(score)),
            [0.0, 0.25, 0.5, 0.625, 0.75]
        );
    }

    #[test]
    fn what_has_no_answer_is_none() {
        assert_eq!(Isotonic::fit(&[], &[]), None);
        assert_eq!(Isotonic::fit(&[1.0], &[]), None);
        assert_eq!(Isotonic::fit(&[f64::NAN], &[1.0]), None);
        assert_eq!(Isotonic::from_points(vec![(1.0, 0.5), (1.0, 0.6)]), None);
        assert_eq!(Isotonic::from_points(vec![(1.0, 0.5), (2.0, 0.4)]), None);
        assert!(Isotonic::from_points(vec![(1.0, 0.5), (2.0, 0.5)]).is_some());
    }

    proptest! {
        #[test]
        fn it_rises_keeps_the_mean_and_knows_no_order_of_rows(rows in prop::collection::vec((0..20_u8, prop::bool::ANY), 1..60)) {
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let outcomes: Vec<f64> = rows.iter().map(|row| f64::from(u8::from(row.1))).collect();
            let fitted = Isotonic::fit(&scores, &outcomes).unwrap();
            prop_assert!(Isotonic::from_points(fitted.points().to_vec()).is_some());
            let sum: f64 = scores.iter().map(|&score| fitted.at(score)).sum();
            prop_assert!((sum - outcomes.iter().sum::<f64>()).abs() < 1e-9);
            let backwards = |values: &[f64]| values.iter().rev().copied().collect::<Vec<_>>();
            prop_assert_eq!(Isotonic::fit(&backwards(&scores), &backwards(&outcomes)).unwrap(), fitted);
        }
    }
}
