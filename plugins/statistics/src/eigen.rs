//! Eigenvalues and eigenvectors of a symmetric matrix.

/// Sweeps over all pairs after which the rotations stop. Eight or so are enough for a few hundred rows.
const SWEEPS_MAX: usize = 60;

/// Eigenvalues, descending, and the unit eigenvectors that belong to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigen {
    /// Descending.
    pub values: Vec<f64>,
    /// One vector after another, each as long as there are values. Its largest component is positive.
    pub vectors: Vec<f64>,
}

/// Eigenvalues and eigenvectors of the symmetric `matrix` of `size` rows, by cyclic Jacobi rotations: `O(size^3)`.
///
/// Only the upper triangle is read. The same bits on every target: sums, products and square roots alone.
/// Source: Jacobi (1846); Golub & Van Loan, "Matrix Computations", section 8.5.
///
/// # Panics
/// If `matrix` does not hold `size * size` numbers.
pub fn symmetric_eigen(matrix: &[f64], size: usize) -> Eigen {
    assert_eq!(matrix.len(), size * size, "a square matrix");
    let mut a = matrix.to_vec();
    for row in 0..size {
        for column in 0..row {
            a[row * size + column] = a[column * size + row];
        }
    }
    // Rows of `v` become the vectors: rotations work on two rows, which lie together in memory.
    let mut v = vec![0.0; size * size];
    for at in 0..size {
        v[at * size + at] = 1.0;
    }
    let scale: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..SWEEPS_MAX {
        let off: f64 = (0..size)
            .flat_map(|row| a[row * size + row + 1..(row + 1) * size].iter())
            .map(|x| x * x)
            .sum();
        // Below this nothing of a double is left to gain.
        if off <= scale * 1e-34 {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut a, &mut v, size, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&x, &y| a[y * size + y].total_cmp(&a[x * size + x]));
    let mut vectors = Vec::with_capacity(size * size);
    for &at in &order {
        let vector = &v[at * size..(at + 1) * size];
        let largest = vector.iter().fold(
            0.0_f64,
            |best, &x| if x.abs() > best.abs() { x } else { best },
        );
        let sign = if largest < 0.0 { -1.0 } else { 1.0 };
        vectors.extend(vector.iter().map(|x| sign * x));
    }
    Eigen {
        values: order.iter().map(|&at| a[at * size + at]).collect(),
        vectors,
    }
}

/// Turns the plane of `p` and `q` so that their element becomes zero.
fn rotate(a: &mut [f64], v: &mut [f64], size: usize, p: usize, q: usize) {
    let apq = a[p * size + q];
    if apq == 0.0 {
        return;
    }
    let (app, aqq) = (a[p * size + p], a[q * size + q]);
    let theta = (aqq - app) / (2.0 * apq);
    // The smaller of both roots: turns by at most an eighth, which is what makes it converge.
    let t = if theta.abs() > 1e150 {
        0.5 / theta
    } else {
        let t = 1.0 / (theta.abs() + (theta * theta + 1.0).sqrt());
        if theta < 0.0 { -t } else { t }
    };
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    turn(a, size, p, q, c, s);
    // Symmetric: the columns become what the rows are, but for the four elements of the plane.
    for k in 0..size {
        if k != p && k != q {
            a[k * size + p] = a[p * size + k];
            a[k * size + q] = a[q * size + k];
        }
    }
    a[p * size + p] = app - t * apq;
    a[q * size + q] = aqq + t * apq;
    a[p * size + q] = 0.0;
    a[q * size + p] = 0.0;
    turn(v, size, p, q, c, s);
}

/// Rows `p < q` become `c p - s q` and `s p + c q`.
fn turn(matrix: &mut [f64], size: usize, p: usize, q: usize, c: f64, s: f64) {
    let (above, below) = matrix.split_at_mut(q * size);
    let (first, second) = (&mut above[p * size..(p + 1) * size], &mut below[..size]);
    for (x, y) in first.iter_mut().zip(second) {
        let (old_x, old_y) = (*x, *y);
        *x = c * old_x - s * old_y;
        *y = s * old_x + c * old_y;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::rng::Rng;

    #[test]
    fn two_by_two_is_the_closed_form() {
        let eigen = symmetric_eigen(&[2.0, 1.0, 1.0, 2.0], 2);
        close(eigen.values[0], 3.0, 1e-15);
        close(eigen.values[1], 1.0, 1e-15);
        close(eigen.vectors[0], 0.5_f64.sqrt(), 1e-15);
        close(eigen.vectors[1], 0.5_f64.sqrt(), 1e-15);
    }

    #[test]
    fn path_graph_has_its_cosines() {
        // 2 on the diagonal, -1 beside it: eigenvalues 2 - 2 cos(k pi / (n + 1)).
        let n = 40;
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            matrix[i * n + i] = 2.0;
            if i + 1 < n {
                matrix[i * n + i + 1] = -1.0;
            }
        }
        let eigen = symmetric_eigen(&matrix, n);
        for (at, value) in eigen.values.iter().enumerate() {
            let k = (n - at) as f64;
            let angle = k * core::f64::consts::PI / (n as f64 + 1.0);
            close(*value, 2.0 - 2.0 * libm::cos(angle), 1e-12);
        }
    }

    #[test]
    fn vectors_are_orthonormal_and_put_the_matrix_together_again() {
        let (n, mut rng) = (17, Rng::new(3));
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            for j in i..n {
                matrix[i * n + j] = rng.normal();
                matrix[j * n + i] = matrix[i * n + j];
            }
        }
        let Eigen { values, vectors } = symmetric_eigen(&matrix, n);
        assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
        for i in 0..n {
            for j in 0..n {
                let dot: f64 = (0..n)
                    .map(|k| vectors[i * n + k] * vectors[j * n + k])
                    .sum();
                assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-13);
                let sum: f64 = (0..n)
                    .map(|k| values[k] * vectors[k * n + i] * vectors[k * n + j])
                    .sum();
                assert!((sum - matrix[i * n + j]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn nothing_and_zero_have_answers() {
        assert!(symmetric_eigen(&[], 0).values.is_empty());
        assert_eq!(symmetric_eigen(&[0.0; 9], 3).values, [0.0; 3]);
    }
}
