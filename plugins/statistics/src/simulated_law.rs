//! The law of a statistic, as far as repeats of it without drift tell.

use crate::chi_squared::{chi_squared_isf, chi_squared_sf};

/// Repeats beyond a value from which its p-value is counted; rarer values get it from the fitted tail.
const COUNTED: usize = 20;
/// Repeats about as large as a value count as large: rounding must not decide.
const ROUNDING: f64 = 1.0 + 1e-10;

/// The law of a statistic that is never negative and about a multiple of a chi-squared one.
///
/// Down to the chance of `COUNTED` repeats the p-value is `(k + 1) / (repeats + 1)`, `k` the repeats at least as large, which is exact
/// where the statistic and its repeats are exchangeable (Phipson & Smyth 2010). Beyond, it falls as the tail of the multiple of a
/// chi-squared law with the repeats' mean and variance (Satterthwaite 1946), so that it can be small enough for many columns.
#[derive(Debug, Clone)]
pub struct SimulatedLaw {
    /// Repeats, the largest first, each slightly enlarged.
    repeats: Vec<f64>,
    scale: f64,
    degrees: f64,
}

impl SimulatedLaw {
    /// The law behind these repeats: finite numbers, at least one.
    pub fn new(mut repeats: Vec<f64>) -> Self {
        let count = repeats.len().max(1) as f64;
        let mean = repeats.iter().sum::<f64>() / count;
        let variance = repeats.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
        repeats.sort_unstable_by(|a, b| b.total_cmp(a));
        for repeat in &mut repeats {
            *repeat *= ROUNDING;
        }
        let spread = mean > 0.0 && variance > 0.0;
        Self {
            repeats,
            scale: if spread { 0.5 * variance / mean } else { 0.0 },
            degrees: if spread {
                2.0 * mean * mean / variance
            } else {
                0.0
            },
        }
    }

    /// Chance of a value at least this large without drift, in `(0, 1]`.
    pub fn p_value(&self, value: f64) -> f64 {
        let beyond = self.repeats.partition_point(|repeat| *repeat >= value);
        let counted = (beyond + 1) as f64 / self.all();
        match self.tail() {
            Some((start, share)) if value > start => {
                let fall = self.survival(value) / self.survival(start);
                (share * fall).clamp(f64::MIN_POSITIVE, share)
            }
            _ => counted,
        }
    }

    /// The bound that a value is above exactly where its p-value is at most `level`; `f64::MAX` where no value is.
    pub fn critical_value(&self, level: f64) -> f64 {
        if let Some((start, share)) = self.tail()
            && level < share
        {
            let target = self.survival(start) * (level / share);
            return (self.scale * chi_squared_isf(target, self.degrees)).max(start);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of repeats"
        )]
        let mut allowed = (level * self.all()).floor().clamp(0.0, self.all()) as usize;
        // The product may round either way; the p-value is the one that decides.
        if (allowed + 1) as f64 / self.all() <= level {
            allowed += 1;
        } else if allowed as f64 / self.all() > level {
            allowed -= 1;
        }
        match allowed {
            0 => f64::MAX,
            allowed if allowed > self.repeats.len() => 0.0,
            allowed => self.repeats[allowed - 1],
        }
    }

    /// Where the fitted tail begins, and the chance of what is beyond it.
    fn tail(&self) -> Option<(f64, f64)> {
        let enough = self.repeats.len() >= 2 * COUNTED && self.scale > 0.0;
        let start = *self.repeats.get(COUNTED - 1).filter(|_| enough)?;
        (self.survival(start) > f64::MIN_POSITIVE).then(|| (start, COUNTED as f64 / self.all()))
    }

    fn survival(&self, value: f64) -> f64 {
        chi_squared_sf(value / self.scale, self.degrees)
    }

    fn all(&self) -> f64 {
        (self.repeats.len() + 1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::rng::Rng;
    use proptest::prelude::*;

    /// Sums of three squared normal numbers, doubled.
    fn law(repeats: usize) -> SimulatedLaw {
        let mut rng = Rng::new(5);
        let mut draw = || {
            let squares: f64 = (0..3).map(|_| rng.normal()).map(|z| z * z).sum();
            2.0 * squares
        };
        SimulatedLaw::new((0..repeats).map(|_| draw()).collect())
    }

    #[test]
    fn follows_a_chi_squared_law_into_a_tail_that_no_repeat_reached() {
        let law = law(4000);
        for (value, tolerance) in [(4.0, 0.05), (15.0, 0.1), (30.0, 0.35), (50.0, 0.7)] {
            close(
                law.p_value(value),
                chi_squared_sf(value / 2.0, 3.0),
                tolerance,
            );
        }
    }

    #[test]
    fn counts_repeats_and_the_observed_one() {
        let law = SimulatedLaw::new(vec![1.0, 2.0, 3.0]);
        assert_eq!(law.p_value(3.0), 0.5);
        assert_eq!(law.p_value(3.1), 0.25);
        assert_eq!(law.p_value(0.0), 1.0);
        assert!(law.critical_value(0.25) >= 3.0 && law.critical_value(0.25) < 3.1);
        assert_eq!(law.critical_value(0.2), f64::MAX);
        assert_eq!(law.critical_value(1.0), 0.0);
    }

    #[test]
    fn repeats_without_spread_have_no_tail() {
        let law = SimulatedLaw::new(vec![0.0; 99]);
        assert_eq!((law.p_value(0.0), law.p_value(1.0)), (1.0, 0.01));
        assert_eq!(law.critical_value(0.05), 0.0);
    }

    proptest! {
        #[test]
        fn a_value_is_above_the_critical_one_exactly_where_its_p_value_is_small(value in 0.0f64..80.0, level in 1e-6f64..1.0) {
            let law = law(500);
            let p = law.p_value(value);
            prop_assume!((p / level - 1.0).abs() > 1e-9);
            prop_assert_eq!(value > law.critical_value(level), p <= level);
        }
    }
}
