//! The numbers of a column: every one of them, or a sketch.

use std::borrow::Cow;

use super::config::ProfileConfig;
use super::moments::Moments;
use super::run::Run;
use super::sketch::{Sketch, Spare};

/// Up to so many probabilities, searching a sketch is quicker than laying it out.
const SEARCHES_MAX: usize = 16;

/// Finite numbers and how often each occurs.
///
/// Invariant: exact where at most `exact_distinct_max` numbers are distinct. Then it is a function of
/// the numbers alone: of their order, and of the order of merges, no bit is left. Once sketched it
/// stays so.
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// Every number.
    Exact(Run),
    /// Some numbers for all, and the moments of all.
    Sketched(Sketch, Moments),
}

/// Memory for merges, so that it is taken once.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    merged: Run,
    spare: Spare,
}

impl Default for Distribution {
    fn default() -> Self {
        Self::Exact(Run::default())
    }
}

impl Distribution {
    /// Number of finite values.
    pub fn count(&self) -> u64 {
        match self {
            Self::Exact(run) => run.total(),
            Self::Sketched(sketch, _) => sketch.total(),
        }
    }

    /// Whether answers come from every value.
    pub fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }

    /// Largest possible error of a rank as a share of the values, in [0, 1]; `0` where exact.
    pub fn rank_error(&self) -> f64 {
        match self {
            Self::Exact(_) => 0.0,
            Self::Sketched(sketch, _) => (sketch.error() as f64 / sketch.total() as f64).min(1.0),
        }
    }

    /// Moments of the finite values. Costs two passes over the distinct values where exact.
    pub fn moments(&self) -> Moments {
        match self {
            Self::Exact(run) => Moments::of_sorted(run.values(), run.explicit_counts()),
            Self::Sketched(_, moments) => *moments,
        }
    }

    /// Distinct values with counts; those of a sketch are its items and their weights.
    pub fn run(&self) -> Cow<'_, Run> {
        match self {
            Self::Exact(run) => Cow::Borrowed(run),
            Self::Sketched(sketch, _) => Cow::Owned(sketch.to_run()),
        }
    }

    /// For each point the number of values that are at most it. Points are not NaN.
    pub fn ranks(&self, points: &[f64]) -> Vec<u64> {
        match self {
            Self::Exact(run) => ranks_of_run(run, points),
            Self::Sketched(sketch, _) => points.iter().map(|&point| sketch.rank(point)).collect(),
        }
    }

    /// Quantiles by linear interpolation between order statistics: `x[h] + (h - floor(h)) *
    /// (x[h + 1] - x[h])` with `h = (n - 1) p`. Probabilities in [0, 1]. Empty where there is no value.
    /// Source: Hyndman & Fan (1996), "Sample quantiles in statistical packages", type 7.
    pub fn quantiles(&self, probabilities: &[f64]) -> Vec<f64> {
        let Some(last) = self.count().checked_sub(1) else {
            return Vec::new();
        };
        let at: Vec<f64> = probabilities.iter().map(|p| last as f64 * p).collect();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in [0, last]"
        )]
        let positions: Vec<u64> = at
            .iter()
            .flat_map(|h| [*h as u64, (*h as u64 + 1).min(last)])
            .collect();
        let values = match self {
            Self::Sketched(sketch, _) if probabilities.len() <= SEARCHES_MAX => positions
                .iter()
                .map(|&position| sketch.value_at(position))
                .collect(),
            _ => values_of_run(&self.run(), &positions),
        };
        let between = |(h, pair): (&f64, &[f64; 2])| interpolate(pair[0], pair[1], h - h.floor());
        at.iter()
            .zip(values.as_chunks::<2>().0)
            .map(between)
            .collect()
    }

    /// Values of both. Configurations are the same.
    pub(super) fn merge(
        &self,
        other: &Self,
        config: &ProfileConfig,
        scratch: &mut Scratch,
    ) -> Self {
        if let (Self::Exact(left), Self::Exact(right)) = (self, other)
            && left.merge_into(right, &mut scratch.merged, config.exact_distinct_max())
        {
            let mut run = Run::default();
            run.assign(&scratch.merged);
            return Self::Exact(run);
        }
        let mut all = self.clone();
        all.absorb(other, config, scratch);
        all.shrink();
        all
    }

    /// Adds the values of another distribution.
    pub(super) fn absorb(&mut self, other: &Self, config: &ProfileConfig, scratch: &mut Scratch) {
        match other {
            Self::Exact(run) => self.absorb_run(run, config, scratch),
            Self::Sketched(theirs, moments) => {
                let (sketch, mine) = self.as_sketch(config, scratch);
                sketch.merge(theirs, &mut scratch.spare);
                *mine = mine.merge(moments);
            }
        }
    }

    /// Adds the values of a run.
    pub(super) fn absorb_run(
        &mut self,
        added: &Run,
        config: &ProfileConfig,
        scratch: &mut Scratch,
    ) {
        if let Self::Exact(run) = self
            && run.merge_into(added, &mut scratch.merged, config.exact_distinct_max())
        {
            return run.assign(&scratch.merged);
        }
        let (sketch, moments) = self.as_sketch(config, scratch);
        sketch.insert_run(added, &mut scratch.spare);
        *moments = moments.merge(&Moments::of_sorted(added.values(), added.explicit_counts()));
    }

    /// Adds sorted values, each once, to a distribution that may be sketched already.
    pub(super) fn absorb_sorted(
        &mut self,
        sorted: &[f64],
        run: &mut Run,
        config: &ProfileConfig,
        scratch: &mut Scratch,
    ) {
        if let Self::Sketched(sketch, moments) = self {
            sketch.insert_sorted(sorted, &mut scratch.spare);
            *moments = moments.merge(&Moments::of_sorted(sorted, &[]));
        } else {
            run.assign_sorted(sorted, 1);
            self.absorb_run(run, config, scratch);
        }
    }

    /// Gives memory back that no value needs.
    pub(super) fn shrink(&mut self) {
        match self {
            Self::Exact(run) => run.shrink(),
            Self::Sketched(sketch, _) => sketch.shrink(),
        }
    }

    /// Leaves the exact form for good.
    fn as_sketch(
        &mut self,
        config: &ProfileConfig,
        scratch: &mut Scratch,
    ) -> (&mut Sketch, &mut Moments) {
        if let Self::Exact(run) = self {
            let mut sketch = Sketch::new(config.sketch_capacity());
            sketch.insert_run(run, &mut scratch.spare);
            let moments = Moments::of_sorted(run.values(), run.explicit_counts());
            *self = Self::Sketched(sketch, moments);
        }
        match self {
            Self::Sketched(sketch, moments) => (sketch, moments),
            Self::Exact(_) => unreachable!("it was replaced above"),
        }
    }
}

