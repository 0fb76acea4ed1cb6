//! Windows whose shares of classes are known, through the detector.

use leeway_outcomes::table::Table;
use leeway_sdk::{BatchDetector, Failure, Measurement, Role, Verdict};
use leeway_statistics::rng::Rng;

use crate::LabelShift;

/// Scores normal with means 0 and 2 by class; the model was trained with half of each.
fn binary(rows: usize, prior: f64, labelled: bool, seed: u64) -> Table {
    let mut rng = Rng::new(seed);
    let (mut scores, mut said, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let class = rng.uniform() < prior;
        let x = rng.normal() + if class { 2.0 } else { 0.0 };
        // A logistic curve by its definition needs an exponential; this one is as good a score, and rises as well.
        let score = 0.5 + (x - 1.0) / (2.0 * (1.0 + (x - 1.0).abs()));
        scores.push(score);
        said.push(if score > 0.5 { "spam" } else { "ham" });
        labels.push(match (labelled, class) {
            (false, _) => "",
            (_, true) => "spam",
            _ => "ham",
        });
    }
    Table::default()
        .numbers("p", Role::Probability, &scores)
        .names("said", Role::Prediction, &said)
        .names("truth", Role::Label, &labels)
}

/// Three classes of which the model hits three in four, with a column of probabilities for each.
fn three(rows: usize, shares: [f64; 2], seed: u64) -> Table {
    let mut rng = Rng::new(seed);
    let names = ["cat", "dog", "eel"];
    let mut columns: [Vec<f64>; 3] = Default::default();
    let (mut said, mut truth) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let draw = rng.uniform();
        let class = if draw < shares[0] {
            0
        } else {
            1 + usize::from(draw > shares[0] + shares[1])
        };
        let raw: Vec<f64> = (0..3)
            .map(|other| rng.uniform() + if other == class { 0.6 } else { 0.1 })
            .collect();
        let total: f64 = raw.iter().sum();
        for (column, raw) in columns.iter_mut().zip(&raw) {
            column.push(raw / total);
        }
        said.push(
            names[(0..3)
                .max_by(|&left, &right| raw[left].total_cmp(&raw[right]))
                .unwrap()],
        );
        truth.push(names[class]);
    }
    let table = Table::default()
        .names("said", Role::Prediction, &said)
        .names("truth", Role::Label, &truth);
    names
        .iter()
        .zip(&columns)
        .fold(table, |table, (name, column)| {
            table.numbers(&format!("p_{name}"), Role::Feature, column)
        })
}

fn run(reference: &Table, current: &Table, config: &str) -> Vec<Measurement> {
    let baseline = LabelShift::fit(reference, config, 1).unwrap();
    let found = LabelShift::evaluate(&baseline, current, config, 1).unwrap();
    for one in &found {
        assert!((0.0..=1.0).contains(&one.value), "{one:?}");
        assert!(
            one.threshold
                .is_none_or(|threshold| (0.0..=1.0).contains(&threshold)),
            "{one:?}"
        );
        assert!(
            one.detail
                .as_ref()
                .is_none_or(|detail| detail.len() < 4096 && !detail.contains("null")),
            "{one:?}"
        );
    }
    found
}

fn of<'a>(found: &'a [Measurement], metric: &str, column: Option<&str>) -> &'a Measurement {
    let wanted = |one: &&Measurement| one.metric == metric && one.column.as_deref() == column;
    found
        .iter()
        .find(wanted)
        .unwrap_or_else(|| panic!("no {metric} of {column:?} in {found:?}"))
}

#[test]
fn a_known_shift_is_found_without_labels() {
    let found = run(
        &binary(4000, 0.5, true, 1),
        &binary(4000, 0.8, false, 2),
        "{}",
    );
    for metric in ["prior_black_box", "prior_em"] {
        let one = of(&found, metric, None);
        assert!((one.value - 0.8).abs() < 0.03, "{one:?}");
        assert_eq!(one.verdict, Verdict::Drifted);
        assert!(one.detail.as_ref().unwrap().contains(r#""class":"spam""#));
    }
    let change = of(&found, "prior_change", None);
    assert_eq!(change.verdict, Verdict::Drifted);
    assert!((change.value - 0.3).abs() < 0.03);
    assert!(found.iter().all(|one| one.metric != "realized_prior"));
}

#[test]
fn the_same_shares_are_stable_and_their_truth_stands_beside_them() {
    let found = run(
        &binary(4000, 0.3, true, 3),
        &binary(4000, 0.3, true, 4),
        "{}",
    );
    assert_eq!(found.len(), 4);
    assert!(
        found.iter().all(|one| one.verdict == Verdict::Stable),
        "{found:?}"
    );
    assert!((of(&found, "realized_prior", None).value - 0.3).abs() < 0.03);
}

#[test]
fn of_more_classes_each_has_its_share() {
    let classes = r#"{"classes": {"cat": "p_cat", "dog": "p_dog", "eel": "p_eel"}}"#;
    let (reference, current) = (three(4000, [0.4, 0.3], 5), three(4000, [0.1, 0.3], 6));
    let found = run(&reference, &current, classes);
    for (column, share, verdict) in [
        ("p_cat", 0.1, Verdict::Drifted),
        ("p_dog", 0.3, Verdict::Stable),
        ("p_eel", 0.6, Verdict::Drifted),
    ] {
        for metric in ["prior_black_box", "prior_em"] {
            let one = of(&found, metric, Some(column));
            assert!((one.value - share).abs() < 0.04, "{one:?}");
            assert_eq!(one.verdict, verdict, "{one:?}");
        }
    }
    // Without columns there are predictions alone, and one number.
    let found = run(&reference, &current, "{}");
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].metric.as_str(), found[0].verdict),
        ("prior_change", Verdict::Drifted)
    );
}

