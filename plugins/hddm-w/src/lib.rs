//! HDDM-W over the error stream: has the mean risen, when recent rows weigh more?

use leeway_sdk::{Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::hddm_w::{HddmW, HddmWParams};
use leeway_streaming::{flag, invalid, level, schema};

/// The detector `hddm-w`.
pub struct HddmWDetector;

impl StreamDetector for HddmWDetector {
    fn describe() -> Descriptor {
        let default = HddmWParams::default();
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
                    flag(default.two_sided, "Whether falls count as well as rises."),
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
        start(config).map(drop)
    }

    fn update(state: &[u8], rows: &dyn Window, config: &str, _seed: u64) -> Result<Step, Failure> {
        leeway_streaming::update(state, rows, &start(config)?)
    }
}

/// The detector of a column without rows yet. Settings as in Frías-Blanco et al. (2015).
fn start(config: &str) -> Result<HddmW, Failure> {
    HddmW::new(parse_config(config)?).map_err(invalid)
}

leeway_sdk::export_stream_detector!(HddmWDetector);
