//! EDDM over the error stream, for compatibility: do errors come closer together than they did?

use leeway_sdk::{Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::eddm::{Eddm, EddmParams};
use leeway_streaming::{invalid, number, schema, whole};

/// The detector `eddm`.
pub struct EddmDetector;

impl StreamDetector for EddmDetector {
    fn describe() -> Descriptor {
        let default = EddmParams::default();
        let schema = schema(
            "The early drift detection method (Baena-García et al. 2006) over errors, row by row. Very noisy: for compatibility.",
            [
                (
                    "min_errors",
                    whole(
                        default.min_errors,
                        (0, 1_000_000_000),
                        "Rows, and errors, that are only learned from.",
                    ),
                ),
                (
                    "alpha",
                    number(
                        default.alpha,
                        (0.0, 1.0),
                        "Share of the largest distance between errors below which there is a warning, at least beta.",
                    ),
                ),
                (
                    "beta",
                    number(
                        default.beta,
                        (0.0, 1.0),
                        "Share of the largest distance between errors below which there is a change.",
                    ),
                ),
            ],
        );
        Descriptor {
            roles: vec![Role::Error],
            ..leeway_streaming::describe(
                "eddm",
                "Follows the rows between errors. Very noisy, for compatibility: take adwin unless you need EDDM.",
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

/// The detector of a column without rows yet. Settings as in Baena-García et al. (2006).
fn start(config: &str) -> Result<Eddm, Failure> {
    Eddm::new(parse_config(config)?).map_err(invalid)
}

leeway_sdk::export_stream_detector!(EddmDetector);
