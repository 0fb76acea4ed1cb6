//! What a detector of one's own costs: until it is ready, in its first call, on many rows, at the start of a host that has
//! many, and when it does not end. In four languages, and as text.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod measure;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use leeway::domain::{Batch, ColumnKind, ColumnValues, Language, Role};
use leeway::profile::Window;
use leeway::runtime::{
    BatchDetector, CodeCache, CompileLimits, Compiler, Detector, Engine, Limits, Plugin, RunError,
    Runtime,
};
use measure::{human, line, median, target, title};
use serde_json::json;

/// Rounds of each comparison.
const ROUNDS: usize = 15;
const ROWS: usize = 100_000;
const COLUMNS: u64 = 20;
/// Detectors of a host that starts.
const DETECTORS: usize = 1_000;
/// Deadline of detectors that do not end, and how often each of them is run.
const DEADLINE: Duration = Duration::from_millis(100);
const LOOPS: usize = 20;

/// Where `cargo xtask plugins-languages` and `cargo xtask interpreters` leave what they build.
fn built(folder: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("a folder in the target directory");
    let named = std::env::var_os("LEEWAY_TARGET").map_or_else(|| target.to_owned(), PathBuf::from);
    named.join(folder)
}

/// The same detector, the ratio of trimmed means, as each language builds it.
fn components() -> Vec<(&'static str, Vec<u8>)> {
    let languages = ["rust", "c", "javascript", "python"].into_iter();
    let read = |language| {
        let path = built("languages/components").join(format!("{language}.wasm"));
        match std::fs::read(&path) {
            Ok(component) => Some((language, component)),
            Err(error) => {
                println!(
                    "{}: {error}; run `cargo xtask plugins-languages`",
                    path.display()
                );
                None
            }
        }
    };
    languages.filter_map(read).collect()
}

/// The same as text.
fn text(language: Language) -> String {
    let text = match language {
        Language::Python => include_str!("../../plugins/templates/python/detector.py"),
        Language::Javascript => include_str!("../../plugins/templates/javascript/detector.js"),
    };
    text.replace("NAME", "trimmed-mean")
}

/// A sandbox that starts as a server's would.
fn runtime(cache: &Path) -> Runtime {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_leeway"));
    let compiler = Compiler::new(program, CompileLimits::default());
    let cache = CodeCache::open(cache).expect("a cache");
    Runtime::new(Engine::start().expect("an engine"), compiler, cache)
        .expect("linked")
        .with_interpreters(built("interpreters"))
}

/// One that keeps what it compiled from bench to bench.
fn kept() -> Runtime {
    runtime(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("components"))
}

