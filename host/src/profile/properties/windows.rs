//! Windows: what a detector may see of rows that were kept.

use std::sync::Arc;

use super::super::{AccessError, KeptRows, KeptRowsBuilder, ProfileBuilder, Window, WindowError};
use super::{batch, profile, schema, tiny};
use crate::domain::{Batch, ColumnKind, ColumnValues, MISSING_CODE, Role};

fn kept(batches: &[Batch], rows_max: u32, seed: u64) -> KeptRows {
    let mut builder = KeptRowsBuilder::new(schema(), rows_max, seed);
    for batch in batches {
        builder.observe(batch);
    }
    builder.finish()
}

fn window(values: &[f64], rows_max: u32) -> Window {
    let kept = kept(&[batch(values)], rows_max, 1);
    Window::new(Arc::new(profile(values, tiny())), Some(Arc::new(kept))).unwrap()
}

fn numbers(kept: &KeptRows) -> &[f64] {
    match &kept.columns()[0] {
        ColumnValues::Numeric(values) => values,
        _ => unreachable!("the first column is numeric"),
    }
}

#[test]
fn kept_rows_are_read_in_slices() {
    let window = window(&[1.0, 2.0, f64::NAN, 4.0], 9);
    assert_eq!(
        (window.rows(), window.kept_rows(), window.complete()),
        (4, 4, true)
    );
    assert_eq!(window.span(), Some((0.0, 3.0)));
    assert_eq!(window.numbers(0, 1, 1).unwrap(), [2.0]);
    assert_eq!(window.numbers(0, 4, 0).unwrap(), [0.0; 0]);
    assert_eq!(window.times(2, 2).unwrap()[..], [2.0, 3.0]);
    assert_eq!(window.codes(1, 2, 1).unwrap(), [MISSING_CODE]);
    assert_eq!(window.embeddings(2, 1, 1).unwrap().len(), 2);
    let size = window.dictionary_size(1).unwrap();
    assert_eq!(window.dictionary(1, 0, size).unwrap().len(), size as usize);
}

#[test]
fn reads_that_cannot_be_answered_say_why() {
    let window = window(&[1.0, 2.0], 9);
    assert_eq!(window.numbers(9, 0, 1), Err(AccessError::NoSuchColumn(9)));
    assert_eq!(window.numbers(0, 1, 2), Err(AccessError::OutOfRange(2)));
    assert_eq!(
        window.numbers(0, u32::MAX, u32::MAX),
        Err(AccessError::OutOfRange(2))
    );
    assert_eq!(
        window.embeddings(2, u32::MAX, 1),
        Err(AccessError::OutOfRange(2))
    );
    assert_eq!(window.times(3, 0), Err(AccessError::OutOfRange(2)));
    let kind = AccessError::WrongKind("column 0 ('x') is numeric, not categorical".into());
    assert_eq!(window.codes(0, 0, 1), Err(kind));

    let profiles = Window::new(Arc::clone(window.profile()), None).unwrap();
    assert_eq!((profiles.kept_rows(), profiles.complete()), (0, false));
    assert_eq!(profiles.numbers(0, 0, 0), Err(AccessError::NoRows));
    assert_eq!(profiles.times(0, 0), Err(AccessError::NoRows));
    assert_eq!(profiles.sample(1, 1), Err(AccessError::NoRows));
}

#[test]
fn a_selection_numbers_its_columns_anew() {
    let all = window(&[1.0], 9);
    let some = all.select(
        &[Role::Feature],
        &[ColumnKind::Embedding, ColumnKind::Categorical],
    );
    let names: Vec<String> = some
        .columns()
        .into_iter()
        .map(|column| column.name)
        .collect();
    assert_eq!(names, ["c", "e"]);
    assert!(some.codes(0, 0, 1).is_ok());
    assert_eq!(some.column(2), Err(AccessError::NoSuchColumn(2)));
    assert!(
        some.select(&[Role::Label], &[ColumnKind::Numeric])
            .columns()
            .is_empty()
    );
}

#[test]
fn rows_of_other_rows_make_no_window() {
    let profile = Arc::new(profile(&[1.0, 2.0], tiny()));
    let one = Arc::new(kept(&[batch(&[1.0])], 9, 1));
    let error = Window::new(Arc::clone(&profile), Some(one)).unwrap_err();
    assert_eq!(
        error,
        WindowError::Rows {
            profile: 2,
            kept: 1
        }
    );
}

