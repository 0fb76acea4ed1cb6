//! Work that waits its turn: once at a time for each key, and fairly across the groups that keys belong to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// Keys that wait, grouped. Groups take turns, and inside a group keys come in their order: however many keys a group has,
/// another group waits for one of them at most.
///
/// A key that is added again while it is taken waits again once it is done: nothing that was asked for is forgotten, and
/// nothing runs twice at once.
#[derive(Debug)]
pub(super) struct Queue<G, K> {
    inner: Mutex<Inner<G, K>>,
    added: Notify,
    /// Keys of a group that are taken at once.
    taken_max: usize,
}

#[derive(Debug)]
struct Inner<G, K> {
    turns: VecDeque<G>,
    waiting: HashMap<G, VecDeque<K>>,
    queued: HashSet<K>,
    /// Keys that are taken, with their group; and the group of those that were added again meanwhile.
    taken: HashMap<K, (G, Option<G>)>,
    taken_of: HashMap<G, usize>,
}

impl<G: Clone + Eq + Hash, K: Clone + Eq + Hash> Queue<G, K> {
    pub(super) fn new() -> Self {
        Self::bounded(usize::MAX)
    }

    /// The same, but of each group so many keys at most are taken at once: the others wait until one of them is done.
    pub(super) fn bounded(taken_max: usize) -> Self {
        Self {
            taken_max,
            inner: Mutex::new(Inner {
                turns: VecDeque::new(),
                waiting: HashMap::new(),
                queued: HashSet::new(),
                taken: HashMap::new(),
                taken_of: HashMap::new(),
            }),
            added: Notify::new(),
        }
    }

    /// Adds a key, unless it waits already.
    pub(super) fn add(&self, group: G, key: K) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, again)) = inner.taken.get_mut(&key) {
            *again = Some(group);
            return;
        }
        inner.push(group, key);
        drop(inner);
        self.added.notify_one();
    }

    /// Takes the next key, if one waits. It is to be given back by [`Queue::done`].
    pub(super) fn take(&self) -> Option<K> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let free = |group: &G| {
            inner
                .taken_of
                .get(group)
                .is_none_or(|&taken| taken < self.taken_max)
        };
        let turn = inner.turns.iter().position(free)?;
        let group = inner.turns.remove(turn)?;
        let keys = inner.waiting.get_mut(&group)?;
        let key = keys.pop_front()?;
        if keys.is_empty() {
            inner.waiting.remove(&group);
        } else {
            inner.turns.push_back(group.clone());
        }
        inner.queued.remove(&key);
        *inner.taken_of.entry(group.clone()).or_default() += 1;
        inner.taken.insert(key.clone(), (group, None));
        let more = !inner.turns.is_empty();
        drop(inner);
        if more {
            self.added.notify_one(); // The next worker's call: a notification that came while all were busy counts once.
        }
        Some(key)
    }

    /// Waits for a key and takes it.
    pub(super) async fn next(&self) -> K {
        loop {
            let added = self.added.notified();
            if let Some(key) = self.take() {
                return key;
            }
            added.await;
        }
    }

    /// A key that was taken is done.
    pub(super) fn done(&self, key: &K) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((group, again)) = inner.taken.remove(key) else {
            return;
        };
        let full = inner.release(&group) == self.taken_max;
        let waits = inner.waiting.contains_key(&group);
        let added = again.is_some();
        if let Some(group) = again {
            inner.push(group, key.clone());
        }
        drop(inner);
        if added || full && waits {
            self.added.notify_one();
        }
    }

    /// Keys that wait.
    pub(super) fn len(&self) -> usize {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.queued.len()
    }
}

impl<G: Clone + Eq + Hash, K: Clone + Eq + Hash> Inner<G, K> {
    /// One key of a group is done: how many were taken until now.
    fn release(&mut self, group: &G) -> usize {
        let Some(taken) = self.taken_of.get_mut(group) else {
            return 0;
        };
        let before = *taken;
        *taken -= 1;
        if *taken == 0 {
            self.taken_of.remove(group);
        }
        before
    }

    fn push(&mut self, group: G, key: K) {
        if !self.queued.insert(key.clone()) {
            return;
        }
        let keys = self.waiting.entry(group.clone()).or_default();
        if keys.is_empty() {
            self.turns.push_back(group);
        }
        keys.push_back(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_take_turns() {
        let queue = Queue::new();
        for key in [1, 2, 3] {
            queue.add("many", key);
        }
        queue.add("one", 9);
        let order: Vec<i32> = std::iter::from_fn(|| queue.take()).collect();
        assert_eq!(order, [1, 9, 2, 3]);
    }

    #[test]
    fn a_key_waits_once_and_comes_again_if_it_was_added_while_taken() {
        let queue = Queue::new();
        queue.add(0, "a");
        queue.add(0, "a");
        assert_eq!(
            (queue.len(), queue.take(), queue.take()),
            (1, Some("a"), None)
        );
        queue.add(0, "a");
        assert_eq!(queue.take(), None, "it does not run twice at once");
        queue.done(&"a");
        assert_eq!(queue.take(), Some("a"));
        queue.done(&"a");
        assert_eq!(queue.take(), None);
    }

    #[test]
    fn a_group_with_as_many_keys_taken_as_it_may_have_is_passed_over() {
        let queue = Queue::bounded(2);
        for key in [1, 2, 3, 4] {
            queue.add("many", key);
        }
        queue.add("one", 9);
        let order: Vec<i32> = std::iter::from_fn(|| queue.take()).collect();
        assert_eq!(order, [1, 9, 2]);
        queue.done(&9);
        assert_eq!(queue.take(), None, "another group's key frees nothing");
        queue.done(&2);
        assert_eq!((queue.take(), queue.take()), (Some(3), None));
    }

    #[tokio::test]
    async fn whoever_waits_for_a_full_group_is_woken_when_one_of_it_is_done() {
        let queue = std::sync::Arc::new(Queue::bounded(1));
        queue.add("g", 1);
        queue.add("g", 2);
        assert_eq!(queue.next().await, 1);
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await }
        });
        tokio::task::yield_now().await;
        queue.done(&1);
        assert_eq!(waiting.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let queue = std::sync::Arc::new(Queue::new());
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await }
        });
        queue.add(0, "a");
        assert_eq!(waiting.await.unwrap(), "a");
    }
}
