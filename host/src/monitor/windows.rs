//! Chunks into windows: merges stored profiles, and remembers merges so that a window's cost follows its new rows.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use rustc_hash::FxHashMap;

use crate::domain::segment::Segment;
use crate::domain::{Model, SchemaError};
use crate::profile::{Profile, Window};
pub use crate::store::ChunkInfo;
use crate::store::{ChunkProfiles, Store, StoreError, StoreResult};

use super::layout::{Layout, derivation_key};
use super::memory::Memory;
use super::merged::{
    FAN, Group, Merged, Schemas, groups, memory_bytes, merge, merge_onto, side_by_side, signature,
};
use super::samples;
use super::slices::{self, Slices};

/// What a window shall hold besides profiles.
#[derive(Debug, Clone, Default)]
pub struct WindowRequest {
    /// Keep so many rows, drawn with this seed, for detectors that need rows. Of a segment those of so many of all rows
    /// that are in it.
    pub keep_rows: Option<(u32, u64)>,
    /// The rows of this segment alone.
    pub segment: Option<Arc<Segment>>,
}

/// Makes windows out of chunks.
#[derive(Debug)]
pub struct Windows {
    pub(super) store: Store,
    /// By model and slice: the signature of the chunks, and their merge.
    groups: Arc<Merges>,
    /// Segments of chunks, and of reference data.
    slices: Slices,
    /// Whole windows, which several monitors often share.
    profiles: Memory<WindowKey, Arc<Profile>>,
}

/// Merges that are remembered.
pub(super) type Merges = Memory<(i32, u64, Part), (u64, Merged)>;

/// Which rows of a model's chunks.
#[derive(Clone, Copy)]
struct Rows<'a> {
    model: &'a Model,
    layout: &'a Layout,
    /// Only those of this segment.
    segment: Option<&'a Segment>,
    /// Of a segment: labels up to this one count.
    label_seq: Option<i64>,
}

impl Rows<'_> {
    fn key(&self, part: Part) -> (i32, u64, Part) {
        (self.model.no, slices::number(self.segment), part)
    }
}

/// What is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// The group of a level that begins with a chunk; a chunk alone is a group of level 0.
    Group(u32, i64),
    /// The groups of a window from a level upwards, whose chunks have this signature.
    From(u32, u64),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct WindowKey {
    model_no: i32,
    slice: u64,
    of: Of,
    schema_version: i32,
    derivation: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    /// Chunks with this signature.
    Chunks(u64),
    /// A version of the reference data.
    Reference(i32),
}

/// The merge of a group, and whether all its chunks had the revision that was asked for.
type Grouped = (Merged, bool);

/// Levels whose chunks are read in one go: 64 chunks, some 12 MB with 25 columns.
const LEVELS_AT_ONCE: u32 = 2;

impl Windows {
    /// `cache_bytes_max`: memory for remembered merges.
    pub fn new(store: Store, cache_bytes_max: usize) -> Self {
        Self {
            store,
            groups: Arc::new(Memory::new(cache_bytes_max / 8 * 5)),
            slices: Slices::new(cache_bytes_max / 8),
            profiles: Memory::new(cache_bytes_max / 4),
        }
    }

    /// Where merges are remembered.
    pub(super) fn merges(&self) -> Arc<Merges> {
        Arc::clone(&self.groups)
    }

    /// All chunks of a model, ordered by `(start, seq_from)`.
    pub async fn chunks(&self, model: &Model) -> StoreResult<Vec<ChunkInfo>> {
        self.store.chunks(model.no).await
    }

    /// The window of these chunks: columns of the model in their order (features, prediction, probability over all rows;
    /// label and derived columns over labelled rows). A chunk that has changed since it was listed comes as it is now.
    pub async fn window(
        &self,
        model: &Model,
        chunks: &[ChunkInfo],
        request: WindowRequest,
    ) -> StoreResult<Arc<Window>> {
        let (window, _) = self.exactly(model, chunks, request, None).await?;
        Ok(window)
    }

