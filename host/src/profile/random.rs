//! Whole numbers out of a seed, the same on every machine.

/// A sequence of pseudo-random numbers. Not for secrets.
///
/// `SplitMix64`: Steele, Lea & Flood (2014), "Fast splittable pseudorandom number generators".
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..end`, each equally likely. `end` is positive.
    ///
    /// Source: Lemire (2019), "Fast random integer generation in an interval".
    pub fn below(&mut self, end: u64) -> u64 {
        loop {
            let product = u128::from(self.next()) * u128::from(end);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "both halves of the product are wanted"
            )]
            let (high, low) = ((product >> 64) as u64, product as u64);
            // Only a low half below `2^64 mod end` is over-represented.
            if low >= end || low >= end.wrapping_neg() % end {
                return high;
            }
        }
    }

    /// A number in `0..=last`, each equally likely.
    ///
    /// # Panics
    /// Never: it is at most `last`.
    pub fn up_to(&mut self, last: u32) -> u32 {
        u32::try_from(self.below(u64::from(last) + 1)).expect("at most `last`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_seed_1234567_is_the_published_one() {
        let mut random = Random::new(1_234_567);
        // First outputs of the reference implementation, splitmix64.c by S. Vigna.
        assert_eq!(
            [random.next(), random.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }

    #[test]
    fn numbers_below_six_are_equally_likely() {
        let mut random = Random::new(7);
        let mut counts = [0_u32; 6];
        for _ in 0..60_000 {
            counts[usize::try_from(random.below(6)).unwrap()] += 1;
        }
        assert!(
            counts.iter().all(|count| count.abs_diff(10_000) < 400),
            "{counts:?}"
        );
    }
}
