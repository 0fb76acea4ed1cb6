//! The two-sample Cramér-von Mises test.

use crate::pooled::walk;
use crate::root::decreasing_root;
use crate::sample::Sample;
use core::f64::consts::{FRAC_PI_2, PI};

/// Largest size of either sample for which the p-value comes from the exact law.
pub const EXACT_ROWS_MAX: f64 = 20.0;

/// Outcome of [`cramer_von_mises`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CramerVonMises {
    /// The criterion T, with midranks for ties; about 1/6 on average without drift, whatever the sizes.
    pub statistic: f64,
    /// Two-sided p-value in `[0, 1]`.
    pub p_value: f64,
    /// The effect `integral (F - G)^2 dH`, `H` the pooled distribution function, each made continuous by a straight line through its
    /// jumps. Range `[0, 1/3]`, `1/3` for samples that do not overlap; `0` for equal distributions; without ties nearly
    /// `statistic (n + m) / (n m)`.
    pub omega_squared: f64,
    /// Whether some pooled value occurs more than once.
    pub tied: bool,
}

impl CramerVonMises {
    /// Criterion and p-value as they should be with ties: `T = omega_squared n m / (n + m) + 1 / (6 (n + m))`, by the limit law.
    ///
    /// Without ties that is [`CramerVonMises::statistic`]. With them the midranks of the usual formula add about
    /// `sum(f^3) (n^2 - m^2)^2 / (12 n m (n + m))` for values with shares `f`, also without drift: six values and 1000 and 100 rows are
    /// then called different every time (by `SciPy` too). This one keeps the level, and errs to the safe side where ties are many.
    pub fn corrected_for_ties(&self, n: f64, m: f64) -> (f64, f64) {
        let all = n + m;
        let statistic = self.omega_squared * (n * m / all) + 1.0 / (6.0 * all);
        let p_value = if self.omega_squared > 0.0 {
            limit_sf(normalised(statistic, n, m))
        } else {
            1.0
        };
        (statistic, p_value)
    }
}

/// Tests whether two samples come from one distribution, by the mean squared distance of their distribution functions.
///
/// `T = U / (n m N) - (4 n m - 1) / (6 N)`, `N = n + m`, `U = n sum((r_i - i)^2) + m sum((s_j - j)^2)` with the midranks `r`, `s` of the two
/// samples, evaluated from `F - G` itself so that large samples lose no digits. Symmetric, `O(distinct)`. Statistic and p-value
/// equal `scipy.stats.cramervonmises_2samp(method='auto')`: exact for whole counts and at most [`EXACT_ROWS_MAX`] rows in each
/// sample (as there, the exact law is that without ties), else the limit law at `T` brought to the mean and variance of the limit. If all
/// pooled values are equal the p-value is 1 (`SciPy` can give 0.0096).
/// Source: Anderson (1962), "On the Distribution of the Two-Sample Cramér-von Mises Criterion"; Xiao, Gordon & Yakovlev (2006) for the
/// exact law.
pub fn cramer_von_mises(reference: &Sample<'_>, current: &Sample<'_>) -> CramerVonMises {
    let (n, m) = (reference.rows(), current.rows());
    let all = n + m;
    let (mut below, mut above) = (0.0, 0.0); // Rows so far.
    let (mut squares, mut ties, mut ranks) = (0.0, 0.0, 0.0);
    let mut tied = false;
    walk(reference, current, |step| {
        let (p, q) = (step.reference, step.current);
        let before = below * m - above * n;
        tied |= p + q > 1.0;
        // 4 n sum((r_i - i)^2) over the rows of this value, whose midrank exceeds their ranks by `above + q / 2` on average.
        let (lead, lag) = (2.0 * above + q, 2.0 * below + p);
        ranks +=
            n * p * (lead * lead + (p * p - 1.0) / 3.0) + m * q * (lag * lag + (q * q - 1.0) / 3.0);
        below += p;
        above += q;
        let after = below * m - above * n;
        squares += (p + q) * ((before * before + before * after + after * after) / 3.0);
        ties += (p * p - q * q) * (n * p - m * q);
    });
    // With D = n m (F - G) on straight lines, U = integral(D^2) / N + 2 n^2 m^2 / 3 + (sum((p^2 - q^2) (n p - m q)) - n^2 - m^2) / 12: the large
    // middle term, which would swallow the digits of the rest, is the one that T subtracts.
    let statistic = (squares / all + (ties - n * n - m * m + 2.0 * n * m) / 12.0) / (n * m * all);
    let omega_squared = (squares / all / n / m / n / m).clamp(0.0, 1.0 / 3.0);
    let constant =
        reference.minimum() == current.maximum() && current.minimum() == reference.maximum();
    let small = n.max(m) <= EXACT_ROWS_MAX && is_whole(reference) && is_whole(current);
    let p_value = if constant {
        1.0
    } else if small {
        exact_sf(ranks, n, m)
    } else {
        limit_sf(normalised(statistic, n, m))
    };
    CramerVonMises {
        statistic,
        p_value,
        omega_squared,
        tied,
    }
}

