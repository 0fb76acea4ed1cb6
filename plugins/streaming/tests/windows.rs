//! What is made of windows: how many changes are told, whose level counts, and what is said of values that do not fit.
#![allow(clippy::unwrap_used, reason = "a test fails where it is")]

use leeway_sdk::{
    AccessError, Categories, Column, ColumnKind, Distribution, Measurement, Moments, Role, Verdict,
    Window,
};
use leeway_statistics::always_valid::AlwaysValid;
use leeway_statistics::ddm::Ddm;
use leeway_statistics::error_bets::{ErrorBets, ErrorBetsParams};
use leeway_statistics::spc::{Spc, SpcParams};
use leeway_statistics::two_sample_bets::TwoSampleBets;
use leeway_streaming::{CHANGES_MAX, Watch, update, watch};

/// Columns of numbers, every row kept; or of categories where there are names for the numbers.
struct Rows {
    columns: Vec<(&'static str, Vec<f64>)>,
    names: Vec<String>,
}

impl Rows {
    fn of(columns: Vec<(&'static str, Vec<f64>)>) -> Self {
        let names = Vec::new();
        Self { columns, names }
    }
    fn part<T>(&self, column: u32, offset: u32, len: u32, one: impl Fn(f64) -> T) -> Vec<T> {
        let values = &self.columns[column as usize].1;
        let part = &values[offset as usize..(offset + len) as usize];
        part.iter().map(|&value| one(value)).collect()
    }
}

impl Window for Rows {
    fn rows(&self) -> u64 {
        self.kept_rows().into()
    }
    fn columns(&self) -> Vec<Column> {
        let kind = if self.names.is_empty() {
            ColumnKind::Numeric
        } else {
            ColumnKind::Categorical
        };
        let column = |(name, values): &(&str, Vec<f64>)| Column {
            name: (*name).to_owned(),
            role: Role::Error,
            kind,
            rows: values.len() as u64,
            missing: 0,
            non_finite: 0,
            exact: true,
            rank_error: 0.0,
            dimension: 0,
        };
        self.columns.iter().map(column).collect()
    }
    fn kept_rows(&self) -> u32 {
        self.columns
            .first()
            .map_or(0, |(_, values)| u32::try_from(values.len()).unwrap())
    }
    fn complete(&self) -> bool {
        true
    }
    fn numbers(&self, column: u32, offset: u32, len: u32) -> Result<Vec<f64>, AccessError> {
        Ok(self.part(column, offset, len, |value| value))
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "codes of a test"
    )]
    fn codes(&self, column: u32, offset: u32, len: u32) -> Result<Vec<u32>, AccessError> {
        Ok(self.part(column, offset, len, |value| value as u32))
    }
    fn dictionary(&self, _: u32) -> Result<Vec<String>, AccessError> {
        Ok(self.names.clone())
    }
    fn span(&self) -> Option<(f64, f64)> {
        None
    }
    fn times(&self, _: u32, _: u32) -> Result<Vec<f64>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn embeddings(&self, _: u32, _: u32, _: u32) -> Result<Vec<f32>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn sample(&self, _: u32, _: u64) -> Result<Vec<u32>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn quantiles(&self, _: u32, _: &[f64]) -> Result<Vec<f64>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn counts_in_bins(&self, _: u32, _: &[f64]) -> Result<Vec<f64>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn cdf(&self, _: u32, _: &[f64]) -> Result<Vec<f64>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn distinct(&self, _: u32) -> Result<Distribution, AccessError> {
        Err(AccessError::NoRows)
    }
    fn category_counts(&self, _: u32) -> Result<Categories, AccessError> {
        Err(AccessError::NoRows)
    }
    fn moments(&self, _: u32) -> Result<Moments, AccessError> {
        Err(AccessError::NoRows)
    }
}

fn of<'a>(found: &'a [Measurement], metric: &str, column: &str) -> Vec<&'a Measurement> {
    found
        .iter()
        .filter(|one| one.metric == metric && one.column.as_deref() == Some(column))
        .collect()
}

/// A chart on which every row of 9 is an alarm.
fn chart() -> Spc {
    let params = SpcParams {
        subgroup: 1,
        limits: Some((0.0, 1.0)),
        ..SpcParams::default()
    };
    Spc::new(params).unwrap()
}

