//! One evaluation: windows, baseline, the detector's call, and the record of it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use sha2::Digest as _;
use tokio::sync::Semaphore;

use crate::domain::monitor::{Cadence, CurrentSpec};
use crate::domain::record::{Cause, EvaluationRecord, MonitorRecord, Outcome};
use crate::domain::{Clock, Descriptor, DriftKind, Measurement, Model, Needs};
use crate::profile::{KEPT_ROWS_DEFAULT, Window};
use crate::runtime::{
    Baseline, BatchDetector, Detector, Evaluated, LogLine, Plugin, Refusal, RunError, Usage,
};
use crate::store::{
    MonitorState, NewEvaluation, Profiled, Store, StoreError, StoredBaseline, WindowPosition,
};

use super::detectors::Detectors;
use super::selection::{Ask, Reason, Reference, Selection, select};
use super::sink::ResultSink;
use super::source::WindowSource;
use super::stream;
use super::watch::WatchError;
use super::windows::{ChunkInfo, WindowRequest};

/// Pause after a first failure. Each further one doubles it, up to [`RETRY_MAX`].
const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(5);
/// Longest pause between two tries of a monitor that fails.
const RETRY_MAX: SignedDuration = SignedDuration::from_hours(1);
/// Longest text of a failure that is kept, in characters.
const ERROR_CHARS_MAX: usize = 2_000;

/// Evaluates monitors.
pub(super) struct Evaluator {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) source: Arc<dyn WindowSource>,
    pub(super) detectors: Arc<Detectors>,
    pub(super) sink: Arc<dyn ResultSink>,
    /// One for each detector that may run at once. Fair: who waits longest is next.
    pub(super) permits: Arc<Semaphore>,
}

/// What became of an evaluation.
pub(super) enum Ran {
    /// The monitor is gone, changed meanwhile, disabled, or evaluated by somebody else.
    Nothing,
    /// It was evaluated: what it came to, and whether there is more to do at once.
    Done {
        record: Box<EvaluationRecord>,
        more: bool,
    },
}

/// What a detector, or the lack of data, said.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    pub(super) measurements: Vec<Measurement>,
    pub(super) log: Vec<String>,
    pub(super) duration_seconds: f64,
}

impl Verdict {
    pub(super) fn insufficient(reason: &Reason) -> Self {
        Self::without_numbers(Outcome::Insufficient, reason.to_string())
    }

    pub(super) fn failed(error: &impl std::fmt::Display) -> Self {
        let text = error.to_string().chars().take(ERROR_CHARS_MAX).collect();
        Self::without_numbers(Outcome::Failed, text)
    }

    fn without_numbers(outcome: Outcome, reason: String) -> Self {
        Self {
            outcome,
            reason: Some(reason),
            measurements: Vec::new(),
            log: Vec::new(),
            duration_seconds: 0.0,
        }
    }

    pub(super) fn judged(
        measurements: Vec<Measurement>,
        log: &[LogLine],
        usage: Usage,
        duration_seconds: f64,
    ) -> Self {
        Self {
            outcome: Outcome::Judged,
            reason: None,
            measurements,
            log: lines(log, usage.log_dropped),
            duration_seconds,
        }
    }
}

/// An evaluation before it is stored.
pub(super) struct Attempt {
    pub(super) verdict: Verdict,
    /// What there was to look at.
    pub(super) sizes: Sizes,
    /// Digest of the baseline, and the baseline if it is to be stored.
    pub(super) baseline: Option<(String, Option<StoredBaseline>)>,
    pub(super) position: WindowPosition,
    /// Of stream detectors: how far they came, and their state.
    pub(super) stream: Option<(Profiled, Vec<u8>)>,
    /// Nothing new was to be judged: only somebody who asked is told.
    pub(super) quiet: bool,
    /// There may be more to judge at once.
    pub(super) more: bool,
}

/// Sizes and times of the windows.
#[derive(Clone, Default)]
pub(super) struct Sizes {
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    pub(super) reference_rows: u64,
    pub(super) current_rows: u64,
    pub(super) labelled_rows: u64,
}

