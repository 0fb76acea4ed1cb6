//! The tests there are: what each is called, what it takes, and when its effect matters.

use leeway_sdk::{Direction, Metric};
use serde::{Deserialize, Serialize};

/// One way to compare two windows of a column. Its name is also its metric's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Kolmogorov-Smirnov: largest distance of the two distribution functions.
    Ks,
    /// First Wasserstein distance, in the column's unit.
    Wasserstein,
    /// Two-sample Cramér-von Mises.
    CramerVonMises,
    /// Difference of the means (Welch).
    MeanShift,
    /// Population stability index over bins or categories.
    Psi,
    /// Jensen-Shannon distance over bins or categories.
    JensenShannon,
    /// Hellinger distance over bins or categories.
    Hellinger,
    /// Largest difference of a share over bins or categories.
    LInfinity,
    /// Chi-square of homogeneity over bins or categories.
    ChiSquare,
}

impl Test {
    /// Every test, in the order of their declaration.
    pub const ALL: [Self; 9] = [
        Self::Ks,
        Self::Wasserstein,
        Self::CramerVonMises,
        Self::MeanShift,
        Self::Psi,
        Self::JensenShannon,
        Self::Hellinger,
        Self::LInfinity,
        Self::ChiSquare,
    ];

    /// Its name in configurations and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ks => "ks",
            Self::Wasserstein => "wasserstein",
            Self::CramerVonMises => "cramer_von_mises",
            Self::MeanShift => "mean_shift",
            Self::Psi => "psi",
            Self::JensenShannon => "jensen_shannon",
            Self::Hellinger => "hellinger",
            Self::LInfinity => "l_infinity",
            Self::ChiSquare => "chi_square",
        }
    }

    /// Whether it works on counts, of bins or of categories; the others need numbers.
    pub fn counts(self) -> bool {
        matches!(
            self,
            Self::Psi | Self::JensenShannon | Self::Hellinger | Self::LInfinity | Self::ChiSquare
        )
    }

    /// Effects below this do not matter, however sure they are: about what a shift of an eighth of
    /// a standard deviation, or of two to three rows in a hundred, brings about.
    pub fn effect_min(self) -> f64 {
        match self {
            Self::Ks | Self::JensenShannon | Self::Hellinger => 0.05,
            Self::Wasserstein | Self::MeanShift => 0.1,
            Self::CramerVonMises => 0.001,
            Self::Psi | Self::LInfinity => 0.02,
            Self::ChiSquare => 0.03,
        }
    }

    /// The largest effect there is.
    pub(crate) fn effect_max(self) -> f64 {
        match self {
            Self::Ks | Self::Hellinger | Self::LInfinity | Self::ChiSquare => 1.0,
            Self::JensenShannon => JENSEN_SHANNON_MAX,
            Self::CramerVonMises => 1.0 / 3.0, // Of disjoint windows.
            Self::Wasserstein | Self::MeanShift | Self::Psi => f64::MAX,
        }
    }

    /// How the metric is declared.
    pub fn metric(self) -> Metric {
        let (help, maximum) = match self {
            Self::Ks => (
                "Kolmogorov-Smirnov statistic: largest distance of the distribution functions.",
                Some(1.0),
            ),
            Self::Wasserstein => (
                "First Wasserstein distance, in the column's unit; the effect is over the reference's standard deviation.",
                None,
            ),
            Self::CramerVonMises => (
                "Two-sample Cramér-von Mises statistic T; the effect is the mean squared distance of the distribution functions.",
                None,
            ),
            Self::MeanShift => (
                "Absolute difference of the means, in the column's unit; the effect is over the reference's standard deviation.",
                None,
            ),
            Self::Psi => (
                "Population stability index over the reference's quantile bins, or over categories.",
                None,
            ),
            Self::JensenShannon => (
                "Jensen-Shannon distance (natural logarithm) over the reference's quantile bins, or over categories.",
                Some(JENSEN_SHANNON_MAX),
            ),
            Self::Hellinger => (
                "Hellinger distance over the reference's quantile bins, or over categories.",
                Some(1.0),
            ),
            Self::LInfinity => (
                "Largest difference of a bin's or category's share.",
                Some(1.0),
            ),
            Self::ChiSquare => (
                "Chi-square statistic of homogeneity over categories or bins; the effect is Cramér's V.",
                None,
            ),
        };
        declare(self.name(), help, maximum)
    }
}

/// The Jensen-Shannon distance of disjoint windows, `sqrt(ln 2)`.
const JENSEN_SHANNON_MAX: f64 = 0.832_554_611_157_697_8;

/// A metric that starts at 0 and grows with drift.
pub(crate) fn declare(name: &str, help: &str, maximum: Option<f64>) -> Metric {
    Metric {
        name: name.to_owned(),
        help: help.to_owned(),
        unit: String::new(),
        direction: Direction::HigherIsDrift,
        minimum: Some(0.0),
        maximum,
        default_threshold: None,
    }
}

/// The metric of a change in the share of missing values.
pub(crate) const MISSING: &str = "missing";
/// Changes of the missing share below this do not matter.
pub(crate) const MISSING_EFFECT_MIN: f64 = 0.01;
/// The metric of the share of columns that drifted.
pub(crate) const DRIFTED_SHARE: &str = "drifted_share";
