//! What is on the page, and what is not.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::ThresholdKind;

const ROLES: [(&str, Role); 8] = [
    ("age", Role::Feature),
    ("prediction", Role::Prediction),
    ("probability", Role::Probability),
    ("label", Role::Label),
    ("error", Role::Error),
    ("brier", Role::Brier),
    ("residual", Role::Residual),
    ("absolute_residual", Role::AbsoluteResidual),
];

fn measurement(metric: &str, column: Option<&str>, value: f64, verdict: Verdict) -> Measurement {
    Measurement {
        metric: metric.into(),
        column: column.map(Into::into),
        value,
        effect: Some(value / 2.0),
        p_value: Some(1e-9),
        p_adjusted: Some(2e-9),
        threshold: Some(0.05),
        threshold_kind: Some(ThresholdKind::Floor),
        reference_rows: 6_000,
        current_rows: 5_000,
        missing_share: 0.0,
        unseen_share: 0.0,
        verdict,
        row: None,
        detail: None,
        segment: None,
        began: None,
    }
}

fn latest<'a>(model: &'a str, monitor: &'a str, measurements: &'a [Measurement]) -> Latest<'a> {
    Latest {
        model_id: model,
        monitor,
        detector: "ours@1.0.0",
        kind: DriftKind::Data,
        outcome: Answer::Given,
        evaluated_at: Timestamp::from_millisecond(1_363_000_000_500).unwrap(),
        reference_rows: 6_000,
        current_rows: 5_000,
        labelled_rows: 4_000,
        roles: &ROLES,
        measurements,
        helps: &[],
        shadow: false,
    }
}

fn results(series_max: usize) -> Results {
    Results::new(Prefix::new("m").unwrap(), series_max)
}

fn page(results: &Results) -> String {
    let mut page = String::new();
    results.write(&mut page);
    page
}

/// Series of a page: names with labels, without values. Fails where `promtool check metrics` would.
fn series(page: &str) -> BTreeSet<&str> {
    let (mut families, mut series, mut family) = (BTreeSet::new(), BTreeSet::new(), "");
    let mut helped = "";
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            helped = rest.split_once(' ').expect("a help text").0;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.strip_suffix(" gauge").unwrap();
            assert_eq!(helped, family, "help stands before the type");
            assert!(families.insert(family), "{family} stands twice");
            let colon = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            assert!(family.bytes().all(colon) && !family.as_bytes()[0].is_ascii_digit());
            assert!(!family.ends_with("_total") && !family.ends_with("_count"));
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(series.insert(name), "{name} stands twice");
            assert!(name.starts_with(&format!("{family}{{")) && name.ends_with('}'));
            assert!(value.parse::<f64>().unwrap().is_finite());
        }
    }
    series
}

#[test]
fn one_monitor_shows_everything_it_measured() {
    let results = results(1_000);
    let measurements = [
        measurement("ks", Some("age"), 0.25, Verdict::Drifted),
        measurement("wasserstein", Some("age"), 3.5, Verdict::Stable),
        measurement("drifted_share", None, 1.0, Verdict::Drifted),
        Measurement {
            row: Some(7),
            ..measurement("change", Some("age"), 1.0, Verdict::Drifted)
        },
    ];
    results.set(&latest("flights", "data-drift", &measurements));
    results.set_labels("flights", 0.75, Some(120.5));
    let page = page(&results);
    insta::assert_snapshot!(page);
    assert_eq!(series(&page).len(), results.exposed());
}

