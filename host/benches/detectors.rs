//! Each detector and each test as a component, beside the same code compiled for this machine.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod measure;

use std::hint::black_box;
use std::sync::Arc;

use leeway::domain::{Batch, ColumnKind, ColumnValues, Role, Schema};
use leeway::profile::Window;
use leeway::runtime::State;
use leeway_adwin::AdwinDetector;
use leeway_concept_drift::ConceptDrift;
use leeway_data_drift::DataDrift;
use leeway_page_hinkley::PageHinkleyDetector;
use leeway_prior_drift::PriorDrift;
use leeway_sdk as sdk;
use leeway_statistics::adwin::Adwin;
use leeway_statistics::page_hinkley::PageHinkley;
use leeway_statistics::rng::Rng;
use measure::native::NativeWindow;
use measure::{human, line, target, title};
use serde_json::{Value, json};

const ROUNDS: usize = 7;
/// Rows of a stream.
const STREAM_ROWS: usize = 1_000_000;

fn window(role: Role, rows: usize, mean: f64) -> Window {
    let kinds = [
        ("x", ColumnKind::Numeric, role),
        ("c", ColumnKind::Categorical, Role::Feature),
    ];
    let columns = kinds.map(|(name, kind, role)| (name.to_owned(), kind, role));
    let numbers = ColumnValues::Numeric(measure::normal(rows as u64 ^ mean.to_bits(), rows, mean));
    let names = measure::names(rows as u64 ^ mean.to_bits(), rows, 20);
    let batch = Batch::new(None, vec![numbers, names]);
    measure::window(&measure::schema(&columns), &[batch], false)
}

/// `fit` and `evaluate` of one detector, both ways. All columns but those of `roles` are out of sight.
fn compare<D: sdk::BatchDetector>(what: &str, name: &str, role: Role, config: &Value, rows: usize) {
    let detector = measure::batch_detector(&measure::plugin(name), config, measure::SEED);
    let (reference, current) = (window(role, rows, 0.0), window(role, rows, 0.02));
    let [native_reference, native_current] =
        [&reference, &current].map(|window| NativeWindow::new(window, &[role]));
    let text = config.to_string();
    let baseline = detector.fit(&reference).expect("a baseline");
    let bytes = D::fit(&native_reference, &text, measure::SEED).expect("a baseline");
    assert!(
        bytes == baseline.bytes(),
        "{what}: component and native code differ"
    );
    let repeats = 200_000 / rows;
    let times = |work: &dyn Fn()| (0..repeats).for_each(|_| work());
    let seconds = measure::medians(
        ROUNDS,
        [
            &mut || times(&|| drop(black_box(detector.fit(&reference)))),
            &mut || times(&|| drop(black_box(D::fit(&native_reference, &text, measure::SEED)))),
            &mut || times(&|| drop(black_box(detector.evaluate(&baseline, &current)))),
            &mut || {
                times(&|| {
                    drop(black_box(D::evaluate(
                        &bytes,
                        &native_current,
                        &text,
                        measure::SEED,
                    )));
                });
            },
        ],
    );
    let [fit, native_fit, evaluate, native_evaluate] = seconds.map(|s| s / repeats as f64);
    for (call, component, native) in [
        ("fit", fit, native_fit),
        ("evaluate", evaluate, native_evaluate),
    ] {
        let ratio = format!("{:.2}", component / native);
        line(
            &format!("{what}, {call}"),
            &human(component),
            &human(native),
            &ratio,
            "",
        );
    }
}

fn batch_detectors(rows: usize) {
    title(
        &format!("Detectors on {rows} x {rows} rows"),
        ["component", "native", "ratio"],
    );
    let default = json!({});
    compare::<DataDrift>(
        "data-drift (ks, chi-square)",
        "data-drift",
        Role::Feature,
        &default,
        rows,
    );
    compare::<PriorDrift>(
        "prior-drift (on a score)",
        "prior-drift",
        Role::Probability,
        &default,
        rows,
    );
    compare::<ConceptDrift>(
        "concept-drift (ks, wasserstein)",
        "concept-drift",
        Role::Residual,
        &default,
        rows,
    );
    for test in [
        "ks",
        "wasserstein",
        "cramer_von_mises",
        "mean_shift",
        "psi",
        "jensen_shannon",
        "hellinger",
        "l_infinity",
        "chi_square",
    ] {
        let config = json!({ "numeric": [test], "columns": { "c": { "ignore": true } } });
        compare::<DataDrift>(test, "data-drift", Role::Feature, &config, rows);
    }
}

