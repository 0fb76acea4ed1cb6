//! Maximum mean discrepancy of many rows: the Gaussian kernel by random Fourier features.

use crate::rng::Rng;

/// Frequencies. The kernel of two rows is off by about `1 / sqrt(2 FREQUENCIES)`, a twentieth or so; what is tested is the
/// discrepancy under the approximate kernel, so the law over permutations stays exact.
pub const FREQUENCIES: usize = 128;

/// Features of a row: a cosine and a sine of each frequency.
const FEATURES: usize = 2 * FREQUENCIES;

/// Permutations that go over the rows together: their sums stay in the fast cache.
const TOGETHER: usize = 32;

/// The features of rows, each of length 1: their products are the kernel.
#[derive(Debug, Clone)]
pub struct Features {
    values: Vec<f64>,
    total: [f64; FEATURES],
}

/// Random frequencies for a kernel `exp(-|x - y|^2 / scale)`: normal with variance `2 / scale` in each dimension.
///
/// Source: Rahimi & Recht (2007), "Random Features for Large-Scale Kernel Machines".
pub fn frequencies(dimensions: usize, scale: f64, rng: &mut Rng) -> Vec<f64> {
    let width = (2.0 / scale).sqrt();
    (0..FREQUENCIES * dimensions)
        .map(|_| width * rng.normal())
        .collect()
}

impl Features {
    /// Features of `rows`, `dimensions` numbers each, by [`frequencies`] of as many dimensions. `8 * 2 FREQUENCIES` bytes a row.
    pub fn new(rows: &[f64], dimensions: usize, frequencies: &[f64]) -> Self {
        let norm = 1.0 / (FREQUENCIES as f64).sqrt();
        let count = rows.len() / dimensions.max(1);
        let mut values = Vec::with_capacity(count * FEATURES);
        let mut total = [0.0; FEATURES];
        for row in rows.chunks_exact(dimensions.max(1)) {
            for frequency in frequencies.chunks_exact(dimensions.max(1)) {
                let (sine, cosine) = libm::sincos(dot(row, frequency));
                values.push(norm * cosine);
                values.push(norm * sine);
            }
        }
        for row in values.chunks_exact(FEATURES) {
            add(&mut total, row);
        }
        Self { values, total }
    }

    fn rows(&self) -> usize {
        self.values.len() / FEATURES
    }

    /// Unbiased squared discrepancy of the `n` first rows and the others, as [`crate::mmd::Gram::squared`].
    pub fn squared(&self, n: usize) -> f64 {
        let mut first = [0.0; FEATURES];
        for row in self.values[..n * FEATURES].chunks_exact(FEATURES) {
            add(&mut first, row);
        }
        self.of_sums(&first, n)
    }

    fn of_sums(&self, first: &[f64], n: usize) -> f64 {
        let (mut within, mut between, mut outside) = (0.0, 0.0, 0.0);
        for (x, all) in first.iter().zip(&self.total) {
            let y = all - x;
            within += x * x;
            between += x * y;
            outside += y * y;
        }
        let (n, m) = (n as f64, (self.rows() - n) as f64);
        // A row's product with itself is 1 and does not count.
        (within - n) / (n * (n - 1.0)) + (outside - m) / (m * (m - 1.0)) - 2.0 * between / (n * m)
    }

    /// The same for `permutations` random ways to take `n` rows out of all.
    pub fn permuted(&self, n: usize, permutations: usize, rng: &mut Rng) -> Vec<f64> {
        let small = n.min(self.rows() - n);
        let mut draw = crate::mmd::Subsets::new(self.rows());
        let mut found = Vec::with_capacity(permutations);
        let mut member = vec![0_u32; self.rows()];
        let mut sums = vec![0.0; TOGETHER * FEATURES];
        while found.len() < permutations {
            let together = TOGETHER.min(permutations - found.len());
            member.fill(0);
            sums.fill(0.0);
            for bit in 0..together {
                for &row in draw.next(small, rng) {
                    member[row as usize] |= 1 << bit;
                }
            }
            for (row, &member) in self.values.chunks_exact(FEATURES).zip(&member) {
                let mut left = member;
                while left != 0 {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    add(&mut sums[bit * FEATURES..(bit + 1) * FEATURES], row);
                }
            }
            let of = sums.chunks_exact(FEATURES).take(together);
            found.extend(of.map(|sums| self.of_sums(sums, small)));
        }
        found
    }
}

fn add(sums: &mut [f64], row: &[f64]) {
    for (sum, x) in sums.iter_mut().zip(row) {
        *sum += x;
    }
}

/// Four sums side by side, in one fixed order.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<4>();
    let (b, b_rest) = b.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::mmd::{Gram, permutation_p_value};

    fn normals(seed: u64, count: usize, shift: f64) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        (0..count).map(|_| rng.normal() + shift).collect()
    }

    #[test]
    fn features_stand_for_the_kernel() {
        let mut rows = normals(1, 600, 0.0);
        rows.extend(normals(2, 400, 0.7));
        let exact = Gram::new(&rows, 2, 3.0).squared(300);
        let drawn = frequencies(2, 3.0, &mut Rng::new(9));
        let features = Features::new(&rows, 2, &drawn).squared(300);
        assert!((features / exact - 1.0).abs() < 0.25, "{features} {exact}");
    }

    #[test]
    fn permuted_sums_are_those_of_the_rows() {
        let rows = normals(1, 90, 0.0);
        let drawn = frequencies(3, 6.0, &mut Rng::new(9));
        let features = Features::new(&rows, 3, &drawn);
        let permuted = features.permuted(10, 40, &mut Rng::new(2));
        assert_eq!(permuted.len(), 40);
        let (mut rng, mut draw) = (Rng::new(2), crate::mmd::Subsets::new(30));
        for value in permuted {
            let chosen = draw.next(10, &mut rng).to_vec();
            let (mut first, mut second) = (Vec::new(), Vec::new());
            for (at, row) in (0..).zip(rows.chunks_exact(3)) {
                let part = if chosen.contains(&at) {
                    &mut first
                } else {
                    &mut second
                };
                part.extend_from_slice(row);
            }
            first.extend(second);
            close(value, Features::new(&first, 3, &drawn).squared(10), 1e-9);
        }
    }

    #[test]
    fn a_shift_is_seen_and_none_is_not() {
        let p = |shift: f64| {
            let mut rows = normals(1, 2000, 0.0);
            rows.extend(normals(2, 1000, shift));
            let drawn = frequencies(2, 2.8, &mut Rng::new(9));
            let features = Features::new(&rows, 2, &drawn);
            permutation_p_value(
                features.squared(1000),
                &features.permuted(1000, 199, &mut Rng::new(3)),
            )
        };
        assert_eq!(p(0.3), 0.005);
        assert!(p(0.0) > 0.05);
    }
}
