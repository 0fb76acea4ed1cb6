//! The whole report as one JSON document, the outcome in front.

use serde::Serialize;

use crate::check::report::{Outcome, Report};

#[derive(Serialize)]
struct Document<'a> {
    outcome: Outcome,
    #[serde(flatten)]
    report: &'a Report,
}

/// Pretty, fields in the order of their declaration, numbers so that they read back to the last bit.
/// JSON has no NaN: a number that is not finite would be `null`.
pub(super) fn render(report: &Report) -> String {
    let document = Document {
        outcome: report.outcome(),
        report,
    };
    let mut text = serde_json::to_string_pretty(&document)
        .expect("a report has text for keys and writes no error");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_outcome_stands_first_and_fields_keep_their_order() {
        let text = render(&sample::report());
        assert!(
            text.starts_with(
                "{\n  \"outcome\": \"drifted\",\n  \"model\": {\n    \"id\": \"flights\","
            ),
            "{text}"
        );
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        for field in [
            "reference",
            "current",
            "evaluations",
            "chunks",
            "columns",
            "notes",
            "leeway",
        ] {
            assert!(read.get(field).is_some(), "{field}");
        }
        assert_eq!(render(&sample::report()), text);
    }

    #[test]
    fn extreme_numbers_read_back_to_the_last_bit() {
        let mut report = sample::report();
        report.evaluations[0].measurements[0].value = 1e300;
        report.evaluations[0].measurements[0].p_value = Some(1e-320);
        let read: serde_json::Value = serde_json::from_str(&render(&report)).unwrap();
        let one = &read["evaluations"][0]["measurements"][0];
        assert_eq!(
            (one["value"].as_f64(), one["p_value"].as_f64()),
            (Some(1e300), Some(1e-320))
        );
    }

    #[test]
    fn numbers_that_are_not_finite_become_null() {
        let mut report = sample::report();
        report.evaluations[0].measurements[0].value = f64::NAN;
        let read: serde_json::Value = serde_json::from_str(&render(&report)).unwrap();
        assert!(read["evaluations"][0]["measurements"][0]["value"].is_null());
    }

    #[test]
    fn hostile_names_stay_inside_their_string() {
        let mut report = sample::empty();
        report.model.id = "\"},\n<script>\u{1b}".into();
        let read: serde_json::Value = serde_json::from_str(&render(&report)).unwrap();
        assert_eq!(read["model"]["id"], "\"},\n<script>\u{1b}");
    }
}
