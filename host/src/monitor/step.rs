//! One advance of a model's profiles, from rows and labels to the commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::domain::Model;
use crate::store::{
    ChunkInfo, ChunkProfiles, MicrosRange, Profiling, Progress, RawRows, RowColumns, StoreError,
    StoredLabel,
};

use super::chunk_work::{Done, Found, Inputs, Work, WorkError, Written, relabelled};
use super::labelling::{Change, Labels, Truth};
use super::layout::{Dictionaries, Layout, derivation_key};
use super::merged::{Merged, signature};
use super::profiler::{
    Advance, CHUNKS_CUT_AT_ONCE, CHUNKS_RELABELLED_AT_ONCE, LABELS_AT_ONCE, ProfileError, Profiler,
    Which,
};
use super::slices::ALL_ROWS;
use super::stretch::{Cuts, OpenChunk};
use super::windows::Part;

pub(super) struct Step<'a> {
    profiler: &'a Profiler,
    profiling: Profiling,
    model: Model,
    layout: Arc<Layout>,
    names: Arc<Dictionaries>,
    cuts: Cuts,
    /// New labels.
    labels: Vec<StoredLabel>,
    before: Progress,
    progress: Progress,
    /// Chunks whose labels are counted up to the new position already.
    fresh: FxHashSet<i64>,
    done: Vec<Done>,
    /// A chunk was changed without its profile.
    marked: bool,
}

impl<'a> Step<'a> {
    pub(super) fn new(
        profiler: &'a Profiler,
        profiling: Profiling,
        before: Progress,
        model: Model,
        labels: Vec<StoredLabel>,
    ) -> Result<Self, ProfileError> {
        let layout =
            Layout::new(&model).map_err(|error| ProfileError::schema(model.id.as_str(), &error))?;
        let mut progress = before.clone();
        if let Some(last) = labels.last() {
            progress.profiled_label_seq = last.seq;
        }
        Ok(Self {
            names: profiler.names.get(&model.no).unwrap_or_default(),
            cuts: Cuts {
                stretch_micros: i64::from(model.settings.chunk_seconds.max(1)) * 1_000_000,
                training: model.last_training_time.map(Timestamp::as_microsecond),
                chunk_rows: model.settings.chunk_rows.max(1).into(),
            },
            layout: Arc::new(layout),
            fresh: FxHashSet::default(),
            done: Vec::new(),
            marked: false,
            profiler,
            profiling,
            model,
            labels,
            before,
            progress,
        })
    }

    pub(super) async fn run(
        mut self,
        raw: RawRows,
        rows_max: usize,
    ) -> Result<Advance, ProfileError> {
        let widths = self.layout.widths();
        let rows = self.blocking(move || raw.columns(widths)).await??;
        if let Some(&last) = rows.seqs().last() {
            self.progress.profiled_seq = last;
        }
        self.rederive().await?;
        let whole = self.cut().await?;
        // While stretches are being cut, rows and labels have no certain chunk: they wait.
        let counts = if whole {
            (rows.rows(), self.labels.len())
        } else {
            (0, 0)
        };
        if counts != (0, 0) {
            self.count(rows).await?;
        }
        let stale = whole && self.relabel().await?;

        let Self {
            profiler,
            profiling,
            model,
            names,
            progress,
            before,
            done,
            marked,
            ..
        } = self;
        if progress == before && done.is_empty() && !marked {
            drop(profiling);
        } else {
            profiling.commit(&progress).await?;
        }
        // Only what is committed is remembered.
        remember(profiler, model.no, model.settings.chunk_rows.into(), &done);
        let bytes = names.values().flat_map(|names| names.iter());
        let bytes = bytes.map(|name| name.len() + 24).sum::<usize>() + 64;
        profiler.names.put(model.no, names, bytes);
        Ok(Advance {
            rows: counts.0 as u64,
            labels: counts.1 as u64,
            profiled_seq: progress.profiled_seq,
            profiled_label_seq: progress.profiled_label_seq,
            more: counts.0 == rows_max || counts.1 == LABELS_AT_ONCE || stale || !whole,
        })
    }

