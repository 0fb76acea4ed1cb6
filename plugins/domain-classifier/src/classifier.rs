//! The classifiers that tell the windows apart: logistic regression, boosted shallow trees, or the mean of both.

use leeway_matrix::Told;
use leeway_statistics::logistic::{Labelled, Logistic};
use leeway_statistics::rng::Rng;
use leeway_statistics::trees::Trees;
use serde::{Deserialize, Serialize};

use crate::features::Features;

/// Which classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The mean of both log-odds.
    Both,
    /// Logistic regression.
    Logistic,
    /// Boosted trees.
    Trees,
}

/// Trained classifiers.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    logistic: Option<Logistic>,
    trees: Option<Trees>,
}

impl Classifier {
    fn fit(features: &Features, kind: Kind, positive: &[bool], rows: &[u32]) -> Self {
        let width = features.linear_columns.len();
        let labelled = Labelled {
            values: &features.linear,
            features: width,
            positive,
        };
        Self {
            // As many features as there are, each may weigh as little: their sum stays of one size.
            logistic: (kind != Kind::Trees).then(|| Logistic::fit(labelled, rows, width as f64)),
            trees: (kind != Kind::Logistic).then(|| Trees::fit(&features.binned, positive, rows)),
        }
    }

    fn score(&self, features: &Features, row: u32) -> f64 {
        let width = features.linear_columns.len();
        let start = row as usize * width;
        let linear = &features.linear[start..start + width];
        let logistic = self.logistic.as_ref();
        let trees = self.trees.as_ref();
        logistic.map_or(0.0, |model| model.score(linear))
            + trees.map_or(0.0, |model| model.score(&features.binned, row))
    }

    /// Columns and their shares in what the classifiers go by, descending; together 1, or all 0.
    pub fn shares(&self, features: &Features) -> Vec<(usize, f64)> {
        shares(features, self)
    }
}

/// Tells current rows from reference rows, see [`leeway_matrix::tell`].
pub fn tell(
    features: &Features,
    kind: Kind,
    folds: usize,
    rng: &mut Rng,
) -> Option<Told<Classifier>> {
    leeway_matrix::tell(
        features.reference_rows,
        features.rows,
        folds,
        rng,
        |positive, rows| Classifier::fit(features, kind, positive, rows),
        |classifier, row| classifier.score(features, row),
    )
}

/// Shares of the columns: sizes of the weights (features have variance 1), gains of the splits; a product's go to both columns.
fn shares(features: &Features, classifier: &Classifier) -> Vec<(usize, f64)> {
    let mut shares = vec![0.0; features.columns];
    let models =
        f64::from(u8::from(classifier.logistic.is_some()) + u8::from(classifier.trees.is_some()));
    if let Some(Logistic { weights, .. }) = &classifier.logistic {
        let total: f64 = weights.iter().map(|weight| weight * weight).sum();
        if total > 0.0 {
            for (weight, (first, second)) in weights.iter().zip(&features.linear_columns) {
                let part = 0.5 * weight * weight / total / models;
                shares[*first] += part;
                shares[*second] += part;
            }
        }
    }
    if let Some(Trees { gains, .. }) = &classifier.trees {
        let total: f64 = gains.iter().sum();
        if total > 0.0 {
            for (gain, column) in gains.iter().zip(&features.binned_columns) {
                shares[*column] += gain / total / models;
            }
        }
    }
    let total: f64 = shares.iter().sum();
    let mut ranked: Vec<(usize, f64)> = shares
        .into_iter()
        .map(|share| if total > 0.0 { share / total } else { 0.0 })
        .enumerate()
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked
}

/// Area of scores by classifiers of all *other* parts, and the textbook's error: what is not done, to measure why.
#[cfg(test)]
pub(crate) fn cross_validated(
    features: &Features,
    kind: Kind,
    folds: usize,
    rng: &mut Rng,
) -> Option<(f64, f64)> {
    let positive: Vec<bool> = (0..features.rows)
        .map(|row| row >= features.reference_rows)
        .collect();
    let parts = leeway_matrix::deal(features.reference_rows, features.rows, folds, rng);
    let mut scores = vec![0.0; features.rows];
    for (number, part) in parts.iter().enumerate() {
        let others = parts
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number);
        let rows: Vec<u32> = others.flat_map(|(_, part)| part.iter().copied()).collect();
        let classifier = Classifier::fit(features, kind, &positive, &rows);
        for &row in part {
            scores[row as usize] = classifier.score(features, row);
        }
    }
    let found = leeway_statistics::mann_whitney::area(&scores, &positive)?;
    Some((found.auc, found.null_variance.sqrt()))
}
