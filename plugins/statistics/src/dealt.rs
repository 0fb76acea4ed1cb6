//! Tables of two windows as they arise without drift, drawn at random.

use crate::counts::{CountsError, rows};
use crate::gamma_draw::{binomial, gamma};
use crate::monte_carlo::Urn;
use crate::rng::Rng;

/// Values of `statistic` on `repeats` tables in which the pooled rows of fixed cells are dealt to the two windows anew.
///
/// Given the pooled counts, all such tables of rows of one law are equally likely, so a test by them is exact.
/// Source: Fisher (1935), "The Design of Experiments", chapter 3; Hope (1968).
///
/// # Errors
/// [`CountsError`] if the cells do not match, a window is empty or a count is not a number of rows.
pub fn dealt_categories(
    reference: &[f64],
    current: &[f64],
    repeats: usize,
    seed: u64,
    mut statistic: impl FnMut(&[f64], &[f64]) -> f64,
) -> Result<Vec<f64>, CountsError> {
    let (n, m) = rows(reference, current)?;
    let both: Vec<f64> = reference.iter().zip(current).map(|(p, q)| p + q).collect();
    let urn = Urn::new(&both);
    let mut rng = Rng::new(seed);
    let (mut fewer, mut more) = (vec![0.0; both.len()], vec![0.0; both.len()]);
    let mut values = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        urn.deal(n.min(m).round(), &mut rng, &mut fewer);
        for ((more, both), fewer) in more.iter_mut().zip(&both).zip(&fewer) {
            *more = both - fewer;
        }
        values.push(if n <= m {
            statistic(&fewer, &more)
        } else {
            statistic(&more, &fewer)
        });
    }
    Ok(values)
}

/// Rows of both windows that are in the bins of the reference, and beside them those without a value.
#[derive(Debug, Clone, Copy)]
pub struct Binned<'a> {
    /// The reference's rows in each bin, the two outside its range first and last.
    pub reference: &'a [f64],
    /// Values of the current window.
    pub current_rows: f64,
    /// Rows without a value, in the reference and in the current window: a cell of its own, the last one.
    pub missing: (f64, f64),
}

/// Values of `statistic` on `repeats` tables whose bins are cut at quantiles of the reference.
///
/// There the reference's counts are no chance: what varies is how much of the distribution lies in each bin. Of a continuous law the
/// `n + 1` gaps between reference values have shares of one Dirichlet law with weights 1, whatever the law is, so a bin of `k` values has
/// the weight `k` (less what makes room for the two outside, 1 each), and the current rows are drawn by these shares. With ties it is
/// the predictive law of a multinomial sample. Rows without a value are dealt as those of a category are.
/// Source: Wilks (1962), "Mathematical Statistics", section 8.7, for the shares between order statistics.
///
/// # Errors
/// [`CountsError`] if there are fewer than three bins, a window is empty or a count is not a number of rows.
pub fn dealt_bins(
    windows: Binned<'_>,
    repeats: usize,
    seed: u64,
    mut statistic: impl FnMut(&[f64], &[f64]) -> f64,
) -> Result<Vec<f64>, CountsError> {
    let Binned {
        reference,
        current_rows,
        missing,
    } = windows;
    if reference.len() < 3 {
        return Err(CountsError::EmptyWindow);
    }
    let last = reference.len() - 1;
    // A whole number to the last bit: what is left over after all draws must be nothing.
    let current_rows = current_rows.round();
    let mut current = vec![0.0; reference.len()];
    current[last] = current_rows;
    let (n, m) = rows(reference, &current)?;
    let weights: Vec<f64> = reference
        .iter()
        .enumerate()
        .map(|(bin, count)| match bin {
            0 => OUTSIDE,
            bin if bin == last => OUTSIDE,
            _ if *count > 0.0 => count * ((n - 1.0).max(1.0) / n),
            _ => EMPTY,
        })
        .collect();
    let absent = Urn::new(&[missing.0 + missing.1, n + m]);
    let (mut there, mut here) = (vec![0.0; last + 2], vec![0.0; last + 2]);
    let mut shares = vec![0.0; weights.len()];
    let mut absent_here = [missing.1, m];
    let mut rng = Rng::new(seed);
    let mut values = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        if missing.0 + missing.1 > 0.0 {
            absent.deal((m + missing.1).round(), &mut rng, &mut absent_here);
        }
        there[last + 1] = missing.0 + missing.1 - absent_here[0];
        here[last + 1] = absent_here[0];
        // As many values less or more as there are rows without one.
        let kept = (n + missing.0 - there[last + 1]).max(0.0) / n;
        for (there, count) in there.iter_mut().zip(reference) {
            *there = count * kept;
        }
        for (share, weight) in shares.iter_mut().zip(&weights) {
            *share = gamma(*weight, &mut rng);
        }
        let (mut open, mut left) = (absent_here[1], shares.iter().sum::<f64>());
        for (here, share) in here.iter_mut().zip(&shares) {
            let drawn = if left > 0.0 {
                binomial(open, (share / left).min(1.0), &mut rng)
            } else {
                0.0
            };
            *here = drawn;
            open -= drawn;
            left -= share;
        }
        here[last] += open; // What rounding of the shares may have left.
        values.push(statistic(&there, &here));
    }
    Ok(values)
}

