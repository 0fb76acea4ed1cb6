//! Sorted distinct numbers with their counts.

/// Distinct finite numbers, ascending, and how often each occurs.
///
/// Invariant: `values` strictly ascend, are finite, and hold no `-0.0`. `counts` is as long as
/// `values` and positive, or empty where every count is one: then it takes no memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    values: Vec<f64>,
    counts: Vec<u64>,
}

impl Run {
    /// Trusts its caller for all of the invariant but one: counts that are all one are dropped.
    pub(super) fn from_parts(values: Vec<f64>, counts: Vec<u64>) -> Self {
        let counts = if counts.iter().all(|&count| count == 1) {
            Vec::new()
        } else {
            counts
        };
        Self { values, counts }
    }

    /// The run of sorted numbers, each of which occurs `weight` times.
    pub(super) fn from_sorted(sorted: &[f64], weight: u64) -> Self {
        let mut run = Self::default();
        run.assign_sorted(sorted, weight);
        run
    }

    /// Becomes the run of sorted numbers, each of which occurs `weight` times. Keeps its memory.
    pub(super) fn assign_sorted(&mut self, sorted: &[f64], weight: u64) {
        self.values.resize(sorted.len(), 0.0);
        self.counts.resize(sorted.len(), 0);
        let (values, ends) = (self.values.as_mut_slice(), self.counts.as_mut_slice());
        let (mut distinct, mut before) = (0, f64::NAN);
        for (&number, end) in sorted.iter().zip(1..) {
            // A number writes over its equals: whether it is new is often beyond prediction.
            distinct += usize::from(number != before);
            values[distinct - 1] = number;
            ends[distinct - 1] = end;
            before = number;
        }
        self.values.truncate(distinct);
        let all_one = weight == 1 && distinct == sorted.len();
        self.counts.truncate(if all_one { 0 } else { distinct });
        let mut start = 0;
        for end in &mut self.counts {
            let count = (*end - start) * weight;
            start = std::mem::replace(end, count);
        }
    }

    /// Distinct numbers, ascending.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The distinct numbers alone.
    pub(super) fn into_values(self) -> Vec<f64> {
        self.values
    }

    /// How often the number at `index` occurs.
    pub fn count(&self, index: usize) -> u64 {
        self.counts.get(index).copied().unwrap_or(1)
    }

    /// How often each number occurs, in their order.
    pub fn counts(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.values.len()).map(|index| self.count(index))
    }

    /// The counts, or nothing where all are one.
    pub(super) fn explicit_counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many distinct numbers there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Sum of the counts.
    pub fn total(&self) -> u64 {
        if self.counts.is_empty() {
            self.values.len() as u64
        } else {
            self.counts.iter().sum()
        }
    }

    /// Sum of the counts of the numbers at `range`.
    pub(super) fn total_of(&self, range: std::ops::Range<usize>) -> u64 {
        if self.counts.is_empty() {
            range.len() as u64
        } else {
            self.counts[range].iter().sum()
        }
    }

    /// Numbers of both with their counts added, into `merged`, whose memory is kept. Says whether
    /// at most `distinct_max` are distinct; `merged` is of no use where there are more.
    pub(super) fn merge_into(&self, other: &Self, merged: &mut Self, distinct_max: usize) -> bool {
        let (left, right) = (self.values.as_slice(), other.values.as_slice());
        merged.values.resize(left.len() + right.len(), 0.0);
        merged.counts.resize(left.len() + right.len(), 0);
        let (mut i, mut j, mut distinct, mut total) = (0, 0, 0, 0);
        let (values, counts) = (merged.values.as_mut_slice(), merged.counts.as_mut_slice());
        while i < left.len() && j < right.len() {
            // Both sides are read and masked: which is next cannot be predicted, so nothing branches on it.
            let (a, b) = (left[i], right[j]);
            let (from_left, from_right) = (a <= b, b <= a);
            let count =
                self.count(i) * u64::from(from_left) + other.count(j) * u64::from(from_right);
            values[distinct] = if from_left { a } else { b };
            counts[distinct] = count;
            i += usize::from(from_left);
            j += usize::from(from_right);
            distinct += 1;
            total += count;
        }
        for (run, from) in [(self, i), (other, j)] {
            for index in from..run.len() {
                values[distinct] = run.values[index];
                counts[distinct] = run.count(index);
                total += run.count(index);
                distinct += 1;
            }
        }
        merged.values.truncate(distinct);
        merged.counts.truncate(if total == distinct as u64 {
            0
        } else {
            distinct
        });
        distinct <= distinct_max
    }

    /// Becomes a copy of `other` that takes no more memory than it needs.
    pub(super) fn assign(&mut self, other: &Self) {
        fn assign<T: Copy>(to: &mut Vec<T>, from: &[T]) {
            to.clear();
            to.reserve_exact(from.len());
            to.extend_from_slice(from);
        }
        assign(&mut self.values, &other.values);
        assign(&mut self.counts, &other.counts);
    }

    /// Moves one row of the smallest number to `minimum`, and one of the largest to `maximum`, unless
    /// they are there already.
    pub(super) fn with_ends(self, minimum: f64, maximum: f64) -> Self {
        let (mut counts, mut values): (Vec<u64>, _) = (self.counts().collect(), self.values);
        if values.first().is_some_and(|&first| first > minimum) {
            counts[0] -= 1;
            values.insert(0, minimum);
            counts.insert(0, 1);
        }
        if values.last().is_some_and(|&last| last < maximum) {
            counts[values.len() - 1] -= 1;
            values.push(maximum);
            counts.push(1);
        }
        // What stood at an end with one row has none left.
        for end in [counts.len().saturating_sub(2), 1] {
            if counts.get(end) == Some(&0) {
                values.remove(end);
                counts.remove(end);
            }
        }
        Self::from_parts(values, counts)
    }

    /// Gives memory back that no number needs.
    pub(super) fn shrink(&mut self) {
        self.values.shrink_to_fit();
        self.counts.shrink_to_fit();
    }
}
