//! Tokens: asked for, kept in the tab, and what they do not allow said in words.

use leeway::domain::Scope;
use reqwest::Method;

use crate::harness::app::Answer;

use super::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_tokens_asks_for_one_and_says_what_it_lacks() {
    let world = World::with_flights().await;
    let (app, browser) = (&world.app, &world.browser);
    let token = async |scope: Scope| {
        app.store
            .create_token(&scope.to_string(), &[scope], None, app.now())
            .await
            .unwrap()
    };
    let (read, ingest) = (token(Scope::Read).await, token(Scope::Ingest).await);
    // Whether there are tokens is remembered for some seconds.
    while app.get("/v1/models").await.status != 401 {}

    world.open("").await;
    assert_eq!(
        browser.text("dialog[open] h2").await,
        "This server asks for a token"
    );
    browser.write(&ingest).await;
    browser.press("Enter").await;
    let lacks = "This token may not do that: this needs a token with the scope 'read'";
    browser
        .until(&format!(
            "document.querySelector('.state.broken')?.innerText.includes({lacks:?})"
        ))
        .await;

    browser.click("#token").await;
    browser
        .until("document.querySelector('dialog[open] input')")
        .await;
    browser.write("lw_000000000000_wrong").await;
    browser.press("Enter").await;
    browser.until("document.querySelector('dialog[open] .warning')?.textContent === 'The server does not know this token, or it has expired.'").await;
    browser.write(&read).await;
    browser.press("Enter").await;
    assert_eq!(browser.text("tbody a").await, "flights");
    browser
        .until("!document.querySelector('dialog[open]')")
        .await;

    // Of this tab alone, and nowhere else.
    assert_eq!(
        browser
            .value("sessionStorage.getItem('leeway-token')")
            .await,
        read
    );
    let elsewhere = browser
        .value("JSON.stringify({...localStorage}) + document.cookie + location.href")
        .await;
    assert!(!elsewhere.as_str().unwrap().contains(&read));
    // What needs more than reading is refused in words.
    world.open("#/models/flights").await;
    browser.until("document.querySelector('.monitor')").await;
    browser.value("[...document.querySelectorAll('.monitor button')].find((one) => one.textContent === 'Backtest').click()").await;
    let words = browser.until("[...document.querySelectorAll('.told')].map((one) => one.textContent).find((one) => one.includes('admin'))").await;
    assert!(
        words
            .as_str()
            .unwrap()
            .starts_with("This token may not do that"),
        "{words}"
    );
    world.is_content();
}

#[tokio::test]
async fn the_page_is_open_and_its_answers_are_guarded() {
    let app = crate::harness::app::TestApp::start().await;
    app.store
        .create_token("me", &[Scope::Read], None, app.now())
        .await
        .unwrap();

    let page = app.get("/ui/").await;

    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(
        app.get("/ui/main.js")
            .await
            .header("x-content-type-options"),
        "nosniff"
    );
    app.get("/ui/nothing.js").await.refused(404, "no-route");
    app.get("/ui/vendor/../index.html").await;
    app.get("/v1/overview").await.refused(401, "unauthorized");
    let to = Answer::of(app.request(Method::GET, "/ui")).await;
    assert_eq!(to.status, 200, "a client that follows arrives at the page");
    let again = app
        .request(Method::GET, "/ui/")
        .header("if-none-match", page.header("etag"));
    assert_eq!(Answer::of(again).await.status, 304);
    // The old service's root is as it was.
    assert_eq!(app.get("/").await.ok()["links"]["ui"], "/ui/");
}
