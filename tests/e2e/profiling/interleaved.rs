//! Any order of rows, labels, corrections, new columns, training times and advances gives the same profiles.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use leeway::store::Store;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::harness::server::database;

use super::world::{Label, Row, START, World};

#[derive(Debug, Clone)]
enum Step {
    Row {
        minute: i64,
        record: u8,
        x: Option<i8>,
        c: Option<u8>,
        prediction: u8,
        y: i8,
    },
    Label {
        record: u8,
        value: u8,
        minute: i64,
    },
    Train {
        minute: i64,
    },
    AddY,
    AddProbability,
    Advance,
    /// By a host that remembers nothing of what this one has done.
    AdvanceElsewhere,
}

fn step() -> impl Strategy<Value = Step> {
    let row = (
        -90..200_i64,
        0..12_u8,
        prop::option::of(any::<i8>()),
        prop::option::of(0..3_u8),
        0..2_u8,
        any::<i8>(),
    );
    let row = row.prop_map(|(minute, record, x, c, prediction, y)| Step::Row {
        minute,
        record,
        x,
        c,
        prediction,
        y,
    });
    let label = (0..12_u8, 0..2_u8, -90..300_i64).prop_map(|(record, value, minute)| Step::Label {
        record,
        value,
        minute,
    });
    prop_oneof![
        12 => row,
        6 => label,
        1 => (-90..200_i64).prop_map(|minute| Step::Train { minute }),
        1 => Just(Step::AddY),
        1 => Just(Step::AddProbability),
        4 => Just(Step::Advance),
        2 => Just(Step::AdvanceElsewhere),
    ]
}

async fn run(store: Store, steps: Vec<Step>) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let id = format!("model {}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut world = World::new(store.clone(), &id, 3).await;
    let (mut has_y, mut has_probability, mut trained) = (false, false, i64::MIN);
    for step in steps {
        match step {
            Step::Row {
                minute,
                record,
                x,
                c,
                prediction,
                y,
            } => {
                let row = Row {
                    seq: 0,
                    time: START + minute * 60_000_000,
                    record: record.to_string(),
                    x: x.map(f64::from),
                    c: c.map(i32::from),
                    prediction: prediction.into(),
                    y: has_y.then(|| y.into()),
                    probability: has_probability.then(|| f64::from(y).abs() / 128.0),
                };
                world.row(row).await;
            }
            Step::Label {
                record,
                value,
                minute,
            } => {
                let label = Label {
                    received: START + minute * 60_000_000,
                    record: record.to_string(),
                    value: value.into(),
                };
                world.label(label).await;
            }
            // A model is only ever trained on newer rows.
            Step::Train { minute } if minute > trained => {
                trained = minute;
                world.train(START + minute * 60_000_000).await;
            }
            Step::AddY if !has_y => {
                has_y = true;
                world.add_y().await;
            }
            Step::AddProbability if !has_probability => {
                has_probability = true;
                world.add_probability().await;
            }
            Step::Advance => {
                world.advance().await.unwrap();
            }
            Step::AdvanceElsewhere => {
                let other = leeway::monitor::Profiler::new(store.clone());
                other.advance(world.no).await.unwrap();
            }
            _ => {}
        }
    }
    world.profile().await;
    world.check().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_order_the_profiles_are_those_of_one_pass(steps in prop::collection::vec(step(), 1..70)) {
        static RUN: OnceLock<(Runtime, Store)> = OnceLock::new();
        let (runtime, store) = RUN.get_or_init(|| {
            let runtime = Runtime::new().unwrap();
            let store = runtime.block_on(database());
            (runtime, store)
        });
        runtime.block_on(run(store.clone(), steps));
    }
}
