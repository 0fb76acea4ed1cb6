//! Same rows, same bits: in fresh instances, in the metered engine, in any order, in any cut.

use crate::domain::Measurement;

use super::card::{Check, Outcome};
use super::draws::Draws;
use super::scene::{Rows, Scene};
use super::subject::{Fault, Making, Subject};

/// Rows of the windows here.
const REFERENCE: usize = 600;
const CURRENT: usize = 300;

/// The pair of windows that these checks look at.
fn windows(scene: &Scene, seed: u64) -> (Rows, Rows) {
    let mut draws = Draws::new(seed, 1);
    let reference = scene.rows(REFERENCE, None, &mut draws);
    (reference, scene.rows(CURRENT, None, &mut draws))
}

fn fault(name: &str, fault: &Fault) -> Check {
    let says = format!("on ordinary rows, {fault}{}", fault.advice());
    Check::new(name, Outcome::Failed, says)
}

/// Refuses where the same calls gave other bits: in a fresh instance, or in machine code of its own.
pub(super) fn same(
    scene: &Scene,
    subject: &Subject,
    metered: Option<&Subject>,
    seed: u64,
) -> Check {
    const NAME: &str = "same bits";
    let (reference, current) = windows(scene, seed);
    let first = match subject.judge(&reference, &current) {
        Ok(judged) => judged.bits(),
        Err(error) => return fault(NAME, &error),
    };
    let others = std::iter::once(("a second time", subject))
        .chain(metered.map(|metered| ("with its fuel counted", metered)));
    for (how, subject) in others {
        match subject.judge(&reference, &current) {
            Ok(judged) if judged.bits() == first => {}
            Ok(_) => {
                let says = format!(
                    "the same calls on the same rows {how} gave another answer: is there a counter, an address or an iteration order in it?"
                );
                return Check::new(NAME, Outcome::Failed, says);
            }
            Err(error) => {
                let says = format!("the same calls {how}: {error}");
                return Check::new(NAME, Outcome::Failed, says);
            }
        }
    }
    Check::new(
        NAME,
        Outcome::Passed,
        "the same calls give the same bits in fresh instances",
    )
}

/// Notes whether the seed of a call matters.
pub(super) fn seed(scene: &Scene, one: &Subject, other: &Subject, seed: u64) -> Check {
    const NAME: &str = "seed";
    let (reference, current) = windows(scene, seed);
    match (
        one.judge(&reference, &current),
        other.judge(&reference, &current),
    ) {
        (Ok(one), Ok(other)) if one.bits() == other.bits() => {
            Check::new(NAME, Outcome::Passed, "the seed changes nothing")
        }
        (Ok(_), Ok(_)) => Check::new(
            NAME,
            Outcome::Noted,
            "answers depend on the seed of the call",
        ),
        (Err(error), _) | (_, Err(error)) => fault(NAME, &error),
    }
}

/// Notes whether the order of rows matters. A stream's order does by its nature.
pub(super) fn order(scene: &Scene, subject: &Subject, seed: u64) -> Option<Check> {
    const NAME: &str = "row order";
    if subject.follows_rows() {
        return None;
    }
    let (reference, current) = windows(scene, seed);
    let mut draws = Draws::new(seed, 2);
    let mut shuffled = |rows: &Rows| rows.with(rows.batch.take(&draws.order(rows.batch.rows)));
    let (other_reference, other_current) = (shuffled(&reference), shuffled(&current));
    let judged = (
        subject.judge(&reference, &current),
        subject.judge(&other_reference, &other_current),
    );
    Some(match judged {
        (Ok(one), Ok(other)) => order_of(&one.measurements, &other.measurements),
        (Err(error), _) | (_, Err(error)) => fault(NAME, &error),
    })
}

fn order_of(one: &[Measurement], other: &[Measurement]) -> Check {
    const NAME: &str = "row order";
    let key = |one: &Measurement| (one.metric.clone(), one.column.clone(), one.verdict);
    if !one.iter().map(key).eq(other.iter().map(key)) {
        return Check::new(NAME, Outcome::Noted, "the order of rows changes verdicts");
    }
    let apart = one.iter().zip(other).map(|(one, other)| {
        let size = one.value.abs().max(other.value.abs());
        if size == 0.0 {
            0.0
        } else {
            (one.value - other.value).abs() / size
        }
    });
    let most = apart.fold(0.0, f64::max);
    if most == 0.0 {
        Check::new(NAME, Outcome::Passed, "the order of rows changes nothing")
    } else {
        let says = format!("the order of rows changes values by up to {most:.1e} of themselves");
        Check::new(NAME, Outcome::Noted, says)
    }
}

/// Refuses where it matters how rows were cut: into chunks for a window, into batches for a stream.
pub(super) fn cuts(scene: &Scene, subject: &Subject, seed: u64) -> Check {
    const NAME: &str = "chunks";
    let (reference, current) = windows(scene, seed);
    if subject.follows_rows() {
        return batches(&reference, subject, seed).unwrap_or_else(|error| fault(NAME, &error));
    }
    let whole = match subject.judge(&reference, &current) {
        Ok(judged) => judged.bits(),
        Err(error) => return fault(NAME, &error),
    };
    for chunk_rows in [1, 7, 128] {
        let making = Making {
            chunk_rows: Some(chunk_rows),
            ..Making::default()
        };
        match subject.judge_made(making, &reference, &current) {
            Ok(judged) if judged.bits() == whole => {}
            Ok(_) => {
                let says = format!(
                    "windows merged from chunks of {chunk_rows} rows gave another answer than the same rows at once"
                );
                return Check::new(NAME, Outcome::Failed, says);
            }
            Err(error) => return fault(NAME, &error),
        }
    }
    Check::new(
        NAME,
        Outcome::Passed,
        "windows merged from chunks give the same bits",
    )
}

/// The contract of streams: however rows are cut, the same state and the same findings.
fn batches(rows: &Rows, subject: &Subject, seed: u64) -> Result<Check, Fault> {
    const NAME: &str = "chunks";
    let mut draws = Draws::new(seed, 3);
    let all = rows.batch.rows;
    let random: Vec<usize> = (0..9).map(|_| draws.below(60) as usize).collect();
    let ways: [(&str, Vec<usize>); 3] = [
        ("two halves", vec![all / 2]),
        ("one row, none, and the rest", vec![1, 0]),
        ("batches of random size", random),
    ];
    let whole = subject.follow(std::slice::from_ref(rows))?;
    for (way, sizes) in ways {
        let (mut batches, mut from) = (Vec::new(), 0);
        for size in sizes.into_iter().chain([all]) {
            let to = all.min(from + size);
            batches.push(rows.with(rows.batch.slice(from..to)));
            from = to;
        }
        let cut = subject.follow(&batches)?;
        if cut != whole {
            let what = if cut.state == whole.state {
                "other findings"
            } else {
                "another state"
            };
            let says = format!("cut into {way}, the same rows led to {what}");
            return Ok(Check::new(NAME, Outcome::Failed, says));
        }
    }
    let says = "however rows are cut into batches, state and findings are the same";
    Ok(Check::new(NAME, Outcome::Passed, says))
}
