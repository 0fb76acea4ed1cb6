//! Windows whose truth is known, through the detector.

use std::collections::BTreeMap;

use leeway_outcomes::table::Table;
use leeway_sdk::{BatchDetector, Failure, Measurement, Role, ThresholdKind, Verdict};
use leeway_statistics::rng::Rng;

use crate::Performance;

/// How a window is made.
#[derive(Clone, Copy)]
struct Scene {
    rows: usize,
    /// Exponent of the distance from one half: 1 spreads scores evenly, more draws them to the middle.
    spread: f64,
    /// How far probabilities are wrong: the chance is the score to this power.
    wrong: f64,
    /// Share of rows with labels.
    labelled: f64,
    seed: u64,
}

const EVEN: Scene = Scene {
    rows: 5000,
    spread: 1.0,
    wrong: 1.0,
    labelled: 1.0,
    seed: 1,
};

/// Scores near one half where `spread` is large, so that the model gets more rows wrong.
fn binary(scene: Scene) -> Table {
    let mut rng = Rng::new(scene.seed);
    let (mut scores, mut said, mut labels, mut times) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in 0..scene.rows {
        let u = 2.0 * rng.uniform() - 1.0;
        let score = 0.5 + 0.5 * u.signum() * power(u.abs(), scene.spread);
        let chance = power(score, scene.wrong);
        scores.push(score);
        said.push(if score > 0.5 { "late" } else { "on_time" });
        let label = if rng.uniform() < chance {
            "late"
        } else {
            "on_time"
        };
        labels.push(if rng.uniform() < scene.labelled {
            label
        } else {
            ""
        });
        times.push(row as f64);
    }
    Table::default()
        .numbers("p", Role::Probability, &scores)
        .names("said", Role::Prediction, &said)
        .names("truth", Role::Label, &labels)
        .at(&times)
}

#[expect(
    clippy::disallowed_methods,
    reason = "windows of a test need not have the same bits everywhere"
)]
fn power(base: f64, exponent: f64) -> f64 {
    base.powf(exponent)
}

/// A regressor whose error grows with `c`, which lies between two ends.
fn regression(rows: usize, low: f64, high: f64, labelled: bool, seed: u64) -> Table {
    let mut rng = Rng::new(seed);
    let columns: Vec<[f64; 4]> = (0..rows)
        .map(|_| {
            let (a, c) = (rng.uniform(), low + (high - low) * rng.uniform());
            let said = 10.0 * a;
            let truth = said + (0.5 + 4.0 * c * c) * (2.0 * rng.uniform() - 1.0);
            [a, c, said, if labelled { truth } else { f64::NAN }]
        })
        .collect();
    let column = |at: usize| columns.iter().map(|row| row[at]).collect::<Vec<_>>();
    let groups: Vec<&str> = columns
        .iter()
        .map(|row| if row[1] > 0.7 { "wild" } else { "calm" })
        .collect();
    Table::default()
        .numbers("a", Role::Feature, &column(0))
        .numbers("c", Role::Feature, &column(1))
        .names("group", Role::Feature, &groups)
        .numbers("said", Role::Prediction, &column(2))
        .numbers("truth", Role::Label, &column(3))
}

/// Three classes with a column of probabilities each; `sure` draws the largest of them up.
fn three(rows: usize, sure: f64, seed: u64) -> Table {
    let mut rng = Rng::new(seed);
    let names = ["cat", "dog", "eel"];
    let mut columns: [Vec<f64>; 3] = Default::default();
    let (mut said, mut truth, mut certainty) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let raw: Vec<f64> = (0..3).map(|_| power(rng.uniform(), sure)).collect();
        let total: f64 = raw.iter().sum();
        let (draw, mut passed, mut label) = (rng.uniform(), 0.0, 2);
        for class in (0..3).rev() {
            columns[class].push(raw[class] / total);
            passed += raw[class] / total;
            if draw < passed {
                label = class;
                passed = f64::NEG_INFINITY;
            }
        }
        let best = (0..3)
            .max_by(|&left, &right| raw[left].total_cmp(&raw[right]))
            .unwrap();
        said.push(names[best]);
        certainty.push(raw[best] / total);
        truth.push(names[label]);
    }
    let table = Table::default()
        .names("said", Role::Prediction, &said)
        .names("truth", Role::Label, &truth);
    let table = table.numbers("certainty", Role::Probability, &certainty);
    names
        .iter()
        .zip(&columns)
        .fold(table, |table, (name, column)| {
            table.numbers(&format!("p_{name}"), Role::Feature, column)
        })
}

