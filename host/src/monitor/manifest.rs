//! The limits of an uploaded detector: as its team asks for, never above what the host allows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::runtime::Limits;

/// What one call may use, where the team asks for less than the host allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Wall time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Bytes of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Bytes handed to the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// Measurements of an evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurements: Option<u64>,
    /// Lines of log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<u64>,
    /// Bytes of log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
}

/// A limit that no detector can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}; it can be 1 to {most}")]
pub struct BadLimit {
    /// Which one.
    pub field: &'static str,
    /// What was asked for.
    pub value: u64,
    /// What the host allows.
    pub most: u64,
}

impl Manifest {
    /// Holds every limit against what the host allows.
    ///
    /// # Errors
    /// The first one that is 0 or above it.
    pub fn check(&self, ceiling: &Limits) -> Result<(), BadLimit> {
        for (field, asked, most) in self.fields(ceiling) {
            if let Some(value) = asked.filter(|value| !(1..=most).contains(value)) {
                return Err(BadLimit { field, value, most });
            }
        }
        Ok(())
    }

    /// The limits of a call. What the host allows now may be less than what it allowed when the detector came.
    pub fn limits(&self, ceiling: &Limits) -> Limits {
        let bytes = |asked: Option<u64>, most: usize| {
            asked.map_or(most, |asked| {
                usize::try_from(asked).unwrap_or(usize::MAX).min(most)
            })
        };
        Limits {
            deadline: self.deadline_ms.map_or(ceiling.deadline, |asked| {
                Duration::from_millis(asked).min(ceiling.deadline)
            }),
            memory_bytes_max: bytes(self.memory_bytes, ceiling.memory_bytes_max),
            output_bytes_max: bytes(self.output_bytes, ceiling.output_bytes_max),
            measurements_max: bytes(self.measurements, ceiling.measurements_max),
            log_lines_max: bytes(self.log_lines, ceiling.log_lines_max),
            log_bytes_max: bytes(self.log_bytes, ceiling.log_bytes_max),
            ..*ceiling
        }
    }

    fn fields(&self, ceiling: &Limits) -> [(&'static str, Option<u64>, u64); 6] {
        let deadline = u64::try_from(ceiling.deadline.as_millis()).unwrap_or(u64::MAX);
        [
            ("deadline_ms", self.deadline_ms, deadline),
            (
                "memory_bytes",
                self.memory_bytes,
                ceiling.memory_bytes_max as u64,
            ),
            (
                "output_bytes",
                self.output_bytes,
                ceiling.output_bytes_max as u64,
            ),
            (
                "measurements",
                self.measurements,
                ceiling.measurements_max as u64,
            ),
            ("log_lines", self.log_lines, ceiling.log_lines_max as u64),
            ("log_bytes", self.log_bytes, ceiling.log_bytes_max as u64),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_may_ask_for_less_and_not_for_more() {
        let ceiling = Limits::default();
        let seconds = |seconds: u64| Manifest {
            deadline_ms: Some(seconds * 1_000),
            ..Manifest::default()
        };
        assert_eq!(seconds(30).check(&ceiling), Ok(()));
        assert_eq!(
            seconds(31).check(&ceiling).unwrap_err().to_string(),
            "deadline_ms is 31000; it can be 1 to 30000"
        );
        assert!(seconds(0).check(&ceiling).is_err());
        assert_eq!(
            seconds(2).limits(&ceiling),
            Limits {
                deadline: Duration::from_secs(2),
                ..ceiling
            }
        );
        assert_eq!(Manifest::default().limits(&ceiling), ceiling);
    }

    #[test]
    fn a_host_that_allows_less_than_before_holds_older_detectors_to_it() {
        let lower = Limits {
            memory_bytes_max: 1 << 20,
            ..Limits::default()
        };
        let asked = Manifest {
            memory_bytes: Some(64 << 20),
            ..Manifest::default()
        };
        assert_eq!(asked.limits(&lower).memory_bytes_max, 1 << 20);
    }
}
