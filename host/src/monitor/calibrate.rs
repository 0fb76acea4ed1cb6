//! Calibrates a model's monitors on the rows of its reference. Every call of a detector takes a place like that of an evaluation, one at
//! a time, so a calibration keeps nobody waiting for longer than a call.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;

use crate::calibrate::{
    CalibrateError, Judge, JudgeError, Learned, Monitor, Report, Rows, Settings, Threads, alarms,
    calibrate as replay_against_itself,
};
use crate::domain::monitor::{CurrentSpec, Extent};
use crate::domain::record::MonitorRecord;
use crate::domain::{ColumnKind, Measurement, Model, Role};
use crate::profile::{ProfileConfig, Window};
use crate::runtime::{Detector, Plugin, RunError, State, Usage};
use crate::store::StoreError;

use super::evaluate::Evaluator;
use super::selection::{Ask, Reference, Selection, select};
use super::watch::WatchError;
use super::windows::{ChunkInfo, WindowRequest, blocking};

/// Rows of a reference that a calibration in service uses.
pub const CALIBRATION_ROWS_MAX: u32 = 20_000;
/// Rows that it uses where nothing else is said.
pub const CALIBRATION_ROWS_DEFAULT: u32 = 5_000;
/// Replays of a calibration in service.
pub const CALIBRATION_REPLAYS_MAX: u32 = 500;
/// Replays where nothing else is said.
pub const CALIBRATION_REPLAYS_DEFAULT: u32 = 100;
/// Columns of a monitor that are moved in service.
pub const CALIBRATION_COLUMNS_MAX: u32 = 64;
/// Columns that are moved where nothing else is said.
pub const CALIBRATION_COLUMNS_DEFAULT: u32 = 8;

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// A setting is out of its range.
    #[error("{0}")]
    Settings(String),
    /// There are no rows that define normal, or too few.
    #[error("{0}")]
    Reference(String),
    /// A monitor cannot be called.
    #[error("monitor '{monitor}': {reason}")]
    Monitor {
        /// Its name.
        monitor: String,
        /// Why.
        reason: String,
    },
    /// There is no such model or monitor, or rows could not be profiled.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
}

/// What is asked of a calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationAsk {
    /// Rows of the reference that are used.
    pub rows: u32,
    /// How thorough it is.
    pub settings: Settings,
}

impl Default for CalibrationAsk {
    fn default() -> Self {
        Self {
            rows: CALIBRATION_ROWS_DEFAULT,
            settings: Settings {
                replays: CALIBRATION_REPLAYS_DEFAULT,
                columns: CALIBRATION_COLUMNS_DEFAULT,
                profile: ProfileConfig::service(),
                ..Settings::default()
            },
        }
    }
}

impl CalibrationAsk {
    /// Holds every number against its range, and against what a server allows.
    ///
    /// # Errors
    /// [`CalibrationError::Settings`].
    pub fn check(&self) -> Result<(), CalibrationError> {
        let wrong = |error: CalibrateError| CalibrationError::Settings(error.to_string());
        crate::calibrate::check_rows(self.rows).map_err(wrong)?;
        self.settings.check().map_err(wrong)?;
        for (what, value, most) in [
            ("rows", self.rows, CALIBRATION_ROWS_MAX),
            ("replays", self.settings.replays, CALIBRATION_REPLAYS_MAX),
            ("columns", self.settings.columns, CALIBRATION_COLUMNS_MAX),
        ] {
            if value > most {
                return Err(CalibrationError::Settings(format!(
                    "{what} is {value}; a server takes at most {most}"
                )));
            }
        }
        Ok(())
    }
}

