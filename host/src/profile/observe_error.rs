//! Why a profile cannot take a batch.

use crate::domain::ColumnKind;

use super::config::ROWS_MAX;

/// Why a batch cannot be taken. Then nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObserveError {
    /// It has another number of columns than the schema.
    #[error("the batch has {found} columns; the schema has {expected}")]
    Columns {
        /// Of the schema.
        expected: usize,
        /// Of the batch.
        found: usize,
    },
    /// A column holds other values than the schema says.
    #[error("column '{column}' holds {found} values; the schema says {expected}")]
    Kind {
        /// Its name.
        column: String,
        /// In the schema.
        expected: ColumnKind,
        /// In the batch.
        found: ColumnKind,
    },
    /// A column, or the times, have another number of rows than the batch.
    #[error("{what} has {found} rows; the batch has {expected}")]
    Rows {
        /// Column or times.
        what: String,
        /// Of the batch.
        expected: usize,
        /// Of the column.
        found: usize,
    },
    /// A code is beyond the dictionary.
    #[error("column '{column}', row {row}: code {code} is beyond the dictionary of {names} names")]
    Code {
        /// Its name.
        column: String,
        /// The first such row of the batch, from 0.
        row: usize,
        /// Its code.
        code: u32,
        /// Length of the dictionary.
        names: usize,
    },
    /// Vectors of other lengths than before, or not a whole number of them.
    #[error("vectors of column '{column}' have {found} components; there were {expected} before")]
    Dimension {
        /// Its name.
        column: String,
        /// Length before; `0` for none yet.
        expected: usize,
        /// Length in the batch.
        found: usize,
    },
    /// The number of components is not a multiple of the vectors' length.
    #[error("column '{column}': {components} components are not whole vectors of {dimension}")]
    Ragged {
        /// Its name.
        column: String,
        /// Of all vectors together.
        components: usize,
        /// Of each.
        dimension: usize,
    },
    /// There would be too many rows.
    #[error("{0} rows; a profile may have {ROWS_MAX}")]
    TooManyRows(u64),
}
