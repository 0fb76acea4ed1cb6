//! How much may come in at once. What a model may have is in [`crate::domain::model`].

/// Longest body of rows or labels, unpacked, in bytes, where nothing else is said.
pub const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest body of reference data, unpacked, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Most rows of one request.
pub const ROWS_PER_REQUEST_MAX: usize = 100_000;
/// Most rows of reference data.
pub const REFERENCE_ROWS_MAX: usize = 10_000_000;
/// Numbers that the vectors of a request may have whatever the size of its body, those of missing ones included. A larger body may
/// have one for every two bytes: so many it can spell out.
pub(super) const VECTOR_NUMBERS_FREE: usize = 1 << 22;
/// Bodies that are taken in and not yet committed, all requests together, in bytes.
pub const WAITING_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Requests that are taken in and not yet committed.
pub const WAITING_REQUESTS_MAX: usize = 20_000;
/// Rows older than this are refused: 2000-01-01T00:00:00Z, in microseconds since 1970.
pub const TIME_MICROS_MIN: i64 = 946_684_800_000_000;
/// How far ahead of the server's clock a row may be, in microseconds.
pub const TIME_AHEAD_MICROS_MAX: i64 = 86_400_000_000;
