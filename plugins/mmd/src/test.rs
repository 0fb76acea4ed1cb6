//! The test of two sets of rows: exact up to a bound, by random features beyond it.

use leeway_statistics::fourier::{Features, frequencies};
use leeway_statistics::mmd::{
    Gram, median_squared_distance, permutation_critical_value, permutation_p_value,
};
use leeway_statistics::rng::Rng;

/// Rows of a window up to which the kernel of all pairs is computed: 61 MiB for 4,000 rows together.
pub const EXACT_ROWS_MAX: usize = 2_000;

/// What a test found.
#[derive(Debug, Clone, PartialEq)]
pub struct Discrepancy {
    /// Unbiased squared discrepancy.
    pub squared: f64,
    /// Squared bandwidth `sigma^2` of the kernel.
    pub bandwidth: f64,
    /// Values under permutations.
    pub permuted: Vec<f64>,
    /// Whether the kernel was computed for all pairs.
    pub exact: bool,
}

impl Discrepancy {
    /// `(k + 1) / (B + 1)`.
    pub fn p_value(&self) -> f64 {
        permutation_p_value(self.squared, &self.permuted)
    }

    /// What the squared discrepancy must exceed at a level.
    pub fn critical_value(&self, level: f64) -> f64 {
        permutation_critical_value(&self.permuted, level)
    }
}

/// Compares the `n` first of `rows` (at least 2) with the others (at least 2). `None` where all rows are equal.
///
/// The kernel is `exp(-|x - y|^2 / (2 sigma^2))`, `2 sigma^2` the median of the squared distances in the reference. Beyond
/// [`EXACT_ROWS_MAX`] rows in a window it is stood for by random Fourier features: unlike averages over blocks they use every pair
/// of rows, and permutations of their sums are cheap, so the p-value stays exact; only the kernel is approximate.
pub fn discrepancy(
    rows: &[f64],
    dimensions: usize,
    n: usize,
    permutations: usize,
    rng: &mut Rng,
) -> Option<Discrepancy> {
    let all = rows.len() / dimensions.max(1);
    let exact = n <= EXACT_ROWS_MAX && all - n <= EXACT_ROWS_MAX;
    // Of a long reference the median of evenly spread rows, since pairs grow with the square.
    let step = n.div_ceil(EXACT_ROWS_MAX).max(1);
    let spread: Vec<f64> = if step == 1 {
        rows[..n * dimensions].to_vec()
    } else {
        rows[..n * dimensions]
            .chunks_exact(dimensions)
            .step_by(step)
            .flatten()
            .copied()
            .collect()
    };
    let mut scale = median_squared_distance(&spread, dimensions);
    if scale <= 0.0 {
        // A reference of equal rows has no width; both windows together may have one.
        let step = all.div_ceil(EXACT_ROWS_MAX).max(1);
        let spread: Vec<f64> = rows
            .chunks_exact(dimensions.max(1))
            .step_by(step)
            .flatten()
            .copied()
            .collect();
        scale = median_squared_distance(&spread, dimensions);
    }
    if scale <= 0.0 || !scale.is_finite() {
        return None;
    }
    let (squared, permuted) = if exact {
        let gram = Gram::new(rows, dimensions, scale);
        (gram.squared(n), gram.permuted(n, permutations, rng))
    } else {
        let drawn = frequencies(dimensions, scale, rng);
        let features = Features::new(rows, dimensions, &drawn);
        (features.squared(n), features.permuted(n, permutations, rng))
    };
    Some(Discrepancy {
        squared,
        bandwidth: 0.5 * scale,
        permuted,
        exact,
    })
}
