//! A share of trials with its exact interval.

use serde::{Deserialize, Serialize};

/// How often something happened. The interval is exact at 95%: Clopper & Pearson (1934), "The use of
/// confidence or fiducial limits illustrated in the case of the binomial".
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Trials in which it happened.
    pub hits: u32,
    /// Trials.
    pub trials: u32,
    /// Lower end of the interval, in [0, 1].
    pub low: f64,
    /// Upper end of the interval, in [0, 1].
    pub high: f64,
}

/// Probability beyond each end of the interval.
const TAIL: f64 = 0.025;
/// Halvings of [0, 1]: the ends are exact to the last bits of a double.
const HALVINGS: u32 = 60;

impl Rate {
    /// The rate of so many hits in so many trials. No trials at all say nothing: the interval is [0, 1].
    pub fn new(hits: u32, trials: u32) -> Self {
        let low = if hits == 0 {
            0.0
        } else {
            solve(|p| 1.0 - at_most(hits - 1, trials, p) < TAIL)
        };
        let high = if hits == trials {
            1.0
        } else {
            solve(|p| at_most(hits, trials, p) > TAIL)
        };
        Self {
            hits,
            trials,
            low,
            high,
        }
    }

    /// The share itself; `0` without trials.
    pub fn share(&self) -> f64 {
        f64::from(self.hits) / f64::from(self.trials.max(1))
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |share: f64| share * 100.0;
        write!(
            f,
            "{:.1}% [{:.1}, {:.1}] of {}",
            percent(self.share()),
            percent(self.low),
            percent(self.high),
            self.trials
        )
    }
}

/// The end of the stretch from zero on which `holds` is true.
fn solve(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Probability of at most `hits` out of `trials`, each of probability `p` inside (0, 1).
fn at_most(hits: u32, trials: u32, p: f64) -> f64 {
    let (n, ln_p, ln_q) = (f64::from(trials), libm::log(p), libm::log1p(-p));
    let ways = |k: f64| libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    let of = |k: u32| {
        let k = f64::from(k);
        libm::exp(ways(k) + k * ln_p + (n - k) * ln_q)
    };
    (0..=hits).map(of).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_scipy() {
        // scipy.stats.binomtest(k, n).proportion_ci(0.95, method="exact"), SciPy 1.17.1.
        for (hits, trials, low, high) in [
            (5, 100, 0.016_431_879_182, 0.112_834_911_105),
            (20, 400, 0.030_805_241_143, 0.076_166_972_755),
            (99, 100, 0.945_540_614_608, 0.999_746_853_967),
        ] {
            let rate = Rate::new(hits, trials);
            assert!(
                (rate.low - low).abs() < 1e-9,
                "{hits} of {trials}: {}",
                rate.low
            );
            assert!(
                (rate.high - high).abs() < 1e-9,
                "{hits} of {trials}: {}",
                rate.high
            );
        }
    }

    #[test]
    fn the_ends_are_what_closed_forms_say() {
        // Nothing in n trials: 1 - (alpha / 2)^(1 / n).
        let (none, all) = (Rate::new(0, 50), Rate::new(50, 50));
        let end = 1.0 - libm::pow(0.025, 1.0 / 50.0);
        assert_eq!((none.low, all.high), (0.0, 1.0));
        assert!((none.high - end).abs() < 1e-12);
        assert!((all.low - (1.0 - end)).abs() < 1e-12);
        assert_eq!((Rate::new(0, 0).low, Rate::new(0, 0).high), (0.0, 1.0));
    }

    #[test]
    fn a_rate_reads_as_percent() {
        assert_eq!(Rate::new(5, 100).to_string(), "5.0% [1.6, 11.3] of 100");
    }
}
