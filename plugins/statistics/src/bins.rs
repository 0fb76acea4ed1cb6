//! Bins frozen on the reference window.

use crate::sample::Sample;

/// Edges of the bins `(-inf, e_0], (e_0, e_1], ..., (e_k, inf)`: one more bin than edges.
///
/// Invariant: at least two edges, strictly ascending. The first is just below the reference minimum, so the first bin holds what lies
/// below the reference range and the second begins with the minimum itself; the last is the reference maximum, so the last bin holds
/// what lies above the range. The reference has no rows in either.
#[derive(Debug, Clone, PartialEq)]
pub struct Edges {
    edges: Vec<f64>,
}

impl Edges {
    /// The edges, ascending.
    pub fn as_slice(&self) -> &[f64] {
        &self.edges
    }

    /// Number of bins, the two outside the reference range included.
    pub fn bins(&self) -> usize {
        self.edges.len() + 1
    }

    /// Rows of `sample` in each bin.
    pub fn count(&self, sample: &Sample<'_>) -> Vec<f64> {
        let mut counts = vec![0.0; self.bins()];
        let mut bin = 0;
        for (&value, &count) in sample.values().iter().zip(sample.counts()) {
            while bin < self.edges.len() && value > self.edges[bin] {
                bin += 1;
            }
            counts[bin] += count;
        }
        counts
    }
}

/// Edges that cut the reference into about `bins` parts of equal weight, its R-7 quantiles, plus a bin on either side.
///
/// Equal quantiles are one edge, so heavily repeated values give fewer bins; one that repeats at the minimum gets a bin of its own.
/// A reference of at most `bins` distinct values gets a bin for each value, and values between two of them fall to the upper one.
/// A constant reference gets three bins: below, equal, above. `bins` of zero counts as one. Should the minimum be `-f64::MAX`, the
/// first edge is the minimum itself, and it shares the bin with what lies below, which is nothing.
pub fn quantile_edges(reference: &Sample<'_>, bins: usize) -> Edges {
    let bins = bins.max(1);
    let (minimum, maximum) = (reference.minimum(), reference.maximum());
    let mut edges = vec![minimum.next_down().max(-f64::MAX)];
    let mut push = |edge: f64| {
        if edge > edges[edges.len() - 1] {
            edges.push(edge);
        }
    };
    if reference.distinct() <= bins {
        reference.values().iter().copied().for_each(&mut push);
    } else {
        let levels: Vec<f64> = (1..bins).map(|i| i as f64 / bins as f64).collect();
        reference
            .quantiles(&levels)
            .into_iter()
            .filter(|&edge| edge < maximum)
            .for_each(&mut push);
        push(maximum);
    }
    if edges.len() < 2 {
        edges.push(maximum.next_up()); // Only a constant `-f64::MAX`.
    }
    Edges { edges }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::sample;
    use proptest::prelude::*;

    #[test]
    fn deciles_of_a_hundred_rows_hold_ten_each() {
        let rows: Vec<f64> = (1..=100).map(f64::from).collect();
        let buffer = sample(&rows);
        let edges = quantile_edges(&buffer.as_sample(), 10);
        assert_eq!(edges.bins(), 12);
        let counts = edges.count(&buffer.as_sample());
        assert_eq!((counts[0], counts[11]), (0.0, 0.0));
        assert!(counts[1..11].iter().all(|&count| count == 10.0));
        let outside = edges.count(&sample(&[0.0, 1.0, 100.0, 100.5, 900.0]).as_sample());
        assert_eq!(
            (outside[0], outside[1], outside[10], outside[11]),
            (1.0, 1.0, 1.0, 2.0)
        );
    }

    #[test]
    fn few_values_get_a_bin_each() {
        let edges = quantile_edges(&sample(&[2.0, 2.0, 5.0, 9.0]).as_sample(), 10);
        assert_eq!(edges.as_slice(), &[2.0_f64.next_down(), 2.0, 5.0, 9.0]);
        assert_eq!(
            edges.count(&sample(&[2.0, 3.0, 5.0, 9.0, 10.0, 1.0]).as_sample()),
            [1.0, 1.0, 2.0, 1.0, 1.0]
        );
    }

    #[test]
    fn a_constant_reference_gets_below_equal_above() {
        let edges = quantile_edges(&sample(&[7.0, 7.0]).as_sample(), 10);
        assert_eq!(
            edges.count(&sample(&[6.0, 7.0, 7.0, 8.0]).as_sample()),
            [1.0, 2.0, 1.0]
        );
    }

    #[test]
    fn the_ends_of_the_range_do_not_break_it() {
        for rows in [&[-f64::MAX][..], &[f64::MAX], &[-f64::MAX, f64::MAX]] {
            let edges = quantile_edges(&sample(rows).as_sample(), 3);
            assert!(edges.as_slice().windows(2).all(|pair| pair[0] < pair[1]));
            assert!(edges.as_slice().iter().all(|edge| edge.is_finite()));
        }
    }

    proptest! {
        #[test]
        fn every_reference_row_is_inside(rows in prop::collection::vec(-20i32..20, 1..200), bins in 0usize..15) {
            let rows: Vec<f64> = rows.into_iter().map(f64::from).collect();
            let buffer = sample(&rows);
            let edges = quantile_edges(&buffer.as_sample(), bins);
            let counts = edges.count(&buffer.as_sample());
            prop_assert_eq!((counts[0], counts[counts.len() - 1]), (0.0, 0.0));
            prop_assert_eq!(counts.iter().sum::<f64>(), rows.len() as f64);
            prop_assert!(edges.bins() <= bins.max(1) + 3);
            prop_assert!(edges.as_slice().windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
