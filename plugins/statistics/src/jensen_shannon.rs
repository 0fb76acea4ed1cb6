//! Jensen-Shannon distance of two windows over the same bins.

use crate::counts::{CountsError, shares};

/// Jensen-Shannon distance `sqrt((KL(p, a) + KL(q, a)) / 2)` with `a = (p + q) / 2`, in the root of nats.
///
/// `reference` and `current` are counts over the same `k` bins; empty bins need no filling. Range `[0, sqrt(ln 2)]`, the upper end for
/// disjoint windows; `0` for equal proportions; symmetric; a metric. Equals `scipy.spatial.distance.jensenshannon`.
/// Source: Lin (1991), "Divergence Measures Based on the Shannon Entropy"; Endres & Schindelin (2003), "A New Metric for
/// Probability Distributions".
///
/// # Errors
/// [`CountsError`] if the bins do not match, a window is empty or a count is not a number of rows.
pub fn jensen_shannon(reference: &[f64], current: &[f64]) -> Result<f64, CountsError> {
    let divergence: f64 = shares(reference, current)?
        .map(|(p, q)| share_of_divergence(p, q))
        .sum();
    Ok(divergence.clamp(0.0, core::f64::consts::LN_2).sqrt())
}

/// `(p ln(p / a) + q ln(q / a)) / 2`, without cancellation where `p` is close to `q`.
///
/// With `p = a (1 + d)` and `q = a (1 - d)` this is `a / 2 ((1 + d) ln(1 + d) + (1 - d) ln(1 - d))`, of the order of `d^2`.
fn share_of_divergence(p: f64, q: f64) -> f64 {
    let mean = 0.5 * (p + q);
    if mean == 0.0 || p == q {
        return 0.0;
    }
    let d = ((p - q) / (p + q)).abs();
    let square = d * d;
    let sum = if d < 0.02 {
        // (1 + d) ln(1 + d) + (1 - d) ln(1 - d) = d^2 + d^4 / 6 + d^6 / 15 + d^8 / 28 + d^10 / 45 + ...
        square
            * (1.0
                + square
                    * (1.0 / 6.0 + square * (1.0 / 15.0 + square * (1.0 / 28.0 + square / 45.0))))
    } else {
        let low = if d < 1.0 {
            (1.0 - d) * libm::log1p(-d)
        } else {
            0.0
        };
        (1.0 + d) * libm::log1p(d) + low
    };
    0.5 * mean * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use proptest::prelude::*;

    #[test]
    fn equals_scipy_1_17_1() {
        // scipy.spatial.distance.jensenshannon
        close(
            jensen_shannon(&[1.0, 0.0], &[1.0, 1.0]).unwrap(),
            0.464_501_404_022_457_3,
            1e-14,
        );
        close(
            jensen_shannon(&[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0]).unwrap(),
            0.832_554_611_157_697_7,
            1e-14,
        );
        close(
            jensen_shannon(&[10.0, 20.0, 70.0, 0.0], &[30.0, 30.0, 30.0, 10.0]).unwrap(),
            0.327_101_030_044_881_9,
            1e-13,
        );
    }

    #[test]
    fn one_row_in_ten_million_is_seen() {
        // sqrt(d^2 / 8 (1/p + 1/q)) with shares a half and a difference of 1e-7: 1e-7 / sqrt(2).
        let distance = jensen_shannon(&[5e6, 5e6], &[5_000_001.0, 4_999_999.0]).unwrap();
        close(distance, 1e-7 / core::f64::consts::SQRT_2, 1e-6);
    }

    proptest! {
        #[test]
        fn bounded_symmetric_and_zero_on_equal_input(pairs in prop::collection::vec((0u16..500, 0u16..500), 1..20)) {
            let p: Vec<f64> = pairs.iter().map(|x| f64::from(x.0) + 1.0).collect();
            let q: Vec<f64> = pairs.iter().map(|x| f64::from(x.1)).collect();
            prop_assume!(q.iter().sum::<f64>() > 0.0);
            let there = jensen_shannon(&p, &q).unwrap();
            prop_assert!((0.0..=0.8326).contains(&there));
            prop_assert_eq!(there, jensen_shannon(&q, &p).unwrap());
            prop_assert_eq!(jensen_shannon(&p, &p), Ok(0.0));
        }
    }
}
