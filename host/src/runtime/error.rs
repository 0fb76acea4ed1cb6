//! Why a component was not loaded, and why a call gave no result.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::Language;

use super::compile::CompileError;
use super::inspect::DescriptorError;
use super::verify::Violation;

/// Why a component was not loaded. Each message is for the author of the component.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// More bytes than the limit.
    #[error("the component has {bytes} bytes; it may have {limit}")]
    TooLarge { bytes: usize, limit: usize },
    /// A core module, not a component.
    #[error(
        "this is a core WebAssembly module, not a component; link it with wasm-component-ld, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Not WebAssembly at all.
    #[error("this is not WebAssembly: it does not start with the bytes of a component")]
    NotWasm,
    /// The compile child refused, or was stopped.
    #[error("the component could not be compiled: {0}")]
    Compile(#[from] CompileError),
    /// An import that is not part of the contract.
    #[error(
        "the component imports '{0}', which no detector may have; allowed are windows, kernels and logging of leeway:detector@1.0.0"
    )]
    ForbiddenImport(String),
    /// Neither of the two worlds is exported.
    #[error(
        "the component exports {found}; a detector exports 'leeway:detector/batch@1.0.0' or 'leeway:detector/stream@1.0.0'"
    )]
    MissingExport { found: String },
    /// A name of the contract with a shape of its own.
    #[error("the component does not fit leeway:detector@1.0.0: {0}")]
    Incompatible(String),
    /// `describe` did not return.
    #[error("the detector could not describe itself: {0}")]
    Describe(#[source] RunError),
    /// `describe` returned something that is no descriptor.
    #[error("the detector describes itself wrongly: {0}")]
    Descriptor(#[from] DescriptorError),
    /// More text than the limit.
    #[error("the source has {bytes} bytes; it may have {limit}")]
    SourceTooLarge { bytes: usize, limit: usize },
    /// Bytes that are no text.
    #[error("the source is not text in UTF-8: byte {at} does not belong there")]
    SourceNotText { at: usize },
    /// The text does not run: a syntax error or an exception, with its place.
    #[error("the {language} source does not run: {reason}")]
    Source { language: Language, reason: String },
    /// A language that no host has an interpreter for.
    #[error("detectors in source are written in Python or JavaScript, not in '{0}'")]
    UnknownLanguage(String),
    /// This host has no interpreter for the language.
    #[error(
        "there is no interpreter for detectors in {language} source: '{path}' is missing; build it with `cargo xtask interpreters` and name \
         its folder with --interpreters or LEEWAY_INTERPRETERS, or upload a component",
        path = path.display()
    )]
    NoInterpreter { language: Language, path: PathBuf },
    /// The interpreter is not one, or cannot be compiled.
    #[error("the interpreter for {language} source, '{path}', cannot be used: {source}", path = path.display())]
    Interpreter {
        language: Language,
        path: PathBuf,
        source: Box<LoadError>,
    },
    /// The text was stored with an interpreter that this host does not have.
    #[error(
        "this {language} source was stored with another interpreter than those in '{folder}'; put the older one there as \
         {name}-OLD.wasm",
        folder = folder.display(), name = language.name()
    )]
    OtherInterpreter { language: Language, folder: PathBuf },
    /// A file cannot be read.
    #[error("'{path}' cannot be read: {source}", path = path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The host's own trouble with its files.
    #[error("the cache of compiled code in '{path}' cannot be used: {source}")]
    Cache {
        path: String,
        source: std::io::Error,
    },
}

impl LoadError {
    /// Whether the host is at fault, or whoever runs it: the author can do nothing about it.
    pub fn is_of_host(&self) -> bool {
        matches!(
            self,
            Self::Cache { .. }
                | Self::NoInterpreter { .. }
                | Self::Interpreter { .. }
                | Self::OtherInterpreter { .. }
                | Self::Read { .. }
        )
    }
}

/// A detector's own reason to decline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Wrong beyond the schema.
    #[error("the configuration is wrong: {0}")]
    InvalidConfig(String),
    /// Nothing to judge.
    #[error("the data cannot be judged: {0}")]
    UnusableData(String),
    /// Made by another version.
    #[error("the baseline cannot be read: {0}")]
    UnusableBaseline(String),
    /// The detector's own fault.
    #[error("the detector has a fault: {0}")]
    Internal(String),
}

/// Why a call gave no result. The instance is gone; the next call starts afresh.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RunError {
    /// It ran past its deadline, wherever it was: also in a start function or a kernel.
    #[error("the detector ran longer than {limit:?} and was stopped")]
    Deadline { limit: Duration },
    /// All memories together would have passed the limit.
    #[error("the detector wanted {wanted} bytes of memory; it may have {limit}")]
    Memory { wanted: usize, limit: usize },
    /// All tables together would have passed the limit.
    #[error("the detector wanted {wanted} table elements; it may have {limit}")]
    Tables { wanted: usize, limit: usize },
    /// More memories, tables or instances than a guest may have, or than fit the sandbox.
    #[error("the detector does not fit the sandbox: {0}")]
    DoesNotFit(String),
    /// It called itself too deeply.
    #[error("the detector overflowed its stack")]
    StackOverflow,
    /// It panicked; the message is its own.
    #[error("the detector panicked: {message}")]
    Panicked { message: String },
    /// It trapped and said nothing.
    #[error("the detector trapped: {trap}")]
    Trapped { trap: String },
    /// It broke the rules of the boundary: a handle used twice, a list past its memory, text that
    /// is not UTF-8.
    #[error("the detector broke the contract at the boundary: {0}")]
    Boundary(String),
    /// It returned, or asked the host to take, more than the limit.
    #[error("the detector handed over more than {limit} bytes")]
    OutputTooLarge { limit: usize },
    /// It did nothing but log.
    #[error("the detector logged more than {limit} times and was stopped")]
    LogFlood { limit: u64 },
    /// It declined, with a reason.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What it returned cannot be right.
    #[error("the detector's answer is not to be trusted: {0}")]
    Untrusted(#[from] Violation),
    /// All places of the pool are taken.
    #[error("too many detectors run at once")]
    Busy,
}
