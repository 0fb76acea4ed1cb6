//! Makes an evaluation again from what is stored, and compares every number bit by bit.

use std::sync::Arc;

use crate::domain::inputs::{KeptInputs, Made, ReferenceMade};
use crate::domain::record::Outcome;
use crate::domain::segment::{Names, Segment, Split};
use crate::domain::{Measurement, Model, MonitorSpec};
use crate::profile::Window;
use crate::runtime::{BatchDetector, Detector, Plugin, RunError, State, StreamDetector, Usage};
use crate::store::{Profiled, StoreError, StoredEvaluation};

use super::baselines::{self, Learned};
use super::chunk_list;
use super::evaluate::{Evaluator, Verdict, hex};
use super::judge;
use super::level;
use super::rebuild::{self, Gone, Source};
use super::spec;
use super::stream;
use super::windows::WindowRequest;

/// Why an evaluation cannot be made again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such evaluation.
    #[error("there is no evaluation {0}")]
    NoEvaluation(i64),
    /// It has no measurements.
    #[error("evaluation {evaluation_no} came to no measurements: it is {outcome}")]
    NotJudged {
        /// Its number.
        evaluation_no: i64,
        /// What it came to.
        outcome: Outcome,
    },
    /// It was made by a host that did not keep what it was made of, or while its chunks were changing, or of too much.
    #[error("what evaluation {evaluation_no} was made of was not kept: {reason}")]
    NotKept {
        /// Its number.
        evaluation_no: i64,
        /// Why.
        reason: String,
    },
    /// Something that it was made of is no longer there.
    #[error("what evaluation {evaluation_no} was made of is gone: {what}")]
    Gone {
        /// Its number.
        evaluation_no: i64,
        /// What.
        what: String,
    },
    /// What was rebuilt is not what it was made of.
    #[error("what evaluation {evaluation_no} was made of cannot be rebuilt: {what}")]
    Differs {
        /// Its number.
        evaluation_no: i64,
        /// What.
        what: String,
    },
    /// The detector gave no answer this time.
    #[error("evaluation {evaluation_no} failed this time: {reason}")]
    Failed {
        /// Its number.
        evaluation_no: i64,
        /// How.
        reason: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
}

/// An evaluation made again.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// Its number.
    pub evaluation_no: i64,
    /// The model.
    pub model_id: String,
    /// The monitor.
    pub monitor: String,
    /// Detector as `name@version`.
    pub detector: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// Measurements that were compared.
    pub measurements: usize,
    /// The first number that came out differently; none where all bits are the same.
    pub difference: Option<Difference>,
    /// Where the current window, or the rows, came from.
    pub window: Source,
    /// Where the baseline came from; none of detectors that follow rows.
    pub baseline: Option<BaselineSource>,
    /// Instructions of the call that learned the baseline, where it ran and they were counted.
    pub fit_fuel: Option<u64>,
    /// Instructions of the call that judged, where they were counted.
    pub fuel: Option<u64>,
    /// How long the calls took, in seconds.
    pub seconds: f64,
}

/// Where a baseline came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaselineSource {
    /// It was stored.
    Stored,
    /// It was learned again from its reference window.
    LearnedAgain,
}

/// A number that came out differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which measurement, from 0.
    pub ordinal: usize,
    /// Its metric then.
    pub metric: String,
    /// Its column then.
    pub column: Option<String>,
    /// Which number of it.
    pub field: &'static str,
    /// What it was; of a number with its bits.
    pub then: String,
    /// What it is now.
    pub now: String,
}

/// What a replay is about.
struct Task<'a> {
    evaluator: &'a Evaluator,
    then: &'a StoredEvaluation,
    kept: &'a KeptInputs,
    model: Model,
    plugin: Plugin,
    spec: MonitorSpec,
    seed: u64,
}

/// What was learned from the reference, part by part.
struct LearnedAgain {
    parts: Vec<Learned>,
    from: BaselineSource,
    /// What learning took; nothing where it was stored.
    fuel: Option<u64>,
    seconds: f64,
}

/// What came out.
struct Again {
    measurements: Vec<Measurement>,
    window: Source,
    baseline: Option<BaselineSource>,
    fit_fuel: Option<u64>,
    fuel: Option<u64>,
    seconds: f64,
}

