//! Detectors that are uploaded as text, in the interpreter of their language.
//!
//! Most of these need the interpreters, which `cargo xtask interpreters` builds with pip and npm. So they are left out of
//! `cargo test`, and run by `cargo xtask plugins-languages`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use leeway::domain::{Language, Measurement, Role, Verdict};
use leeway::profile::Window;
use leeway::runtime::{
    BatchDetector, CodeCache, Detector, Engine, Limits, LoadError, Plugin, Refusal, RunError,
    Runtime, SOURCE_BYTES_MAX,
};
use serde_json::{Value, json};

use crate::harness::service::Service;
use crate::harness::{SEED, WindowBuilder, cache_dir, compiler, program, repository};

/// Where the interpreters are.
fn interpreters() -> PathBuf {
    std::env::var_os("LEEWAY_INTERPRETERS")
        .expect("LEEWAY_INTERPRETERS names the folder that `cargo xtask interpreters` filled")
        .into()
}

fn sandbox(interpreters: PathBuf) -> Runtime {
    let cache = CodeCache::open(&cache_dir()).unwrap();
    Runtime::new(Engine::start().unwrap(), compiler(), cache)
        .unwrap()
        .with_interpreters(interpreters)
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| sandbox(interpreters()))
}

/// What `leeway plugin new` writes, under a name of its own.
fn template(language: Language) -> String {
    let file = match language {
        Language::Python => "python/detector.py",
        Language::Javascript => "javascript/detector.js",
    };
    let path = repository().join("plugins/templates").join(file);
    std::fs::read_to_string(path)
        .unwrap()
        .replace("NAME", "trimmed-mean")
}

/// A detector whose `evaluate` does `body`, which sees `current` and `seed` and gives the value of one metric.
fn that(language: Language, first: &str, body: &str) -> String {
    match language {
        Language::Python => format!(
            "{first}
from leeway_sdk import *
class Own(Detector):
    name, version, summary = 'own', '1.0.0', 'Own.'
    metrics = [Metric('own', 'Own.', 'two-sided')]
    def fit(self, reference, config, seed):
        return None
    def evaluate(self, nothing, current, config, seed):
        {body}
        yield judge('own', current.columns()[0], value, 1, False)
Batch = export(Own)
"
        ),
        Language::Javascript => format!(
            "{first}
import {{ Declined, exportBatch, judge, log }} from './leeway-sdk.js';
export const batch = exportBatch({{
  name: 'own', version: '1.0.0', summary: 'Own.',
  metrics: [{{ name: 'own', help: 'Own.', direction: 'two-sided' }}],
  fit: () => null,
  evaluate(nothing, current, config, seed) {{
    {body}
    return [judge('own', current.columns()[0], value, 1, false)];
  }},
}});
"
        ),
    }
}

fn load(language: Language, text: &str) -> Result<Plugin, LoadError> {
    runtime().load_source(language, text.as_bytes(), Limits::default())
}

fn configured(plugin: &Plugin, seed: u64) -> BatchDetector {
    match plugin.configure(&json!({}), seed).unwrap() {
        Detector::Batch(detector) => detector,
        Detector::Stream(_) => panic!("{plugin:?} follows rows"),
    }
}

fn window(values: &[f64]) -> Window {
    WindowBuilder::default()
        .numbers("x", Role::Feature, values)
        .build()
}

fn evaluated(plugin: &Plugin, seed: u64) -> Result<Vec<Measurement>, RunError> {
    let detector = configured(plugin, seed);
    let baseline = detector.fit(&window(&[1.0, 2.0, 3.0]))?;
    let found = detector.evaluate(&baseline, &window(&[2.0, 3.0, 4.0]))?;
    Ok(found.measurements)
}

fn value(plugin: &Plugin, seed: u64) -> f64 {
    evaluated(plugin, seed).unwrap()[0].value
}

#[test]
fn without_an_interpreter_the_answer_says_how_to_get_one() {
    let nowhere = tempfile::tempdir().unwrap();
    let runtime = sandbox(nowhere.path().to_owned());

    let refused = runtime.load_as(Some(Language::Python), b"x = 1", Limits::default());

    let error = refused.unwrap_err();
    assert!(error.is_of_host());
    let said = error.to_string();
    let path = nowhere.path().join("python.wasm");
    for words in [
        path.to_str().unwrap(),
        "cargo xtask interpreters",
        "LEEWAY_INTERPRETERS",
    ] {
        assert!(said.contains(words), "'{words}' in {said}");
    }
}

