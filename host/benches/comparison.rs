//! The whole comparison, from rows in memory to verdicts: 20 numeric and 5 categorical columns, judged
//! by KS, Wasserstein and Jensen-Shannon, and by Jensen-Shannon and chi-square.
//!
//! `examples/benchmarks` holds scripts that do the same with scipy and with Evidently.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod measure;

use std::hint::black_box;
use std::sync::Arc;

use leeway::domain::{Batch, ColumnKind, ColumnValues, Role, Schema};
use leeway::profile::Window;
use leeway::runtime::{Baseline, BatchDetector, Evaluated};
use leeway_data_drift::DataDrift;
use leeway_sdk::BatchDetector as _;
use measure::native::NativeWindow;
use measure::{line, target, title};
use serde_json::json;

/// Rows of a batch, as a reader hands them over.
const BATCH_ROWS: usize = 65_536;
const NUMERIC: usize = 20;
/// Categories of each categorical column.
const CATEGORIES: [usize; 5] = [2, 5, 10, 50, 100];

fn columns() -> Arc<Schema> {
    let numeric = (0..NUMERIC).map(|i| (format!("x{i:02}"), ColumnKind::Numeric, Role::Feature));
    let names = CATEGORIES
        .iter()
        .map(|n| (format!("c{n:03}"), ColumnKind::Categorical, Role::Feature));
    measure::schema(&numeric.chain(names).collect::<Vec<_>>())
}

/// Rows in batches. `window` tells reference and current apart; `mean` is that of all numbers.
fn rows(window: u64, rows: usize, mean: f64) -> Vec<Batch> {
    let starts = (0..rows).step_by(BATCH_ROWS);
    let batch = |start: usize| {
        let (len, seed) = (BATCH_ROWS.min(rows - start), window << 40 | start as u64);
        let number = |i| ColumnValues::Numeric(measure::normal(seed << 8 | i as u64, len, mean));
        let name = |n: &usize| measure::names(seed << 8 | (128 + *n as u64), len, *n);
        let columns = (0..NUMERIC).map(number).chain(CATEGORIES.iter().map(name));
        Batch::new(None, columns.collect())
    };
    starts.map(batch).collect()
}

/// CPU seconds of the phases of one comparison, and the bytes it took above the data at its peak.
struct Run {
    profile_reference: f64,
    profile_current: f64,
    fit: f64,
    evaluate: f64,
    /// The same code as in the sandbox, compiled for this machine.
    native_fit: f64,
    native_evaluate: f64,
    bytes: Option<usize>,
    baseline: Baseline,
    evaluated: Evaluated,
}

