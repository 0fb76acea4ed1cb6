//! The smallest movement of a column that a monitor sees.

use crate::certify::Draws;
use crate::domain::Measurement;

use super::error::CalibrateError;
use super::judge::{Judge, Said, answered};
use super::movement::Movement;
use super::rows::{Making, Rows};
use super::settings::POWER;
use super::shuffled::Base;

/// Draws that move rows are told apart from those that deal them.
const MOVEMENTS: u64 = 1 << 32;

/// A column of a monitor, and the replays it is moved in.
pub(super) struct Trial<'a> {
    pub(super) judge: &'a dyn Judge,
    /// What the monitor sees, without times.
    pub(super) rows: &'a Rows,
    pub(super) making: Making,
    pub(super) bases: &'a [&'a Base],
    pub(super) seed: u64,
    /// Position of the column in the rows.
    pub(super) column: usize,
    pub(super) movement: &'a Movement,
}

impl Trial<'_> {
    /// The smallest size of the movement that windows of so many rows show in at least [`POWER`] of the replays, by bisection of its
    /// grid: every probe moves the same rows. None where not even the largest is seen.
    pub(super) fn smallest(&self, rows: u32) -> Result<Option<f64>, CalibrateError> {
        let grid = self.movement.grid();
        // Invariant: all before `unseen` are unseen, and what stands at `seen` is seen or past the end.
        let (mut unseen, mut seen) = (0, grid.len());
        while unseen < seen {
            let middle = usize::midpoint(unseen, seen);
            if self.is_seen(rows as usize, grid[middle])? {
                seen = middle;
            } else {
                unseen = middle + 1;
            }
        }
        Ok(grid.get(seen).copied())
    }

    /// Whether enough replays show it; ends as soon as that is sure.
    fn is_seen(&self, rows: usize, size: f64) -> Result<bool, CalibrateError> {
        let needed = needed(self.bases.len());
        let (mut hits, mut misses) = (0, 0);
        for (replay, base) in (MOVEMENTS..).zip(self.bases) {
            if self.shows(replay, base, rows, size)? {
                hits += 1;
            } else {
                misses += 1;
            }
            if hits >= needed {
                return Ok(true);
            }
            if misses > self.bases.len() - needed {
                return Ok(false);
            }
        }
        Ok(false)
    }

    fn shows(
        &self,
        replay: u64,
        base: &Base,
        rows: usize,
        size: f64,
    ) -> Result<bool, CalibrateError> {
        let mut batch = self.rows.batch().take(&base.held[..rows]);
        let mut draws = Draws::new(self.seed, replay);
        let values = &mut batch.columns[self.column];
        self.movement.apply(values, size, &mut draws);
        let window = self.rows.window_of(&batch, self.making)?;
        let name = &self.rows.columns()[self.column].name;
        // No answer shows nothing.
        let answer = answered(self.judge.judge(&base.learned, &window))?;
        let said = |measurements: Vec<Measurement>| {
            Said::of(&measurements, Some(name), self.judge.follows_rows())
        };
        Ok(answer.map(said) == Ok(Said::Alarm))
    }
}

/// Hits among so many replays that make a shift seen, at least one.
fn needed(replays: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of some tens"
    )]
    let needed = (POWER * replays as f64).ceil() as usize;
    needed.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighty_percent_of_the_replays_must_show_it() {
        assert_eq!(
            [needed(0), needed(1), needed(20), needed(40)],
            [1, 1, 16, 32]
        );
    }
}
