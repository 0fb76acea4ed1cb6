//! `leeway plugin push` as a team runs it against a server.

use leeway::domain::Scope;
use std::process::Output;

use super::fixture::{BEYOND_TAIL, broken, certified, state, version};
use crate::harness::app::TestApp;
use crate::harness::program;

/// The exit code, and what was printed.
async fn push(
    app: &TestApp,
    token: Option<&str>,
    component: &[u8],
    flags: &[&str],
) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("detector.wasm");
    std::fs::write(&file, component).unwrap();
    let mut command = tokio::process::Command::new(program());
    command
        .args(["plugin", "push"])
        .arg(&file)
        .args(flags)
        .env("LEEWAY_URL", format!("http://{}/", app.address))
        .env_remove("LEEWAY_TOKEN");
    if let Some(token) = token {
        command.env("LEEWAY_TOKEN", token);
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().await.unwrap();
    let text = String::from_utf8([stdout, stderr].concat()).unwrap();
    (status.code().unwrap(), text)
}

#[tokio::test]
async fn a_push_uploads_shows_the_card_and_takes_into_use() {
    let app = TestApp::start().await;
    let now = app.now();
    let token = app
        .store
        .create_token("team", &[Scope::Detectors], None, now)
        .await
        .unwrap();

    let (code, said) = push(&app, Some(&token), BEYOND_TAIL, &["--activate"]).await;

    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("passed  same bits") && said.contains("\ncertified, in "),
        "{said}"
    );
    assert!(said.ends_with("beyond-tail@1.0.0 is active\n"), "{said}");
    let (code, said) = push(
        &app,
        Some(&token),
        &version("1.1.0"),
        &["--shadow", "--deadline-ms", "1000"],
    )
    .await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("compared with version 1.0.0"), "{said}");
    assert!(said.ends_with("beyond-tail@1.1.0 is shadow\n"), "{said}");
    // The same again changes nothing.
    let (code, said) = push(&app, Some(&token), &version("1.1.0"), &[]).await;
    assert_eq!(
        (code, said.ends_with("beyond-tail@1.1.0 is shadow\n")),
        (0, true),
        "{said}"
    );

    let (code, said) = push(&app, None, BEYOND_TAIL, &[]).await;
    assert_eq!(code, 2);
    assert!(said.contains("the request has no bearer token"), "{said}");
}

#[tokio::test]
async fn a_push_says_why_it_was_refused() {
    let app = TestApp::start().await;

    let (code, said) = push(&app, None, b"\0asm\x01\0\0\0", &["--activate"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.starts_with(
            "refused: The detector is refused: form: this is a core WebAssembly module"
        ),
        "{said}"
    );
    let (code, said) = push(&app, None, &broken("1.0.0"), &["--activate"]).await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("FAILED  same bits")
            && said.contains("beyond-tail@1.0.0 is refused: same bits"),
        "{said}"
    );
    assert_eq!(state(&app, "1.0.0").await, "refused");
    certified(&app, BEYOND_TAIL).await;

    let (code, said) = push(&app, None, &broken("1.0.0"), &[]).await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("with other bytes: raise the version"),
        "{said}"
    );
}
