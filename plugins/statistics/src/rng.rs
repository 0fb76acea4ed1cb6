//! A small seeded generator of random numbers with the same stream on every platform.

/// The generator xoshiro256++, seeded through `SplitMix64`. Not for secrets.
///
/// Source: Blackman & Vigna (2021), "Scrambled Linear Pseudorandom Number Generators"; Steele, Lea & Flood (2014), "Fast Splittable
/// Pseudorandom Number Generators", for the seeding.
#[derive(Debug, Clone)]
pub struct Rng {
    state: [u64; 4],
    /// The second of a pair of normal numbers, kept for the next call.
    spare: Option<f64>,
}

impl Rng {
    /// The stream of `seed`. Different seeds give unrelated streams, zero included.
    pub fn new(seed: u64) -> Self {
        let mut mixer = seed;
        let state = core::array::from_fn(|_| {
            mixer = mixer.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = mixer;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        });
        Self { state, spare: None }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let c = c ^ a;
        let d = d ^ b;
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number uniform on `[0, 1)`: a multiple of `2^-53`.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// A whole number uniform on `0..bound`, without bias; `0` for a bound of zero.
    ///
    /// Source: Lemire (2019), "Fast Random Integer Generation in an Interval".
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let unfair = bound.wrapping_neg() % bound; // 2^64 mod bound.
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(bound);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the low and high halves are wanted"
            )]
            let (low, high) = (wide as u64, (wide >> 64) as u64);
            if low >= unfair {
                return high;
            }
        }
    }

    /// A standard normal number, by the polar method: two at a time from a point in the unit disc.
    ///
    /// Source: Marsaglia & Bray (1964), "A Convenient Method for Generating Normal Variables".
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let x = 2.0 * self.uniform() - 1.0;
            let y = 2.0 * self.uniform() - 1.0;
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                let factor = (-2.0 * libm::log(square) / square).sqrt();
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_follows_the_published_recurrence() {
        // State 1, 2, 3, 4: rotl(1 + 4, 23) + 1 = 41943041 first, as the authors' C code gives.
        let mut rng = Rng {
            state: [1, 2, 3, 4],
            spare: None,
        };
        assert_eq!(rng.next_u64(), 41_943_041);
        assert_eq!(rng.next_u64(), 58_720_359);
        // The first output of SplitMix64 for seed 0.
        assert_eq!(Rng::new(0).state[0], 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn moments_are_those_of_the_law() {
        let mut rng = Rng::new(7);
        let draws = 20_000;
        let (mut sum, mut squares, mut beyond) = (0.0, 0.0, 0);
        for _ in 0..draws {
            let z = rng.normal();
            sum += z;
            squares += z * z;
            beyond += i32::from(z.abs() > 1.96);
        }
        let draws = f64::from(draws);
        assert!((sum / draws).abs() < 0.03);
        assert!((squares / draws - 1.0).abs() < 0.04);
        assert!((f64::from(beyond) / draws - 0.05).abs() < 0.006);
    }

    #[test]
    fn bounds_hold() {
        let mut rng = Rng::new(1);
        assert!((0..1000).all(|_| rng.below(7) < 7));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&rng.uniform())));
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
    }
}