    /// Has derived columns made anew where they are computed in another way than before.
    async fn rederive(&mut self) -> Result<(), ProfileError> {
        let key = derivation_key(&self.model);
        if key != self.progress.derivation {
            self.profiling.mark_stale(None).await?;
            self.progress.derivation = key;
        }
        Ok(())
    }

    /// Cuts stretches, and the chunks in them, at a new training time, at most [`CHUNKS_CUT_AT_ONCE`] of them: whether that was
    /// all. If not, nothing else moves on, and the next step goes on with the cut.
    async fn cut(&mut self) -> Result<bool, ProfileError> {
        // A cut that was begun is ended, also where the model was trained anew meanwhile.
        let begun = self.progress.cutting_at;
        if begun.is_none() && self.progress.training_time == self.model.last_training_time {
            return Ok(true);
        }
        let Some(training) = begun.or(self.model.last_training_time) else {
            self.progress.training_time = None;
            return Ok(true);
        };
        let aligned = self.cuts.aligned(training.as_microsecond()).start;
        let after = at(training.as_microsecond() + 1);
        let limit = i64::try_from(CHUNKS_CUT_AT_ONCE).unwrap_or(i64::MAX) + 1;
        let mut chunks = self
            .profiling
            .chunks_around(aligned, training, limit)
            .await?;
        let last = chunks.len() <= CHUNKS_CUT_AT_ONCE;
        let whole = last && self.model.last_training_time == Some(training);
        if !whole {
            self.progress.profiled_seq = self.before.profiled_seq;
            self.progress.profiled_label_seq = self.before.profiled_label_seq;
        }
        chunks.truncate(CHUNKS_CUT_AT_ONCE);
        for mut chunk in chunks {
            if chunk.first_time > training {
                chunk.start = after;
            } else if chunk.last_time <= training || !self.split(&chunk, after).await? {
                // Rows that are no longer there cannot be told apart: they count as those of the training.
                chunk.end = after;
            } else {
                continue;
            }
            self.marked = true;
            self.profiling.update_chunk(&chunk, None, None).await?;
        }
        if last {
            self.progress.training_time = Some(training);
            self.progress.cutting_at = None;
        } else {
            self.progress.cutting_at = Some(training);
        }
        Ok(whole)
    }

    /// Makes two chunks of one: of the rows before a time, under its number, and of the others. False where rows of it
    /// are no longer stored.
    async fn split(&mut self, chunk: &ChunkInfo, after: Timestamp) -> Result<bool, ProfileError> {
        let rows = self.read(chunk, false).await?;
        if rows.rows() as u64 != chunk.rows {
            return Ok(false);
        }
        let truths = self.truths(&rows).await?;
        let (left, right) = rows.positions_by_time(|time| time < after.as_microsecond());
        let labelled = |some: &[usize]| -> Vec<(usize, Truth)> {
            let truth = |&row: &usize| truths[row].map(|truth| (row, truth));
            some.iter().filter_map(truth).collect()
        };
        let mut first = Work::opening(chunk.chunk_no, chunk.start, after);
        first.chunk.revision = chunk.revision;
        self.progress.last_chunk_no += 1;
        let mut second = Work::opening(self.progress.last_chunk_no, after, chunk.end);
        for (work, some) in [(&mut first, left), (&mut second, right)] {
            work.added_labelled = labelled(&some);
            work.added = some;
            self.fresh.insert(work.chunk.chunk_no);
        }
        first.new = false;
        // A labelled profile that no row is left of is an empty one.
        let had_labels = chunk.labelled_rows > 0 && first.added_labelled.is_empty();
        let done = self
            .work(vec![first, second], rows, RowColumns::default())
            .await?;
        self.write(&done).await?;
        self.done.extend(done);
        if had_labels {
            self.profiling.mark_stale(Some(&[chunk.chunk_no])).await?;
        }
        Ok(true)
    }

