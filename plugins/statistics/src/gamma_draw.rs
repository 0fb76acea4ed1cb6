//! Random numbers of the gamma and the binomial law.

use crate::rng::Rng;

/// A number of the gamma law with `shape > 0` and scale 1.
///
/// Source: Marsaglia & Tsang (2000), "A Simple Method for Generating Gamma Variables"; below shape 1 by their section 6.
pub fn gamma(shape: f64, rng: &mut Rng) -> f64 {
    if shape < 1.0 {
        let lift = libm::pow(1.0 - rng.uniform(), 1.0 / shape);
        return gamma(shape + 1.0, rng) * lift;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = rng.normal();
        let root = 1.0 + c * x;
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        let u = 1.0 - rng.uniform();
        // Their squeeze, which is nearly always enough.
        let square = x * x;
        if u < 1.0 - 0.0331 * square * square {
            return d * v;
        }
        if libm::log(u) < 0.5 * square + d - d * v + d * libm::log(v) {
            return d * v;
        }
    }
}

/// Variance from which a count is drawn from the rounded normal law: its third cumulant is then less than a thirtieth of its spread.
pub(crate) const NORMAL_VARIANCE: f64 = 1000.0;

/// A number of successes in `trials`, a whole number below `2^53`, each of chance `p`.
///
/// By inversion outward from the mode, as many steps as the standard deviation; beyond `NORMAL_VARIANCE` by the rounded normal law.
pub fn binomial(trials: f64, p: f64, rng: &mut Rng) -> f64 {
    if trials <= 0.0 || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return trials;
    }
    if p > 0.5 {
        return trials - binomial(trials, 1.0 - p, rng);
    }
    let variance = trials * p * (1.0 - p);
    if variance > NORMAL_VARIANCE {
        return (trials * p + variance.sqrt() * rng.normal())
            .round()
            .clamp(0.0, trials);
    }
    let odds = p / (1.0 - p);
    if trials * p < FROM_ZERO {
        return from_zero(trials, p, odds, rng.uniform());
    }
    let mode = ((trials + 1.0) * p).floor();
    let at_mode = libm::exp(ln_chance(trials, p, mode));
    let mut left = rng.uniform() - at_mode;
    let (mut up, mut up_chance, mut down, mut down_chance) = (mode, at_mode, mode, at_mode);
    while left >= 0.0 {
        let mut moved = false;
        if up < trials && up_chance > NEGLIGIBLE {
            up_chance *= odds * (trials - up) / (up + 1.0);
            up += 1.0;
            left -= up_chance;
            moved = true;
            if left < 0.0 {
                return up;
            }
        }
        if down > 0.0 && down_chance > NEGLIGIBLE {
            down_chance *= down / (odds * (trials - down + 1.0));
            down -= 1.0;
            left -= down_chance;
            moved = true;
            if left < 0.0 {
                return down;
            }
        }
        if !moved {
            break; // Rounding left a sliver: the mode takes it.
        }
    }
    mode
}

/// Means up to which the sum over the law starts at zero, whose chance is then no less than about `e^-28`.
const FROM_ZERO: f64 = 20.0;

fn from_zero(trials: f64, p: f64, odds: f64, uniform: f64) -> f64 {
    let mut chance = libm::exp(trials * libm::log1p(-p));
    let (mut left, mut x) = (uniform - chance, 0.0);
    while left >= 0.0 && x < trials && (chance > NEGLIGIBLE || x < trials * p) {
        chance *= odds * (trials - x) / (x + 1.0);
        x += 1.0;
        left -= chance;
    }
    x
}

/// Chances this small are never drawn.
const NEGLIGIBLE: f64 = 1e-18;

/// Logarithm of the chance of `k` successes.
fn ln_chance(trials: f64, p: f64, k: f64) -> f64 {
    use crate::gamma::ln_gamma;
    ln_gamma(trials + 1.0) - ln_gamma(k + 1.0) - ln_gamma(trials - k + 1.0)
        + k * libm::log(p)
        + (trials - k) * libm::log1p(-p)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of `repeats` draws.
    fn moments(repeats: u32, mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..repeats {
            let x = draw();
            sum += x;
            squares += x * x;
        }
        let mean = sum / f64::from(repeats);
        (mean, squares / f64::from(repeats) - mean * mean)
    }

    #[test]
    fn gamma_numbers_have_the_shape_as_mean_and_variance() {
        let mut rng = Rng::new(3);
        for shape in [0.5, 1.0, 2.5, 80.0] {
            let (mean, variance) = moments(40_000, || gamma(shape, &mut rng));
            assert!(
                (mean - shape).abs() < 5.0 * (shape / 40_000.0).sqrt(),
                "{shape} {mean}"
            );
            assert!((variance / shape - 1.0).abs() < 0.1, "{shape} {variance}");
        }
    }

    #[test]
    fn binomial_numbers_have_their_mean_and_variance() {
        let mut rng = Rng::new(4);
        for (trials, p) in [(10.0, 0.3), (200.0, 0.02), (1e4, 0.9), (1e6, 0.4)] {
            let (mean, variance) = moments(20_000, || binomial(trials, p, &mut rng));
            let want: f64 = trials * p * (1.0 - p);
            assert!(
                (mean - trials * p).abs() < 5.0 * (want / 20_000.0).sqrt(),
                "{trials} {p} {mean}"
            );
            assert!(
                (variance / want - 1.0).abs() < 0.06,
                "{trials} {p} {variance}"
            );
        }
        assert_eq!(
            (binomial(5.0, 0.0, &mut rng), binomial(5.0, 1.0, &mut rng)),
            (0.0, 5.0)
        );
    }
}
