//! The law of the two-sided Kolmogorov-Smirnov statistic of one sample.

use crate::durbin::durbin_cdf;
use crate::gamma::stirling_remainder;
use crate::pelz_good::pelz_good_cdf;
use crate::root::decreasing_root;
use crate::smirnov::smirnov_sf;
use core::f64::consts::TAU;

/// `P(D_n >= d)` with `D_n = sup |F_n - F|` for `n >= 1` rows of a continuous law. Equals `scipy.stats.kstwo.sf(d, n)`.
///
/// Range `[0, 1]`, decreasing in `d` up to 3 parts in a million where the methods meet; `1` for `d <= 1 / (2 n)`, `0` for `d >= 1`.
/// Exact for `n <= 140`; above that Pelz and Good's series where `n d^2 < 2.2`, beyond it twice the one-sided law, which leaves out a
/// chance smaller by the factor `exp(-6 n d^2)`. `n = 0` is taken as 1; a NaN `d` gives 1.
/// Some microseconds; a tenth of a millisecond where the exact law is used.
/// Source: Simard & L'Ecuyer (2011), "Computing the Two-Sided Kolmogorov-Smirnov Distribution".
pub fn kolmogorov_sf(n: u64, d: f64) -> f64 {
    let n = n.max(1);
    let rows = n as f64;
    let t = rows * d;
    if d >= 1.0 {
        return 0.0;
    }
    if t.is_nan() || t <= 0.5 {
        return 1.0;
    }
    if t <= 1.0 {
        // One corridor only: n! (2 d - 1 / n)^n (Ruben & Gambino 1982). Also n! / n^n = sqrt(2 pi n) exp(remainder - n).
        let log = rows * (libm::log(2.0 * t - 1.0) - 1.0) + stirling_remainder(rows);
        return 1.0 - libm::exp(log) * (TAU * rows).sqrt();
    }
    let one_sided = || {
        (2.0 * if rows > EXACT_ROWS_MAX {
            maag_dicaire_sf(rows, d)
        } else {
            smirnov_sf(rows, d)
        })
        .min(1.0)
    };
    let square = t * d;
    if d >= 0.5 || t >= rows - 1.0 {
        return one_sided(); // Both sides cannot be that far off at once.
    }
    let exact = |n: u32| 1.0 - durbin_cdf(n, d);
    match u32::try_from(n) {
        Ok(n) if n <= SMALL && square <= SMALL_TAIL => exact(n),
        _ if n <= u64::from(SMALL) || square >= LARGE_TAIL => one_sided(),
        Ok(n) if n <= MEDIUM && t * d.sqrt() <= MEDIUM_HEAD => exact(n),
        _ => 1.0 - pelz_good_cdf(rows, d),
    }
}

/// Critical value: the `d` with `P(D_n >= d) = p`, to about `1e-11` relative. `p <= 0` gives `1`, `p >= 1` gives `1 / (2 n)`.
pub fn kolmogorov_isf(n: u64, p: f64) -> f64 {
    let rows = n.max(1) as f64;
    let lowest = 0.5 / rows;
    if p <= 0.0 {
        return 1.0;
    }
    if p.is_nan() || p >= 1.0 {
        return lowest;
    }
    let target = libm::log(p);
    let excess = |d: f64| libm::log(kolmogorov_sf(n, d).max(f64::from_bits(1))) - target;
    // Massart (1990): P(D_n >= d) <= 2 exp(-2 n d^2), and not far below for large n.
    let highest = (0.5 * (core::f64::consts::LN_2 - target) / rows)
        .sqrt()
        .min(1.0);
    let guess = 0.9 * highest;
    if guess > lowest && excess(guess) > 0.0 {
        decreasing_root(guess, highest, 1e-13, excess)
    } else {
        decreasing_root(lowest, highest, 1e-13, excess)
    }
}

