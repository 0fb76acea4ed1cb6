//! Models that were in use lately. Others are read again, so models that are idle cost nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use crate::domain::{Model, ModelId};
use crate::store::{Store, StoreResult};

use super::known::Known;

/// Most models that are kept.
pub const MODELS_KEPT_MAX: usize = 4_096;
/// Most memory that they take, about, in bytes.
pub const MODELS_KEPT_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Models that were in use lately. What another host adds to a model is noticed when a row needs it; that it is
/// deleted, when a row is written.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<Models>);

#[derive(Debug, Default)]
struct Models {
    entries: FxHashMap<ModelId, Entry>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    known: Arc<Known>,
    used: u64,
    bytes: usize,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Models> {
        // Nothing in here panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A model, out of memory or out of the database.
    pub(super) async fn get(&self, store: &Store, id: &ModelId) -> StoreResult<Option<Arc<Known>>> {
        if let Some(known) = self.lock().get(id) {
            return Ok(Some(known));
        }
        let Some(model) = store.model(id).await? else {
            return Ok(None);
        };
        let declared = store.declared_columns(model.no).await?;
        Ok(Some(self.put(model, &declared)))
    }

    /// Takes note of a model as it was just read.
    pub(super) fn put(&self, model: Model, declared: &[i32]) -> Arc<Known> {
        let mut models = self.lock();
        let before = models.entries.get(&model.id);
        let known = Arc::new(Known::new(
            model,
            declared,
            before.map(|entry| entry.known.as_ref()),
        ));
        models.put(Arc::clone(&known));
        known
    }

    /// Weighs a model again whose categories were read.
    pub(super) fn weigh(&self, known: &Arc<Known>) {
        let mut models = self.lock();
        let there = models.entries.get(&known.model.id);
        if there.is_some_and(|entry| Arc::ptr_eq(&entry.known, known)) {
            models.put(Arc::clone(known));
        }
    }

    /// Forgets a model: it is gone, or not what it was thought to be.
    pub(super) fn forget(&self, id: &ModelId) {
        let mut models = self.lock();
        if let Some(entry) = models.entries.remove(id) {
            models.bytes -= entry.bytes;
        }
    }
}

impl Models {
    fn get(&mut self, id: &ModelId) -> Option<Arc<Known>> {
        self.uses += 1;
        let used = self.uses;
        let entry = self.entries.get_mut(id)?;
        entry.used = used;
        Some(Arc::clone(&entry.known))
    }

    fn put(&mut self, known: Arc<Known>) {
        self.uses += 1;
        let (used, bytes) = (self.uses, known.bytes());
        let id = known.model.id.clone();
        self.bytes += bytes;
        if let Some(before) = self.entries.insert(id, Entry { known, used, bytes }) {
            self.bytes -= before.bytes;
        }
        while self.entries.len() > MODELS_KEPT_MAX
            || (self.bytes > MODELS_KEPT_BYTES_MAX && self.entries.len() > 1)
        {
            self.drop_oldest();
        }
    }

    /// Drops the quarter that was in use longest ago: dropping one by one would look at all for each.
    fn drop_oldest(&mut self) {
        let mut uses: Vec<u64> = self.entries.values().map(|entry| entry.used).collect();
        let quarter = uses.len() / 4;
        let (_, &mut until, _) = uses.select_nth_unstable(quarter);
        let bytes = &mut self.bytes;
        self.entries.retain(|_, entry| {
            let keep = entry.used > until;
            if !keep {
                *bytes -= entry.bytes;
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::ModelSettings;

    fn model(no: i32) -> Model {
        Model {
            no,
            id: ModelId::new(format!("model {no}")).unwrap(),
            model_type: None,
            positive_label: None,
            last_training_time: None,
            schema_version: 0,
            settings: ModelSettings::default(),
            columns: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn models_out_of_use_are_dropped_and_those_in_use_stay() {
        let registry = Registry::default();
        registry.put(model(0), &[]);
        for no in 1..i32::try_from(MODELS_KEPT_MAX).unwrap() * 3 {
            registry.put(model(no), &[]);
            assert!(registry.lock().get(&model(0).id).is_some());
            assert!(registry.lock().entries.len() <= MODELS_KEPT_MAX);
        }
        let models = registry.lock();
        assert!(models.entries.len() > MODELS_KEPT_MAX / 2);
        let bytes: usize = models.entries.values().map(|entry| entry.bytes).sum();
        assert_eq!(models.bytes, bytes);
        assert!(!models.entries.contains_key(&model(1).id));
    }

    #[test]
    fn a_model_that_is_forgotten_weighs_nothing() {
        let registry = Registry::default();
        registry.put(model(1), &[]);
        registry.forget(&model(1).id);
        registry.forget(&model(1).id);
        assert_eq!(registry.lock().bytes, 0);
    }
}
