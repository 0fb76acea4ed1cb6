//! How many rows of a new window fall where few or none of the reference did.

use crate::gamma::ln_gamma;

/// `P(K >= k)` for the number `K` of `rows` new rows in a part of the distribution whose share follows the beta law with `a` and `b`.
///
/// With `n` reference values of a continuous law, the part outside their range has the law with `a = 2`, `b = n - 1`, whatever the law is
/// (Gumbel & von Schelling 1950, "The Distribution of the Number of Exceedances"); with ties it is smaller, so the chance is too large,
/// never too small. A kind of row that `x` of `n` reference rows were of has `a = x + 1`, `b = n - x`: then this is a one-sided exact test of
/// two proportions, at most as bold as Fisher's. The share of categories never seen has `a = f + 1`, `b = n - f` with `f` the categories
/// seen once (Good 1953, "The Population Frequencies of Species and the Estimation of Population Parameters").
///
/// Range `[0, 1]`, decreasing in `k`; `1` for `k <= 0`. Chances above one half are not told apart: the result is then at least one half.
/// Arguments are whole numbers; `b <= 0` counts as 1. `O(sqrt(rows))` terms, more where the chance is large.
pub fn exceedance_sf(k: f64, rows: f64, a: f64, b: f64) -> f64 {
    let b = b.max(1.0);
    if k <= 0.0 {
        return 1.0;
    }
    if k > rows {
        return 0.0;
    }
    let ln_choose = |n: f64, k: f64| ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    let ln_beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    let mut chance = libm::exp(ln_choose(rows, k) + ln_beta(k + a, rows - k + b) - ln_beta(a, b));
    let (mut sum, mut x) = (chance, k);
    while x < rows && sum < 0.5 {
        // The chance of x + 1 over that of x.
        chance *= (rows - x) * (x + a) / ((x + 1.0) * (rows - x - 1.0 + b));
        x += 1.0;
        sum += chance;
        if chance < 1e-17 * sum {
            break;
        }
    }
    sum.min(1.0)
}

/// The smallest whole `k` with `P(K >= k) <= level`; `rows + 1` where there is none.
pub fn exceedance_isf(level: f64, rows: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, rows + 1.0); // Not small enough; small enough.
    while high - low > 1.0 {
        let middle = (low + (high - low) / 2.0).floor();
        if exceedance_sf(middle, rows, a, b) <= level.min(0.49) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use proptest::prelude::*;

    #[test]
    fn one_row_is_above_the_maximum_with_chance_one_in_n_plus_one() {
        // a = 1: only one side. P(K >= 1) = m / (n + m), P(K = m) = n! m! / (n + m)!.
        close(exceedance_sf(1.0, 1.0, 1.0, 9.0), 0.1, 1e-12);
        close(exceedance_sf(1.0, 7.0, 1.0, 30.0), 7.0 / 37.0, 1e-12);
        close(exceedance_sf(3.0, 3.0, 1.0, 2.0), 0.1, 1e-12);
    }

    #[test]
    fn equals_sums_of_exact_fractions() {
        // Sums of C(x + a - 1, x) C(m - x + b - 1, m - x) / C(m + a + b - 1, m); scipy's betabinom.sf has lost digits there.
        close(
            exceedance_sf(5.0, 100.0, 2.0, 99.0),
            0.105_823_926_347_826_45,
            1e-10,
        );
        close(
            exceedance_sf(80.0, 1000.0, 41.0, 960.0),
            0.000_107_235_926_218_711_13,
            1e-9,
        );
        close(
            exceedance_sf(30.0, 100_000.0, 1.0, 100_000.0),
            9.292_988_511_063_714e-10,
            1e-8,
        );
    }

    proptest! {
        #[test]
        fn the_critical_count_is_the_first_that_is_rare_enough(rows in 1u16..400, a in 1u16..40, b in 1u16..400, level in 0.0001f64..0.4) {
            let [rows, a, b] = [rows, a, b].map(f64::from);
            let k = exceedance_isf(level, rows, a, b);
            prop_assert!(k > rows || exceedance_sf(k, rows, a, b) <= level);
            prop_assert!(exceedance_sf(k - 1.0, rows, a, b) > level);
        }
    }
}
