//! Which chunks make the reference window and which the current one. Pure: everything that matters is handed in.
//!
//! Time is data time: windows are counted back from the newest row. A chunk is taken whole or not at all. Rows of the training
//! and chunks that hold such rows beside later ones are never under test.
//!
//! A detector that looks at labels and errors alone judges labelled rows. Its windows by number of rows are counted in those,
//! except tumbling ones, which are the same rows for every detector.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::domain::monitor::{CurrentSpec, Extent, MonitorSpec, ReferenceSpec};
use crate::store::WindowPosition;

use super::windows::ChunkInfo;

/// What windows depend on besides the chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    /// What the monitor does.
    pub(super) spec: &'a MonitorSpec,
    /// Rows up to here are the training's.
    pub(super) training: Option<Timestamp>,
    /// Rows and labelled rows of the active data set.
    pub(super) data_set: Option<(u64, u64)>,
    /// Whether the detector judges labelled rows alone.
    pub(super) labelled: bool,
    /// Fewest rows of either window: the monitor's and the detector's.
    pub(super) rows_min: u64,
    /// A chunk with so many rows takes no more.
    pub(super) chunk_rows: u64,
    /// The last tumbling window.
    pub(super) position: WindowPosition,
}

/// The rows that define normal. Numbers are positions in the list of chunks, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    /// The active data set.
    DataSet,
    /// Rows of the training.
    Training(Vec<usize>),
    /// Rows before the current window.
    Trailing(Vec<usize>),
}

/// What an evaluation has to look at.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Selection {
    /// Two windows.
    Judge {
        /// The rows that define normal.
        reference: Reference,
        /// The rows under test: positions, ascending.
        current: Vec<usize>,
        /// Where the next tumbling window starts.
        position: WindowPosition,
    },
    /// Too little for a verdict.
    Insufficient {
        /// What is missing.
        reason: Reason,
        /// The current window, as far as there is one.
        current: Vec<usize>,
        /// Where the next tumbling window starts: one with too few rows is passed by.
        position: WindowPosition,
    },
    /// The next tumbling window is not complete: there is nothing to say yet.
    Waiting(Reason),
}

/// Why there is no verdict. The words say what is needed, not how much there is: the same lack reads the same tomorrow.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reason {
    NoRows,
    NoRowsSinceTraining,
    NoMatureRows { seconds: u64 },
    NoWindow,
    NoLabelledWindow,
    LabelledShare { share_min: f64 },
    CurrentRows { rows_min: u64, labelled: bool },
    NoDataSet,
    NoTrainingTime,
    NoTrainingRows,
    ReferenceRows { rows_min: u64, labelled: bool },
    NoColumns { roles: String, kinds: String },
    NothingToSpend,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = |labelled: &bool| if *labelled { "labelled rows" } else { "rows" };
        match self {
            Self::NoRows => f.write_str("the model has no rows yet"),
            Self::NoRowsSinceTraining => {
                f.write_str("the model has no rows after its last training")
            }
            Self::NoMatureRows { seconds } => {
                write!(
                    f,
                    "no rows are {seconds} seconds older than the newest one: their labels may still be on the way"
                )
            }
            Self::NoWindow => f.write_str("the next window is not complete yet"),
            Self::NoLabelledWindow => f.write_str("no complete window has enough labels yet"),
            Self::LabelledShare { share_min } => {
                write!(
                    f,
                    "fewer than {}% of the current window's rows have a label",
                    share_min * 100.0
                )
            }
            Self::CurrentRows { rows_min, labelled } => {
                write!(
                    f,
                    "the current window has fewer than {rows_min} {}",
                    what(labelled)
                )
            }
            Self::NoDataSet => f.write_str("no reference data set is active"),
            Self::NoTrainingTime => {
                f.write_str("the model has no last_training_time, so no rows of a training")
            }
            Self::NoTrainingRows => {
                f.write_str("the model has no rows up to its last_training_time")
            }
            Self::ReferenceRows { rows_min, labelled } => {
                write!(
                    f,
                    "the reference window has fewer than {rows_min} {}",
                    what(labelled)
                )
            }
            Self::NothingToSpend => f.write_str(
                "the window spans no time that was not seen before: nothing of the level of false alarms is left for it",
            ),
            Self::NoColumns { roles, kinds } => {
                write!(
                    f,
                    "no column is what the detector takes: role {roles}; kind {kinds}"
                )
            }
        }
    }
}

