//! A classifier's answers: which classes there are, and which numbers are the probability of which.

use std::collections::BTreeMap;

use leeway_sdk::{Failure, Role};
use serde::{Deserialize, Serialize};

use crate::classes::{MISSING, UNKNOWN};
use crate::rows::Rows;

/// What a configuration says of the answers.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// The class that the probability is of, where there are two.
    pub positive: Option<String>,
    /// The column of each class's probability.
    pub classes: BTreeMap<String, String>,
    /// What the column of the role `probability` is the probability of.
    pub probability_of: Option<ProbabilityOf>,
}

/// What one column of probabilities is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbabilityOf {
    /// The positive class.
    Positive,
    /// The class that was predicted: how sure the model was.
    Predicted,
}

/// How probabilities stand in the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    /// Two classes; the column is the probability of the class at this position, or of the predicted one.
    Binary { positive: u32, predicted: bool },
    /// A column for each class, in the classes' order.
    Multiclass { columns: Vec<String> },
    /// One column says how sure the model was of what it predicted.
    Confidence,
    /// No probabilities.
    None,
}

impl Asked {
    /// Checks what the schema cannot say.
    ///
    /// # Errors
    /// [`Failure::InvalidConfig`], naming the field.
    pub fn check(&self) -> Result<(), Failure> {
        let wrong = |why: &str| Err(Failure::InvalidConfig(why.to_owned()));
        if self.classes.len() == 1 {
            return wrong("classes: one class alone has no rest; name the column of every class");
        }
        let mut columns: Vec<&String> = self.classes.values().collect();
        columns.sort_unstable();
        if columns.windows(2).any(|pair| pair[0] == pair[1]) {
            return wrong("classes: two classes have the same column");
        }
        if !self.classes.is_empty() && (self.positive.is_some() || self.probability_of.is_some()) {
            return wrong(
                "classes: with a column for each class there is no positive one, and no probability_of",
            );
        }
        Ok(())
    }
}

/// The answers of a window's rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// The classes, ascending.
    pub classes: Vec<String>,
    /// How probabilities stand in the rows.
    pub shape: Shape,
    /// Position of each row's predicted class, [`MISSING`] or [`UNKNOWN`].
    pub predicted: Vec<u32>,
    /// Position of each row's true class, [`MISSING`] or [`UNKNOWN`].
    pub labels: Vec<u32>,
    /// By class of a multiclass shape, else one: each row's probability, NaN where it is missing or outside `[0, 1]`.
    pub probabilities: Vec<Vec<f64>>,
}

impl Answers {
    /// Looks at a reference window: decides on classes and shape. `Err(Ok(why))` where its rows do not allow to.
    ///
    /// The classes are those of labels and predictions together, or those of the configuration. With two, the positive one is the
    /// configured; else `1`; else `true`; else the one of whose rows the mean probability is higher.
    pub fn learn(rows: &Rows, asked: &Asked) -> Result<Result<Self, String>, Failure> {
        let (Some(label), Some(prediction)) = (rows.role(Role::Label), rows.role(Role::Prediction))
        else {
            return Ok(Err(
                "the reference has no column of labels, or none of predictions".to_owned(),
            ));
        };
        let (labels, predicted) = (rows.named(&label.name)?, rows.named(&prediction.name)?);
        if labels.too_many() || predicted.too_many() {
            return Ok(Err(format!(
                "there are more than {} classes",
                crate::CLASSES_MAX
            )));
        }
        let mut classes: Vec<String> = if asked.classes.is_empty() {
            labels
                .names()
                .iter()
                .chain(predicted.names())
                .cloned()
                .collect()
        } else {
            asked.classes.keys().cloned().collect()
        };
        classes.sort_unstable();
        classes.dedup();
        if classes.len() < 2 {
            return Ok(Err("the reference has one class alone".to_owned()));
        }
        if let Some(positive) = &asked.positive
            && !classes.contains(positive)
        {
            return Ok(Err(format!(
                "no row of the reference is of the positive class '{positive}': there are {}",
                classes.join(", ")
            )));
        }
        let shape = if !asked.classes.is_empty() {
            if let Some(column) = asked
                .classes
                .values()
                .find(|name| rows.columns().iter().all(|column| column.name != **name))
            {
                return Err(Failure::InvalidConfig(format!(
                    "classes: the reference window has no column '{column}'"
                )));
            }
            Shape::Multiclass {
                columns: classes
                    .iter()
                    .map(|class| asked.classes[class].clone())
                    .collect(),
            }
        } else if rows.role(Role::Probability).is_none() {
            Shape::None
        } else {
            let of_predicted = asked.probability_of == Some(ProbabilityOf::Predicted);
            match classes.len() {
                2 => Shape::Binary {
                    positive: 0,
                    predicted: of_predicted,
                },
                _ if asked.probability_of == Some(ProbabilityOf::Positive) => {
                    return Ok(Err("there are more than two classes: name the column of each class in `classes`".to_owned()));
                }
                _ => Shape::Confidence,
            }
        };
        let mut answers = Self::read(rows, &classes, &shape)?;
        if let Shape::Binary { predicted, .. } = answers.shape {
            let positive = answers.positive(asked);
            answers.shape = Shape::Binary {
                positive,
                predicted,
            };
            if predicted {
                answers = Self::read(rows, &classes, &answers.shape)?;
            }
        }
        Ok(Ok(answers))
    }

