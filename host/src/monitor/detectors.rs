//! The detectors there are at this moment, and each monitor's detector with its configuration.
//!
//! Those that come with the host, and versions that teams uploaded. A number in the database is raised by every change of a
//! version, and is looked at before every evaluation: so a host never runs a version that was replaced, and needs nobody to tell it.
//! Uploaded components are loaded when they are first needed, through the cache of compiled code.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::builtin;
use crate::domain::Descriptor;
use crate::domain::monitor::{Fallback, MonitorSpec};
use crate::domain::version::{DetectorState, DetectorVersion, Upload};
use crate::runtime::{ConfigError, Detector, Digest, Limits, LoadError, Plugin, Runtime};
use crate::store::{Store, StoreError, StoreResult};

use super::loading::Loader;
use super::log_budget::LogBudget;
use super::manifest::Manifest;
use super::memory::Memory;

/// Configured detectors that are remembered: a few kilobytes each.
const CONFIGURED_MAX: usize = 4_096;
/// Uploaded components that stay loaded beyond their use, by the bytes of their uploads.
const LOADED_BYTES_MAX: usize = 1 << 30;

/// The detectors.
pub struct Detectors {
    builtin: BTreeMap<String, Plugin>,
    uploaded: Option<Uploaded>,
    live: RwLock<Arc<Live>>,
    configured: Mutex<Configured>,
    pub(super) logs: LogBudget,
}

/// How uploads are loaded.
struct Uploaded {
    loader: Loader,
    ceiling: Limits,
    /// By digest.
    loaded: Memory<String, Plugin>,
    /// One load of a digest at a time.
    loading: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Versions as they stood at a revision.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) revision: i64,
    by_name: BTreeMap<String, Vec<Arc<DetectorVersion>>>,
}

impl Live {
    /// Versions of a detector by time of upload.
    pub(super) fn versions(&self, name: &str) -> &[Arc<DetectorVersion>] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Every version of every detector.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<DetectorVersion>> {
        self.by_name.values().flatten()
    }

    /// The usable version of a detector that was active last.
    fn previous(&self, name: &str) -> Option<&Arc<DetectorVersion>> {
        let usable = self
            .versions(name)
            .iter()
            .filter(|one| one.state.is_usable());
        usable
            .filter(|one| one.activated_at.is_some())
            .max_by_key(|one| one.activated_at)
    }

    /// The version of a detector that is in a state, of those states that one version has.
    pub(super) fn in_state(
        &self,
        name: &str,
        state: DetectorState,
    ) -> Option<&Arc<DetectorVersion>> {
        self.versions(name).iter().find(|one| one.state == state)
    }
}

