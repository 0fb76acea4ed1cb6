//! Maximum mean discrepancy with a Gaussian kernel, exactly, and its law over permutations.

use crate::rng::Rng;

/// Squared Euclidean distance of two rows. Four sums side by side: as quick as the target allows, in one fixed order.
pub fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<4>();
    let (b, b_rest) = b.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..4 {
            let off = a[lane] - b[lane];
            sums[lane] += off * off;
        }
    }
    let rest: f64 = a_rest
        .iter()
        .zip(b_rest)
        .map(|(a, b)| (a - b) * (a - b))
        .sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The median heuristic: the lower median of the squared distances of all pairs of rows, which is `2 sigma^2` of the kernel.
///
/// Where more than half of the pairs are equal it is the mean of the squared distances; `0` if all rows are equal or there is one.
/// Source: Gretton et al. (2012), section 8; the same choice as `sigma = sqrt(median / 2)` of alibi-detect.
pub fn median_squared_distance(rows: &[f64], dimensions: usize) -> f64 {
    let rows: Vec<&[f64]> = rows.chunks_exact(dimensions.max(1)).collect();
    let mut distances: Vec<f64> = Vec::with_capacity(rows.len() * rows.len().saturating_sub(1) / 2);
    for (at, row) in rows.iter().enumerate() {
        distances.extend(rows[..at].iter().map(|other| squared_distance(row, other)));
    }
    if distances.is_empty() {
        return 0.0;
    }
    let mean = distances.iter().sum::<f64>() / distances.len() as f64;
    let middle = (distances.len() - 1) / 2;
    let (_, median, _) = distances.select_nth_unstable_by(middle, f64::total_cmp);
    if *median > 0.0 { *median } else { mean }
}

/// Rows of a block of the kernel.
const BLOCK: usize = 32;
/// Permutations that go over the kernel together.
const TOGETHER: usize = 32;