/// Decides which chunks to look at. `chunks` are ordered by `(start, seq_from)`.
pub(super) fn select(chunks: &[ChunkInfo], ask: &Ask<'_>) -> Selection {
    let insufficient = |reason| Selection::Insufficient {
        reason,
        current: Vec::new(),
        position: ask.position,
    };
    let Some(newest) = chunks.iter().map(|chunk| chunk.last_time).max() else {
        return insufficient(Reason::NoRows);
    };
    let since: Vec<usize> = (0..chunks.len())
        .filter(|&at| {
            ask.training
                .is_none_or(|training| chunks[at].first_time > training)
        })
        .collect();
    if since.is_empty() {
        return insufficient(Reason::NoRowsSinceTraining);
    }
    // Rows younger than this do not count where labels do.
    let maturity = if ask.labelled {
        ask.spec.label_maturity_seconds
    } else {
        0
    };
    let until = back(newest, maturity);
    let mature: Vec<usize> = since
        .into_iter()
        .filter(|&at| chunks[at].last_time <= until)
        .collect();
    if mature.is_empty() {
        return insufficient(Reason::NoMatureRows { seconds: maturity });
    }
    match ask.spec.current {
        CurrentSpec::SinceTraining => judge(chunks, ask, mature, ask.position),
        CurrentSpec::Sliding {
            extent: Extent::Rows(rows),
        } => {
            let current = match resolve(chunks, ask) {
                Resolved::Trailing(None) => halved(chunks, &mature, rows, ask.labelled),
                _ => newest_rows(chunks, &mature, rows, ask.labelled),
            };
            judge(chunks, ask, current, ask.position)
        }
        CurrentSpec::Sliding {
            extent: Extent::Seconds(seconds),
        } => {
            let from = back(until, seconds);
            let current = newest_since(chunks, &mature, from);
            judge(chunks, ask, current, ask.position)
        }
        CurrentSpec::Tumbling { extent } => tumbling(chunks, ask, &mature, extent, newest, until),
    }
}

/// The same for a current window that was judged before: its rows are those of these times.
pub(super) fn select_again(
    chunks: &[ChunkInfo],
    ask: &Ask<'_>,
    from: Timestamp,
    to: Timestamp,
) -> Selection {
    let inside = |at: &usize| from <= chunks[*at].first_time && chunks[*at].last_time <= to;
    let current = (0..chunks.len()).filter(inside).collect();
    judge(chunks, ask, current, ask.position)
}

/// The next complete tumbling window. One without enough labels is passed by as soon as a later one has them.
fn tumbling(
    chunks: &[ChunkInfo],
    ask: &Ask<'_>,
    mature: &[usize],
    extent: Extent,
    newest: Timestamp,
    until: Timestamp,
) -> Selection {
    let mut position = ask.position;
    let mut waits = Reason::NoWindow;
    loop {
        let next = match extent {
            Extent::Rows(rows) => {
                next_by_rows(chunks, mature, rows, position, newest, ask.chunk_rows)
            }
            Extent::Seconds(seconds) => {
                next_by_time(chunks, mature, seconds, position, newest, until)
            }
        };
        let Some((current, after)) = next else {
            return Selection::Waiting(waits);
        };
        match judge(chunks, ask, current, after) {
            Selection::Insufficient {
                reason: Reason::LabelledShare { .. } | Reason::CurrentRows { labelled: true, .. },
                ..
            } => {
                waits = Reason::NoLabelledWindow;
                position = after;
            }
            decided => return decided,
        }
    }
}

