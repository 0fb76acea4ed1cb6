//! Numbers, names and orders drawn with a seed, the same on every machine.

use crate::profile::Random;

/// Numbers below it become fractions with every bit of a double.
const FRACTIONS: u64 = 1 << 53;

/// What the rows of a certification are drawn from.
pub(crate) struct Draws {
    random: Random,
}

impl Draws {
    /// Draws of their own for one purpose: `stream` tells purposes of the same seed apart.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Random::new(seed);
        let (first, second) = (random.below(u64::MAX), random.below(u64::MAX));
        // Odd, so that every stream starts elsewhere.
        let start = first.wrapping_add((second | 1).wrapping_mul(stream));
        Self {
            random: Random::new(start),
        }
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn share(&mut self) -> f64 {
        self.random.below(FRACTIONS) as f64 / FRACTIONS as f64
    }

    /// Whether something of this probability happens.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// Standard normal: Box & Muller (1958), the cosine half.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.share())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.share())
    }

    /// A place out of these shares, which sum to one.
    pub(crate) fn place(&mut self, shares: &[f64]) -> u32 {
        let mut left = self.share();
        let mut place = 0;
        for share in &shares[..shares.len() - 1] {
            if left < *share {
                break;
            }
            left -= share;
            place += 1;
        }
        place
    }

    /// A number in `0..end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.random.up_to(end - 1)
    }

    /// The numbers `0..rows` in random order: Fisher & Yates.
    pub(crate) fn order(&mut self, rows: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..rows).collect();
        for last in (1..rows).rev() {
            let other = self.random.below(last as u64 + 1);
            order.swap(last, usize::try_from(other).unwrap_or(last));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_numbers_have_their_moments() {
        let mut draws = Draws::new(1, 0);
        let numbers: Vec<f64> = (0..40_000).map(|_| draws.normal()).collect();

        let mean = numbers.iter().sum::<f64>() / 40_000.0;
        let variance = numbers.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 40_000.0;
        let beyond = numbers.iter().filter(|x| x.abs() > 1.96).count();

        // Four standard errors each.
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
        assert!(beyond.abs_diff(2_000) < 175, "{beyond}");
    }

    #[test]
    fn places_come_in_their_shares_and_orders_hold_every_row() {
        let mut draws = Draws::new(1, 1);
        let mut counts = [0_u32; 3];
        for _ in 0..10_000 {
            counts[draws.place(&[0.5, 0.3, 0.2]) as usize] += 1;
        }
        assert!(counts[0].abs_diff(5_000) < 200, "{counts:?}");
        assert!(counts[2].abs_diff(2_000) < 160, "{counts:?}");

        let mut order = draws.order(1_000);
        assert_ne!(order, (0..1_000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn streams_of_one_seed_differ_and_come_again() {
        let first = |seed, stream| Draws::new(seed, stream).share();
        assert_eq!(first(7, 3), first(7, 3));
        assert_ne!(first(7, 3), first(7, 4));
        assert_ne!(first(7, 3), first(8, 3));
    }
}
