//! Rows of a model under one name, as a detector sees them.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::domain::{ColumnKind, ColumnSpec, ColumnValues, Role};

use super::access::AccessError;
use super::column::ColumnProfile;
use super::kept::KeptRows;
use super::random::Random;
use super::summary::Profile;

/// The reference window or the current one: a profile, the rows that were kept of it, if any, and the
/// columns that may be seen. Cheap to clone. Semantics as in `wit/windows.wit`.
///
/// Invariant: profile and kept rows have one schema and count the same rows. Its label column may count
/// fewer: the rows whose label is there.
#[derive(Debug, Clone)]
pub struct Window {
    profile: Arc<Profile>,
    kept: Option<Arc<KeptRows>>,
    /// Positions in the schema of the columns that may be seen, ascending.
    selection: Arc<[usize]>,
}

/// One column of a window, as the record `column` of `wit/types.wit`.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowColumn {
    /// Its name.
    pub name: String,
    /// What it means to the model.
    pub role: Role,
    /// What its values are.
    pub kind: ColumnKind,
    /// All rows; of a derived column, and of a label that was profiled apart, those that have a label.
    pub rows: u64,
    /// Rows with no value.
    pub missing: u64,
    /// Rows whose number is infinite.
    pub non_finite: u64,
    /// Whether kernels answer from every value.
    pub exact: bool,
    /// Largest error of a rank, as a share of the values.
    pub rank_error: f64,
    /// Length of the vectors; `0` where there are none.
    pub dimension: u32,
}

/// Kept rows are not those of the profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// They have other columns.
    #[error("the kept rows have other columns than the profile")]
    Schema,
    /// They were drawn from another number of rows.
    #[error("the kept rows were drawn from {kept} rows; the profile is of {profile}")]
    Rows {
        /// Rows of the profile.
        profile: u64,
        /// Rows they were drawn from.
        kept: u64,
    },
}

impl Window {
    /// A window of all columns.
    pub fn new(profile: Arc<Profile>, kept: Option<Arc<KeptRows>>) -> Result<Self, WindowError> {
        if let Some(kept) = &kept {
            if kept.schema() != profile.schema() {
                return Err(WindowError::Schema);
            }
            if kept.seen != profile.rows() {
                return Err(WindowError::Rows {
                    profile: profile.rows(),
                    kept: kept.seen,
                });
            }
        }
        let selection = (0..profile.columns().len()).collect();
        Ok(Self {
            profile,
            kept,
            selection,
        })
    }

    /// The same rows with columns of these roles and kinds alone, numbered anew.
    #[must_use]
    pub fn select(&self, roles: &[Role], kinds: &[ColumnKind]) -> Self {
        let wanted = |at: &usize| {
            let spec = self.spec(*at);
            roles.contains(&spec.role) && kinds.contains(&spec.kind)
        };
        let selection = self.selection.iter().copied().filter(wanted).collect();
        Self {
            selection,
            ..self.clone()
        }
    }

    /// The profile of all columns, selected or not.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// All rows that the profile counts.
    pub fn rows(&self) -> u64 {
        self.profile.rows()
    }

    /// Time of the first and of the last row.
    pub fn span(&self) -> Option<(f64, f64)> {
        self.profile.span()
    }

    /// Every selected column, in the schema's order.
    pub fn columns(&self) -> Vec<WindowColumn> {
        let describe = |&at: &usize| {
            let (spec, profile) = (self.spec(at), &self.profile.columns()[at]);
            WindowColumn {
                name: spec.name.clone(),
                role: spec.role,
                kind: spec.kind,
                rows: profile.rows(),
                missing: profile.missing(),
                non_finite: profile.non_finite(),
                exact: profile.is_exact(),
                rank_error: profile.rank_error(),
                dimension: profile.dimension(),
            }
        };
        self.selection.iter().map(describe).collect()
    }

    /// Rows whose values can be read.
    pub fn kept_rows(&self) -> u32 {
        self.kept.as_ref().map_or(0, |kept| kept.rows())
    }

    /// Whether the kept rows are all rows.
    pub fn complete(&self) -> bool {
        self.kept
            .as_ref()
            .map_or(self.rows() == 0, |kept| kept.complete())
    }

