//! Windows out of the samples of a case.

use std::sync::Arc;

use leeway::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, Role, Schema};
use leeway::profile::{Profile, ProfileBuilder, ProfileConfig, Window};

use crate::harness::WindowBuilder;

/// A profile that is exact for every case.
pub fn exact() -> ProfileConfig {
    ProfileConfig::new(1 << 20, 16_384, 4_096).unwrap()
}

/// A window of one numeric column `x`.
pub fn of_numbers(role: Role, values: &[f64]) -> Window {
    WindowBuilder::default()
        .remember(exact())
        .numbers("x", role, values)
        .build()
}

/// A window of one categorical column `x` with so many rows of each name, however many those are.
pub fn of_names(role: Role, names: &[String], counts: &[u64]) -> Window {
    let values = |rows: &[usize]| ColumnValues::Categorical {
        codes: rows
            .iter()
            .map(|&row| u32::try_from(row).unwrap())
            .collect(),
        dictionary: names.to_vec(),
    };
    of_counts(role, ColumnKind::Categorical, counts, &values)
}

/// A window of one numeric column `x` with so many rows of each value.
pub fn of_repeated(role: Role, values: &[f64], counts: &[u64]) -> Window {
    let rows =
        |rows: &[usize]| ColumnValues::Numeric(rows.iter().map(|&row| values[row]).collect());
    of_counts(role, ColumnKind::Numeric, counts, &rows)
}

/// Profiles merge, so a window of 1e12 rows is some forty doublings: Horner's rule over the bits of
/// the counts.
fn of_counts(
    role: Role,
    kind: ColumnKind,
    counts: &[u64],
    values: &dyn Fn(&[usize]) -> ColumnValues,
) -> Window {
    let schema = Arc::new(
        Schema::new(vec![ColumnSpec {
            name: "x".to_owned(),
            kind,
            role,
        }])
        .unwrap(),
    );
    let profile = |rows: &[usize]| -> Profile {
        let mut builder = ProfileBuilder::new(schema.clone(), exact());
        builder
            .observe(&Batch::new(None, vec![values(rows)]))
            .unwrap();
        builder.finish()
    };
    let largest = counts.iter().copied().max().unwrap_or(0);
    let mut gathered = profile(&[]);
    for bit in (0..u64::BITS - largest.leading_zeros()).rev() {
        let rows: Vec<usize> = (0..counts.len())
            .filter(|&at| counts[at] >> bit & 1 == 1)
            .collect();
        gathered = Profile::merge_all(&[&gathered, &gathered, &profile(&rows)]).unwrap();
    }
    assert_eq!(gathered.rows(), counts.iter().sum::<u64>());
    Window::new(Arc::new(gathered), None).unwrap()
}