/// Chunks in the order in which they were opened, so that each, a late one too, is in one window.
fn next_by_rows(
    chunks: &[ChunkInfo],
    mature: &[usize],
    rows: u64,
    position: WindowPosition,
    newest: Timestamp,
    chunk_rows: u64,
) -> Option<(Vec<usize>, WindowPosition)> {
    let mut opened: Vec<usize> = mature
        .iter()
        .copied()
        .filter(|&at| {
            position
                .chunk_no
                .is_none_or(|last| chunks[at].chunk_no > last)
        })
        .collect();
    opened.sort_unstable_by_key(|&at| chunks[at].chunk_no);
    let (mut taken, mut counted) = (Vec::new(), 0_u64);
    for at in opened {
        let chunk = &chunks[at];
        // One that still takes rows would take some that no window ever counts.
        let settled = chunk.rows >= chunk_rows || chunk.end <= newest;
        if !settled {
            return None;
        }
        taken.push(at);
        counted = counted.saturating_add(chunk.rows);
        if counted >= rows {
            let after = WindowPosition {
                chunk_no: Some(chunk.chunk_no),
                ..position
            };
            taken.sort_unstable();
            return Some((taken, after));
        }
    }
    None
}

/// Windows begin at multiples of their length since 1970, and have the chunks that start in them. Windows without rows are passed over.
fn next_by_time(
    chunks: &[ChunkInfo],
    mature: &[usize],
    seconds: u64,
    position: WindowPosition,
    newest: Timestamp,
    until: Timestamp,
) -> Option<(Vec<usize>, WindowPosition)> {
    let length = i64::try_from(seconds).unwrap_or(i64::MAX).max(1);
    let later = |at: &usize| position.to.is_none_or(|to| chunks[*at].start >= to);
    let first = mature
        .iter()
        .copied()
        .filter(later)
        .map(|at| chunks[at].start)
        .min()?;
    let from = first.as_second().div_euclid(length).saturating_mul(length);
    let to = Timestamp::from_second(from.saturating_add(length)).ok()?;
    let current: Vec<usize> = mature
        .iter()
        .copied()
        .filter(later)
        .filter(|&at| chunks[at].start < to)
        .collect();
    let ends = current.iter().map(|&at| chunks[at].end).max()?.max(to);
    if newest < ends || until < to {
        return None;
    }
    let after = WindowPosition {
        to: Some(to),
        ..position
    };
    Some((current, after))
}

/// Holds the current window against what a verdict needs, and finds its reference.
fn judge(
    chunks: &[ChunkInfo],
    ask: &Ask<'_>,
    current: Vec<usize>,
    position: WindowPosition,
) -> Selection {
    let total: u64 = current.iter().map(|&at| chunks[at].rows).sum();
    let counted = count(chunks, &current, ask.labelled);
    let share = ask.labelled && (counted as f64) < ask.spec.labelled_share_min * total as f64;
    let reason = if counted < ask.rows_min {
        Err(Reason::CurrentRows {
            rows_min: ask.rows_min,
            labelled: ask.labelled,
        })
    } else if share {
        Err(Reason::LabelledShare {
            share_min: ask.spec.labelled_share_min,
        })
    } else {
        reference(chunks, ask, &current)
    };
    match reason {
        Ok(reference) => Selection::Judge {
            reference,
            current,
            position,
        },
        Err(reason) => Selection::Insufficient {
            reason,
            current,
            position,
        },
    }
}

/// What the reference comes to, for this model at this time.
enum Resolved {
    DataSet,
    Training,
    /// Without an extent: as many rows as the current window has.
    Trailing(Option<Extent>),
}

fn resolve(chunks: &[ChunkInfo], ask: &Ask<'_>) -> Resolved {
    match ask.spec.reference {
        ReferenceSpec::DataSet => Resolved::DataSet,
        ReferenceSpec::Training => Resolved::Training,
        ReferenceSpec::Trailing { extent } => Resolved::Trailing(Some(extent)),
        ReferenceSpec::Auto if ask.data_set.is_some() => Resolved::DataSet,
        ReferenceSpec::Auto if chunks.iter().any(|chunk| of_training(chunk, ask.training)) => {
            Resolved::Training
        }
        ReferenceSpec::Auto => Resolved::Trailing(None),
    }
}

fn of_training(chunk: &ChunkInfo, training: Option<Timestamp>) -> bool {
    training.is_some_and(|training| chunk.last_time <= training)
}

