//! Boosted shallow trees over binned features, for two classes.

/// Bins of a feature at most: codes are bytes.
pub const BINS_MAX: usize = 32;
/// Splits on the way to a leaf: three let a change of how columns go together be seen.
const DEPTH: usize = 3;
/// Trees.
const ROUNDS: usize = 40;
/// Part of each tree's answer that counts.
const RATE: f64 = 0.2;
/// Penalty on the leaves' answers.
const PENALTY: f64 = 5.0;
/// Least curvature (rows times a quarter at even odds) on both sides of a split.
const CURVATURE_MIN: f64 = 2.5;

/// Features as codes of bins, feature after feature, each as long as there are rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Binned {
    codes: Vec<u8>,
    rows: usize,
}

impl Binned {
    /// Cuts each feature of `values` (row after row) at the quantiles of all its values; equal values share a bin.
    pub fn new(values: &[f64], features: usize) -> Self {
        let rows = values.len() / features.max(1);
        let mut codes = vec![0; rows * features];
        let mut sorted: Vec<f64> = Vec::with_capacity(rows);
        for (feature, codes) in codes
            .chunks_exact_mut(rows.max(1))
            .enumerate()
            .take(features)
        {
            let column = || values.iter().skip(feature).step_by(features).copied();
            sorted.clear();
            sorted.extend(column());
            sorted.sort_unstable_by(f64::total_cmp);
            // A value belongs behind all edges that it reaches.
            let mut edges: Vec<f64> = (1..BINS_MAX)
                .map(|bin| sorted[bin * rows / BINS_MAX])
                .collect();
            edges.dedup();
            edges.retain(|&edge| edge > sorted[0]);
            for (code, value) in codes.iter_mut().zip(column()) {
                let behind = edges.partition_point(|&edge| edge <= value);
                *code = u8::try_from(behind).unwrap_or(u8::MAX);
            }
        }
        Self { codes, rows }
    }

    fn features(&self) -> usize {
        self.codes.len() / self.rows.max(1)
    }

    fn codes(&self, feature: usize) -> &[u8] {
        &self.codes[feature * self.rows..(feature + 1) * self.rows]
    }
}

/// Rows with codes at least `at` go right.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Split {
    feature: usize,
    at: u8,
}

/// A tree of full depth: nodes in the order of a heap. A node that should not be split sends all rows left.
#[derive(Debug, Clone, PartialEq)]
struct Tree {
    splits: [Split; (1 << DEPTH) - 1],
    leaves: [f64; 1 << DEPTH],
}

/// Boosted trees: log-odds are a base plus the answers of all trees.
#[derive(Debug, Clone, PartialEq)]
pub struct Trees {
    base: f64,
    all: Vec<Tree>,
    /// Sum of what the splits of each feature gained in log-likelihood.
    pub gains: Vec<f64>,
}

impl Trees {
    /// Fits the rows `of` by Newton boosting on the log-loss.
    ///
    /// Deterministic: every row and feature takes part in every tree; of equal splits the first one wins.
    /// Source: Friedman (2001), "Greedy Function Approximation"; Chen & Guestrin (2016), "`XGBoost`", for gains and leaves.
    pub fn fit(data: &Binned, positive: &[bool], of: &[u32]) -> Self {
        let positives = of.iter().filter(|&&row| positive[row as usize]).count() as f64;
        let negatives = of.len() as f64 - positives;
        let mut fitted = Self {
            base: 0.0,
            all: Vec::new(),
            gains: vec![0.0; data.features()],
        };
        if positives == 0.0 || negatives == 0.0 || data.features() == 0 {
            return fitted;
        }
        fitted.base = libm::log(positives / negatives);
        let mut scores = vec![fitted.base; of.len()];
        let mut slopes = vec![(0.0, 0.0); of.len()];
        for _ in 0..ROUNDS {
            for ((slope, score), &row) in slopes.iter_mut().zip(&scores).zip(of) {
                let likely = 1.0 / (1.0 + libm::exp(-score));
                let label = f64::from(u8::from(positive[row as usize]));
                *slope = (label - likely, likely * (1.0 - likely));
            }
            let (tree, nodes) = grow(data, of, &slopes, &mut fitted.gains);
            for (score, node) in scores.iter_mut().zip(nodes) {
                *score += tree.leaves[node];
            }
            fitted.all.push(tree);
        }
        fitted
    }

    /// Log-odds of a row of the same data.
    pub fn score(&self, data: &Binned, row: u32) -> f64 {
        let answer = |tree: &Tree| {
            let mut node = 0;
            for _ in 0..DEPTH {
                let split = tree.splits[node];
                let right = data.codes(split.feature)[row as usize] >= split.at;
                node = 2 * node + 1 + usize::from(right);
            }
            tree.leaves[node - tree.splits.len()]
        };
        self.base + self.all.iter().map(answer).sum::<f64>()
    }
}