    /// The same, and whether no chunk has changed since it was listed. `label_seq`: up to which label rows that are kept have
    /// theirs; as far as they are profiled by now if nothing is said.
    pub(super) async fn exactly(
        &self,
        model: &Model,
        chunks: &[ChunkInfo],
        request: WindowRequest,
        label_seq: Option<i64>,
    ) -> StoreResult<(Arc<Window>, bool)> {
        let layout = layout_of(model)?;
        let mut chunks = chunks.to_vec();
        chunks.sort_unstable_by_key(|chunk| chunk.chunk_no);
        chunks.dedup_by_key(|chunk| chunk.chunk_no);
        let segment = request.segment.as_deref();
        let key = WindowKey::new(model, segment, Of::Chunks(signature(&chunks)));
        let rows = Rows {
            model,
            layout: &layout,
            segment,
            label_seq,
        };
        let (profile, exact) = if let Some(profile) = self.profiles.get(&key) {
            (profile, true)
        } else {
            let (profile, exact) = self.profile(rows, &chunks).await?;
            if exact {
                self.profiles
                    .put(key, Arc::clone(&profile), memory_bytes(&profile));
            }
            (profile, exact)
        };
        let kept = match request.keep_rows {
            Some(drawn) => {
                let of = samples::Drawn {
                    chunks: &chunks,
                    profile: &profile,
                    segment,
                    label_seq,
                };
                Some(samples::of_chunks(&self.store, model, &layout, of, drawn).await?)
            }
            None => None,
        };
        Ok((window(model, profile, kept)?, exact))
    }

    /// Takes a chunk as it stood for what is stored of it, until it is forgotten.
    pub(super) fn remember(&self, model_no: i32, chunk: &ChunkInfo, merged: Merged) {
        let signed = signature(std::slice::from_ref(chunk));
        let bytes = merged.bytes;
        let key = (model_no, slices::ALL_ROWS, Part::Group(0, chunk.chunk_no));
        self.groups.put(key, (signed, merged), bytes);
    }

    /// The active uploaded reference data as a window, with its version.
    pub async fn reference(
        &self,
        model: &Model,
        request: WindowRequest,
    ) -> StoreResult<Option<(i32, Arc<Window>)>> {
        let Some(version) = self.store.active_reference_version(model.no).await? else {
            return Ok(None);
        };
        let window = self.version(model, version, request).await?;
        Ok(window.map(|window| (version, window)))
    }

    /// A version of the uploaded reference data as a window; absent where it is gone.
    pub(super) async fn version(
        &self,
        model: &Model,
        version: i32,
        request: WindowRequest,
    ) -> StoreResult<Option<Arc<Window>>> {
        let layout = layout_of(model)?;
        let segment = request.segment.as_deref();
        let key = WindowKey::new(model, segment, Of::Reference(version));
        let profile = if let Some(profile) = self.profiles.get(&key) {
            profile
        } else {
            let Some(stored) = self.store.reference_profiles(model.no, version).await? else {
                return Ok(None);
            };
            let (schemas, model_id) = (schemas(&layout), model.id.clone());
            let sliced = match segment {
                Some(segment) => {
                    let slices = &self.slices;
                    let sliced = slices.of_reference(&self.store, model, &layout, version, segment);
                    Some(sliced.await?)
                }
                None => None,
            };
            let made = move || {
                let merged = match sliced {
                    Some(merged) => merged,
                    None => decode(&stored.profile, stored.labelled.as_deref())?,
                };
                side_by_side(Some(merged), &schemas).map_err(|error| error.to_string())
            };
            let profile = blocking(made)
                .await?
                .map_err(|reason| StoreError::Corrupt {
                    table: "reference",
                    key: format!("model '{model_id}', version {version}"),
                    reason,
                })?;
            let profile = Arc::new(layout.sized(profile));
            self.profiles
                .put(key, Arc::clone(&profile), memory_bytes(&profile));
            profile
        };
        let kept = match request.keep_rows {
            Some(drawn) => {
                let of = samples::Uploaded {
                    version,
                    profile: &profile,
                    segment,
                };
                Some(samples::of_reference(&self.store, model, &layout, of, drawn).await?)
            }
            None => None,
        };
        Ok(Some(window(model, profile, kept)?))
    }

    /// The profile of chunks ordered by number, and whether each had the revision that was asked for.
    async fn profile(
        &self,
        rows: Rows<'_>,
        chunks: &[ChunkInfo],
    ) -> StoreResult<(Arc<Profile>, bool)> {
        let schemas = schemas(rows.layout);
        let groups = groups(chunks);
        // Chunks at both ends and around gaps, all at once.
        let single: Vec<ChunkInfo> = groups
            .iter()
            .filter(|group| group.level == 0)
            .map(|group| chunks[group.chunks.start].clone())
            .collect();
        let inner = self.inner(rows, &groups, chunks, &schemas).await?;
        let mut exact = inner
            .as_ref()
            .map_or(single.len() == groups.len(), |(_, exact)| *exact);
        let mut small: Vec<Merged> = Vec::with_capacity(single.len());
        for batch in single.chunks(FAN.pow(LEVELS_AT_ONCE)) {
            let found = self.chunks_merged(rows, batch).await?;
            exact &= found.len() == batch.len() && found.iter().all(|(_, (_, exact))| *exact);
            small.extend(found.into_iter().map(|(_, (merged, _))| merged));
        }
        let made = move || {
            let merged = merge_onto(inner.map(|(merged, _)| merged), &small, &schemas)
                .map_err(|error| error.to_string())?;
            side_by_side(merged, &schemas).map_err(|error| error.to_string())
        };
        let profile = blocking(made)
            .await?
            .map_err(|reason| corrupt(rows.model.no, reason))?;
        Ok((Arc::new(rows.layout.sized(profile)), exact))
    }

