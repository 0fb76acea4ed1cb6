//! Page-Hinkley over the error stream: has the sum of deviations from the mean run away?

use leeway_sdk::{Descriptor, Failure, Step, StreamDetector, Window, parse_config};
use leeway_statistics::page_hinkley::{PageHinkley, PageHinkleyParams};
use leeway_streaming::{direction, invalid, number, schema, whole};

/// The detector `page-hinkley`.
pub struct PageHinkleyDetector;

impl StreamDetector for PageHinkleyDetector {
    fn describe() -> Descriptor {
        let default = PageHinkleyParams::default();
        let schema = schema(
            "The Page-Hinkley test (Page 1954) over errors, row by row.",
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
                        "Deviation from the mean that is no change, in the column's unit.",
                    ),
                ),
                (
                    "threshold",
                    number(
                        default.threshold,
                        (0.0, 1e100),
                        "Sum of deviations that is a change, in the column's unit.",
                    ),
                ),
                (
                    "alpha",
                    number(
                        default.alpha,
                        (0.0, 1.0),
                        "How much of the sum is kept from row to row.",
                    ),
                ),
                ("mode", direction()),
            ],
        );
        leeway_streaming::describe(
            "page-hinkley",
            "Sums the deviations of the errors from their mean and says when the sum runs away.",
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

/// The detector of a column without rows yet. Settings as in Page (1954).
fn start(config: &str) -> Result<PageHinkley, Failure> {
    PageHinkley::new(parse_config(config)?).map_err(invalid)
}

leeway_sdk::export_stream_detector!(PageHinkleyDetector);
