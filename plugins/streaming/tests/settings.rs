//! What every stream detector makes of its settings: those of its schema are taken, all else is refused by name.
#![allow(clippy::unwrap_used, reason = "a test fails where it is")]

use leeway_sdk::{Failure, StreamDetector};
use serde_json::{Map, Value, json};

/// The settings that a detector declares, with their schemas.
fn declared<D: StreamDetector>() -> Map<String, Value> {
    let schema: Value = serde_json::from_str(&D::describe().config_schema).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    schema["properties"].as_object().unwrap().clone()
}

/// What is said of a configuration that is refused.
fn refusal<D: StreamDetector>(config: &Value) -> String {
    match D::check_config(&config.to_string()) {
        Err(Failure::InvalidConfig(why)) => why,
        other => panic!("{config} gave {other:?}"),
    }
}

/// Takes the settings of the schema and no others, and names each of `wrong` with what it must be.
fn holds<D: StreamDetector>(wrong: &[(&str, Value, &str)]) {
    let declared = declared::<D>();
    let defaults: Map<String, Value> = declared
        .iter()
        .map(|(name, schema)| (name.clone(), schema["default"].clone()))
        .collect();
    assert_eq!(D::check_config(""), Ok(()));
    assert_eq!(D::check_config(&json!(defaults).to_string()), Ok(()));
    for (name, schema) in &declared {
        assert!(schema["description"].is_string(), "{name} is not explained");
        assert_eq!(
            D::check_config(&json!({ name: schema["default"] }).to_string()),
            Ok(())
        );
        for choice in schema["enum"].as_array().into_iter().flatten() {
            assert_eq!(
                D::check_config(&json!({ name: choice }).to_string()),
                Ok(())
            );
        }
        // Without its name: the host, which holds configurations against the schema first, gives it.
        refusal::<D>(&json!({ name: {} }));
    }
    let unknown = refusal::<D>(&json!({ "directon": 1 }));
    for name in ["directon"]
        .into_iter()
        .chain(declared.keys().map(String::as_str))
    {
        assert!(unknown.contains(&format!("`{name}`")), "{unknown}");
    }
    for (name, value, must_be) in wrong {
        let why = refusal::<D>(&json!({ *name: value }));
        assert_eq!(why, format!("{name} must be {must_be}"));
    }
}

const LEVEL: &str = "a number in (0, 1)";
const SIZE: &str = "a number in [0, 1e100]";

#[test]
fn settings_are_those_of_the_schema_and_wrong_ones_are_named() {
    holds::<leeway_adwin::AdwinDetector>(&[
        ("delta", json!(0), LEVEL),
        ("delta", json!(1), LEVEL),
        ("clock", json!(0), "a whole number of at least 1"),
        ("max_buckets", json!(1), "a whole number from 2 to 15"),
        ("max_buckets", json!(16), "a whole number from 2 to 15"),
        (
            "min_window_length",
            json!(0),
            "a whole number of at least 1",
        ),
    ]);
    holds::<leeway_page_hinkley::PageHinkleyDetector>(&[
        ("delta", json!(-1e-9), SIZE),
        ("threshold", json!(1.1e100), SIZE),
        ("alpha", json!(1.1), "a number in [0, 1]"),
    ]);
    holds::<leeway_cusum::CusumDetector>(&[
        ("delta", json!(-1e-9), SIZE),
        ("threshold", json!(1.1e100), SIZE),
        ("target", json!(1.1e100), "a number in [-1e100, 1e100]"),
    ]);
    holds::<leeway_ddm::DdmDetector>(&[
        ("warning_threshold", json!(-1), "a number in [0, 1e6]"),
        ("drift_threshold", json!(1.1e6), "a number in [0, 1e6]"),
    ]);
    holds::<leeway_eddm::EddmDetector>(&[("beta", json!(-0.1), "a number in [0, 1]")]);
    holds::<leeway_hddm_a::HddmADetector>(&[
        ("drift_confidence", json!(1), LEVEL),
        ("warning_confidence", json!(0), LEVEL),
    ]);
    holds::<leeway_hddm_w::HddmWDetector>(&[
        ("drift_confidence", json!(1), LEVEL),
        ("warning_confidence", json!(0), LEVEL),
        ("lambda", json!(1), LEVEL),
    ]);
    holds::<leeway_kswin::KswinDetector>(&[
        ("alpha", json!(1), LEVEL),
        (
            "window_size",
            json!(10_001),
            "a whole number from 2 to 10,000",
        ),
        (
            "stat_size",
            json!(51),
            "a whole number from 1 to half of window_size",
        ),
    ]);
}

#[test]
fn a_direction_is_one_of_three() {
    for refusal in [
        refusal::<leeway_page_hinkley::PageHinkleyDetector>,
        refusal::<leeway_cusum::CusumDetector>,
    ] {
        let why = refusal(&json!({ "mode": "Up" }));
        assert!(
            why.contains("unknown variant `Up`, expected one of `up`, `down`, `both`"),
            "{why}"
        );
        let why = refusal(&json!({ "direction": "up" }));
        assert!(why.contains("unknown field `direction`"), "{why}");
    }
}
