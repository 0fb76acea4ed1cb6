//! DDM over the error stream, for compatibility: is the error rate far above the best it has been?

use leeway_sdk::{Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::ddm::{Ddm, DdmParams};
use leeway_streaming::{invalid, number, schema, whole};
use serde::Deserialize;

/// The detector `ddm`.
pub struct DdmDetector;

/// Settings, as in Gama et al. (2004).
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    min_rows: u32,
    warning_threshold: f64,
    drift_threshold: f64,
}

impl Default for Config {
    fn default() -> Self {
        let DdmParams {
            min_rows,
            warning_threshold,
            drift_threshold,
        } = DdmParams::default();
        Self {
            min_rows,
            warning_threshold,
            drift_threshold,
        }
    }
}

impl Config {
    fn start(&self) -> Result<Ddm, Failure> {
        let Self {
            min_rows,
            warning_threshold,
            drift_threshold,
        } = *self;
        Ddm::new(DdmParams {
            min_rows,
            warning_threshold,
            drift_threshold,
        })
        .map_err(invalid)
    }
}

impl StreamDetector for DdmDetector {
    fn describe() -> Descriptor {
        let default = Config::default();
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
        parse_config::<Config>(config)?.start().map(|_| ())
    }

    fn update(state: &[u8], rows: &dyn Window, config: &str, _seed: u64) -> Result<Step, Failure> {
        let config: Config = parse_config(config)?;
        leeway_streaming::update(state, rows, || config.start())
    }
}

leeway_sdk::export_stream_detector!(DdmDetector);
