//! A detector of one's own: uploaded, read about, made live, from the page alone.

use serde_json::json;

use super::world::World;

/// A component in a file, as its author has it.
const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/beyond-tail.wasm"));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_detector_is_uploaded_certified_and_activated_from_the_page() {
    let world = World::empty().await;
    let (app, browser) = (&world.app, &world.browser);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("beyond-tail.wasm");
    std::fs::write(&file, COMPONENT).unwrap();
    world.open("#/detectors").await;
    let cards = browser
        .until("document.querySelectorAll('.detector').length")
        .await;
    let listed = app.get("/v1/detectors").await.ok();
    assert_eq!(cards, listed["items"].as_array().unwrap().len());

    browser.choose("input[type=file]", &file).await;

    browser
        .until("document.querySelector('.drop .told').textContent === 'beyond-tail 1.0.0: certified: it may be activated.'")
        .await;
    let card = "[...document.querySelectorAll('.detector')].find((one) => one.querySelector('h2').textContent.startsWith('beyond-tail'))";
    browser
        .until(&format!(
            "{card}.querySelector('.version-line .badge').textContent === 'certified'"
        ))
        .await;
    // Its report card, in words.
    browser
        .value(&format!(
            "{card}.querySelector('.version-line summary').click()"
        ))
        .await;
    let report = browser
        .until(&format!("{card}.querySelector('.report')?.innerText"))
        .await;
    let report = report.as_str().unwrap();
    for words in ["✓ certified", "false alarms", "fuel a row", "memory"] {
        assert!(report.contains(words), "{words}: {report}");
    }
    assert_eq!(browser.barriers().await, Vec::<String>::new());
    browser.picture("detector-card-light-1440", 1_440).await;

    browser
        .until(&format!(
            "(() => {{ const found = [...{card}.querySelectorAll('.actions button')].find((one) => one.textContent === 'Activate'); found?.click(); return found !== undefined; }})()"
        ))
        .await;
    browser
        .until(&format!(
            "{card}.querySelector('.version-line .badge').textContent === 'active'"
        ))
        .await;
    let found = app.get("/v1/detectors/beyond-tail").await.ok();
    assert_eq!(found["active"], json!("1.0.0"));

    // What is no component is refused in the words of the server.
    std::fs::write(&file, b"not a component").unwrap();
    browser.choose("input[type=file]", &file).await;
    let told = browser
        .until("document.querySelector('.drop .told').textContent.startsWith('beyond-tail.wasm was not taken. ') && document.querySelector('.drop .told').textContent")
        .await;
    assert!(told.as_str().unwrap().len() > 50, "{told}");

    // Text goes as text of its language, for the interpreter that a test's host has not.
    let taken = browser
        .value("document.querySelector('input[type=file]').accept")
        .await;
    assert_eq!(taken, ".wasm,application/wasm,.py,.js,.mjs");
    for (name, language) in [
        ("own.py", "Python"),
        ("own.js", "JavaScript"),
        ("OWN.MJS", "JavaScript"),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, b"text").unwrap();
        browser.choose("input[type=file]", &file).await;
        let told = browser
            .until(&format!("document.querySelector('.drop .told').textContent.startsWith('{name} was not taken. ') && document.querySelector('.drop .told').textContent"))
            .await;
        let why = format!("there is no interpreter for detectors in {language} source");
        assert!(told.as_str().unwrap().contains(&why), "{told}");
    }
    world.is_content();
}
