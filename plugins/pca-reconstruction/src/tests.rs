//! The detector on invented rows: what it must see, what it must not, and odd input.

#![allow(clippy::print_stdout, reason = "the simulation tells its figures")]

use leeway_matrix::golden;
use leeway_matrix::simulate::{Draw, Law, Rows, alarm_rate};
use leeway_sdk::{BatchDetector, Measurement, Verdict};
use leeway_statistics::rng::Rng;

use super::{DIMENSIONS_MAX, PcaReconstruction, rows_max};

fn run(reference: &Rows, current: &Rows, config: &str) -> Vec<Measurement> {
    let baseline = PcaReconstruction::fit(reference, config, 1).unwrap();
    PcaReconstruction::evaluate(&baseline, current, config, 1).unwrap()
}

fn rate(law: Law, reference: Draw, current: Draw, repeats: u32, config: &str) -> f64 {
    alarm_rate(repeats, |repeat| {
        let mut rng = Rng::new(repeat + 1000);
        let (a, b) = (law.rows(reference, &mut rng), law.rows(current, &mut rng));
        run(&a, &b, config)
    })
}

/// Columns whose correlation goes from 0 to 0.6 in the first two, or in as many as said.
fn together(rows: usize, columns: usize, correlated: usize) -> Draw {
    Draw {
        rho: 0.6,
        correlated,
        ..Draw::new(rows, columns)
    }
}

const NO_FLOOR: &str = r#"{"effect_min": 0}"#;

#[test]
fn a_change_of_how_columns_go_together_is_seen() {
    let mut rng = Rng::new(1);
    let reference = Law::Normal.rows(together(2000, 6, 6), &mut rng);
    let current = Law::Normal.rows(Draw::new(1000, 6), &mut rng);
    let one = &run(&reference, &current, "{}")[0];
    assert_eq!(one.verdict, Verdict::Drifted);
    assert!(one.value > one.threshold.unwrap() && one.p_value.unwrap() < 1e-10);
    // And towards less: rows of less spread lie closer to the space.
    let wide = Law::Normal.rows(Draw::new(2000, 6), &mut rng);
    let narrow = (0..6).fold(Rows::default(), |rows, at| {
        let numbers = (0..1000).map(|_| 0.7 * rng.normal()).collect();
        rows.numbers(&format!("x{at}"), numbers)
    });
    let back = &run(&wide, &narrow, "{}")[0];
    assert_eq!(back.verdict, Verdict::Drifted);
    assert!(back.value < back.threshold.unwrap());
}

#[test]
fn large_windows_do_not_alarm_because_the_reference_knows_itself() {
    let rate = rate(
        Law::Normal,
        Draw::new(400, 10),
        Draw::new(4000, 10),
        60,
        NO_FLOOR,
    );
    assert!(rate <= 0.15, "{rate}");
}

#[test]
fn far_rows_and_rare_names_in_small_windows_are_no_drift() {
    // With the variance of the reference alone 7% of the first and 9% of the second alarmed.
    for law in [Law::Lognormal, Law::Names(1000)] {
        let small = Draw::new(50, 5);
        let rate = rate(law, small, small, 200, NO_FLOOR);
        assert!(rate <= 0.05, "{law:?}: {rate}");
    }
}

#[test]
fn changes_inside_the_reference_are_no_drift() {
    // Chunks whose error goes up and down, as the weeks of a year do.
    let weeks = |count: u32, rng: &mut Rng| {
        let mut columns = vec![Vec::new(); 4];
        for week in 0..count {
            let scale = if week % 2 == 0 { 1.0 } else { 1.4 };
            for _ in 0..100 {
                for column in &mut columns {
                    column.push(scale * rng.normal());
                }
            }
        }
        let names = ["a", "b", "c", "d"];
        names
            .iter()
            .zip(columns)
            .fold(Rows::default(), |rows, (name, column)| {
                rows.numbers(name, column)
            })
    };
    let mut rng = Rng::new(6);
    let reference = weeks(10, &mut rng);
    let week = weeks(1, &mut rng);
    assert_eq!(run(&reference, &week, "{}")[0].verdict, Verdict::Stable);
}

