//! Merging: the same to the last bit in the exact form, within the error in the sketched one.

use proptest::prelude::*;

use super::super::{MergeError, Profile, ProfileBuilder, ProfileConfig, ROWS_MAX};
use super::{batch, profile, random, schema, tiny, values};
use crate::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, Role, Schema};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exact_profiles_merge_to_the_same_bytes_in_any_order(a in values(60), b in values(60), c in values(60)) {
        let config = ProfileConfig::default();
        let [x, y, z] = [&a, &b, &c].map(|values| profile(values, config));
        let left = x.merge(&y).unwrap().merge(&z).unwrap();
        let right = x.merge(&y.merge(&z).unwrap()).unwrap();
        let turned = z.merge(&x).unwrap().merge(&y).unwrap();
        prop_assert_eq!(left.to_bytes(), right.to_bytes());
        prop_assert_eq!(left.to_bytes(), turned.to_bytes());
        prop_assert_eq!(Profile::merge_all(&[&x, &y, &z]).unwrap().to_bytes(), left.to_bytes());
        for column in [0, 2] {
            let moments = |profile: &Profile| profile.columns()[column].distribution().unwrap().moments();
            let (left, turned) = (moments(&left), moments(&turned));
            prop_assert_eq!(left.mean.to_bits(), turned.mean.to_bits());
            prop_assert_eq!(left.squares.to_bits(), turned.squares.to_bits());
        }
    }

    #[test]
    fn exact_profiles_of_parts_merge_to_the_profile_of_the_whole(a in values(60), b in values(60)) {
        let config = ProfileConfig::default();
        let merged = profile(&a, config).merge(&profile(&b, config)).unwrap();
        let mut builder = ProfileBuilder::new(schema(), config);
        builder.observe(&batch(&a)).unwrap();
        builder.observe(&batch(&b)).unwrap();
        prop_assert_eq!(builder.finish().to_bytes(), merged.to_bytes());
    }

    #[test]
    fn sketched_profiles_count_the_same_in_any_order(a in values(90), b in values(90), c in values(90)) {
        let [x, y, z] = [&a, &b, &c].map(|values| profile(values, tiny()));
        let left = x.merge(&y).unwrap().merge(&z).unwrap();
        let right = z.merge(&y.merge(&x).unwrap()).unwrap();
        prop_assert_eq!(left.rows(), right.rows());
        for (left, right) in left.columns().iter().zip(right.columns()) {
            prop_assert_eq!(left.rows(), right.rows());
            prop_assert_eq!((left.missing(), left.non_finite()), (right.missing(), right.non_finite()));
            if let Some((left, right)) = left.distribution().zip(right.distribution()) {
                prop_assert_eq!(left.is_exact(), right.is_exact());
                let (left, right) = (left.moments(), right.moments());
                prop_assert_eq!(left.count, right.count);
                prop_assert_eq!((left.minimum, left.maximum), (right.minimum, right.maximum));
            } else {
                prop_assert_eq!(left.categories().unwrap().total(), left.values());
                prop_assert_eq!(right.categories().unwrap().total(), right.values());
            }
        }
    }
}

#[test]
fn sketched_moments_agree_whatever_the_order() {
    let values: Vec<f64> = random(3_000).iter().map(|x| 1e15 + x % 2.0).collect();
    let spread: Vec<f64> = values
        .iter()
        .zip(0..)
        .map(|(x, i)| x + f64::from(i) / 8.0)
        .collect();
    let parts: Vec<Profile> = spread
        .chunks(97)
        .map(|part| profile(part, tiny()))
        .collect();
    let whole = profile(&spread, ProfileConfig::default()).columns()[0]
        .distribution()
        .unwrap()
        .moments();

    let merged = Profile::merge_all(&parts).unwrap();
    let folded = parts
        .iter()
        .skip(1)
        .fold(parts[0].clone(), |all, part| part.merge(&all).unwrap());

    for profile in [merged, folded] {
        let moments = profile.columns()[0].distribution().unwrap().moments();
        assert_eq!(moments.count, whole.count);
        assert!(
            (moments.mean - whole.mean).abs() <= 0.25,
            "{} {}",
            moments.mean,
            whole.mean
        );
        assert!((moments.variance() / whole.variance() - 1.0).abs() < 1e-6);
    }
}

#[test]
fn a_column_is_exact_up_to_its_limit_and_not_beyond() {
    let config = ProfileConfig::new(5, 4, 4).unwrap();
    let exact = |values: &[f64]| {
        profile(values, config).columns()[0]
            .distribution()
            .unwrap()
            .is_exact()
    };
    assert!(exact(&[
        1.0,
        2.0,
        3.0,
        4.0,
        5.0,
        5.0,
        1.0,
        f64::NAN,
        f64::INFINITY
    ]));
    assert!(!exact(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    let (left, right) = (
        profile(&[1.0, 2.0, 3.0], config),
        profile(&[3.0, 4.0, 5.0], config),
    );
    assert!(
        left.merge(&right).unwrap().columns()[0]
            .distribution()
            .unwrap()
            .is_exact()
    );
    let more = left.merge(&profile(&[4.0, 5.0, 6.0], config)).unwrap();
    assert!(!more.columns()[0].distribution().unwrap().is_exact());
}

#[test]
fn profiles_that_do_not_fit_each_other_say_why() {
    let one = profile(&[1.0], tiny());
    assert_eq!(Profile::merge_all::<Profile>(&[]), Err(MergeError::Nothing));
    let other = profile(&[1.0], ProfileConfig::default());
    assert!(matches!(one.merge(&other), Err(MergeError::Config { .. })));

    let spec = ColumnSpec {
        name: "x".into(),
        kind: ColumnKind::Embedding,
        role: Role::Feature,
    };
    let schema = Schema::new(vec![spec]).unwrap();
    let embedding = |dimension: usize| {
        let mut builder = ProfileBuilder::new(schema.clone(), tiny());
        let values = vec![1.0; dimension];
        builder
            .observe(&Batch::new(
                None,
                vec![ColumnValues::Embedding { dimension, values }],
            ))
            .unwrap();
        builder.finish()
    };
    assert_eq!(
        one.merge(&embedding(1)).unwrap_err().to_string(),
        "profiles of different columns do not merge: 'x' (numeric, feature) as column 0 and 'x' (embedding, feature) as column 0"
    );
    let error = MergeError::Dimension {
        column: "x".into(),
        left: 2,
        right: 3,
    };
    assert_eq!(embedding(2).merge(&embedding(3)), Err(error));

    let mut many = one.clone();
    many.rows = ROWS_MAX;
    assert_eq!(many.merge(&one), Err(MergeError::TooManyRows(ROWS_MAX + 1)));
}