/// `low + share * (high - low)`, never outside both, also where the difference overflows.
fn interpolate(low: f64, high: f64, share: f64) -> f64 {
    let value = low + share * (high - low);
    if value.is_finite() {
        value.clamp(low, high)
    } else {
        low * (1.0 - share) + high * share
    }
}

fn ranks_of_run(run: &Run, points: &[f64]) -> Vec<u64> {
    let mut ends: Vec<(usize, usize)> = points
        .iter()
        .enumerate()
        .map(|(at, &point)| (run.values().partition_point(|&value| value <= point), at))
        .collect();
    ends.sort_unstable();
    let (mut from, mut rank, mut ranks) = (0, 0, vec![0; points.len()]);
    for (end, at) in ends {
        rank += run.total_of(from..end);
        from = end;
        ranks[at] = rank;
    }
    ranks
}

/// The values at positions of all values in ascending order. Positions are below the total.
fn values_of_run(run: &Run, positions: &[u64]) -> Vec<f64> {
    let mut wanted: Vec<(u64, usize)> = positions.iter().copied().zip(0..).collect();
    wanted.sort_unstable();
    let (mut index, mut passed, mut values) = (0, 0, vec![0.0; positions.len()]);
    for (position, at) in wanted {
        while passed + run.count(index) <= position {
            passed += run.count(index);
            index += 1;
        }
        values[at] = run.values()[index];
    }
    values
}
