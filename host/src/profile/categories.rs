//! Rows of each category, with a bounded dictionary.

use rustc_hash::FxHashMap;

/// Longest name that is kept, in bytes. Rows of longer names are in the rest.
pub const CATEGORY_NAME_BYTES_MAX: usize = 1_024;

/// Names with the number of their rows.
///
/// Invariant: names strictly ascend by their UTF-8 bytes, are at most [`CATEGORY_NAME_BYTES_MAX`]
/// long, and there are at most `categories_max`; counts are positive.
///
/// While `rest` is `0` the counts are exact and merging them is associative and commutative. Once
/// there are more names than the dictionary may hold, those with most rows stay (of equal ones the
/// first by name), and the rows of the others go to `rest`: the counts are lower bounds from then on,
/// and counts and rest still add up to all rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Categories {
    entries: Vec<(Box<str>, u64)>,
    rest: u64,
}

impl Categories {
    /// Trusts its caller for the invariant.
    pub(super) fn from_parts(entries: Vec<(Box<str>, u64)>, rest: u64) -> Self {
        Self { entries, rest }
    }

    /// Names, ascending by their UTF-8 bytes, with the number of their rows.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.entries
            .iter()
            .map(|(name, count)| (name.as_ref(), *count))
    }

    /// Rows of names that are not in the dictionary.
    pub fn rest(&self) -> u64 {
        self.rest
    }

    /// All rows.
    pub fn total(&self) -> u64 {
        self.rest + self.entries.iter().map(|entry| entry.1).sum::<u64>()
    }

    /// Rows of both.
    pub(super) fn merge(&self, other: &Self, categories_max: usize) -> Self {
        let mut entries = Vec::with_capacity(self.entries.len() + other.entries.len());
        let (mut left, mut right) = (
            self.entries.iter().peekable(),
            other.entries.iter().peekable(),
        );
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            match a.0.cmp(&b.0) {
                std::cmp::Ordering::Less => entries.extend(left.next().cloned()),
                std::cmp::Ordering::Greater => entries.extend(right.next().cloned()),
                std::cmp::Ordering::Equal => {
                    entries.push((a.0.clone(), a.1 + b.1));
                    left.next();
                    right.next();
                }
            }
        }
        entries.extend(left.chain(right).cloned());
        Self::bounded(entries, self.rest + other.rest, categories_max)
    }

    /// Keeps the names with most rows.
    fn bounded(mut entries: Vec<(Box<str>, u64)>, mut rest: u64, categories_max: usize) -> Self {
        rest += cut(&mut entries, categories_max);
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        entries.shrink_to_fit();
        Self { entries, rest }
    }
}