#[test]
fn what_cannot_be_estimated_says_why() {
    let why = |reference: &Table| {
        let found = run(reference, &binary(500, 0.5, false, 7), "{}");
        let one = of(&found, "prior_change", None);
        assert_eq!(one.verdict, Verdict::Insufficient);
        one.detail.clone().unwrap()
    };
    assert!(why(&Table::default()).contains("no column of labels"));
    assert!(why(&binary(99, 0.5, true, 8)).contains("it takes 100"));
    assert!(why(&binary(500, 0.0, true, 9)).contains("class 'spam' has 0 labelled rows"));
    let blind = Table::default()
        .names(
            "said",
            Role::Prediction,
            &(0..400)
                .map(|row| ["ham", "spam"][row % 2])
                .collect::<Vec<_>>(),
        )
        .names(
            "truth",
            Role::Label,
            &(0..400)
                .map(|row| ["ham", "spam"][row / 2 % 2])
                .collect::<Vec<_>>(),
        );
    assert!(why(&blind).contains("do not tell the classes apart"));
    let found = run(
        &binary(1000, 0.5, true, 10),
        &binary(0, 0.5, false, 11),
        "{}",
    );
    assert!(
        found.iter().all(|one| one.verdict == Verdict::Insufficient),
        "{found:?}"
    );
    let few = run(
        &binary(1000, 0.5, true, 10),
        &binary(99, 0.9, false, 11),
        "{}",
    );
    assert!(few.iter().all(|one| one.verdict == Verdict::Insufficient));
}

#[test]
fn configurations_and_baselines_that_mean_nothing_are_refused() {
    for (config, named) in [
        (r#"{"classes": {"a": "p"}}"#, "classes"),
        (r#"{"levels": 0.1}"#, "levels"),
    ] {
        let refused = LabelShift::check_config(config);
        assert!(
            matches!(&refused, Err(Failure::InvalidConfig(why)) if why.contains(named)),
            "{refused:?}"
        );
    }
    let reference = binary(1000, 0.5, true, 12);
    let baseline = LabelShift::fit(&reference, "{}", 1).unwrap();
    assert_eq!(baseline, LabelShift::fit(&reference, "{}", 1).unwrap());
    for damaged in [&baseline[..0], &baseline[..baseline.len() / 2], &[9, 9]] {
        let refused = LabelShift::evaluate(damaged, &reference, "{}", 1);
        assert!(
            matches!(refused, Err(Failure::UnusableBaseline(_))),
            "{refused:?}"
        );
    }
}

/// Share of windows whose shares are called moved, and mean errors of both estimates.
fn drifted(repeats: u64, n: usize, m: usize, before: f64, now: f64) -> (f64, f64, f64) {
    let (mut count, mut black_box, mut em) = (0.0, 0.0, 0.0);
    for repeat in 0..repeats {
        let found = run(
            &binary(n, before, true, 100 + 2 * repeat),
            &binary(m, now, false, 101 + 2 * repeat),
            "{}",
        );
        count += f64::from(u8::from(
            found.iter().any(|one| one.verdict == Verdict::Drifted),
        ));
        black_box += (of(&found, "prior_black_box", None).value - now).abs();
        em += (of(&found, "prior_em", None).value - now).abs();
    }
    let repeats = repeats as f64;
    (count / repeats, black_box / repeats, em / repeats)
}

#[test]
fn windows_without_shift_seldom_raise_an_alarm() {
    let (share, _, _) = drifted(60, 1000, 500, 0.4, 0.4);
    assert!(share <= 0.10, "{share}");
}

#[test]
#[ignore = "a simulation of a minute: run with --release -- --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "the table is the result")]
fn false_alarms_and_power() {
    println!(
        "| reference | current | prior before | now | called drifted | error of black box | of EM |"
    );
    for before in [0.5, 0.1] {
        for now in [before, before + 0.05, before + 0.1, before + 0.3] {
            for (n, m) in [(500, 200), (1000, 1000), (10_000, 1000), (10_000, 10_000)] {
                let (share, black_box, em) = drifted(300, n, m, before, now);
                println!(
                    "| {n} | {m} | {before} | {now:.2} | {share:.3} | {black_box:.4} | {em:.4} |"
                );
                assert!(now > before || share <= 0.065, "{n} {m} {before}: {share}");
            }
        }
    }
}
