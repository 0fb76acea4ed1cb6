//! Control of the chance of any false alarm over the columns of a run.

use crate::benjamini_hochberg::{ascending, cleaned};

/// Adjusted p-values: `max over j <= i of (K - j + 1) p_(j)`, at most 1, in the order of `p_values`.
///
/// Rejecting where the adjusted value is at most `level` keeps the chance of a single false alarm at `level`, whatever the dependence.
/// A NaN counts as 1. Equals `statsmodels.stats.multitest.multipletests(method='holm')`.
/// Source: Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure".
pub fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, index) in ascending(p_values).into_iter().enumerate() {
        let left = (p_values.len() - rank) as f64;
        largest = largest.max((cleaned(p_values[index]) * left).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

/// The level at which a single column is called drifted: `level / (K - j + 1)` of the first `j` with `p_(j)` above it, what that column
/// would have to reach; `level` where every column is rejected, and without columns.
pub fn cutoff(p_values: &[f64], level: f64) -> f64 {
    for (rank, index) in ascending(p_values).into_iter().enumerate() {
        let line = level / (p_values.len() - rank) as f64;
        if cleaned(p_values[index]) > line {
            return line;
        }
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use proptest::prelude::*;

    #[test]
    fn equals_statsmodels() {
        // multipletests([0.01, 0.04, 0.03, 0.005, 0.2], method='holm')
        let got = adjusted(&[0.01, 0.04, 0.03, 0.005, 0.2]);
        for (got, want) in got.into_iter().zip([0.04, 0.09, 0.09, 0.025, 0.2]) {
            close(got, want, 1e-14);
        }
    }

    #[test]
    fn the_cutoff_is_the_line_of_the_first_column_that_is_kept() {
        close(
            cutoff(&[0.01, 0.04, 0.03, 0.005, 0.2], 0.05),
            0.05 / 3.0,
            1e-14,
        );
        assert_eq!(cutoff(&[0.01], 0.05), 0.05);
        assert_eq!(cutoff(&[], 0.05), 0.05);
        assert!(adjusted(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn cutoff_and_adjusted_values_agree(p_values in prop::collection::vec(0.0f64..0.2, 1..30)) {
            let line = cutoff(&p_values, 0.2);
            for (p, q) in p_values.iter().zip(adjusted(&p_values)) {
                prop_assert!(q >= *p && q <= 1.0);
                prop_assert!((q / 0.2 - 1.0).abs() < 1e-12 || (*p <= line) == (q <= 0.2));
            }
        }
    }
}
