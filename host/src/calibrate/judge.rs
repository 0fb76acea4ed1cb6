//! Who judges windows: a detector as a calibration uses it, and what a window's answer comes to.

use std::sync::Arc;

use crate::domain::{ColumnKind, Measurement, Needs, Role, Verdict};
use crate::profile::Window;
use crate::runtime::{Baseline, Detector, RunError, State};

use super::error::CalibrateError;

/// What a detector knows of a reference. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Learned {
    /// Of one that compares windows.
    Baseline(Arc<Baseline>),
    /// Of one that follows rows: where it stands, and how often it alarmed on the way.
    Followed {
        /// After the last row.
        state: Arc<State>,
        /// Rows at which it found a change.
        alarms: u64,
    },
}

impl Learned {
    pub(super) fn alarms(&self) -> u64 {
        match self {
            Self::Baseline(_) => 0,
            Self::Followed { alarms, .. } => *alarms,
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JudgeError {
    /// The detector gave none.
    #[error(transparent)]
    Run(#[from] RunError),
    /// No more calls.
    #[error("no more calls are taken")]
    Stopped,
}

/// An answer, or why the detector gave none; what stops all calls stops the calibration.
pub(super) fn answered<T>(
    result: Result<T, JudgeError>,
) -> Result<Result<T, String>, CalibrateError> {
    match result {
        Ok(answer) => Ok(Ok(answer)),
        Err(JudgeError::Run(error)) => Ok(Err(error.to_string())),
        Err(JudgeError::Stopped) => Err(CalibrateError::Stopped),
    }
}

/// A detector with its configuration and seed. Calls block.
pub trait Judge: Sync {
    /// Roles of the columns that it takes.
    fn roles(&self) -> &[Role];
    /// Kinds of the columns that it takes.
    fn kinds(&self) -> &[ColumnKind];
    /// Whether it reads rows rather than profiles.
    fn reads_rows(&self) -> bool;
    /// Whether it follows rows rather than compare windows.
    fn follows_rows(&self) -> bool;
    /// Learns from reference rows, or follows them from the first one on.
    fn learn(&self, reference: &Window) -> Result<Learned, JudgeError>;
    /// Judges a window, or follows further rows.
    fn judge(&self, learned: &Learned, current: &Window) -> Result<Vec<Measurement>, JudgeError>;
}

impl Judge for Detector {
    fn roles(&self) -> &[Role] {
        &self.plugin().descriptor().roles
    }

    fn kinds(&self) -> &[ColumnKind] {
        &self.plugin().descriptor().accepts
    }

    fn reads_rows(&self) -> bool {
        self.follows_rows() || self.plugin().descriptor().needs == Needs::Rows
    }

    fn follows_rows(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    fn learn(&self, reference: &Window) -> Result<Learned, JudgeError> {
        Ok(match self {
            Self::Batch(batch) => Learned::Baseline(Arc::new(batch.fit(reference)?)),
            Self::Stream(stream) => {
                let updated = stream.update(&State::default(), reference)?;
                Learned::Followed {
                    alarms: alarms(&updated.measurements),
                    state: Arc::new(updated.state),
                }
            }
        })
    }

    fn judge(&self, learned: &Learned, current: &Window) -> Result<Vec<Measurement>, JudgeError> {
        Ok(match (self, learned) {
            (Self::Batch(batch), Learned::Baseline(baseline)) => {
                batch.evaluate(baseline, current)?.measurements
            }
            (Self::Stream(stream), Learned::Followed { state, .. }) => {
                stream.update(state, current)?.measurements
            }
            // What one kind learned is never handed to the other.
            _ => Vec::new(),
        })
    }
}

/// Rows at which a stream's measurements tell of a change.
pub fn alarms(measurements: &[Measurement]) -> u64 {
    let alarms = measurements
        .iter()
        .filter(|one| one.verdict == Verdict::Drifted && one.row.is_some());
    alarms.count() as u64
}

/// What a window came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// Something drifted.
    Alarm,
    /// There was a verdict, and nothing drifted.
    Quiet,
    /// No verdict: too few values.
    Undecided,
    /// No answer.
    Failed(String),
}

impl Said {
    /// Of a window as a whole; or of one column, where what is said of no column in particular counts, too. Of a
    /// stream the findings at rows count: its standing may be that of rows before.
    pub(super) fn of(
        measurements: &[Measurement],
        about: Option<&str>,
        follows_rows: bool,
    ) -> Self {
        let counts = |one: &&Measurement| match (about, one.column.as_deref()) {
            (Some(about), Some(column)) => about == column,
            _ => true,
        };
        let mut counted = measurements.iter().filter(counts);
        let alarm = |one: &Measurement| {
            one.verdict == Verdict::Drifted && (one.row.is_some() || !follows_rows)
        };
        if counted.clone().any(alarm) {
            return Self::Alarm;
        }
        let judged = |one: &Measurement| {
            matches!(
                one.verdict,
                Verdict::Stable | Verdict::Constant | Verdict::Drifted
            )
        };
        if counted.any(judged) {
            Self::Quiet
        } else {
            Self::Undecided
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::measurement;
    use super::*;

    #[test]
    fn what_is_said_of_other_columns_does_not_count() {
        let all = [
            measurement(Some("a"), Verdict::Drifted, None),
            measurement(Some("b"), Verdict::Stable, None),
            measurement(Some("c"), Verdict::Insufficient, None),
        ];
        assert_eq!(Said::of(&all, None, false), Said::Alarm);
        assert_eq!(Said::of(&all, Some("a"), false), Said::Alarm);
        assert_eq!(Said::of(&all, Some("b"), false), Said::Quiet);
        assert_eq!(Said::of(&all, Some("c"), false), Said::Undecided);
        let whole = [measurement(None, Verdict::Drifted, None)];
        assert_eq!(Said::of(&whole, Some("b"), false), Said::Alarm);
    }

    #[test]
    fn of_a_stream_the_findings_at_rows_count() {
        let standing = measurement(Some("a"), Verdict::Drifted, None);
        let found = measurement(Some("a"), Verdict::Drifted, Some(3));
        assert_eq!(
            Said::of(std::slice::from_ref(&standing), None, true),
            Said::Quiet
        );
        assert_eq!(Said::of(&[standing, found], None, true), Said::Alarm);
    }
}