#[test]
fn changes_are_told_one_by_one_up_to_a_bound_and_all_are_counted() {
    for (more, told) in [(0, CHANGES_MAX), (1, CHANGES_MAX)] {
        let rows = usize::try_from(CHANGES_MAX).unwrap() + more;
        let found = update(&[], &Rows::of(vec![("x", vec![9.0; rows])]), &chart())
            .unwrap()
            .measurements;
        assert_eq!(of(&found, "change", "x").len() as u64, told);
        assert_eq!(of(&found, "detections", "x")[0].value, rows as f64);
    }
}

#[test]
fn numbers_that_are_no_errors_fail_the_column_alone_and_leave_no_trace() {
    let good: Vec<f64> = (0..100).map(|row| f64::from(row % 2)).collect();
    let bad: Vec<f64> = good.iter().flat_map(|&value| [value, 3.5]).collect();
    let clean = update(&[], &Rows::of(vec![("x", good.clone())]), &Ddm::default()).unwrap();
    let mixed = update(&[], &Rows::of(vec![("x", bad)]), &Ddm::default()).unwrap();
    assert_eq!(mixed.state, clean.state);
    assert_eq!(clean.measurements[0].verdict, Verdict::Stable);
    let failed = &mixed.measurements[0];
    assert_eq!(failed.verdict, Verdict::Failed);
    let detail = failed.detail.as_ref().unwrap();
    assert!(detail.contains("100 values lie outside [0, 1], the first of them 3.5e0"));
}

#[test]
fn too_few_rows_are_insufficient_and_missing_ones_are_passed_over() {
    let rows = vec![0.0, f64::NAN, 1.0, f64::NAN];
    let found = update(&[], &Rows::of(vec![("x", rows)]), &Ddm::default()).unwrap();
    let judged = &found.measurements[0];
    assert_eq!(judged.verdict, Verdict::Insufficient);
    assert_eq!((judged.current_rows, judged.missing_share), (2, 0.5));
}

fn known_risk() -> ErrorBets {
    let params = ErrorBetsParams {
        target_risk: Some(0.1),
        binary: true,
        ..ErrorBetsParams::default()
    };
    ErrorBets::new(params).unwrap()
}

#[test]
fn columns_share_the_level_equally() {
    let errors: Vec<f64> = (0..200).map(|row| f64::from(row % 2)).collect();
    let alarm_at = |columns: Vec<(&'static str, Vec<f64>)>| {
        let how = Watch {
            level: 0.05,
            seed: 1,
            start: |_: &Column, _| Ok(known_risk()),
            prepare: |_: &Column, value| Ok(value),
        };
        let found = watch(&[], &Rows::of(columns), &how).unwrap().measurements;
        let threshold = of(&found, "e_value", "x")[0].threshold.unwrap();
        (threshold, of(&found, "alarm", "x")[0].row.unwrap())
    };
    let alone = alarm_at(vec![("x", errors.clone())]);
    let shared = alarm_at(vec![("x", errors.clone()), ("y", vec![0.0; 200])]);
    assert_eq!((alone.0, shared.0), (20.0, 40.0));

    // The rows at which the same bets first have twenty, and forty.
    let first = |level: f64| {
        let mut monitor = known_risk();
        errors
            .iter()
            .position(|&error| monitor.update(error, level))
            .unwrap() as u64
    };
    assert_eq!((alone.1, shared.1), (first(0.05), first(0.025)));
    assert!(shared.1 > alone.1);
}

#[test]
fn categories_are_compared_by_name_whatever_their_codes() {
    let how = Watch {
        level: 0.05,
        seed: 7,
        start: |_: &Column, _| Ok(TwoSampleBets::default()),
        prepare: |_: &Column, value| Ok(value),
    };
    let rows = |codes: [f64; 3], names: [&str; 3], rows: usize| Rows {
        columns: vec![("x", (0..rows).map(|row| codes[row % 3]).collect())],
        names: names.map(str::to_owned).to_vec(),
    };
    let learned = watch(&[], &rows([0.0, 1.0, 1.0], ["a", "b", "c"], 1_200), &how).unwrap();
    let same = rows([1.0, 0.0, 0.0], ["b", "a", "c"], 1_200);
    let same = watch(&learned.state, &same, &how).unwrap();
    assert_eq!(same.measurements[0].verdict, Verdict::Stable);
    let other = rows([0.0, 2.0, 2.0], ["a", "b", "c"], 1_200);
    let other = watch(&learned.state, &other, &how).unwrap();
    assert_eq!(of(&other.measurements, "alarm", "x").len(), 1);
    assert_eq!(
        of(&other.measurements, "e_value", "x")[0].verdict,
        Verdict::Drifted
    );
}
