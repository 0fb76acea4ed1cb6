//! Evaluates a monitor over the stored chunks of the past, one window after the other.
//!
//! A backtest replaces what an earlier one of its monitor measured. So one over which a host died starts again, and nothing is
//! there twice. Windows with too little to judge leave no record.

use crate::domain::Model;
use crate::domain::monitor::CurrentSpec;
use crate::domain::record::{Cause, MonitorRecord, Outcome};
use crate::runtime::{Detector, Plugin};
use crate::store::{BacktestClaim, NewEvaluation, WindowPosition};

use super::comparison::Comparison;
use super::evaluate::{Attempt, Evaluator, Listed, record};
use super::watch::WatchError;
use super::windows::ChunkInfo;

/// Sliding windows of one backtest. Where there are more, they are thinned evenly; the newest is always among them.
/// Of tumbling ones each is evaluated.
pub const BACKTEST_WINDOWS_MAX: usize = 500;

/// Runs the backtests that wait, one after the other; how many there were.
pub(super) async fn run_waiting(evaluator: &Evaluator) -> Result<u64, WatchError> {
    let (mut ran, mut after) = (0, 0);
    while let Some(claim) = evaluator.store.claim_backtest(after).await? {
        after = claim.backtest_no;
        run(evaluator, claim).await?;
        ran += 1;
    }
    Ok(ran)
}

async fn run(evaluator: &Evaluator, claim: BacktestClaim) -> Result<(), WatchError> {
    let (store, clock) = (&evaluator.store, &evaluator.clock);
    let Some(monitor) = store.monitor_by_no(claim.monitor_no).await? else {
        return Ok(());
    };
    let Some(model) = store.model_by_no(monitor.model_no).await? else {
        return Ok(());
    };
    let detectors = &evaluator.detectors;
    let own = detectors.resolve(store, &monitor.spec.detector).await?;
    let mut trial = None;
    let resolved = match &claim.detector {
        None => own,
        Some(tried) => {
            trial = own.ok().map(Trial::new);
            detectors.resolve(store, tried).await?
        }
    };
    let reason = match resolved {
        Err(unavailable) => Some(unavailable.to_string()),
        Ok(plugin) => windows(evaluator, &claim, &model, &monitor, &plugin, trial.as_mut()).await?,
    };
    let comparison = trial.and_then(|trial| serde_json::to_value(trial.comparison).ok());
    store
        .end_backtest(claim, reason.as_deref(), comparison.as_ref(), clock.now())
        .await?;
    Ok(())
}

/// What a version that is tried is held against: the monitor's own detector on the same windows. It is a function of what it is
/// given, so it says what it said, or would have said, there.
struct Trial {
    own: Plugin,
    comparison: Comparison,
}

impl Trial {
    fn new(own: Plugin) -> Self {
        let comparison = Comparison::with(own.descriptor().full_name());
        Self { own, comparison }
    }

    async fn add(
        &mut self,
        evaluator: &Evaluator,
        (model, monitor): (&Model, &MonitorRecord),
        listed: Listed<'_>,
        position: WindowPosition,
        tried: &Attempt,
    ) -> Result<(), WatchError> {
        let Ok(detector) = evaluator.configured(monitor, &self.own).await else {
            return Ok(());
        };
        let Detector::Batch(detector) = &*detector else {
            return Ok(()); // It has no windows.
        };
        let own = evaluator
            .judge(model, monitor, &self.own, detector, listed, position)
            .await?;
        let judged = |attempt: &Attempt| attempt.verdict.outcome == Outcome::Judged;
        let window = (tried.sizes.from, tried.sizes.to);
        self.comparison.add(
            window,
            judged(tried).then_some(tried.verdict.measurements.as_slice()),
            judged(&own).then_some(own.verdict.measurements.as_slice()),
        );
        Ok(())
    }
}

