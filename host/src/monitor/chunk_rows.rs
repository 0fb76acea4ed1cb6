//! The profiles of a chunk made again out of its stored rows: of all of them, or segment by segment.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::Model;
use crate::domain::segment::Split;
use crate::store::{ChunkInfo, RowColumns, Store, StoreResult};

use super::chunk_work::{Inputs, Work, WorkError};
use super::labelling::Truth;
use super::merged::Merged;
use super::samples;
use super::windows::{blocking, corrupt, layout_of};

/// The stored rows of a chunk, with the labels that count.
pub(super) struct ChunkRows {
    chunk: ChunkInfo,
    inputs: Inputs,
    truths: Vec<Option<Truth>>,
    model_no: i32,
}

impl ChunkRows {
    /// Reads them. `label_seq`: labels up to this one count.
    pub(super) async fn read(
        store: &Store,
        model: &Model,
        chunk: &ChunkInfo,
        label_seq: Option<i64>,
    ) -> StoreResult<Self> {
        let layout = layout_of(model)?;
        let raw = store.rows_of_set(model.no, &chunk.row_set()).await?;
        let widths = layout.widths();
        let rows = blocking(move || raw.columns(widths)).await??;
        let (names, truths) =
            samples::names_and_truths(store, model, &layout, &rows, label_seq).await?;
        Ok(Self {
            chunk: chunk.clone(),
            inputs: Inputs {
                layout: Arc::new(layout),
                names,
                rows,
                answered: RowColumns::default(),
            },
            truths,
            model_no: model.no,
        })
    }

    /// How many there are: fewer than the chunk counts where some are no longer stored.
    pub(super) fn count(&self) -> usize {
        self.inputs.rows.rows()
    }

    /// Their profiles. None where there are no rows.
    pub(super) async fn profiles(self) -> StoreResult<Option<Merged>> {
        let model_no = self.model_no;
        let made = move || {
            let all = (0..self.count()).collect();
            self.profiles_of(all)
        };
        blocking(made)
            .await?
            .map_err(|error| corrupt(model_no, error.to_string()))
    }

    /// Their profiles by segment. Only segments that have rows.
    pub(super) async fn split(self, split: Split) -> StoreResult<BTreeMap<String, Merged>> {
        let model_no = self.model_no;
        let made = move || -> Result<BTreeMap<String, Merged>, String> {
            let all: Vec<usize> = (0..self.count()).collect();
            let layout = &self.inputs.layout;
            let batch = layout
                .batch(&self.inputs.rows, &all, &self.inputs.names)
                .map_err(|error| error.to_string())?;
            let assigned = split
                .assign(&layout.schema, &batch)
                .map_err(|error| error.to_string())?;
            let mut rows: Vec<Vec<usize>> = vec![Vec::new(); assigned.names.len()];
            for (row, &segment) in assigned.of_rows.iter().enumerate() {
                rows[segment].push(row);
            }
            let mut segments = BTreeMap::new();
            for (name, rows) in assigned.names.into_iter().zip(rows) {
                let made = self.profiles_of(rows).map_err(|error| error.to_string())?;
                segments.extend(made.map(|merged| (name, merged)));
            }
            Ok(segments)
        };
        blocking(made)
            .await?
            .map_err(|reason| corrupt(model_no, reason))
    }

    /// Profiles of some of the rows: positions, ascending. Blocks.
    fn profiles_of(&self, rows: Vec<usize>) -> Result<Option<Merged>, WorkError> {
        let mut work = Work::opening(self.chunk.chunk_no, self.chunk.start, self.chunk.end);
        if !self.truths.is_empty() {
            let truth = |&row: &usize| Some((row, self.truths[row]?));
            work.added_labelled = rows.iter().filter_map(truth).collect();
        }
        work.added = rows;
        let done = work.run(&self.inputs)?;
        let labelled = done.labelled.map(|written| written.profile);
        let labelled = labelled.filter(|profile| profile.rows() > 0);
        Ok(done
            .profile
            .map(|written| Merged::new(written.profile, labelled)))
    }
}
