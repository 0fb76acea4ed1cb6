//! Degenerate input has a documented answer: never NaN, never a failed run.
//!
//! | input | tests on numbers | tests on counts | `missing` |
//! | --- | --- | --- | --- |
//! | no rows, one row, fewer than `rows_min` in a window | insufficient | insufficient | – |
//! | one value, the same in both (`0` and `-0` are the same) | constant | constant | – |
//! | one value, another one in the other window | drifted | drifted | – |
//! | a reference of one value, a current window that varies | by size and evidence | by size and evidence | – |
//! | all missing in both | insufficient | constant | stable |
//! | all missing in one window | insufficient | drifted | drifted |
//! | half missing in the current window alone | of the values that are there | drifted | drifted |
//! | infinite values | as missing | as missing | as missing |
//! | up to the ends of the range; near 1e15; subnormal | as any numbers | as any numbers | – |
//! | disjoint ranges | drifted | drifted | – |
//! | one category | | constant | |
//! | disjoint categories, a new one, the empty name among them | | drifted | |
//! | every category too rare, beyond the dictionary or its longest name | | insufficient, with a reason | |
//! | vectors | as their lengths; all NaN is missing, one NaN is infinite | the same | the same |
//! | numbers in one window, categories in the other | failed, with a reason | failed, with a reason | |
//! | a column of one window alone | not mentioned | not mentioned | |
//! | no column that the detector looks at (no label yet) | no measurements | | |
//!
//! Streams: rows without a value are passed over, and so are infinities and values beyond 1e100; no
//! value at all is insufficient, no alarm is stable. A constant never raises one.
#![allow(clippy::unwrap_used, reason = "a test fails where it is")]

use leeway::domain::{Measurement, Role, Verdict};
use leeway::profile::{ProfileConfig, Window};
use leeway::runtime::State;
use serde_json::{Value, json};

use super::golden::twin::{bits, of, twin};
use crate::harness::native::NativeWindow;
use crate::harness::{SEED, WindowBuilder, plugin, stream};

const ON_NUMBERS: [&str; 4] = ["ks", "wasserstein", "cramer_von_mises", "mean_shift"];
const ON_COUNTS: [&str; 5] = [
    "psi",
    "jensen_shannon",
    "hellinger",
    "l_infinity",
    "chi_square",
];

/// One window's only column.
#[derive(Clone)]
enum Column {
    Numbers(Vec<f64>),
    Names(Vec<Option<String>>),
    Vectors(usize, Vec<f32>),
}
use Column::{Names, Numbers, Vectors};

impl Column {
    fn window(&self, role: Role) -> Window {
        let builder = WindowBuilder::default();
        match self {
            Numbers(values) => builder.numbers("x", role, values),
            Names(names) => builder.names(
                "x",
                role,
                &names.iter().map(Option::as_deref).collect::<Vec<_>>(),
            ),
            Vectors(dimension, values) => builder.vectors("x", role, *dimension, values),
        }
        .build()
    }
}

fn steps(rows: usize, start: f64, by: f64) -> Column {
    Numbers((0..rows).map(|row| start + by * row as f64).collect())
}

fn constant(rows: usize, value: f64) -> Column {
    Numbers(vec![value; rows])
}

fn names(rows: usize, name: impl Fn(usize) -> String) -> Column {
    Names((0..rows).map(|row| Some(name(row))).collect())
}

/// With every second value replaced.
fn half(column: &Column, value: f64) -> Column {
    let Numbers(values) = column else {
        panic!("numbers")
    };
    Numbers(
        values
            .iter()
            .enumerate()
            .map(|(row, &old)| if row % 2 == 0 { value } else { old })
            .collect(),
    )
}