/// `P(W > x)` of the limit law of the one-sample criterion, `W = integral of B(t)^2 dt` for a Brownian bridge `B`.
///
/// From the inversion formula `P = 2/pi sum_k (-1)^(k+1) integral over ((2k-1) pi, 2k pi) of exp(-x u^2 / 2) / sqrt(-u sin u) du`.
/// The substitution `u = (2k - 1) pi + (1 - cos a) pi / 2` removes both poles, so the midpoint rule in `a` converges faster than any power. The
/// first term dominates the tail: relative accuracy about `1e-11` to the smallest `f64`, and no cancellation.
/// Range `[0, 1]`, decreasing; `1` below `x = 0.003`, where less than `2e-18` is missing.
/// Source: Smirnov (1936); Anderson & Darling (1952), "Asymptotic Theory of Certain Goodness of Fit Criteria", section 4.
pub fn limit_sf(x: f64) -> f64 {
    if x.is_nan() || x < 0.003 {
        return 1.0;
    }
    let nodes = if x < 4.0 {
        64.0
    } else {
        (64.0 + 16.0 * x.sqrt()).min(400.0_f64).floor()
    };
    let (mut sum, mut k) = (0.0, 1.0);
    loop {
        let start = (2.0 * k - 1.0) * PI;
        let (mut part, mut node) = (0.0, 0.5);
        while node < nodes {
            // v = (1 - cos a) pi / 2 and dv = sin a da pi / 2, both from half the angle so that small ones keep their digits.
            let half_angle = FRAC_PI_2 * node / nodes;
            let (sine, cosine) = (libm::sin(half_angle), libm::cos(half_angle));
            let v = PI * sine * sine;
            let near = PI
                * if sine < cosine {
                    sine * sine
                } else {
                    cosine * cosine
                };
            let u = start + v;
            part += libm::exp(-0.5 * x * u * u) * sine * cosine / (u * libm::sin(near)).sqrt();
            node += 1.0;
        }
        // da = pi / nodes; the factor pi / 2 of dv, and sin a = 2 sin(a/2) cos(a/2).
        part *= PI / nodes * PI;
        sum += if k % 2.0 == 1.0 { part } else { -part };
        k += 1.0;
        if part <= sum.abs() * 1e-17 {
            break;
        }
    }
    (2.0 / PI * sum).clamp(0.0, 1.0)
}

/// The criterion T that windows of `n` and `m` rows exceed with probability `level` without drift, by the limit law.
///
/// `level` in `(0, 1)`; below `1e-300` as at `1e-300`. `0` for a window without rows.
pub fn cramer_von_mises_critical_value(n: f64, m: f64, level: f64) -> f64 {
    let target = libm::log(level.max(1e-300));
    let excess = |x| libm::log(limit_sf(x).max(f64::from_bits(1))) - target;
    let limit = decreasing_root(0.0, 200.0, 1e-12, excess);
    let (mean, scale) = mean_and_scale(n, m);
    (mean + (limit - 1.0 / 6.0) * scale).max(0.0)
}

/// `T` shifted and scaled from its own mean and variance to those of the limit, 1/6 and 1/45.
fn normalised(statistic: f64, n: f64, m: f64) -> f64 {
    let (mean, scale) = mean_and_scale(n, m);
    if scale > 0.0 {
        1.0 / 6.0 + (statistic - mean) / scale
    } else {
        0.0
    }
}