fn reference(chunks: &[ChunkInfo], ask: &Ask<'_>, current: &[usize]) -> Result<Reference, Reason> {
    let (reference, rows) = match resolve(chunks, ask) {
        Resolved::DataSet => {
            let (rows, labelled) = ask.data_set.ok_or(Reason::NoDataSet)?;
            let counted = if ask.labelled { labelled } else { rows };
            (Reference::DataSet, counted)
        }
        Resolved::Training => {
            ask.training.ok_or(Reason::NoTrainingTime)?;
            let taken: Vec<usize> = (0..chunks.len())
                .filter(|&at| of_training(&chunks[at], ask.training))
                .collect();
            if taken.is_empty() {
                return Err(Reason::NoTrainingRows);
            }
            let counted = count(chunks, &taken, ask.labelled);
            (Reference::Training(taken), counted)
        }
        Resolved::Trailing(extent) => {
            let first = current.first().copied().unwrap_or(0);
            let before: Vec<usize> = (0..first).collect();
            let rows = |rows| newest_rows(chunks, &before, rows, ask.labelled);
            let taken = match extent {
                None => rows(count(chunks, current, ask.labelled)),
                Some(Extent::Rows(extent)) => rows(extent),
                Some(Extent::Seconds(seconds)) => {
                    let start = current.iter().map(|&at| chunks[at].first_time).min();
                    start.map_or_else(Vec::new, |start| {
                        newest_since(chunks, &before, back(start, seconds))
                    })
                }
            };
            let counted = count(chunks, &taken, ask.labelled);
            (Reference::Trailing(taken), counted)
        }
    };
    if rows < ask.rows_min {
        return Err(Reason::ReferenceRows {
            rows_min: ask.rows_min,
            labelled: ask.labelled,
        });
    }
    Ok(reference)
}

/// The smallest run of the last chunks that has so many rows; all where there are fewer.
fn newest_rows(chunks: &[ChunkInfo], of: &[usize], rows: u64, labelled: bool) -> Vec<usize> {
    let mut counted = 0_u64;
    let mut from = of.len();
    while from > 0 && counted < rows {
        from -= 1;
        counted = counted.saturating_add(counted_rows(&chunks[of[from]], labelled));
    }
    of[from..].to_vec()
}

/// The same, but while there are not twice as many rows: the later part, cut where both parts are most alike in size.
/// So a model is judged long before it has rows for two full windows.
fn halved(chunks: &[ChunkInfo], of: &[usize], rows: u64, labelled: bool) -> Vec<usize> {
    let total = count(chunks, of, labelled);
    if total >= rows.saturating_mul(2) {
        return newest_rows(chunks, of, rows, labelled);
    }
    let (mut later, mut best, mut from) = (0_u64, 0_u64, of.len());
    for (place, &at) in of.iter().enumerate().rev() {
        later += counted_rows(&chunks[at], labelled);
        let smaller = later.min(total - later);
        if smaller > best {
            (best, from) = (smaller, place);
        }
    }
    if best == 0 {
        of.to_vec()
    } else {
        of[from..].to_vec()
    }
}

/// Chunks with rows after `from`.
fn newest_since(chunks: &[ChunkInfo], of: &[usize], from: Timestamp) -> Vec<usize> {
    of.iter()
        .copied()
        .filter(|&at| chunks[at].last_time > from)
        .collect()
}

fn counted_rows(chunk: &ChunkInfo, labelled: bool) -> u64 {
    if labelled {
        chunk.labelled_rows
    } else {
        chunk.rows
    }
}

/// Rows that count for a verdict.
fn count(chunks: &[ChunkInfo], of: &[usize], labelled: bool) -> u64 {
    of.iter()
        .map(|&at| counted_rows(&chunks[at], labelled))
        .sum()
}

/// So many seconds before a time, or the beginning of the calendar.
fn back(time: Timestamp, seconds: u64) -> Timestamp {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| time.checked_sub(SignedDuration::from_secs(seconds)).ok())
        .unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
#[path = "selection_tests.rs"]
mod tests;
