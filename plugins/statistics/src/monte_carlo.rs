//! The chi-square test of a sparse table against random tables with the same margins.

use crate::chi_square::chi_square_statistic;
use crate::counts::{CountsError, rows};
use crate::gamma_draw::NORMAL_VARIANCE;
use crate::rng::Rng;

/// P-value `(k + 1) / (repeats + 1)`, where `k` of `repeats` random tables have a chi-square statistic at least that of the given one.
///
/// The tables are those that arise when the pooled rows are dealt to the two windows anew, so the test is exact at every level that
/// is a multiple of `1 / (repeats + 1)`, however sparse the cells. Range `[1 / (repeats + 1), 1]`; the same seed gives the same p-value.
/// Takes `repeats` times the sum over the bins of the standard deviation of a dealt count.
/// Source: Hope (1968), "A Simplified Monte Carlo Significance Test Procedure"; Phipson & Smyth (2010) for the `+ 1`.
///
/// # Errors
/// [`CountsError`] if the bins do not match, a window is empty or a count is not a number of rows.
pub fn chi_square_monte_carlo(
    reference: &[f64],
    current: &[f64],
    repeats: u32,
    seed: u64,
) -> Result<f64, CountsError> {
    let (n, m) = rows(reference, current)?;
    let both: Vec<f64> = reference
        .iter()
        .zip(current)
        .map(|(p, q)| p + q)
        .filter(|both| *both > 0.0)
        .collect();
    let small = n.min(m).round();
    // Tables about as extreme as the observed one count as extreme: rounding must not decide.
    let observed = chi_square_statistic(reference, current, n, m) * (1.0 - 1e-10);
    let mut rng = Rng::new(seed);
    let urn = Urn::new(&both);
    let mut dealt = vec![0.0; both.len()];
    let mut rest = vec![0.0; both.len()];
    let mut extreme = 0_u32;
    for _ in 0..repeats {
        urn.deal(small, &mut rng, &mut dealt);
        for ((rest, both), dealt) in rest.iter_mut().zip(&both).zip(&dealt) {
            *rest = both - dealt;
        }
        extreme += u32::from(chi_square_statistic(&dealt, &rest, small, n + m - small) >= observed);
    }
    Ok((f64::from(extreme) + 1.0) / (f64::from(repeats) + 1.0))
}

/// Rows by category, to be drawn without replacement.
pub(crate) struct Urn {
    counts: Vec<u64>,
    rows: u64,
}

impl Urn {
    pub(crate) fn new(counts: &[f64]) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts of rows, far below 2^64"
        )]
        let counts: Vec<u64> = counts.iter().map(|count| count.round() as u64).collect();
        Self {
            rows: counts.iter().sum(),
            counts,
        }
    }

    /// Draws `rows` of the urn's rows and counts them by category into `dealt`, one category after the other.
    pub(crate) fn deal(&self, rows: f64, rng: &mut Rng, dealt: &mut [f64]) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of rows, far below 2^64"
        )]
        let mut open = rows as u64;
        let mut left = self.rows;
        for (&count, dealt) in self.counts.iter().zip(dealt) {
            let drawn = hypergeometric(count, left, open, rng);
            *dealt = drawn as f64;
            open -= drawn;
            left -= count;
        }
    }
}

