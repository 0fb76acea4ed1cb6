//! The example that shows each kind of drift by itself: a model that is watched, and a world that changes in one way.
//!
//! [`prepare`] trains the model and lays down which rows are the reference and which come in production; [`run`] sends
//! each row to the model API, its answer to the drift service, and the label after it. Speaks HTTP to both.

mod articles;
mod client;
mod data_set;
mod download;
mod flights;
mod herding;
mod margins;
mod newsgroups;
mod plan;
mod position;
mod prepare;
mod run;
mod show;
mod streams;

use serde::{Deserialize, Serialize};

pub use download::Source;
pub use prepare::{PrepareSettings, prepare};
pub use run::{RunSettings, run, run_into};

/// Rows that come in production, of each client.
pub const ROWS_DEFAULT: u32 = 2_000;
/// Rows of a request.
pub const BATCH_ROWS_DEFAULT: u32 = 50;
/// Seed of everything that is drawn.
pub const SEED_DEFAULT: u64 = 14;

/// What drifts in production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum DriftType {
    /// Nothing.
    #[value(name = "none")]
    None,
    /// The features alone.
    #[value(name = "data_drift", alias = "data-drift")]
    DataDrift,
    /// The share of the classes alone.
    #[value(name = "prior_drift", alias = "prior-drift")]
    PriorDrift,
    /// The relation of features and classes alone.
    #[value(name = "concept_drift", alias = "concept-drift")]
    ConceptDrift,
}

impl DriftType {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::None,
        Self::DataDrift,
        Self::PriorDrift,
        Self::ConceptDrift,
    ];

    /// As it stands in names of models: `data-drift`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::DataDrift => "data-drift",
            Self::PriorDrift => "prior-drift",
            Self::ConceptDrift => "concept-drift",
        }
    }
}

/// Which rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Data {
    /// Flights that left New York in 2013: late or on time?
    Flights,
    /// Articles of the 20 Newsgroups: about space or about religion?
    Newsgroups,
}
