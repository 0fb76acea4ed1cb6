//! How often a detector calls drift where there is none, and where there is some.

use crate::domain::Verdict;

use super::budget::Budget;
use super::card::{Check, Outcome, Power};
use super::draws::Draws;
use super::rate::Rate;
use super::scene::Scene;
use super::shift::{Shift, battery};
use super::subject::{Fault, Subject};

/// Rows of the reference and of the current window of a trial.
const REFERENCE: usize = 1_000;
const CURRENT: usize = 500;
/// The share of evaluations in which the detectors that come with the host raise a false alarm.
const LEVEL: f64 = 0.05;
/// Streams of draws that belong to trials start here.
const TRIALS: u64 = 1_000;

/// Trials without drift: an alarm is any verdict `drifted`.
pub(super) fn false_alarms(
    scenes: &[Scene],
    subject: &Subject,
    trials: u32,
    seed: u64,
    budget: Budget,
) -> Result<Rate, Fault> {
    let (mut alarms, mut done) = (0, 0);
    for trial in 0..trials {
        if budget.spent() {
            break;
        }
        let scene = &scenes[trial as usize % scenes.len()];
        alarms += u32::from(alarm(scene, subject, &Shift::default(), None, seed, trial)?);
        done += 1;
    }
    Ok(Rate::new(alarms, done))
}

/// Trials of each shift of a column that the detector sees.
pub(super) fn power(
    scenes: &[Scene],
    subject: &Subject,
    trials: u32,
    seed: u64,
    budget: Budget,
) -> Result<Vec<Power>, Fault> {
    let mut tasks = Vec::new();
    for known in battery() {
        let of = |scene: &&Scene| {
            known.model.is_none_or(|model| model == scene.model)
                && known.columns.iter().any(|column| scene.shows(column))
        };
        if let Some(scene) = scenes.iter().find(of) {
            tasks.push((known, scene));
        }
    }
    let mut power = Vec::new();
    let mut left = tasks.len();
    for (known, scene) in tasks {
        let (mut seen, mut done, part) = (0, 0, budget.part(left));
        for trial in 0..trials {
            if part.spent() {
                break;
            }
            let columns = Some(known.columns);
            seen += u32::from(alarm(scene, subject, &known.shift, columns, seed, trial)?);
            done += 1;
        }
        left -= 1;
        power.push(Power {
            shift: known.name.to_owned(),
            seen: Rate::new(seen, done),
        });
    }
    Ok(power)
}

/// Whether one evaluation calls drift: of any column, or of these and the window as a whole.
fn alarm(
    scene: &Scene,
    subject: &Subject,
    shift: &Shift,
    columns: Option<&[&str]>,
    seed: u64,
    trial: u32,
) -> Result<bool, Fault> {
    let mut draws = Draws::new(seed, TRIALS + u64::from(trial));
    let reference = scene.rows(REFERENCE, None, &mut draws);
    let current = scene.rows(CURRENT, Some(shift), &mut draws);
    let judged = subject.judge(&reference, &current)?;
    let counts = |column: Option<&str>| match (columns, column) {
        (Some(columns), Some(column)) => columns.contains(&column),
        _ => true,
    };
    let drifted = |verdict| verdict == Verdict::Drifted;
    Ok(judged
        .measurements
        .iter()
        .any(|one| drifted(one.verdict) && counts(one.column.as_deref())))
}

/// What the rate of false alarms means. It refuses nothing: a threshold is its author's choice.
pub(super) fn judge_alarms(rate: Result<&Rate, &Fault>) -> Check {
    const NAME: &str = "false alarms";
    match rate {
        Err(error) => Check::new(
            NAME,
            Outcome::Failed,
            format!("in a trial without drift, {error}"),
        ),
        Ok(rate) if rate.trials == 0 => {
            Check::new(NAME, Outcome::Noted, "there was no time for a trial")
        }
        Ok(rate) if rate.low > LEVEL => {
            let says = format!(
                "{rate} evaluations without drift raise one; the detectors that come with leeway raise 5%"
            );
            Check::new(NAME, Outcome::Noted, says)
        }
        Ok(rate) => Check::new(
            NAME,
            Outcome::Passed,
            format!("{rate} evaluations without drift raise one"),
        ),
    }
}

/// Notes a detector that never saw anything.
pub(super) fn judge_power(power: Result<&[Power], &Fault>) -> Option<Check> {
    const NAME: &str = "power";
    match power {
        Err(error) => Some(Check::new(
            NAME,
            Outcome::Failed,
            format!("in a trial with drift, {error}"),
        )),
        Ok([]) => None,
        Ok(power) => {
            let best = power
                .iter()
                .max_by(|a, b| a.seen.share().total_cmp(&b.seen.share()))?;
            let says = format!(
                "of {} shifts it sees '{}' best: {}",
                power.len(),
                best.shift,
                best.seen
            );
            let outcome = if best.seen.hits == 0 {
                Outcome::Noted
            } else {
                Outcome::Passed
            };
            Some(Check::new(NAME, outcome, says))
        }
    }
}
