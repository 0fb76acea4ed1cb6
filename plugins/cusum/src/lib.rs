//! CUSUM over the error stream: has the sum of deviations beyond a slack grown too large?

use leeway_sdk::{Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::cusum::{Cusum, CusumParams};
use leeway_streaming::{direction, invalid, number, schema, whole};
use serde_json::json;

/// The detector `cusum`.
pub struct CusumDetector;

impl StreamDetector for CusumDetector {
    fn describe() -> Descriptor {
        let default = CusumParams::default();
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
                ("mode", direction()),
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
        start(config).map(drop)
    }

    fn update(state: &[u8], rows: &dyn Window, config: &str, _seed: u64) -> Result<Step, Failure> {
        leeway_streaming::update(state, rows, &start(config)?)
    }
}

/// The detector of a column without rows yet. Settings as in Page (1954).
fn start(config: &str) -> Result<Cusum, Failure> {
    Cusum::new(parse_config(config)?).map_err(invalid)
}

leeway_sdk::export_stream_detector!(CusumDetector);
