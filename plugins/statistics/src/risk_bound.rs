//! Bounds of a mean of numbers in `[0, 1]` that adapt to their variance.

use crate::state::{Reader, StateError, Writer};

/// The predictable plug-in empirical Bernstein bound.
///
/// With weights `w_i` in `(0, 1/2]` that depend on earlier rows alone, and `m_i`, `v_i` the mean and variance of the rows so far, both
/// smoothed: `sum w_i (x_i - mean) - sum (x_i - m_(i-1))^2 psi(w_i)` with `psi(w) = -ln(1 - w) - w` is the logarithm of a supermartingale,
/// so `(sum w x +- (ln(1 / level) + sum (x - m)^2 psi(w))) / sum w` bounds the weighted mean of the conditional means, each side at `level`, at
/// all times at once. Source: Waudby-Smith & Ramdas (2024), "Estimating Means of Bounded Random Variables by Betting", theorem 2.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct RiskBound {
    rows: f64,
    sum: f64,
    squares: f64,
    weights: f64,
    weighted: f64,
    penalty: f64,
}

/// Largest weight.
const WEIGHT_MAX: f64 = 0.5;

impl RiskBound {
    /// Takes in a row; the bound is to be tight after `horizon` rows at this level, or at all times alike where there is no horizon.
    pub(crate) fn update(&mut self, value: f64, level: f64, horizon: Option<f64>) {
        let mean = (0.5 + self.sum) / (self.rows + 1.0);
        let variance = (0.25 + self.squares) / (self.rows + 1.0);
        let rows = horizon.unwrap_or_else(|| {
            let row = self.rows + 1.0;
            row * libm::log(row + 1.0)
        });
        let weight = (2.0 * -libm::log(level) / (rows * variance))
            .sqrt()
            .min(WEIGHT_MAX);
        self.rows += 1.0;
        self.sum += value;
        let smoothed = (0.5 + self.sum) / (self.rows + 1.0);
        self.squares += (value - smoothed) * (value - smoothed);
        self.weights += weight;
        self.weighted += weight * value;
        self.penalty += (value - mean) * (value - mean) * (-libm::log1p(-weight) - weight);
    }

    /// The plain mean; `0` without rows.
    pub(crate) fn mean(&self) -> f64 {
        self.sum / self.rows.max(1.0)
    }

    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }

    pub(crate) fn rows(&self) -> f64 {
        self.rows
    }

    /// Half the width of the interval between the bounds.
    fn width(&self, level: f64) -> f64 {
        (self.penalty - libm::log(level)) / self.weights
    }

    /// The bound from below, at `level`; `0` without rows.
    pub(crate) fn lower(&self, level: f64) -> f64 {
        if self.rows == 0.0 {
            return 0.0;
        }
        (self.weighted / self.weights - self.width(level)).clamp(0.0, 1.0)
    }

    /// The bound from above, at `level`; `1` without rows.
    pub(crate) fn upper(&self, level: f64) -> f64 {
        if self.rows == 0.0 {
            return 1.0;
        }
        (self.weighted / self.weights + self.width(level)).clamp(0.0, 1.0)
    }

    pub(crate) fn write(&self, to: Writer) -> Writer {
        to.f64s([
            self.rows,
            self.sum,
            self.squares,
            self.weights,
            self.weighted,
            self.penalty,
        ])
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, StateError> {
        let rows = from.rows()?;
        let mut sums = [0.0; 5];
        for sum in &mut sums {
            *sum = from.f64_within(rows)?;
            if *sum < 0.0 {
                return Err(StateError::Damaged("a sum below zero"));
            }
        }
        let [sum, squares, weights, weighted, penalty] = sums;
        if rows > 0.0 && weights == 0.0 {
            return Err(StateError::Damaged("rows without weight"));
        }
        Ok(Self {
            rows,
            sum,
            squares,
            weights,
            weighted,
            penalty,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn bounds_close_around_the_mean_as_rows_come_in() {
        let mut rng = Rng::new(5);
        let (mut fixed, mut ever) = (RiskBound::default(), RiskBound::default());
        assert_eq!((fixed.lower(0.05), fixed.upper(0.05)), (0.0, 1.0));
        for _ in 0..10_000 {
            let x = f64::from(u8::from(rng.uniform() < 0.1));
            fixed.update(x, 0.025, Some(10_000.0));
            ever.update(x, 0.025, None);
        }
        // Bernstein: sqrt(2 p (1 - p) ln(40) / n) = 0.0081 and a little more.
        let width = fixed.upper(0.025) - fixed.mean();
        assert!((0.007..0.010).contains(&width), "{width}");
        assert!(ever.lower(0.025) < 0.1 && ever.upper(0.025) > 0.1);
        assert!(ever.upper(0.025) - ever.lower(0.025) < 0.05);
    }

    #[test]
    fn bounds_miss_no_more_often_than_their_level() {
        // 400 streams at level 10%: more than 56 misses have a chance of 1 in 100 if each has one of 10%.
        let mut rng = Rng::new(11);
        let mut missed = 0;
        for _ in 0..400 {
            let mut bound = RiskBound::default();
            let mut ever = false;
            for _ in 0..500 {
                bound.update(f64::from(u8::from(rng.uniform() < 0.3)), 0.1, None);
                ever |= bound.lower(0.1) > 0.3;
            }
            missed += i32::from(ever);
        }
        assert!(missed <= 56, "{missed}");
    }
}
