//! The detector on invented rows: what it must see, what it must not, and odd input.

#![allow(clippy::print_stdout, reason = "the simulation tells its figures")]
#![allow(
    clippy::cast_possible_truncation,
    reason = "vectors are of 32-bit floats"
)]

use leeway_matrix::odd::odd_windows_have_a_verdict;
use leeway_matrix::simulate::{Draw, Law, Rows, alarm_rate};
use leeway_matrix::{Values, golden};
use leeway_sdk::{BatchDetector, Failure, Measurement, Verdict};
use leeway_statistics::rng::Rng;

use super::{Mmd, discrepancy};

fn run(reference: &Rows, current: &Rows, config: &str, seed: u64) -> Vec<Measurement> {
    let baseline = Mmd::fit(reference, config, seed).unwrap();
    Mmd::evaluate(&baseline, current, config, seed).unwrap()
}

fn rate(law: Law, reference: Draw, current: Draw, repeats: u32, config: &str) -> f64 {
    alarm_rate(repeats, |repeat| {
        let mut rng = Rng::new(repeat + 1000);
        let (a, b) = (law.rows(reference, &mut rng), law.rows(current, &mut rng));
        run(&a, &b, config, repeat)
    })
}

/// Two normal columns whose correlation goes from 0 to 0.6.
fn together(rows: usize) -> Draw {
    Draw {
        rho: 0.6,
        correlated: 2,
        ..Draw::new(rows, 2)
    }
}

