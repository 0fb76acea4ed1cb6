//! Mersenne Twister with the draws that Python's `random.Random` makes of it: for results that must equal a Python program's.

use crate::state::{Reader, StateError, Writer};

/// Words of the state.
const WORDS: usize = 624;
/// Distance of the word that each one is twisted with.
const MIDDLE: usize = 397;

/// The generator MT19937, seeded with a whole number as Python 3 does. Not for secrets; for chance of one's own take [`crate::rng`].
///
/// Source: Matsumoto & Nishimura (1998), "Mersenne Twister: A 623-Dimensionally Equidistributed Uniform Pseudo-Random Number Generator";
/// the seeding by a key is their revision of 2002 (`init_by_array`), the key the 32-bit digits of the seed, lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MersenneTwister {
    words: Box<[u32; WORDS]>,
    /// Words of the state that were given out.
    used: usize,
}

impl MersenneTwister {
    /// The stream of `random.Random(seed)`.
    pub fn new(seed: u64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the low and high halves are wanted"
        )]
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        if high == 0 {
            Self::of_key(&[low])
        } else {
            Self::of_key(&[low, high])
        }
    }

    /// Seeded by an array of words, not empty.
    fn of_key(key: &[u32]) -> Self {
        let mut words = Box::new([0_u32; WORDS]);
        words[0] = 19_650_218;
        for (at, number) in (1..WORDS).zip(1_u32..) {
            let before = words[at - 1];
            words[at] = (before ^ (before >> 30))
                .wrapping_mul(1_812_433_253)
                .wrapping_add(number);
        }
        let mut at = 1;
        for (digit, number) in key.iter().zip(0_u32..).cycle().take(WORDS.max(key.len())) {
            let before = words[at - 1];
            words[at] = (words[at] ^ (before ^ (before >> 30)).wrapping_mul(1_664_525))
                .wrapping_add(*digit)
                .wrapping_add(number);
            at = advance(&mut words, at);
        }
        for _ in 1..WORDS {
            let before = words[at - 1];
            #[expect(clippy::cast_possible_truncation, reason = "an index below 624")]
            let number = at as u32;
            words[at] = (words[at] ^ (before ^ (before >> 30)).wrapping_mul(1_566_083_941))
                .wrapping_sub(number);
            at = advance(&mut words, at);
        }
        words[0] = 0x8000_0000;
        Self { words, used: WORDS }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used >= WORDS {
            self.twist();
        }
        let mut word = self.words[self.used];
        self.used += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// A new state: each word by the recurrence from itself, the next one and the one [`MIDDLE`] words on.
    fn twist(&mut self) {
        for at in 0..WORDS {
            let joined =
                (self.words[at] & 0x8000_0000) | (self.words[(at + 1) % WORDS] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.words[at] = self.words[(at + MIDDLE) % WORDS] ^ (joined >> 1) ^ odd;
        }
        self.used = 0;
    }

    /// A whole number uniform on `0..bound`, by drawing as many bits as `bound` has until they are below it; `0` for a bound of zero.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 {
            return 0;
        }
        let spare = bound.leading_zeros();
        loop {
            let drawn = self.next_u32() >> spare;
            if drawn < bound {
                return drawn;
            }
        }
    }

    /// `count` different whole numbers of `0..population` in random order: `random.sample(range(population), count)` of Python 3.9 to 3.14.
    ///
    /// A small population is drawn from a list in which the last number moves into the place of the one drawn; a large one by
    /// drawing again what was drawn before. Never more than there are.
    pub fn sample(&mut self, population: u32, count: u32) -> Vec<u32> {
        let count = count.min(population);
        if population <= small(count) {
            let mut pool: Vec<u32> = (0..population).collect();
            return (0..count)
                .map(|_| {
                    let last = pool.len() - 1;
                    #[expect(clippy::cast_possible_truncation, reason = "came as a u32")]
                    let drawn = self.below(pool.len() as u32) as usize;
                    pool.swap(drawn, last);
                    pool.pop().unwrap_or_default()
                })
                .collect();
        }
        let mut taken = std::collections::BTreeSet::new();
        (0..count)
            .map(|_| {
                loop {
                    let drawn = self.below(population);
                    if taken.insert(drawn) {
                        return drawn;
                    }
                }
            })
            .collect()
    }

    pub(crate) fn write(&self, to: Writer) -> Writer {
        #[expect(clippy::cast_possible_truncation, reason = "at most 624")]
        let used = self.used as u32;
        self.words
            .iter()
            .fold(to.u32(used), |to, &word| to.u32(word))
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, StateError> {
        let used = from.u32()? as usize;
        if used > WORDS {
            return Err(StateError::Damaged("more random words than there are"));
        }
        let mut words = Box::new([0; WORDS]);
        for word in words.iter_mut() {
            *word = from.u32()?;
        }
        Ok(Self { words, used })
    }
}

/// The next word that seeding looks at: the last one becomes the first.
fn advance(words: &mut [u32; WORDS], at: usize) -> usize {
    if at + 1 == WORDS {
        words[0] = words[WORDS - 1];
        1
    } else {
        at + 1
    }
}

/// Largest population that Python draws from a list: the size of a hash set that holds `count` numbers, in words.
fn small(count: u32) -> u32 {
    let mut size = 21;
    if count > 5 {
        let mut table = 1_u32;
        while table < count.saturating_mul(3) {
            table = table.saturating_mul(4);
        }
        size += table;
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_are_those_of_the_authors() {
        // mt19937ar.out of Matsumoto & Nishimura: init_by_array of 0x123, 0x234, 0x345, 0x456.
        let mut twister = MersenneTwister::of_key(&[0x123, 0x234, 0x345, 0x456]);
        let first: Vec<u32> = (0..5).map(|_| twister.next_u32()).collect();
        assert_eq!(
            first,
            [
                1_067_595_299,
                955_945_823,
                477_289_528,
                4_107_218_783,
                4_228_976_476
            ]
        );
    }

    #[test]
    fn a_sample_is_a_set_of_numbers_below_the_population() {
        for (population, count) in [(1, 1), (70, 30), (277, 30), (278, 30), (5_000, 2), (3, 9)] {
            let mut drawn = MersenneTwister::new(7).sample(population, count);
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), count.min(population) as usize);
            assert!(drawn.iter().all(|&number| number < population));
        }
        assert_eq!(MersenneTwister::new(7).sample(0, 3), [0; 0]);
        assert_eq!(MersenneTwister::new(7).below(0), 0);
    }
}
