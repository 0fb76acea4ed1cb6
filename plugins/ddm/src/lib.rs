//! DDM over the error stream, for compatibility: is the error rate far above the best it has been?

use leeway_sdk::{Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::ddm::{Ddm, DdmParams};
use leeway_streaming::{invalid, number, schema, whole};

/// The detector `ddm`.
pub struct DdmDetector;

impl StreamDetector for DdmDetector {
    fn describe() -> Descriptor {
        let default = DdmParams::default();
        let schema = schema(
            "The drift detection method (Gama et al. 2004) over errors, row by row. Noisy: for compatibility.",
            [
                (
                    "min_rows",
                    whole(
                        default.min_rows,
                        (0, 1_000_000_000),
                        "Rows that are only learned from.",
                    ),
                ),
                (
                    "warning_threshold",
                    number(
                        default.warning_threshold,
                        (0.0, 1e6),
                        "Standard deviations above the best rate that are a warning.",
                    ),
                ),
                (
                    "drift_threshold",
                    number(
                        default.drift_threshold,
                        (0.0, 1e6),
                        "Standard deviations above the best rate that are a change.",
                    ),
                ),
            ],
        );
        Descriptor {
            roles: vec![Role::Error],
            ..leeway_streaming::describe(
                "ddm",
                "Compares the error rate with the best it has been. Noisy, for compatibility: take adwin unless you need DDM.",
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

/// The detector of a column without rows yet. Settings as in Gama et al. (2004).
fn start(config: &str) -> Result<Ddm, Failure> {
    Ddm::new(parse_config(config)?).map_err(invalid)
}

leeway_sdk::export_stream_detector!(DdmDetector);
