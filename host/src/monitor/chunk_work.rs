//! What is done to one chunk: rows and labels go into its profiles.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{Batch, Schema};
use crate::profile::{
    DecodeError, MergeError, ObserveError, Profile, ProfileBuilder, ProfileConfig,
};
use crate::store::{ChunkInfo, RowColumns};

use super::labelling::Truth;
use super::layout::{BatchError, Dictionaries, Layout, UnknownCode};

/// Why rows cannot be counted. All of these are our own bugs or damage to the database.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkError {
    #[error(transparent)]
    Code(#[from] UnknownCode),
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Observe(#[from] ObserveError),
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error("the profile of chunk {0} is not readable: {1}")]
    Decode(i64, DecodeError),
    #[error("chunk {0} has labelled rows and the model has no label")]
    NoLabel(i64),
}

/// A profile as it was found.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// Remembered.
    Profile(Arc<Profile>),
    /// Read.
    Bytes(Vec<u8>),
}

impl Found {
    fn read(self, chunk_no: i64) -> Result<Arc<Profile>, WorkError> {
        match self {
            Self::Profile(profile) => Ok(profile),
            Self::Bytes(bytes) => Profile::from_bytes(&bytes)
                .map(Arc::new)
                .map_err(|error| WorkError::Decode(chunk_no, error)),
        }
    }
}

/// What is done to one chunk.
#[derive(Debug)]
pub(super) struct Work {
    /// As it is stored; of a new chunk as it will be without rows.
    pub(super) chunk: ChunkInfo,
    pub(super) new: bool,
    /// Rows that come to it: positions in [`Inputs::rows`], ascending.
    pub(super) added: Vec<usize>,
    /// Those among them that have a label.
    pub(super) added_labelled: Vec<(usize, Truth)>,
    /// Rows that it had and that have a label now: positions in [`Inputs::answered`].
    pub(super) labelled: Vec<(usize, Truth)>,
    /// Profile of all rows, where rows come to it and it had some.
    pub(super) profile: Option<Found>,
    /// Profile of labelled rows, where there is one and labels come to it.
    pub(super) labelled_profile: Option<Found>,
}

/// A chunk afterwards.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) chunk: ChunkInfo,
    pub(super) new: bool,
    /// Absent where it is as it was.
    pub(super) profile: Option<Written>,
    /// The same.
    pub(super) labelled: Option<Written>,
}

/// A profile and its bytes.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) profile: Arc<Profile>,
    pub(super) bytes: Vec<u8>,
}

impl From<Profile> for Written {
    fn from(profile: Profile) -> Self {
        Self {
            bytes: profile.to_bytes(),
            profile: Arc::new(profile),
        }
    }
}

/// What the work is done with.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) layout: Arc<Layout>,
    pub(super) names: Dictionaries,
    /// New rows.
    pub(super) rows: RowColumns,
    /// Prediction and probability of older rows.
    pub(super) answered: RowColumns,
}

impl Work {
    /// Work on a chunk that exists.
    pub(super) fn on(chunk: ChunkInfo) -> Self {
        Self {
            chunk,
            new: false,
            added: Vec::new(),
            added_labelled: Vec::new(),
            labelled: Vec::new(),
            profile: None,
            labelled_profile: None,
        }
    }

    /// Work on a chunk that is opened with it.
    pub(super) fn opening(chunk_no: i64, start: Timestamp, end: Timestamp) -> Self {
        Self {
            new: true,
            ..Self::on(ChunkInfo {
                chunk_no,
                start,
                end,
                seq_from: i64::MAX,
                seq_to: i64::MIN,
                rows: 0,
                labelled_rows: 0,
                label_delay_seconds: 0.0,
                first_time: Timestamp::MAX,
                last_time: Timestamp::MIN,
                revision: 0,
                stale: false,
            })
        }
    }

    /// Whether labels come to it.
    pub(super) fn labels(&self) -> bool {
        !self.added_labelled.is_empty() || !self.labelled.is_empty()
    }