impl Sizes {
    fn of(chunks: &[ChunkInfo], current: &[usize]) -> Self {
        let current = || current.iter().map(|&at| &chunks[at]);
        Self {
            from: current().map(|chunk| chunk.first_time).min(),
            to: current().map(|chunk| chunk.last_time).max(),
            reference_rows: 0,
            current_rows: current().map(|chunk| chunk.rows).sum(),
            labelled_rows: current().map(|chunk| chunk.labelled_rows).sum(),
        }
    }
}

impl Attempt {
    fn new(verdict: Verdict, sizes: Sizes, position: WindowPosition) -> Self {
        Self {
            verdict,
            sizes,
            baseline: None,
            position,
            stream: None,
            quiet: false,
            more: false,
        }
    }
}

impl Evaluator {
    /// Evaluates a monitor once and stores what it came to. `wait`: while somebody else evaluates it, wait for the end.
    ///
    /// # Errors
    /// Only what is not the monitor's own fault: a database that cannot be reached. A failing detector is a record.
    pub(super) async fn run(
        &self,
        monitor_no: i64,
        cause: Cause,
        wait: bool,
    ) -> Result<Ran, WatchError> {
        let Some(claim) = self.store.claim_monitor(monitor_no, wait).await? else {
            return Ok(Ran::Nothing);
        };
        let monitor = claim.monitor.clone();
        let Some(model) = self.store.model_by_no(monitor.model_no).await? else {
            return Ok(Ran::Nothing);
        };
        let profiled = self.store.profiled(model.no).await?;
        // Another host may have been quicker since it was found to be due.
        let seen = Profiled {
            seq: claim.state.evaluated_seq,
            label_seq: claim.state.evaluated_label_seq,
        };
        let asked = wait || cause == Cause::Request;
        if !asked && due(&monitor, seen, profiled, self.clock.now()).is_none() {
            return Ok(Ran::Nothing);
        }
        let plugin = self.detectors.find(&monitor.spec.detector);
        let attempt = match &plugin {
            None => self.without_detector(&monitor, claim.state.position),
            Some(plugin) => {
                self.attempt(&model, &monitor, plugin, &claim.state, profiled)
                    .await?
            }
        };
        let now = self.clock.now();
        let mut record = record(&model, &monitor, plugin.as_ref(), cause, &attempt, now);
        let before = &claim.state;
        let state = next_state(before, &attempt, profiled, now);
        // Nothing is written for ever the same lack of data, unless somebody asked.
        let repeats = attempt.verdict.outcome == Outcome::Insufficient
            && before.insufficient == record.reason;
        let stored = !attempt.quiet && (cause == Cause::Request || !repeats);
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
        });
        let no = self
            .store
            .finish_claim(claim, &state, evaluation, baseline, now)
            .await?;
        let Some(no) = no else {
            return Ok(Ran::Nothing);
        };
        record.evaluation_no = no;
        if stored {
            self.sink.evaluated(&record);
        }
        if record.outcome == Outcome::Failed {
            tracing::warn!(model.id = %model.id, monitor = monitor.name, error = record.reason, failures = state.failures, "evaluation failed");
        }
        Ok(Ran::Done {
            record: Box::new(record),
            more: attempt.more,
        })
    }

    #[expect(clippy::unused_self, reason = "beside `attempt`")]
    fn without_detector(&self, monitor: &MonitorRecord, position: WindowPosition) -> Attempt {
        let verdict = Verdict::failed(&format_args!(
            "there is no detector '{}'",
            monitor.spec.detector
        ));
        Attempt::new(verdict, Sizes::default(), position)
    }

    async fn attempt(
        &self,
        model: &Model,
        monitor: &MonitorRecord,
        plugin: &Plugin,
        state: &MonitorState,
        profiled: Profiled,
    ) -> Result<Attempt, WatchError> {
        let detector = match self.configured(monitor, plugin).await {
            Ok(detector) => detector,
            Err(verdict) => return Ok(Attempt::new(verdict, Sizes::default(), state.position)),
        };
        match &*detector {
            Detector::Stream(detector) => {
                stream::follow(self, model, plugin.descriptor(), detector, state, profiled).await
            }
            Detector::Batch(detector) => {
                let chunks = self.source.chunks(model).await?;
                self.judge(model, monitor, plugin, detector, &chunks, state.position)
                    .await
            }
        }
    }

    /// The monitor's detector with its configuration.
    pub(super) async fn configured(
        &self,
        monitor: &MonitorRecord,
        plugin: &Plugin,
    ) -> Result<Arc<Detector>, Verdict> {
        let (detectors, plugin) = (self.detectors.clone(), plugin.clone());
        let (no, revision, spec) = (monitor.no, monitor.revision, monitor.spec.clone());
        self.blocking(move || detectors.configured(&plugin, no, revision, &spec))
            .await?
            .map_err(|error| Verdict::failed(&error))
    }

    /// Judges the windows that these chunks make.
    #[expect(
        clippy::too_many_lines,
        reason = "one step after the other, each with a way out of its own"
    )]
    pub(super) async fn judge(
        &self,
        model: &Model,
        monitor: &MonitorRecord,
        plugin: &Plugin,
        detector: &BatchDetector,
        chunks: &[ChunkInfo],
        position: WindowPosition,
    ) -> Result<Attempt, WatchError> {
        let (spec, descriptor) = (&monitor.spec, plugin.descriptor());
        let data_set = self.store.active_reference_size(model.no).await?;
        let ask = Ask {
            spec,
            training: model.last_training_time,
            data_set: data_set.map(|(_, rows, labelled)| (rows, labelled)),
            labelled: needs_labels(descriptor),
            rows_min: spec.rows_min.max(descriptor.rows_min.into()),
            chunk_rows: model.settings.chunk_rows.into(),
            position,
        };
        let tumbling = matches!(spec.current, CurrentSpec::Tumbling { .. });
        let (reference, current, position) = match select(chunks, &ask) {
            Selection::Judge {
                reference,
                current,
                position,
            } => (reference, current, position),
            Selection::Insufficient {
                reason,
                current,
                position,
            } => {
                let sizes = Sizes::of(chunks, &current);
                let mut attempt = Attempt::new(Verdict::insufficient(&reason), sizes, position);
                attempt.more = tumbling && position != ask.position;
                return Ok(attempt);
            }
            Selection::Waiting(reason) => {
                let mut attempt = Attempt::new(
                    Verdict::insufficient(&reason),
                    Sizes::default(),
                    ask.position,
                );
                attempt.quiet = true;
                return Ok(attempt);
            }
        };
        let mut sizes = Sizes::of(chunks, &current);
        let request = WindowRequest {
            keep_rows: (descriptor.needs == Needs::Rows)
                .then_some((KEPT_ROWS_DEFAULT, spec.seed.into())),
        };
        let taken: Vec<ChunkInfo> = current.iter().map(|&at| chunks[at].clone()).collect();
        let window = match own_fault(self.source.window(model, &taken, request).await)? {
            Ok(window) => window,
            Err(verdict) => return Ok(Attempt::new(verdict, sizes, ask.position)),
        };
        if let Some(reason) = lacks_columns(&window, descriptor) {
            return Ok(Attempt::new(
                Verdict::insufficient(&reason),
                sizes,
                position,
            ));
        }
        let reference = ReferenceWindow {
            model,
            chunks,
            reference: &reference,
            data_set: data_set.map(|(no, _, _)| no),
            request,
        };
        let fitted = match self.fitted(monitor, plugin, detector, &reference).await? {
            Ok(fitted) => fitted,
            Err(verdict) => return Ok(Attempt::new(verdict, sizes, ask.position)),
        };
        let (mut fitted, again) = match self.call(plugin, detector, &fitted.baseline, &window).await
        {
            // What was stored is of another making: once more from the reference.
            Err(RunError::Refused(Refusal::UnusableBaseline(_))) if fitted.stored => match self
                .fit(monitor, plugin, detector, &reference, fitted.digest)
                .await?
            {
                Ok(fitted) => (fitted, None),
                Err(verdict) => return Ok(Attempt::new(verdict, sizes, ask.position)),
            },
            result => (fitted, Some(result)),
        };
        let result = match again {
            Some(result) => result,
            None => self.call(plugin, detector, &fitted.baseline, &window).await,
        };
        sizes.reference_rows = fitted.baseline.rows();
        let (verdict, position) = match result {
            Ok((evaluated, seconds)) => {
                let Evaluated {
                    measurements,
                    log,
                    usage,
                } = evaluated;
                (
                    Verdict::judged(measurements, &log, usage, seconds),
                    position,
                )
            }
            Err(error) => (Verdict::failed(&error), ask.position),
        };
        let judged = verdict.outcome == Outcome::Judged;
        let mut attempt = Attempt::new(verdict, sizes, position);
        attempt.more = tumbling && judged;
        attempt.baseline = fitted.digest.take().map(|digest| {
            let new = (!fitted.stored).then(|| StoredBaseline {
                digest: digest.clone(),
                bytes: fitted.baseline.bytes().to_vec(),
                rows: fitted.baseline.rows(),
            });
            (digest, new)
        });
        Ok(attempt)
    }

    /// What the detector learned from the reference window: from storage, or learned now.
    async fn fitted(
        &self,
        monitor: &MonitorRecord,
        plugin: &Plugin,
        detector: &BatchDetector,
        reference: &ReferenceWindow<'_>,
    ) -> Result<Result<Fitted, Verdict>, WatchError> {
        let digest = reference.digest(monitor, plugin);
        if let Some(digest) = &digest
            && let Some(stored) = self.store.baseline(monitor.no, digest).await?
        {
            return Ok(Ok(Fitted {
                baseline: Arc::new(Baseline::new(stored.bytes, stored.rows)),
                digest: Some(stored.digest),
                stored: true,
            }));
        }
        self.fit(monitor, plugin, detector, reference, digest).await
    }

    async fn fit(
        &self,
        monitor: &MonitorRecord,
        plugin: &Plugin,
        detector: &BatchDetector,
        reference: &ReferenceWindow<'_>,
        digest: Option<String>,
    ) -> Result<Result<Fitted, Verdict>, WatchError> {
        let window = match own_fault(reference.window(&*self.source).await)? {
            Ok(Some(window)) => window,
            Ok(None) => return Ok(Err(Verdict::insufficient(&Reason::NoDataSet))),
            Err(verdict) => return Ok(Err(verdict)),
        };
        if let Some(reason) = lacks_columns(&window, plugin.descriptor()) {
            let reason = format!("in the reference window, {reason}");
            return Ok(Err(Verdict::without_numbers(Outcome::Insufficient, reason)));
        }
        let detector = detector.clone();
        let name = plugin.descriptor().full_name();
        let work = move || detector.fit(&window);
        let fitted = match self.guest(&name, |_| None, work).await {
            Ok((Ok(baseline), _)) => baseline,
            Ok((Err(error), _)) => return Ok(Err(Verdict::failed(&error))),
            Err(verdict) => return Ok(Err(verdict)),
        };
        tracing::debug!(model.id = %reference.model.id, monitor = monitor.name, rows = fitted.rows(), "learned a baseline");
        Ok(Ok(Fitted {
            baseline: Arc::new(fitted),
            digest,
            stored: false,
        }))
    }

    async fn call(
        &self,
        plugin: &Plugin,
        detector: &BatchDetector,
        baseline: &Arc<Baseline>,
        window: &Arc<Window>,
    ) -> Result<(Evaluated, f64), RunError> {
        let (detector, baseline, window) = (detector.clone(), baseline.clone(), window.clone());
        let memory = |evaluated: &Evaluated| Some(evaluated.usage.memory_bytes_peak);
        let work = move || detector.evaluate(&baseline, &window);
        match self
            .guest(&plugin.descriptor().full_name(), memory, work)
            .await
        {
            Ok((result, seconds)) => result.map(|evaluated| (evaluated, seconds)),
            Err(verdict) => Err(RunError::Boundary(verdict.reason.unwrap_or_default())),
        }
    }

    /// Calls a detector, and tells the sink how long it ran and how it failed. Seconds come with the result.
    pub(super) async fn guest<T: Send + 'static>(
        &self,
        detector: &str,
        memory: fn(&T) -> Option<usize>,
        work: impl FnOnce() -> Result<T, RunError> + Send + 'static,
    ) -> Result<(Result<T, RunError>, f64), Verdict> {
        let timed = move || {
            let start = Instant::now();
            (work(), start.elapsed().as_secs_f64())
        };
        let (result, seconds) = self.blocking(timed).await?;
        let used = result.as_ref().ok().and_then(memory);
        self.sink
            .called(detector, seconds, used, result.as_ref().err());
        Ok((result, seconds))
    }

    /// Runs a detector on a thread that may block. The permit moves into the work: whoever gives up waiting frees no place early.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Verdict> {
        let Ok(permit) = self.permits.clone().acquire_owned().await else {
            return Err(Verdict::failed(&"the server is stopping"));
        };
        let span = tracing::Span::current();
        let run = move || {
            let _permit = permit;
            span.in_scope(work)
        };
        tokio::task::spawn_blocking(run)
            .await
            .map_err(|error| Verdict::failed(&error))
    }
}

