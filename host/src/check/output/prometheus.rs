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

use super::text::append;
use std::collections::{BTreeMap, BTreeSet};

use super::number::exact;
use super::severity::is_judged;
use crate::check::report::{Evaluation, Report};
use crate::domain::{DriftKind, Measurement, Verdict};

/// What the name of every family starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

/// Why text is no prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' does not start a metric's name: letters, digits and underscores, no digit first")]
pub struct PrefixError(String);

impl Prefix {
    /// Letters, digits and underscores, no digit first. Colons are left to recording rules.
    ///
    /// # Errors
    /// [`PrefixError`] for anything else.
    pub fn new(text: &str) -> Result<Self, PrefixError> {
        let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fits && text.bytes().next().is_some_and(|b| !b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PrefixError(text.to_owned()))
        }
    }
}

impl Default for Prefix {
    /// That of the service, so that one dashboard shows both.
    fn default() -> Self {
        Self("drift_monitoring_api_model".to_owned())
    }
}

/// The exposition. Families come in the order of their names, each with its `HELP` and `TYPE`.
pub fn exposition(report: &Report, prefix: &Prefix) -> String {
    let mut families = Families::default();
    let measured = || {
        report.evaluations.iter().flat_map(|evaluation| {
            let whole = evaluation
                .measurements
                .iter()
                .filter(|one| one.row.is_none());
            whole.map(move |one| (evaluation, one))
        })
    };
    for (evaluation, one) in measured() {
        if !matches!(one.verdict, Verdict::Insufficient | Verdict::Failed) {
            let name = family(prefix, evaluation.kind, one);
            let help = format!(
                "{} drift: the metric {} of the current window against the reference window.",
                capital(evaluation.kind),
                one.metric
            );
            families.add(&name, &help, labels(report, evaluation, one), one.value);
        }
    }
    for (evaluation, one) in measured() {
        let (name, metric) = (family(prefix, evaluation.kind, one), &one.metric);
        let labels = labels(report, evaluation, one);
        for (suffix, help, value) in around(one) {
            if let Some(value) = value {
                families.add(
                    &format!("{name}_{suffix}"),
                    &help.replace("{}", metric),
                    labels.clone(),
                    value,
                );
            }
        }
        let labels = [labels, label("verdict", &one.verdict.to_string())].join(",");
        families.add(
            &format!("{name}_verdict"),
            &format!("Always 1: what {metric} says is the label verdict."),
            labels,
            1.0,
        );
    }
    for evaluation in &report.evaluations {
        let labels = [
            label("model_id", &report.model.id),
            label("detector", &evaluation.detector),
        ]
        .join(",");
        let help = "Whether the detector gave an answer: 1 yes, 0 no.";
        families.add(
            &format!("{}_evaluation_success", prefix.0),
            help,
            labels,
            f64::from(u8::from(evaluation.error.is_none())),
        );
    }
    families.write()
}

/// The numbers beside the value: suffix, help, and the number where there is one.
fn around(one: &Measurement) -> [(&'static str, &'static str, Option<f64>); 7] {
    let drifted =
        is_judged(one.verdict).then(|| f64::from(u8::from(one.verdict == Verdict::Drifted)));
    [
        (
            "drifted",
            "Whether {} says drift: 1 drifted, 0 stable, absent where nothing could be judged.",
            drifted,
        ),
        (
            "effect",
            "Size of the change that {} found, on a scale that does not grow with the rows.",
            one.effect,
        ),
        (
            "p_value",
            "Probability of a {} this large without drift, before correction.",
            one.p_value,
        ),
        (
            "p_adjusted",
            "Probability of a {} this large without drift, corrected for the columns judged together.",
            one.p_adjusted,
        ),
        ("threshold", "Beyond this {} is drift.", one.threshold),
        (
            "reference_rows",
            "Values of the reference window that {} used.",
            Some(one.reference_rows as f64),
        ),
        (
            "current_rows",
            "Values of the current window that {} used.",
            Some(one.current_rows as f64),
        ),
    ]
}

/// Families by name, their series in the order in which they were added.
#[derive(Default)]
struct Families {
    by_name: BTreeMap<String, Family>,
}

#[derive(Default)]
struct Family {
    help: String,
    seen: BTreeSet<String>,
    lines: String,
}

impl Families {
    /// Adds a series unless it is there, or the number is none that may be shown.
    fn add(&mut self, name: &str, help: &str, labels: String, value: f64) {
        if !value.is_finite() {
            return;
        }
        let family = self.by_name.entry(name.to_owned()).or_default();
        if family.help.is_empty() {
            help.clone_into(&mut family.help);
        }
        if !family.seen.contains(&labels) {
            append!(family.lines, "{name}{{{labels}}} {}\n", exact(value));
            family.seen.insert(labels);
        }
    }

    fn write(self) -> String {
        let mut text = String::new();
        for (name, Family { help, lines, .. }) in self.by_name {
            let help = help.replace('\\', "\\\\").replace('\n', "\\n");
            append!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{lines}");
        }
        text
    }
}

fn family(prefix: &Prefix, kind: DriftKind, one: &Measurement) -> String {
    // A detector's metrics are checked when it is loaded; this holds whatever happens there.
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    };
    let metric: String = one.metric.chars().map(allowed).collect();
    format!("{}_{kind}_drift_{metric}", prefix.0)
}

fn labels(report: &Report, evaluation: &Evaluation, one: &Measurement) -> String {
    let mut labels = vec![
        label("model_id", &report.model.id),
        label("detector", &evaluation.detector),
    ];
    labels.extend(one.column.as_ref().map(|column| label("column", column)));
    labels.join(",")
}

fn label(name: &str, value: &str) -> String {
    let value = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

fn capital(kind: DriftKind) -> &'static str {
    match kind {
        DriftKind::Data => "Data",
        DriftKind::Prior => "Prior",
        DriftKind::Concept => "Concept",
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

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

    #[test]
    fn a_prefix_starts_a_name() {
        assert!(Prefix::new("leeway_2").is_ok() && Prefix::new("_").is_ok());
        for text in ["", "2x", "a-b", "a b", "a:b", "é"] {
            assert_eq!(Prefix::new(text), Err(PrefixError(text.into())));
        }
    }
}
