//! A model of the watched model's error: which rows does it get wrong, and by how much.

use std::collections::BTreeMap;

use leeway_outcomes::Rows;
use leeway_sdk::{ColumnKind, Failure, Role};
use leeway_statistics::boosting::{Boosted, LEAF_ROWS_MIN, promise};
use serde::{Deserialize, Serialize};

/// Columns that are learned from: of more, those that one split explains most with.
const FEATURES_MAX: usize = 64;
/// Names of a column that are told apart, the most frequent ones.
const NAMES_MAX: usize = 256;
/// Rows of the mean error that a name is thought to have besides its own.
const NAME_ROWS: f64 = 20.0;
/// Rows that are learned from; of more, every second, third and so on.
const LEARNED_ROWS_MAX: usize = 20_000;

/// Predicts an error from features and the prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LossModel {
    inputs: Vec<Input>,
    trees: Vec<f64>,
}

/// One column as numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Input {
    column: String,
    /// Mean error by name, of a column of names; others count as missing.
    names: Option<BTreeMap<String, f64>>,
}

impl LossModel {
    /// Learns the errors of `learned` rows. Errors stand row by row, also of rows that are not learned from.
    pub(crate) fn learn(rows: &Rows, learned: &[usize], errors: &[f64]) -> Result<Self, Failure> {
        let step = learned.len().div_ceil(LEARNED_ROWS_MAX).max(1);
        let learned: Vec<usize> = learned.iter().copied().step_by(step).collect();
        let targets: Vec<f64> = learned.iter().map(|&row| errors[row]).collect();
        let mut candidates = Vec::new();
        for column in rows
            .columns()
            .iter()
            .filter(|column| matches!(column.role, Role::Feature | Role::Prediction))
        {
            let names = match column.kind {
                ColumnKind::Categorical => {
                    Some(means_by_name(rows, &column.name, &learned, &targets)?)
                }
                _ => None,
            };
            let input = Input {
                column: column.name.clone(),
                names,
            };
            let values = input.values(rows)?;
            let values: Vec<f64> = learned.iter().map(|&row| values[row]).collect();
            let promise = promise(&values, &targets);
            if promise > 0.0 {
                candidates.push((promise, input, values));
            }
        }
        candidates.sort_by(|left, right| right.0.total_cmp(&left.0));
        candidates.truncate(FEATURES_MAX);
        let columns: Vec<&[f64]> = candidates
            .iter()
            .map(|(_, _, values)| values.as_slice())
            .collect();
        let fitted = Boosted::fit(&columns, &targets)
            .ok_or_else(|| Failure::Internal("errors that are not finite".to_owned()))?;
        let trees = fitted.to_numbers();
        Ok(Self {
            inputs: candidates.into_iter().map(|(_, input, _)| input).collect(),
            trees,
        })
    }

    /// The error to expect of each row, not below 0.
    pub(crate) fn expect(&self, rows: &Rows) -> Result<Vec<f64>, Failure> {
        let trees = Boosted::from_numbers(&self.trees).ok_or_else(|| {
            Failure::UnusableBaseline("the trees of the error model are damaged".to_owned())
        })?;
        let columns: Vec<Vec<f64>> = self
            .inputs
            .iter()
            .map(|input| input.values(rows))
            .collect::<Result<_, _>>()?;
        let mut row = vec![0.0; columns.len()];
        let expected = (0..rows.count()).map(|at| {
            for (cell, column) in row.iter_mut().zip(&columns) {
                *cell = column[at];
            }
            trees.at(&row).max(0.0)
        });
        Ok(expected.collect())
    }

    /// Number of trees.
    pub(crate) fn trees(&self) -> usize {
        Boosted::from_numbers(&self.trees).map_or(0, |trees| trees.trees())
    }
}

impl Input {
    fn values(&self, rows: &Rows) -> Result<Vec<f64>, Failure> {
        match &self.names {
            None => rows.numbers(&self.column),
            Some(means) => rows.by_name(&self.column, |name| {
                means.get(name).copied().unwrap_or(f64::NAN)
            }),
        }
    }
}

/// The mean error of a column's most frequent names, drawn towards that of all rows.
fn means_by_name(
    rows: &Rows,
    column: &str,
    learned: &[usize],
    targets: &[f64],
) -> Result<BTreeMap<String, f64>, Failure> {
    let mut names: Vec<String> = Vec::new();
    let codes = rows.by_name(column, |name| {
        names.push(name.to_owned());
        (names.len() - 1) as f64
    })?;
    let mean = targets.iter().sum::<f64>() / targets.len().max(1) as f64;
    let mut sums = vec![(0.0, 0.0); names.len()];
    for (&row, target) in learned.iter().zip(targets) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a position in names, or NaN, which becomes 0"
        )]
        let code = codes[row] as usize;
        if !codes[row].is_nan() {
            sums[code].0 += target;
            sums[code].1 += 1.0;
        }
    }
    let mut frequent: Vec<(f64, String, f64)> = names
        .into_iter()
        .zip(sums)
        .filter(|(_, (_, count))| *count >= LEAF_ROWS_MIN as f64)
        .map(|(name, (sum, count))| (count, name, (sum + NAME_ROWS * mean) / (count + NAME_ROWS)))
        .collect();
    frequent.sort_by(|left, right| {
        right
            .0
            .total_cmp(&left.0)
            .then_with(|| left.1.cmp(&right.1))
    });
    frequent.truncate(NAMES_MAX);
    Ok(frequent
        .into_iter()
        .map(|(_, name, mean)| (name, mean))
        .collect())
}