    /// Times of kept rows `[offset, offset + len)`, NaN where a row has none.
    pub fn times(&self, offset: u32, len: u32) -> Result<Cow<'_, [f64]>, AccessError> {
        let kept = self.kept()?;
        match kept.times() {
            Some(times) => slice(times, offset, len, 1).map(Cow::Borrowed),
            None if u64::from(offset) + u64::from(len) <= u64::from(kept.rows()) => {
                Ok(Cow::Owned(vec![f64::NAN; len as usize]))
            }
            None => Err(AccessError::OutOfRange(kept.rows().into())),
        }
    }

    /// Numbers of a numeric column, kept rows `[offset, offset + len)`. Missing is NaN.
    pub fn numbers(&self, column: u32, offset: u32, len: u32) -> Result<&[f64], AccessError> {
        match self.values(column, ColumnKind::Numeric)? {
            ColumnValues::Numeric(values) => slice(values, offset, len, 1),
            _ => Err(self.wrong_kind(column, ColumnKind::Numeric)),
        }
    }

    /// Codes of a categorical column, kept rows `[offset, offset + len)`.
    pub fn codes(&self, column: u32, offset: u32, len: u32) -> Result<&[u32], AccessError> {
        match self.values(column, ColumnKind::Categorical)? {
            ColumnValues::Categorical { codes, .. } => slice(codes, offset, len, 1),
            _ => Err(self.wrong_kind(column, ColumnKind::Categorical)),
        }
    }

    /// Names of the codes `[first, first + len)` of a categorical column.
    pub fn dictionary(&self, column: u32, first: u32, len: u32) -> Result<&[String], AccessError> {
        slice(self.names(column)?, first, len, 1)
    }

    /// Number of codes in the dictionary of a categorical column.
    pub fn dictionary_size(&self, column: u32) -> Result<u32, AccessError> {
        // There are fewer names than kept rows.
        Ok(u32::try_from(self.names(column)?.len()).unwrap_or(u32::MAX))
    }

    /// Vectors of an embedding column, kept rows `[offset, offset + len)`, row after row.
    pub fn embeddings(&self, column: u32, offset: u32, len: u32) -> Result<&[f32], AccessError> {
        match self.values(column, ColumnKind::Embedding)? {
            ColumnValues::Embedding { dimension, values } => slice(values, offset, len, *dimension),
            _ => Err(self.wrong_kind(column, ColumnKind::Embedding)),
        }
    }

    /// `count` kept rows drawn without replacement, ascending; all where there are fewer.
    ///
    /// Floyd's algorithm (Bentley & Floyd 1987, "A sample of brilliance"): costs `count`, not the rows.
    pub fn sample(&self, count: u32, seed: u64) -> Result<Vec<u32>, AccessError> {
        let rows = self.kept()?.rows();
        if count >= rows {
            return Ok((0..rows).collect());
        }
        let (mut random, mut drawn) = (Random::new(seed), FxHashSet::default());
        for end in rows - count..rows {
            let row = random.up_to(end);
            if !drawn.insert(row) {
                drawn.insert(end);
            }
        }
        let mut drawn: Vec<u32> = drawn.into_iter().collect();
        drawn.sort_unstable();
        Ok(drawn)
    }

    /// What the schema says of a selected column.
    pub fn column(&self, column: u32) -> Result<&ColumnSpec, AccessError> {
        Ok(self.spec(self.position(column)?))
    }

    /// The profile of a selected column.
    pub fn column_profile(&self, column: u32) -> Result<&ColumnProfile, AccessError> {
        Ok(&self.profile.columns()[self.position(column)?])
    }

    pub(super) fn wrong_kind(&self, column: u32, needed: ColumnKind) -> AccessError {
        match self.column(column) {
            Ok(spec) => AccessError::WrongKind(format!(
                "column {column} ('{}') is {}, not {needed}",
                spec.name, spec.kind
            )),
            Err(error) => error,
        }
    }

    fn spec(&self, at: usize) -> &ColumnSpec {
        &self.profile.schema().columns()[at]
    }

    fn position(&self, column: u32) -> Result<usize, AccessError> {
        self.selection
            .get(column as usize)
            .copied()
            .ok_or(AccessError::NoSuchColumn(column))
    }

    /// The rows that were kept, with all columns, selected or not.
    pub fn kept(&self) -> Result<&KeptRows, AccessError> {
        self.kept.as_deref().ok_or(AccessError::NoRows)
    }

    /// The kept values of a column. A wrong number or kind is reported before rows that were not kept.
    fn values(&self, column: u32, needed: ColumnKind) -> Result<&ColumnValues, AccessError> {
        let at = self.position(column)?;
        if self.spec(at).kind != needed {
            return Err(self.wrong_kind(column, needed));
        }
        Ok(&self.kept()?.columns()[at])
    }

    fn names(&self, column: u32) -> Result<&[String], AccessError> {
        match self.values(column, ColumnKind::Categorical)? {
            ColumnValues::Categorical { dictionary, .. } => Ok(dictionary),
            _ => Err(self.wrong_kind(column, ColumnKind::Categorical)),
        }
    }
}

/// Entries `[offset, offset + len)` of `width` values each.
fn slice<T>(values: &[T], offset: u32, len: u32, width: usize) -> Result<&[T], AccessError> {
    let start = (offset as usize).saturating_mul(width);
    let end = (offset as usize)
        .saturating_add(len as usize)
        .saturating_mul(width);
    let entries = values.len().checked_div(width).unwrap_or(0) as u64;
    if u64::from(offset) + u64::from(len) > entries {
        return Err(AccessError::OutOfRange(entries));
    }
    Ok(&values[start..end])
}
