//! How far a figure strays from window to window without drift: what sampling explains, and what is beyond it.

use serde::{Deserialize, Serialize};

/// Spread of a figure between windows, learned from chunks of the reference.
///
/// A figure of `n` rows has the variance `between + row / n`. The second term is sampling, and shrinks with the window; the first is what
/// chunks differ by however many rows they have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChunkSpread {
    /// Variance between chunks beyond sampling, `>= 0`.
    pub between: f64,
    /// Variance of one row's influence on the figure, `>= 0`.
    pub row: f64,
    /// Rows of the whole reference.
    pub rows: f64,
    /// Chunks that it was learned from.
    pub chunks: f64,
    /// Mean of the chunks' figures.
    pub mean: f64,
    /// Standard deviation of the chunks' figures, divisor their number.
    pub deviation: f64,
}

impl ChunkSpread {
    /// Learns from figures of chunks of `chunk_rows` rows each, about, out of a reference of `rows` rows. `row`: variance of a row's influence.
    ///
    /// The variance between chunks is the moment estimate `max(0, s^2 - row / chunk_rows)`, `s^2` with divisor `k - 1` (`DerSimonian` & Laird
    /// 1986 for equal weights). With fewer than two chunks it is 0: sampling alone is known.
    pub fn learn(figures: &[f64], chunk_rows: f64, rows: f64, row: f64) -> Self {
        let chunks = figures.len() as f64;
        let mean = figures.iter().sum::<f64>() / chunks.max(1.0);
        let squares: f64 = figures
            .iter()
            .map(|figure| (figure - mean) * (figure - mean))
            .sum();
        let between = if figures.len() < 2 {
            0.0
        } else {
            (squares / (chunks - 1.0) - row / chunk_rows).max(0.0)
        };
        Self {
            between,
            row,
            rows,
            chunks,
            mean,
            deviation: (squares / chunks.max(1.0)).sqrt(),
        }
    }

    /// Standard error of a window's figure less the reference's, both without drift, for a window of `rows` rows.
    ///
    /// `sqrt(between (1 + 1/k) + row (1/rows + 1/reference rows))`. Infinite for a window without rows.
    pub fn standard_error(&self, rows: f64) -> f64 {
        let between = self.between * (1.0 + 1.0 / self.chunks.max(1.0));
        (between + self.row * (1.0 / rows + 1.0 / self.rows)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::rng::Rng;

    #[test]
    fn sampling_alone_leaves_nothing_between() {
        // s^2 = 0.01 / 2 is what 20 rows of variance 0.1 spread by.
        let spread = ChunkSpread::learn(&[0.4, 0.5], 20.0, 40.0, 0.1);
        assert_eq!(spread.between, 0.0);
        close(
            spread.standard_error(10.0),
            (0.01_f64 + 0.0025).sqrt(),
            1e-12,
        );
        close(spread.deviation, 0.05, 1e-12);
        assert!(spread.standard_error(0.0).is_infinite());
    }

    #[test]
    fn what_sampling_does_not_explain_stays_for_any_number_of_rows() {
        let spread = ChunkSpread::learn(&[0.2, 0.6], 1e9, 2e9, 0.1);
        close(spread.between, 0.08, 1e-6);
        close(spread.standard_error(1e12), (0.08_f64 * 1.5).sqrt(), 1e-6);
    }

    #[test]
    fn one_chunk_or_none_knows_sampling_alone() {
        assert_eq!(ChunkSpread::learn(&[0.3], 10.0, 10.0, 0.1).between, 0.0);
        let none = ChunkSpread::learn(&[], 10.0, 10.0, 0.1);
        assert_eq!((none.between, none.mean, none.deviation), (0.0, 0.0, 0.0));
    }

    #[test]
    fn three_errors_are_seldom_passed_without_drift_at_any_size() {
        let mut rng = Rng::new(1);
        for rows in [50_u32, 500, 5000] {
            let mut passed = 0;
            for _ in 0..400 {
                let mut mean =
                    |rows: u32| (0..rows).map(|_| rng.normal()).sum::<f64>() / f64::from(rows);
                let chunks: Vec<f64> = (0..10).map(|_| mean(200)).collect();
                let spread = ChunkSpread::learn(&chunks, 200.0, 2000.0, 1.0);
                passed += u32::from(
                    (mean(rows) - spread.mean).abs() > 3.0 * spread.standard_error(f64::from(rows)),
                );
            }
            assert!(passed <= 6, "{rows}: {passed}");
        }
    }
}
