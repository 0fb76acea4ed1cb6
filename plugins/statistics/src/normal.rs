//! The standard normal law.

use crate::root::decreasing_root;
use core::f64::consts::FRAC_1_SQRT_2;

/// Survival function `P(Z > x)` of the standard normal law. Range `[0, 1]`, relative accuracy down to the smallest `f64`.
pub fn normal_sf(x: f64) -> f64 {
    0.5 * libm::erfc(x * FRAC_1_SQRT_2)
}

/// The `x` with `P(Z > x) = p`, to about `1e-14`. `p <= 0` gives `+inf`, `p >= 1` gives `-inf`.
pub fn normal_isf(p: f64) -> f64 {
    if p <= 0.0 {
        f64::INFINITY
    } else if p >= 1.0 {
        f64::NEG_INFINITY
    } else if p > 0.5 {
        -normal_isf(1.0 - p)
    } else {
        let target = libm::log(p);
        decreasing_root(0.0, 40.0, 1e-15, |x| {
            libm::log(normal_sf(x).max(f64::from_bits(1))) - target
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    #[test]
    fn equals_scipy_1_17_1() {
        // scipy.stats.norm.sf and norm.isf
        close(normal_sf(1.959_963_984_540_054), 0.025, 1e-14);
        close(normal_sf(10.0), 7.619_853_024_160_47e-24, 1e-13);
        close(normal_sf(37.0), 5.725_571_222_523_927e-300, 1e-12);
        close(normal_isf(0.025), 1.959_963_984_540_054, 1e-13);
        close(normal_isf(1e-300), 37.047_096_299_361_2, 1e-13);
        close(normal_isf(0.9), -1.281_551_565_544_600_4, 1e-13);
        assert_eq!(normal_isf(0.5), 0.0);
    }

    #[test]
    fn the_ends_are_infinite() {
        assert_eq!(
            (normal_isf(0.0), normal_isf(1.0)),
            (f64::INFINITY, f64::NEG_INFINITY)
        );
    }
}
