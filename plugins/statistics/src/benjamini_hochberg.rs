//! Control of the false discovery rate over the columns of a run.

/// Adjusted p-values: `min over j >= i of p_(j) K / j`, at most 1, in the order of `p_values`.
///
/// Rejecting where the adjusted value is at most `level` keeps the expected share of false alarms among the alarms at `level`, for
/// independent or positively dependent columns. A NaN counts as 1. Equals `scipy.stats.false_discovery_control`.
/// Source: Benjamini & Hochberg (1995), "Controlling the False Discovery Rate".
pub fn adjusted(p_values: &[f64]) -> Vec<f64> {
    adjusted_by(p_values, 1.0)
}

/// The same, each p-value times `factor`.
pub(crate) fn adjusted_by(p_values: &[f64], factor: f64) -> Vec<f64> {
    let columns = p_values.len() as f64 * factor;
    let mut adjusted = vec![1.0; p_values.len()];
    let mut smallest = 1.0_f64;
    for (rank, index) in ascending(p_values).into_iter().enumerate().rev() {
        smallest = smallest.min(cleaned(p_values[index]) * (columns / (rank + 1) as f64));
        adjusted[index] = smallest;
    }
    adjusted
}

/// The level at which a single column is called drifted: the largest `k level / K` with `p_(k) <= k level / K`; `level / K` if there
/// is none, which is what one more p-value would have to reach. `level` itself without columns.
///
/// A column is rejected exactly if its p-value is at most this, which makes it the threshold to report next to each p-value.
pub fn cutoff(p_values: &[f64], level: f64) -> f64 {
    let columns = p_values.len() as f64;
    for (rank, index) in ascending(p_values).into_iter().enumerate().rev() {
        let line = level * ((rank + 1) as f64 / columns);
        if cleaned(p_values[index]) <= line {
            return line;
        }
    }
    level / columns.max(1.0)
}

/// Positions by p-value, ties in the given order.
pub(crate) fn ascending(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| cleaned(p_values[a]).total_cmp(&cleaned(p_values[b])));
    order
}

pub(crate) fn cleaned(p: f64) -> f64 {
    if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use proptest::prelude::*;

    #[test]
    fn equals_scipy_1_17_1() {
        // scipy.stats.false_discovery_control([0.01, 0.04, 0.03, 0.005, 0.2])
        let got = adjusted(&[0.01, 0.04, 0.03, 0.005, 0.2]);
        for (got, want) in got.into_iter().zip([0.025, 0.05, 0.05, 0.025, 0.2]) {
            close(got, want, 1e-14);
        }
    }

    #[test]
    fn the_cutoff_is_the_line_of_the_last_rejection() {
        close(cutoff(&[0.01, 0.04, 0.03, 0.005, 0.2], 0.05), 0.04, 1e-14);
        close(cutoff(&[0.5, 0.9], 0.05), 0.025, 1e-14);
        assert_eq!(cutoff(&[], 0.05), 0.05);
        assert!(adjusted(&[]).is_empty());
    }

    #[test]
    fn a_missing_p_value_is_no_evidence() {
        assert_eq!(adjusted(&[f64::NAN, 0.01]), [1.0, 0.02]);
    }

    proptest! {
        #[test]
        fn cutoff_and_adjusted_values_agree(p_values in prop::collection::vec(0.0f64..1.0, 1..30)) {
            let line = cutoff(&p_values, 0.1);
            for (p, q) in p_values.iter().zip(adjusted(&p_values)) {
                prop_assert!(q >= *p && q <= 1.0);
                prop_assert_eq!(*p <= line, q <= 0.1 * (1.0 + 1e-12));
            }
        }
    }
}
