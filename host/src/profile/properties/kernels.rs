//! Kernels: values worked out on paper, and agreement with the definitions on any rows.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::kernels::{
    category_counts, cdf, counts_in_bins, distinct, quantiles, value_moments,
};
use super::super::{AccessError, ProfileConfig, Window};
use super::{profile, random, tiny, values};

fn window(values: &[f64], config: ProfileConfig) -> Window {
    Window::new(Arc::new(profile(values, config)), None).unwrap()
}

const NUMBERS: u32 = 0;
const CATEGORIES: u32 = 1;
const VECTORS: u32 = 2;

#[test]
fn one_to_four_have_the_quartiles_of_type_7() {
    // numpy 2.3: quantile([1, 2, 3, 4], [0, 0.25, 0.5, 0.75, 1]).
    let window = window(
        &[4.0, 2.0, f64::NAN, 1.0, 3.0, f64::INFINITY],
        ProfileConfig::default(),
    );
    let found = quantiles(&window, NUMBERS, &[0.0, 0.25, 0.5, 0.75, 1.0]).unwrap();
    assert_eq!(found, [1.0, 1.75, 2.5, 3.25, 4.0]);
    assert_eq!(
        quantiles(&window, NUMBERS, &[1.0, 0.5]).unwrap(),
        [4.0, 2.5],
        "in the order they were asked for"
    );
}

#[test]
fn bins_are_closed_on_the_right() {
    let window = window(
        &[-1.0, 0.0, 0.0, 1.0, 2.0, 3.0, f64::NAN],
        ProfileConfig::default(),
    );
    assert_eq!(
        counts_in_bins(&window, NUMBERS, &[0.0, 1.5, 2.0]).unwrap(),
        [3.0, 1.0, 1.0, 1.0]
    );
    assert_eq!(counts_in_bins(&window, NUMBERS, &[]).unwrap(), [6.0]);
    assert_eq!(
        cdf(&window, NUMBERS, &[5.0, -0.0, -2.0, f64::INFINITY]).unwrap(),
        [1.0, 0.5, 0.0, 1.0]
    );
}

#[test]
fn the_distribution_is_its_distinct_values_with_counts() {
    let window = window(&[3.0, -0.0, 0.0, 3.0, 3.0, 1.0], ProfileConfig::default());
    let found = distinct(&window, NUMBERS).unwrap();
    assert_eq!(
        (&*found.values, &*found.counts),
        (&[0.0, 1.0, 3.0][..], &[2.0, 1.0, 3.0][..])
    );
    assert!(found.values[0].is_sign_positive());
}

#[test]
fn vectors_answer_with_their_norms() {
    let window = window(&[3.0, 0.0, -3.0, f64::NAN], ProfileConfig::default());
    let moments = value_moments(&window, VECTORS).unwrap();
    let norm = 10.0_f64.sqrt(); // Of (3, 1).
    assert_eq!(
        (moments.count, moments.minimum, moments.maximum),
        (3.0, 0.0, norm)
    );
    let column = &window.columns()[VECTORS as usize];
    assert_eq!(
        (
            column.rows,
            column.missing,
            column.non_finite,
            column.dimension
        ),
        (4, 1, 0, 2)
    );
}

#[test]
fn columns_without_values_answer_with_nothing() {
    for values in [&[][..], &[f64::NAN, f64::INFINITY][..]] {
        let window = window(values, ProfileConfig::default());
        assert_eq!(quantiles(&window, NUMBERS, &[0.5]).unwrap(), [0.0; 0]);
        assert_eq!(cdf(&window, NUMBERS, &[0.0]).unwrap(), [0.0]);
        assert_eq!(
            counts_in_bins(&window, NUMBERS, &[0.0]).unwrap(),
            [0.0, 0.0]
        );
        assert!(distinct(&window, NUMBERS).unwrap().values.is_empty());
        let moments = value_moments(&window, NUMBERS).unwrap();
        assert_eq!(
            [
                moments.count,
                moments.mean,
                moments.variance,
                moments.minimum,
                moments.maximum
            ],
            [0.0; 5]
        );
    }
}