/// What the tests on numbers say, what those on counts say, and what is said of missing values: one
/// word each where they agree.
fn summary(measurements: &[Measurement]) -> String {
    let group = |metrics: &[&str]| {
        let found: Vec<&Measurement> = metrics
            .iter()
            .filter_map(|metric| measurements.iter().find(|one| one.metric == *metric))
            .collect();
        match found.first() {
            None => "-".to_owned(),
            Some(first) if found.iter().all(|one| one.verdict == first.verdict) => {
                first.verdict.to_string()
            }
            _ => found
                .iter()
                .map(|one| format!("{} {}", one.metric, one.verdict))
                .collect::<Vec<_>>()
                .join(", "),
        }
    };
    format!(
        "{} | {} | {}",
        group(&ON_NUMBERS),
        group(&ON_COUNTS),
        group(&["missing"])
    )
}

/// Everything said is finite and in its range; the host has checked it, here it stands once more.
fn sound(measurements: &[Measurement], of: &str) {
    for one in measurements {
        let numbers = [
            Some(one.value),
            one.effect,
            one.p_value,
            one.p_adjusted,
            one.threshold,
        ];
        assert!(
            numbers.iter().flatten().all(|number| number.is_finite()),
            "{of}: {one:?}"
        );
        assert!(
            one.value >= 0.0 && one.effect.is_none_or(|effect| effect >= 0.0),
            "{of}: {one:?}"
        );
        assert!(
            one.threshold.is_none_or(|threshold| threshold >= 0.0),
            "{of}: {one:?}"
        );
        let judged = matches!(one.verdict, Verdict::Stable | Verdict::Drifted);
        assert_eq!(judged, one.threshold.is_some(), "{of}: {one:?}");
    }
}

