//! `leeway check` as people and pipelines run it.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::harness::{cache_dir, program, repository};

/// One run of the program.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

fn leeway(arguments: &[&str]) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = std::process::Command::new(program())
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

/// A file in a directory of its own.
struct File {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self {
            _directory: directory,
            path,
        }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

const CONFIG: &str = "examples/flights/leeway.toml";
const MARCH: &str = "examples/flights/2013-03.csv.gz";
const JULY: &str = "examples/flights/2013-07.csv.gz";

fn json(arguments: &[&str]) -> (i32, Value) {
    let run = leeway(&[&["check", "--format", "json"], arguments].concat());
    assert!(run.code < 2, "{}", run.stderr);
    (run.code, serde_json::from_str(&run.stdout).unwrap())
}

/// Every measurement of the whole window, as (detector, metric, column, verdict).
fn verdicts(report: &Value) -> Vec<(String, String, Option<String>, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let evaluations = report["evaluations"].as_array().unwrap();
    let all = evaluations.iter().flat_map(|evaluation| {
        let detector = text(&evaluation["detector"]).unwrap();
        let measurements = evaluation["measurements"].as_array().unwrap();
        measurements.iter().map(move |one| {
            (
                detector.clone(),
                text(&one["metric"]).unwrap(),
                text(&one["column"]),
                text(&one["verdict"]).unwrap(),
            )
        })
    });
    all.collect()
}

fn drifted(report: &Value, kind: &str) -> Vec<String> {
    let of_kind = verdicts(report)
        .into_iter()
        .filter(|(detector, _, _, verdict)| detector.starts_with(kind) && verdict == "drifted");
    of_kind.filter_map(|(_, _, column, _)| column).collect()
}

#[test]
fn march_against_july_shows_data_prior_and_concept_drift() {
    let (code, report) = json(&["--config", CONFIG, MARCH, JULY]);

    assert_eq!(code, 1);
    assert_eq!(report["outcome"], "drifted");
    let data = drifted(&report, "data-drift");
    assert!(
        ["temperature", "dew_point", "humidity", "pressure"]
            .iter()
            .all(|column| data.iter().any(|one| one == column)),
        "{data:?}"
    );
    assert!(!data.iter().any(|column| column == "origin"), "{data:?}");
    assert_eq!(
        drifted(&report, "prior-drift"),
        ["late", "late_predicted", "late_probability"]
    );
    assert_eq!(drifted(&report, "concept-drift"), ["error", "brier"]);
    assert_eq!(report["reference"]["rows"], 6000);
    assert_eq!(report["current"]["from"], "2013-07-01T09:45:00Z");
}

#[test]
fn the_regressor_view_shows_drift_of_its_residuals() {
    let (code, report) = json(&[
        "--config",
        "examples/flights/leeway-regressor.toml",
        MARCH,
        JULY,
    ]);

    assert_eq!(code, 1);
    assert_eq!(drifted(&report, "concept-drift"), ["residual", "residual"]);
}

#[test]
fn march_split_at_random_shows_none() {
    let (reference, current) = halves_of_march();

    let run = leeway(&[
        "check",
        "--config",
        CONFIG,
        reference.path(),
        current.path(),
    ]);

    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

/// Even and odd rows in the order of a multiplicative hash: a fixed shuffle.
fn halves_of_march() -> (File, File) {
    let text = unzipped(MARCH);
    let (header, rows) = text.split_once('\n').unwrap();
    let mut rows: Vec<(u64, &str)> = rows
        .lines()
        .zip(1_u64..)
        .map(|(row, i)| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15), row))
        .collect();
    rows.sort_unstable();
    let half = |odd: usize| {
        let chosen = rows.iter().skip(odd).step_by(2).map(|(_, row)| *row);
        File::new(
            "half.csv",
            std::iter::once(header)
                .chain(chosen)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    };
    (half(0), half(1))
}

fn unzipped(path: &str) -> String {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(repository().join(path)).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn the_same_rows_in_another_format_give_the_same_measurements() {
    let ndjson = |path: &str| {
        let text = unzipped(path);
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let header = lines.next().unwrap();
        let object = |row: Vec<&str>| {
            let value = |text: &str| {
                text.parse::<f64>()
                    .map_or_else(|_| Value::from(text), Value::from)
            };
            let fields = header.iter().zip(row).filter(|(_, text)| !text.is_empty());
            let fields: Vec<String> = fields
                .map(|(name, text)| format!("\"{name}\":{}", value(text)))
                .collect();
            format!("{{{}}}", fields.join(","))
        };
        File::new(
            "rows.ndjson",
            lines.map(object).collect::<Vec<_>>().join("\n"),
        )
    };
    let (march, july) = (ndjson(MARCH), ndjson(JULY));

    let (_, of_csv) = json(&["--config", CONFIG, MARCH, JULY]);
    let (_, of_ndjson) = json(&["--config", CONFIG, march.path(), july.path()]);

    assert_eq!(of_csv["evaluations"], of_ndjson["evaluations"]);
}

#[test]
fn chunks_of_rows_are_judged_one_by_one() {
    let (_, mut report) = json(&["--config", CONFIG, MARCH, JULY, "--chunk-rows", "2500"]);

    let rows: Vec<&Value> = report["chunks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chunk| &chunk["window"]["rows"])
        .collect();
    assert_eq!(rows, [2500, 2500, 1000]);
    let (_, whole) = json(&["--config", CONFIG, MARCH, JULY]);
    // Only with chunks it can be said when a drift began.
    for evaluation in report["evaluations"].as_array_mut().unwrap() {
        for one in evaluation["measurements"].as_array_mut().unwrap() {
            one.as_object_mut().unwrap().remove("began");
        }
    }
    assert_eq!(
        report["evaluations"], whole["evaluations"],
        "the whole is the merge of its chunks"
    );
}

#[test]
fn chunks_of_time_follow_the_time_column() {
    let (_, report) = json(&["--config", CONFIG, MARCH, JULY, "--chunk-time", "7d"]);

    let chunks = report["chunks"].as_array().unwrap();
    let rows: u64 = chunks
        .iter()
        .map(|chunk| chunk["window"]["rows"].as_u64().unwrap())
        .sum();
    assert_eq!((chunks.len(), rows), (6, 6000));
    // July differs from March from its first day on: what drifted began there, or before.
    let measured = |evaluation: &Value| evaluation["measurements"].as_array().unwrap().clone();
    let evaluations = report["evaluations"].as_array().unwrap();
    let drifted: Vec<Value> = evaluations
        .iter()
        .flat_map(measured)
        .filter(|one| one["verdict"] == "drifted" && one["column"].is_string())
        .collect();
    assert!(!drifted.is_empty());
    for one in drifted {
        let began = one["began"]["at"].as_str().unwrap();
        assert!(("2013-06-24".."2013-08-01").contains(&began), "{one:#}");
    }
    assert!(
        chunks
            .windows(2)
            .all(|pair| pair[0]["window"]["to"].as_str() < pair[1]["window"]["from"].as_str())
    );
}

#[test]
fn performance_is_estimated_from_probabilities_and_held_against_the_labels() {
    let of_month = |month: &str| {
        let (_, report) = json(&[
            "--config",
            CONFIG,
            MARCH,
            month,
            "--detector",
            "performance,label-shift",
        ]);
        move |metric: &str| {
            let evaluations = report["evaluations"].as_array().unwrap();
            let mut all = evaluations
                .iter()
                .flat_map(|one| one["measurements"].as_array().unwrap());
            let one = all.find(|one| one["metric"] == metric).unwrap();
            (
                one["value"].as_f64().unwrap(),
                one["verdict"].as_str().unwrap().to_owned(),
            )
        }
    };

    // February's probabilities are as right as March's.
    let february = of_month("examples/flights/2013-02.csv.gz");
    let (estimated, realized) = (
        february("estimated_accuracy"),
        february("realized_accuracy"),
    );
    assert!(
        (estimated.0 - realized.0).abs() < 0.02,
        "{estimated:?} {realized:?}"
    );
    assert_eq!(february("label_coverage").0, 1.0);

    // July's probabilities are wrong: no estimate can tell, and the labels do.
    let july = of_month(JULY);
    assert_eq!(july("estimated_accuracy").1, "stable");
    assert!(july("estimated_accuracy").0 - july("realized_accuracy").0 > 0.1);
    assert_eq!(july("prior_black_box").1, "drifted");
}

#[test]
fn stream_detectors_follow_the_errors() {
    let (_, report) = json(&[
        "--config",
        CONFIG,
        MARCH,
        JULY,
        "--detector",
        "adwin,page-hinkley",
    ]);

    let found = verdicts(&report);
    assert!(
        found
            .iter()
            .all(|(_, _, column, _)| column.as_deref() == Some("error"))
    );
    for detector in ["adwin", "page-hinkley"] {
        assert!(
            found
                .iter()
                .any(|(name, metric, _, verdict)| name.starts_with(detector)
                    && metric == "detections"
                    && verdict == "drifted")
        );
    }
}

#[test]
fn a_component_of_ones_own_runs_beside_the_others() {
    let component = File::new(
        "own.wasm",
        include_bytes!(concat!(env!("OUT_DIR"), "/beyond-tail.wasm")),
    );

    let (_, report) = json(&[
        "--config",
        CONFIG,
        MARCH,
        JULY,
        "--plugin",
        component.path(),
    ]);

    let found = drifted(&report, "beyond-tail@1.0.0");
    assert!(
        found.contains(&"temperature".to_owned()) && !found.contains(&"distance".to_owned()),
        "{found:?}"
    );
}

#[test]
fn a_component_that_fails_is_named_and_the_others_answer() {
    let component = File::new(
        "own.wasm",
        include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm")),
    );

    let run = leeway(&[
        "check",
        "-f",
        "json",
        "-c",
        CONFIG,
        MARCH,
        JULY,
        "-p",
        component.path(),
        "--set",
        "hostile.act=panic",
    ]);

    assert_eq!(run.code, 2);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let failed = &report["evaluations"].as_array().unwrap()[3];
    assert!(
        failed["error"]
            .as_str()
            .unwrap()
            .contains("the seed 2013 brings bad luck"),
        "{failed}"
    );
    assert!(!drifted(&report, "data-drift").is_empty());
}

#[test]
fn settings_come_from_flags_and_from_the_file_and_flags_win() {
    let folder = repository();
    let config = format!(
        "{}\n[check]\ndetectors = [\"prior-drift\"]\n[detector.prior-drift]\nlevel = 0.5\nrows_min = 7000\n",
        std::fs::read_to_string(folder.join(CONFIG)).unwrap()
    );
    let config = File::new("leeway.toml", config);

    let (code, report) = json(&["-c", config.path(), MARCH, JULY]);
    let (overruled, _) = json(&[
        "-c",
        config.path(),
        MARCH,
        JULY,
        "--set",
        "prior-drift.rows_min=30",
    ]);

    assert_eq!((code, overruled), (0, 1));
    assert!(
        verdicts(&report)
            .iter()
            .all(|(_, _, _, verdict)| verdict == "insufficient")
    );
}

#[test]
fn the_same_check_gives_the_same_bytes() {
    let arguments = [
        "check",
        "-f",
        "json",
        "-c",
        CONFIG,
        MARCH,
        JULY,
        "-d",
        "data-drift,concept-drift",
        "--set",
        "data-drift.numeric=[\"wasserstein\",\"psi\"]",
    ];

    assert_eq!(leeway(&arguments).stdout, leeway(&arguments).stdout);
}

#[test]
fn every_output_names_what_drifted() {
    let (csv, prometheus, html, table) = ("csv", "prometheus", "html", "table");
    for format in [csv, prometheus, html, table] {
        let run = leeway(&["check", "-c", CONFIG, MARCH, JULY, "--format", format]);
        assert_eq!(run.code, 1);
        assert!(
            run.stdout.contains("temperature") && run.stdout.contains("late_probability"),
            "{format}"
        );
        assert_eq!(run.stderr, "", "nothing but the answer is said");
    }
    let page = File::new("report.html", "");
    let run = leeway(&[
        "check",
        "-c",
        CONFIG,
        MARCH,
        JULY,
        "--html",
        page.path(),
        "-o",
        Path::new(page.path())
            .with_extension("txt")
            .to_str()
            .unwrap(),
    ]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(
        std::fs::read_to_string(page.path())
            .unwrap()
            .contains("<svg")
    );
}

/// The one line of an error.
fn error(arguments: &[&str]) -> String {
    let run = leeway(&[&["check"], arguments].concat());
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    run.stderr
        .trim_end()
        .replace(repository().to_str().unwrap(), "")
        .replace("error: ", "")
}

#[test]
fn a_missing_column_is_named_with_its_file() {
    let (reference, current) = (
        File::new("a.csv", "distance,carrier\n1,AA\n2,UA\n"),
        File::new("b.csv", "carrier,distnce\nAA,1\n"),
    );

    let said = error(&[reference.path(), current.path()]);

    assert_eq!(
        said,
        format!(
            "{}: has no column 'distance' (did you mean 'distnce'?); it has carrier, distnce",
            current.path()
        )
    );
}

#[test]
fn a_wrong_type_is_named_with_its_row_and_column() {
    let rows: String = (1..=90_000)
        .map(|row| {
            if row == 81_234 {
                "abc\n".to_owned()
            } else {
                format!("{row}\n")
            }
        })
        .collect();
    let (reference, current) = (
        File::new("a.csv", "distance\n1\n2\n"),
        File::new("b.csv", "distance\n".to_owned() + &rows),
    );

    let said = error(&[reference.path(), current.path()]);

    let expected = "row 81234 (line 81235), column 'distance': 'abc' is not a number (set its type with --type distance=categorical)";
    assert_eq!(said, format!("{}: {expected}", current.path()));
}

#[test]
fn a_truncated_parquet_file_is_named() {
    let (reference, current) = (
        File::new("a.csv", "distance\n1\n"),
        File::new("b.parquet", b"PAR1\x15\x04\x15\x10"),
    );

    let said = error(&[reference.path(), current.path()]);

    assert!(said.starts_with(&format!("{}: ", current.path())), "{said}");
}

#[test]
fn roles_detectors_settings_and_files_that_are_not_there_are_named() {
    let data = File::new("a.csv", "distance\n1\n");
    let there = [data.path(), data.path()];
    let with = |more: &[&str]| error(&[&there[..], more].concat());

    assert_eq!(
        with(&["--label", "late"]),
        format!(
            "{}: there is no column 'late', named as the label; there are: distance",
            data.path()
        )
    );
    assert_eq!(
        with(&["-d", "psi"]),
        format!(
            "there is no detector 'psi'; there are: {}",
            leeway::builtin::ALL.map(|one| one.name).join(", ")
        )
    );
    assert_eq!(
        with(&["--set", "adwin.delta=0.1"]),
        "there is a configuration for 'adwin', which is none of the detectors of this check: data-drift, prior-drift, concept-drift"
    );
    assert!(
        with(&["--set", "data-drift.level=2"])
            .starts_with("the configuration of data-drift@0.1.0 is wrong at '/level': ")
    );
    assert_eq!(
        with(&["--chunk-time", "1d"]),
        "the window is to be cut by time, and no time column is named"
    );
    assert_eq!(
        with(&["--chunk-time", "soon"]).split(':').next(),
        Some("'soon' is not a duration such as 1d, 12h or 30min")
    );
    assert!(error(&[data.path(), "nowhere.csv"]).starts_with("nowhere.csv: "));
    let plugin = with(&["-p", data.path()]);
    assert!(
        plugin.starts_with(&format!("{}: this is not WebAssembly", data.path())),
        "{plugin}"
    );
}

#[test]
fn a_settings_file_with_a_mistake_is_named_with_its_line() {
    let (data, config) = (
        File::new("a.csv", "distance\n1\n"),
        File::new("leeway.toml", "[model]\nid = \"a\"\ncolour = \"blue\"\n"),
    );

    let said = error(&["-c", config.path(), data.path(), data.path()]);

    assert!(
        said.starts_with(&format!(
            "{}: line 3: unknown field `colour`",
            config.path()
        )),
        "{said}"
    );
}
