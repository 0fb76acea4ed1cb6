//! Logistic regression with a quadratic penalty.

/// Steps of the optimiser at most.
const STEPS_MAX: usize = 60;
/// Pairs of steps and gradients remembered.
const MEMORY: usize = 8;
/// The gradient, over the rows, at which it ends.
const GRADIENT_MIN: f64 = 1e-6;

/// A fitted model: log-odds are `intercept + weights . x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    /// Log-odds of a row of zeros.
    pub intercept: f64,
    /// One for each feature.
    pub weights: Vec<f64>,
}

/// Rows of features, one after another, and which of them are positive.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// Row after row.
    pub values: &'a [f64],
    /// Length of a row.
    pub features: usize,
    /// Label of each row.
    pub positive: &'a [bool],
}

impl<'a> Labelled<'a> {
    /// One row.
    pub fn row(&self, at: u32) -> &'a [f64] {
        let start = at as usize * self.features;
        &self.values[start..start + self.features]
    }
}

impl Logistic {
    /// Fits the rows `of` in `data`: minimises the sum of their log-losses plus `penalty / 2 |weights|^2`. The intercept is free.
    ///
    /// Features should be of one scale. Deterministic: a fixed start, fixed order of sums, `libm` for exponentials.
    /// Source: Cox (1958); Hoerl & Kennard (1970) for the penalty; Liu & Nocedal (1989) for the optimiser, L-BFGS.
    pub fn fit(data: Labelled<'_>, of: &[u32], penalty: f64) -> Self {
        let size = data.features + 1;
        let mut at = vec![0.0; size];
        let positives = of
            .iter()
            .filter(|&&row| data.positive[row as usize])
            .count() as f64;
        let negatives = of.len() as f64 - positives;
        if positives == 0.0 || negatives == 0.0 {
            at.pop();
            return Self {
                intercept: 0.0,
                weights: at,
            };
        }
        at[data.features] = libm::log(positives / negatives);
        let mut gradient = vec![0.0; size];
        let mut loss = evaluate(data, of, penalty, &at, &mut gradient);
        let mut memory: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
        let small = GRADIENT_MIN * of.len() as f64;
        for _ in 0..STEPS_MAX {
            if gradient.iter().all(|g| g.abs() <= small) {
                break;
            }
            let direction = direction(&gradient, &memory, of.len() as f64);
            let slope = dot(&direction, &gradient);
            let mut length = 1.0;
            let mut moved = None;
            // Halved until the loss falls by a part of what the slope promises (Armijo 1966).
            for _ in 0..30 {
                let next: Vec<f64> = at
                    .iter()
                    .zip(&direction)
                    .map(|(x, d)| x + length * d)
                    .collect();
                let mut next_gradient = vec![0.0; size];
                let next_loss = evaluate(data, of, penalty, &next, &mut next_gradient);
                if next_loss <= loss + 1e-4 * length * slope {
                    moved = Some((next, next_gradient, next_loss));
                    break;
                }
                length *= 0.5;
            }
            let Some((next, next_gradient, next_loss)) = moved else {
                break; // Nothing is left to gain at this precision.
            };
            let step: Vec<f64> = next.iter().zip(&at).map(|(a, b)| a - b).collect();
            let change: Vec<f64> = next_gradient
                .iter()
                .zip(&gradient)
                .map(|(a, b)| a - b)
                .collect();
            let curvature = dot(&step, &change);
            if curvature > 0.0 {
                if memory.len() == MEMORY {
                    memory.remove(0);
                }
                memory.push((step, change, 1.0 / curvature));
            }
            (at, gradient, loss) = (next, next_gradient, next_loss);
        }
        let intercept = at.pop().unwrap_or(0.0);
        Self {
            intercept,
            weights: at,
        }
    }

    /// Log-odds of a row.
    pub fn score(&self, row: &[f64]) -> f64 {
        self.intercept + dot(&self.weights, row)
    }
}

