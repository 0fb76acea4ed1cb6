//! L-infinity distance of two windows over the same bins.

use crate::counts::{CountsError, shares};

/// L-infinity distance `max |p_i - q_i|`: the largest change of a share, in shares.
///
/// `reference` and `current` are counts over the same `k` bins. Range `[0, 1]`, `1` if each window sits in a bin of its own; `0` for
/// equal proportions; symmetric; a metric.
///
/// # Errors
/// [`CountsError`] if the bins do not match, a window is empty or a count is not a number of rows.
pub fn l_infinity(reference: &[f64], current: &[f64]) -> Result<f64, CountsError> {
    Ok(shares(reference, current)?
        .map(|(p, q)| (p - q).abs())
        .fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    #[test]
    fn the_largest_change_of_a_share_counts() {
        close(
            l_infinity(&[50.0, 30.0, 20.0], &[2.0, 5.0, 3.0]).unwrap(),
            0.3,
            1e-15,
        );
        assert_eq!(l_infinity(&[5.0, 5.0], &[70.0, 70.0]), Ok(0.0));
        assert_eq!(l_infinity(&[5.0, 0.0], &[0.0, 1.0]), Ok(1.0));
        assert_eq!(
            l_infinity(&[5.0], &[0.0, 1.0]),
            Err(CountsError::BinMismatch {
                reference: 1,
                current: 2
            })
        );
    }
}