/// Evaluates every window; why it ended early, if it did.
async fn windows(
    evaluator: &Evaluator,
    claim: &BacktestClaim,
    model: &Model,
    monitor: &MonitorRecord,
    plugin: &Plugin,
    mut trial: Option<&mut Trial>,
) -> Result<Option<String>, WatchError> {
    let (store, clock) = (&evaluator.store, &evaluator.clock);
    let detector = match evaluator.configured(monitor, plugin).await {
        Ok(detector) => detector,
        Err(verdict) => return Ok(verdict.reason),
    };
    let Detector::Batch(detector) = &*detector else {
        if claim.detector.is_some() {
            return Ok(Some("a detector that follows rows has no windows: make it the shadow, and it reads every row from the first one on".to_owned()));
        }
        // It reads every row from the first one on: its past needs no backtest.
        store.begin_backtest(claim, 0, clock.now()).await?;
        return Ok(None);
    };
    let (chunks, label_seq) = evaluator.source.listed(model).await?;
    let steps = steps(&chunks, model, monitor);
    let tumbling = matches!(monitor.spec.current, CurrentSpec::Tumbling { .. });
    store
        .begin_backtest(claim, steps.len() as u64, clock.now())
        .await?;
    let mut position = WindowPosition::default();
    let mut failures = 0;
    for &until in &steps {
        // What came later does not exist yet.
        let past = &chunks[..until];
        let listed = Listed {
            chunks: past,
            label_seq,
            anyhow: true,
        };
        let attempt = evaluator
            .judge(model, monitor, plugin, detector, listed, position)
            .await?;
        if let Some(trial) = trial.as_deref_mut() {
            trial
                .add(evaluator, (model, monitor), listed, position, &attempt)
                .await?;
        }
        let moved = attempt.position != position;
        position = attempt.position;
        let now = clock.now();
        let mut record = record(model, monitor, Some(plugin), Cause::Backtest, &attempt, now);
        record.shadow = claim.detector.is_some();
        evaluator.detectors.logs.hold(&mut record);
        let failed = record.outcome == Outcome::Failed;
        let stored = failed || record.outcome == Outcome::Judged;
        let evaluation = stored.then(|| NewEvaluation {
            record: &record,
            // Only a baseline that is stored can be looked up.
            baseline: attempt
                .baseline
                .as_ref()
                .and_then(|(digest, new)| new.is_none().then_some(digest.as_str())),
            seed: monitor.spec.seed.into(),
            seq_to: past.iter().map(|chunk| chunk.seq_to).max().unwrap_or(0),
            inputs: attempt.inputs.as_ref(),
        });
        if !store
            .advance_backtest(claim, monitor, evaluation, now)
            .await?
        {
            return Ok(Some("the monitor was changed or removed".to_owned()));
        }
        failures = if failed { failures + 1 } else { 0 };
        if failures == FAILURES_MAX {
            return Ok(record.reason);
        }
        if tumbling && !moved && attempt.quiet {
            break; // No complete window is left.
        }
    }
    Ok(None)
}

/// Failures in a row that end a backtest.
const FAILURES_MAX: u32 = 3;

/// How many chunks each window may see: of sliding windows one more each time; of tumbling ones all, as often as there can be windows.
fn steps(chunks: &[ChunkInfo], model: &Model, monitor: &MonitorRecord) -> Vec<usize> {
    let under_test: Vec<usize> = (0..chunks.len())
        .filter(|&at| {
            model
                .last_training_time
                .is_none_or(|training| chunks[at].first_time > training)
        })
        .map(|at| at + 1)
        .collect();
    match monitor.spec.current {
        CurrentSpec::Tumbling { .. } => vec![chunks.len(); under_test.len()],
        CurrentSpec::Sliding { .. } | CurrentSpec::SinceTraining => {
            thinned(&under_test, BACKTEST_WINDOWS_MAX)
        }
    }
}

/// At most `most` of them, evenly, the last one among them.
fn thinned(of: &[usize], most: usize) -> Vec<usize> {
    if of.len() <= most {
        return of.to_vec();
    }
    (1..=most)
        .map(|place| of[place * of.len() / most - 1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_thinned_evenly_and_end_with_the_newest() {
        let all: Vec<usize> = (1..=10).collect();
        assert_eq!(thinned(&all, 10), all);
        assert_eq!(thinned(&all, 5), [2, 4, 6, 8, 10]);
        assert_eq!(thinned(&all, 3), [3, 6, 10]);
        assert_eq!(thinned(&all, 1), [10]);
        assert!(thinned(&[], 3).is_empty());
    }
}