/// Loss at `at`, and its gradient.
fn evaluate(data: Labelled<'_>, of: &[u32], penalty: f64, at: &[f64], gradient: &mut [f64]) -> f64 {
    let (weights, intercept) = (&at[..data.features], at[data.features]);
    let mut loss = 0.5 * penalty * dot(weights, weights);
    for (gradient, weight) in gradient.iter_mut().zip(weights) {
        *gradient = penalty * weight;
    }
    let mut pull = 0.0;
    for &row in of {
        let x = data.row(row);
        let score = intercept + dot(weights, x);
        let small = libm::exp(-score.abs());
        let likely = if score >= 0.0 { 1.0 } else { small } / (1.0 + small);
        let label = f64::from(u8::from(data.positive[row as usize]));
        loss += libm::log1p(small) + score.max(0.0) - label * score;
        let off = likely - label;
        pull += off;
        for (gradient, x) in gradient.iter_mut().zip(x) {
            *gradient += off * x;
        }
    }
    gradient[data.features] = pull;
    loss
}

/// Minus the gradient, bent by what is remembered of the curvature: the two loops of L-BFGS.
fn direction(gradient: &[f64], memory: &[(Vec<f64>, Vec<f64>, f64)], rows: f64) -> Vec<f64> {
    let mut d: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut pulls = vec![0.0; memory.len()];
    for (pull, (step, change, inverse)) in pulls.iter_mut().zip(memory).rev() {
        *pull = inverse * dot(step, &d);
        for (d, change) in d.iter_mut().zip(change) {
            *d -= *pull * change;
        }
    }
    // Without a memory: the curvature of features of variance 1 at even odds.
    let scale = memory.last().map_or(4.0 / rows, |(_, change, inverse)| {
        1.0 / (inverse * dot(change, change))
    });
    for d in &mut d {
        *d *= scale;
    }
    for (pull, (step, change, inverse)) in pulls.iter().zip(memory) {
        let back = pull - inverse * dot(change, &d);
        for (d, step) in d.iter_mut().zip(step) {
            *d += back * step;
        }
    }
    d
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<4>();
    let (b, b_rest) = b.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::close;
    use crate::rng::Rng;

    fn all(rows: u32) -> Vec<u32> {
        (0..rows).collect()
    }

    #[test]
    fn two_groups_have_the_log_odds_of_their_shares() {
        // x = 0: 1 of 4 positive; x = 1: 3 of 4. Without a penalty: intercept -ln 3, weight 2 ln 3.
        let values = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
        let positive = [true, false, false, false, true, true, true, false];
        let data = Labelled {
            values: &values,
            features: 1,
            positive: &positive,
        };
        let model = Logistic::fit(data, &all(8), 0.0);
        close(model.intercept, -libm::log(3.0), 1e-5);
        close(model.weights[0], 2.0 * libm::log(3.0), 1e-5);
    }

    #[test]
    fn at_the_optimum_the_gradient_is_the_penalty() {
        let mut rng = Rng::new(3);
        let (rows, features) = (400, 6);
        let values: Vec<f64> = (0..rows * features).map(|_| rng.normal()).collect();
        let positive: Vec<bool> = values
            .chunks_exact(features)
            .map(|x| x[0] - 0.5 * x[3] + rng.normal() > 0.3)
            .collect();
        let data = Labelled {
            values: &values,
            features,
            positive: &positive,
        };
        let model = Logistic::fit(data, &all(400), 2.0);
        for feature in 0..features {
            let pull: f64 = values
                .chunks_exact(features)
                .zip(&positive)
                .map(|(x, &label)| {
                    let likely = 1.0 / (1.0 + libm::exp(-model.score(x)));
                    (f64::from(u8::from(label)) - likely) * x[feature]
                })
                .sum();
            assert!((pull - 2.0 * model.weights[feature]).abs() < 1e-3);
        }
    }

    #[test]
    fn separable_rows_stay_finite_and_one_class_says_nothing() {
        let values = [-1.0, -2.0, 1.0, 2.0];
        let positive = [false, false, true, true];
        let data = Labelled {
            values: &values,
            features: 1,
            positive: &positive,
        };
        let model = Logistic::fit(data, &all(4), 1.0);
        assert!(model.weights[0] > 0.3 && model.weights[0] < 10.0);
        let one = Logistic::fit(data, &[0, 1], 1.0);
        assert_eq!((one.intercept, one.weights), (0.0, vec![0.0]));
    }
}