/// Sum of some numbers of a row. Four sums side by side.
fn gathered(row: &[f64], places: &[u32]) -> f64 {
    let (fours, rest) = places.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for four in fours {
        for lane in 0..4 {
            sums[lane] += row[four[lane] as usize];
        }
    }
    let rest: f64 = rest.iter().map(|&place| row[place as usize]).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The kernel between all rows of both windows: the lower triangle without its diagonal, `8 N (N - 1) / 2` bytes.
#[derive(Debug, Clone)]
pub struct Gram {
    values: Vec<f64>,
    rows: usize,
    /// Sum of each row, without the diagonal.
    sums: Vec<f64>,
    /// Of all pairs, each once.
    total: f64,
}

impl Gram {
    /// `exp(-|x - y|^2 / scale)` for all pairs. A `scale` of twice `sigma^2` is the usual Gaussian kernel.
    pub fn new(rows: &[f64], dimensions: usize, scale: f64) -> Self {
        let rows: Vec<&[f64]> = rows.chunks_exact(dimensions.max(1)).collect();
        let count = rows.len();
        let mut values = vec![0.0; count * count.saturating_sub(1) / 2];
        let factor = -1.0 / scale;
        // Blocks of rows against blocks of rows: wide rows then come from memory once a block, not once a pair.
        for from in (0..count).step_by(BLOCK) {
            for other_from in (0..=from).step_by(BLOCK) {
                for at in from..count.min(from + BLOCK) {
                    let (row, start) = (rows[at], at * at.saturating_sub(1) / 2);
                    let others = rows.iter().enumerate().take(at.min(other_from + BLOCK));
                    for (other, other_row) in others.skip(other_from) {
                        let squared = squared_distance(row, other_row);
                        values[start + other] = libm::exp(factor * squared);
                    }
                }
            }
        }
        let mut sums = vec![0.0; count];
        let (mut total, mut start) = (0.0, 0);
        for at in 0..count {
            let row = &values[start..start + at];
            start += at;
            let sum: f64 = row.iter().sum();
            for (sums, value) in sums.iter_mut().zip(row) {
                *sums += value;
            }
            sums[at] = sum;
            total += sum;
        }
        Self {
            values,
            rows: count,
            sums,
            total,
        }
    }

    /// Unbiased squared discrepancy of the `n` first rows and the others, at least 2 each: mean of the kernel within both, less twice
    /// the mean between them. About `0` without drift (it can be below), at most `2`.
    ///
    /// Source: Gretton et al. (2012), "A Kernel Two-Sample Test", equation 3.
    pub fn squared(&self, n: usize) -> f64 {
        let (mut first, mut second, mut between) = (0.0, 0.0, 0.0);
        for at in 0..self.rows {
            let row = self.row(at);
            if at < n {
                first += row.iter().sum::<f64>();
            } else {
                between += row[..n].iter().sum::<f64>();
                second += row[n..].iter().sum::<f64>();
            }
        }
        let (n, m) = (n as f64, (self.rows - n) as f64);
        2.0 * first / (n * (n - 1.0)) + 2.0 * second / (m * (m - 1.0)) - 2.0 * between / (n * m)
    }

    /// The same for `permutations` random ways to take `n` rows out of all.
    pub fn permuted(&self, n: usize, permutations: usize, rng: &mut Rng) -> Vec<f64> {
        // Both groups follow from one of them; the smaller is less work.
        let small = n.min(self.rows - n);
        let mut draw = Subsets::new(self.rows);
        let (s, l) = (small as f64, (self.rows - small) as f64);
        let mut found = Vec::with_capacity(permutations);
        while found.len() < permutations {
            // The kernel is far larger than the caches: permutations go over its rows together.
            let together = TOGETHER.min(permutations - found.len());
            let chosen: Vec<Vec<u32>> = (0..together)
                .map(|_| draw.next(small, rng).to_vec())
                .collect();
            let mut before = vec![0; together];
            let mut inside = vec![0.0; together];
            let mut touching = vec![0.0; together];
            for at in 0..self.rows {
                let row = self.row(at);
                for (number, chosen) in chosen.iter().enumerate() {
                    let position = before[number];
                    if chosen
                        .get(position)
                        .is_some_and(|&next| next as usize == at)
                    {
                        touching[number] += self.sums[at];
                        inside[number] += gathered(row, &chosen[..position]);
                        before[number] += 1;
                    }
                }
            }
            for (inside, touching) in inside.into_iter().zip(touching) {
                let between = touching - 2.0 * inside;
                let outside = self.total - inside - between;
                found.push(
                    2.0 * inside / (s * (s - 1.0)) + 2.0 * outside / (l * (l - 1.0))
                        - 2.0 * between / (s * l),
                );
            }
        }
        found
    }

    /// The kernel of a row with those before it.
    fn row(&self, at: usize) -> &[f64] {
        let start = at * at.saturating_sub(1) / 2;
        &self.values[start..start + at]
    }
}

/// Draws subsets of `0..all`, ascending.
pub(crate) struct Subsets {
    numbers: Vec<u32>,
    marked: Vec<bool>,
    chosen: Vec<u32>,
}

impl Subsets {
    pub(crate) fn new(all: usize) -> Self {
        Self {
            numbers: (0..u32::try_from(all).unwrap_or(u32::MAX)).collect(),
            marked: vec![false; all],
            chosen: Vec::new(),
        }
    }

    pub(crate) fn next(&mut self, count: usize, rng: &mut Rng) -> &[u32] {
        self.marked.fill(false);
        let all = self.numbers.len();
        for at in 0..count {
            let from = at + usize::try_from(rng.below((all - at) as u64)).unwrap_or(0);
            self.numbers.swap(at, from);
            self.marked[self.numbers[at] as usize] = true;
        }
        self.chosen.clear();
        let marked = (0..).zip(&self.marked).filter(|(_, marked)| **marked);
        self.chosen.extend(marked.map(|(number, _)| number));
        &self.chosen
    }
}

/// Permutation p-value `(k + 1) / (B + 1)`, where `k` of `B` permuted values reach the observed one. Never 0.
///
/// Source: Phipson & Smyth (2010), "Permutation P-values Should Never Be Zero".
pub fn permutation_p_value(observed: f64, permuted: &[f64]) -> f64 {
    // The same split may come with another last bit: sums go in another order.
    let reached = permuted
        .iter()
        .filter(|&&value| value >= observed - ROUNDING)
        .count();
    (reached as f64 + 1.0) / (permuted.len() as f64 + 1.0)
}

/// The value that must be exceeded for [`permutation_p_value`] to be at most `level`; `f64::MAX` where that is below `1 / (B + 1)`.
pub fn permutation_critical_value(permuted: &[f64], level: f64) -> f64 {
    let mut descending = permuted.to_vec();
    descending.sort_unstable_by(|a, b| b.total_cmp(a));
    let count = permuted.len() as f64 + 1.0;
    // With `reached` values at or above the observed one the p-value is still small enough.
    let allowed = (1..=permuted.len() + 1)
        .take_while(|&reached| reached as f64 / count <= level)
        .count();
    match allowed {
        0 => f64::MAX,
        _ => descending
            .get(allowed - 1)
            .map_or(f64::MIN, |value| value + ROUNDING),
    }
}

/// What sums of kernels between 0 and 1 may differ by where they are equal.
const ROUNDING: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    fn normals(seed: u64, count: usize, shift: f64) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        (0..count).map(|_| rng.normal() + shift).collect()
    }

    #[test]
    fn two_and_two_points_are_a_sum_on_paper() {
        // Points 0, 1 against 0, 2 with scale 1.
        let e = |x: f64| libm::exp(-x);
        let gram = Gram::new(&[0.0, 1.0, 0.0, 2.0], 1, 1.0);
        let want = e(1.0) + e(4.0) - 0.5 * (1.0 + e(4.0) + e(1.0) + e(1.0));
        close(gram.squared(2), want, 1e-14);
    }

    #[test]
    fn the_median_is_the_lower_one_of_pairs() {
        assert_eq!(median_squared_distance(&[0.0, 1.0, 3.0], 1), 4.0);
        assert_eq!(median_squared_distance(&[0.0, 1.0, 3.0, 10.0], 1), 9.0);
        // Four of six pairs are equal... their mean stands in.
        assert_eq!(median_squared_distance(&[0.0, 0.0, 0.0, 0.0, 5.0], 1), 10.0);
        assert_eq!(median_squared_distance(&[1.0, 1.0], 1), 0.0);
        assert_eq!(median_squared_distance(&[1.0], 1), 0.0);
    }

    #[test]
    fn permuted_values_are_those_of_a_permuted_window() {
        let rows = normals(1, 24, 0.0);
        let gram = Gram::new(&rows, 2, 2.0);
        for n in [3, 9] {
            let mut rng = Rng::new(4);
            let found = gram.permuted(n, 1, &mut rng)[0];
            let mut rng = Rng::new(4);
            let mut subsets = Subsets::new(12);
            let chosen = subsets.next(n.min(12 - n), &mut rng).to_vec();
            let (mut first, mut second) = (Vec::new(), Vec::new());
            for (at, row) in (0..).zip(rows.chunks_exact(2)) {
                let part = if chosen.contains(&at) {
                    &mut first
                } else {
                    &mut second
                };
                part.extend_from_slice(row);
            }
            let small = first.len() / 2;
            first.extend(second);
            close(found, Gram::new(&first, 2, 2.0).squared(small), 1e-11);
        }
    }

    #[test]
    fn the_threshold_and_the_p_value_say_the_same() {
        let permuted: Vec<f64> = (0..99).map(f64::from).collect();
        let threshold = permutation_critical_value(&permuted, 0.05);
        for observed in [90.5, 93.5, 94.0, 94.5, 95.0, 98.0, 99.0] {
            let significant = permutation_p_value(observed, &permuted) <= 0.05;
            assert_eq!(significant, observed > threshold, "{observed} {threshold}");
        }
        assert_eq!(permutation_p_value(1e9, &permuted), 0.01);
        assert_eq!(permutation_critical_value(&permuted, 0.009), f64::MAX);
        assert_eq!(permutation_critical_value(&permuted, 1.0), f64::MIN);
    }

    #[test]
    fn a_shift_is_seen_and_none_is_not() {
        let p = |shift: f64| {
            let mut rows = normals(1, 120, 0.0);
            rows.extend(normals(2, 80, shift));
            let gram = Gram::new(&rows, 2, median_squared_distance(&rows[..120], 2));
            let permuted = gram.permuted(60, 199, &mut Rng::new(3));
            permutation_p_value(gram.squared(60), &permuted)
        };
        assert_eq!(p(1.0), 0.005);
        assert!(p(0.0) > 0.05);
    }
}