    /// Counts the new rows and the new labels.
    async fn count(&mut self, rows: RowColumns) -> Result<(), ProfileError> {
        self.name_codes(&rows, true).await?;
        let labels = self.labels_of_all(&rows).await?;
        let labels = Labels::new(&labels);
        let (from, to) = (
            self.before.profiled_label_seq,
            self.progress.profiled_label_seq,
        );

        let mut works = self.place(&rows).await?;
        let answered = self.answered(&labels).await?;
        let mut relabel: Vec<i64> = Vec::new();
        let mut applied: Vec<(i64, usize, Truth)> = Vec::new();
        for (row, chunk_no) in self.chunks_of(&answered).await? {
            if self.fresh.contains(&chunk_no) {
                continue;
            }
            match labels.change(answered.record_id(row), from, to) {
                Change::None => {}
                Change::Labelled(truth) => applied.push((chunk_no, row, truth)),
                Change::Replaced => relabel.push(chunk_no),
            }
        }
        relabel.sort_unstable();
        relabel.dedup();
        if !relabel.is_empty() {
            self.profiling.mark_stale(Some(&relabel)).await?;
        }

        let missing: Vec<i64> = {
            let nos: FxHashSet<i64> = applied.iter().map(|(chunk_no, ..)| *chunk_no).collect();
            nos.into_iter()
                .filter(|no| !works.contains_key(no))
                .collect()
        };
        for chunk in self.profiling.chunks(&missing).await? {
            works.insert(chunk.chunk_no, Work::on(chunk));
        }
        for (chunk_no, row, truth) in applied {
            if let Some(work) = works.get_mut(&chunk_no) {
                work.labelled.push((row, truth));
            }
        }
        for work in works.values_mut() {
            work.chunk.stale |= relabel.binary_search(&work.chunk.chunk_no).is_ok();
            if work.chunk.stale {
                // All its labels are counted anew, these among them.
                work.labelled.clear();
                continue;
            }
            let truth = |&row: &usize| {
                labels
                    .truth(rows.record_id(row), to)
                    .map(|truth| (row, truth))
            };
            work.added_labelled = work.added.iter().filter_map(truth).collect();
        }
        works.retain(|_, work| !work.added.is_empty() || work.labels());
        let mut works: Vec<Work> = works.into_values().collect();
        self.find_profiles(&mut works).await?;
        let done = self.work(works, rows, answered).await?;
        self.write(&done).await?;
        self.done.extend(done);
        Ok(())
    }

    /// Counts labels anew where that is due; whether more of that waits.
    async fn relabel(&mut self) -> Result<bool, ProfileError> {
        let limit = i64::try_from(CHUNKS_RELABELLED_AT_ONCE).unwrap_or(i64::MAX);
        let stale = self.profiling.stale_chunks(limit).await?;
        let more = stale.len() == CHUNKS_RELABELLED_AT_ONCE;
        for chunk in stale {
            let rows = self.read(&chunk, true).await?;
            if self.layout.answers.is_none() || rows.rows() as u64 != chunk.rows {
                // Rows that are no longer there keep the labels that they had.
                let kept = ChunkInfo {
                    stale: false,
                    ..chunk
                };
                self.marked = true;
                self.profiling.update_chunk(&kept, None, None).await?;
                continue;
            }
            let truths = self.truths(&rows).await?;
            let labelled: Vec<(usize, Truth)> = truths
                .into_iter()
                .enumerate()
                .filter_map(|(row, truth)| Some((row, truth?)))
                .collect();
            let (layout, names) = (Arc::clone(&self.layout), Arc::clone(&self.names));
            let done = self
                .blocking(move || relabelled(chunk, &layout, &rows, &labelled, &names))
                .await?;
            let done = self.checked(done)?;
            self.write(std::slice::from_ref(&done)).await?;
            self.done.push(done);
        }
        Ok(more)
    }

