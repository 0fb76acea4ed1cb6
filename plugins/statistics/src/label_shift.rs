//! How often each class occurs now, from predictions alone: what must the mix of classes be for the predictions to be as they are?
//!
//! Both estimates assume label shift: the classes come in other shares, and rows of a class are what they were.

use crate::linear::{condition, invert};

/// Shares of classes, and how sure they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Priors {
    /// Share of each class, `>= 0`, in all 1.
    pub shares: Vec<f64>,
    /// Variance of each share, sampling of both windows included, `>= 0`.
    pub variances: Vec<f64>,
    /// How much errors of what was counted grow on the way to the shares, `>= 1`: the condition number.
    pub condition: f64,
}

/// Why there are no shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelShiftError {
    /// No rows, or a class without labelled rows in the reference.
    NoRows,
    /// Predictions do not tell the classes apart well enough: the condition number passes [`CONDITION_MAX`].
    Confused(f64),
}

impl core::fmt::Display for LabelShiftError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoRows => f.write_str(
                "a window has no rows, or a class has no labelled rows in the reference",
            ),
            Self::Confused(condition) => {
                write!(
                    f,
                    "the predictions do not tell the classes apart: condition number {condition:.0}, at most {CONDITION_MAX}"
                )
            }
        }
    }
}

impl core::error::Error for LabelShiftError {}

/// Condition number beyond which a counted share would come back fifty times as wrong.
pub const CONDITION_MAX: f64 = 50.0;
/// Steps of the search on the simplex.
const STEPS_MAX: usize = 20_000;
/// Steps of expectation maximisation, each over all rows. Classes that take more are so alike that their intervals say little.
const MAXIMISATIONS_MAX: usize = 5_000;
/// Change of a share at which a search ends.
const SETTLED: f64 = 1e-12;

/// Black-box shift estimation: the shares under which the reference's confusions give the current predictions.
///
/// `confusions[j][i]` counts labelled reference rows of class `j` predicted as `i`; `predictions[i]` counts current rows. With
/// `M[i][j] = P(predicted i | class j)` and `m` the shares of predictions, the shares minimise `|M w - m|^2` over `w >= 0, sum w = 1`; where
/// the solution of `M w = m` has no negative share it is that. Variances by the delta method,
/// `M^-1 (Cov(m) / rows + sum_j w_j^2 Cov(M_j) / n_j) M^-T`, both multinomial. The condition number is that of `M` for the 2-norm.
/// Source: Lipton, Wang & Smola (2018), "Detecting and Correcting for Label Shift with Black Box Predictors".
///
/// # Errors
/// [`LabelShiftError::NoRows`] and [`LabelShiftError::Confused`].
pub fn black_box(confusions: &[Vec<f64>], predictions: &[f64]) -> Result<Priors, LabelShiftError> {
    let classes = predictions.len();
    let totals: Vec<f64> = confusions.iter().map(|row| row.iter().sum()).collect();
    let rows: f64 = predictions.iter().sum();
    if classes == 0
        || totals.len() != classes
        || rows <= 0.0
        || totals.iter().any(|total| *total <= 0.0)
    {
        return Err(LabelShiftError::NoRows);
    }
    let matrix: Vec<Vec<f64>> = (0..classes)
        .map(|i| (0..classes).map(|j| confusions[j][i] / totals[j]).collect())
        .collect();
    let condition = condition(&matrix);
    let inverse = invert(&matrix)
        .filter(|_| condition <= CONDITION_MAX)
        .ok_or(LabelShiftError::Confused(condition))?;
    let shares_said: Vec<f64> = predictions.iter().map(|count| count / rows).collect();
    let exact: Vec<f64> = inverse.iter().map(|row| dot(row, &shares_said)).collect();
    let shares = if exact.iter().all(|share| *share >= 0.0) {
        onto_simplex(&exact)
    } else {
        nearest(&matrix, &shares_said)
    };
    let mut covariance = multinomial(&shares_said, 1.0 / rows);
    for (j, total) in totals.iter().enumerate() {
        let column: Vec<f64> = matrix.iter().map(|row| row[j]).collect();
        add(
            &mut covariance,
            &multinomial(&column, shares[j] * shares[j] / total),
        );
    }
    let variances = inverse
        .iter()
        .map(|row| quadratic(&covariance, row))
        .collect();
    Ok(Priors {
        shares,
        variances,
        condition,
    })
}

