//! `k8s/`: kustomizations list what is there, pods ask for keys, files, paths and commands that exist, and the operator's rules are ours.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{program, words, yaml};
use crate::harness::repository;

fn folder(name: &str) -> PathBuf {
    let k8s = repository().join("k8s");
    k8s.join(name).canonicalize().unwrap()
}

/// The objects that a kustomization brings together, and those it refers to; every file that it names is read.
fn gathered(folder: &Path, objects: &mut Vec<Value>, generators: &mut Vec<Value>) {
    let kustomization = yaml(&folder.join("kustomization.yaml")).remove(0);
    let mut listed = words(&kustomization["resources"]);
    listed.extend(words(&kustomization["components"]));
    for resource in &listed {
        let path = folder.join(resource).canonicalize().unwrap();
        if path.is_dir() {
            gathered(&path, objects, generators);
        } else {
            objects.extend(yaml(&path));
        }
    }
    for patch in kustomization["patches"].as_array().into_iter().flatten() {
        if let Some(path) = patch["path"].as_str() {
            let named: Vec<(Value, Value)> = objects.iter().map(identity).collect();
            for patch in yaml(&folder.join(path)) {
                assert!(named.contains(&identity(&patch)), "{path} changes nothing");
            }
        }
    }
    for kind in ["configMapGenerator", "secretGenerator"] {
        for generator in kustomization[kind].as_array().into_iter().flatten() {
            for file in words(&generator["files"]) {
                assert!(folder.join(file).is_file(), "{}: {file}", folder.display());
            }
            generators.push(generator.clone());
        }
    }
    // Nothing lies beside a kustomization that it does not use.
    if folder.starts_with(self::folder("")) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let patched = kustomization["patches"].to_string().contains(&name);
            assert!(
                listed.contains(&name.as_str()) || patched || name == "kustomization.yaml",
                "{}: {name}",
                folder.display()
            );
        }
    }
}

fn identity(object: &Value) -> (Value, Value) {
    (object["kind"].clone(), object["metadata"]["name"].clone())
}

fn overlay(name: &str) -> (Vec<Value>, Vec<Value>) {
    let (mut objects, mut generators) = (Vec::new(), Vec::new());
    gathered(&folder(name), &mut objects, &mut generators);
    (objects, generators)
}

/// The keys that generators of a name make.
fn keys<'g>(generators: &'g [Value], name: &str) -> BTreeSet<&'g str> {
    let mut keys = BTreeSet::new();
    for generator in generators.iter().filter(|one| one["name"] == name) {
        keys.extend(
            words(&generator["literals"])
                .iter()
                .map(|pair| pair.split_once('=').unwrap().0),
        );
        keys.extend(
            words(&generator["files"])
                .iter()
                .map(|path| path.rsplit('/').next().unwrap()),
        );
    }
    keys
}

fn pods(objects: &[Value]) -> impl Iterator<Item = (&str, &Value)> {
    objects
        .iter()
        .filter(|one| one["kind"] == "Deployment" || one["kind"] == "StatefulSet")
        .map(|one| {
            (
                one["metadata"]["name"].as_str().unwrap(),
                &one["spec"]["template"]["spec"],
            )
        })
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let all = ["initContainers", "containers"];
    all.into_iter()
        .flat_map(move |kind| pod[kind].as_array().into_iter().flatten())
}

