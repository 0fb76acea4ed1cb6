//! A sum of shallow regression trees, each fitted to what the ones before it left: predicts a number from numbers.

pub use crate::regression_tree::{BINS, DEPTH, LEAF_ROWS_MIN};
use crate::regression_tree::{Binned, Node, best_split, leaf_of, one_tree};

/// Trees, where there is anything to learn: after so many, `0.9^100` of what could be learned is left.
pub const TREES_MAX: usize = 100;
/// Fewest rows to learn anything but the mean from.
pub const ROWS_MIN: usize = 4 * LEAF_ROWS_MIN;
/// One row in so many is kept aside to find whether there is anything to learn.
const ASIDE: usize = 4;
/// Standard errors by which trees must serve the rows aside better than the mean alone.
const CLEARLY: f64 = 2.0;
/// The trees.
#[derive(Debug, Clone, PartialEq)]
pub struct Boosted {
    base: f64,
    trees: Vec<Vec<Node>>,
}

impl Boosted {
    /// Learns `targets` from `features`, columns of as many rows; NaN is missing. Least squares by gradient boosting over histograms.
    ///
    /// Cuts lie at quantiles of a feature, at most [`BINS`] of them. A split is taken where it lowers the sum of squares most; the first such
    /// feature and cut where several do. One row in four is first kept aside: if trees grown on the others do not serve those rows better than the
    /// mean, by two standard errors, there are none; else [`TREES_MAX`] are grown on all rows. They are not stopped early: that leaves
    /// groups of rows too near to the mean, which does not average out over a window, as noise does. Without chance: the same rows give
    /// the same trees. Takes `O(trees * DEPTH * rows * features)`.
    ///
    /// Nothing where a target is not finite, there are no rows, or columns differ in length.
    /// Source: Friedman (2001), "Greedy Function Approximation: A Gradient Boosting Machine".
    pub fn fit(features: &[&[f64]], targets: &[f64]) -> Option<Self> {
        let rows = targets.len();
        if rows == 0
            || targets.iter().any(|target| !target.is_finite())
            || features.iter().any(|column| column.len() != rows)
        {
            return None;
        }
        let base = targets.iter().sum::<f64>() / rows as f64;
        let alone = Self {
            base,
            trees: Vec::new(),
        };
        if rows < ROWS_MIN {
            return Some(alone);
        }
        let binned: Vec<Binned> = features.iter().map(|column| Binned::new(column)).collect();
        // Neighbours in time are alike, so the rows aside are spread over the window, but not in step with a daily rhythm.
        let aside = |row: usize| (row / ASIDE + row).is_multiple_of(ASIDE);
        let learn: Vec<usize> = (0..rows).filter(|&row| !aside(row)).collect();
        let held: Vec<usize> = (0..rows).filter(|&row| aside(row)).collect();
        let (tried, left) = grow(&binned, targets, &learn, &held);
        if !serves(&tried, &left) {
            return Some(alone);
        }
        let all: Vec<usize> = (0..rows).collect();
        let (trees, _) = grow(&binned, targets, &all, &[]);
        Some(Self { base, trees })
    }

    /// What the trees say of a row: the value of each feature, NaN where it is missing. Features that are not there are missing.
    pub fn at(&self, row: &[f64]) -> f64 {
        let value = |feature: usize| row.get(feature).copied().unwrap_or(f64::NAN);
        let leaf = |tree: &Vec<Node>| {
            let mut at = 0;
            loop {
                match tree[at] {
                    Node::Leaf(value) => return value,
                    Node::Split {
                        feature,
                        cut,
                        missing_first,
                        child,
                    } => {
                        let value = value(feature);
                        let first = if value.is_nan() {
                            missing_first
                        } else {
                            value <= cut
                        };
                        at = child + usize::from(!first);
                    }
                }
            }
        };
        self.base + self.trees.iter().map(leaf).sum::<f64>()
    }