#[test]
fn a_file_that_is_no_interpreter_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("javascript.wasm"), "no component").unwrap();

    let refused =
        sandbox(folder.path().to_owned()).load_source(Language::Javascript, b"", Limits::default());

    let error = refused.unwrap_err();
    assert!(error.is_of_host());
    let said = error.to_string();
    assert!(
        said.contains("javascript.wasm', cannot be used: this is not WebAssembly"),
        "{said}"
    );
}

#[test]
fn only_interpreters_get_a_text() {
    let component = wat::parse_str(
        r#"(component (import "leeway:interpreter/source@1.0.0" (instance (export "text" (func (result string))))))"#,
    )
    .unwrap();

    let refused = crate::harness::runtime().load(&component, Limits::default());

    assert!(
        matches!(&refused, Err(LoadError::ForbiddenImport(name)) if name == "leeway:interpreter/source@1.0.0"),
        "{refused:?}"
    );
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn a_text_is_a_detector_like_any_other() {
    for language in Language::ALL {
        let text = template(language);
        let plugin = load(language, &text).unwrap();

        assert_eq!(plugin.descriptor().full_name(), "trimmed-mean@0.1.0");
        assert_eq!(plugin.descriptor().metrics[0].name, "trimmed_mean_ratio");
        assert_eq!(plugin.source(), Some(text.as_str()));
        let found = evaluated(&plugin, SEED).unwrap();
        // Of three values in a row both trimmed means are the middle ones.
        assert!((found[0].value - 1.5).abs() < 1e-12, "{found:?}");
        assert_eq!(found[0].verdict, Verdict::Drifted);
        assert_eq!(load(language, &text).unwrap().digest(), plugin.digest());
        let other = load(language, &text.replace("0.1.0", "0.1.1")).unwrap();
        assert_ne!(other.digest(), plugin.digest());
    }
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn a_detector_in_source_is_ready_in_milliseconds() {
    for language in Language::ALL {
        let text = template(language);
        drop(load(language, &text).unwrap()); // The interpreter is compiled here, or was before.

        let fastest = (0..20)
            .map(|_| {
                let start = Instant::now();
                drop(load(language, &text).unwrap());
                start.elapsed()
            })
            .min();

        // One to two on a quiet machine.
        assert!(fastest.unwrap() < Duration::from_millis(50), "{fastest:?}");
    }
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn chance_comes_from_the_seed_and_nothing_else_differs_between_calls() {
    for (language, body) in [
        (
            Language::Python,
            "import random; value = random.random() + hash('a text') % 1000 + len(repr(object()))",
        ),
        (Language::Javascript, "const value = Math.random();"),
    ] {
        let plugin = load(language, &that(language, "", body)).unwrap();

        let first = value(&plugin, 1);
        for _ in 0..5 {
            assert_eq!(value(&plugin, 1).to_bits(), first.to_bits());
        }
        assert_ne!(value(&plugin, 2).to_bits(), first.to_bits());
        assert_ne!(value(&plugin, 1 << 40).to_bits(), first.to_bits());
    }
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn an_order_that_depends_on_hashes_is_always_the_same() {
    let body =
        "value = float(int(''.join(str(len(one)) for one in {'a', 'bb', 'ccc', 'dddd', 'eeeee'})))";
    let plugin = load(Language::Python, &that(Language::Python, "", body)).unwrap();

    let first = value(&plugin, 1);
    for seed in 2..6 {
        assert_eq!(value(&plugin, seed).to_bits(), first.to_bits());
    }
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn a_module_is_read_whatever_stands_in_its_quotes() {
    let text = r#"/* import { no } from "nowhere"; */ const quoted = `
import { no } from "nowhere";
${"}" + `export const batch = "${1 + 1}"`}
`;
function has(text) { return /["'`/]import/.test(text) } // import "nowhere";
import {
  exportBatch,
  judge as
    judged,
} from './leeway-sdk.js'; import * as kernels from "leeway:detector/kernels@1.0.0";
const { names, export: out } = { names: 4 / 2 / 1, export: has("'import") ? 0.5 : 0 };
const here = exportBatch({
  name: "own", version: "1.0.0",
  metrics: [{ name: "own", help: "Own.", direction: "two-sided" }],
  fit: () => null,
  evaluate: (nothing, current) => [judged("own", current.columns()[0], names + out + quoted.split("\n").length, 1, false)],
});
export { names as other, here as batch };
"#;
    let plugin = load(Language::Javascript, text).unwrap();

    assert_eq!(value(&plugin, SEED), 6.5);
}

/// A text, and words of why it is not loaded.
#[expect(clippy::too_many_lines, reason = "a table")]
fn refused() -> Vec<(Language, String, Vec<&'static str>)> {
    let python = |first: &str| that(Language::Python, first, "value = 1");
    let javascript = |first: &str| that(Language::Javascript, first, "const value = 1;");
    let (py, js) = (Language::Python, Language::Javascript);
    vec![
        (
            py,
            "x = 1\ndef f(:\n    pass\n".into(),
            vec!["detector.py, line 2: SyntaxError", "def f(:"],
        ),
        (
            py,
            "x = 1\n\ny = 1 / 0\n".into(),
            vec![
                "detector.py, line 3, in <module>: ZeroDivisionError",
                "y = 1 / 0",
            ],
        ),
        (
            py,
            "x = 1".into(),
            vec!["there is no `Batch`", "Batch = export("],
        ),
        (py, "\u{0}".into(), vec!["null bytes"]),
        (
            py,
            python("import os"),
            vec![
                "line 1",
                "a detector cannot import 'os'",
                "there are abc, array",
            ],
        ),
        (
            py,
            python("import socket"),
            vec!["a detector cannot import 'socket'"],
        ),
        (
            py,
            python("from time import time"),
            vec!["a detector cannot import 'time'", "clock"],
        ),
        (
            py,
            python("import numpy as np"),
            vec!["a detector cannot import 'numpy'", "no packages"],
        ),
        (
            py,
            python("import os.path"),
            vec!["a detector cannot import 'os.path'"],
        ),
        (
            py,
            python("__import__('subprocess')"),
            vec!["a detector cannot import 'subprocess'"],
        ),
        (
            py,
            python("open('/etc/passwd')"),
            vec!["PermissionError", "no files"],
        ),
        (
            py,
            python("import random; random.Random()"),
            vec!["line 1", "give `random` a seed"],
        ),
        (
            py,
            python("raise SystemExit(3)"),
            vec!["line 1", "SystemExit: 3"],
        ),
        (
            js,
            "const x = 1;\nlet y = ;\n".into(),
            vec!["line 2", "SyntaxError"],
        ),
        (
            js,
            "const x = 1;\n\nnull.y;\n".into(),
            vec!["line 3", "TypeError"],
        ),
        (
            js,
            "const x = 1;".into(),
            vec!["there is no detector", "export const batch"],
        ),
        (js, String::new(), vec!["there is no detector"]),
        (
            js,
            javascript("import fs from 'node:fs';"),
            vec![
                "line 1",
                "a detector cannot import \"node:fs\"",
                "leeway-sdk.js",
            ],
        ),
        (
            js,
            javascript("Date.now();"),
            vec!["line 1", "a detector has no clock"],
        ),
        (
            js,
            javascript("new Date();"),
            vec!["line 1", "a detector has no clock"],
        ),
        (
            js,
            javascript("fetch('http://localhost');"),
            vec!["line 1", "fetch"],
        ),
        (js, javascript("require('fs');"), vec!["line 1", "require"]),
    ]
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn what_is_wrong_with_a_text_is_said_with_its_line() {
    let mut wrong = Vec::new();
    for (language, text, words) in refused() {
        let said = match load(language, &text) {
            Ok(plugin) => format!("{plugin:?} was loaded"),
            Err(error @ LoadError::Source { .. }) => error.to_string(),
            Err(other) => format!("{other:?}"),
        };
        if !words.iter().all(|words| said.contains(words)) {
            wrong.push(format!("{words:?} in: {said}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn what_goes_wrong_in_a_call_is_said_with_its_line() {
    for (language, body, words) in [
        (
            Language::Python,
            "value = [1][3]",
            "detector.py, line 9, in evaluate: IndexError: list index out of range: value = [1][3]",
        ),
        (
            Language::Python,
            "value = (lambda f: f(f))(lambda f: f(f))",
            "RecursionError",
        ),
        (
            Language::Python,
            "value = current.columns()[0].numbers()[0]",
            "IndexError",
        ),
        (
            Language::Javascript,
            "const value = config.no.where;",
            "detector.js, line 8, in evaluate: TypeError",
        ),
    ] {
        let plugin = load(language, &that(language, "", body)).unwrap();

        let Err(RunError::Panicked { message }) = evaluated(&plugin, SEED) else {
            panic!("{body}: {:?}", evaluated(&plugin, SEED))
        };

        assert!(message.contains(words), "'{words}' in {message}");
    }
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn a_detector_declines_in_its_own_words() {
    for (language, body) in [
        (Language::Python, "raise Declined('three rows are few')"),
        (
            Language::Javascript,
            "throw new Declined('three rows are few'); const value = 1;",
        ),
    ] {
        let plugin = load(language, &that(language, "", body)).unwrap();

        let declined = evaluated(&plugin, SEED);

        assert_eq!(
            declined,
            Err(RunError::Refused(Refusal::UnusableData(
                "three rows are few".into()
            )))
        );
    }
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn what_is_printed_stands_in_the_log() {
    for (language, body) in [
        (Language::Python, "print('one', 2, end=''); value = 1"),
        (
            Language::Javascript,
            "console.log('one', 2); const value = 1;",
        ),
    ] {
        let plugin = load(language, &that(language, "", body)).unwrap();
        let detector = configured(&plugin, SEED);
        let baseline = detector.fit(&window(&[1.0])).unwrap();

        let found = detector.evaluate(&baseline, &window(&[1.0])).unwrap();

        assert_eq!(found.log.len(), 1, "{:?}", found.log);
        assert_eq!(found.log[0].message, "one 2");
    }
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn a_loop_ends_at_its_deadline_and_a_hoard_at_its_limit() {
    let limits = Limits {
        deadline: Duration::from_millis(300),
        memory_bytes_max: 64 << 20,
        ..Limits::default()
    };
    for (language, endless, hoard) in [
        (
            Language::Python,
            "while True: pass",
            "value = len(bytearray(200 << 20))",
        ),
        (
            Language::Javascript,
            "for (;;); const value = 1;",
            "const value = new Uint8Array(200 << 20).length;",
        ),
    ] {
        let in_evaluate = |body: &str| {
            let text = that(language, "", body);
            let plugin = runtime().load_source(language, text.as_bytes(), limits);
            evaluated(&plugin.unwrap(), SEED)
        };
        let start = Instant::now();
        assert_eq!(
            in_evaluate(endless),
            Err(RunError::Deadline {
                limit: limits.deadline
            })
        );
        // The machine of a test is busy, so the patience is long.
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{:?}",
            start.elapsed()
        );
        let hoarded = in_evaluate(hoard);
        assert!(
            matches!(hoarded, Err(RunError::Memory { wanted, limit }) if wanted > limit && limit == 64 << 20),
            "{hoarded:?}"
        );
        // A text may do the same before it has said what it is.
        let at_once = runtime().load_source(
            language,
            endless.replace("const value = 1;", "").as_bytes(),
            limits,
        );
        assert!(
            matches!(at_once, Err(LoadError::Describe(RunError::Deadline { .. }))),
            "{at_once:?}"
        );
    }
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn the_memory_of_an_interpreter_is_within_what_the_readme_says() {
    for (language, mebibytes) in [(Language::Python, 24), (Language::Javascript, 8)] {
        let plugin = load(language, &template(language)).unwrap();
        let detector = configured(&plugin, SEED);

        let (_, usage) = detector.fit_metered(&window(&[1.0, 2.0])).unwrap();

        let peak = usage.memory_bytes_peak;
        assert!(peak < mebibytes << 20, "{language}: {peak} bytes");
    }
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn a_text_runs_again_in_the_interpreter_that_it_was_stored_with() {
    let original = std::fs::read(interpreters().join("javascript.wasm")).unwrap();
    let text = template(Language::Javascript);
    let stored = load(Language::Javascript, &text).unwrap().digest();
    // Another build of it: the same but for a custom section at the end.
    let newer = [original.as_slice(), &[0, 2, 1, b'x']].concat();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("javascript.wasm"), newer).unwrap();
    let again = |runtime: &Runtime| {
        runtime.load_stored_source(
            Language::Javascript,
            text.as_bytes(),
            &stored.to_string(),
            Limits::default(),
        )
    };

    let runtime = sandbox(folder.path().to_owned());
    let uploaded = runtime.load_source(Language::Javascript, text.as_bytes(), Limits::default());
    assert_ne!(uploaded.unwrap().digest(), stored);
    let missing = again(&runtime).unwrap_err();
    assert!(
        matches!(missing, LoadError::OtherInterpreter { .. }),
        "{missing}"
    );
    assert!(
        missing.to_string().contains("javascript-OLD.wasm"),
        "{missing}"
    );

    std::fs::write(folder.path().join("javascript-2026-11.wasm"), original).unwrap();
    assert_eq!(again(&runtime).unwrap().digest(), stored);
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn the_largest_text_is_taken_and_one_byte_more_is_not() {
    for (language, comment) in [(Language::Python, "#"), (Language::Javascript, "//")] {
        let text = template(language);
        let fill = |bytes: usize| {
            let rest = bytes - text.len() - comment.len();
            format!("{text}{comment}{}", "x".repeat(rest))
        };

        assert!(load(language, &fill(SOURCE_BYTES_MAX)).is_ok());
        assert!(matches!(
            load(language, &fill(SOURCE_BYTES_MAX + 1)),
            Err(LoadError::SourceTooLarge { .. })
        ));
    }
}

/// `leeway` with the interpreters.
fn leeway(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(program())
        .args(arguments)
        .env("LEEWAY_CACHE_DIR", cache_dir())
        .env("LEEWAY_INTERPRETERS", interpreters())
        .current_dir(repository())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn file(folder: &Path, language: Language, text: &str) -> String {
    let name = match language {
        Language::Python => "detector.py",
        Language::Javascript => "detector.js",
    };
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const FLIGHTS: [&str; 4] = [
    "examples/flights/2013-03.csv.gz",
    "examples/flights/2013-07.csv.gz",
    "--config",
    "examples/flights/leeway.toml",
];

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn the_commands_take_a_text_where_they_take_a_component() {
    for language in Language::ALL {
        let folder = tempfile::tempdir().unwrap();
        let detector = file(folder.path(), language, &template(language));

        let (code, card, error) =
            leeway(&["plugin", "test", &detector, "--no-fuel", "--trials", "8"]);
        assert_eq!(code, 0, "{error}");
        assert!(card.contains("certified, in"), "{card}");

        let (code, seen, error) = leeway(&["plugin", "inspect", &detector, "--format", "json"]);
        assert_eq!(code, 0, "{error}");
        let seen: Value = serde_json::from_str(&seen).unwrap();
        let digest = load(language, &template(language)).unwrap().digest();
        assert_eq!(seen["digest"], digest.to_string());
        assert_eq!(seen["language"], language.name());
        assert_eq!(seen["descriptor"]["name"], "trimmed-mean");

        let run = [
            &["plugin", "run", &detector, "--no-fuel"],
            FLIGHTS.as_slice(),
        ]
        .concat();
        let (code, table, error) = leeway(&run);
        assert_eq!(code, 1, "{error}");
        assert!(table.contains("trimmed-mean@0.1.0"), "{table}");
        let check = [&["check", "--detector", &detector], FLIGHTS.as_slice()].concat();
        let (code, table, error) = leeway(&check);
        assert_eq!(code, 1, "{error}");
        assert!(table.contains("trimmed-mean@0.1.0"), "{table}");

        let broken = file(folder.path(), language, "one = 1\ntwo = = 2\n");
        let (code, refused, _) = leeway(&["plugin", "test", &broken, "--no-fuel"]);
        assert_eq!(code, 1);
        assert!(
            refused.contains("not certified") && refused.contains("line 2"),
            "{refused}"
        );
    }
}

#[test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
fn javascript_that_calls_itself_without_end_overflows_its_stack() {
    let text = that(
        Language::Javascript,
        "",
        "const f = () => f() + 1; const value = f();",
    );
    let plugin = load(Language::Javascript, &text).unwrap();

    assert_eq!(evaluated(&plugin, SEED), Err(RunError::StackOverflow));
}

fn media_type(language: Language) -> &'static str {
    match language {
        Language::Python => "text/x-python",
        Language::Javascript => "text/javascript",
    }
}

#[tokio::test]
#[ignore = "needs interpreters: cargo xtask plugins-languages"]
async fn a_server_takes_a_text_and_says_what_is_wrong_with_another() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path()).await;
    let upload = async |content_type: &str, text: &str| {
        let request = service
            .client
            .post(service.url("/v1/detectors"))
            .header("content-type", content_type)
            .body(text.to_owned());
        let answer = request.send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap(),
        )
    };
    for language in Language::ALL {
        let text = template(language)
            .replace("trimmed-mean", &format!("trimmed-mean-{}", language.name()));
        // The metrics of two detectors have two names.
        let text = text.replace("trimmed_mean_ratio", &format!("ratio_{}", language.name()));
        let (status, version) = upload(media_type(language), &text).await;
        // Its report card is made behind the answer, as that of a component is.
        assert_eq!(status, 202, "{version:#}");
        let digest = load(language, &text).unwrap().digest();
        assert_eq!(version["digest"], digest.to_string());
        assert_eq!(version["form"], "source");
        assert_eq!(version["language"], language.name());

        let (status, problem) = upload(media_type(language), "one = 1\ntwo = = 2\n").await;
        assert_eq!(status, 422, "{problem:#}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("line 2"), "{detail}");
    }
    let (status, problem) = upload("text/x-ruby", "puts 1").await;
    assert_eq!(status, 415);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("text/x-python"),
        "{problem:#}"
    );
}