#[test]
fn arguments_that_make_no_sense_are_named() {
    let window = window(&[1.0], ProfileConfig::default());
    let invalid = |text: &str| Err(AccessError::InvalidArgument(text.to_owned()));
    assert_eq!(
        quantiles(&window, NUMBERS, &[0.5, 1.5]),
        invalid("probability 1 (1.5) is not in [0, 1]")
    );
    assert!(quantiles(&window, NUMBERS, &[f64::NAN]).is_err());
    assert_eq!(
        counts_in_bins(&window, NUMBERS, &[1.0, 1.0]),
        invalid("edge 1 (1) is not above the one before it")
    );
    assert_eq!(
        counts_in_bins(&window, NUMBERS, &[f64::INFINITY]),
        invalid("edge 0 (inf) is not finite")
    );
    assert_eq!(
        cdf(&window, NUMBERS, &[f64::NAN]),
        invalid("point 0 (NaN) is not a number")
    );
    assert_eq!(cdf(&window, 3, &[0.0]), Err(AccessError::NoSuchColumn(3)));
    let kind = |text: &str| AccessError::WrongKind(text.to_owned());
    let no_numbers = kind("column 1 ('c') is categorical, not numeric");
    assert_eq!(value_moments(&window, CATEGORIES), Err(no_numbers));
    let no_names = kind("column 2 ('e') is embedding, not categorical");
    assert_eq!(category_counts(&window, VECTORS), Err(no_names));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exact_kernels_agree_with_their_definitions(
        values in values(80), points in prop::collection::btree_set(-9..9_i32, 0..6), p in 0.0..=1.0_f64,
    ) {
        let window = window(&values, ProfileConfig::default());
        let mut finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
        finite.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let edges: Vec<f64> = points.into_iter().map(f64::from).collect();
        let at_most = |point: f64| finite.iter().filter(|x| **x <= point).count();

        let shares = cdf(&window, NUMBERS, &edges).unwrap();
        for (&edge, share) in edges.iter().zip(shares) {
            prop_assert_eq!(share, at_most(edge) as f64 / finite.len().max(1) as f64);
        }
        let bins = counts_in_bins(&window, NUMBERS, &edges).unwrap();
        for (bin, count) in bins.iter().enumerate() {
            let above = bin.checked_sub(1).map_or(0, |before| at_most(edges[before]));
            let up_to = edges.get(bin).map_or(finite.len(), |&edge| at_most(edge));
            prop_assert_eq!(*count, (up_to - above) as f64);
        }
        let quantile = quantiles(&window, NUMBERS, &[p]).unwrap();
        prop_assert_eq!(quantile.len(), usize::from(!finite.is_empty()));
        for found in quantile {
            let h = (finite.len() - 1) as f64 * p;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in [0, n)")]
            let at = h as usize;
            let (low, high) = (finite[at], finite[(at + 1).min(finite.len() - 1)]);
            prop_assert!(low <= found && found <= high);
            let expected = low / 2.0 * (1.0 - h.fract()) + high / 2.0 * h.fract(); // Halved: no overflow.
            prop_assert!((found / 2.0 - expected).abs() <= 1e-12 * low.abs().max(high.abs()));
        }
    }

    #[test]
    fn sketched_kernels_are_within_the_error(count in 3..600_usize, probabilities in prop::collection::vec(0.0..=1.0_f64, 1..30)) {
        let mut sorted = random(count);
        let window = window(&sorted, tiny());
        sorted.sort_by(f64::total_cmp);
        let column = &window.columns()[NUMBERS as usize];
        prop_assert!(!column.exact);
        let n = count as f64;
        let share = |x: f64| sorted.partition_point(|value| *value <= x) as f64 / n;

        for (found, &point) in cdf(&window, NUMBERS, &sorted).unwrap().iter().zip(&sorted) {
            prop_assert!((found - share(point)).abs() <= column.rank_error + 1e-12);
        }
        // The same values whether the sketch is searched or laid out.
        let together = quantiles(&window, NUMBERS, &[&probabilities[..], &[0.0; 30]].concat()).unwrap();
        for (p, together) in probabilities.iter().zip(together) {
            let found = quantiles(&window, NUMBERS, &[*p]).unwrap()[0];
            prop_assert_eq!(found, together);
            let below = sorted.partition_point(|value| *value < found) as f64 / n;
            let (low, high) = (below - column.rank_error - 1.0 / n, share(found) + column.rank_error + 1.0 / n);
            prop_assert!(low <= *p && *p <= high, "{} {} {}", low, p, high);
        }
        let laid_out = distinct(&window, NUMBERS).unwrap();
        prop_assert_eq!(laid_out.counts.iter().sum::<f64>(), n);
        let ends = (laid_out.values[0], laid_out.values[laid_out.values.len() - 1]);
        prop_assert_eq!(ends, (sorted[0], sorted[count - 1]));
    }
}
