//! The test that two windows have the same share of some kind of row, such as missing ones.

use crate::chi_square::chi_square;
use crate::chi_squared::chi_squared_sf;

/// Outcome of [`two_proportions`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoProportions {
    /// Share of the current window less that of the reference, in `[-1, 1]`: the effect.
    pub difference: f64,
    /// `z^2`, the chi-square statistic of the two-by-two table without continuity correction, `>= 0`.
    pub statistic: f64,
    /// Two-sided p-value in `[0, 1]`.
    pub p_value: f64,
    /// Whether the p-value is Fisher's exact one.
    pub exact: bool,
}

/// Compares `hits` of `rows` in two windows, each given as `(hits, rows)` with `0 <= hits <= rows`.
///
/// The p-value is that of `z^2 = (p - q)^2 / (a (1 - a) (1/n + 1/m))` under the chi-squared law with one degree, `a` the pooled share;
/// where an expected cell holds fewer than 5 rows it is Fisher's exact one (as `scipy.stats.fisher_exact`, two-sided).
/// Equal shares, and a window without rows, give `p = 1`.
/// Source: Fisher (1934), "Statistical Methods for Research Workers", section 21.02; Cochran (1954) for the 5.
pub fn two_proportions(reference: (f64, f64), current: (f64, f64)) -> TwoProportions {
    let split = |(hits, rows): (f64, f64)| {
        [
            hits.clamp(0.0, rows.max(0.0)),
            rows.max(0.0) - hits.clamp(0.0, rows.max(0.0)),
        ]
    };
    let (p, q) = (split(reference), split(current));
    let Ok(table) = chi_square(&p, &q) else {
        return TwoProportions {
            difference: 0.0,
            statistic: 0.0,
            p_value: 1.0,
            exact: false,
        };
    };
    let difference = q[0] / (q[0] + q[1]) - p[0] / (p[0] + p[1]);
    let exact = table.degrees > 0.0 && table.expected_min < 5.0;
    let p_value = if exact {
        fisher(p, q)
    } else {
        chi_squared_sf(table.statistic, table.degrees)
    };
    TwoProportions {
        difference,
        statistic: table.statistic,
        p_value,
        exact,
    }
}

/// Sum of the hypergeometric chances of all tables with these margins that are no likelier than this one.
///
/// Chances are formed as ratios to this table's own, so nothing large is ever subtracted; `O(smallest margin)`.
fn fisher(p: [f64; 2], q: [f64; 2]) -> f64 {
    let (hits, rows) = (p[0] + q[0], p[0] + p[1]);
    let misses = p[1] + q[1];
    let (lowest, highest) = ((rows - misses).max(0.0), rows.min(hits));
    // From x to x + 1 hits in the reference the chance grows by this factor.
    let growth = |x: f64| (hits - x) * (rows - x) / ((x + 1.0) * (misses - rows + x + 1.0));
    // Tables about as likely as this one count as no likelier: rounding must not decide.
    let limit = 1.0 + 1e-7;
    let (mut extreme, mut all) = (1.0, 1.0);
    let mut add = |chance: f64| {
        all += chance;
        if chance <= limit {
            extreme += chance;
        }
        chance > NEGLIGIBLE * all
    };
    let (mut x, mut chance) = (p[0], 1.0);
    while x < highest {
        chance *= growth(x);
        x += 1.0;
        if !add(chance) {
            break;
        }
    }
    (x, chance) = (p[0], 1.0);
    while x > lowest {
        x -= 1.0;
        chance /= growth(x);
        if !add(chance) {
            break;
        }
    }
    (extreme / all).min(1.0)
}

/// Share of the sum below which a tail, which only falls from there, is left out.
const NEGLIGIBLE: f64 = 1e-25;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use proptest::prelude::*;

    #[test]
    fn large_tables_are_a_squared_z() {
        // p = 0.1, q = 0.15, a = 0.125: z^2 = 0.0025 / (0.109375 * 0.002) = 11.428571...
        let test = two_proportions((100.0, 1000.0), (150.0, 1000.0));
        close(test.statistic, 0.0025 / (0.125 * 0.875 * 0.002), 1e-12);
        close(test.difference, 0.05, 1e-12);
        assert!(!test.exact);
        close(test.p_value, 0.000_723_232_716_430_193_6, 1e-12);
    }

    #[test]
    fn small_tables_equal_fisher_exact_of_scipy_1_17_1() {
        // scipy.stats.fisher_exact([[8, 2], [1, 5]]) and ([[0, 100], [4, 96]])
        let test = two_proportions((8.0, 10.0), (1.0, 6.0));
        assert!(test.exact);
        close(test.p_value, 0.034_965_034_965_034_97, 1e-12);
        close(
            two_proportions((0.0, 100.0), (4.0, 100.0)).p_value,
            0.121_240_721_373_364_28,
            1e-10,
        );
    }

    #[test]
    fn nothing_missing_or_no_rows_is_no_evidence() {
        assert_eq!(two_proportions((0.0, 50.0), (0.0, 9.0)).p_value, 1.0);
        assert_eq!(two_proportions((0.0, 0.0), (3.0, 9.0)).p_value, 1.0);
        assert_eq!(two_proportions((5.0, 5.0), (9.0, 9.0)).p_value, 1.0);
    }

    proptest! {
        #[test]
        fn symmetric_and_a_probability(a in 0u16..60, b in 0u16..60, c in 0u16..60, d in 0u16..60) {
            let [a, b, c, d] = [a, b, c, d].map(f64::from);
            let there = two_proportions((a, a + b), (c, c + d));
            let back = two_proportions((c, c + d), (a, a + b));
            prop_assert!(there.p_value > 0.0 && there.p_value <= 1.0);
            prop_assert!((there.p_value - back.p_value).abs() <= 1e-9 * there.p_value);
            prop_assert_eq!(there.difference, -back.difference);
        }
    }
}
