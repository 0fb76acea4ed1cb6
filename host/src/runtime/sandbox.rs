//! What one call may touch and use: its store's data.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{HasData, ResourceTable};

use crate::profile::Window;

use super::bindings::logging;
use super::limits::{INSTANCES_MAX, Limits, MEMORIES_MAX, TABLES_MAX};
use super::text::{plain, plain_up_to};

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// For the curious.
    Info,
    /// For everyone.
    Warn,
    /// Something went wrong.
    Error,
}

impl std::fmt::Display for LogLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// A line that a guest wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// Its text.
    pub message: String,
}

/// What one call used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Wall time from before the instance to after its answer.
    pub elapsed: Duration,
    /// Instructions, where the engine counts them: the same on every machine.
    pub fuel: Option<u64>,
    /// Bytes that it handed over as its answer.
    pub output_bytes: usize,
    /// Most bytes of all linear memories together.
    pub memory_bytes_peak: usize,
    /// Log lines that were dropped.
    pub log_dropped: u64,
    /// Their bytes.
    pub log_bytes_dropped: u64,
}

/// The data of a call's store. Lives and dies with the call.
pub(super) struct Sandbox {
    pub(super) table: ResourceTable,
    /// The window whose rows are being copied into the guest: see `lend`.
    pub(super) lent: Option<Window>,
    pub(super) meter: Meter,
    pub(super) log: Log,
    /// The text that an interpreter runs; nothing for all other guests, which cannot ask for it.
    pub(super) source: Option<Arc<str>>,
    limits: Limits,
    started: Instant,
}

/// A host call came after the deadline, where no epoch check could see it.
#[derive(Debug, thiserror::Error)]
#[error("past the deadline")]
pub(super) struct PastDeadline;

/// A limit on all memories or all tables together was met.
#[derive(Debug, thiserror::Error)]
#[error("wanted {wanted}, limit {limit}")]
pub(super) struct OverLimit {
    pub(super) what: Resource,
    pub(super) wanted: usize,
    pub(super) limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Memory,
    Tables,
}

/// More calls of `log` than the limit.
#[derive(Debug, thiserror::Error)]
#[error("too many log calls")]
pub(super) struct TooMuchLog;

impl Sandbox {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            table: ResourceTable::new(),
            lent: None,
            meter: Meter {
                memory_bytes: 0,
                memory_bytes_peak: 0,
                table_elements: 0,
                limits,
            },
            log: Log {
                lines: Vec::new(),
                last_error: None,
                bytes: 0,
                calls: 0,
                dropped: 0,
                bytes_dropped: 0,
            },
            source: None,
            limits,
            started: Instant::now(),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Kernels run natively, where epochs do not reach: each checks the deadline before it starts.
    pub(super) fn check_deadline(&self) -> wasmtime::Result<()> {
        if self.started.elapsed() > self.limits.deadline {
            Err(PastDeadline.into())
        } else {
            Ok(())
        }
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            elapsed: self.started.elapsed(),
            fuel: None,
            output_bytes: 0,
            memory_bytes_peak: self.meter.memory_bytes_peak,
            log_dropped: self.log.dropped,
            log_bytes_dropped: self.log.bytes_dropped,
        }
    }
}

impl HasData for Sandbox {
    type Data<'a> = &'a mut Self;
}

/// Counts all memories and all tables of a store together: wasmtime's own limits hold for each alone.
pub(super) struct Meter {
    memory_bytes: usize,
    memory_bytes_peak: usize,
    table_elements: usize,
    limits: Limits,
}

/// The new total, or the error. An error rather than a refusal: a guest would turn a refusal into
/// an abort that no longer tells why.
fn grow(
    what: Resource,
    total: usize,
    current: usize,
    desired: usize,
    limit: usize,
) -> wasmtime::Result<usize> {
    let wanted = total.saturating_sub(current).saturating_add(desired);
    if wanted > limit {
        Err(OverLimit {
            what,
            wanted,
            limit,
        }
        .into())
    } else {
        Ok(wanted)
    }
}

impl wasmtime::ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.limits.memory_bytes_max;
        let wanted = grow(Resource::Memory, self.memory_bytes, current, desired, limit)?;
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false); // The memory's own bound: the guest is told so, and nothing is counted.
        }
        self.memory_bytes = wanted;
        self.memory_bytes_peak = self.memory_bytes_peak.max(self.memory_bytes);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.limits.table_elements_max;
        let wanted = grow(
            Resource::Tables,
            self.table_elements,
            current,
            desired,
            limit,
        )?;
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }
    fn tables(&self) -> usize {
        TABLES_MAX
    }
    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

/// The lines of a call, within their budget.
pub(super) struct Log {
    pub(super) lines: Vec<LogLine>,
    /// The last message of level error, made plain: a panic's message, where there was one. Kept
    /// also when the budget is spent.
    pub(super) last_error: Option<String>,
    bytes: usize,
    calls: u64,
    dropped: u64,
    bytes_dropped: u64,
}

impl logging::Host for Sandbox {
    fn log(&mut self, level: logging::Level, message: String) -> wasmtime::Result<()> {
        let (limits, log) = (&self.limits, &mut self.log);
        log.calls += 1;
        if log.calls > limits.log_calls_max {
            return Err(TooMuchLog.into());
        }
        if level == logging::Level::Error {
            log.last_error = Some(plain(&message));
        }
        if log.lines.len() >= limits.log_lines_max
            || log.bytes + message.len() > limits.log_bytes_max
        {
            log.dropped += 1;
            log.bytes_dropped = log.bytes_dropped.saturating_add(message.len() as u64);
            return Ok(());
        }
        let message = plain_up_to(usize::MAX, &message);
        log.bytes += message.len();
        let level = match level {
            logging::Level::Debug => LogLevel::Debug,
            logging::Level::Info => LogLevel::Info,
            logging::Level::Warn => LogLevel::Warn,
            logging::Level::Error => LogLevel::Error,
        };
        log.lines.push(LogLine { level, message });
        Ok(())
    }
}
