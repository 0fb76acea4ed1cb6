//! The detector on invented rows: what it must see, what it must not, and odd input.

#![allow(clippy::print_stdout, reason = "the simulation tells its figures")]

use leeway_matrix::simulate::{Draw, Law, Rows, alarm_rate};
use leeway_matrix::{Values, golden};
use leeway_sdk::{BatchDetector, Measurement, Verdict};
use leeway_statistics::rng::Rng;

use super::{COLUMNS_MAX, CorrelationChange};

fn run(reference: &Rows, current: &Rows, config: &str) -> Vec<Measurement> {
    let baseline = CorrelationChange::fit(reference, config, 1).unwrap();
    CorrelationChange::evaluate(&baseline, current, config, 1).unwrap()
}

fn rate(law: Law, reference: Draw, current: Draw, repeats: u32, config: &str) -> f64 {
    alarm_rate(repeats, |repeat| {
        let mut rng = Rng::new(repeat + 1000);
        let (a, b) = (law.rows(reference, &mut rng), law.rows(current, &mut rng));
        run(&a, &b, config)
    })
}

fn together(rows: usize, columns: usize, rho: f64) -> Draw {
    Draw {
        rho,
        correlated: 2,
        ..Draw::new(rows, columns)
    }
}

const NO_FLOOR: &str = r#"{"effect_min": 0}"#;
const LAWS: [Law; 4] = [Law::Normal, Law::Lognormal, Law::Student3, Law::Rounded];

#[test]
fn what_goes_together_only_is_seen_and_the_pair_is_named() {
    let mut rng = Rng::new(2);
    let reference = Law::Normal.rows(Draw::new(300, 4), &mut rng);
    let current = Law::Normal.rows(together(300, 4, 0.6), &mut rng);
    let found = run(&reference, &current, "{}");
    assert_eq!(
        (found[0].verdict, found[0].column.as_deref()),
        (Verdict::Drifted, None)
    );
    assert!(found[0].value > found[0].threshold.unwrap());
    assert!(
        found[0]
            .detail
            .as_ref()
            .unwrap()
            .contains(r#""columns":["x0","x1"]"#)
    );
    let verdicts: Vec<_> = found[1..]
        .iter()
        .map(|one| (one.column.as_deref().unwrap(), one.verdict))
        .collect();
    assert_eq!(
        verdicts[..2],
        [("x0", Verdict::Drifted), ("x1", Verdict::Drifted)]
    );
    assert_eq!(
        verdicts[2..],
        [("x2", Verdict::Stable), ("x3", Verdict::Stable)]
    );
}

#[test]
fn false_alarms_are_rare_with_heavy_tails_and_a_common_scale() {
    let common = |rows: usize, rng: &mut Rng| {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let scale = libm::exp(1.5 * rng.normal());
            x.push(scale * rng.normal());
            y.push(scale * rng.normal());
        }
        Rows::default().numbers("x", x).numbers("y", y)
    };
    let rate = alarm_rate(400, |repeat| {
        let mut rng = Rng::new(repeat);
        run(&common(300, &mut rng), &common(200, &mut rng), NO_FLOOR)
    });
    assert!(rate <= 0.085, "{rate}");
}

#[test]
fn rows_with_one_value_missing_do_not_count_for_the_pair() {
    let mut rng = Rng::new(3);
    let mut gaps = |share: f64| {
        let x: Vec<f64> = (0..400)
            .map(|_| {
                if rng.uniform() < share {
                    f64::NAN
                } else {
                    rng.normal()
                }
            })
            .collect();
        let y = x
            .iter()
            .map(|x| if x.is_nan() { 50.0 } else { x + rng.normal() })
            .collect();
        Rows::default().numbers("x", x).numbers("y", y)
    };
    let found = run(&gaps(0.0), &gaps(0.3), "{}");
    assert_eq!(found[0].verdict, Verdict::Stable);
    assert!(found[0].missing_share > 0.1);
}

