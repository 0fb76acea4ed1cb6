//! The time that a certification may take.

use std::time::{Duration, Instant};

/// A stretch of time from now on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    until: Instant,
}

impl Budget {
    pub(super) fn of(time: Duration) -> Self {
        Self {
            until: Instant::now() + time,
        }
    }

    pub(super) fn spent(&self) -> bool {
        self.left().is_zero()
    }

    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// A part of what is left, for the next of so many tasks.
    pub(super) fn part(&self, tasks: usize) -> Self {
        Self::of(self.left() / u32::try_from(tasks.max(1)).unwrap_or(u32::MAX))
    }
}
