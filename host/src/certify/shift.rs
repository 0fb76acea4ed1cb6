//! The drift that a detector should see, and how large it is.

use crate::domain::ModelType;

/// A change of the rows of a scene. The default changes nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    /// Of the mean of `amount`, in standard deviations.
    pub(super) mean: f64,
    /// Factor of the standard deviation of `amount`.
    pub(super) spread: f64,
    /// Share of `amount` that goes missing.
    pub(super) missing: f64,
    /// Share of `channel` that goes from its first name to its second.
    pub(super) share: f64,
    /// Of every component of `text`, in standard deviations.
    pub(super) vectors: f64,
    /// Of the score behind predictions, in standard deviations.
    pub(super) scores: f64,
    /// Further share of wrong predictions of a classifier.
    pub(super) errors: f64,
    /// Of the mean residual, in standard deviations.
    pub(super) residual: f64,
    /// Factor of the standard deviation of the residual.
    pub(super) residual_spread: f64,
}

impl Default for Shift {
    fn default() -> Self {
        Self {
            mean: 0.0,
            spread: 1.0,
            missing: 0.0,
            share: 0.0,
            vectors: 0.0,
            scores: 0.0,
            errors: 0.0,
            residual: 0.0,
            residual_spread: 1.0,
        }
    }
}

/// A shift under the name that the report card has for it.
pub(super) struct Known {
    pub(super) name: &'static str,
    /// The model it is of; both where absent.
    pub(super) model: Option<ModelType>,
    /// The columns in which it shows.
    pub(super) columns: &'static [&'static str],
    pub(super) shift: Shift,
}

/// Every shift of the battery.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn battery() -> Vec<Known> {
    let known = |name, model, columns, shift| Known {
        name,
        model,
        columns,
        shift,
    };
    let usual = Shift::default();
    let (classifier, regressor) = (Some(ModelType::Classifier), Some(ModelType::Regressor));
    let of_errors: &[&str] = &["error", "brier"];
    let of_residuals: &[&str] = &["residual", "absolute_residual"];
    let answers: &[&str] = &["prediction", "probability", "label"];
    vec![
        known(
            "mean +0.25 sd",
            None,
            &["amount"],
            Shift {
                mean: 0.25,
                ..usual
            },
        ),
        known(
            "mean +0.5 sd",
            None,
            &["amount"],
            Shift { mean: 0.5, ..usual },
        ),
        known(
            "spread x1.5",
            None,
            &["amount"],
            Shift {
                spread: 1.5,
                ..usual
            },
        ),
        known(
            "missing +5 points",
            None,
            &["amount"],
            Shift {
                missing: 0.05,
                ..usual
            },
        ),
        known(
            "a category +10 points",
            None,
            &["channel"],
            Shift {
                share: 0.1,
                ..usual
            },
        ),
        known(
            "vectors +0.5 sd",
            None,
            &["text"],
            Shift {
                vectors: 0.5,
                ..usual
            },
        ),
        known(
            "scores +0.25 sd",
            classifier,
            answers,
            Shift {
                scores: 0.25,
                ..usual
            },
        ),
        known(
            "errors +5 points",
            classifier,
            of_errors,
            Shift {
                errors: 0.05,
                ..usual
            },
        ),
        known(
            "errors +10 points",
            classifier,
            of_errors,
            Shift {
                errors: 0.1,
                ..usual
            },
        ),
        known(
            "predictions +0.25 sd",
            regressor,
            answers,
            Shift {
                scores: 0.25,
                ..usual
            },
        ),
        known(
            "residuals +0.25 sd",
            regressor,
            of_residuals,
            Shift {
                residual: 0.25,
                ..usual
            },
        ),
        known(
            "residuals +0.5 sd",
            regressor,
            of_residuals,
            Shift {
                residual: 0.5,
                ..usual
            },
        ),
        known(
            "residual spread x1.5",
            regressor,
            of_residuals,
            Shift {
                residual_spread: 1.5,
                ..usual
            },
        ),
    ]
}