#[test]
fn pods_refer_to_what_is_made_and_may_do_nothing_special() {
    let (objects, generators) = overlay("overlays/local");
    let mut seen = BTreeSet::new();
    for (name, pod) in pods(&objects) {
        seen.insert(name);
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        let volumes: Vec<&Value> = pod["volumes"].as_array().into_iter().flatten().collect();
        for volume in &volumes {
            if let Some(map) = volume["configMap"]["name"].as_str() {
                assert!(!keys(&generators, map).is_empty(), "{name}: {map}");
            }
        }
        for container in containers(pod) {
            let context = &container["securityContext"];
            assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(words(&context["capabilities"]["drop"]), ["ALL"], "{name}");
            for variable in container["env"].as_array().into_iter().flatten() {
                let from = &variable["valueFrom"]["secretKeyRef"];
                if let Some(secret) = from["name"].as_str() {
                    let key = from["key"].as_str().unwrap();
                    assert!(
                        keys(&generators, secret).contains(key),
                        "{name}: {secret} {key}"
                    );
                }
            }
            for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                let wanted = &mount["name"];
                let there = volumes.iter().any(|volume| volume["name"] == *wanted);
                assert!(
                    there || (name == "postgres" && wanted == "data"),
                    "{name}: {wanted}"
                );
            }
        }
    }
    let expected = ["grafana", "leeway", "model-api", "postgres", "prometheus"];
    assert_eq!(seen, BTreeSet::from(expected));
}

#[test]
fn ours_run_with_commands_variables_and_paths_of_the_program() {
    let (objects, generators) = overlay("overlays/local");
    let known = program::variables();
    for key in keys(&generators, "leeway-config") {
        assert!(known.contains(key), "{key}");
    }
    let routes = std::fs::read_to_string(repository().join("docs/openapi.json")).unwrap();
    let routes: Value = serde_json::from_str(&routes).unwrap();
    let mut ours = 0;
    for (name, pod) in pods(&objects) {
        for container in containers(pod).filter(|one| one["image"] == "leeway:0.1.0") {
            ours += 1;
            program::takes(&words(&container["args"]));
            for variable in container["env"].as_array().into_iter().flatten() {
                let variable = variable["name"].as_str().unwrap();
                assert!(known.contains(variable), "{name}: {variable}");
            }
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                let path = container[probe]["httpGet"]["path"].as_str();
                if let (Some(path), "leeway") = (path, name) {
                    assert!(routes["paths"][path]["get"].is_object(), "{path}");
                }
            }
        }
    }
    assert_eq!(ours, 3);
}

#[test]
fn every_dashboard_is_provisioned_and_every_service_finds_its_pods() {
    let (objects, generators) = overlay("overlays/local");
    let dashboards = std::fs::read_dir(repository().join("dashboards")).unwrap();
    let files: BTreeSet<String> = dashboards
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            std::path::Path::new(name)
                .extension()
                .is_some_and(|it| it == "json")
        })
        .collect();
    let made = keys(&generators, "grafana-dashboards");
    assert_eq!(
        files.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        made
    );
    for service in objects.iter().filter(|one| one["kind"] == "Service") {
        let name = &service["metadata"]["name"];
        let (_, pod) = pods(&objects)
            .find(|(pod, _)| *name == *pod)
            .unwrap_or_else(|| panic!("{name} has no pods"));
        for port in service["spec"]["ports"].as_array().unwrap() {
            let found = containers(pod)
                .flat_map(|one| one["ports"].as_array().into_iter().flatten())
                .any(|one| {
                    one["name"] == port["targetPort"] && one["containerPort"] == port["port"]
                });
            assert!(found, "{name}: {port}");
        }
    }
}

#[test]
fn the_operator_gets_the_rules_of_prometheus() {
    let mut ours = Vec::new();
    for file in ["recording.rules.yml", "alert.rules.yml"] {
        let rules = yaml(&repository().join("config").join(file)).remove(0);
        ours.extend(rules["groups"].as_array().unwrap().clone());
    }
    let theirs = yaml(&folder("components/operator/prometheusrule.yaml")).remove(0);
    assert_eq!(
        theirs["spec"]["groups"],
        Value::Array(ours),
        "make it again: cargo xtask deploy-checks --write"
    );
    let (objects, _) = overlay("overlays/production");
    let kinds: BTreeSet<&str> = objects
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    for kind in [
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PrometheusRule",
        "ServiceMonitor",
    ] {
        assert!(kinds.contains(kind), "{kind}: {kinds:?}");
    }
    assert!(
        !kinds.contains("StatefulSet"),
        "production has a database of its own"
    );
}