struct Fitted {
    baseline: Arc<Baseline>,
    /// Absent where the reference moves with the window: such a baseline is never asked for again.
    digest: Option<String>,
    stored: bool,
}

/// The reference of one evaluation, merged only when it must be.
struct ReferenceWindow<'a> {
    model: &'a Model,
    chunks: &'a [ChunkInfo],
    reference: &'a Reference,
    data_set: Option<i32>,
    request: WindowRequest,
}

impl ReferenceWindow<'_> {
    async fn window(&self, source: &dyn WindowSource) -> Result<Option<Arc<Window>>, StoreError> {
        match self.reference {
            Reference::DataSet => {
                let found = source.reference(self.model, self.request).await?;
                Ok(found.map(|(_, window)| window))
            }
            Reference::Training(taken) | Reference::Trailing(taken) => {
                let taken: Vec<ChunkInfo> =
                    taken.iter().map(|&at| self.chunks[at].clone()).collect();
                source
                    .window(self.model, &taken, self.request)
                    .await
                    .map(Some)
            }
        }
    }

    /// What the baseline depends on: component, configuration, seed, columns, and the rows of the reference.
    fn digest(&self, monitor: &MonitorRecord, plugin: &Plugin) -> Option<String> {
        let mut hash = sha2::Sha256::new();
        hash.update(plugin.digest().as_bytes());
        let settings = format!(
            "{}\n{}\n{}\n{:?}\n{:?}\n{:?}\n",
            monitor.spec.config,
            monitor.spec.seed,
            self.model.schema_version,
            self.model.model_type,
            self.model.positive_label,
            self.request.keep_rows,
        );
        hash.update(settings.as_bytes());
        match self.reference {
            Reference::Trailing(_) => return None,
            Reference::DataSet => hash.update(format!("data set {:?}", self.data_set).as_bytes()),
            Reference::Training(taken) => {
                for &at in taken {
                    let chunk = &self.chunks[at];
                    hash.update(chunk.chunk_no.to_le_bytes());
                    hash.update(chunk.revision.to_le_bytes());
                }
            }
        }
        let digest = hash.finalize();
        let mut text = String::with_capacity(2 * digest.len());
        for byte in digest {
            let _ = write!(text, "{byte:02x}");
        }
        Some(text)
    }
}

