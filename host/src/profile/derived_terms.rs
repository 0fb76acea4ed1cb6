//! Values of derived columns, row by row.

use rustc_hash::FxHashMap;

use crate::domain::{ColumnKind, ColumnValues, MISSING_CODE, ModelType, Role, Schema};

use super::derive::POSITIVE_NUMBER_DEFAULT;
use super::derive_error::DeriveError;

/// One derived column, with the positions of the columns it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Error {
        prediction: usize,
        label: usize,
    },
    Brier {
        probability: usize,
        label: usize,
        positive: Positive,
    },
    Residual {
        prediction: usize,
        label: usize,
        absolute: bool,
    },
}

/// The class whose probability a model gives.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Positive {
    Number(f64),
    Name(String),
}

/// What can be derived from the columns of a model.
pub(super) fn terms(
    schema: &Schema,
    model: ModelType,
    positive: Option<&str>,
) -> Result<Vec<Term>, DeriveError> {
    let Some(label) = schema.position_of(Role::Label) else {
        return Ok(Vec::new());
    };
    let label_kind = schema.columns()[label].kind;
    let mut terms = Vec::new();
    if let Some(prediction) = schema.position_of(Role::Prediction) {
        let prediction_kind = schema.columns()[prediction].kind;
        let (fits, needed) = match model {
            ModelType::Classifier => (
                prediction_kind == label_kind && label_kind != ColumnKind::Embedding,
                "a prediction and a label that are both numeric or both categorical",
            ),
            ModelType::Regressor => (
                (prediction_kind, label_kind) == (ColumnKind::Numeric, ColumnKind::Numeric),
                "a numeric prediction and label",
            ),
        };
        if !fits {
            let name = |at: usize| schema.columns()[at].name.clone();
            let (prediction, label) = (name(prediction), name(label));
            return Err(DeriveError::Kinds {
                model,
                needed,
                prediction,
                prediction_kind,
                label,
                label_kind,
            });
        }
        match model {
            ModelType::Classifier => terms.push(Term::Error { prediction, label }),
            ModelType::Regressor => {
                terms.extend([false, true].map(|absolute| Term::Residual {
                    prediction,
                    label,
                    absolute,
                }));
            }
        }
    }
    if model == ModelType::Classifier
        && let Some(probability) = schema.position_of(Role::Probability)
        && let Some(positive) = positive_class(label_kind, positive)?
    {
        let spec = &schema.columns()[probability];
        if spec.kind != ColumnKind::Numeric {
            return Err(DeriveError::ProbabilityKind {
                column: spec.name.clone(),
                kind: spec.kind,
            });
        }
        terms.push(Term::Brier {
            probability,
            label,
            positive,
        });
    }
    Ok(terms)
}

fn positive_class(
    label: ColumnKind,
    positive: Option<&str>,
) -> Result<Option<Positive>, DeriveError> {
    match (label, positive) {
        (ColumnKind::Numeric, None) => Ok(Some(Positive::Number(POSITIVE_NUMBER_DEFAULT))),
        (ColumnKind::Numeric, Some(text)) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(Positive::Number(number))),
            _ => Err(DeriveError::PositiveNotANumber(text.to_owned())),
        },
        (ColumnKind::Categorical, Some(name)) => Ok(Some(Positive::Name(name.to_owned()))),
        (ColumnKind::Categorical, None) | (ColumnKind::Embedding, _) => Ok(None),
    }
}

impl Term {
    /// Name and role.
    pub(super) fn column(&self) -> (&'static str, Role) {
        match self {
            Self::Error { .. } => ("error", Role::Error),
            Self::Brier { .. } => ("brier", Role::Brier),
            Self::Residual {
                absolute: false, ..
            } => ("residual", Role::Residual),
            Self::Residual { absolute: true, .. } => ("absolute_residual", Role::AbsoluteResidual),
        }
    }