/// Name, reference, current, and what is to be said.
#[expect(clippy::too_many_lines, reason = "a table")]
fn table() -> Vec<(&'static str, Column, Column, &'static str)> {
    let some = || steps(100, 0.0, 1.0);
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let letters = || names(100, |row| ["a", "b", "c"][row % 3].to_owned());
    let long = |row: usize| format!("{}{}", "x".repeat(2_000), row % 3);
    let none = || Names(vec![None; 100]);
    vec![
        (
            "both empty",
            steps(0, 0.0, 1.0),
            steps(0, 0.0, 1.0),
            "insufficient | insufficient | -",
        ),
        (
            "nothing in the reference",
            steps(0, 0.0, 1.0),
            some(),
            "insufficient | insufficient | -",
        ),
        (
            "nothing in the current window",
            some(),
            steps(0, 0.0, 1.0),
            "insufficient | insufficient | -",
        ),
        (
            "one row each",
            constant(1, 1.0),
            constant(1, 2.0),
            "insufficient | insufficient | -",
        ),
        (
            "one row against many",
            some(),
            constant(1, 50.0),
            "insufficient | insufficient | -",
        ),
        (
            "one row less than rows_min",
            some(),
            steps(29, 500.0, 1.0),
            "insufficient | insufficient | -",
        ),
        (
            "exactly rows_min",
            some(),
            steps(30, 500.0, 1.0),
            "drifted | drifted | -",
        ),
        (
            "rows_min in the reference",
            steps(30, 0.0, 1.0),
            steps(100, 500.0, 1.0),
            "drifted | drifted | -",
        ),
        (
            "the same constant",
            constant(100, 7.0),
            constant(50, 7.0),
            "constant | constant | -",
        ),
        (
            "zero and negative zero",
            constant(100, 0.0),
            constant(50, -0.0),
            "constant | constant | -",
        ),
        (
            "another constant",
            constant(100, 7.0),
            constant(100, 8.0),
            "drifted | drifted | -",
        ),
        (
            "another constant at the ends of the range",
            constant(100, -1e308),
            constant(100, 1e308),
            "drifted | drifted | -",
        ),
        (
            "a constant that begins to vary",
            constant(100, 7.0),
            steps(100, 7.0, 1.0),
            "drifted | drifted | -",
        ),
        (
            "variation that ends",
            some(),
            constant(100, 50.0),
            "ks drifted, wasserstein drifted, cramer_von_mises drifted, mean_shift stable | drifted | -",
        ),
        (
            "all missing in both",
            constant(100, nan),
            constant(100, nan),
            "insufficient | constant | stable",
        ),
        (
            "all missing in the reference",
            constant(100, nan),
            some(),
            "insufficient | drifted | drifted",
        ),
        (
            "all missing in the current window",
            some(),
            constant(100, nan),
            "insufficient | drifted | drifted",
        ),
        (
            "half missing in the current window",
            some(),
            half(&some(), nan),
            "stable | drifted | drifted",
        ),
        (
            "half missing in both",
            half(&some(), nan),
            half(&some(), nan),
            "stable | stable | stable",
        ),
        (
            "all infinite in both",
            constant(100, inf),
            constant(100, -inf),
            "insufficient | constant | stable",
        ),
        (
            "half infinite in the current window",
            some(),
            half(&some(), inf),
            "stable | drifted | drifted",
        ),
        (
            "half of the largest size, the same",
            half(&some(), 1e308),
            half(&some(), 1e308),
            "stable | stable | -",
        ),
        (
            "half of the largest size, new",
            some(),
            half(&some(), -1e308),
            "drifted | drifted | -",
        ),
        (
            "both ends of the range, swapped",
            half(&constant(100, -f64::MAX), f64::MAX),
            half(&constant(100, f64::MAX), -f64::MAX),
            "stable | stable | -",
        ),
        (
            "near 1e15, the same",
            steps(100, 1e15, 0.125),
            steps(100, 1e15, 0.125),
            "stable | stable | -",
        ),
        (
            "near 1e15, moved by half its spread",
            steps(100, 1e15, 0.125),
            steps(100, 1e15 + 6.25, 0.125),
            "drifted | drifted | -",
        ),
        (
            "subnormal, the same",
            steps(100, 0.0, 5e-324),
            steps(100, 0.0, 5e-324),
            "stable | stable | -",
        ),
        (
            "subnormal, doubled",
            steps(100, 0.0, 5e-324),
            steps(100, 0.0, 1e-323),
            "drifted | drifted | -",
        ),
        (
            "subnormal constants",
            constant(100, 5e-324),
            constant(100, 1e-323),
            "drifted | drifted | -",
        ),
        (
            "disjoint numbers",
            some(),
            steps(100, 1e6, 1.0),
            "drifted | drifted | -",
        ),
        (
            "one category",
            names(100, |_| "a".into()),
            names(40, |_| "a".into()),
            "- | constant | -",
        ),
        (
            "another category",
            names(100, |_| "a".into()),
            names(40, |_| "b".into()),
            "- | drifted | -",
        ),
        (
            "disjoint categories",
            letters(),
            names(100, |row| ["d", "e", "f"][row % 3].to_owned()),
            "- | drifted | -",
        ),
        (
            "the same categories",
            letters(),
            letters(),
            "- | stable | -",
        ),
        (
            "the empty name",
            names(100, |row| ["", "a"][row % 2].to_owned()),
            names(100, |row| ["", "a"][row % 2].to_owned()),
            "- | stable | -",
        ),
        (
            "the empty name is new",
            letters(),
            names(100, |_| String::new()),
            "- | drifted | -",
        ),
        ("no category in both", none(), none(), "- | constant | -"),
        (
            "no category in the current window",
            letters(),
            none(),
            "- | drifted | -",
        ),
        (
            "no category in the reference",
            none(),
            letters(),
            "- | drifted | -",
        ),
        (
            "no rows of categories",
            Names(Vec::new()),
            Names(Vec::new()),
            "- | insufficient | -",
        ),
        (
            "names beyond the longest",
            names(100, long),
            names(100, long),
            "- | insufficient | -",
        ),
        (
            "a name a row, none of them again",
            names(100, |row| format!("old {row}")),
            names(100, |row| format!("new {row}")),
            "- | insufficient | -",
        ),
        (
            "ten thousand names, the same",
            names(10_000, |row| row.to_string()),
            names(10_000, |row| row.to_string()),
            "- | stable | -",
        ),
        (
            "ten thousand names, then one",
            names(10_000, |row| row.to_string()),
            names(10_000, |_| "1".into()),
            "- | drifted | -",
        ),
        (
            "one name, then ten thousand",
            names(10_000, |_| "1".into()),
            names(10_000, |row| row.to_string()),
            "- | drifted | -",
        ),
        (
            "vectors of length one, constant",
            Vectors(1, vec![1.0; 100]),
            Vectors(1, vec![1.0; 100]),
            "constant | constant | -",
        ),
        (
            "vectors that are zero, then one",
            Vectors(2, vec![0.0; 200]),
            Vectors(2, vec![1.0; 200]),
            "drifted | drifted | -",
        ),
        (
            "vectors all missing",
            Vectors(2, vec![f32::NAN; 200]),
            Vectors(2, vec![f32::NAN; 200]),
            "insufficient | constant | stable",
        ),
        (
            "vectors with a component that is none",
            Vectors(2, vec![1.0; 200]),
            Vectors(2, [1.0, f32::NAN].repeat(100)),
            "insufficient | drifted | drifted",
        ),
        (
            "vectors of the largest size",
            Vectors(2, vec![f32::MAX; 200]),
            Vectors(2, vec![-f32::MAX; 200]),
            "constant | constant | -",
        ),
        (
            "no vectors",
            Vectors(3, Vec::new()),
            Vectors(3, Vec::new()),
            "insufficient | insufficient | -",
        ),
        (
            "errors: none in both",
            constant(100, 0.0),
            constant(100, 0.0),
            "constant | constant | -",
        ),
        (
            "errors: the first five of a hundred",
            constant(100, 0.0),
            Numbers((0..100).map(|row| f64::from(u8::from(row < 5))).collect()),
            "ks stable, wasserstein stable, cramer_von_mises stable, mean_shift drifted | stable | -",
        ),
        (
            "errors: the first five of a hundred after ten thousand",
            constant(10_000, 0.0),
            Numbers((0..100).map(|row| f64::from(u8::from(row < 5))).collect()),
            "ks stable, wasserstein drifted, cramer_von_mises stable, mean_shift drifted | drifted | -",
        ),
        (
            "errors: all in both",
            constant(100, 1.0),
            constant(100, 1.0),
            "constant | constant | -",
        ),
        (
            "numbers, then categories",
            some(),
            letters(),
            "failed | failed | -",
        ),
        (
            "categories, then numbers",
            letters(),
            some(),
            "- | failed | -",
        ),
    ]
}

