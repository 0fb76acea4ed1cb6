//! How a model's performance is estimated: what is learned of it from the labelled reference.

use leeway_outcomes::{Answers, Calibrations, Rows, Shape};
use leeway_sdk::{ColumnKind, Failure, Role};
use serde::{Deserialize, Serialize};

use crate::config::{Config, Task};
use crate::data::{Data, View, Views};
use crate::loss::LossModel;

/// What is needed to estimate performance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Subject {
    /// A classifier with probabilities: one calibration for each of them; absent where they are right as they are.
    Classifier {
        classes: Vec<String>,
        shape: Shape,
        calibrations: Calibrations,
    },
    /// A classifier without probabilities: the chance of an error.
    Guesser {
        classes: Vec<String>,
        wrong: LossModel,
    },
    /// A regressor: its absolute and its squared error.
    Regressor {
        absolute: LossModel,
        squared: LossModel,
    },
}

impl Subject {
    /// Learns from the reference. `Err(why)` inside where its rows do not allow to.
    pub(crate) fn learn(
        rows: &Rows,
        config: &Config,
    ) -> Result<Result<(Self, Data), String>, Failure> {
        if task(rows, config) == Task::Regressor {
            return Self::of_regressor(rows, config);
        }
        let answers = match Answers::learn(rows, &config.asked())? {
            Ok(answers) => answers,
            Err(why) => return Ok(Err(why)),
        };
        let usable: Vec<usize> = (0..rows.count())
            .filter(|&row| answers.answered(row) && answers.labelled(row))
            .collect();
        if let Some(why) = too_few(usable.len(), config) {
            return Ok(Err(why));
        }
        let (classes, shape) = (answers.classes.clone(), answers.shape.clone());
        if shape == Shape::None {
            let wrong: Vec<f64> = answers.correct().iter().map(|right| 1.0 - right).collect();
            let wrong = LossModel::learn(rows, &usable, &wrong)?;
            let subject = Self::Guesser { classes, wrong };
            let data = subject.read(rows)?;
            return Ok(Ok((subject, data)));
        }
        let calibrations = Calibrations::learn(&answers, &usable);
        let subject = Self::Classifier {
            classes,
            shape,
            calibrations,
        };
        let data = subject.read(rows)?;
        Ok(Ok((subject, data)))
    }

    fn of_regressor(rows: &Rows, config: &Config) -> Result<Result<(Self, Data), String>, Failure> {
        let (Some(label), Some(prediction)) = (rows.role(Role::Label), rows.role(Role::Prediction))
        else {
            return Ok(Err(
                "the reference has no column of labels, or none of predictions".to_owned(),
            ));
        };
        let errors = errors(rows, &label.name, &prediction.name)?;
        let usable: Vec<usize> = (0..rows.count())
            .filter(|&row| !errors[row].is_nan())
            .collect();
        if let Some(why) = too_few(usable.len(), config) {
            return Ok(Err(why));
        }
        let squares: Vec<f64> = errors.iter().map(|error| error * error).collect();
        if !usable
            .iter()
            .map(|&row| squares[row])
            .sum::<f64>()
            .is_finite()
        {
            return Ok(Err(
                "the squares of the reference's errors are too large to sum".to_owned(),
            ));
        }
        let subject = Self::Regressor {
            absolute: LossModel::learn(rows, &usable, &errors)?,
            squared: LossModel::learn(rows, &usable, &squares)?,
        };
        let data = subject.read(rows)?;
        Ok(Ok((subject, data)))
    }

    /// What is expected and, where there are labels, true of a window's rows.
    pub(crate) fn read(&self, rows: &Rows) -> Result<Data, Failure> {
        match self {
            Self::Classifier {
                classes,
                shape,
                calibrations,
            } => {
                let answers = Answers::read(rows, classes, shape)?;
                of_answers(rows, &answers, calibrations.of(&answers)?)
            }
            Self::Guesser { classes, wrong } => {
                let answers = Answers::read(rows, classes, &Shape::None)?;
                let right: Vec<f64> = wrong
                    .expect(rows)?
                    .into_iter()
                    .map(|wrong| 1.0 - wrong.min(1.0))
                    .collect();
                let view = View {
                    scores: Vec::new(),
                    said: Vec::new(),
                    expected: right,
                    truth: answers.correct(),
                };
                data(
                    rows,
                    &answers,
                    Views::Right {
                        view,
                        scored: false,
                    },
                )
            }
            Self::Regressor { absolute, squared } => {
                let nothing = String::new();
                let name = |role| rows.role(role).map_or(&nothing, |column| &column.name);
                let errors = errors(rows, name(Role::Label), name(Role::Prediction))?;
                let predicted = rows.numbers(name(Role::Prediction))?;
                let squares: Vec<f64> = errors.iter().map(|error| error * error).collect();
                let view = |expected: Vec<f64>, truth: Vec<f64>| View {
                    scores: Vec::new(),
                    said: Vec::new(),
                    expected,
                    truth,
                };
                let absolute = view(absolute.expect(rows)?, errors);
                let squared = view(squared.expect(rows)?, squares);
                let usable: Vec<usize> = (0..rows.count())
                    .filter(|&row| !predicted[row].is_nan())
                    .collect();
                let labelled = usable
                    .iter()
                    .copied()
                    .filter(|&row| squared.truth[row].is_finite())
                    .collect();
                Data::new(
                    rows,
                    Views::Errors { absolute, squared },
                    usable,
                    labelled,
                    0.0,
                )
            }
        }
    }

