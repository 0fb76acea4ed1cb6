//! Remembers what was used last, up to a number of bytes.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Mutex;

use rustc_hash::FxHashMap;

/// Values that may be forgotten at any time. What was not asked for longest goes first.
#[derive(Debug)]
pub(super) struct Memory<K, V> {
    bytes_max: usize,
    inner: Mutex<Inner<K, V>>,
}

#[derive(Debug)]
struct Inner<K, V> {
    values: FxHashMap<K, Remembered<V>>,
    /// Keys by when they were last asked for.
    order: BTreeMap<u64, K>,
    now: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Remembered<V> {
    value: V,
    bytes: usize,
    asked: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Memory<K, V> {
    /// Room for so many bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            inner: Mutex::new(Inner {
                values: FxHashMap::default(),
                order: BTreeMap::new(),
                now: 0,
                bytes: 0,
            }),
        }
    }

    /// The value of a key, if it is still there.
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.now += 1;
        let remembered = inner.values.get_mut(key)?;
        if let Some(key) = inner.order.remove(&remembered.asked) {
            inner.order.insert(inner.now, key);
        }
        remembered.asked = inner.now;
        Some(remembered.value.clone())
    }

    /// Remembers a value of about so many bytes. One that is larger than all the room is not.
    pub(super) fn put(&self, key: K, value: V, bytes: usize) {
        let mut inner = self.lock();
        inner.forget(&key);
        if bytes > self.bytes_max {
            return;
        }
        inner.now += 1;
        let asked = inner.now;
        inner.order.insert(asked, key.clone());
        inner.values.insert(
            key,
            Remembered {
                value,
                bytes,
                asked,
            },
        );
        inner.bytes += bytes;
        while inner.bytes > self.bytes_max {
            let Some((_, oldest)) = inner.order.pop_first() else {
                break;
            };
            if let Some(remembered) = inner.values.remove(&oldest) {
                inner.bytes -= remembered.bytes;
            }
        }
    }

    /// Forgets a value.
    pub(super) fn forget(&self, key: &K) {
        self.lock().forget(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<K, V>> {
        // Nothing in here panics half way; and if it did, what is remembered may be forgotten.
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<K: Hash + Eq, V> Inner<K, V> {
    fn forget(&mut self, key: &K) {
        if let Some(remembered) = self.values.remove(key) {
            self.order.remove(&remembered.asked);
            self.bytes -= remembered.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_longest_is_forgotten_first() {
        let memory = Memory::new(10);
        memory.put("a", 1, 4);
        memory.put("b", 2, 4);
        assert_eq!(memory.get("a"), Some(1));
        memory.put("c", 3, 4);
        assert_eq!(
            [memory.get("a"), memory.get("b"), memory.get("c")],
            [Some(1), None, Some(3)]
        );
    }

    #[test]
    fn a_value_put_again_counts_once_and_one_too_large_takes_no_room() {
        let memory = Memory::new(10);
        memory.put("a", 1, 6);
        memory.put("a", 2, 6);
        memory.put("b", 3, 4);
        assert_eq!([memory.get("a"), memory.get("b")], [Some(2), Some(3)]);
        memory.put("c", 4, 11);
        assert_eq!(
            [memory.get("a"), memory.get("b"), memory.get("c")],
            [Some(2), Some(3), None]
        );
        memory.put("d", 5, 10);
        assert_eq!(
            [memory.get("a"), memory.get("b"), memory.get("d")],
            [None, None, Some(5)]
        );
    }
}
