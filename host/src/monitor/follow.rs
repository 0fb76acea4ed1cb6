//! Keeps going: profiles models as their rows arrive, and evaluates the monitors that are due.
//!
//! Models wait in one queue and monitors in two, each with workers of its own: monitors of a detector that is slow, or that nobody
//! knows yet, go to the slow lane, where detectors take turns; so they delay none that are quick. In the quick lane models take
//! turns, so a model with many monitors delays none with few. A worker of the quick lane does not wait for an evaluation that
//! turns out to be slow: it goes on with the next one.
//! The queues are a shortcut; what is due stands in the database, and sweeps find what was missed: what goes by the clock at once,
//! the rest later, so that models at which nothing happens cost next to nothing. Only the host's own models are followed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::record::Cause;

use super::backtest;
use super::evaluate::{Evaluator, Ran};
use super::later::Later;
use super::places::{Pace, slow_alone_max};
use super::quarantine::QUARANTINE_AFTER;
use super::queue::Queue;
use super::schedule::{Due, Sweep};
use super::watch::WatchError;
use crate::store::Retention;

/// Memory of the detectors that run at once where nothing else is said: four with the limits of those that come with the host.
pub const DETECTOR_MEMORY_BYTES_MAX: usize = 2 << 30;
/// Shortest time after which a silent host is taken for dead: it says five times as often that it is not.
pub const HOST_TIMEOUT_MIN: Duration = Duration::from_secs(1);
/// Shortest sleep until a monitor has rested.
const REST_MIN: Duration = Duration::from_millis(1);
/// Pause before a monitor is tried again whose evaluation the database kept from being stored.
const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// How the loop works.
#[derive(Debug, Clone)]
pub struct FollowSettings {
    /// Shortest time between two looks at a model, so that a busy one is profiled in larger pieces.
    pub pace: Duration,
    /// Time between two sweeps for what is due by the clock, failed, or was asked for.
    pub sweep: Duration,
    /// Every so many sweeps one also looks for rows that nobody told of.
    pub sweeps_behind: u32,
    /// Every so many sweeps one also looks for what a crash left behind.
    pub sweeps_thorough: u32,
    /// A host that was silent for so long is taken for dead, and the others take its models over. At least
    /// [`HOST_TIMEOUT_MIN`].
    pub host_timeout: Duration,
    /// Models profiled at once.
    pub models_at_once: usize,
    /// Detectors that run at once.
    pub evaluations_at_once: usize,
    /// Memory limits of the detectors that run at once, in bytes: they add up to no more.
    pub detector_memory_bytes_max: usize,
    /// A detector whose calls take longer is slow.
    pub slow: Duration,
    /// An uploaded version whose evaluations failed so often in a row is quarantined. 0: never.
    pub quarantine_after: u32,
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
            sweeps_behind: 5,
            sweeps_thorough: 300,
            host_timeout: Duration::from_secs(5),
            models_at_once: 2,
            evaluations_at_once: 2,
            detector_memory_bytes_max: DETECTOR_MEMORY_BYTES_MAX,
            slow: Duration::from_secs(1),
            quarantine_after: QUARANTINE_AFTER,
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
    slow: Queue<String, i64>,
    /// What is known of the monitors that wait.
    waiting: Mutex<HashMap<i64, Due>>,
    /// Evaluations that a worker of the quick lane did not wait for.
    overdue: Arc<Semaphore>,
    later: Later,
    backtests: Notify,
    removals: Notify,
    /// The next sweep is to be a thorough one, and soon.
    thorough: AtomicBool,
    sweep_now: Notify,
    stop: CancellationToken,
}

