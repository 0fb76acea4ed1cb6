//! Rows that are not ordinary: none, one, missing, constant, extreme, of other columns.
//!
//! Whatever they are, a detector answers with measurements or declines with `unusable-data`. A trap, a
//! value that is not finite or a metric that was not declared refuses it.

use crate::domain::schema::COLUMN_NAME_BYTES_MAX;
use crate::domain::{ColumnKind, ColumnSpec, ColumnValues, MISSING_CODE};
use crate::profile::ProfileConfig;

use super::card::{Check, Outcome};
use super::draws::Draws;
use super::scene::{DIMENSION, Rows, Scene, names};
use super::subject::{Making, Subject};

/// Rows of a window here.
const ROWS: usize = 200;

/// A pair of windows that a detector must survive.
struct Pair {
    reference: (&'static str, Rows),
    current: (&'static str, Rows),
    making: Making,
}

/// Every odd pair, check by check. One that a detector cannot meet is left out.
pub(super) fn checks(scene: &Scene, subject: &Subject, seed: u64) -> Vec<Check> {
    let draws = &mut Draws::new(seed, 4);
    let usual = scene.rows(ROWS, None, draws);
    let groups = [
        ("no rows", none(&usual)),
        ("one row", one(&usual)),
        ("all missing", changed(&usual, "without values", &missing)),
        ("constant", constant(&usual)),
        ("not finite", extreme(&usual)),
        ("other columns", other_columns(&usual)),
        ("other names", other_names(&usual)),
        ("samples, sketches", coarse(&usual, subject)),
    ];
    groups
        .into_iter()
        .filter(|(_, pairs)| !pairs.is_empty())
        .map(|(name, pairs)| check(name, &pairs, subject))
        .collect()
}

fn check(name: &str, pairs: &[Pair], subject: &Subject) -> Check {
    let mut declined = 0;
    for Pair {
        reference,
        current,
        making,
    } in pairs
    {
        match subject.judge_made(*making, &reference.1, &current.1) {
            Ok(_) => {}
            Err(error) if error.declined() => declined += 1,
            Err(error) => {
                let says = format!(
                    "with the reference {} and the current rows {}, {error}{}",
                    reference.0,
                    current.0,
                    error.advice()
                );
                return Check::new(name, Outcome::Failed, says);
            }
        }
    }
    let says = match (declined, pairs.len()) {
        (0, 1) => "judged".to_owned(),
        (0, all) => format!("all {all} pairs of windows judged"),
        (declined, all) => {
            format!("{declined} of {all} pairs of windows declined, the others judged")
        }
    };
    Check::new(name, Outcome::Passed, says)
}

fn pair(reference: (&'static str, &Rows), current: (&'static str, &Rows)) -> Pair {
    Pair {
        reference: (reference.0, reference.1.clone()),
        current: (current.0, current.1.clone()),
        making: Making::default(),
    }
}

/// The usual rows against changed ones, the other way round, and changed ones against changed ones.
fn three(usual: &Rows, how: &'static str, other: &Rows) -> Vec<Pair> {
    let (usual, other) = (("as usual", usual), (how, other));
    vec![pair(usual, other), pair(other, usual), pair(other, other)]
}

fn changed(usual: &Rows, how: &'static str, change: &dyn Fn(&mut ColumnValues)) -> Vec<Pair> {
    let mut other = usual.clone();
    other.batch.columns.iter_mut().for_each(change);
    three(usual, how, &other)
}

fn none(usual: &Rows) -> Vec<Pair> {
    three(usual, "empty", &usual.with(usual.batch.slice(0..0)))
}

fn one(usual: &Rows) -> Vec<Pair> {
    three(usual, "a single row", &usual.with(usual.batch.slice(0..1)))
}

fn missing(values: &mut ColumnValues) {
    match values {
        ColumnValues::Numeric(values) => values.fill(f64::NAN),
        ColumnValues::Categorical { codes, .. } => codes.fill(MISSING_CODE),
        ColumnValues::Embedding { values, .. } => values.fill(f32::NAN),
    }
}

/// The same value everywhere, and another one.
fn constant(usual: &Rows) -> Vec<Pair> {
    let set = |number: f64, vector: f32, code: u32| {
        move |values: &mut ColumnValues| match values {
            ColumnValues::Numeric(values) => values.fill(number),
            ColumnValues::Categorical { codes, .. } => codes.fill(code),
            ColumnValues::Embedding { values, .. } => values.fill(vector),
        }
    };
    let mut pairs = changed(usual, "of one value", &set(1.0, 1.0, 0));
    let [mut here, mut there] = [usual.clone(), usual.clone()];
    here.batch.columns.iter_mut().for_each(set(0.0, 0.0, 0));
    there.batch.columns.iter_mut().for_each(set(1.0, 1.0, 1));
    pairs.push(pair(("of one value", &here), ("of another value", &there)));
    pairs
}

/// Infinities, the ends of the range, the smallest numbers, and zeros of both signs.
fn extreme(usual: &Rows) -> Vec<Pair> {
    const NUMBERS: [f64; 10] = [
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        -0.0,
        0.0,
        1e15,
    ];
    let has_numbers = |values: &ColumnValues| !matches!(values, ColumnValues::Categorical { .. });
    if !usual.batch.columns.iter().any(has_numbers) {
        return Vec::new();
    }
    let spread = |values: &mut ColumnValues| match values {
        ColumnValues::Numeric(values) => {
            let numbers = NUMBERS.iter().cycle();
            values
                .iter_mut()
                .zip(numbers)
                .for_each(|(value, &number)| *value = number);
        }
        ColumnValues::Embedding { values, .. } => {
            #[expect(clippy::cast_possible_truncation, reason = "vectors are of floats")]
            let numbers = NUMBERS.iter().map(|&number| number as f32).cycle();
            values
                .iter_mut()
                .zip(numbers)
                .for_each(|(value, number)| *value = number);
        }
        ColumnValues::Categorical { .. } => {}
    };
    let infinite = |values: &mut ColumnValues| {
        if let ColumnValues::Numeric(values) = values {
            values.fill(f64::INFINITY);
        }
    };
    let mut pairs = changed(usual, "with infinities and extremes", &spread);
    pairs.extend(changed(usual, "all infinite", &infinite));
    pairs
}

/// A column gone, a new one, another kind, vectors of another length, and none at all.
fn other_columns(usual: &Rows) -> Vec<Pair> {
    let columns = usual.columns();
    let fewer = Rows::of(columns[1..].to_vec());
    let mut pairs = three(usual, "without its first column", &fewer);
    pairs.extend(three(usual, "without any column", &Rows::of(Vec::new())));

    let kinds: Vec<ColumnKind> = columns.iter().map(|(spec, _)| spec.kind).collect();
    if kinds.contains(&ColumnKind::Numeric) && kinds.contains(&ColumnKind::Categorical) {
        let swapped = columns.iter().map(|(spec, values)| match values {
            ColumnValues::Numeric(values) => {
                let codes = (0..)
                    .zip(values)
                    .map(|(row, _): (u32, _)| row % 2)
                    .collect();
                (
                    of_kind(spec, ColumnKind::Categorical),
                    names(codes, &["even", "odd"]),
                )
            }
            ColumnValues::Categorical { codes, .. } => {
                let numbers = codes.iter().map(|&code| f64::from(code)).collect();
                (
                    of_kind(spec, ColumnKind::Numeric),
                    ColumnValues::Numeric(numbers),
                )
            }
            ColumnValues::Embedding { .. } => (spec.clone(), values.clone()),
        });
        pairs.extend(three(
            usual,
            "with columns of other kinds",
            &Rows::of(swapped.collect()),
        ));
    }
    if kinds.contains(&ColumnKind::Embedding) {
        let shorter = columns.iter().map(|(spec, values)| match values {
            ColumnValues::Embedding { values, .. } => {
                let rows = values.len() / DIMENSION;
                let dimension = DIMENSION - 1;
                let values = values[..rows * dimension].to_vec();
                (spec.clone(), ColumnValues::Embedding { dimension, values })
            }
            _ => (spec.clone(), values.clone()),
        });
        pairs.extend(three(
            usual,
            "with shorter vectors",
            &Rows::of(shorter.collect()),
        ));
    }
    pairs
}

fn of_kind(spec: &ColumnSpec, kind: ColumnKind) -> ColumnSpec {
    ColumnSpec {
        kind,
        ..spec.clone()
    }
}

/// Columns and categories whose names hold what programs trip over, and names as long as they may be.
fn other_names(usual: &Rows) -> Vec<Pair> {
    const NAMES: [&str; 4] = ["", "\"quoted\\\"", "naïve 🌍 \u{202e}", "line\nbreak\0 end"];
    let renamed = |name: &dyn Fn(usize) -> String| {
        let mut columns = usual.columns();
        for (number, (spec, values)) in columns.iter_mut().enumerate() {
            spec.name = name(number);
            if let ColumnValues::Categorical { codes, .. } = values {
                let codes = codes.iter().map(|code| code % 4).collect();
                *values = names(codes, &NAMES);
            }
        }
        Rows::of(columns)
    };
    let odd = renamed(&|number| format!("{}{number}", NAMES.concat()));
    let long = renamed(&|number| format!("{number:0>COLUMN_NAME_BYTES_MAX$}"));
    vec![
        pair(("of odd names", &odd), ("of odd names", &odd)),
        pair(("of long names", &long), ("of long names", &long)),
    ]
}

/// Windows that remember less than every value: sketches, and samples of the rows.
fn coarse(usual: &Rows, subject: &Subject) -> Vec<Pair> {
    let profile = ProfileConfig::new(16, 8, 2).expect("inside its ranges");
    let kept_rows_max = if subject.reads_rows() { 50 } else { u32::MAX };
    let making = Making {
        kept_rows_max,
        profile,
        ..Making::default()
    };
    let usual = ("as sketches and samples", usual.clone());
    vec![Pair {
        reference: usual.clone(),
        current: usual,
        making,
    }]
}
