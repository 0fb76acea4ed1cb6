//! How much of anything a data file may hold.
//!
//! The number of columns and the length of their names are limited by
//! [`COLUMNS_MAX`](crate::domain::schema::COLUMNS_MAX) and
//! [`COLUMN_NAME_BYTES_MAX`](crate::domain::schema::COLUMN_NAME_BYTES_MAX). The size of a file is
//! not limited, nor is how far a gzipped one unpacks: rows pass through.

/// Rows of a batch where nothing else is asked for.
pub const BATCH_ROWS: usize = 65_536;
/// Most bytes of values in a batch: wide rows come in shorter batches. Names of categories have as
/// many again, where a text file makes them grow.
pub const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;
/// First rows of a file that decide the types of its columns where nothing else is asked for.
pub const INFERENCE_ROWS: usize = 10_000;
/// Longest CSV record (its values) or NDJSON line, in bytes: a quote that is never closed must not
/// pull a whole file into memory.
pub const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest name of a category, in bytes: longer text is prose, not a category.
pub const CATEGORY_BYTES_MAX: usize = 1_024;
/// Most components of a vector.
pub const DIMENSION_MAX: usize = 65_536;
/// Most bytes that one buffer of an Arrow IPC file may unpack to: its length stands in the file and
/// is reserved before a byte is unpacked.
pub const IPC_BUFFER_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
