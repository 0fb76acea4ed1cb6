//! Which stretches of the line carry a distance between distribution functions.

use crate::pooled::walk;
use crate::sample::Sample;

/// The area between the distribution functions in each of the bins `(-inf, e_0], (e_0, e_1], ..., (e_k, inf)`: the parts of
/// [`crate::wasserstein::wasserstein`], in the unit of the values. `edges` ascend; one more number than there are edges.
pub fn areas(reference: &Sample<'_>, current: &Sample<'_>, edges: &[f64]) -> Vec<f64> {
    let mut areas = vec![0.0; edges.len() + 1];
    let (n, m) = (reference.rows(), current.rows());
    let (mut below, mut last, mut bin) = ((0.0, 0.0), None, 0);
    walk(reference, current, |step| {
        if let Some(mut from) = last {
            let height = (below.0 / n - below.1 / m).abs();
            while bin < edges.len() && edges[bin] < step.value {
                if edges[bin] > from {
                    areas[bin] += height * (edges[bin] - from);
                    from = edges[bin];
                }
                bin += 1;
            }
            areas[bin] += height * (step.value - from);
        }
        below = (below.0 + step.reference, below.1 + step.current);
        last = Some(step.value);
    });
    areas.iter().map(|area| area.min(f64::MAX)).collect()
}

/// The sum of squared distances of the distribution functions over the pooled rows in each bin: the parts of Cramér and von Mises'
/// statistic, up to a factor.
pub fn squares(reference: &Sample<'_>, current: &Sample<'_>, edges: &[f64]) -> Vec<f64> {
    let mut squares = vec![0.0; edges.len() + 1];
    let (n, m) = (reference.rows(), current.rows());
    let (mut below, mut bin) = ((0.0, 0.0), 0);
    walk(reference, current, |step| {
        below = (below.0 + step.reference, below.1 + step.current);
        while bin < edges.len() && edges[bin] < step.value {
            bin += 1;
        }
        let distance = below.0 / n - below.1 / m;
        squares[bin] += distance * distance * (step.reference + step.current);
    });
    squares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample;
    use crate::wasserstein::wasserstein;
    use proptest::prelude::*;

    #[test]
    fn a_row_that_moved_carries_the_stretch_it_moved_over() {
        let (a, b) = (sample(&[0.0, 1.0, 2.0]), sample(&[0.0, 1.0, 5.0]));
        let areas = areas(&a.as_sample(), &b.as_sample(), &[1.0, 3.0]);
        let want = [0.0, 1.0 / 3.0, 2.0 / 3.0];
        assert!(
            areas.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-15),
            "{areas:?}"
        );
        // F - G is 1/3 at 2 alone.
        let squares = squares(&a.as_sample(), &b.as_sample(), &[1.0, 3.0]);
        assert!((squares[1] - 1.0 / 9.0).abs() < 1e-15 && squares[0] == 0.0 && squares[2] < 1e-30);
    }

    proptest! {
        #[test]
        fn areas_add_up_to_the_wasserstein_distance(
            a in prop::collection::vec(-20i32..20, 1..60), b in prop::collection::vec(-20i32..20, 1..60),
            cuts in prop::collection::btree_set(-25i32..25, 0..8),
        ) {
            let numbers = |rows: Vec<i32>| sample(&rows.into_iter().map(f64::from).collect::<Vec<_>>());
            let (a, b) = (numbers(a), numbers(b));
            let edges: Vec<f64> = cuts.into_iter().map(f64::from).collect();
            let parts = areas(&a.as_sample(), &b.as_sample(), &edges);
            prop_assert_eq!(parts.len(), edges.len() + 1);
            let whole = wasserstein(&a.as_sample(), &b.as_sample());
            prop_assert!((parts.iter().sum::<f64>() - whole).abs() < 1e-12 * (1.0 + whole));
        }
    }
}
