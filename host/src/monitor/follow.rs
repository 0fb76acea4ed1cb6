//! Keeps going: profiles models as their rows arrive, and evaluates the monitors that are due.
//!
//! Models wait in one queue and monitors in two, each with workers of its own: a monitor whose detector was slow goes to the
//! slow lane from then on, so it delays none that are quick. Groups take turns, so a model with many monitors delays none with few.
//! The queues are a shortcut; what is due stands in the database, and a sweep finds what was missed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::record::Cause;

use super::backtest;
use super::evaluate::{Evaluator, Ran};
use super::queue::Queue;
use super::watch::WatchError;
use crate::store::Retention;

/// How the loop works.
#[derive(Debug, Clone)]
pub struct FollowSettings {
    /// Shortest time between two looks at a model, so that a busy one is profiled in larger pieces.
    pub pace: Duration,
    /// Time between two sweeps for what is due by the clock, or was written by another host.
    pub sweep: Duration,
    /// Every so many sweeps one also looks for what a crash left behind.
    pub sweeps_thorough: u32,
    /// Models profiled at once.
    pub models_at_once: usize,
    /// Detectors that run at once.
    pub evaluations_at_once: usize,
    /// A monitor whose evaluation took longer goes to the slow lane.
    pub slow: Duration,
    /// How old rows, profiles and results may become.
    pub keep: Retention,
    /// Time between two looks for what is older.
    pub forget: Duration,
}

impl Default for FollowSettings {
    fn default() -> Self {
        Self {
            pace: Duration::from_millis(500),
            sweep: Duration::from_secs(1),
            sweeps_thorough: 30,
            models_at_once: 2,
            evaluations_at_once: 2,
            slow: Duration::from_secs(1),
            keep: Retention::default(),
            forget: Duration::from_hours(1),
        }
    }
}

/// What waits.
pub(super) struct Follow {
    evaluator: Arc<Evaluator>,
    settings: FollowSettings,
    models: Arc<Queue<i32, i32>>,
    quick: Queue<i32, i64>,
    slow: Queue<i32, i64>,
    /// Why monitors wait, where it is not for new data; and which model they are of.
    causes: Mutex<HashMap<i64, (i32, Cause)>>,
    slow_monitors: Mutex<std::collections::HashSet<i64>>,
    backtests: Notify,
    stop: CancellationToken,
}

impl Follow {
    pub(super) fn new(evaluator: Arc<Evaluator>, settings: FollowSettings) -> Arc<Self> {
        Arc::new(Self {
            evaluator,
            settings,
            models: Arc::new(Queue::new()),
            quick: Queue::new(),
            slow: Queue::new(),
            causes: Mutex::default(),
            slow_monitors: Mutex::default(),
            backtests: Notify::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Rows or labels of a model were written.
    pub(super) fn touched(&self, model_no: i32) {
        self.models.add(model_no, model_no);
    }

    /// A backtest was asked for.
    pub(super) fn backtest_waits(&self) {
        self.backtests.notify_one();
    }

    /// A monitor shall be evaluated.
    pub(super) fn add(&self, model_no: i32, monitor_no: i64, cause: Cause) {
        {
            let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = causes.entry(monitor_no).or_insert((model_no, cause));
            if cause == Cause::Request {
                *entry = (model_no, cause); // Somebody asked: it runs whatever its cadence.
            }
        }
        let slow = self
            .slow_monitors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&monitor_no);
        let lane = if slow { &self.slow } else { &self.quick };
        lane.add(model_no, monitor_no);
    }

    /// Models and monitors that wait.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.models.len(), self.quick.len() + self.slow.len())
    }

    /// Evaluates what waits, in this task.
    pub(super) async fn drain(&self) -> Result<(), WatchError> {
        for lane in [&self.quick, &self.slow] {
            while let Some(monitor_no) = lane.take() {
                let found = self
                    .causes
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&monitor_no);
                let ran = match found {
                    None => Ok(0),
                    Some((model_no, cause)) => match self.evaluator.profile(model_no).await {
                        Ok(_) => {
                            self.evaluator
                                .run_to_the_end(super::schedule::Due { monitor_no, cause })
                                .await
                        }
                        Err(error) => Err(error),
                    },
                };
                lane.done(&monitor_no);
                ran?;
            }
        }
        Ok(())
    }

    /// Starts the workers.
    pub(super) fn start(self: &Arc<Self>, tasks: &TaskTracker) {
        for _ in 0..self.settings.models_at_once.max(1) {
            self.spawn(tasks, |follow| async move { follow.profile_models().await });
        }
        for _ in 0..self.settings.evaluations_at_once.max(1) {
            self.spawn(tasks, |follow| async move { follow.evaluate(true).await });
        }
        self.spawn(tasks, |follow| async move { follow.evaluate(false).await });
        self.spawn(tasks, |follow| async move { follow.sweep().await });
        self.spawn(tasks, |follow| async move { follow.run_backtests().await });
        self.spawn(tasks, |follow| async move { follow.forget().await });
    }

