//! HDDM-A over the error stream: has the mean risen since it was lowest?

use leeway_sdk::{Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::hddm_a::{HddmA, HddmAParams};
use leeway_streaming::{invalid, level, schema};
use serde::Deserialize;
use serde_json::json;

/// The detector `hddm-a`.
pub struct HddmADetector;

/// Settings, as in Frías-Blanco et al. (2015).
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    drift_confidence: f64,
    warning_confidence: f64,
    two_sided: bool,
}

impl Default for Config {
    fn default() -> Self {
        let HddmAParams {
            drift_confidence,
            warning_confidence,
            two_sided,
        } = HddmAParams::default();
        Self {
            drift_confidence,
            warning_confidence,
            two_sided,
        }
    }
}

impl Config {
    fn start(&self) -> Result<HddmA, Failure> {
        let Self {
            drift_confidence,
            warning_confidence,
            two_sided,
        } = *self;
        HddmA::new(HddmAParams {
            drift_confidence,
            warning_confidence,
            two_sided,
        })
        .map_err(invalid)
    }
}

impl StreamDetector for HddmADetector {
    fn describe() -> Descriptor {
        let default = Config::default();
        let schema = schema(
            "Drift detection by Hoeffding's bound on means (Frías-Blanco et al. 2015) over errors, row by row.",
            [
                (
                    "drift_confidence",
                    level(
                        default.drift_confidence,
                        "Level of one comparison that is a change: smaller means fewer alarms.",
                    ),
                ),
                (
                    "warning_confidence",
                    level(
                        default.warning_confidence,
                        "Level of one comparison that is a warning.",
                    ),
                ),
                (
                    "two_sided",
                    json!({ "type": "boolean", "default": default.two_sided, "description": "Whether falls count as well as rises." }),
                ),
            ],
        );
        Descriptor {
            roles: vec![Role::Error, Role::Brier],
            ..leeway_streaming::describe(
                "hddm-a",
                "Compares the mean of the errors with the best it has been, by the bound of Hoeffding.",
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

leeway_sdk::export_stream_detector!(HddmADetector);
