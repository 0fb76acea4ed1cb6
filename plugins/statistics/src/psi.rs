//! Population stability index of two windows over the same bins.

use crate::counts::{CountsError, rows};

/// Population stability index: `sum((q_i - p_i) ln(q_i / p_i))` over bins, in nats.
///
/// `reference` and `current` are counts over the same `k` bins. A bin that is empty in one window counts as half a row there, and that
/// window as so much larger, so the shares add up to one and the result is finite. A bin that is empty in both is left out. Range `0..`;
/// `0` for equal proportions; symmetric in its arguments.
/// Source: Kullback & Leibler (1951), "On Information and Sufficiency", divergence J(1,2).
///
/// # Errors
/// [`CountsError`] if the bins do not match, a window is empty or a count is not a number of rows.
pub fn psi(reference: &[f64], current: &[f64]) -> Result<f64, CountsError> {
    rows(reference, current)?;
    let used = || {
        reference
            .iter()
            .zip(current)
            .filter(|(p, q)| **p > 0.0 || **q > 0.0)
    };
    let n: f64 = used().map(|(p, _)| filled(*p)).sum();
    let m: f64 = used().map(|(_, q)| filled(*q)).sum();
    let terms = used().map(|(p, q)| {
        let (p, q) = (filled(*p) / n, filled(*q) / m);
        if p == q {
            0.0
        } else {
            (q - p) * libm::log(q / p)
        }
    });
    Ok(terms.sum::<f64>().min(f64::MAX))
}

/// Half a row where there is none.
fn filled(count: f64) -> f64 {
    if count > 0.0 { count } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use proptest::prelude::*;

    #[test]
    fn ten_points_moved_between_two_bins_score_a_tenth_of_ln_1_5() {
        close(
            psi(&[50.0, 50.0], &[40.0, 60.0]).unwrap(),
            0.1 * libm::log(1.5),
            1e-12,
        );
    }

    #[test]
    fn an_empty_bin_is_half_a_row() {
        // Shares 0.5/10.5 and 10/10.5 against 5/10 and 5/10.
        let want = (0.5 - 0.5 / 10.5) * libm::log(10.5)
            + (0.5 - 10.0 / 10.5) * libm::log(0.5 * 10.5 / 10.0);
        close(psi(&[0.0, 10.0], &[5.0, 5.0]).unwrap(), want, 1e-12);
    }

    #[test]
    fn a_bin_that_is_empty_in_both_changes_nothing() {
        assert_eq!(
            psi(&[3.0, 0.0, 7.0], &[6.0, 0.0, 1.0]),
            psi(&[3.0, 7.0], &[6.0, 1.0])
        );
    }

    proptest! {
        #[test]
        fn finite_symmetric_and_zero_on_equal_input(pairs in prop::collection::vec((0u16..500, 0u16..500), 1..20)) {
            let p: Vec<f64> = pairs.iter().map(|x| f64::from(x.0) + 1.0).collect();
            let q: Vec<f64> = pairs.iter().map(|x| f64::from(x.1)).collect();
            prop_assume!(q.iter().sum::<f64>() > 0.0);
            let there = psi(&p, &q).unwrap();
            prop_assert!(there.is_finite() && there >= 0.0);
            prop_assert!((there - psi(&q, &p).unwrap()).abs() <= 1e-12 * there);
            prop_assert_eq!(psi(&p, &p), Ok(0.0));
        }
    }
}
