//! Monitors as the API takes and shows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::MonitorSpec;
use crate::domain::monitor::{
    CURRENT_ROWS_DEFAULT, Cadence, CurrentSpec, Extent, Fallback, FalseAlarms, ROWS_MIN_DEFAULT,
    ReferenceSpec,
};
use crate::monitor::MonitorRecord;

use super::object::object;

/// How many rows a window has. Windows begin and end where chunks do: the smallest run of chunks that has them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ExtentView {
    /// The newest rows, so many.
    Rows(RowCount),
    /// The newest stretch of time, in seconds, counted back from the model's newest row.
    Seconds(Seconds),
}

/// A number of rows.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(minimum = 1, maximum = 1_000_000_000)]
pub struct RowCount(u64);

/// A number of seconds: up to ten years.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(minimum = 1, maximum = 315_360_000)]
pub struct Seconds(u64);

/// The rows that define normal.
// Variants without fields have braces: else serde lets unknown fields stand beside the tag.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReferenceSpecView {
    /// The active data set where there is one; else the rows up to the training time where there are any; else the
    /// rows just before the current window, as many as it has.
    Auto {},
    /// The active uploaded data set.
    DataSet {},
    /// Rows up to `last_training_time`.
    Training {},
    /// The rows just before the current window.
    Trailing {
        /// How far back they go.
        extent: ExtentView,
    },
}

/// The rows under test. Never rows up to `last_training_time`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "of", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CurrentSpecView {
    /// All since the training, or since the first row.
    SinceTraining {},
    /// The newest rows, again at every evaluation.
    Sliding {
        /// How far back they go.
        extent: ExtentView,
    },
    /// One window after the other without overlap, each evaluated once, when it is complete.
    Tumbling {
        /// Size of each.
        extent: ExtentView,
    },
}

impl Default for ReferenceSpecView {
    fn default() -> Self {
        Self::Auto {}
    }
}

impl Default for CurrentSpecView {
    fn default() -> Self {
        Self::Sliding {
            extent: ExtentView::Rows(RowCount(CURRENT_ROWS_DEFAULT)),
        }
    }
}

/// When a monitor is evaluated.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "on", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CadenceView {
    /// When new rows or labels are profiled, at most this often.
    NewData {
        /// Shortest time between two evaluations, in seconds.
        #[serde(default)]
        #[schema(maximum = 31_622_400, default = 0)]
        seconds_min: u32,
    },
    /// At fixed times: every so many seconds since 1970-01-01T00:00:00Z.
    Schedule {
        /// Time between two evaluations, in seconds.
        #[schema(minimum = 1, maximum = 31_622_400)]
        every_seconds: u32,
    },
    /// When somebody asks.
    Request {},
}

impl Default for CadenceView {
    fn default() -> Self {
        Self::NewData { seconds_min: 0 }
    }
}

/// What happens to a monitor whose detector's version is quarantined.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FallbackView {
    /// It fails, and says why.
    #[default]
    None,
    /// The version that was active before takes over.
    Previous,
}

/// What a monitor does.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorSpecForm {
    /// Name of the detector: see `GET /v1/detectors`.
    #[schema(example = "data-drift")]
    pub detector: String,
    /// The detector's configuration: fits the schema that it declares.
    #[serde(default = "empty_object")]
    #[schema(value_type = Object)]
    pub config: serde_json::Value,
    /// The reference window.
    #[serde(default, deserialize_with = "object")]
    pub reference: ReferenceSpecView,
    /// The current window.
    #[serde(default, deserialize_with = "object")]
    pub current: CurrentSpecView,
    /// When it is evaluated.
    #[serde(default, deserialize_with = "object")]
    pub cadence: CadenceView,
    /// Fewest rows of either window for a verdict. A detector that asks for more gets more.
    #[serde(default = "rows_min")]
    #[schema(minimum = 1, maximum = 1_000_000_000, default = 100)]
    pub rows_min: u64,
    /// A window whose verdict needs labels waits until this share of its rows has one.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1, default = 0)]
    pub labelled_share_min: f64,
    /// Rows younger than this, seen from the model's newest row, do not count for a verdict that needs labels:
    /// their labels may still be on the way. In seconds.
    #[serde(default)]
    #[schema(maximum = 315_360_000, default = 0)]
    pub label_maturity_seconds: u64,
    /// Whether it is evaluated at all.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    /// What happens when the detector's version is quarantined, because it failed too often.
    #[serde(default)]
    pub fallback: FallbackView,
    /// Seed of every call.
    #[serde(default)]
    #[schema(maximum = 4_294_967_295_u64, default = 0)]
    pub seed: u32,
    /// Splits the rows: each segment is judged by itself, and the level of the detector's tests is shared out between
    /// them. A column of categories (`region`), a condition (`age >= 65 and region in ("EU", "US")`), or a column of numbers cut
    /// at some (`bucket(age, 18, 65)`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000, example = "region")]
    pub segment_by: Option<String>,
    /// Bounds false alarms over time, in place of at each evaluation. Of detectors whose configuration has a `level`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_alarms: Option<FalseAlarmsView>,
}

