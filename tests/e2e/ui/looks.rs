//! Light and dark, narrow and wide, for everybody: with pictures for those who want to see.

use super::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_fits_every_width_in_both_schemes_without_barriers() {
    let world = World::with_flights().await;
    let browser = &world.browser;
    let pages = [
        ("models", ""),
        ("model", "#/models/flights"),
        (
            "categories",
            "#/models/flights?monitor=data-drift&column=carrier",
        ),
        ("detectors", "#/detectors"),
        ("sql", "#/sql"),
        ("nothing", "#/nowhere"),
        ("no-model", "#/models/nobody"),
    ];
    for (name, place) in pages {
        for scheme in ["light", "dark"] {
            browser.looks(scheme).await;
            browser.size(1_440, 900).await;
            world.open(place).await;
            browser.until("document.querySelector('h1, .state .title') && !document.querySelector('.state.loading')").await;
            if name == "sql" {
                browser.click(".examples button").await;
                browser
                    .until("document.querySelector('table.answer tbody tr')")
                    .await;
            }
            if place.contains("/flights") {
                browser.until("document.querySelectorAll('.panel canvas').length === 3 && document.querySelector('.sides')").await;
            }
            for width in [360, 768, 1_440, 1_920] {
                browser.size(width, 900).await;
                let wide = browser.value("document.documentElement.scrollWidth").await;
                assert!(
                    wide.as_u64().unwrap() <= width.into(),
                    "{name} {scheme}: {wide} > {width}"
                );
                if name != "nothing" && name != "no-model" {
                    browser
                        .picture(&format!("{name}-{scheme}-{width}"), width)
                        .await;
                }
            }
            assert_eq!(
                browser.barriers().await,
                Vec::<String>::new(),
                "{name} {scheme}"
            );
            world.is_content();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colours_follow_the_system_until_somebody_chooses() {
    let world = World::empty().await;
    let browser = &world.browser;
    let paper = "getComputedStyle(document.body).backgroundColor";
    world.open("").await;
    browser
        .until("document.querySelector('#theme').textContent")
        .await;
    let light = browser.value(paper).await;

    browser.looks("dark").await;
    browser.until(&format!("{paper} !== {light}")).await;
    let dark = browser.value(paper).await;

    browser.click("#theme").await;
    assert_eq!(
        browser
            .value("document.querySelector('#theme').getAttribute('aria-label')")
            .await,
        "Colours: light. Change"
    );
    assert_eq!(browser.value(paper).await, light);
    // It is remembered.
    world.open("").await;
    browser
        .until("document.querySelector('#theme').textContent")
        .await;
    assert_eq!(browser.value(paper).await, light);
    browser.looks("light").await;
    browser.click("#theme").await;
    assert_eq!(browser.value(paper).await, dark);
    assert_eq!(browser.value("matchMedia('(prefers-reduced-motion: reduce)').matches && getComputedStyle(document.querySelector('button')).transitionDuration").await, "0s");
    world.is_content();
}
