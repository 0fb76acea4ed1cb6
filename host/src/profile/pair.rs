//! One column of two windows, cut into the same bins, so that people can lay them side by side.

use std::collections::BTreeMap;

use super::access::AccessError;
use super::distribution::Distribution;
use super::kernels;
use super::window::{Window, WindowColumn};
use crate::domain::ColumnKind;

/// Most bins of a pair, and most categories by name.
pub const BINS_MAX: u32 = 200;
/// Share of the values at either end that one bin takes, so that a far-off value does not flatten all others.
const TAIL: f64 = 0.005;
/// Widths of bins, times a power of ten: ends of bins are numbers that people read.
const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

/// One column of a reference window and of a current one. A window that is not there counts nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// What there is of it in the reference window.
    pub reference: Option<Side>,
    /// What there is of it in the current window.
    pub current: Option<Side>,
    /// Where its values are.
    pub parts: Parts,
}

/// A column of one window as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Kind, rows, missing values, exactness.
    pub column: WindowColumn,
    /// Of its finite values, or of its vectors' Euclidean norms; none where there are none, and of categories.
    pub numbers: Option<Numbers>,
}

/// Finite values in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Numbers {
    /// Their mean.
    pub mean: f64,
    /// Square root of their variance, whose divisor is their number.
    pub deviation: f64,
    /// The smallest.
    pub minimum: f64,
    /// The quartiles: 25%, 50%, 75%.
    pub quartiles: [f64; 3],
    /// The largest.
    pub maximum: f64,
}

/// How many values of both windows fall where.
#[derive(Debug, Clone, PartialEq)]
pub enum Parts {
    /// Numbers: bins in ascending order, which hold all finite values, or the norms of all finite vectors.
    Bins(Vec<Bin>),
    /// Names: the most frequent ones, and all others together.
    Categories {
        /// The most frequent first, by the larger of both shares.
        named: Vec<Category>,
        /// How many other names there are.
        others: u64,
        /// Rows of other names, in the reference and in the current window.
        rest: (f64, f64),
    },
}

/// Values above `from`, up to and with `to`; the first bin has `from` too. Where both are the same, that one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Lower end.
    pub from: f64,
    /// Upper end.
    pub to: f64,
    /// Values in the reference window.
    pub reference: f64,
    /// Values in the current window.
    pub current: f64,
}

/// A name and its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Category {
    /// The name.
    pub name: String,
    /// Rows in the reference window.
    pub reference: f64,
    /// Rows in the current window.
    pub current: f64,
}

/// Lays a column of two windows side by side; none if neither window has it.
///
/// `bins_max`: 1 to [`BINS_MAX`]; most bins, or categories by name.
///
/// # Errors
/// If the column is numbers in one window and names in the other, or neither.
pub fn pair(
    reference: Option<&Window>,
    current: Option<&Window>,
    column: &str,
    bins_max: u32,
) -> Result<Option<Pair>, AccessError> {
    let reference = reference.and_then(|window| find(window, column));
    let current = current.and_then(|window| find(window, column));
    let Some((_, _, known)) = current.as_ref().or(reference.as_ref()) else {
        return Ok(None);
    };
    let places = [&reference, &current].map(|found| found.as_ref().map(|(w, at, _)| (*w, *at)));
    let parts = match known.kind {
        // Of vectors: their norms.
        ColumnKind::Numeric | ColumnKind::Embedding => Parts::Bins(bins(places, bins_max)?),
        ColumnKind::Categorical => categories(places, bins_max)?,
    };
    Ok(Some(Pair {
        reference: reference.map(side).transpose()?,
        current: current.map(side).transpose()?,
        parts,
    }))
}

/// A window and the number of a column in it.
type Place<'a> = Option<(&'a Window, u32)>;

fn find<'a>(window: &'a Window, name: &str) -> Option<(&'a Window, u32, WindowColumn)> {
    (0..)
        .zip(window.columns())
        .find(|(_, column)| column.name == name)
        .map(|(at, column): (u32, _)| (window, at, column))
}

fn side((window, at, column): (&Window, u32, WindowColumn)) -> Result<Side, AccessError> {
    let numbers = match column.kind {
        ColumnKind::Numeric | ColumnKind::Embedding => numbers(window, at)?,
        ColumnKind::Categorical => None,
    };
    Ok(Side { column, numbers })
}

