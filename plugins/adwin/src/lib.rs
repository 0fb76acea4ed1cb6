//! ADWIN over the error stream: is the model wrong more or less often than it was?

use leeway_sdk::{Descriptor, Failure, Step, StreamDetector, Window, parse_config};
use leeway_statistics::adwin::{Adwin, AdwinParams};
use leeway_streaming::{invalid, level, schema, whole};

/// The detector `adwin`.
pub struct AdwinDetector;

impl StreamDetector for AdwinDetector {
    fn describe() -> Descriptor {
        let default = AdwinParams::default();
        let schema = schema(
            "Adaptive windowing (Bifet & Gavaldà 2007) over errors, row by row.",
            [
                (
                    "delta",
                    level(default.delta, "Confidence: smaller means fewer alarms."),
                ),
                (
                    "clock",
                    whole(
                        default.clock,
                        (1, 1_000_000),
                        "Rows from one look for a change to the next.",
                    ),
                ),
                (
                    "max_buckets",
                    whole(
                        default.max_buckets,
                        (2, 15),
                        "Buckets of one size that are kept: more of them cut the window finer.",
                    ),
                ),
                (
                    "min_window_length",
                    whole(
                        default.min_window_length,
                        (1, 1_000_000),
                        "Fewest rows on either side of a cut.",
                    ),
                ),
                (
                    "grace_period",
                    whole(
                        default.grace_period,
                        (0, 1_000_000_000),
                        "Rows that the window must exceed before it is looked at.",
                    ),
                ),
            ],
        );
        leeway_streaming::describe(
            "adwin",
            "Follows the mean of the errors and forgets the past as soon as it has changed.",
            schema,
        )
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        start(config).map(drop)
    }

    fn update(state: &[u8], rows: &dyn Window, config: &str, _seed: u64) -> Result<Step, Failure> {
        leeway_streaming::update(state, rows, &start(config)?)
    }
}

/// The detector of a column without rows yet. Settings as in Bifet & Gavaldà (2007).
fn start(config: &str) -> Result<Adwin, Failure> {
    Adwin::new(parse_config(config)?).map_err(invalid)
}

leeway_sdk::export_stream_detector!(AdwinDetector);