/// Makes an evaluation again.
pub(super) async fn replay(
    evaluator: &Evaluator,
    evaluation_no: i64,
) -> Result<Replayed, ReplayError> {
    let store = &evaluator.store;
    let gone = |what: String| ReplayError::Gone {
        evaluation_no,
        what,
    };
    let then = store
        .evaluation(evaluation_no)
        .await?
        .ok_or(ReplayError::NoEvaluation(evaluation_no))?;
    if then.record.outcome != Outcome::Judged {
        return Err(ReplayError::NotJudged {
            evaluation_no,
            outcome: then.record.outcome,
        });
    }
    let Some(kept) = &then.inputs else {
        return Err(ReplayError::NotKept {
            evaluation_no,
            reason: "it was made by an earlier version of the host, over a window that kept changing while it was read, or over \
                     more chunks than a list may have"
                .to_owned(),
        });
    };
    let spec = store
        .monitor_spec_at(then.monitor_no, then.revision)
        .await?
        .ok_or_else(|| {
            gone(format!(
                "the configuration of the monitor's revision {}",
                then.revision
            ))
        })?;
    let model = store
        .model_by_no(then.model_no)
        .await?
        .ok_or_else(|| gone("the model".to_owned()))?;
    let inputs = &kept.inputs;
    let model = rebuild::model_then(
        &model,
        inputs.schema_version,
        inputs.model_type,
        inputs.positive_label.as_deref(),
    );
    let plugin = plugin(evaluator, &then).await?;
    let task = Task {
        evaluator,
        then: &then,
        kept,
        model,
        plugin: plugin.clone(),
        seed: spec.seed.into(),
        spec: spec.clone(),
    };
    let (config, seed) = (spec.config.clone(), task.seed);
    let configured = evaluator.blocking(&plugin, {
        let plugin = plugin.clone();
        move || plugin.configure(&config, seed)
    });
    let detector = configured
        .await
        .map_err(|_| ReplayError::Stopping)?
        .0
        .map_err(|error| task.failed(&error))?;
    let again = match &detector {
        Detector::Batch(detector) => task.judge(detector).await?,
        Detector::Stream(detector) => task.follow(detector).await?,
    };
    let record = &then.record;
    Ok(Replayed {
        evaluation_no,
        model_id: record.model_id.clone(),
        monitor: record.monitor.clone(),
        detector: record.detector.clone(),
        digest: record.digest.clone(),
        measurements: record.measurements.len(),
        difference: difference(&record.measurements, &again.measurements),
        window: again.window,
        baseline: again.baseline,
        fit_fuel: again.fit_fuel,
        fuel: again.fuel,
        seconds: again.seconds,
    })
}

/// The component that ran, loaded where its instructions are counted if that can be.
async fn plugin(evaluator: &Evaluator, then: &StoredEvaluation) -> Result<Plugin, ReplayError> {
    let (no, record) = (then.record.evaluation_no, &then.record);
    let detectors = &evaluator.detectors;
    match detectors
        .repeatable(&evaluator.store, &record.digest)
        .await?
    {
        Ok(Some(plugin)) => Ok(plugin),
        Ok(None) => Err(ReplayError::Gone {
            evaluation_no: no,
            what: format!("the component of {}, {}", record.detector, record.digest),
        }),
        Err(error) => Err(ReplayError::Failed {
            evaluation_no: no,
            reason: error.to_string(),
        }),
    }
}

