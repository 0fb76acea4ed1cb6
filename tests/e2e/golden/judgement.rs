//! Corrections for many columns, and counts of data quality.

use leeway::domain::{Measurement, Role};
use leeway::profile::Window;
use leeway_statistics::{benjamini_yekutieli, holm};
use serde_json::json;

use super::twin::{of, twin};
use crate::harness::WindowBuilder;
use crate::harness::cases::{Case, cases};

fn run(file: &str, adjusted: fn(&[f64]) -> Vec<f64>, cutoff: fn(&[f64], f64) -> f64) -> usize {
    let cases = cases(file);
    for case in &cases {
        let p_values: Vec<f64> = case
            .input("p_values")
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_f64().unwrap())
            .collect();
        let found = adjusted(&p_values);
        case.check_all("adjusted", &found);
        for level in [0.01, 0.05, 0.2] {
            let line = cutoff(&p_values, level);
            for (p, q) in p_values.iter().zip(&found) {
                let tie = (q / level - 1.0).abs() < 1e-12;
                assert!(
                    tie || (*p <= line) == (*q <= level),
                    "{} at {level}: {p} {q} {line}",
                    case.of
                );
            }
        }
    }
    cases.len()
}

#[test]
fn holm_equals_statsmodels() {
    assert_eq!(run("holm", holm::adjusted, holm::cutoff), 16);
}

#[test]
fn benjamini_and_yekutieli_equal_scipy() {
    let (adjusted, cutoff) = (benjamini_yekutieli::adjusted, benjamini_yekutieli::cutoff);
    assert_eq!(run("benjamini_yekutieli", adjusted, cutoff), 16);
}

/// The window of a case's sample: names where it has categories, else numbers.
fn window(case: &Case, sample: &str) -> Window {
    let builder = WindowBuilder::default();
    match case.names(sample) {
        Some(names) => {
            let names: Vec<Option<&str>> = names.iter().map(Option::as_deref).collect();
            builder.names("x", Role::Feature, &names)
        }
        None => builder.numbers("x", Role::Feature, &case.rows(sample)),
    }
    .build()
}

#[test]
fn counts_of_data_quality_equal_nannyml() {
    let config = json!({ "rows_min": 1 });
    let cases = cases("data_quality");
    for case in &cases {
        let (reference, current) = (window(case, "reference"), window(case, "current"));
        let found = twin("data-quality").compare(&config, &reference, &current);
        let count =
            |one: &Measurement, field: &str| one.detail.as_ref().unwrap()[field].as_f64().unwrap();
        case.check("missing", count(of(&found, "x", "missing_share"), "count"));
        if case.expected("unseen").is_some() {
            case.check("unseen", count(of(&found, "x", "unseen_share"), "count"));
        } else {
            let one = of(&found, "x", "out_of_range_share");
            case.check("out_of_range", count(one, "below") + count(one, "above"));
        }
    }
    assert_eq!(cases.len(), 19);
}
