//! The profile of one column.

use super::categories::Categories;
use super::distribution::Distribution;

/// What is known of the values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Summary {
    /// Of a numeric column: its finite numbers.
    Numbers(Distribution),
    /// Of a categorical column: its names.
    Categories(Categories),
    /// Of an embedding column: its vectors' Euclidean norms. The length is `0` before the first row.
    Norms {
        /// Length of the vectors.
        dimension: u32,
        /// Their norms.
        norms: Distribution,
    },
}

/// The profile of one column.
///
/// Invariant: `rows = missing + non_finite + values`, where values are the finite numbers, the rows
/// with a name, or the vectors with a norm.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnProfile {
    pub(super) rows: u64,
    pub(super) missing: u64,
    pub(super) non_finite: u64,
    pub(super) summary: Summary,
}

impl ColumnProfile {
    /// All rows, missing ones included. Of a derived column rows that have a label, and of the label too where
    /// labels were profiled apart: see [`super::Profile::beside`].
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows with no value.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Rows whose number is infinite, or whose vector has a component that is not finite.
    pub fn non_finite(&self) -> u64 {
        self.non_finite
    }

    /// What is known of the values.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The finite numbers, or the norms of the vectors; none of a categorical column.
    pub fn distribution(&self) -> Option<&Distribution> {
        match &self.summary {
            Summary::Numbers(distribution)
            | Summary::Norms {
                norms: distribution,
                ..
            } => Some(distribution),
            Summary::Categories(_) => None,
        }
    }

    /// The names of a categorical column.
    pub fn categories(&self) -> Option<&Categories> {
        match &self.summary {
            Summary::Categories(categories) => Some(categories),
            Summary::Numbers(_) | Summary::Norms { .. } => None,
        }
    }

    /// About how much memory the column takes, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let numbers = |distribution: &Distribution| match distribution {
            Distribution::Exact(run) => 8 * (run.values().len() + run.explicit_counts().len()),
            Distribution::Sketched(sketch, _) => {
                8 * sketch.levels.iter().map(Vec::len).sum::<usize>() + 64
            }
        };
        size_of::<Self>()
            + match &self.summary {
                Summary::Numbers(distribution)
                | Summary::Norms {
                    norms: distribution,
                    ..
                } => numbers(distribution),
                Summary::Categories(categories) => 40 * categories.entries().len(),
            }
    }

    /// Length of the vectors of an embedding column; `0` of the others.
    pub fn dimension(&self) -> u32 {
        match &self.summary {
            Summary::Norms { dimension, .. } => *dimension,
            Summary::Numbers(_) | Summary::Categories(_) => 0,
        }
    }

    /// Rows that have a value.
    pub fn values(&self) -> u64 {
        self.rows - self.missing - self.non_finite
    }

    /// Whether answers come from every value. A dictionary that has dropped names is not exact.
    pub fn is_exact(&self) -> bool {
        match &self.summary {
            Summary::Categories(categories) => categories.rest() == 0,
            Summary::Numbers(distribution)
            | Summary::Norms {
                norms: distribution,
                ..
            } => distribution.is_exact(),
        }
    }

    /// Largest possible error of a rank as a share of the values, in [0, 1]. Of a categorical column:
    /// the share of the rest, by which the counts of all names together are too low.
    pub fn rank_error(&self) -> f64 {
        match &self.summary {
            Summary::Categories(categories) if categories.rest() == 0 => 0.0,
            Summary::Categories(categories) => categories.rest() as f64 / categories.total() as f64,
            Summary::Numbers(distribution)
            | Summary::Norms {
                norms: distribution,
                ..
            } => distribution.rank_error(),
        }
    }
}
