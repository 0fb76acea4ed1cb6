//! Calibrations of judges whose rates and powers are known.

use std::num::NonZeroUsize;

use crate::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, Role, Schema};
use crate::profile::KeptRows;

use super::fake::{Bound, Fails, Means};
use super::*;
use crate::certify::Draws;

/// Normal rows of some columns; `drift` is added by the row's number, as a share of all.
fn rows(count: usize, columns: &[&str], drift: f64, times: Option<Vec<f64>>) -> Rows {
    let specs = columns.iter().map(|name| ColumnSpec {
        name: (*name).into(),
        kind: ColumnKind::Numeric,
        role: Role::Feature,
    });
    let schema = Schema::new(specs.collect()).unwrap();
    let values = (0..columns.len()).map(|column| {
        let mut draws = Draws::new(99, column as u64);
        let of = |row: usize| drift * row as f64 / count as f64;
        ColumnValues::Numeric((0..count).map(|row| draws.normal() + of(row)).collect())
    });
    let batch = Batch::new(times, values.collect());
    Rows::new(&KeptRows::drawn(schema, count as u64, &batch).unwrap())
}

fn monitor(judge: &dyn Judge) -> Monitor<'_> {
    Monitor {
        name: "watch".into(),
        detector: "fake@1.0.0".into(),
        judge,
        window_rows: None,
        rows_min: 0,
    }
}

fn made(rows: &Rows, monitors: &[Monitor], settings: &Settings, threads: usize) -> Report {
    let threads = Threads::new(NonZeroUsize::new(threads).unwrap(), &|_| ());
    calibrate(rows, monitors, settings, &threads).unwrap()
}

fn settings(replays: u32, sizes: &[u32]) -> Settings {
    Settings {
        replays,
        sizes: sizes.to_vec(),
        ..Settings::default()
    }
}

#[test]
fn false_alarms_are_those_of_the_test() {
    let rows = rows(1_500, &["x"], 0.0, None);
    let report = made(
        &rows,
        &[monitor(&Means::at(1.96))],
        &settings(400, &[100, 500]),
        2,
    );

    for size in &report.monitors[0].sizes {
        let alarms = size.false_alarms;
        assert_eq!(alarms.of, 400);
        assert!(alarms.low < 0.05 && alarms.high > 0.05, "{alarms:?}");
        let in_order = size.in_order.unwrap();
        assert_eq!(in_order.alarms.of, 1_500 / size.rows);
        assert!(!in_order.moves, "{in_order:?}");
    }
    assert_eq!((report.rows, report.reference_rows), (1_500, 1_000));
    assert_eq!(report.order, Order::Rows);
}

#[test]
fn the_smallest_shift_is_that_of_a_power_of_80_percent() {
    let rows = rows(3_000, &["x", "y"], 0.0, None);
    let report = made(
        &rows,
        &[monitor(&Means::at(1.96))],
        &settings(40, &[50, 200, 800]),
        2,
    );

    let report = &report.monitors[0];
    assert_eq!(report.columns.len(), 2);
    for column in &report.columns {
        for smallest in &column.smallest {
            // (1.960 + 0.842) standard errors of the difference; and what 40 replays and a grid leave open.
            let error = (1.0 / f64::from(smallest.rows) + 1.0 / 2_200.0_f64).sqrt();
            let known = 2.802 * error;
            let found = smallest.shift.unwrap();
            assert!(
                found > 0.7 * known && found < 1.5 * known,
                "{column:?}: {known}"
            );
        }
    }
    assert_eq!(report.suggestion.window_rows, Some(200));
}

#[test]
fn a_reference_that_moves_is_told_apart_from_its_shuffle() {
    let sizes = settings(100, &[100]);
    let drifting = rows(2_000, &["x"], 3.0, None);
    let report = made(&drifting, &[monitor(&Means::at(1.96))], &sizes, 2);
    let size = &report.monitors[0].sizes[0];
    assert!(size.false_alarms.low < 0.05);
    assert!(size.in_order.unwrap().moves);
    assert!(size.in_order.unwrap().alarms.share > 0.7);

    // The same rows, with times in an order that undoes it.
    let times = (0..2_000).map(|row| f64::from(row * 7_919 % 2_000));
    let mixed = rows(2_000, &["x"], 3.0, Some(times.collect()));
    let report = made(&mixed, &[monitor(&Means::at(1.96))], &sizes, 2);
    assert_eq!(report.order, Order::Time);
    assert!(!report.monitors[0].sizes[0].in_order.unwrap().moves);
}

#[test]
fn the_same_seed_gives_the_same_report_on_any_number_of_threads() {
    let rows = rows(400, &["x"], 0.0, None);
    let judge = Means::at(1.5);
    let of = |threads, seed| {
        let settings = Settings {
            seed,
            ..settings(50, &[50, 100])
        };
        serde_json::to_string(&made(&rows, &[monitor(&judge)], &settings, threads)).unwrap()
    };
    assert_eq!(of(1, 7), of(3, 7));
    assert_ne!(of(1, 7), of(1, 8));
    let read: Report = serde_json::from_str(&of(1, 7)).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), of(1, 7));
}

