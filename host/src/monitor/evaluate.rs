//! One evaluation: whose turn it is, the detector, and the record of what it came to.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::inputs::KeptInputs;
use crate::domain::monitor::Cadence;
use crate::domain::record::{Cause, EvaluationRecord, MonitorRecord, Outcome};
use crate::domain::version::DetectorState;
use crate::domain::{Clock, DriftKind, Measurement, Model};
use crate::runtime::{Detector, LogLine, Plugin, RunError, Usage};
use crate::store::{
    MonitorState, NewEvaluation, Note, Profiled, Store, StoredBaseline, WindowPosition,
};

use super::began::Dates;
use super::detectors::{Detectors, Unavailable};
use super::owners::Owners;
use super::places::{Pace, Places, Spent};
use super::quarantine::{Faults, is_fault, is_fault_of_config};
use super::selection::Reason;
use super::shadow::{Judged, Shadows};
use super::sink::{Called, ResultSink};
use super::source::WindowSource;
use super::stream;
use super::watch::WatchError;
use super::windows::ChunkInfo;

/// Pause after a first failure. Each further one doubles it, up to [`RETRY_MAX`].
const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(5);
/// Longest pause between two tries of a monitor that fails.
const RETRY_MAX: SignedDuration = SignedDuration::from_hours(1);
/// How often windows are put together anew because their chunks changed meanwhile. After that they are taken as they are.
const TRIES: u32 = 4;
/// Longest text of a failure that is kept, in characters.
const ERROR_CHARS_MAX: usize = 2_000;

/// Evaluates monitors.
#[derive(Clone)]
pub(super) struct Evaluator {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) source: Arc<dyn WindowSource>,
    pub(super) detectors: Arc<Detectors>,
    pub(super) sink: Arc<dyn ResultSink>,
    /// What runs beside the active versions; absent where shadows themselves are evaluated.
    pub(super) shadows: Option<Arc<Shadows>>,
    /// Which models are this host's own.
    pub(super) owners: Arc<Owners>,
    /// Where calls of detectors wait their turn.
    pub(super) places: Places,
    /// Which versions failed how often.
    pub(super) faults: Arc<Faults>,
    /// When drifts began.
    pub(super) dates: Arc<Dates>,
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
    /// Whether it failed by its own fault: see [`super::quarantine`].
    pub(super) fault: bool,
}

impl Verdict {
    pub(super) fn insufficient(reason: &Reason) -> Self {
        Self::without_numbers(Outcome::Insufficient, reason.to_string())
    }

    pub(super) fn failed(error: &impl std::fmt::Display) -> Self {
        let text = error.to_string().chars().take(ERROR_CHARS_MAX).collect();
        Self::without_numbers(Outcome::Failed, text)
    }

    /// A call of the detector gave no answer.
    pub(super) fn of_call(error: &RunError) -> Self {
        Self {
            fault: is_fault(error),
            ..Self::failed(error)
        }
    }

