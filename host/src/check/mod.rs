//! Compares two files: `leeway check`.
//!
//! Reads both files into profiles, fits every detector on the reference, judges the current window
//! and its chunks, and reports. Owns no statistics: every judgement comes out of a component.

mod error;
mod gather;
pub mod output;
mod picture;
mod plan;
mod reference;
mod report;
mod run;
mod settings;
mod stream;

pub use error::CheckError;
pub use gather::OnProgress;
pub use reference::{Reference, reference};
pub use report::{
    Call, Chunk, ColumnPicture, Evaluation, ModelSummary, Outcome, Report, Shape, WindowSummary,
};
pub use run::{run, runtime};
pub use settings::{
    CHUNKS_MAX, Chunking, DETECTORS_DEFAULT, Roles, SEED_DEFAULT, Settings, Source,
};
