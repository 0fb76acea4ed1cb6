//! What the page has to show: flights whose months differ, and a browser in front of them.

use std::fs::File;
use std::path::Path;

use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::app::TestApp;
use crate::harness::browser::Browser;
use crate::harness::repository;

/// Rows of the reference.
const REFERENCE_ROWS: usize = 1_500;
/// Rows between two evaluations.
const ROWS: usize = 250;
/// Rows of a month.
const MONTH_ROWS: usize = 6_000;

/// A service with flights, and a browser.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) browser: Browser,
}

impl World {
    /// Nothing but the two.
    pub(super) async fn empty() -> Self {
        let (app, browser) = tokio::join!(TestApp::start(), Browser::start());
        Self { app, browser }
    }

    /// March as the reference, and evaluations over the months behind it, an hour apart.
    pub(super) async fn with_flights() -> Self {
        let world = Self::empty().await;
        let app = &world.app;
        app.post(
            "/v1/models",
            &json!({"model_id": "flights", "model_type": "classifier", "positive_label": "late"}),
        )
        .await
        .ok();
        app.post(
            "/v1/models/flights/reference",
            &batch("2013-03", 0, REFERENCE_ROWS),
        )
        .await
        .ok();
        for month in ["2013-04", "2013-05", "2013-06", "2013-07", "2013-08"] {
            let rows = batch(month, 0, ROWS);
            app.post("/v1/models/flights/predictions", &rows).await.ok();
            app.advance(SignedDuration::from_hours(1));
            app.run_due().await;
        }
        world
    }

    /// Opens a place of the page.
    pub(super) async fn open(&self, hash: &str) {
        self.browser
            .open(&format!("http://{}/ui/{hash}", self.app.address))
            .await;
    }

    /// The address of a place of the page after the `#`.
    pub(super) async fn hash(&self) -> String {
        let hash = self.browser.value("location.hash").await;
        hash.as_str().unwrap().to_owned()
    }

    /// Nothing was wrong in the page.
    #[track_caller]
    pub(super) fn is_content(&self) {
        assert_eq!(self.browser.complaints(), Vec::<String>::new());
    }
}

/// Some flights of a month as rows with labels: evenly from its first day to its last, beginning with row `from`.
pub(super) fn batch(month: &str, from: usize, count: usize) -> Value {
    let path = repository().join(format!("examples/flights/{month}.csv.gz"));
    let rows = rows(&path, from, count);
    assert_eq!(rows.len(), count);
    json!({ "predictions": rows })
}

fn rows(path: &Path, from: usize, count: usize) -> Vec<Value> {
    let mut reader = csv::Reader::from_reader(MultiGzDecoder::new(File::open(path).unwrap()));
    let header = reader.headers().unwrap().clone();
    let records = reader.into_records().skip(from);
    let records = records.step_by(MONTH_ROWS / count).take(count);
    records
        .map(|record| row(&header, &record.unwrap()))
        .collect()
}

fn row(header: &StringRecord, record: &StringRecord) -> Value {
    let field = |name: &str| {
        let at = header.iter().position(|found| found == name).unwrap();
        &record[at]
    };
    let number = |name: &str| field(name).parse::<f64>().ok();
    json!({
        "record_id": field("flight_id"),
        "prediction_time": field("scheduled_at"),
        "features": {
            "carrier": field("carrier"), "origin": field("origin"), "weekday": field("weekday"),
            "distance": number("distance"), "temperature": number("temperature"), "humidity": number("humidity"),
            "pressure": number("pressure"), "wind_speed": number("wind_speed"),
        },
        "prediction": field("late_predicted"),
        "probability": number("late_probability"),
        "label": field("late"),
    })
}
