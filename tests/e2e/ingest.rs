//! Rows, labels, models and reference data on their way into the database.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use jiff::Timestamp;
use leeway::domain::model::{
    CATEGORIES_MAX, EMBEDDING_DIMENSION_MAX, EMBEDDING_NUMBERS_MAX, RECORD_ID_BYTES_MAX,
};
use leeway::domain::{ColumnKind, ManualClock, ModelId, ModelSettings, ModelType, Role};
use leeway::ingest::{
    BodyFormat, Ingest, IngestError, IngestOptions, IngestSettings, ROWS_PER_REQUEST_MAX, Receipt,
    Registration,
};
use leeway::profile::{Profile, ProfileConfig};
use leeway::store::{
    Arrival, LabelValue, NewColumn, NewLabels, NewRows, Partitioned, Scalar, Store, Way,
    WriteConnection, Written,
};
use sqlx::postgres::PgPoolOptions;

use crate::harness::server::database;

const NOW: &str = "2026-11-23T10:00:00Z";

/// One host.
struct Host {
    ingest: Arc<Ingest>,
    store: Store,
    commits: Arc<AtomicU64>,
}

fn host_on(store: Store) -> Host {
    let commits = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&commits);
    let ingest = Ingest::start(
        store.clone(),
        Arc::new(ManualClock::new(NOW.parse().unwrap())),
        IngestSettings::default(),
        Arc::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        }),
    );
    Host {
        ingest: Arc::new(ingest),
        store,
        commits,
    }
}

async fn host() -> Host {
    host_on(database().await)
}

/// Another host on the same database, with connections of its own.
async fn replica(store: &Store) -> Host {
    let options = store.pool().connect_options().as_ref().clone();
    let pool = PgPoolOptions::new().max_connections(8);
    host_on(Store::new(pool.connect_with(options).await.unwrap()))
}

fn id(text: &str) -> ModelId {
    ModelId::new(text).unwrap()
}

impl Host {
    async fn send(&self, model: &str, body: impl Into<String>) -> Result<Receipt, IngestError> {
        let body = Bytes::from(body.into());
        let options = IngestOptions::default();
        self.ingest
            .predictions(&id(model), BodyFormat::Json, body, &options)
            .await
    }

    async fn send_some(&self, model: &str, body: &str) -> Result<Receipt, IngestError> {
        let body = Bytes::from(body.to_owned());
        let options = IngestOptions {
            partial: true,
            ..IngestOptions::default()
        };
        self.ingest
            .predictions(&id(model), BodyFormat::Json, body, &options)
            .await
    }

    async fn label(&self, model: &str, body: &str) -> Result<Receipt, IngestError> {
        let body = Bytes::from(body.to_owned());
        self.ingest.labels(&id(model), BodyFormat::Json, body).await
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(self.store.pool())
            .await
            .unwrap()
    }

    /// Columns of a model by name: kind, position and version.
    async fn columns(&self, model: &str) -> BTreeMap<String, (ColumnKind, usize, i32)> {
        let model = self.store.model(&id(model)).await.unwrap().unwrap();
        let column = |column: leeway::domain::ModelColumn| {
            (
                column.name,
                (column.kind, column.position, column.schema_version),
            )
        };
        model.columns.into_iter().map(column).collect()
    }

    /// Rows as the documented view shows them.
    async fn view(&self, model: &str) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT concat_ws(' ', record_id, prediction::text, probability::text, features::text)
             FROM history.predictions WHERE model_id = $1 ORDER BY seq",
        )
        .bind(model)
        .fetch_all(self.store.pool())
        .await
        .unwrap()
    }
}

/// A row of `record` at a second of today, with features as JSON.
fn row(record: &str, features: &str) -> String {
    format!(
        r#"{{"record_id": "{record}", "prediction_time": "2026-11-23T09:00:00Z", "prediction": "yes", "probability": 0.75, "features": {{{features}}}}}"#
    )
}

fn counts(receipt: &Receipt) -> (u64, u64, u64, i32) {
    (
        receipt.accepted,
        receipt.duplicates,
        receipt.labels,
        receipt.schema_version,
    )
}

fn reasons(error: &IngestError) -> Vec<(u64, String, String)> {
    let IngestError::Rows { problems, .. } = error else {
        panic!("{error}")
    };
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    problems
        .iter()
        .map(|problem| (problem.row, text(&problem.field), problem.reason.clone()))
        .collect()
}

