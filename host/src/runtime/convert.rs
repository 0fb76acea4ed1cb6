//! Turns the types of the contract into those of the domain, and windows' errors the other way.

use crate::domain::{self, Measurement};
use crate::profile::{AccessError, WindowColumn};

use super::bindings::{types, windows};
use super::error::Refusal;
use super::text::{plain, plain_up_to};
use super::verify::Raw;

impl From<AccessError> for windows::AccessError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NoSuchColumn(column) => Self::NoSuchColumn(column),
            AccessError::WrongKind(what) => Self::WrongKind(what),
            AccessError::OutOfRange(end) => Self::OutOfRange(end),
            AccessError::NoRows => Self::NoRows,
            AccessError::InvalidArgument(what) => Self::InvalidArgument(what),
        }
    }
}

impl From<types::Failure> for Refusal {
    fn from(failure: types::Failure) -> Self {
        match failure {
            types::Failure::InvalidConfig(why) => Self::InvalidConfig(plain(&why)),
            types::Failure::UnusableData(why) => Self::UnusableData(plain(&why)),
            types::Failure::UnusableBaseline(why) => Self::UnusableBaseline(plain(&why)),
            types::Failure::Internal(why) => Self::Internal(plain(&why)),
        }
    }
}

/// Pairs of variants of the same meaning.
macro_rules! same_variants {
    ($from:ty => $to:ty { $($variant:ident),+ }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value { $(<$from>::$variant => Self::$variant),+ }
            }
        }
    };
}

same_variants!(types::ColumnKind => domain::ColumnKind { Numeric, Categorical, Embedding });
same_variants!(domain::ColumnKind => types::ColumnKind { Numeric, Categorical, Embedding });
same_variants!(types::Role => domain::Role { Feature, Prediction, Probability, Label, Error, Residual, AbsoluteResidual, Brier });
same_variants!(domain::Role => types::Role { Feature, Prediction, Probability, Label, Error, Residual, AbsoluteResidual, Brier });
same_variants!(types::DriftKind => domain::DriftKind { Data, Prior, Concept });
same_variants!(types::Needs => domain::Needs { Profiles, Rows });
same_variants!(types::Direction => domain::Direction { HigherIsDrift, LowerIsDrift, TwoSided, Informational });
same_variants!(types::Verdict => domain::Verdict { Stable, Drifted, Insufficient, Constant, Failed });
same_variants!(types::ThresholdKind => domain::ThresholdKind { Calibrated, Floor, Fixed });

impl From<types::Metric> for domain::Metric {
    fn from(metric: types::Metric) -> Self {
        Self {
            name: metric.name,
            help: plain_up_to(usize::MAX, &metric.help),
            unit: plain_up_to(usize::MAX, &metric.unit),
            direction: metric.direction.into(),
            minimum: metric.minimum,
            maximum: metric.maximum,
            default_threshold: metric.default_threshold,
        }
    }
}

impl From<types::Descriptor> for domain::Descriptor {
    fn from(descriptor: types::Descriptor) -> Self {
        Self {
            name: descriptor.name,
            version: descriptor.version,
            summary: plain_up_to(usize::MAX, &descriptor.summary),
            kind: descriptor.kind.into(),
            accepts: descriptor.accepts.into_iter().map(Into::into).collect(),
            roles: descriptor.roles.into_iter().map(Into::into).collect(),
            needs: descriptor.needs.into(),
            rows_min: descriptor.rows_min,
            metrics: descriptor.metrics.into_iter().map(Into::into).collect(),
            config_schema: descriptor.config_schema,
            state_format: descriptor.state_format,
        }
    }
}

impl From<types::Measurement> for Raw {
    fn from(raw: types::Measurement) -> Self {
        let measurement = Measurement {
            metric: raw.metric,
            column: raw.column,
            value: raw.value,
            effect: raw.effect,
            p_value: raw.p_value,
            p_adjusted: raw.p_adjusted,
            threshold: raw.threshold,
            threshold_kind: raw.threshold_kind.map(Into::into),
            reference_rows: raw.reference_rows,
            current_rows: raw.current_rows,
            missing_share: raw.missing_share,
            unseen_share: raw.unseen_share,
            verdict: raw.verdict.into(),
            row: raw.row,
            detail: None,
            segment: None,
            began: None,
        };
        Self {
            measurement,
            detail: raw.detail,
        }
    }
}

impl From<WindowColumn> for types::Column {
    fn from(column: WindowColumn) -> Self {
        Self {
            name: column.name,
            role: column.role.into(),
            kind: column.kind.into(),
            rows: column.rows,
            missing: column.missing,
            non_finite: column.non_finite,
            exact: column.exact,
            rank_error: column.rank_error,
            dimension: column.dimension,
        }
    }
}