/// Leaves at most `kept` entries, those with most rows, and says how many rows the others had.
fn cut(entries: &mut Vec<(Box<str>, u64)>, kept: usize) -> u64 {
    if entries.len() <= kept {
        return 0;
    }
    entries.select_nth_unstable_by(kept, |a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    entries.drain(kept..).map(|entry| entry.1).sum()
}

/// Counts categories as batches come in.
#[derive(Debug, Default)]
pub(super) struct CategoriesBuilder {
    counts: FxHashMap<Box<str>, u64>,
    rest: u64,
}

impl CategoriesBuilder {
    /// Adds rows of a batch. Codes are below the dictionary's length, or [`MISSING_CODE`]; says how
    /// many are the latter.
    ///
    /// Holds up to twice `categories_max` names between batches, so that a name is only dropped for
    /// one with many more rows.
    ///
    /// [`MISSING_CODE`]: crate::domain::MISSING_CODE
    pub(super) fn observe(
        &mut self,
        codes: &[u32],
        dictionary: &[String],
        categories_max: usize,
    ) -> u64 {
        let rows = count_codes(codes, dictionary.len());
        for (name, &count) in dictionary.iter().zip(&rows) {
            if count == 0 {
                continue;
            }
            if name.len() > CATEGORY_NAME_BYTES_MAX {
                self.rest += count;
            } else if let Some(rows) = self.counts.get_mut(name.as_str()) {
                *rows += count;
            } else {
                self.counts.insert(name.as_str().into(), count);
            }
        }
        if self.counts.len() > 2 * categories_max {
            let mut entries: Vec<_> = self.counts.drain().collect();
            self.rest += cut(&mut entries, categories_max);
            self.counts.extend(entries);
        }
        rows[dictionary.len()]
    }

    pub(super) fn finish(self, categories_max: usize) -> Categories {
        Categories::bounded(self.counts.into_iter().collect(), self.rest, categories_max)
    }
}

/// Rows of each code, and after them the missing ones.
fn count_codes(codes: &[u32], dictionary: usize) -> Vec<u64> {
    // Two tables: rows of one category in a row would wait for each other's sum.
    let mut even = vec![0_u64; dictionary + 1];
    let mut odd = even.clone();
    let (pairs, rest) = codes.as_chunks::<2>();
    for pair in pairs {
        even[(pair[0] as usize).min(dictionary)] += 1;
        odd[(pair[1] as usize).min(dictionary)] += 1;
    }
    for &code in rest {
        even[(code as usize).min(dictionary)] += 1;
    }
    even.iter_mut()
        .zip(odd)
        .for_each(|(even, odd)| *even += odd);
    even
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MISSING_CODE;

    /// Categories of names that each have one row.
    fn categories(names: &[&str], categories_max: usize) -> Categories {
        let mut builder = CategoriesBuilder::default();
        for name in names {
            builder.observe(&[0], &[(*name).to_owned()], categories_max);
        }
        builder.finish(categories_max)
    }

    fn entries(categories: &Categories) -> Vec<(&str, u64)> {
        categories.entries().collect()
    }

    #[test]
    fn codes_are_counted_by_name_and_missing_ones_apart() {
        let mut builder = CategoriesBuilder::default();
        let dictionary = ["b", "a", "unused"].map(str::to_owned);
        let codes = [0, 1, MISSING_CODE, 0, 0, MISSING_CODE, 1];
        assert_eq!(builder.observe(&codes, &dictionary, 9), 2);
        assert_eq!(builder.observe(&[0], &["a".to_owned()], 9), 0);
        let categories = builder.finish(9);
        assert_eq!(entries(&categories), [("a", 3), ("b", 3)]);
        assert_eq!((categories.rest(), categories.total()), (0, 6));
    }

    #[test]
    fn names_with_most_rows_stay_and_of_equal_ones_the_first() {
        let names = ["c", "d", "b", "b", "a", "d"];
        assert_eq!(
            entries(&categories(&names, 4)),
            [("a", 1), ("b", 2), ("c", 1), ("d", 2)]
        );
        let three = categories(&names, 3);
        assert_eq!(entries(&three), [("a", 1), ("b", 2), ("d", 2)]);
        assert_eq!(three.rest(), 1);
    }

    #[test]
    fn names_and_rest_merge() {
        let merged =
            categories(&["a", "b", "b"], 3).merge(&categories(&["b", "c", "d", "d"], 3), 3);
        assert_eq!(entries(&merged), [("a", 1), ("b", 3), ("d", 2)]);
        assert_eq!((merged.rest(), merged.total()), (1, 7));
    }

    #[test]
    fn a_name_may_be_as_long_as_the_limit_and_is_in_the_rest_beyond() {
        let (longest, longer) = (
            "x".repeat(CATEGORY_NAME_BYTES_MAX),
            "x".repeat(CATEGORY_NAME_BYTES_MAX + 1),
        );
        let both = categories(&[&longest, &longer], 9);
        assert_eq!(entries(&both), [(longest.as_str(), 1)]);
        assert_eq!(both.rest(), 1);
    }

    #[test]
    fn a_stream_of_new_names_keeps_the_frequent_one() {
        let mut builder = CategoriesBuilder::default();
        for batch in 0..100 {
            let dictionary: Vec<String> = (0..10)
                .map(|i| {
                    if i == 0 {
                        "often".into()
                    } else {
                        format!("{batch} {i}")
                    }
                })
                .collect();
            let codes: Vec<u32> = (0..20)
                .map(|row| if row < 11 { 0 } else { row - 10 })
                .collect();
            builder.observe(&codes, &dictionary, 4);
            assert!(builder.counts.len() <= 4 + 10);
        }
        let categories = builder.finish(4);
        assert_eq!(categories.total(), 2_000);
        assert!(entries(&categories).contains(&("often", 1_100)));
    }
}