#[tokio::test]
async fn rows_are_stored_once_and_read_back_as_they_came() {
    let host = host().await;
    let body = format!(
        "[{}, {}]",
        row("a", r#""age": 41, "city": "Paris", "member": true"#),
        row("b", r#""city": null, "age": 2.5"#)
    );

    let first = host.send("churn", body.clone()).await.unwrap();
    let again = host.send("churn", body).await.unwrap();

    assert_eq!(counts(&first), (2, 0, 0, 1));
    assert_eq!(counts(&again), (0, 2, 0, 1));
    assert_eq!(
        host.view("churn").await,
        [
            r#"a "yes" 0.75 {"age": 41, "city": "Paris", "member": "true"}"#,
            r#"b "yes" 0.75 {"age": 2.5, "city": null, "member": null}"#
        ]
    );
    assert_eq!(
        host.commits.load(Ordering::Relaxed),
        1,
        "nothing new, nothing told"
    );
    host.ingest.stop().await;
}

#[tokio::test]
async fn a_batch_with_some_known_rows_stores_the_others_and_counts_both() {
    let host = host().await;
    host.send("m", format!("[{}]", row("a", r#""x": 1"#)))
        .await
        .unwrap();

    let mixed = format!(
        "[{}, {}, {}]",
        row("a", r#""x": 9"#),
        row("b", r#""x": 2"#),
        row("b", r#""x": 3"#)
    );
    let receipt = host.send("m", mixed).await.unwrap();
    let later = host.send("m", row("c", r#""x": 4"#)).await.unwrap();

    assert_eq!((receipt.accepted, receipt.duplicates), (1, 2));
    assert_eq!(later.accepted, 1);
    let rows = host.view("m").await;
    assert_eq!(
        rows,
        [
            r#"a "yes" 0.75 {"x": 1}"#,
            r#"b "yes" 0.75 {"x": 2}"#,
            r#"c "yes" 0.75 {"x": 4}"#
        ]
    );
}

#[tokio::test]
async fn requests_of_many_models_at_once_are_each_answered_for_themselves() {
    let host = host().await;
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..200 {
        let ingest = Arc::clone(&host.ingest);
        tasks.spawn(async move {
            // Every record is sent by two requests.
            let body = row(
                &format!("r{}", at / 20),
                &format!(r#""x": {at}, "c": "v{}""#, at % 7),
            );
            let model = id(&format!("m{}", at % 10));
            let options = IngestOptions::default();
            let body = Bytes::from(body);
            let receipt = ingest
                .predictions(&model, BodyFormat::Json, body, &options)
                .await;
            receipt.unwrap()
        });
    }
    let receipts = tasks.join_all().await;

    let accepted: u64 = receipts.iter().map(|receipt| receipt.accepted).sum();
    let duplicates: u64 = receipts.iter().map(|receipt| receipt.duplicates).sum();
    assert_eq!((accepted, duplicates), (100, 100));
    assert_eq!(host.count("SELECT count(*) FROM prediction").await, 100);
    assert_eq!(host.count("SELECT count(*) FROM model").await, 10);
    // Every number is given out once, and none is beyond the counter.
    assert_eq!(
        host.count("SELECT count(*) FROM (SELECT model_no, seq FROM prediction GROUP BY 1, 2) n")
            .await,
        100
    );
    assert_eq!(
        host.count("SELECT count(*) FROM prediction p JOIN arrival a USING (model_no) WHERE p.seq NOT BETWEEN 1 AND a.last_seq").await,
        0
    );
}

#[tokio::test]
async fn two_hosts_register_one_model_and_its_columns_once() {
    let first = host().await;
    let second = replica(&first.store).await;
    let hosts = [&first, &second];
    let tasks: Vec<_> = (0..60)
        .map(|at| {
            let ingest = Arc::clone(&hosts[at % 2].ingest);
            let features = format!(r#""f{}": {at}, "c": "name {}""#, at % 12, at % 15);
            let body = Bytes::from(row(&format!("r{at}"), &features));
            tokio::spawn(async move {
                let options = IngestOptions::default();
                ingest
                    .predictions(&id("shared"), BodyFormat::Json, body, &options)
                    .await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().accepted, 1);
    }

    let columns = first.columns("shared").await;
    assert_eq!(columns.len(), 12 + 1 + 2);
    let mut numbers: Vec<usize> = columns
        .values()
        .filter(|(kind, _, _)| *kind == ColumnKind::Numeric)
        .map(|(_, position, _)| *position)
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..13).collect::<Vec<_>>());
    let rows = first.view("shared").await;
    assert_eq!(rows.len(), 60);
    let mut sorted = rows.clone();
    sorted.sort_by_key(|row| row[1..row.find(' ').unwrap()].parse::<usize>().unwrap());
    for (at, row) in sorted.iter().enumerate() {
        let (number, name) = (
            format!(r#""f{}": {at}"#, at % 12),
            format!("name {}\"", at % 15),
        );
        assert!(row.contains(&number) && row.contains(&name), "{row}");
    }
    assert_eq!(
        first
            .count("SELECT count(*) - count(DISTINCT (column_no, name)) FROM category")
            .await,
        0
    );
}

#[tokio::test]
async fn a_model_deleted_by_another_host_starts_anew() {
    let first = host().await;
    let second = replica(&first.store).await;
    first
        .send("m", row("a", r#""x": 1, "c": "old""#))
        .await
        .unwrap();
    second
        .send("m", row("b", r#""x": 2, "c": "other""#))
        .await
        .unwrap();

    second.ingest.delete(&id("m")).await.unwrap();
    // The first host still knows it, with a feature that is a number.
    let receipt = first.send("m", row("a", r#""x": "text now""#)).await;

    assert!(receipt.is_err(), "the body is held against what is known");
    let receipt = first
        .send("m", row("a", r#""x": 3, "d": "new""#))
        .await
        .unwrap();
    assert_eq!(counts(&receipt), (1, 0, 0, 1));
    assert_eq!(
        first.view("m").await,
        [r#"a "yes" 0.75 {"d": "new", "x": 3}"#]
    );
    assert_eq!(first.count("SELECT count(*) FROM prediction").await, 1);
    let gone = first.ingest.delete(&id("none")).await.unwrap_err();
    assert!(matches!(gone, IngestError::NoModel(_)));
}

#[tokio::test]
async fn new_features_make_a_new_version_and_old_rows_lack_them() {
    let host = host().await;
    let first = host
        .send("m", row("a", r#""x": 1, "later": null"#))
        .await
        .unwrap();
    let same = host
        .send("m", row("b", r#""x": 2, "later": null"#))
        .await
        .unwrap();
    let grown = host
        .send("m", row("c", r#""later": "now", "y": 3, "x": 4"#))
        .await
        .unwrap();

    assert_eq!(
        [
            first.schema_version,
            same.schema_version,
            grown.schema_version
        ],
        [1, 1, 2]
    );
    let columns = host.columns("m").await;
    assert_eq!(columns["x"], (ColumnKind::Numeric, 1, 1));
    assert_eq!(columns["y"].2, 2);
    assert_eq!(columns["later"], (ColumnKind::Categorical, 1, 2));
    assert_eq!(
        host.view("m").await[0],
        r#"a "yes" 0.75 {"x": 1, "y": null, "later": null}"#
    );
}

#[tokio::test]
async fn a_bad_row_refuses_its_batch_unless_the_client_takes_less() {
    let host = host().await;
    host.send("m", row("a", r#""x": 1, "c": "p""#))
        .await
        .unwrap();
    let body = format!(
        "[{}, {}, {}, {}]",
        row("b", r#""x": 2"#),
        row("c", r#""x": "two", "new": 1"#),
        row("d", r#""c": 7, "also_new": "only here""#),
        r#"{"prediction_time": "1999-12-31T23:59:59Z", "lable": 1}"#
    );

    let error = host.send("m", body.clone()).await.unwrap_err();
    let expected = [
        (1, "x", "'two' is text, and the column is numeric"),
        (2, "c", "7 is a number, and the column is categorical"),
        (
            3,
            "lable",
            "is no field of a row: features belong into 'features'",
        ),
        (3, "prediction_time", "is before the year 2000"),
    ];
    let found = reasons(&error);
    for (row, field, reason) in expected {
        assert!(
            found.contains(&(row, field.into(), reason.into())),
            "{found:?}"
        );
    }
    assert!(matches!(error, IngestError::Rows { total: 3, .. }));
    assert_eq!(host.view("m").await.len(), 1);

    let receipt = host.send_some("m", &body).await.unwrap();
    assert_eq!((receipt.accepted, receipt.duplicates), (1, 0));
    let rows: Vec<u64> = receipt.rejected.iter().map(|problem| problem.row).collect();
    assert_eq!(rows, [1, 2, 3, 3]);
    // What only refused rows had is not registered.
    assert_eq!(host.columns("m").await.len(), 4);
    assert_eq!(host.count("SELECT count(*) FROM category").await, 2);
}

#[tokio::test]
async fn labels_come_before_with_or_after_their_rows() {
    let host = host().await;
    let early = host
        .label(
            "m",
            r#"[{"record_id": "a", "label": "yes"}, {"record_id": 7, "label": null}]"#,
        )
        .await
        .unwrap();
    assert_eq!(counts(&early), (0, 0, 1, 1));
    let with = r#"{"record_id": "b", "prediction_time": 1795424400, "prediction": "no", "ground_truth_label": "no"}"#;
    assert_eq!(counts(&host.send("m", with).await.unwrap()), (1, 0, 1, 2));
    let late = host
        .label("m", r#"{"record_id": ["b", "c"], "label": ["yes", "yes"]}"#)
        .await
        .unwrap();
    assert_eq!(late.labels, 2);

    let labels: Vec<(i64, String, String)> = sqlx::query_as(
        "SELECT seq, record_id, label::text FROM history.labels WHERE model_id = 'm' ORDER BY seq",
    )
    .fetch_all(host.store.pool())
    .await
    .unwrap();
    let expected = [
        (1, "a", "\"yes\""),
        (2, "b", "\"no\""),
        (3, "b", "\"yes\""),
        (4, "c", "\"yes\""),
    ];
    assert_eq!(
        labels,
        expected.map(|(seq, id, label)| (seq, id.to_owned(), label.to_owned()))
    );
    let number = host
        .label("m", r#"{"record_id": "d", "label": 1}"#)
        .await
        .unwrap_err();
    assert_eq!(
        reasons(&number),
        [(
            0,
            "label".into(),
            "1 is a number, and the column is categorical".into()
        )]
    );
    let prediction = r#"{"record_id": "d", "prediction_time": 1795424400, "prediction": 0.5}"#;
    assert!(
        host.send("m", prediction).await.is_err(),
        "answers are of one kind"
    );
}

#[tokio::test]
async fn what_is_said_of_a_model_holds_from_then_on() {
    let host = host().await;
    let registration = Registration {
        id: id("m"),
        model_type: Some(ModelType::Classifier),
        positive_label: Some("1".into()),
        last_training_time: Some("2026-11-01T00:00:00Z".parse().unwrap()),
        settings: Some(ModelSettings {
            chunk_seconds: 60,
            chunk_rows: 10,
        }),
        columns: vec![NewColumn {
            name: "zone".into(),
            kind: ColumnKind::Categorical,
            role: Role::Feature,
            dimension: 0,
        }],
    };
    let model = host.ingest.register(registration.clone()).await.unwrap();
    assert_eq!((model.schema_version, model.columns.len()), (1, 1));
    assert_eq!(
        host.ingest.register(registration.clone()).await.unwrap(),
        model
    );

    // A declared category may be a number.
    host.send("m", row("a", r#""zone": 7, "other": 1"#))
        .await
        .unwrap();
    host.send("m", row("b", r#""zone": "seven", "other": 2"#))
        .await
        .unwrap();
    let rows = host.view("m").await;
    assert!(rows[0].contains(r#""zone": "7""#), "{rows:?}");

    let contradictions: [Registration; 4] = [
        Registration {
            model_type: Some(ModelType::Regressor),
            ..registration.clone()
        },
        Registration {
            positive_label: Some("2".into()),
            ..registration.clone()
        },
        Registration {
            settings: Some(ModelSettings::default()),
            ..registration.clone()
        },
        Registration {
            columns: vec![NewColumn {
                name: "zone".into(),
                kind: ColumnKind::Numeric,
                role: Role::Feature,
                dimension: 0,
            }],
            ..registration.clone()
        },
    ];
    for (registration, field) in
        contradictions
            .into_iter()
            .zip(["model_type", "positive_label", "settings", "column"])
    {
        let error = host.ingest.register(registration).await.unwrap_err();
        assert!(
            matches!(&error, IngestError::Contradiction { field: found, .. } if *found == field),
            "{error}"
        );
    }
    let options = IngestOptions {
        model_type: Some(ModelType::Regressor),
        ..IngestOptions::default()
    };
    let body = Bytes::from(row("c", ""));
    let error = host
        .ingest
        .predictions(&id("m"), BodyFormat::Json, body, &options)
        .await
        .unwrap_err();
    let IngestError::Contradiction { asked, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(asked, "regressor");
}

#[tokio::test]
async fn a_newer_training_time_counts_and_an_older_one_does_not() {
    let host = host().await;
    for (at, (said, known)) in [
        ("2026-11-01", "2026-11-01"),
        ("2026-10-01", "2026-11-01"),
        ("2026-11-05", "2026-11-05"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = format!(
            r#"{{"model_id": "m", "last_training_time": "{said}T00:00:00Z", "predictions": [{}]}}"#,
            row(&at.to_string(), "")
        );
        host.send("m", body).await.unwrap();
        let model = host.store.model(&id("m")).await.unwrap().unwrap();
        let known: Timestamp = format!("{known}T00:00:00Z").parse().unwrap();
        assert_eq!(model.last_training_time, Some(known));
    }
    let error = host
        .send(
            "other",
            format!(r#"{{"model_id": "m", "predictions": [{}]}}"#, row("x", "")),
        )
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body is of model 'm', the request of model 'other'"
    );
}

#[tokio::test]
async fn limits_hold_on_both_sides() {
    let host = host().await;
    let longest = "x".repeat(RECORD_ID_BYTES_MAX);
    host.send("m", row(&longest, "")).await.unwrap();
    let error = host
        .send("m", row(&format!("{longest}x"), ""))
        .await
        .unwrap_err();
    assert_eq!(
        reasons(&error),
        [(
            0,
            "record_id".into(),
            "has 513 bytes; it must have 1 to 512".into()
        )]
    );

    let many = |rows: usize| {
        let rows: Vec<String> = (0..rows)
            .map(|at| format!(r#"{{"record_id":{at},"prediction_time":1795424400}}"#))
            .collect();
        format!("[{}]", rows.join(","))
    };
    let receipt = host.send("rows", many(ROWS_PER_REQUEST_MAX)).await.unwrap();
    assert_eq!(receipt.accepted, ROWS_PER_REQUEST_MAX as u64);
    let error = host
        .send("rows", many(ROWS_PER_REQUEST_MAX + 1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, IngestError::TooLarge { found, limit, .. } if found == limit + 1),
        "{error}"
    );

    let names = |range: std::ops::Range<usize>| {
        let rows: Vec<String> = range
            .map(|at| row(&format!("{at}"), &format!(r#""id": "n{at}""#)))
            .collect();
        format!("[{}]", rows.join(","))
    };
    let error = host
        .send("names", names(0..CATEGORIES_MAX + 1))
        .await
        .unwrap_err();
    let found = reasons(&error);
    assert_eq!((found.len(), found[0].0), (1, CATEGORIES_MAX as u64));
    assert!(found[0].2.contains("one category too many"), "{found:?}");
    let receipt = host.send("names", names(0..CATEGORIES_MAX)).await.unwrap();
    assert_eq!(receipt.accepted, CATEGORIES_MAX as u64);
    let receipt = host
        .send_some("names", &names(CATEGORIES_MAX - 1..CATEGORIES_MAX + 1))
        .await
        .unwrap();
    assert_eq!(
        (receipt.accepted, receipt.duplicates, receipt.rejected.len()),
        (0, 1, 1)
    );

    let early = r#"{"record_id": 1, "prediction_time": "2000-01-01T00:00:00Z"}"#;
    host.send("time", early).await.unwrap();
    host.send(
        "time",
        r#"{"record_id": 1, "prediction_time": "2026-11-24T10:00:00Z"}"#,
    )
    .await
    .unwrap();
    for time in ["1999-12-31T23:59:59.999999Z", "2026-11-24T10:00:00.000001Z"] {
        let body = format!(r#"{{"record_id": 1, "prediction_time": "{time}"}}"#);
        assert!(host.send("time", body).await.is_err(), "{time}");
    }
}

#[tokio::test]
async fn a_queue_that_is_full_refuses_and_a_stopping_host_too() {
    let store = database().await;
    let settings = IngestSettings {
        waiting_requests_max: 0,
        ..IngestSettings::default()
    };
    let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
    let ingest = Ingest::start(store, clock, settings, Arc::new(|_| {}));
    let options = IngestOptions::default();
    let body = Bytes::from(row("a", ""));
    let full = ingest
        .predictions(&id("m"), BodyFormat::Json, body, &options)
        .await
        .unwrap_err();
    assert!(matches!(full, IngestError::Busy));

    let host = host().await;
    host.ingest.stop().await;
    let stopping = host.send("m", row("a", "")).await.unwrap_err();
    assert!(matches!(stopping, IngestError::Stopping));
}

#[tokio::test]
async fn stopping_waits_for_what_was_taken_in() {
    let host = host().await;
    host.send("m", row("first", r#""x": 0"#)).await.unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|at| {
            let ingest = Arc::clone(&host.ingest);
            let body = Bytes::from(row(&format!("r{at}"), r#""x": 1"#));
            tokio::spawn(async move {
                let options = IngestOptions::default();
                ingest
                    .predictions(&id("m"), BodyFormat::Json, body, &options)
                    .await
            })
        })
        .collect();
    tokio::task::yield_now().await;
    host.ingest.stop().await;

    let mut accepted = 1;
    for task in tasks {
        match task.await.unwrap() {
            Ok(receipt) => accepted += receipt.accepted,
            Err(error) => assert!(matches!(error, IngestError::Stopping), "{error}"),
        }
    }
    let stored = host.count("SELECT count(*) FROM prediction").await;
    assert_eq!(stored, accepted.cast_signed());
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_again_and_loses_nothing() {
    let host = host().await;
    let labelled = |record: &str| {
        format!(
            r#"{{"record_id": "{record}", "prediction_time": 1795424400, "label": "yes", "features": {{"x": 1}}}}"#
        )
    };
    host.send("m", labelled("first")).await.unwrap();
    let sent = Arc::new(Mutex::new(0));
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            let (ingest, sent) = (Arc::clone(&host.ingest), Arc::clone(&sent));
            tokio::spawn(async move {
                for at in 0..40 {
                    let body = labelled(&format!("{sender} {at}"));
                    let options = IngestOptions::default();
                    let receipt = ingest
                        .predictions(&id("m"), BodyFormat::Json, body.into(), &options)
                        .await
                        .unwrap();
                    assert_eq!((receipt.accepted, receipt.duplicates), (1, 0));
                    *sent.lock().unwrap() += 1;
                }
            })
        })
        .collect();
    // Meanwhile somebody cuts connections, after every few rows, whatever they are at.
    let mut cut_at = 0;
    while senders.iter().any(|sender| !sender.is_finished()) {
        if *sent.lock().unwrap() >= cut_at {
            cut_at += 25;
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ '(COPY|COMMIT|arrival)'",
            )
            .execute(host.store.pool())
            .await
            .unwrap();
        }
        tokio::task::yield_now().await;
    }
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(host.count("SELECT count(*) FROM prediction").await, 321);
    assert_eq!(host.count("SELECT count(*) FROM label").await, 321);
    assert_eq!(
        host.count("SELECT count(DISTINCT (record_id, seq)) FROM label")
            .await,
        321
    );
}

/// Rows of a model by record, with numbers and codes; all at one time.
fn arrival(model_no: i32, rows: &[(&str, &[f64], &[i32])]) -> Arrival {
    let mut new = NewRows::default();
    for (record, numbers, codes) in rows {
        new.push(model_no, 1_795_424_400_000_000, record, numbers, codes);
    }
    Arrival {
        model_no,
        rows: new,
        labels: NewLabels::default(),
    }
}

fn label(arrival: &mut Arrival, record: &str, value: LabelValue) {
    let now: Timestamp = NOW.parse().unwrap();
    arrival.labels.push(arrival.model_no, now, record, value);
}

async fn write(
    store: &Store,
    connection: &mut WriteConnection,
    way: Way,
    group: &mut [Arrival],
) -> Option<Vec<Option<u64>>> {
    store.prepare(group).await.unwrap();
    match connection.write(group, way).await.unwrap() {
        Written::Committed(counts) => Some(counts),
        Written::Duplicates => None,
        Written::Unknown { error, .. } => panic!("{error}"),
    }
}

async fn model_no(store: &Store, model: &str) -> i32 {
    store.model(&id(model)).await.unwrap().unwrap().no
}

#[tokio::test]
async fn a_small_group_is_one_statement_that_counts_every_request_for_itself() {
    let host = host().await;
    for model in ["a", "b", "gone"] {
        host.send(model, row("first", r#""x": 0"#)).await.unwrap();
    }
    let (a, b, gone) = (
        model_no(&host.store, "a").await,
        model_no(&host.store, "b").await,
        model_no(&host.store, "gone").await,
    );
    host.ingest.delete(&id("gone")).await.unwrap();
    let mut connection = host.store.write_connection().await.unwrap();

    let nan = f64::NAN;
    let mut group = [
        arrival(a, &[("r1", &[1.0, nan, 3.0], &[4]), ("r2", &[], &[])]),
        arrival(b, &[("r1", &[7.5], &[-1, 2, -1])]),
        arrival(gone, &[("r1", &[1.0], &[])]),
        arrival(a, &[("r1", &[9.0], &[]), ("r3", &[nan, nan], &[-1])]),
        arrival(a, &[]),
        arrival(a, &[("r2", &[2.0], &[])]),
    ];
    label(&mut group[0], "r1", LabelValue::Code(1));
    label(&mut group[2], "r1", LabelValue::Code(1));
    label(&mut group[4], "r1", LabelValue::Code(0));
    label(&mut group[4], "r9", LabelValue::Number(-0.5));
    let counts = write(&host.store, &mut connection, Way::Straight, &mut group).await;

    let expected = vec![Some(2), Some(1), None, Some(1), Some(0), Some(0)];
    assert_eq!(counts, Some(expected));
    let again = write(&host.store, &mut connection, Way::Straight, &mut group[..2]).await;
    assert_eq!(again, Some(vec![Some(0), Some(0)]));
    // Of one record the first row is stored, whatever comes behind it; numbers go on behind those of the first request.
    let stored: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws(' ', seq, model_no = $1, record_id, numbers::text, codes::text) FROM prediction
         WHERE record_id <> 'first' ORDER BY model_no, seq",
    )
    .bind(a)
    .fetch_all(host.store.pool())
    .await
    .unwrap();
    assert_eq!(
        stored,
        [
            "2 t r1 {1,NULL,3} {4}",
            "3 t r2 {} {}",
            "5 t r3 {} {}",
            "2 f r1 {7.5} {NULL,2}",
        ]
    );
    let labels: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws(' ', seq, record_id, number, code) FROM label ORDER BY model_no, seq",
    )
    .fetch_all(host.store.pool())
    .await
    .unwrap();
    // Labels are written again with their rows: the newest counts.
    assert_eq!(labels, ["1 r1 1", "2 r1 0", "3 r9 -0.5", "4 r1 1"]);
    assert_eq!(
        host.count("SELECT count(*) FROM arrival a JOIN model USING (model_no) WHERE model_id = 'a' AND (last_seq, last_label_seq) = (8, 4)")
            .await,
        1
    );
}

#[tokio::test]
async fn groups_beyond_the_size_of_a_statement_are_copied_and_come_to_the_same() {
    let host = host().await;
    let rows = |count: usize, number: f64| -> Vec<(String, Vec<f64>)> {
        (0..count)
            .map(|at| (format!("r{at}"), vec![number + at as f64, f64::NAN, 1.0]))
            .collect()
    };
    let arrival = |model_no: i32, rows: &[(String, Vec<f64>)]| {
        let rows: Vec<(&str, &[f64], &[i32])> = rows
            .iter()
            .map(|(record, numbers)| (record.as_str(), numbers.as_slice(), [3, -1, 1].as_slice()))
            .collect();
        arrival(model_no, &rows)
    };
    let mut stored = Vec::new();
    for (model, count) in [("statement", 512), ("copy", 513)] {
        host.send(model, row("first", r#""x": 0"#)).await.unwrap();
        let no = model_no(&host.store, model).await;
        let mut connection = host.store.write_connection().await.unwrap();
        let old = rows(10, -100.0);
        let few = &mut [arrival(no, &old)];
        write(&host.store, &mut connection, Way::Straight, few)
            .await
            .unwrap();

        let mut group = [
            arrival(no, &rows(count - 1, 0.0)),
            arrival(no, &rows(1, 7.0)),
        ];
        let straight = write(&host.store, &mut connection, Way::Straight, &mut group).await;
        let expected = vec![Some(count as u64 - 11), Some(0)];
        if count == 512 {
            assert_eq!(straight, Some(expected));
        } else {
            assert_eq!(
                straight, None,
                "copied straight, duplicates refuse the group"
            );
            let staged = write(&host.store, &mut connection, Way::Staged, &mut group).await;
            assert_eq!(staged, Some(expected));
        }
        let rows: Vec<String> = sqlx::query_scalar(
            "SELECT concat_ws(' ', record_id, numbers::text, codes::text) FROM prediction
             WHERE model_no = $1 AND record_id NOT IN ('first', 'r511') ORDER BY seq",
        )
        .bind(no)
        .fetch_all(host.store.pool())
        .await
        .unwrap();
        stored.push(rows);
    }
    assert_eq!(
        (stored[0].len(), &stored[0][0]),
        (511, &"r0 {-100,NULL,1} {3,NULL,1}".to_owned())
    );
    assert_eq!(stored[0], stored[1]);
}

#[tokio::test]
async fn partitions_are_made_by_whoever_needs_them_first_and_again_when_one_is_dropped() {
    let first = host().await;
    let second = replica(&first.store).await;
    let months = |store: &Store| {
        let store = store.clone();
        async move {
            let (from, to) = ("2020-01-15T00:00:00Z", "2021-12-31T23:59:59Z");
            store
                .ensure_months(
                    Partitioned::Measurement,
                    from.parse().unwrap(),
                    to.parse().unwrap(),
                )
                .await
        }
    };
    let (one, other) = tokio::join!(months(&first.store), months(&second.store));
    one.and(other).unwrap();
    let made = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'measurement'::regclass";
    assert_eq!(first.count(made).await, 24);

    first.send("m", row("a", "")).await.unwrap();
    sqlx::query("DROP TABLE prediction_2026_11")
        .execute(first.store.pool())
        .await
        .unwrap();
    first.send("m", row("a", "")).await.unwrap();
    assert_eq!(first.count("SELECT count(*) FROM prediction").await, 1);
}

#[tokio::test]
async fn every_format_gives_the_same_rows() {
    use leeway_arrow::{arrow, parquet};
    let host = host().await;
    let csv = "record_id,prediction_time,prediction,probability,label,age,city\n\
               a,2026-11-23T09:00:00Z,1,0.5,0,41.5,Paris\n\
               b,2026-11-23T09:00:01Z,0,0.25,,NA,\"Aix, Var\"\n";
    let ndjson = r#"
        {"record_id": "a", "prediction_time": "2026-11-23T09:00:00Z", "prediction": 1, "probability": 0.5, "label": 0, "features": {"age": 41.5, "city": "Paris"}}
        {"record_id": "b", "prediction_time": "2026-11-23T09:00:01Z", "prediction": 0, "probability": 0.25, "features": {"city": "Aix, Var"}}
    "#;
    let columns = r#"{"record_id": ["a", "b"], "prediction_time": ["2026-11-23T09:00:00Z", 1795424401], "prediction": [1, 0],
        "probability": [0.5, 0.25], "label": [0, null], "features": {"age": [41.5, null], "city": ["Paris", "Aix, Var"]}}"#;
    let bodies: [(&str, BodyFormat, Vec<u8>); 5] = [
        ("csv", BodyFormat::Csv, csv.into()),
        ("ndjson", BodyFormat::Ndjson, ndjson.into()),
        ("columns", BodyFormat::Json, columns.into()),
        ("arrow", BodyFormat::Arrow, arrow()),
        ("parquet", BodyFormat::Parquet, parquet()),
    ];
    let mut views = Vec::new();
    for (model, format, body) in bodies {
        let options = IngestOptions::default();
        let receipt = host
            .ingest
            .predictions(&id(model), format, body.into(), &options)
            .await
            .unwrap_or_else(|error| panic!("{model}: {error}"));
        assert_eq!(counts(&receipt), (2, 0, 1, 1), "{model}");
        views.push(host.view(model).await);
    }
    assert_eq!(
        views[0],
        [
            r#"a 1 0.5 {"age": 41.5, "city": "Paris"}"#,
            r#"b 0 0.25 {"age": null, "city": "Aix, Var"}"#
        ]
    );
    assert!(views.iter().all(|view| *view == views[0]), "{views:?}");
}

mod leeway_arrow {
    //! The same two rows in the columnar formats.

    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, DictionaryArray, Float32Array, Int64Array, RecordBatch, StringArray,
        TimestampMillisecondArray,
    };

    fn rows() -> RecordBatch {
        let city: DictionaryArray<arrow_array::types::Int32Type> =
            ["Paris", "Aix, Var"].into_iter().collect();
        let columns: [(&str, ArrayRef); 7] = [
            ("city", Arc::new(city)),
            ("record_id", Arc::new(StringArray::from(vec!["a", "b"]))),
            (
                "prediction_time",
                Arc::new(TimestampMillisecondArray::from(vec![
                    1_795_424_400_000,
                    1_795_424_401_000,
                ])),
            ),
            ("prediction", Arc::new(Int64Array::from(vec![1, 0]))),
            ("probability", Arc::new(Float32Array::from(vec![0.5, 0.25]))),
            ("label", Arc::new(Int64Array::from(vec![Some(0), None]))),
            ("age", Arc::new(Float32Array::from(vec![Some(41.5), None]))),
        ];
        let columns = columns.map(|(name, array)| (name, array, true));
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    pub(super) fn arrow() -> Vec<u8> {
        let rows = rows();
        let mut bytes = Vec::new();
        let mut writer =
            arrow_ipc::writer::StreamWriter::try_new(&mut bytes, rows.schema_ref()).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        drop(writer);
        bytes
    }

    pub(super) fn parquet() -> Vec<u8> {
        let rows = rows();
        let mut bytes = Vec::new();
        let mut writer =
            parquet::arrow::ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        bytes
    }
}

#[tokio::test]
async fn reference_data_is_kept_once_and_switched_as_a_whole() {
    let host = host().await;
    let upload = |text: &str| {
        let (ingest, body) = (Arc::clone(&host.ingest), Bytes::from(text.to_owned()));
        async move {
            let options = IngestOptions::default();
            ingest
                .reference(&id("m"), BodyFormat::Csv, body, &options, true)
                .await
        }
    };
    let csv =
        "age,city,prediction,probability,label\n30,Paris,1,0.5,1\n40,Aix,0,0.25,1\n50,Aix,1,1,\n";
    let first = upload(csv).await.unwrap();
    let (again, at_once) = tokio::join!(upload(csv), upload(csv));
    assert_eq!((&again.unwrap(), &at_once.unwrap()), (&first, &first));
    assert_eq!(
        (first.version, first.rows, first.labelled_rows, first.active),
        (1, 3, 2, true)
    );
    let second = upload("age,city\n1,Nice\n").await.unwrap();
    assert_eq!(
        (second.version, second.labelled_rows, second.active),
        (2, 0, true)
    );
    let active = |versions: Vec<leeway::ingest::ReferenceVersion>| -> Vec<(i32, bool)> {
        versions
            .into_iter()
            .map(|it| (it.version, it.active))
            .collect()
    };
    let listed = host.ingest.references(&id("m")).await.unwrap();
    assert_eq!(active(listed), [(2, true), (1, false)]);
    assert!(host.ingest.activate_reference(&id("m"), 1).await.unwrap());
    assert!(!host.ingest.activate_reference(&id("m"), 9).await.unwrap());
    let listed = host.ingest.references(&id("m")).await.unwrap();
    assert_eq!(active(listed), [(2, false), (1, true)]);

    let (profile, labelled): (Vec<u8>, Vec<u8>) =
        sqlx::query_as("SELECT profile, labelled_profile FROM reference WHERE active")
            .fetch_one(host.store.pool())
            .await
            .unwrap();
    let names = |bytes: &[u8]| -> (Vec<String>, u64) {
        let profile = Profile::from_bytes(bytes).unwrap();
        assert_eq!(profile.config(), &ProfileConfig::service());
        let columns = profile.schema().columns().iter();
        (
            columns.map(|column| column.name.clone()).collect(),
            profile.rows(),
        )
    };
    let (columns, rows) = names(&profile);
    assert_eq!(
        (columns.join(" ").as_str(), rows),
        ("age city prediction probability", 3)
    );
    let (columns, rows) = names(&labelled);
    assert_eq!((columns.join(" ").as_str(), rows), ("label error brier", 2));
    let parts: Vec<u8> =
        sqlx::query_scalar("SELECT bytes FROM reference_part WHERE reference_no = 1")
            .fetch_one(host.store.pool())
            .await
            .unwrap();
    assert_eq!(parts, csv.as_bytes());
    // It types the columns of the rows to come.
    let old = r#"{"record_id": 1, "prediction_time": 1795424400, "features": {"age": "old"}}"#;
    let error = host.send("m", old).await.unwrap_err();
    assert_eq!(
        reasons(&error),
        [(
            0,
            "age".into(),
            "'old' is text, and the column is numeric".into()
        )]
    );
    assert!(host.ingest.delete_reference(&id("m"), 1).await.unwrap());
    assert!(!host.ingest.delete_reference(&id("m"), 1).await.unwrap());
}

#[tokio::test]
async fn models_are_listed_page_by_page() {
    let host = host().await;
    for model in ["c", "a", "b"] {
        host.send(model, row("r", r#""x": 1"#)).await.unwrap();
    }
    let names = |models: Vec<leeway::domain::Model>| -> Vec<String> {
        assert!(models.iter().all(|model| model.columns.len() == 3));
        models
            .into_iter()
            .map(|model| model.id.to_string())
            .collect()
    };
    assert_eq!(names(host.store.models(None, 2).await.unwrap()), ["a", "b"]);
    assert_eq!(names(host.store.models(Some("b"), 2).await.unwrap()), ["c"]);
}

/// A column of vectors to register.
fn embedding(name: &str, dimension: usize) -> NewColumn {
    NewColumn {
        name: name.into(),
        kind: ColumnKind::Embedding,
        role: Role::Feature,
        dimension,
    }
}

fn registration(model: &str, columns: Vec<NewColumn>) -> Registration {
    Registration {
        id: id(model),
        model_type: None,
        positive_label: None,
        last_training_time: None,
        settings: None,
        columns,
    }
}

#[tokio::test]
async fn vectors_are_stored_beside_numbers_and_read_back_by_name() {
    let host = host().await;
    host.send("m", row("plain", r#""x": 1"#)).await.unwrap();
    let body = format!(
        "[{}, {}, {}]",
        row("both", r#""v": [1, -0.5], "x": 2, "w": [0.1, null, 3]"#),
        row("one", r#""v": null, "w": [1, 2, 3]"#),
        row("none", r#""x": 4"#)
    );
    let grown = host.send("m", body.clone()).await.unwrap();
    let again = host.send("m", body).await.unwrap();

    assert_eq!(counts(&grown), (3, 0, 0, 2));
    assert_eq!(counts(&again), (0, 3, 0, 2));
    assert_eq!(
        host.view("m").await,
        [
            r#"plain "yes" 0.75 {"v": null, "w": null, "x": 1}"#,
            r#"both "yes" 0.75 {"v": [1, -0.5], "w": [0.1, null, 3], "x": 2}"#,
            r#"one "yes" 0.75 {"v": null, "w": [1, 2, 3], "x": null}"#,
            r#"none "yes" 0.75 {"v": null, "w": null, "x": 4}"#,
        ]
    );
    // A row without vectors has none stored.
    assert_eq!(
        host.count("SELECT count(*) FROM prediction WHERE embedding IS NULL")
            .await,
        2
    );
    let columns = host.store.model(&id("m")).await.unwrap().unwrap().columns;
    let vectors: Vec<_> = columns
        .iter()
        .filter(|column| column.kind == ColumnKind::Embedding)
        .map(|column| (column.name.as_str(), column.position, column.dimension))
        .collect();
    assert_eq!(vectors, [("v", 0, 2), ("w", 2, 3)]);

    let model = host.store.model(&id("m")).await.unwrap().unwrap();
    let rows = host.store.history_rows(&model, 0, 10, true).await.unwrap();
    let of = |row: usize, name: &str| {
        let at = model.columns.iter().position(|column| column.name == name);
        rows[row].values[at.unwrap()].clone()
    };
    assert_eq!(of(1, "v"), Some(Scalar::Vector(vec![1.0, -0.5])));
    assert_eq!([of(0, "v"), of(2, "v")], [None, None]);
    let Some(Scalar::Vector(w)) = of(1, "w") else {
        panic!()
    };
    assert_eq!(format!("{w:?}"), "[0.1, NaN, 3.0]");
}

#[tokio::test]
async fn vectors_of_large_and_small_groups_are_the_same() {
    let host = host().await;
    let body = |rows: std::ops::Range<usize>| {
        let of = |at: usize| row(&format!("r{at}"), &format!(r#""v": [{at}, 0.5], "c": "k""#));
        format!("[{}]", rows.map(of).collect::<Vec<_>>().join(","))
    };
    // One statement; then copied straight; then copied with duplicates, by way of the staging table.
    let sent = [
        host.send("m", body(0..10)).await.unwrap(),
        host.send("m", body(10..610)).await.unwrap(),
        host.send("m", body(600..1_200)).await.unwrap(),
    ];
    let accepted = sent.each_ref().map(|one| (one.accepted, one.duplicates));
    assert_eq!(accepted, [(10, 0), (600, 0), (590, 10)]);
    let view = host.view("m").await;
    assert_eq!(view.len(), 1_200);
    for (at, row) in view.iter().enumerate() {
        let expected = format!(r#"r{at} "yes" 0.75 {{"c": "k", "v": [{at}, 0.5]}}"#);
        assert_eq!(row, &expected);
    }
}

#[tokio::test]
async fn a_vector_of_another_length_than_its_column_is_refused_with_both_lengths() {
    let host = host().await;
    let declared = registration("m", vec![embedding("v", 3)]);
    let model = host.ingest.register(declared.clone()).await.unwrap();
    assert_eq!((model.columns[0].dimension, model.schema_version), (3, 1));
    host.ingest.register(declared).await.unwrap();

    let body = format!(
        "[{}, {}]",
        row("a", r#""v": [1, 2, 3]"#),
        row("b", r#""v": [1, 2]"#)
    );
    let refused = host.send("m", body.clone()).await.unwrap_err();
    let reason = "a vector of 2 components; the column has 3".to_owned();
    assert_eq!(reasons(&refused), [(1, "v".into(), reason)]);
    let some = host.send_some("m", &body).await.unwrap();
    assert_eq!((some.accepted, some.rejected.len()), (1, 1));

    let otherwise = registration("m", vec![embedding("v", 4)]);
    let error = host.ingest.register(otherwise).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "column of model 'm' is 'v' as embedding of dimension 3 (feature) and cannot become embedding of dimension 4 (feature)"
    );
    // A number where vectors are, and vectors where numbers are.
    host.send("m", row("c", r#""x": 1"#)).await.unwrap();
    for (features, reason) in [
        (r#""v": 1"#, "1 is a number, and the column is an embedding"),
        (r#""x": [1]"#, "a list where one value belongs"),
    ] {
        let error = host.send("m", format!("[{}]", row("d", features)));
        assert_eq!(reasons(&error.await.unwrap_err())[0].2, reason);
    }
}

#[tokio::test]
async fn embeddings_may_be_as_long_as_their_limits_and_no_longer() {
    let host = host().await;
    let most = EMBEDDING_DIMENSION_MAX;
    for dimension in [0, most + 1] {
        let error = host
            .ingest
            .register(registration("no", vec![embedding("v", dimension)]));
        assert_eq!(
            error.await.unwrap_err().to_string(),
            format!("column 'v': its dimension is {dimension}; it must be 1 to {most}")
        );
    }
    for (role, kind, dimension, words) in [
        (
            Role::Prediction,
            ColumnKind::Embedding,
            2,
            "column 'prediction': only a feature is an embedding",
        ),
        (
            Role::Prediction,
            ColumnKind::Numeric,
            2,
            "column 'prediction': it is numeric, and only an embedding has a dimension",
        ),
    ] {
        let column = NewColumn {
            name: role.to_string(),
            kind,
            role,
            dimension,
        };
        let error = host.ingest.register(registration("no", vec![column]));
        assert_eq!(error.await.unwrap_err().to_string(), words);
    }

    let names = ["a", "b", "c", "d"];
    assert_eq!(names.len() * most, EMBEDDING_NUMBERS_MAX);
    let all = names.map(|name| embedding(name, most)).to_vec();
    host.ingest.register(registration("m", all)).await.unwrap();
    let list = format!("[{}]", vec!["1"; most].join(","));
    let features = names.map(|name| format!(r#""{name}": {list}"#)).join(",");
    assert_eq!(
        host.send("m", row("r", &features)).await.unwrap().accepted,
        1
    );
    assert_eq!(
        host.count("SELECT cardinality(embedding)::int8 FROM prediction")
            .await,
        16_384
    );
    let words =
        "the numbers of all embeddings of the model together is 16385; at most 16384 is allowed";
    let more = host.send("m", row("s", r#""e": [1]"#)).await.unwrap_err();
    assert_eq!(more.to_string(), words);
    let more = registration("m", vec![embedding("e", 1)]);
    let more = host.ingest.register(more).await.unwrap_err();
    assert_eq!(more.to_string(), words);
}
