//! The figures of performance by name: which are better high, and what they may be.

use leeway_sdk::{Direction, Metric};
use leeway_statistics::cbpe;
use serde::{Deserialize, Serialize};

/// A figure that is estimated and, where there are labels, realized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Figure {
    Accuracy,
    F1,
    Precision,
    Recall,
    Specificity,
    Auroc,
    Brier,
    Mae,
    Mse,
    Rmse,
}

/// Smallest change of a share that matters by default.
const SHARE_EFFECT_MIN: f64 = 0.01;
/// The same of the Brier score, whose whole range is seldom used.
const BRIER_EFFECT_MIN: f64 = 0.005;
/// Smallest change of an error that matters by default, relative to the reference.
const ERROR_EFFECT_MIN: f64 = 0.05;

impl Figure {
    pub(crate) const ALL: [Self; 10] = [
        Self::Accuracy,
        Self::F1,
        Self::Precision,
        Self::Recall,
        Self::Specificity,
        Self::Auroc,
        Self::Brier,
        Self::Mae,
        Self::Mse,
        Self::Rmse,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::F1 => "f1",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Specificity => "specificity",
            Self::Auroc => "auroc",
            Self::Brier => "brier",
            Self::Mae => "mae",
            Self::Mse => "mse",
            Self::Rmse => "rmse",
        }
    }

    /// Of a classifier: what the mathematics calls it.
    pub(crate) fn of_classifier(self) -> Option<cbpe::Metric> {
        Some(match self {
            Self::Accuracy => cbpe::Metric::Accuracy,
            Self::F1 => cbpe::Metric::F1,
            Self::Precision => cbpe::Metric::Precision,
            Self::Recall => cbpe::Metric::Recall,
            Self::Specificity => cbpe::Metric::Specificity,
            Self::Auroc => cbpe::Metric::Auroc,
            Self::Brier => cbpe::Metric::Brier,
            Self::Mae | Self::Mse | Self::Rmse => return None,
        })
    }

    /// Whether larger is worse.
    pub(crate) fn is_error(self) -> bool {
        matches!(self, Self::Brier | Self::Mae | Self::Mse | Self::Rmse)
    }

    /// Whether it lies in `[0, 1]`, and a change of it means the same everywhere.
    pub(crate) fn is_share(self) -> bool {
        self.of_classifier().is_some()
    }

    pub(crate) fn effect_min(self) -> f64 {
        match self {
            Self::Brier => BRIER_EFFECT_MIN,
            _ if self.is_share() => SHARE_EFFECT_MIN,
            _ => ERROR_EFFECT_MIN,
        }
    }

    /// The metrics `estimated_*` and `realized_*`.
    pub(crate) fn declared(self) -> [Metric; 2] {
        let what = match self {
            Self::Accuracy => "Share of rows that are predicted rightly",
            Self::F1 => "Harmonic mean of precision and recall",
            Self::Precision => "Share of positives among rows predicted as such",
            Self::Recall => "Share of positives that are predicted as such",
            Self::Specificity => "Share of negatives that are predicted as such",
            Self::Auroc => "Chance that a positive has a larger score than a negative",
            Self::Brier => "Mean squared difference of probability and outcome",
            Self::Mae => "Mean absolute error",
            Self::Mse => "Mean squared error",
            Self::Rmse => "Root of the mean squared error",
        };
        let unit = match self {
            Self::Mae | Self::Rmse => "unit of the label",
            Self::Mse => "squared unit of the label",
            _ => "",
        };
        [
            ("estimated", "estimated without labels"),
            ("realized", "of the rows that have labels"),
        ]
        .map(|(kind, how)| Metric {
            name: format!("{kind}_{}", self.name()),
            help: format!("{what}, {how}."),
            unit: unit.to_owned(),
            direction: if self.is_error() {
                Direction::HigherIsDrift
            } else {
                Direction::LowerIsDrift
            },
            minimum: Some(0.0),
            maximum: self.is_share().then_some(1.0),
            default_threshold: None,
        })
    }
}
