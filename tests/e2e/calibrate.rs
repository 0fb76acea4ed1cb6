//! `leeway calibrate` as people run it on a file, and on a server.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::e2e::isolation::fixture::rows;
use crate::harness::app::TestApp;
use crate::harness::cases::uniforms;
use crate::harness::{cache_dir, program, repository};

/// One run of the program.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

fn calibrate(arguments: &[&str]) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = std::process::Command::new(program())
        .arg("calibrate")
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

fn report(arguments: &[&str]) -> Value {
    let run = calibrate(&[arguments, &["--format", "json"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

/// A reference of so many rows, an hour each, that rises by `rise` from the first to the last.
fn reference(rows: u32, rise: f64) -> (tempfile::TempDir, PathBuf) {
    let mut numbers = uniforms(5);
    let mut next = || numbers.next().unwrap();
    let mut text = String::from("at,age,city,answer,truth\n");
    for row in 0..rows {
        let age = next() + next() + next() + rise * f64::from(row) / f64::from(rows);
        let city = ["Berlin", "Rome", "Oslo"][if next() < 0.6 {
            0
        } else {
            1 + usize::from(next() < 0.5)
        }];
        let answer = if next() < 0.5 { "yes" } else { "no" };
        let truth = if next() < 0.8 { answer } else { "perhaps" };
        let _ = writeln!(
            text,
            "{},{age:.4},{city},{answer},{truth}",
            1_700_000_000 + 3_600 * row
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("reference.csv");
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

const QUICK: [&str; 8] = [
    "--detector",
    "data-drift",
    "--replays",
    "60",
    "--size",
    "50,200",
    "--ignore",
    "answer,truth",
];

#[test]
fn a_reference_that_stands_still_has_few_alarms_and_a_suggestion() {
    let (_directory, path) = reference(900, 0.0);
    let path = path.to_str().unwrap();

    let report = report(&[&[path, "--time", "at", "--window-rows", "200"], &QUICK[..]].concat());

    assert_eq!(
        (&report["rows"], &report["order"]),
        (&900.into(), &"time".into())
    );
    let monitor = &report["monitors"][0];
    assert_eq!(monitor["monitor"], "data-drift");
    for size in monitor["sizes"].as_array().unwrap() {
        let alarms = &size["false_alarms"];
        assert_eq!(alarms["of"], 60);
        assert!(alarms["low"].as_f64().unwrap() <= 0.06, "{alarms}");
        assert_eq!(size["in_order"]["moves"], false, "{size}");
    }
    let columns = monitor["columns"].as_array().unwrap();
    let of = |column: usize, size: usize| {
        let found = &columns[column]["smallest"][size];
        found["shift"].as_f64().unwrap_or(f64::INFINITY)
    };
    assert_eq!(
        (&columns[0]["column"], &columns[0]["unit"]),
        (&"age".into(), &"standard-deviations".into())
    );
    assert_eq!(
        (&columns[1]["column"], &columns[1]["unit"]),
        (&"city".into(), &"share".into())
    );
    // Two samples of 50 and 700 rows show about half a standard deviation, of 200 and 700 about a quarter.
    assert!((0.3..=1.0).contains(&of(0, 0)), "{}", columns[0]);
    assert!((0.15..=0.5).contains(&of(0, 1)), "{}", columns[0]);
    assert!(of(1, 1) <= of(1, 0) && of(1, 1) <= 0.25, "{}", columns[1]);
    assert_eq!(monitor["window_rows"], 200);

    let text =
        calibrate(&[&[path, "--time", "at", "--window-rows", "200"], &QUICK[..]].concat()).stdout;
    for part in [
        "900 rows, in order of time",
        "data-drift@",
        "the monitor's own window of 200 rows",
        "uggestion: ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("moves by itself"), "{text}");
}

#[test]
fn a_reference_that_drifts_in_time_is_told() {
    let (_directory, path) = reference(900, 2.0);
    let path = path.to_str().unwrap();
    let arguments = [&[path, "--time", "at", "--columns", "0"], &QUICK[..]].concat();

    let run = calibrate(&arguments);

    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("your reference moves by itself: "),
        "{}",
        run.stdout
    );
    let size = &report(&arguments)["monitors"][0]["sizes"][1];
    assert_eq!(size["in_order"]["moves"], true);
    assert!(
        size["false_alarms"]["low"].as_f64().unwrap() <= 0.06,
        "{size}"
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (_directory, path) = reference(300, 0.0);
    let path = path.to_str().unwrap();
    let of = |seed: &str| {
        let more = [path, "--seed", seed, "--format", "json", "--size", "100"];
        let run = calibrate(&[&more[..], &["--replays", "20", "--columns", "1"]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    assert_eq!(of("7"), of("7"));
    assert_ne!(of("7"), of("8"));
}

#[test]
fn detectors_that_follow_rows_are_counted_over_all_rows() {
    let (_directory, path) = reference(600, 0.0);
    let path = path.to_str().unwrap();
    let roles = ["--label", "truth", "--prediction", "answer"];
    let more = [
        "--detector",
        "adwin,concept-drift",
        "--replays",
        "20",
        "--size",
        "100",
    ];

    let report = report(&[&[path], &roles[..], &more[..]].concat());

    let adwin = &report["monitors"][0];
    assert_eq!(
        (&adwin["follows_rows"], &adwin["passes"]["ever"]["of"]),
        (&true.into(), &20.into())
    );
    assert!(adwin["passes"]["alarms_per_10000_rows"].is_number());
    let concept = &report["monitors"][1];
    assert_eq!(concept["columns"][0]["column"], "error");
    assert_eq!(concept["columns"][0]["unit"], "share");
    assert_eq!(report["model"][0]["false_alarms"]["of"], 20);
}

#[test]
fn what_cannot_be_calibrated_says_why() {
    let (_directory, path) = reference(149, 0.0);
    let path = path.to_str().unwrap();
    for (arguments, says) in [
        (
            vec![path],
            "there are 149 rows; windows of 50 rows need at least 150",
        ),
        (
            vec![path, "--size", "49", "--replays", "19"],
            "replays is 19; it must be 20 to 2000",
        ),
        (
            vec![path, "--rows", "149"],
            "rows is 149; it must be 150 to 100000",
        ),
        (vec![path, "--shift", "0"], "shift is 0; it must be above 0"),
        (
            vec![path, "--detector", "nothing"],
            "there is no detector 'nothing'",
        ),
        (vec!["nowhere.csv"], "nowhere.csv"),
    ] {
        let run = calibrate(&arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains(says), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stderr.trim().lines().count(), 1, "{}", run.stderr);
    }
}

#[tokio::test]
async fn a_server_calibrates_its_monitors_on_the_rows_of_the_training() {
    let app = TestApp::start().await;
    rows(&app, "shop", "2025-12-01T00:00:00Z", 600, 0.0, true).await;
    let path = "/v1/models/shop/calibrate";
    let ask = json!({"monitor": "data-drift", "replays": 20, "sizes": [50, 150], "columns": 1});

    let report = app.post(path, &ask).await.ok();

    assert_eq!(
        (&report["rows"], &report["order"]),
        (&json!(600), &json!("time"))
    );
    assert_eq!(report["reference_rows"], 450);
    let monitor = &report["monitors"][0];
    assert_eq!(monitor["monitor"], "data-drift");
    // A window of fewer rows than the monitor asks for has no verdict.
    assert_eq!(monitor["sizes"][0]["undecided"], 20);
    assert_eq!(monitor["sizes"][1]["false_alarms"]["of"], 20);
    assert_eq!(monitor["columns"].as_array().unwrap().len(), 1);
    let notes = report["notes"].to_string();
    assert!(notes.contains("up to the model's last training"), "{notes}");
    assert!(
        notes.contains("the window of 'data-drift' has 5000 rows"),
        "{notes}"
    );
    assert_eq!(app.post(path, &ask).await.ok(), report, "the same seed");

    let server = format!("http://{}", app.address);
    let told = tokio::task::spawn_blocking(move || {
        let service = [
            "--model",
            "shop",
            "--monitor",
            "data-drift",
            "--server",
            &server,
        ];
        let more = ["--replays", "20", "--size", "50,150", "--columns", "1"];
        calibrate(&[&service[..], &more[..]].concat())
    });
    let told = told.await.unwrap();
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(
        told.stdout.contains("600 rows, in order of time"),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("no verdict"), "{}", told.stdout);
    // Calls of a calibration are counted like those of an evaluation.
    let series = app.metrics().await;
    let calls = series.all("leeway_detector_call_seconds_count", &[]);
    let of_data_drift = calls
        .iter()
        .filter(|(labels, _)| labels["detector"].starts_with("data-drift"));
    let calls: f64 = of_data_drift.map(|(_, calls)| calls).sum();
    assert!(calls > 100.0, "{calls}");
}

#[tokio::test]
async fn uploaded_reference_data_goes_before_other_rows() {
    let app = TestApp::start().await;
    rows(&app, "shop", "2025-12-01T00:00:00Z", 600, 0.0, true).await;
    let line = |row: u32| {
        let even = (f64::from(row) * 0.414_213_562_373_095).fract();
        let plan = if row.is_multiple_of(3) {
            "gold"
        } else {
            "free"
        };
        format!("{even},{plan}\n")
    };
    let csv = "x,plan\n".to_owned() + &(0..300).map(line).collect::<String>();
    let uploaded = app.send("/v1/models/shop/reference", "text/csv", csv).await;
    assert!((200..300).contains(&uploaded.status), "{uploaded}");

    let ask = json!({"monitor": "data-drift", "replays": 20, "sizes": [100], "columns": 0});
    let report = app.post("/v1/models/shop/calibrate", &ask).await.ok();

    assert_eq!(
        (&report["rows"], &report["order"]),
        (&json!(300), &json!("rows"))
    );
    assert!(
        report["notes"]
            .to_string()
            .contains("reference data, version 1")
    );
}

#[tokio::test]
async fn what_a_server_cannot_calibrate_says_why() {
    let app = TestApp::start().await;
    rows(&app, "shop", "2025-12-01T00:00:00Z", 120, 0.0, true).await;
    for (model, ask, status, slug) in [
        ("nothing", json!({}), 404, "no-model"),
        ("shop", json!({"monitor": "nothing"}), 404, "no-monitor"),
        ("shop", json!({"replays": 501}), 422, "bad-calibration"),
        ("shop", json!({"rows": 20_001}), 422, "bad-calibration"),
        ("shop", json!({"unknown": 1}), 400, "bad-body"),
        ("shop", json!({}), 409, "no-reference-rows"),
    ] {
        let path = format!("/v1/models/{model}/calibrate");
        app.post(&path, &ask).await.refused(status, slug);
    }
}