/// Whether a detector judges nothing but labels and errors.
pub(super) fn needs_labels(descriptor: &Descriptor) -> bool {
    use crate::domain::Role;
    descriptor
        .roles
        .iter()
        .all(|role| *role == Role::Label || role.is_derived())
}

pub(super) fn no_columns(descriptor: &Descriptor) -> Reason {
    let list = |names: Vec<String>| names.join(" or ");
    Reason::NoColumns {
        roles: list(descriptor.roles.iter().map(ToString::to_string).collect()),
        kinds: list(descriptor.accepts.iter().map(ToString::to_string).collect()),
    }
}

fn lacks_columns(window: &Window, descriptor: &Descriptor) -> Option<Reason> {
    let taken = window.select(&descriptor.roles, &descriptor.accepts);
    taken.columns().is_empty().then(|| no_columns(descriptor))
}

/// Stored profiles that cannot be read are the monitor's failure, which backs off; a database that cannot be reached is nobody's.
fn own_fault<T>(result: Result<T, StoreError>) -> Result<Result<T, Verdict>, WatchError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error @ StoreError::Corrupt { .. }) => Ok(Err(Verdict::failed(&error))),
        Err(error) => Err(error.into()),
    }
}

/// An evaluation as it is shown.
pub(super) fn record(
    model: &Model,
    monitor: &MonitorRecord,
    plugin: Option<&Plugin>,
    cause: Cause,
    attempt: &Attempt,
    now: Timestamp,
) -> EvaluationRecord {
    let Attempt { verdict, sizes, .. } = attempt;
    EvaluationRecord {
        evaluation_no: 0,
        model_id: model.id.to_string(),
        monitor: monitor.name.clone(),
        detector: plugin.map_or_else(
            || monitor.spec.detector.clone(),
            |plugin| plugin.descriptor().full_name(),
        ),
        kind: plugin.map_or(DriftKind::Data, |plugin| plugin.descriptor().kind),
        digest: plugin.map_or_else(String::new, |plugin| plugin.digest().to_string()),
        cause,
        outcome: verdict.outcome,
        reason: verdict.reason.clone(),
        evaluated_at: now,
        window_from: sizes.from,
        window_to: sizes.to,
        reference_rows: sizes.reference_rows,
        current_rows: sizes.current_rows,
        labelled_rows: sizes.labelled_rows,
        duration_seconds: verdict.duration_seconds,
        measurements: verdict.measurements.clone(),
        log: verdict.log.clone(),
    }
}

