//! How much of what a detector writes is stored: so many bytes an hour, whatever the number of its evaluations.
//!
//! A call's own limits bound one log; a detector that fills it at every evaluation would still fill a database.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::record::EvaluationRecord;

/// Bytes of log of one detector (`name@version`) that a host stores in an hour of the clock.
pub const LOG_BYTES_PER_HOUR_MAX: usize = 1 << 20;
/// Detectors that are remembered; beyond it all begin anew.
const DETECTORS_MAX: usize = 10_000;

/// What was stored in the present hour.
#[derive(Debug, Default)]
pub(super) struct LogBudget {
    /// By detector: the hour, and bytes stored in it.
    stored: Mutex<HashMap<String, (i64, usize)>>,
}

impl LogBudget {
    /// Cuts the log of an evaluation to what its detector may still write, with a line that says so.
    pub(super) fn hold(&self, record: &mut EvaluationRecord) {
        if record.log.is_empty() {
            return;
        }
        let hour = record.evaluated_at.as_second().div_euclid(3_600);
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if stored.len() >= DETECTORS_MAX && !stored.contains_key(&record.detector) {
            stored.clear();
        }
        let entry = stored.entry(record.detector.clone()).or_insert((hour, 0));
        if entry.0 != hour {
            *entry = (hour, 0);
        }
        let lines = record.log.len();
        let mut left = LOG_BYTES_PER_HOUR_MAX - entry.1;
        record.log.retain(|line| {
            let fits = line.len() <= left;
            left = if fits { left - line.len() } else { 0 };
            fits
        });
        entry.1 = LOG_BYTES_PER_HOUR_MAX - left;
        let cut = lines - record.log.len();
        if cut > 0 {
            record.log.push(format!(
                "({cut} lines were left out: {} has written what is stored in an hour)",
                record.detector
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::DriftKind;
    use crate::domain::record::{Cause, Outcome};

    fn record(detector: &str, at: i64, lines: usize, bytes: usize) -> EvaluationRecord {
        EvaluationRecord {
            evaluation_no: 0,
            model_id: "m".into(),
            monitor: "o".into(),
            detector: detector.into(),
            kind: DriftKind::Data,
            digest: String::new(),
            cause: Cause::Data,
            shadow: false,
            outcome: Outcome::Judged,
            reason: None,
            evaluated_at: Timestamp::from_second(at).unwrap(),
            window_from: None,
            window_to: None,
            reference_rows: 0,
            current_rows: 0,
            labelled_rows: 0,
            duration_seconds: 0.0,
            measurements: Vec::new(),
            log: vec!["x".repeat(bytes); lines],
        }
    }

    #[test]
    fn a_detector_that_writes_for_ever_is_stored_up_to_its_budget_of_the_hour() {
        let budget = LogBudget::default();
        let kept = |detector: &str, at: i64| {
            let mut record = record(detector, at, 4, LOG_BYTES_PER_HOUR_MAX / 8);
            budget.hold(&mut record);
            record.log
        };
        assert_eq!(kept("a@1.0.0", 0).len(), 4);
        assert_eq!(kept("a@1.0.0", 1).len(), 4, "exactly as much as it may");
        assert_eq!(
            kept("a@1.0.0", 3_599),
            ["(4 lines were left out: a@1.0.0 has written what is stored in an hour)"]
        );
        assert_eq!(
            kept("b@1.0.0", 3_599).len(),
            4,
            "another one's budget is its own"
        );
        assert_eq!(kept("a@1.0.0", 3_600).len(), 4, "another hour");
    }
}