    /// Workers take nothing new; what they are at is finished.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    fn spawn<F>(self: &Arc<Self>, tasks: &TaskTracker, work: impl FnOnce(Arc<Self>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tasks.spawn(work(self.clone()));
    }

    async fn next<K: Clone + Eq + std::hash::Hash>(&self, queue: &Queue<i32, K>) -> Option<K> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            key = queue.next() => Some(key),
        }
    }

    /// Pauses, unless the host stops: false then.
    async fn rest(&self, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    async fn profile_models(&self) {
        while let Some(model_no) = self.next(&self.models).await {
            let start = Instant::now();
            let looked = async {
                // A model whose rows come as quickly as they are counted is judged all the same.
                let enough = |_| start.elapsed() >= self.settings.pace;
                let (_, more) = self.evaluator.profile_until(model_no, enough).await?;
                Ok::<_, WatchError>((self.evaluator.due(model_no).await?, more))
            };
            match looked.await {
                Ok((due, more)) => {
                    for due in due {
                        self.add(model_no, due.monitor_no, due.cause);
                    }
                    if more {
                        self.touched(model_no);
                    }
                }
                // The sweep comes back to it.
                Err(error) => {
                    tracing::warn!(model.no = model_no, error = %error, "a model could not be profiled");
                }
            }
            // The pause is the model's, not the worker's: the worker goes on with another.
            let rest = self.settings.pace.saturating_sub(start.elapsed());
            self.models_rest(model_no, rest);
        }
    }

    /// Gives a model back once its pause is over.
    fn models_rest(&self, model_no: i32, rest: Duration) {
        let models = self.models.clone();
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(rest) => {}
            }
            models.done(&model_no);
        });
    }

    async fn evaluate(&self, quick: bool) {
        let lane = if quick { &self.quick } else { &self.slow };
        while let Some(monitor_no) = self.next(lane).await {
            let found = self
                .causes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&monitor_no);
            if let Some((model_no, cause)) = found {
                self.evaluate_one(model_no, monitor_no, cause).await;
            }
            lane.done(&monitor_no);
        }
    }

    async fn evaluate_one(&self, model_no: i32, monitor_no: i64, cause: Cause) {
        let ran = async {
            // Whoever asks means what is committed, and nobody may have profiled it yet.
            if cause == Cause::Request {
                self.evaluator.profile(model_no).await?;
            }
            self.evaluator.run(monitor_no, cause, false).await
        };
        match ran.await {
            Ok(Ran::Nothing) => {}
            Ok(Ran::Done { record, more }) => {
                let slow = record.duration_seconds > self.settings.slow.as_secs_f64();
                let mut known = self
                    .slow_monitors
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                if slow {
                    known.insert(monitor_no);
                } else {
                    known.remove(&monitor_no);
                }
                drop(known);
                if more {
                    self.add(model_no, monitor_no, cause);
                }
            }
            // What is due stays due in the database.
            Err(error) => {
                tracing::warn!(monitor.no = monitor_no, error = %error, "a monitor could not be evaluated");
            }
        }
    }

    async fn sweep(&self) {
        let mut sweeps = 0_u32;
        loop {
            let thorough = sweeps.is_multiple_of(self.settings.sweeps_thorough.max(1));
            sweeps = sweeps.wrapping_add(1);
            match self.evaluator.models_due(thorough).await {
                Ok(models) => models
                    .into_iter()
                    .for_each(|model_no| self.touched(model_no)),
                Err(error) => tracing::warn!(error = %error, "what is due could not be read"),
            }
            if thorough {
                self.backtest_waits();
            }
            if !self.rest(self.settings.sweep).await {
                return;
            }
        }
    }

    async fn forget(&self) {
        loop {
            let evaluator = &self.evaluator;
            match evaluator
                .store
                .forget(&self.settings.keep, evaluator.clock.now())
                .await
            {
                Ok(gone) if gone.chunks > 0 || !gone.partitions.is_empty() => {
                    tracing::info!(
                        partitions = gone.partitions.join(", "),
                        chunks = gone.chunks,
                        "forgot what was older than it may be"
                    );
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = %error, "what is older than it may be could not be removed");
                }
            }
            if !self.rest(self.settings.forget).await {
                return;
            }
        }
    }

    async fn run_backtests(&self) {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.backtests.notified() => {}
            }
            // A backtest that is under way when the host stops starts again with the next one.
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                ran = backtest::run_waiting(&self.evaluator) => {
                    if let Err(error) = ran {
                        tracing::warn!(error = %error, "a backtest could not be run");
                    }
                }
            }
        }
    }
}
