//! Sorting of keys by their leading bits, several times as fast as by comparison.

/// Bits of one digit. Offsets of a pass (8 KiB) stay in the first-level cache.
const DIGIT_BITS: u32 = 11;
const BUCKETS: usize = 1 << DIGIT_BITS;
/// Digits that are sorted by counting: 33 bits tell all but a few of 2^15 random numbers apart.
const PASSES: usize = 3;
/// Below this, clearing the histograms costs more than comparing.
const COUNTING_MIN: usize = 1_024;

/// Sorts keys; owns the memory this takes, so that it is taken once.
#[derive(Debug)]
pub(super) struct Sorter {
    spare: Vec<u64>,
    histograms: Vec<[u32; BUCKETS]>,
}

impl Sorter {
    pub(super) fn new() -> Self {
        Self {
            spare: Vec::new(),
            histograms: vec![[0; BUCKETS]; PASSES],
        }
    }

    /// Sorts `keys` ascending.
    ///
    /// Least-significant-digit counting sort (Knuth, TAOCP 3, section 5.2.5, algorithm R) over the
    /// 33 bits below the prefix that all keys share; keys equal in these are then put in order by
    /// the same means where they are many, by comparison where they are few. At most `u32::MAX` keys.
    pub(super) fn sort(&mut self, keys: &mut Vec<u64>) {
        if keys.len() < COUNTING_MIN {
            return keys.sort_unstable();
        }
        if keys.is_sorted() {
            return;
        }
        let (all, any) = keys
            .iter()
            .fold((u64::MAX, 0), |(all, any), &key| (all & key, any | key));
        let varying = all ^ any; // Not zero: equal keys are sorted.
        let digits_bits = DIGIT_BITS * 3;
        let low = (u64::BITS - varying.leading_zeros()).saturating_sub(digits_bits);

        self.count(keys, low);
        self.spare.resize(keys.len(), 0);
        for pass in 0..PASSES {
            let shift = low + DIGIT_BITS * [0, 1, 2][pass];
            let offsets = &mut self.histograms[pass];
            if offsets[digit(keys[0], shift)] as usize == keys.len() {
                continue; // All keys have this digit in common.
            }
            let mut start = 0;
            for bucket in offsets.iter_mut() {
                start += std::mem::replace(bucket, start);
            }
            let spare = self.spare.as_mut_slice();
            for &key in keys.iter() {
                let offset = &mut offsets[digit(key, shift)];
                spare[*offset as usize] = key;
                *offset += 1;
            }
            std::mem::swap(keys, &mut self.spare);
        }
        if varying & ((1 << low) - 1) != 0 {
            self.sort_within_prefixes(keys, low);
        }
    }

    /// Puts keys in order that are so already by their bits from `low` on. Keys that share these form a
    /// long group where a single outlier has set the prefix; their own prefix is longer.
    fn sort_within_prefixes(&mut self, keys: &mut [u64], low: u32) {
        let mut start = 0;
        while let Some(inversion) = keys[start..].windows(2).position(|pair| pair[0] > pair[1]) {
            let at = start + inversion;
            let same = |key: &&u64| **key >> low == keys[at] >> low;
            let before = keys[start..at].iter().rev().take_while(same).count();
            let after = keys[at..].iter().take_while(same).count();
            let group = &mut keys[at - before..at + after];
            if group.len() < COUNTING_MIN {
                group.sort_unstable();
            } else {
                let mut copy = group.to_vec();
                self.sort(&mut copy);
                group.copy_from_slice(&copy);
            }
            start = at + after;
        }
    }

    /// One pass counts the digits of all passes.
    fn count(&mut self, keys: &[u64], low: u32) {
        let [first, second, third] = self.histograms.as_mut_slice() else {
            unreachable!("one histogram a pass")
        };
        first.fill(0);
        second.fill(0);
        third.fill(0);
        for &key in keys {
            first[digit(key, low)] += 1;
            second[digit(key, low + DIGIT_BITS)] += 1;
            third[digit(key, low + 2 * DIGIT_BITS)] += 1;
        }
    }
}

fn digit(key: u64, shift: u32) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the mask leaves eleven bits"
    )]
    let digit = (key >> shift) as usize & (BUCKETS - 1);
    digit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(mut keys: Vec<u64>) {
        let mut expected = keys.clone();
        expected.sort_unstable();
        Sorter::new().sort(&mut keys);
        assert!(keys == expected);
    }

    #[test]
    fn keys_that_differ_in_their_last_bits_alone_are_sorted() {
        check(
            (0..5_000)
                .map(|i| ((i * 7_919) % 5_000) | (1 << 62))
                .collect(),
        );
    }

    #[test]
    fn keys_with_one_outlier_and_a_long_shared_prefix_are_sorted() {
        let near = (0..5_000_u64).map(|i| ((i * 7_919) % 5_000) | (1 << 62));
        check(near.chain([3]).collect());
    }

    #[test]
    fn keys_of_few_values_are_sorted() {
        check(
            (0..5_000_u64)
                .map(|i| super::super::order::key(((i * 7_919) % 100) as f64))
                .collect(),
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_keys_are_sorted(keys in prop::collection::vec(any::<u64>(), 0..3_000), shift in 0..64_u32) {
            check(keys.into_iter().map(|key| key >> shift).collect());
        }
    }
}
