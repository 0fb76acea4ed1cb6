//! HDDM-W over the error stream: has the mean risen, when recent rows weigh more?

use leeway_sdk::{Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::hddm_w::{HddmW, HddmWParams};
use leeway_streaming::{invalid, level, schema};
use serde::Deserialize;
use serde_json::json;

/// The detector `hddm-w`.
pub struct HddmWDetector;

/// Settings, as in Frías-Blanco et al. (2015).
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    drift_confidence: f64,
    warning_confidence: f64,
    lambda: f64,
    two_sided: bool,
}

impl Default for Config {
    fn default() -> Self {
        let HddmWParams {
            drift_confidence,
            warning_confidence,
            lambda,
            two_sided,
        } = HddmWParams::default();
        Self {
            drift_confidence,
            warning_confidence,
            lambda,
            two_sided,
        }
    }
}

impl Config {
    fn start(&self) -> Result<HddmW, Failure> {
        let Self {
            drift_confidence,
            warning_confidence,
            lambda,
            two_sided,
        } = *self;
        HddmW::new(HddmWParams {
            drift_confidence,
            warning_confidence,
            lambda,
            two_sided,
        })
        .map_err(invalid)
    }
}

impl StreamDetector for HddmWDetector {
    fn describe() -> Descriptor {
        let default = Config::default();
        let schema = schema(
            "Drift detection by McDiarmid's bound on weighted means (Frías-Blanco et al. 2015) over errors, row by row.",
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
                ("lambda", level(default.lambda, "Weight of the newest row.")),
                (
                    "two_sided",
                    json!({ "type": "boolean", "default": default.two_sided, "description": "Whether falls count as well as rises." }),
                ),
            ],
        );
        Descriptor {
            roles: vec![Role::Error, Role::Brier],
            ..leeway_streaming::describe(
                "hddm-w",
                "Compares weighted means of the errors by the bound of McDiarmid: quick to see large rises.",
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

leeway_sdk::export_stream_detector!(HddmWDetector);
