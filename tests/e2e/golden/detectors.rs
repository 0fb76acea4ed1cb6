//! The other stream detectors: alarms at the very rows of River or of a plain statement, however rows arrive.

use leeway::domain::Role;
use leeway_sdk::StreamDetector as Native;
use leeway_statistics::change::ChangeDetector;
use leeway_statistics::cusum::{Cusum, CusumParams};
use leeway_statistics::ddm::{Ddm, DdmParams};
use leeway_statistics::eddm::{Eddm, EddmParams};
use leeway_statistics::hddm_a::{HddmA, HddmAParams};
use leeway_statistics::hddm_w::{HddmW, HddmWParams};
use leeway_statistics::kswin::{Kswin, KswinParams};
use leeway_statistics::page_hinkley::Direction;
use leeway_statistics::rng::Rng;
use leeway_statistics::spc::{Spc, SpcParams};
use serde_json::{Value, json};

use super::streams::{alike, run, whole};
use crate::harness::cases::cases;
use crate::harness::plugin;

/// Every case of a file. Parameters with the reference's names in the order of `renamed`; `start` takes them with ours.
fn all<N: Native, D: ChangeDetector>(
    name: &str,
    file: &str,
    renamed: &[(&str, &str)],
    start: impl Fn(&Value) -> D,
) -> usize {
    let (plugin, cases) = (plugin(name), cases(file));
    for case in &cases {
        let given = case.input("parameters").as_object().unwrap();
        let config: Value = given
            .iter()
            .map(|(key, value)| {
                let ours = renamed.iter().find(|(theirs, _)| theirs == key);
                (ours.map_or(key.as_str(), |(_, ours)| ours), value.clone())
            })
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        let pure = start(&config).update_all(&case.rows("sample"));
        run::<N>(&plugin, case, &config, &pure);
    }
    cases.len()
}

fn number(config: &Value, name: &str, default: f64) -> f64 {
    config[name].as_f64().unwrap_or(default)
}

#[test]
fn ddm_raises_its_alarms_at_rivers_rows() {
    let default = DdmParams::default();
    let start = |config: &Value| {
        Ddm::new(DdmParams {
            min_rows: whole(config, "min_rows", default.min_rows),
            warning_threshold: number(config, "warning_threshold", default.warning_threshold),
            drift_threshold: number(config, "drift_threshold", default.drift_threshold),
        })
        .unwrap()
    };
    let renamed = [("warm_start", "min_rows")];
    let run = all::<leeway_ddm::DdmDetector, _>("ddm", "ddm", &renamed, start);
    assert_eq!(run, 34);
}

#[test]
fn eddm_raises_its_alarms_at_rivers_rows() {
    let default = EddmParams::default();
    let start = |config: &Value| {
        Eddm::new(EddmParams {
            min_errors: whole(config, "min_errors", default.min_errors),
            alpha: number(config, "alpha", default.alpha),
            beta: number(config, "beta", default.beta),
        })
        .unwrap()
    };
    let renamed = [("warm_start", "min_errors")];
    let run = all::<leeway_eddm::EddmDetector, _>("eddm", "eddm", &renamed, start);
    assert_eq!(run, 33);
}

#[test]
fn hddm_a_raises_its_alarms_at_rivers_rows() {
    let default = HddmAParams::default();
    let start = |config: &Value| {
        HddmA::new(HddmAParams {
            drift_confidence: number(config, "drift_confidence", default.drift_confidence),
            warning_confidence: number(config, "warning_confidence", default.warning_confidence),
            two_sided: config["two_sided"].as_bool().unwrap_or(default.two_sided),
        })
        .unwrap()
    };
    let renamed = [("two_sided_test", "two_sided")];
    let run = all::<leeway_hddm_a::HddmADetector, _>("hddm-a", "hddm_a", &renamed, start);
    assert_eq!(run, 44);
}