impl Follow {
    pub(super) fn new(evaluator: Arc<Evaluator>, settings: FollowSettings) -> Arc<Self> {
        Arc::new(Self {
            evaluator,
            models: Arc::new(Queue::new()),
            quick: Queue::new(),
            slow: Queue::bounded(slow_alone_max(settings.evaluations_at_once)),
            waiting: Mutex::default(),
            overdue: Arc::new(Semaphore::new(settings.evaluations_at_once.max(1))),
            settings,
            later: Later::default(),
            backtests: Notify::new(),
            removals: Notify::new(),
            thorough: AtomicBool::new(false),
            sweep_now: Notify::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Rows or labels of a model were written.
    pub(super) fn touched(&self, model_no: i32) {
        self.models.add(model_no, model_no);
    }

    /// Models were taken over: what waits of them is looked for.
    pub(super) fn look_thoroughly(&self) {
        self.thorough.store(true, Ordering::Release);
        self.sweep_now.notify_one();
    }

    /// A model or a monitor was deleted.
    pub(super) fn something_was_deleted(&self) {
        self.removals.notify_one();
    }

    /// A backtest was asked for.
    pub(super) fn backtest_waits(&self) {
        self.backtests.notify_one();
    }

    /// A monitor shall be evaluated.
    pub(super) fn add(&self, due: Due) {
        let (model_no, monitor_no) = (due.model_no, due.monitor_no);
        let detector = due.detector.clone();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let asked = due.cause == Cause::Request;
            let known = waiting.entry(monitor_no).or_insert_with(|| due.clone());
            if asked {
                *known = due; // Somebody asked: it runs whatever its cadence.
            }
        }
        match self.pace(&detector) {
            Pace::Quick => self.quick.add(model_no, monitor_no),
            Pace::Slow => self.slow.add(detector, monitor_no),
        }
    }

    fn pace(&self, detector: &str) -> Pace {
        self.evaluator.pace(detector)
    }

    fn taken(&self, monitor_no: i64) -> Option<Due> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&monitor_no)
    }

