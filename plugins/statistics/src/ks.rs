//! The two-sample Kolmogorov-Smirnov test.

use crate::kolmogorov::{kolmogorov_isf, kolmogorov_sf};
use crate::lattice::{gcd, outside_share};
use crate::pooled::walk;
use crate::sample::Sample;

/// Largest size of either sample for which the p-value comes from the exact law.
pub const EXACT_ROWS_MAX: f64 = 10_000.0;

/// `D = max |F(x) - G(x)|` over the pooled values, the distribution functions continuous from the right.
///
/// Computed from whole counts and rounded once, so ties cost nothing. Range `[0, 1]`, `1` for samples that do not overlap; `0` for
/// equal distributions; symmetric. Source: Smirnov (1939).
pub fn ks_statistic(reference: &Sample<'_>, current: &Sample<'_>) -> f64 {
    let (n, m) = (reference.rows(), current.rows());
    let (mut below, mut above, mut largest) = (0.0, 0.0, 0.0_f64);
    walk(reference, current, |step| {
        below += step.reference;
        above += step.current;
        largest = largest.max((below * m - above * n).abs());
    });
    (largest / (n * m)).min(1.0)
}

/// P-value of `d = D` for samples of `n` and `m` rows. Equals `scipy.stats.ks_2samp(method='auto')`.
///
/// Exact if neither sample has more than [`EXACT_ROWS_MAX`] rows, `d` first rounded to the multiple of `1 / lcm(n, m)` it stands for;
/// else the law of one sample of `round(n m / (n + m))` rows. Both hold for continuous data; with ties the p-value is too large,
/// never too small. Range `[0, 1]`; `d <= 0` gives 1, and so does a sample without rows, which says nothing.
/// Source: Hodges (1958), "The Significance Probability of the Smirnov Two-Sample Test"; Simard & L'Ecuyer (2011).
pub fn ks_p_value(d: f64, n: f64, m: f64) -> f64 {
    let (n, m) = (n.round(), m.round());
    if !(d > 0.0 && n >= 1.0 && m >= 1.0) {
        return 1.0;
    }
    if n.max(m) > EXACT_ROWS_MAX {
        return kolmogorov_sf(effective_rows(n, m), d);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers from 1 to 10,000"
    )]
    let (n, m) = (n as u32, m as u32);
    let lcm = u64::from(n) / gcd(u64::from(n), u64::from(m)) * u64::from(m);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1e8"
    )]
    let h = (d.min(1.0) * lcm as f64).round_ties_even() as u64;
    outside_share(n, m, h)
}

/// The bound that `D` of samples of `n` and `m` rows is above exactly where [`ks_p_value`] is at most `level`.
///
/// Where that is exact, `D` takes only multiples of `1 / lcm(n, m)`, and the bound lies half a step below the first of them whose
/// p-value is small enough, so that no rounding of `D` decides; else it is the critical value of the large-sample law. Range `(0, 1]`;
/// `1` where no `D` is significant, and where a sample has no rows. Exact, it takes about five times as long as the p-value.
pub fn ks_critical_value(n: f64, m: f64, level: f64) -> f64 {
    let (n, m) = (n.round(), m.round());
    if !(n >= 1.0 && m >= 1.0) {
        return 1.0;
    }
    let rows = effective_rows(n, m);
    let law = kolmogorov_isf(rows, level);
    if n.max(m) > EXACT_ROWS_MAX {
        return law;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers from 1 to 10,000"
    )]
    let (n, m) = (n as u32, m as u32);
    let lcm = u64::from(n) / gcd(u64::from(n), u64::from(m)) * u64::from(m);
    let steps = lcm as f64;
    // In sqrt(-ln(p / 2)) the law is close to a straight line through the origin, so secants land next to the root.
    let line = |p: f64| (-libm::log(0.5 * p)).sqrt();
    let target = line(level);
    let mut slope = (2.0 * rows as f64).sqrt() / steps;
    let mut next = law * steps;
    let (mut low, mut high) = (0, lcm + 1); // Not significant; significant, or beyond what `D` can be.
    let mut last: Option<(f64, f64)> = None;
    let mut turn = 0;
    while high - low > 1 {
        turn += 1;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the bracket"
        )]
        let h = if turn > 12 || !next.is_finite() {
            low + (high - low) / 2
        } else {
            (next.ceil().max(0.0) as u64).clamp(low + 1, high - 1)
        };
        let p = outside_share(n, m, h);
        if p <= level {
            high = h;
        } else {
            low = h;
        }
        let here = (h as f64, line(p));
        if let Some(last) = last
            && (here.1 > last.1) == (here.0 > last.0)
            && (here.0 - last.0).abs() > 1.0
        {
            slope = (here.1 - last.1) / (here.0 - last.0);
        }
        next = here.0 + (target - here.1) / slope;
        last = Some(here);
    }
    ((high as f64 - 0.5) / steps).min(1.0)
}

