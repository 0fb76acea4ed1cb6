//! The detector on invented rows: what it must see, what it must not, and odd input.

#![allow(clippy::print_stdout, reason = "the simulation tells its figures")]
#![allow(
    clippy::cast_possible_truncation,
    reason = "vectors are of 32-bit floats"
)]

use leeway_matrix::odd::odd_windows_have_a_verdict;
use leeway_matrix::simulate::{Draw, Law, Rows, alarm_rate};
use leeway_matrix::{Scene, golden};
use leeway_sdk::{BatchDetector, Measurement, Verdict};
use leeway_statistics::rng::Rng;

use super::classifier::{Kind, cross_validated};
use super::{DomainClassifier, Features};

fn run(reference: &Rows, current: &Rows, config: &str, seed: u64) -> Vec<Measurement> {
    let baseline = DomainClassifier::fit(reference, config, seed).unwrap();
    DomainClassifier::evaluate(&baseline, current, config, seed).unwrap()
}

fn rate(law: Law, reference: Draw, current: Draw, repeats: u32, config: &str) -> f64 {
    alarm_rate(repeats, |repeat| {
        let mut rng = Rng::new(repeat + 1000);
        let (a, b) = (law.rows(reference, &mut rng), law.rows(current, &mut rng));
        run(&a, &b, config, repeat)
    })
}

fn together(rows: usize, columns: usize) -> Draw {
    Draw {
        rho: 0.6,
        correlated: 2,
        ..Draw::new(rows, columns)
    }
}

