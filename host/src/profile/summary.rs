//! The host's mergeable summary of rows, column by column.

use std::borrow::Borrow;
use std::sync::Arc;

use crate::domain::Schema;

use super::column::{ColumnProfile, Summary};
use super::config::{ProfileConfig, ROWS_MAX};
use super::distribution::Scratch;

/// What is known of some rows of a model, column by column. Does not change; merging makes a new one.
///
/// Invariant: there is one column profile for each column of the schema, of its kind; the label and
/// derived columns count at most `rows` rows, the others `rows`; `rows` is at most [`ROWS_MAX`].
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub(super) config: ProfileConfig,
    pub(super) schema: Arc<Schema>,
    pub(super) rows: u64,
    pub(super) span: Option<(f64, f64)>,
    pub(super) columns: Vec<ColumnProfile>,
}

/// Why profiles do not merge.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("no profiles to merge")]
    Nothing,
    /// They remember differently much.
    #[error("profiles of different configuration do not merge: {left:?} and {right:?}")]
    Config {
        /// Of the one.
        left: ProfileConfig,
        /// Of the other.
        right: ProfileConfig,
    },
    /// They have other columns.
    #[error("profiles of different columns do not merge: {left} and {right}")]
    Schema {
        /// First column that differs, in the one.
        left: String,
        /// The same in the other.
        right: String,
    },
    /// The vectors of an embedding column have other lengths.
    #[error(
        "vectors of column '{column}' have {left} components in one profile and {right} in the other"
    )]
    Dimension {
        /// Its name.
        column: String,
        /// Length in the one.
        left: u32,
        /// Length in the other.
        right: u32,
    },
    /// Together they have too many rows.
    #[error("{0} rows; a profile may have {ROWS_MAX}")]
    TooManyRows(u64),
}

impl Profile {
    /// How much it remembers.
    pub fn config(&self) -> &ProfileConfig {
        &self.config
    }

    /// The columns it is of.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The columns it is of, to be shared.
    pub fn shared_schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Time of the first and of the last row in seconds since 1970-01-01T00:00:00Z, if any has one.
    pub fn span(&self) -> Option<(f64, f64)> {
        self.span
    }

    /// Profiles of the columns, in the schema's order.
    pub fn columns(&self) -> &[ColumnProfile] {
        &self.columns
    }

    /// The profile of the rows of both.
    ///
    /// While columns are exact, the result is the same to the last bit whatever the order of merges;
    /// once they are not, within their rank error.
    pub fn merge(&self, other: &Self) -> Result<Self, MergeError> {
        self.check_mergeable(other)?;
        let mut scratch = Scratch::default();
        let columns = self.columns.iter().zip(&other.columns);
        let columns = columns
            .map(|(left, right)| merge_columns(left, right, &self.config, &mut scratch))
            .collect();
        let span = match (self.span, other.span) {
            (Some(left), Some(right)) => Some((left.0.min(right.0), left.1.max(right.1))),
            (left, right) => left.or(right),
        };
        Ok(Self {
            config: self.config,
            schema: Arc::clone(&self.schema),
            rows: self.rows + other.rows,
            span,
            columns,
        })
    }

    /// The profile of the rows of all. Merges neighbours, then neighbours of the results, and so on:
    /// each value is moved as often as the number of profiles can be halved.
    ///
    /// # Errors
    /// [`MergeError::Nothing`] if there is none; otherwise as [`Profile::merge`].
    pub fn merge_all<P: Borrow<Self>>(profiles: &[P]) -> Result<Self, MergeError> {
        match profiles {
            [] => Err(MergeError::Nothing),
            [one] => Ok(one.borrow().clone()),
            [left, right] => left.borrow().merge(right.borrow()),
            more => {
                let (left, right) = more.split_at(more.len() / 2);
                Self::merge_all(left)?.merge(&Self::merge_all(right)?)
            }
        }
    }

    fn check_mergeable(&self, other: &Self) -> Result<(), MergeError> {
        if self.config != other.config {
            return Err(MergeError::Config {
                left: self.config,
                right: other.config,
            });
        }
        if self.schema != other.schema {
            let (left, right) = first_difference(&self.schema, &other.schema);
            return Err(MergeError::Schema { left, right });
        }
        for ((left, right), spec) in self
            .columns
            .iter()
            .zip(&other.columns)
            .zip(self.schema.columns())
        {
            let (left, right) = (left.dimension(), right.dimension());
            if left != right && left != 0 && right != 0 {
                return Err(MergeError::Dimension {
                    column: spec.name.clone(),
                    left,
                    right,
                });
            }
        }
        let rows = self.rows.saturating_add(other.rows);
        if rows > ROWS_MAX {
            Err(MergeError::TooManyRows(rows))
        } else {
            Ok(())
        }
    }
}

fn first_difference(left: &Schema, right: &Schema) -> (String, String) {
    let count = left.columns().len().max(right.columns().len());
    let at = (0..count)
        .find(|&at| left.columns().get(at) != right.columns().get(at))
        .unwrap_or(0);
    let describe = |schema: &Schema| match schema.columns().get(at) {
        Some(column) => format!(
            "'{}' ({}, {}) as column {at}",
            column.name, column.kind, column.role
        ),
        None => format!("{at} columns in all"),
    };
    (describe(left), describe(right))
}

fn merge_columns(
    left: &ColumnProfile,
    right: &ColumnProfile,
    config: &ProfileConfig,
    scratch: &mut Scratch,
) -> ColumnProfile {
    let summary = match (&left.summary, &right.summary) {
        (Summary::Numbers(left), Summary::Numbers(right)) => {
            Summary::Numbers(left.merge(right, config, scratch))
        }
        (Summary::Categories(left), Summary::Categories(right)) => {
            Summary::Categories(left.merge(right, config.categories_max()))
        }
        (
            Summary::Norms {
                dimension,
                norms: left,
            },
            Summary::Norms {
                dimension: other,
                norms: right,
            },
        ) => Summary::Norms {
            dimension: *dimension.max(other),
            norms: left.merge(right, config, scratch),
        },
        _ => unreachable!("columns of one schema have one kind"),
    };
    ColumnProfile {
        rows: left.rows + right.rows,
        missing: left.missing + right.missing,
        non_finite: left.non_finite + right.non_finite,
        summary,
    }
}
