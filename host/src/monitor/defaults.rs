//! The monitors that a model has without anybody asking.

use serde_json::json;

use crate::domain::monitor::{Cadence, MonitorSpec};

/// Shortest time between two evaluations, in seconds. Every one is stored, and nobody reads `/metrics` more often.
const PAUSE_SECONDS: u32 = 1;

/// Three monitors, one for each kind of drift, named as their detectors. They are made once for each model: `model.has_defaults`
/// remembers it, so one that was deleted stays away.
///
/// Those of prior and concept drift test every numeric column by shape (`ks`), by bins or values (`chi_square`) and by distance
/// (`wasserstein`), so that each column has all three numbers, whatever its values: a 0/1 answer as well as a score. All take part
/// in the correction, so together they keep the detector's level.
pub(super) fn default_monitors() -> [(&'static str, MonitorSpec); 3] {
    let all_tests = json!({ "numeric": ["ks", "chi_square", "wasserstein"], "distinct_min": 0 });
    let with = |detector: &'static str, config| {
        let spec = MonitorSpec {
            config,
            cadence: Cadence::NewData {
                seconds_min: PAUSE_SECONDS,
            },
            ..MonitorSpec::of(detector)
        };
        (detector, spec)
    };
    [
        with("data-drift", json!({})),
        with("prior-drift", all_tests.clone()),
        with("concept-drift", all_tests),
    ]
}