/// Calibrates these monitors of a model.
pub(super) async fn calibrate(
    evaluator: &Evaluator,
    model: &Model,
    monitors: Vec<MonitorRecord>,
    ask: CalibrationAsk,
) -> Result<Report, CalibrationError> {
    ask.check()?;
    let Some(first) = monitors.first() else {
        return Err(CalibrationError::Settings(
            CalibrateError::NoMonitors.to_string(),
        ));
    };
    let (window, notes) = reference(evaluator, model, first, &ask).await?;
    let rows = window.kept().map(Rows::new);
    let rows = rows.map_err(|error| CalibrationError::Reference(error.to_string()))?;
    // Whoever hangs up stops the work: it looks here before each call.
    let gone = Arc::new(AtomicBool::new(false));
    let _hung_up = HungUp(Arc::clone(&gone));
    let mut placed = Vec::with_capacity(monitors.len());
    for monitor in monitors {
        placed.push(Placed::new(evaluator, monitor, Arc::clone(&gone)).await?);
    }
    let work = move || {
        let monitors: Vec<Monitor> = placed.iter().map(Placed::monitor).collect();
        let threads = Threads::new(NonZeroUsize::MIN, &|_| ());
        replay_against_itself(&rows, &monitors, &ask.settings, &threads)
    };
    let mut report = blocking(work).await?.map_err(|error| match error {
        CalibrateError::Stopped => CalibrationError::Stopping,
        CalibrateError::TooFewRows { .. } | CalibrateError::Window(_) => {
            CalibrationError::Reference(error.to_string())
        }
        error => CalibrationError::Settings(error.to_string()),
    })?;
    report.notes.splice(0..0, notes);
    Ok(report)
}

/// Rows that define normal: the active data set, else rows up to the training, else what the reference of `monitor` comes to now.
async fn reference(
    evaluator: &Evaluator,
    model: &Model,
    monitor: &MonitorRecord,
    ask: &CalibrationAsk,
) -> Result<(Arc<Window>, Vec<String>), CalibrationError> {
    let request = WindowRequest {
        keep_rows: Some((ask.rows, ask.settings.seed)),
        segment: None,
    };
    let source = &evaluator.source;
    if let Some((version, window)) = source.reference(model, request.clone()).await? {
        let note = format!("the rows are those of the reference data, version {version}");
        return Ok((window, vec![note]));
    }
    let (chunks, label_seq) = source.listed(model).await?;
    let training = model.last_training_time;
    let trained = |chunk: &&ChunkInfo| training.is_some_and(|time| chunk.last_time <= time);
    let mut taken: Vec<ChunkInfo> = chunks.iter().filter(trained).cloned().collect();
    let mut note = "the rows are those up to the model's last training".to_owned();
    if taken.is_empty() {
        let selection = select(
            &chunks,
            &Ask {
                spec: &monitor.spec,
                training,
                data_set: None,
                labelled: false,
                rows_min: 1,
                chunk_rows: model.settings.chunk_rows.into(),
                position: crate::store::WindowPosition::default(),
            },
        );
        taken = match selection {
            Selection::Judge {
                reference: Reference::Trailing(positions) | Reference::Training(positions),
                ..
            } => positions.iter().map(|&at| chunks[at].clone()).collect(),
            Selection::Judge { .. } => Vec::new(),
            Selection::Insufficient { reason, .. } | Selection::Waiting(reason) => {
                return Err(CalibrationError::Reference(format!(
                    "there is no reference data, there are no rows of a training, and {reason}"
                )));
            }
        };
        note = format!(
            "there is neither reference data nor a training: the rows are those that '{}' compares with now",
            monitor.name
        );
    }
    if taken.is_empty() {
        return Err(CalibrationError::Reference(
            "there is no reference data, and there are no rows to take its place".to_owned(),
        ));
    }
    let (window, _) = source.window(model, &taken, request, label_seq).await?;
    Ok((window, vec![note]))
}

/// Tells the work that nobody waits for it any more.
struct HungUp(Arc<AtomicBool>);

impl Drop for HungUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A monitor's detector whose calls take places.
struct Placed {
    evaluator: Evaluator,
    plugin: Plugin,
    detector: Arc<Detector>,
    record: MonitorRecord,
    handle: Handle,
    gone: Arc<AtomicBool>,
}

impl Placed {
    async fn new(
        evaluator: &Evaluator,
        record: MonitorRecord,
        gone: Arc<AtomicBool>,
    ) -> Result<Self, CalibrationError> {
        let wrong = |reason: String| CalibrationError::Monitor {
            monitor: record.name.clone(),
            reason,
        };
        let resolved = evaluator
            .detectors
            .resolve_or_previous(&evaluator.store, &record.spec)
            .await?;
        let plugin = resolved.map_err(|unavailable| wrong(unavailable.to_string()))?;
        let configured = evaluator.configured(&record, &plugin).await;
        let detector = configured.map_err(|verdict| wrong(verdict.reason.unwrap_or_default()))?;
        Ok(Self {
            evaluator: evaluator.clone(),
            plugin,
            detector,
            record,
            handle: Handle::current(),
            gone,
        })
    }

