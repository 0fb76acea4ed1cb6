//! Checks what a guest returned: declared, finite, in range, of possible sizes.

use crate::domain::{Descriptor, Measurement};

use super::limits::{DETAIL_BYTES_MAX, DETAILS_BYTES_MAX, NAME_BYTES_MAX};
use super::text::plain_up_to;

/// What cannot be right about an answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Violation {
    /// A metric that the detector did not declare.
    #[error("metric '{0}' was not declared")]
    UndeclaredMetric(String),
    /// A column that the window does not have.
    #[error("metric '{metric}' is about column '{column}', which the window does not have")]
    UnknownColumn { metric: String, column: String },
    /// NaN or infinity.
    #[error(
        "the {field} of metric '{metric}'{} is {value}, not a finite number",
        of(column)
    )]
    NotFinite {
        metric: String,
        column: Option<String>,
        field: &'static str,
        value: f64,
    },
    /// Outside the declared or possible range.
    #[error(
        "the {field} of metric '{metric}'{} is {value}; it must lie in [{minimum}, {maximum}]",
        of(column)
    )]
    OutOfRange {
        metric: String,
        column: Option<String>,
        field: &'static str,
        value: f64,
        minimum: f64,
        maximum: f64,
    },
    /// More rows than the window has.
    #[error(
        "metric '{metric}'{} claims {claimed} {window} rows; there are {rows}",
        of(column)
    )]
    Sizes {
        metric: String,
        column: Option<String>,
        window: &'static str,
        claimed: u64,
        rows: u64,
    },
    /// A threshold without its kind, or a kind without a threshold.
    #[error(
        "metric '{metric}'{} has a threshold without a kind or a kind without a threshold",
        of(column)
    )]
    ThresholdKind {
        metric: String,
        column: Option<String>,
    },
    /// A detail that is too long or no JSON object.
    #[error(
        "the detail of metric '{metric}'{} is not a JSON object of at most {DETAIL_BYTES_MAX} bytes",
        of(column)
    )]
    Detail {
        metric: String,
        column: Option<String>,
    },
    /// Details that are short each and too much together: read, they take a hundred times their text.
    #[error("the details have more than {limit} bytes together")]
    TooMuchDetail { limit: usize },
    /// The same metric of the same column and row twice.
    #[error("metric '{metric}'{} stands twice", of(column))]
    Twice {
        metric: String,
        column: Option<String>,
    },
    /// Too many measurements.
    #[error("{count} measurements; there may be {limit}")]
    TooMany { count: usize, limit: usize },
    /// A row in the answer of a detector that judges windows.
    #[error("metric '{0}' names a row, which only stream detectors may")]
    Row(String),
}

#[expect(clippy::ref_option, reason = "the messages above borrow a field")]
fn of(column: &Option<String>) -> String {
    column
        .as_ref()
        .map_or_else(String::new, |column| format!(" of column '{column}'"))
}

/// What an answer is checked against.
pub(super) struct Expected<'a> {
    pub(super) descriptor: &'a Descriptor,
    /// Name and rows of each column the guest was handed.
    pub(super) columns: &'a std::collections::HashMap<String, u64>,
    /// Rows of the window as a whole.
    pub(super) current_rows: u64,
    /// Rows of the reference window; absent for streams, which have none.
    pub(super) reference_rows: Option<u64>,
    pub(super) measurements_max: usize,
}

/// A measurement as it came, its detail still text.
pub(super) struct Raw {
    pub(super) measurement: Measurement,
    pub(super) detail: Option<String>,
}

