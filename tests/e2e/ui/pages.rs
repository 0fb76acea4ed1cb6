//! What the page says is what the API says, and what is asked of it happens.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::world::{World, batch};

/// The API's evaluation of a monitor of the flights.
async fn evaluation(world: &World, monitor: &str) -> Value {
    let results = world.app.get("/v1/models/flights/results").await.ok();
    let all = results["evaluations"].as_array().unwrap();
    let found = all.iter().find(|one| one["monitor"] == monitor);
    found.unwrap().clone()
}

/// Columns of an evaluation that drifted, in any metric.
fn drifted(evaluation: &Value) -> Vec<String> {
    let measurements = evaluation["measurements"].as_array().unwrap().iter();
    let mut columns: Vec<String> = measurements
        .filter(|one| one["verdict"] == "drifted")
        .filter_map(|one| one["column"].as_str().map(str::to_owned))
        .collect();
    columns.sort();
    columns.dedup();
    columns
}

/// A number from 0.01 to 1 with three digits, as the page has them.
fn three_digits(number: &Value) -> String {
    let number = number.as_f64().unwrap();
    let places = if number < 0.1 { 4 } else { 3 };
    let words = format!("{number:.places$}");
    let words = words.trim_end_matches('0').trim_end_matches('.');
    words.to_owned()
}

/// Takes the labels out of rows.
fn labels_of(batch: &mut Value) -> Value {
    let rows = batch["predictions"].as_array_mut().unwrap().iter_mut();
    let labels: Vec<Value> = rows
        .map(|row| {
            let label = row.as_object_mut().unwrap().remove("label");
            json!({"record_id": row["record_id"], "label": label})
        })
        .collect();
    json!({ "labels": labels })
}

/// A classifier whose performance is watched, with March as its reference.
async fn watched() -> World {
    let world = World::empty().await;
    let app = &world.app;
    let model =
        json!({"model_id": "flights", "model_type": "classifier", "positive_label": "late"});
    app.post("/v1/models", &model).await.ok();
    let rows = batch("2013-03", 0, 1_500);
    app.post("/v1/models/flights/reference", &rows).await.ok();
    let monitor =
        json!({"detector": "performance", "current": {"of": "sliding", "extent": {"rows": 500}}});
    app.put("/v1/models/flights/monitors/performance", &monitor)
        .await
        .ok();
    world
}

