//! Rows that gather until a batch is full.

use std::path::PathBuf;

use super::builder::{ColumnBuilder, Target};
use super::limits::BATCH_BYTES_MAX;
use super::missing::MissingTexts;
use super::{InputError, Place, ReadOptions, ValueProblem};
use crate::domain::{Batch, ColumnValues};

/// What is read out of a file: columns by name, the time column last where there is one.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) file: PathBuf,
    pub(super) names: Vec<String>,
    pub(super) targets: Vec<Target>,
    pub(super) timed: bool,
    pub(super) missing: MissingTexts,
    pub(super) rows_max: usize,
}

impl Plan {
    pub(super) fn new(
        file: PathBuf,
        columns: impl IntoIterator<Item = (String, Target)>,
        options: &ReadOptions,
    ) -> Self {
        let time = options
            .time_column
            .iter()
            .map(|name| (name.clone(), Target::Time(options.time_unit)));
        let (names, targets): (Vec<_>, Vec<_>) = columns.into_iter().chain(time).unzip();
        let row_bytes = targets
            .iter()
            .map(|target| target.bytes())
            .sum::<usize>()
            .max(1);
        let rows_max = options.batch_rows.min(BATCH_BYTES_MAX / row_bytes).max(1);
        let missing = MissingTexts::new(&options.missing);
        Self {
            file,
            names,
            targets,
            timed: options.time_column.is_some(),
            missing,
            rows_max,
        }
    }

    /// The error for a value of one of the columns.
    #[cold]
    pub(super) fn value_error(
        &self,
        place: Place,
        column: usize,
        problem: ValueProblem,
    ) -> InputError {
        InputError::value(&self.file, place, &self.names[column], problem)
    }
}

/// Names of categories are counted every so many rows: counting takes a look at each column.
const NAMES_COUNTED_EVERY_ROWS: usize = 64;

/// Rows that gather until a batch is full.
#[derive(Debug)]
pub(super) struct BatchBuilder {
    pub(super) columns: Vec<ColumnBuilder>,
    /// Rows in every column.
    pub(super) rows: usize,
    timed: bool,
}

impl BatchBuilder {
    pub(super) fn new(plan: &Plan) -> Self {
        let columns = plan
            .targets
            .iter()
            .map(|&target| ColumnBuilder::new(target))
            .collect();
        Self {
            columns,
            rows: 0,
            timed: plan.timed,
        }
    }

    /// Whether the batch has the rows, or its categories the bytes, that it may have.
    pub(super) fn is_full(&self, plan: &Plan) -> bool {
        let names_are_due = self.rows > 0 && self.rows.is_multiple_of(NAMES_COUNTED_EVERY_ROWS);
        self.rows >= plan.rows_max || (names_are_due && self.name_bytes() > BATCH_BYTES_MAX)
    }

    fn name_bytes(&self) -> usize {
        self.columns.iter().map(ColumnBuilder::name_bytes).sum()
    }

    /// The batch so far, if it has a row; starts afresh.
    pub(super) fn take(&mut self) -> Option<Batch> {
        if self.rows == 0 {
            return None;
        }
        let mut columns: Vec<ColumnValues> =
            self.columns.iter_mut().map(ColumnBuilder::take).collect();
        let times = if self.timed { columns.pop() } else { None };
        let times = times.and_then(|times| match times {
            ColumnValues::Numeric(seconds) => Some(seconds),
            ColumnValues::Categorical { .. } | ColumnValues::Embedding { .. } => None,
        });
        let rows = std::mem::take(&mut self.rows);
        if columns.is_empty() && times.is_none() {
            return Some(Batch {
                rows,
                times,
                columns,
            });
        }
        Some(Batch::new(times, columns))
    }
}

/// A file that gives its rows batch by batch.
pub(super) trait Batches: Send {
    /// The next batch, never an empty one; `None` at the end.
    fn next_batch(&mut self) -> Result<Option<Batch>, InputError>;
}