/// Why a detector that a monitor names cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// There is none of that name.
    #[error("there is no detector '{name}'")]
    NoDetector {
        /// What was asked for.
        name: String,
    },
    /// There is one, but not in that version.
    #[error("detector '{name}' has no version {version}; it has {there}")]
    NoVersion {
        /// The detector.
        name: String,
        /// What was asked for.
        version: String,
        /// What there is.
        there: String,
    },
    /// No version is active.
    #[error("no version of detector '{name}' is active; there is {there}")]
    NoneActive {
        /// The detector.
        name: String,
        /// What there is.
        there: String,
    },
    /// The version may not be run.
    #[error("{detector} is {state}{}", .reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}")))]
    NotUsable {
        /// `name@version`.
        detector: String,
        /// Where it stands.
        state: DetectorState,
        /// Why.
        reason: Option<String>,
    },
    /// It was loaded when it came, and cannot be now.
    #[error("{detector} cannot be loaded: {source}")]
    Load {
        /// `name@version`.
        detector: String,
        /// Why.
        source: LoadError,
    },
    /// Nothing can be loaded here.
    #[error("this host runs no uploaded detectors, and {detector} is one")]
    NoLoader {
        /// `name@version`.
        detector: String,
    },
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

    /// These detectors, and no uploaded ones.
    pub fn of(plugins: impl IntoIterator<Item = Plugin>) -> Self {
        let builtin = plugins
            .into_iter()
            .map(|plugin| (plugin.descriptor().name.clone(), plugin))
            .collect();
        Self {
            builtin,
            uploaded: None,
            live: RwLock::default(),
            configured: Mutex::default(),
            logs: LogBudget::default(),
        }
    }

    /// Beside them those that teams upload, each within `ceiling`.
    #[must_use]
    pub fn with_uploads(self, loader: Loader, ceiling: Limits) -> Self {
        Self {
            uploaded: Some(Uploaded {
                loader,
                ceiling,
                loaded: Memory::new(LOADED_BYTES_MAX),
                loading: Mutex::default(),
            }),
            ..self
        }
    }

    /// How uploads are loaded, and what each may use at most; none where there are none.
    pub(super) fn loader(&self) -> Option<(&Loader, &Limits)> {
        let uploaded = self.uploaded.as_ref()?;
        Some((&uploaded.loader, &uploaded.ceiling))
    }

    /// The detectors that come with the host, by name.
    pub fn builtins(&self) -> impl Iterator<Item = &Plugin> {
        self.builtin.values()
    }

    /// One that comes with the host.
    pub fn find_builtin(&self, name: &str) -> Option<&Plugin> {
        self.builtin.get(name)
    }

    /// What a detector says of itself, by `name@version`.
    pub fn descriptor(&self, full_name: &str) -> Option<Descriptor> {
        let (name, version) = full_name.split_once('@')?;
        if let Some(plugin) = self.builtin.get(name) {
            let descriptor = plugin.descriptor();
            return (descriptor.version == version).then(|| descriptor.clone());
        }
        let live = self.live();
        let found = live.versions(name).iter();
        let found = found.clone().find(|one| one.descriptor.version == version);
        found.map(|one| one.descriptor.clone())
    }

    /// `name@version` that a monitor's detector stands for, as far as this host knows at this moment.
    pub(super) fn full_name(&self, asked: &str) -> Option<String> {
        let (name, version) = match asked.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (asked, None),
        };
        if let Some(plugin) = self.builtin.get(name) {
            return Some(plugin.descriptor().full_name());
        }
        let chosen = choose(&self.live(), name, version).ok()?;
        Some(chosen.full_name())
    }

    /// Versions as this host knows them.
    pub(super) fn live(&self) -> Arc<Live> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&live)
    }

    /// Reads the versions again if they have changed.
    pub async fn follow(&self, store: &Store) -> StoreResult<()> {
        if self.uploaded.is_none() || store.detectors_revision().await? == self.live().revision {
            return Ok(());
        }
        let (revision, versions) = store.detector_versions().await?;
        let mut by_name: BTreeMap<String, Vec<Arc<DetectorVersion>>> = BTreeMap::new();
        for version in versions {
            by_name
                .entry(version.descriptor.name.clone())
                .or_default()
                .push(Arc::new(version));
        }
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        // Another task may have read later and come first.
        if revision > live.revision {
            *live = Arc::new(Live { revision, by_name });
        }
        Ok(())
    }

    /// The detector that a monitor names, as things stand now: `name` is the active version, `name@version` that one.
    ///
    /// # Errors
    /// If the database fails; that there is no such detector is an answer.
    pub async fn resolve(
        &self,
        store: &Store,
        asked: &str,
    ) -> StoreResult<Result<Plugin, Unavailable>> {
        self.follow(store).await?;
        let (name, version) = match asked.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (asked, None),
        };
        if let Some(plugin) = self.builtin.get(name) {
            let has = &plugin.descriptor().version;
            return Ok(match version {
                Some(version) if version != has => Err(Unavailable::NoVersion {
                    name: name.to_owned(),
                    version: version.to_owned(),
                    there: has.clone(),
                }),
                _ => Ok(plugin.clone()),
            });
        }
        match choose(&self.live(), name, version) {
            Ok(version) => self.load(store, &version).await,
            Err(unavailable) => Ok(Err(unavailable)),
        }
    }

    /// The same for a monitor: where its version is quarantined and it says so, the version that was active before.
    pub(super) async fn resolve_or_previous(
        &self,
        store: &Store,
        spec: &MonitorSpec,
    ) -> StoreResult<Result<Plugin, Unavailable>> {
        let resolved = self.resolve(store, &spec.detector).await?;
        let quarantined = matches!(
            &resolved,
            Err(Unavailable::NotUsable {
                state: DetectorState::Quarantined,
                ..
            })
        );
        if !quarantined || spec.fallback == Fallback::None {
            return Ok(resolved);
        }
        let name = spec.detector.split('@').next().unwrap_or_default();
        match self.live().previous(name) {
            Some(previous) => self.load(store, previous).await,
            None => Ok(resolved),
        }
    }

    /// The plugin of a version: remembered, or loaded now.
    pub(super) async fn load(
        &self,
        store: &Store,
        version: &DetectorVersion,
    ) -> StoreResult<Result<Plugin, Unavailable>> {
        let detector = version.full_name();
        let Some(uploaded) = &self.uploaded else {
            return Ok(Err(Unavailable::NoLoader { detector }));
        };
        if let Some(plugin) = uploaded.loaded.get(&version.digest) {
            return Ok(Ok(plugin));
        }
        let turn = {
            let mut loading = uploaded
                .loading
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            Arc::clone(loading.entry(version.digest.clone()).or_default())
        };
        let _turn = turn.lock().await;
        let result = self.load_in_turn(store, uploaded, version, detector).await;
        let mut loading = uploaded
            .loading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loading.remove(&version.digest);
        result
    }

    async fn load_in_turn(
        &self,
        store: &Store,
        uploaded: &Uploaded,
        version: &DetectorVersion,
        detector: String,
    ) -> StoreResult<Result<Plugin, Unavailable>> {
        if let Some(plugin) = uploaded.loaded.get(&version.digest) {
            return Ok(Ok(plugin));
        }
        let Some(upload) = store.detector_upload(&version.digest).await? else {
            return Ok(Err(Unavailable::NoDetector { name: detector }));
        };
        let bytes = upload.bytes.len();
        let limits = manifest(version).limits(&uploaded.ceiling);
        let loader = uploaded.loader.clone();
        let digest = version.digest.clone();
        let loaded = tokio::task::spawn_blocking(move || loader.plugin(&upload, &digest, limits))
            .await
            .map_err(|error| StoreError::Database(sqlx::Error::Io(std::io::Error::other(error))))?;
        Ok(match loaded {
            Ok(plugin) => {
                self.remember(&version.digest, &plugin, bytes);
                Ok(plugin)
            }
            Err(source) => Err(Unavailable::Load { detector, source }),
        })
    }

    /// Keeps a loaded upload of so many bytes at hand.
    pub(super) fn remember(&self, digest: &str, plugin: &Plugin, bytes: usize) {
        if let Some(uploaded) = &self.uploaded {
            uploaded
                .loaded
                .put(digest.to_owned(), plugin.clone(), bytes);
        }
    }

    /// Loads what is active or a shadow, as far as there is room for it, so that no evaluation waits for that; how many.
    pub(super) async fn preload(&self, store: &Store) -> StoreResult<usize> {
        let live = self.live();
        let (mut loaded, mut bytes) = (0, 0);
        for version in live.all() {
            bytes += usize::try_from(version.size_bytes).unwrap_or(usize::MAX);
            let used = matches!(version.state, DetectorState::Active | DetectorState::Shadow);
            if !used || bytes > LOADED_BYTES_MAX {
                continue;
            }
            match self.load(store, version).await? {
                Ok(_) => loaded += 1,
                // Its monitors say so too.
                Err(error) => tracing::warn!(error = %error, "a detector cannot be loaded"),
            }
        }
        Ok(loaded)
    }

    /// The component of a digest, for making an evaluation again: where fuel is counted, if that can be; with twice the time,
    /// since counting takes some. None where it is not there any more.
    ///
    /// # Errors
    /// If the database fails, or the component cannot be loaded any more.
    pub(super) async fn repeatable(
        &self,
        store: &Store,
        digest: &str,
    ) -> StoreResult<Result<Option<Plugin>, LoadError>> {
        let own = self
            .builtin
            .values()
            .find(|plugin| plugin.digest().to_string() == digest);
        let component = builtin::ALL
            .iter()
            .find(|one| own.is_some_and(|own| Digest::of(one.component) == own.digest()));
        let (upload, mut limits) = match (own, component) {
            (Some(plugin), Some(builtin)) => {
                let upload = Upload::component(builtin.component.to_vec());
                (upload, *plugin.limits())
            }
            (Some(plugin), None) => return Ok(Ok(Some(plugin.clone()))),
            (None, _) => {
                let upload = store.detector_upload(digest).await?;
                let version = store.detector_of_digest(digest).await?;
                let (Some(uploaded), Some(upload), Some(version)) =
                    (&self.uploaded, upload, version)
                else {
                    return Ok(Ok(None));
                };
                (upload, manifest(&version).limits(&uploaded.ceiling))
            }
        };
        let Some(uploaded) = &self.uploaded else {
            return Ok(Ok(own.cloned()));
        };
        limits.deadline = limits.deadline.saturating_mul(2);
        let (loader, digest) = (uploaded.loader.clone(), digest.to_owned());
        let load = move || match loader.metered(&upload, &digest, limits) {
            Ok(None) => loader.plugin(&upload, &digest, limits).map(Some),
            metered => metered,
        };
        tokio::task::spawn_blocking(load)
            .await
            .map_err(|error| StoreError::Database(sqlx::Error::Io(std::io::Error::other(error))))
    }

    /// Names of all detectors that a monitor may name.
    pub(super) fn names(&self) -> Vec<String> {
        let live = self.live();
        let mut names: Vec<String> = self.builtin.keys().cloned().collect();
        names.extend(
            live.by_name
                .keys()
                .filter(|name| live.in_state(name, DetectorState::Active).is_some())
                .cloned(),
        );
        names.sort();
        names
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

/// The limits that came with a version. What this host cannot read is what an older or newer one wrote: then its own hold.
pub(super) fn manifest(version: &DetectorVersion) -> Manifest {
    serde_json::from_value(version.limits.clone()).unwrap_or_default()
}

/// The version that was active last, if it is quarantined.
fn last_active(versions: &[Arc<DetectorVersion>]) -> Option<&Arc<DetectorVersion>> {
    let last = versions.iter().max_by_key(|one| one.activated_at)?;
    let out = last.activated_at.is_some() && last.state == DetectorState::Quarantined;
    out.then_some(last)
}

fn choose(
    live: &Live,
    name: &str,
    version: Option<&str>,
) -> Result<Arc<DetectorVersion>, Unavailable> {
    let versions = live.versions(name);
    if versions.is_empty() {
        return Err(Unavailable::NoDetector {
            name: name.to_owned(),
        });
    }
    let there = || {
        let list: Vec<String> = versions
            .iter()
            .rev()
            .take(VERSIONS_NAMED_MAX)
            .map(|one| format!("{} ({})", one.descriptor.version, one.state))
            .collect();
        list.join(", ")
    };
    let found = match version {
        Some(version) => versions
            .iter()
            .find(|one| one.descriptor.version == version)
            .ok_or_else(|| Unavailable::NoVersion {
                name: name.to_owned(),
                version: version.to_owned(),
                there: there(),
            })?,
        None => match live.in_state(name, DetectorState::Active) {
            Some(active) => active,
            // Where the active one was taken out of use, that is what there is to say.
            None => last_active(versions).ok_or_else(|| Unavailable::NoneActive {
                name: name.to_owned(),
                there: there(),
            })?,
        },
    };
    if found.state.is_usable() {
        return Ok(Arc::clone(found));
    }
    Err(Unavailable::NotUsable {
        detector: found.full_name(),
        state: found.state,
        reason: found.reason.clone(),
    })
}

/// Versions that an error lists: the newest.
const VERSIONS_NAMED_MAX: usize = 8;

impl std::fmt::Debug for Detectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.builtin.keys()).finish()
    }
}