/// A bound on false alarms over time. Each stretch of the rows' time has its part of the level, and the first evaluation
/// that sees it spends that part: windows that follow one another (`tumbling`) keep the most power.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FalseAlarmsView {
    /// Largest probability of a false alarm within any period.
    #[schema(
        exclusive_minimum = 0,
        exclusive_maximum = 1,
        example = json!(0.05)
    )]
    pub at_most: f64,
    /// Length of the period, in seconds of the rows' time: up to ten years.
    #[schema(minimum = 1, maximum = 315_360_000, example = json!(2_592_000))]
    pub per_seconds: u64,
}

/// A monitor to make.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorForm {
    /// Its name, one of its kind a model. At most 100 bytes, no control characters.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"
    )]
    pub name: String,
    /// What it does.
    #[serde(deserialize_with = "object")]
    pub spec: MonitorSpecForm,
}

fn empty_object() -> serde_json::Value {
    serde_json::json!({})
}
fn rows_min() -> u64 {
    ROWS_MIN_DEFAULT
}
fn yes() -> bool {
    true
}

impl From<ExtentView> for Extent {
    fn from(view: ExtentView) -> Self {
        match view {
            ExtentView::Rows(RowCount(rows)) => Self::Rows(rows),
            ExtentView::Seconds(Seconds(seconds)) => Self::Seconds(seconds),
        }
    }
}

impl From<Extent> for ExtentView {
    fn from(extent: Extent) -> Self {
        match extent {
            Extent::Rows(rows) => Self::Rows(RowCount(rows)),
            Extent::Seconds(seconds) => Self::Seconds(Seconds(seconds)),
        }
    }
}

impl From<MonitorSpecForm> for MonitorSpec {
    fn from(form: MonitorSpecForm) -> Self {
        Self {
            detector: form.detector,
            config: form.config,
            reference: match form.reference {
                ReferenceSpecView::Auto {} => ReferenceSpec::Auto,
                ReferenceSpecView::DataSet {} => ReferenceSpec::DataSet,
                ReferenceSpecView::Training {} => ReferenceSpec::Training,
                ReferenceSpecView::Trailing { extent } => ReferenceSpec::Trailing {
                    extent: extent.into(),
                },
            },
            current: match form.current {
                CurrentSpecView::SinceTraining {} => CurrentSpec::SinceTraining,
                CurrentSpecView::Sliding { extent } => CurrentSpec::Sliding {
                    extent: extent.into(),
                },
                CurrentSpecView::Tumbling { extent } => CurrentSpec::Tumbling {
                    extent: extent.into(),
                },
            },
            cadence: match form.cadence {
                CadenceView::NewData { seconds_min } => Cadence::NewData { seconds_min },
                CadenceView::Schedule { every_seconds } => Cadence::Schedule { every_seconds },
                CadenceView::Request {} => Cadence::Request,
            },
            rows_min: form.rows_min,
            labelled_share_min: form.labelled_share_min,
            label_maturity_seconds: form.label_maturity_seconds,
            enabled: form.enabled,
            fallback: match form.fallback {
                FallbackView::None => Fallback::None,
                FallbackView::Previous => Fallback::Previous,
            },
            seed: form.seed,
            segment_by: form.segment_by,
            false_alarms: form.false_alarms.map(|bound| FalseAlarms {
                at_most: bound.at_most,
                per_seconds: bound.per_seconds,
            }),
        }
    }
}