#[test]
fn odd_windows_have_a_verdict() {
    let verdict = |reference: &Rows, current: &Rows| run(reference, current, "{}")[0].verdict;
    let mut rng = Rng::new(2);
    let good = Law::Normal.rows(Draw::new(30, 3), &mut rng);
    let few = Law::Normal.rows(Draw::new(29, 3), &mut rng);
    let constant = Rows::default()
        .numbers("x0", vec![100.0; 30])
        .numbers("x1", vec![f64::NAN; 30])
        .numbers("x2", vec![-200.0; 30]);
    let huge = ["x0", "x1", "x2"]
        .iter()
        .fold(Rows::default(), |rows, name| {
            rows.numbers(name, (0..40).map(|_| rng.normal() * 1e307).collect())
        });
    assert_eq!(verdict(&Rows::default(), &Rows::default()), Verdict::Failed);
    assert_eq!(verdict(&good, &few), Verdict::Insufficient);
    assert_eq!(verdict(&few, &good), Verdict::Insufficient);
    assert_eq!(verdict(&constant, &good), Verdict::Insufficient);
    assert_eq!(verdict(&good, &constant), Verdict::Drifted);
    assert_eq!(verdict(&huge, &huge), Verdict::Stable);
    assert_eq!(verdict(&good, &huge), Verdict::Drifted);
    let infinite = Rows::default().numbers("x0", vec![f64::INFINITY; 30]);
    assert_eq!(verdict(&good, &infinite), Verdict::Failed);
    let names = ["x0", "x1", "x2"]
        .iter()
        .fold(Rows::default(), |rows, name| {
            rows.names(name, vec![None; 30])
        });
    assert_eq!(verdict(&good, &names), Verdict::Failed);
    assert_eq!(verdict(&names, &names), Verdict::Insufficient);
}

#[test]
fn every_component_kept_leaves_nothing_to_judge() {
    let mut rng = Rng::new(2);
    let rows = Law::Normal.rows(Draw::new(100, 1), &mut rng);
    let one = &run(&rows, &rows, "{}")[0];
    assert_eq!(one.verdict, Verdict::Insufficient);
    assert!(one.detail.as_ref().unwrap().contains("nothing is left"));
}

#[test]
fn columns_hold_up_to_their_bound_and_not_beyond() {
    let wide = |columns: usize| {
        (0..columns).fold(Rows::default(), |rows, at| {
            rows.numbers(&format!("x{at}"), vec![1.0])
        })
    };
    assert!(PcaReconstruction::fit(&wide(DIMENSIONS_MAX), "{}", 1).is_ok());
    assert!(PcaReconstruction::fit(&wide(DIMENSIONS_MAX + 1), "{}", 1).is_err());
    assert_eq!((rows_max(20), rows_max(21)), (100_000, 99_864));
}

#[test]
fn values_errors_and_thresholds_equal_nannyml_0_13_1() {
    for case in golden::cases("pca_reconstruction") {
        let of = |rows: &Rows| leeway_matrix::read(rows, |_| true, 100_000, 1).unwrap();
        let learned = super::learn(&of(&golden::rows(&case["reference"])), 0.65, 10);
        let errors = learned
            .model
            .errors(&of(&golden::rows(&case["current"])))
            .unwrap();
        let expected = &case["expected"];
        let close = |found: f64, expected: &serde_json::Value| {
            let want = expected.as_f64().unwrap();
            assert!(
                (found - want).abs() <= 1e-7 * want.abs(),
                "{}: {found:e} {want:e}",
                case["name"]
            );
        };
        let chunks: Vec<_> = errors
            .chunks(errors.len() / 10)
            .map(super::spread)
            .collect();
        assert_eq!(chunks.len(), expected["values"].as_array().unwrap().len());
        for (at, chunk) in chunks.iter().enumerate() {
            close(chunk.mean, &expected["values"][at]);
            close(
                chunk.deviation / (chunk.rows as f64).sqrt(),
                &expected["sampling_errors"][at],
            );
        }
        close(learned.nannyml_lower(), &expected["lower"]);
        close(learned.nannyml_upper(), &expected["upper"]);
    }
}

#[test]
#[ignore = "a simulation: run it in release, with --nocapture"]
fn measured_false_alarms_and_power() {
    for law in Law::ALL {
        for (n, m, columns) in [
            (50, 50, 5),
            (500, 100, 5),
            (1000, 10_000, 10),
            (1000, 1000, 30),
            (10_000, 1000, 10),
        ] {
            let repeats = if n + m > 5000 || columns > 20 {
                200
            } else {
                600
            };
            let rate = rate(
                law,
                Draw::new(n, columns),
                Draw::new(m, columns),
                repeats,
                NO_FLOOR,
            );
            println!("false alarms {law:?} n={n} m={m} columns={columns}: {rate:.3} of {repeats}");
        }
    }
    for (rows, columns, correlated) in [
        (1000, 2, 2),
        (1000, 3, 2),
        (1000, 10, 2),
        (1000, 10, 10),
        (10_000, 10, 2),
    ] {
        let current = together(rows, columns, correlated);
        let power = rate(Law::Normal, Draw::new(rows, columns), current, 40, "{}");
        println!(
            "power, rho 0 to 0.6 in {correlated} of {columns} columns, n=m={rows}: {power:.2}"
        );
        let back = rate(Law::Normal, current, Draw::new(rows, columns), 40, "{}");
        println!("power, rho 0.6 to 0 in {correlated} of {columns} columns, n=m={rows}: {back:.2}");
    }
    for shift in [0.25, 0.5, 1.0] {
        let current = Draw {
            shift,
            ..Draw::new(1000, 10)
        };
        let power = rate(Law::Normal, Draw::new(1000, 10), current, 40, "{}");
        println!("power, shift {shift} of one of 10 columns, n=m=1000: {power:.2}");
    }
}
