//! Small dense matrices: inverse, eigenvalues of symmetric ones, condition number.

/// Sweeps of rotations; four or five are enough for the matrices of this crate.
const SWEEPS_MAX: usize = 60;

/// The inverse of a square matrix by elimination with the largest pivot of a column; nothing for one that has none.
pub(crate) fn invert(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let size = matrix.len();
    let mut left = matrix.to_vec();
    let mut right: Vec<Vec<f64>> = (0..size)
        .map(|i| (0..size).map(|j| f64::from(u8::from(i == j))).collect())
        .collect();
    for column in 0..size {
        let pivot = (column..size)
            .max_by(|&i, &j| left[i][column].abs().total_cmp(&left[j][column].abs()))?;
        left.swap(column, pivot);
        right.swap(column, pivot);
        let scale = left[column][column];
        if !scale.is_finite() || scale == 0.0 {
            return None;
        }
        for cell in left[column].iter_mut().chain(right[column].iter_mut()) {
            *cell /= scale;
        }
        let (pivot_left, pivot_right) = (left[column].clone(), right[column].clone());
        for row in (0..size).filter(|row| *row != column) {
            let factor = left[row][column];
            for (cell, pivot) in left[row]
                .iter_mut()
                .zip(&pivot_left)
                .chain(right[row].iter_mut().zip(&pivot_right))
            {
                *cell -= factor * pivot;
            }
        }
    }
    right
        .iter()
        .flatten()
        .all(|cell| cell.is_finite())
        .then_some(right)
}

/// Eigenvalues of a symmetric matrix, in no order, by Jacobi's rotations (1846).
pub(crate) fn eigenvalues(matrix: &[Vec<f64>]) -> Vec<f64> {
    let size = matrix.len();
    let mut a = matrix.to_vec();
    let norm: f64 = a.iter().flatten().map(|cell| cell * cell).sum();
    for _ in 0..SWEEPS_MAX {
        let off: f64 = (0..size)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i][j] * a[i][j])
            .sum();
        if off <= 1e-32 * norm {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for row in &mut a {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (above, below) = a.split_at_mut(q);
                for (first, second) in above[p].iter_mut().zip(&mut below[0]) {
                    (*first, *second) = (c * *first - s * *second, s * *first + c * *second);
                }
            }
        }
    }
    (0..size).map(|at| a[at][at]).collect()
}

/// The smallest eigenvalue of a symmetric matrix; infinite for an empty one.
pub(crate) fn eigenvalue_smallest(matrix: &[Vec<f64>]) -> f64 {
    eigenvalues(matrix)
        .into_iter()
        .fold(f64::INFINITY, f64::min)
}

/// Condition number of a square matrix for the 2-norm, the largest singular value over the smallest: `>= 1`, infinite where it has no inverse.
pub(crate) fn condition(matrix: &[Vec<f64>]) -> f64 {
    let size = matrix.len();
    let squared: Vec<Vec<f64>> = (0..size)
        .map(|i| {
            (0..size)
                .map(|j| matrix.iter().map(|row| row[i] * row[j]).sum())
                .collect()
        })
        .collect();
    let values = eigenvalues(&squared);
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
    if low > 1e-14 * high {
        (high / low).sqrt()
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    #[test]
    fn a_small_matrix_on_paper() {
        let matrix = [vec![2.0, 1.0], vec![1.0, 2.0]];
        let mut values = eigenvalues(&matrix);
        values.sort_unstable_by(f64::total_cmp);
        close(values[0], 1.0, 1e-14);
        close(values[1], 3.0, 1e-14);
        close(condition(&matrix), 3.0, 1e-12);
        let inverse = invert(&matrix).unwrap();
        close(inverse[0][0], 2.0 / 3.0, 1e-14);
        close(inverse[0][1], -1.0 / 3.0, 1e-14);
    }

    #[test]
    fn without_an_inverse_the_condition_is_infinite() {
        let matrix = [vec![1.0, 1.0], vec![1.0, 1.0]];
        assert_eq!(invert(&matrix), None);
        assert!(condition(&matrix).is_infinite());
        assert!(eigenvalue_smallest(&matrix).abs() < 1e-14);
    }

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let mut rng = crate::rng::Rng::new(2);
        let matrix: Vec<Vec<f64>> = (0..7)
            .map(|_| (0..7).map(|_| rng.normal()).collect())
            .collect();
        let inverse = invert(&matrix).unwrap();
        for (i, row) in matrix.iter().enumerate() {
            for j in 0..7 {
                let cell: f64 = row
                    .iter()
                    .zip(&inverse)
                    .map(|(left, line)| left * line[j])
                    .sum();
                assert!((cell - f64::from(u8::from(i == j))).abs() < 1e-11);
            }
        }
    }
}
