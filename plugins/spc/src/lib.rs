//! A control chart of the error stream, with the rules of Western Electric.

use leeway_sdk::{Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::spc::{BASELINE_MAX, RULES, SUBGROUP_MAX, Spc, SpcParams};
use leeway_streaming::{flag, invalid, schema, whole};
use serde::Deserialize;
use serde_json::json;

/// The detector `spc`.
pub struct SpcDetector;

/// Settings, as in Montgomery (2019), chapter 5.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    subgroup: u32,
    baseline_points: u32,
    mean: Option<f64>,
    sd: Option<f64>,
    rules: Vec<u8>,
    relearn: bool,
}

impl Default for Config {
    fn default() -> Self {
        let SpcParams {
            subgroup,
            baseline_points,
            relearn,
            ..
        } = SpcParams::default();
        Self {
            subgroup,
            baseline_points,
            mean: None,
            sd: None,
            rules: vec![1, 2, 3, 4],
            relearn,
        }
    }
}

impl Config {
    fn start(&self) -> Result<Spc, Failure> {
        let limits = match (self.mean, self.sd) {
            (Some(mean), Some(sd)) => Some((mean, sd)),
            (None, None) => None,
            (Some(_), None) => return Err(invalid("sd must be given where mean is")),
            (None, Some(_)) => return Err(invalid("mean must be given where sd is")),
        };
        let mut rules = [false; RULES.len()];
        for number in &self.rules {
            let rule = (1..).zip(&mut rules).find(|(known, _)| known == number);
            *rule
                .ok_or_else(|| invalid(format!("rules has {number}; there are 1, 2, 3 and 4")))?
                .1 = true;
        }
        Spc::new(SpcParams {
            subgroup: self.subgroup,
            baseline_points: self.baseline_points,
            limits,
            rules,
            relearn: self.relearn,
        })
        .map_err(invalid)
    }
}

impl StreamDetector for SpcDetector {
    fn describe() -> Descriptor {
        let default = Config::default();
        let schema = schema(
            "A control chart (Montgomery 2019) of means of subgroups of errors, with the rules of Western Electric (1956).",
            [
                (
                    "subgroup",
                    whole(
                        default.subgroup,
                        (1, SUBGROUP_MAX),
                        "Rows whose mean is one point of the chart.",
                    ),
                ),
                (
                    "baseline_points",
                    whole(
                        default.baseline_points,
                        (2, BASELINE_MAX),
                        "Points from which centre line and standard deviation are learned, where they are not given.",
                    ),
                ),
                (
                    "mean",
                    json!({ "type": ["number", "null"], "minimum": -1e100, "maximum": 1e100, "default": null, "description": "The centre line, in the column's unit." }),
                ),
                (
                    "sd",
                    json!({ "type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1e100, "default": null, "description": "Standard deviation of a point, in the column's unit." }),
                ),
                (
                    "rules",
                    json!({ "type": "array", "items": { "type": "integer", "minimum": 1, "maximum": RULES.len() }, "minItems": 1, "uniqueItems": true, "default": default.rules,
                    "description": "1: a point beyond 3 sd. 2: two of three beyond 2 sd. 3: four of five beyond 1 sd. 4: eight beyond the centre line. On one side." }),
                ),
                (
                    "relearn",
                    flag(
                        default.relearn,
                        "Whether limits are learned anew after an alarm.",
                    ),
                ),
            ],
        );
        Descriptor {
            roles: vec![Role::Error, Role::Residual, Role::AbsoluteResidual],
            ..leeway_streaming::describe(
                "spc",
                "Charts means of subgroups against limits from a first stretch. Its rules alarm every 92 points by chance: take adwin unless you need a chart.",
                schema,
            )
        }
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        parse_config::<Config>(config)?.start().map(|_| ())
    }

    fn update(state: &[u8], rows: &dyn Window, config: &str, _seed: u64) -> Result<Step, Failure> {
        leeway_streaming::update(state, rows, &parse_config::<Config>(config)?.start()?)
    }
}

leeway_sdk::export_stream_detector!(SpcDetector);
