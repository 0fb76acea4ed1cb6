//! Tokens: who may do what, for every operation of the served document.

use leeway::domain::Scope;
use reqwest::Method;
use serde_json::Value;

use crate::harness::app::{Answer, TestApp};

/// Asks for nothing in particular: who may come in is decided before anything is read.
async fn ask(app: &TestApp, method: &str, path: &str, token: Option<&str>) -> Answer {
    let path = path.replace("{model_id}", "nobody").replace(['{', '}'], "");
    let mut request = app.request(method.to_uppercase().parse::<Method>().unwrap(), &path);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    Answer::of(request).await
}

#[tokio::test]
async fn every_operation_asks_for_the_scope_that_its_document_names() {
    let app = TestApp::start().await;
    let mut tokens = Vec::new();
    for scope in [Scope::Ingest, Scope::Read, Scope::Detectors, Scope::Admin] {
        let token = app
            .store
            .create_token(&scope.to_string(), &[scope], None, app.now())
            .await
            .unwrap();
        tokens.push((scope.to_string(), token));
    }
    let document = app.get("/openapi.json").await.ok();
    let mut guarded = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            let Value::String(scope) = &operation["security"][0]["bearer"][0] else {
                assert!(ask(&app, method, path, None).await.status < 405, "{place}");
                continue;
            };
            guarded += 1;
            let stranger = ask(&app, method, path, None).await;
            stranger.refused(401, "unauthorized");
            assert_eq!(
                stranger.header("www-authenticate"),
                "Bearer realm=\"leeway\""
            );
            let forger = ask(&app, method, path, Some("lw_0_0")).await;
            forger.refused(401, "unauthorized");
            for (has, token) in &tokens {
                let answer = ask(&app, method, path, Some(token)).await;
                if has == scope || has == "admin" {
                    assert!(
                        ![401, 403].contains(&answer.status),
                        "{place} {has}: {answer}"
                    );
                } else {
                    answer.refused(403, "forbidden");
                    assert!(
                        answer
                            .header("www-authenticate")
                            .contains(&format!("scope=\"{scope}\""))
                    );
                }
            }
        }
    }
    assert!(guarded > 25, "{guarded}");
}

#[tokio::test]
async fn a_revoked_token_is_not_valid_any_more() {
    let app = TestApp::start().await;
    let now = app.now();
    let token = app
        .store
        .create_token("one", &[Scope::Read], None, now)
        .await
        .unwrap();
    app.store
        .create_token("other", &[Scope::Read], None, now)
        .await
        .unwrap();
    let ask = async |app: &TestApp| {
        let request = app.request(Method::GET, "/v1/models").bearer_auth(&token);
        Answer::of(request).await.status
    };
    assert_eq!(ask(&app).await, 200);
    let tokens = app.store.tokens().await.unwrap();
    let one = tokens.iter().find(|token| token.name == "one").unwrap();
    assert!(app.store.revoke_token(&one.token_id, now).await.unwrap());
    // A host remembers tokens for some seconds; another one has nothing to forget.
    assert_eq!(ask(&app.beside().await).await, 401);
}
