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

    /// The window of these chunks.
    fn window<'a>(
        &'a self,
        model: &'a Model,
        chunks: &'a [ChunkInfo],
        request: WindowRequest,
    ) -> BoxFuture<'a, StoreResult<Arc<Window>>>;

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

    fn window<'a>(
        &'a self,
        model: &'a Model,
        chunks: &'a [ChunkInfo],
        request: WindowRequest,
    ) -> BoxFuture<'a, StoreResult<Arc<Window>>> {
        Box::pin(self.windows.window(model, chunks, request))
    }

    fn reference<'a>(
        &'a self,
        model: &'a Model,
        request: WindowRequest,
    ) -> BoxFuture<'a, ReferenceWindow> {
        Box::pin(self.windows.reference(model, request))
    }
}