/// How many of `marked` rows are among `drawn` rows taken at random from `all`.
///
/// Inversion of the distribution function outward from the mode, where the chance is largest, so a draw takes about as many steps as the
/// standard deviation; beyond a variance of [`NORMAL_VARIANCE`] the rounded normal law is drawn from. The chance at the mode is not computed but found by summing once over the law relative to it.
fn hypergeometric(marked: u64, all: u64, drawn: u64, rng: &mut Rng) -> u64 {
    let (lowest, highest) = ((drawn + marked).saturating_sub(all), marked.min(drawn));
    if lowest == highest {
        return lowest;
    }
    let [a, b, c] = [marked as f64, drawn as f64, (all - marked) as f64];
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between lowest and highest"
    )]
    let mode = (((a + 1.0) * (b + 1.0) / (all as f64 + 2.0)).floor() as u64).clamp(lowest, highest);
    let (whole, share) = (all as f64, a / all as f64);
    let variance = b * share * (1.0 - share) * ((whole - b) / (whole - 1.0).max(1.0));
    if variance > NORMAL_VARIANCE {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to what is possible"
        )]
        let drawn = (b * share + variance.sqrt() * rng.normal())
            .round()
            .max(0.0) as u64;
        return drawn.clamp(lowest, highest);
    }
    // The chance of x + 1 over that of x.
    let growth = |x: f64| (a - x) * (b - x) / ((x + 1.0) * (c - b + x + 1.0));
    let mut total = 1.0;
    let (mut chance, mut x) = (1.0, mode);
    while x < highest && chance > NEGLIGIBLE {
        chance *= growth(x as f64);
        total += chance;
        x += 1;
    }
    (chance, x) = (1.0, mode);
    while x > lowest && chance > NEGLIGIBLE {
        x -= 1;
        chance /= growth(x as f64);
        total += chance;
    }
    let mut target = rng.uniform() * total - 1.0;
    let (mut up, mut up_chance, mut down, mut down_chance) = (mode, 1.0, mode, 1.0);
    while target >= 0.0 {
        let mut moved = false;
        if up < highest && up_chance > NEGLIGIBLE {
            up_chance *= growth(up as f64);
            up += 1;
            target -= up_chance;
            moved = true;
            if target < 0.0 {
                return up;
            }
        }
        if down > lowest && down_chance > NEGLIGIBLE {
            down -= 1;
            down_chance /= growth(down as f64);
            target -= down_chance;
            moved = true;
            if target < 0.0 {
                return down;
            }
        }
        if !moved {
            break; // Rounding left a sliver: the mode takes it.
        }
    }
    mode
}

/// Chances this small next to the mode's are never drawn.
const NEGLIGIBLE: f64 = 1e-18;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chi_square::chi_square;

    #[test]
    fn agrees_with_the_chi_squared_law_on_a_dense_table() {
        let (reference, current) = ([300.0, 300.0, 400.0], [40.0, 30.0, 30.0]);
        let law = chi_square(&reference, &current).unwrap().p_value;
        let random = chi_square_monte_carlo(&reference, &current, 4000, 1).unwrap();
        assert!((law - random).abs() < 0.02, "{law} {random}");
    }

    #[test]
    fn a_sparse_table_gets_its_exact_level() {
        // Fisher's test of [[8, 2], [1, 5]], scipy.stats.fisher_exact 1.17.1: 0.034965; here ordered by chi-square, with the same result.
        let p = chi_square_monte_carlo(&[8.0, 2.0], &[1.0, 5.0], 20_000, 3).unwrap();
        assert!((p - 0.034_965).abs() < 0.004, "{p}");
    }

    #[test]
    fn the_smallest_p_value_is_one_over_all_tables() {
        let p = chi_square_monte_carlo(&[200.0, 0.0], &[0.0, 200.0], 99, 3).unwrap();
        assert_eq!(p, 0.01);
        assert_eq!(
            chi_square_monte_carlo(&[5.0, 5.0], &[5.0, 5.0], 99, 3),
            Ok(1.0)
        );
        assert_eq!(chi_square_monte_carlo(&[5.0], &[5.0], 9, 3), Ok(1.0));
        assert_eq!(
            chi_square_monte_carlo(&[5.0], &[0.0], 9, 3),
            Err(CountsError::EmptyWindow)
        );
    }

    #[test]
    fn hypergeometric_draws_have_the_right_mean_and_variance() {
        let mut rng = Rng::new(11);
        let (marked, all, drawn, repeats) = (30_u64, 100_u64, 20_u64, 20_000_u32);
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..repeats {
            let x = hypergeometric(marked, all, drawn, &mut rng) as f64;
            sum += x;
            squares += x * x;
        }
        let mean = sum / f64::from(repeats);
        // 20 * 0.3, and 20 * 0.3 * 0.7 * 80 / 99.
        assert!((mean - 6.0).abs() < 0.05, "{mean}");
        assert!((squares / f64::from(repeats) - mean * mean - 3.394).abs() < 0.15);
    }
}