    pub(super) fn without_numbers(outcome: Outcome, reason: String) -> Self {
        Self {
            outcome,
            reason: Some(reason),
            measurements: Vec::new(),
            log: Vec::new(),
            duration_seconds: 0.0,
            fault: false,
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
            fault: false,
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
    /// What it was made of; none where it cannot be made again.
    pub(super) inputs: Option<KeptInputs>,
    /// Chunks changed while they were read: nothing was judged.
    pub(super) changing: bool,
    /// The chunks that there were, for whoever judges the same windows.
    pub(super) chunks: Option<Arc<Vec<ChunkInfo>>>,
    /// Labels up to this one counted in them.
    pub(super) label_seq: i64,
}

/// Chunks as they were listed.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    /// Ordered by `(start, seq_from)`.
    pub(super) chunks: &'a [ChunkInfo],
    /// Labels up to this one count.
    pub(super) label_seq: i64,
    /// Take the chunks as they are, also where they have changed since.
    pub(super) anyhow: bool,
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
    pub(super) fn of(chunks: &[ChunkInfo], current: &[usize]) -> Self {
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
    pub(super) fn new(verdict: Verdict, sizes: Sizes, position: WindowPosition) -> Self {
        Self {
            verdict,
            sizes,
            baseline: None,
            position,
            stream: None,
            quiet: false,
            more: false,
            inputs: None,
            changing: false,
            chunks: None,
            label_seq: 0,
        }
    }

    /// To be judged again from chunks as they are now.
    pub(super) fn changing(position: WindowPosition) -> Self {
        let verdict = Verdict::failed(&"its chunks changed while they were read");
        Self {
            changing: true,
            ..Self::new(verdict, Sizes::default(), position)
        }
    }

    /// One that came to nothing.
    pub(super) fn failed(verdict: Verdict, position: WindowPosition) -> Self {
        Self::new(verdict, Sizes::default(), position)
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
        let Some(mut claim) = self.store.claim_monitor(monitor_no, wait).await? else {
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
        let resolved = self
            .detectors
            .resolve_or_previous(&self.store, &monitor.spec)
            .await?;
        if let Ok(plugin) = &resolved {
            stream::stand(&self.store, &mut claim, plugin).await?;
        }
        let attempt = match &resolved {
            Err(unavailable) => without_detector(unavailable, claim.state.position),
            Ok(plugin) => {
                self.attempt(&model, &monitor, plugin, &claim.state, profiled)
                    .await?
            }
        };
        let plugin = resolved.ok();
        if let Some(plugin) = &plugin {
            self.note(plugin, &attempt.verdict).await?;
        }
        let now = self.clock.now();
        let mut record = record(&model, &monitor, plugin.as_ref(), cause, &attempt, now);
        self.detectors.logs.hold(&mut record);
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
        let own = self.owners.owns(model.no);
        claim.note = (!own).then(|| Note::Monitor {
            model_no: model.no,
            model_id: model.id.to_string(),
            monitor: monitor.name.clone(),
        });
        let evaluation = stored.then_some(NewEvaluation {
            record: &record,
            baseline: digest,
            seed: monitor.spec.seed.into(),
            seq_to: profiled.seq,
            inputs: attempt.inputs.as_ref(),
        });
        let position = before.position;
        let no = self
            .store
            .finish_claim(claim, &state, evaluation, baseline, now)
            .await?;
        let Some(no) = no else {
            return Ok(Ran::Nothing);
        };
        record.evaluation_no = no;
        if stored && own {
            self.sink.evaluated(&record);
            self.given_up(&[model.no]).await?;
        } else if stored {
            self.sink.evaluated_for_another(&record);
        }
        self.shadow(model, monitor, cause, position, profiled, &attempt);
        if record.outcome == Outcome::Failed {
            tracing::warn!(
                model.id = record.model_id,
                monitor = record.monitor,
                error = record.reason,
                failures = state.failures,
                "evaluation failed"
            );
        }
        Ok(Ran::Done {
            record: Box::new(record),
            more: attempt.more,
        })
    }

    /// Lets the shadow of the monitor's detector judge the same, if it has one.
    fn shadow(
        &self,
        model: Model,
        monitor: MonitorRecord,
        cause: Cause,
        position: WindowPosition,
        profiled: Profiled,
        attempt: &Attempt,
    ) {
        let Some(shadows) = &self.shadows else {
            return;
        };
        let live = self.detectors.live();
        if live
            .in_state(&monitor.spec.detector, DetectorState::Shadow)
            .is_none()
        {
            self.sink.unshadowed(model.id.as_str(), &monitor.name);
        } else if !attempt.quiet && attempt.verdict.outcome != Outcome::Insufficient {
            shadows.add(Judged {
                model,
                monitor,
                cause,
                position,
                chunks: attempt.chunks.clone().unwrap_or_default(),
                label_seq: attempt.label_seq,
                profiled,
            });
        }
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
                stream::follow(self, model, plugin, detector, state, profiled).await
            }
            Detector::Batch(detector) => {
                let mut tries = 1;
                loop {
                    let (chunks, label_seq) = self.source.listed(model).await?;
                    let chunks = Arc::new(chunks);
                    let listed = Listed {
                        chunks: &chunks,
                        label_seq,
                        anyhow: tries == TRIES,
                    };
                    let mut attempt = self
                        .judge(model, monitor, plugin, detector, listed, state.position)
                        .await?;
                    if !attempt.changing {
                        (attempt.chunks, attempt.label_seq) = (Some(chunks), label_seq);
                        return Ok(attempt);
                    }
                    tries += 1;
                }
            }
        }
    }

    /// How quick the detector of this name is. One that is not there fails at once.
    pub(super) fn pace(&self, detector: &str) -> Pace {
        let full_name = self.detectors.full_name(detector);
        full_name.map_or(Pace::Quick, |full_name| self.places.pace(&full_name))
    }

    /// The monitor's detector with its configuration.
    pub(super) async fn configured(
        &self,
        monitor: &MonitorRecord,
        plugin: &Plugin,
    ) -> Result<Arc<Detector>, Verdict> {
        let (detectors, called) = (self.detectors.clone(), plugin.clone());
        let (no, revision, spec) = (monitor.no, monitor.revision, monitor.spec.clone());
        let work = move || detectors.configured(&called, no, revision, &spec);
        let (configured, _) = self.blocking(plugin, work).await?;
        configured.map_err(|error| Verdict {
            fault: is_fault_of_config(&error),
            ..Verdict::failed(&error)
        })
    }

    /// Calls a detector, and tells the sink what it used and how it failed. Seconds come with the result.
    pub(super) async fn guest<T: Send + 'static>(
        &self,
        plugin: &Plugin,
        work: impl FnOnce(&mut Usage) -> Result<T, RunError> + Send + 'static,
    ) -> Result<(Result<T, RunError>, f64), Verdict> {
        let metered = move || {
            let mut usage = Usage::default();
            (work(&mut usage), usage)
        };
        let ((result, usage), spent) = self.blocking(plugin, metered).await?;
        self.sink.called(&Called {
            detector: &plugin.descriptor().full_name(),
            seconds: spent.seconds,
            cpu_seconds: spent.cpu_seconds,
            waited_seconds: spent.waited_seconds,
            usage,
            failure: result.as_ref().err(),
        });
        Ok((result, spent.seconds))
    }

