//! What a check is asked to do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::domain::ModelType;
use crate::input::ReadOptions;
use crate::profile::{KEPT_ROWS_DEFAULT, ProfileConfig};

/// Everything a check needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file of the reference window.
    pub reference: PathBuf,
    /// The file of the current window.
    pub current: PathBuf,
    /// Name of the watched model.
    pub model_id: String,
    /// What it answers; where absent, what its columns say.
    pub model_type: Option<ModelType>,
    /// Which columns mean what.
    pub roles: Roles,
    /// How files are read. The time column belongs here, too.
    pub read: ReadOptions,
    /// How much profiles remember.
    pub profile: ProfileConfig,
    /// Rows kept of each window for detectors that need rows.
    pub kept_rows_max: u32,
    /// The detectors, in order.
    pub detectors: Vec<Source>,
    /// Configurations by name of detector; those without one take their defaults.
    pub configs: BTreeMap<String, Value>,
    /// How the current window is cut.
    pub chunking: Chunking,
    /// Seed of every detector.
    pub seed: u64,
}

/// Columns with a meaning; all others are features.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// The truth.
    pub label: Option<String>,
    /// What the model answered.
    pub prediction: Option<String>,
    /// The score behind the answer.
    pub probability: Option<String>,
    /// The class that the probability is of.
    pub positive_label: Option<String>,
}

/// Where a detector comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It comes with the host.
    Builtin(String),
    /// A file with a component, or with source by the end of its name (`.py`, `.js`).
    File(PathBuf),
}

/// How the current window is cut into chunks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Chunking {
    /// Not at all.
    Whole,
    /// By so many rows, in the order of the file.
    Rows(u64),
    /// By spans of so many seconds, counted from 1970-01-01T00:00:00Z.
    Seconds(f64),
}

/// Detectors that run when none are named.
pub const DETECTORS_DEFAULT: [&str; 3] = ["data-drift", "prior-drift", "concept-drift"];
/// Chunks of one window.
pub const CHUNKS_MAX: usize = 10_000;
/// The seed when none is given.
pub const SEED_DEFAULT: u64 = 2013;

impl Settings {
    /// A check of two files with every default.
    pub fn new(reference: PathBuf, current: PathBuf) -> Self {
        Self {
            reference,
            current,
            model_id: "model".to_owned(),
            model_type: None,
            roles: Roles::default(),
            read: ReadOptions::default(),
            profile: ProfileConfig::default(),
            kept_rows_max: KEPT_ROWS_DEFAULT,
            detectors: DETECTORS_DEFAULT
                .map(|name| Source::Builtin(name.to_owned()))
                .into(),
            configs: BTreeMap::new(),
            chunking: Chunking::Whole,
            seed: SEED_DEFAULT,
        }
    }
}