/// Checks every measurement of an answer.
///
/// They are converted one by one, so that a flood is refused before it costs the host memory.
pub(super) fn check(
    raw: impl ExactSizeIterator<Item = Raw>,
    expected: &Expected,
) -> Result<Vec<Measurement>, Violation> {
    if raw.len() > expected.measurements_max {
        return Err(Violation::TooMany {
            count: raw.len(),
            limit: expected.measurements_max,
        });
    }
    let mut seen = std::collections::HashSet::with_capacity(raw.len());
    let mut measurements = Vec::with_capacity(raw.len());
    let mut details_bytes = 0;
    for Raw {
        mut measurement,
        detail,
    } in raw
    {
        check_one(&measurement, expected)?; // First: what follows names the metric and the column.
        if let Some(text) = detail {
            details_bytes += text.len();
            if details_bytes > DETAILS_BYTES_MAX {
                return Err(Violation::TooMuchDetail {
                    limit: DETAILS_BYTES_MAX,
                });
            }
            measurement.detail = Some(read_detail(&measurement, &text)?);
        }
        if !seen.insert((
            measurement.metric.clone(),
            measurement.column.clone(),
            measurement.row,
        )) {
            return Err(Violation::Twice {
                metric: measurement.metric,
                column: measurement.column,
            });
        }
        measurements.push(measurement);
    }
    Ok(measurements)
}

fn read_detail(measurement: &Measurement, text: &str) -> Result<serde_json::Value, Violation> {
    let value = (text.len() <= DETAIL_BYTES_MAX)
        .then(|| serde_json::from_str::<serde_json::Value>(text).ok())
        .flatten();
    value
        .filter(serde_json::Value::is_object)
        .ok_or_else(|| Violation::Detail {
            metric: measurement.metric.clone(),
            column: measurement.column.clone(),
        })
}