fn run(reference: &Table, current: &Table, config: &str) -> BTreeMap<String, Measurement> {
    let baseline = Performance::fit(reference, config, 1).unwrap();
    let found = Performance::evaluate(&baseline, current, config, 1).unwrap();
    for one in &found {
        let declared = Performance::describe()
            .metrics
            .into_iter()
            .find(|metric| metric.name == one.metric)
            .unwrap();
        assert!(
            one.value.is_finite() && one.value >= declared.minimum.unwrap(),
            "{one:?}"
        );
        assert!(
            declared.maximum.is_none_or(|maximum| one.value <= maximum),
            "{one:?}"
        );
        assert!(
            one.threshold.is_none_or(f64::is_finite)
                && one.threshold.is_some() == one.threshold_kind.is_some()
        );
        assert!(
            one.detail
                .as_ref()
                .is_none_or(|detail| detail.len() < 4096 && !detail.contains("null")),
            "{one:?}"
        );
    }
    let count = found.len();
    let by_name: BTreeMap<String, Measurement> = found
        .into_iter()
        .map(|one| (one.metric.clone(), one))
        .collect();
    assert_eq!(by_name.len(), count);
    by_name
}

#[test]
fn without_drift_all_is_stable_and_estimates_are_near_the_truth() {
    let found = run(
        &binary(EVEN),
        &binary(Scene {
            seed: 2,
            rows: 3000,
            ..EVEN
        }),
        "{}",
    );
    assert_eq!(found.len(), 7 + 7 + 5);
    for (name, one) in &found {
        assert_eq!(one.verdict, Verdict::Stable, "{name}: {one:?}");
    }
    for figure in [
        "accuracy",
        "f1",
        "precision",
        "recall",
        "specificity",
        "auroc",
        "brier",
    ] {
        let off = found[&format!("estimated_{figure}")].value
            - found[&format!("realized_{figure}")].value;
        assert!(off.abs() < 0.03, "{figure}: {off}");
    }
    assert_eq!(found["label_coverage"].value, 1.0);
    assert_eq!(found["label_lag_seconds"].value, 0.0);
}

#[test]
fn rows_that_are_harder_are_seen_without_their_labels() {
    let harder = Scene {
        spread: 3.0,
        labelled: 0.0,
        seed: 3,
        ..EVEN
    };
    let found = run(&binary(EVEN), &binary(harder), "{}");
    assert!(
        found.keys().all(|name| !name.starts_with("realized_")),
        "{:?}",
        found.keys()
    );
    assert_eq!(found["estimated_accuracy"].verdict, Verdict::Drifted);
    assert_eq!(found["label_coverage"].value, 0.0);
    let truth = run(
        &binary(EVEN),
        &binary(Scene {
            labelled: 1.0,
            ..harder
        }),
        "{}",
    );
    let off = truth["realized_accuracy"].value - found["estimated_accuracy"].value;
    assert!(off.abs() < 0.03, "{off}");
    assert_eq!(truth["realized_accuracy"].verdict, Verdict::Drifted);
    assert_eq!(truth["spiegelhalter_z"].verdict, Verdict::Stable);
}

