//! How often each test is wrong without drift, and how often right with it.
//!
//! Simulated natively, where it is quick; the golden tests hold the component to the same bits.

use std::collections::BTreeMap;

use leeway::domain::{Measurement, Verdict};
use leeway_statistics::rng::Rng;
use serde_json::json;

use super::simulated::{Law, calibration};
use crate::e2e::golden::twin::twin;

/// Independent columns of one simulation.
const TRIALS: usize = 1000;
/// A test at 5% is above this in one simulation out of 50,000.
const FALSE_ALARMS_MAX: f64 = 0.08;

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// The share of columns that drifted, by metric.
fn drifted(measurements: &[Measurement]) -> BTreeMap<String, f64> {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for one in measurements.iter().filter(|one| one.column.is_some()) {
        let count = counts.entry(one.metric.clone()).or_default();
        count.0 += usize::from(one.verdict == Verdict::Drifted);
        count.1 += 1;
    }
    counts
        .into_iter()
        .map(|(metric, (drifted, all))| (metric, share(drifted, all)))
        .collect()
}

/// Where nothing drifts, in windows of three pairs of sizes, no test calls more columns than its level allows.
fn keeps_its_level(law: Law) {
    let mut wrong = Vec::new();
    for (n, m) in [(1000, 100), (1000, 1000), (200, 200)] {
        let mut rng = Rng::new(900_001 + 13 * law as u64 + 31 * n as u64 + 7 * m as u64);
        let reference = law.window(TRIALS, n, &mut rng, |x| x);
        let current = law.window(TRIALS, m, &mut rng, |x| x);
        let rates = drifted(&twin("data-drift").native(&calibration(), &reference, &current));
        println!("{law:?} {n} {m} {rates:?}");
        wrong.extend(
            rates
                .into_iter()
                .filter(|rate| rate.1 > FALSE_ALARMS_MAX)
                .map(|rate| format!("{law:?} {n} {m}: {rate:?}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_drift_every_test_keeps_its_level_on_normal_columns() {
    keeps_its_level(Law::Normal);
}

#[test]
fn without_drift_every_test_keeps_its_level_on_lognormal_columns() {
    keeps_its_level(Law::Lognormal);
}

#[test]
fn without_drift_every_test_keeps_its_level_on_discrete_columns() {
    keeps_its_level(Law::Discrete);
}

#[test]
fn without_drift_every_test_keeps_its_level_on_categories() {
    keeps_its_level(Law::Categories);
}

#[test]
fn a_shift_of_half_a_standard_deviation_is_found() {
    let config = json!({ "numeric": super::simulated::every_test(), "distinct_min": 0, "correction": "none" });
    let mut rng = Rng::new(1);
    let reference = Law::Normal.window(100, 1000, &mut rng, |x| x);
    let current = Law::Normal.window(100, 1000, &mut rng, |x| x + 0.5);

    let rates = drifted(&twin("data-drift").native(&config, &reference, &current));

    println!("power {rates:?}");
    assert_eq!(rates.len(), 9);
    assert!(rates.values().all(|rate| *rate >= 0.95), "{rates:?}");
}

#[test]
fn a_run_of_twenty_columns_raises_an_alarm_no_more_often_than_one() {
    const RUNS: usize = 300;
    let mut rng = Rng::new(2);
    for tests in [&["ks"][..], &["chi_square"], &["ks", "mean_shift", "psi"]] {
        let config = json!({ "numeric": tests, "distinct_min": 0, "effect_min": { "ks": 0, "chi_square": 0, "mean_shift": 0, "psi": 0 } });
        let mut alarms = 0;
        for _ in 0..RUNS {
            let reference = Law::Normal.window(20, 200, &mut rng, |x| x);
            let current = Law::Normal.window(20, 200, &mut rng, |x| x);
            let measurements = twin("data-drift").native(&config, &reference, &current);
            let share = measurements
                .iter()
                .find(|one| one.metric == "drifted_share")
                .unwrap();
            alarms += usize::from(share.verdict == Verdict::Drifted);
        }
        println!("runs with an alarm, {tests:?}: {}", share(alarms, RUNS));
        assert!(
            share(alarms, RUNS) <= FALSE_ALARMS_MAX,
            "{tests:?}: {alarms} of {RUNS}"
        );
    }
}

#[test]
fn a_tiny_change_is_significant_in_large_windows_and_still_no_drift() {
    let tests = [
        "ks",
        "wasserstein",
        "cramer_von_mises",
        "mean_shift",
        "psi",
        "jensen_shannon",
        "hellinger",
        "l_infinity",
        "chi_square",
    ];
    let config = json!({ "numeric": tests, "correction": "none" });
    let mut rng = Rng::new(3);
    let reference = Law::Normal.window(2, 100_000, &mut rng, |x| x);
    let current = Law::Normal.window(2, 100_000, &mut rng, |x| x + 0.03);

    let measurements = twin("data-drift").native(&config, &reference, &current);

    assert!(
        measurements
            .iter()
            .all(|one| one.verdict != Verdict::Drifted),
        "{measurements:?}"
    );
    for one in measurements.iter().filter(|one| one.column.is_some()) {
        assert_eq!(
            one.threshold_kind,
            Some(leeway::domain::ThresholdKind::Floor),
            "{one:?}"
        );
        assert!(one.p_value.unwrap() < 0.05, "{one:?}");
    }
}

/// Four rows in a hundred of something the reference never had, in windows of ten thousand and a
/// thousand rows, so few that they are a sparse cell: each kind of such mass drifts by itself, whatever the other rows do.
#[test]
fn missing_unseen_and_out_of_range_values_drift_by_themselves() {
    use crate::harness::WindowBuilder;
    use leeway::domain::Role;
    let mut rng = Rng::new(4);
    let mut numbers = |rows: usize, every: usize, odd: f64| -> Vec<f64> {
        (0..rows)
            .map(|row| {
                if row % every == every - 1 {
                    odd
                } else {
                    rng.uniform()
                }
            })
            .collect()
    };
    let names =
        |rows: usize, every: usize, odd: Option<&'static str>| -> Vec<Option<&'static str>> {
            (0..rows)
                .map(|row| {
                    if row % every == every - 1 {
                        odd
                    } else {
                        Some(["a", "b"][row / 2 % 2])
                    }
                })
                .collect()
        };
    let never = usize::MAX;
    let window =
        |rows: usize, odd: usize, numbers: &mut dyn FnMut(usize, usize, f64) -> Vec<f64>| {
            WindowBuilder::default()
                .numbers(
                    "missing number",
                    Role::Feature,
                    &numbers(rows, odd, f64::NAN),
                )
                .numbers("above", Role::Feature, &numbers(rows, odd, 9.0))
                .numbers("below", Role::Feature, &numbers(rows, odd, -9.0))
                .numbers(
                    "infinite",
                    Role::Feature,
                    &numbers(rows, odd, f64::INFINITY),
                )
                .names("missing name", Role::Feature, &names(rows, odd, None))
                .names("new name", Role::Feature, &names(rows, odd, Some("c")))
                .build()
        };
    let reference = window(10_000, never, &mut numbers);

    // The distribution function has to move by 0.05 to matter, the share of one kind of rows by less.
    for (config, every) in [
        (
            json!({ "numeric": ["ks"], "categorical": ["chi_square"] }),
            12,
        ),
        (json!({ "numeric": ["psi"], "categorical": ["psi"] }), 25),
        (
            json!({ "numeric": ["chi_square"], "categorical": ["chi_square"] }),
            25,
        ),
        (
            json!({ "numeric": ["jensen_shannon"], "categorical": ["jensen_shannon"] }),
            25,
        ),
        (
            json!({ "numeric": ["hellinger"], "categorical": ["hellinger"] }),
            25,
        ),
    ] {
        let current = window(1_000, every, &mut numbers);
        let measurements = twin("data-drift").native(&config, &reference, &current);
        let still = |column: &str| {
            measurements
                .iter()
                .filter(|one| one.column.as_deref() == Some(column))
                .all(|one| one.verdict != Verdict::Drifted)
        };
        for column in [
            "missing number",
            "above",
            "below",
            "infinite",
            "missing name",
            "new name",
        ] {
            assert!(!still(column), "{column} with {config}: {measurements:#?}");
        }
    }
}

/// A model that was never wrong, and now is in five rows of a hundred.
#[test]
fn the_first_errors_of_a_perfect_model_are_drift() {
    use crate::harness::WindowBuilder;
    use leeway::domain::Role;
    let errors = |rows: usize, every: usize| {
        let values: Vec<f64> = (0..rows)
            .map(|row| f64::from(u8::from(row % every == every - 1)))
            .collect();
        WindowBuilder::default()
            .numbers("error", Role::Error, &values)
            .build()
    };
    for (n, m) in [(10_000, 1_000), (100_000, 200), (1_000, 1_000), (500, 200)] {
        let measurements =
            twin("concept-drift").native(&json!({}), &errors(n, usize::MAX), &errors(m, 20));
        assert_eq!(
            measurements[0].verdict,
            Verdict::Drifted,
            "{n} {m}: {measurements:?}"
        );
    }
    // Two errors of two hundred are none yet.
    let measurements =
        twin("concept-drift").native(&json!({}), &errors(500, usize::MAX), &errors(200, 100));
    assert_eq!(measurements[0].verdict, Verdict::Stable, "{measurements:?}");
}
