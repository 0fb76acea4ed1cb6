//! The model API as a client sees it.

use jiff::Timestamp;

use super::super::{Input, Training};
use super::*;

/// A model of balls on a port of its own; its address.
async fn start() -> String {
    let instances = (0..10).map(|number| {
        let row = json!({"size": number}).as_object().cloned().unwrap();
        (row, number >= 5)
    });
    let model = Model::train(Training {
        name: "balls".into(),
        about: "Says whether a ball is large.".into(),
        trained_at: Timestamp::UNIX_EPOCH,
        classes: ["small".into(), "large".into()],
        input: Input::Table(&[("size", true)]),
        instances: instances.collect(),
    })
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, model, CancellationToken::new()));
    address
}

async fn predict_status(address: &str, body: &str) -> (u16, Value) {
    let answer = reqwest::Client::new()
        .post(format!("{address}/predict"))
        .header("content-type", "application/json")
        .body(body.to_owned())
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

#[tokio::test]
async fn instances_are_answered_in_order_with_their_features() {
    let address = start().await;

    let body = r#"{"instances": [{"size": 9}, {"size": 0}, {}]}"#;
    let (status, answer) = predict_status(&address, body).await;

    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["model"], "balls");
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 3);
    assert_eq!(predictions[0]["prediction"], "large");
    assert_eq!(predictions[1]["prediction"], "small");
    assert_eq!(predictions[0]["features"], json!({"size": 9}));
    assert!(predictions[0]["probability"].as_f64().unwrap() > 0.5);
    assert_eq!(predictions[2]["features"], json!({}));
}

#[tokio::test]
async fn what_is_refused_is_said_in_a_problem_document() {
    let address = start().await;
    let many = |count: usize| {
        let instances = vec!["{}"; count].join(",");
        format!("{{\"instances\": [{instances}]}}")
    };
    let cases = [
        ("{", 400, "parse"),
        (r#"{"rows": []}"#, 422, "rows"),
        (r#"{"instances": []}"#, 422, "0 instances are not 1 to 1000"),
        (&many(INSTANCES_MAX + 1), 422, "1001 instances"),
        (
            r#"{"instances": [{}, {"wings": 2}]}"#,
            422,
            "instance 1: the model has no field 'wings'",
        ),
    ];
    for (body, status, said) in cases {
        let (found, problem) = predict_status(&address, body).await;
        assert_eq!(found, status, "{problem}");
        assert_eq!(problem["status"], status);
        assert!(
            problem["detail"].as_str().unwrap().contains(said),
            "{problem}"
        );
    }
    assert_eq!(predict_status(&address, &many(INSTANCES_MAX)).await.0, 200);
    let lost = reqwest::get(format!("{address}/lost")).await.unwrap();
    assert_eq!(lost.status(), 404);
    assert_eq!(lost.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let address = start().await;
    let fitting = format!(
        "{}{{\"instances\": [{{}}]}}",
        " ".repeat(BODY_BYTES_MAX - 19)
    );
    assert_eq!(fitting.len(), BODY_BYTES_MAX);
    assert_eq!(predict_status(&address, &fitting).await.0, 200);
    assert_eq!(
        predict_status(&address, &format!("{fitting} ")).await.0,
        413
    );
}

#[tokio::test]
async fn the_documentation_has_an_instance_of_this_very_model() {
    let address = start().await;

    let document: Value = reqwest::get(format!("{address}/openapi.json"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let example = &document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
        ["example"];
    let (status, _) = predict_status(&address, &example.to_string()).await;
    assert_eq!(
        (status, example["instances"].as_array().unwrap().len()),
        (200, 1)
    );

    let page = reqwest::get(&address).await.unwrap();
    assert!(page.url().path().starts_with("/docs"), "{}", page.url());
    assert!(page.text().await.unwrap().contains("swagger"));
    let model: Value = reqwest::get(format!("{address}/model"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(model["classes"], json!(["small", "large"]));
    assert_eq!(
        model["features"],
        json!([{"name": "size", "kind": "numeric"}])
    );
}
