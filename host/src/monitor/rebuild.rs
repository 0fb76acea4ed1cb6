//! A window as it stood then: out of stored profiles that have not changed since, and out of stored rows where they have.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{Model, ModelType};
use crate::profile::Window;
use crate::store::{ChunkInfo, Store, StoreResult};

use super::chunk_rows::ChunkRows;
use super::merged::Merged;
use super::windows::{WindowRequest, Windows};

/// Chunks of one window that are made again from rows: two million rows where chunks have a thousand.
pub(super) const CHUNKS_REBUILT_MAX: usize = 2_000;
/// Memory for chunks that were made again, in bytes.
const REBUILT_BYTES_MAX: usize = 512 << 20;
/// How often it is tried while rows and labels keep arriving.
const TRIES: u32 = 5;

/// Why a window cannot be had as it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gone(pub(super) String);

/// Where a window came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Stored profiles of its chunks, unchanged.
    Profiles,
    /// Stored rows, for chunks that have changed since.
    Rows,
}

/// A model as it was: without columns that came later.
pub(super) fn model_then(
    model: &Model,
    schema_version: i32,
    model_type: Option<ModelType>,
    positive_label: Option<&str>,
) -> Model {
    let mut then = model.clone();
    then.columns
        .retain(|column| column.schema_version <= schema_version);
    then.schema_version = schema_version;
    then.model_type = model_type;
    then.positive_label = positive_label.map(str::to_owned);
    then
}

/// The window of these chunks as they stood. `model`: as it was.
pub(super) async fn window(
    store: &Store,
    model: &Model,
    chunks: &[ChunkInfo],
    request: WindowRequest,
    label_seq: i64,
) -> StoreResult<Result<(Arc<Window>, Source), Gone>> {
    for _ in 0..TRIES {
        let now = store.chunks(model.no).await?;
        let revisions: HashMap<i64, i64> = now
            .iter()
            .map(|chunk| (chunk.chunk_no, chunk.revision))
            .collect();
        let changed: Vec<&ChunkInfo> = chunks
            .iter()
            .filter(|chunk| revisions.get(&chunk.chunk_no) != Some(&chunk.revision))
            .collect();
        if changed.len() > CHUNKS_REBUILT_MAX {
            return Ok(Err(Gone(format!(
                "{} of its chunks have changed since; {CHUNKS_REBUILT_MAX} can be made again from rows",
                changed.len()
            ))));
        }
        let source = if changed.is_empty() {
            Source::Profiles
        } else {
            Source::Rows
        };
        // With memory of its own: what is made again here is nobody else's.
        let windows = Windows::new(store.clone(), REBUILT_BYTES_MAX);
        for chunk in changed {
            match from_rows(store, model, chunk, label_seq).await? {
                Ok(merged) => windows.remember(model.no, chunk, merged),
                Err(gone) => return Ok(Err(gone)),
            }
        }
        let (window, exact) = windows
            .exactly(model, chunks, request.clone(), Some(label_seq))
            .await?;
        if exact {
            return Ok(Ok((window, source)));
        }
    }
    Ok(Err(Gone(
        "its chunks keep changing: try again when fewer labels arrive".to_owned(),
    )))
}

/// The profiles of a chunk out of its rows, with the labels that counted then.
async fn from_rows(
    store: &Store,
    model: &Model,
    chunk: &ChunkInfo,
    label_seq: i64,
) -> StoreResult<Result<Merged, Gone>> {
    let rows = ChunkRows::read(store, model, chunk, Some(label_seq)).await?;
    if rows.count() as u64 != chunk.rows {
        return Ok(Err(Gone(format!(
            "chunk {} has changed since, and of its {} rows {} are still stored",
            chunk.chunk_no,
            chunk.rows,
            rows.count()
        ))));
    }
    let made = rows.profiles().await?;
    Ok(made.ok_or_else(|| Gone(format!("chunk {} has no rows", chunk.chunk_no))))
}

/// A version of the uploaded reference data as a window; none where it is gone. `model`: as it was.
pub(super) async fn data_set(
    store: &Store,
    model: &Model,
    version: i32,
    request: WindowRequest,
) -> StoreResult<Option<Arc<Window>>> {
    Windows::new(store.clone(), 0)
        .version(model, version, request)
        .await
}