fn next_state(
    before: &MonitorState,
    attempt: &Attempt,
    profiled: Profiled,
    now: Timestamp,
) -> MonitorState {
    let mut state = MonitorState {
        evaluated_at: Some(now),
        position: attempt.position,
        ..before.clone()
    };
    if attempt.verdict.outcome == Outcome::Failed {
        state.failures = before.failures.saturating_add(1);
        state.retry_at = now.checked_add(pause(state.failures)).ok();
        state.last_error.clone_from(&attempt.verdict.reason);
        return state;
    }
    (state.failures, state.retry_at, state.last_error) = (0, None, None);
    if attempt.more {
        state.evaluated_at = before.evaluated_at; // It stays due until it has caught up.
    }
    let (seen, stream_state) = match &attempt.stream {
        Some((seen, bytes)) => (*seen, Some(bytes.clone())),
        None if attempt.more => {
            let seen = Profiled {
                seq: before.evaluated_seq,
                label_seq: before.evaluated_label_seq,
            };
            (seen, before.stream_state.clone())
        }
        None => (profiled, before.stream_state.clone()),
    };
    (state.evaluated_seq, state.evaluated_label_seq) = (seen.seq, seen.label_seq);
    state.stream_state = stream_state;
    if !attempt.quiet {
        state.insufficient = match attempt.verdict.outcome {
            Outcome::Insufficient => attempt.verdict.reason.clone(),
            _ => None,
        };
    }
    state
}

