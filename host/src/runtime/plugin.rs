//! A loaded component: checked, compiled, linked, and asked what it is.

use std::sync::Arc;

use sha2::Digest as _;
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use crate::domain::Descriptor;

use super::bindings::batch::{BatchDetector, BatchDetectorIndices, BatchDetectorPre};
use super::bindings::stream::{StreamDetector, StreamDetectorIndices, StreamDetectorPre};
use super::bindings::types;
use super::cache::CodeCache;
use super::compile::Compiler;
use super::detector::{self, Detector};
use super::engine::{self, Engine, Fuel};
use super::error::{LoadError, RunError};
use super::inspect;
use super::lend;
use super::limits::{COMPONENT_BYTES_MAX, HANDLES_MAX, Limits};
use super::sandbox::Sandbox;
use super::source::Interpreters;
use super::text::plain;
use super::{ConfigError, config};

/// SHA-256 of a component's bytes: what a plugin is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Which of the two worlds a component fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginKind {
    /// Compares two windows.
    Batch,
    /// Follows rows.
    Stream,
}

/// A component from the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Names of what it takes.
    pub imports: Vec<String>,
    /// Names of what it gives.
    pub exports: Vec<String>,
    /// Its size.
    pub bytes: usize,
    /// Its digest.
    pub digest: Digest,
}

/// Loads plugins: an engine, a compiler and the code it made.
pub struct Runtime {
    engine: Engine,
    pub(super) compiler: Compiler,
    cache: CodeCache,
    batch: Linker<Sandbox>,
    stream: Linker<Sandbox>,
    pub(super) interpreters: Interpreters,
}

impl Runtime {
    /// Links the contract. Nothing else is ever linked.
    pub fn new(engine: Engine, compiler: Compiler, cache: CodeCache) -> wasmtime::Result<Self> {
        let mut batch = Linker::new(&engine.inner);
        BatchDetector::add_to_linker::<_, Sandbox>(&mut batch, |sandbox| sandbox)?;
        lend::link(&mut batch)?;
        let interpreters = Interpreters::new(&batch)?;
        let mut stream = Linker::new(&engine.inner);
        StreamDetector::add_to_linker::<_, Sandbox>(&mut stream, |sandbox| sandbox)?;
        lend::link(&mut stream)?;
        Ok(Self {
            compiler: compiler.with_fuel(engine.fuel),
            engine,
            cache,
            batch,
            stream,
            interpreters,
        })
    }

    /// Checks a component, compiles it or finds it in the cache, and asks it what it is.
    ///
    /// # Errors
    /// The first step that the component fails, in words for its author.
    pub fn load(&self, component: &[u8], limits: Limits) -> Result<Plugin, LoadError> {
        check_header(component)?;
        let digest = Digest::of(component);
        let compiled = self.compiled(&digest, component, &self.compiler)?;
        let kind = self.kind(&compiled, &[])?;
        let pre = match kind {
            PluginKind::Batch => self
                .batch
                .instantiate_pre(&compiled)
                .and_then(BatchDetectorPre::new)
                .map(Pre::Batch),
            PluginKind::Stream => self
                .stream
                .instantiate_pre(&compiled)
                .and_then(StreamDetectorPre::new)
                .map(Pre::Stream),
        };
        self.plugin(pre.map_err(incompatible)?, None, digest, limits)
    }

    /// Asks what was linked what it is, and checks the answer. `source` is the text that an interpreter runs.
    pub(super) fn plugin(
        &self,
        pre: Pre,
        source: Option<Arc<str>>,
        digest: Digest,
        limits: Limits,
    ) -> Result<Plugin, LoadError> {
        let kind = match &pre {
            Pre::Batch(_) => PluginKind::Batch,
            Pre::Stream(_) => PluginKind::Stream,
        };
        let sandboxed = Sandboxed {
            pre,
            source,
            limits,
            fuel: self.engine.fuel,
        };
        let descriptor: Descriptor = sandboxed.describe()?.into();
        let schema = inspect::check(&descriptor, kind)?;
        tracing::debug!(component = %digest, detector = descriptor.full_name(), "loaded");
        Ok(Plugin {
            inner: Arc::new(Inner {
                sandboxed,
                kind,
                descriptor,
                schema,
                digest,
            }),
        })
    }