impl From<MonitorSpec> for MonitorSpecForm {
    fn from(spec: MonitorSpec) -> Self {
        Self {
            detector: spec.detector,
            config: spec.config,
            reference: match spec.reference {
                ReferenceSpec::Auto => ReferenceSpecView::Auto {},
                ReferenceSpec::DataSet => ReferenceSpecView::DataSet {},
                ReferenceSpec::Training => ReferenceSpecView::Training {},
                ReferenceSpec::Trailing { extent } => ReferenceSpecView::Trailing {
                    extent: extent.into(),
                },
            },
            current: match spec.current {
                CurrentSpec::SinceTraining => CurrentSpecView::SinceTraining {},
                CurrentSpec::Sliding { extent } => CurrentSpecView::Sliding {
                    extent: extent.into(),
                },
                CurrentSpec::Tumbling { extent } => CurrentSpecView::Tumbling {
                    extent: extent.into(),
                },
            },
            cadence: match spec.cadence {
                Cadence::NewData { seconds_min } => CadenceView::NewData { seconds_min },
                Cadence::Schedule { every_seconds } => CadenceView::Schedule { every_seconds },
                Cadence::Request => CadenceView::Request {},
            },
            rows_min: spec.rows_min,
            labelled_share_min: spec.labelled_share_min,
            label_maturity_seconds: spec.label_maturity_seconds,
            enabled: spec.enabled,
            fallback: match spec.fallback {
                Fallback::None => FallbackView::None,
                Fallback::Previous => FallbackView::Previous,
            },
            seed: spec.seed,
            segment_by: spec.segment_by,
            false_alarms: spec.false_alarms.map(|bound| FalseAlarmsView {
                at_most: bound.at_most,
                per_seconds: bound.per_seconds,
            }),
        }
    }
}

/// A monitor.
#[derive(Debug, Serialize, ToSchema)]
pub struct MonitorView {
    /// Its name, one of its kind a model.
    pub name: String,
    /// What it does.
    pub spec: MonitorSpecForm,
    /// Raised by every change of what it does.
    pub revision: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// When it was evaluated last.
    pub evaluated_at: Option<Timestamp>,
    /// Failures in a row.
    pub failures: i32,
    /// Not evaluated again before this, after a failure.
    pub retry_at: Option<Timestamp>,
    /// Why it failed.
    pub last_error: Option<String>,
}

impl From<MonitorRecord> for MonitorView {
    fn from(record: MonitorRecord) -> Self {
        Self {
            name: record.name,
            spec: record.spec.into(),
            revision: record.revision,
            created_at: record.created_at,
            changed_at: record.changed_at,
            evaluated_at: record.evaluated_at,
            failures: record.failures,
            retry_at: record.retry_at,
            last_error: record.last_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_what_the_domain_leaves_out() {
        let form: MonitorSpecForm = serde_json::from_str(r#"{"detector": "adwin"}"#).unwrap();

        assert_eq!(MonitorSpec::from(form), MonitorSpec::of("adwin"));
    }

    #[test]
    fn forms_and_records_read_the_same() {
        let text = r#"{
            "detector": "data-drift", "config": {"alpha": 0.01},
            "reference": {"from": "trailing", "extent": {"seconds": 60}},
            "current": {"of": "tumbling", "extent": {"rows": 10}},
            "cadence": {"on": "schedule", "every_seconds": 5},
            "rows_min": 1, "labelled_share_min": 0.5, "label_maturity_seconds": 7, "enabled": false, "fallback": "previous", "seed": 3,
            "segment_by": "region", "false_alarms": {"at_most": 0.05, "per_seconds": 60}
        }"#;
        let spec: MonitorSpec = serde_json::from_str(text).unwrap();
        let form: MonitorSpecForm = serde_json::from_str(text).unwrap();

        assert_eq!(
            serde_json::to_value(&form).unwrap(),
            serde_json::to_value(&spec).unwrap()
        );
        assert_eq!(MonitorSpec::from(form), spec);
        let shown = serde_json::to_value(MonitorSpecForm::from(spec.clone())).unwrap();
        assert_eq!(shown, serde_json::to_value(&spec).unwrap());
    }
}