    /// Rows of a chunk: whole, or what label and derived columns need.
    async fn read(&mut self, chunk: &ChunkInfo, part: bool) -> Result<RowColumns, ProfileError> {
        let answers = self.layout.answers.as_ref().filter(|_| part);
        let (part, widths) = match answers {
            Some(answers) => (answers.part(&self.layout), answers.widths()),
            None => (crate::store::Part::Whole, self.layout.widths()),
        };
        let is_part = answers.is_some();
        let raw = self.profiling.rows_of_set(&chunk.row_set(), &part).await?;
        let rows = self.blocking(move || raw.columns(widths)).await??;
        self.name_codes(&rows, !is_part).await?;
        Ok(rows)
    }

    /// The truth about each row, as far as the new position.
    async fn truths(&mut self, rows: &RowColumns) -> Result<Vec<Option<Truth>>, ProfileError> {
        let to = self.progress.profiled_label_seq;
        let stored = self.labels_of(rows, &[]).await?;
        let labels = Labels::new(&stored);
        Ok((0..rows.rows())
            .map(|row| labels.truth(rows.record_id(row), to))
            .collect())
    }

    /// Labels of the new rows and all labels of the records that new labels are about.
    async fn labels_of_all(&mut self, rows: &RowColumns) -> Result<Vec<StoredLabel>, ProfileError> {
        let labels = std::mem::take(&mut self.labels);
        let found = self.labels_of(rows, &labels).await;
        self.labels = labels;
        found
    }

    async fn labels_of(
        &mut self,
        rows: &RowColumns,
        labels: &[StoredLabel],
    ) -> Result<Vec<StoredLabel>, ProfileError> {
        let to = self.progress.profiled_label_seq;
        if to == 0 {
            return Ok(Vec::new());
        }
        let mut records: FxHashSet<&str> = labels.iter().map(|label| &*label.record_id).collect();
        records.extend((0..rows.rows()).map(|row| rows.record_id(row)));
        let mut records: Vec<&str> = records.into_iter().collect();
        // Neighbours in the index are asked for one after the other.
        records.sort_unstable();
        let stored = self.profiling.labels_of(&records, to).await?;
        if let Some(column_no) = self
            .layout
            .answers
            .as_ref()
            .and_then(super::layout::Answers::categorical_label)
        {
            let known = self.names.get(&column_no).map_or(0, |names| names.len());
            let beyond = |label: &StoredLabel| {
                label
                    .code
                    .is_some_and(|code| usize::try_from(code).is_ok_and(|code| code >= known))
            };
            if stored.iter().any(beyond) {
                self.load_names(&[column_no]).await?;
            }
        }
        Ok(stored)
    }

    /// Where the new rows go.
    async fn place(&mut self, rows: &RowColumns) -> Result<BTreeMap<i64, Work>, ProfileError> {
        let ranges: Vec<MicrosRange> = self.cuts.aligned_of(rows.times());
        let newest = self.profiling.newest_chunks(&ranges).await?;
        let open: Vec<OpenChunk> = newest
            .iter()
            .map(|chunk| OpenChunk {
                chunk_no: chunk.chunk_no,
                stretch: chunk.times(),
                rows: chunk.rows,
            })
            .collect();
        let newest: FxHashMap<i64, ChunkInfo> = newest
            .into_iter()
            .map(|chunk| (chunk.chunk_no, chunk))
            .collect();
        let mut works = BTreeMap::new();
        for placement in self.cuts.place(rows.times(), &open) {
            let existing = placement.chunk_no.and_then(|no| newest.get(&no));
            let mut work = existing.cloned().map_or_else(
                || {
                    self.progress.last_chunk_no += 1;
                    let stretch = &placement.stretch;
                    Work::opening(
                        self.progress.last_chunk_no,
                        at(stretch.start),
                        at(stretch.end),
                    )
                },
                Work::on,
            );
            work.added = placement.rows;
            works.insert(work.chunk.chunk_no, work);
        }
        Ok(works)
    }