/// Mean of `T` without drift, and `sqrt(45)` times its standard deviation; zeros for a window without rows.
fn mean_and_scale(n: f64, m: f64) -> (f64, f64) {
    let (all, product) = (n + m, n * m);
    if product.is_nan() || product <= 0.0 {
        return (0.0, 0.0);
    }
    let mean = (1.0 + 1.0 / all) / 6.0;
    let numerator = (all + 1.0) * (4.0 * product * all - 3.0 * (n * n + m * m) - 2.0 * product);
    let variance = numerator / (45.0 * all * all * 4.0 * product);
    (mean, (45.0 * variance).max(0.0).sqrt())
}

fn is_whole(sample: &Sample<'_>) -> bool {
    sample.counts().iter().all(|count| count.fract() == 0.0)
}

/// Share of the orders of `n + m` distinct rows whose `U` is at least a quarter of `ranks`.
///
/// An order is a lattice path; with `l = lcm(n, m)`, `Z = l^2 sum((F - G)^2)` adds up along it in whole numbers and rises with `U`. The
/// frequencies of `Z` at every lattice point follow from those of its two neighbours. Values that have reached the observed one are one.
fn exact_sf(ranks: f64, n: f64, m: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers of at most 20 rows"
    )]
    let (ranks, n, m) = (ranks as i64, n as u32, m as u32);
    let divisor = (1..=n.min(m))
        .rev()
        .find(|d| n % d == 0 && m % d == 0)
        .unwrap_or(1);
    let (across, up) = (i64::from(m / divisor), i64::from(n / divisor)); // Steps of `l (i / n)` and `l (j / m)`.
    let lcm = across * i64::from(n);
    let product = i64::from(n * m);
    let excess = 6 * ranks - 4 * product * (4 * product - 1);
    let observed = (lcm * lcm * i64::from(n + m) * excess).div_euclid(24 * product * product);
    if observed <= 0 {
        return 1.0;
    }
    let mut line: Vec<Vec<(i64, f64)>> = vec![Vec::new(); m as usize + 1];
    for i in 0..=n {
        let mut beside: Vec<(i64, f64)> = Vec::new();
        for (j, cell) in (0..=m).zip(&mut line) {
            let gap = across * i64::from(i) - up * i64::from(j);
            let mut here = if i + j == 0 {
                vec![(0, 1.0)]
            } else {
                merge(cell, &beside)
            };
            for (value, _) in &mut here {
                *value += gap * gap;
            }
            cap(&mut here, observed);
            cell.clone_from(&here);
            beside = here;
        }
    }
    let frequencies = &line[m as usize];
    let all: f64 = frequencies.iter().map(|(_, frequency)| frequency).sum();
    let extreme: f64 = frequencies
        .iter()
        .filter(|(value, _)| *value >= observed)
        .map(|(_, frequency)| frequency)
        .sum();
    extreme / all
}

/// Sum of two tables of frequencies, both ascending in value.
fn merge(a: &[(i64, f64)], b: &[(i64, f64)]) -> Vec<(i64, f64)> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            core::cmp::Ordering::Less => {
                merged.push(a[i]);
                i += 1;
            }
            core::cmp::Ordering::Greater => {
                merged.push(b[j]);
                j += 1;
            }
            core::cmp::Ordering::Equal => {
                merged.push((a[i].0, a[i].1 + b[j].1));
                i += 1;
                j += 1;
            }
        }
    }
    merged.extend_from_slice(&a[i..]);
    merged.extend_from_slice(&b[j..]);
    merged
}

