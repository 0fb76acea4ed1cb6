//! The sandbox: the only code that knows wasmtime.
//!
//! Owns engines, compiled components, stores and every value that crosses. Synchronous: a call
//! blocks its thread. Guests get no clock, no files, no network, no randomness.
//! Invariant: nothing that a guest returns leaves this module unchecked.

mod bindings;
mod cache;
mod compile;
mod config;
mod convert;
mod detector;
mod engine;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod inspect;
mod kernels;
mod lend;
mod limits;
mod plugin;
mod sandbox;
mod source;
mod text;
mod verify;
mod window;

pub use cache::CodeCache;
pub use compile::{CompileError, CompileLimits, Compiler, compile_in_this_process};
pub use config::ConfigError;
pub use detector::{Baseline, BatchDetector, Detector, Evaluated, State, StreamDetector, Updated};
pub use engine::{Engine, Fuel};
pub use error::{LoadError, Refusal, RunError};
pub use inspect::{CONTRACT, DescriptorError};
pub use limits::Limits;
pub use plugin::{Digest, Outline, Plugin, PluginKind, Runtime};
pub use sandbox::{LogLevel, LogLine, Usage};
pub use source::SOURCE_BYTES_MAX;
pub use verify::Violation;
