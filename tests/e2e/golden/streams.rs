//! ADWIN and Page-Hinkley: alarms at the very rows where River has them, however rows arrive.

use leeway::domain::{Measurement, Role};
use leeway::runtime::{Plugin, State, StreamDetector};
use leeway_sdk::StreamDetector as Native;
use leeway_statistics::adwin::{Adwin, AdwinParams};
use leeway_statistics::page_hinkley::{Direction, PageHinkley, PageHinkleyParams};
use serde_json::{Value, json};

use super::twin::{bits, translated};
use crate::harness::cases::{Case, cases};
use crate::harness::native::NativeWindow;
use crate::harness::{SEED, WindowBuilder, plugin, stream};

/// Rows of one batch: all at once, and cut at places that fit neither clocks nor powers of two.
const BATCHES: [usize; 3] = [usize::MAX, 10_007, 997];
/// Streams up to this length also arrive in batches of 37 rows.
const SHORT: usize = 3_000;
/// And the shortest row by row.
const SHORTEST: usize = 2_000;

/// Rows of all alarms, and the state after the last row.
fn follow(
    role: Role,
    rows: &[f64],
    batch: usize,
    mut update: impl FnMut(&[u8], &leeway::profile::Window) -> (Vec<u8>, Vec<Measurement>),
) -> (Vec<u64>, Vec<u8>) {
    let (mut state, mut alarms, mut before) = (Vec::new(), Vec::new(), 0);
    for part in rows.chunks(batch.min(rows.len())) {
        let window = WindowBuilder::default()
            .numbers("x", role, part)
            .keep_rows()
            .build();
        let (next, measurements) = update(&state, &window);
        alarms.extend(
            measurements
                .iter()
                .filter_map(|one| one.row)
                .map(|row| before + row),
        );
        (state, before) = (next, before + part.len() as u64);
    }
    (alarms, state)
}

fn component(
    detector: &StreamDetector,
    role: Role,
    rows: &[f64],
    batch: usize,
) -> (Vec<u64>, Vec<u8>, Vec<Measurement>) {
    let mut all = Vec::new();
    let (alarms, state) = follow(role, rows, batch, |state, window| {
        let updated = detector
            .update(&State::new(state.to_vec()), window)
            .unwrap();
        all.extend(updated.measurements.clone());
        (updated.state.bytes().to_vec(), updated.measurements)
    });
    (alarms, state, all)
}

fn native<D: Native>(
    config: &Value,
    role: Role,
    rows: &[f64],
    batch: usize,
) -> (Vec<u64>, Vec<u8>, Vec<Measurement>) {
    let mut all: Vec<Measurement> = Vec::new();
    let (alarms, state) = follow(role, rows, batch, |state, window| {
        let step = D::update(
            state,
            &NativeWindow::new(window, &[role]),
            &config.to_string(),
            SEED,
        )
        .unwrap();
        let measurements: Vec<Measurement> =
            step.measurements.into_iter().map(translated).collect();
        all.extend(measurements.clone());
        (step.state, measurements)
    });
    (alarms, state, all)
}

/// The pure function, the component and the native detector against a case.
pub(super) fn run<D: Native>(plugin: &Plugin, case: &Case, config: &Value, pure: &[usize]) {
    let rows = case.rows("sample");
    assert_eq!(
        case.expected("rows"),
        Some(rows.len() as f64),
        "{}",
        case.of
    );
    let expected: Vec<f64> = case.expected_all("detections");
    let found: Vec<f64> = pure.iter().map(|&row| row as f64).collect();
    assert_eq!(found, expected, "{}", case.of);
    let alarms = alike::<D>(plugin, config, Role::Error, &rows, &case.of);
    let alarms: Vec<f64> = alarms.into_iter().map(|row| row as f64).collect();
    assert_eq!(alarms, expected, "{}", case.of);
}

/// Rows of the alarms of component and native detector, which must be alike to the last bit however rows are cut.
pub(super) fn alike<D: Native>(
    plugin: &Plugin,
    config: &Value,
    role: Role,
    rows: &[f64],
    of: &str,
) -> Vec<u64> {
    let detector = stream(plugin, config);
    let (mut states, mut all) = (Vec::new(), Vec::new());
    let more = [(SHORT, 37), (SHORTEST, 1)]
        .into_iter()
        .filter(|(longest, _)| rows.len() <= *longest)
        .map(|(_, batch)| batch);
    for batch in BATCHES.into_iter().chain(more) {
        let (alarms, state, measurements) = component(&detector, role, rows, batch);
        let (native_alarms, native_state, native_measurements) =
            native::<D>(config, role, rows, batch);
        assert_eq!(native_alarms, alarms, "{of} in batches of {batch}");
        assert_eq!(state, native_state, "{of}");
        assert_eq!(measurements, native_measurements, "{of}");
        let (ours, theirs) = (measurements.iter(), native_measurements.iter());
        assert!(ours.map(bits).eq(theirs.map(bits)), "{of}");
        states.push(state);
        all.push(alarms);
    }
    let same = states.windows(2).all(|pair| pair[0] == pair[1]);
    assert!(same, "{of}: batches leave a trace in the state");
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{of}");
    all.remove(0)
}

pub(super) fn whole(parameters: &Value, name: &str, default: u32) -> u32 {
    parameters[name]
        .as_u64()
        .map_or(default, |number| u32::try_from(number).unwrap())
}

#[test]
fn adwin_raises_its_alarms_at_rivers_rows() {
    let (plugin, cases) = (plugin("adwin"), cases("adwin"));
    for case in &cases {
        let parameters = case.input("parameters");
        let default = AdwinParams::default();
        let params = AdwinParams {
            delta: parameters["delta"].as_f64().unwrap_or(default.delta),
            clock: whole(parameters, "clock", default.clock),
            max_buckets: whole(parameters, "max_buckets", default.max_buckets),
            min_window_length: whole(parameters, "min_window_length", default.min_window_length),
            grace_period: whole(parameters, "grace_period", default.grace_period),
        };
        let pure = Adwin::new(params).unwrap().update_all(&case.rows("sample"));
        run::<leeway_adwin::AdwinDetector>(&plugin, case, parameters, &pure);
    }
    assert_eq!(cases.len(), 45);
}

#[test]
fn page_hinkley_raises_its_alarms_at_rivers_rows() {
    let (plugin, cases) = (plugin("page-hinkley"), cases("page_hinkley"));
    for case in &cases {
        let parameters = case.input("parameters");
        let default = PageHinkleyParams::default();
        let number = |name: &str, default: f64| parameters[name].as_f64().unwrap_or(default);
        let mode = parameters["mode"].as_str().unwrap_or("both");
        let params = PageHinkleyParams {
            min_rows: whole(parameters, "min_instances", default.min_rows),
            delta: number("delta", default.delta),
            threshold: number("threshold", default.threshold),
            alpha: number("alpha", default.alpha),
            direction: match mode {
                "up" => Direction::Up,
                "down" => Direction::Down,
                _ => Direction::Both,
            },
        };
        let config = json!({ "min_rows": params.min_rows, "delta": params.delta, "threshold": params.threshold, "alpha": params.alpha, "mode": mode });
        let pure = PageHinkley::new(params)
            .unwrap()
            .update_all(&case.rows("sample"));
        run::<leeway_page_hinkley::PageHinkleyDetector>(&plugin, case, &config, &pure);
    }
    assert_eq!(cases.len(), 41);
}
