//! Which size of window to take: the smallest that holds to its targets.

use super::report::{SizeReport, Suggestion, Targets};

/// Of which units columns were moved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    /// Some by standard deviations.
    pub(super) shift: bool,
    /// Some by a share.
    pub(super) share: bool,
}

/// The smallest size whose false alarms are compatible with the target and whose median columns show the targets' shifts; or why
/// there is none.
pub(super) fn suggest(sizes: &[SizeReport], targets: &Targets, moved: Moved) -> Suggestion {
    let none = |why: String| Suggestion {
        window_rows: None,
        why,
    };
    let judged: Vec<&SizeReport> = sizes
        .iter()
        .filter(|size| size.false_alarms.of > size.undecided + size.failed)
        .collect();
    let Some(largest) = judged.last() else {
        return none(
            "most windows of every size had no verdict: there were too few values".to_owned(),
        );
    };
    let quiet = |size: &SizeReport| size.false_alarms.low <= targets.false_alarms;
    let shows = |size: &SizeReport| {
        let within = |median: Option<f64>, target| median.is_some_and(|median| median <= target);
        (!moved.shift || within(size.median_shift, targets.shift))
            && (!moved.share || within(size.median_share, targets.share))
    };
    let wanted = wanted(targets, moved);
    if let Some(size) = judged.iter().find(|size| quiet(size) && shows(size)) {
        let shown = wanted.map_or_else(String::new, |wanted| {
            format!(", and whose median column shows {wanted}")
        });
        return Suggestion {
            window_rows: Some(size.rows),
            why: format!(
                "the smallest windows whose false alarms are compatible with {}%{shown}",
                percent(targets.false_alarms)
            ),
        };
    }
    if !judged.iter().any(|size| quiet(size)) {
        return none(format!(
            "false alarms are more than {}% at every size",
            percent(targets.false_alarms)
        ));
    }
    let wanted = wanted.unwrap_or_default();
    if judged.iter().any(|size| shows(size)) {
        return none(format!(
            "windows whose median column shows {wanted} have more than {}% false alarms",
            percent(targets.false_alarms)
        ));
    }
    none(format!(
        "the median column shows {wanted} at no size up to {} rows, the largest that was tried",
        largest.rows
    ))
}

fn wanted(targets: &Targets, moved: Moved) -> Option<String> {
    let shift = format!("a shift of {} sd", targets.shift);
    let share = format!("a share of {} that moves", targets.share);
    match (moved.shift, moved.share) {
        (true, true) => Some(format!("{shift} or {share}")),
        (true, false) => Some(shift),
        (false, true) => Some(share),
        (false, false) => None,
    }
}

fn percent(share: f64) -> f64 {
    (share * 1_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::report::Share;
    use super::*;

    const TARGETS: Targets = Targets {
        false_alarms: 0.06,
        shift: 0.3,
        share: 0.1,
    };
    const BOTH: Moved = Moved {
        shift: true,
        share: true,
    };

    fn size(rows: u32, hits: u32, shift: Option<f64>, share: Option<f64>) -> SizeReport {
        SizeReport {
            rows,
            false_alarms: Share::new(hits, 200),
            undecided: 0,
            failed: 0,
            in_order: None,
            median_shift: shift,
            median_share: share,
        }
    }

    fn suggested(sizes: &[SizeReport]) -> (Option<u32>, String) {
        let suggestion = suggest(sizes, &TARGETS, BOTH);
        (suggestion.window_rows, suggestion.why)
    }

    #[test]
    fn the_smallest_size_that_holds_to_all_targets_is_taken() {
        let sizes = [
            size(100, 10, Some(0.5), Some(0.1)),
            size(200, 40, Some(0.3), Some(0.1)),
            size(500, 14, Some(0.3), Some(0.1)),
            size(1_000, 10, Some(0.1), Some(0.05)),
        ];
        let (rows, why) = suggested(&sizes);
        assert_eq!(rows, Some(500));
        assert_eq!(
            why,
            "the smallest windows whose false alarms are compatible with 6%, and whose median column shows a shift of 0.3 sd or a \
             share of 0.1 that moves"
        );
    }

    #[test]
    fn where_there_is_none_it_says_what_fails() {
        let loud = [size(100, 60, Some(0.1), Some(0.1))];
        assert_eq!(
            suggested(&loud),
            (
                None,
                "false alarms are more than 6% at every size".to_owned()
            )
        );
        let blind = [size(100, 10, Some(0.5), None)];
        assert!(suggested(&blind).1.contains("at no size up to 100 rows"));
        let torn = [
            size(100, 10, None, None),
            size(200, 60, Some(0.1), Some(0.1)),
        ];
        assert!(suggested(&torn).1.contains("more than 6% false alarms"));
        let mut silent = size(100, 0, None, None);
        silent.false_alarms = Share::new(0, 0);
        silent.undecided = 200;
        assert!(suggested(&[silent]).1.contains("too few values"));
    }

    #[test]
    fn without_moved_columns_false_alarms_decide() {
        let nothing = Moved {
            shift: false,
            share: false,
        };
        let suggestion = suggest(&[size(100, 10, None, None)], &TARGETS, nothing);
        assert_eq!(suggestion.window_rows, Some(100));
    }
}