/// The tests of a column, its numbers cut into bins, or taken one by one where there are few.
fn config(column: &Column, quick: bool, distinct_min: usize) -> Value {
    let on_numbers = ON_NUMBERS
        .into_iter()
        .filter(|test| !(quick && *test == "wasserstein"));
    let tests: Vec<&str> = if matches!(column, Names(_)) {
        ON_COUNTS.to_vec()
    } else {
        on_numbers.chain(ON_COUNTS).collect()
    };
    json!({ "columns": { "x": { "tests": tests } }, "distinct_min": distinct_min, "correction": "none" })
}

#[test]
fn every_batch_detector_has_the_documented_answer() {
    let mut wrong = Vec::new();
    for (name, reference, current, expected) in table() {
        let windows = |role| (reference.window(role), current.window(role));
        let (p, q) = windows(Role::Feature);
        let data = twin("data-drift").compare(&config(&reference, false, 0), &p, &q);
        sound(&data, name);
        let found = summary(&data);
        if found != expected {
            wrong.push(format!("(\"{name}\", {found:?}, not {expected:?})"));
        }
        // Taken one by one, and with the detector's own choice of tests: any answer, as long as it is one.
        sound(
            &twin("data-drift").compare(&config(&reference, true, 20), &p, &q),
            name,
        );
        sound(&twin("data-drift").compare(&json!({}), &p, &q), name);
        sound(
            &twin("data-drift").compare(&json!({ "rows_min": 1 }), &p, &q),
            name,
        );

        for (detector, role) in [("prior-drift", Role::Label), ("concept-drift", Role::Error)] {
            let (p, q) = windows(role);
            for one in twin(detector).compare(&config(&reference, true, 0), &p, &q) {
                let same = one.column.is_none() || bits(&one) == bits(of(&data, "x", &one.metric));
                assert!(same, "{name}, {detector}: {one:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_stream_detector_has_the_documented_answer() {
    use leeway_sdk::StreamDetector as Native;
    let constant = |rows: usize, value: f64| vec![value; rows];
    let table: [(&str, Vec<f64>, &str); 10] = [
        ("no rows", Vec::new(), "insufficient"),
        ("one row", constant(1, 1.0), "stable"),
        ("no error", constant(5_000, 0.0), "stable"),
        ("nothing but errors", constant(5_000, 1.0), "stable"),
        ("all missing", constant(500, f64::NAN), "insufficient"),
        ("all infinite", constant(500, f64::INFINITY), "stable"),
        ("beyond what is taken in", constant(500, 1e308), "stable"),
        (
            "the largest that is taken in",
            constant(5_000, 1e100),
            "stable",
        ),
        ("subnormal", constant(500, 5e-324), "stable"),
        (
            "near 1e15",
            (0..500)
                .map(|row| 1e15 + f64::from(row % 2) * 0.125)
                .collect(),
            "stable",
        ),
    ];
    for name in ["adwin", "page-hinkley"] {
        let detector = stream(&plugin(name), &json!({}));
        for (input, values, expected) in &table {
            let rows = WindowBuilder::default()
                .numbers("x", Role::Error, values)
                .keep_rows()
                .build();
            let updated = detector.update(&State::default(), &rows).unwrap();
            let native = NativeWindow::new(&rows, &[Role::Error]);
            let step = match name {
                "adwin" => leeway_adwin::AdwinDetector::update(&[], &native, "{}", SEED),
                _ => leeway_page_hinkley::PageHinkleyDetector::update(&[], &native, "{}", SEED),
            };
            assert_eq!(
                step.unwrap().state,
                updated.state.bytes(),
                "{name}: {input}"
            );
            let last = updated.measurements.last().unwrap();
            assert_eq!(
                last.verdict.to_string(),
                *expected,
                "{name}: {input}: {last:?}"
            );
            assert!(
                updated.measurements.iter().all(|one| one.value.is_finite()),
                "{name}: {input}"
            );
            // And it goes on from there.
            detector.update(&updated.state, &rows).unwrap();
        }
    }
}

#[test]
fn categories_beyond_the_dictionary_are_one_category_of_their_own() {
    let window = |first: usize, rows: usize| {
        let names: Vec<String> = (first..first + rows)
            .map(|row| format!("{row:06}"))
            .collect();
        let names: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
        let small = ProfileConfig::new(1_000, 1_000, 64).unwrap();
        WindowBuilder::default()
            .remember(small)
            .names("x", Role::Feature, &names)
            .build()
    };

    let measurements =
        twin("data-drift").compare(&json!({}), &window(0, 10_000), &window(5_000, 10_000));

    // Which of ten thousand single rows keep a name of their own says nothing, and no name is in both.
    let found = of(&measurements, "x", "chi_square");
    assert_eq!(
        (found.verdict, found.value, found.unseen_share),
        (Verdict::Insufficient, 0.0, 0.0),
        "{found:?}"
    );
    sound(&measurements, "beyond the dictionary");
}