#[test]
fn the_python_services_names_come_from_the_roles_of_the_columns() {
    let results = results(10_000);
    let mut measurements = Vec::new();
    for (column, _) in ROLES {
        measurements.push(measurement(
            "wasserstein",
            Some(column),
            2.0,
            Verdict::Stable,
        ));
        measurements.push(measurement("ks", Some(column), 0.5, Verdict::Drifted));
        measurements.push(measurement("psi", Some(column), 0.9, Verdict::Stable));
    }
    measurements.push(measurement("ks", Some("of no role"), 0.5, Verdict::Drifted));
    results.set(&latest("m", "any", &measurements));
    let page = page(&results);
    series(&page);
    let cases = [
        ("data", "age"),
        ("prediction", "prediction"),
        ("prediction_prob", "probability"),
        ("prior", "label"),
        ("concept", "error"),
        ("concept", "brier"),
        ("concept", "residual"),
        ("concept", "absolute_residual"),
    ];
    for (subject, column) in cases {
        let labels = format!(
            "{{model_id=\"m\",monitor=\"any\",detector=\"ours@1.0.0\",column=\"{column}\"}}"
        );
        for (end, value) in [
            ("drift", "0.5"),
            ("drift_p_value", "1e-9"),
            ("drift_threshold", "0.05"),
            ("drift_drifted", "1"),
            ("emd", "2"),
            ("emd_drifted", "0"),
        ] {
            let line = format!("\nm_{subject}_{end}{labels} {value}\n");
            assert!(page.contains(&line), "{line}");
        }
    }
    assert!(!page.contains(
        "m_data_drift{model_id=\"m\",monitor=\"any\",detector=\"ours@1.0.0\",column=\"of no role\""
    ));
}

#[test]
fn a_band_stands_beside_the_value_that_it_is_around() {
    let results = results(1_000);
    let ends = |verdict, detail| {
        let mut one = measurement("estimated_accuracy", None, 0.8, verdict);
        one.detail = Some(detail);
        results.set(&latest("m", "performance", &[one]));
        let page = page(&results);
        ["lower", "upper"].map(|end| {
            let name = format!("m_data_drift_estimated_accuracy_{end}{{");
            let line = page.lines().find(|line| line.starts_with(&name));
            line.map(|line| line.rsplit_once(' ').unwrap().1.to_owned())
        })
    };
    let band = json!({"lower": 0.75, "upper": 0.85});

    let found = ends(Verdict::Stable, band.clone());

    assert_eq!(found, [Some("0.75".to_owned()), Some("0.85".to_owned())]);
    for (verdict, detail) in [
        (Verdict::Insufficient, band.clone()),
        (Verdict::Failed, band),
        (Verdict::Stable, json!({"lower": "low", "upper": null})),
        (Verdict::Stable, json!("lower")),
    ] {
        assert_eq!(ends(verdict, detail), [None, None]);
    }
}

#[test]
fn what_could_not_be_judged_has_a_verdict_and_no_value() {
    let results = results(1_000);
    for verdict in [Verdict::Insufficient, Verdict::Failed] {
        let measurements = [measurement("ks", Some("age"), 0.25, verdict)];
        results.set(&latest("m", "data-drift", &measurements));
        let page = page(&results);
        assert!(page.contains(&format!("column=\"age\",verdict=\"{verdict}\"}} 1\n")));
        let absent = ["m_data_drift_ks{", "_drifted{", "m_data_drift{"];
        assert!(absent.iter().all(|name| !page.contains(name)), "{page}");
    }
}

#[test]
fn a_failed_evaluation_takes_its_series_with_it_and_says_so() {
    let results = results(1_000);
    let measurements = [measurement("ks", Some("age"), 0.25, Verdict::Drifted)];
    results.set(&latest("m", "data-drift", &measurements));
    assert!(page(&results).contains("m_drifted{model_id=\"m\",kind=\"data\"} 1\n"));
    results.set(&Latest {
        outcome: Answer::Failed,
        ..latest("m", "data-drift", &[])
    });
    let page = page(&results);
    assert!(page.contains(
        "m_evaluation_success{model_id=\"m\",monitor=\"data-drift\",detector=\"ours@1.0.0\"} 0\n"
    ));
    assert!(!page.contains("m_drifted") && !page.contains("_ks"));
}

