//! The whole window's measurements as gauges, in the text exposition format 0.0.4.
//!
//! A metric `ks` of a detector of data drift becomes the family `<prefix>_data_drift_ks` with the
//! labels `model_id`, `detector` and, where it is about one, `column`. Beside it stand:
//!
//! | suffix | value |
//! | --- | --- |
//! | `_drifted` | 1 drifted, 0 stable; absent where nothing could be judged: alert on `== 1` |
//! | `_verdict` | 1, with the verdict as the label `verdict`: alert on `{verdict=~"failed\|insufficient"}` |
//! | `_effect`, `_threshold` | as measured |
//! | `_p_value`, `_p_adjusted` | before and after correction for the columns judged together; verdicts go by the latter |
//! | `_reference_rows`, `_current_rows` | values used |
//!
//! `<prefix>_evaluation_success` is 1 for each detector that gave an answer and 0 for each that did
//! not: a detector that fails takes its series with it, and only this one stays to tell.
//!
//! Left out: chunks; changes at single rows, which would be the same series many times (their
//! number is the metric `detections`); the value where the verdict is `insufficient` or `failed`,
//! which is no measurement; a series that another one already is (two metrics may be named so that
//! a suffix of one is the other: the metric keeps the name).

use std::sync::Arc;

use crate::check::report::{Evaluation, Report};
use crate::domain::Measurement;
use crate::metrics::exposition::{BlockBuilder, Families};
use crate::metrics::{Prefix, names, series};

/// The exposition. Families come in the order of their names, each with its `HELP` and `TYPE`.
pub fn exposition(report: &Report, prefix: &Prefix) -> String {
    let families = Families::default();
    let mut builder = BlockBuilder::new(&families);
    let measured = || {
        report.evaluations.iter().flat_map(|evaluation| {
            let all = evaluation.measurements.iter();
            all.map(move |one| (evaluation, one))
        })
    };
    for (evaluation, one) in measured() {
        let labels = labels(report, evaluation, Some(one));
        series::add_value(&mut builder, prefix, evaluation.kind, &labels, one, &[]);
    }
    for (evaluation, one) in measured() {
        let labels = labels(report, evaluation, Some(one));
        series::add_around(&mut builder, prefix, evaluation.kind, &labels, one);
    }
    for evaluation in &report.evaluations {
        let labels = builder.labels(&labels(report, evaluation, None));
        let name = names::EVALUATION_SUCCESS;
        builder.add(
            &format!("{}_{}", prefix.as_str(), name.name),
            || name.help.to_owned(),
            labels,
            f64::from(u8::from(evaluation.error.is_none())),
        );
    }
    // A report is bounded by its files.
    let block = builder.finish(usize::MAX);
    let mut text = String::new();
    families.write(&[Arc::new(block)], &mut text);
    text
}