#[test]
fn up_to_the_limit_all_rows_are_kept_and_beyond_it_a_sample() {
    let values: Vec<f64> = (0..100).map(f64::from).collect();
    let all = kept(&[batch(&values)], 100, 1);
    assert!(all.complete());
    assert_eq!(numbers(&all), values);
    let some = kept(&[batch(&values)], 99, 1);
    assert!(!some.complete());
    assert_eq!(some.rows(), 99);
    assert!(
        numbers(&some).is_sorted_by(|a, b| a < b),
        "in the order in which they came"
    );
}

#[test]
fn every_row_is_as_likely_to_be_kept() {
    let values: Vec<f64> = (0..40).map(f64::from).collect();
    let mut times_kept = [0_u32; 40];
    for seed in 0..4_000 {
        let kept = kept(&[batch(&values)], 10, seed);
        for &value in numbers(&kept) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to 39"
            )]
            let row = value as usize;
            times_kept[row] += 1;
        }
    }
    // 1000 expected, standard deviation 27: five of them.
    assert!(
        times_kept.iter().all(|count| count.abs_diff(1_000) < 137),
        "{times_kept:?}"
    );
}

#[test]
fn dictionaries_of_batches_become_one() {
    let batch = |names: [&str; 2], codes: [u32; 3]| {
        let values = vec![0.0; 3];
        let dictionary = names.map(str::to_owned).to_vec();
        let columns = vec![
            ColumnValues::Numeric(values),
            ColumnValues::Categorical {
                codes: codes.to_vec(),
                dictionary,
            },
            ColumnValues::Embedding {
                dimension: 1,
                values: vec![0.0; 3],
            },
        ];
        Batch::new(None, columns)
    };
    let kept = kept(
        &[
            batch(["a", "b"], [1, MISSING_CODE, 1]),
            batch(["c", "b"], [1, 0, 0]),
        ],
        9,
        1,
    );
    let expected = ColumnValues::Categorical {
        codes: vec![0, MISSING_CODE, 0, 0, 1, 1],
        dictionary: vec!["b".into(), "c".into()],
    };
    assert_eq!(kept.columns()[1], expected);
    assert_eq!(kept.times(), None);
}

#[test]
fn rows_without_times_have_nan_beside_rows_with_them() {
    let mut timeless = batch(&[1.0]);
    timeless.times = None;
    let kept = kept(&[timeless.clone(), batch(&[2.0]), timeless], 9, 1);
    let times: Vec<bool> = kept
        .times()
        .unwrap()
        .iter()
        .map(|time| time.is_nan())
        .collect();
    assert_eq!(times, [true, false, true]);
}

#[test]
fn a_sample_is_ascending_without_repeats_and_follows_its_seed() {
    let values: Vec<f64> = (0..50).map(f64::from).collect();
    let window = window(&values, 50);
    let drawn = window.sample(20, 3).unwrap();
    assert_eq!(drawn.len(), 20);
    assert!(drawn.is_sorted_by(|a, b| a < b) && drawn[19] < 50);
    assert_eq!(window.sample(20, 3).unwrap(), drawn);
    assert_ne!(window.sample(20, 4).unwrap(), drawn);
    assert_eq!(window.sample(0, 3).unwrap(), [0; 0]);
    assert_eq!(window.sample(99, 3).unwrap(), (0..50).collect::<Vec<u32>>());
    let mut drawn_times = [0_u32; 50];
    for seed in 0..5_000 {
        for row in window.sample(10, seed).unwrap() {
            drawn_times[row as usize] += 1;
        }
    }
    // 1000 expected, standard deviation 28: five of them.
    assert!(
        drawn_times.iter().all(|count| count.abs_diff(1_000) < 142),
        "{drawn_times:?}"
    );
}

#[test]
fn a_window_of_no_rows_is_complete() {
    let empty = Arc::new(ProfileBuilder::new(schema(), tiny()).finish());
    let window = Window::new(empty, Some(Arc::new(kept(&[], 9, 1)))).unwrap();
    assert!(window.complete());
    assert_eq!((window.kept_rows(), window.span()), (0, None));
}
