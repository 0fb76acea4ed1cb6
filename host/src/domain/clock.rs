//! What time it is, handed in: the host's clock in service, a clock of their own in tests.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

/// Says what time it is.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    /// Moves the clock forward.
    ///
    /// # Panics
    /// If that leaves the calendar.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self
            .0
            .lock()
            .expect("nobody panics while holding the clock");
        *now = now
            .checked_add(by)
            .expect("the clock stays inside the calendar");
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self
            .0
            .lock()
            .expect("nobody panics while holding the clock")
    }
}