/// One tree, and the leaf of each row.
fn grow(data: &Binned, of: &[u32], slopes: &[(f64, f64)], gains: &mut [f64]) -> (Tree, Vec<usize>) {
    let mut tree = Tree {
        splits: [Split {
            feature: 0,
            at: u8::MAX,
        }; (1 << DEPTH) - 1],
        leaves: [0.0; 1 << DEPTH],
    };
    let mut nodes = vec![0_usize; of.len()];
    for depth in 0..DEPTH {
        let (first, width) = ((1 << depth) - 1, 1 << depth);
        let mut best = vec![
            (
                0.0,
                Split {
                    feature: 0,
                    at: u8::MAX
                }
            );
            width
        ];
        for feature in 0..data.features() {
            let codes = data.codes(feature);
            let mut sums = vec![(0.0, 0.0); width * BINS_MAX];
            for ((&row, &node), slope) in of.iter().zip(&nodes).zip(slopes) {
                let sum = &mut sums[node * BINS_MAX + usize::from(codes[row as usize])];
                sum.0 += slope.0;
                sum.1 += slope.1;
            }
            for (best, sums) in best.iter_mut().zip(sums.chunks_exact(BINS_MAX)) {
                let (gain, at) = best_cut(sums);
                if gain > best.0 {
                    *best = (gain, Split { feature, at });
                }
            }
        }
        for (node, (gain, split)) in best.into_iter().enumerate() {
            tree.splits[first + node] = split;
            if gain > 0.0 {
                gains[split.feature] += gain;
            }
        }
        for (node, &row) in nodes.iter_mut().zip(of) {
            let split = tree.splits[first + *node];
            *node = 2 * *node + usize::from(data.codes(split.feature)[row as usize] >= split.at);
        }
    }
    let mut sums = [(0.0, 0.0); 1 << DEPTH];
    for (&node, slope) in nodes.iter().zip(slopes) {
        sums[node].0 += slope.0;
        sums[node].1 += slope.1;
    }
    for (leaf, (slope, curvature)) in tree.leaves.iter_mut().zip(sums) {
        *leaf = RATE * slope / (curvature + PENALTY);
    }
    (tree, nodes)
}

/// The cut of one node's bins that gains most: the gain and the first code on the right; `0` where none is allowed.
fn best_cut(sums: &[(f64, f64)]) -> (f64, u8) {
    let all = sums
        .iter()
        .fold((0.0, 0.0), |all, sum| (all.0 + sum.0, all.1 + sum.1));
    let worth = |(slope, curvature): (f64, f64)| slope * slope / (curvature + PENALTY);
    let (mut best, mut left) = ((0.0, u8::MAX), (0.0, 0.0));
    for (at, sum) in (1..).zip(&sums[..sums.len() - 1]) {
        left = (left.0 + sum.0, left.1 + sum.1);
        let right = (all.0 - left.0, all.1 - left.1);
        if left.1 >= CURVATURE_MIN && right.1 >= CURVATURE_MIN {
            let gain = 0.5 * (worth(left) + worth(right) - worth(all));
            if gain > best.0 {
                best = (gain, at);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mann_whitney::area;
    use crate::rng::Rng;

    /// Area over fresh rows after a fit on as many others.
    fn learned(features: usize, label: impl Fn(&[f64], &mut Rng) -> bool) -> (f64, Vec<f64>) {
        let (mut rng, rows) = (Rng::new(4), 4000_u32);
        let values: Vec<f64> = (0..rows as usize * features)
            .map(|_| rng.normal())
            .collect();
        let positive: Vec<bool> = values
            .chunks_exact(features)
            .map(|x| label(x, &mut rng))
            .collect();
        let data = Binned::new(&values, features);
        let half: Vec<u32> = (0..rows / 2).collect();
        let trees = Trees::fit(&data, &positive, &half);
        let scores: Vec<f64> = (rows / 2..rows)
            .map(|row| trees.score(&data, row))
            .collect();
        (
            area(&scores, &positive[half.len()..]).unwrap().auc,
            trees.gains,
        )
    }

    #[test]
    fn a_bump_in_one_column_is_learned_and_named() {
        let (auc, gains) = learned(5, |x, rng| (x[3].abs() < 0.5) ^ (rng.below(10) == 0));
        assert!(auc > 0.85, "{auc}");
        assert!(
            gains[3] > 5.0 * gains.iter().sum::<f64>() / 10.0,
            "{gains:?}"
        );
    }

    #[test]
    fn what_goes_together_is_learned_where_neither_column_tells() {
        let (auc, _) = learned(2, |x, rng| (x[0] * x[1] > 0.0) ^ (rng.below(10) == 0));
        assert!(auc > 0.8, "{auc}");
    }

    #[test]
    fn noise_teaches_nothing() {
        let (auc, _) = learned(5, |_, rng| rng.below(2) == 0);
        assert!((auc - 0.5).abs() < 0.04, "{auc}");
    }

    #[test]
    fn bins_keep_equal_values_together_and_constants_alone() {
        let data = Binned::new(&[1.0, 7.0, 1.0, 7.0, 2.0, 7.0, 2.0, 7.0], 2);
        assert_eq!(data.codes(1), [0, 0, 0, 0]);
        assert_eq!(data.codes(0), [0, 0, 1, 1]);
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        let most = Binned::new(&many, 1).codes.into_iter().max();
        assert_eq!(most, Some(u8::try_from(BINS_MAX - 1).unwrap()));
    }

    #[test]
    fn one_class_and_no_rows_say_nothing() {
        let data = Binned::new(&[1.0, 2.0, 3.0], 1);
        let trees = Trees::fit(&data, &[true; 3], &[0, 1, 2]);
        assert_eq!(trees.score(&data, 0), 0.0);
        assert_eq!(Trees::fit(&data, &[true; 3], &[]).gains, [0.0]);
        let nothing = Binned::new(&[], 0);
        let trees = Trees::fit(&nothing, &[true, false], &[0, 1]);
        assert_eq!(trees.score(&nothing, 1), 0.0);
    }
}