    /// Counts rows and labels. Blocks.
    pub(super) fn run(self, inputs: &Inputs) -> Result<Done, WorkError> {
        let mut chunk = self.chunk;
        chunk.revision += 1;
        let mut profile = None;
        if !self.added.is_empty() {
            let batch = inputs
                .layout
                .batch(&inputs.rows, &self.added, &inputs.names)?;
            let before = self.profile.map(|found| found.read(chunk.chunk_no));
            let counted = count(
                &inputs.layout.schema,
                std::slice::from_ref(&batch),
                before.transpose()?,
            )?;
            profile = Some(Written::from(counted));
            add_rows(&mut chunk, &inputs.rows, &self.added);
        }
        let mut labelled = None;
        if !self.added_labelled.is_empty() || !self.labelled.is_empty() {
            let answers = inputs
                .layout
                .answers
                .as_ref()
                .ok_or(WorkError::NoLabel(chunk.chunk_no))?;
            let mut batches = Vec::with_capacity(2);
            if !self.added_labelled.is_empty() {
                batches.push(answers.batch_of_whole(
                    &inputs.layout,
                    &inputs.rows,
                    &self.added_labelled,
                    &inputs.names,
                )?);
            }
            if !self.labelled.is_empty() {
                batches.push(answers.batch(&inputs.answered, &self.labelled, &inputs.names)?);
            }
            let before = self
                .labelled_profile
                .map(|found| found.read(chunk.chunk_no));
            labelled = Some(Written::from(count(
                &answers.schema,
                &batches,
                before.transpose()?,
            )?));
            add_labels(&mut chunk, inputs.rows.times(), &self.added_labelled);
            add_labels(&mut chunk, inputs.answered.times(), &self.labelled);
        }
        Ok(Done {
            chunk,
            new: self.new,
            profile,
            labelled,
        })
    }
}

/// The labelled profile of a chunk made anew out of all its rows. Blocks.
pub(super) fn relabelled(
    mut chunk: ChunkInfo,
    layout: &Layout,
    rows: &RowColumns,
    labelled: &[(usize, Truth)],
    names: &Dictionaries,
) -> Result<Done, WorkError> {
    let answers = layout
        .answers
        .as_ref()
        .ok_or(WorkError::NoLabel(chunk.chunk_no))?;
    let batch = answers.batch(rows, labelled, names)?;
    let profile = count(&answers.schema, std::slice::from_ref(&batch), None)?;
    (chunk.labelled_rows, chunk.label_delay_seconds) = (0, 0.0);
    add_labels(&mut chunk, rows.times(), labelled);
    chunk.revision += 1;
    chunk.stale = false;
    Ok(Done {
        chunk,
        new: false,
        profile: None,
        labelled: Some(Written::from(profile)),
    })
}

/// The profile of batches, and of what was counted before, which may have fewer columns.
fn count(
    schema: &Arc<Schema>,
    batches: &[Batch],
    before: Option<Arc<Profile>>,
) -> Result<Profile, WorkError> {
    let mut builder = ProfileBuilder::new(Arc::clone(schema), ProfileConfig::service());
    for batch in batches {
        builder.observe(batch)?;
    }
    let counted = builder.finish();
    match before {
        None => Ok(counted),
        // What was counted of no rows may have been computed in another way.
        Some(before) if before.rows() == 0 => Ok(counted),
        Some(before) if before.schema() == &**schema => Ok(before.merge(&counted)?),
        Some(before) => Ok(before.widened(schema)?.merge(&counted)?),
    }
}

fn add_rows(chunk: &mut ChunkInfo, rows: &RowColumns, added: &[usize]) {
    chunk.rows += added.len() as u64;
    for &row in added {
        let seq = rows.seqs()[row];
        chunk.seq_from = chunk.seq_from.min(seq);
        chunk.seq_to = chunk.seq_to.max(seq);
    }
    let times = || added.iter().map(|&row| rows.times()[row]);
    let time =
        |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    if let (Some(first), Some(last)) = (time(times().min()), time(times().max())) {
        chunk.first_time = chunk.first_time.min(first);
        chunk.last_time = chunk.last_time.max(last);
    }
}

fn add_labels(chunk: &mut ChunkInfo, times: &[i64], labelled: &[(usize, Truth)]) {
    chunk.labelled_rows += labelled.len() as u64;
    // Whole microseconds, so that the sum is the same in whatever order labels came.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "whole numbers far below 2^53 microseconds, which are 285 years of delay"
    )]
    {
        let before = (chunk.label_delay_seconds * 1e6).round() as i64;
        let delays = labelled
            .iter()
            .map(|(row, truth)| truth.delay_micros(times[*row]));
        chunk.label_delay_seconds = delays.fold(before, i64::saturating_add) as f64 / 1e6;
    }
}
