//! Why a check could not be made: one line that says what and where.

use std::path::PathBuf;

use crate::domain::SchemaError;
use crate::input::InputError;
use crate::profile::{AccessError, DeriveError, MergeError, ObserveError, WindowError};
use crate::runtime::{ConfigError, LoadError};

use super::settings::CHUNKS_MAX;

/// Why a check could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A file could not be read, or does not hold what it should.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A role names a column that the reference file does not have.
    #[error("{file}: there is no column '{column}', named as {role}; there are: {there}")]
    NoRoleColumn {
        file: String,
        role: &'static str,
        column: String,
        there: String,
    },
    /// The columns do not make a schema.
    #[error("{file}: {source}")]
    Schema { file: String, source: SchemaError },
    /// Errors cannot be derived from prediction and label.
    #[error("{file}: {source}")]
    Derive { file: String, source: DeriveError },
    /// A batch does not fit the schema.
    #[error("{file}: {source}")]
    Observe { file: String, source: ObserveError },
    /// Two profiles of the same file do not fit.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// Profile and rows of the same file do not fit.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// Rows of a file were not kept.
    #[error("the rows of the file cannot be read again: {0}")]
    Kept(AccessError),
    /// Nothing to compare.
    #[error("{file}: there are no columns to compare")]
    NoColumns { file: String },
    /// Chunks by time without times.
    #[error("the window is to be cut by time, and no time column is named")]
    NoTimeColumn,
    /// Too many chunks.
    #[error("{file}: more than {CHUNKS_MAX} chunks; choose larger ones")]
    TooManyChunks { file: String },
    /// No detector of this name.
    #[error("there is no detector '{name}'; there are: {there}")]
    NoDetector { name: String, there: String },
    /// A component file cannot be read.
    #[error("{path}: {source}", path = path.display())]
    ReadPlugin {
        path: PathBuf,
        source: std::io::Error,
    },
    /// A component was refused.
    #[error("{name}: {source}")]
    Load { name: String, source: LoadError },
    /// Two detectors of one name.
    #[error("two detectors are named '{0}'")]
    DetectorTwice(String),
    /// A configuration was refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A configuration for a detector that does not run.
    #[error(
        "there is a configuration for '{name}', which is none of the detectors of this check: {there}"
    )]
    ConfigWithoutDetector { name: String, there: String },
    /// The sandbox could not be made ready.
    #[error("the sandbox cannot be started: {0}")]
    Sandbox(String),
    /// The cache of compiled code cannot be used.
    #[error("the cache directory {path} cannot be used: {source}", path = path.display())]
    Cache {
        path: PathBuf,
        source: std::io::Error,
    },
    /// A column could not be drawn.
    #[error("a column could not be drawn: {0}")]
    Picture(String),
}
