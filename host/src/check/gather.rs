//! Reads a file into profiles, batch by batch, so that it may be larger than memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::domain::{Batch, Schema};
use crate::input;
use crate::profile::{KeptRowsBuilder, Profile, ProfileBuilder, ProfileConfig, Window};

use super::error::CheckError;
use super::plan::Plan;
use super::settings::{CHUNKS_MAX, Chunking, Settings};
use super::stream::Followers;

/// Told how many bytes were read since it was told last.
pub type OnProgress<'a> = dyn FnMut(u64) + 'a;

/// What a file holds: the whole, and its chunks in order.
pub(super) struct Gathered {
    pub(super) whole: Window,
    pub(super) chunks: Vec<Window>,
    /// Rows that stand in no chunk, because they have no time.
    pub(super) rows_without_time: u64,
}

/// Reads a file. `keep_rows`: some detector needs rows. Every row also goes to the `followers`.
pub(super) fn gather(
    file: &Path,
    plan: &Plan,
    settings: &Settings,
    chunking: Chunking,
    keep_rows: bool,
    followers: &mut Followers,
    progress: &mut OnProgress,
) -> Result<Gathered, CheckError> {
    let name = file.display().to_string();
    let mut reader = input::open(file, &plan.requests, &settings.read)?;
    let mut windows = Windows::new(plan, settings, chunking, keep_rows, name.clone());
    let mut told = 0;
    while let Some(batch) = reader.next() {
        let mut batch = batch?;
        if let Some(derivation) = &plan.derivation {
            batch = derivation
                .extend(batch)
                .map_err(|source| CheckError::Derive {
                    file: name.clone(),
                    source,
                })?;
        }
        followers.follow(&batch)?;
        windows.observe(&batch)?;
        let read = reader.bytes_read();
        progress(read.saturating_sub(told));
        told = read;
    }
    windows.finish()
}

/// The windows of one file while it is read.
struct Windows<'a> {
    open: Open<'a>,
    chunking: Chunking,
    /// The whole, where it is not the merge of its chunks.
    whole: WindowBuilder,
    chunks: BTreeMap<i64, WindowBuilder>,
    finished: Vec<Window>,
    rows: u64,
    rows_without_time: u64,
}

/// How a new window is started.
#[derive(Clone)]
struct Open<'a> {
    schema: &'a Arc<Schema>,
    profile: ProfileConfig,
    kept_rows_max: Option<u32>,
    seed: u64,
    file: String,
}

impl Open<'_> {
    fn start(&self) -> WindowBuilder {
        WindowBuilder {
            profile: ProfileBuilder::new(self.schema.clone(), self.profile),
            kept: self
                .kept_rows_max
                .map(|rows_max| KeptRowsBuilder::new(self.schema.clone(), rows_max, self.seed)),
        }
    }

    fn observe(&self, window: &mut WindowBuilder, batch: &Batch) -> Result<(), CheckError> {
        window
            .profile
            .observe(batch)
            .map_err(|source| CheckError::Observe {
                file: self.file.clone(),
                source,
            })?;
        if let Some(kept) = &mut window.kept {
            kept.observe(batch);
        }
        Ok(())
    }
}

/// One window while its rows arrive.
struct WindowBuilder {
    profile: ProfileBuilder,
    kept: Option<KeptRowsBuilder>,
}

impl WindowBuilder {
    fn finish(self) -> Result<Window, CheckError> {
        let kept = self.kept.map(|kept| Arc::new(kept.finish()));
        Ok(Window::new(Arc::new(self.profile.finish()), kept)?)
    }
}

impl<'a> Windows<'a> {
    fn new(
        plan: &'a Plan,
        settings: &Settings,
        chunking: Chunking,
        keep_rows: bool,
        file: String,
    ) -> Self {
        let open = Open {
            schema: &plan.schema,
            profile: settings.profile,
            kept_rows_max: keep_rows.then_some(settings.kept_rows_max),
            seed: settings.seed,
            file,
        };
        let whole = open.start();
        Self {
            open,
            chunking,
            whole,
            chunks: BTreeMap::new(),
            finished: Vec::new(),
            rows: 0,
            rows_without_time: 0,
        }
    }