fn check_one(measurement: &Measurement, expected: &Expected) -> Result<(), Violation> {
    let Measurement { metric, column, .. } = measurement;
    let declared = expected
        .descriptor
        .metric(metric)
        .ok_or_else(|| Violation::UndeclaredMetric(plain_up_to(NAME_BYTES_MAX, metric)))?;
    let column_rows = match column {
        None => expected.current_rows,
        Some(name) => *expected
            .columns
            .get(name)
            .ok_or_else(|| Violation::UnknownColumn {
                metric: metric.clone(),
                column: plain_up_to(NAME_BYTES_MAX, name),
            })?,
    };
    let range = |field, value: Option<f64>, minimum: f64, maximum: f64| {
        let Some(value) = value else { return Ok(()) };
        let (metric, column) = (metric.clone(), column.clone());
        if !value.is_finite() {
            return Err(Violation::NotFinite {
                metric,
                column,
                field,
                value,
            });
        }
        if value < minimum || value > maximum {
            return Err(Violation::OutOfRange {
                metric,
                column,
                field,
                value,
                minimum,
                maximum,
            });
        }
        Ok(())
    };
    let (minimum, maximum) = (
        declared.minimum.unwrap_or(f64::MIN),
        declared.maximum.unwrap_or(f64::MAX),
    );
    range("value", Some(measurement.value), minimum, maximum)?;
    range("effect", measurement.effect, f64::MIN, f64::MAX)?;
    range("threshold", measurement.threshold, f64::MIN, f64::MAX)?;
    range("p-value", measurement.p_value, 0.0, 1.0)?;
    range("adjusted p-value", measurement.p_adjusted, 0.0, 1.0)?;
    range("missing share", Some(measurement.missing_share), 0.0, 1.0)?;
    range("unseen share", Some(measurement.unseen_share), 0.0, 1.0)?;
    if measurement.threshold.is_some() != measurement.threshold_kind.is_some() {
        return Err(Violation::ThresholdKind {
            metric: metric.clone(),
            column: column.clone(),
        });
    }
    let sizes = |window, claimed: u64, rows: u64| {
        let (metric, column) = (metric.clone(), column.clone());
        if claimed > rows {
            Err(Violation::Sizes {
                metric,
                column,
                window,
                claimed,
                rows,
            })
        } else {
            Ok(())
        }
    };
    match expected.reference_rows {
        Some(rows) => {
            sizes("current", measurement.current_rows, column_rows)?;
            sizes("reference", measurement.reference_rows, rows)?;
            if measurement.row.is_some() {
                return Err(Violation::Row(metric.clone()));
            }
        }
        // A stream's sizes are those of its own windows, which its state carries.
        None => sizes(
            "stream",
            measurement.row.map_or(0, |row| row.saturating_add(1)),
            expected.current_rows,
        )?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ColumnKind, Direction, DriftKind, Metric, Needs, Role, ThresholdKind, Verdict,
    };

    fn descriptor() -> Descriptor {
        let metric = Metric {
            name: "share".into(),
            help: String::new(),
            unit: String::new(),
            direction: Direction::HigherIsDrift,
            minimum: Some(0.0),
            maximum: Some(1.0),
            default_threshold: None,
        };
        Descriptor {
            name: "test".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            kind: DriftKind::Data,
            accepts: vec![ColumnKind::Numeric],
            roles: vec![Role::Feature],
            needs: Needs::Profiles,
            rows_min: 1,
            metrics: vec![metric],
            config_schema: "{}".into(),
            state_format: 1,
        }
    }

    fn measurement() -> Measurement {
        Measurement {
            metric: "share".into(),
            column: Some("age".into()),
            value: 0.5,
            effect: Some(0.5),
            p_value: Some(0.5),
            p_adjusted: Some(0.5),
            threshold: Some(0.1),
            threshold_kind: Some(ThresholdKind::Fixed),
            reference_rows: 20,
            current_rows: 10,
            missing_share: 0.0,
            unseen_share: 1.0,
            verdict: Verdict::Stable,
            row: None,
            detail: None,
            segment: None,
            began: None,
        }
    }

    fn verdict_on(change: impl FnOnce(&mut Measurement)) -> Result<(), Violation> {
        let mut changed = measurement();
        change(&mut changed);
        check_all(vec![Raw {
            measurement: changed,
            detail: None,
        }])
        .map(|_| ())
    }

    fn check_all(raw: Vec<Raw>) -> Result<Vec<Measurement>, Violation> {
        let (descriptor, columns) = (descriptor(), [("age".to_owned(), 10)].into());
        let expected = Expected {
            descriptor: &descriptor,
            columns: &columns,
            current_rows: 12,
            reference_rows: Some(20),
            measurements_max: 2,
        };
        check(raw.into_iter(), &expected)
    }

    #[test]
    fn an_answer_at_every_limit_passes() {
        assert_eq!(verdict_on(|_| ()), Ok(()));
        assert_eq!(
            verdict_on(|m| (m.value, m.p_value) = (1.0, Some(0.0))),
            Ok(())
        );
        assert_eq!(
            verdict_on(|m| (m.column, m.current_rows) = (None, 12)),
            Ok(())
        );
    }

    #[test]
    fn each_field_beyond_its_limit_is_named() {
        let name = |result: Result<(), Violation>| result.unwrap_err().to_string();
        assert_eq!(
            name(verdict_on(|m| m.metric = "other".into())),
            "metric 'other' was not declared"
        );
        assert_eq!(
            name(verdict_on(|m| m.value = f64::NAN)),
            "the value of metric 'share' of column 'age' is NaN, not a finite number"
        );
        assert_eq!(
            name(verdict_on(|m| m.value = 1.5)),
            "the value of metric 'share' of column 'age' is 1.5; it must lie in [0, 1]"
        );
        assert_eq!(
            name(verdict_on(|m| m.p_value = Some(-0.1))),
            "the p-value of metric 'share' of column 'age' is -0.1; it must lie in [0, 1]"
        );
        assert_eq!(
            name(verdict_on(|m| m.effect = Some(f64::INFINITY))),
            "the effect of metric 'share' of column 'age' is inf, not a finite number"
        );
        assert_eq!(
            name(verdict_on(|m| m.current_rows = 11)),
            "metric 'share' of column 'age' claims 11 current rows; there are 10"
        );
        assert_eq!(
            name(verdict_on(|m| m.reference_rows = 21)),
            "metric 'share' of column 'age' claims 21 reference rows; there are 20"
        );
        assert_eq!(
            name(verdict_on(|m| m.column = Some("size".into()))),
            "metric 'share' is about column 'size', which the window does not have"
        );
        assert_eq!(
            name(verdict_on(|m| m.threshold = None)),
            "metric 'share' of column 'age' has a threshold without a kind or a kind without a threshold"
        );
        assert_eq!(
            name(verdict_on(|m| m.row = Some(1))),
            "metric 'share' names a row, which only stream detectors may"
        );
    }

    #[test]
    fn measurements_stand_once_and_within_their_number() {
        let raw = |column: Option<&str>| Raw {
            measurement: Measurement {
                column: column.map(str::to_owned),
                ..measurement()
            },
            detail: None,
        };
        assert_eq!(
            check_all(vec![raw(None), raw(Some("age"))]).map(|all| all.len()),
            Ok(2)
        );
        let twice = Violation::Twice {
            metric: "share".into(),
            column: None,
        };
        assert_eq!(check_all(vec![raw(None), raw(None)]).unwrap_err(), twice);
        assert_eq!(
            check_all(vec![raw(None), raw(None), raw(None)]).unwrap_err(),
            Violation::TooMany { count: 3, limit: 2 }
        );
    }

    #[test]
    fn words_of_a_stranger_are_made_plain() {
        let name = |change: fn(&mut Measurement)| verdict_on(change).unwrap_err().to_string();
        assert_eq!(
            name(|m| m.metric = "\u{1b}[2J".into()),
            "metric '\u{fffd}[2J' was not declared"
        );
        let long = name(|m| m.column = Some("\n".repeat(1_000_000)));
        assert_eq!(
            long,
            format!(
                "metric 'share' is about column '{}…', which the window does not have",
                " ".repeat(NAME_BYTES_MAX)
            )
        );
    }

    #[test]
    fn details_have_one_budget_together() {
        let detail = format!("{{\"a\":\"{}\"}}", "x".repeat(DETAIL_BYTES_MAX - 8));
        let most = DETAILS_BYTES_MAX / DETAIL_BYTES_MAX;
        let answer = |count: usize| {
            let (mut descriptor, columns) = (descriptor(), [("age".to_owned(), 10)].into());
            descriptor.metrics = (0..count)
                .map(|at| Metric {
                    name: format!("m{at}"),
                    ..descriptor.metrics[0].clone()
                })
                .collect();
            let raw = |at| Raw {
                measurement: Measurement {
                    metric: format!("m{at}"),
                    ..measurement()
                },
                detail: Some(detail.clone()),
            };
            let expected = Expected {
                descriptor: &descriptor,
                columns: &columns,
                current_rows: 12,
                reference_rows: Some(20),
                measurements_max: 10_000,
            };
            check((0..count).map(raw), &expected).map(|all| all.len())
        };
        assert_eq!(answer(most), Ok(most));
        assert_eq!(
            answer(most + 1),
            Err(Violation::TooMuchDetail {
                limit: DETAILS_BYTES_MAX
            })
        );
    }

    #[test]
    fn a_detail_is_a_json_object_of_bounded_length() {
        let with = |detail: String| {
            check_all(vec![Raw {
                measurement: measurement(),
                detail: Some(detail),
            }])
            .map(|_| ())
        };
        let longest = format!("{{\"a\":\"{}\"}}", "x".repeat(DETAIL_BYTES_MAX - 8));
        assert_eq!(longest.len(), DETAIL_BYTES_MAX);
        assert_eq!(with(longest.clone()), Ok(()));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(2_000), "]".repeat(2_000));
        for wrong in [longest + " ", "[1]".into(), "{".into(), deep] {
            assert!(matches!(with(wrong), Err(Violation::Detail { .. })));
        }
    }
}