#[test]
fn a_model_has_drifted_where_any_monitor_of_the_kind_says_so() {
    let results = results(1_000);
    let stable = [measurement("ks", Some("age"), 0.01, Verdict::Stable)];
    let drifted = [measurement("ks", Some("age"), 0.25, Verdict::Drifted)];
    let line =
        |kind: &str, value: u8| format!("m_drifted{{model_id=\"m\",kind=\"{kind}\"}} {value}\n");
    results.set(&latest("m", "one", &stable));
    assert!(page(&results).contains(&line("data", 0)));
    results.set(&latest("m", "two", &drifted));
    results.set(&Latest {
        kind: DriftKind::Concept,
        ..latest("m", "three", &stable)
    });
    assert!(page(&results).contains(&(line("data", 1) + &line("concept", 0))));
    results.remove_monitor("m", "two");
    assert!(page(&results).contains(&line("data", 0)));
}

#[test]
fn series_vanish_with_their_monitor_and_their_model() {
    let results = results(1_000);
    let measurements = [measurement("ks", Some("age"), 0.25, Verdict::Drifted)];
    for (model, monitor) in [("a", "x"), ("a", "y"), ("b", "x")] {
        results.set(&latest(model, monitor, &measurements));
    }
    results.set_labels("a", 0.5, None);
    results.remove_monitor("a", "x");
    let text = page(&results);
    assert!(
        !text.contains("model_id=\"a\",monitor=\"x\"")
            && text.contains("model_id=\"a\",monitor=\"y\"")
    );
    results.remove_model("a");
    let text = page(&results);
    assert!(!text.contains("model_id=\"a\"") && text.contains("model_id=\"b\",monitor=\"x\""));
    results.remove_model("b");
    results.remove_model("b");
    results.remove_monitor("b", "x");
    assert_eq!(
        (
            page(&results).as_str(),
            results.exposed(),
            results.dropped()
        ),
        ("", 0, 0)
    );
}

/// Series of one measurement with everything, of its monitor, and of its model.
const SERIES: [usize; 3] = [13, 5, 1];

fn monitors_on(page: &str) -> BTreeSet<&str> {
    series(page)
        .into_iter()
        .filter_map(|name| Some(name.split_once("monitor=\"")?.1.split_once('"')?.0))
        .collect()
}

#[test]
fn monitors_that_appeared_last_are_left_out_whole_and_come_in_when_there_is_room() {
    let one = SERIES[0] + SERIES[1];
    let results = results(SERIES[2] + 2 * one);
    let measurements = [measurement("ks", Some("age"), 0.25, Verdict::Drifted)];
    for monitor in ["a", "b", "c"] {
        results.set(&latest("m", monitor, &measurements));
    }
    assert_eq!(monitors_on(&page(&results)), ["a", "b"].into());
    assert_eq!(results.exposed(), SERIES[2] + 2 * one);
    assert_eq!(results.dropped(), one as u64);
    // An older one grows: the youngest makes room for it, as a whole.
    let more = [
        &measurements[..],
        &[measurement("psi", Some("age"), 0.2, Verdict::Stable)],
    ]
    .concat();
    results.set(&latest("m", "a", &more));
    assert_eq!(monitors_on(&page(&results)), ["a"].into());
    assert_eq!(results.dropped(), 2 * one as u64);
    // An older one leaves: the others come in with their next evaluation, the elder first.
    results.remove_monitor("m", "a");
    results.set(&latest("m", "c", &measurements));
    results.set(&latest("m", "d", &measurements));
    results.set(&latest("m", "b", &measurements));
    assert_eq!(monitors_on(&page(&results)), ["b", "c"].into());
}

#[test]
fn a_monitor_that_is_too_large_by_itself_is_cut_and_keeps_its_values() {
    let columns: Vec<String> = (0..50).map(|n| format!("c{n}")).collect();
    let measurements: Vec<Measurement> = columns
        .iter()
        .map(|column| measurement("ks", Some(column), 0.5, Verdict::Stable))
        .collect();
    let results = results(60);
    results.set(&latest("m", "large", &measurements));
    let page = page(&results);
    assert!(results.exposed() <= 60 && results.dropped() > 0);
    assert_eq!(page.matches("m_data_drift_ks{").count(), 50);
    // A model without room for one shows none.
    let none = self::results(0);
    none.set(&latest("m", "large", &measurements));
    assert_eq!((self::page(&none).as_str(), none.exposed()), ("", 0));
}

