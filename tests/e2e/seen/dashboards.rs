//! The dashboards as files: what Grafana's own types allow, with links that lead somewhere, and their queries.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::repository;

/// Somebody's query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// Where it stands.
    pub(super) place: String,
    pub(super) text: String,
    pub(super) of: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// `PromQL`: its value now.
    Instant,
    /// `PromQL`: its values over the time shown.
    Range,
    Sql,
}

/// A dashboard: its file and what is in it.
pub(super) fn all() -> Vec<(String, Value)> {
    let folder = repository().join("dashboards");
    let mut found: Vec<(String, Value)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// Every query of a dashboard: of its panels, variables and annotations.
pub(super) fn questions(dashboard: &Value) -> Vec<Question> {
    let title = text(dashboard, "title");
    let mut questions = Vec::new();
    let mut ask = |place: &str, of, text: &str| {
        questions.push(Question {
            place: format!("{title}: {place}"),
            text: text.to_owned(),
            of,
        });
    };
    for panel in list(dashboard, "panels") {
        for target in list(panel, "targets") {
            let place = text(panel, "title");
            match (target["rawSql"].as_str(), target["instant"].as_bool()) {
                (Some(sql), _) => ask(place, Language::Sql, sql),
                (None, Some(true)) => ask(place, Language::Instant, text(target, "expr")),
                (None, _) => ask(place, Language::Range, text(target, "expr")),
            }
        }
    }
    for variable in list(&dashboard["templating"], "list") {
        let place = format!("variable {}", text(variable, "name"));
        match variable["query"].as_str() {
            Some(sql) => ask(&place, Language::Sql, sql),
            None => ask(
                &place,
                Language::Instant,
                &of_label_values(text(&variable["query"], "query")),
            ),
        }
    }
    for annotation in list(&dashboard["annotations"], "list") {
        let place = format!("annotation {}", text(annotation, "name"));
        ask(&place, Language::Range, text(annotation, "expr"));
    }
    questions
}

/// `label_values(series, label)` as an expression that has a result where the variable has a value.
fn of_label_values(query: &str) -> String {
    let inside = query.strip_prefix("label_values(").unwrap();
    let (series, label) = inside.strip_suffix(')').unwrap().rsplit_once(", ").unwrap();
    format!("count by ({label}) ({series}) > 0")
}

#[test]
fn every_dashboard_is_what_grafana_takes() {
    let schema = repository().join("tests/grafana/dashboard.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let dashboards = all();
    let files: Vec<&str> = dashboards.iter().map(|(file, _)| file.as_str()).collect();
    let expected = [
        "detectors.json",
        "history.json",
        "model.json",
        "overall.json",
        "service.json",
    ];
    assert_eq!(files, expected);
    for (file, dashboard) in &dashboards {
        let errors: Vec<String> = schema
            .iter_errors(dashboard)
            .map(|error| format!("{file} at {}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }

    // The schema is strict: a key too many, a wrong type and a unit that is none are found.
    let good = &dashboards[4].1;
    for (pointer, wrong) in [
        ("/panels/0/options", json!({"shwLegend": true})),
        ("/panels/0/targets/0/expr", json!(7)),
        ("/panels/8/fieldConfig/defaults/unit", json!("furlongs")),
        ("/schemaVersion", json!("39")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = wrong;
        assert!(!schema.is_valid(&bad), "{pointer}");
    }
}

#[test]
fn dashboards_lead_to_each_other_and_explain_themselves() {
    let dashboards = all();
    let uids: BTreeSet<&str> = dashboards.iter().map(|(_, it)| text(it, "uid")).collect();
    assert_eq!(uids.len(), dashboards.len());
    for (file, dashboard) in &dashboards {
        assert!(
            dashboard.get("__inputs").is_none() && dashboard.get("__requires").is_none(),
            "{file} was exported to be shared"
        );
        assert!(!text(dashboard, "description").is_empty(), "{file}");
        assert_eq!(dashboard["links"][0]["tags"], json!(["leeway"]), "{file}");
        assert_eq!(dashboard["tags"], json!(["leeway"]), "{file}");
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in list(dashboard, "panels") {
            let title = text(panel, "title");
            assert!(
                !title.is_empty() && ids.insert(panel["id"].as_i64()),
                "{file}: {title}"
            );
            let place = |name: &str| panel["gridPos"][name].as_i64().unwrap();
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(
                        x < 24 && taken.insert((x, y)),
                        "{file}: {title} lies on another"
                    );
                }
            }
            if panel["type"] != "row" {
                assert!(text(panel, "description").ends_with('.'), "{file}: {title}");
            }
        }
        let everything = dashboard.to_string();
        for leads in everything.split("/d/").skip(1) {
            let end = leads.find(['?', '"', '/']).unwrap();
            assert!(uids.contains(&leads[..end]), "{file}: /d/{}", &leads[..end]);
        }
    }
    let rules = std::fs::read_to_string(repository().join("config/alert.rules.yml")).unwrap();
    for leads in rules.split("/d/").skip(1) {
        let end = leads.find(|c: char| c != '-' && !c.is_ascii_alphanumeric());
        assert!(uids.contains(&leads[..end.unwrap()]), "{leads:.30}");
    }
}

#[test]
fn a_variable_is_a_question_too() {
    assert_eq!(
        of_label_values("label_values(up{a=\"b, c\"}, instance)"),
        "count by (instance) (up{a=\"b, c\"}) > 0"
    );
    let questions: Vec<Question> = all().iter().flat_map(|(_, it)| questions(it)).collect();
    for of in [Language::Instant, Language::Range, Language::Sql] {
        assert!(
            questions.iter().filter(|one| one.of == of).count() > 8,
            "{of:?}"
        );
    }
}