#[test]
fn hddm_w_raises_its_alarms_at_rivers_rows() {
    let default = HddmWParams::default();
    let start = |config: &Value| {
        HddmW::new(HddmWParams {
            drift_confidence: number(config, "drift_confidence", default.drift_confidence),
            warning_confidence: number(config, "warning_confidence", default.warning_confidence),
            lambda: number(config, "lambda", default.lambda),
            two_sided: config["two_sided"].as_bool().unwrap_or(default.two_sided),
        })
        .unwrap()
    };
    let renamed = [("two_sided_test", "two_sided"), ("lambda_val", "lambda")];
    let run = all::<leeway_hddm_w::HddmWDetector, _>("hddm-w", "hddm_w", &renamed, start);
    assert_eq!(run, 47);
}

#[test]
fn kswin_raises_its_alarms_at_rivers_rows() {
    let default = KswinParams::default();
    let start = |config: &Value| {
        Kswin::new(KswinParams {
            alpha: number(config, "alpha", default.alpha),
            window_size: whole(config, "window_size", default.window_size),
            stat_size: whole(config, "stat_size", default.stat_size),
            seed: config["seed"].as_u64().unwrap_or(default.seed),
        })
        .unwrap()
    };
    let run = all::<leeway_kswin::KswinDetector, _>("kswin", "kswin", &[], start);
    assert_eq!(run, 28);
}

#[test]
fn cusum_raises_its_alarms_at_the_rows_of_its_plain_statement() {
    let default = CusumParams::default();
    let start = |config: &Value| {
        Cusum::new(CusumParams {
            min_rows: whole(config, "min_rows", default.min_rows),
            delta: number(config, "delta", default.delta),
            threshold: number(config, "threshold", default.threshold),
            target: config["target"].as_f64(),
            direction: match config["mode"].as_str() {
                Some("up") => Direction::Up,
                Some("down") => Direction::Down,
                _ => Direction::Both,
            },
        })
        .unwrap()
    };
    let run = all::<leeway_cusum::CusumDetector, _>("cusum", "cusum", &[], start);
    assert_eq!(run, 46);
}

#[test]
fn charts_raise_their_alarms_at_the_rows_of_their_plain_statement() {
    let default = SpcParams::default();
    let start = |config: &Value| {
        let given = config["rules"].as_array();
        let counts = |rule: u32| given.is_none_or(|given| given.contains(&rule.into()));
        Spc::new(SpcParams {
            subgroup: whole(config, "subgroup", default.subgroup),
            baseline_points: whole(config, "baseline_points", default.baseline_points),
            limits: config["mean"].as_f64().zip(config["sd"].as_f64()),
            rules: [1, 2, 3, 4].map(counts),
            relearn: config["relearn"].as_bool().unwrap_or(default.relearn),
        })
        .unwrap()
    };
    let run = all::<leeway_spc::SpcDetector, _>("spc", "spc", &[], start);
    assert_eq!(run, 45);
}

#[test]
fn bets_are_the_same_in_the_sandbox_and_outside_however_rows_arrive() {
    let mut rng = Rng::new(8);
    let mut coins = |rows: usize, p: f64| -> Vec<f64> {
        (0..rows)
            .map(|_| f64::from(u8::from(rng.uniform() < p)))
            .collect()
    };
    let errors = [coins(6_000, 0.1), coins(2_000, 0.3)].concat();
    let short = [coins(800, 0.1), coins(700, 0.5)].concat();
    let values: Vec<f64> = (0..8_000)
        .map(|row| rng.normal() + if row < 6_000 { 0.0 } else { 0.7 })
        .collect();

    let error_bets = plugin("error-bets");
    let plain = json!({});
    let found = alike::<leeway_error_bets::ErrorBetsDetector>(
        &error_bets,
        &plain,
        Role::Error,
        &errors,
        "errors",
    );
    assert!(found.len() == 1 && found[0] >= 6_000, "{found:?}");
    let again = json!({ "source_rows": 300, "relearn": true, "loss_max": 2.0 });
    let found = alike::<leeway_error_bets::ErrorBetsDetector>(
        &error_bets,
        &again,
        Role::Error,
        &short,
        "few errors",
    );
    assert!(!found.is_empty() && found[0] >= 800, "{found:?}");

    let two_sample = plugin("two-sample-bets");
    let found = alike::<leeway_two_sample_bets::TwoSampleBetsDetector>(
        &two_sample,
        &plain,
        Role::Feature,
        &values,
        "values",
    );
    assert!(found.len() == 1 && found[0] >= 6_000, "{found:?}");
    let small = json!({ "reference_rows": 300, "relearn": true });
    let found = alike::<leeway_two_sample_bets::TwoSampleBetsDetector>(
        &two_sample,
        &small,
        Role::Feature,
        &short,
        "few values",
    );
    assert!(!found.is_empty() && found[0] >= 800, "{found:?}");
}

