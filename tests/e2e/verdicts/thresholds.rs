//! What a threshold says: the verdict is drifted exactly where the value is above it.

use leeway::domain::{Measurement, Role, Verdict};
use leeway_statistics::benjamini_hochberg::adjusted;
use leeway_statistics::rng::Rng;
use serde_json::{Value, json};

use super::simulated::{Law, ON_COUNTS, calibration, every_test};
use crate::e2e::golden::twin::{bits, twin};
use crate::harness::WindowBuilder;

const LEVEL: f64 = 0.05;

/// Smallest effects that matter, as declared; the share of missing values has one too.
fn floor(metric: &str) -> f64 {
    match metric {
        "ks" | "jensen_shannon" | "hellinger" => 0.05,
        "wasserstein" | "mean_shift" => 0.1,
        "cramer_von_mises" => 0.001,
        "psi" | "l_infinity" => 0.02,
        "missing" => 0.01,
        _ => 0.03,
    }
}

/// Counts what does not fit: verdict against p-value and effect, and verdict against threshold.
fn check(measurements: &[Measurement], floors: bool) -> usize {
    let mut judged = 0;
    for one in measurements.iter().filter(|one| one.column.is_some()) {
        let (Some(threshold), Some(p), Some(effect)) = (one.threshold, one.p_adjusted, one.effect)
        else {
            continue;
        };
        // The floor of the share of missing values stays.
        let floor = if floors || one.metric == "missing" {
            floor(&one.metric)
        } else {
            0.0
        };
        let drifted = one.verdict == Verdict::Drifted;
        assert_eq!(drifted, p <= LEVEL && effect >= floor, "{one:?}");
        let tie =
            (one.value - threshold).abs() <= 1e-12 * threshold || (p / LEVEL - 1.0).abs() < 1e-9;
        assert!(tie || drifted == (one.value > threshold), "{one:?}");
        judged += 1;
    }
    judged
}

#[test]
fn drifted_is_above_the_threshold_and_nothing_else_is() {
    let mut rng = Rng::new(5);
    let mut judged = 0;
    let floors = json!({ "numeric": every_test(), "categorical": ON_COUNTS, "distinct_min": 10 });
    for round in 0..60 {
        let law = [Law::Normal, Law::Lognormal, Law::Discrete, Law::Categories][round % 4];
        let mut size = |largest: f64| 30 + (largest * rng.uniform() * rng.uniform()) as usize;
        let (n, m) = (size(800.0), size(800.0));
        let shift = 1.2 * rng.uniform() * rng.uniform();
        let reference = law.window(10, n, &mut rng, |x| x);
        let current = law.window(10, m, &mut rng, |x| x + shift);
        judged += check(
            &twin("data-drift").native(&calibration(), &reference, &current),
            false,
        );
        judged += check(
            &twin("data-drift").native(&floors, &reference, &current),
            true,
        );
    }
    println!("{judged} thresholds agree with their verdicts");
    assert!(judged > 7_000);
}

#[test]
fn the_exact_ks_law_gives_the_threshold_also_of_sizes_with_a_large_common_multiple() {
    let mut rng = Rng::new(6);
    let config = json!({ "numeric": ["ks"], "distinct_min": 0, "effect_min": { "ks": 0 }, "correction": "none" });
    for (n, m) in [
        (30, 31),
        (31, 1000),
        (97, 89),
        (999, 1000),
        (2000, 1999),
        (10_000, 50),
    ] {
        // Shifts about where p is the level.
        let shift = 2.0 * (1.0 / f64::from(n) + 1.0 / f64::from(m)).sqrt();
        let reference = Law::Normal.window(60, n as usize, &mut rng, |x| x);
        let current = Law::Normal.window(60, m as usize, &mut rng, |x| x + shift);
        assert_eq!(
            check(
                &twin("data-drift").native(&config, &reference, &current),
                false
            ),
            60
        );
    }
}

