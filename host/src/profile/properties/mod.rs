//! What holds for any rows: property tests over the whole module.

mod batches;
mod bytes;
mod kernels;
mod merging;
mod ranks;
mod windows;

use proptest::prelude::*;

use crate::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, MISSING_CODE, Role, Schema};

use super::{Profile, ProfileBuilder, ProfileConfig};

/// A schema of a numeric, a categorical and an embedding feature.
fn schema() -> Schema {
    let kinds = [
        ("x", ColumnKind::Numeric),
        ("c", ColumnKind::Categorical),
        ("e", ColumnKind::Embedding),
    ];
    let spec = |(name, kind): (&str, _)| ColumnSpec {
        name: name.to_owned(),
        kind,
        role: Role::Feature,
    };
    Schema::new(kinds.map(spec).into()).unwrap()
}

/// Rows of [`schema`] out of one number each, which the other columns follow.
fn batch(values: &[f64]) -> Batch {
    let dictionary: Vec<String> = (0..7).map(|i| format!("category {i}")).collect();
    let code = |value: &f64| {
        if value.is_nan() {
            MISSING_CODE
        } else {
            (value.to_bits() % 7) as u32
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "any float will do")]
    let vectors = values
        .iter()
        .flat_map(|&value| [value as f32, (value / 3.0) as f32])
        .collect();
    let columns = vec![
        ColumnValues::Numeric(values.to_vec()),
        ColumnValues::Categorical {
            codes: values.iter().map(code).collect(),
            dictionary,
        },
        ColumnValues::Embedding {
            dimension: 2,
            values: vectors,
        },
    ];
    let times = (0..values.len()).map(|row| row as f64).collect();
    Batch::new(Some(times), columns)
}

fn profile(values: &[f64], config: ProfileConfig) -> Profile {
    let mut builder = ProfileBuilder::new(schema(), config);
    builder.observe(&batch(values)).unwrap();
    builder.finish()
}

/// Sketches from the third distinct value on, and drops names beyond the third.
fn tiny() -> ProfileConfig {
    ProfileConfig::new(2, 4, 3).unwrap()
}

/// Numbers of every sort: missing, infinite, both zeros, few whole ones, and any others.
fn values(rows_max: usize) -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(0.0)],
        3 => (-9..9_i32).prop_map(f64::from),
        3 => any::<f64>(),
    ];
    prop::collection::vec(value, 0..rows_max)
}

/// Pseudo-random whole numbers below `2^53`, by Knuth's MMIX generator.
fn random(count: usize) -> Vec<f64> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64
    };
    (0..count).map(|_| next()).collect()
}