/// No alarm of a detector with its defaults.
fn quiet<N: Native>(name: &str, role: Role, odd: &[(&str, Vec<f64>)]) {
    let plugin = plugin(name);
    for (input, rows) in odd {
        let found = alike::<N>(&plugin, &json!({}), role, rows, input);
        assert_eq!(found, [0; 0], "{name}: {input}");
    }
}

#[test]
fn odd_streams_raise_no_alarm() {
    let (nan, infinite) = (f64::NAN, f64::INFINITY);
    let odd = [
        ("one row", vec![1.0]),
        ("no error", vec![0.0; 5_000]),
        ("nothing but errors", vec![1.0; 5_000]),
        ("all missing", vec![nan; 500]),
        ("all infinite", vec![infinite; 500]),
        ("beyond what is taken in", vec![1e308; 500]),
        ("the largest that is taken in", vec![1e100; 500]),
        ("subnormal", vec![5e-324; 500]),
    ];
    quiet::<leeway_ddm::DdmDetector>("ddm", Role::Error, &odd);
    quiet::<leeway_eddm::EddmDetector>("eddm", Role::Error, &odd);
    quiet::<leeway_hddm_a::HddmADetector>("hddm-a", Role::Error, &odd);
    quiet::<leeway_hddm_w::HddmWDetector>("hddm-w", Role::Error, &odd);
    quiet::<leeway_kswin::KswinDetector>("kswin", Role::Error, &odd);
    quiet::<leeway_cusum::CusumDetector>("cusum", Role::Error, &odd);
    quiet::<leeway_spc::SpcDetector>("spc", Role::Error, &odd);
    quiet::<leeway_error_bets::ErrorBetsDetector>("error-bets", Role::Error, &odd);
    quiet::<leeway_two_sample_bets::TwoSampleBetsDetector>("two-sample-bets", Role::Feature, &odd);
}

#[test]
fn values_that_are_no_errors_are_named_and_the_others_taken_in() {
    use leeway::domain::Verdict;
    use leeway::runtime::State;

    use crate::harness::{WindowBuilder, stream};
    for name in ["ddm", "eddm", "hddm-a", "hddm-w", "error-bets"] {
        let rows: Vec<f64> = (0..400).map(|row| f64::from(row % 3)).collect();
        let window = WindowBuilder::default()
            .numbers("x", Role::Error, &rows)
            .keep_rows()
            .build();
        let detector = stream(&plugin(name), &json!({}));
        let updated = detector.update(&State::default(), &window).unwrap();
        let last = updated.measurements.last().unwrap();
        assert_eq!(last.verdict, Verdict::Failed, "{name}: {last:?}");
        let detail = last.detail.as_ref().unwrap();
        let why = if name == "error-bets" {
            "neither 0 nor 1"
        } else {
            "[0, 1]"
        };
        assert!(
            detail["reason"].as_str().unwrap().contains(why),
            "{name}: {detail}"
        );
    }
}
