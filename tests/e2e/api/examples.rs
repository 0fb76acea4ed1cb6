//! The examples of the served document work when they are played one after the other.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use crate::e2e::detectors::fixture::{BEYOND_TAIL, active, certified, version};
use crate::e2e::isolation::fixture::rows;
use crate::harness::app::{Answer, TestApp};

/// One request that the document shows.
struct Example {
    method: Method,
    path: String,
    body: Option<(String, Vec<u8>)>,
}

/// Every request of the document: tag by tag, and in a tag in the order in which it stands there.
fn examples(document: &Value) -> Vec<Example> {
    let mut found = Vec::new();
    for tag in document["tags"].as_array().unwrap() {
        let mut of_tag = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if operation["tags"][0] == tag["name"] {
                    of_tag.extend(requests(path, method, operation));
                }
            }
        }
        // What is inside of something else goes before it.
        if tag["name"] == "removal" {
            of_tag.sort_by_key(|one| std::cmp::Reverse(one.path.matches('/').count()));
        }
        found.extend(of_tag);
    }
    found
}

fn requests(path: &str, method: &str, operation: &Value) -> Vec<Example> {
    let method: Method = method.to_uppercase().parse().unwrap();
    let mut path = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let example = match &parameter["example"] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        if parameter["in"] == "path" {
            let example = example.unwrap_or_else(|| panic!("{path}: {name} has no example"));
            path = path.replace(&format!("{{{name}}}"), &example);
        } else if let Some(example) = example {
            query.push(format!("{name}={example}"));
        }
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    let Some(contents) = operation["requestBody"]["content"].as_object() else {
        return vec![Example {
            method,
            path,
            body: None,
        }];
    };
    let body = |(media_type, content): (&String, &Value)| {
        // A document shows no bytes.
        if media_type == "application/wasm" {
            return Some(Example {
                method: method.clone(),
                path: path.clone(),
                body: Some((media_type.clone(), BEYOND_TAIL.to_vec())),
            });
        }
        let bytes = match &content["example"] {
            Value::Null => return None,
            Value::String(text) if media_type != "application/json" => text.clone().into_bytes(),
            json => serde_json::to_vec(json).unwrap(),
        };
        Some(Example {
            method: method.clone(),
            path: path.clone(),
            body: Some((media_type.clone(), bytes)),
        })
    };
    let all: Vec<Example> = contents.iter().filter_map(body).collect();
    assert!(!all.is_empty(), "{path}: no body has an example");
    all
}

#[tokio::test]
async fn every_example_works() {
    let app = TestApp::start().await;
    // An evaluation that can be made again, and versions that the examples find beside the one that they upload.
    rows(&app, "shop", "2025-12-01T00:00:00Z", 1_000, 0.0, true).await;
    rows(&app, "shop", "2025-12-11T00:00:00Z", 300, 0.2, true).await;
    app.run_due().await;
    active(&app, &version("1.1.0")).await;
    certified(&app, &version("1.2.0")).await;
    let document = app.get("/openapi.json").await.ok();
    let operations: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    let examples = examples(&document);
    assert!(examples.len() > operations, "{operations} operations");

    for example in examples {
        let mut request = app.request(example.method.clone(), &example.path);
        if let Some((media_type, body)) = &example.body {
            request = request.header(CONTENT_TYPE, media_type).body(body.clone());
        }
        let answer = Answer::of(request).await;
        let media_type = example.body.map(|(media_type, _)| media_type);
        assert!(
            (200..300).contains(&answer.status),
            "{} {} {media_type:?}: {answer}",
            example.method,
            example.path,
        );
    }
    // The examples leave nothing of their own behind.
    let left = app.get("/v1/models").await.ok();
    let left: Vec<&Value> = left["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["model_id"])
        .collect();
    assert_eq!(left, ["shop"]);
}

#[tokio::test]
async fn swagger_ui_is_served_with_the_document() {
    let app = TestApp::start().await;
    let page = app.get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("swagger-ui"));
    let setup = app.get("/docs/swagger-initializer.js").await;
    assert!(setup.text().contains("/openapi.json"), "{setup}");
    let document = app.get("/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    assert_eq!(document.text(), leeway::api::openapi_json());
    assert_eq!(document.json()["openapi"], "3.1.0");
}