/// The shares under which the current scores are likeliest: expectation maximisation on probabilities.
///
/// `reference` and `current` hold a row's probability of each class; `labels` the class of each reference row; `class_rows` counts all labelled
/// rows of each class, whose shares `p` the probabilities were fitted under, so `reference` may be a part of them. A row has `t_j = (q_j / p_j) / sum_k w_k q_k / p_k`; the shares solve `w_j = mean(w_j t_j)`. Variances:
/// `J V J` on the plane of sum 0, with `J` the inverse of `I = mean(t t')` there and `V = Cov(t) / rows + sum_k w_k^2 Cov_k(t) / n_k`, the last over
/// labelled reference rows of class `k`: the reference's own sampling counts too. The condition number is the square root of that of `I` on
/// the plane.
/// Source: Saerens, Latinne & Decaestecker (2002), "Adjusting the Outputs of a Classifier to New a Priori Probabilities"; Huber (1967) for
/// the variances.
///
/// # Errors
/// [`LabelShiftError::NoRows`] and [`LabelShiftError::Confused`].
pub fn expectation_maximisation(
    reference: &[Vec<f64>],
    labels: &[usize],
    current: &[Vec<f64>],
    class_rows: &[f64],
) -> Result<Priors, LabelShiftError> {
    let total: f64 = class_rows.iter().sum();
    let priors: Vec<f64> = class_rows.iter().map(|rows| rows / total).collect();
    let priors = priors.as_slice();
    let classes = priors.len();
    if classes == 0 || current.is_empty() || !priors.iter().all(|prior| *prior > 0.0) {
        return Err(LabelShiftError::NoRows);
    }
    let likelihoods: Vec<Vec<f64>> = current.iter().map(|row| likelihood(row, priors)).collect();
    let mut shares = priors.to_vec();
    for _ in 0..MAXIMISATIONS_MAX {
        let mut next = vec![0.0; classes];
        for row in &likelihoods {
            let mixed = dot(row, &shares).max(f64::MIN_POSITIVE);
            for ((next, like), share) in next.iter_mut().zip(row).zip(&shares) {
                *next += share * like / mixed;
            }
        }
        let total: f64 = next.iter().sum();
        for share in &mut next {
            *share /= total;
        }
        let moved = next
            .iter()
            .zip(&shares)
            .map(|(next, share)| (next - share).abs())
            .fold(0.0, f64::max);
        shares = next;
        if moved < SETTLED {
            break;
        }
    }
    let ratios = |row: &Vec<f64>| {
        let mixed = dot(row, &shares).max(f64::MIN_POSITIVE);
        row.iter().map(|like| like / mixed).collect::<Vec<f64>>()
    };
    let now: Vec<Vec<f64>> = likelihoods.iter().map(ratios).collect();
    let count = now.len() as f64;
    let mut information = vec![vec![0.0; classes]; classes];
    for row in &now {
        outer(&mut information, row, 1.0 / count);
    }
    let mut variance = covariance(&now, 1.0 / count);
    for (class, share) in shares.iter().enumerate() {
        let rows: Vec<Vec<f64>> = reference
            .iter()
            .zip(labels)
            .filter(|(_, label)| **label == class)
            .map(|(row, _)| ratios(&likelihood(row, priors)))
            .collect();
        if rows.is_empty() {
            return Err(LabelShiftError::NoRows);
        }
        add(
            &mut variance,
            &covariance(&rows, share * share / class_rows[class]),
        );
    }
    on_plane(&information, &variance, shares)
}

/// Variances and condition on the plane where shares sum to 0, in coordinates of all classes but the last.
fn on_plane(
    information: &[Vec<f64>],
    variance: &[Vec<f64>],
    shares: Vec<f64>,
) -> Result<Priors, LabelShiftError> {
    let last = shares.len() - 1;
    if last == 0 {
        return Ok(Priors {
            shares,
            variances: vec![0.0],
            condition: 1.0,
        });
    }
    let reduced = |full: &[Vec<f64>]| -> Vec<Vec<f64>> {
        (0..last)
            .map(|i| {
                (0..last)
                    .map(|j| full[i][j] - full[i][last] - full[last][j] + full[last][last])
                    .collect()
            })
            .collect()
    };
    let (information, variance) = (reduced(information), reduced(variance));
    // One class against another is 1 where they never look alike, and 0 where they always do.
    let smallest = crate::linear::eigenvalue_smallest(&information).max(0.0);
    let largest = shares
        .iter()
        .map(|share| 1.0 / share.max(1.0 / (CONDITION_MAX * CONDITION_MAX)))
        .fold(1.0, f64::max);
    let condition = if smallest > 0.0 {
        (largest / smallest).sqrt().max(1.0)
    } else {
        f64::INFINITY
    };
    let inverse = invert(&information)
        .filter(|_| condition <= CONDITION_MAX)
        .ok_or(LabelShiftError::Confused(condition))?;
    let mut variances: Vec<f64> = inverse
        .iter()
        .map(|row| quadratic(&variance, row))
        .collect();
    let sum: Vec<f64> = (0..last)
        .map(|j| inverse.iter().map(|row| row[j]).sum())
        .collect();
    variances.push(quadratic(&variance, &sum));
    Ok(Priors {
        shares,
        variances,
        condition,
    })
}