#[test]
fn a_model_alarms_more_often_than_each_of_its_monitors() {
    let rows = rows(900, &["x"], 0.0, None);
    let (strict, loose) = (Means::at(2.5), Means::at(1.0));
    let report = made(
        &rows,
        &[monitor(&strict), monitor(&loose)],
        &settings(100, &[100]),
        2,
    );
    let of = |at: usize| report.monitors[at].sizes[0].false_alarms.hits;
    let model = report.model[0].false_alarms;
    assert!(of(0) < of(1));
    // The same windows: whatever the strict one calls, the loose one calls, too.
    assert_eq!((model.hits, model.of), (of(1), 100));
    assert_eq!(
        report.monitors[1].suggestion.why,
        "false alarms are more than 6% at every size"
    );
}

#[test]
fn what_gives_no_verdict_or_no_answer_is_told() {
    let rows = rows(600, &["x"], 0.0, None);
    let shy = Means {
        rows_min: 100,
        ..Means::at(1.96)
    };
    let report = made(&rows, &[monitor(&shy)], &settings(20, &[50, 150]), 2);
    let sizes = &report.monitors[0].sizes;
    assert_eq!((sizes[0].undecided, sizes[0].false_alarms.of), (20, 0));
    assert_eq!((sizes[1].undecided, sizes[1].false_alarms.of), (0, 20));
    assert_eq!(report.monitors[0].columns[0].smallest[0].shift, None);

    let plain = Means::at(1.96);
    let asks = Monitor {
        rows_min: 100,
        ..monitor(&plain)
    };
    let sizes = &made(&rows, &[asks], &settings(20, &[50, 150]), 2).monitors[0].sizes;
    assert_eq!((sizes[0].undecided, sizes[1].undecided), (20, 0));

    let broken = Means {
        fails: Fails::Always,
        ..Means::at(1.96)
    };
    let report = made(&rows, &[monitor(&broken)], &settings(20, &[50]), 2);
    let report = &report.monitors[0];
    assert_eq!(report.sizes[0].failed, 20);
    assert!(report.failure.as_deref().unwrap().contains("no"));
    assert_eq!(report.suggestion.window_rows, None);
}

#[test]
fn what_stops_the_calls_stops_the_calibration() {
    let rows = rows(600, &["x"], 0.0, None);
    let judge = Means {
        fails: Fails::Stopped,
        ..Means::at(1.96)
    };
    let threads = Threads::new(NonZeroUsize::MIN, &|_| ());
    let stopped = calibrate(&rows, &[monitor(&judge)], &settings(20, &[50]), &threads);
    assert_eq!(stopped, Err(CalibrateError::Stopped));
    let nothing = calibrate(&rows, &[], &settings(20, &[50]), &threads);
    assert_eq!(nothing, Err(CalibrateError::NoMonitors));
}

#[test]
fn columns_beyond_the_limit_are_named_and_not_moved() {
    let rows = rows(300, &["x", "y", "z"], 0.0, None);
    let judge = Means::at(1.96);
    let with = |columns: u32| {
        let settings = Settings {
            columns,
            ..settings(20, &[50])
        };
        let report = made(&rows, &[monitor(&judge)], &settings, 2);
        let report = &report.monitors[0];
        let left_out = report.left_out.iter().map(|left| left.column.clone());
        (report.columns.len(), left_out.collect::<Vec<_>>())
    };
    assert_eq!(with(3), (3, Vec::<String>::new()));
    assert_eq!(with(2), (2, vec!["z".to_owned()]));
    assert_eq!(with(0).0, 0);
}

#[test]
fn a_monitors_own_window_is_tried_where_the_rows_allow_it() {
    let rows = rows(600, &["x"], 0.0, None);
    let judge = Means::at(1.96);
    let with = |own: u64| {
        let monitor = Monitor {
            window_rows: Some(own),
            ..monitor(&judge)
        };
        let report = made(&rows, &[monitor], &settings(20, &[50]), 2);
        let sizes = report.monitors[0].sizes.iter().map(|size| size.rows);
        (sizes.collect::<Vec<_>>(), report.notes)
    };
    assert_eq!(with(200), (vec![50, 200], Vec::new()));
    let (sizes, notes) = with(201);
    assert_eq!(sizes, [50]);
    assert!(
        notes[0].contains("more than a third of the 600"),
        "{notes:?}"
    );
}

#[test]
fn a_detector_that_follows_rows_is_counted_over_all_of_them() {
    let rows = rows(900, &["x"], 0.0, None);
    let values = match &rows.batch().columns[0] {
        ColumnValues::Numeric(values) => values.clone(),
        _ => panic!("numbers"),
    };
    let above = values.iter().filter(|value| **value > 2.0).count() as u64;
    let report = made(&rows, &[monitor(&Bound(2.0))], &settings(30, &[50, 300]), 2);

    let report = &report.monitors[0];
    let passes = report.passes.unwrap();
    assert!(report.follows_rows);
    assert_eq!((passes.ever.hits, passes.ever.of), (30, 30));
    assert_eq!(passes.in_order_alarms, Some(above));
    let rate = above as f64 / 900.0 * 10_000.0;
    assert!((passes.alarms_per_10000_rows - rate).abs() < 1e-9);
    assert!(report.sizes.iter().all(|size| size.in_order.is_none()));
    // A row in forty is above two: most windows of 300 rows have one.
    assert!(report.sizes[1].false_alarms.share > 0.9);
}
