//! Everything that comes in: rows, labels, reference data and the models they belong to.
//!
//! Decodes bodies, checks and types their rows, registers models and columns, and hands rows to the writers,
//! which put the rows of many requests into one commit. Refuses judgement of any kind.

mod arrow;
mod builder;
mod csv;
mod decode;
mod encode;
mod error;
mod events;
mod fit;
mod gate;
mod json;
mod known;
mod limits;
mod problems;
mod reference;
mod register;
mod registry;
mod rows;
mod service;
mod time;
mod writer;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{ModelId, ModelType};

pub use error::{IngestError, PROBLEMS_MAX, RowProblem};
pub use events::IngestEvents;
pub use limits::{
    BODY_BYTES_MAX, REFERENCE_BYTES_MAX, REFERENCE_ROWS_MAX, ROWS_PER_REQUEST_MAX,
    TIME_AHEAD_MICROS_MAX, TIME_MICROS_MIN, WAITING_BYTES_MAX, WAITING_REQUESTS_MAX,
};
pub use registry::{MODELS_KEPT_BYTES_MAX, MODELS_KEPT_MAX};
pub use service::{Ingest, IngestSettings};

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// One row, an array of rows, an object with `predictions`, or an object of columns.
    Json,
    /// A row a line.
    Ndjson,
    /// With a header.
    Csv,
    /// Arrow IPC, stream or file.
    Arrow,
    /// Parquet.
    Parquet,
}

impl BodyFormat {
    /// json, ndjson, csv, arrow or parquet.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
        }
    }
}

/// What a client says beside its rows.
#[derive(Debug, Clone, Default)]
pub struct IngestOptions {
    /// Takes the good rows of a batch and reports the bad ones; else a bad row refuses the batch.
    pub partial: bool,
    /// What the model answers: taken when the model registers itself, held against it afterwards.
    pub model_type: Option<ModelType>,
    /// A newer time retrains the model.
    pub last_training_time: Option<Timestamp>,
}

/// What became of a batch whose rows are committed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Receipt {
    /// Rows that are now stored and were not before.
    pub accepted: u64,
    /// Rows that were there already.
    pub duplicates: u64,
    /// Labels that are now stored.
    pub labels: u64,
    /// Rows that were refused: only where the client asked for partial batches.
    pub rejected: Vec<RowProblem>,
    /// Version of the model's schema after the batch.
    pub schema_version: i32,
}

/// A stored version of a model's reference data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReferenceVersion {
    /// From 1.
    pub version: i32,
    /// csv, ndjson, parquet or arrow.
    pub format: String,
    /// SHA-256 of the upload, in hexadecimal.
    pub digest: String,
    /// Rows it has.
    pub rows: u64,
    /// Rows that have a label.
    pub labelled_rows: u64,
    /// Whether monitors compare with it.
    pub active: bool,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

/// What a client says of a model.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its name.
    pub id: ModelId,
    /// What it answers; cannot change once known.
    pub model_type: Option<ModelType>,
    /// The class whose probability it gives; cannot change once rows are there.
    pub positive_label: Option<String>,
    /// A newer time retrains the model.
    pub last_training_time: Option<Timestamp>,
    /// Chunks and labels; cannot change once rows are there.
    pub settings: Option<crate::domain::ModelSettings>,
    /// Columns to have from the start.
    pub columns: Vec<crate::store::NewColumn>,
}
