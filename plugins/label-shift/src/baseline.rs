//! What is kept of the reference, as bytes: how rows of each class are predicted.

use leeway_outcomes::{Answers, Calibrations, Rows, Shape, baseline};
use leeway_sdk::{Failure, Window};
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// First byte of a baseline; raised when its layout changes.
pub(crate) const FORMAT: u8 = 1;
/// Fewest labelled rows of a class: of fewer nothing can be said of how it is predicted.
const CLASS_ROWS_MIN: f64 = 10.0;
/// Rows whose probabilities are kept, for the reference's part in the variances; of more, every second, third and so on.
const KEPT_ROWS_MAX: usize = 10_000;

/// What the reference taught.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Baseline {
    /// Nothing, and why.
    Nothing(String),
    /// How rows of each class are predicted.
    Learned(Box<Learned>),
}

/// How rows of each class are predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Learned {
    pub(crate) classes: Vec<String>,
    pub(crate) shape: Shape,
    /// Position of the class whose share is reported, where there are two.
    pub(crate) positive: u32,
    pub(crate) calibrations: Calibrations,
    /// Rows by class and prediction.
    pub(crate) confusions: Vec<Vec<f64>>,
    /// Classes and probabilities of each class, row by row; empty where the model gives none.
    pub(crate) labels: Vec<usize>,
    pub(crate) probabilities: Vec<Vec<f64>>,
}

impl Learned {
    /// Labelled rows of each class.
    pub(crate) fn class_rows(&self) -> Vec<f64> {
        self.confusions.iter().map(|row| row.iter().sum()).collect()
    }
}

/// Each usable row's probability of each class; empty where the shape has none.
pub(crate) fn of_classes(
    answers: &Answers,
    calibrated: &[Vec<f64>],
    rows: &[usize],
) -> Vec<Vec<f64>> {
    match (&answers.shape, calibrated) {
        (Shape::Binary { positive, .. }, [one]) => {
            let both = |&row: &usize| {
                if *positive == 0 {
                    vec![one[row], 1.0 - one[row]]
                } else {
                    vec![1.0 - one[row], one[row]]
                }
            };
            rows.iter().map(both).collect()
        }
        (Shape::Multiclass { .. }, columns) => rows
            .iter()
            .map(|&row| columns.iter().map(|column| column[row]).collect())
            .collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn fit(reference: &dyn Window, config: &Config, seed: u64) -> Result<Baseline, Failure> {
    let rows = Rows::of(reference, seed)?;
    let answers = match Answers::learn(&rows, &config.asked())? {
        Ok(answers) => answers,
        Err(why) => return Ok(Baseline::Nothing(why)),
    };
    let usable: Vec<usize> = (0..rows.count())
        .filter(|&row| answers.answered(row) && answers.labelled(row))
        .collect();
    if usable.len() < config.rows_min {
        let why = format!(
            "the reference has {} rows with answer and label; it takes {}",
            usable.len(),
            config.rows_min
        );
        return Ok(Baseline::Nothing(why));
    }
    let size = answers.classes.len();
    let mut confusions = vec![vec![0.0; size]; size];
    for &row in &usable {
        confusions[answers.labels[row] as usize][answers.predicted[row] as usize] += 1.0;
    }
    for (class, counts) in answers.classes.iter().zip(&confusions) {
        let rows: f64 = counts.iter().sum();
        if rows < CLASS_ROWS_MIN {
            let class: String = class.chars().take(100).collect();
            let why = format!(
                "class '{class}' has {rows} labelled rows in the reference; it takes {CLASS_ROWS_MIN}"
            );
            return Ok(Baseline::Nothing(why));
        }
    }
    let calibrations = Calibrations::learn(&answers, &usable);
    let step = usable.len().div_ceil(KEPT_ROWS_MAX).max(1);
    let kept: Vec<usize> = usable.iter().copied().step_by(step).collect();
    let probabilities = of_classes(&answers, &calibrations.of(&answers)?, &kept);
    let labels = if probabilities.is_empty() {
        Vec::new()
    } else {
        kept.iter()
            .map(|&row| answers.labels[row] as usize)
            .collect()
    };
    let positive = match &answers.shape {
        Shape::Binary { positive, .. } => *positive,
        _ => answers.positive(&config.asked()),
    };
    let Answers { classes, shape, .. } = answers;
    Ok(Baseline::Learned(Box::new(Learned {
        classes,
        shape,
        positive,
        calibrations,
        confusions,
        labels,
        probabilities,
    })))
}

impl Baseline {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        baseline::to_bytes(FORMAT, self)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let baseline: Self = baseline::from_bytes(FORMAT, bytes)?;
        if let Self::Learned(learned) = &baseline {
            let size = learned.classes.len();
            let square = learned.confusions.len() == size
                && learned.confusions.iter().all(|row| row.len() == size);
            let rows = learned.labels.len() == learned.probabilities.len()
                && learned.probabilities.iter().all(|row| row.len() == size);
            if size < 2 || !square || !rows || learned.positive as usize >= size {
                return Err(Failure::UnusableBaseline(
                    "its parts do not fit each other".to_owned(),
                ));
            }
        }
        Ok(baseline)
    }
}