    fn monitor(&self) -> Monitor<'_> {
        let (spec, descriptor) = (&self.record.spec, self.plugin.descriptor());
        let window_rows = match spec.current {
            CurrentSpec::Sliding {
                extent: Extent::Rows(rows),
            }
            | CurrentSpec::Tumbling {
                extent: Extent::Rows(rows),
            } => Some(rows),
            _ => None,
        };
        let follows_rows = self.follows_rows();
        Monitor {
            name: self.record.name.clone(),
            detector: descriptor.full_name(),
            judge: self,
            // Rows that are followed stand in no window.
            window_rows: window_rows.filter(|_| !follows_rows),
            rows_min: if follows_rows {
                0
            } else {
                spec.rows_min.max(descriptor.rows_min.into())
            },
        }
    }

    /// One call, in a place of its own.
    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Usage) -> Result<T, RunError> + Send + 'static,
    ) -> Result<T, JudgeError> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(JudgeError::Stopped);
        }
        match self
            .handle
            .block_on(self.evaluator.guest(&self.plugin, work))
        {
            Ok((result, _)) => Ok(result?),
            Err(_) => Err(JudgeError::Stopped),
        }
    }
}

impl Judge for Placed {
    fn roles(&self) -> &[Role] {
        self.detector.roles()
    }

    fn kinds(&self) -> &[ColumnKind] {
        self.detector.kinds()
    }

    fn reads_rows(&self) -> bool {
        self.detector.reads_rows()
    }

    fn follows_rows(&self) -> bool {
        self.detector.follows_rows()
    }

    fn learn(&self, reference: &Window) -> Result<Learned, JudgeError> {
        let window = reference.clone();
        Ok(match &*self.detector {
            Detector::Batch(batch) => {
                let batch = batch.clone();
                let baseline = self.call(move |used| batch.fit_watched(&window, used))?;
                Learned::Baseline(Arc::new(baseline))
            }
            Detector::Stream(stream) => {
                let stream = stream.clone();
                let updated =
                    self.call(move |used| stream.update_watched(&State::default(), &window, used))?;
                Learned::Followed {
                    alarms: alarms(&updated.measurements),
                    state: Arc::new(updated.state),
                }
            }
        })
    }

    fn judge(&self, learned: &Learned, current: &Window) -> Result<Vec<Measurement>, JudgeError> {
        let window = current.clone();
        match (&*self.detector, learned) {
            (Detector::Batch(batch), Learned::Baseline(baseline)) => {
                let (batch, baseline) = (batch.clone(), Arc::clone(baseline));
                self.call(move |used| batch.evaluate_watched(&baseline, &window, used))
                    .map(|evaluated| evaluated.measurements)
            }
            (Detector::Stream(stream), Learned::Followed { state, .. }) => {
                let (stream, state) = (stream.clone(), Arc::clone(state));
                self.call(move |used| stream.update_watched(&state, &window, used))
                    .map(|updated| updated.measurements)
            }
            // What one kind learned is never handed to the other.
            _ => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_takes_as_much_as_its_limits_and_no_more() {
        let check = |change: &dyn Fn(&mut CalibrationAsk, u32), most: u32| {
            let with = |value| {
                let mut ask = CalibrationAsk::default();
                change(&mut ask, value);
                ask.check().is_ok()
            };
            assert!(with(most));
            assert!(!with(most + 1));
        };
        assert!(CalibrationAsk::default().check().is_ok());
        check(&|ask, rows| ask.rows = rows, CALIBRATION_ROWS_MAX);
        check(
            &|ask, replays| ask.settings.replays = replays,
            CALIBRATION_REPLAYS_MAX,
        );
        check(
            &|ask, columns| ask.settings.columns = columns,
            CALIBRATION_COLUMNS_MAX,
        );
    }
}
