//! The way in: any bytes as an upload. `LEEWAY_PROGRAM` names a `leeway` that compiles for it.
#![no_main]

use std::sync::OnceLock;
use std::time::Duration;

use leeway::runtime::{CodeCache, CompileLimits, Compiler, Engine, Limits, Runtime};

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let program = std::env::var_os("LEEWAY_PROGRAM").expect("LEEWAY_PROGRAM names a leeway");
        let folder = std::env::temp_dir().join("leeway-fuzz");
        let cache = CodeCache::open(&folder).expect("a folder for compiled code");
        let compiler = Compiler::new(program.into(), CompileLimits::default());
        Runtime::new(Engine::start().expect("an engine"), compiler, cache).expect("a runtime")
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        deadline: Duration::from_millis(300),
        ..Limits::default()
    };
    let _ = runtime().load(bytes, limits);
});