impl Run {
    fn total(&self) -> f64 {
        self.profile_reference + self.profile_current + self.fit + self.evaluate
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = measure::process_seconds();
    let done = work();
    (measure::process_seconds() - start, done)
}

fn compare(
    schema: &Arc<Schema>,
    config: &str,
    detector: &BatchDetector,
    reference: &[Batch],
    current: &[Batch],
) -> Run {
    measure::forget_peak();
    let before = measure::resident_bytes();
    let profiled = |batches: &[Batch]| timed(|| measure::window(schema, batches, false));
    let (profile_reference, reference) = profiled(reference);
    let (fit, baseline) = timed(|| detector.fit(&reference).expect("a baseline"));
    let (profile_current, current) = profiled(current);
    let (evaluate, evaluated) = timed(|| judge(detector, &baseline, &current));
    let after = measure::resident_bytes();
    let bytes = before
        .zip(after)
        .map(|((now, _), (_, peak))| peak.saturating_sub(now));
    let (native_fit, learned) = timed(|| native_fit(&reference, config));
    assert!(
        learned == baseline.bytes(),
        "component and native code differ"
    );
    let (native_evaluate, ()) = timed(|| native_judge(&baseline, &current, config));
    Run {
        profile_reference,
        profile_current,
        fit,
        evaluate,
        native_fit,
        native_evaluate,
        bytes,
        baseline,
        evaluated,
    }
}

fn judge(detector: &BatchDetector, baseline: &Baseline, current: &Window) -> Evaluated {
    detector.evaluate(baseline, current).expect("an evaluation")
}

fn native_fit(reference: &Window, config: &str) -> Vec<u8> {
    let window = NativeWindow::new(reference, &[Role::Feature]);
    DataDrift::fit(&window, config, measure::SEED).expect("a baseline")
}

fn native_judge(baseline: &Baseline, current: &Window, config: &str) {
    let window = NativeWindow::new(current, &[Role::Feature]);
    let judged = DataDrift::evaluate(baseline.bytes(), &window, config, measure::SEED);
    black_box(judged.expect("an evaluation"));
}

fn beside(what: &str, sandboxed: f64, native: f64) {
    let ratio = format!("{:.2}", sandboxed / native);
    line(
        what,
        &measure::human(sandboxed),
        &measure::human(native),
        &ratio,
        "",
    );
}

fn report(
    rows: usize,
    runs: &[Run],
    seconds_max: Option<f64>,
    bytes_max: Option<usize>,
) -> Baseline {
    let middle = |part: fn(&Run) -> f64| measure::median(runs.iter().map(part).collect());
    let last = runs.last().expect("a run");
    let measurements = last.evaluated.measurements.len();
    title(
        &format!("{rows} x {rows} rows, 25 columns, {measurements} measurements"),
        ["CPU", "native", "ratio"],
    );
    let phase = |name: &str, seconds: f64, asked: String| {
        line(name, &measure::human(seconds), "", "", &asked);
    };
    phase(
        "profile the reference",
        middle(|run| run.profile_reference),
        String::new(),
    );
    phase(
        "profile the current window",
        middle(|run| run.profile_current),
        String::new(),
    );
    beside(
        "fit, in the sandbox",
        middle(|run| run.fit),
        middle(|run| run.native_fit),
    );
    let native = middle(|run| run.native_evaluate);
    beside(
        "evaluate, in the sandbox",
        middle(|run| run.evaluate),
        native,
    );
    let total = middle(Run::total);
    let asked = seconds_max.map(|max| target(&format!("under {max} s"), total < max));
    phase("all", total, asked.unwrap_or_default());
    // The first run also grows the heap; it is what a program that compares once would see.
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    if let Some(bytes) = runs.iter().filter_map(|run| run.bytes).max() {
        let asked =
            bytes_max.map(|max| target(&format!("under {:.0} MB", megabytes(max)), bytes < max));
        let measured = format!("{:.0} MB", megabytes(bytes));
        line(
            "peak memory above the data",
            &measured,
            "",
            "",
            &asked.unwrap_or_default(),
        );
    }
    let stored = format!("{:.1} MB", megabytes(last.baseline.bytes().len()));
    line("the baseline as stored", &stored, "", "", "");
    last.baseline.clone()
}

fn main() {
    let schema = columns();
    let config = json!({
        "numeric": ["ks", "wasserstein", "jensen_shannon"],
        "categorical": ["jensen_shannon", "chi_square"],
    });
    let text = config.to_string();
    let detector = measure::batch_detector(&measure::plugin("data-drift"), &config, measure::SEED);

    let [reference, current] = [(1, 0.0), (2, 0.01)].map(|(i, mean)| rows(i, 1_000_000, mean));
    let runs = (0..2).map(|_| compare(&schema, &text, &detector, &reference, &current));
    let baseline = report(
        1_000_000,
        &runs.collect::<Vec<_>>(),
        Some(3.0),
        Some(300_000_000),
    );

    let new = rows(3, 100_000, 0.01);
    let runs: Vec<(f64, f64, f64)> = (0..5)
        .map(|_| {
            let (profile, window) = timed(|| measure::window(&schema, &new, false));
            let (evaluate, _) = timed(|| judge(&detector, &baseline, &window));
            let (native, ()) = timed(|| native_judge(&baseline, &window, &text));
            (profile, evaluate, native)
        })
        .collect();
    title(
        "100,000 new rows against the stored baseline of 1,000,000",
        ["CPU", "native", "ratio"],
    );
    let middle =
        |part: fn(&(f64, f64, f64)) -> f64| measure::median(runs.iter().map(part).collect());
    let total = middle(|run| run.0 + run.1);
    line(
        "profile the new rows",
        &measure::human(middle(|run| run.0)),
        "",
        "",
        "",
    );
    beside(
        "evaluate, in the sandbox",
        middle(|run| run.1),
        middle(|run| run.2),
    );
    line(
        "all",
        &measure::human(total),
        "",
        "",
        &target("under 0.3 s", total < 0.3),
    );

    let reference: Vec<Batch> = rows(4, 100_000, 0.0);
    let runs = (0..5).map(|_| compare(&schema, &text, &detector, &reference, &new));
    report(100_000, &runs.collect::<Vec<_>>(), None, None);
}