#[test]
fn odd_windows_have_a_verdict() {
    let mut rng = Rng::new(3);
    let good = Law::Normal.rows(Draw::new(50, 2), &mut rng);
    let few = Law::Normal.rows(Draw::new(49, 2), &mut rng);
    let same = Rows::default()
        .numbers("x0", vec![1.0; 50])
        .numbers("x1", vec![2.0; 50]);
    let line: Vec<f64> = (0..50).map(f64::from).collect();
    let line = Rows::default()
        .numbers("x0", line.clone())
        .numbers("x1", line.iter().map(|x| -x).collect());
    let verdict = |reference: &Rows, current: &Rows| run(reference, current, "{}")[0].verdict;
    assert_eq!(verdict(&Rows::default(), &Rows::default()), Verdict::Failed);
    assert_eq!(verdict(&good, &few), Verdict::Insufficient);
    assert_eq!(verdict(&good, &same), Verdict::Insufficient);
    assert_eq!(verdict(&line, &line), Verdict::Stable);
    assert_eq!(verdict(&good, &line), Verdict::Drifted);
    assert_eq!(
        verdict(&good, &Rows::default().numbers("x0", vec![1.0; 60])),
        Verdict::Insufficient
    );
    let names = Rows::default()
        .names("x0", vec![None; 60])
        .numbers("x1", vec![1.0; 60]);
    assert_eq!(verdict(&good, &names), Verdict::Insufficient);
}

#[test]
fn columns_hold_up_to_their_bound_and_not_beyond() {
    let wide = |columns: usize| {
        (0..columns).fold(Rows::default(), |rows, at| {
            rows.numbers(&format!("x{at}"), vec![1.0])
        })
    };
    assert!(CorrelationChange::fit(&wide(COLUMNS_MAX), "{}", 1).is_ok());
    assert!(CorrelationChange::fit(&wide(COLUMNS_MAX + 1), "{}", 1).is_err());
}

#[test]
fn ten_pairs_of_the_longest_names_fit_into_a_detail() {
    let mut rng = Rng::new(3);
    let mut rows = |rows: Rows| {
        (0..6).fold(rows, |rows, at| {
            let name = format!("{at}{}", "\u{1F300}".repeat(60));
            rows.numbers(&name, (0..60).map(|_| rng.normal()).collect())
        })
    };
    let found = run(&rows(Rows::default()), &rows(Rows::default()), "{}");
    let longest = found
        .iter()
        .map(|one| one.detail.as_ref().unwrap().len())
        .max();
    assert!(longest.unwrap() <= 4_096, "{longest:?}");
}

#[test]
fn correlations_equal_those_of_scipy() {
    for case in golden::cases("spearman") {
        let window = golden::rows(&case["reference"]);
        let columns: Vec<&[f64]> = window
            .columns()
            .iter()
            .filter_map(|column| match &column.values {
                Values::Numbers(numbers) => Some(numbers.as_slice()),
                _ => None,
            })
            .collect();
        let found = super::correlations(&columns)[0].unwrap();
        let want = case["expected"]["r"].as_f64().unwrap();
        assert!(
            (found.r - want).abs() <= (1e-12 * want.abs()).max(1e-14),
            "{}: {}",
            case["name"],
            found.r
        );
    }
}

#[test]
#[ignore = "a simulation: run it in release, with --nocapture"]
fn measured_false_alarms_and_power() {
    for law in LAWS {
        for (n, m, columns, rho) in [
            (50, 50, 2, 0.0),
            (50, 50, 10, 0.0),
            (500, 100, 5, 0.5),
            (10_000, 50, 5, 0.5),
            (1000, 1000, 20, 0.0),
            (200, 200, 2, 0.9),
        ] {
            let repeats = if n + m > 5000 { 300 } else { 1000 };
            let rate = rate(
                law,
                together(n, columns, rho),
                together(m, columns, rho),
                repeats,
                NO_FLOOR,
            );
            println!(
                "false alarms {law:?} n={n} m={m} columns={columns} rho={rho}: {rate:.3} of {repeats}"
            );
        }
    }
    for (rows, columns) in [(50, 2), (100, 2), (100, 10), (200, 20), (1000, 50)] {
        let power = rate(
            Law::Normal,
            Draw::new(rows, columns),
            together(rows, columns, 0.6),
            100,
            "{}",
        );
        println!("power, rho 0 to 0.6, n=m={rows} columns={columns}: {power:.2}");
    }
    for rho in [0.15, 0.3] {
        let power = rate(
            Law::Student3,
            Draw::new(1000, 5),
            together(1000, 5, rho),
            100,
            "{}",
        );
        println!("power, rho 0 to {rho} before a common t3, n=m=1000 columns=5: {power:.2}");
    }
}
