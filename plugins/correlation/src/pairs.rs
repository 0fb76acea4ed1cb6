//! Rank correlations of all pairs of columns, and their changes.

use leeway_statistics::normal::normal_sf;
use leeway_statistics::spearman::{Grades, fisher_z, spearman};
use serde::{Deserialize, Serialize};

/// A rank correlation with the variance of its Fisher transform.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// In `[-1, 1]`.
    pub r: f64,
    /// Variance of `atanh r`.
    pub variance: f64,
    /// Rows that have both values.
    pub rows: f64,
}

/// How the correlation of a pair changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Number of the first column.
    pub first: usize,
    /// Number of the second column.
    pub second: usize,
    /// Correlation in the reference.
    pub reference: f64,
    /// Correlation now.
    pub current: f64,
    /// Two-sided, of the difference of the Fisher transforms.
    pub p_value: f64,
    /// Standard error of that difference.
    error: f64,
}

impl Change {
    /// Absolute change.
    pub fn size(&self) -> f64 {
        (self.current - self.reference).abs()
    }

    /// The change, in the direction of this one, whose transform is `sigmas` standard errors.
    pub fn size_at(&self, sigmas: f64) -> f64 {
        let sign = if self.current >= self.reference {
            1.0
        } else {
            -1.0
        };
        let end = fisher_z(self.reference) + sign * sigmas * self.error;
        (libm::tanh(end) - self.reference).abs()
    }
}

/// Correlations of all pairs `(i, j)`, `i < j`, in this order, over the rows that have both values.
pub fn correlations(columns: &[&[f64]]) -> Vec<Option<Correlation>> {
    // A missing number is graded somewhere and then left out.
    let present: Vec<Vec<bool>> = columns
        .iter()
        .map(|column| column.iter().map(|x| !x.is_nan()).collect())
        .collect();
    let complete: Vec<bool> = present
        .iter()
        .map(|present| present.iter().all(|&there| there))
        .collect();
    let grades: Vec<Grades> = columns.iter().map(|column| Grades::new(column)).collect();
    let mut found = Vec::with_capacity(columns.len() * columns.len().saturating_sub(1) / 2);
    for first in 0..columns.len() {
        for second in first + 1..columns.len() {
            let of = if complete[first] && complete[second] {
                spearman(&grades[first], &grades[second])
            } else {
                let both: Vec<bool> = present[first]
                    .iter()
                    .zip(&present[second])
                    .map(|(a, b)| *a && *b)
                    .collect();
                spearman(
                    &grades[first].filtered(&both),
                    &grades[second].filtered(&both),
                )
            };
            found.push(of.map(|of| Correlation {
                r: of.r,
                variance: of.variance,
                rows: of.rows,
            }));
        }
    }
    found
}

/// Changes of all pairs with at least `rows_min` rows on both sides.
pub(crate) fn changes(
    reference: &[Option<Correlation>],
    current: &[Option<Correlation>],
    columns: usize,
    rows_min: f64,
) -> Vec<Change> {
    let numbers =
        (0..columns).flat_map(|first| (first + 1..columns).map(move |second| (first, second)));
    let mut found = Vec::new();
    for ((first, second), (was, is)) in numbers.zip(reference.iter().zip(current)) {
        let (Some(was), Some(is)) = (was, is) else {
            continue;
        };
        if was.rows.min(is.rows) < rows_min {
            continue;
        }
        let error = (was.variance + is.variance).sqrt();
        let off = (fisher_z(is.r) - fisher_z(was.r)).abs();
        found.push(Change {
            first,
            second,
            reference: was.r,
            current: is.r,
            p_value: (2.0 * normal_sf(off / error)).min(1.0),
            error,
        });
    }
    found
}