fn numbers(window: &Window, at: u32) -> Result<Option<Numbers>, AccessError> {
    let quartiles = kernels::quantiles(window, at, &[0.25, 0.5, 0.75])?;
    let Ok(quartiles) = <[f64; 3]>::try_from(quartiles) else {
        return Ok(None);
    };
    let moments = kernels::value_moments(window, at)?;
    Ok(Some(Numbers {
        mean: moments.mean,
        deviation: moments.variance.sqrt(),
        minimum: moments.minimum,
        quartiles,
        maximum: moments.maximum,
    }))
}

fn bins(places: [Place<'_>; 2], bins_max: u32) -> Result<Vec<Bin>, AccessError> {
    let mut distributions = [None, None];
    for (place, found) in places.iter().zip(&mut distributions) {
        if let Some((window, at)) = place {
            let profile = window.column_profile(*at)?;
            *found = profile
                .distribution()
                .filter(|distribution| distribution.count() > 0);
        }
    }
    let there: Vec<&Distribution> = distributions.iter().copied().flatten().collect();
    if there.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(values) = few_values(&there, bins_max) {
        let counts = distributions.map(|found| found.map(|found| at_values(found, &values)));
        let bins = values.iter().enumerate().map(|(place, &value)| Bin {
            from: value,
            to: value,
            reference: counts[0].as_ref().map_or(0.0, |counts| counts[place]),
            current: counts[1].as_ref().map_or(0.0, |counts| counts[place]),
        });
        return Ok(bins.collect());
    }
    let ends = ends(&there, bins_max);
    let counts = distributions.map(|found| found.map(|found| between(found, &ends)));
    let bins = ends.windows(2).enumerate().map(|(place, pair)| Bin {
        from: pair[0],
        to: pair[1],
        reference: counts[0].as_ref().map_or(0.0, |counts| counts[place]),
        current: counts[1].as_ref().map_or(0.0, |counts| counts[place]),
    });
    Ok(bins.collect())
}

/// All values of both, ascending, where they are at most `values_max` and every one is known.
fn few_values(there: &[&Distribution], values_max: u32) -> Option<Vec<f64>> {
    let mut all = Vec::new();
    for distribution in there {
        let Distribution::Exact(run) = distribution else {
            return None;
        };
        if run.values().len() > values_max as usize {
            return None;
        }
        all.extend_from_slice(run.values());
    }
    all.sort_unstable_by(f64::total_cmp);
    // Zero and minus zero are one value.
    all.dedup_by(|a, b| *a == *b);
    (all.len() <= values_max as usize).then_some(all)
}

fn at_values(distribution: &Distribution, values: &[f64]) -> Vec<f64> {
    let mut before = 0;
    let ranks = distribution.ranks(values).into_iter();
    ranks
        .map(|rank| (rank - std::mem::replace(&mut before, rank)) as f64)
        .collect()
}

/// Counts between each two ends; what is at the first end belongs to the first bin.
fn between(distribution: &Distribution, ends: &[f64]) -> Vec<f64> {
    let mut before = 0;
    let ranks = distribution.ranks(&ends[1..]).into_iter();
    ranks
        .map(|rank| (rank - std::mem::replace(&mut before, rank)) as f64)
        .collect()
}

/// Ends of bins from the smallest value to the largest: even steps where most values are, and a bin for each tail beyond.
fn ends(there: &[&Distribution], bins_max: u32) -> Vec<f64> {
    let all = |probability: f64| {
        there
            .iter()
            .map(move |one| one.quantiles(&[probability])[0])
    };
    let lowest = all(0.0).fold(f64::INFINITY, f64::min);
    let highest = all(1.0).fold(f64::NEG_INFINITY, f64::max);
    let (mut low, mut high) = (
        all(TAIL).fold(f64::INFINITY, f64::min),
        all(1.0 - TAIL).fold(f64::NEG_INFINITY, f64::max),
    );
    if low >= high {
        (low, high) = (lowest, highest);
    }
    // Two bins are for the tails.
    let inner = bins_max.saturating_sub(2).max(1);
    let mut ends = vec![lowest];
    ends.extend(
        marks(low, high, inner)
            .into_iter()
            .filter(|&mark| lowest < mark && mark < highest),
    );
    if bins_max < 3 {
        ends.truncate(1);
    }
    ends.push(highest);
    ends.dedup();
    if ends.len() == 1 {
        ends.push(highest);
    }
    ends
}

/// At most `steps + 1` multiples of a round number, from at most `low` to at least `high`; none where the range is too wide
/// or too narrow for numbers.
fn marks(low: f64, high: f64, steps: u32) -> Vec<f64> {
    let raw = (high - low) / f64::from(steps);
    if !raw.is_finite() || raw < f64::MIN_POSITIVE {
        return Vec::new();
    }
    let power = libm::exp10(libm::floor(libm::log10(raw)));
    for step in STEPS {
        let width = step * power;
        let (first, last) = (libm::floor(low / width), libm::ceil(high / width));
        if last - first <= f64::from(steps) {
            let mut marks = Vec::new();
            let mut at = first;
            while at <= last {
                marks.push(at * width);
                at += 1.0;
            }
            return marks;
        }
    }
    // The ends fall between two marks each: one step fewer always fits.
    let width = 2.0 * STEPS[3] * power;
    let first = libm::floor(low / width);
    (0..=steps)
        .map(|at| (first + f64::from(at)) * width)
        .collect()
}

fn categories(places: [Place<'_>; 2], named_max: u32) -> Result<Parts, AccessError> {
    let mut rows: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
    let (mut rest, mut total) = ([0.0; 2], [0.0; 2]);
    for (side, place) in places.iter().enumerate() {
        let Some((window, at)) = place else {
            continue;
        };
        let counts = kernels::category_counts(window, *at)?;
        for (name, count) in counts.names.into_iter().zip(counts.counts) {
            rows.entry(name).or_default()[side] = count;
            total[side] += count;
        }
        rest[side] += counts.rest;
        total[side] += counts.rest;
    }
    let share = |counts: &[f64; 2]| {
        let of = |side: usize| counts[side] / f64::max(total[side], 1.0);
        f64::max(of(0), of(1))
    };
    let mut all: Vec<(&str, [f64; 2])> = rows.into_iter().collect();
    // Stable: equal shares stay in the order of their names.
    all.sort_by(|a, b| share(&b.1).total_cmp(&share(&a.1)));
    let cut = all.len().min(named_max as usize);
    for (_, counts) in &all[cut..] {
        rest[0] += counts[0];
        rest[1] += counts[1];
    }
    let named = all[..cut].iter().map(|(name, counts)| Category {
        name: (*name).to_owned(),
        reference: counts[0],
        current: counts[1],
    });
    Ok(Parts::Categories {
        named: named.collect(),
        others: (all.len() - cut) as u64,
        rest: (rest[0], rest[1]),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Batch, ColumnSpec, ColumnValues, MISSING_CODE, Role, Schema};
    use crate::profile::{ProfileBuilder, ProfileConfig};

    fn window(kind: ColumnKind, values: ColumnValues) -> Window {
        let spec = ColumnSpec {
            name: "x".into(),
            role: Role::Feature,
            kind,
        };
        let schema = Arc::new(Schema::new(vec![spec]).unwrap());
        let mut builder = ProfileBuilder::new(schema, ProfileConfig::default());
        builder.observe(&Batch::new(None, vec![values])).unwrap();
        Window::new(Arc::new(builder.finish()), None).unwrap()
    }

    fn numeric(values: &[f64]) -> Window {
        window(ColumnKind::Numeric, ColumnValues::Numeric(values.to_vec()))
    }

    fn bins_of(reference: &[f64], current: &[f64], bins_max: u32) -> Vec<Bin> {
        let (reference, current) = (numeric(reference), numeric(current));
        match pair(Some(&reference), Some(&current), "x", bins_max) {
            Ok(Some(Pair {
                parts: Parts::Bins(bins),
                ..
            })) => bins,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn few_values_have_a_bin_each() {
        let bins = bins_of(&[1.0, 2.0, 2.0], &[2.0, 7.0], 3);

        let expected = [(1.0, 1.0, 0.0), (2.0, 2.0, 1.0), (7.0, 0.0, 1.0)];
        let expected = expected.map(|(value, reference, current)| Bin {
            from: value,
            to: value,
            reference,
            current,
        });
        assert_eq!(bins, expected);
    }

    #[test]
    fn bins_are_round_hold_every_value_and_are_never_more_than_asked_for() {
        let many: Vec<f64> = (0..1_000).map(|at| f64::from(at) * 0.37 - 11.0).collect();
        let far: Vec<f64> = many.iter().map(|x| x + 40.0).chain([1e9, -1e9]).collect();
        for bins_max in [1, 2, 3, 10, 30, BINS_MAX] {
            let bins = bins_of(&many, &far, bins_max);
            assert!(
                bins.len() <= bins_max as usize,
                "{bins_max}: {}",
                bins.len()
            );
            let sum = |of: fn(&Bin) -> f64| bins.iter().map(of).sum::<f64>();
            assert_eq!(
                (sum(|b| b.reference), sum(|b| b.current)),
                (1_000.0, 1_002.0)
            );
            assert!(bins.windows(2).all(|pair| pair[0].to == pair[1].from));
            assert!(bins.iter().all(|bin| bin.from < bin.to));
        }
        let bins = bins_of(&many, &far, 30);
        assert_eq!((bins[0].from, bins[0].current), (-1e9, 1.0));
        // Outside of the tails: multiples of twenty.
        assert!(
            bins[1..bins.len() - 1]
                .iter()
                .all(|bin| bin.from % 20.0 == 0.0),
            "{bins:?}"
        );
    }

    #[test]
    fn odd_numbers_have_bins_too() {
        let tiny: Vec<f64> = (0..50).map(|at| f64::from(at) * 5e-324).collect();
        let huge: Vec<f64> = (-25..25).map(|at| f64::from(at) * 7e306).collect();
        let lonely: Vec<f64> = (0..1_000)
            .map(|at| if at < 20 { f64::from(at) } else { 5.0 })
            .collect();
        for values in [tiny, huge, lonely] {
            let bins = bins_of(&values, &values, 10);
            let total: f64 = bins.iter().map(|bin| bin.current).sum();
            assert_eq!(total, values.len() as f64);
            assert!((1..=10).contains(&bins.len()), "{bins:?}");
        }
        assert_eq!(bins_of(&[f64::NAN], &[f64::INFINITY], 10), []);
    }

    #[test]
    fn a_side_says_what_its_values_are() {
        let current = numeric(&[1.0, 2.0, 3.0, 4.0, f64::NAN]);

        let pair = pair(None, Some(&current), "x", 10).unwrap().unwrap();

        assert_eq!(pair.reference, None);
        let side = pair.current.unwrap();
        assert_eq!((side.column.rows, side.column.missing), (5, 1));
        let numbers = side.numbers.unwrap();
        assert_eq!(
            (numbers.mean, numbers.minimum, numbers.maximum),
            (2.5, 1.0, 4.0)
        );
        assert_eq!(numbers.quartiles, [1.75, 2.5, 3.25]);
        assert_eq!(numbers.deviation, 1.25_f64.sqrt());
    }

    #[test]
    fn the_most_frequent_names_come_first_and_the_others_are_counted_together() {
        let names = |codes: &[u32]| ColumnValues::Categorical {
            codes: codes.to_vec(),
            dictionary: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
        };
        let reference = window(ColumnKind::Categorical, names(&[0, 0, 0, 1, MISSING_CODE]));
        let current = window(ColumnKind::Categorical, names(&[2, 2, 1, 3]));

        let pair = pair(Some(&reference), Some(&current), "x", 2);

        let Parts::Categories {
            named,
            others,
            rest,
        } = pair.unwrap().unwrap().parts
        else {
            panic!("no categories");
        };
        let of = |one: &Category| (one.name.clone(), one.reference, one.current);
        let named: Vec<_> = named.iter().map(of).collect();
        assert_eq!(named, [("a".into(), 3.0, 0.0), ("c".into(), 0.0, 2.0)]);
        assert_eq!((others, rest), (2, (1.0, 2.0)));
    }

    #[test]
    fn a_column_that_neither_window_has_is_none() {
        assert_eq!(pair(None, Some(&numeric(&[1.0])), "y", 10), Ok(None));
        assert_eq!(pair(None, None, "x", 10), Ok(None));
    }
}
