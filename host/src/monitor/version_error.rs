//! Why an upload, or a change of a version, was not done.

use crate::domain::version::DetectorState;
use crate::runtime::LoadError;
use crate::store::StoreError;

use super::manifest::BadLimit;
use super::metric_names::MetricTaken;
use super::watch::WatchError;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// The upload fails a step, in words for its author.
    #[error("{step}: {reason}")]
    Refused {
        /// Which step.
        step: Step,
        /// What is wrong.
        reason: String,
    },
    /// A limit that no detector can have.
    #[error(transparent)]
    Limit(#[from] BadLimit),
    /// The name belongs to the host.
    #[error("the name '{0}' is the host's own: give the detector another one")]
    NameTaken(String),
    /// The version is there with other bytes or limits.
    #[error("{detector} is there already ({state}) with other {what}: raise the version")]
    VersionTaken {
        /// `name@version`.
        detector: String,
        /// Where it stands.
        state: DetectorState,
        /// bytes or limits.
        what: &'static str,
    },
    /// A metric has the name of another detector's.
    #[error(transparent)]
    MetricTaken(#[from] MetricTaken),
    /// There is no such version.
    #[error("there is no detector '{0}'")]
    NoVersion(String),
    /// The version's state does not allow this.
    #[error("{detector} is {state}: {reason}")]
    State {
        /// `name@version`.
        detector: String,
        /// Where it stands.
        state: DetectorState,
        /// What that means for what was asked.
        reason: String,
    },
    /// Monitors use it.
    #[error("{detector} is in use by {monitors}")]
    InUse {
        /// `name` or `name@version`.
        detector: String,
        /// Some of them.
        monitors: String,
    },
    /// More is waiting than the host holds.
    #[error("{0}; try again later")]
    Busy(String),
    /// The host takes no uploads.
    #[error("this host takes no uploads")]
    Closed,
    /// The host's own trouble.
    #[error("the host could not load the upload: {0}")]
    Host(LoadError),
    /// A model, a monitor, or the database.
    #[error(transparent)]
    Watch(#[from] WatchError),
}

impl From<StoreError> for VersionError {
    fn from(error: StoreError) -> Self {
        Self::Watch(error.into())
    }
}

/// A step of the way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// How large it is.
    Size,
    /// Whether it is what it should be: a component, or source that this host runs.
    Form,
    /// What it imports.
    Imports,
    /// What it exports.
    Exports,
    /// Machine code.
    Compile,
    /// What it says of itself, its configuration's schema included.
    Describe,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Size => "size",
            Self::Form => "form",
            Self::Imports => "imports",
            Self::Exports => "exports",
            Self::Compile => "compile",
            Self::Describe => "describe",
        })
    }
}

impl From<LoadError> for VersionError {
    fn from(error: LoadError) -> Self {
        let step = match &error {
            LoadError::Cache { .. }
            | LoadError::Read { .. }
            | LoadError::Interpreter { .. }
            | LoadError::OtherInterpreter { .. } => return Self::Host(error),
            LoadError::TooLarge { .. } | LoadError::SourceTooLarge { .. } => Step::Size,
            LoadError::CoreModule
            | LoadError::NotWasm
            | LoadError::SourceNotText { .. }
            | LoadError::UnknownLanguage(_)
            | LoadError::NoInterpreter { .. } => Step::Form,
            LoadError::Compile(_) => Step::Compile,
            LoadError::ForbiddenImport(_) => Step::Imports,
            LoadError::MissingExport { .. } | LoadError::Incompatible(_) => Step::Exports,
            LoadError::Source { .. } | LoadError::Describe(_) | LoadError::Descriptor(_) => {
                Step::Describe
            }
        };
        Self::Refused {
            step,
            reason: error.to_string(),
        }
    }
}
