//! The use cases around monitors: making and changing them, evaluating them, asking for the past.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::task::TaskTracker;

use crate::calibrate::Report;
use crate::domain::monitor::{CurrentSpec, MONITORS_MAX, MonitorSpec};
use crate::domain::record::{BacktestRecord, Cause, EvaluationRecord, MonitorRecord};
use crate::domain::{Clock, Model, ModelId, SchemaError};
use crate::runtime::Plugin;
use crate::store::{Made, Store, StoreError, WindowPosition};

use super::calibrate::{self, CalibrationAsk, CalibrationError};
use super::detectors::{Detectors, Unavailable};
use super::evaluate::{Evaluator, Ran};
use super::follow::{Follow, FollowSettings, HOST_TIMEOUT_MIN};
use super::hosting::Hosting;
use super::judge::needs_labels;
use super::owners::Owners;
use super::places::{Pace, Places, PlacesSettings};
use super::profiler::ProfileError;
use super::quarantine::Faults;
use super::replay::{self, ReplayError, Replayed};
use super::selection::{Ask, Selection, select};
use super::shadow::Shadows;
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
    /// There is no such column, or it has no numbers and no names: says which.
    #[error("{0}")]
    NoColumn(String),
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
    hosting: Arc<Hosting>,
    /// Evaluations that somebody waits for hold a connection each, so they are few at a time.
    requests: Arc<Semaphore>,
    shadows: Arc<Shadows>,
    /// The same of those with a detector that is slow: they keep no others waiting.
    slow_requests: Arc<Semaphore>,
    /// Calibrations: one at a time.
    calibrations: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// Connections of the pool for each detector that may run at once: an evaluation in either lane, one that somebody waits
/// for, and what each needs for moments.
const CONNECTIONS_OF_PLACE: usize = 4;
/// Windows of one monitor that a request evaluates: tumbling ones may have piled up.
const WINDOWS_OF_REQUEST_MAX: usize = 100;
/// Shadows that run at once, beside whatever is in use.
const SHADOWS_AT_ONCE: usize = 1;

impl Watch {
    /// A watch that does what it is asked and nothing by itself: see [`Watch::start`].
    ///
    /// Each evaluation under way holds one connection of the store's pool and uses another for moments: where the pool has fewer
    /// than `CONNECTIONS_OF_PLACE` for each of `settings.evaluations_at_once`, there are fewer of these.
    pub fn new(parts: WatchParts) -> Self {
        let WatchParts {
            store,
            clock,
            source,
            detectors,
            sink,
            settings,
        } = parts;
        // Whoever evaluates holds a connection and needs a second one for moments.
        let connections = store.pool().options().get_max_connections() as usize;
        let at_once = settings
            .evaluations_at_once
            .min(connections / CONNECTIONS_OF_PLACE)
            .max(1);
        if at_once < settings.evaluations_at_once {
            tracing::warn!(
                detectors = at_once,
                connections,
                "fewer detectors run at a time than they may: that takes {CONNECTIONS_OF_PLACE} connections each"
            );
        }
        let settings = FollowSettings {
            evaluations_at_once: at_once,
            ..settings
        };
        let places = Places::new(PlacesSettings {
            at_once,
            memory_bytes_max: settings.detector_memory_bytes_max,
            slow: settings.slow,
        });
        let places_of_shadows = Places::new(PlacesSettings {
            at_once: SHADOWS_AT_ONCE,
            memory_bytes_max: settings.detector_memory_bytes_max,
            slow: settings.slow,
        });
        let mut evaluator = Evaluator {
            store,
            clock,
            source,
            detectors,
            sink,
            shadows: None,
            owners: Arc::new(Owners::new()),
            places: places_of_shadows,
            faults: Arc::new(Faults::new(settings.quarantine_after)),
            dates: Arc::default(),
        };
        let shadows = Arc::new(Shadows::new(evaluator.clone()));
        evaluator.shadows = Some(Arc::clone(&shadows));
        evaluator.places = places;
        let evaluator = Arc::new(evaluator);
        let host_timeout = settings.host_timeout.max(HOST_TIMEOUT_MIN);
        let follow = Follow::new(evaluator.clone(), settings);
        let hosting = Hosting::new(evaluator.clone(), follow.clone(), host_timeout);
        Self {
            hosting: Arc::new(hosting),
            shadows,
            follow,
            evaluator,
            requests: Arc::new(Semaphore::new(at_once)),
            slow_requests: Arc::new(Semaphore::new(at_once.div_ceil(2))),
            calibrations: Arc::new(Semaphore::new(1)),
            tasks: TaskTracker::new(),
        }
    }