/// `n m / (n + m)`, rounded as `NumPy` does, at least 1.
fn effective_rows(n: f64, m: f64) -> u64 {
    let (small, large) = (n.min(m), n.max(m));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and below either size"
    )]
    let rows = (large * small / (large + small)).round_ties_even() as u64;
    rows.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{close, sample};
    use proptest::prelude::*;

    fn statistic(a: &[f64], b: &[f64]) -> f64 {
        ks_statistic(&sample(a).as_sample(), &sample(b).as_sample())
    }

    #[test]
    fn ties_step_together() {
        // F is 1/3, 1/3, 1 at 1, 2, 3; G is 0, 1/2, 1.
        close(statistic(&[1.0, 3.0, 3.0], &[2.0, 3.0]), 1.0 / 3.0, 1e-15);
        assert_eq!(statistic(&[1.0, 2.0], &[5.0]), 1.0);
    }

    #[test]
    fn p_values_equal_scipy_1_17_1() {
        // scipy.stats.ks_2samp of samples with this D and these sizes.
        close(
            ks_p_value(0.23, 100.0, 100.0),
            0.009_878_183_186_176_536,
            1e-12,
        );
        close(ks_p_value(0.3, 50.0, 30.0), 0.056_429_100_335_558_46, 1e-12);
        close(
            ks_p_value(0.2, 2000.0, 3000.0),
            1.950_486_470_532_544e-42,
            1e-10,
        );
        close(
            ks_p_value(0.03, 20_000.0, 5000.0),
            0.001_462_075_206_936_170_4,
            1e-6,
        );
    }

    #[test]
    fn no_difference_or_no_rows_is_no_evidence() {
        assert_eq!(
            (
                ks_p_value(0.0, 10.0, 10.0),
                ks_p_value(1.0, 0.0, 10.0),
                ks_p_value(f64::NAN, 9.0, 9.0)
            ),
            (1.0, 1.0, 1.0)
        );
        assert_eq!(ks_p_value(1.0, 1.0, 1.0), 1.0);
        assert_eq!(ks_critical_value(0.0, 5.0, 0.05), 1.0);
    }

    #[test]
    fn the_critical_value_is_that_of_the_large_sample_law() {
        // Kolmogorov: 1.358 sqrt(2 / 10,000), a little less for finite samples.
        for rows in [10_000.0, 10_001.0] {
            let critical = ks_critical_value(rows, rows, 0.05);
            assert!(
                (critical / (1.3581 * 0.02_f64.sqrt() / 10.0) - 1.0).abs() < 0.01,
                "{critical}"
            );
        }
    }

    #[test]
    fn above_the_exact_critical_value_is_significant_and_below_it_is_not() {
        for (n, m) in [
            (1_u64, 1_u64),
            (3, 4),
            (5, 5),
            (8, 12),
            (30, 30),
            (30, 31),
            (100, 77),
            (200, 200),
            (500, 499),
            (1000, 100),
        ] {
            let (rows_n, rows_m) = (n as f64, m as f64);
            let lcm = rows_n * rows_m / gcd(n, m) as f64;
            for level in [0.5, 0.05, 0.0123, 1e-3, 1e-9, 1e-300] {
                let critical = ks_critical_value(rows_n, rows_m, level);
                let above = (critical * lcm).ceil();
                assert!(above / lcm > critical || critical == 1.0);
                assert!(
                    critical == 1.0 || ks_p_value(above / lcm, rows_n, rows_m) <= level,
                    "{n} {m} {level}"
                );
                assert!(
                    ks_p_value((above - 1.0) / lcm, rows_n, rows_m) > level,
                    "{n} {m} {level}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn symmetric_bounded_and_zero_on_equal_input(a in prop::collection::vec(-9i8..9, 1..40), b in prop::collection::vec(-9i8..9, 1..40)) {
            let a: Vec<f64> = a.into_iter().map(f64::from).collect();
            let b: Vec<f64> = b.into_iter().map(f64::from).collect();
            let d = statistic(&a, &b);
            prop_assert!((0.0..=1.0).contains(&d));
            prop_assert_eq!(d, statistic(&b, &a));
            prop_assert_eq!(statistic(&a, &a), 0.0);
            let (n, m) = (a.len() as f64, b.len() as f64);
            let p = ks_p_value(d, n, m);
            prop_assert!((0.0..=1.0).contains(&p));
            prop_assert!((p - ks_p_value(d, m, n)).abs() <= 1e-12 * p);
        }
    }
}
