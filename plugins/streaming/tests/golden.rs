//! The pure detectors against the golden cases of `tests/cases`: alarms at the very rows of the reference, and as many warnings.
//!
//! The same cases run through the components in `tests/e2e/golden/detectors.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails where it is")]

use leeway_statistics::change::ChangeDetector;
use leeway_statistics::cusum::{Cusum, CusumParams};
use leeway_statistics::ddm::{Ddm, DdmParams};
use leeway_statistics::eddm::{Eddm, EddmParams};
use leeway_statistics::hddm_a::{HddmA, HddmAParams};
use leeway_statistics::hddm_w::{HddmW, HddmWParams};
use leeway_statistics::kswin::{Kswin, KswinParams};
use leeway_statistics::mersenne_twister::MersenneTwister;
use leeway_statistics::page_hinkley::Direction;
use leeway_statistics::spc::{Spc, SpcParams};
use serde_json::Value;

fn cases(file: &str) -> Vec<Value> {
    let path = format!(
        "{}/../../tests/cases/{file}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    let parsed: Value = serde_json::from_str(&text).unwrap();
    parsed["cases"].as_array().unwrap().clone()
}

/// The rows of a `stream`, as `tests/cases/README.md` has it.
fn rows(case: &Value) -> Vec<f64> {
    let segments = case["sample"]["stream"].as_array().unwrap();
    let segment = |segment: &Value| {
        let mut state = segment["seed"].as_u64().unwrap();
        let number = |name: &str| segment[name].as_f64();
        let (probability, scale, offset) =
            (number("probability"), number("scale"), number("offset"));
        let row = move |_| {
            // SplitMix64: the first word of a generator seeded with the state before it.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let u = ((z ^ (z >> 31)) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64);
            match probability {
                Some(p) => f64::from(u8::from(u < p)),
                None => offset.unwrap() + scale.unwrap() * u,
            }
        };
        (0..segment["rows"].as_u64().unwrap())
            .map(row)
            .collect::<Vec<f64>>()
    };
    segments.iter().flat_map(segment).collect()
}

fn whole(parameters: &Value, name: &str, default: u32) -> u32 {
    parameters[name]
        .as_u64()
        .map_or(default, |number| u32::try_from(number).unwrap())
}

fn run<D: ChangeDetector>(file: &str, start: impl Fn(&Value) -> D) -> usize {
    let cases = cases(file);
    for case in &cases {
        let name = &case["name"];
        let rows = rows(case);
        let mut detector = start(&case["parameters"]);
        let (mut detections, mut warnings) = (Vec::new(), 0_u64);
        for (row, &value) in rows.iter().enumerate() {
            if detector.update(value) {
                detections.push(row as u64);
            }
            warnings += u64::from(detector.warned());
        }
        let expected = &case["expected"];
        assert_eq!(expected["rows"], rows.len(), "{file}: {name}");
        let wanted: Vec<u64> = expected["detections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_u64().unwrap())
            .collect();
        assert_eq!(detections, wanted, "{file}: {name}");
        if D::WARNS {
            assert_eq!(expected["warnings"], warnings, "{file}: {name}");
        }
    }
    cases.len()
}

#[test]
fn ddm_equals_river() {
    let default = DdmParams::default();
    let start = |p: &Value| {
        let number = |name: &str, default: f64| p[name].as_f64().unwrap_or(default);
        Ddm::new(DdmParams {
            min_rows: whole(p, "warm_start", default.min_rows),
            warning_threshold: number("warning_threshold", default.warning_threshold),
            drift_threshold: number("drift_threshold", default.drift_threshold),
        })
        .unwrap()
    };
    assert_eq!(run("ddm", start), 34);
}

#[test]
fn eddm_equals_river() {
    let default = EddmParams::default();
    let start = |p: &Value| {
        Eddm::new(EddmParams {
            min_errors: whole(p, "warm_start", default.min_errors),
            alpha: p["alpha"].as_f64().unwrap_or(default.alpha),
            beta: p["beta"].as_f64().unwrap_or(default.beta),
        })
        .unwrap()
    };
    assert_eq!(run("eddm", start), 33);
}

#[test]
fn hddm_a_equals_river() {
    let default = HddmAParams::default();
    let start = |p: &Value| {
        let number = |name: &str, default: f64| p[name].as_f64().unwrap_or(default);
        HddmA::new(HddmAParams {
            drift_confidence: number("drift_confidence", default.drift_confidence),
            warning_confidence: number("warning_confidence", default.warning_confidence),
            two_sided: p["two_sided_test"].as_bool().unwrap_or(default.two_sided),
        })
        .unwrap()
    };
    assert_eq!(run("hddm_a", start), 44);
}

#[test]
fn hddm_w_equals_river() {
    let default = HddmWParams::default();
    let start = |p: &Value| {
        let number = |name: &str, default: f64| p[name].as_f64().unwrap_or(default);
        HddmW::new(HddmWParams {
            drift_confidence: number("drift_confidence", default.drift_confidence),
            warning_confidence: number("warning_confidence", default.warning_confidence),
            lambda: number("lambda_val", default.lambda),
            two_sided: p["two_sided_test"].as_bool().unwrap_or(default.two_sided),
        })
        .unwrap()
    };
    assert_eq!(run("hddm_w", start), 47);
}

#[test]
fn kswin_equals_river() {
    let default = KswinParams::default();
    let start = |p: &Value| {
        Kswin::new(KswinParams {
            alpha: p["alpha"].as_f64().unwrap_or(default.alpha),
            window_size: whole(p, "window_size", default.window_size),
            stat_size: whole(p, "stat_size", default.stat_size),
            seed: p["seed"].as_u64().unwrap_or(default.seed),
        })
        .unwrap()
    };
    assert_eq!(run("kswin", start), 28);
}

#[test]
fn cusum_equals_its_plain_statement() {
    let default = CusumParams::default();
    let start = |p: &Value| {
        Cusum::new(CusumParams {
            min_rows: whole(p, "min_rows", default.min_rows),
            delta: p["delta"].as_f64().unwrap_or(default.delta),
            threshold: p["threshold"].as_f64().unwrap_or(default.threshold),
            target: p["target"].as_f64(),
            direction: match p["mode"].as_str() {
                Some("up") => Direction::Up,
                Some("down") => Direction::Down,
                _ => Direction::Both,
            },
        })
        .unwrap()
    };
    assert_eq!(run("cusum", start), 46);
}

#[test]
fn spc_equals_its_plain_statement() {
    let default = SpcParams::default();
    let start = |p: &Value| {
        let mut rules = [true; 4];
        if let Some(given) = p["rules"].as_array() {
            rules = [1, 2, 3, 4].map(|rule| given.contains(&Value::from(rule)));
        }
        Spc::new(SpcParams {
            subgroup: whole(p, "subgroup", default.subgroup),
            baseline_points: whole(p, "baseline_points", default.baseline_points),
            limits: p["mean"].as_f64().zip(p["sd"].as_f64()),
            rules,
            relearn: p["relearn"].as_bool().unwrap_or(default.relearn),
        })
        .unwrap()
    };
    assert_eq!(run("spc", start), 45);
}

#[test]
fn draws_equal_python() {
    let cases = cases("mersenne_twister");
    for case in &cases {
        let name = &case["name"];
        let seed = case["seed"].as_u64().unwrap();
        let mut twister = MersenneTwister::new(seed);
        let words: Vec<u32> = (0..case["words"].as_u64().unwrap())
            .map(|_| twister.next_u32())
            .collect();
        let expected = &case["expected"];
        if !words.is_empty() {
            assert_eq!(expected["first_words"], Value::from(&words[..8]), "{name}");
            let last = &words[words.len() - 8..];
            assert_eq!(expected["last_words"], Value::from(last), "{name}");
        }
        let mut twister = MersenneTwister::new(seed);
        for (number, sizes) in case["samples"].as_array().unwrap().iter().enumerate() {
            let size = |at: usize| u32::try_from(sizes[at].as_u64().unwrap()).unwrap();
            let drawn = twister.sample(size(0), size(1));
            let last = &drawn[drawn.len().saturating_sub(12)..];
            let wanted = &expected[format!("sample_{number}")];
            assert_eq!(*wanted, Value::from(last), "{name}: sample {number}");
        }
    }
    assert_eq!(cases.len(), 16);
}
