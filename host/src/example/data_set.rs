//! The rows of an example, and which of them stand for which time.

use serde::{Deserialize, Serialize};

use serde_json::Value;

use crate::model_api::{Input, Instance};

/// An instance and its truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) instance: Instance,
    /// Whether its class is the positive one.
    pub(super) label: bool,
}

/// Everything that differs between the examples.
#[derive(Debug)]
pub(super) struct DataSet {
    pub(super) name: &'static str,
    /// What its model says, in a sentence.
    pub(super) about: &'static str,
    /// The two classes, the positive one last.
    pub(super) classes: [&'static str; 2],
    pub(super) input: Input,
    /// What the model learns from.
    pub(super) training: Vec<Row>,
    /// The world as it was: reference, and production without drift. None of it was trained on.
    pub(super) normal: Vec<Row>,
    /// What comes in where the features drift.
    pub(super) shifted: Vec<Row>,
    /// Whether the truth of a shifted row is a matter of who labels it: neither class fits.
    pub(super) shifted_labels_open: bool,
    /// Share of the positive class where the classes drift.
    pub(super) prior_share: f64,
    /// The feature that is a text. A text can be known again: none of the reference's comes in production, and a row that
    /// comes again comes without it.
    pub(super) text: Option<&'static str>,
    /// Monitors that the models have beside the default ones, or in place of those of the same name.
    pub(super) monitors: Vec<(&'static str, Value)>,
    /// What each kind of drift is here, in words: data, prior, concept.
    pub(super) shifts: [&'static str; 3],
}
