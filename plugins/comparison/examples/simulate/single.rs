//! One column at a time: every test of the comparison on every law and size.

use std::collections::BTreeMap;

use leeway_comparison::Test;
use leeway_sdk::{Role, Verdict};
use leeway_statistics::ks::{ks_critical_value, ks_statistic};
use leeway_statistics::sample::SampleBuf;
use serde_json::{Value, json};

use crate::compare;
use crate::laws::{Law, seed};
use crate::memory::{Memory, Rows};
use crate::rate::{ALL, Rate, alarms, head, progress};

/// Rows of the reference and of the current window; their order makes the seeds, here and in tests/cases/peers.py.
pub(crate) const SIZES: [(usize, usize); 10] = [
    (50, 50),
    (100, 100),
    (1_000, 50),
    (1_000, 100),
    (200, 200),
    (1_000, 1_000),
    (10_000, 500),
    (10_000, 10_000),
    (100_000, 1_000),
    (100_000, 100_000),
];
/// Columns of one window of a simulation of single columns: each a trial.
const COLUMNS: usize = 50;
/// Rows that a cell of a table may draw, so that the largest windows are tried less often.
const ROWS_MAX: usize = 40_000_000;
/// Trials of a cell of many categories, whose random tables take their time.
const TRIALS_MANY: usize = 200;
/// Steps of the exact law of `ks` in a column, `n m`, beyond which it is asked once for all columns: it takes a second.
const PATHS_MAX: usize = 10_000_000;
/// Rows of the larger window up to which that law is exact.
const EXACT_ROWS_MAX: usize = 10_000;

pub(crate) fn column(law: Law, seed: u64, rows: usize, change: f64) -> Rows {
    let drawn = law.rows(seed, rows, change);
    if law.is_names() {
        let name = |place| Some(Law::category(place));
        Rows::Names(drawn.into_iter().map(name).collect())
    } else {
        Rows::Numbers(drawn)
    }
}

/// Two windows of [`COLUMNS`] independent columns, from trial `first` on.
fn windows(law: Law, sizes: usize, first: usize, change: f64) -> (Memory, Memory) {
    let (n, m) = SIZES[sizes];
    let window = |which: u64, rows: usize, change: f64| {
        (first..first + COLUMNS).fold(Memory::default(), |memory, trial| {
            let rows = column(law, seed(law, sizes, trial, which), rows, change);
            memory.with(&format!("x{trial:06}"), Role::Feature, rows)
        })
    };
    (window(0, n, 0.0), window(1, m, change))
}

/// Tests that take columns of this law; `TESTS=psi,ks` leaves the others out.
fn tests(law: Law) -> Vec<Test> {
    let chosen = std::env::var("TESTS").unwrap_or_default();
    Test::ALL
        .into_iter()
        .filter(|test| test.counts() || !law.is_names())
        .filter(|test| chosen.is_empty() || chosen.split(',').any(|name| name == test.name()))
        .collect()
}

fn trials(law: Law, wanted: usize, sizes: usize) -> usize {
    let (n, m) = SIZES[sizes];
    let most = match only() {
        Some(_) => wanted, // One cell may take its time.
        None if law.cells() >= 100 => TRIALS_MANY.min(ROWS_MAX / (n + m)),
        None => ROWS_MAX / (n + m),
    };
    wanted.min(most).max(COLUMNS) / COLUMNS * COLUMNS
}

/// `ROWS=1000/50`: the only size that is measured, with as many windows as are wanted.
fn only() -> Option<String> {
    std::env::var("ROWS").ok()
}

/// No effect is too small.
pub(crate) fn no_floors() -> Value {
    let floors = Test::ALL.iter().map(|test| (test.name(), 0));
    json!(floors.collect::<BTreeMap<&str, i32>>())
}

