//! Why a window could not answer.

/// Why a window could not answer. Mirrors `access-error` of `wit/windows.wit`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The window has no column of this number.
    #[error("the window has no column {0}")]
    NoSuchColumn(u32),
    /// The column is of another kind than the call needs: says which.
    #[error("{0}")]
    WrongKind(String),
    /// The rows or dictionary entries asked for reach past the end: holds the number there is.
    #[error("the range reaches past the end; there are {0}")]
    OutOfRange(u64),
    /// The window holds profiles alone; no rows were kept.
    #[error("no rows were kept")]
    NoRows,
    /// An argument is not usable: says which and why.
    #[error("{0}")]
    InvalidArgument(String),
}
