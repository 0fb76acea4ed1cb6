//! Baselines and states that are damaged, cut off, or of another making: refused, never a crash.

use leeway::domain::Role;
use leeway::profile::Window;
use leeway::runtime::{Refusal, RunError, State};
use serde_json::{Value, json};

use super::simulated::every_test;
use crate::e2e::golden::twin::{Twin, twin};
use crate::harness::{WindowBuilder, batch, plugin, stream};

fn window(rows: usize) -> Window {
    let numbers: Vec<f64> = (0..rows)
        .map(|row| (row * row * 37 % 701) as f64 / 7.0)
        .collect();
    let names: Vec<Option<&str>> = (0..rows)
        .map(|row| Some(["a", "b", "c"][row % 3]))
        .collect();
    WindowBuilder::default()
        .numbers("number", Role::Feature, &numbers)
        .names("name", Role::Feature, &names)
        .build()
}

fn config() -> Value {
    json!({ "numeric": every_test() })
}

#[track_caller]
fn refused(twin: &Twin, bytes: &[u8], current: &Window) -> String {
    match twin.evaluate_bytes(&config(), bytes, 40, current) {
        Err(RunError::Refused(Refusal::UnusableBaseline(why))) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fit_gives_the_same_bytes_every_time() {
    let detector = batch(&twin("data-drift").plugin, &config());
    let first = detector.fit(&window(40)).unwrap();
    for _ in 0..3 {
        assert_eq!(detector.fit(&window(40)).unwrap(), first);
    }
}

#[test]
fn every_damaged_baseline_is_refused() {
    let twin = twin("data-drift");
    let (reference, current) = (window(40), window(35));
    let bytes = twin.native_fit(&config(), &reference).unwrap();
    assert!(twin.evaluate_bytes(&config(), &bytes, 40, &current).is_ok());

    assert_eq!(refused(twin, &[], &current), "it is empty");
    assert_eq!(refused(twin, &bytes[..5], &current), "it is cut off");
    let mut other = bytes.clone();
    other[0] = 2;
    assert_eq!(
        refused(twin, &other, &current),
        "its format is 2, this version reads 1"
    );
    for end in 0..bytes.len() {
        refused(twin, &bytes[..end], &current);
    }
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        refused(twin, &flipped, &current);
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(
        refused(twin, &longer, &current),
        "it is damaged: its checksum does not fit"
    );
}

#[test]
fn a_baseline_of_another_detector_is_refused() {
    let window = WindowBuilder::default()
        .numbers("x", Role::Error, &[0.0, 1.0])
        .keep_rows()
        .build();
    for name in ["adwin", "page-hinkley"] {
        let detector = stream(&plugin(name), &json!({}));
        let state = detector.update(&State::default(), &window).unwrap().state;
        let why = refused(twin("data-drift"), state.bytes(), &window);
        assert!(!why.is_empty());
    }
}

#[test]
fn every_damaged_state_is_refused_or_goes_on() {
    let rows: Vec<f64> = (0..300_u32)
        .map(|row| f64::from(u8::from(row % 7 == 0)))
        .collect();
    let window = WindowBuilder::default()
        .numbers("error", Role::Error, &rows)
        .keep_rows()
        .build();
    for name in [
        "adwin",
        "page-hinkley",
        "cusum",
        "ddm",
        "eddm",
        "hddm-a",
        "hddm-w",
        "spc",
        "error-bets",
    ] {
        let detector = stream(&plugin(name), &json!({}));
        let bytes = detector
            .update(&State::default(), &window)
            .unwrap()
            .state
            .bytes()
            .to_vec();
        let update = |bytes: &[u8]| detector.update(&State::new(bytes.to_vec()), &window);
        for end in 1..bytes.len() {
            let cut = update(&bytes[..end]);
            assert!(
                matches!(cut, Err(RunError::Refused(Refusal::UnusableBaseline(_)))),
                "{name} cut at {end}: {cut:?}"
            );
        }
        let mut went_on = 0;
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                match update(&flipped) {
                    Ok(_) => went_on += 1,
                    Err(RunError::Refused(Refusal::UnusableBaseline(_))) => {}
                    Err(error) => panic!("{name}, bit {bit} of byte {at}: {error:?}"),
                }
            }
        }
        println!(
            "{name}: {went_on} of {} flipped bits were another sound state",
            8 * bytes.len()
        );
    }
}
