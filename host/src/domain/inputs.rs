//! What an evaluation was made of, so that it can be made again.

use serde::{Deserialize, Serialize};

use super::ModelType;

/// Names and digests. What they stand for is kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The model's columns were those with a schema version up to this.
    pub schema_version: i32,
    /// What somebody had said that the model answers.
    pub model_type: Option<ModelType>,
    /// The class whose probability it gave.
    pub positive_label: Option<String>,
    /// Digest of what the detector could see of the current window, or of the rows it was handed.
    pub window: String,
    /// The rest, by kind of detector.
    pub made: Made,
}

/// How the rows came to the detector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Made {
    /// As two windows.
    Windows {
        /// Labels with a seq up to this counted.
        label_seq: i64,
        /// Rows that were kept beside the profile, for detectors that read rows.
        kept_rows: Option<u32>,
        /// Digest of the baseline's bytes.
        baseline: String,
        /// Where the baseline came from.
        reference: ReferenceMade,
        /// Bits of the level that its tests had, where that was not the configuration's: false alarms are bounded over time, or
        /// rows are split.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level_bits: Option<u64>,
    },
    /// One after the other.
    Rows {
        /// Whether labelled rows were followed, as they became complete, rather than rows.
        labels: bool,
        /// The detector had been given what came of rows up to this arrival number.
        seq_after: i64,
        /// And of labels up to this one.
        label_seq_after: i64,
        /// Rows up to this arrival number were there.
        seq_to: i64,
        /// And labels up to this one.
        label_seq_to: i64,
        /// Bytes of the state that it was handed.
        state_bytes: u64,
    },
}

/// What the reference window was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum ReferenceMade {
    /// An uploaded data set.
    DataSet {
        /// Its version.
        version: i32,
    },
    /// Chunks that stay the same for many evaluations.
    Training {
        /// Digest of their list.
        chunks: String,
    },
    /// Chunks before the current window.
    Trailing,
}

/// Inputs with the lists that go with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptInputs {
    /// Names and digests.
    pub inputs: Inputs,
    /// Chunks of the current window; none of a detector that follows rows.
    pub current: Option<Vec<u8>>,
    /// Chunks of the reference window; none where that is a data set.
    pub reference: Option<Vec<u8>>,
    /// What a stream detector was handed; none of other detectors, and where it was too large to keep.
    pub state: Option<Vec<u8>>,
}
