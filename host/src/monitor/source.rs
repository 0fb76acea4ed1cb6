//! Where windows come from: what evaluations ask of profiles.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::domain::Model;
use crate::profile::Window;
use crate::store::StoreResult;

use super::profiler::{Advance, ProfileError, Profiler};
use super::windows::{ChunkInfo, WindowRequest, Windows};

/// The version of uploaded reference data and its window; `None` where there is none.
pub(super) type ReferenceWindow = StoreResult<Option<(i32, Arc<Window>)>>;

/// Profiles rows, and makes windows out of the profiles.
pub trait WindowSource: Send + Sync {
    /// Profiles the next rows and labels of a model.
    fn advance(&self, model_no: i32) -> BoxFuture<'_, Result<Advance, ProfileError>>;

    /// All chunks of a model, ordered by `(start, seq_from)`.
    fn chunks<'a>(&'a self, model: &'a Model) -> BoxFuture<'a, StoreResult<Vec<ChunkInfo>>>;

    /// The same, and up to which label their labels count, as of one moment.
    fn listed<'a>(&'a self, model: &'a Model) -> BoxFuture<'a, StoreResult<(Vec<ChunkInfo>, i64)>>;

    /// The window of these chunks, with labels up to this one; and whether no chunk has changed since it was listed.
    fn window<'a>(
        &'a self,
        model: &'a Model,
        chunks: &'a [ChunkInfo],
        request: WindowRequest,
        label_seq: i64,
    ) -> BoxFuture<'a, StoreResult<(Arc<Window>, bool)>>;

    /// The active uploaded reference data, with its version.
    fn reference<'a>(
        &'a self,
        model: &'a Model,
        request: WindowRequest,
    ) -> BoxFuture<'a, ReferenceWindow>;
}

/// The profiles in the database.
#[derive(Debug)]
pub struct StoredWindows {
    /// Profiles rows.
    pub profiler: Profiler,
    /// Merges profiles.
    pub windows: Windows,
}

impl WindowSource for StoredWindows {
    fn advance(&self, model_no: i32) -> BoxFuture<'_, Result<Advance, ProfileError>> {
        Box::pin(self.profiler.advance(model_no))
    }

    fn chunks<'a>(&'a self, model: &'a Model) -> BoxFuture<'a, StoreResult<Vec<ChunkInfo>>> {
        Box::pin(self.windows.chunks(model))
    }

    fn listed<'a>(&'a self, model: &'a Model) -> BoxFuture<'a, StoreResult<(Vec<ChunkInfo>, i64)>> {
        Box::pin(self.windows.store.chunks_and_labels(model.no))
    }

    fn window<'a>(
        &'a self,
        model: &'a Model,
        chunks: &'a [ChunkInfo],
        request: WindowRequest,
        label_seq: i64,
    ) -> BoxFuture<'a, StoreResult<(Arc<Window>, bool)>> {
        let label_seq = Some(label_seq);
        Box::pin(self.windows.exactly(model, chunks, request, label_seq))
    }

    fn reference<'a>(
        &'a self,
        model: &'a Model,
        request: WindowRequest,
    ) -> BoxFuture<'a, ReferenceWindow> {
        Box::pin(self.windows.reference(model, request))
    }
}