/// The share of columns that drift, test by test, each column judged alone.
pub(crate) fn rates(
    law: Law,
    sizes: usize,
    wanted: usize,
    change: f64,
    floors: bool,
) -> BTreeMap<&'static str, Rate> {
    let (n, m) = SIZES[sizes];
    let tests = tests(law);
    let slow = n.max(m) <= EXACT_ROWS_MAX && n * m > PATHS_MAX;
    let apart = |test: &Test| slow && *test == Test::Ks;
    let names: Vec<&str> = tests
        .iter()
        .filter(|test| !apart(test))
        .map(|test| test.name())
        .collect();
    let mut config = json!({ "correction": "none" });
    if law.is_names() {
        config["categorical"] = json!(names);
    } else {
        config["numeric"] = json!(names);
        config["distinct_min"] = json!(0); // The bins of few values too.
    }
    if !floors {
        config["effect_min"] = no_floors();
    }
    let critical = tests
        .iter()
        .any(apart)
        .then(|| ks_critical_value(n as f64, m as f64, 0.05));
    let floor = if floors { Test::Ks.effect_min() } else { 0.0 };
    let mut rates: BTreeMap<&'static str, Rate> = BTreeMap::new();
    for first in (0..trials(law, wanted, sizes)).step_by(COLUMNS) {
        let (reference, current) = windows(law, sizes, first, change);
        for one in compare(&config, &reference, &current, first as u64) {
            let test = tests.iter().find(|test| test.name() == one.metric);
            if let (Some(test), Some(_)) = (test, &one.column) {
                let rate = rates.entry(test.name()).or_default();
                rate.add(one.verdict == Verdict::Drifted);
            }
        }
        if let Some(critical) = critical {
            for trial in first..first + COLUMNS {
                let rows =
                    |which, rows, change| law.rows(seed(law, sizes, trial, which), rows, change);
                let sample = |rows: Vec<f64>| SampleBuf::from_unsorted(&rows).unwrap();
                let (reference, current) = (sample(rows(0, n, 0.0)), sample(rows(1, m, change)));
                let d = ks_statistic(&reference.as_sample(), &current.as_sample());
                let rate = rates.entry(Test::Ks.name()).or_default();
                rate.add(d > critical && d >= floor);
            }
        }
    }
    rates
}

/// Sizes that are measured.
fn sizes() -> Vec<usize> {
    let only = only();
    let wanted =
        |(n, m): (usize, usize)| only.as_ref().is_none_or(|only| *only == format!("{n}/{m}"));
    (0..SIZES.len()).filter(|at| wanted(SIZES[*at])).collect()
}

/// One table a law: sizes down, tests across; and one of all laws together.
pub(crate) fn tables(laws: &[Law], wanted: usize, change: f64) {
    let mut together: BTreeMap<(usize, &str), Rate> = BTreeMap::new();
    let cell = |what: String, rate: Rate| {
        if change == 0.0 {
            alarms(|| what, rate)
        } else {
            rate.told()
        }
    };
    let row = |sizes: usize, told: Vec<String>| {
        println!(
            "| {} / {} | {} |",
            SIZES[sizes].0,
            SIZES[sizes].1,
            told.join(" | ")
        );
    };
    let titled = |names: &[&str]| head(&[&["rows"], names].concat());
    for law in laws {
        let names: Vec<&'static str> = tests(*law).into_iter().map(Test::name).collect();
        println!("\n**{}**", law.name());
        titled(&names);
        for size in sizes() {
            progress(&format!("{} {:?} change {change}", law.name(), SIZES[size]));
            let rates = rates(*law, size, wanted, change, change != 0.0);
            let of = |name: &&'static str| rates.get(name).copied().unwrap_or_default();
            for name in &names {
                let whole = together.entry((size, name)).or_default();
                *whole = whole.with(of(name));
            }
            let (n, m) = SIZES[size];
            let told =
                |name: &&'static str| cell(format!("{name}, {}, {n} / {m}", law.name()), of(name));
            row(size, names.iter().map(told).collect());
        }
    }
    if laws.len() > 1 {
        let names: Vec<&'static str> = tests(laws[0]).into_iter().map(Test::name).collect();
        println!("\n**all of these**");
        titled(&names);
        for size in sizes() {
            let (n, m) = SIZES[size];
            let told = |name: &&'static str| {
                let whole = together.get(&(size, *name)).copied().unwrap_or_default();
                cell(format!("{name}, {ALL}, {n} / {m}"), whole)
            };
            row(size, names.iter().map(told).collect());
        }
    }
}
