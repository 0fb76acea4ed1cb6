//! The detectors there are, and each monitor's detector with its configuration.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::builtin;
use crate::domain::Descriptor;
use crate::domain::monitor::MonitorSpec;
use crate::runtime::{ConfigError, Detector, Digest, Limits, LoadError, Plugin, Runtime};

/// Configured detectors that are remembered: a few kilobytes each.
const CONFIGURED_MAX: usize = 4_096;

/// Loaded detectors by name.
pub struct Detectors {
    plugins: HashMap<String, Plugin>,
    configured: Mutex<Configured>,
}

/// A revision of a monitor on a component.
type Key = (i64, i32, Digest);

#[derive(Default)]
struct Configured {
    by_key: HashMap<Key, Arc<Detector>>,
    oldest_first: VecDeque<Key>,
}

impl Detectors {
    /// Loads the detectors that come with the host. Blocks: what is not in the cache of compiled code is compiled.
    pub fn builtin(runtime: &Runtime) -> Result<Self, LoadError> {
        let mut plugins = Vec::new();
        for builtin in builtin::ALL {
            plugins.push(runtime.load(builtin.component, Limits::default())?);
        }
        Ok(Self::of(plugins))
    }

    /// These detectors.
    pub fn of(plugins: impl IntoIterator<Item = Plugin>) -> Self {
        let plugins = plugins
            .into_iter()
            .map(|plugin| (plugin.descriptor().name.clone(), plugin))
            .collect();
        Self {
            plugins,
            configured: Mutex::default(),
        }
    }

    /// The detector of a name.
    pub fn find(&self, name: &str) -> Option<Plugin> {
        self.plugins.get(name).cloned()
    }

    /// What each detector says of itself, by name.
    pub fn descriptors(&self) -> Vec<Descriptor> {
        let mut all: Vec<Descriptor> = self
            .plugins
            .values()
            .map(|plugin| plugin.descriptor().clone())
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The detector of a monitor's revision with its configuration. Blocks: the detector checks the configuration.
    pub(super) fn configured(
        &self,
        plugin: &Plugin,
        monitor_no: i64,
        revision: i32,
        spec: &MonitorSpec,
    ) -> Result<Arc<Detector>, ConfigError> {
        let key = (monitor_no, revision, plugin.digest());
        let remembered = || {
            self.configured
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(found) = remembered().by_key.get(&key) {
            return Ok(found.clone());
        }
        let detector = Arc::new(plugin.configure(&spec.config, spec.seed.into())?);
        let mut remembered = remembered();
        if remembered.by_key.insert(key, detector.clone()).is_none() {
            remembered.oldest_first.push_back(key);
        }
        while remembered.oldest_first.len() > CONFIGURED_MAX {
            if let Some(oldest) = remembered.oldest_first.pop_front() {
                remembered.by_key.remove(&oldest);
            }
        }
        Ok(detector)
    }
}

impl std::fmt::Debug for Detectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.plugins.keys()).finish()
    }
}
