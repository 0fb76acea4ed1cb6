//! What a detector may ask of a column's profile.
//!
//! Meaning as in the interface `kernels` of `wit/windows.wit`, fixed for the life of its major
//! version. Missing and infinite values take no part. Embedding columns answer for the norms of their
//! vectors. Cost: linear in the distinct values of the column at most, not in its rows.

use std::borrow::Cow;

use crate::domain::ColumnKind;

use super::access::AccessError;
use super::distribution::Distribution;
use super::window::Window;

/// Sorted distinct values, and how often each occurs.
#[derive(Debug, Clone, PartialEq)]
pub struct DistinctValues<'a> {
    /// Distinct finite values, ascending. Of a sketch: its items.
    pub values: Cow<'a, [f64]>,
    /// How often each occurs. Of a sketch: for how many values each stands.
    pub counts: Vec<f64>,
}

/// Counts of a categorical column.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoryCounts<'a> {
    /// Names, ascending by their UTF-8 bytes.
    pub names: Vec<&'a str>,
    /// Rows of each.
    pub counts: Vec<f64>,
    /// Rows of categories beyond the dictionary's limit.
    pub rest: f64,
}

/// Moments of finite values. All `0` where `count` is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueMoments {
    /// Number of finite values.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// Their variance with divisor `count`.
    pub variance: f64,
    /// The smallest.
    pub minimum: f64,
    /// The largest.
    pub maximum: f64,
}

/// Quantiles of type 7 (Hyndman & Fan 1996), for probabilities in [0, 1] in any order. Empty where the
/// column has no finite value.
pub fn quantiles(
    window: &Window,
    column: u32,
    probabilities: &[f64],
) -> Result<Vec<f64>, AccessError> {
    let distribution = distribution(window, column)?;
    match probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        Some(at) => Err(invalid(
            "probability",
            at,
            probabilities[at],
            "is not in [0, 1]",
        )),
        None => Ok(distribution.quantiles(probabilities)),
    }
}

/// Counts in `(-inf, e0], (e0, e1], ..., (ek, +inf)`: one more than there are edges, which strictly
/// ascend and are finite.
pub fn counts_in_bins(
    window: &Window,
    column: u32,
    edges: &[f64],
) -> Result<Vec<f64>, AccessError> {
    let distribution = distribution(window, column)?;
    if let Some(at) = edges.iter().position(|edge| !edge.is_finite()) {
        return Err(invalid("edge", at, edges[at], "is not finite"));
    }
    if let Some(at) = edges.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(invalid(
            "edge",
            at + 1,
            edges[at + 1],
            "is not above the one before it",
        ));
    }
    let mut before = 0;
    let ends = distribution
        .ranks(edges)
        .into_iter()
        .chain([distribution.count()]);
    Ok(ends
        .map(|end| (end - std::mem::replace(&mut before, end)) as f64)
        .collect())
}

/// Share of values that are at most each point, in [0, 1]. All `0` where there are none. Points may
/// be infinite.
pub fn cdf(window: &Window, column: u32, points: &[f64]) -> Result<Vec<f64>, AccessError> {
    let distribution = distribution(window, column)?;
    if let Some(at) = points.iter().position(|point| point.is_nan()) {
        return Err(invalid("point", at, points[at], "is not a number"));
    }
    let count = distribution.count().max(1) as f64;
    Ok(distribution
        .ranks(points)
        .into_iter()
        .map(|rank| rank as f64 / count)
        .collect())
}

/// The whole distribution of a numeric or embedding column.
pub fn distinct(window: &Window, column: u32) -> Result<DistinctValues<'_>, AccessError> {
    let run = distribution(window, column)?.run();
    let counts = run.counts().map(|count| count as f64).collect();
    let values = match run {
        Cow::Borrowed(run) => Cow::Borrowed(run.values()),
        Cow::Owned(run) => Cow::Owned(run.into_values()),
    };
    Ok(DistinctValues { values, counts })
}

/// Counts of a categorical column.
pub fn category_counts(window: &Window, column: u32) -> Result<CategoryCounts<'_>, AccessError> {
    let categories = window.column_profile(column)?.categories();
    let categories =
        categories.ok_or_else(|| window.wrong_kind(column, ColumnKind::Categorical))?;
    let (names, counts) = categories
        .entries()
        .map(|(name, count)| (name, count as f64))
        .unzip();
    Ok(CategoryCounts {
        names,
        counts,
        rest: categories.rest() as f64,
    })
}

/// Moments of a numeric or embedding column.
pub fn value_moments(window: &Window, column: u32) -> Result<ValueMoments, AccessError> {
    let moments = distribution(window, column)?.moments();
    Ok(ValueMoments {
        count: moments.count as f64,
        mean: moments.mean,
        variance: moments.variance(),
        minimum: moments.minimum,
        maximum: moments.maximum,
    })
}

fn distribution(window: &Window, column: u32) -> Result<&Distribution, AccessError> {
    let profile = window.column_profile(column)?;
    profile
        .distribution()
        .ok_or_else(|| window.wrong_kind(column, ColumnKind::Numeric))
}

fn invalid(what: &str, at: usize, value: f64, why: &str) -> AccessError {
    AccessError::InvalidArgument(format!("{what} {at} ({value}) {why}"))
}