    /// Prediction and probability of rows profiled before that new labels are about.
    async fn answered(&mut self, labels: &Labels<'_>) -> Result<RowColumns, ProfileError> {
        let Some(answers) = &self.layout.answers else {
            return Ok(RowColumns::default());
        };
        let (from, to) = (
            self.before.profiled_label_seq,
            self.progress.profiled_label_seq,
        );
        let mut records: Vec<&str> = self
            .labels
            .iter()
            .map(|label| &*label.record_id)
            .filter(|record| labels.change(record, from, to) != Change::None)
            .collect();
        records.sort_unstable();
        records.dedup();
        if records.is_empty() {
            return Ok(RowColumns::new(answers.widths()));
        }
        let part = answers.part(&self.layout);
        let rows = self
            .profiling
            .rows_of_records(&records, self.before.profiled_seq, &part)
            .await?;
        self.name_codes(&rows, false).await?;
        Ok(rows)
    }

    /// The chunk that counts each row. Rows whose chunk is gone are left out.
    async fn chunks_of(&mut self, rows: &RowColumns) -> Result<Vec<(usize, i64)>, ProfileError> {
        if rows.rows() == 0 {
            return Ok(Vec::new());
        }
        let places: Vec<(i64, i64, i64)> = rows
            .times()
            .iter()
            .zip(rows.seqs())
            .map(|(&time, &seq)| (time, seq, self.cuts.aligned(time).start))
            .collect();
        let found = self.profiling.chunks_of_rows(&places).await?;
        Ok(found
            .into_iter()
            .enumerate()
            .filter_map(|(row, chunk_no)| Some((row, chunk_no?)))
            .collect())
    }

    /// Looks up the profiles that will be changed: remembered ones, else stored ones.
    async fn find_profiles(&mut self, works: &mut [Work]) -> Result<(), ProfileError> {
        let remembered = |chunk: &ChunkInfo, which| {
            let key = (self.model.no, chunk.chunk_no, which);
            let (revision, profile, _) = self.profiler.chunks.get(&key)?;
            (revision == chunk.revision).then_some(Found::Profile(profile))
        };
        let mut missing = Vec::new();
        for work in works.iter_mut().filter(|work| !work.new) {
            if !work.added.is_empty() {
                work.profile = remembered(&work.chunk, Which::All);
            }
            if work.labels() {
                work.labelled_profile = remembered(&work.chunk, Which::Labelled);
            }
            let lacks_labels =
                work.labels() && work.labelled_profile.is_none() && work.chunk.labelled_rows > 0;
            if lacks_labels || !work.added.is_empty() && work.profile.is_none() {
                missing.push(work.chunk.chunk_no);
            }
        }
        let stored = self.profiling.chunk_profiles(&missing).await?;
        let mut stored: FxHashMap<i64, ChunkProfiles> = stored
            .into_iter()
            .map(|profiles| (profiles.chunk_no, profiles))
            .collect();
        for work in works.iter_mut().filter(|work| !work.new) {
            let Some(stored) = stored.remove(&work.chunk.chunk_no) else {
                continue;
            };
            if !work.added.is_empty() && work.profile.is_none() {
                work.profile = Some(Found::Bytes(stored.profile));
            }
            if work.labels() && work.labelled_profile.is_none() {
                work.labelled_profile = stored.labelled.map(Found::Bytes);
            }
        }
        Ok(())
    }

    async fn work(
        &self,
        works: Vec<Work>,
        rows: RowColumns,
        answered: RowColumns,
    ) -> Result<Vec<Done>, ProfileError> {
        let inputs = Inputs {
            layout: Arc::clone(&self.layout),
            names: Dictionaries::clone(&self.names),
            rows,
            answered,
        };
        let run = move || works.into_iter().map(|work| work.run(&inputs)).collect();
        let done: Result<Vec<Done>, WorkError> = self.blocking(run).await?;
        self.checked(done)
    }

