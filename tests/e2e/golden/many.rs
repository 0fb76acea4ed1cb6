//! Many columns at once: components, PCA reconstruction, kernels and classifiers say natively and as components the same bits.
//!
//! That the native functions give the numbers of the named libraries is held by the tests of their crates, on the same cases.

use leeway::domain::{Measurement, Role, Verdict};
use leeway::profile::Window;
use leeway_matrix::{Values, golden};
use serde_json::{Value, json};

use super::twin::{Twin, twin};
use crate::harness::{WindowBuilder, repository};

/// The cases of a file whose inputs are tables.
fn tables(file: &str) -> Vec<Value> {
    let path = repository().join(format!("tests/cases/{file}.json"));
    let parsed: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    parsed["cases"].as_array().unwrap().clone()
}

/// A window of a table's rows, all kept.
fn window(table: &Value) -> Window {
    let rows = golden::rows(table);
    let built =
        rows.columns()
            .iter()
            .fold(
                WindowBuilder::default().keep_rows(),
                |builder, column| match &column.values {
                    Values::Numbers(numbers) => {
                        builder.numbers(&column.name, Role::Feature, numbers)
                    }
                    Values::Names { codes, names } => {
                        let values: Vec<Option<&str>> = codes
                            .iter()
                            .map(|code| names.get(*code as usize).map(String::as_str))
                            .collect();
                        builder.names(&column.name, Role::Feature, &values)
                    }
                    Values::Vectors { dimension, values } => {
                        builder.vectors(&column.name, Role::Feature, *dimension, values)
                    }
                },
            );
    built.build()
}

fn compared(twin: &Twin, case: &Value, config: &Value) -> Vec<Measurement> {
    let found = twin.compare(
        config,
        &window(&case["reference"]),
        &window(&case["current"]),
    );
    assert!(!found.is_empty(), "{}", case["name"]);
    found
}

fn expected(case: &Value, field: &str) -> f64 {
    case["expected"][field].as_f64().unwrap()
}

#[test]
fn pca_reconstruction_has_nannymls_mean_error() {
    let cases = tables("pca_reconstruction");
    for case in &cases {
        let one = &compared(twin("pca-reconstruction"), case, &json!({}))[0];
        let chunks = case["expected"]["values"].as_array().unwrap();
        // Ten equal chunks: the window's mean is theirs.
        let mean = chunks.iter().filter_map(Value::as_f64).sum::<f64>() / chunks.len() as f64;
        assert!((one.value / mean - 1.0).abs() <= 1e-7, "{}", case["name"]);
        assert_ne!(one.verdict, Verdict::Failed);
    }
    assert_eq!(cases.len(), 20);
}

#[test]
fn mmd_has_the_value_written_out_in_numpy_where_columns_need_no_scale() {
    let cases = tables("mmd");
    for case in &cases {
        let one = &compared(twin("mmd"), case, &json!({"rows_min": 10}))[0];
        assert!((-2.0..=2.0).contains(&one.value), "{}", case["name"]);
        let p_value = one.p_value.unwrap();
        assert!((0.002..=1.0).contains(&p_value), "{}", case["name"]);
    }
    assert_eq!(cases.len(), 16);
}

#[test]
fn the_domain_classifier_has_the_area_and_the_verdict_of_scikit_learn() {
    let cases = tables("domain_auc");
    for case in &cases {
        let one = &compared(twin("domain-classifier"), case, &json!({}))[0];
        assert!(
            (one.value - expected(case, "auc")).abs() <= 0.05,
            "{}",
            case["name"]
        );
        let drifted = expected(case, "drifted") == 1.0;
        assert_eq!(one.verdict == Verdict::Drifted, drifted, "{}", case["name"]);
    }
    assert_eq!(cases.len(), 15);
}

#[test]
fn correlations_are_the_same_bits_in_the_sandbox() {
    let pairs = tables("domain_auc");
    for case in pairs
        .iter()
        .filter(|case| case["name"].as_str().unwrap().contains("correlation"))
    {
        let found = compared(twin("correlation"), case, &json!({}));
        assert_eq!(found[0].verdict, Verdict::Drifted, "{}", case["name"]);
    }
    let cases = tables("spearman");
    for case in &cases {
        // The case's pair against itself: no change, whatever the correlation.
        let same = json!({"name": case["name"], "reference": case["reference"], "current": case["reference"]});
        let found = compared(twin("correlation"), &same, &json!({"rows_min": 10}));
        assert!(found.iter().all(|one| one.value == 0.0), "{}", case["name"]);
    }
    assert_eq!(cases.len(), 17);
}

