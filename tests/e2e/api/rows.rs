//! Rows without chance: values that fill their range evenly, so that what a detector says of them never changes.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The model of the tests is trained on everything up to here.
pub(super) const TRAINED: &str = "2025-12-10T00:00:00Z";
/// Its rows before and after that begin here.
pub(super) const BEFORE: &str = "2025-12-01T00:00:00Z";
pub(super) const AFTER: &str = "2025-12-11T00:00:00Z";

/// How rows differ from those of the training.
#[derive(Default, Clone, Copy)]
pub(super) struct Change {
    /// Added to the feature `moving`.
    pub(super) shift: f64,
    /// Share of the answers that are wrong.
    pub(super) wrong: f64,
    /// Whether the labels come with the rows.
    pub(super) labelled: bool,
}

/// Rows, one a minute from `start` on: features `steady`, `moving` and `plan`, and an answer.
pub(super) fn rows(start: &str, count: u32, change: Change) -> Vec<Value> {
    let start: Timestamp = start.parse().unwrap();
    let row = |at: u32| {
        // Multiples of irrational numbers fill an interval evenly.
        let even = |step: f64| (f64::from(at) * step).fract();
        let yes = even(0.618_033_988_749_895) < 0.5;
        let answer = |yes: bool| if yes { "yes" } else { "no" };
        let right = even(0.236_067_977_499_79) >= change.wrong;
        let time = start + SignedDuration::from_mins(at.into());
        let mut row = json!({
            "record_id": format!("{start}/{at}"),
            "prediction_time": time.to_string(),
            "features": {
                "steady": even(0.414_213_562_373_095),
                "moving": even(0.732_050_807_568_877) + change.shift,
                "plan": if even(0.645_751_311_064_591) < 0.3 { "gold" } else { "free" },
            },
            "prediction": answer(yes),
            "probability": even(0.618_033_988_749_895),
        });
        if change.labelled {
            row["label"] = json!(answer(yes == right));
        }
        row
    };
    (0..count).map(row).collect()
}

/// The labels of such rows.
pub(super) fn labels(start: &str, count: u32, change: Change) -> Value {
    let labelled = Change {
        labelled: true,
        ..change
    };
    let rows = rows(start, count, labelled);
    let label = |row: &Value| json!({ "record_id": row["record_id"], "label": row["label"] });
    json!({ "labels": rows.iter().map(label).collect::<Vec<_>>() })
}

/// A body of such rows.
pub(super) fn batch(start: &str, count: u32, change: Change) -> Value {
    json!({ "predictions": rows(start, count, change) })
}
