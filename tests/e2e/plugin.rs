//! `leeway plugin` as the author of a detector runs it.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use leeway::builtin;
use leeway::certify::{Outcome, Settings, certify};
use leeway::runtime::Limits;
use serde_json::{Value, json};

use crate::harness::{cache_dir, hostile, program, repository, runtime, wat};

const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
const BEYOND_TAIL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/beyond-tail.wasm"));

/// One run of the program.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{error}: {} {}", self.stdout, self.stderr);
        })
    }
}

fn leeway(arguments: &[&str]) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = std::process::Command::new(program())
        .arg("plugin")
        .args(arguments)
        .env("LEEWAY_CACHE_DIR", cache_dir())
        .current_dir(repository())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run {
        code: status.code().unwrap(),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

/// Files of one test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn check<'a>(card: &'a Value, name: &str) -> &'a Value {
    let checks = card["checks"].as_array().unwrap();
    checks
        .iter()
        .find(|check| check["name"] == name)
        .unwrap_or_else(|| panic!("no check '{name}' in {card:#}"))
}

fn card_of(component: &[u8], arguments: &[&str]) -> (i32, Value) {
    let folder = Folder::new();
    let file = folder.file("detector.wasm", component);
    let run = leeway(&[&["test", &file, "--format", "json"], arguments].concat());
    assert!(run.code < 2, "{}", run.stderr);
    (run.code, run.json())
}

fn certified(name: &str) -> Value {
    let component = builtin::find(name).unwrap().component;
    let (code, card) = card_of(component, &["--trials", "20"]);
    assert_eq!((code, &card["certified"]), (0, &json!(true)), "{card:#}");
    assert!(
        card["cost"]["evaluate_fuel"].as_u64().unwrap() > 0,
        "{card:#}"
    );
    card
}