#[test]
fn the_columns_that_give_it_away_are_named_first() {
    let mut rng = Rng::new(1);
    let reference = Law::Normal.rows(Draw::new(600, 5), &mut rng);
    let current = Law::Normal.rows(
        Draw {
            shift: 0.8,
            ..Draw::new(500, 5)
        },
        &mut rng,
    );
    for model in ["both", "logistic", "trees"] {
        let one = &run(
            &reference,
            &current,
            &format!(r#"{{"model": "{model}"}}"#),
            1,
        )[0];
        assert_eq!(one.verdict, Verdict::Drifted, "{model}");
        // Two normal columns 0.8 apart: an area of Phi(0.8 / sqrt 2) = 0.714 at best.
        assert!((one.value - 0.69).abs() < 0.05, "{model}: {}", one.value);
        assert!(
            one.detail
                .as_ref()
                .unwrap()
                .contains(r#""columns":[{"column":"x0""#),
            "{one:?}"
        );
    }
}

#[test]
fn what_goes_together_only_is_seen() {
    let mut rng = Rng::new(1);
    let reference = Law::Normal.rows(Draw::new(800, 4), &mut rng);
    let current = Law::Normal.rows(together(800, 4), &mut rng);
    for model in ["logistic", "both"] {
        let one = &run(
            &reference,
            &current,
            &format!(r#"{{"model": "{model}"}}"#),
            1,
        )[0];
        assert_eq!(one.verdict, Verdict::Drifted, "{one:?}");
    }
}

#[test]
fn false_alarms_are_rare_for_a_few_hundred_windows() {
    let config = r#"{"effect_min": 0}"#;
    let rate = rate(
        Law::Lognormal,
        Draw::new(60, 3),
        Draw::new(50, 3),
        200,
        config,
    );
    assert!(rate <= 0.1, "{rate}");
}

#[test]
fn a_new_category_and_missing_values_are_told() {
    let names = |name: &str| {
        (0..100)
            .map(|row| Some(if row % 4 == 0 { name } else { "b" }.to_owned()))
            .collect()
    };
    let reference = Rows::default()
        .names("k", names("a"))
        .numbers("x", (0..100).map(f64::from).collect());
    let current = Rows::default()
        .names("k", names("c"))
        .numbers("x", (0..100).map(f64::from).collect());
    let one = &run(&reference, &current, "{}", 3)[0];
    assert_eq!((one.verdict, one.unseen_share), (Verdict::Drifted, 0.125));
    let gaps = (0..100)
        .map(|row| {
            if row % 3 == 0 {
                f64::NAN
            } else {
                f64::from(row)
            }
        })
        .collect();
    let gone = Rows::default().names("k", names("a")).numbers("x", gaps);
    assert_eq!(run(&reference, &gone, "{}", 3)[0].verdict, Verdict::Drifted);
}

#[test]
fn embeddings_are_told_by_their_components() {
    let mut rng = Rng::new(4);
    let mut rows = |shift: f64| {
        let vectors = (0..300 * 200)
            .map(|at| (rng.normal() + if at % 200 == 7 { shift } else { 0.0 }) as f32);
        Rows::default().vectors("v", 200, vectors.collect())
    };
    let (reference, same, moved) = (rows(0.0), rows(0.0), rows(2.0));
    assert_eq!(
        run(&reference, &moved, "{}", 1)[0].verdict,
        Verdict::Drifted
    );
    assert_eq!(run(&reference, &same, "{}", 1)[0].verdict, Verdict::Stable);
}

#[test]
fn odd_windows_are_judged() {
    odd_windows_have_a_verdict(50, |reference, current| {
        run(reference, current, "{}", 1)[0].verdict
    });
    let numbers = |x: f64| Rows::default().numbers("x", vec![x; 50]);
    let small = run(&numbers(1.0), &numbers(2.0), r#"{"folds": 20}"#, 1);
    assert_eq!(small[0].verdict, Verdict::Insufficient);
}

#[test]
fn areas_and_verdicts_are_those_of_scikit_learn() {
    for case in golden::cases("domain_auc") {
        let (reference, current) = (
            golden::rows(&case["reference"]),
            golden::rows(&case["current"]),
        );
        let one = &run(&reference, &current, "{}", 1)[0];
        let want = case["expected"]["auc"].as_f64().unwrap();
        let drifted = case["expected"]["drifted"].as_f64() == Some(1.0);
        assert!(
            (one.value - want).abs() <= 0.05,
            "{}: {} {want}",
            case["name"],
            one.value
        );
        assert_eq!(one.verdict == Verdict::Drifted, drifted, "{}", case["name"]);
    }
}

#[test]
#[ignore = "a simulation: run it in release, with --nocapture"]
fn measured_false_alarms_and_power() {
    let config = r#"{"effect_min": 0}"#;
    for law in Law::ALL {
        for (n, m, columns, repeats) in [(50, 50, 3, 600), (500, 100, 10, 300), (2000, 200, 5, 150)]
        {
            let rate = rate(
                law,
                Draw::new(n, columns),
                Draw::new(m, columns),
                repeats,
                config,
            );
            println!("false alarms {law:?} n={n} m={m} columns={columns}: {rate:.3} of {repeats}");
        }
    }
    for (rows, columns) in [(200, 2), (500, 2), (1000, 2), (1000, 10), (1000, 30)] {
        let power = rate(
            Law::Normal,
            Draw::new(rows, columns),
            together(rows, columns),
            30,
            "{}",
        );
        println!("power, rho 0 to 0.6, n=m={rows} columns={columns}: {power:.2}");
    }
    for shift in [0.25, 0.5] {
        let current = Draw {
            shift,
            ..Draw::new(1000, 10)
        };
        let power = rate(Law::Normal, Draw::new(1000, 10), current, 30, "{}");
        println!("power, shift {shift} of one of 10 columns, n=m=1000: {power:.2}");
    }
}

#[test]
#[ignore = "a simulation: run it in release, with --nocapture"]
fn measured_false_alarms_of_cross_validation() {
    for (n, m, columns, repeats) in [(50, 50, 3, 600), (200, 200, 10, 300), (500, 100, 10, 300)] {
        for kind in [Kind::Logistic, Kind::Both] {
            let alarms = (0..repeats)
                .filter(|&repeat| {
                    let mut rng = Rng::new(repeat + 1000);
                    let mut table = |rows| {
                        let drawn = Law::Normal.rows(Draw::new(rows, columns), &mut rng);
                        leeway_matrix::read(&drawn, |_| true, 1000, 0).unwrap()
                    };
                    let (reference, current) = (table(n), table(m));
                    let names: Vec<&str> = reference
                        .columns
                        .iter()
                        .map(|column| column.name.as_str())
                        .collect();
                    let scene = Scene::new(&reference, &current, &names).unwrap();
                    let (auc, error) =
                        cross_validated(&Features::new(&scene), kind, 5, &mut rng).unwrap();
                    (auc - 0.5) / error > 1.645
                })
                .count();
            println!(
                "cross-validated, {kind:?}, n={n} m={m} columns={columns}: {:.3} of {repeats}",
                alarms as f64 / repeats as f64
            );
        }
    }
}
