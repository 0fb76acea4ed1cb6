//! Student's law.

use crate::beta::beta_cdf;
use crate::normal::{normal_isf, normal_sf};
use crate::root::decreasing_root;

/// Degrees from which the normal law stands in: there the two differ by less than `1e-6` in a tail of 5%.
const NORMAL_FROM: f64 = 1e6;

/// Survival function `P(T > t)` of Student's law with `degrees > 0`. Range `[0, 1]`; a relative error of about `1e-11`.
///
/// Source: Student (1908), "The Probable Error of a Mean"; for `t >= 0` it is `I_x(degrees / 2, 1 / 2) / 2`, `x = degrees / (degrees + t^2)`.
pub fn student_sf(t: f64, degrees: f64) -> f64 {
    if degrees >= NORMAL_FROM {
        return normal_sf(t);
    }
    let square = t * t;
    let half = 0.5 * beta_cdf(degrees / (degrees + square), 0.5 * degrees, 0.5);
    if t >= 0.0 { half } else { 1.0 - half }
}

/// The `t >= 0` with `P(T > t) = p`, for `p` in `(0, 1/2]`: to about `1e-12`, at most [`REACH`]. Larger `p` give `0`.
pub fn student_isf(p: f64, degrees: f64) -> f64 {
    if degrees >= NORMAL_FROM {
        return normal_isf(p).clamp(0.0, REACH);
    }
    let target = libm::log(p.max(f64::MIN_POSITIVE));
    decreasing_root(0.0, REACH, 1e-14, |t| {
        libm::log(student_sf(t, degrees).max(f64::MIN_POSITIVE)) - target
    })
}

/// No quantile is beyond this, however few the degrees.
pub const REACH: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    #[test]
    fn equals_scipy_1_17_1() {
        // scipy.stats.t.sf and t.isf
        close(student_sf(2.0, 1.0), 0.147_583_617_650_433_26, 1e-12);
        close(student_sf(2.5, 30.0), 0.009_057_824_534_033_344, 1e-10);
        close(student_isf(0.025, 10.0), 2.228_138_851_986_273_5, 1e-11);
        close(student_isf(0.025, 98.3), 1.984_391_761_978_958_9, 1e-10);
        assert_eq!(student_isf(0.5, 7.0), 0.0);
        assert_eq!(student_sf(0.0, 7.0), 0.5);
    }

    #[test]
    fn many_degrees_are_normal() {
        close(student_sf(1.96, 9e5), normal_sf(1.96), 1e-5);
        assert_eq!(student_sf(1.96, 1e7), normal_sf(1.96));
    }
}
