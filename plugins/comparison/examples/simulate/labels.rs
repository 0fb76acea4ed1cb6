//! Data quality, performance and label shift: windows of whole rows, of a classifier and of a regressor that stay what they were.

use leeway_data_quality::DataQuality;
use leeway_label_shift::LabelShift;
use leeway_outcomes::table::Table;
use leeway_performance::Performance;
use leeway_sdk::{BatchDetector, Measurement, Role, Verdict, Window};
use leeway_statistics::rng::Rng;
use serde_json::{Value, json};

use crate::memory::{Memory, Rows};
use crate::rate::{Rate, alarms, head, progress};

fn run<D: BatchDetector>(
    reference: &dyn Window,
    current: &dyn Window,
    config: &Value,
) -> Vec<Measurement> {
    let config = config.to_string();
    let baseline = D::fit(reference, &config, 1).unwrap();
    D::evaluate(&baseline, current, &config, 1).unwrap()
}

fn any(found: &[Measurement], prefix: &str) -> bool {
    let drifted = |one: &&Measurement| one.verdict == Verdict::Drifted;
    let mut drifted = found.iter().filter(drifted);
    drifted.any(|one| one.metric.starts_with(prefix))
}

/// Normal numbers, of which a share is missing, and names by Zipf's law, most of them rare.
fn whole(rows: usize, missing: f64, rng: &mut Rng) -> Memory {
    let mut number = || {
        if rng.uniform() < missing {
            f64::NAN
        } else {
            rng.normal()
        }
    };
    let numbers = (0..rows).map(|_| number()).collect();
    let mut name = || Some(format!("{}", libm::exp(6.0 * rng.uniform()).floor()));
    let names = (0..rows).map(|_| name()).collect();
    Memory::default()
        .with("number", Role::Feature, Rows::Numbers(numbers))
        .with("name", Role::Feature, Rows::Names(names))
}

pub(crate) fn quality(wanted: usize) {
    println!(
        "\n### Data quality\n\nAny metric of two columns, %: 5% of one is missing, the other has some 400 names."
    );
    head(&[
        "rows",
        "false alarms, tests alone",
        "with the floors",
        "missing goes from 5% to 10%, found",
    ]);
    for (n, m) in [
        (50, 50),
        (100, 100),
        (1_000, 100),
        (1_000, 1_000),
        (10_000, 500),
        (10_000, 10_000),
    ] {
        progress(&format!("data-quality {n} / {m}"));
        let none = json!({ "effect_min": { "missing_share": 0, "unseen_share": 0, "out_of_range_share": 0 } });
        let rate = |config: Value, missing: f64, repeats: usize| {
            Rate::of(repeats, |repeat| {
                let mut rng = Rng::new(1_000 + repeat);
                let reference = whole(n, 0.05, &mut rng);
                any(
                    &run::<DataQuality>(&reference, &whole(m, missing, &mut rng), &config),
                    "",
                )
            })
        };
        let what = |how: &str| format!("data-quality, {n} / {m}, {how}");
        println!(
            "| {n} / {m} | {} | {} | {} |",
            alarms(|| what("alone"), rate(none, 0.05, wanted)),
            alarms(|| what("with the floors"), rate(json!({}), 0.05, wanted)),
            rate(json!({}), 0.1, wanted / 5).told()
        );
    }
}

/// A classifier whose probabilities are true; `hard` draws them towards one half.
fn classifier(rows: usize, hard: bool, seed: u64) -> Table {
    let mut rng = Rng::new(seed);
    let (mut scores, mut said, mut truth) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let u = 2.0 * rng.uniform() - 1.0;
        let score = 0.5 + 0.5 * if hard { u * u.abs() } else { u };
        scores.push(score);
        said.push(if score > 0.5 { "late" } else { "on_time" });
        let late = rng.uniform() < score;
        truth.push(if late { "late" } else { "on_time" });
    }
    Table::default()
        .numbers("p", Role::Probability, &scores)
        .names("said", Role::Prediction, &said)
        .names("truth", Role::Label, &truth)
}

