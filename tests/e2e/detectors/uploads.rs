//! The way in: what is taken, what is refused and why, and what is noted of it.

use leeway::builtin;
use leeway::domain::Scope;
use leeway::monitor::VersionSettings;
use leeway::serve::ServiceSettings;
use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{
    BEYOND_TAIL, act, broken, calm, certified, named, path, state, upload, version,
};
use crate::harness::app::{Answer, TestApp};
use crate::harness::wat;

#[tokio::test]
async fn an_upload_is_certified_compared_with_the_version_before_and_shown() {
    let app = TestApp::start().await;

    let first = upload(&app, "", BEYOND_TAIL).await;
    assert_eq!(first.status, 202, "{first}");
    let shown = first.json();
    assert_eq!(shown["state"], "uploaded");
    assert_eq!(
        (&shown["name"], &shown["version"]),
        (&json!("beyond-tail"), &json!("1.0.0"))
    );
    assert_eq!(first.header("location"), path(&shown));
    assert_eq!(shown["limits"]["deadline_ms"], 30_000);
    act(&app, &shown, "activate")
        .await
        .refused(409, "wrong-state");
    app.run_due().await;
    let card = app.get(&format!("{}/card", path(&shown))).await.ok();
    assert_eq!(card["card"]["certified"], true, "{card:#}");
    assert!(card["card"]["cost"]["evaluate_fuel"].as_u64().unwrap() > 0);
    assert_eq!(card["compared"], Value::Null);
    assert_eq!(state(&app, "1.0.0").await, "certified");

    // A version that sees less than the one before says so.
    let second = upload(
        &app,
        "?wait=true&deadline_ms=5000&memory_bytes=33554432",
        &calm("1.1.0"),
    )
    .await;
    assert_eq!(second.status, 200, "{second}");
    let second = second.json();
    assert_eq!(second["state"], "certified");
    assert_eq!(second["limits"]["deadline_ms"], 5_000);
    assert_eq!(second["limits"]["memory_bytes"], 33_554_432);
    assert_eq!(second["report"]["compared"], "1.0.0");
    let changes = second["report"]["changes"].as_array().unwrap();
    assert!(
        changes.iter().any(|change| change["worse"] == true),
        "{changes:#?}"
    );

    let all = app.get("/v1/detectors").await.ok();
    let items = all["items"].as_array().unwrap();
    let one = items
        .iter()
        .find(|one| one["name"] == "beyond-tail")
        .unwrap();
    assert_eq!(
        (&one["builtin"], &one["active"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(one["versions"][0]["version"], "1.1.0");
    assert_eq!(one["versions"][1]["state"], "certified");
    let builtin = items
        .iter()
        .find(|one| one["name"] == "data-drift")
        .unwrap();
    assert_eq!(builtin["builtin"], true);
    assert_eq!(app.get("/v1/detectors/beyond-tail").await.ok(), *one);
}

#[tokio::test]
async fn a_detector_that_fails_its_card_is_refused_and_may_come_again_mended() {
    let app = TestApp::start().await;

    let refused = upload(&app, "?wait=true", &broken("1.0.0")).await.ok();
    assert_eq!(refused["state"], "refused");
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.starts_with("same bits: "), "{reason}");
    assert_eq!(refused["report"]["card"]["certified"], false);
    act(&app, &refused, "activate")
        .await
        .refused(409, "wrong-state");

    // The same version with other bytes: the one that was refused was never anything to anybody.
    certified(&app, BEYOND_TAIL).await;
    assert_eq!(state(&app, "1.0.0").await, "certified");
    let events = app.get("/v1/detectors/events?name=beyond-tail").await.ok();
    let done: Vec<String> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|one| {
            format!(
                "{} {}",
                one["action"].as_str().unwrap(),
                one["outcome"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        done,
        [
            "upload done",
            "certify done",
            "activate refused",
            "upload done",
            "certify done"
        ]
    );
}

#[tokio::test]
async fn each_refusal_names_the_step_and_the_reason_and_is_noted() {
    let app = TestApp::start().await;
    let core = [0, b'a', b's', b'm', 1, 0, 0, 0];
    let files = wat::component(r#"(component (import "wasi:filesystem/types@0.2.0" (instance)))"#);
    let nothing = wat::component("(component)");
    let invalid = [b"\0asm\x0d\0\x01\0".as_slice(), &[0xff; 16]].concat();
    let cases: [(&[u8], &str, &str); 6] = [
        (b"hello", "form", "this is not WebAssembly"),
        (&core, "form", "wasm-component-ld"),
        (&invalid, "compile", "could not be compiled"),
        (&files, "imports", "wasi:filesystem"),
        (&nothing, "exports", "exports nothing"),
        (b"", "form", "this is not WebAssembly"),
    ];
    for (component, step, words) in cases {
        let problem = upload(&app, "", component)
            .await
            .refused(422, "bad-detector");
        assert_eq!(problem["errors"][0]["field"], step, "{problem:#}");
        let reason = problem["errors"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{step}: {reason}");
        let events = app.get("/v1/detectors/events?limit=1").await.ok();
        let event = &events["items"][0];
        assert_eq!(
            (&event["action"], &event["outcome"]),
            (&json!("upload"), &json!("refused"))
        );
        assert!(
            event["detail"].as_str().unwrap().contains(words),
            "{event:#}"
        );
        assert_eq!(event["digest"].as_str().unwrap().len(), 64);
    }

    for (query, field) in [
        ("?deadline_ms=30001", "deadline_ms"),
        ("?deadline_ms=0", "deadline_ms"),
        ("?memory_bytes=536870913", "memory_bytes"),
        ("?measurements=-1", "measurements"),
        ("?log_lines=201", "log_lines"),
    ] {
        let problem = upload(&app, query, BEYOND_TAIL)
            .await
            .refused(422, "bad-detector");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    upload(&app, "?colour=red", BEYOND_TAIL)
        .await
        .refused(400, "bad-query");
    app.send("/v1/detectors", "text/plain", BEYOND_TAIL)
        .await
        .refused(415, "unsupported-type");
    let large = vec![0; (32 << 20) + 1];
    upload(&app, "", &large).await.refused(413, "too-large");

    let name = builtin::find("data-drift").unwrap().component;
    upload(&app, "", name).await.refused(409, "name-taken");
    assert_eq!(app.get("/v1/detectors/beyond-tail").await.status, 404);
}

#[tokio::test]
async fn the_same_bytes_are_the_same_version_and_a_version_never_changes() {
    let app = TestApp::start().await;
    let first = upload(&app, "?log_lines=10", BEYOND_TAIL).await.json();

    // What curl says of `--data-binary` where nobody says anything.
    let form = "application/x-www-form-urlencoded";
    let again = app.send("/v1/detectors", form, BEYOND_TAIL).await;
    assert_eq!(
        (again.status, again.json()["digest"].clone()),
        (202, first["digest"].clone())
    );
    upload(&app, "?log_lines=11", BEYOND_TAIL)
        .await
        .refused(409, "version-taken");
    upload(&app, "", &calm("1.0.0"))
        .await
        .refused(409, "version-taken");

    certified_again(&app, &first).await;
    let again = upload(&app, "", BEYOND_TAIL).await;
    assert_eq!(
        (again.status, &again.json()["state"]),
        (200, &json!("certified"))
    );
    upload(&app, "", &calm("1.0.0"))
        .await
        .refused(409, "version-taken");
    assert_eq!(app.get(&path(&first)).await.ok()["limits"]["log_lines"], 10);
}

async fn certified_again(app: &TestApp, version: &Value) {
    super::fixture::pass(app, version["digest"].as_str().unwrap()).await;
}

#[tokio::test]
async fn a_metric_belongs_to_the_detector_that_declared_it_first() {
    let app = TestApp::start().await;
    upload(&app, "", BEYOND_TAIL).await.ok();

    let problem = upload(&app, "", &named("beyond-mine", "1.0.0"))
        .await
        .refused(409, "metric-taken");

    assert_eq!(problem["errors"][0]["field"], "beyond_tail");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("data_drift_beyond_tail") && detail.contains("'beyond-tail'"),
        "{detail}"
    );
    // Its own next version keeps the name.
    upload(&app, "", &version("1.1.0")).await.ok();
}

#[tokio::test]
async fn more_uploads_than_the_server_holds_are_asked_to_come_later() {
    let settings = ServiceSettings {
        versions: VersionSettings {
            waiting_max: 1,
            ..VersionSettings::default()
        },
        ..ServiceSettings::default()
    };
    let app = TestApp::with(settings).await;
    upload(&app, "", BEYOND_TAIL).await.ok();

    let busy = upload(&app, "", &version("1.1.0")).await;

    busy.refused(503, "busy");
    assert!(!busy.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_version_that_waited_when_the_host_died_is_certified_by_the_next() {
    let app = TestApp::start().await;
    upload(&app, "", BEYOND_TAIL).await.ok();
    // A host that dies over a card leaves the claim of a connection that is gone.
    let claim = app.store.claim_certification(None).await.unwrap();
    assert!(claim.is_some());
    let next = app.beside().await;
    assert_eq!(
        next.service.versions.run_due().await.unwrap(),
        0,
        "somebody is at it"
    );
    drop(claim);
    // The connection is given back in the background.
    while next.service.versions.run_due().await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }

    assert_eq!(state(&next, "1.0.0").await, "certified");
}

#[tokio::test]
async fn uploading_and_activating_needs_the_scope_detectors_and_the_audit_knows_who_did() {
    let app = TestApp::start().await;
    let now = app.now();
    let mut tokens = Vec::new();
    for scope in [Scope::Read, Scope::Ingest, Scope::Detectors] {
        let name = format!("the {scope} team");
        tokens.push(
            app.store
                .create_token(&name, &[scope], None, now)
                .await
                .unwrap(),
        );
    }
    let ask = async |token: &str, method: Method, path: &str, body: &[u8]| {
        let request = app.request(method, path).bearer_auth(token);
        Answer::of(request.body(body.to_vec())).await
    };
    for token in &tokens[..2] {
        ask(token, Method::POST, "/v1/detectors", BEYOND_TAIL)
            .await
            .refused(403, "forbidden");
    }
    let team = &tokens[2];
    let version = ask(team, Method::POST, "/v1/detectors", BEYOND_TAIL)
        .await
        .ok();
    assert_eq!(version["uploaded_by"], "the detectors team");
    super::fixture::pass(&app, version["digest"].as_str().unwrap()).await;
    let activate = format!("{}/activate", path(&version));
    ask(&tokens[0], Method::POST, &activate, b"")
        .await
        .refused(403, "forbidden");
    ask(team, Method::POST, &activate, b"").await.ok();
    ask(team, Method::GET, "/v1/models", b"")
        .await
        .refused(403, "forbidden");

    let events = ask(&tokens[0], Method::GET, "/v1/detectors/events", b"")
        .await
        .ok();
    let who: Vec<(&str, &Value)> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["action"].as_str().unwrap(), &one["token_name"]))
        .collect();
    let team = json!("the detectors team");
    assert_eq!(
        who,
        [
            ("activate", &team),
            ("certify", &Value::Null),
            ("upload", &team)
        ]
    );
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT action, token_name FROM history.detector_events ORDER BY event_no DESC",
    )
    .fetch_all(app.store.pool())
    .await
    .unwrap();
    assert_eq!(rows.len(), 3);
    let (state, certified): (String, Option<bool>) =
        sqlx::query_as("SELECT state, certified FROM history.detectors")
            .fetch_one(app.store.pool())
            .await
            .unwrap();
    assert_eq!((state.as_str(), certified), ("active", None));
}