#[test]
fn data_drift_is_certified_and_sees_what_it_should() {
    let card = certified("data-drift");

    assert_eq!(check(&card, "row order")["outcome"], "passed");
    let power = card["power"].as_array().unwrap();
    let seen = |shift: &str| {
        let found = power.iter().find(|power| power["shift"] == shift);
        found.unwrap_or_else(|| panic!("{card:#}"))["seen"]["hits"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(seen("mean +0.5 sd"), 5, "{card:#}");
    assert_eq!(seen("spread x1.5"), 5, "{card:#}");
}

#[test]
fn prior_drift_is_certified() {
    let card = certified("prior-drift");
    assert_eq!(card["cost"]["columns"], 3, "prediction, probability, label");
}

#[test]
fn concept_drift_is_certified_on_both_kinds_of_model() {
    let card = certified("concept-drift");
    let shifts: Vec<&str> = card["power"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|power| power["shift"].as_str())
        .collect();
    assert!(shifts.contains(&"errors +10 points"), "{shifts:?}");
    assert!(shifts.contains(&"residuals +0.5 sd"), "{shifts:?}");
}

#[test]
fn stream_detectors_are_certified_however_rows_are_cut() {
    for name in ["adwin", "page-hinkley"] {
        let card = certified(name);
        let chunks = check(&card, "chunks");
        assert_eq!(chunks["outcome"], "passed", "{name}");
        assert!(
            chunks["says"].as_str().unwrap().contains("batches"),
            "{name}"
        );
        let checks = card["checks"].as_array().unwrap();
        assert!(
            checks.iter().all(|check| check["name"] != "row order"),
            "{name}"
        );
    }
}

#[test]
fn an_alarm_prone_detector_is_certified_and_the_card_says_so() {
    let (code, card) = card_of(BEYOND_TAIL, &["--trials", "200"]);

    assert_eq!(code, 0);
    let alarms = check(&card, "false alarms");
    assert_eq!(alarms["outcome"], "noted", "{card:#}");
    assert!(alarms["says"].as_str().unwrap().contains("raise 5%"));
    assert!(card["false_alarms"]["low"].as_f64().unwrap() > 0.05);
}

#[test]
fn a_card_is_the_same_again_but_for_its_times() {
    let first = card_of(BEYOND_TAIL, &["--trials", "40"]).1;
    let second = card_of(BEYOND_TAIL, &["--trials", "40"]).1;

    for field in ["digest", "false_alarms", "power"] {
        assert_eq!(first[field], second[field], "{field}");
    }
    for field in [
        "fit_fuel",
        "evaluate_fuel",
        "memory_bytes_peak",
        "output_bytes",
    ] {
        assert_eq!(first["cost"][field], second["cost"][field], "{field}");
    }
}

#[test]
fn what_became_dearer_is_said_against_an_older_card() {
    let folder = Folder::new();
    let component = folder.file("detector.wasm", BEYOND_TAIL);
    let (_, mut old) = card_of(BEYOND_TAIL, &["--trials", "20"]);
    let fuel = old["cost"]["evaluate_fuel"].as_u64().unwrap();
    old["cost"]["evaluate_fuel"] = json!(fuel / 3);
    let old = folder.file("old.json", old.to_string());

    let run = leeway(&["test", &component, "--trials", "20", "--against", &old]);

    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout
            .contains("worse   fuel of evaluate: 3.0 times dearer"),
        "{}",
        run.stdout
    );
}

/// What a hostile guest does, the check that must fail, and words of the reason.
const REFUSED: [(&str, &str, &str); 11] = [
    (
        "nan",
        "same bits",
        "the value of metric 'calm' is NaN, not a finite number; where there is no number, report",
    ),
    (
        "infinite-p",
        "same bits",
        "the p-value of metric 'calm' is inf",
    ),
    ("out-of-range", "same bits", "is 1.5; it must lie in [0, 1]"),
    (
        "undeclared-metric",
        "same bits",
        "metric 'storm' was not declared; declare it in `describe`",
    ),
    (
        "unknown-column",
        "same bits",
        "about column 'nobody', which the window does not have",
    ),
    ("twice", "same bits", "metric 'calm' stands twice"),
    (
        "lie-about-rows",
        "same bits",
        "claims 301 current rows; there are 300",
    ),
    ("panic", "same bits", "brings bad luck"),
    ("abort", "same bits", "the detector trapped"),
    ("refuse-config", "configuration", "act: this one is refused"),
    // Calm on ordinary rows: it claims three rows of the reference, also where there are none.
    ("", "no rows", "claims 3 reference rows; there are 0"),
];

#[test]
fn each_refusal_names_the_check_and_the_reason() {
    let folder = Folder::new();
    let file = folder.file("hostile.wasm", HOSTILE);
    let mut wrong = Vec::new();
    for (act, name, words) in REFUSED {
        let set = format!("act={act}");
        let arguments = [
            "test",
            &file,
            "--no-fuel",
            "--trials",
            "4",
            "--format",
            "json",
            "--set",
            &set,
        ];
        let run = leeway(&arguments);
        let card = run.json();
        let checks = card["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["name"] == name);
        let said = found.is_some_and(|check| {
            check["outcome"] == "failed" && check["says"].as_str().unwrap().contains(words)
        });
        if run.code != 1 || card["certified"] != false || !said {
            wrong.push(format!("{act}: exit code {}, {found:?}", run.code));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_seed_that_matters_is_noted() {
    let (_, card) = card_of(
        HOSTILE,
        &["--no-fuel", "--trials", "4", "--set", "act=seed"],
    );
    assert_eq!(check(&card, "seed")["outcome"], "noted", "{card:#}");
    assert_eq!(check(&card, "same bits")["outcome"], "passed", "{card:#}");
}

#[test]
fn a_detector_that_never_ends_takes_no_longer_than_its_certification_may() {
    let limits = Limits {
        deadline: Duration::from_millis(100),
        ..Limits::default()
    };
    let settings = Settings {
        time: Duration::from_millis(500),
        config: json!({ "act": "loop" }),
        ..Settings::default()
    };
    let start = Instant::now();

    let card = certify(&hostile(limits), None, &settings);

    // The machine of a test is busy, so the patience is long; without a bound it would take minutes.
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert!(!card.certified);
    let says = |words: &str| card.failed().any(|check| check.says.contains(words));
    assert!(says("ran longer than 100ms and was stopped"), "{card:#?}");
    assert!(says("was not run"), "{card:#?}");
}

#[test]
fn a_limit_that_many_rows_pass_refuses() {
    let component = builtin::find("data-drift").unwrap().component;
    let limits = Limits {
        output_bytes_max: 64 << 10,
        ..Limits::default()
    };
    let plugin = runtime().load(component, limits).unwrap();
    let settings = Settings {
        trials: 4,
        trials_of_shift: 1,
        ..Settings::default()
    };

    let card = certify(&plugin, None, &settings);

    let rows = card
        .checks
        .iter()
        .find(|check| check.name == "many rows")
        .unwrap();
    assert_eq!(rows.outcome, Outcome::Failed, "{card:#?}");
    assert!(
        rows.says.contains("handed over more than 65536 bytes"),
        "{}",
        rows.says
    );
}

#[test]
fn the_table_reads_alone() {
    let folder = Folder::new();
    let file = folder.file("detector.wasm", BEYOND_TAIL);

    let run = leeway(&["test", &file, "--trials", "8"]);

    assert_eq!(run.code, 0, "{}", run.stderr);
    for words in [
        "beyond-tail@1.0.0",
        "passed  same bits",
        "fuel a row",
        "mean +0.5 sd",
        "certified, in",
    ] {
        assert!(run.stdout.contains(words), "'{words}' in {}", run.stdout);
    }
}

#[test]
fn what_is_no_detector_is_not_certified_and_what_is_no_file_is_an_error() {
    let folder = Folder::new();
    let text = folder.file("text.wasm", "no component");
    let module = folder.file("module.wasm", b"\0asm\x01\0\0\0");

    let run = leeway(&["test", &text]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stdout.contains("not certified") && run.stdout.contains("this is not WebAssembly"),
        "{}",
        run.stdout
    );
    let run = leeway(&["test", &module]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout
            .contains("a core WebAssembly module, not a component"),
        "{}",
        run.stdout
    );
    let run = leeway(&["test", "nowhere.wasm"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("nowhere.wasm"), "{}", run.stderr);
}

#[test]
fn inspect_shows_what_a_component_takes_gives_and_says() {
    let folder = Folder::new();
    let file = folder.file("detector.wasm", BEYOND_TAIL);

    let seen = leeway(&["inspect", &file, "--format", "json"]).json();

    assert_eq!(seen["world"], "batch-detector");
    assert_eq!(seen["exports"], json!(["leeway:detector/batch@1.0.0"]));
    assert_eq!(seen["bytes"], BEYOND_TAIL.len());
    assert_eq!(seen["digest"], plugin_digest());
    assert_eq!(seen["descriptor"]["metrics"][0]["name"], "beyond_tail");
    let text = leeway(&["inspect", &file]);
    assert_eq!(text.code, 0);
    assert!(
        text.stdout
            .contains("metric    beyond_tail in [0, 1], threshold 0.02"),
        "{}",
        text.stdout
    );
}

fn plugin_digest() -> String {
    leeway::runtime::Digest::of(BEYOND_TAIL).to_string()
}

#[test]
fn inspect_names_an_import_that_is_refused() {
    let component =
        wat::component(r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#);
    let folder = Folder::new();
    let file = folder.file("detector.wasm", component);

    let run = leeway(&["inspect", &file]);

    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stdout.contains("imports   wasi:cli/environment@0.2.0"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("refused   the component imports 'wasi:cli/environment@0.2.0', which no detector may have"), "{}", run.stdout);
}

#[test]
fn run_judges_two_files_and_shows_what_each_call_used() {
    let folder = Folder::new();
    let file = folder.file("detector.wasm", BEYOND_TAIL);
    let flights = [
        "examples/flights/2013-03.csv.gz",
        "examples/flights/2013-07.csv.gz",
    ];
    let arguments = [
        "run",
        &file,
        flights[0],
        flights[1],
        "--config",
        "examples/flights/leeway.toml",
    ];

    let run = leeway(&[&arguments, ["--format", "json"].as_slice()].concat());

    let report = run.json();
    assert_eq!((run.code, &report["outcome"]), (1, &json!("drifted")));
    let calls = report["used"]["calls"].as_array().unwrap();
    assert_eq!(
        calls.iter().map(|call| &call["call"]).collect::<Vec<_>>(),
        ["fit", "evaluate"]
    );
    assert!(
        calls
            .iter()
            .all(|call| call["fuel"].as_u64().unwrap() > 1_000),
        "{calls:?}"
    );
    // Eight bytes for each of ten columns.
    assert_eq!(calls[0]["output_bytes"], 80);
    let table = leeway(&arguments);
    assert_eq!(table.code, 1);
    assert!(
        table.stdout.contains("memory of 512 MiB"),
        "{}",
        table.stdout
    );
}

#[test]
fn a_project_is_written_once_and_under_a_name_that_the_host_takes() {
    let folder = Folder::new();
    for (language, file) in [
        ("rust", "src/lib.rs"),
        ("python", "detector.py"),
        ("javascript", "detector.js"),
        ("c", "detector.c"),
    ] {
        let path = folder.path(language);
        let directory = path.to_str().unwrap();

        let run = leeway(&["new", "--lang", language, "my-own", "--path", directory]);

        assert_eq!(run.code, 0, "{}", run.stderr);
        let lines = code_lines(&path.join(file));
        assert!(lines < 40, "{language}: {lines} lines");
        let again = leeway(&["new", "--lang", language, "my-own", "--path", directory]);
        assert_eq!(again.code, 2);
        assert!(
            again.stderr.contains("is there already"),
            "{}",
            again.stderr
        );
    }
    let refused = leeway(&["new", "--lang", "c", "My Own"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .stderr
            .contains("lower-case letters, digits and hyphens"),
        "{}",
        refused.stderr
    );
}

#[test]
fn the_readme_shows_what_is_written_in_every_language() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    for file in [
        "rust/src/lib.rs",
        "python/detector.py",
        "javascript/detector.js",
        "c/detector.c",
    ] {
        let path = repository().join("plugins/templates").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace("NAME", "trimmed-mean");
        // The README says in its own words what the file is about.
        let code = text.trim_end().split_once("\n\n").unwrap().1;
        assert!(readme.contains(code), "{file} is not what the README shows");
    }
}

/// Lines that are neither empty nor a comment.
fn code_lines(path: &Path) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("my-own"), "{}", path.display());
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    text.lines().filter(is_code).count()
}

#[test]
fn a_component_is_made_of_core_modules_alone() {
    let folder = Folder::new();
    let file = folder.file("component.wasm", BEYOND_TAIL);
    let output = folder.path("out.wasm");

    let run = leeway(&["component", &file, "--output", output.to_str().unwrap()]);

    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("this is not a core WebAssembly module"),
        "{}",
        run.stderr
    );
    assert!(!output.exists());
}
