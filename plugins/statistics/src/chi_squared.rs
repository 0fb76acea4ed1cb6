//! The chi-squared law.

use crate::gamma::gamma_q;
use crate::normal::normal_isf;
use crate::root::decreasing_root;

/// Survival function `P(X > x)` of the chi-squared law with `degrees` degrees of freedom.
///
/// Range `[0, 1]`, relative accuracy down to the smallest `f64`. With no degrees nothing can be tested: the result is `1`.
pub fn chi_squared_sf(x: f64, degrees: f64) -> f64 {
    if degrees <= 0.0 {
        1.0
    } else {
        gamma_q(0.5 * degrees, 0.5 * x)
    }
}

/// Critical value: the `x` with `P(X > x) = p`, to about `1e-13` relative.
///
/// `p <= 0` gives `f64::MAX`, which no statistic exceeds; `p >= 1` gives `0`, and so do no degrees.
pub fn chi_squared_isf(p: f64, degrees: f64) -> f64 {
    if degrees <= 0.0 || p >= 1.0 {
        return 0.0;
    }
    if p <= 0.0 {
        return f64::MAX;
    }
    let target = libm::log(p);
    let excess = |x: f64| libm::log(chi_squared_sf(x, degrees).max(f64::from_bits(1))) - target;
    // Start where Wilson & Hilferty (1931) put it, then widen until the root is inside.
    let spread = 2.0 / (9.0 * degrees);
    let cube_root = (1.0 - spread + normal_isf(p) * spread.sqrt()).max(0.01);
    let guess = degrees * cube_root * cube_root * cube_root;
    let (mut low, mut high) = (0.9 * guess, 1.1 * guess);
    while low > 1e-300 && excess(low) < 0.0 {
        high = low;
        low *= 0.25;
    }
    while high < 1e300 && excess(high) > 0.0 {
        low = high;
        high *= 1.5;
    }
    decreasing_root(low, high, 1e-15, excess)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    #[test]
    fn equals_scipy_1_17_1() {
        // scipy.stats.chi2.sf and chi2.isf
        close(chi_squared_sf(3.841_458_820_694_124, 1.0), 0.05, 1e-13);
        close(
            chi_squared_sf(1000.0, 9.0),
            1.724_068_118_922_440_5e-209,
            1e-11,
        );
        close(
            chi_squared_sf(100_500.0, 100_000.0),
            0.131_854_811_603_383_78,
            1e-10,
        );
        close(chi_squared_isf(0.05, 9.0), 16.918_977_604_620_448, 1e-12);
        close(chi_squared_isf(0.05, 100_000.0), 100_736.736_177_319, 1e-12);
        close(chi_squared_isf(1e-250, 3.0), 1_157.897_049_579_513_4, 1e-10);
        close(
            chi_squared_isf(0.999_999, 1.0),
            1.570_796_326_886_057_7e-12,
            1e-9,
        );
    }

    #[test]
    fn degenerate_laws_have_documented_values() {
        assert_eq!(
            (chi_squared_sf(5.0, 0.0), chi_squared_isf(0.05, 0.0)),
            (1.0, 0.0)
        );
        assert_eq!(
            (chi_squared_isf(0.0, 3.0), chi_squared_isf(1.0, 3.0)),
            (f64::MAX, 0.0)
        );
        assert_eq!(chi_squared_sf(f64::MAX, 3.0), 0.0);
    }
}
