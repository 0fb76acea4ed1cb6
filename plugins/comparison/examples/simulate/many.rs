//! Windows of many columns, judged together by data drift at its defaults: how often any column drifts.

use leeway_comparison::Test;
use leeway_sdk::{Role, Verdict};
use serde_json::json;

use crate::compare;
use crate::laws::{Law, seed};
use crate::memory::Memory;
use crate::rate::{Rate, alarms, head, progress};
use crate::single::{SIZES, column, no_floors};

/// Laws of the columns, in turn, so that a window has numbers and names.
const LAWS: [Law; 7] = [
    Law::Normal,
    Law::Lognormal,
    Law::Ties,
    Law::Discrete,
    Law::Heavy,
    Law::Even(5),
    Law::Zipf(20),
];
/// Columns of all windows of a cell.
const COLUMNS_ALL: usize = 50_000;
/// Trials of single columns end below this.
const FIRST: usize = 500_000;

/// Windows with any drifted column: by the tests alone, and with the floors of the effects too.
fn rates(correction: &str, columns: usize, sizes: usize, wanted: usize) -> (Rate, Rate) {
    let (n, m) = SIZES[sizes];
    let config = json!({ "correction": correction, "effect_min": no_floors() });
    let (mut alone, mut floors) = (Rate::default(), Rate::default());
    for trial in 0..wanted.min(COLUMNS_ALL / columns) {
        let (mut reference, mut current) = (Memory::default(), Memory::default());
        for at in 0..columns {
            let (law, trial) = (
                LAWS[(trial + at) % LAWS.len()],
                FIRST + trial * columns + at,
            );
            let rows = |which, rows| column(law, seed(law, sizes, trial, which), rows, 0.0);
            let name = format!("x{at:03}");
            reference = reference.with(&name, Role::Feature, rows(0, n));
            current = current.with(&name, Role::Feature, rows(1, m));
        }
        let said = compare(&config, &reference, &current, trial as u64);
        let drifted = |floors: bool| {
            said.iter().any(|one| {
                let test = Test::ALL.into_iter().find(|test| test.name() == one.metric);
                let floor = test.map_or(0.0, Test::effect_min);
                let matters = !floors || one.effect.is_some_and(|effect| effect >= floor);
                one.column.is_some() && one.verdict == Verdict::Drifted && matters
            })
        };
        alone.add(drifted(false));
        floors.add(drifted(true));
    }
    (alone, floors)
}

pub(crate) fn table(wanted: usize) {
    println!(
        "\n### Many columns, each by itself\n\nWindows with any drifted column, %, by data-drift's default tests."
    );
    head(&[
        "correction",
        "columns",
        "rows",
        "tests alone",
        "with the floors",
    ]);
    for correction in ["bh", "by", "holm"] {
        for columns in [1, 10, 100] {
            for sizes in [1, 3, 5] {
                let (n, m) = SIZES[sizes];
                progress(&format!(
                    "data-drift with {correction}, {columns} columns, {n} / {m}"
                ));
                let (alone, floors) = rates(correction, columns, sizes, wanted);
                let what = |how: &str| {
                    format!("data-drift with {correction}, {columns} columns, {n} / {m}, {how}")
                };
                println!(
                    "| {correction} | {columns} | {n} / {m} | {} | {} |",
                    alarms(|| what("alone"), alone),
                    alarms(|| what("with the floors"), floors)
                );
            }
        }
    }
}
