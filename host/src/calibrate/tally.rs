//! Counts what windows came to.

use super::judge::Said;
use super::report::{Share, SizeAlarms};

/// How many of the windows with a verdict alarmed.
pub(super) fn share(said: &[Said]) -> Share {
    let alarms = count(said, |one| *one == Said::Alarm);
    Share::new(alarms, alarms + count(said, |one| *one == Said::Quiet))
}

/// Windows without a verdict.
pub(super) fn undecided(said: &[Said]) -> u32 {
    count(said, |one| *one == Said::Undecided)
}

/// Windows without an answer.
pub(super) fn failed(said: &[Said]) -> u32 {
    count(said, |one| matches!(one, Said::Failed(_)))
}

/// Why the first one without an answer has none.
pub(super) fn failure<'a>(mut said: impl Iterator<Item = &'a Said>) -> Option<String> {
    said.find_map(|one| match one {
        Said::Failed(why) => Some(why.clone()),
        _ => None,
    })
}

fn count(said: &[Said], counts: impl Fn(&Said) -> bool) -> u32 {
    // There are no more than replays.
    u32::try_from(said.iter().filter(|one| counts(one)).count()).unwrap_or(u32::MAX)
}

/// Windows of each size in which any monitor alarmed. `monitors` holds what each monitor said, by size, then by replay.
pub(super) fn of_model(sizes: &[u32], monitors: &[Vec<Vec<Said>>]) -> Vec<SizeAlarms> {
    let together = |at: usize| -> Vec<Said> {
        let replays = monitors.first().map_or(0, |monitor| monitor[at].len());
        let of = |replay: usize| {
            let mut said = monitors.iter().map(|monitor| &monitor[at][replay]);
            if said.clone().any(|one| *one == Said::Alarm) {
                Said::Alarm
            } else if said.any(|one| *one == Said::Quiet) {
                Said::Quiet
            } else {
                Said::Undecided
            }
        };
        (0..replays).map(of).collect()
    };
    let rows = sizes.iter().enumerate();
    rows.map(|(at, &rows)| SizeAlarms {
        rows,
        false_alarms: share(&together(at)),
    })
    .collect()
}

/// The value in the middle, the larger one of two; none where that is none.
pub(super) fn median(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.map(|value| value.unwrap_or(f64::INFINITY)).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2).copied();
    middle.filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_windows_with_a_verdict_count() {
        let said = [
            Said::Alarm,
            Said::Quiet,
            Said::Quiet,
            Said::Undecided,
            Said::Failed("why".into()),
        ];
        assert_eq!((share(&said).hits, share(&said).of), (1, 3));
        assert_eq!((undecided(&said), failed(&said)), (1, 1));
        assert_eq!(failure(said.iter()).as_deref(), Some("why"));
    }

    #[test]
    fn a_model_alarms_where_any_of_its_monitors_does() {
        let first = vec![vec![Said::Alarm, Said::Quiet, Said::Undecided]];
        let second = vec![vec![Said::Quiet, Said::Quiet, Said::Undecided]];
        let all = of_model(&[50], &[first, second]);
        assert_eq!((all[0].false_alarms.hits, all[0].false_alarms.of), (1, 2));
    }

    #[test]
    fn what_is_never_seen_counts_as_larger_than_all() {
        assert_eq!(median([Some(3.0), Some(1.0), None].into_iter()), Some(3.0));
        assert_eq!(median([Some(1.0), None].into_iter()), None);
        assert_eq!(median(std::iter::empty()), None);
    }
}
