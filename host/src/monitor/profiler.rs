//! Follows a model's committed rows and labels, and counts each exactly once in the profile of its chunk.

use std::sync::Arc;

use crate::domain::SchemaError;
use crate::domain::schema::COLUMNS_MAX;
use crate::profile::Profile;
use crate::store::{Store, StoreError};

use super::chunk_work::WorkError;
use super::layout::Dictionaries;
use super::memory::Memory;
use super::step::Step;
use super::windows::{Merges, Windows};

/// Most rows of one advance.
pub const ROWS_AT_ONCE: usize = 20_000;
/// Most values of one advance: of rows with more than 50 columns there are fewer than [`ROWS_AT_ONCE`]. 8 MB of numbers.
pub const VALUES_AT_ONCE: usize = 1_000_000;
/// Most labels of one advance.
pub const LABELS_AT_ONCE: usize = 10_000;
/// Most chunks whose labels are counted anew in one advance: 64,000 rows by default.
pub const CHUNKS_RELABELLED_AT_ONCE: usize = 64;
/// Most chunks that are cut in two in one advance, where a new training time lies inside of them: 16,000 rows by default.
pub const CHUNKS_CUT_AT_ONCE: usize = 16;
/// Memory for profiles of chunks that may still change, in bytes.
const CHUNKS_BYTES_MAX: usize = 64 << 20;
/// Memory for names of categories, in bytes.
const NAMES_BYTES_MAX: usize = 32 << 20;

/// How far a model's rows are profiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// Rows profiled by this call.
    pub rows: u64,
    /// Labels applied by this call.
    pub labels: u64,
    /// Rows with a seq up to this are in the chunks.
    pub profiled_seq: i64,
    /// Labels with a seq up to this are in the chunks.
    pub profiled_label_seq: i64,
    /// Whether more waits.
    pub more: bool,
}

/// Why rows could not be profiled.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stored rows do not fit their model.
    #[error("rows of model '{model}' cannot be profiled: {reason}")]
    Rows {
        /// The model.
        model: String,
        /// What does not fit.
        reason: String,
    },
}

impl ProfileError {
    pub(super) fn work(model: &str, error: &WorkError) -> Self {
        Self::Rows {
            model: model.to_owned(),
            reason: error.to_string(),
        }
    }

    pub(super) fn schema(model: &str, error: &SchemaError) -> Self {
        Self::Rows {
            model: model.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// Which of a chunk's profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Which {
    /// Of all rows.
    All,
    /// Of labelled rows.
    Labelled,
}

/// Revision of the chunk, its profile, and about how many bytes that takes.
pub(super) type Remembered = (i64, Arc<Profile>, usize);

/// Profiles rows.
#[derive(Debug)]
pub struct Profiler {
    store: Store,
    /// Profiles that are likely to be changed next, with the revision of the chunk that they are of.
    pub(super) chunks: Memory<(i32, i64, Which), Remembered>,
    /// Names of categories, and how many columns the model's rows have.
    pub(super) names: Memory<i32, Arc<Dictionaries>>,
    pub(super) columns: Memory<i32, usize>,
    /// Where windows look for the profiles of chunks.
    pub(super) merges: Option<Arc<Merges>>,
}

impl Profiler {
    /// A profiler of the rows in `store`.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            chunks: Memory::new(CHUNKS_BYTES_MAX),
            names: Memory::new(NAMES_BYTES_MAX),
            columns: Memory::new(1 << 20),
            merges: None,
        }
    }

    /// Hands the profiles of new chunks to windows, which need not read them back then.
    #[must_use]
    pub fn feeding(self, windows: &Windows) -> Self {
        Self {
            merges: Some(windows.merges()),
            ..self
        }
    }

    /// Profiles the next rows and labels of a model, at most [`ROWS_AT_ONCE`] and [`LABELS_AT_ONCE`]; one transaction.
    ///
    /// A row counts for the chunk of its stretch that is open, a label for all rows of its record: with those that are
    /// profiled at once, with others when they are. Of several labels of a record the last counts; one that replaces
    /// another makes the labelled profile of its chunks anew from storage, as far as the rows are still there. When the
    /// model's type or positive class become known later than its labels, the same happens to all chunks that have
    /// labels, [`CHUNKS_RELABELLED_AT_ONCE`] at a time; when it is trained anew, chunks with rows from before and after
    /// are cut in two, [`CHUNKS_CUT_AT_ONCE`] at a time, before anything else. Several callers may advance the same model: they take turns.
    ///
    /// # Errors
    /// [`StoreError::ModelGone`] if the model is deleted. After any error everything is as it was before the call.
    pub async fn advance(&self, model_no: i32) -> Result<Advance, ProfileError> {
        let columns = self.columns.get(&model_no).unwrap_or(COLUMNS_MAX).max(1);
        let rows_max = (VALUES_AT_ONCE / columns).clamp(1, ROWS_AT_ONCE);
        let (mut profiling, progress) = self.store.profiling(model_no).await?;
        let rows = profiling
            .rows_after(progress.profiled_seq, rows_max)
            .await?;
        let labels = profiling
            .labels_after(
                progress.profiled_label_seq,
                i64::try_from(LABELS_AT_ONCE).unwrap_or(i64::MAX),
            )
            .await?;
        // After the rows, so that it has every column that they have.
        let model = profiling.model().await?;
        let values = model.columns.len() + model.embedding_numbers();
        self.columns.put(model_no, values, 64);
        let step = Step::new(self, profiling, progress, model, labels)?;
        step.run(rows, rows_max).await
    }
}
