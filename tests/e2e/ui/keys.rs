//! Everything can be reached and used with the keyboard, and the focus can be seen.

use super::world::World;

const FOCUS: &str = "document.activeElement";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_and_its_columns_are_reached_by_keys_alone() {
    let world = World::with_flights().await;
    let browser = &world.browser;
    for name in ["another", "yet-another"] {
        world
            .app
            .post("/v1/models", &serde_json::json!({ "model_id": name }))
            .await
            .ok();
    }
    world.open("").await;
    browser
        .until("document.querySelectorAll('tbody tr').length === 3")
        .await;

    // The first key leads past the navigation.
    browser.press("Tab").await;
    assert_eq!(
        browser.value(&format!("{FOCUS}.textContent")).await,
        "Skip to the content"
    );
    assert_eq!(
        browser
            .value(&format!("{FOCUS}.getBoundingClientRect().top >= 0"))
            .await,
        true
    );
    browser.press("Enter").await;
    assert_eq!(browser.value(&format!("{FOCUS}.id")).await, "main");

    // The slash leads to the search, arrows to the rows and through them, Enter into one.
    browser.press("/").await;
    assert_eq!(browser.value(&format!("{FOCUS}.type")).await, "search");
    browser.press("ArrowDown").await;
    assert_eq!(
        browser.value(&format!("{FOCUS}.textContent")).await,
        "flights"
    );
    let outline = browser
        .value(&format!("getComputedStyle({FOCUS}).outlineStyle"))
        .await;
    assert_eq!(outline, "solid");
    browser.press("End").await;
    assert_eq!(
        browser.value(&format!("{FOCUS}.textContent")).await,
        "yet-another"
    );
    browser.press("Home").await;
    browser.press("Enter").await;
    browser.until("location.hash === '#/models/flights'").await;
    // The heading has the focus, so that a screen reader says where one is.
    browser
        .until("document.activeElement.tagName === 'H1'")
        .await;
    assert_eq!(browser.value("document.title").await, "flights · Leeway");

    browser
        .until("document.querySelectorAll('table.map tbody tr').length === 9")
        .await;
    browser
        .value("document.querySelector('table.map tbody button').focus()")
        .await;
    browser.press("ArrowDown").await;
    let name = browser
        .value(&format!("{FOCUS}.querySelector('span').textContent"))
        .await;
    browser.press("Enter").await;
    browser
        .until(&format!(
            "document.querySelector('#column-title').textContent === {name}"
        ))
        .await;
    // A renewal takes the focus from nobody.
    let renewed = browser
        .value("document.querySelector('main').dataset.renewed")
        .await;
    browser
        .until(&format!(
            "Number(document.querySelector('main').dataset.renewed) > {}",
            renewed.as_str().unwrap()
        ))
        .await;
    assert_eq!(
        browser
            .value(&format!("{FOCUS}.querySelector('span').textContent"))
            .await,
        name
    );
    world.is_content();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_control_has_a_name_and_a_place_in_the_order() {
    let world = World::with_flights().await;
    let browser = &world.browser;
    for place in ["", "#/models/flights", "#/detectors", "#/sql"] {
        world.open(place).await;
        browser.until("document.querySelector('main').dataset.renewed && !document.querySelector('.state.loading')").await;
        let lost = browser
            .value("[...document.querySelectorAll('a, button, input, select, textarea, summary')].filter((one) => one.checkVisibility() && !one.disabled && (one.tabIndex < 0 || \
                    !(one.innerText?.trim() || one.getAttribute('aria-label') || one.labels?.length))).map((one) => one.outerHTML)")
            .await;
        assert_eq!(lost, serde_json::json!([]), "{place}");
        // As many stops as there are controls: none is skipped, none is a trap.
        let stops = browser.value("[...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex=\"0\"]')].filter((one) => one.checkVisibility() && !one.disabled).length").await;
        browser.value("document.activeElement.blur(); window.seen = new Set(); addEventListener('focusin', (event) => window.seen.add(event.target))").await;
        for _ in 0..stops.as_u64().unwrap() + 2 {
            browser.press("Tab").await;
        }
        let seen = browser.value("window.seen.size").await;
        assert!(
            seen.as_u64() >= stops.as_u64(),
            "{place}: {seen} of {stops}"
        );
    }
    world.is_content();
}