#[test]
fn sparse_categories_keep_threshold_and_verdict_together() {
    let mut rng = Rng::new(7);
    let config = json!({ "categorical": ON_COUNTS, "effect_min": ON_COUNTS.iter().map(|test| ((*test).to_owned(), json!(0))).collect::<serde_json::Map<String, Value>>(), "correction": "none" });
    for round in 0..200 {
        let odds = if round % 2 == 0 {
            0.0
        } else {
            0.03 * rng.uniform()
        };
        let mut names = |rows: usize, odds: f64| -> Vec<Option<String>> {
            let name = |rng: &mut Rng| {
                if rng.uniform() < odds {
                    return "new".to_owned();
                }
                // Half of the rows in two names, the others in forty.
                let u = rng.uniform();
                format!(
                    "{}",
                    if u < 0.5 {
                        (4.0 * u) as u32
                    } else {
                        (80.0 * u) as u32
                    }
                )
            };
            (0..rows).map(|_| Some(name(&mut rng))).collect()
        };
        let rows = [(2_000, 60), (300, 200), (60, 2_000)][round % 3];
        let windows = [names(rows.0, 0.0), names(rows.1, odds)].map(|rows| {
            let rows: Vec<Option<&str>> = rows.iter().map(Option::as_deref).collect();
            WindowBuilder::default()
                .names("x", Role::Feature, &rows)
                .build()
        });
        let measurements = twin("data-drift").native(&config, &windows[0], &windows[1]);
        assert_eq!(check(&measurements, false), 5);
    }
}

#[test]
fn adjusted_p_values_are_those_of_the_run() {
    let mut rng = Rng::new(8);
    let reference = Law::Normal.window(12, 200, &mut rng, |x| x);
    let current = Law::Normal.window(12, 200, &mut rng, |x| x + 0.15);
    let config = json!({ "numeric": ["ks", "mean_shift"] });

    let measurements = twin("data-drift").compare(&config, &reference, &current);

    let judged = || measurements.iter().filter(|one| one.column.is_some());
    let p_values: Vec<f64> = judged().map(|one| one.p_value.unwrap()).collect();
    assert_eq!(p_values.len(), 24);
    for (one, adjusted) in judged().zip(adjusted(&p_values)) {
        assert_eq!(one.p_adjusted, Some(adjusted));
    }
}

#[test]
fn neither_the_order_of_rows_nor_their_batches_leave_a_trace() {
    use leeway::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, Schema};
    use leeway::profile::{ProfileBuilder, ProfileConfig, Window};
    let mut rng = Rng::new(9);
    let spec = |name: &str, kind| ColumnSpec {
        name: name.to_owned(),
        kind,
        role: Role::Feature,
    };
    let schema = Schema::new(vec![
        spec("number", ColumnKind::Numeric),
        spec("name", ColumnKind::Categorical),
    ])
    .unwrap();
    let rows = |rng: &mut Rng, shift: f64| {
        let numbers: Vec<f64> = (0..700)
            .map(|row| {
                if row % 50 == 0 {
                    f64::NAN
                } else {
                    rng.normal() + shift
                }
            })
            .collect();
        let codes: Vec<u32> = (0..700).map(|_| (rng.uniform() * 5.0) as u32).collect();
        let dictionary = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        Batch::new(
            None,
            vec![
                ColumnValues::Numeric(numbers),
                ColumnValues::Categorical { codes, dictionary },
            ],
        )
    };
    let window = |batch: &Batch, size: usize| {
        let mut builder = ProfileBuilder::new(schema.clone(), ProfileConfig::default());
        for start in (0..batch.rows).step_by(size) {
            builder
                .observe(&batch.slice(start..batch.rows.min(start + size)))
                .unwrap();
        }
        Window::new(std::sync::Arc::new(builder.finish()), None).unwrap()
    };
    let (reference, current) = (rows(&mut rng, 0.0), rows(&mut rng, 0.2));
    let backwards: Vec<usize> = (0..700).rev().collect();
    let config = calibration();
    let run = |reference: &Window, current: &Window| {
        let twin = twin("data-drift");
        (
            twin.native_fit(&config, reference).unwrap(),
            twin.compare(&config, reference, current),
        )
    };

    let (baseline, measurements) = run(&window(&reference, 700), &window(&current, 700));

    for (reference, current, size) in [
        (reference.clone(), current.clone(), 1),
        (reference.clone(), current.clone(), 37),
        (reference.take(&backwards), current.take(&backwards), 64),
    ] {
        let again = run(&window(&reference, size), &window(&current, size));
        assert!(again.0 == baseline, "the baseline differs");
        assert_eq!(again.1, measurements);
        assert!(again.1.iter().map(bits).eq(measurements.iter().map(bits)));
    }
}
