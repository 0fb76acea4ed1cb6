//! Area under the ROC curve, and its law where scores say nothing.

/// An area under the ROC curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Chance that a positive row scores above a negative one, ties half, in `[0, 1]`.
    pub auc: f64,
    /// Its variance where the labels are a random arrangement over the scores: exact, with ties.
    pub null_variance: f64,
    /// Positive rows.
    pub positives: f64,
    /// Negative rows.
    pub negatives: f64,
}

/// Area under the ROC curve of `scores` for `positive` rows; `None` where one class is empty.
///
/// `U / (n m)` with midranks, as `sklearn.metrics.roc_auc_score`; null variance `((N + 1) - sum(t^3 - t) / (N (N - 1))) / (12 n m)`.
/// Source: Mann & Whitney (1947); Hanley & `McNeil` (1982) for the area; Lehmann (1975), "Nonparametrics", for ties.
///
/// # Panics
/// If the lengths differ.
pub fn area(scores: &[f64], positive: &[bool]) -> Option<Area> {
    assert_eq!(scores.len(), positive.len(), "a label for each score");
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
    let all = scores.len() as f64;
    let n = positive.iter().filter(|&&positive| positive).count() as f64;
    let m = all - n;
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let (mut ranks, mut ties, mut at) = (0.0, 0.0, 0);
    while at < order.len() {
        let score = scores[order[at]];
        let mut end = at + 1;
        while end < order.len() && scores[order[end]] == score {
            end += 1;
        }
        let run = (end - at) as f64;
        let midrank = at as f64 + 0.5 * (run + 1.0);
        ties += run * (run * run - 1.0);
        ranks += midrank * order[at..end].iter().filter(|&&row| positive[row]).count() as f64;
        at = end;
    }
    let auc = (ranks - 0.5 * n * (n + 1.0)) / (n * m);
    let null_variance = ((all + 1.0) - ties / (all * (all - 1.0))) / (12.0 * n * m);
    Some(Area {
        auc,
        null_variance: null_variance.max(0.0),
        positives: n,
        negatives: m,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::rng::Rng;

    #[test]
    fn closed_forms() {
        let of = |scores: &[f64], positive: &[bool]| area(scores, positive).unwrap();
        assert_eq!(
            of(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]).auc,
            0.75
        );
        assert_eq!(of(&[1.0, 2.0], &[true, false]).auc, 0.0);
        let level = of(&[1.0; 6], &[true, false, true, false, true, false]);
        assert_eq!((level.auc, level.null_variance), (0.5, 0.0));
        assert_eq!(area(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(area(&[], &[]), None);
    }

    #[test]
    fn the_null_variance_is_that_of_all_arrangements() {
        let scores = [1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 4.0];
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        let mut stated = 0.0;
        for mask in 0..1_u32 << 7 {
            if mask.count_ones() == 3 {
                let positive: Vec<bool> = (0..7).map(|bit| mask >> bit & 1 == 1).collect();
                let found = area(&scores, &positive).unwrap();
                sum += found.auc;
                squares += found.auc * found.auc;
                count += 1.0;
                stated = found.null_variance;
            }
        }
        close(sum / count, 0.5, 1e-12);
        close(stated, squares / count - 0.25, 1e-12);
    }

    #[test]
    fn order_of_rows_does_not_matter() {
        let mut rng = Rng::new(1);
        let scores: Vec<f64> = (0..50).map(|_| rng.below(9) as f64).collect();
        let positive: Vec<bool> = (0..50).map(|_| rng.below(3) == 0).collect();
        let reversed: (Vec<f64>, Vec<bool>) = scores
            .iter()
            .copied()
            .zip(positive.iter().copied())
            .rev()
            .unzip();
        assert_eq!(area(&scores, &positive), area(&reversed.0, &reversed.1));
    }
}
