//! What a test would see: the smallest change that it finds in four of five windows.

use crate::chi_squared::chi_squared_sf;
use crate::gamma::poisson_density;
use crate::root::decreasing_root;

/// The share of windows in which a change of the detectable size is found (Cohen 1988, chapter 1).
pub const POWER: f64 = 0.8;

/// The standard normal quantile of [`POWER`].
pub const POWER_QUANTILE: f64 = 0.841_621_233_572_914_4;

/// The noncentrality `l` at which a statistic of the noncentral chi-squared law with `degrees` exceeds `critical` with probability
/// [`POWER`]; `0` where it does so without any.
///
/// A statistic of homogeneity over cells with true shares `p` and `q` has about this law with `l = n m / (n + m) sum((p - q)^2 / a)`, `a`
/// the pooled share. Source: Cohen (1988), "Statistical Power Analysis for the Behavioral Sciences", chapter 7; Patnaik (1949).
pub fn detectable_noncentrality(critical: f64, degrees: f64) -> f64 {
    if degrees <= 0.0 || critical <= 0.0 {
        return 0.0;
    }
    if critical >= NONCENTRALITY_MAX {
        return critical; // The law is as narrow as the statistic is large.
    }
    let high = critical + 10.0 + 10.0 * (degrees + 2.0 * critical).sqrt();
    decreasing_root(0.0, high, 1e-9, |noncentrality| {
        POWER - noncentral_sf(critical, degrees, noncentrality)
    })
}

/// Beyond this a statistic is its noncentrality for all practical purposes: one part in a thousand.
const NONCENTRALITY_MAX: f64 = 1e6;

/// `P(X > x)` of the noncentral chi-squared law: central laws with `degrees + 2 j`, mixed by a Poisson law of mean `noncentrality / 2`.
pub fn noncentral_sf(x: f64, degrees: f64, noncentrality: f64) -> f64 {
    let mean = 0.5 * noncentrality;
    if mean <= 0.0 {
        return chi_squared_sf(x, degrees);
    }
    // Outward from the mode, until what is left cannot matter.
    let mode = mean.floor();
    let reach = 8.0 * mean.sqrt() + 12.0;
    // From j to j + 1 degrees grow by two, and the tail by one Poisson term.
    let first = (mode - reach).max(0.0);
    let mut tail = chi_squared_sf(x, degrees + 2.0 * first);
    let mut term = poisson_density(0.5 * degrees + first, 0.5 * x);
    let (mut sum, mut j) = (0.0, first);
    while j <= mode + reach {
        sum += poisson_density(j, mean) * tail;
        tail = (tail + term).min(1.0);
        j += 1.0;
        term *= 0.5 * x / (0.5 * degrees + j);
    }
    sum.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::chi_squared::chi_squared_isf;

    #[test]
    fn the_noncentral_law_equals_scipy_1_17_1() {
        // scipy.stats.ncx2.sf
        close(
            noncentral_sf(10.0, 3.0, 5.0),
            0.293_351_352_222_548_16,
            1e-10,
        );
        close(
            noncentral_sf(30.0, 9.0, 15.0),
            0.230_588_117_644_043_88,
            1e-10,
        );
        close(
            noncentral_sf(400.0, 99.0, 300.0),
            0.479_182_297_363_589_1,
            1e-9,
        );
        assert_eq!(noncentral_sf(3.0, 2.0, 0.0), chi_squared_sf(3.0, 2.0));
    }

    #[test]
    fn four_of_five_windows_exceed_at_the_detectable_noncentrality() {
        for degrees in [1.0, 9.0, 99.0, 999.0] {
            let critical = chi_squared_isf(0.05, degrees);
            let found = detectable_noncentrality(critical, degrees);
            close(noncentral_sf(critical, degrees, found), POWER, 1e-7);
        }
        // One degree at 5%: 7.849 (Cohen 1988, table 9.2.1), the root by scipy 1.17.1's ncx2.sf.
        close(
            detectable_noncentrality(chi_squared_isf(0.05, 1.0), 1.0),
            7.848_860_509_326_197,
            1e-6,
        );
        assert_eq!(detectable_noncentrality(0.0, 4.0), 0.0);
        assert_eq!(detectable_noncentrality(1e9, 4.0), 1e9);
    }
}
