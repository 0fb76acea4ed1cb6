//! What the tests share: one sandbox, windows out of plain columns, and detectors without a sandbox.

pub mod app;
pub mod browser;
pub mod cases;
pub mod native;
pub mod prometheus;
pub mod server;
pub mod service;
pub mod wat;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use leeway::builtin;
use leeway::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, MISSING_CODE, Role, Schema};
use leeway::profile::{KeptRowsBuilder, ProfileBuilder, ProfileConfig, Window};
use leeway::runtime::{
    BatchDetector, CodeCache, CompileLimits, Compiler, Detector, Engine, Limits, Plugin, Runtime,
    StreamDetector,
};
use serde_json::Value;

/// The `leeway` program.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_leeway"))
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// A directory of compiled components that outlives a test run, so that each is compiled once.
pub fn cache_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("components")
}

pub fn compiler() -> Compiler {
    Compiler::new(program().to_owned(), CompileLimits::default())
}

/// The sandbox that all tests share: as in a server, one detector's fate is not another's.
pub fn runtime() -> &'static Arc<Runtime> {
    static RUNTIME: OnceLock<Arc<Runtime>> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let cache = CodeCache::open(&cache_dir()).unwrap();
        Arc::new(Runtime::new(Engine::start().unwrap(), compiler(), cache).unwrap())
    })
}

/// The same with fuel counted.
pub fn metered() -> &'static Arc<Runtime> {
    static METERED: OnceLock<Arc<Runtime>> = OnceLock::new();
    METERED.get_or_init(|| {
        let cache = CodeCache::open(&cache_dir()).unwrap();
        let engine = Engine::start_with_fuel().unwrap();
        Arc::new(Runtime::new(engine, compiler(), cache).unwrap())
    })
}

/// A detector that comes with the host.
pub fn plugin(name: &str) -> Plugin {
    runtime()
        .load(builtin::find(name).unwrap().component, Limits::default())
        .unwrap()
}

/// The guest of `plugins/hostile`, within limits of the test's choice.
pub fn hostile(limits: Limits) -> Plugin {
    runtime()
        .load(
            include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm")),
            limits,
        )
        .unwrap()
}

pub fn batch(plugin: &Plugin, config: &Value) -> BatchDetector {
    match plugin.configure(config, SEED).unwrap() {
        Detector::Batch(detector) => detector,
        Detector::Stream(_) => panic!("{plugin:?} follows rows"),
    }
}

pub fn stream(plugin: &Plugin, config: &Value) -> StreamDetector {
    match plugin.configure(config, SEED).unwrap() {
        Detector::Stream(detector) => detector,
        Detector::Batch(_) => panic!("{plugin:?} compares windows"),
    }
}

/// The seed of every test.
pub const SEED: u64 = 7;

/// A window out of columns: `WindowBuilder::default().numbers("age", Role::Feature, &[..]).build()`.
#[derive(Default)]
pub struct WindowBuilder {
    specs: Vec<ColumnSpec>,
    columns: Vec<ColumnValues>,
    keep_rows: bool,
    config: ProfileConfig,
}

impl WindowBuilder {
    fn column(mut self, name: &str, kind: ColumnKind, role: Role, values: ColumnValues) -> Self {
        self.specs.push(ColumnSpec {
            name: name.to_owned(),
            kind,
            role,
        });
        self.columns.push(values);
        self
    }

    /// Numbers; NaN is missing.
    pub fn numbers(self, name: &str, role: Role, values: &[f64]) -> Self {
        self.column(
            name,
            ColumnKind::Numeric,
            role,
            ColumnValues::Numeric(values.to_vec()),
        )
    }

    /// Names; `None` is missing.
    pub fn names(self, name: &str, role: Role, values: &[Option<&str>]) -> Self {
        let mut dictionary: Vec<String> = values
            .iter()
            .flatten()
            .map(|&name| name.to_owned())
            .collect();
        dictionary.sort_unstable();
        dictionary.dedup();
        let code = |name: &str| {
            u32::try_from(
                dictionary
                    .binary_search_by(|entry| entry.as_str().cmp(name))
                    .unwrap(),
            )
            .unwrap()
        };
        let codes = values
            .iter()
            .map(|name| name.map_or(MISSING_CODE, code))
            .collect();
        self.column(
            name,
            ColumnKind::Categorical,
            role,
            ColumnValues::Categorical { codes, dictionary },
        )
    }

    /// Vectors of one length, one after another.
    pub fn vectors(self, name: &str, role: Role, dimension: usize, values: &[f32]) -> Self {
        self.column(
            name,
            ColumnKind::Embedding,
            role,
            ColumnValues::Embedding {
                dimension,
                values: values.to_vec(),
            },
        )
    }

    /// Keeps every row beside the profile.
    pub fn keep_rows(mut self) -> Self {
        self.keep_rows = true;
        self
    }

    /// Remembers as much as `config` says.
    pub fn remember(mut self, config: ProfileConfig) -> Self {
        self.config = config;
        self
    }

    pub fn build(self) -> Window {
        let schema = Arc::new(Schema::new(self.specs).unwrap());
        let batch = Batch::new(None, self.columns);
        let mut profile = ProfileBuilder::new(schema.clone(), self.config);
        profile.observe(&batch).unwrap();
        let kept = self.keep_rows.then(|| {
            let mut kept = KeptRowsBuilder::new(schema, u32::MAX, SEED);
            kept.observe(&batch);
            Arc::new(kept.finish())
        });
        Window::new(Arc::new(profile.finish()), kept).unwrap()
    }
}
