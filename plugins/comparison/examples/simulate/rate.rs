//! How often something was true, and how sure that is.

use std::sync::Mutex;

/// False alarms that are asked for, at most, at level 5%.
pub(crate) const ASKED: f64 = 0.06;

/// How often a thing was true.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rate {
    pub(crate) hits: usize,
    pub(crate) all: usize,
}

impl Rate {
    /// Of so many repeats.
    pub(crate) fn of(repeats: usize, mut once: impl FnMut(u64) -> bool) -> Self {
        let mut rate = Self::default();
        (0..repeats as u64).for_each(|repeat| rate.add(once(repeat)));
        rate
    }

    pub(crate) fn add(&mut self, hit: bool) {
        self.hits += usize::from(hit);
        self.all += 1;
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            all: self.all + other.all,
        }
    }

    pub(crate) fn share(self) -> f64 {
        self.hits as f64 / self.all.max(1) as f64
    }

    /// Wilson's interval at 95%.
    pub(crate) fn interval(self) -> (f64, f64) {
        let (n, z) = (self.all as f64, 1.96);
        let p = self.share();
        let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        ((middle - half).max(0.0), (middle + half).min(1.0))
    }

    /// In percent, with the interval.
    pub(crate) fn told(self) -> String {
        if self.all == 0 {
            return "–".to_owned();
        }
        let (low, high) = self.interval();
        format!(
            "{:.1} ({:.1}–{:.1})",
            100.0 * self.share(),
            100.0 * low,
            100.0 * high
        )
    }
}

/// A cell of false alarms: of what, how often, and the share that is asked for at most.
struct Cell {
    name: String,
    rate: Rate,
    asked: f64,
}

impl Cell {
    fn above(&self) -> bool {
        self.rate.share() > self.asked
    }

    /// The whole interval lies above: chance is a poor explanation.
    fn beyond(&self) -> bool {
        self.rate.interval().0 > self.asked
    }
}

/// Of this run, in their order.
static CELLS: Mutex<Vec<Cell>> = Mutex::new(Vec::new());

/// What the name of a cell has where it holds other cells together.
pub(crate) const ALL: &str = "all laws";

/// A cell of false alarms: bold where its whole interval lies above what is asked. The name begins with the detector's or the test's.
pub(crate) fn alarms(name: impl FnOnce() -> String, rate: Rate) -> String {
    alarms_above(ASKED, name, rate)
}

/// The same where another share is asked for.
pub(crate) fn alarms_above(asked: f64, name: impl FnOnce() -> String, rate: Rate) -> String {
    if rate.all == 0 {
        return rate.told();
    }
    let name = name();
    let cell = Cell { name, rate, asked };
    let told = if cell.beyond() {
        format!("**{}**", rate.told())
    } else {
        rate.told()
    };
    CELLS.lock().unwrap().push(cell);
    told
}

/// Cells so far.
pub(crate) fn cells() -> usize {
    CELLS.lock().unwrap().len()
}

/// Prints how many cells from one on are above what is asked, and names those that are so beyond chance.
pub(crate) fn summary(from: usize) {
    let cells = CELLS.lock().unwrap();
    let cells = cells.get(from..).unwrap_or_default();
    if cells.is_empty() {
        return;
    }
    let beyond: Vec<&Cell> = cells.iter().filter(|cell| cell.beyond()).collect();
    println!(
        "\nOf these {} cells {} are above what is asked; in {} the whole interval is.",
        cells.len(),
        cells.iter().filter(|cell| cell.above()).count(),
        beyond.len()
    );
    for (at, cell) in beyond.into_iter().enumerate() {
        let line = if at == 0 { "\n" } else { "" };
        println!("{line}- {}: {}", cell.name, cell.rate.told());
    }
}

/// One row a detector or test: its cells together, and the highest of them.
pub(crate) fn by_detector() {
    let cells = CELLS.lock().unwrap();
    let single = || cells.iter().filter(|cell| !cell.name.contains(ALL));
    let detector = |cell: &Cell| cell.name.split(", ").next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = Vec::new();
    for name in single().map(detector) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    println!("\n### Each test and detector");
    head(&[
        "test or detector",
        "cells",
        "false alarms, all of them, %",
        "highest cell",
    ]);
    for name in names {
        let own = || single().filter(|cell| detector(cell) == name);
        let whole = own().fold(Rate::default(), |whole, cell| whole.with(cell.rate));
        let highest = own().max_by(|a, b| a.rate.share().total_cmp(&b.rate.share()));
        let told = highest.map_or_else(String::new, |cell| {
            let of = cell.name.get(name.len() + 2..).unwrap_or_default();
            format!("{}, {of}", cell.rate.told())
        });
        println!("| {name} | {} | {} | {told} |", own().count(), whole.told());
    }
}

/// The head of a table.
pub(crate) fn head(names: &[&str]) {
    println!("\n| {} |", names.join(" | "));
    println!("|{}", " --- |".repeat(names.len()));
}

/// Says on standard error what is being measured: tables take minutes.
pub(crate) fn progress(what: &str) {
    eprintln!("{what}");
}
