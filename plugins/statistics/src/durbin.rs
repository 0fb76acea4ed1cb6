//! The exact law of the two-sided Kolmogorov-Smirnov statistic of one sample, for small `n d`.

/// `P(D_n < d)` for `n` rows of a continuous law, from Durbin's matrix: `n! / n^n` times the middle element of its `n`-th power.
///
/// Only one row of the power is needed, so the matrix, of order `2 ceil(n d) - 1`, is applied to a vector `n` times:
/// `O(n (n d)^2)`. For `n <= 1400`, above which the factor `i! / n^i` would underflow half-way.
/// Source: Durbin (1968), "The Probability that the Sample Distribution Function Lies Between Two Parallel Straight Lines";
/// Marsaglia, Tsang & Wang (2003), "Evaluating Kolmogorov's Distribution", for the matrix.
pub(crate) fn durbin_cdf(n: u32, d: f64) -> f64 {
    let rows = f64::from(n);
    let t = rows * d;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 < n d <= 1400"
    )]
    let k = t.floor() as usize + 1;
    let order = 2 * k - 1;
    let h = k as f64 - t;

    // 1 / i! and h^i / i!, i = 0..=order.
    let mut inverse = vec![1.0; order + 1];
    let mut edge = vec![1.0; order + 1];
    for i in 1..=order {
        inverse[i] = inverse[i - 1] / i as f64;
        edge[i] = edge[i - 1] * h / i as f64;
    }
    let corner = (1..=order).fold(1.0, |power, i| power * (2.0 * h - 1.0).max(0.0) / i as f64);

    let mut state = vec![0.0; order];
    let mut next = vec![0.0; order];
    state[k - 1] = 1.0;
    // Line i of the matrix holds 1 / (i - j + 1)! in columns j = 0..=i + 1: the end of this table.
    let mut line: Vec<f64> = inverse.clone();
    line.reverse();
    for row in 1..=n {
        let share = f64::from(row) / rows;
        next.fill(0.0);
        for (i, &value) in state.iter().enumerate() {
            let columns = (i + 2).min(order);
            let weights = &line[order - 1 - i..][..columns];
            for (cell, weight) in next[..columns].iter_mut().zip(weights) {
                *cell += value * weight;
            }
        }
        // The first column also loses h^(i+1) / (i+1)! in line i, the last line as much from its end; the cell where they meet was
        // reduced twice and gets the overlap back.
        let last = state[order - 1];
        let first: f64 = state
            .iter()
            .zip(&edge[1..])
            .map(|(value, edge)| value * edge)
            .sum();
        next[0] += last * corner - first;
        for (cell, edge) in next.iter_mut().zip(edge[1..].iter().rev()) {
            *cell -= last * edge;
        }
        for (value, cell) in state.iter_mut().zip(&next) {
            *value = cell * share;
        }
    }
    state[k - 1].clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;

    #[test]
    fn equals_marsaglia_tsang_and_wang() {
        // The example of their paper, section 3; digits from scipy.stats.kstwo.cdf 1.17.1.
        close(durbin_cdf(10, 0.274), 0.628_479_615_456_504_3, 1e-12);
    }
}