/// The one-sided law of a very large sample: `exp(-(6 n d + 1)^2 / (18 n))`.
///
/// Kept because `SciPy` uses it above [`EXACT_ROWS_MAX`], and numbers are to agree with it; it is above the exact sum by 2 parts in a
/// million where `p = 0.01`, by 3 in a hundred thousand where `p = 3e-8`, by half a per cent where `p = 1e-87`.
/// Source: Maag & Dicaire (1971), "On Kolmogorov-Smirnov Type One-Sample Statistics".
fn maag_dicaire_sf(n: f64, d: f64) -> f64 {
    let root = 6.0 * n * d + 1.0;
    libm::exp(-root * root / (18.0 * n))
}

/// Up to this size the one-sided law is summed exactly.
const EXACT_ROWS_MAX: f64 = 1e6;

/// Up to this size the law is computed exactly.
const SMALL: u32 = 140;

/// Up to this size the law is computed exactly near its head, where the series is not yet good.
const MEDIUM: u32 = 1000;

/// `n d^(3/2)` below which the series is not yet good to a part in a million.
const MEDIUM_HEAD: f64 = 1.4;

/// `n d^2` above which, for small `n`, both sides at once add less than `5e-9` of the result.
const SMALL_TAIL: f64 = 3.2;

/// `n d^2` above which, for large `n`, twice the one-sided law is better than the series.
const LARGE_TAIL: f64 = 2.2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    #[test]
    fn equals_scipy_1_17_1() {
        // scipy.stats.kstwo.sf(d, n)
        let cases = [
            (1, 0.7, 0.600_000_000_000_000_1),
            (5, 0.15, 0.9988),
            (10, 0.274, 0.371_520_384_543_495_7),
            (100, 0.05, 0.953_215_971_063_572_5),
            (100, 0.1, 0.252_692_757_006_387_4),
            (100, 0.2, 0.000_555_192_732_798_877_5),
            (100, 0.6, 5.912_822_156_396_238e-35),
            (140, 0.13, 0.015_982_508_324_669_718),
            (141, 0.044_105_922_645_687_2, 0.935_342_148_758_648_9),
            (1000, 0.01, 0.999_949_674_537_061_1),
            (1000, 0.03, 0.322_690_214_391_463_6),
            (1000, 0.1, 3.703_687_096_817_711e-9),
            (1_000_000, 0.001, 0.269_821_074_425_893_76),
            (1_000_000, 0.0136, 4.328_218_916_250_342_5e-161),
            (10_000_000, 0.004, 2.116_594_511_308_945_5e-139),
        ];
        for (n, d, want) in cases {
            close(kolmogorov_sf(n, d), want, 2e-9);
        }
    }

    #[test]
    fn one_row_is_done_by_hand() {
        // D = max(u, 1 - u) for u uniform.
        close(kolmogorov_sf(1, 0.75), 0.5, 1e-15);
        assert_eq!((kolmogorov_sf(1, 0.5), kolmogorov_sf(1, 1.0)), (1.0, 0.0));
        assert_eq!(
            (
                kolmogorov_sf(9, f64::NAN),
                kolmogorov_sf(9, -1.0),
                kolmogorov_sf(9, 2.0)
            ),
            (1.0, 1.0, 0.0)
        );
    }

    #[test]
    fn a_critical_value_has_its_level_as_p_value() {
        for n in [2, 10, 140, 141, 5000, 2_000_000] {
            for p in [0.9, 0.2, 0.05, 0.001, 1e-9] {
                close(kolmogorov_sf(n, kolmogorov_isf(n, p)), p, 4e-6);
            }
        }
        assert_eq!(
            (kolmogorov_isf(10, 0.0), kolmogorov_isf(10, 1.0)),
            (1.0, 0.05)
        );
    }

    #[test]
    fn the_tail_falls_everywhere() {
        for n in [3, 50, 140, 141, 3000, 1_000_001] {
            let mut last = 1.0;
            for step in 0..=200 {
                let p = kolmogorov_sf(n, f64::from(step) * 0.005);
                assert!(
                    p <= last * (1.0 + 4e-6) && (0.0..=1.0).contains(&p),
                    "{n} {step}"
                );
                last = p;
            }
        }
    }
}
