//! The regularised incomplete beta function.

use crate::gamma::ln_gamma;

/// `I_x(a, b) = integral_0^x t^(a-1) (1-t)^(b-1) dt / B(a, b)`, the distribution function of the beta law.
///
/// For `a, b > 0`; `x` outside `[0, 1]` is taken to the nearer end. Range `[0, 1]`, relative error about `1e-12` for `a` and `b` up to
/// `1e5`, and `1e-9` up to `1e8`, where the logarithm of the front factor is what is lost.
/// Source: NIST Digital Library of Mathematical Functions, 8.17.22 (continued fraction), by Lentz's method.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = libm::exp(
        ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * libm::log(x) + b * libm::log1p(-x),
    );
    let result = if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    };
    result.clamp(0.0, 1.0)
}

/// `1 / (1 + d_1 / (1 + d_2 / (1 + ...)))`, which converges fast left of the mean.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let away = |y: f64| if y.abs() < TINY { TINY } else { y };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    let mut k = 1.0;
    while k < STEPS_MAX {
        let even = k * (b - k) * x / ((a + 2.0 * k - 1.0) * (a + 2.0 * k));
        let odd = -(a + k) * (a + b + k) * x / ((a + 2.0 * k) * (a + 2.0 * k + 1.0));
        let mut factor = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / away(1.0 + coefficient * d);
            c = away(1.0 + coefficient / c);
            factor = c * d;
            result *= factor;
        }
        if (factor - 1.0).abs() < 1e-16 {
            break;
        }
        k += 1.0;
    }
    result
}

const TINY: f64 = 1e-300;
/// Steps of the fraction at most; it takes some `sqrt(max(a, b))`.
const STEPS_MAX: f64 = 1e5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use proptest::prelude::*;
    use statrs::function::beta::beta_reg;

    #[test]
    fn whole_orders_are_polynomials() {
        // I_x(2, 3) = x^2 (6 - 8 x + 3 x^2).
        close(beta_cdf(0.3, 2.0, 3.0), 0.09 * (6.0 - 2.4 + 0.27), 1e-13);
        close(beta_cdf(0.9, 1.0, 1.0), 0.9, 1e-14);
        assert_eq!(
            (beta_cdf(-1.0, 2.0, 3.0), beta_cdf(1.0, 2.0, 3.0)),
            (0.0, 1.0)
        );
    }

    proptest! {
        #[test]
        fn agrees_with_statrs_and_mirrors(a in 0.1f64..500.0, b in 0.1f64..500.0, x in 0.001f64..0.999) {
            prop_assert!((beta_cdf(x, a, b) - beta_reg(a, b, x)).abs() < 1e-10);
            prop_assert!((beta_cdf(x, a, b) + beta_cdf(1.0 - x, b, a) - 1.0).abs() < 1e-10);
        }
    }
}
