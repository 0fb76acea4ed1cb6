//! Every setting does what it says, and a wrong one is named.

use leeway::domain::{Role, ThresholdKind, Verdict};
use leeway::profile::Window;
use leeway::runtime::RunError;
use serde_json::{Value, json};

use crate::e2e::golden::twin::{of, twin};
use crate::harness::{WindowBuilder, plugin};

fn steps(rows: usize, shift: f64) -> Vec<f64> {
    (0..rows).map(|row| row as f64 + shift).collect()
}

/// Three columns, of which `moved` moves by as much as is said.
fn window(shift: f64) -> Window {
    let names: Vec<Option<&str>> = (0..200).map(|row| Some(["a", "b"][row % 2])).collect();
    WindowBuilder::default()
        .numbers("moved", Role::Feature, &steps(200, shift))
        .numbers("still", Role::Feature, &steps(200, 0.0))
        .names("name", Role::Feature, &names)
        .build()
}

#[expect(clippy::needless_pass_by_value, reason = "callers write it in place")]
fn run(config: Value) -> Vec<leeway::domain::Measurement> {
    twin("data-drift").compare(&config, &window(0.0), &window(60.0))
}

#[test]
fn a_fixed_threshold_stands_alone() {
    let measurements = run(json!({ "thresholds": { "ks": 0.3 } }));
    let moved = of(&measurements, "moved", "ks");
    assert_eq!(
        (moved.value, moved.threshold, moved.threshold_kind),
        (0.3, Some(0.3), Some(ThresholdKind::Fixed))
    );
    // At the threshold is not beyond it; and the p-value, however small, has no say.
    assert_eq!((moved.verdict, moved.p_adjusted), (Verdict::Stable, None));
    assert!(moved.p_value.unwrap() < 1e-6);

    let measurements = run(json!({ "thresholds": { "ks": 0.299 } }));
    assert_eq!(of(&measurements, "moved", "ks").verdict, Verdict::Drifted);
}

#[test]
fn a_floor_of_its_own_holds_a_change_back() {
    assert_eq!(of(&run(json!({})), "moved", "ks").verdict, Verdict::Drifted);
    let measurements = run(json!({ "effect_min": { "ks": 0.31 } }));
    let moved = of(&measurements, "moved", "ks");
    assert_eq!(
        (moved.verdict, moved.threshold, moved.threshold_kind),
        (Verdict::Stable, Some(0.31), Some(ThresholdKind::Floor))
    );
}

#[test]
fn without_correction_each_column_is_judged_alone() {
    let measurements = run(json!({ "correction": "none" }));
    for column in ["moved", "still"] {
        let one = of(&measurements, column, "ks");
        assert_eq!(one.p_adjusted, one.p_value);
    }
    let corrected = run(json!({}));
    let moved = of(&corrected, "moved", "ks");
    assert_eq!(moved.p_adjusted, moved.p_value.map(|p| p * 3.0));
}

#[test]
fn columns_may_have_tests_of_their_own_or_be_left_out() {
    let measurements = run(
        json!({ "columns": { "moved": { "tests": ["mean_shift", "psi"] }, "name": { "ignore": true } } }),
    );
    let said: Vec<(&str, Option<&str>)> = measurements
        .iter()
        .map(|one| (one.metric.as_str(), one.column.as_deref()))
        .collect();
    assert_eq!(
        said,
        [
            ("mean_shift", Some("moved")),
            ("psi", Some("moved")),
            ("ks", Some("still")),
            ("drifted_share", None)
        ]
    );
}

#[test]
fn the_window_drifts_where_more_columns_do_than_are_allowed() {
    let share = |config| run(config).last().unwrap().clone();
    let third = share(json!({}));
    assert_eq!(
        (
            third.metric.as_str(),
            third.value,
            third.threshold,
            third.verdict
        ),
        ("drifted_share", 1.0 / 3.0, Some(0.0), Verdict::Drifted)
    );
    assert_eq!(
        share(json!({ "drifted_share_max": 0.34 })).verdict,
        Verdict::Stable
    );
    assert_eq!(
        share(json!({ "drifted_share_max": 1 })).verdict,
        Verdict::Stable
    );
}

#[test]
fn the_level_is_the_one_that_is_set() {
    let slightly = twin("data-drift").compare(
        &json!({ "effect_min": { "ks": 0 } }),
        &window(0.0),
        &window(28.0),
    );
    assert_eq!(
        of(&slightly, "moved", "ks").verdict,
        Verdict::Stable,
        "{slightly:?}"
    );
    let boldly = twin("data-drift").compare(
        &json!({ "effect_min": { "ks": 0 }, "level": 0.2 }),
        &window(0.0),
        &window(28.0),
    );
    assert_eq!(
        of(&boldly, "moved", "ks").verdict,
        Verdict::Drifted,
        "{boldly:?}"
    );
}