    /// One value a row; the position of a column that holds other values than the schema says.
    pub(super) fn values(&self, columns: &[ColumnValues]) -> Result<Vec<f64>, usize> {
        match *self {
            Self::Error { prediction, label } => errors(columns, prediction, label),
            Self::Brier {
                probability,
                label,
                ref positive,
            } => {
                let truth = truth(columns, label, positive)?;
                let terms = numbers(columns, probability)?.iter().zip(truth);
                Ok(terms
                    .map(|(&p, y)| {
                        if (0.0..=1.0).contains(&p) {
                            (p - y) * (p - y)
                        } else {
                            f64::NAN
                        }
                    })
                    .collect())
            }
            Self::Residual {
                prediction,
                label,
                absolute,
            } => {
                let rows = numbers(columns, label)?
                    .iter()
                    .zip(numbers(columns, prediction)?);
                let residuals = rows.map(|(label, prediction)| label - prediction);
                Ok(residuals
                    .map(|residual| if absolute { residual.abs() } else { residual })
                    .collect())
            }
        }
    }
}

fn numbers(columns: &[ColumnValues], at: usize) -> Result<&[f64], usize> {
    match &columns[at] {
        ColumnValues::Numeric(values) => Ok(values),
        _ => Err(at),
    }
}

fn names(columns: &[ColumnValues], at: usize) -> Result<(&[u32], &[String]), usize> {
    match &columns[at] {
        ColumnValues::Categorical { codes, dictionary } if in_dictionary(codes, dictionary) => {
            Ok((codes, dictionary))
        }
        _ => Err(at),
    }
}

fn in_dictionary(codes: &[u32], dictionary: &[String]) -> bool {
    codes
        .iter()
        .all(|&code| code == MISSING_CODE || (code as usize) < dictionary.len())
}

fn errors(columns: &[ColumnValues], prediction: usize, label: usize) -> Result<Vec<f64>, usize> {
    if let ColumnValues::Numeric(labels) = &columns[label] {
        let rows = numbers(columns, prediction)?.iter().zip(labels);
        return Ok(rows
            .map(|(a, b)| {
                if a.is_nan() || b.is_nan() {
                    f64::NAN
                } else {
                    f64::from(a != b)
                }
            })
            .collect());
    }
    let ((predicted, of_prediction), (truth, of_label)) =
        (names(columns, prediction)?, names(columns, label)?);
    // Each column has a dictionary of its own: names of predictions get their code among the labels.
    let code_of: FxHashMap<&str, u32> = of_label.iter().map(String::as_str).zip(0..).collect();
    let translate = |name: &String| code_of.get(name.as_str()).copied().unwrap_or(MISSING_CODE);
    let as_label: Vec<u32> = of_prediction.iter().map(translate).collect();
    let wrong = |(&predicted, &truth): (&u32, &u32)| {
        let known = predicted != MISSING_CODE && truth != MISSING_CODE;
        if known {
            f64::from(as_label[predicted as usize] != truth)
        } else {
            f64::NAN
        }
    };
    Ok(predicted.iter().zip(truth).map(wrong).collect())
}

/// `1` where the label is the positive class, `0` where it is another, NaN where it is missing.
fn truth(columns: &[ColumnValues], label: usize, positive: &Positive) -> Result<Vec<f64>, usize> {
    match positive {
        Positive::Number(positive) => {
            let labels = numbers(columns, label)?.iter();
            Ok(labels
                .map(|y| {
                    if y.is_nan() {
                        f64::NAN
                    } else {
                        f64::from(y == positive)
                    }
                })
                .collect())
        }
        Positive::Name(positive) => {
            let (codes, dictionary) = names(columns, label)?;
            let truth: Vec<f64> = dictionary
                .iter()
                .map(|name| f64::from(name == positive))
                .collect();
            Ok(codes
                .iter()
                .map(|&code| {
                    if code == MISSING_CODE {
                        f64::NAN
                    } else {
                        truth[code as usize]
                    }
                })
                .collect())
        }
    }
}