#[test]
fn scores_that_are_no_probabilities_are_calibrated_first() {
    let wrong = Scene { wrong: 2.0, ..EVEN };
    let found = run(&binary(wrong), &binary(Scene { seed: 9, ..wrong }), "{}");
    assert!(
        found["estimated_accuracy"]
            .detail
            .as_ref()
            .unwrap()
            .contains(r#""calibrated_classes":1"#)
    );
    let off = found["estimated_accuracy"].value - found["realized_accuracy"].value;
    assert!(off.abs() < 0.02, "{off}");
    assert_eq!(found["spiegelhalter_z"].verdict, Verdict::Stable);
}

#[test]
fn a_change_of_the_scores_alone_is_no_change_of_calibration() {
    let wrong = Scene { wrong: 2.0, ..EVEN };
    let harder = Scene {
        spread: 1.5,
        seed: 8,
        ..wrong
    };
    let found = run(&binary(wrong), &binary(harder), "{}");
    for name in ["spiegelhalter_z", "calibration_shift"] {
        assert_eq!(found[name].verdict, Verdict::Stable, "{:?}", found[name]);
    }
}

#[test]
fn calibration_is_judged_by_a_level_and_a_floor() {
    let (reference, moved) = (
        binary(EVEN),
        binary(Scene {
            wrong: 1.3,
            seed: 4,
            ..EVEN
        }),
    );
    let verdict = |config: &str| {
        let one = &run(&reference, &moved, config)["calibration_shift"];
        (one.verdict, one.threshold_kind.unwrap())
    };
    let (calibrated, floor) = (ThresholdKind::Calibrated, ThresholdKind::Floor);
    assert_eq!(verdict("{}"), (Verdict::Drifted, calibrated));
    assert_eq!(
        verdict(r#"{"calibration_level": 1e-200}"#),
        (Verdict::Stable, calibrated)
    );
    assert_eq!(
        verdict(r#"{"calibration_effect_min": 0.2}"#),
        (Verdict::Stable, floor)
    );
    for wrong in [
        r#"{"calibration_level": 0}"#,
        r#"{"calibration_level": 1}"#,
        r#"{"calibration_effect_min": 1.1}"#,
    ] {
        assert!(Performance::check_config(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_change_of_the_chance_behind_a_score_is_seen_by_labels_alone() {
    let found = run(
        &binary(EVEN),
        &binary(Scene {
            wrong: 4.0,
            seed: 4,
            ..EVEN
        }),
        "{}",
    );
    for name in ["spiegelhalter_z", "calibration_shift"] {
        assert!(found[name].p_value.unwrap() < 1e-6, "{:?}", found[name]);
        assert_eq!(found[name].verdict, Verdict::Drifted);
    }
    assert_eq!(found["realized_accuracy"].verdict, Verdict::Drifted);
    assert_eq!(found["estimated_accuracy"].verdict, Verdict::Stable);
}

#[test]
fn labels_that_lag_are_counted() {
    let mut rng = Rng::new(8);
    let rows = 2000;
    let scores: Vec<f64> = (0..rows).map(|_| rng.uniform()).collect();
    let said: Vec<f64> = scores
        .iter()
        .map(|score| f64::from(u8::from(*score > 0.5)))
        .collect();
    let label = |(row, score): (usize, &f64)| {
        if row < 1500 {
            f64::from(u8::from(rng.uniform() < *score))
        } else {
            f64::NAN
        }
    };
    let labels: Vec<f64> = scores.iter().enumerate().map(label).collect();
    let times: Vec<f64> = (0..rows).map(|row| 60.0 * f64::from(row)).collect();
    let current = Table::default()
        .numbers("p", Role::Probability, &scores)
        .numbers("said", Role::Prediction, &said)
        .numbers("truth", Role::Label, &labels)
        .at(&times);
    let found = run(&current, &current, "{}");
    assert_eq!(found["label_coverage"].value, 0.75);
    assert_eq!(found["label_lag_seconds"].value, 500.0 * 60.0);
    assert_eq!(
        (
            found["realized_accuracy"].current_rows,
            found["estimated_accuracy"].current_rows
        ),
        (1500, 2000)
    );
    assert!(
        found["estimated_accuracy"]
            .detail
            .as_ref()
            .unwrap()
            .contains(r#""positive":"1""#)
    );
}

#[test]
fn a_regressor_that_errs_more_is_seen_without_labels() {
    let reference = regression(6000, 0.0, 1.0, true, 1);
    let found = run(&reference, &regression(3000, 0.0, 1.0, true, 2), "{}");
    for figure in ["mae", "mse", "rmse"] {
        assert_eq!(
            found[&format!("estimated_{figure}")].verdict,
            Verdict::Stable,
            "{found:?}"
        );
        assert_eq!(
            found[&format!("realized_{figure}")].verdict,
            Verdict::Stable
        );
    }
    let found = run(&reference, &regression(3000, 0.6, 1.0, false, 3), "{}");
    assert_eq!(found["estimated_mae"].verdict, Verdict::Drifted);
    let truth = run(&reference, &regression(3000, 0.6, 1.0, true, 3), "{}");
    let off = found["estimated_mae"].value / truth["realized_mae"].value - 1.0;
    assert!(off.abs() < 0.05, "{off}");
    let easier = run(&reference, &regression(3000, 0.0, 0.5, false, 4), "{}");
    assert_eq!(
        easier["estimated_rmse"].verdict,
        Verdict::Stable,
        "better is not worse"
    );
}

#[test]
fn classes_with_a_column_each_have_macro_averages_and_others_an_accuracy() {
    let classes = r#"{"classes": {"cat": "p_cat", "dog": "p_dog", "eel": "p_eel"}}"#;
    let (reference, current) = (three(5000, 2.0, 1), three(4000, 2.0, 2));
    let found = run(&reference, &current, classes);
    for figure in [
        "accuracy",
        "f1",
        "precision",
        "recall",
        "specificity",
        "auroc",
    ] {
        let (estimated, realized) = (
            &found[&format!("estimated_{figure}")],
            &found[&format!("realized_{figure}")],
        );
        assert!(
            (estimated.value - realized.value).abs() < 0.03,
            "{figure}: {estimated:?} {realized:?}"
        );
        assert_eq!(
            (estimated.verdict, realized.verdict),
            (Verdict::Stable, Verdict::Stable),
            "{figure}"
        );
    }
    assert!(!found.contains_key("estimated_brier"));
    let harder = run(&reference, &three(4000, 0.5, 3), classes);
    assert_eq!(harder["estimated_accuracy"].verdict, Verdict::Drifted);

    // One column that says how sure the model was.
    let sure = run(&reference, &three(4000, 0.5, 3), "{}");
    assert_eq!(
        sure.keys()
            .filter(|name| name.starts_with("estimated_"))
            .count(),
        1
    );
    let off = sure["estimated_accuracy"].value - sure["realized_accuracy"].value;
    assert!(off.abs() < 0.03, "{off}");
    assert_eq!(sure["estimated_accuracy"].verdict, Verdict::Drifted);
}

#[test]
fn a_classifier_without_probabilities_has_an_accuracy_out_of_its_features() {
    let window = |hard: f64, seed: u64| {
        let mut rng = Rng::new(seed);
        let kinds: Vec<&str> = (0..4000)
            .map(|_| if rng.uniform() < hard { "hard" } else { "easy" })
            .collect();
        let truth: Vec<&str> = (0..4000)
            .map(|_| if rng.uniform() < 0.5 { "a" } else { "b" })
            .collect();
        let said: Vec<&str> = kinds
            .iter()
            .zip(&truth)
            .map(|(kind, truth)| {
                let wrong = rng.uniform() < if *kind == "hard" { 0.4 } else { 0.05 };
                if wrong == (*truth == "a") { "b" } else { "a" }
            })
            .collect();
        Table::default()
            .names("kind", Role::Feature, &kinds)
            .names("said", Role::Prediction, &said)
            .names("truth", Role::Label, &truth)
    };
    let found = run(&window(0.3, 1), &window(0.7, 2), "{}");
    assert_eq!(found["estimated_accuracy"].verdict, Verdict::Drifted);
    let off = found["estimated_accuracy"].value - found["realized_accuracy"].value;
    assert!(off.abs() < 0.03, "{off}");
    assert!(!found.contains_key("spiegelhalter_z"));
    let same = run(&window(0.3, 1), &window(0.3, 3), "{}");
    assert_eq!(same["estimated_accuracy"].verdict, Verdict::Stable);
}

#[test]
fn what_cannot_be_estimated_says_why() {
    let why = |reference: &Table, config: &str| {
        let found = run(reference, &binary(EVEN), config);
        let one = found.values().next().unwrap();
        assert_eq!(
            (found.len(), one.verdict),
            (1, Verdict::Insufficient),
            "{found:?}"
        );
        one.detail.clone().unwrap()
    };
    assert!(
        why(
            &binary(Scene {
                labelled: 0.0,
                ..EVEN
            }),
            "{}"
        )
        .contains("has 0 rows")
    );
    assert!(why(&binary(Scene { rows: 99, ..EVEN }), "{}").contains("it takes 100"));
    assert!(why(&Table::default(), "{}").contains("no column of labels"));
    assert!(
        why(&Table::default().numbers("x", Role::Feature, &[]), "{}")
            .contains("no column of labels")
    );
    assert!(why(&binary(EVEN), r#"{"positive": "never"}"#).contains("positive class 'never'"));
    let constant = Table::default()
        .names("said", Role::Prediction, &["a"; 200])
        .names("truth", Role::Label, &["a"; 200]);
    assert!(why(&constant, "{}").contains("one class alone"));
    let reference = binary(EVEN);
    let few = run(&reference, &binary(Scene { rows: 99, ..EVEN }), "{}");
    assert!(
        few.iter()
            .filter(|(name, _)| name.contains('_') && !name.starts_with("label"))
            .all(|(_, one)| one.verdict == Verdict::Insufficient)
    );
    let empty = run(&reference, &binary(Scene { rows: 0, ..EVEN }), "{}");
    assert!(
        empty
            .values()
            .all(|one| one.verdict == Verdict::Insufficient),
        "{empty:?}"
    );
}

#[test]
fn odd_numbers_are_missing_ones() {
    let odd = [f64::NAN, f64::INFINITY, -0.5, 1.5, 0.5, 0.25];
    let scores: Vec<f64> = (0..600).map(|row| odd[row % 6]).collect();
    let said: Vec<f64> = (0..600)
        .map(|row| f64::from(u8::from(row % 2 == 0)))
        .collect();
    let labels: Vec<f64> = (0..600)
        .map(|row| [0.0, 1.0, f64::NEG_INFINITY][row % 3])
        .collect();
    let table = Table::default()
        .numbers("p", Role::Probability, &scores)
        .numbers("said", Role::Prediction, &said)
        .numbers("truth", Role::Label, &labels);
    let found = run(&table, &table, "{}");
    assert_eq!(found["estimated_accuracy"].current_rows, 200);
    assert!((found["estimated_accuracy"].missing_share - 2.0 / 3.0).abs() < 1e-12);
}

#[test]
fn configurations_that_mean_nothing_are_refused() {
    for (config, named) in [
        (r#"{"classes": {"a": "p"}}"#, "classes"),
        (r#"{"classes": {"a": "p", "b": "p"}}"#, "classes"),
        (
            r#"{"classes": {"a": "p", "b": "q"}, "positive": "a"}"#,
            "classes",
        ),
        (
            r#"{"classes": {"a": "p", "b": "q"}, "task": "regressor"}"#,
            "classes",
        ),
        (r#"{"sigma": 3}"#, "sigma"),
        (r#"{"thresholds": {"speed": 3}}"#, "speed"),
    ] {
        match Performance::check_config(config) {
            Err(Failure::InvalidConfig(why)) => assert!(why.contains(named), "{config}: {why}"),
            other => panic!("{config}: {other:?}"),
        }
    }
    let absent = r#"{"classes": {"late": "p_late", "on_time": "p_on_time"}}"#;
    let refused = Performance::fit(&binary(EVEN), absent, 1);
    assert!(
        matches!(&refused, Err(Failure::InvalidConfig(why)) if why.contains("no column 'p_late'")),
        "{refused:?}"
    );
}

#[test]
fn thresholds_are_fixed_learned_or_a_floor() {
    let (reference, current) = (binary(EVEN), binary(Scene { seed: 6, ..EVEN }));
    let threshold = |config: &str| {
        run(&reference, &current, config)["estimated_accuracy"]
            .threshold
            .unwrap()
    };
    assert_eq!(threshold(r#"{"thresholds": {"accuracy": 0.9}}"#), 0.9);
    let centre = run(&reference, &reference, "{}")["realized_accuracy"].value;
    assert!((threshold(r#"{"effect_min": {"accuracy": 0.3}}"#) - (centre - 0.3)).abs() < 0.01);
    // A tenth of the rows strays more.
    let small = run(
        &reference,
        &binary(Scene {
            seed: 6,
            rows: 500,
            ..EVEN
        }),
        "{}",
    )["estimated_accuracy"]
        .threshold
        .unwrap();
    assert!(small < threshold("{}"), "{small}");
    let unscaled = r#"{"scaled": false}"#;
    let as_chunks = run(
        &reference,
        &binary(Scene {
            seed: 6,
            rows: 500,
            ..EVEN
        }),
        unscaled,
    )["estimated_accuracy"]
        .threshold;
    assert_eq!(as_chunks, Some(threshold(unscaled)));
}

#[test]
fn a_damaged_baseline_is_refused_and_the_same_bytes_come_again() {
    let reference = binary(EVEN);
    let baseline = Performance::fit(&reference, "{}", 1).unwrap();
    assert_eq!(baseline, Performance::fit(&reference, "{}", 1).unwrap());
    for damaged in [&baseline[..0], &baseline[..baseline.len() / 2], &[9, 9, 9]] {
        let refused = Performance::evaluate(damaged, &reference, "{}", 1);
        assert!(
            matches!(refused, Err(Failure::UnusableBaseline(_))),
            "{refused:?}"
        );
    }
}

/// Share of windows without drift in which a figure of a kind is called drifted, and in which any is.
fn alarms(repeats: u32, reference_rows: usize, rows: usize, scene: Scene) -> [f64; 4] {
    let (mut estimated, mut realized, mut accuracy, mut calibration) = (0, 0, 0, 0);
    for repeat in 0..repeats {
        let seed = 1000 + 2 * u64::from(repeat);
        let reference = binary(Scene {
            rows: reference_rows,
            seed,
            wrong: scene.wrong,
            ..EVEN
        });
        let found = run(
            &reference,
            &binary(Scene {
                rows,
                seed: seed + 1,
                ..scene
            }),
            "{}",
        );
        let any = |kind: &str| {
            found
                .iter()
                .any(|(name, one)| name.starts_with(kind) && one.verdict == Verdict::Drifted)
        };
        estimated += u32::from(any("estimated_"));
        realized += u32::from(any("realized_"));
        let moved = ["spiegelhalter_z", "calibration_shift"];
        calibration += u32::from(
            moved
                .iter()
                .any(|name| found[*name].verdict == Verdict::Drifted),
        );
        accuracy += u32::from(found["estimated_accuracy"].verdict == Verdict::Drifted);
    }
    [estimated, realized, accuracy, calibration]
        .map(|count: u32| f64::from(count) / f64::from(repeats))
}

#[test]
fn windows_without_drift_seldom_raise_an_alarm() {
    let [estimated, realized, _, calibration] = alarms(40, 1000, 300, EVEN);
    assert!(
        estimated <= 0.10 && realized <= 0.10 && calibration <= 0.10,
        "{estimated} {realized} {calibration}"
    );
}

#[test]
#[ignore = "a simulation of a minute: run with --release -- --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "the table is the result")]
fn false_alarms_and_power() {
    println!(
        "| reference | current | change | any estimated figure | any realized figure | estimated accuracy | calibration |"
    );
    for (name, scene) in [
        ("none", EVEN),
        ("none, scores not calibrated", Scene { wrong: 2.0, ..EVEN }),
        (
            "harder rows, accuracy -0.02",
            Scene {
                spread: 1.2,
                ..EVEN
            },
        ),
        (
            "harder rows, accuracy -0.07",
            Scene {
                spread: 1.7,
                ..EVEN
            },
        ),
    ] {
        for (n, m) in [
            (1000, 100),
            (1000, 1000),
            (10_000, 300),
            (10_000, 1000),
            (10_000, 10_000),
        ] {
            let [estimated, realized, accuracy, calibration] = alarms(200, n, m, scene);
            println!(
                "| {n} | {m} | {name} | {estimated:.3} | {realized:.3} | {accuracy:.3} | {calibration:.3} |"
            );
            assert!(
                !name.starts_with("none")
                    || (estimated <= 0.06 && realized <= 0.06 && calibration <= 0.06),
                "{name} {n} {m}"
            );
        }
    }
    println!("| regressor: reference | current | change | any estimated figure |");
    for (name, low) in [("none", 0.0), ("harder rows", 0.2)] {
        for (n, m) in [(1000, 300), (5000, 1000)] {
            let mut drifted = 0;
            for repeat in 0..100 {
                let reference = regression(n, 0.0, 1.0, true, 5000 + 2 * repeat);
                let found = run(
                    &reference,
                    &regression(m, low, 1.0, false, 5001 + 2 * repeat),
                    "{}",
                );
                drifted += u32::from(found.values().any(|one| one.verdict == Verdict::Drifted));
            }
            println!("| {n} | {m} | {name} | {:.2} |", f64::from(drifted) / 100.0);
            assert!(low > 0.0 || drifted <= 6, "{n} {m}: {drifted}");
        }
    }
}
