//! Probabilities made right by the labels of the reference.

use leeway_sdk::Failure;
use leeway_statistics::calibration::needs_calibration;
use leeway_statistics::isotonic::Isotonic;
use serde::{Deserialize, Serialize};

use crate::answers::{Answers, Shape};

/// One rising function for each column of probabilities; none for one that is right as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrations(Vec<Option<Vec<(f64, f64)>>>);

impl Calibrations {
    /// Learns from rows that have answer and label.
    pub fn learn(answers: &Answers, rows: &[usize]) -> Self {
        let pick = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
        let learned = answers
            .probabilities
            .iter()
            .zip(answers.truths())
            .map(|(scores, truth)| {
                let (scores, truth) = (pick(scores), pick(&truth));
                let fitted = needs_calibration(&scores, &truth)
                    .then(|| Isotonic::fit(&scores, &truth))
                    .flatten();
                fitted.map(|fitted| fitted.points().to_vec())
            });
        Self(learned.collect())
    }

    /// Columns that were not right as they are.
    pub fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// The calibrated probabilities, column by column; NaN stays. Columns of classes sum to 1 in each row; where all are 0, each is as likely.
    ///
    /// # Errors
    /// [`Failure::UnusableBaseline`] where these are not the calibrations of such answers.
    pub fn of(&self, answers: &Answers) -> Result<Vec<Vec<f64>>, Failure> {
        let damaged = || {
            Failure::UnusableBaseline(
                "its calibrations are not those of these probabilities".to_owned(),
            )
        };
        if self.0.len() != answers.probabilities.len() {
            return Err(damaged());
        }
        let mut columns = Vec::with_capacity(self.0.len());
        for (points, scores) in self.0.iter().zip(&answers.probabilities) {
            columns.push(match points {
                None => scores.clone(),
                Some(points) => {
                    let fitted = Isotonic::from_points(points.clone()).ok_or_else(damaged)?;
                    scores
                        .iter()
                        .map(|&score| {
                            if score.is_nan() {
                                score
                            } else {
                                fitted.at(score)
                            }
                        })
                        .collect()
                }
            });
        }
        if matches!(answers.shape, Shape::Multiclass { .. }) {
            normalise(&mut columns);
        }
        Ok(columns)
    }
}

fn normalise(columns: &mut [Vec<f64>]) {
    let even = 1.0 / columns.len() as f64;
    for row in 0..columns.first().map_or(0, Vec::len) {
        let total: f64 = columns.iter().map(|column| column[row]).sum();
        for column in &mut *columns {
            column[row] = if total == 0.0 {
                even
            } else {
                column[row] / total
            };
        }
    }
}