fn labels<'a>(
    report: &'a Report,
    evaluation: &'a Evaluation,
    one: Option<&'a Measurement>,
) -> Vec<(&'static str, &'a str)> {
    let mut labels = vec![
        ("model_id", report.model.id.as_str()),
        ("detector", evaluation.detector.as_str()),
    ];
    let column = one.and_then(|one| one.column.as_deref());
    labels.extend(column.map(|column| ("column", column)));
    labels
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::sample;
    use super::*;
    use crate::domain::Verdict;

    #[test]
    fn a_measurement_is_a_family_each_for_its_numbers() {
        let mut report = sample::empty();
        report.model.id = "a\\b\"c\nd".into();
        let failed = Evaluation {
            error: Some("trap".into()),
            ..sample::evaluation("prior-drift@0.1.0", Vec::new())
        };
        let measurements = vec![
            sample::drifted("age", 0.25, 1e-320),
            sample::unjudged("size", Verdict::Insufficient),
        ];
        report.evaluations = vec![sample::evaluation("data-drift@0.1.0", measurements), failed];
        let expected = r#"# HELP m_data_drift_ks Data drift: the metric ks of the current window against the reference window.
# TYPE m_data_drift_ks gauge
m_data_drift_ks{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="age"} 0.25
# HELP m_data_drift_ks_current_rows Values of the current window that ks used.
# TYPE m_data_drift_ks_current_rows gauge
m_data_drift_ks_current_rows{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="age"} 28293
m_data_drift_ks_current_rows{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="size"} 28293
# HELP m_data_drift_ks_drifted Whether ks says drift: 1 drifted, 0 stable, absent where nothing could be judged.
# TYPE m_data_drift_ks_drifted gauge
m_data_drift_ks_drifted{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="age"} 1
# HELP m_data_drift_ks_effect Size of the change that ks found, on a scale that does not grow with the rows.
# TYPE m_data_drift_ks_effect gauge
m_data_drift_ks_effect{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="age"} 0.25
# HELP m_data_drift_ks_p_adjusted Probability of a ks this large without drift, corrected for the columns judged together.
# TYPE m_data_drift_ks_p_adjusted gauge
m_data_drift_ks_p_adjusted{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="age"} 1e-320
# HELP m_data_drift_ks_p_value Probability of a ks this large without drift, before correction.
# TYPE m_data_drift_ks_p_value gauge
m_data_drift_ks_p_value{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="age"} 1e-320
# HELP m_data_drift_ks_reference_rows Values of the reference window that ks used.
# TYPE m_data_drift_ks_reference_rows gauge
m_data_drift_ks_reference_rows{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="age"} 27902
m_data_drift_ks_reference_rows{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="size"} 27902
# HELP m_data_drift_ks_threshold Beyond this ks is drift.
# TYPE m_data_drift_ks_threshold gauge
m_data_drift_ks_threshold{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="age"} 0.05
# HELP m_data_drift_ks_verdict Always 1: what ks says is the label verdict.
# TYPE m_data_drift_ks_verdict gauge
m_data_drift_ks_verdict{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="age",verdict="drifted"} 1
m_data_drift_ks_verdict{model_id="a\\b\"c\nd",detector="data-drift@0.1.0",column="size",verdict="insufficient"} 1
# HELP m_evaluation_success Whether the detector gave an answer: 1 yes, 0 no.
# TYPE m_evaluation_success gauge
m_evaluation_success{model_id="a\\b\"c\nd",detector="data-drift@0.1.0"} 1
m_evaluation_success{model_id="a\\b\"c\nd",detector="prior-drift@0.1.0"} 0
"#;
        assert_eq!(exposition(&report, &Prefix::new("m").unwrap()), expected);
    }

    #[test]
    fn changes_at_rows_are_left_out_and_their_number_is_not() {
        let text = exposition(&sample::report(), &Prefix::default());
        assert!(!text.contains("_concept_drift_change"));
        assert!(text.contains("drift_monitoring_api_model_concept_drift_detections{model_id=\"flights\",detector=\"adwin@0.1.0\",column=\"error\"} 1\n"));
    }

    #[test]
    fn families_are_contiguous_and_no_series_stands_twice() {
        let mut report = sample::chunked();
        // A detector asked for twice, and a metric named like the suffix of another.
        report.evaluations.push(report.evaluations[0].clone());
        report.evaluations[0].measurements[0].metric = "missing_threshold".into();
        let text = exposition(&report, &Prefix::default());
        let mut families = BTreeSet::new();
        let mut series = BTreeSet::new();
        let mut family = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                family = rest.strip_suffix(" gauge").unwrap();
                assert!(families.insert(family), "{family} stands twice");
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(series.insert(name), "{name} stands twice");
                assert!(
                    name.starts_with(&format!("{family}{{")),
                    "{name} is not of {family}"
                );
                assert!(value.parse::<f64>().unwrap().is_finite());
            }
        }
        assert!(series.contains("drift_monitoring_api_model_evaluation_success{model_id=\"flights\",detector=\"adwin@0.1.0\"}"));
    }

    #[test]
    fn hostile_names_stay_inside_their_label() {
        let text = exposition(&sample::hostile(), &Prefix::default());
        assert!(
            text.contains("column=\"temperature<script>alert(\\\"1\\\")</script>'&"),
            "{text}"
        );
        assert!(
            text.lines()
                .all(|line| line.starts_with("# ")
                    || line.starts_with("drift_monitoring_api_model_"))
        );
    }

    #[test]
    fn an_empty_report_is_empty() {
        assert_eq!(exposition(&sample::empty(), &Prefix::default()), "");
    }
}
