//! CUSUM over the error stream: has the sum of deviations beyond a slack grown too large?

use leeway_sdk::{Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::cusum::{Cusum, CusumParams};
use leeway_statistics::page_hinkley::Direction;
use leeway_streaming::{invalid, number, schema, whole};
use serde::Deserialize;
use serde_json::json;

/// The detector `cusum`.
pub struct CusumDetector;

/// Settings, as in Page (1954).
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    min_rows: u32,
    delta: f64,
    threshold: f64,
    target: Option<f64>,
    mode: Mode,
}

/// Which changes count.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Up,
    Down,
    Both,
}

impl Default for Config {
    fn default() -> Self {
        let CusumParams {
            min_rows,
            delta,
            threshold,
            target,
            ..
        } = CusumParams::default();
        Self {
            min_rows,
            delta,
            threshold,
            target,
            mode: Mode::Both,
        }
    }
}

impl Config {
    fn start(&self) -> Result<Cusum, Failure> {
        let Self {
            min_rows,
            delta,
            threshold,
            target,
            mode,
        } = *self;
        let direction = match mode {
            Mode::Up => Direction::Up,
            Mode::Down => Direction::Down,
            Mode::Both => Direction::Both,
        };
        Cusum::new(CusumParams {
            min_rows,
            delta,
            threshold,
            target,
            direction,
        })
        .map_err(invalid)
    }
}

impl StreamDetector for CusumDetector {
    fn describe() -> Descriptor {
        let default = Config::default();
        let schema = schema(
            "The two-sided cumulative sum (Page 1954) over errors, row by row.",
            [
                (
                    "min_rows",
                    whole(
                        default.min_rows,
                        (1, 1_000_000_000),
                        "Rows before the first possible alarm.",
                    ),
                ),
                (
                    "delta",
                    number(
                        default.delta,
                        (0.0, 1e100),
                        "Deviation from the mean that is no change (k), in the column's unit.",
                    ),
                ),
                (
                    "threshold",
                    number(
                        default.threshold,
                        (0.0, 1e100),
                        "Sum of deviations that is a change (h), in the column's unit.",
                    ),
                ),
                (
                    "target",
                    json!({ "type": ["number", "null"], "minimum": -1e100, "maximum": 1e100, "default": null, "description": "The mean that the column should have; without it, the running mean since the last alarm." }),
                ),
                (
                    "mode",
                    json!({ "enum": ["up", "down", "both"], "default": "both", "description": "Which changes count." }),
                ),
            ],
        );
        Descriptor {
            roles: vec![Role::Error, Role::Residual, Role::AbsoluteResidual],
            ..leeway_streaming::describe(
                "cusum",
                "Sums what errors deviate beyond a slack, upwards and downwards, and says when a sum is too large.",
                schema,
            )
        }
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        parse_config::<Config>(config)?.start().map(|_| ())
    }

    fn update(state: &[u8], rows: &dyn Window, config: &str, _seed: u64) -> Result<Step, Failure> {
        let config: Config = parse_config(config)?;
        leeway_streaming::update(state, rows, || config.start())
    }
}

leeway_sdk::export_stream_detector!(CusumDetector);