    /// Models and monitors that wait.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.models.len(), self.quick.len() + self.slow.len())
    }

    /// Evaluates what waits, in this task.
    pub(super) async fn drain(&self) -> Result<(), WatchError> {
        self.drain_lane(&self.quick).await?;
        self.drain_lane(&self.slow).await
    }

    async fn drain_lane<G: Clone + Eq + std::hash::Hash>(
        &self,
        lane: &Queue<G, i64>,
    ) -> Result<(), WatchError> {
        while let Some(monitor_no) = lane.take() {
            let ran = match self.taken(monitor_no) {
                None => Ok(0),
                Some(due) => self.evaluator.run_to_the_end(&due).await,
            };
            lane.done(&monitor_no);
            ran?;
        }
        Ok(())
    }

    /// Starts the workers.
    pub(super) fn start(self: &Arc<Self>, tasks: &TaskTracker) {
        for _ in 0..self.settings.models_at_once.max(1) {
            self.spawn(tasks, |follow| async move { follow.profile_models().await });
        }
        let at_once = self.settings.evaluations_at_once.max(1);
        for _ in 0..at_once {
            let all = tasks.clone();
            self.spawn(tasks, |follow| follow.evaluate_quick(all));
        }
        for _ in 0..at_once.div_ceil(2) {
            self.spawn(tasks, |follow| async move { follow.evaluate_slow().await });
        }
        self.spawn(tasks, |follow| async move { follow.sweep().await });
        self.spawn(tasks, |follow| async move { follow.wake().await });
        self.spawn(tasks, |follow| async move { follow.run_backtests().await });
        self.spawn(tasks, |follow| async move { follow.forget().await });
        self.spawn(tasks, |follow| async move { follow.remove().await });
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

    async fn next<G, K>(&self, queue: &Queue<G, K>) -> Option<K>
    where
        G: Clone + Eq + std::hash::Hash,
        K: Clone + Eq + std::hash::Hash,
    {
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
            if !self.evaluator.owners.owns(model_no) {
                self.models.done(&model_no);
                continue;
            }
            let start = Instant::now();
            let looked = async {
                // A model whose rows come as quickly as they are counted is judged all the same.
                let enough = |_| start.elapsed() >= self.settings.pace;
                let (_, more) = self.evaluator.profile_until(model_no, enough).await?;
                Ok::<_, WatchError>((self.evaluator.look(model_no).await?, more))
            };
            match looked.await {
                Ok((look, more)) => {
                    for due in look.due {
                        self.add(due);
                    }
                    for (at, due) in look.later {
                        self.later.add(at, due);
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

    async fn evaluate_quick(self: Arc<Self>, tasks: TaskTracker) {
        while let Some(monitor_no) = self.next(&self.quick).await {
            let Some(due) = self.taken(monitor_no) else {
                self.quick.done(&monitor_no);
                continue;
            };
            if self.pace(&due.detector) == Pace::Slow {
                // It has become slow since: the other lane's.
                self.quick.done(&monitor_no);
                self.add(due);
                continue;
            }
            let follow = Arc::clone(&self);
            let mut work = tasks.spawn(async move {
                follow.evaluate_one(due).await;
                follow.quick.done(&monitor_no);
            });
            let late = tokio::select! {
                _ = &mut work => false,
                () = tokio::time::sleep(self.settings.slow) => true,
            };
            if !late {
                continue;
            }
            match Arc::clone(&self.overdue).try_acquire_owned() {
                Ok(permit) => {
                    tasks.spawn(async move {
                        let _permit = permit;
                        let _ = work.await;
                    });
                }
                // As many as may be are under way.
                Err(_) => {
                    let _ = work.await;
                }
            }
        }
    }

    async fn evaluate_slow(&self) {
        while let Some(monitor_no) = self.next(&self.slow).await {
            if let Some(due) = self.taken(monitor_no) {
                self.evaluate_one(due).await;
            }
            self.slow.done(&monitor_no);
        }
    }

    async fn evaluate_one(&self, due: Due) {
        let monitor_no = due.monitor_no;
        if !self.evaluator.owners.owns(due.model_no) {
            return;
        }
        match self.evaluator.run_due_one(&due).await {
            Ok(Ran::Nothing) => {}
            Ok(Ran::Done { more, .. }) => {
                if more {
                    self.add(due);
                }
            }
            // What is due stays due in the database.
            Err(error) => {
                if let Ok(at) = self.evaluator.clock.now().checked_add(TRY_AGAIN) {
                    self.later.add(at, due);
                }
                tracing::warn!(monitor.no = monitor_no, error = %error, "a monitor could not be evaluated");
            }
        }
    }

    async fn sweep(&self) {
        let mut sweeps = 0_u32;
        loop {
            let asked = self.thorough.swap(false, Ordering::AcqRel);
            let sweep = if asked || sweeps.is_multiple_of(self.settings.sweeps_thorough.max(1)) {
                Sweep::Thorough
            } else if sweeps.is_multiple_of(self.settings.sweeps_behind.max(1)) {
                Sweep::Behind
            } else {
                Sweep::Timed
            };
            sweeps = sweeps.wrapping_add(1);
            match self.evaluator.models_due(sweep).await {
                Ok(models) => models
                    .into_iter()
                    .for_each(|model_no| self.touched(model_no)),
                Err(error) => {
                    tracing::warn!(error = %error, "what is due could not be read");
                    self.thorough
                        .fetch_or(sweep == Sweep::Thorough, Ordering::AcqRel);
                }
            }
            if sweep == Sweep::Thorough {
                self.backtest_waits();
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(self.settings.sweep) => {}
                () = self.sweep_now.notified() => {}
            }
        }
    }

    /// Gives monitors back whose rest is over.
    async fn wake(&self) {
        loop {
            let now = self.evaluator.clock.now();
            let (rested, next) = self.later.take(now);
            for due in rested {
                self.add(due);
            }
            let rest = next.map(|next| Duration::try_from(next.duration_since(now)));
            // A clock that stands still is looked at again and again.
            let rest = match rest {
                Some(rest) => rest.unwrap_or_default().max(REST_MIN),
                None => self.settings.forget,
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.later.sooner() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// Does something until the host stops.
    pub(super) async fn until_stopped(&self, work: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = work => {}
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

    /// Takes away what deleted models and monitors left.
    async fn remove(&self) {
        loop {
            let more = match self.evaluator.store.remove_some().await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(error = %error, "what deleted models left could not be removed");
                    false
                }
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.removals.notified(), if !more => {}
                () = tokio::time::sleep(self.settings.forget), if !more => {}
                () = std::future::ready(()), if more => {}
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
