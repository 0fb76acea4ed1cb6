//! Batches: how rows are cut, and over how many threads, leaves no trace.

use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::super::{KeptRowsBuilder, ProfileBuilder, ProfileConfig};
use super::{batch, profile, random, schema, tiny, values};
use crate::domain::{Batch, ColumnValues};

/// Rows of a batch.
fn part(batch: &Batch, rows: std::ops::Range<usize>) -> Batch {
    let columns = batch.columns.iter().map(|column| match column {
        ColumnValues::Numeric(values) => ColumnValues::Numeric(values[rows.clone()].to_vec()),
        ColumnValues::Categorical { codes, dictionary } => ColumnValues::Categorical {
            codes: codes[rows.clone()].to_vec(),
            dictionary: dictionary.clone(),
        },
        ColumnValues::Embedding { dimension, values } => {
            let components = rows.start * dimension..rows.end * dimension;
            ColumnValues::Embedding {
                dimension: *dimension,
                values: values[components].to_vec(),
            }
        }
    });
    Batch::new(
        batch
            .times
            .as_ref()
            .map(|times| times[rows.clone()].to_vec()),
        columns.collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn how_rows_are_cut_into_batches_leaves_no_trace(values in values(120), at in 0..120_usize, rows_max in 0..40_u32) {
        // Seven names, of which four are kept at the end and eight between batches.
        let config = ProfileConfig::new(2, 4, 4).unwrap();
        let whole = batch(&values);
        let at = at.min(values.len());
        let mut builder = ProfileBuilder::new(schema(), config);
        let mut kept = [(); 2].map(|()| KeptRowsBuilder::new(schema(), rows_max, 5));
        kept[0].observe(&whole);
        for part in [part(&whole, 0..at), part(&whole, at..values.len())] {
            builder.observe_on(&part, NonZeroUsize::new(3).unwrap()).unwrap();
            kept[1].observe(&part);
        }
        prop_assert_eq!(builder.finish().to_bytes(), profile(&values, config).to_bytes());
        let [once, twice] = kept.map(KeptRowsBuilder::finish);
        prop_assert_eq!(format!("{once:?}"), format!("{twice:?}"), "as text, where NaN equals itself");
    }

    #[test]
    fn every_row_is_counted_once(values in values(200)) {
        let profile = profile(&values, tiny());
        let column = &profile.columns()[0];
        let count = |of: fn(&f64) -> bool| values.iter().filter(|value| of(value)).count() as u64;
        prop_assert_eq!(column.rows(), values.len() as u64);
        prop_assert_eq!(column.missing(), count(|x| x.is_nan()));
        prop_assert_eq!(column.non_finite(), count(|x| x.is_infinite()));
        prop_assert_eq!(column.distribution().unwrap().count(), count(|x| x.is_finite()));
        let categories = &profile.columns()[1];
        prop_assert_eq!(categories.categories().unwrap().total() + categories.missing(), values.len() as u64);
    }
}

#[test]
fn more_rows_than_a_buffer_holds_are_exact_while_few_are_distinct() {
    let values: Vec<f64> = random(100_000)
        .iter()
        .map(|x| x % 1_000.0 - 500.0)
        .collect();
    let mut expected = std::collections::BTreeMap::<i64, u64>::new();
    for &value in &values {
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers below 500")]
        let whole = value as i64;
        *expected.entry(whole).or_default() += 1;
    }
    let profile = profile(&values, ProfileConfig::default());
    let run = profile.columns()[0].distribution().unwrap().run();
    assert!(
        run.values()
            .iter()
            .copied()
            .eq(expected.keys().map(|&x| x as f64))
    );
    assert!(run.counts().eq(expected.into_values()));
}

#[test]
fn a_column_that_outgrows_the_exact_form_keeps_its_word() {
    let values = random(200_000);
    let profile = profile(&values, ProfileConfig::default());
    let distribution = profile.columns()[0].distribution().unwrap();
    assert!(!distribution.is_exact());
    assert!(distribution.rank_error() < 1e-4);
    let mut sorted = values;
    sorted.sort_unstable_by(f64::total_cmp);
    let points: Vec<f64> = sorted.iter().step_by(999).copied().collect();
    for (point, rank) in points.iter().zip(distribution.ranks(&points)) {
        let truth = sorted.partition_point(|value| value <= point) as f64;
        assert!((rank as f64 - truth).abs() <= distribution.rank_error() * 200_000.0);
    }
}
