//! Segments of chunks and of reference data: profiles out of stored rows, which are read once for all segments and remembered.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;

use crate::domain::Model;
use crate::domain::segment::{Segment, Split};
use crate::profile::{ProfileBuilder, ProfileConfig};
use crate::store::{ChunkInfo, Store, StoreError, StoreResult};

use super::chunk_rows::ChunkRows;
use super::layout::Layout;
use super::memory::Memory;
use super::merged::{Merged, signature};
use super::samples;

/// Stands for all rows, where others are numbered by their segment.
pub(super) const ALL_ROWS: u64 = 0;

/// A number for the rows of a segment.
pub(super) fn number(segment: Option<&Segment>) -> u64 {
    segment.map_or(ALL_ROWS, |segment| {
        hash(&(segment.split.text(), &segment.name)) | 1
    })
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    of.hash(&mut hasher);
    hasher.finish()
}

/// What is split: a chunk as it stood, or a version of the reference data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Whole {
    /// Number, and signature with its revision.
    Chunk(i64, u64),
    Reference(i32),
}

/// The segments of something, by name.
type Segments = Arc<BTreeMap<String, Merged>>;

/// Splits, and remembers what it split.
#[derive(Debug)]
pub(super) struct Slices {
    /// By model, split and what was split.
    known: Memory<(i32, u64, Whole), Segments>,
}

impl Slices {
    /// `bytes_max`: memory for what is remembered.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            known: Memory::new(bytes_max),
        }
    }

    /// The rows of a chunk that are in a segment. `label_seq`: labels up to this one count.
    ///
    /// # Errors
    /// Also where rows of the chunk are no longer stored.
    pub(super) async fn of_chunk(
        &self,
        store: &Store,
        model: &Model,
        layout: &Layout,
        chunk: &ChunkInfo,
        segment: &Segment,
        label_seq: Option<i64>,
    ) -> StoreResult<Merged> {
        let signed = signature(std::slice::from_ref(chunk));
        let key = key(model, &segment.split, Whole::Chunk(chunk.chunk_no, signed));
        let segments = if let Some(segments) = self.known.get(&key) {
            segments
        } else {
            let rows = ChunkRows::read(store, model, chunk, label_seq).await?;
            if rows.count() as u64 != chunk.rows {
                return Err(StoreError::Corrupt {
                    table: "prediction",
                    key: format!("model '{}', chunk {}", model.id, chunk.chunk_no),
                    reason: format!(
                        "of its {} rows {} are still stored, and a window by segments is made of rows",
                        chunk.rows,
                        rows.count()
                    ),
                });
            }
            self.remember(key, rows.split(segment.split.clone()).await?)
        };
        Ok(found(&segments, segment, layout))
    }

    /// The rows of a version of the reference data that are in a segment; none where it is gone.
    pub(super) async fn of_reference(
        &self,
        store: &Store,
        model: &Model,
        layout: &Layout,
        version: i32,
        segment: &Segment,
    ) -> StoreResult<Merged> {
        let key = key(model, &segment.split, Whole::Reference(version));
        let segments = if let Some(segments) = self.known.get(&key) {
            segments
        } else {
            let split =
                samples::split_reference(store, model, layout, version, &segment.split).await?;
            self.remember(key, split)
        };
        Ok(found(&segments, segment, layout))
    }

    fn remember(&self, key: (i32, u64, Whole), split: BTreeMap<String, Merged>) -> Segments {
        let bytes = split
            .values()
            .map(|merged| merged.bytes + 64)
            .sum::<usize>()
            + 64;
        let segments = Arc::new(split);
        self.known.put(key, Arc::clone(&segments), bytes);
        segments
    }
}

fn key(model: &Model, split: &Split, whole: Whole) -> (i32, u64, Whole) {
    // What is derived of labels is part of the profiles.
    let made = (split.text(), super::layout::derivation_key(model));
    (model.no, hash(&made), whole)
}

/// A segment without rows has an empty profile.
fn found(segments: &BTreeMap<String, Merged>, segment: &Segment, layout: &Layout) -> Merged {
    segments.get(&segment.name).cloned().unwrap_or_else(|| {
        let nothing =
            ProfileBuilder::new(Arc::clone(&layout.schema), ProfileConfig::service()).finish();
        Merged::new(Arc::new(nothing), None)
    })
}