    /// Which world a compiled component fits; it may import `besides` beside the contract.
    pub(super) fn kind(
        &self,
        compiled: &Component,
        besides: &[&str],
    ) -> Result<PluginKind, LoadError> {
        let types = compiled.component_type();
        let imports = types.imports(&self.engine.inner);
        let exports = types.exports(&self.engine.inner);
        inspect::kind(
            imports
                .map(|(name, _)| name.to_owned())
                .filter(|name| !besides.contains(&name.as_str())),
            exports.map(|(name, _)| name.to_owned()),
        )
    }

    /// What a component takes and gives by name, also where it would be refused for it.
    ///
    /// # Errors
    /// Where it is no component, or does not compile.
    pub fn outline(&self, component: &[u8]) -> Result<Outline, LoadError> {
        check_header(component)?;
        let digest = Digest::of(component);
        let compiled = self.compiled(&digest, component, &self.compiler)?;
        let types = compiled.component_type();
        let imports = types.imports(&self.engine.inner);
        let exports = types.exports(&self.engine.inner);
        Ok(Outline {
            imports: imports.map(|(name, _)| plain(name)).collect(),
            exports: exports.map(|(name, _)| plain(name)).collect(),
            bytes: component.len(),
            digest,
        })
    }

    /// The component as machine code: from the cache, or compiled and put there.
    pub(super) fn compiled(
        &self,
        digest: &Digest,
        component: &[u8],
        compiler: &Compiler,
    ) -> Result<Component, LoadError> {
        let code_hash = self.engine.code_hash();
        if let Some(code) = self.cache.load(digest, code_hash) {
            match self.deserialize(&code) {
                Ok(compiled) => return Ok(compiled),
                Err(error) => {
                    tracing::warn!(component = %digest, error = format!("{error:#}"), "cached code does not load; compiling again");
                }
            }
        }
        let code = compiler.compile(component)?;
        self.cache
            .store(digest, code_hash, &code)
            .map_err(|source| LoadError::Cache {
                path: self.cache.directory().display().to_string(),
                source,
            })?;
        self.deserialize(&code).map_err(incompatible)
    }

    /// Only for code that our own compiler made, in this call or, as its authentication shows, earlier.
    fn deserialize(&self, code: &[u8]) -> wasmtime::Result<Component> {
        #[expect(
            unsafe_code,
            reason = "the code comes from our compile child, or carries our authentication code"
        )]
        unsafe {
            Component::deserialize(&self.engine.inner, code)
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "for `map_err`, which hands it over"
)]
pub(super) fn incompatible(error: wasmtime::Error) -> LoadError {
    LoadError::Incompatible(plain(&format!("{error:#}")))
}

/// Tells a component from everything else by its first eight bytes.
pub(super) fn check_header(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(LoadError::TooLarge {
            bytes: bytes.len(),
            limit: COMPONENT_BYTES_MAX,
        });
    }
    match bytes {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(LoadError::CoreModule),
        _ => Err(LoadError::NotWasm),
    }
}

/// A component with its imports resolved, ready to be instantiated.
#[derive(Clone)]
pub(super) enum Pre {
    Batch(BatchDetectorPre<Sandbox>),
    Stream(StreamDetectorPre<Sandbox>),
}

/// What every call of a plugin starts from.
pub(super) struct Sandboxed {
    pub(super) pre: Pre,
    pub(super) source: Option<Arc<str>>,
    pub(super) limits: Limits,
    pub(super) fuel: Fuel,
}

/// Fuel of a call that is counted and never runs out: its deadline is what ends it.
const FUEL: u64 = u64::MAX;

impl Sandboxed {
    /// A store of its own for one call: nothing passes between calls, and whatever the guest
    /// leaks dies with it. The deadline runs from here.
    pub(super) fn store(&self) -> Store<Sandbox> {
        let engine = match &self.pre {
            Pre::Batch(pre) => pre.engine(),
            Pre::Stream(pre) => pre.engine(),
        };
        let mut store = Store::new(engine, Sandbox::new(self.limits));
        store.data_mut().source.clone_from(&self.source);
        store.limiter(|sandbox| &mut sandbox.meter);
        store.set_hostcall_fuel(self.limits.output_bytes_max);
        store.set_max_component_handles(HANDLES_MAX);
        store.set_epoch_deadline(engine::ticks(self.limits.deadline));
        if self.fuel == Fuel::Counted {
            store.set_fuel(FUEL).expect("its engine counts fuel");
        }
        store
    }

