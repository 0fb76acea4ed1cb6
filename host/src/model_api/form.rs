//! What the model API takes and answers, as its documentation shows it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::encoder::Instance;
use super::model::{Answer, Model};

/// Instances to be classified.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PredictForm {
    /// Each with the model's fields: `text` of an article, or a field a column.
    #[schema(value_type = Vec<Object>, min_items = 1, max_items = 1000)]
    pub(super) instances: Vec<Instance>,
}

/// Answers, one an instance, in the same order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PredictView<'a> {
    /// Name of the model.
    pub(super) model: &'a str,
    /// The answers.
    pub(super) predictions: Vec<AnswerView<'a>>,
}

/// What the model says of an instance.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AnswerView<'a> {
    /// The class.
    prediction: &'a str,
    /// Probability of the positive class, to three digits.
    #[schema(minimum = 0, maximum = 1)]
    probability: f64,
    /// What the model saw, as a drift service may watch it.
    #[schema(value_type = Object)]
    features: Instance,
}

impl<'a> AnswerView<'a> {
    pub(super) fn new(model: &'a Model, answer: Answer) -> Self {
        Self {
            prediction: &model.classes[usize::from(answer.positive)],
            probability: answer.probability,
            features: answer.features,
        }
    }
}

/// What a model is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelView<'a> {
    /// Its name.
    name: &'a str,
    /// What it says.
    about: &'a str,
    /// How it works.
    method: &'static str,
    /// When it was trained.
    trained_at: Timestamp,
    /// Instances that it learned from.
    trained_on: usize,
    /// Words that it learned.
    vocabulary: usize,
    /// The two classes, the positive one last.
    classes: &'a [String; 2],
    /// Probability of the positive class from which that class is the prediction.
    threshold: f64,
    /// Features of its answers.
    features: Vec<FeatureView>,
    /// An instance to try.
    #[schema(value_type = Object)]
    example: &'a Instance,
}

/// A feature of an answer.
#[derive(Debug, Serialize, ToSchema)]
struct FeatureView {
    /// Its name.
    name: String,
    /// numeric or categorical.
    kind: &'static str,
}

impl<'a> ModelView<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        let feature = |(name, numeric): (String, bool)| FeatureView {
            name,
            kind: if numeric { "numeric" } else { "categorical" },
        };
        Self {
            name: &model.name,
            about: &model.about,
            method: "multinomial naive Bayes over a bag of words",
            trained_at: model.trained_at,
            trained_on: model.trained_on,
            vocabulary: model.vocabulary(),
            classes: &model.classes,
            threshold: model.threshold,
            features: model.columns().into_iter().map(feature).collect(),
            example: &model.example,
        }
    }
}

/// Whether the model API takes requests.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthView {
    /// ready.
    #[schema(example = "ready")]
    pub(super) status: &'static str,
}

/// What went wrong: a problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProblemView {
    /// The kind of problem in general.
    #[schema(example = "Unprocessable Entity")]
    pub(super) title: String,
    /// Status of the answer.
    #[schema(example = 422)]
    pub(super) status: u16,
    /// What went wrong this time.
    #[schema(example = "instance 3: the model has no field 'wings'")]
    pub(super) detail: String,
}
