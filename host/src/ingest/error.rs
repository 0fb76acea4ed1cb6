//! Why rows, labels or reference data were not taken.

use serde::Serialize;

use crate::store::StoreError;

/// What is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// Position in the body, from 0.
    pub row: u64,
    /// Which field, where it is about one.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a request was not taken. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The body is not what its content type says.
    #[error("the body is not {format}: {reason}")]
    Body {
        /// What it should be.
        format: &'static str,
        /// What is wrong, and where.
        reason: String,
    },
    /// Rows are wrong: the first [`PROBLEMS_MAX`] of them.
    #[error("{total} of the rows cannot be taken; the first: row {}{}: {}", .problems[0].row, .problems[0].field.as_ref().map(|field| format!(", field '{field}'")).unwrap_or_default(), .problems[0].reason)]
    Rows {
        /// In the order of the rows; never empty.
        problems: Vec<RowProblem>,
        /// How many there are.
        total: u64,
    },
    /// Something that came in is larger or more than may be.
    #[error("{what} is {found}; at most {limit} is allowed")]
    TooLarge {
        /// Which limit.
        what: &'static str,
        /// How much it is.
        found: u64,
        /// How much it may be.
        limit: u64,
    },
    /// What is said of the model contradicts what is known of it.
    #[error("{field} of model '{model}' is {known} and cannot become {asked}")]
    Contradiction {
        /// The model.
        model: String,
        /// What is said.
        field: &'static str,
        /// What is known.
        known: String,
        /// What was asked.
        asked: String,
    },
    /// What is said of the model makes no sense in itself.
    #[error("{0}")]
    Registration(String),
    /// There is no such model.
    #[error("there is no model '{0}'")]
    NoModel(String),
    /// Too much is waiting to be written.
    #[error("more is waiting to be written than the server holds: try again later")]
    Busy,
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
    /// The database failed. Whether the rows were committed is not known: they may be sent again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Most problems that one answer lists.
pub const PROBLEMS_MAX: usize = 100;