/// A regressor whose error grows with `c`, which lies between `low` and 1.
fn regressor(rows: usize, low: f64, labelled: bool, seed: u64) -> Table {
    let mut rng = Rng::new(seed);
    let (mut a, mut c, mut said, mut truth) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        a.push(rng.uniform());
        let hard = low + (1.0 - low) * rng.uniform();
        c.push(hard);
        let answer = 10.0 * a[a.len() - 1];
        said.push(answer);
        let error = (0.5 + 4.0 * hard * hard) * (2.0 * rng.uniform() - 1.0);
        truth.push(if labelled { answer + error } else { f64::NAN });
    }
    Table::default()
        .numbers("a", Role::Feature, &a)
        .numbers("c", Role::Feature, &c)
        .numbers("said", Role::Prediction, &said)
        .numbers("truth", Role::Label, &truth)
}

/// Two classes of normal scores two standard deviations apart.
fn classes(rows: usize, prior: f64, labelled: bool, seed: u64) -> Table {
    let mut rng = Rng::new(seed);
    let (mut scores, mut said, mut truth) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let spam = rng.uniform() < prior;
        let x = rng.normal() + if spam { 2.0 } else { 0.0 };
        let score = 0.5 + (x - 1.0) / (2.0 * (1.0 + (x - 1.0).abs()));
        scores.push(score);
        said.push(if score > 0.5 { "spam" } else { "ham" });
        truth.push(match (labelled, spam) {
            (false, _) => "",
            (_, true) => "spam",
            _ => "ham",
        });
    }
    Table::default()
        .numbers("p", Role::Probability, &scores)
        .names("said", Role::Prediction, &said)
        .names("truth", Role::Label, &truth)
}

pub(crate) fn table(wanted: usize) {
    println!("\n### Performance and label shift\n\nAny metric of the kind, %, at the defaults.");
    head(&[
        "detector",
        "of",
        "rows",
        "false alarms",
        "a change, found",
        "the change",
    ]);
    for (n, m, part) in [
        (1_000, 100, 1),
        (1_000, 1_000, 1),
        (10_000, 1_000, 1),
        (10_000, 10_000, 2),
    ] {
        progress(&format!("performance {n} / {m}"));
        for kind in ["estimated", "realized"] {
            let rate = |hard: bool, repeats: usize| {
                Rate::of(repeats, |repeat| {
                    let reference = classifier(n, false, 1000 + 2 * repeat);
                    let current = classifier(m, hard, 1001 + 2 * repeat);
                    any(&run::<Performance>(&reference, &current, &json!({})), kind)
                })
            };
            let what = || format!("performance, classifier, {kind}, {n} / {m}");
            let change = "scores nearer to one half: accuracy 0.75 to 0.67";
            println!(
                "| performance | classifier, {kind} | {n} / {m} | {} | {} | {change} |",
                alarms(what, rate(false, wanted / part)),
                rate(true, wanted / part / 5).told()
            );
        }
    }
    for (n, m, part) in [(1_000, 300, 1), (5_000, 1_000, 2)] {
        progress(&format!("performance, regressor {n} / {m}"));
        let rate = |low: f64, repeats: usize| {
            Rate::of(repeats, |repeat| {
                let reference = regressor(n, 0.0, true, 5000 + 2 * repeat);
                let current = regressor(m, low, false, 5001 + 2 * repeat);
                any(&run::<Performance>(&reference, &current, &json!({})), "")
            })
        };
        println!(
            "| performance | regressor, estimated | {n} / {m} | {} | {} | a mean error a quarter higher |",
            alarms(
                || format!("performance, regressor, {n} / {m}"),
                rate(0.0, wanted / part)
            ),
            rate(0.2, wanted / part / 5).told()
        );
    }
    for (before, now) in [(0.5, 0.6), (0.1, 0.2)] {
        for (n, m, part) in [
            (500, 200, 1),
            (1_000, 1_000, 1),
            (10_000, 1_000, 1),
            (10_000, 10_000, 1),
        ] {
            progress(&format!("label-shift {before} {n} / {m}"));
            let rate = |now: f64, repeats: usize| {
                Rate::of(repeats, |repeat| {
                    let reference = classes(n, before, true, 100 + 2 * repeat);
                    let current = classes(m, now, false, 101 + 2 * repeat);
                    any(&run::<LabelShift>(&reference, &current, &json!({})), "")
                })
            };
            println!(
                "| label-shift | a share of {before} | {n} / {m} | {} | {} | to {now} |",
                alarms(
                    || format!("label-shift, {before}, {n} / {m}"),
                    rate(before, wanted / part)
                ),
                rate(now, wanted / part / 5).told()
            );
        }
    }
}