#[test]
fn what_goes_together_only_is_seen() {
    let mut rng = Rng::new(1);
    let reference = Law::Normal.rows(Draw::new(1000, 2), &mut rng);
    let current = Law::Normal.rows(together(1000), &mut rng);
    let found = run(&reference, &current, "{}", 1);
    assert_eq!(found[0].verdict, Verdict::Drifted);
    assert_eq!(
        (found[0].p_value, found[0].column.as_deref()),
        (Some(0.002), None)
    );
    assert!(found[0].detail.as_ref().unwrap().contains(r#""seed":"1""#));
}

#[test]
fn false_alarms_are_rare_for_a_few_hundred_windows() {
    let config = r#"{"permutations": 99, "effect_min": 0}"#;
    let rate = rate(
        Law::Student3,
        Draw::new(60, 3),
        Draw::new(40, 3),
        200,
        config,
    );
    assert!(rate <= 0.095, "{rate}");
}

#[test]
fn the_kernel_is_exact_up_to_its_bound_and_features_agree_beyond_it() {
    let mut rng = Rng::new(4);
    let kernel = |one: &Measurement| one.detail.as_ref().unwrap().contains(r#""kernel":"exact""#);
    let draw = |rows| Draw {
        shift: 0.3,
        ..Draw::new(rows, 3)
    };
    let reference = Law::Normal.rows(Draw::new(2000, 3), &mut rng);
    let config = r#"{"permutations": 39}"#;
    let exact = run(
        &reference,
        &Law::Normal.rows(draw(2000), &mut rng),
        config,
        1,
    );
    let features = run(
        &reference,
        &Law::Normal.rows(draw(2001), &mut rng),
        config,
        1,
    );
    assert!(kernel(&exact[0]) && !kernel(&features[0]));
    assert_eq!(
        (exact[0].verdict, features[0].verdict),
        (Verdict::Drifted, Verdict::Drifted)
    );
    assert!((exact[0].value / features[0].value - 1.0).abs() < 0.6);
}

#[test]
fn an_embedding_is_a_block_of_its_own() {
    let mut rng = Rng::new(4);
    let mut rows = |shift: f64| {
        let vectors = (0..200 * 8)
            .map(|_| (rng.normal() + shift) as f32)
            .collect();
        let numbers = (0..200).map(|_| rng.normal()).collect();
        Rows::default()
            .numbers("x", numbers)
            .vectors("v", 8, vectors)
    };
    let found = run(&rows(0.0), &rows(0.4), "{}", 1);
    assert_eq!(found[0].column, None);
    assert_eq!(
        (found[1].column.as_deref(), found[1].verdict),
        (Some("v"), Verdict::Drifted)
    );
    assert!(found[1].p_adjusted >= found[1].p_value);
    let alone = run(&rows(0.0), &rows(0.0), r#"{"ignore": ["x"]}"#, 1);
    assert_eq!((alone.len(), alone[0].column.as_deref()), (1, Some("v")));
}

#[test]
fn odd_windows_are_judged() {
    let verdict = |reference: &Rows, current: &Rows| run(reference, current, "{}", 1)[0].verdict;
    odd_windows_have_a_verdict(30, verdict);
    let vectors = |width: usize| Rows::default().vectors("v", width, vec![1.0; 30 * width]);
    assert_eq!(verdict(&vectors(2), &vectors(3)), Verdict::Failed);
    assert_eq!(verdict(&vectors(2), &vectors(2)), Verdict::Constant);
}

#[test]
fn a_level_that_permutations_cannot_reach_is_refused() {
    assert!(Mmd::check_config(r#"{"permutations": 19}"#).is_ok());
    let refused = Mmd::check_config(r#"{"permutations": 98, "level": 0.01}"#);
    assert!(
        matches!(refused, Err(Failure::InvalidConfig(why)) if why.starts_with("permutations:"))
    );
    assert!(Mmd::check_config(r#"{"permutations": 99, "level": 0.01}"#).is_ok());
}

#[test]
fn values_bandwidths_and_p_values_equal_those_written_out_in_numpy() {
    for case in golden::cases("mmd") {
        let numbers = |field: &str| {
            let window = golden::rows(&case[field]);
            let columns: Vec<&Vec<f64>> = window
                .columns()
                .iter()
                .filter_map(|column| match &column.values {
                    Values::Numbers(numbers) => Some(numbers),
                    _ => None,
                })
                .collect();
            let rows: Vec<f64> = (0..columns[0].len())
                .flat_map(|row| columns.iter().map(move |x| x[row]))
                .collect();
            (rows, columns.len())
        };
        let ((mut rows, width), (current, _)) = (numbers("reference"), numbers("current"));
        let n = rows.len() / width;
        rows.extend(current);
        let found = discrepancy(&rows, width, n, 4_999, &mut Rng::new(1)).unwrap();
        let expected = |field: &str| case["expected"][field].as_f64().unwrap();
        let squared = expected("mmd_squared");
        assert!(
            (found.squared - squared).abs() <= (1e-9 * squared.abs()).max(1e-13),
            "{}",
            case["name"]
        );
        assert!(
            (found.bandwidth / expected("bandwidth") - 1.0).abs() <= 1e-9,
            "{}",
            case["name"]
        );
        assert!(
            (found.p_value() - expected("p_value")).abs() <= 0.03,
            "{}",
            case["name"]
        );
    }
}

#[test]
#[ignore = "a simulation: run it in release, with --nocapture"]
fn measured_false_alarms_and_power() {
    for law in Law::ALL {
        for (n, m, columns, repeats) in [
            (50, 50, 1, 1000),
            (500, 100, 5, 600),
            (100, 100, 30, 600),
            (1000, 1000, 3, 200),
        ] {
            let config = r#"{"permutations": 199, "effect_min": 0}"#;
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
    let rate_beyond = rate(
        Law::Normal,
        Draw::new(3000, 5),
        Draw::new(500, 5),
        300,
        r#"{"permutations": 99, "effect_min": 0}"#,
    );
    println!("false alarms by features n=3000 m=500 columns=5: {rate_beyond:.3} of 300");
    for (rows, columns) in [(200, 2), (500, 2), (1000, 2), (1000, 10), (5000, 2)] {
        let current = Draw {
            columns,
            ..together(rows)
        };
        let repeats = if rows > 2000 { 10 } else { 40 };
        let config = r#"{"permutations": 199}"#;
        let power = rate(
            Law::Normal,
            Draw::new(rows, columns),
            current,
            repeats,
            config,
        );
        println!("power, rho 0 to 0.6, n=m={rows} columns={columns}: {power:.2}");
    }
    for shift in [0.1, 0.25, 0.5] {
        for columns in [1, 10] {
            let current = Draw {
                shift,
                ..Draw::new(1000, columns)
            };
            let config = r#"{"permutations": 199}"#;
            let power = rate(Law::Normal, Draw::new(1000, columns), current, 40, config);
            println!("power, shift {shift} of one of {columns} columns, n=m=1000: {power:.2}");
        }
    }
}
