//! What a verdict says beside itself: what would have been seen, what carried it, how it was corrected.
#![allow(clippy::unwrap_used, reason = "a test fails where it is")]
#![allow(clippy::print_stdout, reason = "what was measured is told")]

#[path = "../examples/simulate/laws.rs"]
#[allow(dead_code, reason = "the simulation uses the rest")]
mod laws;
#[path = "../examples/simulate/memory.rs"]
#[allow(dead_code, reason = "the simulation uses the rest")]
mod memory;

use laws::Law;
use leeway_concept_drift::ConceptDrift;
use leeway_data_drift::DataDrift;
use leeway_sdk::{BatchDetector, Measurement, Role, Verdict};
use memory::{Memory, Rows};
use serde_json::{Value, json};

fn run(config: &Value, reference: &Memory, current: &Memory) -> Vec<Measurement> {
    let config = config.to_string();
    let baseline = DataDrift::fit(reference, &config, 7).unwrap();
    DataDrift::evaluate(&baseline, current, &config, 7).unwrap()
}

/// `columns` columns of one law.
fn window(law: Law, columns: usize, rows: usize, first: u64, change: f64) -> Memory {
    (0..columns).fold(Memory::default(), |memory, column| {
        let drawn = law.rows(first + column as u64, rows, change);
        let rows = if law.is_names() {
            Rows::Names(
                drawn
                    .into_iter()
                    .map(|place| Some(Law::category(place)))
                    .collect(),
            )
        } else {
            Rows::Numbers(drawn)
        };
        memory.with(&format!("x{column:04}"), Role::Feature, rows)
    })
}

fn detail(one: &Measurement) -> Value {
    serde_json::from_str(one.detail.as_deref().unwrap_or("null")).unwrap()
}

fn share(found: &[Measurement], metric: &str, of: impl Fn(&Measurement) -> bool) -> f64 {
    let all: Vec<&Measurement> = found
        .iter()
        .filter(|one| one.metric == metric && one.column.is_some())
        .collect();
    all.iter().filter(|one| of(one)).count() as f64 / all.len() as f64
}

/// The true effect of a normal column that moves by `shift` standard deviations.
fn effect_of(test: &str, shift: f64) -> f64 {
    let cdf = |x: f64| 1.0 - leeway_statistics::normal::normal_sf(x);
    match test {
        "ks" => 2.0 * cdf(0.5 * shift) - 1.0,
        "cramer_von_mises" => {
            let step = 0.002;
            (-4_000..4_000)
                .map(|k| f64::from(k) * step)
                .map(|x| {
                    let density = |x: f64| libm::exp(-0.5 * x * x) / core::f64::consts::TAU.sqrt();
                    let distance = cdf(x) - cdf(x - shift);
                    distance * distance * 0.5 * (density(x) + density(x - shift)) * step
                })
                .sum()
        }
        _ => shift, // In standard deviations.
    }
}

