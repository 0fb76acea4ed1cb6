//! What one advance does, step by step.

use crate::harness::server::database;

use super::world::{Label, Row, START, World};

const MINUTE: i64 = 60_000_000;

fn row(minute: i64, record: &str, x: f64, prediction: f64) -> Row {
    Row {
        seq: 0,
        time: START + minute * MINUTE,
        record: record.to_owned(),
        x: Some(x),
        c: Some(0),
        prediction,
        y: None,
        probability: None,
    }
}

fn label(minute: i64, record: &str, value: f64) -> Label {
    Label {
        received: START + minute * MINUTE,
        record: record.to_owned(),
        value,
    }
}

#[tokio::test]
async fn a_row_counts_once_however_often_profiles_are_advanced() {
    let mut world = World::new(database().await, "m", 100).await;
    world.row(row(1, "a", 1.0, 0.0)).await;
    world.row(row(2, "b", 2.0, 0.0)).await;

    let first = world.advance().await.unwrap();
    let second = world.advance().await.unwrap();

    assert_eq!((first.rows, first.profiled_seq, first.more), (2, 2, false));
    assert_eq!((second.rows, second.profiled_seq), (0, 2));
    let chunks = world.chunks().await;
    assert_eq!(
        (chunks.len(), chunks[0].rows, chunks[0].revision),
        (1, 2, 1)
    );
    world.check().await;
}

#[tokio::test]
async fn two_hosts_that_advance_at_once_take_turns() {
    let mut world = World::new(database().await, "m", 2).await;
    for minute in 0..9 {
        world.row(row(minute, &minute.to_string(), 1.0, 0.0)).await;
    }

    let (left, right) = tokio::join!(world.advance(), world.advance());

    assert_eq!(left.unwrap().rows + right.unwrap().rows, 9);
    world.check().await;
}

#[tokio::test]
async fn a_label_before_its_row_waits_for_it_and_its_delay_is_nothing() {
    let mut world = World::new(database().await, "m", 100).await;
    world.label(label(0, "a", 1.0)).await;
    world.advance().await.unwrap();
    world.row(row(5, "a", 1.0, 0.0)).await;

    world.advance().await.unwrap();

    let chunks = world.chunks().await;
    assert_eq!(
        (chunks[0].labelled_rows, chunks[0].label_delay_seconds),
        (1, 0.0)
    );
    world.check().await;
}

#[tokio::test]
async fn the_same_label_again_changes_nothing_and_another_replaces_it() {
    let mut world = World::new(database().await, "m", 100).await;
    world.row(row(1, "a", 1.0, 0.0)).await;
    world.label(label(3, "a", 1.0)).await;
    world.profile().await;
    let before = world.chunks().await;
    assert_eq!(before[0].label_delay_seconds, 120.0);

    world.label(label(8, "a", 1.0)).await;
    world.profile().await;
    assert_eq!(world.chunks().await, before, "the same again");

    world.label(label(9, "a", 0.0)).await;
    world.profile().await;
    let after = world.chunks().await;
    assert!(after[0].revision > before[0].revision);
    assert_eq!(
        (after[0].labelled_rows, after[0].label_delay_seconds),
        (1, 120.0)
    );
    world.check().await;
}

#[tokio::test]
async fn a_new_training_time_cuts_the_chunk_that_it_falls_into() {
    let mut world = World::new(database().await, "m", 100).await;
    for minute in [1, 20, 40] {
        world.row(row(minute, &minute.to_string(), 1.0, 0.0)).await;
        world
            .label(label(minute + 1, &minute.to_string(), 0.0))
            .await;
    }
    world.profile().await;

    world.train(START + 20 * MINUTE).await;
    world.profile().await;

    let rows: Vec<u64> = world
        .chunks()
        .await
        .iter()
        .map(|chunk| chunk.rows)
        .collect();
    assert_eq!(rows, [2, 1]);
    world.check().await;
    world.row(row(19, "late", 1.0, 0.0)).await;
    world.profile().await;
    let rows: Vec<u64> = world
        .chunks()
        .await
        .iter()
        .map(|chunk| chunk.rows)
        .collect();
    assert_eq!(rows, [3, 1], "a late row joins its side");
    world.check().await;
}

#[tokio::test]
async fn labels_stay_where_the_rows_are_gone() {
    let mut world = World::new(database().await, "m", 100).await;
    world.row(row(1, "a", 1.0, 0.0)).await;
    world.label(label(3, "a", 1.0)).await;
    world.profile().await;
    let before = world.chunks().await;
    let window = world.window(&before).await;
    sqlx::query("DELETE FROM prediction")
        .execute(world.store.pool())
        .await
        .unwrap();

    // Residuals become errors, which only the rows could tell.
    world.add_probability().await;
    world.profile().await;

    let after = world.chunks().await;
    assert_eq!(after[0].labelled_rows, 1);
    assert!(!after[0].stale);
    let kept = world.window(&after).await;
    let rows = |profile: &leeway::profile::Profile, name: &str| {
        let at = profile
            .schema()
            .columns()
            .iter()
            .position(|column| column.name == name)
            .unwrap();
        (
            profile.columns()[at].rows(),
            profile.columns()[at].missing(),
        )
    };
    assert_eq!(rows(&kept, "label"), rows(&window, "label"));
    assert_eq!(rows(&kept, "error"), (1, 1));
}

#[tokio::test]
async fn a_deleted_model_is_said_to_be_gone() {
    let world = World::new(database().await, "m", 100).await;
    sqlx::query("DELETE FROM model")
        .execute(world.store.pool())
        .await
        .unwrap();

    let error = world.advance().await.unwrap_err();

    assert_eq!(error.to_string(), "the model was deleted");
}
