//! docker-compose.yml: files, variables, commands, ports, volumes and networks exist, and the old ports are open to this machine alone.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{program, words, yaml};
use crate::harness::repository;

fn compose() -> Value {
    yaml(&repository().join("docker-compose.yml")).remove(0)
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().unwrap().iter()
}

/// What is defined of a kind: volumes, networks.
fn names<'c>(compose: &'c Value, what: &str) -> BTreeSet<&'c str> {
    let all = compose[what].as_object().unwrap();
    all.keys().map(String::as_str).collect()
}

#[test]
fn every_file_volume_network_and_service_that_is_named_exists() {
    let compose = compose();
    let mut used = BTreeSet::new();
    for (name, service) in services(&compose) {
        for volume in words(&service["volumes"]) {
            let source = volume.split(':').next().unwrap();
            if let Some(path) = source.strip_prefix("./") {
                assert!(repository().join(path).exists(), "{name}: {source}");
                assert!(volume.ends_with(":ro"), "{name}: {volume}");
            } else {
                assert!(
                    names(&compose, "volumes").contains(source),
                    "{name}: {source}"
                );
                used.insert(source);
            }
        }
        for network in words(&service["networks"]) {
            assert!(
                names(&compose, "networks").contains(network),
                "{name}: {network}"
            );
        }
        let needed: Vec<&str> = match &service["depends_on"] {
            Value::Object(needed) => needed.keys().map(String::as_str).collect(),
            list => words(list),
        };
        for other in needed {
            let there = &compose["services"][other];
            assert!(there.is_object(), "{name}: {other}");
            let conditional = service["depends_on"].is_object();
            assert!(
                !conditional || there["healthcheck"].is_object(),
                "{other} has no health"
            );
        }
        assert!(
            service["healthcheck"].is_object() || name == "example",
            "{name}"
        );
    }
    assert_eq!(
        used,
        names(&compose, "volumes"),
        "a volume that nobody uses"
    );
    // The database is reached by those who need it, and by nobody from outside.
    assert_eq!(compose["networks"]["back"]["internal"], true);
    assert!(compose["services"]["postgres"]["ports"].is_null());
    assert_eq!(
        words(&compose["services"]["postgres"]["networks"]),
        ["back"]
    );
}

#[test]
fn the_old_ports_are_open_to_this_machine_alone() {
    let compose = compose();
    let ports: BTreeSet<(&str, &str)> = services(&compose)
        .flat_map(|(name, service)| {
            words(&service["ports"])
                .into_iter()
                .map(move |port| (name.as_str(), port))
        })
        .collect();
    let expected = [
        ("grafana", "127.0.0.1:3000:3000"),
        ("leeway", "127.0.0.1:5000:5000"),
        ("model-api", "127.0.0.1:8000:8000"),
        ("prometheus", "127.0.0.1:9090:9090"),
    ];
    assert_eq!(ports, BTreeSet::from(expected));
    let scraped = &yaml(&repository().join("config/prometheus.yml"))[0]["scrape_configs"];
    assert_eq!(
        words(&scraped[0]["static_configs"][0]["targets"]),
        ["leeway:5000"]
    );
    assert_eq!(scraped[0]["job_name"], "leeway");
}

#[test]
fn ours_run_on_a_read_only_system_with_commands_and_variables_of_the_program() {
    let compose = compose();
    let known = program::variables();
    let mut ours = 0;
    for (name, service) in services(&compose) {
        if name != "postgres" {
            assert_eq!(service["read_only"], true, "{name}");
            assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        }
        if service["image"] != "leeway:0.1.0" {
            continue;
        }
        ours += 1;
        for variable in service["environment"].as_object().unwrap().keys() {
            // Those of the healthcheck and of the small script that prepares the example are our own.
            let own = ["HEALTH_PORT", "DRIFT", "CLIENTS"].contains(&variable.as_str());
            assert!(own || known.contains(variable), "{name}: {variable}");
        }
        let command = words(&service["command"]);
        if service["entrypoint"].is_array() {
            for line in command[0].split(';') {
                let mut words: Vec<&str> = line.split_whitespace().collect();
                words.retain(|word| *word != "exec" && *word != "leeway");
                program::takes(&words);
            }
        } else if !command.is_empty() {
            program::takes(&command);
        }
    }
    assert_eq!(ours, 3);
    let text = std::fs::read_to_string(repository().join("docker-compose.yml")).unwrap();
    for used in text.split("${").skip(1) {
        let inside = used.split('}').next().unwrap();
        assert!(
            inside.starts_with("LEEWAY_") && inside.contains(":-"),
            "{inside} has no default"
        );
    }
}

/// The variables that Grafana puts into its provisioning files are all set.
#[test]
fn grafana_gets_what_its_provisioning_asks_for() {
    let compose = compose();
    let given = compose["services"]["grafana"]["environment"]
        .as_object()
        .unwrap();
    let folder = repository().join("dashboards/provisioning");
    let sources = std::fs::read_to_string(folder.join("datasources/leeway.yml")).unwrap();
    let mut asked = 0;
    for variable in sources.split("$LEEWAY_").skip(1) {
        let end = variable
            .find(|c: char| !c.is_ascii_uppercase() && c != '_')
            .unwrap();
        let variable = format!("LEEWAY_{}", &variable[..end]);
        assert!(given.contains_key(&variable), "{variable}");
        asked += 1;
    }
    assert_eq!(asked, 4);
    let providers = &yaml(&folder.join("dashboards/leeway.yml"))[0]["providers"];
    let path = providers[0]["options"]["path"].as_str().unwrap();
    let mounted = words(&compose["services"]["grafana"]["volumes"]);
    assert!(
        mounted.contains(&format!("./dashboards:{path}:ro").as_str()),
        "{mounted:?}"
    );
    assert_eq!(
        given["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"],
        format!("{path}/overall.json")
    );
}
