//! Parquet files, only the columns that are asked for.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use super::batches::Plan;
use super::builder::Target;
use super::damage::guarded;
use super::record_batches::{ArrowBatches, RecordBatches, projection};
use super::source::CountedFile;
use super::{InputError, Progress};

/// A Parquet file whose footer has been read.
#[derive(Debug)]
pub(super) struct ParquetFile {
    reader: File,
    metadata: ArrowReaderMetadata,
    progress: Progress,
}

impl ParquetFile {
    pub(super) fn open(file: &Path) -> Result<Self, InputError> {
        let counted = CountedFile::open(file)?;
        let progress = counted.progress().clone();
        let reader = counted.into_inner();
        guarded(file, 0, || {
            let metadata = ArrowReaderMetadata::load(&reader, ArrowReaderOptions::new())
                .map_err(|error| InputError::damaged(file, 0, error))?;
            check_extent(file, &metadata, progress.bytes_total())?;
            Ok(Self {
                reader,
                metadata,
                progress,
            })
        })
    }

    pub(super) fn fields(&self) -> &Fields {
        self.metadata.schema().fields()
    }

    pub(super) fn rows(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Record batches of some fields.
    pub(super) fn records(
        self,
        file: &Path,
        fields: &[usize],
        rows_max: usize,
    ) -> Result<ParquetRecords, InputError> {
        guarded(file, 0, || {
            let all_rows = self.rows();
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(self.reader, self.metadata);
            let mask = ProjectionMask::roots(builder.parquet_schema(), fields.iter().copied());
            let reader = builder
                .with_projection(mask)
                .with_batch_size(rows_max)
                .build();
            let reader = reader.map_err(|error| InputError::damaged(file, 0, error))?;
            Ok(ParquetRecords {
                reader,
                progress: self.progress,
                rows: 0,
                all_rows,
            })
        })
    }

    /// The file as batches.
    pub(super) fn batches(mut self, plan: Plan) -> Result<ArrowBatches, InputError> {
        let (fields, positions) = projection(&plan, self.fields())?;
        self.keep_dictionaries(&plan, &fields, &positions);
        let records = self.records(&plan.file, &fields, plan.rows_max)?;
        Ok(ArrowBatches::new(plan, Box::new(records), positions))
    }

    /// Asks for text as dictionaries where it is read as categories: Parquet stores it so, and no
    /// text is copied row by row.
    fn keep_dictionaries(&mut self, plan: &Plan, read: &[usize], positions: &[usize]) {
        let categorical = |at: usize| {
            let place = read.binary_search(&at).ok();
            let mut targets = plan
                .targets
                .iter()
                .zip(positions)
                .filter(|(_, it)| Some(**it) == place)
                .peekable();
            targets.peek().is_some() && targets.all(|(target, _)| *target == Target::Categorical)
        };
        let keep = |(at, field): (usize, &Arc<Field>)| match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if categorical(at) => {
                let dictionary =
                    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                Arc::new(field.as_ref().clone().with_data_type(dictionary))
            }
            _ => Arc::clone(field),
        };
        let fields: Fields = self.fields().iter().enumerate().map(keep).collect();
        let schema = Arc::new(Schema::new_with_metadata(
            fields,
            self.metadata.schema().metadata().clone(),
        ));
        let options = ArrowReaderOptions::new().with_schema(schema);
        // Where that does not work, the file's own types do.
        if let Ok(metadata) =
            ArrowReaderMetadata::try_new(Arc::clone(self.metadata.metadata()), options)
        {
            self.metadata = metadata;
        }
    }
}

/// Every piece of a column lies inside the file: else no memory is reserved for it.
fn check_extent(file: &Path, metadata: &ArrowReaderMetadata, bytes: u64) -> Result<(), InputError> {
    for group in metadata.metadata().row_groups() {
        for column in group.columns() {
            let (start, length) = column.byte_range();
            if start.checked_add(length).is_none_or(|end| end > bytes) {
                let name = column.column_path().string();
                return Err(InputError::damaged(
                    file,
                    0,
                    format!("column '{name}' reaches past its end"),
                ));
            }
        }
    }
    Ok(())
}

/// Record batches of a Parquet file.
pub(super) struct ParquetRecords {
    reader: ParquetRecordBatchReader,
    progress: Progress,
    rows: u64,
    all_rows: u64,
}

impl RecordBatches for ParquetRecords {
    fn next_records(&mut self) -> Result<Option<RecordBatch>, String> {
        let Some(records) = self.reader.next() else {
            if self.rows < self.all_rows {
                return Err(format!(
                    "it has {} rows, its footer says {}",
                    self.rows, self.all_rows
                ));
            }
            self.progress.set_share(1, 1);
            return Ok(None);
        };
        let records = records.map_err(|error| error.to_string())?;
        self.rows += records.num_rows() as u64;
        self.progress.set_share(self.rows, self.all_rows);
        Ok(Some(records))
    }
}