    /// Fuel that a call used, where it is counted.
    pub(super) fn fuel_used(&self, store: &Store<Sandbox>) -> Option<u64> {
        match self.fuel {
            Fuel::Counted => store.get_fuel().ok().map(|left| FUEL - left),
            Fuel::Uncounted => None,
        }
    }

    /// Asks the guest what it is. Here, on its first instance, the types of its exports are compared.
    fn describe(&self) -> Result<types::Descriptor, LoadError> {
        let mut store = self.store();
        let failed = |error: wasmtime::Error, store: &Store<Sandbox>| {
            LoadError::Describe(detector::classify(&error, store))
        };
        match &self.pre {
            Pre::Batch(pre) => {
                let instance = pre
                    .instance_pre()
                    .instantiate(&mut store)
                    .map_err(|error| failed(error, &store))?;
                let indices =
                    BatchDetectorIndices::new(pre.instance_pre()).map_err(incompatible)?;
                let guest = indices.load(&mut store, &instance).map_err(incompatible)?;
                guest
                    .leeway_detector_batch()
                    .call_describe(&mut store)
                    .map_err(|error| failed(error, &store))
            }
            Pre::Stream(pre) => {
                let instance = pre
                    .instance_pre()
                    .instantiate(&mut store)
                    .map_err(|error| failed(error, &store))?;
                let indices =
                    StreamDetectorIndices::new(pre.instance_pre()).map_err(incompatible)?;
                let guest = indices.load(&mut store, &instance).map_err(incompatible)?;
                guest
                    .leeway_detector_stream()
                    .call_describe(&mut store)
                    .map_err(|error| failed(error, &store))
            }
        }
    }

    pub(super) fn check_config(&self, config: &str) -> Result<(), RunError> {
        let mut store = self.store();
        let checked = match &self.pre {
            Pre::Batch(pre) => pre.instantiate(&mut store).and_then(|guest| {
                guest
                    .leeway_detector_batch()
                    .call_check_config(&mut store, config)
            }),
            Pre::Stream(pre) => pre.instantiate(&mut store).and_then(|guest| {
                guest
                    .leeway_detector_stream()
                    .call_check_config(&mut store, config)
            }),
        };
        checked
            .map_err(|error| detector::classify(&error, &store))?
            .map_err(|failure| RunError::Refused(failure.into()))
    }
}

/// A detector that was loaded. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    sandboxed: Sandboxed,
    kind: PluginKind,
    descriptor: Descriptor,
    schema: jsonschema::Validator,
    digest: Digest,
}

impl Plugin {
    /// What the detector says of itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.inner.descriptor
    }

    /// Whether it judges windows or follows rows.
    pub fn kind(&self) -> PluginKind {
        self.inner.kind
    }

    /// The component's digest; of a detector in source, that of its text, language and interpreter.
    pub fn digest(&self) -> Digest {
        self.inner.digest
    }

    /// How much one call of it may use.
    pub fn limits(&self) -> &Limits {
        &self.inner.sandboxed.limits
    }

    /// The text that an interpreter runs, where it is no component of its own.
    pub fn source(&self) -> Option<&str> {
        self.inner.sandboxed.source.as_deref()
    }

    pub(super) fn sandboxed(&self) -> &Sandboxed {
        &self.inner.sandboxed
    }

    /// Binds a configuration: checked by the schema first, then by the detector itself.
    pub fn configure(
        &self,
        config: &serde_json::Value,
        seed: u64,
    ) -> Result<Detector, ConfigError> {
        let name = self.descriptor().full_name();
        let text = config::check(&name, &self.inner.schema, config)?;
        self.sandboxed()
            .check_config(&text)
            .map_err(|source| ConfigError::Guest {
                detector: name,
                source,
            })?;
        Ok(Detector::new(self.clone(), text, seed))
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.descriptor().full_name(), self.digest())
    }
}