/// `q_j / p_j`, scaled so that the largest is 1.
fn likelihood(row: &[f64], priors: &[f64]) -> Vec<f64> {
    let likelihood: Vec<f64> = row.iter().zip(priors).map(|(q, p)| q / p).collect();
    let largest = likelihood.iter().copied().fold(0.0, f64::max);
    if largest > 0.0 {
        likelihood.into_iter().map(|part| part / largest).collect()
    } else {
        vec![1.0; priors.len()]
    }
}

/// Least squares over the simplex: projected gradient with momentum (Beck & Teboulle 2009).
fn nearest(matrix: &[Vec<f64>], target: &[f64]) -> Vec<f64> {
    let classes = target.len();
    // The largest row sum of M'M bounds its largest eigenvalue.
    let bound = (0..classes)
        .map(|i| {
            (0..classes)
                .map(|j| matrix.iter().map(|row| row[i] * row[j]).sum::<f64>().abs())
                .sum::<f64>()
        })
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut shares = vec![1.0 / classes as f64; classes];
    let mut ahead = shares.clone();
    let mut momentum = 1.0_f64;
    for _ in 0..STEPS_MAX {
        let off: Vec<f64> = matrix
            .iter()
            .zip(target)
            .map(|(row, target)| dot(row, &ahead) - target)
            .collect();
        let stepped: Vec<f64> = (0..classes)
            .map(|j| {
                ahead[j]
                    - matrix
                        .iter()
                        .zip(&off)
                        .map(|(row, off)| row[j] * off)
                        .sum::<f64>()
                        / bound
            })
            .collect();
        let next = onto_simplex(&stepped);
        let grown = 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt());
        let moved = next
            .iter()
            .zip(&shares)
            .map(|(next, share)| (next - share).abs())
            .fold(0.0, f64::max);
        ahead = next
            .iter()
            .zip(&shares)
            .map(|(next, share)| next + (momentum - 1.0) / grown * (next - share))
            .collect();
        (shares, momentum) = (next, grown);
        if moved < SETTLED {
            break;
        }
    }
    shares
}

/// The nearest point with no negative share and sum 1 (Duchi, Shalev-Shwartz, Singer & Chandra 2008).
fn onto_simplex(point: &[f64]) -> Vec<f64> {
    let mut sorted = point.to_vec();
    sorted.sort_unstable_by(|left, right| right.total_cmp(left));
    let (mut sum, mut shift) = (0.0, 0.0);
    for (at, value) in sorted.iter().enumerate() {
        sum += value;
        let candidate = (sum - 1.0) / (at as f64 + 1.0);
        if value - candidate > 0.0 {
            shift = candidate;
        }
    }
    point.iter().map(|value| (value - shift).max(0.0)).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum()
}

fn outer(into: &mut [Vec<f64>], row: &[f64], scale: f64) {
    for (line, left) in into.iter_mut().zip(row) {
        for (cell, right) in line.iter_mut().zip(row) {
            *cell += scale * left * right;
        }
    }
}

fn add(into: &mut [Vec<f64>], other: &[Vec<f64>]) {
    for (line, other) in into.iter_mut().zip(other) {
        for (cell, other) in line.iter_mut().zip(other) {
            *cell += other;
        }
    }
}

/// `scale (diag p - p p')`.
fn multinomial(shares: &[f64], scale: f64) -> Vec<Vec<f64>> {
    let mut covariance = vec![vec![0.0; shares.len()]; shares.len()];
    outer(&mut covariance, shares, -scale);
    for (at, share) in shares.iter().enumerate() {
        covariance[at][at] += scale * share;
    }
    covariance
}

/// `scale` times the covariance of rows.
fn covariance(rows: &[Vec<f64>], scale: f64) -> Vec<Vec<f64>> {
    let width = rows.first().map_or(0, Vec::len);
    let count = rows.len() as f64;
    let means: Vec<f64> = (0..width)
        .map(|at| rows.iter().map(|row| row[at]).sum::<f64>() / count)
        .collect();
    let mut covariance = vec![vec![0.0; width]; width];
    for row in rows {
        let centred: Vec<f64> = row
            .iter()
            .zip(&means)
            .map(|(value, mean)| value - mean)
            .collect();
        outer(&mut covariance, &centred, scale / count);
    }
    covariance
}

/// `x' C x`, not below 0.
fn quadratic(matrix: &[Vec<f64>], x: &[f64]) -> f64 {
    matrix
        .iter()
        .zip(x)
        .map(|(row, left)| left * dot(row, x))
        .sum::<f64>()
        .max(0.0)
}

#[cfg(test)]
#[path = "label_shift_tests.rs"]
mod tests;