    /// Runs a detector on a thread that may block. The place moves into the work: whoever gives up waiting frees it no earlier.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        plugin: &Plugin,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Spent), Verdict> {
        let (name, memory) = (
            plugin.descriptor().full_name(),
            plugin.limits().memory_bytes_max,
        );
        let place = match self.places.enter(&name, memory).await {
            Ok(place) => place,
            Err(closed) => return Err(Verdict::failed(&closed)),
        };
        let span = tracing::Span::current();
        let run = move || place.run(|| span.in_scope(work));
        tokio::task::spawn_blocking(run)
            .await
            .map_err(|error| Verdict::failed(&error))
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn without_detector(unavailable: &Unavailable, position: WindowPosition) -> Attempt {
    Attempt::new(Verdict::failed(unavailable), Sizes::default(), position)
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
        shadow: false,
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

pub(super) fn next_state(
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
            let rests = news && rests_until(monitor, seconds_min).is_some_and(|until| now < until);
            (failed || (news && !rests)).then_some(Cause::Data)
        }
        Cadence::Schedule { every_seconds } => {
            let every = i64::from(every_seconds.max(1));
            let slot = now.as_second().div_euclid(every) * every;
            let missed = monitor.evaluated_at.is_none_or(|at| at.as_second() < slot);
            (failed || missed).then_some(Cause::Schedule)
        }
    }
}

/// When a monitor that follows new data has rested long enough after its last evaluation.
pub(super) fn rests_until(monitor: &MonitorRecord, seconds_min: u32) -> Option<Timestamp> {
    let rest = SignedDuration::from_secs(seconds_min.into());
    // The end of the calendar never comes.
    let end = |at: Timestamp| at.checked_add(rest).unwrap_or(Timestamp::MAX);
    monitor.evaluated_at.map(end)
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