/// How long a monitor that failed so many times in a row is left alone.
pub(super) fn pause(failures: i32) -> SignedDuration {
    let doublings = u32::try_from(failures.saturating_sub(1))
        .unwrap_or(0)
        .min(16);
    RETRY_FIRST.saturating_mul(1 << doublings).min(RETRY_MAX)
}

fn lines(log: &[LogLine], dropped: u64) -> Vec<String> {
    let mut lines: Vec<String> = log
        .iter()
        .map(|line| format!("{}: {}", line.level, line.message))
        .collect();
    if dropped > 0 {
        lines.push(format!("({dropped} more lines were dropped)"));
    }
    lines
}

/// Whether a monitor's time has come. `evaluated`: what was profiled when it last looked.
pub(super) fn due(
    monitor: &MonitorRecord,
    evaluated: Profiled,
    profiled: Profiled,
    now: Timestamp,
) -> Option<Cause> {
    if !monitor.spec.enabled {
        return None;
    }
    let failed = monitor.retry_at.is_some();
    if monitor.retry_at.is_some_and(|retry_at| now < retry_at) {
        return None;
    }
    match monitor.spec.cadence {
        Cadence::Request => None,
        Cadence::NewData { seconds_min } => {
            let news = profiled.seq > evaluated.seq || profiled.label_seq > evaluated.label_seq;
            let rested = monitor.evaluated_at.is_none_or(|at| {
                now.duration_since(at) >= SignedDuration::from_secs(seconds_min.into())
            });
            (failed || (news && rested)).then_some(Cause::Data)
        }
        Cadence::Schedule { every_seconds } => {
            let every = i64::from(every_seconds.max(1));
            let slot = now.as_second().div_euclid(every) * every;
            let missed = monitor.evaluated_at.is_none_or(|at| at.as_second() < slot);
            (failed || missed).then_some(Cause::Schedule)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::monitor::MonitorSpec;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn monitor(cadence: Cadence) -> MonitorRecord {
        MonitorRecord {
            no: 1,
            model_no: 1,
            name: "m".into(),
            spec: MonitorSpec {
                cadence,
                ..MonitorSpec::of("data-drift")
            },
            revision: 1,
            created_at: at(0),
            changed_at: at(0),
            evaluated_at: Some(at(0)),
            failures: 0,
            retry_at: None,
            last_error: None,
        }
    }

    const SEEN: Profiled = Profiled {
        seq: 10,
        label_seq: 5,
    };
    const ROWS: Profiled = Profiled {
        seq: 11,
        label_seq: 5,
    };
    const LABELS: Profiled = Profiled {
        seq: 10,
        label_seq: 6,
    };

    #[test]
    fn pauses_double_up_to_an_hour() {
        let seconds = |failures| pause(failures).as_secs();
        assert_eq!(
            [1, 2, 3, 10, 11, 1_000, i32::MAX].map(seconds),
            [5, 10, 20, 2_560, 3_600, 3_600, 3_600]
        );
    }

    #[test]
    fn new_rows_and_new_labels_make_a_monitor_due_but_not_too_often() {
        let any = monitor(Cadence::NewData { seconds_min: 0 });
        assert_eq!(due(&any, SEEN, SEEN, at(100)), None);
        assert_eq!(due(&any, SEEN, ROWS, at(0)), Some(Cause::Data));
        assert_eq!(due(&any, SEEN, LABELS, at(0)), Some(Cause::Data));
        let rarely = monitor(Cadence::NewData { seconds_min: 60 });
        assert_eq!(due(&rarely, SEEN, ROWS, at(59)), None);
        assert_eq!(due(&rarely, SEEN, ROWS, at(60)), Some(Cause::Data));
        let off = MonitorRecord {
            spec: MonitorSpec {
                enabled: false,
                ..any.spec.clone()
            },
            ..any
        };
        assert_eq!(due(&off, SEEN, ROWS, at(100)), None);
    }

    #[test]
    fn a_schedule_goes_by_the_clock_and_a_request_by_nothing() {
        // 1,000,000 is 16 hours of 60,000 s and a rest of 40,000 s.
        let hourly = monitor(Cadence::Schedule {
            every_seconds: 60_000,
        });
        assert_eq!(due(&hourly, SEEN, SEEN, at(19_999)), None);
        assert_eq!(due(&hourly, SEEN, SEEN, at(20_000)), Some(Cause::Schedule));
        assert_eq!(
            due(&monitor(Cadence::Request), SEEN, ROWS, at(100_000)),
            None
        );
    }

    #[test]
    fn a_monitor_that_failed_rests_and_is_tried_again_without_news() {
        let failed = MonitorRecord {
            retry_at: Some(at(30)),
            failures: 1,
            ..monitor(Cadence::NewData { seconds_min: 0 })
        };
        assert_eq!(due(&failed, SEEN, ROWS, at(29)), None);
        assert_eq!(due(&failed, SEEN, SEEN, at(30)), Some(Cause::Data));
    }
}
