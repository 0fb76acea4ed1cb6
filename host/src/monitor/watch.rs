//! The use cases around monitors: making and changing them, evaluating them, asking for the past.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::domain::monitor::{Cadence, CurrentSpec, MONITORS_MAX, MonitorSpec};
use crate::domain::record::{BacktestRecord, Cause, EvaluationRecord, MonitorRecord};
use crate::domain::{Clock, Model, ModelId, SchemaError};
use crate::runtime::Plugin;
use crate::store::{Made, Store, StoreError, WindowPosition};

use super::detectors::Detectors;
use super::evaluate::{Evaluator, Ran, needs_labels};
use super::follow::{Follow, FollowSettings};
use super::profiler::ProfileError;
use super::selection::{Ask, Selection, select};
use super::sink::ResultSink;
use super::source::WindowSource;
use super::spec;

/// Why a monitor could not be made, changed or evaluated.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// There is no such model.
    #[error("there is no model '{0}'")]
    NoModel(ModelId),
    /// There is no such monitor.
    #[error("model '{model}' has no monitor '{monitor}'")]
    NoMonitor {
        /// The model.
        model: ModelId,
        /// The monitor.
        monitor: String,
    },
    /// There is no such backtest.
    #[error("there is no backtest {0}")]
    NoBacktest(i64),
    /// The name is taken.
    #[error("model '{model}' already has a monitor '{monitor}'")]
    NameTaken {
        /// The model.
        model: ModelId,
        /// The monitor.
        monitor: String,
    },
    /// What the monitor shall do makes no sense.
    #[error("{field}: {reason}")]
    Spec {
        /// Which field of the spec.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The model has as many monitors as it may have.
    #[error("a model may have {0} monitors")]
    TooMany(usize),
    /// The columns make no schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Rows could not be profiled.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
}

/// What a watch works with.
pub struct WatchParts {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Profiles and windows.
    pub source: Arc<dyn WindowSource>,
    /// The detectors.
    pub detectors: Arc<Detectors>,
    /// Who is told of results.
    pub sink: Arc<dyn ResultSink>,
    /// How it goes about it.
    pub settings: FollowSettings,
}

/// Monitors and their evaluations. Cheap to clone.
#[derive(Clone)]
pub struct Watch {
    evaluator: Arc<Evaluator>,
    follow: Arc<Follow>,
    /// Evaluations that somebody waits for hold a connection each, so they are few at a time.
    requests: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// Windows of one monitor that a request evaluates: tumbling ones may have piled up.
const WINDOWS_OF_REQUEST_MAX: usize = 100;
/// Monitors whose latest results are read at once when the host starts.
const MONITORS_AT_ONCE: u32 = 500;

impl Watch {
    /// A watch that does what it is asked and nothing by itself: see [`Watch::start`].
    ///
    /// Each evaluation under way holds one connection of the store's pool and uses another for moments: the pool has at least
    /// twice as many as `settings.evaluations_at_once`, and some for others.
    pub fn new(parts: WatchParts) -> Self {
        let WatchParts {
            store,
            clock,
            source,
            detectors,
            sink,
            settings,
        } = parts;
        let at_once = settings.evaluations_at_once.max(1);
        let evaluator = Arc::new(Evaluator {
            store,
            clock,
            source,
            detectors,
            sink,
            permits: Arc::new(Semaphore::new(at_once)),
        });
        Self {
            follow: Follow::new(evaluator.clone(), settings),
            evaluator,
            requests: Arc::new(Semaphore::new(at_once)),
            tasks: TaskTracker::new(),
        }
    }

    /// Starts to follow what arrives, in the background.
    pub fn start(&self) {
        self.follow.start(&self.tasks);
    }

    /// Rows or labels of a model were committed, or its registration changed: they are profiled and its monitors evaluated soon.
    pub fn touched(&self, model_no: i32) {
        self.follow.touched(model_no);
    }

    /// Models and monitors that wait for their turn.
    pub fn waiting(&self) -> (usize, usize) {
        self.follow.waiting()
    }