    /// Number of trees.
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// The trees as plain numbers.
    pub fn to_numbers(&self) -> Vec<f64> {
        let mut numbers = vec![self.base];
        for tree in &self.trees {
            numbers.push(tree.len() as f64);
            for node in tree {
                match *node {
                    Node::Leaf(value) => numbers.extend([-1.0, value]),
                    Node::Split {
                        feature,
                        cut,
                        missing_first,
                        child,
                    } => {
                        numbers.extend([
                            feature as f64,
                            cut,
                            f64::from(u8::from(missing_first)),
                            child as f64,
                        ]);
                    }
                }
            }
        }
        numbers
    }

    /// The trees behind numbers of [`Boosted::to_numbers`]; nothing for any others.
    pub fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let mut rest = numbers.iter().copied();
        let base = rest.next().filter(|base| base.is_finite())?;
        let mut trees = Vec::new();
        while let Some(length) = rest.next() {
            let length = whole(length)?;
            if trees.len() == TREES_MAX || length == 0 || length > 1 << (DEPTH + 1) {
                return None;
            }
            let mut tree = Vec::with_capacity(length);
            for at in 0..length {
                let first = rest.next()?;
                if first == -1.0 {
                    tree.push(Node::Leaf(rest.next().filter(|value| value.is_finite())?));
                    continue;
                }
                let (feature, cut) = (whole(first)?, rest.next().filter(|cut| cut.is_finite())?);
                let (missing_first, child) = (rest.next()? > 0.5, whole(rest.next()?)?);
                // Children lie later, so that every walk ends.
                if child <= at || child + 1 >= length {
                    return None;
                }
                tree.push(Node::Split {
                    feature,
                    cut,
                    missing_first,
                    child,
                });
            }
            trees.push(tree);
        }
        Some(Self { base, trees })
    }
}

/// How much the best single split of a feature lowers the sum of squares of the targets, `>= 0`: which features to learn from, where there
/// are too many. `0` for columns of unequal length.
pub fn promise(feature: &[f64], targets: &[f64]) -> f64 {
    if feature.len() != targets.len() || targets.is_empty() {
        return 0.0;
    }
    let mean = targets.iter().sum::<f64>() / targets.len() as f64;
    let left: Vec<f64> = targets.iter().map(|target| target - mean).collect();
    let rows: Vec<usize> = (0..targets.len()).collect();
    best_split(&[Binned::new(feature)], &left, &rows).map_or(0.0, |split| split.gain)
}

/// A number of things.
fn whole(number: f64) -> Option<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked: a small whole number"
    )]
    let whole = (0.0..1e9).contains(&number).then_some(number as usize)?;
    (whole as f64 == number).then_some(whole)
}

/// What is left of the targets of the rows aside, before and after the trees.
type Aside = Vec<(f64, f64)>;

/// Grows trees on `rows`, and says what they leave of others.
fn grow(
    features: &[Binned],
    targets: &[f64],
    rows: &[usize],
    aside: &[usize],
) -> (Vec<Vec<Node>>, Aside) {
    let base = rows.iter().map(|&row| targets[row]).sum::<f64>() / rows.len().max(1) as f64;
    let mut left: Vec<f64> = targets.iter().map(|target| target - base).collect();
    let before: Vec<f64> = aside.iter().map(|&row| left[row]).collect();
    let mut trees: Vec<Vec<Node>> = Vec::new();
    while trees.len() < TREES_MAX {
        let tree = one_tree(features, &left, rows);
        if tree.len() == 1 {
            break;
        }
        for &row in rows.iter().chain(aside) {
            left[row] -= leaf_of(&tree, features, row);
        }
        trees.push(tree);
    }
    let after = aside.iter().map(|&row| left[row]);
    (trees, before.into_iter().zip(after).collect())
}