    /// Reads rows as the reference was read.
    pub fn read(rows: &Rows, classes: &[String], shape: &Shape) -> Result<Self, Failure> {
        let of_role = |role| match rows.role(role) {
            Some(column) => Ok::<_, Failure>(rows.named(&column.name)?.among(classes)),
            None => Ok(vec![MISSING; rows.count()]),
        };
        let (predicted, labels) = (of_role(Role::Prediction)?, of_role(Role::Label)?);
        let one = || match rows.role(Role::Probability) {
            Some(column) => Ok::<_, Failure>(probabilities(rows.numbers(&column.name)?)),
            None => Ok(vec![f64::NAN; rows.count()]),
        };
        let probabilities = match shape {
            Shape::Multiclass { columns } => columns
                .iter()
                .map(|name| Ok(probabilities(rows.numbers(name)?)))
                .collect::<Result<_, Failure>>()?,
            Shape::Binary {
                positive,
                predicted: true,
            } => {
                let turn =
                    |(sure, class): (f64, &u32)| if class == positive { sure } else { 1.0 - sure };
                vec![one()?.into_iter().zip(&predicted).map(turn).collect()]
            }
            Shape::Binary { .. } | Shape::Confidence => vec![one()?],
            Shape::None => Vec::new(),
        };
        Ok(Self {
            classes: classes.to_vec(),
            shape: shape.clone(),
            predicted,
            labels,
            probabilities,
        })
    }

    /// Whether a row has a prediction and every probability.
    pub fn answered(&self, row: usize) -> bool {
        self.predicted[row] < UNKNOWN
            && self
                .probabilities
                .iter()
                .all(|column| !column[row].is_nan())
    }

    /// Whether a row has the label of a class that is looked at.
    pub fn labelled(&self, row: usize) -> bool {
        self.labels[row] < UNKNOWN
    }

    /// By column of probabilities: 1 for rows of its class, or where the prediction was right; else 0.
    pub fn truths(&self) -> Vec<Vec<f64>> {
        let is = |class: u32| {
            self.labels
                .iter()
                .map(|code| f64::from(u8::from(*code == class)))
                .collect::<Vec<f64>>()
        };
        match &self.shape {
            Shape::Binary { positive, .. } => vec![is(*positive)],
            Shape::Multiclass { .. } => (0..).take(self.probabilities.len()).map(is).collect(),
            Shape::Confidence => vec![self.correct()],
            Shape::None => Vec::new(),
        }
    }

    /// 1 where the prediction is the label, else 0.
    pub fn correct(&self) -> Vec<f64> {
        self.predicted
            .iter()
            .zip(&self.labels)
            .map(|(said, label)| f64::from(u8::from(said == label)))
            .collect()
    }

    /// Share of rows whose prediction or label is of a class that the reference did not have.
    pub fn unseen_share(&self) -> f64 {
        let unseen = self
            .predicted
            .iter()
            .zip(&self.labels)
            .filter(|(said, label)| **said == UNKNOWN || **label == UNKNOWN);
        unseen.count() as f64 / self.predicted.len().max(1) as f64
    }

    /// Position of the positive class of two: see [`Answers::learn`]. Without probabilities, the one that fewer rows are of.
    pub fn positive(&self, asked: &Asked) -> u32 {
        let at = |name: &str| {
            self.classes
                .iter()
                .position(|class| class == name)
                .and_then(|at| u32::try_from(at).ok())
        };
        let given = asked.positive.as_deref().and_then(at);
        given
            .or_else(|| at("1"))
            .or_else(|| at("true"))
            .unwrap_or_else(|| {
                let Some(probabilities) = self.probabilities.first() else {
                    let rows =
                        |class: u32| self.labels.iter().filter(|label| **label == class).count();
                    return u32::from(rows(1) < rows(0));
                };
                let mean = |class: u32| {
                    let of = |codes: &[u32]| {
                        let rows = codes
                            .iter()
                            .zip(probabilities)
                            .filter(|(code, p)| **code == class && !p.is_nan());
                        let (sum, count) =
                            rows.fold((0.0, 0.0), |(sum, count), (_, p)| (sum + p, count + 1.0));
                        if count > 0.0 { sum / count } else { f64::NAN }
                    };
                    let of_predicted = of(&self.predicted);
                    if of_predicted.is_nan() {
                        of(&self.labels)
                    } else {
                        of_predicted
                    }
                };
                // A class without rows says nothing: the other one's mean then decides against one half.
                let (first, second) = (mean(0), mean(1));
                let second_higher = match (first.is_nan(), second.is_nan()) {
                    (false, false) => second >= first,
                    (false, true) => first < 0.5,
                    _ => second >= 0.5,
                };
                u32::from(second_higher)
            })
    }
}

fn probabilities(mut numbers: Vec<f64>) -> Vec<f64> {
    for number in &mut numbers {
        if !(0.0..=1.0).contains(number) {
            *number = f64::NAN;
        }
    }
    numbers
}
