//! What the detector reports, and from where on it matters.

use leeway_sdk::{Direction, Metric};
use serde::{Deserialize, Serialize};

/// One thing that is watched. Its name is also its metric's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    MissingShare,
    NonFiniteShare,
    UnseenShare,
    OutOfRangeShare,
    DuplicateShare,
    NewColumns,
    LostColumns,
    TypeChanges,
    VolumeChange,
    StaleSeconds,
}

impl Check {
    pub(crate) const ALL: [Self; 10] = [
        Self::MissingShare,
        Self::NonFiniteShare,
        Self::UnseenShare,
        Self::OutOfRangeShare,
        Self::DuplicateShare,
        Self::NewColumns,
        Self::LostColumns,
        Self::TypeChanges,
        Self::VolumeChange,
        Self::StaleSeconds,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MissingShare => "missing_share",
            Self::NonFiniteShare => "non_finite_share",
            Self::UnseenShare => "unseen_share",
            Self::OutOfRangeShare => "out_of_range_share",
            Self::DuplicateShare => "duplicate_share",
            Self::NewColumns => "new_columns",
            Self::LostColumns => "lost_columns",
            Self::TypeChanges => "type_changes",
            Self::VolumeChange => "volume_change",
            Self::StaleSeconds => "stale_seconds",
        }
    }

    /// Effects below this do not matter: one row in a hundred, half or twice the rows a second; any infinite number does.
    pub(crate) fn effect_min(self) -> f64 {
        match self {
            Self::MissingShare
            | Self::UnseenShare
            | Self::OutOfRangeShare
            | Self::DuplicateShare => 0.01,
            Self::VolumeChange => 1.0,
            _ => 0.0,
        }
    }

    fn metric(self) -> Metric {
        let (help, unit, maximum) = match self {
            Self::MissingShare => ("Share of rows without a value.", "", Some(1.0)),
            Self::NonFiniteShare => ("Share of rows whose number is infinite.", "", Some(1.0)),
            Self::UnseenShare => (
                "Share of rows with a category that the reference never had.",
                "",
                Some(1.0),
            ),
            Self::OutOfRangeShare => (
                "Share of rows with a number below or above the reference's range.",
                "",
                Some(1.0),
            ),
            Self::DuplicateShare => (
                "Share of rows that repeat another one in every column.",
                "",
                Some(1.0),
            ),
            Self::NewColumns => ("Columns that the reference did not have.", "columns", None),
            Self::LostColumns => ("Columns that only the reference has.", "columns", None),
            Self::TypeChanges => (
                "Columns of another kind, or vectors of another length, than in the reference.",
                "columns",
                None,
            ),
            Self::VolumeChange => (
                "Rows a second against the reference: how often they doubled or halved.",
                "doublings",
                None,
            ),
            Self::StaleSeconds => (
                "How much older the last row is than the reference's last row; 0 if it is newer.",
                "seconds",
                None,
            ),
        };
        Metric {
            name: self.name().to_owned(),
            help: help.to_owned(),
            unit: unit.to_owned(),
            direction: Direction::HigherIsDrift,
            minimum: Some(0.0),
            maximum,
            default_threshold: None,
        }
    }
}

pub(crate) fn all() -> Vec<Metric> {
    Check::ALL.into_iter().map(Check::metric).collect()
}