/// Whether the trees lower the squares of the rows aside by more than chance does.
fn serves(trees: &[Vec<Node>], aside: &[(f64, f64)]) -> bool {
    let gains = || {
        aside
            .iter()
            .map(|(before, after)| before * before - after * after)
    };
    let spread = gains().map(|gain| gain * gain).sum::<f64>().sqrt();
    !trees.is_empty() && gains().sum::<f64>() > CLEARLY * spread
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn uniforms(rows: usize, seed: u64) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        (0..rows).map(|_| rng.uniform()).collect()
    }

    #[test]
    fn a_function_of_two_features_is_found_among_noise() {
        let (a, b, noise) = (uniforms(4000, 1), uniforms(4000, 2), uniforms(4000, 3));
        let target: Vec<f64> = a
            .iter()
            .zip(&b)
            .map(|(a, b)| if *a > 0.5 { 2.0 + b } else { 1.0 })
            .collect();
        let fitted = Boosted::fit(&[&noise, &a, &b], &target).unwrap();
        assert!(fitted.trees() > 20);
        let off = |row: [f64; 3], want: f64| (fitted.at(&row) - want).abs();
        assert!(off([0.5, 0.9, 0.5], 2.5) < 0.05);
        assert!(off([0.5, 0.1, 0.9], 1.0) < 0.05);
        // The mean is kept.
        let mean = (0..4000)
            .map(|row| fitted.at(&[noise[row], a[row], b[row]]))
            .sum::<f64>()
            / 4000.0;
        assert!((mean - target.iter().sum::<f64>() / 4000.0).abs() < 0.01);
    }

    #[test]
    fn noise_alone_grows_next_to_nothing() {
        let (a, noise) = (uniforms(2000, 4), uniforms(2000, 5));
        let fitted = Boosted::fit(&[&a], &noise).unwrap();
        assert_eq!(fitted.trees(), 0);
        let few = Boosted::fit(&[&a[..ROWS_MIN - 1]], &noise[..ROWS_MIN - 1]).unwrap();
        assert_eq!(few.trees(), 0);
    }

    #[test]
    fn missing_values_go_where_they_serve() {
        let mut a = uniforms(2000, 6);
        a.iter_mut().step_by(3).for_each(|value| *value = f64::NAN);
        let target: Vec<f64> = a.iter().map(|a| f64::from(u8::from(a.is_nan()))).collect();
        let fitted = Boosted::fit(&[&a], &target).unwrap();
        assert!(fitted.at(&[f64::NAN]) > 0.95 && fitted.at(&[]) > 0.95);
        assert!(fitted.at(&[0.4]) < 0.05);
    }

    #[test]
    fn degenerate_columns_do_no_harm() {
        let constant = vec![3.0; 500];
        let infinite = vec![f64::INFINITY; 500];
        let missing = vec![f64::NAN; 500];
        let target = uniforms(500, 7);
        let fitted = Boosted::fit(&[&constant, &infinite, &missing], &target).unwrap();
        assert_eq!(fitted.trees(), 0);
        assert_eq!(Boosted::fit(&[], &[]), None);
        assert_eq!(Boosted::fit(&[&constant[..3]], &target), None);
        assert_eq!(Boosted::fit(&[], &[f64::NAN]), None);
        assert_eq!(Boosted::fit(&[], &[1.0, 2.0]).unwrap().at(&[]), 1.5);
    }

    #[test]
    fn numbers_bring_the_trees_back_and_others_are_refused() {
        let a = uniforms(1000, 8);
        let fitted = Boosted::fit(&[&a], &a).unwrap();
        let numbers = fitted.to_numbers();
        assert_eq!(Boosted::from_numbers(&numbers), Some(fitted));
        for cut in [1, 5, numbers.len() - 1] {
            let damaged: Vec<f64> = numbers.iter().copied().skip(cut).collect();
            assert_ne!(
                Boosted::from_numbers(&damaged).map(|it| it.trees()),
                Some(usize::MAX)
            );
        }
        assert_eq!(Boosted::from_numbers(&numbers[..numbers.len() - 1]), None);
        // A walk that never ends.
        assert_eq!(
            Boosted::from_numbers(&[0.0, 3.0, 0.0, 0.5, 1.0, 0.0, -1.0, 1.0, -1.0, 1.0]),
            None
        );
        assert_eq!(Boosted::from_numbers(&[]), None);
    }
}
