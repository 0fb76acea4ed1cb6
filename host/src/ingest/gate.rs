//! How much may be under way at once: requests that find no room are refused, and none waits unbounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::IngestError;

/// Counts what is under way.
#[derive(Debug)]
pub(super) struct Gate {
    bytes: AtomicUsize,
    requests: AtomicUsize,
    bytes_max: usize,
    requests_max: usize,
}

/// Room that one request takes; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    gate: Arc<Gate>,
    bytes: usize,
}

impl Gate {
    pub(super) fn new(bytes_max: usize, requests_max: usize) -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            bytes_max,
            requests_max,
        }
    }

    /// Takes room for a body of so many bytes.
    ///
    /// # Errors
    /// [`IngestError::Busy`].
    pub(super) fn enter(self: &Arc<Self>, bytes: usize) -> Result<Room, IngestError> {
        let requests = self.requests.fetch_add(1, Ordering::Relaxed);
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let room = Room {
            gate: Arc::clone(self),
            bytes,
        };
        // A body that is larger than all that may be under way gets in alone.
        let fits = before == 0 || before.saturating_add(bytes) <= self.bytes_max;
        if requests < self.requests_max && fits {
            Ok(room)
        } else {
            Err(IngestError::Busy)
        }
    }

    /// Bytes and requests that are under way.
    pub(super) fn under_way(&self) -> (usize, usize) {
        (
            self.bytes.load(Ordering::Relaxed),
            self.requests.load(Ordering::Relaxed),
        )
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.gate.requests.fetch_sub(1, Ordering::Relaxed);
        self.gate.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_up_to_both_limits_and_given_back() {
        let gate = Arc::new(Gate::new(100, 3));
        let first = gate.enter(60).unwrap();
        let second = gate.enter(40).unwrap();
        assert!(matches!(gate.enter(1), Err(IngestError::Busy)));
        assert_eq!(gate.under_way(), (100, 2));
        drop(second);
        let small = (gate.enter(1).unwrap(), gate.enter(1).unwrap());
        assert!(matches!(gate.enter(1), Err(IngestError::Busy)));
        drop((first, small));
        assert_eq!(gate.under_way(), (0, 0));
        assert!(gate.enter(1_000).is_ok(), "alone");
    }
}
