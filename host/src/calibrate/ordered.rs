//! Windows of the reference as they follow each other, each against all other rows: how much the reference moves by itself.

use super::error::CalibrateError;
use super::judge::{Judge, Said, answered};
use super::report::{InOrder, Share};
use super::rows::{Making, Rows};
use super::settings::ORDER_WINDOWS_MAX;
use super::threads::Threads;

/// Starts of the windows of a size among so many rows: one after another, or where they are more than
/// [`ORDER_WINDOWS_MAX`] so many spread evenly.
fn starts(rows: usize, size: usize) -> Vec<usize> {
    let windows = rows / size.max(1);
    let judged = windows.min(ORDER_WINDOWS_MAX);
    (0..judged).map(|at| at * windows / judged * size).collect()
}

/// What each size comes to among the first `ordered` rows.
pub(super) fn windows(
    judge: &dyn Judge,
    rows: &Rows,
    making: Making,
    (sizes, rows_min): (&[u32], u64),
    ordered: usize,
    threads: &Threads,
) -> Result<Vec<Vec<Said>>, CalibrateError> {
    let tasks: Vec<(usize, usize, usize)> = sizes
        .iter()
        .enumerate()
        .filter(|(_, size)| u64::from(**size) >= rows_min)
        .flat_map(|(at, &size)| {
            let size = size as usize;
            starts(ordered, size)
                .into_iter()
                .map(move |start| (at, start, size))
        })
        .collect();
    let said = threads.each(tasks.len(), |task| {
        let (_, start, size) = tasks[task];
        let current: Vec<usize> = (start..start + size).collect();
        let others: Vec<usize> = (0..start).chain(start + size..rows.rows()).collect();
        let learned = match answered(judge.learn(&rows.window(&others, making)?))? {
            Ok(learned) => learned,
            Err(why) => return Ok(Said::Failed(why)),
        };
        let window = rows.window(&current, making)?;
        Ok(match answered(judge.judge(&learned, &window))? {
            Ok(measurements) => Said::of(&measurements, None, judge.follows_rows()),
            Err(why) => Said::Failed(why),
        })
    })?;
    let mut of_size = vec![Vec::new(); sizes.len()];
    for ((at, ..), said) in tasks.iter().zip(said) {
        of_size[*at].push(said);
    }
    Ok(of_size)
}

/// What the windows of a size say, beside shuffled ones.
pub(super) fn compared(said: &[Said], shuffled: &Share) -> InOrder {
    let alarms = super::tally::share(said);
    InOrder {
        alarms,
        moves: alarms.low > shuffled.high,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_each_other_and_many_are_spread_evenly() {
        assert_eq!(starts(350, 100), [0, 100, 200]);
        assert_eq!(starts(99, 100), [0; 0]);
        let most = starts(100 * ORDER_WINDOWS_MAX, 100);
        assert_eq!(most.len(), ORDER_WINDOWS_MAX);
        assert_eq!(most[1], 100);
        let spread = starts(200 * ORDER_WINDOWS_MAX, 100);
        assert_eq!(spread.len(), ORDER_WINDOWS_MAX);
        assert_eq!(spread[1], 200);
    }

    #[test]
    fn the_reference_moves_where_its_windows_alarm_more_than_chance_lets_expect() {
        let windows = |alarms: usize| {
            let mut said = vec![Said::Quiet; 20 - alarms];
            said.extend(vec![Said::Alarm; alarms]);
            said
        };
        let shuffled = Share::new(5, 100);
        assert!(!compared(&windows(3), &shuffled).moves);
        assert!(compared(&windows(12), &shuffled).moves);
    }
}
