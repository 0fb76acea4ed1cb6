//! Measures how often detectors are wrong without drift and right with it; docs/false-alarms.md holds what it prints.
//!
//! `cargo run --release -p leeway-comparison --example simulate` prints all tables; a word chooses one of them, a number is of windows a cell.
#![allow(clippy::unwrap_used, reason = "a measurement stops where it is wrong")]
#![allow(clippy::print_stdout, reason = "it prints tables")]
#![allow(clippy::print_stderr, reason = "it says how far it is")]

mod joint;
mod labels;
mod laws;
mod many;
mod memory;
mod rate;
mod single;
mod streams;

use laws::{Law, NAMES, NUMBERS};
use leeway_data_drift::DataDrift;
use leeway_sdk::{BatchDetector, Measurement};
use memory::Memory;
use serde_json::Value;

/// What is printed, in this order.
const PARTS: [&str; 7] = [
    "alarms", "power", "columns", "joint", "rows", "labels", "streams",
];

/// Data drift between two windows.
fn compare(config: &Value, reference: &Memory, current: &Memory, seed: u64) -> Vec<Measurement> {
    let config = config.to_string();
    let baseline = DataDrift::fit(reference, &config, seed).unwrap();
    DataDrift::evaluate(&baseline, current, &config, seed).unwrap()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_else(|| "all".to_owned());
    let wanted = arguments.next().map_or(500, |text| text.parse().unwrap());
    let only = arguments.next();
    if what != "all" && !PARTS.contains(&what.as_str()) {
        println!(
            "all, or one of {}; the windows a cell; for alarms and power one law",
            PARTS.join(", ")
        );
        return;
    }
    let chosen = |laws: &[Law]| -> Vec<Law> {
        let named = |law: &Law| only.as_ref().is_none_or(|only| law.name() == *only);
        laws.iter().copied().filter(named).collect()
    };
    for part in PARTS
        .into_iter()
        .filter(|part| what == "all" || what == *part)
    {
        let mut first = rate::cells();
        match part {
            "alarms" => {
                println!("\n### Numbers\n\nFalse alarms, %.");
                single::tables(&chosen(&NUMBERS), wanted, 0.0);
                rate::summary(first);
                first = rate::cells();
                println!("\n### Names\n\nFalse alarms, %.");
                single::tables(&chosen(&NAMES), wanted, 0.0);
            }
            "power" => {
                println!(
                    "\n### Power, numbers\n\nA shift of a quarter of a standard deviation, found in %."
                );
                single::tables(&chosen(&NUMBERS), wanted / 5, 0.25);
                println!(
                    "\n### Power, names\n\nOne row in ten becomes the first category, found in %."
                );
                single::tables(&chosen(&NAMES), wanted / 5, 0.1);
            }
            "columns" => many::table(wanted),
            "joint" => joint::table(wanted),
            "rows" => labels::quality(wanted),
            "labels" => labels::table(wanted),
            _ => streams::table(wanted),
        }
        rate::summary(first);
    }
    rate::by_detector();
}