/// Weight of the part of the distribution outside the reference's range, on either side.
const OUTSIDE: f64 = 1.0;
/// Weight of a bin inside the range that holds no reference row, which happens with ties alone (Jeffreys 1946).
const EMPTY: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chi_square::chi_square_statistic;

    fn statistic(reference: &[f64], current: &[f64]) -> f64 {
        let (n, m) = (reference.iter().sum(), current.iter().sum());
        chi_square_statistic(reference, current, n, m)
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn dealt_categories_have_the_mean_of_the_exact_law() {
        // Of chi-square given the margins: (k - 1) N / (N - 1).
        let values = dealt_categories(
            &[20.0, 30.0, 50.0],
            &[10.0, 5.0, 25.0],
            20_000,
            3,
            statistic,
        )
        .unwrap();
        assert!((mean(&values) - 2.0 * 140.0 / 139.0).abs() < 0.04);
    }

    #[test]
    fn dealt_bins_have_shares_as_between_order_statistics() {
        // Ten values a bin of 40, and 60 current rows: each inner bin holds 60 * 9.75 / 41 on average, each outer one 60 / 41.
        let reference = [0.0, 10.0, 10.0, 10.0, 10.0, 0.0];
        let windows = Binned {
            reference: &reference,
            current_rows: 60.0,
            missing: (0.0, 0.0),
        };
        let mut sums = [0.0; 7];
        let repeats = 20_000;
        dealt_bins(windows, repeats, 4, |there, here| {
            assert_eq!(there[..6], reference);
            assert_eq!(here.iter().sum::<f64>(), 60.0);
            for (sum, count) in sums.iter_mut().zip(here) {
                *sum += count;
            }
            0.0
        })
        .unwrap();
        for (bin, sum) in sums.iter().enumerate() {
            let want = [60.0, 585.0, 585.0, 585.0, 585.0, 60.0, 0.0][bin] / 41.0;
            assert!((sum / repeats as f64 - want).abs() < 0.1, "{bin} {sum}");
        }
    }

    #[test]
    fn whole_rows_are_dealt_whatever_their_number() {
        let mut reference = [20.0; 12];
        (reference[0], reference[11]) = (0.0, 0.0);
        for current_rows in (1..200).map(f64::from) {
            let windows = Binned {
                reference: &reference,
                current_rows,
                missing: (0.0, 0.0),
            };
            dealt_bins(windows, 50, 6, |_, here| {
                let whole = |count: &f64| *count >= 0.0 && count.fract() == 0.0;
                assert!(here.iter().all(whole), "{current_rows}: {here:?}");
                assert_eq!(here.iter().sum::<f64>(), current_rows);
                0.0
            })
            .unwrap();
        }
    }

    #[test]
    fn missing_rows_are_dealt_and_none_is_lost() {
        let reference = [0.0, 20.0, 20.0, 0.0];
        let windows = Binned {
            reference: &reference,
            current_rows: 30.0,
            missing: (8.0, 4.0),
        };
        let mut absent = 0.0;
        dealt_bins(windows, 4000, 5, |there, here| {
            assert!((there.iter().sum::<f64>() - 48.0).abs() < 1e-9);
            assert!((here.iter().sum::<f64>() - 34.0).abs() < 1e-9);
            absent += here[4];
            0.0
        })
        .unwrap();
        assert!((absent / 4000.0 - 12.0 * 34.0 / 82.0).abs() < 0.1);
    }

    #[test]
    fn the_same_seed_deals_the_same_tables() {
        let run = |seed| dealt_categories(&[5.0, 9.0], &[3.0, 8.0], 50, seed, statistic);
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert_eq!(
            dealt_categories(&[5.0], &[0.0], 5, 1, statistic),
            Err(CountsError::EmptyWindow)
        );
    }
}