#[test]
fn texts_are_told_by_the_same_bits_in_the_sandbox() {
    let texts = |words: [&str; 4]| -> Window {
        let rows: Vec<String> = (0..120)
            .map(|row| {
                format!(
                    "the {} is {} today",
                    words[(row / 2) % 4],
                    words[(row / 8) % 3]
                )
            })
            .collect();
        let rows: Vec<Option<&str>> = rows.iter().map(|row| Some(row.as_str())).collect();
        let builder = WindowBuilder::default().keep_rows();
        builder.names("text", Role::Feature, &rows).build()
    };
    let twin = twin("text-drift");
    let (weather, trade) = (
        ["sun", "rain", "fog", "wind"],
        ["sun", "order", "fog", "invoice"],
    );
    let same = twin.compare(&json!({}), &texts(weather), &texts(weather));
    assert!(
        same.iter().all(|one| one.verdict != Verdict::Drifted),
        "{same:?}"
    );
    let moved = twin.compare(&json!({}), &texts(weather), &texts(trade));
    let told = moved.iter().find(|one| one.metric == "text_auc").unwrap();
    assert_eq!(told.verdict, Verdict::Drifted);
    assert!(
        told.detail
            .as_ref()
            .unwrap()
            .to_string()
            .contains("invoice")
    );
}

/// A window of normal numbers and, if wanted, vectors.
fn large(seed: u64, rows: usize, columns: usize, dimension: usize) -> Window {
    let mut rng = leeway_statistics::rng::Rng::new(seed);
    let mut builder = WindowBuilder::default().keep_rows();
    for at in 0..columns {
        let numbers: Vec<f64> = (0..rows).map(|_| rng.normal()).collect();
        builder = builder.numbers(&format!("x{at}"), Role::Feature, &numbers);
    }
    if dimension > 0 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "vectors are of 32-bit floats"
        )]
        let vectors: Vec<f32> = (0..rows * dimension).map(|_| rng.normal() as f32).collect();
        builder = builder.vectors("v", Role::Feature, dimension, &vectors);
    }
    builder.build()
}

#[test]
#[ignore = "tells times: run it alone, with --nocapture"]
fn the_largest_windows_are_judged_within_the_default_limits() {
    for (name, rows, columns, dimension) in [
        ("pca-reconstruction", 20_000, 25, 0),
        ("pca-reconstruction", 20_000, 256, 0),
        ("correlation", 20_000, 25, 0),
        ("correlation", 20_000, 100, 0),
        ("mmd", 2_000, 25, 0),
        ("mmd", 2_000, 0, 768),
        ("mmd", 20_000, 25, 0),
        ("mmd", 20_000, 209, 0),
        ("mmd", 5_400, 0, 768),
        ("domain-classifier", 1_000, 25, 0),
        ("domain-classifier", 20_000, 25, 0),
        ("domain-classifier", 20_000, 104, 0),
        ("domain-classifier", 5_400, 0, 768),
    ] {
        let detector = crate::harness::batch(&twin(name).plugin, &json!({}));
        let (reference, current) = (
            large(1, rows, columns, dimension),
            large(2, rows, columns, dimension),
        );
        let started = std::time::Instant::now();
        let baseline = detector.fit(&reference).unwrap();
        let fitted = started.elapsed().as_secs_f64();
        let started = std::time::Instant::now();
        let found = detector.evaluate(&baseline, &current).unwrap().measurements;
        let judged = started.elapsed().as_secs_f64();
        assert!(
            found.iter().all(|one| one.verdict != Verdict::Failed),
            "{found:?}"
        );
        println!(
            "{name}: {rows} rows, {columns} columns, vectors of {dimension}: fit {fitted:.2} s, evaluate {judged:.2} s, baseline {} kB",
            baseline.bytes().len() / 1000
        );
    }
}
