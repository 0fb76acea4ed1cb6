//! How much one call of a guest may use.

use std::time::Duration;

/// Limits of one call. Every one is enforced by the host; `Default` is what built-in detectors get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall time from instantiation to return. Enforced in steps of 5 ms.
    pub deadline: Duration,
    /// Bytes of all linear memories together.
    pub memory_bytes_max: usize,
    /// Elements of all tables together.
    pub table_elements_max: usize,
    /// Bytes that one call may hand to the host: baseline, state, measurements, a log line.
    pub output_bytes_max: usize,
    /// Lines of log kept of one call; further ones are dropped and counted.
    pub log_lines_max: usize,
    /// Bytes of log kept of one call.
    pub log_bytes_max: usize,
    /// Calls of `log` after which the guest is stopped.
    pub log_calls_max: u64,
    /// Measurements of one evaluation.
    pub measurements_max: usize,
}

/// Bytes of the `detail` of a measurement.
pub(super) const DETAIL_BYTES_MAX: usize = 4_096;
/// Bytes of all details of one answer together.
pub(super) const DETAILS_BYTES_MAX: usize = 4 << 20;
/// Metrics that a detector may declare.
pub(super) const METRICS_MAX: usize = 256;
/// Bytes of a name that a detector declares.
pub(super) const NAME_BYTES_MAX: usize = 64;
/// Bytes of a sentence that a detector declares.
pub(super) const SENTENCE_BYTES_MAX: usize = 1_024;
/// Bytes of a declared configuration schema.
pub(super) const SCHEMA_BYTES_MAX: usize = 65_536;
/// Linear memories, tables and core instances of one call.
pub(super) const MEMORIES_MAX: usize = 8;
pub(super) const TABLES_MAX: usize = 64;
pub(super) const INSTANCES_MAX: usize = 64;
/// Handles to windows that a guest may hold at once.
pub(super) const HANDLES_MAX: usize = 256;
/// Bytes of an uploaded component.
pub(super) const COMPONENT_BYTES_MAX: usize = 32 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            memory_bytes_max: 512 << 20,
            table_elements_max: 100_000,
            output_bytes_max: 64 << 20,
            log_lines_max: 200,
            log_bytes_max: 64 << 10,
            log_calls_max: 100_000,
            measurements_max: 65_536,
        }
    }
}