/// The shift with an effect, by bisection.
fn shift_of(test: &str, effect: f64) -> f64 {
    let (mut low, mut high) = (0.0, 5.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if effect_of(test, middle) < effect {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[test]
fn the_detectable_effect_of_numbers_is_found_in_about_four_of_five_windows() {
    let tests = ["ks", "wasserstein", "cramer_von_mises", "mean_shift"];
    for (n, m) in [(1_000, 200), (300, 300)] {
        for test in tests {
            let config = json!({ "numeric": [test], "correction": "none" });
            let reference = window(Law::Normal, 200, n, 10_000, 0.0);
            let still = run(
                &config,
                &reference,
                &window(Law::Normal, 200, m, 30_000, 0.0),
            );
            let stable = still
                .iter()
                .find(|one| one.verdict == Verdict::Stable && one.column.is_some());
            let seen = detail(stable.unwrap())["detectable_effect"]
                .as_f64()
                .unwrap();
            let moved = window(Law::Normal, 200, m, 50_000, shift_of(test, seen));
            let power = share(&run(&config, &reference, &moved), test, |one| {
                one.verdict == Verdict::Drifted
            });
            println!("{test} {n} {m}: {seen:.4} found in {power}");
            // Largest distances are bounded from below; what is said to be seen may be seen more often, not less.
            assert!(
                (0.7..=0.99).contains(&power),
                "{test} {n} {m}: {seen} is found in {power}"
            );
        }
    }
}

#[test]
fn the_detectable_effect_of_counts_is_found_in_about_four_of_five_windows() {
    use leeway_statistics::{chi_square, hellinger, jensen_shannon, l_infinity, psi};
    let tests = [
        "psi",
        "jensen_shannon",
        "hellinger",
        "l_infinity",
        "chi_square",
    ];
    for (n, m) in [(1_000, 200), (400, 400)] {
        for test in tests {
            let config = json!({ "categorical": [test], "correction": "none" });
            let law = Law::Even(5);
            let reference = window(law, 200, n, 10_000, 0.0);
            let still = run(&config, &reference, &window(law, 200, m, 30_000, 0.0));
            let stable = still
                .iter()
                .find(|one| one.verdict == Verdict::Stable && one.column.is_some());
            let seen = detail(stable.unwrap())["detectable_effect"]
                .as_f64()
                .unwrap();
            // One row in so many becomes the first category: its effect between the laws themselves, at these sizes.
            let effect = |change: f64| {
                let p = [0.2 * n as f64; 5];
                let q: Vec<f64> = (0..5)
                    .map(|k| m as f64 * (0.2 * (1.0 - change) + if k == 0 { change } else { 0.0 }))
                    .collect();
                match test {
                    "psi" => psi::psi(&p, &q).unwrap(),
                    "jensen_shannon" => jensen_shannon::jensen_shannon(&p, &q).unwrap(),
                    "hellinger" => hellinger::hellinger(&p, &q).unwrap(),
                    "l_infinity" => l_infinity::l_infinity(&p, &q).unwrap(),
                    _ => chi_square::chi_square(&p, &q).unwrap().cramers_v,
                }
            };
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                if effect(middle) < seen {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            let power = share(
                &run(&config, &reference, &window(law, 200, m, 50_000, low)),
                test,
                |one| one.verdict == Verdict::Drifted,
            );
            println!("{test} {n} {m}: {seen:.4} found in {power}");
            assert!(
                (0.68..=0.95).contains(&power),
                "{test} {n} {m}: {seen} is found in {power}"
            );
        }
    }
}

#[test]
fn drift_is_carried_by_the_bins_and_categories_that_moved() {
    let every = json!({ "numeric": ["ks", "wasserstein", "cramer_von_mises", "psi", "jensen_shannon", "hellinger", "l_infinity", "chi_square"], "correction": "none" });
    let ramp = |rows: usize| (0..rows).map(move |row| row as f64 / rows as f64);
    let one = |values: Vec<f64>| Memory::default().with("x", Role::Feature, Rows::Numbers(values));
    let reference = one(ramp(1_000).collect());
    // What was between 0.35 and 0.4 is now beyond the range: a bin that lost, and one that did not exist.
    let current = one(ramp(1_000)
        .map(|x| if (0.31..0.39).contains(&x) { 1.5 } else { x })
        .collect());
    for one in run(&every, &reference, &current)
        .iter()
        .filter(|one| one.column.is_some())
    {
        assert_eq!(one.verdict, Verdict::Drifted, "{one:?}");
        let carried = detail(one)["carried_by"].as_array().unwrap().clone();
        assert!(!carried.is_empty() && carried.len() <= 5);
        let shares: Vec<f64> = carried
            .iter()
            .map(|part| part["share"].as_f64().unwrap())
            .collect();
        assert!(shares.is_sorted_by(|a, b| a >= b) && shares.iter().sum::<f64>() <= 1.0 + 1e-5);
        if !matches!(one.metric.as_str(), "wasserstein" | "cramer_von_mises") {
            let names: Vec<&str> = carried
                .iter()
                .take(2)
                .map(|part| part["name"].as_str().unwrap())
                .collect();
            assert!(
                names.contains(&"above 0.999") && names.contains(&"(0.2997, 0.3996]"),
                "{names:?}"
            );
        }
    }

    let names = |rows: &[(&str, usize)]| {
        let rows = rows
            .iter()
            .flat_map(|(name, count)| vec![Some((*name).to_owned()); *count])
            .collect();
        Memory::default().with("x", Role::Feature, Rows::Names(rows))
    };
    let found = run(
        &json!({}),
        &names(&[("a", 500), ("b", 500)]),
        &names(&[("a", 400), ("b", 500), ("new", 100)]),
    );
    let first = detail(&found[0])["carried_by"][0].clone();
    assert_eq!(
        (
            first["kind"].as_str(),
            first["name"].as_str(),
            first["current"].as_f64()
        ),
        (Some("category"), Some("new"), Some(0.1))
    );
}

#[test]
fn errors_have_a_posterior_of_their_change() {
    let errors = |wrong: usize, rows: usize| {
        let rows = (0..rows)
            .map(|row| f64::from(u8::from(row < wrong)))
            .collect();
        Memory::default().with("error", Role::Error, Rows::Numbers(rows))
    };
    let baseline = ConceptDrift::fit(&errors(100, 1_000), "{}", 1).unwrap();
    let said = |wrong| ConceptDrift::evaluate(&baseline, &errors(wrong, 200), "{}", 1).unwrap();
    let worse = detail(&said(60)[0])["error_difference"].clone();
    let number = |field: &str| worse[field].as_f64().unwrap();
    // 61/202 less 101/1002.
    assert!((number("mean") - 0.201_182).abs() < 1e-5, "{worse}");
    assert!(
        number("low") > 0.13 && number("high") < 0.28 && number("probability_worse") > 0.999_999
    );
    let same = detail(&said(20)[0]);
    assert!(
        same["detectable_effect"].is_number()
            && same["error_difference"]["low"].as_f64().unwrap() < 0.0
    );
}

#[test]
fn corrections_have_names_and_strictness() {
    let reference = window(Law::Normal, 40, 300, 10_000, 0.0);
    let current = window(Law::Normal, 40, 300, 20_000, 0.22);
    let drifted = |correction: &str| {
        let config = json!({ "correction": correction, "effect_min": { "ks": 0 } });
        share(&run(&config, &reference, &current), "ks", |one| {
            one.verdict == Verdict::Drifted
        })
    };
    let [none, bh, by, holm] = ["none", "bh", "by", "holm"].map(drifted);
    assert!(
        none > bh && bh > by && by >= holm,
        "{none} {bh} {by} {holm}"
    );
    assert_eq!(bh, drifted("benjamini-hochberg"));
    assert!(DataDrift::check_config(r#"{"correction": "bonferroni"}"#).is_err());
}

#[test]
fn small_bins_and_long_tails_keep_the_level() {
    let tests = [
        "psi",
        "jensen_shannon",
        "hellinger",
        "l_infinity",
        "chi_square",
        "mean_shift",
        "cramer_von_mises",
        "wasserstein",
    ];
    let floors: Value = tests
        .iter()
        .map(|test| ((*test).to_owned(), json!(0)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let config =
        json!({ "numeric": tests, "distinct_min": 0, "correction": "none", "effect_min": floors });
    for law in [Law::Normal, Law::Lognormal, Law::Ties] {
        let reference = window(law, 300, 1_000, 100_000, 0.0);
        let found = run(&config, &reference, &window(law, 300, 100, 200_000, 0.0));
        for test in tests {
            let rate = share(&found, test, |one| one.verdict == Verdict::Drifted);
            // 10% of 300 at a level of 5% is one simulation in 5,000.
            assert!(rate <= 0.1, "{law:?} {test}: {rate}");
        }
    }
}

#[test]
fn a_few_rows_beyond_the_range_of_a_large_reference_are_no_drift() {
    // Fisher's test of eight rows where the reference can have none says 0.8%: one window in fifty has them.
    let tests = ["psi", "hellinger", "l_infinity", "chi_square"];
    let config = json!({ "numeric": tests, "correction": "none" });
    let numbers = |from: i32, to: i32, beyond: i32| {
        let inside = (from + beyond..to - beyond).map(|x| f64::from(2 * x));
        let outside = (1..=beyond).flat_map(|x| [f64::from(from - x), f64::from(2 * to + x)]);
        Rows::Numbers(inside.chain(outside).collect())
    };
    let one = |rows| Memory::default().with("x", Role::Feature, rows);
    let reference = one(numbers(0, 10_000, 0));
    let found = run(&config, &reference, &one(numbers(0, 10_000, 4)));
    for test in tests {
        let p = found
            .iter()
            .find(|one| one.metric == test)
            .unwrap()
            .p_value
            .unwrap();
        assert!(p > 0.2, "{test}: {p}");
    }
    // A thousandth of the rows out there is drift.
    let found = run(&config, &reference, &one(numbers(0, 10_000, 20)));
    let p = found
        .iter()
        .find(|one| one.metric == "hellinger")
        .unwrap()
        .p_value
        .unwrap();
    assert!(p < 0.01, "{p}");
}
