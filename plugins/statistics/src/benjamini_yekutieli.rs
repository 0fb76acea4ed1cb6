//! Control of the false discovery rate whatever the dependence between columns.

use crate::benjamini_hochberg;

/// Adjusted p-values: those of Benjamini & Hochberg times `1 + 1/2 + ... + 1/K`, at most 1, in the order of `p_values`.
///
/// A NaN counts as 1. Equals `scipy.stats.false_discovery_control(method='by')`.
/// Source: Benjamini & Yekutieli (2001), "The Control of the False Discovery Rate in Multiple Testing under Dependency".
pub fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let factor = harmonic(p_values.len());
    benjamini_hochberg::adjusted_by(p_values, factor)
}

/// The level at which a single column is called drifted: see [`benjamini_hochberg::cutoff`].
pub fn cutoff(p_values: &[f64], level: f64) -> f64 {
    benjamini_hochberg::cutoff(p_values, level / harmonic(p_values.len()))
}

/// `1 + 1/2 + ... + 1/columns`; 1 without columns.
fn harmonic(columns: usize) -> f64 {
    (1..=columns.max(1)).map(|k| 1.0 / k as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use proptest::prelude::*;

    #[test]
    fn two_columns_cost_half_as_much_again() {
        let got = adjusted(&[0.01, 0.04]);
        close(got[0], 0.03, 1e-14);
        close(got[1], 0.06, 1e-14);
        close(cutoff(&[0.01, 0.04], 0.06), 0.04, 1e-14);
        assert_eq!(cutoff(&[], 0.05), 0.05);
        assert!(adjusted(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn cutoff_and_adjusted_values_agree(p_values in prop::collection::vec(0.0f64..1.0, 1..30)) {
            let line = cutoff(&p_values, 0.2);
            for (p, q) in p_values.iter().zip(adjusted(&p_values)) {
                prop_assert!(q >= *p && q <= 1.0);
                prop_assert!((q / 0.2 - 1.0).abs() < 1e-12 || (*p <= line) == (q <= 0.2));
            }
        }
    }
}