impl Task<'_> {
    fn no(&self) -> i64 {
        self.then.record.evaluation_no
    }

    fn failed(&self, error: &impl std::fmt::Display) -> ReplayError {
        ReplayError::Failed {
            evaluation_no: self.no(),
            reason: error.to_string(),
        }
    }

    fn gone(&self, what: impl Into<String>) -> ReplayError {
        ReplayError::Gone {
            evaluation_no: self.no(),
            what: what.into(),
        }
    }

    fn differs(&self, what: impl Into<String>) -> ReplayError {
        ReplayError::Differs {
            evaluation_no: self.no(),
            what: what.into(),
        }
    }

    /// Calls the detector in its turn.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Usage) -> Result<T, RunError> + Send + 'static,
    ) -> Result<(T, f64), ReplayError> {
        match self.evaluator.guest(&self.plugin, work).await {
            Ok((Ok(value), seconds)) => Ok((value, seconds)),
            Ok((Err(error), _)) => Err(self.failed(&error)),
            Err(Verdict { .. }) => Err(ReplayError::Stopping),
        }
    }

    /// A window of a detector that compares windows.
    async fn window(
        &self,
        which: &str,
        list: Option<&Vec<u8>>,
        request: WindowRequest,
        label_seq: i64,
    ) -> Result<(Arc<Window>, Source), ReplayError> {
        let list = list.ok_or_else(|| self.gone(format!("the chunks of the {which} window")))?;
        let chunks = chunk_list::read(list)
            .map_err(|damaged| self.gone(format!("the {which} window: {damaged}")))?;
        let store = &self.evaluator.store;
        rebuild::window(store, &self.model, &chunks, request, label_seq)
            .await?
            .map_err(|Gone(what)| self.gone(format!("the {which} window: {what}")))
    }

    async fn judge(&self, detector: &BatchDetector) -> Result<Again, ReplayError> {
        let Made::Windows {
            label_seq,
            kept_rows,
            baseline: digest,
            reference,
            level_bits,
        } = &self.kept.inputs.made
        else {
            return Err(self.differs("it was made of rows, and the detector compares windows"));
        };
        let detector = &self.at_level(detector, *level_bits).await?;
        let split = spec::split(&self.spec).map_err(|error| self.failed(&error))?;
        let keep_rows = kept_rows.map(|rows| (rows, self.seed));
        let LearnedAgain {
            parts: learned,
            from,
            fuel: fit_fuel,
            mut seconds,
        } = self
            .learned(
                detector,
                digest,
                reference,
                (split.as_ref(), keep_rows),
                *label_seq,
            )
            .await?;
        let mut windows = Vec::with_capacity(learned.len());
        let mut digests = Vec::with_capacity(learned.len());
        for one in &learned {
            let segment = segment(split.as_ref(), one.segment.as_deref());
            let list = self.kept.current.as_ref();
            let request = WindowRequest {
                keep_rows,
                segment: segment.clone(),
            };
            let (window, source) = self.window("current", list, request, *label_seq).await?;
            digests.push(digest_of(&window, &self.plugin).await?);
            windows.push((segment, window, source));
        }
        self.check_digest(&digest_of_parts(&digests))?;
        let (mut measurements, mut fuel) = (Vec::new(), None);
        let mut source = Source::Profiles;
        for (one, (segment, window, of)) in learned.into_iter().zip(windows) {
            if of == Source::Rows {
                source = of;
            }
            let enough = segment.is_none() || window.rows() >= self.spec.rows_min;
            let Some(baseline) = one.baseline.filter(|_| enough) else {
                let (descriptor, rows) = (self.plugin.descriptor(), window.rows());
                let told = judge::too_few(descriptor, rows, one.rows, segment.as_deref());
                measurements.extend(told);
                continue;
            };
            let detector = detector.clone();
            let work = move |used: &mut Usage| detector.evaluate_watched(&baseline, &window, used);
            let (evaluated, took) = self.call(work).await?;
            seconds += took;
            if let Some(used) = evaluated.usage.fuel {
                fuel = Some(fuel.unwrap_or(0) + used);
            }
            let of_segment = evaluated.measurements.into_iter().map(|one| Measurement {
                segment: segment.as_ref().map(|segment| segment.name.clone()),
                ..one
            });
            measurements.extend(of_segment);
        }
        Ok(Again {
            measurements,
            window: source,
            baseline: Some(from),
            fit_fuel,
            fuel,
            seconds,
        })
    }

    /// The detector with the level that its tests had.
    async fn at_level(
        &self,
        detector: &BatchDetector,
        level_bits: Option<u64>,
    ) -> Result<BatchDetector, ReplayError> {
        let Some(bits) = level_bits else {
            return Ok(detector.clone());
        };
        let config = level::at(&self.spec.config, f64::from_bits(bits));
        let (plugin, seed) = (self.plugin.clone(), self.seed);
        let configured = self
            .evaluator
            .blocking(&self.plugin, move || plugin.configure(&config, seed));
        match configured.await.map_err(|_| ReplayError::Stopping)?.0 {
            Ok(Detector::Batch(detector)) => Ok(detector),
            Ok(Detector::Stream(_)) => Err(self.differs("the detector follows rows now")),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// What the detector saw is what it saw then, or it is said that it is not.
    fn check_digest(&self, digest: &str) -> Result<(), ReplayError> {
        if digest == self.kept.inputs.window {
            return Ok(());
        }
        Err(self.differs(format!(
            "the current window has digest {digest}, and had {}",
            self.kept.inputs.window
        )))
    }

    /// What was learned, of each segment where rows are split: stored, or learned again. With what learning took.
    async fn learned(
        &self,
        detector: &BatchDetector,
        digest: &str,
        reference: &ReferenceMade,
        (split, keep_rows): (Option<&Split>, Option<(u32, u64)>),
        label_seq: i64,
    ) -> Result<LearnedAgain, ReplayError> {
        let store = &self.evaluator.store;
        if let Some(name) = &self.then.baseline
            && let Some(stored) = store.baseline(self.then.monitor_no, name).await?
            && bytes_digest(&stored.bytes) == digest
            && let Some(learned) = baselines::read(stored, split.is_some())
        {
            return Ok(LearnedAgain {
                parts: learned,
                from: BaselineSource::Stored,
                fuel: None,
                seconds: 0.0,
            });
        }
        let names = match split.map(Split::names) {
            None => vec![None],
            Some(Names::Fixed(names)) => names.into_iter().map(Some).collect(),
            Some(Names::Categories(column)) => {
                let whole = self
                    .reference(reference, WindowRequest::default(), label_seq)
                    .await?;
                let found = judge::categories(&whole, column);
                let (names, _) = found.map_err(|reason| self.failed(&reason))?;
                names.into_iter().map(Some).collect()
            }
        };
        let (mut all, mut fuel, mut seconds) = (Vec::with_capacity(names.len()), None, 0.0);
        for name in names {
            let request = WindowRequest {
                keep_rows,
                segment: segment(split, name.as_deref()),
            };
            let window = self.reference(reference, request, label_seq).await?;
            let rows = window.rows();
            let mut baseline = None;
            if name.is_none() || rows >= self.spec.rows_min {
                let learns = detector.clone();
                let work = move |used: &mut Usage| {
                    let baseline = learns.fit_watched(&window, used)?;
                    Ok((baseline, used.fuel))
                };
                let ((learned, used), took) = self.call(work).await?;
                seconds += took;
                if let Some(used) = used {
                    fuel = Some(fuel.unwrap_or(0) + used);
                }
                baseline = Some(Arc::new(learned));
            }
            all.push(Learned {
                segment: name,
                rows,
                baseline,
            });
        }
        let learned = bytes_digest(&baselines::write(&all, split.is_some()));
        if learned != digest {
            return Err(self.differs(format!(
                "the baseline learned again from the reference window has digest {learned}, and had {digest}"
            )));
        }
        Ok(LearnedAgain {
            parts: all,
            from: BaselineSource::LearnedAgain,
            fuel,
            seconds,
        })
    }

    /// The reference window.
    async fn reference(
        &self,
        made: &ReferenceMade,
        request: WindowRequest,
        label_seq: i64,
    ) -> Result<Arc<Window>, ReplayError> {
        match made {
            ReferenceMade::DataSet { version } => {
                rebuild::data_set(&self.evaluator.store, &self.model, *version, request)
                    .await?
                    .ok_or_else(|| self.gone(format!("version {version} of the reference data")))
            }
            ReferenceMade::Training { .. } | ReferenceMade::Trailing => {
                let list = self.kept.reference.as_ref();
                Ok(self.window("reference", list, request, label_seq).await?.0)
            }
        }
    }

    async fn follow(&self, detector: &StreamDetector) -> Result<Again, ReplayError> {
        let Made::Rows {
            labels,
            seq_after,
            label_seq_after,
            seq_to,
            label_seq_to,
            state_bytes,
        } = &self.kept.inputs.made
        else {
            return Err(self.differs("it was made of windows, and the detector follows rows"));
        };
        let state = self.kept.state.clone().ok_or_else(|| ReplayError::NotKept {
            evaluation_no: self.no(),
            reason: format!(
                "the state that the detector was handed has {state_bytes} bytes; up to {} are kept",
                stream::STATE_KEPT_BYTES_MAX
            ),
        })?;
        let span = stream::Span {
            labels: *labels,
            embedded: stream::embedded(self.plugin.descriptor()),
            after: Profiled {
                seq: *seq_after,
                label_seq: *label_seq_after,
            },
            to: Profiled {
                seq: *seq_to,
                label_seq: *label_seq_to,
            },
        };
        let store = &self.evaluator.store;
        let handed = stream::rows(store, &self.model, span)
            .await?
            .map_err(|reason| self.gone(reason))?;
        if handed.rows.len() as u64 != self.then.record.current_rows {
            return Err(self.gone(format!(
                "of the {} rows that it was handed, {} are still stored",
                self.then.record.current_rows,
                handed.rows.len()
            )));
        }
        let (made, arrivals) = stream::window(handed);
        let window = super::windows::blocking(made)
            .await?
            .map_err(|reason| self.gone(reason))?;
        let window = Arc::new(window);
        self.check_digest(&digest_of(&window, &self.plugin).await?)?;
        let (detector, before) = (detector.clone(), State::new(state));
        let work = move |used: &mut Usage| detector.update_watched(&before, &window, used);
        let (updated, seconds) = self.call(work).await?;
        let measurements = updated.measurements.into_iter();
        Ok(Again {
            measurements: measurements
                .map(|one| stream::at_arrival(one, &arrivals))
                .collect(),
            window: Source::Rows,
            baseline: None,
            fit_fuel: None,
            fuel: updated.usage.fuel,
            seconds,
        })
    }
}

/// Digest of what a detector can see of a window.
pub(super) async fn digest_of(window: &Arc<Window>, plugin: &Plugin) -> Result<String, StoreError> {
    let (window, plugin) = (Arc::clone(window), plugin.clone());
    super::windows::blocking(move || {
        let descriptor = plugin.descriptor();
        let digest = window.digest(&descriptor.roles, &descriptor.accepts);
        hex(&digest.to_be_bytes())
    })
    .await
}

/// Digest of what a detector could see in several calls; of one call that of its window.
pub(super) fn digest_of_parts(digests: &[String]) -> String {
    match digests {
        [digest] => digest.clone(),
        digests => bytes_digest(digests.concat().as_bytes()),
    }
}

/// The segment of this name.
fn segment(split: Option<&Split>, name: Option<&str>) -> Option<Arc<Segment>> {
    let (split, name) = (split?.clone(), name?.to_owned());
    Some(Arc::new(Segment { split, name }))
}

/// Digest of bytes that are kept.
pub(super) fn bytes_digest(bytes: &[u8]) -> String {
    hex(&xxhash_rust::xxh3::xxh3_128(bytes).to_be_bytes())
}

/// The first number that differs in its bits.
fn difference(then: &[Measurement], now: &[Measurement]) -> Option<Difference> {
    for (ordinal, (one, other)) in then.iter().zip(now).enumerate() {
        if let Some((field, then, now)) = differs(one, other) {
            return Some(Difference {
                ordinal,
                metric: one.metric.clone(),
                column: one.column.clone(),
                field,
                then,
                now,
            });
        }
    }
    if then.len() == now.len() {
        return None;
    }
    let ordinal = then.len().min(now.len());
    let here = then.get(ordinal).or_else(|| now.get(ordinal))?;
    Some(Difference {
        ordinal,
        metric: here.metric.clone(),
        column: here.column.clone(),
        field: "measurements",
        then: then.len().to_string(),
        now: now.len().to_string(),
    })
}

fn differs(one: &Measurement, other: &Measurement) -> Option<(&'static str, String, String)> {
    let text = |value: Option<&String>| value.map_or_else(|| "none".to_owned(), Clone::clone);
    let texts = [
        ("metric", one.metric.clone(), other.metric.clone()),
        (
            "column",
            text(one.column.as_ref()),
            text(other.column.as_ref()),
        ),
        (
            "verdict",
            one.verdict.to_string(),
            other.verdict.to_string(),
        ),
        (
            "threshold_kind",
            text(one.threshold_kind.map(|kind| kind.to_string()).as_ref()),
            text(other.threshold_kind.map(|kind| kind.to_string()).as_ref()),
        ),
        (
            "reference_rows",
            one.reference_rows.to_string(),
            other.reference_rows.to_string(),
        ),
        (
            "current_rows",
            one.current_rows.to_string(),
            other.current_rows.to_string(),
        ),
        ("row", format!("{:?}", one.row), format!("{:?}", other.row)),
        (
            "segment",
            text(one.segment.as_ref()),
            text(other.segment.as_ref()),
        ),
    ];
    if let Some(found) = texts.into_iter().find(|(_, then, now)| then != now) {
        return Some(found);
    }
    let numbers = [
        ("value", Some(one.value), Some(other.value)),
        ("effect", one.effect, other.effect),
        ("p_value", one.p_value, other.p_value),
        ("p_adjusted", one.p_adjusted, other.p_adjusted),
        ("threshold", one.threshold, other.threshold),
        (
            "missing_share",
            Some(one.missing_share),
            Some(other.missing_share),
        ),
        (
            "unseen_share",
            Some(one.unseen_share),
            Some(other.unseen_share),
        ),
    ];
    let bits = |number: Option<f64>| number.map(f64::to_bits);
    for (field, then, now) in numbers {
        if bits(then) != bits(now) {
            return Some((field, number(then), number(now)));
        }
    }
    let (then, now) = (one.detail.as_ref(), other.detail.as_ref());
    let same = match (then, now) {
        (Some(then), Some(now)) => same_json(then, now),
        (then, now) => then.is_none() && now.is_none(),
    };
    let json = |value: Option<&serde_json::Value>| {
        value.map_or_else(|| "none".to_owned(), ToString::to_string)
    };
    (!same).then(|| ("detail", json(then), json(now)))
}

fn number(number: Option<f64>) -> String {
    match number {
        None => "none".to_owned(),
        Some(number) => format!("{number:?} ({:#018x})", number.to_bits()),
    }
}

/// Whether two details are the same to a database that keeps no NUL and no negative zero in JSON.
fn same_json(then: &serde_json::Value, now: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (then, now) {
        (Value::Number(then), Value::Number(now)) => then == now || then.as_f64() == now.as_f64(),
        (Value::String(then), Value::String(now)) => *then == now.replace('\0', ""),
        (Value::Array(then), Value::Array(now)) => {
            then.len() == now.len() && then.iter().zip(now).all(|(then, now)| same_json(then, now))
        }
        (Value::Object(then), Value::Object(now)) => {
            then.len() == now.len()
                && now.iter().all(|(key, now)| {
                    then.get(&key.replace('\0', ""))
                        .is_some_and(|then| same_json(then, now))
                })
        }
        (then, now) => then == now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ThresholdKind, Verdict as Judgement};

    fn measurement() -> Measurement {
        Measurement {
            metric: "ks".into(),
            column: Some("age".into()),
            value: 0.1,
            effect: Some(0.2),
            p_value: Some(0.3),
            p_adjusted: None,
            threshold: Some(0.5),
            threshold_kind: Some(ThresholdKind::Fixed),
            reference_rows: 20,
            current_rows: 10,
            missing_share: 0.0,
            unseen_share: 0.0,
            verdict: Judgement::Stable,
            row: None,
            detail: Some(serde_json::json!({"a": [1, 0.1]})),
            segment: None,
            began: None,
        }
    }

    fn first(change: impl FnOnce(&mut Measurement)) -> Option<&'static str> {
        let mut other = measurement();
        change(&mut other);
        let found = difference(&[measurement(), measurement()], &[measurement(), other]);
        assert!(found.as_ref().is_none_or(|found| found.ordinal == 1));
        found.map(|found| found.field)
    }

    #[test]
    fn the_first_number_that_differs_in_a_single_bit_is_named() {
        assert_eq!(first(|_| {}), None);
        assert_eq!(first(|one| one.value = 0.1_f64.next_up()), Some("value"));
        assert_eq!(first(|one| one.missing_share = -0.0), Some("missing_share"));
        assert_eq!(first(|one| one.effect = None), Some("effect"));
        assert_eq!(first(|one| one.p_adjusted = Some(0.1)), Some("p_adjusted"));
        assert_eq!(
            first(|one| one.threshold_kind = None),
            Some("threshold_kind")
        );
        assert_eq!(
            first(|one| one.verdict = Judgement::Drifted),
            Some("verdict")
        );
        assert_eq!(first(|one| one.row = Some(1)), Some("row"));
        assert_eq!(first(|one| one.column = None), Some("column"));
        let other = serde_json::json!({"a": [1, 0.2]});
        assert_eq!(first(|one| one.detail = Some(other)), Some("detail"));
        let found = difference(&[measurement()], &[]).unwrap();
        assert_eq!(
            (found.field, &*found.then, &*found.now),
            ("measurements", "1", "0")
        );
        let mut other = measurement();
        other.value = 0.2;
        let found = difference(&[measurement()], &[other]).unwrap();
        assert_eq!(found.then, "0.1 (0x3fb999999999999a)");
    }

    #[test]
    fn details_are_compared_as_the_database_keeps_them() {
        use serde_json::json;
        for (then, now, same) in [
            (json!({"a": 1}), json!({"a": 1.0}), true),
            (json!({"a": 0}), json!({"a": -0.0}), true),
            (json!({"ab": "xy"}), json!({"a\0b": "x\0y"}), true),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
            (json!([1, 2]), json!([2, 1]), false),
            (json!(null), json!(0), false),
        ] {
            assert_eq!(same_json(&then, &now), same, "{then} {now}");
        }
    }
}
