//! Scores of rows by classifiers that have seen only other rows, in a form whose law is known.
//!
//! Rows are dealt into parts at random, both windows evenly. With cross-validation each part is scored by a classifier of all others:
//! parts then share training rows, their areas depend on one another, and the textbook's variance is wrong. Here each part is scored
//! by a classifier of the parts *before* it. Given those, without drift the labels of the part are a random arrangement over its
//! scores, so its area has exactly the Mann-Whitney law; and the parts' areas are uncorrelated. So the law of their mean is known
//! without refitting anything, whatever the classifier does.

use leeway_statistics::mann_whitney::area;
use leeway_statistics::rng::Rng;

/// Rows of each window in a part that it takes at least.
pub const PART_ROWS_MIN: usize = 4;

/// How well the windows can be told apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Told<C> {
    /// Mean area under the ROC curve of the parts, weighted by how many rows their classifiers had seen.
    pub auc: f64,
    /// Its standard deviation where there is no drift.
    pub error: f64,
    /// The classifier that had seen most.
    pub classifier: C,
}

/// Tells current rows from reference rows, which come first of `rows`. `None` where a part would have fewer than
/// [`PART_ROWS_MIN`] of one window.
///
/// `fit` learns from the labels (true: current) of the rows it is given, `score` says how current a row looks.
pub fn tell<C>(
    reference_rows: usize,
    rows: usize,
    folds: usize,
    rng: &mut Rng,
    fit: impl Fn(&[bool], &[u32]) -> C,
    score: impl Fn(&C, u32) -> f64,
) -> Option<Told<C>> {
    let positive: Vec<bool> = (0..rows).map(|row| row >= reference_rows).collect();
    if reference_rows.min(rows - reference_rows) < PART_ROWS_MIN * folds {
        return None;
    }
    let parts = deal(reference_rows, rows, folds, rng);
    let mut seen: Vec<u32> = parts.first()?.clone();
    let (mut sum, mut variance, mut weights) = (0.0, 0.0, 0.0);
    let mut last = None;
    for part in &parts[1..] {
        let classifier = fit(&positive, &seen);
        let scores: Vec<f64> = part.iter().map(|&row| score(&classifier, row)).collect();
        let labels: Vec<bool> = part.iter().map(|&row| positive[row as usize]).collect();
        let found = area(&scores, &labels)?;
        // Later parts are scored by classifiers that know more.
        let weight = seen.len() as f64;
        sum += weight * found.auc;
        variance += weight * weight * found.null_variance;
        weights += weight;
        last = Some(classifier);
        seen.extend(part);
    }
    Some(Told {
        auc: sum / weights,
        error: variance.sqrt() / weights,
        classifier: last?,
    })
}

/// Rows in a random order, dealt out so that each part has its share of both windows; each part ascends.
pub fn deal(reference: usize, all: usize, folds: usize, rng: &mut Rng) -> Vec<Vec<u32>> {
    let mut parts = vec![Vec::new(); folds];
    for range in [0..reference, reference..all] {
        let mut rows: Vec<u32> = range
            .map(|row| u32::try_from(row).unwrap_or(u32::MAX))
            .collect();
        for at in (1..rows.len()).rev() {
            let other = usize::try_from(rng.below(at as u64 + 1)).unwrap_or(0);
            rows.swap(at, other);
        }
        for (at, row) in rows.into_iter().enumerate() {
            parts[at % folds].push(row);
        }
    }
    for part in &mut parts {
        part.sort_unstable();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_every_row_once_and_both_windows_evenly() {
        let parts = deal(23, 60, 5, &mut Rng::new(1));
        let mut all: Vec<u32> = parts.iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..60).collect::<Vec<u32>>());
        for part in &parts {
            let reference = part.iter().filter(|&&row| row < 23).count();
            assert!((4..=5).contains(&reference) && (11..=13).contains(&part.len()));
            assert!(part.windows(2).all(|pair| pair[0] < pair[1]));
        }
        assert_ne!(parts, deal(23, 60, 5, &mut Rng::new(2)));
    }

    #[test]
    fn what_remembers_every_row_it_saw_tells_nothing_of_others() {
        // The classifier that fits best and knows least: 200 areas have the stated spread about a half.
        let (mut sum, mut squares, mut stated) = (0.0, 0.0, 0.0);
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let noise: Vec<f64> = (0..120).map(|_| rng.normal()).collect();
            let nearest = |memory: &Vec<(f64, bool)>, row: u32| {
                let x = noise[row as usize];
                let closest = memory
                    .iter()
                    .min_by(|a, b| (a.0 - x).abs().total_cmp(&(b.0 - x).abs()));
                f64::from(u8::from(closest.is_some_and(|(_, current)| *current)))
            };
            let fit = |positive: &[bool], of: &[u32]| -> Vec<(f64, bool)> {
                of.iter()
                    .map(|&row| (noise[row as usize], positive[row as usize]))
                    .collect()
            };
            let told = tell(50, 120, 5, &mut Rng::new(seed), fit, nearest).unwrap();
            sum += told.auc;
            squares += told.auc * told.auc;
            stated += told.error * told.error;
        }
        let mean = sum / 200.0;
        let ratio = (squares / 200.0 - mean * mean) / (stated / 200.0);
        assert!((mean - 0.5).abs() < 0.015, "{mean}");
        assert!((0.75..1.3).contains(&ratio), "{ratio}");
    }

    #[test]
    fn each_part_needs_a_few_rows_of_both_windows() {
        let told = |reference: usize| {
            tell(
                reference,
                100,
                5,
                &mut Rng::new(1),
                |_, _| (),
                |(), row| f64::from(row),
            )
        };
        assert!(told(PART_ROWS_MIN * 5).is_some());
        assert!(told(PART_ROWS_MIN * 5 - 1).is_none());
        assert!(told(100 - PART_ROWS_MIN * 5 + 1).is_none());
    }
}
