//! Data files, read into batches of columns.
//!
//! Owns formats (CSV and NDJSON, both also gzipped, Parquet, Arrow IPC), types of columns, times and
//! the words of every error a file can cause. Refuses roles, schemas and anything it would have to
//! keep: rows pass through in bounded batches.
//!
//! [`inspect`] says what a file holds; [`open`] reads chosen columns of it, in the order and as the
//! kinds that were asked for. So the reference file makes the schema and every other file is held
//! against it.
//!
//! Invariant: the same data gives the same batches whatever the format; [`ReadOptions`] has the
//! rules by which text and numbers become values.
//!
//! Invariant: no file, however damaged, ends the process with a panic.

mod batches;
mod body;
mod builder;
mod category;
mod column_names;
mod columnar;
mod csv_file;
mod damage;
mod error;
mod format;
mod infer;
mod inspect;
mod ipc_check;
mod ipc_file;
mod limits;
mod missing;
mod ndjson_file;
mod ndjson_row;
mod number;
mod options;
mod parquet_file;
mod progress;
mod reader;
mod record_batches;
mod source;
#[cfg(test)]
mod testing;
mod times;
mod vector;

pub(crate) use body::{
    BodyColumn, BodyError, Columnar, column_dimension, column_kind, record_batches,
};
pub(crate) use category::Interner;
pub use error::{InputError, Place, ValueError, ValueProblem};
pub use format::{Format, UnknownFormatName};
pub use inspect::{Basis, InspectedColumn, Inspection, RowCount, SkippedColumn, inspect};
pub use limits::{
    BATCH_BYTES_MAX, BATCH_ROWS, CATEGORY_BYTES_MAX, DIMENSION_MAX, INFERENCE_ROWS,
    IPC_BUFFER_BYTES_MAX, RECORD_BYTES_MAX,
};
pub(crate) use missing::MissingTexts;
pub(crate) use ndjson_row::Component as VectorComponent;
pub(crate) use number::parse as parse_number;
pub use options::{ReadOptions, TimeUnit};
pub use progress::Progress;
pub use reader::{ColumnRequest, Reader, open};
pub(crate) use vector::{dimension as vector_dimension, parse_into as parse_vector};