    /// The merge of all groups above level 0; absent where there are none, or nothing is left of them.
    ///
    /// The groups of each level join those of the levels above it, and what they come to is remembered: when a window
    /// moves on by a chunk, seven times in eight only single chunks at its ends change, and sixty-three times in
    /// sixty-four nothing above level 1. Which profiles are merged in which order depends on the chunks alone.
    async fn inner(
        &self,
        rows: Rows<'_>,
        groups: &[Group],
        chunks: &[ChunkInfo],
        schemas: &Schemas,
    ) -> StoreResult<Option<Grouped>> {
        let top = groups.iter().map(|group| group.level).max().unwrap_or(0);
        let mut joined: Option<Grouped> = None;
        let mut lacking = Vec::new();
        for level in 1..=top {
            let members: Vec<ChunkInfo> = groups
                .iter()
                .filter(|group| group.level >= level)
                .flat_map(|group| chunks[group.chunks.clone()].iter().cloned())
                .collect();
            let signed = signature(&members);
            let key = rows.key(Part::From(level, signed));
            if let Some((_, merged)) = self.groups.get(&key) {
                joined = Some((merged, true));
                break;
            }
            lacking.push((level, key, signed));
        }
        let mut whole = true;
        for (level, key, signed) in lacking.into_iter().rev() {
            let mut parts: Vec<Grouped> = Vec::new();
            for group in groups.iter().filter(|group| group.level == level) {
                let members = &chunks[group.chunks.clone()];
                match self.group(rows, level, members, schemas).await? {
                    Some(grouped) => parts.push(grouped),
                    None => whole = false,
                }
            }
            if parts.len() + usize::from(joined.is_some()) < 2 {
                joined = joined.or_else(|| parts.pop());
                continue;
            }
            let exact = whole && joined.iter().chain(&parts).all(|(_, exact)| *exact);
            let large = joined.take().map(|(merged, _)| merged);
            let parts: Vec<Merged> = parts.into_iter().map(|(merged, _)| merged).collect();
            let schemas = schemas.clone();
            let merged = blocking(move || merge_onto(large, &parts, &schemas))
                .await?
                .map_err(|error| corrupt(rows.model.no, error.to_string()))?;
            let Some(merged) = merged else {
                continue;
            };
            if exact {
                self.groups.put(key, (signed, merged.clone()), merged.bytes);
            }
            joined = Some((merged, exact));
        }
        Ok(joined.map(|(merged, exact)| (merged, exact && whole)))
    }