    /// Finishes what is under way and takes nothing new.
    pub async fn stop(&self) {
        self.follow.stop();
        self.requests.close();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Tells the sink the latest result of every monitor: when the host starts.
    pub async fn tell_latest(&self) -> Result<(), WatchError> {
        let mut after = 0;
        loop {
            let (records, next) = self
                .store()
                .latest_evaluations_after(after, MONITORS_AT_ONCE)
                .await?;
            for record in &records {
                self.evaluator.sink.evaluated(record);
            }
            match next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }

    /// The detectors there are.
    pub fn detectors(&self) -> &Detectors {
        &self.evaluator.detectors
    }

    /// Monitors of a model, by name. A model has three from the start: `data-drift`, `prior-drift`, `concept-drift`.
    pub async fn monitors(&self, model: &ModelId) -> Result<Vec<MonitorRecord>, WatchError> {
        let model = self.model(model).await?;
        Ok(self.store().monitors(model.no).await?)
    }

    /// One monitor.
    pub async fn monitor(&self, model: &ModelId, name: &str) -> Result<MonitorRecord, WatchError> {
        let found = self.model(model).await?;
        self.named(&found, name).await
    }

    /// Makes a monitor, and evaluates it over the past.
    pub async fn create(
        &self,
        model: &ModelId,
        name: &str,
        spec: MonitorSpec,
    ) -> Result<MonitorRecord, WatchError> {
        let found = self.model(model).await?;
        let plugin = self.check(name, &spec).await?;
        let start = self.start_of(&found, &spec, &plugin).await?;
        let now = self.evaluator.clock.now();
        match self
            .store()
            .create_monitor(found.no, name, &spec, start, now)
            .await?
        {
            Made::NameTaken => Err(WatchError::NameTaken {
                model: model.clone(),
                monitor: name.to_owned(),
            }),
            Made::TooMany => Err(WatchError::TooMany(MONITORS_MAX)),
            Made::New(_) => {
                self.follow.touched(found.no);
                self.follow.backtest_waits();
                self.named(&found, name).await
            }
        }
    }

    /// Makes a monitor or changes it: whether it is new. A changed one forgets what it had learned, and is evaluated over the past.
    /// The same spec again changes nothing.
    pub async fn put(
        &self,
        model: &ModelId,
        name: &str,
        spec: MonitorSpec,
    ) -> Result<(MonitorRecord, bool), WatchError> {
        let found = self.model(model).await?;
        let Some(monitor) = self.store().monitor(found.no, name).await? else {
            return Ok((self.create(model, name, spec).await?, true));
        };
        let plugin = self.check(name, &spec).await?;
        if monitor.spec == spec {
            return Ok((monitor, false));
        }
        let start = self.start_of(&found, &spec, &plugin).await?;
        let now = self.evaluator.clock.now();
        if !self
            .store()
            .change_monitor(monitor.no, &spec, start, now)
            .await?
        {
            return Err(no_monitor(&found, name));
        }
        self.evaluator.sink.monitor_removed(model.as_str(), name);
        self.follow.touched(found.no);
        self.follow.backtest_waits();
        Ok((self.named(&found, name).await?, false))
    }

    /// Removes a monitor, its measurements and its series. A default monitor does not come back.
    pub async fn delete(&self, model: &ModelId, name: &str) -> Result<(), WatchError> {
        let found = self.model(model).await?;
        let monitor = self.named(&found, name).await?;
        if !self.store().delete_monitor(monitor.no).await? {
            return Err(no_monitor(&found, name));
        }
        self.evaluator.sink.monitor_removed(model.as_str(), name);
        Ok(())
    }

    /// A model was removed from the database: its series go.
    pub fn model_removed(&self, model: &ModelId) {
        self.evaluator.sink.model_removed(model.as_str());
    }

    /// Profiles what is there, then evaluates one monitor of a model or all that are enabled, now, whatever their cadence.
    /// What each came to, in the order of their names.
    pub async fn evaluate(
        &self,
        model: &ModelId,
        monitor: Option<&str>,
        cause: Cause,
    ) -> Result<Vec<EvaluationRecord>, WatchError> {
        let found = self.model(model).await?;
        let monitors = self.chosen(&found, monitor).await?;
        let _permit = self
            .requests
            .acquire()
            .await
            .map_err(|_| WatchError::Stopping)?;
        self.evaluator.profile(found.no).await?;
        let mut records = Vec::with_capacity(monitors.len());
        for monitor in monitors {
            let mut last = None;
            for _ in 0..WINDOWS_OF_REQUEST_MAX {
                let Ran::Done { record, more } =
                    self.evaluator.run(monitor.no, cause, true).await?
                else {
                    break;
                };
                // After the last complete window comes one that is not: that is no result.
                let waits = record.measurements.is_empty() && last.is_some();
                if !waits {
                    last = Some(*record);
                }
                if !more || waits {
                    break;
                }
            }
            records.extend(last);
        }
        Ok(records)
    }

    /// Asks for the same without waiting.
    pub async fn evaluate_soon(
        &self,
        model: &ModelId,
        monitor: Option<&str>,
    ) -> Result<(), WatchError> {
        let found = self.model(model).await?;
        let monitors = self.chosen(&found, monitor).await?;
        self.follow.touched(found.no);
        for monitor in monitors {
            self.follow.add(found.no, monitor.no, Cause::Request);
        }
        Ok(())
    }

    /// What the monitors of a model compare with is another now: those that follow new data are evaluated soon, new data or not.
    pub async fn rebased(&self, model_no: i32) -> Result<(), WatchError> {
        self.follow.touched(model_no);
        for monitor in self.store().monitors(model_no).await? {
            let follows = matches!(monitor.spec.cadence, Cadence::NewData { .. });
            if monitor.spec.enabled && follows {
                self.follow.add(model_no, monitor.no, Cause::Request);
            }
        }
        Ok(())
    }

    /// Asks for a backtest of a monitor over stored profiles; it runs in the background.
    pub async fn backtest(
        &self,
        model: &ModelId,
        monitor: &str,
    ) -> Result<BacktestRecord, WatchError> {
        let found = self.model(model).await?;
        let monitor = self.named(&found, monitor).await?;
        let backtest = self
            .store()
            .request_backtest(monitor.no, self.evaluator.clock.now())
            .await?;
        self.follow.backtest_waits();
        Ok(backtest)
    }

    /// How far a backtest is.
    pub async fn backtest_state(&self, backtest_no: i64) -> Result<BacktestRecord, WatchError> {
        let found = self.store().backtest(backtest_no).await?;
        found.ok_or(WatchError::NoBacktest(backtest_no))
    }

    /// Profiles and evaluates everything that is due; returns when nothing is. What the schedule does, once.
    pub async fn run_due(&self) -> Result<(), WatchError> {
        self.follow.drain().await?;
        self.evaluator.run_due().await
    }

    /// The latest evaluation of each monitor of a model.
    pub async fn latest(&self, model: &ModelId) -> Result<Vec<EvaluationRecord>, WatchError> {
        let model = self.model(model).await?;
        Ok(self.store().latest_evaluations(model.no).await?)
    }

    fn store(&self) -> &Store {
        &self.evaluator.store
    }

    /// The model, with its default monitors made.
    async fn model(&self, id: &ModelId) -> Result<Model, WatchError> {
        let model = self.store().model(id).await?;
        let model = model.ok_or_else(|| WatchError::NoModel(id.clone()))?;
        self.evaluator.ensure_defaults(model.no).await?;
        Ok(model)
    }

    async fn named(&self, model: &Model, name: &str) -> Result<MonitorRecord, WatchError> {
        let monitor = self.store().monitor(model.no, name).await?;
        monitor.ok_or_else(|| no_monitor(model, name))
    }

    /// One monitor, enabled or not, or all that are enabled.
    async fn chosen(
        &self,
        model: &Model,
        monitor: Option<&str>,
    ) -> Result<Vec<MonitorRecord>, WatchError> {
        if let Some(name) = monitor {
            return Ok(vec![self.named(model, name).await?]);
        }
        let mut monitors = self.store().monitors(model.no).await?;
        monitors.retain(|monitor| monitor.spec.enabled);
        Ok(monitors)
    }

    /// Checks name, spec and, by the detector itself, the configuration.
    async fn check(&self, name: &str, monitor: &MonitorSpec) -> Result<Plugin, WatchError> {
        spec::check_name(name)?;
        let plugin = spec::check(monitor, &self.evaluator.detectors)?;
        let (detector, config, seed) = (plugin.clone(), monitor.config.clone(), monitor.seed);
        let checked = self
            .evaluator
            .blocking(move || detector.configure(&config, seed.into()).map(|_| ()));
        match checked.await {
            Ok(Ok(())) => Ok(plugin),
            Ok(Err(error)) => Err(spec::wrong("config", error.to_string())),
            Err(_) => Err(WatchError::Stopping),
        }
    }

    /// Where a new monitor starts: tumbling windows that are complete by now are the backtest's.
    async fn start_of(
        &self,
        model: &Model,
        spec: &MonitorSpec,
        plugin: &Plugin,
    ) -> Result<WindowPosition, WatchError> {
        let mut position = WindowPosition::default();
        if !matches!(spec.current, CurrentSpec::Tumbling { .. }) {
            return Ok(position);
        }
        let chunks = self.evaluator.source.chunks(model).await?;
        let data_set = self.store().active_reference_size(model.no).await?;
        for _ in 0..chunks.len() {
            let ask = Ask {
                spec,
                training: model.last_training_time,
                data_set: data_set.map(|(_, rows, labelled)| (rows, labelled)),
                labelled: needs_labels(plugin.descriptor()),
                rows_min: spec.rows_min.max(plugin.descriptor().rows_min.into()),
                chunk_rows: model.settings.chunk_rows.into(),
                position,
            };
            match select(&chunks, &ask) {
                Selection::Judge { position: next, .. }
                | Selection::Insufficient { position: next, .. }
                    if next != position =>
                {
                    position = next;
                }
                _ => break,
            }
        }
        Ok(position)
    }
}

fn no_monitor(model: &Model, name: &str) -> WatchError {
    WatchError::NoMonitor {
        model: model.id.clone(),
        monitor: name.to_owned(),
    }
}
