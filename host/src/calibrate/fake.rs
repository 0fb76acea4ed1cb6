//! Judges without a sandbox, for the tests of this module.

use std::sync::Arc;

use crate::domain::{ColumnKind, Measurement, Role, Verdict};
use crate::profile::Window;
use crate::runtime::{Baseline, Refusal, RunError, State};

use super::judge::{Judge, JudgeError, Learned, alarms};

/// A measurement with a verdict.
pub(super) fn measurement(column: Option<&str>, verdict: Verdict, row: Option<u64>) -> Measurement {
    Measurement {
        metric: "fake".into(),
        column: column.map(str::to_owned),
        value: 0.0,
        effect: None,
        p_value: None,
        p_adjusted: None,
        threshold: None,
        threshold_kind: None,
        reference_rows: 0,
        current_rows: 0,
        missing_share: 0.0,
        unseen_share: 0.0,
        verdict,
        row,
        detail: None,
        segment: None,
        began: None,
    }
}

/// Calls drift of a feature where its mean is so many standard errors away from the reference's.
pub(super) struct Means {
    pub(super) errors: f64,
    /// Windows of fewer rows have no verdict.
    pub(super) rows_min: u64,
    pub(super) fails: Fails,
}

/// Which calls give no answer.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fails {
    Never,
    Always,
    Stopped,
}

impl Means {
    pub(super) fn at(errors: f64) -> Self {
        Self {
            errors,
            rows_min: 0,
            fails: Fails::Never,
        }
    }

    fn call(&self) -> Result<(), JudgeError> {
        match self.fails {
            Fails::Never => Ok(()),
            Fails::Always => Err(RunError::Refused(Refusal::UnusableData("no".into())).into()),
            Fails::Stopped => Err(JudgeError::Stopped),
        }
    }
}

/// Mean and its squared standard error of each column.
fn moments(window: &Window) -> Vec<[f64; 2]> {
    let columns = window.profile().columns().iter();
    columns
        .map(|column| {
            let moments = column.distribution().unwrap().moments();
            [moments.mean, moments.variance() / column.values() as f64]
        })
        .collect()
}

impl Judge for Means {
    fn roles(&self) -> &[Role] {
        &[Role::Feature]
    }

    fn kinds(&self) -> &[ColumnKind] {
        &[ColumnKind::Numeric]
    }

    fn reads_rows(&self) -> bool {
        false
    }

    fn follows_rows(&self) -> bool {
        false
    }

    fn learn(&self, reference: &Window) -> Result<Learned, JudgeError> {
        self.call()?;
        let all = moments(reference).into_iter().flatten();
        let bytes = all.flat_map(f64::to_le_bytes).collect();
        let baseline = Baseline::new(bytes, reference.rows());
        Ok(Learned::Baseline(Arc::new(baseline)))
    }

    fn judge(&self, learned: &Learned, current: &Window) -> Result<Vec<Measurement>, JudgeError> {
        let Learned::Baseline(baseline) = learned else {
            panic!("a baseline")
        };
        let numbers = baseline.bytes().chunks(8);
        let numbers: Vec<f64> = numbers
            .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
            .collect();
        let judged = moments(current).into_iter().enumerate().map(|(at, now)| {
            let far = (now[0] - numbers[2 * at]).abs();
            let error = (now[1] + numbers[2 * at + 1]).sqrt();
            let verdict = if current.rows() < self.rows_min {
                Verdict::Insufficient
            } else if far > self.errors * error {
                Verdict::Drifted
            } else {
                Verdict::Stable
            };
            let name = &current.profile().schema().columns()[at].name;
            measurement(Some(name), verdict, None)
        });
        Ok(judged.collect())
    }
}

/// Follows one numeric feature, and alarms at every row above a bound.
pub(super) struct Bound(pub(super) f64);

impl Bound {
    fn above(&self, rows: &Window) -> Vec<Measurement> {
        let values = rows.numbers(0, 0, rows.kept_rows()).unwrap();
        let mut found = vec![measurement(Some("x"), Verdict::Stable, None)];
        for (row, value) in (0..).zip(values) {
            if *value > self.0 {
                found.push(measurement(Some("x"), Verdict::Drifted, Some(row)));
            }
        }
        found
    }
}

impl Judge for Bound {
    fn roles(&self) -> &[Role] {
        &[Role::Feature]
    }

    fn kinds(&self) -> &[ColumnKind] {
        &[ColumnKind::Numeric]
    }

    fn reads_rows(&self) -> bool {
        true
    }

    fn follows_rows(&self) -> bool {
        true
    }

    fn learn(&self, reference: &Window) -> Result<Learned, JudgeError> {
        Ok(Learned::Followed {
            state: Arc::new(State::default()),
            alarms: alarms(&self.above(reference)),
        })
    }

    fn judge(&self, _: &Learned, current: &Window) -> Result<Vec<Measurement>, JudgeError> {
        Ok(self.above(current))
    }
}
