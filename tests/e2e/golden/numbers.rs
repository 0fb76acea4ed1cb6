//! Tests on samples of numbers: Kolmogorov-Smirnov, Wasserstein, Cramér-von Mises.

use leeway::domain::{Measurement, Role, Verdict};
use leeway_statistics::cramer_von_mises::cramer_von_mises;
use leeway_statistics::ks::{ks_p_value, ks_statistic};
use leeway_statistics::sample::{Sample, SampleBuf};
use leeway_statistics::wasserstein::wasserstein;
use serde_json::json;

use super::twin::{of, twin};
use super::windows::of_numbers;
use crate::harness::cases::{Case, cases};

/// Every test but `wasserstein`, whose null law takes a tenth of a second a window to learn.
const QUICK: [&str; 8] = [
    "ks",
    "cramer_von_mises",
    "mean_shift",
    "psi",
    "jensen_shannon",
    "hellinger",
    "l_infinity",
    "chi_square",
];
/// Rows of a window up to which all three detectors run a case, not `data-drift` alone; fewer where the
/// null law has to be learned.
fn all_detectors_rows_max(tests: &[&str]) -> usize {
    if tests.contains(&"wasserstein") {
        10
    } else {
        3_000
    }
}

/// Value and p-value by the pure function; the p-value where the case expects one.
type Pure = fn(&Sample, &Sample) -> (f64, Option<f64>);

/// The same: what is held against the case.
fn run(test: &str, tests: &[&str], pure: Pure) -> usize {
    run_as(test, tests, pure, pure)
}

/// Where the component is to say something else than the case expects, `said` says what.
fn run_as(test: &str, tests: &[&str], pure: Pure, said: Pure) -> usize {
    let config =
        json!({ "rows_min": 1, "numeric": tests, "distinct_min": 0, "correction": "none" });
    let cases = cases(test);
    for case in &cases {
        let (p, q) = (case.numbers("reference"), case.numbers("current"));
        let (reference, current) = (
            SampleBuf::from_unsorted(&p).unwrap(),
            SampleBuf::from_unsorted(&q).unwrap(),
        );
        let (value, p_value) = pure(&reference.as_sample(), &current.as_sample());
        case.check("value", value);
        if let Some(p_value) = p_value {
            case.check("p_value", p_value);
        }
        let (value, p_value) = said(&reference.as_sample(), &current.as_sample());
        let constant = reference.as_sample().distinct() == 1
            && reference.as_sample().values() == current.as_sample().values();

        let detectors = [
            ("data-drift", Role::Feature),
            ("prior-drift", Role::Label),
            ("concept-drift", Role::Residual),
        ];
        let small = p.len().max(q.len()) <= all_detectors_rows_max(tests);
        for (detector, role) in detectors.into_iter().take(if small { 3 } else { 1 }) {
            let windows = (
                of_numbers(role, &case.rows("reference")),
                of_numbers(role, &case.rows("current")),
            );
            let measurements = twin(detector).compare(&config, &windows.0, &windows.1);
            let found = of(&measurements, "x", test);
            assert_eq!(
                (found.reference_rows, found.current_rows),
                (p.len() as u64, q.len() as u64)
            );
            if constant {
                // Nothing to compare, and no p-value out of nothing.
                assert_eq!(
                    (found.verdict, found.value, found.p_value),
                    (Verdict::Constant, 0.0, None),
                    "{}",
                    case.of
                );
            } else {
                same(case, found, value, p_value);
            }
        }
    }
    cases.len()
}

/// The component gives what the pure function does. T may be slightly negative for samples that
/// interleave; a metric of drift begins at 0.
fn same(case: &Case, found: &Measurement, value: f64, p_value: Option<f64>) {
    assert_eq!(
        found.value.to_bits(),
        value.max(0.0).to_bits(),
        "{}",
        case.of
    );
    if let Some(p_value) = p_value {
        assert_eq!(
            found.p_value.map(f64::to_bits),
            Some(p_value.to_bits()),
            "{}",
            case.of
        );
    }
    if let Some(effect) = found.effect {
        case.check("over_sd", effect);
    }
}

#[test]
fn ks_equals_scipy() {
    let cases = run("ks", &QUICK, |p, q| {
        let value = ks_statistic(p, q);
        (value, Some(ks_p_value(value, p.rows(), q.rows())))
    });
    assert_eq!(cases, 60);
}

#[test]
fn cramer_von_mises_equals_scipy() {
    let pure: Pure = |p, q| {
        let found = cramer_von_mises(p, q);
        (found.statistic, Some(found.p_value))
    };
    // With ties SciPy's statistic grows with the difference of the sizes; the component's does not.
    let said: Pure = |p, q| {
        let found = cramer_von_mises(p, q);
        let (value, p_value) = found.corrected_for_ties(p.rows(), q.rows());
        if found.tied {
            (value, Some(p_value))
        } else {
            (found.statistic, Some(found.p_value))
        }
    };
    let cases = run_as(
        "cramer_von_mises",
        &["cramer_von_mises", "mean_shift", "chi_square"],
        pure,
        said,
    );
    assert_eq!(cases, 42);
}

#[test]
fn wasserstein_equals_scipy() {
    let cases = run("wasserstein", &["wasserstein"], |p, q| {
        (wasserstein(p, q), None)
    });
    assert_eq!(cases, 45);
}