#[test]
fn what_the_schema_refuses_is_named() {
    let refusal = |config: Value| {
        plugin("data-drift")
            .configure(&config, 0)
            .err()
            .map_or_else(String::new, |error| error.to_string())
    };
    let cases = [
        (
            json!({ "levle": 0.05 }),
            "'/': Additional properties are not allowed ('levle' was unexpected)",
        ),
        (
            json!({ "level": 0 }),
            "'/level': 0 is less than or equal to the minimum of 0",
        ),
        (
            json!({ "level": "5%" }),
            "'/level': \"5%\" is not of type \"number\"",
        ),
        (
            json!({ "rows_min": 0 }),
            "'/rows_min': 0 is less than the minimum of 1",
        ),
        (
            json!({ "rows_min": 1.5 }),
            "'/rows_min': 1.5 is not of type \"integer\"",
        ),
        (
            json!({ "numeric": ["kolmogorov"] }),
            "'/numeric/0': \"kolmogorov\" is not one of \"ks\", \"wasserstein\" or 7 other candidates",
        ),
        (
            json!({ "numeric": [] }),
            "'/numeric': [] has less than 1 item",
        ),
        (
            json!({ "numeric": ["ks", "ks"] }),
            "'/numeric': [\"ks\",\"ks\"] has non-unique elements",
        ),
        (
            json!({ "categorical": ["ks"] }),
            "'/categorical/0': \"ks\" is not one of \"psi\", \"jensen_shannon\" or 3 other candidates",
        ),
        (
            json!({ "thresholds": { "kss": 1 } }),
            "'/thresholds': \"kss\" is not one of \"ks\", \"wasserstein\" or 7 other candidates",
        ),
        (
            json!({ "thresholds": { "ks": -1 } }),
            "'/thresholds/ks': -1 is less than the minimum of 0",
        ),
        (
            json!({ "correction": "bonferroni" }),
            "'/correction': \"bonferroni\" is not one of \"bh\", \"by\" or 3 other candidates",
        ),
        (
            json!({ "columns": { "age": { "test": [] } } }),
            "'/columns/age': Additional properties are not allowed ('test' was unexpected)",
        ),
        (
            json!({ "drifted_share_max": 1.5 }),
            "'/drifted_share_max': 1.5 is greater than the maximum of 1",
        ),
        (
            json!({ "bins": 1 }),
            "'/bins': 1 is less than the minimum of 2",
        ),
        (json!([]), "'/': [] is not of type \"object\""),
    ];
    let found: Vec<(String, String)> = cases
        .iter()
        .map(|(config, _)| (config.to_string(), refusal(config.clone())))
        .collect();
    let expected: Vec<(String, String)> = cases
        .iter()
        .map(|(config, text)| {
            (
                config.to_string(),
                format!("the configuration of data-drift@0.1.0 is wrong at {text}"),
            )
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn what_only_the_detector_can_see_is_named_by_it() {
    let refusal =
        |config: Value| match twin("data-drift").try_compare(&config, &window(0.0), &window(0.0)) {
            Err(RunError::Refused(refusal)) => refusal.to_string(),
            other => panic!("{other:?}"),
        };
    assert_eq!(
        refusal(json!({ "columns": { "agee": {} } })),
        "the configuration is wrong: columns: the reference window has no column 'agee' that this detector looks at"
    );
    assert_eq!(
        refusal(json!({ "columns": { "name": { "tests": ["ks"] } } })),
        "the configuration is wrong: columns: 'name' is categorical, and 'ks' needs numbers"
    );
}

#[test]
fn a_column_of_one_window_alone_is_passed_over() {
    let only = |name: &str| {
        WindowBuilder::default()
            .numbers("both", Role::Feature, &steps(50, 0.0))
            .numbers(name, Role::Feature, &steps(50, 0.0))
            .build()
    };
    let measurements = twin("data-drift").compare(&json!({}), &only("gone"), &only("new"));
    let columns: Vec<Option<&str>> = measurements
        .iter()
        .map(|one| one.column.as_deref())
        .collect();
    assert_eq!(columns, [Some("both"), None]);
}

#[test]
fn without_its_columns_a_detector_says_nothing() {
    let unlabelled = window(0.0);
    assert_eq!(
        twin("concept-drift").compare(&json!({}), &unlabelled, &unlabelled),
        []
    );
    assert_eq!(
        twin("prior-drift").compare(&json!({}), &unlabelled, &unlabelled),
        []
    );
}
