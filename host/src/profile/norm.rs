//! Euclidean norms of vectors.

/// Sums run in this many lanes, in a fixed order: quick, and the same bits everywhere.
const LANES: usize = 4;

/// The norm of each vector of `dimension` components, row after row: NaN where all components are NaN
/// (the vector is missing), infinite where another is not finite. `dimension` is positive.
///
/// Squares of 32-bit floats are summed as doubles, where they cannot overflow.
pub(super) fn norms(values: &[f32], dimension: usize) -> Vec<f64> {
    values.chunks_exact(dimension).map(norm).collect()
}

fn norm(vector: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (chunks, rest) = vector.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(x) * f64::from(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += f64::from(x) * f64::from(x);
    }
    let squares = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    if squares.is_finite() {
        squares.sqrt()
    } else if vector.iter().all(|x| x.is_nan()) {
        f64::NAN
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_four_has_norm_five_and_twelve_more_make_thirteen() {
        assert_eq!(norms(&[3.0, 4.0, 0.0, 0.0], 2), [5.0, 0.0]);
        assert_eq!(norms(&[3.0, 0.0, 0.0, 0.0, 4.0, -12.0], 6), [13.0]);
    }

    #[test]
    fn a_vector_is_missing_only_if_all_of_it_is() {
        let nan = f32::NAN;
        let found = norms(
            &[nan, nan, nan, 1.0, 1.0, f32::INFINITY, f32::MAX, f32::MAX],
            2,
        );
        assert!(found[0].is_nan());
        assert_eq!(&found[1..3], [f64::INFINITY; 2]);
        assert!(found[3].is_finite());
    }
}