/// Errors of a classifier: wrong in a fifth of the rows, and more often for a while now and then.
fn errors() -> Vec<f64> {
    let mut rng = Rng::new(measure::SEED);
    (0..STREAM_ROWS)
        .map(|row| {
            let share = if row / 50_000 % 4 == 3 { 0.3 } else { 0.2 };
            f64::from(u8::from(rng.uniform() < share))
        })
        .collect()
}

fn stream_windows(schema: &Arc<Schema>, values: &[f64], rows: usize) -> Vec<Window> {
    let window = |rows: &[f64]| {
        let batch = Batch::new(None, vec![ColumnValues::Numeric(rows.to_vec())]);
        measure::window(schema, &[batch], true)
    };
    values.chunks(rows).map(window).collect()
}

/// A stream in batches of some rows, its state in and out of every call.
fn follow<D: sdk::StreamDetector>(name: &str, alone: &dyn Fn(&[f64]) -> usize, asked: Option<f64>) {
    title(
        &format!("{name}, {STREAM_ROWS} rows of errors"),
        ["component rows/s", "native rows/s", "ratio"],
    );
    let values = errors();
    let schema = measure::schema(&[("e".to_owned(), ColumnKind::Numeric, Role::Error)]);
    let detector = measure::stream_detector(&measure::plugin(name), &json!({}));
    let rate = |seconds: f64| STREAM_ROWS as f64 / seconds;
    let millions = |rate: f64| format!("{:.1} M", rate / 1e6);
    for rows in [100, 1_000, 10_000, 100_000] {
        let windows = stream_windows(&schema, &values, rows);
        let native: Vec<_> = windows
            .iter()
            .map(|window| NativeWindow::new(window, &[Role::Error]))
            .collect();
        let component = || {
            let mut state = State::default();
            for window in &windows {
                state = detector.update(&state, window).expect("an update").state;
            }
            state
        };
        let same_code = || {
            let mut state = Vec::new();
            for window in &native {
                state = D::update(&state, window, "{}", measure::SEED)
                    .expect("an update")
                    .state;
            }
            state
        };
        assert!(
            component().bytes() == same_code(),
            "{name}: component and native code differ"
        );
        let [component, same_code] = measure::medians(
            ROUNDS,
            [&mut || drop(black_box(component())), &mut || {
                drop(black_box(same_code()));
            }],
        )
        .map(rate);
        let asked = asked
            .filter(|_| rows >= 1_000)
            .map(|least| target(&format!("above {} M", least / 1e6), component > least));
        let what = format!("batches of {rows}");
        let ratio = format!("{:.2}", same_code / component);
        line(
            &what,
            &millions(component),
            &millions(same_code),
            &ratio,
            &asked.unwrap_or_default(),
        );
    }
    let mut loops = || {
        black_box(alone(black_box(&values)));
    };
    let [loops] = measure::medians(ROUNDS, [&mut loops]);
    line(
        "the rows alone, no boundary",
        "",
        &millions(rate(loops)),
        "",
        "",
    );
}

fn main() {
    if measure::wanted("batch") {
        batch_detectors(10_000);
        batch_detectors(100_000);
    }
    if measure::wanted("adwin") {
        let alone = |values: &[f64]| Adwin::default().update_all(values).len();
        follow::<AdwinDetector>("adwin", &alone, Some(20e6));
    }
    if measure::wanted("page-hinkley") {
        let alone = |values: &[f64]| PageHinkley::default().update_all(values).len();
        follow::<PageHinkleyDetector>("page-hinkley", &alone, None);
    }
}
