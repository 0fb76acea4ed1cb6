//! How much a rate has changed, as a posterior: a difference with an interval, and how sure its sign is.

use crate::beta::beta_cdf;
use crate::gamma::ln_gamma;
use crate::normal::normal_sf;
use crate::root::decreasing_root;

/// The posterior of a difference, current less reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Its mean, in `[-1, 1]`.
    pub mean: f64,
    /// Lower end of the central interval that holds it with probability 95%.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Probability that it is above zero.
    pub above_zero: f64,
}

/// The difference of two rates, each window given as `(hits, rows)` with `0 <= hits <= rows`, from uniform priors.
///
/// Each rate has the beta law with `hits + 1` and `rows - hits + 1` (Bayes 1763, Laplace 1774); the law of the difference is the integral of
/// one density times the other distribution function, by the trapezoid rule over nine standard deviations: good to about `1e-6`. With
/// more than `NORMAL_FROM` rows in both windows the normal law with the same mean and variance stands in.
pub fn rate_difference(reference: (f64, f64), current: (f64, f64)) -> Difference {
    let (p, q) = (Beta::of(reference), Beta::of(current));
    let mean = q.mean() - p.mean();
    let deviation = (p.variance() + q.variance()).sqrt();
    let many = reference.1.min(current.1) > NORMAL_FROM;
    let nodes = if many { Vec::new() } else { p.nodes() };
    let beyond = |x: f64| {
        if many {
            return normal_sf((x - mean) / deviation);
        }
        let above = nodes
            .iter()
            .map(|(at, weight)| weight * (1.0 - q.cdf(at + x)));
        above.sum::<f64>().clamp(0.0, 1.0)
    };
    let end = |share: f64| {
        let (low, high) = (mean - 9.0 * deviation, mean + 9.0 * deviation);
        let shifted = decreasing_root(0.0, high - low, 1e-9, |x| beyond(low + x) - share);
        (low + shifted).clamp(-1.0, 1.0)
    };
    Difference {
        mean,
        low: end(0.975),
        high: end(0.025),
        above_zero: beyond(0.0),
    }
}

/// Rows beyond which the beta laws are normal for the digits that are told.
const NORMAL_FROM: f64 = 1e5;
/// Points of the integral.
const NODES: usize = 400;

struct Beta {
    a: f64,
    b: f64,
}

impl Beta {
    fn of((hits, rows): (f64, f64)) -> Self {
        let hits = hits.clamp(0.0, rows.max(0.0));
        Self {
            a: hits + 1.0,
            b: rows.max(0.0) - hits + 1.0,
        }
    }

    fn mean(&self) -> f64 {
        self.a / (self.a + self.b)
    }

    fn variance(&self) -> f64 {
        let all = self.a + self.b;
        self.a * self.b / (all * all * (all + 1.0))
    }

    fn cdf(&self, x: f64) -> f64 {
        beta_cdf(x, self.a, self.b)
    }

    /// Points with the density's weights, which add up to one.
    fn nodes(&self) -> Vec<(f64, f64)> {
        let reach = 9.0 * self.variance().sqrt();
        let (low, high) = (
            (self.mean() - reach).max(0.0),
            (self.mean() + reach).min(1.0),
        );
        let front = ln_gamma(self.a + self.b) - ln_gamma(self.a) - ln_gamma(self.b);
        let density = |x: f64| {
            libm::exp(front + (self.a - 1.0) * libm::log(x) + (self.b - 1.0) * libm::log1p(-x))
        };
        let step = (high - low) / NODES as f64;
        // Midpoints: a uniform law ends abruptly, and at its ends logarithms have no value.
        let mut nodes: Vec<(f64, f64)> = (0..NODES)
            .map(|k| low + (k as f64 + 0.5) * step)
            .map(|x| (x, density(x)))
            .collect();
        let total: f64 = nodes.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut nodes {
            *weight /= total;
        }
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} {b}");
    }

    #[test]
    fn two_uniform_rates_differ_by_a_triangle() {
        // Nothing observed: P(|d| > 1 - t) = t^2, so the ends are at 1 - sqrt(0.05).
        let nothing = rate_difference((0.0, 0.0), (0.0, 0.0));
        near(nothing.mean, 0.0, 1e-12);
        near(nothing.above_zero, 0.5, 1e-6);
        near(nothing.high, 1.0 - 0.05_f64.sqrt(), 1e-4);
        near(nothing.low, -nothing.high, 1e-4);
    }

    #[test]
    fn equals_numerical_integration_by_scipy_1_17_1() {
        // 10 of 100 and 18 of 100: quad over beta densities, brentq for the ends.
        let found = rate_difference((10.0, 100.0), (18.0, 100.0));
        near(found.mean, 8.0 / 102.0, 1e-12);
        near(found.low, -0.017_229_227_837_393_186, 1e-5);
        near(found.high, 0.175_634_731_545_955_85, 1e-5);
        near(found.above_zero, 0.946_363_720_709_363_6, 1e-6);
    }

    #[test]
    fn many_rows_are_normal_and_join_on() {
        let below = rate_difference((9_000.0, 90_000.0), (9_900.0, 90_000.0));
        let above = rate_difference((11_000.0, 110_000.0), (12_100.0, 110_000.0));
        near(below.mean, above.mean, 1e-5);
        near(
            below.high - below.low,
            (above.high - above.low) * (11.0_f64 / 9.0).sqrt(),
            1e-5,
        );
    }

    #[test]
    fn windows_mirror_each_other() {
        let (there, back) = (
            rate_difference((3.0, 40.0), (9.0, 50.0)),
            rate_difference((9.0, 50.0), (3.0, 40.0)),
        );
        near(there.low, -back.high, 1e-5);
        near(there.above_zero, 1.0 - back.above_zero, 1e-6);
    }
}
