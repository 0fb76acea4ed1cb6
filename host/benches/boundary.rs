//! What it costs to cross the boundary: a fresh instance with its first call, columns against a copy of
//! the same bytes, a baseline on its way in, and the kernels.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod measure;

use std::hint::black_box;
use std::sync::Arc;

use leeway::domain::{Batch, ColumnKind, ColumnValues, Role};
use leeway::profile::{Window, kernels};
use leeway::runtime::{Baseline, BatchDetector};
use measure::{human, line, target, title};
use serde_json::json;

const ROWS: usize = 1_000_000;
const BYTES: usize = 8 * ROWS;
/// Rounds of each comparison.
const ROUNDS: usize = 15;
/// Calls or reads of one measurement, so that the clock's grain does not matter.
const REPEATS: u32 = 100;

/// A window of one numeric column.
fn numbers(values: Vec<f64>, keep: bool) -> Window {
    let schema = measure::schema(&[("x".to_owned(), ColumnKind::Numeric, Role::Feature)]);
    let batch = Batch::new(None, vec![ColumnValues::Numeric(values)]);
    measure::window(&schema, &[batch], keep)
}

/// The guest of `plugins/hostile` does `act` as often as its seed says.
fn guest(act: &str, amount: usize, times: u32) -> BatchDetector {
    let config = json!({ "act": act, "amount": amount });
    measure::batch_detector(&measure::hostile(), &config, u64::from(times))
}

fn evaluate(detector: &BatchDetector, baseline: &Baseline, window: &Window) {
    black_box(detector.evaluate(baseline, window).expect("calm"));
}

fn calls() {
    title("Fresh instance and its first call", ["CPU", "", ""]);
    let (calm, empty) = (guest("", 0, 1), Baseline::new(vec![0; 16], 100));
    let window = numbers(vec![1.0; 100], false);
    let data_drift = measure::plugin("data-drift");
    let config = json!({});
    let mut evaluated = || (0..REPEATS).for_each(|_| evaluate(&calm, &empty, &window));
    let mut configured =
        || (0..REPEATS).for_each(|_| drop(black_box(data_drift.configure(&config, 1))));
    let [evaluated, configured] =
        measure::medians(ROUNDS, [&mut evaluated, &mut configured]).map(|s| s / f64::from(REPEATS));
    for (what, seconds) in [
        ("evaluate of a small guest, its answer checked", evaluated),
        ("check-config of data-drift, with its schema", configured),
    ] {
        line(
            what,
            &human(seconds),
            "",
            "",
            &target("at most 15 us", seconds <= 15e-6),
        );
    }
}

/// A million numbers, `times` over, inside one call. What the call costs besides is taken off.
fn columns() {
    let source = measure::normal(1, ROWS, 0.0);
    let window = numbers(source.clone(), true);
    let empty = Baseline::new(vec![0; 16], ROWS as u64);
    title("A million numbers across", ["GB/s", "memcpy GB/s", "ratio"]);
    let mut copy = vec![0.0; ROWS];
    for (what, piece, times, asked) in [
        (
            "in pieces of 4,096 rows, 20 times in one call",
            4_096,
            20,
            false,
        ),
        (
            "in pieces of 65,536 rows, 20 times in one call",
            65_536,
            20,
            true,
        ),
        ("in one piece, 20 times in one call", ROWS, 20, true),
        ("in pieces of 65,536 rows, fresh instance", 65_536, 1, true),
        ("in one piece, fresh instance", ROWS, 1, true),
    ] {
        let reads = guest("read-rows", piece, times);
        let [across, memcpy] = measure::medians(
            ROUNDS,
            [&mut || evaluate(&reads, &empty, &window), &mut || {
                for _ in 0..times {
                    black_box(&mut copy).copy_from_slice(black_box(&source));
                }
            }],
        );
        let asked = asked.then(|| target("at least 0.70", memcpy / across >= 0.7));
        rates(
            what,
            BYTES * times as usize,
            across,
            memcpy,
            &asked.unwrap_or_default(),
        );
    }

    title(
        "Bytes of a baseline into a fresh instance",
        ["GB/s", "memcpy GB/s", "ratio"],
    );
    let calm = guest("", 0, 1);
    for megabytes in [1, 8, 24] {
        // The guest reports the bytes as rows.
        let baseline = Baseline::new(vec![1; megabytes << 20], (megabytes << 20) as u64);
        let mut copy = vec![0_u8; megabytes << 20];
        let [across, memcpy] = measure::medians(
            ROUNDS,
            [&mut || evaluate(&calm, &baseline, &window), &mut || {
                black_box(&mut copy).copy_from_slice(black_box(baseline.bytes()));
            }],
        );
        rates(
            &format!("{megabytes} MiB"),
            megabytes << 20,
            across,
            memcpy,
            "",
        );
    }
}

fn rates(what: &str, bytes: usize, across: f64, memcpy: f64, asked: &str) {
    let rate = |seconds: f64| format!("{:.1}", bytes as f64 / seconds / 1e9);
    line(
        what,
        &rate(across),
        &rate(memcpy),
        &format!("{:.2}", memcpy / across),
        asked,
    );
}

/// Each kernel from inside a guest, beside the host's own call of it.
fn kernels_across() {
    title(
        "Kernels on 100,000 distinct numbers, one call",
        ["guest", "host", "ratio"],
    );
    let window = numbers(measure::normal(1, 100_000, 0.0), false);
    let empty = Baseline::new(vec![0; 16], 100_000);
    let levels: Arc<[f64]> = (0..100).map(|i| f64::from(i) / 100.0).collect();
    let kernels: [(&str, &mut dyn FnMut()); 4] = [
        ("moments", &mut || {
            let _ = black_box(kernels::value_moments(&window, 0));
        }),
        ("quantiles", &mut || {
            drop(black_box(kernels::quantiles(&window, 0, &levels)));
        }),
        ("cdf", &mut || {
            drop(black_box(kernels::cdf(&window, 0, &levels)));
        }),
        ("distinct", &mut || {
            let distinct = kernels::distinct(&window, 0).expect("numbers");
            black_box((distinct.values.into_owned(), distinct.counts));
        }),
    ];
    for (kernel, host) in kernels {
        let asks = guest(kernel, 100, REPEATS);
        let [across, native] = measure::medians(
            ROUNDS,
            [&mut || evaluate(&asks, &empty, &window), &mut || {
                (0..REPEATS).for_each(|_| host());
            }],
        )
        .map(|seconds| seconds / f64::from(REPEATS));
        line(
            kernel,
            &human(across),
            &human(native),
            &format!("{:.2}", across / native),
            "",
        );
    }
}

fn main() {
    let parts: [(&str, fn()); 3] = [
        ("calls", calls),
        ("columns", columns),
        ("kernels", kernels_across),
    ];
    parts
        .into_iter()
        .filter(|(name, _)| measure::wanted(name))
        .for_each(|(_, run)| run());
}
