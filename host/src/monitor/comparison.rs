//! Two detectors on the same windows: how often they say the same, and where they do not.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{Measurement, Verdict};

/// Differences that are listed: the newest.
const DIFFERENCES_MAX: usize = 100;

/// What comes of a version that is tried. The names are those that the API shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Comparison {
    with: String,
    windows: u64,
    windows_of_one: u64,
    same: u64,
    only_tried_drifted: u64,
    only_own_drifted: u64,
    other: u64,
    differences: VecDeque<Difference>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Difference {
    window_from: Option<Timestamp>,
    window_to: Option<Timestamp>,
    column: Option<String>,
    tried: Option<Verdict>,
    own: Option<Verdict>,
}

impl Comparison {
    /// A comparison with the monitor's own detector, `name@version`.
    pub(super) fn with(own: String) -> Self {
        Self {
            with: own,
            windows: 0,
            windows_of_one: 0,
            same: 0,
            only_tried_drifted: 0,
            only_own_drifted: 0,
            other: 0,
            differences: VecDeque::new(),
        }
    }

    /// Adds a window; a side is absent where it judged nothing.
    pub(super) fn add(
        &mut self,
        window: (Option<Timestamp>, Option<Timestamp>),
        tried: Option<&[Measurement]>,
        own: Option<&[Measurement]>,
    ) {
        let (Some(tried), Some(own)) = (tried, own) else {
            self.windows_of_one += u64::from(tried.is_some() || own.is_some());
            return;
        };
        self.windows += 1;
        let (tried, own) = (by_column(tried), by_column(own));
        let mut columns: Vec<&Option<String>> = tried.keys().chain(own.keys()).collect();
        columns.sort();
        columns.dedup();
        for column in columns {
            let (tried, own) = (tried.get(column).copied(), own.get(column).copied());
            if tried == own {
                self.same += 1;
                continue;
            }
            match (tried, own) {
                (Some(Verdict::Drifted), _) => self.only_tried_drifted += 1,
                (_, Some(Verdict::Drifted)) => self.only_own_drifted += 1,
                _ => self.other += 1,
            }
            if self.differences.len() == DIFFERENCES_MAX {
                self.differences.pop_front();
            }
            self.differences.push_back(Difference {
                window_from: window.0,
                window_to: window.1,
                column: column.clone(),
                tried,
                own,
            });
        }
    }
}

/// One verdict a column: drifted if any metric says so, else stable if any does, else what the first says.
fn by_column(measurements: &[Measurement]) -> BTreeMap<Option<String>, Verdict> {
    let weight = |verdict: Verdict| match verdict {
        Verdict::Drifted => 2,
        Verdict::Stable => 1,
        Verdict::Insufficient | Verdict::Constant | Verdict::Failed => 0,
    };
    let mut columns = BTreeMap::new();
    for one in measurements {
        let verdict = columns.entry(one.column.clone()).or_insert(one.verdict);
        if weight(one.verdict) > weight(*verdict) {
            *verdict = one.verdict;
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(column: &str, verdict: Verdict) -> Measurement {
        Measurement {
            metric: "m".into(),
            column: Some(column.into()),
            value: 0.0,
            effect: None,
            p_value: None,
            p_adjusted: None,
            threshold: None,
            threshold_kind: None,
            reference_rows: 1,
            current_rows: 1,
            missing_share: 0.0,
            unseen_share: 0.0,
            verdict,
            row: None,
            detail: None,
            segment: None,
            began: None,
        }
    }

    #[test]
    fn columns_are_counted_by_who_calls_them_drifted() {
        use Verdict::{Drifted, Insufficient, Stable};
        let mut comparison = Comparison::with("a@1.0.0".into());
        let tried = [
            says("x", Stable),
            says("x", Drifted),
            says("y", Stable),
            says("z", Insufficient),
        ];
        let own = [says("x", Stable), says("y", Stable), says("z", Stable)];

        comparison.add((None, None), Some(&tried), Some(&own));
        comparison.add((None, None), Some(&own), Some(&tried));
        comparison.add((None, None), Some(&tried), None);
        comparison.add((None, None), None, None);

        let counts = (comparison.windows, comparison.windows_of_one);
        assert_eq!(counts, (2, 1));
        let counts = [
            comparison.same,
            comparison.only_tried_drifted,
            comparison.only_own_drifted,
            comparison.other,
        ];
        assert_eq!(counts, [2, 1, 1, 2]);
        assert_eq!(comparison.differences.len(), 4);
    }

    #[test]
    fn of_many_differences_the_newest_are_listed() {
        let mut comparison = Comparison::with("a@1.0.0".into());
        for _ in 0..=DIFFERENCES_MAX {
            let (tried, own) = ([says("x", Verdict::Drifted)], [says("x", Verdict::Stable)]);
            comparison.add((None, None), Some(&tried), Some(&own));
        }
        assert_eq!(comparison.differences.len(), DIFFERENCES_MAX);
        assert_eq!(comparison.only_tried_drifted, DIFFERENCES_MAX as u64 + 1);
    }
}