#[test]
fn a_metric_named_like_a_suffix_keeps_its_name() {
    let results = results(1_000);
    let measurements = [
        measurement("ks", Some("age"), 0.25, Verdict::Drifted),
        measurement("ks_threshold", Some("age"), 0.75, Verdict::Stable),
        measurement("p_value", Some("age"), 0.125, Verdict::Stable),
        measurement("ks", Some("age"), 0.99, Verdict::Drifted),
    ];
    results.set(&latest("m", "x", &measurements));
    let page = page(&results);
    series(&page);
    let labels = "{model_id=\"m\",monitor=\"x\",detector=\"ours@1.0.0\",column=\"age\"}";
    for line in [
        format!("m_data_drift_ks{labels} 0.25\n"),
        format!("m_data_drift_ks_threshold{labels} 0.75\n"),
        format!("m_data_drift_p_value{labels} 0.125\n"),
    ] {
        assert!(page.contains(&line), "{line}{page}");
    }
}

#[test]
fn hostile_names_stay_inside_their_label() {
    let results = results(1_000);
    let measurements = [measurement(
        "ks",
        Some("a\"} 1\nevil{x=\"\\"),
        0.25,
        Verdict::Drifted,
    )];
    results.set(&latest("m\n\"", "x\\", &measurements));
    let page = page(&results);
    assert!(
        page.lines()
            .all(|line| line.starts_with("# ") || line.starts_with("m_"))
    );
    assert!(page.contains(r#"{model_id="m\n\"",monitor="x\\",detector="ours@1.0.0",column="a\"} 1\nevil{x=\"\\"} 0.25"#));
}

#[test]
fn reading_and_writing_at_once_never_shows_half_a_monitor() {
    let results = results(100_000);
    let columns: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
    let of = |value: f64| -> Vec<Measurement> {
        let one = |column: &String| measurement("ks", Some(column), value, Verdict::Stable);
        columns.iter().map(one).collect()
    };
    let rounds = [of(1.0), of(2.0)];
    results.set(&latest("m", "x", &rounds[0]));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..300 {
                results.set(&latest("m", "x", &rounds[round % 2]));
            }
        });
        while !writer.is_finished() {
            let page = page(&results);
            let values: BTreeSet<&str> = page
                .lines()
                .filter(|line| line.starts_with("m_data_drift_ks{"))
                .map(|line| line.rsplit_once(' ').unwrap().1)
                .collect();
            assert_eq!(values.len(), 1, "{values:?}");
        }
    });
}

#[derive(Debug, Clone)]
enum Step {
    Set(u8, u8, u8),
    Labels(u8),
    RemoveMonitor(u8, u8),
    RemoveModel(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_u8, 0..3_u8, 0..6_u8).prop_map(|(model, monitor, columns)| Step::Set(model, monitor, columns)),
        1 => (0..4_u8).prop_map(Step::Labels),
        1 => (0..4_u8, 0..3_u8).prop_map(|(model, monitor)| Step::RemoveMonitor(model, monitor)),
        1 => (0..4_u8).prop_map(Step::RemoveModel),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_page_is_valid_bounded_and_counted(
        steps in proptest::collection::vec(step(), 1..60), series_max in 0..300_usize,
    ) {
        let results = results(series_max);
        let name = |number: u8| number.to_string();
        for step in steps {
            match step {
                Step::Set(model, monitor, columns) => {
                    let columns: Vec<String> = (0..columns).map(|n| format!("c{n}")).collect();
                    let measurements: Vec<Measurement> = columns
                        .iter()
                        .map(|column| measurement("ks", Some(column), 0.5, Verdict::Stable))
                        .collect();
                    results.set(&latest(&name(model), &name(monitor), &measurements));
                }
                Step::Labels(model) => results.set_labels(&name(model), 0.5, Some(1.0)),
                Step::RemoveMonitor(model, monitor) => results.remove_monitor(&name(model), &name(monitor)),
                Step::RemoveModel(model) => results.remove_model(&name(model)),
            }
            let page = page(&results);
            prop_assert_eq!(series(&page).len(), results.exposed());
            prop_assert!(results.exposed() <= series_max);
        }
    }
}
