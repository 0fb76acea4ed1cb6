//! Short ways to describe a detector, to remember what it learned, and to judge a column.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    Column, ColumnKind, Descriptor, Direction, DriftKind, Failure, Measurement, Metric, Needs,
    Role, ThresholdKind, Verdict, Window, measurement,
};

/// A detector of drift in numeric features that asks kernels and has no configuration. Change what differs.
pub fn describe(name: &str, version: &str, summary: &str, metrics: Vec<Metric>) -> Descriptor {
    Descriptor {
        name: name.to_owned(),
        version: version.to_owned(),
        summary: summary.to_owned(),
        kind: DriftKind::Data,
        accepts: vec![ColumnKind::Numeric],
        roles: vec![Role::Feature],
        needs: Needs::Profiles,
        rows_min: 1,
        metrics,
        config_schema: r#"{"type":"object","additionalProperties":false}"#.to_owned(),
        state_format: 1,
    }
}

/// A metric without unit and bounds. Change what differs.
pub fn metric(name: &str, help: &str, direction: Direction) -> Metric {
    Metric {
        name: name.to_owned(),
        help: help.to_owned(),
        unit: String::new(),
        direction,
        minimum: None,
        maximum: None,
        default_threshold: None,
    }
}

/// A baseline out of any value, as JSON.
///
/// # Errors
/// [`Failure::Internal`] for what JSON cannot hold, such as maps whose keys are no text.
pub fn to_baseline<T: Serialize>(learned: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(learned).map_err(|error| Failure::Internal(error.to_string()))
}

/// The value behind a baseline.
///
/// # Errors
/// [`Failure::UnusableBaseline`] where it was made of something else.
pub fn from_baseline<T: DeserializeOwned>(baseline: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(baseline).map_err(|error| Failure::UnusableBaseline(error.to_string()))
}

/// A baseline of one number a column: what `number` makes of it. One that is not finite is forgotten.
///
/// # Errors
/// Those of `number`.
pub fn remember(
    reference: &dyn Window,
    number: impl Fn(&dyn Window, u32) -> Result<f64, Failure>,
) -> Result<Vec<u8>, Failure> {
    let mut numbers = BTreeMap::new();
    for (index, column) in (0..).zip(reference.columns()) {
        let number = number(reference, index)?;
        if number.is_finite() {
            numbers.insert(column.name, number);
        }
    }
    to_baseline(&numbers)
}

/// Judges every column by its number of [`remember`], NaN where there is none, and its number now.
///
/// # Errors
/// Those of `number`, and [`Failure::UnusableBaseline`].
pub fn compare(
    baseline: &[u8],
    current: &dyn Window,
    number: impl Fn(&dyn Window, u32) -> Result<f64, Failure>,
    judge: impl Fn(&Column, f64, f64) -> Measurement,
) -> Result<Vec<Measurement>, Failure> {
    let numbers: BTreeMap<String, f64> = from_baseline(baseline)?;
    let mut judged = Vec::new();
    for (index, column) in (0..).zip(current.columns()) {
        let before = numbers.get(&column.name).copied().unwrap_or(f64::NAN);
        judged.push(judge(&column, before, number(current, index)?));
    }
    Ok(judged)
}

/// A column judged against a fixed threshold. A value that is not finite leaves it `insufficient`.
pub fn judge(
    metric: &str,
    column: &Column,
    value: f64,
    threshold: f64,
    drifted: bool,
) -> Measurement {
    let mut judged = measurement(metric, Some(&column.name));
    judged.current_rows = column.rows - column.missing - column.non_finite;
    if column.rows > 0 {
        judged.missing_share = column.missing as f64 / column.rows as f64;
    }
    if value.is_finite() && threshold.is_finite() {
        judged.value = value;
        judged.threshold = Some(threshold);
        judged.threshold_kind = Some(ThresholdKind::Fixed);
        judged.verdict = if drifted {
            Verdict::Drifted
        } else {
            Verdict::Stable
        };
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column() -> Column {
        Column {
            name: "age".to_owned(),
            role: Role::Feature,
            kind: ColumnKind::Numeric,
            rows: 10,
            missing: 2,
            non_finite: 1,
            exact: true,
            rank_error: 0.0,
            dimension: 0,
        }
    }

    #[test]
    fn a_finite_value_is_judged_and_another_is_insufficient() {
        let judged = judge("ratio", &column(), 1.5, 1.1, true);
        assert_eq!((judged.value, judged.verdict), (1.5, Verdict::Drifted));
        assert_eq!((judged.current_rows, judged.missing_share), (7, 0.2));

        let unjudged = judge("ratio", &column(), f64::NAN, 1.1, false);
        assert_eq!(
            (unjudged.value, unjudged.verdict),
            (0.0, Verdict::Insufficient)
        );
        assert_eq!(unjudged.threshold, None);
    }

    #[test]
    fn a_baseline_comes_back_and_another_is_refused() {
        let bytes = to_baseline(&vec![0.1, 2.5]).unwrap();
        assert_eq!(from_baseline::<Vec<f64>>(&bytes), Ok(vec![0.1, 2.5]));
        let refused = from_baseline::<Vec<f64>>(b"{}");
        assert!(
            matches!(refused, Err(Failure::UnusableBaseline(_))),
            "{refused:?}"
        );
    }
}
