//! ADWIN and Page-Hinkley: alarms at the very rows where River has them, however rows arrive.

use leeway::domain::{Measurement, Role};
use leeway::runtime::{State, StreamDetector};
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
    rows: &[f64],
    batch: usize,
    mut update: impl FnMut(&[u8], &leeway::profile::Window) -> (Vec<u8>, Vec<Measurement>),
) -> (Vec<u64>, Vec<u8>) {
    let (mut state, mut alarms, mut before) = (Vec::new(), Vec::new(), 0);
    for part in rows.chunks(batch.min(rows.len())) {
        let window = WindowBuilder::default()
            .numbers("x", Role::Error, part)
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
    rows: &[f64],
    batch: usize,
) -> (Vec<u64>, Vec<u8>, Vec<Measurement>) {
    let mut all = Vec::new();
    let (alarms, state) = follow(rows, batch, |state, window| {
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
    rows: &[f64],
    batch: usize,
) -> (Vec<u64>, Vec<u8>, Vec<Measurement>) {
    let mut all: Vec<Measurement> = Vec::new();
    let (alarms, state) = follow(rows, batch, |state, window| {
        let step = D::update(
            state,
            &NativeWindow::new(window, &[Role::Error]),
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

fn run<D: Native>(name: &str, case: &Case, config: &Value, pure: &[usize]) {
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

    let detector = stream(&plugin_of(name), config);
    let mut states = Vec::new();
    let more = [(SHORT, 37), (SHORTEST, 1)]
        .into_iter()
        .filter(|(longest, _)| rows.len() <= *longest)
        .map(|(_, batch)| batch);
    for batch in BATCHES.into_iter().chain(more) {
        let (alarms, state, measurements) = component(&detector, &rows, batch);
        let (native_alarms, native_state, native_measurements) = native::<D>(config, &rows, batch);
        let alarms: Vec<f64> = alarms.into_iter().map(|row| row as f64).collect();
        assert_eq!(alarms, expected, "{} in batches of {batch}", case.of);
        assert_eq!(native_alarms.len(), expected.len());
        assert_eq!(state, native_state, "{}", case.of);
        assert_eq!(measurements, native_measurements, "{}", case.of);
        assert!(
            measurements
                .iter()
                .map(bits)
                .eq(native_measurements.iter().map(bits)),
            "{}",
            case.of
        );
        states.push(state);
    }
    assert!(
        states.windows(2).all(|pair| pair[0] == pair[1]),
        "{}: batches leave a trace in the state",
        case.of
    );
}

fn plugin_of(name: &str) -> leeway::runtime::Plugin {
    static LOADED: std::sync::OnceLock<[leeway::runtime::Plugin; 2]> = std::sync::OnceLock::new();
    let [adwin, page_hinkley] = LOADED.get_or_init(|| [plugin("adwin"), plugin("page-hinkley")]);
    if name == "adwin" {
        adwin.clone()
    } else {
        page_hinkley.clone()
    }
}

fn whole(parameters: &Value, name: &str, default: u32) -> u32 {
    parameters[name]
        .as_u64()
        .map_or(default, |number| u32::try_from(number).unwrap())
}

#[test]
fn adwin_raises_its_alarms_at_rivers_rows() {
    let cases = cases("adwin");
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
        run::<leeway_adwin::AdwinDetector>("adwin", case, parameters, &pure);
    }
    assert_eq!(cases.len(), 45);
}

#[test]
fn page_hinkley_raises_its_alarms_at_rivers_rows() {
    let cases = cases("page_hinkley");
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
        run::<leeway_page_hinkley::PageHinkleyDetector>("page-hinkley", case, &config, &pure);
    }
    assert_eq!(cases.len(), 41);
}
