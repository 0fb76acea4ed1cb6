//! Numbers on their way into a distribution.

use super::config::ProfileConfig;
use super::distribution::{Distribution, Scratch};
use super::order;
use super::run::Run;
use super::sort::Sorter;

/// Numbers that are gathered before they are sorted and merged: 256 KiB a column, which leaves room for
/// a copy in the second-level cache.
const BUFFER_VALUES: usize = 32_768;
/// The same while there are more distinct values than that: 512 KiB a column. A merge touches them all,
/// so more numbers should share its cost.
const BUFFER_VALUES_OF_LONG_RUNS: usize = 65_536;

/// Gathers the finite numbers of one column. How they were cut into batches leaves no trace.
#[derive(Debug, Default)]
pub(super) struct Collector {
    keys: Vec<u64>,
    distribution: Distribution,
}

/// What numbers were besides finite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Others {
    pub(super) missing: u64,
    pub(super) infinite: u64,
}

/// Memory for sorting, shared by the columns of a thread.
#[derive(Debug)]
pub(super) struct Workspace {
    sorter: Sorter,
    sorted: Vec<f64>,
    run: Run,
    scratch: Scratch,
}

impl Workspace {
    pub(super) fn new() -> Self {
        Self {
            sorter: Sorter::new(),
            sorted: Vec::new(),
            run: Run::default(),
            scratch: Scratch::default(),
        }
    }
}

impl Collector {
    /// Adds the finite numbers, and counts the others.
    pub(super) fn observe(
        &mut self,
        mut values: &[f64],
        config: &ProfileConfig,
        workspace: &mut Workspace,
    ) -> Others {
        let mut others = Others::default();
        while !values.is_empty() {
            let (now, later) =
                values.split_at(values.len().min(self.buffer_values() - self.keys.len()));
            values = later;
            // Each of these loops is one that the compiler can turn into vector instructions.
            let before = self.keys.len();
            self.keys.extend(now.iter().map(|&value| order::key(value)));
            let not_finite = now.iter().filter(|value| !value.is_finite()).count();
            if not_finite > 0 {
                keep_finite(&mut self.keys, before);
                let missing = now.iter().filter(|value| value.is_nan()).count();
                others.missing += missing as u64;
                others.infinite += (not_finite - missing) as u64;
            }
            if self.keys.len() == self.buffer_values() {
                self.flush(config, workspace);
            }
        }
        others
    }

    /// The distribution of all numbers so far.
    pub(super) fn finish(
        mut self,
        config: &ProfileConfig,
        workspace: &mut Workspace,
    ) -> Distribution {
        self.flush(config, workspace);
        self.distribution.shrink();
        self.distribution
    }

    fn buffer_values(&self) -> usize {
        match &self.distribution {
            Distribution::Exact(run) if run.len() > BUFFER_VALUES => BUFFER_VALUES_OF_LONG_RUNS,
            _ => BUFFER_VALUES,
        }
    }

    fn flush(&mut self, config: &ProfileConfig, workspace: &mut Workspace) {
        let Workspace {
            sorter,
            sorted,
            run,
            scratch,
        } = workspace;
        sorter.sort(&mut self.keys);
        sorted.clear();
        sorted.extend(self.keys.iter().map(|&key| order::value(key)));
        self.keys.clear();
        self.distribution
            .absorb_sorted(sorted, run, config, scratch);
        self.keys.shrink_to(self.buffer_values());
    }
}

/// Drops keys of numbers that are not finite, from `start` on.
fn keep_finite(keys: &mut Vec<u64>, start: usize) {
    let (smallest, largest) = (order::key(f64::MIN), order::key(f64::MAX));
    let added = &mut keys[start..];
    let mut kept = 0;
    for at in 0..added.len() {
        // Written in any case, and kept by moving on: no branch on the value.
        let key = added[at];
        added[kept] = key;
        kept += usize::from(smallest <= key && key <= largest);
    }
    keys.truncate(start + kept);
}
