//! What the benches share: clocks of CPU time, medians of interleaved runs, tables, data, the sandbox.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stdout,
    reason = "each bench prints its figures, and uses a part of this"
)]

#[path = "../../../tests/harness/native.rs"]
pub mod native;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use leeway::builtin;
use leeway::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, Role, Schema};
use leeway::profile::{KeptRowsBuilder, ProfileBuilder, ProfileConfig, Window};
use leeway::runtime::{
    BatchDetector, CodeCache, CompileLimits, Compiler, Detector, Engine, Limits, Plugin, Runtime,
    StreamDetector,
};
use leeway_statistics::rng::Rng;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// The seed of all data and of every detector.
pub const SEED: u64 = 7;

/// Seconds of CPU that this thread has used. A guest runs on the thread that calls it.
pub fn thread_seconds() -> f64 {
    seconds(ClockId::ThreadCPUTime)
}

/// Seconds of CPU that the whole process has used.
pub fn process_seconds() -> f64 {
    seconds(ClockId::ProcessCPUTime)
}

fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Median CPU seconds of each variant, over rounds that run each in turn: what else the machine does
/// meets all alike. One round more comes first, and does not count.
pub fn medians<const N: usize>(rounds: usize, mut variants: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut seconds: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for round in 0..=rounds {
        for (variant, seconds) in variants.iter_mut().zip(&mut seconds) {
            let start = thread_seconds();
            variant();
            let end = thread_seconds();
            if round > 0 {
                seconds.push(end - start);
            }
        }
    }
    seconds.map(median)
}

/// The middle value, the upper of two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Whether a part of a bench is to be run: it is named on the command line, or none is.
pub fn wanted(part: &str) -> bool {
    let mut named = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .peekable();
    named.peek().is_none() || named.any(|name| name == part)
}

/// Bytes in memory now and at most since [`forget_peak`], where the system tells.
pub fn resident_bytes() -> Option<(usize, usize)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = |name: &str| -> Option<usize> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some((kilobytes("VmRSS")? << 10, kilobytes("VmHWM")? << 10))
}

/// Lets the peak of [`resident_bytes`] start from now.
pub fn forget_peak() {
    // Linux: 5 resets the peak. Where it cannot, the peak is that of the whole run, which is larger.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Prints a title with the heads of four columns.
pub fn title(text: &str, [measured, beside, ratio]: [&str; 3]) {
    println!(
        "\n{text}\n{:<52} {measured:>16} {beside:>16} {ratio:>10}  target",
        ""
    );
}

/// Prints one line of a table.
pub fn line(what: &str, measured: &str, beside: &str, ratio: &str, target: &str) {
    println!("{what:<52} {measured:>16} {beside:>16} {ratio:>10}  {target}");
}

/// What was asked for, and whether it was met.
pub fn target(text: &str, met: bool) -> String {
    format!("{text}: {}", if met { "met" } else { "MISSED" })
}

/// Seconds in the unit that a person reads best.
pub fn human(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.2} us", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// The sandbox, as a server would start it.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let program = Path::new(env!("CARGO_BIN_EXE_leeway"));
        let compiler = Compiler::new(program.to_owned(), CompileLimits::default());
        let cache = CodeCache::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("components"));
        Runtime::new(
            Engine::start().expect("an engine"),
            compiler,
            cache.expect("a cache"),
        )
        .expect("linked")
    })
}

/// A detector that comes with the host.
pub fn plugin(name: &str) -> Plugin {
    let component = builtin::find(name).expect("built in").component;
    runtime()
        .load(component, Limits::default())
        .expect("it loads")
}

/// The guest of `plugins/hostile`, for acts that do no harm.
pub fn hostile() -> Plugin {
    let component = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
    runtime()
        .load(component, Limits::default())
        .expect("it loads")
}

pub fn batch_detector(plugin: &Plugin, config: &Value, seed: u64) -> BatchDetector {
    match plugin.configure(config, seed).expect("a configuration") {
        Detector::Batch(detector) => detector,
        Detector::Stream(_) => panic!("{plugin:?} follows rows"),
    }
}

pub fn stream_detector(plugin: &Plugin, config: &Value) -> StreamDetector {
    match plugin.configure(config, SEED).expect("a configuration") {
        Detector::Stream(detector) => detector,
        Detector::Batch(_) => panic!("{plugin:?} compares windows"),
    }
}

/// Normal numbers around a mean, all distinct: the hardest to profile.
pub fn normal(seed: u64, rows: usize, mean: f64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    (0..rows).map(|_| mean + rng.normal()).collect()
}

/// Names out of so many, the first ones somewhat more often.
pub fn names(seed: u64, rows: usize, categories: usize) -> ColumnValues {
    let mut rng = Rng::new(seed);
    let mut below = |end: usize| rng.below(end as u64);
    let codes = (0..rows).map(|_| {
        let code = below(categories).min(below(2 * categories));
        u32::try_from(code).expect("a small number")
    });
    ColumnValues::Categorical {
        codes: codes.collect(),
        dictionary: (0..categories)
            .map(|i| format!("category {i:02}"))
            .collect(),
    }
}

/// A schema of columns by name, kind and role.
pub fn schema(columns: &[(String, ColumnKind, Role)]) -> Arc<Schema> {
    let spec = |(name, kind, role): &(String, ColumnKind, Role)| ColumnSpec {
        name: name.clone(),
        kind: *kind,
        role: *role,
    };
    Arc::new(Schema::new(columns.iter().map(spec).collect()).expect("a schema"))
}

/// The window of some batches; `keep` keeps every row beside the profile.
pub fn window(schema: &Arc<Schema>, batches: &[Batch], keep: bool) -> Window {
    let mut profile = ProfileBuilder::new(schema.clone(), ProfileConfig::default());
    let mut kept = keep.then(|| KeptRowsBuilder::new(schema.clone(), u32::MAX, SEED));
    for batch in batches {
        profile.observe(batch).expect("of the schema");
        if let Some(kept) = &mut kept {
            kept.observe(batch);
        }
    }
    let kept = kept.map(|kept| Arc::new(kept.finish()));
    Window::new(Arc::new(profile.finish()), kept).expect("of one schema")
}
