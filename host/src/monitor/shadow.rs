//! Runs the shadow of a detector on the windows that the active version has just judged.
//!
//! In a task and with a permit of its own, after the active version's results are committed: it delays and fails nobody. What
//! waits is bounded; the oldest gives way. A shadow that fails is left alone for longer and longer, like a monitor.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::domain::Model;
use crate::domain::record::{Cause, MonitorRecord, Outcome};
use crate::domain::version::DetectorState;
use crate::runtime::{Detector, Plugin};
use crate::store::{ChunkInfo, NewEvaluation, Profiled, ShadowClaim, WindowPosition};

use super::evaluate::{Attempt, Evaluator, Listed, next_state, pause, record};
use super::stream;
use super::watch::WatchError;

/// Evaluations that wait for their shadow.
const WAITING_MAX: usize = 64;
/// Shadows whose failures are remembered.
const FAILED_MAX: usize = 10_000;
/// Steps of a stream detector in one go: each has [`stream::ROWS_AT_ONCE`] rows at most.
const STEPS_MAX: u32 = 50;

/// An evaluation that was made, and its inputs.
pub(super) struct Judged {
    pub(super) model: Model,
    pub(super) monitor: MonitorRecord,
    pub(super) cause: Cause,
    /// Where the monitor stood before.
    pub(super) position: WindowPosition,
    /// What there was to look at; nothing for a stream.
    pub(super) chunks: Arc<Vec<ChunkInfo>>,
    /// Labels up to this one counted in them.
    pub(super) label_seq: i64,
    pub(super) profiled: Profiled,
}

/// The shadows of all monitors.
pub(super) struct Shadows {
    evaluator: Evaluator,
    waiting: Mutex<VecDeque<Judged>>,
    /// Failures in a row by monitor and digest, and until when it is left alone.
    failed: Mutex<HashMap<(i64, String), (i32, Timestamp)>>,
    wakes: Notify,
    stop: CancellationToken,
}

impl Shadows {
    /// Shadows that run as `evaluator` says, which has permits of its own.
    pub(super) fn new(evaluator: Evaluator) -> Self {
        Self {
            evaluator,
            waiting: Mutex::default(),
            failed: Mutex::default(),
            wakes: Notify::new(),
            stop: CancellationToken::new(),
        }
    }

    /// The shadow of what was judged shall run.
    pub(super) fn add(&self, judged: Judged) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX
            && let Some(oldest) = waiting.pop_front()
        {
            tracing::debug!(
                monitor.no = oldest.monitor.no,
                "a shadow was left out: too many wait"
            );
        }
        waiting.push_back(judged);
        drop(waiting);
        self.wakes.notify_one();
    }

    /// Runs what comes, until told to stop.
    pub(super) async fn follow(&self) {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.wakes.notified() => {}
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                ran = self.drain() => {
                    if let Err(error) = ran {
                        tracing::warn!(error = %error, "a shadow could not be run");
                    }
                }
            }
        }
    }

    /// Takes nothing new.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Runs what waits, in this task.
    pub(super) async fn drain(&self) -> Result<(), WatchError> {
        loop {
            let next = self
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(judged) = next else {
                return Ok(());
            };
            self.run(&judged).await?;
        }
    }

    async fn run(&self, judged: &Judged) -> Result<(), WatchError> {
        let evaluator = &self.evaluator;
        let live = evaluator.detectors.live();
        let Some(version) = live.in_state(&judged.monitor.spec.detector, DetectorState::Shadow)
        else {
            return Ok(());
        };
        let key = (judged.monitor.no, version.digest.clone());
        if self.rests(&key) {
            return Ok(());
        }
        let failed = match evaluator.detectors.load(&evaluator.store, version).await? {
            Ok(plugin) => self.run_plugin(judged, &plugin).await?,
            Err(unavailable) => {
                tracing::warn!(error = %unavailable, "a shadow cannot be run");
                true
            }
        };
        self.note(key, failed);
        Ok(())
    }

    /// Whether it failed.
    async fn run_plugin(&self, judged: &Judged, plugin: &Plugin) -> Result<bool, WatchError> {
        let Judged {
            model,
            monitor,
            profiled,
            ..
        } = judged;
        let evaluator = &self.evaluator;
        let digest = plugin.digest().to_string();
        for _ in 0..STEPS_MAX {
            let claim = evaluator.store.claim_shadow(monitor, &digest).await?;
            let attempt = match evaluator.configured(monitor, plugin).await {
                Err(verdict) => Attempt::failed(verdict, judged.position),
                Ok(detector) => match &*detector {
                    Detector::Batch(detector) => {
                        let listed = Listed {
                            chunks: &judged.chunks,
                            label_seq: judged.label_seq,
                            anyhow: true,
                        };
                        evaluator
                            .judge(model, monitor, plugin, detector, listed, judged.position)
                            .await?
                    }
                    Detector::Stream(detector) => {
                        let state = &claim.state;
                        stream::follow(evaluator, model, plugin, detector, state, *profiled).await?
                    }
                },
            };
            let more = attempt.more && attempt.stream.is_some();
            evaluator.note(plugin, &attempt.verdict).await?;
            let failed = self.store(judged, plugin, claim, &attempt).await?;
            if failed || !more {
                return Ok(failed);
            }
        }
        Ok(false)
    }

    async fn store(
        &self,
        judged: &Judged,
        plugin: &Plugin,
        claim: ShadowClaim,
        attempt: &Attempt,
    ) -> Result<bool, WatchError> {
        let Judged {
            model,
            monitor,
            cause,
            profiled,
            ..
        } = judged;
        let evaluator = &self.evaluator;
        let now = evaluator.clock.now();
        let mut record = record(model, monitor, Some(plugin), *cause, attempt, now);
        record.shadow = true;
        evaluator.detectors.logs.hold(&mut record);
        let state = attempt
            .stream
            .is_some()
            .then(|| next_state(&claim.state, attempt, *profiled, now));
        let failed = record.outcome == Outcome::Failed;
        let stored = !attempt.quiet && record.outcome != Outcome::Insufficient;
        let (digest, baseline) = attempt
            .baseline
            .as_ref()
            .map_or((None, None), |(digest, new)| {
                (Some(digest.as_str()), new.as_ref())
            });
        let evaluation = stored.then_some(NewEvaluation {
            record: &record,
            baseline: digest,
            seed: monitor.spec.seed.into(),
            seq_to: profiled.seq,
            inputs: attempt.inputs.as_ref(),
        });
        let no = evaluator
            .store
            .finish_shadow(claim, evaluation, baseline, state.as_ref(), now)
            .await?;
        if let Some(no) = no.filter(|_| stored) {
            record.evaluation_no = no;
            if evaluator.owners.owns(model.no) {
                evaluator.sink.shadowed(&record);
            }
        }
        Ok(failed)
    }

    fn rests(&self, key: &(i64, String)) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.evaluator.clock.now();
        failed.get(key).is_some_and(|(_, until)| now < *until)
    }

    fn note(&self, key: (i64, String), failed: bool) {
        let mut known = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if !failed {
            known.remove(&key);
            return;
        }
        if known.len() >= FAILED_MAX {
            known.clear(); // They are tried once more, and noted again.
        }
        let now = self.evaluator.clock.now();
        let (failures, until) = known.entry(key).or_insert((0, now));
        *failures = failures.saturating_add(1);
        *until = now.checked_add(pause(*failures)).unwrap_or(now);
    }
}
