//! Replays of a shuffled reference: what a monitor says where, by construction, nothing has moved.
//!
//! A replay deals the rows anew, learns from the first of them once, and judges windows of every size out of the rest. Given
//! the rows, replays are independent, so the interval of their rate is exact.

use crate::certify::Draws;

use super::error::CalibrateError;
use super::judge::{Judge, Learned, Said, alarms, answered};
use super::rows::{Making, Rows};
use super::settings::SHIFT_REPLAYS;
use super::threads::Threads;

/// The rows of a monitor and how they are dealt.
pub(super) struct Deal<'a> {
    pub(super) judge: &'a dyn Judge,
    /// What it sees, without times.
    pub(super) rows: &'a Rows,
    pub(super) making: Making,
    /// Ascending.
    pub(super) sizes: &'a [u32],
    /// Fewest rows of a window for a verdict.
    pub(super) rows_min: u64,
    pub(super) seed: u64,
}

/// One replay.
pub(super) struct Replay {
    /// What each size came to.
    pub(super) said: Vec<Said>,
    /// Of a detector that follows rows: alarms over all of them.
    pub(super) alarms: u64,
    /// What is kept to try shifts on.
    pub(super) base: Option<Base>,
}

/// A replay that shifts are tried on.
pub(super) struct Base {
    pub(super) learned: Learned,
    /// Rows that nothing was learned from: a window of a size is the first so many.
    pub(super) held: Vec<usize>,
}

impl Deal<'_> {
    /// Rows that are held out of what is learned from.
    pub(super) fn held(&self) -> usize {
        self.sizes.last().map_or(0, |size| *size as usize)
    }

    /// All replays, in order.
    pub(super) fn replays(
        &self,
        replays: u32,
        threads: &Threads,
    ) -> Result<Vec<Replay>, CalibrateError> {
        threads.each(replays as usize, |replay| self.replay(replay))
    }

    fn replay(&self, replay: usize) -> Result<Replay, CalibrateError> {
        // The same order for every monitor: the model's false alarms are those of the same windows.
        let order = Draws::new(self.seed, replay as u64).order(self.rows.rows());
        let (reference, held) = order.split_at(order.len() - self.held());
        let reference = self.rows.window(reference, self.making)?;
        let learned = match answered(self.judge.learn(&reference))? {
            Ok(learned) => learned,
            Err(why) => {
                return Ok(Replay {
                    said: vec![Said::Failed(why); self.sizes.len()],
                    alarms: 0,
                    base: None,
                });
            }
        };
        let (mut said, mut raised) = (Vec::with_capacity(self.sizes.len()), learned.alarms());
        for (at, &size) in self.sizes.iter().enumerate() {
            if u64::from(size) < self.rows_min {
                said.push(Said::Undecided);
                continue;
            }
            let window = self.rows.window(&held[..size as usize], self.making)?;
            said.push(match answered(self.judge.judge(&learned, &window))? {
                Ok(measurements) => {
                    if at + 1 == self.sizes.len() {
                        raised += alarms(&measurements);
                    }
                    Said::of(&measurements, None, self.judge.follows_rows())
                }
                Err(why) => Said::Failed(why),
            });
        }
        let base = (replay < SHIFT_REPLAYS as usize).then(|| Base {
            learned,
            held: held.to_vec(),
        });
        Ok(Replay {
            said,
            alarms: raised,
            base,
        })
    }
}
