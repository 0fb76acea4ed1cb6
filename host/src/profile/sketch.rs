//! Quantiles of more distinct numbers than are remembered, with an error that is known.

use super::order;
use super::run::Run;

/// Highest level there can be: one item there stands for `2^53` rows, the most a profile has.
pub(super) const LEVEL_MAX: usize = 53;

/// Weighted items out of a larger set of numbers: level `l` holds sorted items of weight `2^l`.
///
/// A level of `2 * capacity` items is compacted: every other item goes to the next level, with
/// twice the weight. Munro & Paterson (1980), "Selection and sorting with limited storage"; Manku,
/// Rajagopalan & Lindsay (1998), "Approximate medians"; Agarwal et al. (2013), "Mergeable summaries".
/// There is no chance in it: which of both items of a pair stays alternates, so that errors cancel.
///
/// Rank error. A compaction of weight `w` moves the number of values at most `x`, for any `x`, by
/// `0` or `+w` where the first of each pair stays, by `0` or `-w` where the second does. Both sums
/// are kept, `over` and `under`, and no estimate is further off than the larger. Each compaction at
/// level `l` takes at least `2 * capacity` items of weight `2^l`, so there are at most
/// `n / (2 * capacity * 2^l)`, and for `h` levels the error is at most `h / (2 * capacity)` of `n`,
/// however often sketches were merged; alternation keeps it at about half of that.
///
/// Invariant: the weights add up to `total`; every level is ascending, finite, without `-0.0`, and
/// shorter than `2 * capacity`; items lie in `[minimum, maximum]`, which are exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    pub(super) capacity: usize,
    pub(super) levels: Vec<Vec<f64>>,
    pub(super) over: u64,
    pub(super) under: u64,
    pub(super) total: u64,
    pub(super) minimum: f64,
    pub(super) maximum: f64,
}

/// Memory for merges of levels, so that it is taken once.
#[derive(Debug, Default)]
pub(super) struct Spare {
    merged: Vec<f64>,
    promoted: Vec<f64>,
}

impl Sketch {
    /// A sketch of no numbers, whose buffers hold `capacity` items.
    pub(super) fn new(capacity: usize) -> Self {
        let (minimum, maximum) = (f64::INFINITY, f64::NEG_INFINITY);
        Self {
            capacity,
            levels: Vec::new(),
            over: 0,
            under: 0,
            total: 0,
            minimum,
            maximum,
        }
    }

    /// Adds sorted numbers, each once.
    pub(super) fn insert_sorted(&mut self, sorted: &[f64], spare: &mut Spare) {
        let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else {
            return;
        };
        self.include(first, last, sorted.len() as u64);
        self.push(0, sorted, spare);
    }

    /// Adds every number of a run as often as it occurs, without error of its own: a count is the
    /// sum of powers of two, and each power has its level.
    pub(super) fn insert_run(&mut self, run: &Run, spare: &mut Spare) {
        let (Some(&first), Some(&last)) = (run.values().first(), run.values().last()) else {
            return;
        };
        self.include(first, last, run.total());
        let all_bits = run.counts().fold(0, |bits, count| bits | count);
        for level in (0..=LEVEL_MAX).filter(|level| all_bits >> level & 1 == 1) {
            let of_level = run
                .values()
                .iter()
                .zip(run.counts())
                .filter(|(_, count)| count >> level & 1 == 1);
            let items: Vec<f64> = of_level.map(|(&value, _)| value).collect();
            self.push(level, &items, spare);
        }
    }

    /// Adds all that another sketch of the same capacity stands for.
    pub(super) fn merge(&mut self, other: &Self, spare: &mut Spare) {
        debug_assert_eq!(self.capacity, other.capacity);
        self.include(other.minimum, other.maximum, other.total);
        self.over += other.over;
        self.under += other.under;
        for (level, items) in other.levels.iter().enumerate() {
            self.push(level, items, spare);
        }
    }

    /// Number of values.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How far any rank may be off, in values. Never more than was compacted away.
    pub fn error(&self) -> u64 {
        self.over.max(self.under)
    }

    /// The number of values at most `point`, give or take [`Sketch::error`].
    pub fn rank(&self, point: f64) -> u64 {
        if point < self.minimum {
            0
        } else if point >= self.maximum {
            self.total
        } else {
            self.weight_up_to(point).clamp(1, self.total - 1)
        }
    }