    async fn write(&mut self, done: &[Done]) -> Result<(), ProfileError> {
        fn bytes(written: Option<&Written>) -> Option<&[u8]> {
            written.map(|written| &*written.bytes)
        }
        let (mut new, mut others) = (Vec::new(), Vec::new());
        for done in done {
            let (profile, labelled) = (bytes(done.profile.as_ref()), bytes(done.labelled.as_ref()));
            match profile {
                Some(profile) if done.new => new.push((&done.chunk, profile, labelled)),
                _ => others.push((&done.chunk, profile, labelled)),
            }
        }
        self.profiling.insert_chunks(&new).await?;
        for (chunk, profile, labelled) in others {
            self.profiling
                .update_chunk(chunk, profile, labelled)
                .await?;
        }
        Ok(())
    }

    /// Has names for all codes of rows, whole ones or those of the part that labels need.
    async fn name_codes(&mut self, rows: &RowColumns, whole: bool) -> Result<(), ProfileError> {
        let unknown = match &self.layout.answers {
            _ if whole => self.layout.unknown(rows, &self.names),
            Some(answers) => answers.unknown(rows, &self.names),
            None => Vec::new(),
        };
        self.load_names(&unknown).await
    }

    async fn load_names(&mut self, column_nos: &[i32]) -> Result<(), ProfileError> {
        if column_nos.is_empty() {
            return Ok(());
        }
        let mut names = Dictionaries::clone(&self.names);
        for &column_no in column_nos {
            let categories = self.profiling.categories(column_no).await?;
            names.insert(column_no, Arc::new(categories));
        }
        self.names = Arc::new(names);
        Ok(())
    }

    fn checked<T>(&self, result: Result<T, WorkError>) -> Result<T, ProfileError> {
        result.map_err(|error| ProfileError::work(self.model.id.as_str(), &error))
    }

    /// Runs work that would hold up other tasks.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ProfileError> {
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || span.in_scope(work)).await;
        done.map_err(|error| {
            ProfileError::Store(StoreError::Database(sqlx::Error::Io(
                std::io::Error::other(error),
            )))
        })
    }
}

/// Keeps the profiles that are likely to change next.
fn remember(profiler: &Profiler, model_no: i32, chunk_rows: u64, done: &[Done]) {
    for Done {
        chunk,
        new,
        profile,
        labelled,
    } in done
    {
        // Of a new chunk both profiles are known.
        if let (Some(merges), true, Some(profile)) = (&profiler.merges, new, profile) {
            let labelled = labelled
                .as_ref()
                .map(|written| Arc::clone(&written.profile));
            let labelled = labelled.filter(|profile| profile.rows() > 0);
            let merged = Merged::new(Arc::clone(&profile.profile), labelled);
            let (bytes, signed) = (merged.bytes, signature(std::slice::from_ref(chunk)));
            let key = (model_no, ALL_ROWS, Part::Group(0, chunk.chunk_no));
            merges.put(key, (signed, merged), bytes);
        }
        let both = [
            (Which::All, profile, chunk.rows < chunk_rows),
            (
                Which::Labelled,
                labelled,
                chunk.labelled_rows < chunk.rows.max(chunk_rows),
            ),
        ];
        for (which, written, open) in both {
            let key = (model_no, chunk.chunk_no, which);
            match written {
                Some(written) if open => {
                    // A profile takes about as much memory as its bytes, which leave out a little.
                    let bytes = written.bytes.len() * 5 / 4 + 256;
                    let profile = Arc::clone(&written.profile);
                    profiler
                        .chunks
                        .put(key, (chunk.revision, profile, bytes), bytes);
                }
                Some(_) => profiler.chunks.forget(&key),
                // It is as it was, under another revision.
                None => {
                    if let Some((revision, profile, bytes)) = profiler.chunks.get(&key)
                        && revision + 1 == chunk.revision
                    {
                        profiler
                            .chunks
                            .put(key, (chunk.revision, profile, bytes), bytes);
                    }
                }
            }
        }
    }
}

/// A time out of microseconds; one beyond the calendar is its end.
fn at(micros: i64) -> Timestamp {
    let end = if micros < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_microsecond(micros).unwrap_or(end)
}
