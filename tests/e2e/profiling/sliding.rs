//! Windows are the same whether their merges are remembered or not, and can hold rows.

use leeway::monitor::{WindowRequest, Windows};

use crate::harness::server::database;

use super::world::{Label, Row, START, World};

async fn world(rows: i64) -> World {
    let mut world = World::new(database().await, "m", 1).await;
    for at in 0..rows {
        let row = Row {
            seq: 0,
            time: START + at * 10_000_000,
            record: at.to_string(),
            x: Some(at as f64 / 7.0),
            c: Some((at % 3) as i32),
            prediction: (at % 2) as f64,
            y: None,
            probability: None,
        };
        world.row(row).await;
        if at % 2 == 0 {
            let label = Label {
                received: START + at * 10_000_000,
                record: at.to_string(),
                value: 1.0,
            };
            world.label(label).await;
        }
    }
    world.profile().await;
    world
}

#[tokio::test]
async fn a_window_that_slides_is_that_of_its_rows_with_and_without_memory() {
    let mut world = world(150).await;
    let model = world.model().await;
    for from in [0, 1, 9, 60] {
        let chunks = world.chunks().await;
        let window = &chunks[from..chunks.len() - 3];
        let rows: Vec<&Row> = window
            .iter()
            .flat_map(|chunk| world.rows_of(chunk))
            .collect();
        let expected = world.expected(&model, &rows);
        assert_eq!(world.window(window).await, expected, "from {from}");
        assert_eq!(world.window(window).await, expected, "again");
        let forgetful = Windows::new(world.store.clone(), 0);
        let request = WindowRequest {
            keep_rows: None,
            segment: None,
        };
        let anew = forgetful.window(&model, window, request).await.unwrap();
        assert_eq!(**anew.profile(), expected, "without memory");
    }

    // A chunk in the middle changes: what was remembered of it no longer holds.
    let label = Label {
        received: START,
        record: "31".into(),
        value: 0.0,
    };
    world.label(label).await;
    world.profile().await;
    world.check().await;
}

#[tokio::test]
async fn kept_rows_are_a_sample_with_labels_where_they_are_known() {
    let world = world(40).await;
    let (model, chunks) = (world.model().await, world.chunks().await);
    let keep = |rows, seed| WindowRequest {
        keep_rows: Some((rows, seed)),
        segment: None,
    };

    let all = world
        .windows
        .window(&model, &chunks, keep(100, 1))
        .await
        .unwrap();
    let some = world
        .windows
        .window(&model, &chunks[5..], keep(10, 1))
        .await
        .unwrap();
    let again = world
        .windows
        .window(&model, &chunks[5..], keep(10, 1))
        .await
        .unwrap();
    let other = world
        .windows
        .window(&model, &chunks[5..], keep(10, 2))
        .await
        .unwrap();

    assert!(all.complete());
    let at = |name: &str| {
        let columns = all.columns();
        let at = columns.iter().position(|column| column.name == name);
        u32::try_from(at.unwrap()).unwrap()
    };
    let numbers = |window: &leeway::profile::Window, name: &str| -> Vec<f64> {
        window
            .numbers(at(name), 0, window.kept_rows())
            .unwrap()
            .to_vec()
    };
    let x: Vec<f64> = (0..40).map(|at| f64::from(at) / 7.0).collect();
    assert_eq!(numbers(&all, "x"), x);
    let labels = numbers(&all, "label");
    assert_eq!((labels[0], labels[1].is_nan()), (1.0, true));
    assert_eq!(numbers(&all, "residual")[0], 1.0);
    assert_eq!(
        (some.kept_rows(), some.complete(), some.rows()),
        (10, false, 35)
    );
    assert!(
        numbers(&some, "x")
            .iter()
            .all(|number| x[5..].contains(number))
    );
    assert!(numbers(&some, "x").is_sorted());
    assert_eq!(numbers(&some, "x"), numbers(&again, "x"));
    assert_ne!(numbers(&some, "x"), numbers(&other, "x"));
}

#[tokio::test]
async fn reference_data_is_a_window_with_rows_out_of_the_upload() {
    let world = world(1).await;
    let model = world.model().await;
    let request = WindowRequest {
        keep_rows: Some((10, 1)),
        segment: None,
    };
    assert!(
        world
            .windows
            .reference(&model, request.clone())
            .await
            .unwrap()
            .is_none()
    );
    let csv = "x,prediction,ground_truth_label,prediction_time\n1.5,1,1,2026-01-01T00:00:00Z\n2.5,0,1,2026-01-02T00:00:00Z\n";
    let chunks = world.chunks().await;
    let stored = world
        .store
        .chunk_profiles(world.no, &[chunks[0].chunk_no])
        .await
        .unwrap();
    // The profile of one row stands for that of the upload: what is tested is how it is read.
    sqlx::query("INSERT INTO reference VALUES ($1, 3, 'csv', '', 1, 1, true, now(), $2, $3)")
        .bind(world.no)
        .bind(&stored[0].profile)
        .bind(&stored[0].labelled)
        .execute(world.store.pool())
        .await
        .unwrap();
    for (part, piece) in (0..).zip(csv.as_bytes().chunks(20)) {
        sqlx::query("INSERT INTO reference_part VALUES ($1, 3, $2, $3)")
            .bind(world.no)
            .bind(part)
            .bind(piece)
            .execute(world.store.pool())
            .await
            .unwrap();
    }

    let only_profile = WindowRequest {
        keep_rows: None,
        segment: None,
    };
    let (version, window) = world
        .windows
        .reference(&model, only_profile)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((version, window.rows(), window.kept_rows()), (3, 1, 0));
    // Two rows out of an upload whose profile counts one do not fit together, and that is said.
    let error = world.windows.reference(&model, request).await.unwrap_err();
    assert!(error.to_string().contains("drawn from 2 rows"), "{error}");
    let one = WindowRequest {
        keep_rows: Some((1, 1)),
        segment: None,
    };
    let (_, window) = world.windows.reference(&model, one).await.unwrap().unwrap();
    let columns = window.columns();
    let at = |name: &str| {
        u32::try_from(
            columns
                .iter()
                .position(|column| column.name == name)
                .unwrap(),
        )
        .unwrap()
    };
    let x = window.numbers(at("x"), 0, 1).unwrap()[0];
    let residual = window.numbers(at("residual"), 0, 1).unwrap()[0];
    assert!(x == 1.5 && residual == 0.0 || x == 2.5 && residual == 1.0);
    assert!(window.times(0, 1).unwrap()[0] > 1.7e9);
}
