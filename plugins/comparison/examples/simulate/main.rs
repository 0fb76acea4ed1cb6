//! Measures how often detectors are wrong without drift and right with it; docs/false-alarms.md holds what it prints.
//!
//! `cargo run --release -p leeway-comparison --example simulate -- alarms 2000`, or `power`, `columns`, `detectable`; the number is of windows a cell.
#![allow(clippy::unwrap_used, reason = "a measurement stops where it is wrong")]
#![allow(clippy::print_stdout, reason = "it prints tables")]

mod laws;
mod memory;

use std::collections::{BTreeMap, BTreeSet};

use laws::{Law, NAMES, NUMBERS, seed};
use leeway_comparison::Test;
use leeway_data_drift::DataDrift;
use leeway_sdk::{BatchDetector, Measurement, Role, Verdict};
use memory::{Memory, Rows};
use serde_json::{Value, json};

/// Rows of the reference and of the current window.
const SIZES: [(usize, usize); 10] = [
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
const ROWS_MAX: usize = 10_000_000;

/// Steps of the exact law of `ks` in a column, `n m`, beyond which it is left out: it takes a second, and is exact.
const PATHS_MAX: usize = 10_000_000;

/// How often a thing was true.
#[derive(Clone, Copy, Default)]
struct Rate {
    hits: usize,
    all: usize,
}

impl Rate {
    fn add(&mut self, hit: bool) {
        self.hits += usize::from(hit);
        self.all += 1;
    }

    /// Wilson's interval at 95%.
    fn interval(self) -> (f64, f64) {
        let (n, z) = (self.all as f64, 1.96);
        let p = self.hits as f64 / n;
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        (middle - half, middle + half)
    }

    fn told(self) -> String {
        if self.all == 0 {
            return "–".to_owned();
        }
        let (low, high) = self.interval();
        let p = self.hits as f64 / self.all as f64;
        format!("{:.1} ({:.1}–{:.1})", 100.0 * p, 100.0 * low, 100.0 * high)
    }
}

fn column(law: Law, seed: u64, rows: usize, change: f64) -> Rows {
    let drawn = law.rows(seed, rows, change);
    if law.is_names() {
        Rows::Names(
            drawn
                .into_iter()
                .map(|place| Some(Law::category(place)))
                .collect(),
        )
    } else {
        Rows::Numbers(drawn)
    }
}

/// Two windows of `columns` independent columns, from trial `first` on.
fn windows(law: Law, sizes: usize, first: usize, columns: usize, change: f64) -> (Memory, Memory) {
    let (n, m) = SIZES[sizes];
    let window = |which: u64, rows: usize, change: f64| {
        (first..first + columns).fold(Memory::default(), |memory, trial| {
            let rows = column(law, seed(law, sizes, trial, which), rows, change);
            memory.with(&format!("x{trial:06}"), Role::Feature, rows)
        })
    };
    (window(0, n, 0.0), window(1, m, change))
}

fn run(config: &Value, reference: &Memory, current: &Memory, seed: u64) -> Vec<Measurement> {
    let config = config.to_string();
    let baseline = DataDrift::fit(reference, &config, seed).unwrap();
    DataDrift::evaluate(&baseline, current, &config, seed).unwrap()
}

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
    // Random tables of many cells take their time.
    let wanted = if law.cells() >= 100 {
        wanted.min(100)
    } else {
        wanted
    };
    wanted.min(ROWS_MAX / (n + m)).max(COLUMNS) / COLUMNS * COLUMNS
}

/// The share of columns that drift, test by test, each column judged alone.
fn rates(
    law: Law,
    sizes: usize,
    wanted: usize,
    change: f64,
    floors: bool,
) -> BTreeMap<String, Rate> {
    let (n, m) = SIZES[sizes];
    let exact = n.max(m) <= 10_000 && n * m > PATHS_MAX;
    let names: Vec<&str> = tests(law)
        .into_iter()
        .filter(|test| !(exact && *test == Test::Ks))
        .map(Test::name)
        .collect();
    let none: serde_json::Map<String, Value> = Test::ALL
        .iter()
        .map(|test| (test.name().to_owned(), json!(0)))
        .collect();
    let mut config = json!({ "correction": "none" });
    let kind = if law.is_names() {
        "categorical"
    } else {
        "numeric"
    };
    config[kind] = json!(names);
    if !law.is_names() {
        config["distinct_min"] = json!(0); // The bins of few values too.
    }
    if !floors {
        config["effect_min"] = Value::Object(none);
    }
    let mut rates: BTreeMap<String, Rate> = BTreeMap::new();
    for first in (0..trials(law, wanted, sizes)).step_by(COLUMNS) {
        let (reference, current) = windows(law, sizes, first, COLUMNS, change);
        for one in run(&config, &reference, &current, first as u64) {
            if one.column.is_some() {
                rates
                    .entry(one.metric)
                    .or_default()
                    .add(one.verdict == Verdict::Drifted);
            }
        }
    }
    rates
}

