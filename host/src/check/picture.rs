//! Both windows' distributions of a column, on one scale, to be drawn side by side.

use crate::domain::ColumnKind;
use crate::profile::kernels::{
    DistinctValues, category_counts, counts_in_bins, distinct, quantiles, value_moments,
};
use crate::profile::{AccessError, Window};

use super::report::{ColumnPicture, Shape};

/// Bins of a histogram.
const BINS: usize = 30;
/// Categories that are drawn; the others are put together.
const CATEGORIES: usize = 12;

/// The picture of each column. Both windows have the same columns.
pub(super) fn pictures(
    reference: &Window,
    current: &Window,
) -> Result<Vec<ColumnPicture>, AccessError> {
    let columns = reference.columns().into_iter().zip(current.columns());
    (0..)
        .zip(columns)
        .map(|(at, (before, after))| {
            let shape = match before.kind {
                ColumnKind::Categorical => categories(reference, current, at)?,
                _ => match few_values(reference, current, at)? {
                    Some(shape) => shape,
                    None => histogram(reference, current, at)?,
                },
            };
            Ok(ColumnPicture {
                name: before.name,
                role: before.role,
                kind: before.kind,
                shape,
                reference_rows: before.rows,
                current_rows: after.rows,
                reference_missing: before.missing + before.non_finite,
                current_missing: after.missing + after.non_finite,
            })
        })
        .collect()
}

/// Numbers of which both windows together have few are drawn like categories, ascending.
fn few_values(reference: &Window, current: &Window, at: u32) -> Result<Option<Shape>, AccessError> {
    let (before, after) = (distinct(reference, at)?, distinct(current, at)?);
    if before.values.len().max(after.values.len()) > CATEGORIES {
        return Ok(None);
    }
    let mut values: Vec<f64> = before
        .values
        .iter()
        .chain(after.values.iter())
        .copied()
        .collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    if values.is_empty() || values.len() > CATEGORIES {
        return Ok(None);
    }
    let counts = |window: &DistinctValues| -> Vec<f64> {
        let count = |value: &f64| {
            window
                .values
                .binary_search_by(|other| other.total_cmp(value))
                .map_or(0.0, |at| window.counts[at])
        };
        values.iter().map(count).collect()
    };
    Ok(Some(Shape::Categories {
        reference: counts(&before),
        current: counts(&after),
        names: values.iter().map(f64::to_string).collect(),
        others: [0.0, 0.0],
    }))
}

fn histogram(reference: &Window, current: &Window, at: u32) -> Result<Shape, AccessError> {
    let ends = [0.01, 0.99];
    let mut range = quantiles(reference, at, &ends)?;
    range.extend(quantiles(current, at, &ends)?); // Empty for a column without values.
    let low = range.iter().copied().fold(f64::INFINITY, f64::min);
    let high = range.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let edges = edges(low, high);
    // The kernel's bins are open below; the first one here includes its lower edge.
    let cuts: Vec<f64> = edges
        .iter()
        .enumerate()
        .map(|(i, &edge)| if i == 0 { edge.next_down() } else { edge })
        .collect();
    let counts = |window| -> Result<(Vec<f64>, [f64; 2]), AccessError> {
        let all = counts_in_bins(window, at, &cuts)?;
        Ok((all[1..all.len() - 1].to_vec(), [all[0], all[all.len() - 1]]))
    };
    let moments =
        |window| value_moments(window, at).map(|moments| [moments.mean, moments.variance.sqrt()]);
    let ((reference_counts, below), (current_counts, above)) =
        (counts(reference)?, counts(current)?);
    Ok(Shape::Histogram {
        edges,
        reference: reference_counts,
        current: current_counts,
        outside: [below, above],
        moments: [moments(reference)?, moments(current)?],
    })
}

/// Edges of bins of equal width; one bin around a single value, and around 0 where there is none.
fn edges(low: f64, high: f64) -> Vec<f64> {
    if low > high {
        return vec![-0.5, 0.5];
    }
    let width = (high / BINS as f64) - (low / BINS as f64);
    let mut edges: Vec<f64> = (0..BINS).map(|i| low + width * i as f64).collect();
    edges.push(high);
    edges.dedup_by(|next, before| next <= before);
    if edges.len() < 2 {
        let half = (low.abs() * 1e-3).max(0.5);
        return vec![low - half, low + half];
    }
    edges
}

fn categories(reference: &Window, current: &Window, at: u32) -> Result<Shape, AccessError> {
    let (before, after) = (
        category_counts(reference, at)?,
        category_counts(current, at)?,
    );
    let mut rows: std::collections::BTreeMap<&str, [f64; 2]> = std::collections::BTreeMap::new();
    for (window, counted) in [&before, &after].into_iter().enumerate() {
        for (name, count) in counted.names.iter().zip(&counted.counts) {
            rows.entry(name).or_default()[window] += count;
        }
    }
    let totals = [
        before.counts.iter().sum::<f64>() + before.rest,
        after.counts.iter().sum::<f64>() + after.rest,
    ];
    let share = |counts: &[f64; 2]| -> f64 {
        counts
            .iter()
            .zip(totals)
            .filter(|(_, total)| *total > 0.0)
            .map(|(count, total)| count / total)
            .sum()
    };
    let mut ranked: Vec<(&str, [f64; 2])> = rows.into_iter().collect();
    ranked.sort_by(|a, b| share(&b.1).total_cmp(&share(&a.1))); // Stable: equal ones stay in the order of their names.
    let mut others = [before.rest, after.rest];
    for (_, counts) in ranked.iter().skip(CATEGORIES) {
        others = [others[0] + counts[0], others[1] + counts[1]];
    }
    ranked.truncate(CATEGORIES);
    Ok(Shape::Categories {
        names: ranked.iter().map(|(name, _)| (*name).to_owned()).collect(),
        reference: ranked.iter().map(|(_, counts)| counts[0]).collect(),
        current: ranked.iter().map(|(_, counts)| counts[1]).collect(),
        others,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_ascend_for_any_range() {
        for (low, high) in [
            (0.0, 1.0),
            (-1e300, 1e300),
            (1e15, 1e15 + 1.0),
            (3.0, 3.0),
            (0.0, 5e-324),
            (f64::INFINITY, f64::NEG_INFINITY),
        ] {
            let edges = edges(low, high);
            assert!(
                edges.len() >= 2 && edges.windows(2).all(|pair| pair[0] < pair[1]),
                "{low} {high}: {edges:?}"
            );
            assert!(edges.iter().all(|edge| edge.is_finite()));
        }
    }
}