    fn observe(&mut self, batch: &Batch) -> Result<(), CheckError> {
        match self.chunking {
            Chunking::Whole => self.open.observe(&mut self.whole, batch),
            Chunking::Rows(rows) => self.by_rows(batch, rows),
            Chunking::Seconds(seconds) => self.by_time(batch, seconds),
        }
    }

    /// Cuts a batch at the ends of chunks. A full chunk is finished at once.
    fn by_rows(&mut self, batch: &Batch, rows: u64) -> Result<(), CheckError> {
        if let Some(kept) = &mut self.whole.kept {
            kept.observe(batch);
        }
        let mut from = 0;
        while from < batch.rows {
            let room = usize::try_from(rows - self.rows % rows).unwrap_or(usize::MAX);
            let to = batch.rows.min(from.saturating_add(room));
            let chunk = self.chunks.entry(0).or_insert_with(|| self.open.start());
            self.open.observe(chunk, &batch.slice(from..to))?;
            self.rows += (to - from) as u64;
            from = to;
            if self.rows.is_multiple_of(rows) {
                self.finish_chunks()?;
            }
        }
        Ok(())
    }

    /// Sorts rows into spans of time; they may come in any order.
    fn by_time(&mut self, batch: &Batch, seconds: f64) -> Result<(), CheckError> {
        if let Some(kept) = &mut self.whole.kept {
            kept.observe(batch);
        }
        let mut rows_of: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        let mut timeless = Vec::new();
        for row in 0..batch.rows {
            match batch
                .times
                .as_ref()
                .map(|times| times[row])
                .filter(|time| time.is_finite())
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "saturates; times are within some centuries of 1970"
                )]
                Some(time) => rows_of
                    .entry((time / seconds).floor() as i64)
                    .or_default()
                    .push(row),
                None => timeless.push(row),
            }
        }
        for (span, rows) in rows_of {
            let chunk = self.chunks.entry(span).or_insert_with(|| self.open.start());
            self.open.observe(chunk, &batch.take(&rows))?;
            if self.chunks.len() > CHUNKS_MAX {
                return Err(CheckError::TooManyChunks {
                    file: self.open.file.clone(),
                });
            }
        }
        self.rows_without_time += timeless.len() as u64;
        // Rows of no chunk still belong to the whole.
        self.whole
            .profile
            .observe(&batch.take(&timeless))
            .map_err(|source| CheckError::Observe {
                file: self.open.file.clone(),
                source,
            })
    }

    fn finish_chunks(&mut self) -> Result<(), CheckError> {
        for (_, chunk) in std::mem::take(&mut self.chunks) {
            if self.finished.len() >= CHUNKS_MAX {
                return Err(CheckError::TooManyChunks {
                    file: self.open.file.clone(),
                });
            }
            self.finished.push(chunk.finish()?);
        }
        Ok(())
    }

    /// Where there are chunks, the whole is their merge: no row is profiled twice.
    fn finish(mut self) -> Result<Gathered, CheckError> {
        self.finish_chunks()?;
        let mut whole = self.whole.profile.finish();
        if !self.finished.is_empty() {
            let profiles: Vec<&Profile> = self
                .finished
                .iter()
                .map(|chunk| chunk.profile().as_ref())
                .chain([&whole])
                .collect();
            whole = Profile::merge_all(&profiles)?;
        }
        let kept = self.whole.kept.map(|kept| Arc::new(kept.finish()));
        let whole = Window::new(Arc::new(whole), kept)?;
        Ok(Gathered {
            whole,
            chunks: self.finished,
            rows_without_time: self.rows_without_time,
        })
    }
}
