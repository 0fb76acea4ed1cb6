//! Wasserstein distance of order one between two samples.

use crate::pooled::walk;
use crate::sample::Sample;

/// Wasserstein-1 distance `integral |F(x) - G(x)| dx` between the empirical distribution functions, in the unit of the values.
///
/// The area between the two steps: how far a row has to move on average to turn one sample into the other. Range `0..`, `0` exactly for
/// equal distributions, symmetric, a metric; saturates at `f64::MAX`. `|F - G|` is taken from whole counts, so only the sum rounds.
/// Source: Vallender (1974), "Calculation of the Wasserstein Distance Between Probability Distributions on the Line".
pub fn wasserstein(reference: &Sample<'_>, current: &Sample<'_>) -> f64 {
    let (n, m) = (reference.rows(), current.rows());
    let (mut area, mut excess, mut last) = (0.0, 0.0_f64, f64::NAN);
    walk(reference, current, |step| {
        if excess != 0.0 {
            area += (step.value - last) * (excess.abs() / (n * m));
        }
        excess += step.reference * m - step.current * n;
        last = step.value;
    });
    area.min(f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{close, sample};
    use proptest::prelude::*;

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        wasserstein(&sample(a).as_sample(), &sample(b).as_sample())
    }

    #[test]
    fn equals_scipy_1_17_1() {
        // scipy.stats.wasserstein_distance
        close(distance(&[0.0, 1.0, 3.0], &[5.0, 6.0, 8.0]), 5.0, 1e-15);
        close(distance(&[3.4, 3.9, 7.5, 7.8], &[4.5, 1.4]), 2.7, 1e-14);
        close(
            distance(&[0.0, 0.0, 1.0], &[0.0, 1.0, 1.0, 1.0, 9.5]),
            2.166_666_666_666_666_5,
            1e-14,
        );
    }

    #[test]
    fn the_ends_of_the_range_stay_finite() {
        assert_eq!(distance(&[-f64::MAX], &[f64::MAX]), f64::MAX);
        assert_eq!(
            distance(&[-f64::MAX, f64::MAX], &[-f64::MAX, f64::MAX]),
            0.0
        );
    }

    proptest! {
        #[test]
        fn a_shift_moves_every_row_by_itself(rows in prop::collection::vec(-50i32..50, 1..40), by in 0i32..100) {
            let here: Vec<f64> = rows.iter().map(|&x| f64::from(x)).collect();
            let there: Vec<f64> = rows.iter().map(|&x| f64::from(x + by)).collect();
            prop_assert!((distance(&here, &there) - f64::from(by)).abs() < 1e-9);
            prop_assert_eq!(distance(&here, &there), distance(&there, &here));
            prop_assert_eq!(distance(&here, &here), 0.0);
        }
    }
}
