//! How far a reader has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far a reader has come, in bytes of the file as it lies on disk; a clone follows along.
#[derive(Debug, Clone)]
pub struct Progress {
    read: Arc<AtomicU64>,
    total: u64,
}

impl Progress {
    pub(super) fn new(total: u64) -> Self {
        Self {
            read: Arc::new(AtomicU64::new(0)),
            total,
        }
    }

    pub(super) fn add(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Says that a share of the file is behind us.
    pub(super) fn set_share(&self, done: u64, all: u64) {
        let share = u128::from(self.total) * u128::from(done.min(all)) / u128::from(all.max(1));
        // A share of a `u64` is one.
        self.read.store(
            u64::try_from(share).unwrap_or(self.total),
            Ordering::Relaxed,
        );
    }

    /// Bytes read so far, at most all of them; for Parquet a share in proportion to its rows.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed).min(self.total)
    }

    /// Size of the file.
    pub fn bytes_total(&self) -> u64 {
        self.total
    }
}