    /// The value at `position` of all values in ascending order, from 0, give or take the error.
    pub fn value_at(&self, position: u64) -> f64 {
        if position == 0 {
            return self.minimum;
        }
        if position + 1 >= self.total {
            return self.maximum;
        }
        // The smallest number whose rank passes the position, found by halving the order of doubles.
        let (mut low, mut high) = (order::key(self.minimum), order::key(self.maximum));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.weight_up_to(order::value(middle)) > position {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        order::value(low)
    }

    /// All items as one run. The smallest and the largest value are in it.
    pub fn to_run(&self) -> Run {
        let mut runs: Vec<Run> = self
            .levels
            .iter()
            .enumerate()
            .map(|(l, items)| Run::from_sorted(items, 1 << l))
            .collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.len()));
        let (mut all, mut merged) = (runs.pop().unwrap_or_default(), Run::default());
        while let Some(run) = runs.pop() {
            all.merge_into(&run, &mut merged, usize::MAX);
            std::mem::swap(&mut all, &mut merged);
        }
        all.with_ends(self.minimum, self.maximum)
    }

    /// Gives memory back that no item needs.
    pub(super) fn shrink(&mut self) {
        self.levels.iter_mut().for_each(Vec::shrink_to_fit);
        self.levels.shrink_to_fit();
    }

    fn include(&mut self, minimum: f64, maximum: f64, count: u64) {
        self.minimum = self.minimum.min(minimum);
        self.maximum = self.maximum.max(maximum);
        self.total += count;
    }

    fn weight_up_to(&self, point: f64) -> u64 {
        let weight = |(level, items): (usize, &Vec<f64>)| {
            (items.partition_point(|&item| item <= point) as u64) << level
        };
        self.levels.iter().enumerate().map(weight).sum()
    }

    /// Puts sorted items into a level, and compacts from there upwards as long as a level is full.
    fn push(&mut self, mut level: usize, items: &[f64], spare: &mut Spare) {
        if items.is_empty() {
            return;
        }
        spare.promoted.clear();
        spare.promoted.extend_from_slice(items);
        loop {
            if self.levels.len() <= level {
                self.levels.resize_with(level + 1, Vec::new);
            }
            merge_sorted(&self.levels[level], &spare.promoted, &mut spare.merged);
            self.levels[level].clear();
            if spare.merged.len() < 2 * self.capacity {
                self.levels[level].extend_from_slice(&spare.merged);
                return;
            }
            if spare.merged.len() % 2 == 1 {
                self.levels[level].extend(spare.merged.pop());
            }
            let skipped = self.next_offset(1 << level);
            spare.promoted.clear();
            spare
                .promoted
                .extend(spare.merged.iter().skip(skipped).step_by(2));
            level += 1;
        }
    }

    /// Which item of each pair stays in a compaction of this weight: the one that evens the errors.
    fn next_offset(&mut self, weight: u64) -> usize {
        if self.over <= self.under {
            self.over += weight;
            0
        } else {
            self.under += weight;
            1
        }
    }
}

/// Merges sorted numbers into `merged`, whose memory is kept.
fn merge_sorted(left: &[f64], right: &[f64], merged: &mut Vec<f64>) {
    merged.clear();
    if left.is_empty() || right.is_empty() {
        merged.extend_from_slice(left);
        merged.extend_from_slice(right);
        return;
    }
    merged.resize(left.len() + right.len(), 0.0);
    let merged = merged.as_mut_slice();
    if left.len() == right.len() {
        return merge_halves(left, right, merged);
    }
    let (mut i, mut j) = (0, 0);
    while i < left.len() && j < right.len() {
        // No branch on the values: which is next cannot be predicted.
        let (a, b) = (left[i], right[j]);
        let from_left = a <= b;
        merged[i + j] = if from_left { a } else { b };
        i += usize::from(from_left);
        j += usize::from(!from_left);
    }
    let (at, rest) = (
        i + j,
        if i < left.len() {
            &left[i..]
        } else {
            &right[j..]
        },
    );
    merged[at..].copy_from_slice(rest);
}

/// Merges sorted numbers of equal length, as most merges are: from both ends, so that neither waits for
/// the comparisons of the other. As many numbers come from each end as a side has, so none runs dry.
fn merge_halves(left: &[f64], right: &[f64], merged: &mut [f64]) {
    let (length, end) = (left.len(), merged.len() - 1);
    let (mut from_left, mut to_left) = (0, 0);
    for step in 0..length {
        let (a, b) = (left[from_left], right[step - from_left]);
        let is_left = a <= b;
        merged[step] = if is_left { a } else { b };
        from_left += usize::from(is_left);

        let (a, b) = (
            left[length - 1 - to_left],
            right[length - 1 - (step - to_left)],
        );
        let is_left = a > b;
        merged[end - step] = if is_left { a } else { b };
        to_left += usize::from(is_left);
    }
}