    /// The class that binary figures are of, and how the estimate is made, for people.
    pub(crate) fn words(&self) -> Vec<(&'static str, serde_json::Value)> {
        match self {
            Self::Classifier {
                classes,
                shape,
                calibrations,
            } => {
                let calibrated = calibrations.count();
                let mut words = vec![
                    ("method", "cbpe".into()),
                    ("calibrated_classes", calibrated.into()),
                ];
                if let Shape::Binary { positive, .. } = shape
                    && let Some(class) = classes.get(*positive as usize)
                {
                    words.push((
                        "positive",
                        class
                            .chars()
                            .take(NAME_CHARS_MAX)
                            .collect::<String>()
                            .into(),
                    ));
                }
                words
            }
            Self::Guesser { wrong, .. } => vec![
                ("method", "error model".into()),
                ("trees", wrong.trees().into()),
            ],
            Self::Regressor { absolute, squared } => {
                vec![
                    ("method", "loss model".into()),
                    ("trees", (absolute.trees() + squared.trees()).into()),
                ]
            }
        }
    }
}

/// What is expected of answers with probabilities, which were calibrated.
fn of_answers(rows: &Rows, answers: &Answers, calibrated: Vec<Vec<f64>>) -> Result<Data, Failure> {
    let is = |class: u32| {
        answers
            .predicted
            .iter()
            .map(|code| *code == class)
            .collect::<Vec<bool>>()
    };
    let said: Vec<Vec<bool>> = match &answers.shape {
        Shape::Binary { positive, .. } => vec![is(*positive)],
        Shape::Multiclass { .. } => (0..).take(calibrated.len()).map(is).collect(),
        Shape::Confidence | Shape::None => vec![vec![true; rows.count()]],
    };
    let parts = answers
        .probabilities
        .iter()
        .zip(calibrated)
        .zip(said)
        .zip(answers.truths());
    let mut views: Vec<View> = parts
        .map(|(((scores, expected), said), truth)| View {
            scores: scores.clone(),
            said,
            expected,
            truth,
        })
        .collect();
    let nothing = || Failure::UnusableBaseline("it has no column of probabilities".to_owned());
    let views = match &answers.shape {
        Shape::Multiclass { .. } => Views::Classes(views, answers.predicted.clone()),
        Shape::Binary { .. } => Views::Binary(views.pop().ok_or_else(nothing)?),
        Shape::Confidence | Shape::None => Views::Right {
            view: views.pop().ok_or_else(nothing)?,
            scored: true,
        },
    };
    data(rows, answers, views)
}

fn data(rows: &Rows, answers: &Answers, views: Views) -> Result<Data, Failure> {
    let usable: Vec<usize> = (0..rows.count())
        .filter(|&row| answers.answered(row))
        .collect();
    let labelled = usable
        .iter()
        .copied()
        .filter(|&row| answers.labelled(row))
        .collect();
    Data::new(rows, views, usable, labelled, answers.unseen_share())
}

/// Characters of a class's name in a detail.
const NAME_CHARS_MAX: usize = 100;

/// What the model answers: as configured, else as its columns say.
pub(crate) fn task(rows: &Rows, config: &Config) -> Task {
    config.task.unwrap_or_else(|| {
        let names = [Role::Prediction, Role::Label]
            .into_iter()
            .filter_map(|role| rows.role(role));
        let of_names = names
            .into_iter()
            .any(|column| column.kind == ColumnKind::Categorical);
        if of_names || rows.role(Role::Probability).is_some() || !config.asked().classes.is_empty()
        {
            Task::Classifier
        } else {
            Task::Regressor
        }
    })
}

fn too_few(labelled: usize, config: &Config) -> Option<String> {
    (labelled < config.rows_min).then(|| {
        format!(
            "the reference has {labelled} rows with answer and label; it takes {}",
            config.rows_min
        )
    })
}

/// Absolute errors; NaN where prediction or label is missing.
fn errors(rows: &Rows, label: &str, prediction: &str) -> Result<Vec<f64>, Failure> {
    let (labels, predicted) = (rows.numbers(label)?, rows.numbers(prediction)?);
    let error = |(label, predicted): (f64, f64)| {
        Some((label - predicted).abs())
            .filter(|error| error.is_finite())
            .unwrap_or(f64::NAN)
    };
    Ok(labels.into_iter().zip(predicted).map(error).collect())
}