/// Sends a month, and then the labels of the month before, and evaluates. The month's own labels are left in `waiting`.
async fn month_comes(world: &World, month: &str, waiting: &mut Option<Value>) {
    let app = &world.app;
    let mut rows = batch(month, 0, 250);
    let labels = labels_of(&mut rows);
    app.post("/v1/models/flights/predictions", &rows).await.ok();
    if let Some(known) = waiting.replace(labels) {
        app.post("/v1/models/flights/labels", &known).await.ok();
    }
    app.advance(SignedDuration::from_hours(1));
    app.run_due().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn estimate_and_truth_are_one_chart_while_labels_come_late() {
    let world = watched().await;
    let browser = &world.browser;
    let mut waiting = None;
    month_comes(&world, "2013-04", &mut waiting).await;
    world.open("#/models/flights?monitor=performance").await;
    let words = browser.text(".reading").await;
    assert!(
        words.contains(" is estimated at ") && words.ends_with("No labels have come yet."),
        "{words}"
    );
    for month in ["2013-05", "2013-06", "2013-07"] {
        month_comes(&world, month, &mut waiting).await;
    }

    world
        .open("#/models/flights?monitor=performance&column=&metric=realized_accuracy")
        .await;

    let found = evaluation(&world, "performance").await;
    let measurements = found["measurements"].as_array().unwrap();
    let of = |metric: &str| {
        let mut all = measurements.iter();
        all.find(|one| one["metric"] == metric).unwrap()
    };
    let (estimate, truth) = (of("estimated_accuracy"), of("realized_accuracy"));
    assert_eq!(
        (&estimate["current_rows"], &truth["current_rows"]),
        (&json!(500), &json!(250))
    );
    // One choice for both of a figure.
    browser
        .until("document.querySelectorAll('.metrics button').length >= 7")
        .await;
    let choices = browser
        .value("[...document.querySelectorAll('.metrics button')].map((one) => one.textContent)")
        .await;
    let choices: Vec<String> = serde_json::from_value(choices).unwrap();
    assert!(choices.starts_with(&["accuracy".to_owned(), "F1".to_owned()]));
    assert!(choices.iter().all(|one| !one.contains("realized")));
    let chosen = browser.text(".metrics [aria-pressed=true]").await;
    assert_eq!(chosen, "accuracy");
    browser
        .until("document.querySelectorAll('.panel canvas').length === 1")
        .await;
    // In numbers, newest window first: both, the band and both thresholds.
    browser.click(".panel figure:not([hidden]) summary").await;
    let shown = browser
        .until("(() => { const rows = [...document.querySelectorAll('.panel figure:not([hidden]) .plain tbody tr')]; const cells = rows.map((row) => [...row.children].slice(1).map((one) => one.textContent)); return cells.length >= 4 && cells[0][3] !== '–' && cells; })()")
        .await;
    let rows: Vec<Vec<String>> = serde_json::from_value(shown).unwrap();
    let detail = &estimate["detail"];
    let expected = [
        &detail["lower"],
        &detail["upper"],
        &estimate["value"],
        &truth["value"],
        &estimate["threshold"],
        &truth["threshold"],
    ];
    assert_eq!(rows[0][..6], expected.map(three_digits));
    // Nobody knew a label by the first window.
    let first = rows.last().unwrap();
    assert_eq!([&first[3], &first[5]], ["–", "–"]);
    assert_ne!(first[2], "–");
    let heads = browser
        .value("[...document.querySelectorAll('.panel figure:not([hidden]) .plain thead th')].map((one) => one.textContent)")
        .await;
    assert_eq!(
        heads,
        json!([
            "Window to",
            "band from",
            "band to",
            "estimate",
            "truth",
            "threshold of the estimate",
            "threshold of the truth",
            "drifted",
            "truth drifted"
        ])
    );
    assert_eq!(browser.barriers().await, Vec::<String>::new());
    browser.picture("performance-light-1440", 1_440).await;

    // What has no estimate beside it is shown as ever.
    browser.value("[...document.querySelectorAll('.metrics button')].find((one) => one.textContent === 'label_coverage').click()").await;
    browser
        .until("document.querySelector('.reading').textContent.startsWith('label_coverage is ')")
        .await;
    world.is_content();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_and_columns_stand_as_the_api_says() {
    let world = World::with_flights().await;
    let browser = &world.browser;
    let data = evaluation(&world, "data-drift").await;
    let columns = drifted(&data);
    assert!(columns.contains(&"temperature".to_owned()), "{columns:?}");

    world.open("").await;

    browser
        .until("document.querySelector('h1 + .sentence').textContent === '1 of 1 model drifts'")
        .await;
    let cells = browser.text("table.models tbody tr").await;
    let share = format!("{} of 8", columns.len());
    for words in ["flights", "classifier", &share, "2013"] {
        assert!(cells.contains(words), "{words}: {cells}");
    }
    let overview = world.app.get("/v1/overview").await.ok();
    let kinds = overview["items"][0]["kinds"].as_object().unwrap().values();
    let effect = |kind: &&Value| kind["worst"]["effect"].as_f64().unwrap_or(0.0);
    let worst = kinds
        .max_by(|a, b| effect(a).total_cmp(&effect(b)))
        .unwrap();
    assert_eq!(
        browser.text("td.worst span").await,
        worst["worst"]["column"].as_str().unwrap()
    );

    browser.click("table.models tbody a").await;
    let card = browser.text(".kind-card").await;
    assert!(card.contains(&format!("{share} columns")), "{card}");
    browser
        .until("document.querySelectorAll('table.map tbody tr').length === 9")
        .await;
    let shown = browser
        .value("[...document.querySelectorAll('table.map tbody tr')].filter((row) => row.querySelector('.badge.drifted')).map((row) => row.querySelector('button span').textContent)")
        .await;
    let mut shown: Vec<String> = serde_json::from_value(shown).unwrap();
    shown.retain(|name| name != "all columns together");
    assert_eq!(shown[0], "temperature");
    shown.sort();
    assert_eq!(shown, columns);

    // Over time, with its threshold, in pictures and in numbers.
    assert_eq!(browser.text("#column-title").await, "temperature");
    browser
        .until("document.querySelectorAll('.panel canvas').length === 3")
        .await;
    let one = data["measurements"].as_array().unwrap().iter();
    let one = one
        .clone()
        .find(|one| one["column"] == "temperature" && one["metric"] == "ks")
        .unwrap();
    browser.click(".panel figure summary").await;
    let newest = browser.text(".panel figure .plain tbody tr").await;
    for field in ["value", "threshold"] {
        let words = three_digits(&one[field]);
        assert!(newest.contains(&words), "{words}: {newest}");
    }
    browser
        .until("document.querySelectorAll('.panel figure .plain tbody tr').length >= 4")
        .await;
    world.is_content();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_windows_of_a_column_are_those_of_the_api() {
    let world = World::with_flights().await;
    let browser = &world.browser;

    world
        .open("#/models/flights?monitor=data-drift&column=carrier")
        .await;

    let found = world
        .app
        .get("/v1/models/flights/distributions?column=carrier&monitor=data-drift&bins=40")
        .await
        .ok();
    let first = found["categories"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(browser.text(".categories li .name").await, first);
    let sides = browser.text(".sides tbody tr").await;
    assert_eq!(
        sides.split_whitespace().collect::<Vec<_>>(),
        ["rows", "1,500", "1,250"]
    );

    // Another column, by its button: the address follows, so that it can be shared.
    browser.click("table.map tbody tr:first-child button").await;
    browser.until("document.querySelector('.histogram')").await;
    assert_eq!(
        world.hash().await,
        "#/models/flights?monitor=data-drift&column=temperature&metric=ks"
    );
    let found = world
        .app
        .get("/v1/models/flights/distributions?column=temperature&monitor=data-drift&bins=40")
        .await
        .ok();
    let bins = found["bins"].as_array().unwrap().len();
    assert_eq!(
        browser
            .value("document.querySelectorAll('.histogram g').length")
            .await,
        bins
    );
    world.is_content();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monitors_are_evaluated_and_replayed_from_the_page() {
    let world = World::with_flights().await;
    let (app, browser) = (&world.app, &world.browser);
    app.put(
        "/v1/models/flights/monitors/by-hand",
        &json!({"detector": "data-drift", "cadence": {"on": "request"}}),
    )
    .await
    .ok();
    app.run_due().await;
    world.open("#/models/flights").await;
    let item = "[...document.querySelectorAll('.monitor')].find((one) => one.querySelector('b').textContent === 'by-hand')";
    let words = browser.until(&format!("{item}?.innerText")).await;
    assert!(
        words
            .as_str()
            .unwrap()
            .contains("compares the newest 5,000 rows with what is known to be normal, when asked"),
        "{words}"
    );

    browser
        .until(&format!("{item}.querySelector('button').click() || true"))
        .await;
    browser
        .until(&format!(
            "{item}.querySelector('.told').textContent.startsWith('drifted, in')"
        ))
        .await;
    let results = app.get("/v1/models/flights/results").await.ok();
    assert!(
        results["evaluations"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["monitor"] == "by-hand" && one["cause"] == "request")
    );

    browser
        .until(&format!(
            "{item}.querySelectorAll('button')[1].click() || true"
        ))
        .await;
    browser
        .until(&format!(
            "{item}.querySelector('.told').textContent.startsWith('The backtest waits')"
        ))
        .await;
    app.run_due().await;
    browser
        .until(&format!(
            "{item}.querySelector('.told').textContent.startsWith('Backtest done')"
        ))
        .await;
    world.is_content();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_run_and_their_errors_are_told() {
    let world = World::with_flights().await;
    let browser = &world.browser;
    world.open("#/sql").await;

    browser.click(".examples button:nth-child(3)").await;

    let row = browser.text("table.answer tbody tr").await;
    assert_eq!(
        row.split_whitespace().take(4).collect::<Vec<_>>(),
        ["flights", "classifier", "1250", "1250"]
    );
    browser.click("textarea").await;
    browser.press("Control+a").await;
    browser
        .value("document.querySelector('textarea').select()")
        .await;
    browser.write("delete from history.models").await;
    browser.press("Control+Enter").await;
    let words = browser.text(".state.broken").await;
    assert!(words.starts_with("The statement was not run"), "{words}");
    browser
        .value("document.querySelector('textarea').select()")
        .await;
    browser
        .write("select '<b>bold</b>' as words, null as nothing, '=1+1' as formula")
        .await;
    browser.click("button.primary").await;
    assert_eq!(browser.text("table.answer td").await, "<b>bold</b>");
    world.is_content();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_is_shown_without_a_reload() {
    let world = World::empty().await;
    let (app, browser) = (&world.app, &world.browser);
    world.open("").await;
    browser
        .until("document.querySelector('.state .title').textContent === 'No model yet'")
        .await;

    let (normal, alike) = (batch("2013-03", 0, 1_500), batch("2013-03", 2, 250));
    app.post(
        "/v1/models",
        &json!({"model_id": "flights", "model_type": "classifier", "positive_label": "late"}),
    )
    .await
    .ok();
    app.post("/v1/models/flights/reference", &normal).await.ok();
    app.post("/v1/models/flights/predictions", &alike)
        .await
        .ok();
    app.run_due().await;
    browser
        .until("document.querySelector('h1 + .sentence').textContent === 'No drift in 1 model'")
        .await;

    app.post("/v1/models/flights/predictions", &batch("2013-07", 0, 250))
        .await
        .ok();
    app.advance(SignedDuration::from_hours(1));
    app.run_due().await;
    browser
        .until("document.querySelector('h1 + .sentence').textContent === '1 of 1 model drifts'")
        .await;

    // Paused, it stays as it is.
    browser.click("#live").await;
    assert_eq!(browser.text("#live").await, "Paused");
    world.is_content();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_text_whatever_they_say() {
    let world = World::empty().await;
    let (app, browser) = (&world.app, &world.browser);
    let name = "<img src=x onerror=alert(1)>/ü?#&\"'</script>";
    let column = "<svg onload=alert(2)>";
    let rows: Vec<Value> = (0..400)
        .map(|at| json!({"record_id": format!("r{at}"), "prediction_time": format!("2026-01-01T{:02}:{:02}:00Z", at / 60, at % 60),
            "features": {column: f64::from(at), "plan": "<i>gold</i>"}, "prediction": "<u>yes</u>"}))
        .collect();
    let path = reqwest::Url::parse("http://x/").unwrap();
    let mut url = path.clone();
    url.path_segments_mut()
        .unwrap()
        .clear()
        .push("v1")
        .push("models")
        .push(name)
        .push("predictions");
    app.post(url.path(), &json!({ "predictions": rows }))
        .await
        .ok();
    app.run_due().await;
    world.open("").await;

    assert_eq!(browser.text("table.models tbody a").await, name);
    browser.click("table.models tbody a").await;
    let title = browser.until(&format!("[...document.querySelectorAll('h1')].find((one) => one.textContent === {name:?})?.textContent")).await;
    assert_eq!(title, name);
    let found = browser.until(&format!("[...document.querySelectorAll('table.map button span')].find((one) => one.textContent === {column:?})?.textContent")).await;
    assert_eq!(found, column);
    browser.value("[...document.querySelectorAll('table.map button')].find((one) => one.textContent.startsWith('plan')).click()").await;
    assert_eq!(browser.text(".categories .name").await, "<i>gold</i>");

    assert_eq!(browser.value("document.querySelectorAll('main img, main i:not([class]):not(.key i), main u, main script').length").await, 0);
    world.is_content();
    // The policy holds even where the page did not: markup that got in would not run.
    browser.value("addEventListener('securitypolicyviolation', (event) => { window.refused = event.violatedDirective; }), true").await;
    browser.value("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')").await;
    let complaint = browser
        .until("window.ran === undefined && document.querySelector('body > img')?.complete")
        .await;
    assert_eq!(complaint, true);
    let refused = browser.until("window.refused").await;
    assert!(
        refused.as_str().unwrap().starts_with("script-src"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_models_come_page_by_page_sorted_and_searched() {
    let world = World::empty().await;
    let (app, browser) = (&world.app, &world.browser);
    for at in 0..120 {
        app.post(
            "/v1/models",
            &json!({ "model_id": format!("model-{at:03}") }),
        )
        .await
        .ok();
    }
    world.open("#/models?sort=model").await;

    assert_eq!(browser.text(".pager span").await, "1–50 of 120");
    assert_eq!(browser.text("tbody a").await, "model-000");
    browser.click(".pager button:last-child").await;
    browser
        .until("document.querySelector('.pager span').textContent === '51–100 of 120'")
        .await;
    assert_eq!(browser.text("tbody a").await, "model-050");
    assert_eq!(world.hash().await, "#/models?sort=model&offset=50");

    browser.click("thead th:first-child button").await;
    browser
        .until("document.querySelector('tbody a').textContent === 'model-119'")
        .await;
    browser.click("input[type=search]").await;
    browser.write("L-11").await;
    browser
        .until("document.querySelectorAll('tbody tr').length === 10")
        .await;
    assert_eq!(browser.text(".found").await, "10 models found");
    browser.write("zz").await;
    assert_eq!(browser.text(".state .title").await, "No model is like that");
    world.is_content();
}
