//! Record batches that come in one piece, in memory.
//!
//! Whoever sends them may be anybody, so limits are narrower than those of a file that a person chose.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{DataType, Field, Fields, Schema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::builder::{ColumnBuilder, Target};
use super::columnar::{self, AppendError};
use super::damage::caught;
use super::error::one_line;
use super::infer::Verdict;
use super::ipc_check::{self, Layout};
use super::missing::MissingTexts;
use crate::domain::{ColumnKind, ColumnValues};

/// Most bytes that one buffer of an Arrow body may unpack to.
const BUFFER_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most bytes that all columns of a body may take in memory.
const UNPACKED_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Rows that are taken out of Parquet at a time.
const PARQUET_ROWS: usize = 8_192;

/// The two columnar formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columnar {
    /// Arrow IPC, stream or file.
    Arrow,
    /// Parquet.
    Parquet,
}

/// Why a body gives no record batches.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It has more rows than it may have.
    TooManyRows(u64),
    /// It is not what it should be.
    Damaged(String),
}

impl From<String> for BodyError {
    fn from(words: String) -> Self {
        Self::Damaged(one_line(&words))
    }
}

/// All record batches of a body.
pub(crate) fn record_batches(
    bytes: &Bytes,
    format: Columnar,
    rows_max: u64,
) -> Result<Vec<RecordBatch>, BodyError> {
    let batches = caught(|| match format {
        Columnar::Arrow => arrow(bytes, rows_max),
        Columnar::Parquet => parquet(bytes, rows_max),
    });
    batches.unwrap_or_else(|words| Err(words.into()))
}

fn arrow(bytes: &Bytes, rows_max: u64) -> Result<Vec<RecordBatch>, BodyError> {
    let (layout, rows) = ipc_check::walk_bytes(bytes, BUFFER_BYTES_MAX)?;
    if rows > rows_max {
        return Err(BodyError::TooManyRows(rows));
    }
    let reader = Cursor::new(bytes.as_ref());
    match layout {
        Layout::File => {
            let reader = FileReader::try_new(reader, None).map_err(|error| error.to_string())?;
            gather(reader, rows_max)
        }
        Layout::Stream => {
            let reader = StreamReader::try_new(reader, None).map_err(|error| error.to_string())?;
            gather(reader, rows_max)
        }
    }
}

fn parquet(bytes: &Bytes, rows_max: u64) -> Result<Vec<RecordBatch>, BodyError> {
    let words = |error: parquet::errors::ParquetError| error.to_string();
    let metadata = ArrowReaderMetadata::load(bytes, ArrowReaderOptions::new()).map_err(words)?;
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(u64::MAX);
    if rows > rows_max {
        return Err(BodyError::TooManyRows(rows));
    }
    // Text as dictionaries: Parquet stores it so, and a long text that repeats must not grow.
    let text = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let names = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(field.as_ref().clone().with_data_type(names))
        }
        _ => Arc::clone(field),
    };
    let fields: Fields = metadata.schema().fields().iter().map(text).collect();
    let schema = Arc::new(Schema::new_with_metadata(
        fields,
        metadata.schema().metadata().clone(),
    ));
    let options = ArrowReaderOptions::new().with_schema(schema);
    let metadata =
        ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(words)?;
    // Of nested columns vectors alone can be taken.
    let taken = |field: &Arc<Field>| {
        let embedding = Verdict::Holds(ColumnKind::Embedding);
        !field.data_type().is_nested() || columnar::verdict(field.data_type()).0 == embedding
    };
    let flat: Vec<usize> = (0..metadata.schema().fields().len())
        .filter(|&at| taken(&metadata.schema().fields()[at]))
        .collect();
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata);
    let mask = ProjectionMask::roots(builder.parquet_schema(), flat);
    let reader = builder
        .with_projection(mask)
        .with_batch_size(PARQUET_ROWS)
        .build()
        .map_err(words)?;
    gather(reader, rows_max)
}

fn gather<E: std::fmt::Display>(
    batches: impl Iterator<Item = Result<RecordBatch, E>>,
    rows_max: u64,
) -> Result<Vec<RecordBatch>, BodyError> {
    let mut all = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    for batch in batches {
        let batch = batch.map_err(|error| error.to_string())?;
        rows += batch.num_rows() as u64;
        bytes += batch.get_array_memory_size();
        if rows > rows_max {
            return Err(BodyError::TooManyRows(rows));
        }
        if bytes > UNPACKED_BYTES_MAX {
            let words = format!("it unpacks to more than {UNPACKED_BYTES_MAX} bytes");
            return Err(BodyError::Damaged(words));
        }
        all.push(batch);
    }
    Ok(all)
}

/// What a column of a type holds; `Err` with its type in words where rows cannot have it.
pub(crate) fn column_kind(data_type: &DataType) -> Result<Option<ColumnKind>, String> {
    match columnar::verdict(data_type).0 {
        Verdict::Nothing => Ok(None),
        Verdict::Holds(kind) => Ok(Some(kind)),
        Verdict::Unsupported(_) => Err(one_line(&data_type.to_string())),
    }
}

/// Length of the vectors of a column, as its type says it, or else its first vector that is not empty.
pub(crate) fn column_dimension<'a>(arrays: impl Iterator<Item = &'a ArrayRef>) -> Option<usize> {
    let of = |array: &ArrayRef| {
        let said = columnar::verdict(array.data_type()).1;
        said.or_else(|| columnar::first_dimension(array))
    };
    arrays.into_iter().find_map(of)
}

/// One column of a body, gathered from its record batches.
pub(crate) struct BodyColumn(ColumnBuilder);

impl BodyColumn {
    /// A column of a kind, and of vectors their length, which is at least 1. What text stands for a value is as in
    /// [`ReadOptions`](super::ReadOptions).
    pub(crate) fn new(kind: ColumnKind, dimension: usize) -> Self {
        let target = Target::of(kind, Some(dimension));
        Self(ColumnBuilder::new(target.unwrap_or(Target::Numeric)))
    }

    /// Adds an array, which must be of a type that this kind can be read from; else the row and what is wrong.
    pub(crate) fn append(
        &mut self,
        array: &ArrayRef,
        missing: &MissingTexts,
    ) -> Result<(), (usize, String)> {
        let appended = caught(|| columnar::append(&mut self.0, array, missing));
        match appended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(AppendError::Value(row, problem))) => Err((row, problem.words())),
            Ok(Err(AppendError::Array(words))) | Err(words) => Err((0, one_line(&words))),
        }
    }

    /// Adds a row without a value.
    pub(crate) fn push_missing(&mut self) {
        self.0.push_missing();
    }

    /// The values so far.
    pub(crate) fn finish(mut self) -> ColumnValues {
        self.0.take()
    }
}
