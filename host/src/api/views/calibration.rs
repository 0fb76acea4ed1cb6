//! What is asked of a calibration, and its report as it is shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::calibrate::Report;
use crate::monitor::CalibrationAsk;

/// What is asked of a calibration. Every field may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CalibrationBody {
    /// The monitor; without it all of the model that are enabled.
    #[schema(example = "data-drift")]
    pub monitor: Option<String>,
    /// Shuffled replays, 20 to 500; 100 where nothing is said.
    #[schema(minimum = 20, maximum = 500)]
    pub replays: Option<u32>,
    /// Rows of the reference that are used, 150 to 20,000; 5,000 where nothing is said. Of more a uniform sample is used.
    #[schema(minimum = 150, maximum = 20000)]
    pub rows: Option<u32>,
    /// Sizes of windows, up to 16, each at most a third of the rows; without them 50, 100, 200, 500 and so on, and the monitors' own.
    pub sizes: Option<Vec<u32>>,
    /// Columns of each monitor that are moved to find the smallest shift, up to 64; 8 where nothing is said. 0 leaves that out.
    #[schema(maximum = 64)]
    pub columns: Option<u32>,
    /// Shift of a number that a suggested size must show, in standard deviations; 0.3 where nothing is said.
    pub shift: Option<f64>,
    /// Share of moved values that a suggested size must show, in columns of few values; 0.1 where nothing is said.
    pub share: Option<f64>,
    /// Seed of everything that is drawn; 2013 where nothing is said.
    pub seed: Option<u32>,
}

impl From<CalibrationBody> for CalibrationAsk {
    fn from(body: CalibrationBody) -> Self {
        let mut ask = Self::default();
        let settings = &mut ask.settings;
        ask.rows = body.rows.unwrap_or(ask.rows);
        settings.replays = body.replays.unwrap_or(settings.replays);
        settings.sizes = body.sizes.unwrap_or_default();
        settings.columns = body.columns.unwrap_or(settings.columns);
        settings.shift = body.shift.unwrap_or(settings.shift);
        settings.share = body.share.unwrap_or(settings.share);
        settings.seed = body.seed.map_or(settings.seed, u64::from);
        ask
    }
}

/// The report, as `leeway calibrate --format json` writes it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object, example = json!({
    "rows": 5000, "rows_seen": 5000, "order": "time", "reference_rows": 4000, "replays": 100, "shift_replays": 40, "power": 0.8,
    "targets": {"false_alarms": 0.06, "shift": 0.3, "share": 0.1}, "seed": 2013,
    "model": [{"rows": 1000, "false_alarms": {"share": 0.05, "hits": 5, "of": 100, "low": 0.016, "high": 0.113}}],
    "monitors": [{
        "monitor": "data-drift", "detector": "data-drift@1.0.0", "follows_rows": false, "window_rows": 1000,
        "sizes": [{
            "rows": 1000, "false_alarms": {"share": 0.05, "hits": 5, "of": 100, "low": 0.016, "high": 0.113}, "undecided": 0, "failed": 0,
            "in_order": {"share": 0.2, "hits": 1, "of": 5, "low": 0.005, "high": 0.716, "moves": false},
            "median_shift": 0.2, "median_share": 0.08
        }],
        "passes": null,
        "columns": [{"column": "age", "role": "feature", "unit": "standard-deviations", "smallest": [{"rows": 1000, "shift": 0.2}]}],
        "left_out": [], "suggestion": {"window_rows": 1000, "why": "the smallest windows whose false alarms are compatible with 6%"},
        "failure": null
    }],
    "notes": [], "leeway": "0.1.0"
}))]
pub struct CalibrationView(pub Report);