fn table(title: &str, laws: &[Law], cell: impl Fn(Law, usize) -> BTreeMap<String, Rate>) -> Rate {
    println!("\n{title}\n");
    let mut worst = Rate { hits: 0, all: 1 };
    let mut together: BTreeMap<(usize, &str), Rate> = BTreeMap::new();
    for law in laws {
        println!("**{}**\n", law.name());
        let names: Vec<&str> = tests(*law).into_iter().map(Test::name).collect();
        println!(
            "| rows | {} |\n| --- |{}",
            names.join(" | "),
            " --- |".repeat(names.len())
        );
        for (sizes, (n, m)) in SIZES.iter().enumerate() {
            let rates = cell(*law, sizes);
            let told: Vec<String> = names
                .iter()
                .map(|name| {
                    let rate = rates.get(*name).copied().unwrap_or_default();
                    let whole = together.entry((sizes, name)).or_default();
                    *whole = Rate {
                        hits: whole.hits + rate.hits,
                        all: whole.all + rate.all,
                    };
                    if rate.hits * worst.all > worst.hits * rate.all {
                        worst = rate;
                    }
                    rate.told()
                })
                .collect();
            println!("| {n} / {m} | {} |", told.join(" | "));
        }
        println!();
    }
    println!("**all of them**\n");
    let names: BTreeSet<&str> = together.keys().map(|key| key.1).collect();
    let names: Vec<&str> = Test::ALL
        .map(Test::name)
        .into_iter()
        .filter(|name| names.contains(name))
        .collect();
    println!(
        "| rows | {} |\n| --- |{}",
        names.join(" | "),
        " --- |".repeat(names.len())
    );
    for (sizes, (n, m)) in SIZES.iter().enumerate() {
        let told: Vec<String> = names
            .iter()
            .map(|name| together[&(sizes, *name)].told())
            .collect();
        println!("| {n} / {m} | {} |", told.join(" | "));
    }
    worst
}

/// Windows of so many columns, judged together at the defaults: the share with any drifted column.
fn columns(wanted: usize) {
    println!(
        "\n| detector's defaults | columns | rows | windows with an alarm, % |\n| --- | --- | --- | --- |"
    );
    for correction in ["bh", "by", "holm"] {
        for count in [1, 10, 100] {
            for sizes in [1, 3, 5] {
                let mut rate = Rate::default();
                for trial in 0..wanted.min(400_000 / count) {
                    // Every law in turn, so that a window has numbers and names.
                    let (mut reference, mut current) = (Memory::default(), Memory::default());
                    for column_of in 0..count {
                        let law = [
                            Law::Normal,
                            Law::Lognormal,
                            Law::Ties,
                            Law::Discrete,
                            Law::Heavy,
                            Law::Even(5),
                            Law::Zipf(20),
                        ][(trial + column_of) % 7];
                        let at = trial * count + column_of;
                        let name = format!("x{column_of:03}");
                        let (n, m) = SIZES[sizes];
                        let rows = |which, rows| {
                            column(law, seed(law, sizes, 500_000 + at, which), rows, 0.0)
                        };
                        reference = reference.with(&name, Role::Feature, rows(0, n));
                        current = current.with(&name, Role::Feature, rows(1, m));
                    }
                    let config = json!({ "correction": correction });
                    let said = run(&config, &reference, &current, trial as u64);
                    rate.add(said.iter().any(|one| one.verdict == Verdict::Drifted));
                }
                let (n, m) = SIZES[sizes];
                println!("| {correction} | {count} | {n} / {m} | {} |", rate.told());
            }
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_else(|| "alarms".to_owned());
    let wanted = arguments.next().map_or(1_000, |text| text.parse().unwrap());
    let only = arguments.next();
    let chosen = |laws: &[Law]| -> Vec<Law> {
        let named = |law: &Law| only.as_ref().is_none_or(|only| law.name() == *only);
        laws.iter().copied().filter(named).collect()
    };
    match what.as_str() {
        "alarms" => {
            let cell = |law, sizes| rates(law, sizes, wanted, 0.0, false);
            let numbers = table("Numbers: false alarms, %", &chosen(&NUMBERS), cell);
            let names = table("Names: false alarms, %", &chosen(&NAMES), cell);
            println!("most: numbers {}, names {}", numbers.told(), names.told());
        }
        "power" => {
            let cell = |change: f64| move |law, sizes| rates(law, sizes, wanted, change, true);
            table(
                "Numbers: a shift of a quarter of a standard deviation, found in %",
                &chosen(&NUMBERS),
                cell(0.25),
            );
            table(
                "Names: one row in ten becomes the first category, found in %",
                &chosen(&NAMES),
                cell(0.1),
            );
        }
        "columns" => columns(wanted),
        _ => println!("alarms, power or columns, and the number of windows"),
    }
}
