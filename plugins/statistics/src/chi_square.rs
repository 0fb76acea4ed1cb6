//! Pearson's chi-square test that two windows have the same proportions.

use crate::chi_squared::chi_squared_sf;
use crate::counts::{CountsError, rows};

/// Outcome of [`chi_square`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquare {
    /// `sum((observed - expected)^2 / expected)` over both windows, `>= 0`.
    pub statistic: f64,
    /// Bins that hold rows, less one.
    pub degrees: f64,
    /// `P(X > statistic)` under the chi-squared law with these degrees; `1` if there are none.
    pub p_value: f64,
    /// Cramér's V, `sqrt(statistic / (n + m))`: the effect, in `[0, 1]`, `1` for disjoint windows.
    pub cramers_v: f64,
    /// The smallest expected count of a cell. Below 5 the p-value is a rough guide only (Cochran 1954).
    pub expected_min: f64,
}

/// Tests homogeneity of two vectors of counts over the same `k` bins; bins that are empty in both are dropped.
///
/// Equals `scipy.stats.chi2_contingency(correction=False)`. Symmetric in its arguments, which are both random: neither window is
/// taken for the truth. Source: Pearson (1900); Cramér (1946), "Mathematical Methods of Statistics", chapter 21 for the effect.
///
/// # Errors
/// [`CountsError`] if the bins do not match, a window is empty or a count is not a number of rows.
pub fn chi_square(reference: &[f64], current: &[f64]) -> Result<ChiSquare, CountsError> {
    let (n, m) = rows(reference, current)?;
    let smaller = n.min(m) / (n + m);
    let (mut bins, mut expected_min) = (0.0, f64::INFINITY);
    for (p, q) in reference.iter().zip(current).filter(|(p, q)| *p + *q > 0.0) {
        bins += 1.0;
        expected_min = expected_min.min((p + q) * smaller);
    }
    let statistic = chi_square_statistic(reference, current, n, m);
    let degrees = bins - 1.0;
    Ok(ChiSquare {
        statistic,
        degrees,
        p_value: chi_squared_sf(statistic, degrees),
        cramers_v: (statistic / (n + m)).min(1.0).sqrt(),
        expected_min,
    })
}

/// The statistic alone, of windows with `n` and `m` rows: `sum((p m - q n)^2 / (p + q)) / (n m)`.
pub(crate) fn chi_square_statistic(reference: &[f64], current: &[f64], n: f64, m: f64) -> f64 {
    let mut sum = 0.0;
    for (p, q) in reference.iter().zip(current) {
        let both = p + q;
        if both > 0.0 {
            // Whole numbers, so equal proportions give zero exactly.
            let excess = p * m - q * n;
            sum += (excess / both) * (excess / m);
        }
    }
    (sum / n).min(n + m)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use proptest::prelude::*;

    #[test]
    fn equals_scipy_1_17_1() {
        // scipy.stats.chi2_contingency([[10, 10, 20], [20, 20, 20]], correction=False)
        let test = chi_square(&[10.0, 10.0, 20.0], &[20.0, 20.0, 20.0]).unwrap();
        close(test.statistic, 2.777_777_777_777_777_7, 1e-14);
        close(test.p_value, 0.249_352_208_777_295_92, 1e-13);
        assert_eq!(test.degrees, 2.0);
        close(test.expected_min, 12.0, 1e-14);
        close(
            test.cramers_v,
            (2.777_777_777_777_777_7_f64 / 100.0).sqrt(),
            1e-14,
        );
    }

    #[test]
    fn bins_that_nobody_uses_do_not_count() {
        assert_eq!(
            chi_square(&[3.0, 0.0, 4.0], &[5.0, 0.0, 1.0]),
            chi_square(&[3.0, 4.0], &[5.0, 1.0])
        );
    }

    #[test]
    fn one_bin_tests_nothing_and_disjoint_windows_differ_fully() {
        let one = chi_square(&[3.0], &[9.0]).unwrap();
        assert_eq!(
            (one.statistic, one.degrees, one.p_value, one.cramers_v),
            (0.0, 0.0, 1.0, 0.0)
        );
        close(
            chi_square(&[30.0, 0.0], &[0.0, 9.0]).unwrap().cramers_v,
            1.0,
            1e-15,
        );
    }

    proptest! {
        #[test]
        fn finite_symmetric_and_zero_on_equal_input(pairs in prop::collection::vec((0u16..500, 0u16..500), 1..20)) {
            let p: Vec<f64> = pairs.iter().map(|x| f64::from(x.0) + 1.0).collect();
            let q: Vec<f64> = pairs.iter().map(|x| f64::from(x.1)).collect();
            prop_assume!(q.iter().sum::<f64>() > 0.0);
            let (there, back) = (chi_square(&p, &q).unwrap(), chi_square(&q, &p).unwrap());
            prop_assert!((there.statistic - back.statistic).abs() <= 1e-12 * there.statistic);
            prop_assert!((0.0..=1.0).contains(&there.p_value) && (0.0..=1.0).contains(&there.cramers_v));
            prop_assert_eq!(chi_square(&p, &p).unwrap().statistic, 0.0);
        }
    }
}