/// Languages whose interpreter is there; compiled now, if they never were.
fn interpreted(runtime: &Runtime) -> Vec<Language> {
    let there = |language: &Language| match runtime.interpreter_digest(*language) {
        Ok(_) => true,
        Err(error) => {
            println!("{error}");
            false
        }
    };
    Language::ALL.into_iter().filter(there).collect()
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Every form of the detector, with its name.
fn plugins(runtime: &Runtime) -> Vec<(String, Plugin)> {
    let limits = Limits::default();
    let mut all: Vec<(String, Plugin)> = components()
        .into_iter()
        .map(|(language, component)| {
            let plugin = runtime.load(&component, limits).expect("it loads");
            (format!("{language}, component"), plugin)
        })
        .collect();
    for language in interpreted(runtime) {
        let plugin = runtime.load_source(language, text(language).as_bytes(), limits);
        let name = format!("{}, source", language.name());
        all.push((name, plugin.expect("it loads")));
    }
    all
}

fn configured(plugin: &Plugin) -> BatchDetector {
    match plugin
        .configure(&json!({}), measure::SEED)
        .expect("no settings")
    {
        Detector::Batch(detector) => detector,
        Detector::Stream(_) => panic!("{plugin:?} follows rows"),
    }
}

fn ready() {
    title(
        "From the upload to ready, wall time",
        ["compiled", "out of the cache", ""],
    );
    let limits = Limits::default();
    for (language, component) in components() {
        let folder = tempfile::tempdir().expect("a folder");
        let fresh = runtime(folder.path());
        let compiled = seconds(|| drop(fresh.load(&component, limits).expect("it loads")));
        let again = runtime(folder.path());
        let cached = seconds(|| drop(again.load(&component, limits).expect("it loads")));
        let asked = (language == "rust").then(|| target("at most 1 s", compiled <= 1.0));
        line(
            &format!("{language}, component of {} KB", component.len() / 1_000),
            &human(compiled),
            &human(cached),
            "",
            &asked.unwrap_or_default(),
        );
    }
    let runtime = kept();
    for language in interpreted(&runtime) {
        let text = text(language);
        let load = || drop(runtime.load_source(language, text.as_bytes(), limits));
        let ready = median((0..ROUNDS).map(|_| seconds(load)).collect());
        line(
            &format!("{}, source, its interpreter being there", language.name()),
            &human(ready),
            "",
            "",
            &target("at most 50 ms", ready <= 0.05),
        );
    }
}

/// Normal numbers in so many columns.
fn window(rows: usize, columns: u64, mean: f64) -> Window {
    let specs: Vec<(String, ColumnKind, Role)> = (0..columns)
        .map(|at| (format!("x{at}"), ColumnKind::Numeric, Role::Feature))
        .collect();
    let values = (0..columns)
        .map(|at| ColumnValues::Numeric(measure::normal(at, rows, mean)))
        .collect();
    measure::window(&measure::schema(&specs), &[Batch::new(None, values)], false)
}

fn calls() {
    title(
        "A fresh instance and one call, the ratio of trimmed means",
        ["100 rows", "100,000 rows", "memory"],
    );
    println!("{:<52} {:>16} {:>16}", "", "1 column", "20 columns");
    let small = window(100, 1, 1.0);
    let (reference, current) = (window(ROWS, COLUMNS, 1.0), window(ROWS, COLUMNS, 1.1));
    let runtime = kept();
    for (name, plugin) in plugins(&runtime) {
        let detector = configured(&plugin);
        let few = detector.fit(&small).expect("it fits");
        let many = detector.fit(&reference).expect("it fits");
        let [first, whole] = measure::medians(
            ROUNDS,
            [
                &mut || drop(black_box(detector.evaluate(&few, &small))),
                &mut || drop(black_box(detector.evaluate(&many, &current))),
            ],
        );
        let used = detector.evaluate(&many, &current).expect("it judges").usage;
        let asked = name
            .starts_with("python")
            .then(|| target("at most 5 ms", whole <= 5e-3));
        line(
            &name,
            &human(first),
            &human(whole),
            &format!(
                "{:.1} MiB",
                used.memory_bytes_peak as f64 / f64::from(1 << 20)
            ),
            &asked.unwrap_or_default(),
        );
    }
}

/// The same component as another one: with a number in a section that nobody reads.
fn numbered(component: &[u8], number: usize) -> Vec<u8> {
    let mut numbered = component.to_vec();
    numbered.extend([0, 10, 1, b'n']);
    numbered.extend(number.to_le_bytes());
    numbered
}

fn start() {
    title(
        "A thousand detectors at the start of a host",
        ["wall time", "of each", ""],
    );
    let limits = Limits::default();
    let beyond_tail: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/beyond-tail.wasm"));
    let detectors: Vec<Vec<u8>> = (0..DETECTORS).map(|n| numbered(beyond_tail, n)).collect();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("a-thousand");
    let before = runtime(&cache);
    for component in &detectors {
        before.load(component, limits).expect("it loads");
    }
    drop(before);
    let load = || {
        let runtime = runtime(&cache);
        for component in &detectors {
            black_box(runtime.load(component, limits).expect("it loads"));
        }
    };
    let took = (0..3).map(|_| seconds(load)).fold(f64::INFINITY, f64::min);
    told(
        "components out of the cache",
        took,
        &target("at most 1 s", took <= 1.0),
    );
    let runtime = kept();
    for language in interpreted(&runtime) {
        let texts: Vec<String> = (0..DETECTORS)
            .map(|n| text(language).replace("trimmed-mean", &format!("trimmed-mean-{n}")))
            .collect();
        let took = seconds(|| {
            for text in &texts {
                let plugin = runtime.load_source(language, text.as_bytes(), limits);
                black_box(plugin.expect("it loads"));
            }
        });
        told(&format!("{}, source", language.name()), took, "");
    }
}

fn told(what: &str, seconds: f64, asked: &str) {
    line(
        what,
        &human(seconds),
        &human(seconds / DETECTORS as f64),
        "",
        asked,
    );
}

fn killed() {
    title(
        "A loop after its deadline of 100 ms, wall time",
        ["median", "longest", ""],
    );
    let limits = Limits {
        deadline: DEADLINE,
        ..Limits::default()
    };
    let runtime = kept();
    let hostile = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
    let hostile = runtime.load(hostile, limits).expect("it loads");
    let loops = hostile
        .configure(&json!({ "act": "loop-in-fit" }), 1)
        .expect("a configuration");
    let mut detectors = vec![("rust, component".to_owned(), loops)];
    for language in interpreted(&runtime) {
        let text = match language {
            Language::Python => text(language).replace(
                "    def fit(self, reference, config, seed):\n",
                "    def fit(self, reference, config, seed):\n        while True: pass\n",
            ),
            Language::Javascript => text(language).replace(
                "  fit(reference) {\n",
                "  fit(reference) {\n    for (;;);\n",
            ),
        };
        let plugin = runtime
            .load_source(language, text.as_bytes(), limits)
            .expect("it loads");
        let detector = plugin.configure(&json!({}), 1).expect("no settings");
        detectors.push((format!("{}, source", language.name()), detector));
    }
    let window = window(100, 1, 1.0);
    for (name, detector) in detectors {
        let Detector::Batch(detector) = detector else {
            continue;
        };
        let beyond = |_| {
            let start = Instant::now();
            let ended = detector.fit(&window);
            let took = start.elapsed();
            assert!(matches!(ended, Err(RunError::Deadline { .. })), "{ended:?}");
            took.saturating_sub(DEADLINE).as_secs_f64()
        };
        let times: Vec<f64> = (0..LOOPS).map(beyond).collect();
        let longest = times.iter().copied().fold(0.0, f64::max);
        let middle = median(times);
        let asked = target("at most 30 ms", longest <= 0.03);
        line(&name, &human(middle), &human(longest), "", &asked);
    }
}

fn main() {
    let parts: [(&str, fn()); 4] = [
        ("ready", ready),
        ("calls", calls),
        ("start", start),
        ("killed", killed),
    ];
    parts
        .into_iter()
        .filter(|(name, _)| measure::wanted(name))
        .for_each(|(_, run)| run());
}