    /// The merge of a group of a level above 0; absent where none of its chunks is left.
    fn group<'a>(
        &'a self,
        rows: Rows<'a>,
        level: u32,
        chunks: &'a [ChunkInfo],
        schemas: &'a Schemas,
    ) -> BoxFuture<'a, StoreResult<Option<Grouped>>> {
        Box::pin(async move {
            let key = rows.key(Part::Group(level, chunks[0].chunk_no));
            let signed = signature(chunks);
            if let Some((of, merged)) = self.groups.get(&key)
                && of == signed
            {
                return Ok(Some((merged, true)));
            }
            let mut parts: Vec<Grouped> = Vec::with_capacity(FAN);
            let whole;
            if level == 1 {
                let found = self.chunks_merged(rows, chunks).await?;
                whole = found.len() == chunks.len();
                parts.extend(found.into_iter().map(|(_, grouped)| grouped));
            } else {
                let size = chunks.len() / FAN;
                let mut absent = 0;
                for members in chunks.chunks(size) {
                    match self.group(rows, level - 1, members, schemas).await? {
                        Some(grouped) => parts.push(grouped),
                        None => absent += 1,
                    }
                }
                whole = absent == 0;
            }
            if parts.is_empty() {
                return Ok(None);
            }
            let exact = whole && parts.iter().all(|(_, exact)| *exact);
            let parts: Vec<Merged> = parts.into_iter().map(|(merged, _)| merged).collect();
            let schemas = schemas.clone();
            let merged = blocking(move || merge(&parts, &schemas))
                .await?
                .map_err(|error| corrupt(rows.model.no, error.to_string()))?;
            if exact {
                if level == 1 {
                    // What is in the group is not asked for again until a window begins inside of it.
                    for chunk in chunks {
                        let key = rows.key(Part::Group(0, chunk.chunk_no));
                        self.groups.forget(&key);
                    }
                }
                self.groups.put(key, (signed, merged.clone()), merged.bytes);
            }
            Ok(Some((merged, exact)))
        })
    }

    /// Chunks one by one, remembered or read. Those that are gone are left out.
    async fn chunks_merged(
        &self,
        rows: Rows<'_>,
        chunks: &[ChunkInfo],
    ) -> StoreResult<Vec<(i64, Grouped)>> {
        let model_no = rows.model.no;
        if let Some(segment) = rows.segment {
            let mut found = Vec::with_capacity(chunks.len());
            for chunk in chunks {
                let (store, label_seq) = (&self.store, rows.label_seq);
                let sliced = (self.slices).of_chunk(
                    store,
                    rows.model,
                    rows.layout,
                    chunk,
                    segment,
                    label_seq,
                );
                found.push((chunk.chunk_no, (sliced.await?, true)));
            }
            return Ok(found);
        }
        let mut found: FxHashMap<i64, Grouped> = FxHashMap::default();
        let mut missing = Vec::new();
        for chunk in chunks {
            let remembered = self.groups.get(&rows.key(Part::Group(0, chunk.chunk_no)));
            match remembered {
                Some((of, merged)) if of == signature(std::slice::from_ref(chunk)) => {
                    found.insert(chunk.chunk_no, (merged, true));
                }
                _ => missing.push(chunk.chunk_no),
            }
        }
        if !missing.is_empty() {
            let stored = self.store.chunk_profiles(model_no, &missing).await?;
            let asked: FxHashMap<i64, ChunkInfo> = chunks
                .iter()
                .map(|chunk| (chunk.chunk_no, chunk.clone()))
                .collect();
            let read = move || -> Result<Vec<(ChunkProfiles, Merged)>, String> {
                stored
                    .into_iter()
                    .map(|chunk| {
                        let merged = decode(&chunk.profile, chunk.labelled.as_deref())?;
                        Ok((chunk, merged))
                    })
                    .collect()
            };
            let read = blocking(read)
                .await?
                .map_err(|reason| corrupt(model_no, reason))?;
            for (stored, merged) in read {
                let Some(chunk) = asked.get(&stored.chunk_no) else {
                    continue;
                };
                let exact = chunk.revision == stored.revision;
                // A few chunks are the ends of a window, which are asked for again; many become a group.
                if exact && missing.len() < FAN {
                    let signed = signature(std::slice::from_ref(chunk));
                    self.groups.put(
                        rows.key(Part::Group(0, chunk.chunk_no)),
                        (signed, merged.clone()),
                        merged.bytes,
                    );
                }
                found.insert(stored.chunk_no, (merged, exact));
            }
        }
        Ok(chunks
            .iter()
            .filter_map(|chunk| Some((chunk.chunk_no, found.remove(&chunk.chunk_no)?)))
            .collect())
    }
}

impl WindowKey {
    fn new(model: &Model, segment: Option<&Segment>, of: Of) -> Self {
        Self {
            model_no: model.no,
            slice: slices::number(segment),
            of,
            schema_version: model.schema_version,
            derivation: derivation_key(model),
        }
    }
}

fn decode(profile: &[u8], labelled: Option<&[u8]>) -> Result<Merged, String> {
    let read = |bytes| Profile::from_bytes(bytes).map_err(|error| error.to_string());
    let all = read(profile)?;
    let labelled = labelled
        .map(read)
        .transpose()?
        .filter(|profile| profile.rows() > 0);
    Ok(Merged::new(Arc::new(all), labelled.map(Arc::new)))
}

fn schemas(layout: &Layout) -> Schemas {
    Schemas {
        all: Arc::clone(&layout.schema),
        labelled: layout
            .answers
            .as_ref()
            .map(|answers| Arc::clone(&answers.schema)),
    }
}

pub(super) fn layout_of(model: &Model) -> StoreResult<Layout> {
    Layout::new(model).map_err(|error: SchemaError| StoreError::Corrupt {
        table: "model",
        key: model.id.to_string(),
        reason: error.to_string(),
    })
}

fn window(
    model: &Model,
    profile: Arc<Profile>,
    kept: Option<crate::profile::KeptRows>,
) -> StoreResult<Arc<Window>> {
    Window::new(profile, kept.map(Arc::new))
        .map(Arc::new)
        .map_err(|error| corrupt(model.no, error.to_string()))
}

pub(super) fn corrupt(model_no: i32, reason: String) -> StoreError {
    StoreError::Corrupt {
        table: "chunk",
        key: format!("model_no {model_no}"),
        reason,
    }
}

/// Runs work that would hold up other tasks.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> StoreResult<T> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .map_err(|error| StoreError::Database(sqlx::Error::Io(std::io::Error::other(error))))
}
