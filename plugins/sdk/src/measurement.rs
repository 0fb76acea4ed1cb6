//! A measurement to start from.

use crate::{Measurement, Verdict};

/// A measurement of value `0` and verdict `insufficient`: fill in what is known.
pub fn measurement(metric: &str, column: Option<&str>) -> Measurement {
    Measurement {
        metric: metric.to_owned(),
        column: column.map(str::to_owned),
        value: 0.0,
        effect: None,
        p_value: None,
        p_adjusted: None,
        threshold: None,
        threshold_kind: None,
        reference_rows: 0,
        current_rows: 0,
        missing_share: 0.0,
        unseen_share: 0.0,
        verdict: Verdict::Insufficient,
        row: None,
        detail: None,
    }
}

/// The text of a JSON object, for a measurement's `detail`.
pub fn detail<const N: usize>(fields: [(&str, serde_json::Value); N]) -> String {
    serde_json::Value::Object(
        fields
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
    .to_string()
}
