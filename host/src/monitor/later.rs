//! Monitors that rest for a moment: each is given back at its time.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::schedule::Due;

/// Monitors by the time at which their rest is over. Each waits once, for the earliest of its times.
#[derive(Debug, Default)]
pub(super) struct Later {
    inner: Mutex<Inner>,
    /// An earlier time than any before was added.
    sooner: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    order: BTreeSet<(Timestamp, i64)>,
    waiting: HashMap<i64, (Timestamp, Due)>,
}

impl Later {
    /// Keeps a monitor until a time.
    pub(super) fn add(&self, at: Timestamp, due: Due) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let no = due.monitor_no;
        match inner.waiting.get(&no) {
            Some((before, _)) if *before <= at => return,
            Some(&(before, _)) => {
                inner.order.remove(&(before, no));
            }
            None => {}
        }
        inner.waiting.insert(no, (at, due));
        inner.order.insert((at, no));
        if inner.order.first() == Some(&(at, no)) {
            self.sooner.notify_one();
        }
    }

    /// Takes those whose time has come, and says when the next one's is.
    pub(super) fn take(&self, now: Timestamp) -> (Vec<Due>, Option<Timestamp>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        while let Some(&(at, no)) = inner.order.first() {
            if at > now {
                return (taken, Some(at));
            }
            inner.order.pop_first();
            taken.extend(inner.waiting.remove(&no).map(|(_, due)| due));
        }
        (taken, None)
    }

    /// Waits until an earlier time was added.
    pub(super) async fn sooner(&self) {
        self.sooner.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Cause;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn rested(monitor_no: i64) -> Due {
        Due {
            model_no: 1,
            monitor_no,
            detector: "data-drift".to_owned(),
            cause: Cause::Data,
        }
    }

    #[test]
    fn each_comes_once_at_the_earliest_of_its_times() {
        let later = Later::default();
        later.add(at(5), rested(1));
        later.add(at(3), rested(2));
        later.add(at(4), rested(1));
        later.add(at(9), rested(2));
        assert_eq!(later.take(at(2)), (vec![], Some(at(3))));
        assert_eq!(later.take(at(3)), (vec![rested(2)], Some(at(4))));
        assert_eq!(later.take(at(9)), (vec![rested(1)], None));
        later.add(at(1), rested(1));
        assert_eq!(later.take(at(9)), (vec![rested(1)], None));
    }

    #[tokio::test]
    async fn whoever_sleeps_until_the_next_time_is_woken_by_an_earlier_one() {
        let later = Later::default();
        later.add(at(5), rested(1));
        later.sooner().await;
        later.add(at(4), rested(2));
        later.sooner().await;
    }
}