/// Makes every value above `limit` equal to it.
fn cap(frequencies: &mut Vec<(i64, f64)>, limit: i64) {
    let from = frequencies.partition_point(|(value, _)| *value < limit);
    let beyond: f64 = frequencies[from..]
        .iter()
        .map(|(_, frequency)| frequency)
        .sum();
    frequencies.truncate(from);
    if beyond > 0.0 {
        frequencies.push((limit, beyond));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_critical_value_is_where_the_p_value_is_the_level() {
        for (n, m) in [(30.0, 50.0), (1e4, 1e5)] {
            for level in [0.5, 0.05, 1e-6, 1e-40] {
                let critical = cramer_von_mises_critical_value(n, m, level);
                let p_value = limit_sf(normalised(critical, n, m));
                assert!(
                    (p_value / level - 1.0).abs() < 1e-9,
                    "{n} {m} {level}: {p_value}"
                );
            }
        }
    }
    use crate::check::{close, sample};
    use proptest::prelude::*;

    fn test_of(a: &[f64], b: &[f64]) -> CramerVonMises {
        cramer_von_mises(&sample(a).as_sample(), &sample(b).as_sample())
    }

    #[test]
    fn disjoint_samples_have_the_largest_effect() {
        let far = test_of(&[1.0, 2.0, 3.0], &[7.0, 8.0]);
        close(far.omega_squared, 1.0 / 3.0, 1e-14);
        // Two of the ten orders.
        close(far.p_value, 0.2, 1e-14);
    }

    #[test]
    fn equal_samples_have_none() {
        let same = test_of(&[1.0, 2.0, 2.0, 5.0], &[1.0, 2.0, 2.0, 5.0]);
        assert_eq!(same.omega_squared, 0.0);
        assert_eq!(test_of(&[3.0; 30], &[3.0; 40]).p_value, 1.0);
    }

    #[test]
    fn the_limit_law_equals_scipy_1_17_1() {
        // 1 - scipy.stats._hypotests._cdf_cvm_inf(x), and the quantiles of Anderson & Darling (1952), table 1.
        close(limit_sf(0.118_88), 0.5, 2e-5);
        close(limit_sf(0.461_36), 0.05, 2e-5);
        close(limit_sf(1.167_86), 0.001, 2e-4);
    }

    #[test]
    fn a_critical_value_has_its_level_as_p_value() {
        for level in [0.5, 0.05, 1e-3, 1e-30] {
            let critical = cramer_von_mises_critical_value(300.0, 200.0, level);
            close(limit_sf(normalised(critical, 300.0, 200.0)), level, 1e-8);
        }
        assert_eq!(cramer_von_mises_critical_value(0.0, 9.0, 0.05), 0.0);
    }

    #[test]
    fn equals_scipy_1_17_1() {
        // scipy.stats.cramervonmises_2samp: 30 against 25 rows with the limit law, 7 against 6 with the exact one.
        let x: Vec<f64> = (0..30_i32).map(|i| f64::from(i * i % 31)).collect();
        let y: Vec<f64> = (0..25_i32).map(|i| f64::from(i * i % 29 + 6)).collect();
        let large = test_of(&x, &y);
        close(large.statistic, 1.092_363_636_363_636_2, 1e-12);
        close(large.p_value, 0.001_449_803_606_466_293_4, 1e-7);
        let small = test_of(&x[..7], &y[..6]);
        close(small.statistic, 0.271_062_271_062_271, 1e-12);
        close(small.p_value, 0.176_573_426_573_426_56, 1e-12);
    }

    #[test]
    fn the_far_tail_is_that_of_its_leading_term() {
        // 2 sqrt(2 / (pi x pi)) ... : the ratio of neighbours falls as exp(-pi^2 / 2) per unit, times a slowly varying power.
        let (near, far) = (limit_sf(50.0), limit_sf(51.0));
        assert!(far > 0.0 && (far / near / libm::exp(-0.5 * PI * PI) - 1.0).abs() < 0.02);
        assert_eq!(
            (limit_sf(1e6), limit_sf(0.0), limit_sf(f64::NAN)),
            (0.0, 1.0, 1.0)
        );
    }

    proptest! {
        #[test]
        fn symmetric_and_bounded(a in prop::collection::vec(-9i8..9, 1..30), b in prop::collection::vec(-9i8..9, 1..12)) {
            let a: Vec<f64> = a.into_iter().map(f64::from).collect();
            let b: Vec<f64> = b.into_iter().map(f64::from).collect();
            let (there, back) = (test_of(&a, &b), test_of(&b, &a));
            prop_assert!((0.0..=1.0).contains(&there.p_value) && there.statistic.is_finite());
            prop_assert!((0.0..=1.0 / 3.0).contains(&there.omega_squared));
            prop_assert!((there.p_value - back.p_value).abs() < 1e-9);
            prop_assert!((there.statistic - back.statistic).abs() < 1e-9);
        }
    }
}
