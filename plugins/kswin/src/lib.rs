//! KSWIN over the error stream, for compatibility: do the newest rows differ from older ones?

use leeway_sdk::{Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::kswin::{Kswin, KswinParams, WINDOW_MAX};
use leeway_streaming::{invalid, level, schema, whole};
use serde_json::json;

/// The detector `kswin`.
pub struct KswinDetector;

impl StreamDetector for KswinDetector {
    fn describe() -> Descriptor {
        let default = KswinParams::default();
        let schema = schema(
            "Kolmogorov-Smirnov windowing (Raab et al. 2020) over errors, row by row. Very noisy: for compatibility.",
            [
                (
                    "alpha",
                    level(default.alpha, "P-value of one look at which rows differ."),
                ),
                (
                    "window_size",
                    whole(
                        default.window_size,
                        (2, WINDOW_MAX),
                        "Rows of the sliding window, at least twice stat_size.",
                    ),
                ),
                (
                    "stat_size",
                    whole(
                        default.stat_size,
                        (1, WINDOW_MAX / 2),
                        "Newest rows that are compared with as many older ones.",
                    ),
                ),
                (
                    "seed",
                    json!({ "type": "integer", "minimum": 0, "default": default.seed, "description": "Seed of the draws, as for Python's random.Random." }),
                ),
            ],
        );
        Descriptor {
            roles: vec![Role::Error, Role::Residual, Role::AbsoluteResidual],
            ..leeway_streaming::describe(
                "kswin",
                "Tests the newest rows of a sliding window at every row. Very noisy, for compatibility: take adwin unless you need KSWIN.",
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

/// The detector of a column without rows yet. Settings as in Raab, Heusinger & Schleif (2020).
fn start(config: &str) -> Result<Kswin, Failure> {
    Kswin::new(parse_config(config)?).map_err(invalid)
}

leeway_sdk::export_stream_detector!(KswinDetector);