    /// Starts to follow what arrives, in the background.
    pub fn start(&self) {
        self.follow.start(&self.tasks);
        let shadows = Arc::clone(&self.shadows);
        self.tasks.spawn(async move { shadows.follow().await });
        self.host(|hosting| async move { hosting.keep_beating().await });
        self.host(|hosting| async move { hosting.keep_restoring().await });
        self.host(|hosting| async move { hosting.keep_listening().await });
        self.host(|hosting| async move { hosting.keep_posting().await });
    }

    fn host<F>(&self, work: impl FnOnce(Arc<Hosting>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (follow, work) = (self.follow.clone(), work(self.hosting.clone()));
        self.tasks
            .spawn(async move { follow.until_stopped(work).await });
    }

    /// Joins the other hosts on the database, and tells the sink the latest results of the models that are this host's own
    /// then. `address`: where it listens, for people. `only`: nobody else can be on this database. Until then every model is
    /// its own.
    pub async fn join(&self, address: Option<&str>, only: bool) -> Result<(), WatchError> {
        self.hosting.join(address, only).await
    }

    /// Looks once at the other hosts: gives up and takes over what changed hands. What the background does all the time.
    pub async fn look(&self) -> Result<(), WatchError> {
        self.hosting.look().await
    }

    /// Hosts that are alive, and how many of the database's `models` are this one's own.
    pub async fn share(&self, models: u64) -> Result<(usize, u64), WatchError> {
        Ok(self.hosting.share(models).await?)
    }

    /// Rows or labels of a model were committed, or its registration changed: they are profiled and its monitors evaluated soon.
    pub fn touched(&self, model_no: i32) {
        self.hosting.touched(model_no);
    }

    /// Models and monitors that wait for their turn.
    pub fn waiting(&self) -> (usize, usize) {
        self.follow.waiting()
    }

    /// Finishes what is under way, takes nothing new, and leaves the models to the other hosts.
    pub async fn stop(&self) {
        self.follow.stop();
        self.shadows.stop();
        self.requests.close();
        self.slow_requests.close();
        self.calibrations.close();
        self.tasks.close();
        self.tasks.wait().await;
        self.evaluator.places.close();
        if let Err(error) = self.hosting.leave().await {
            // They take this host for dead before long.
            tracing::warn!(%error, "the other hosts could not be told that this one ends");
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
                self.hosting.touched(found.no);
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
        self.hosting.touched(found.no);
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
        self.follow.something_was_deleted();
        Ok(())
    }

    /// A model was removed from the database: its series go.
    pub fn model_removed(&self, model: &ModelId) {
        self.evaluator.sink.model_removed(model.as_str());
        self.follow.something_was_deleted();
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
        let slow = monitors
            .iter()
            .any(|monitor| self.evaluator.pace(&monitor.spec.detector) == Pace::Slow);
        let requests = if slow {
            &self.slow_requests
        } else {
            &self.requests
        };
        let _permit = requests.acquire().await.map_err(|_| WatchError::Stopping)?;
        let mut asked = Vec::with_capacity(monitors.len());
        for monitor in &monitors {
            asked.push(self.store().requested(monitor.no).await?);
        }
        self.evaluator.profile(found.no).await?;
        let mut records = Vec::with_capacity(monitors.len());
        for (monitor, asked) in monitors.into_iter().zip(asked) {
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
            // Whoever asked before meant no more than this.
            if let (Some(_), Some(asked)) = (&last, asked) {
                self.store().request_answered(monitor.no, asked).await?;
            }
            records.extend(last);
        }
        Ok(records)
    }

    /// Asks for the same without waiting. The request stands in the database until it is answered, whatever becomes of this host.
    pub async fn evaluate_soon(
        &self,
        model: &ModelId,
        monitor: Option<&str>,
    ) -> Result<(), WatchError> {
        let found = self.model(model).await?;
        let monitors = self.chosen(&found, monitor).await?;
        let monitors: Vec<i64> = monitors.iter().map(|monitor| monitor.no).collect();
        self.store().request_evaluations(&monitors).await?;
        self.hosting.touched(found.no);
        Ok(())
    }

    /// Makes an evaluation again from what is stored, and compares every number bit by bit.
    ///
    /// # Errors
    /// [`ReplayError`] says what it was made of that is no longer there.
    pub async fn replay(&self, evaluation_no: i64) -> Result<Replayed, ReplayError> {
        let permit = self.slow_requests.acquire().await;
        let _permit = permit.map_err(|_| ReplayError::Stopping)?;
        replay::replay(&self.evaluator, evaluation_no).await
    }

    /// Replays the reference of a model against itself through one of its monitors, or all that are enabled.
    ///
    /// # Errors
    /// [`CalibrationError`] says what is wrong with what was asked, or what there is too little of.
    pub async fn calibrate(
        &self,
        model: &ModelId,
        monitor: Option<&str>,
        ask: CalibrationAsk,
    ) -> Result<Report, CalibrationError> {
        let found = self.model(model).await?;
        let monitors = self.chosen(&found, monitor).await?;
        let permit = self.calibrations.acquire().await;
        let _permit = permit.map_err(|_| CalibrationError::Stopping)?;
        self.evaluator.profile(found.no).await?;
        calibrate::calibrate(&self.evaluator, &found, monitors, ask).await
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
            .request_backtest(monitor.no, None, self.evaluator.clock.now())
            .await?;
        self.follow.backtest_waits();
        Ok(backtest)
    }

    /// Asks for a backtest of a monitor with a version (`name@version`) in place of its own detector.
    pub(super) async fn try_version(
        &self,
        model: &ModelId,
        monitor: &str,
        detector: &str,
    ) -> Result<BacktestRecord, WatchError> {
        let found = self.model(model).await?;
        let monitor = self.named(&found, monitor).await?;
        let now = self.evaluator.clock.now();
        let backtest = self
            .store()
            .request_backtest(monitor.no, Some(detector), now)
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
        self.evaluator.run_due().await?;
        self.shadows.drain().await
    }

    /// The latest evaluation of each monitor of a model.
    pub async fn latest(&self, model: &ModelId) -> Result<Vec<EvaluationRecord>, WatchError> {
        let model = self.model(model).await?;
        Ok(self.store().latest_evaluations(model.no).await?)
    }

    /// A place among the few requests that merge profiles at a time.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, WatchError> {
        let permit = self.requests.acquire().await;
        permit.map_err(|_| WatchError::Stopping)
    }

    /// What evaluates, for the use cases around versions of detectors.
    pub(super) fn evaluator(&self) -> &Arc<Evaluator> {
        &self.evaluator
    }

    /// Reads which versions of detectors there are, and tells the sink: what hosts do every few seconds.
    pub async fn tell_versions(&self) -> Result<(), WatchError> {
        self.evaluator.detectors.follow(self.store()).await?;
        self.evaluator.tell_versions();
        Ok(())
    }

    /// A version came into use or went out of it: monitors that follow new data are evaluated soon, new data or not.
    pub(super) async fn version_changed(&self, name: &str) -> Result<(), WatchError> {
        let following = self.store().monitors_following(name).await?;
        let monitors: Vec<i64> = following
            .iter()
            .map(|&(_, monitor_no)| monitor_no)
            .collect();
        self.store().request_evaluations(&monitors).await?;
        for (model_no, _) in following {
            self.hosting.touched(model_no);
        }
        Ok(())
    }

    pub(super) fn store(&self) -> &Store {
        &self.evaluator.store
    }

    pub(super) fn source(&self) -> &dyn WindowSource {
        self.evaluator.source.as_ref()
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
        spec::check(monitor)?;
        let detectors = &self.evaluator.detectors;
        let resolved = detectors.resolve(self.store(), &monitor.detector).await?;
        let plugin = resolved.map_err(|unavailable| {
            let there = match &unavailable {
                Unavailable::NoDetector { .. } => {
                    format!("; there are {}", detectors.names().join(", "))
                }
                _ => String::new(),
            };
            spec::wrong("detector", format!("{unavailable}{there}"))
        })?;
        let (detector, config, seed) = (plugin.clone(), monitor.config.clone(), monitor.seed);
        let work = move || detector.configure(&config, seed.into()).map(|_| ());
        match self.evaluator.blocking(&plugin, work).await {
            Ok((Ok(()), _)) => {
                spec::check_fits(monitor, &plugin)?;
                Ok(plugin)
            }
            Ok((Err(error), _)) => Err(spec::wrong("config", error.to_string())),
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
