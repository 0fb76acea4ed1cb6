//! Total variation distance of two windows over the same bins.

use crate::counts::{CountsError, shares};

/// Total variation distance `sum(|p_i - q_i|) / 2`: the share of rows that would have to change bin.
///
/// `reference` and `current` are counts over the same `k` bins. Range `[0, 1]`, `1` for disjoint windows; `0` for equal proportions;
/// symmetric; a metric.
///
/// # Errors
/// [`CountsError`] if the bins do not match, a window is empty or a count is not a number of rows.
pub fn total_variation(reference: &[f64], current: &[f64]) -> Result<f64, CountsError> {
    Ok((0.5
        * shares(reference, current)?
            .map(|(p, q)| (p - q).abs())
            .sum::<f64>())
    .min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    #[test]
    fn three_rows_in_ten_change_their_bin() {
        close(
            total_variation(&[50.0, 30.0, 20.0], &[2.0, 5.0, 3.0]).unwrap(),
            0.3,
            1e-15,
        );
        assert_eq!(total_variation(&[5.0, 0.0], &[0.0, 1.0]), Ok(1.0));
        assert_eq!(total_variation(&[5.0, 5.0], &[7.0, 7.0]), Ok(0.0));
    }
}
