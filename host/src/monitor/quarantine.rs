//! When a version has failed too often, and what happens then: it is taken out of use, with the reason.
//!
//! Counted are evaluations in a row of one version, over all its monitors, that ended in the version's own fault: it ran too long,
//! wanted too much, trapped, broke the contract, or answered what it may not. That it declines a configuration or data, and that
//! the database is away, is not its fault. Each host counts for itself, in memory; the first that comes to the number acts for all.
//! Detectors that come with the host are never taken out of use: nobody could bring another version, and models would be
//! without the monitors that they have from the start. They back off like any other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::version::{Action, Actor, DetectorState};
use crate::runtime::{ConfigError, Plugin, Refusal, RunError};
use crate::store::{Changed, StateChange};

use super::evaluate::{Evaluator, Verdict};
use super::watch::WatchError;

/// Failures in a row that take a version out of use where nothing else is said.
pub const QUARANTINE_AFTER: u32 = 10;
/// Versions whose failures are counted.
const VERSIONS_MAX: usize = 1_000;

/// Failures in a row, by version.
#[derive(Debug)]
pub(super) struct Faults {
    /// 0: no version is ever taken out of use.
    after: u32,
    counted: Mutex<HashMap<String, u32>>,
}

impl Faults {
    pub(super) fn new(after: u32) -> Self {
        Self {
            after,
            counted: Mutex::default(),
        }
    }

    /// An evaluation of a version ended in its own fault: how many in a row that makes, if they are enough.
    fn add(&self, version: &str) -> Option<u32> {
        if self.after == 0 {
            return None;
        }
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= VERSIONS_MAX && !counted.contains_key(version) {
            counted.clear(); // They are counted anew.
        }
        let failures = counted.entry(version.to_owned()).or_default();
        *failures += 1;
        let enough = *failures >= self.after;
        let failures = *failures;
        if enough {
            counted.remove(version);
        }
        enough.then_some(failures)
    }

    /// An evaluation of a version succeeded.
    fn clear(&self, version: &str) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.remove(version);
    }
}

/// Whether a call that failed is the detector's own fault.
pub(super) fn is_fault(error: &RunError) -> bool {
    match error {
        RunError::Refused(
            Refusal::InvalidConfig(_) | Refusal::UnusableData(_) | Refusal::UnusableBaseline(_),
        )
        | RunError::Busy => false,
        RunError::Refused(Refusal::Internal(_))
        | RunError::Deadline { .. }
        | RunError::Memory { .. }
        | RunError::Tables { .. }
        | RunError::DoesNotFit(_)
        | RunError::StackOverflow
        | RunError::Panicked { .. }
        | RunError::Trapped { .. }
        | RunError::Boundary(_)
        | RunError::OutputTooLarge { .. }
        | RunError::LogFlood { .. }
        | RunError::Untrusted(_) => true,
    }
}

/// The same of a configuration that was not taken.
pub(super) fn is_fault_of_config(error: &ConfigError) -> bool {
    matches!(error, ConfigError::Guest { source, .. } if is_fault(source))
}

impl Evaluator {
    /// Notes what came of an evaluation by a version, and takes the version out of use if it has failed too often.
    pub(super) async fn note(&self, plugin: &Plugin, verdict: &Verdict) -> Result<(), WatchError> {
        let version = plugin.digest().to_string();
        if !verdict.fault {
            if verdict.reason.is_none() {
                self.faults.clear(&version);
            }
            return Ok(());
        }
        let descriptor = plugin.descriptor();
        let builtin = self.detectors.find_builtin(&descriptor.name);
        if builtin.is_some_and(|builtin| builtin.digest() == plugin.digest()) {
            return Ok(());
        }
        let Some(failures) = self.faults.add(&version) else {
            return Ok(());
        };
        let last = verdict.reason.as_deref().unwrap_or_default();
        let reason = format!("{failures} evaluations in a row failed, the last one so: {last}");
        let change = StateChange {
            name: &descriptor.name,
            version: &descriptor.version,
            from: &[
                DetectorState::Certified,
                DetectorState::Active,
                DetectorState::Shadow,
                DetectorState::Retired,
            ],
            to: DetectorState::Quarantined,
            reason: Some(&reason),
            action: Action::Quarantine,
            actor: &Actor::host(),
        };
        let changed = self
            .store
            .set_detector_state(&change, self.clock.now())
            .await?;
        if matches!(changed, Changed::Done { .. }) {
            tracing::warn!(
                detector = descriptor.full_name(),
                reason,
                "a detector was taken out of use"
            );
        }
        self.detectors.follow(&self.store).await?;
        self.tell_versions();
        Ok(())
    }

    /// Tells the sink which versions there are, and which of them are taken out of use.
    pub(super) fn tell_versions(&self) {
        let live = self.detectors.live();
        let versions: Vec<(String, bool)> = live
            .all()
            .map(|one| (one.full_name(), one.state == DetectorState::Quarantined))
            .collect();
        self.sink.versions(&versions);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::runtime::Violation;

    #[test]
    fn only_failures_in_a_row_count_and_each_version_for_itself() {
        let faults = Faults::new(3);
        let add = |version| faults.add(version);
        assert_eq!([add("a"), add("b"), add("a")], [None, None, None]);
        faults.clear("a");
        assert_eq!([add("a"), add("a"), add("a")], [None, None, Some(3)]);
        assert_eq!(add("a"), None, "it begins anew");
        assert_eq!([add("b"), add("b")], [None, Some(3)]);
    }

    #[test]
    fn nothing_is_counted_where_no_number_is_set_and_one_is_a_number() {
        let never = Faults::new(0);
        assert!((0..100).all(|_| never.add("a").is_none()));
        assert_eq!(Faults::new(1).add("a"), Some(1));
    }

    #[test]
    fn the_versions_that_are_counted_are_bounded() {
        let faults = Faults::new(2);
        for number in 0..3 * VERSIONS_MAX {
            faults.add(&number.to_string());
        }
        assert!(faults.counted.lock().unwrap().len() <= VERSIONS_MAX);
    }

    #[test]
    fn what_a_detector_declines_is_not_its_fault_and_what_it_breaks_is() {
        let text = String::new;
        for fault in [
            RunError::Deadline {
                limit: Duration::from_secs(1),
            },
            RunError::Memory {
                wanted: 2,
                limit: 1,
            },
            RunError::Trapped { trap: text() },
            RunError::Untrusted(Violation::UndeclaredMetric(text())),
            RunError::Boundary(text()),
            RunError::Refused(Refusal::Internal(text())),
        ] {
            assert!(is_fault(&fault), "{fault}");
        }
        for other in [
            RunError::Busy,
            RunError::Refused(Refusal::InvalidConfig(text())),
            RunError::Refused(Refusal::UnusableData(text())),
            RunError::Refused(Refusal::UnusableBaseline(text())),
        ] {
            assert!(!is_fault(&other), "{other}");
        }
    }
}
