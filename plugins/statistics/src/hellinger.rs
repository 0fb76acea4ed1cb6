//! Hellinger distance of two windows over the same bins.

use crate::counts::{CountsError, shares};

/// Hellinger distance `sqrt(1 - sum(sqrt(p_i q_i)))`, without unit.
///
/// `reference` and `current` are counts over the same `k` bins. Evaluated as `sqrt(sum((sqrt(p_i) - sqrt(q_i))^2) / 2)`, which is equal
/// and does not cancel for windows that are nearly alike. Range `[0, 1]`, `1` for disjoint windows; `0` for equal proportions;
/// symmetric; a metric.
/// Source: Hellinger (1909); Le Cam & Yang (2000), "Asymptotics in Statistics", chapter 3.
///
/// # Errors
/// [`CountsError`] if the bins do not match, a window is empty or a count is not a number of rows.
pub fn hellinger(reference: &[f64], current: &[f64]) -> Result<f64, CountsError> {
    let squares = shares(reference, current)?.map(|(p, q)| {
        let difference = p.sqrt() - q.sqrt();
        difference * difference
    });
    Ok((0.5 * squares.sum::<f64>()).min(1.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use proptest::prelude::*;

    #[test]
    fn half_against_all_is_done_by_hand() {
        // BC = sqrt(1 / 2).
        close(
            hellinger(&[8.0, 0.0], &[3.0, 3.0]).unwrap(),
            (1.0 - 0.5_f64.sqrt()).sqrt(),
            1e-14,
        );
        assert_eq!(hellinger(&[1.0, 0.0], &[0.0, 4.0]), Ok(1.0));
    }

    proptest! {
        #[test]
        fn bounded_symmetric_and_zero_on_equal_input(pairs in prop::collection::vec((0u16..500, 0u16..500), 1..20)) {
            let p: Vec<f64> = pairs.iter().map(|x| f64::from(x.0) + 1.0).collect();
            let q: Vec<f64> = pairs.iter().map(|x| f64::from(x.1)).collect();
            prop_assume!(q.iter().sum::<f64>() > 0.0);
            let there = hellinger(&p, &q).unwrap();
            prop_assert!((0.0..=1.0).contains(&there));
            prop_assert_eq!(there, hellinger(&q, &p).unwrap());
            prop_assert_eq!(hellinger(&p, &p), Ok(0.0));
        }
    }
}
