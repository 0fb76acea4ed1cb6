//! Windows into verdicts: which chunks, what was learned from the reference, the detector's call; segment by segment where the
//! monitor splits its rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::inputs::KeptInputs;
use crate::domain::monitor::CurrentSpec;
use crate::domain::record::{MonitorRecord, Outcome};
use crate::domain::segment::{MISSING, Names, SEGMENTS_MAX, Segment, Split};
use crate::domain::{Descriptor, Measurement, Model, Needs, Verdict as Judgement};
use crate::profile::began::{Piece, began as found_began, is_dated};
use crate::profile::{KEPT_ROWS_DEFAULT, Window, kernels};
use crate::runtime::{
    Baseline, BatchDetector, Detector, Evaluated, Plugin, Refusal, RunError, Usage,
};
use crate::store::{StoreError, StoredBaseline, WindowPosition};

use super::baselines::{self, Learned};
use super::began;
use super::chunk_list;
use super::evaluate::{Attempt, Evaluator, Listed, Sizes, Verdict};
use super::level::{self, Spent};
use super::reference_window::ReferenceWindow;
use super::replay;
use super::selection::{Ask, Reason, Reference, Selection, select};
use super::spec;
use super::watch::WatchError;
use super::windows::{ChunkInfo, WindowRequest, blocking};

/// Why there are no measurements.
enum Stop {
    /// Chunks changed while they were read.
    Changing,
    /// There was too little in the current window, which is done with.
    TooLittle(Verdict),
    /// Something else: the same windows are to be judged again.
    Verdict(Verdict),
    /// Not the monitor's own fault.
    Watch(WatchError),
}

impl<E: Into<WatchError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Watch(error.into())
    }
}

/// What windows came to.
struct Judged {
    verdict: Verdict,
    reference_rows: u64,
    /// Digest of the baseline, and the baseline if it is to be stored.
    baseline: Option<(String, Option<StoredBaseline>)>,
    inputs: Option<KeptInputs>,
}

/// What one evaluation is about.
struct Task<'a> {
    evaluator: &'a Evaluator,
    model: &'a Model,
    monitor: &'a MonitorRecord,
    plugin: &'a Plugin,
    detector: &'a BatchDetector,
    listed: Listed<'a>,
    /// Positions of the chunks under test, in the order of time.
    current: &'a [usize],
    reference: &'a Reference,
    data_set: Option<i32>,
    spent: Option<Spent>,
}

impl Evaluator {
    /// Judges the windows that these chunks make.
    pub(super) async fn judge(
        &self,
        model: &Model,
        monitor: &MonitorRecord,
        plugin: &Plugin,
        detector: &BatchDetector,
        listed: Listed<'_>,
        position: WindowPosition,
    ) -> Result<Attempt, WatchError> {
        let chunks = listed.chunks;
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
        let quiet = |reason: &Reason| {
            let verdict = Verdict::insufficient(reason);
            let mut attempt = Attempt::new(verdict, Sizes::default(), ask.position);
            attempt.quiet = true;
            attempt
        };
        let (reference, current, mut position) = match select(chunks, &ask) {
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
            Selection::Waiting(reason) => return Ok(quiet(&reason)),
        };
        let mut sizes = Sizes::of(chunks, &current);
        let mut spent = None;
        if let (Some(bound), Some(span)) = (spec.false_alarms, sizes.from.zip(sizes.to)) {
            spent = level::spend(bound, position.spent_to, span);
            if spent.is_none() {
                return Ok(quiet(&Reason::NothingToSpend));
            }
        }
        let task = Task {
            evaluator: self,
            model,
            monitor,
            plugin,
            detector,
            listed,
            current: &current,
            reference: &reference,
            data_set: data_set.map(|(no, _, _)| no),
            spent,
        };
        let judged = match task.judge().await {
            Ok(judged) => judged,
            Err(Stop::Changing) => return Ok(Attempt::changing(ask.position)),
            Err(Stop::TooLittle(verdict)) => return Ok(Attempt::new(verdict, sizes, position)),
            Err(Stop::Verdict(verdict)) => return Ok(Attempt::new(verdict, sizes, ask.position)),
            Err(Stop::Watch(error)) => return Err(error),
        };
        sizes.reference_rows = judged.reference_rows;
        if let Some(spent) = spent {
            position.spent_to = position.spent_to.max(Some(spent.to));
        }
        let mut attempt = Attempt::new(judged.verdict, sizes, position);
        attempt.more = tumbling;
        attempt.inputs = judged.inputs;
        attempt.baseline = judged.baseline;
        Ok(attempt)
    }
}

impl Task<'_> {
    async fn judge(&self) -> Result<Judged, Stop> {
        let reference = ReferenceWindow {
            model: self.model,
            chunks: self.listed.chunks,
            reference: self.reference,
            data_set: self.data_set,
            request: self.request(None),
            label_seq: self.listed.label_seq,
        };
        let split = spec::split(&self.monitor.spec)?;
        let digest = reference.digest(self.monitor, self.plugin);
        let stored = self.stored(digest.as_deref(), split.is_some()).await?;
        let stored_any = stored.is_some();
        let (parts, left_out) = match &split {
            None => (vec![None], 0),
            Some(split) => self.segments(split, stored.as_deref(), &reference).await?,
        };
        let level = self.level(parts.len());
        let detector = self.detector_at(level).await?;

        let taken: Vec<ChunkInfo> = self.chunks_at(self.current);
        let mut run = Run {
            detector,
            stored: stored.unwrap_or_default(),
            is_stored: stored_any,
            exact: true,
            learned: Vec::with_capacity(parts.len()),
            sum: Sum::default(),
        };
        for part in parts {
            self.judge_part(&mut run, part, &taken, &reference).await?;
        }
        let Run {
            is_stored,
            exact,
            learned,
            mut sum,
            ..
        } = run;
        if !exact && !self.listed.anyhow {
            return Err(Stop::Changing);
        }
        if left_out > 0 {
            sum.log.push(format!(
                "{left_out} segments with the fewest rows are left out: there may be {SEGMENTS_MAX}"
            ));
        }
        if let (Some(spent), Some(bound)) = (self.spent, self.monitor.spec.false_alarms) {
            sum.log.push(format!(
                "level {} for this window, of {} in {} s",
                spent.level, bound.at_most, bound.per_seconds
            ));
        }
        self.date(&mut sum.measurements, &reference, &taken).await?;

        let bytes = baselines::write(&learned, split.is_some());
        let mut inputs = None;
        if exact {
            let (learned, current) = (replay::bytes_digest(&bytes), chunk_list::write(&taken));
            inputs = reference.kept(learned, current, sum.digest(), level);
        }
        let baseline = digest.map(|digest| {
            let new = (!is_stored).then(|| StoredBaseline {
                digest: digest.clone(),
                bytes,
                rows: sum.reference_rows,
            });
            (digest, new)
        });
        Ok(Judged {
            reference_rows: sum.reference_rows,
            verdict: Verdict {
                outcome: Outcome::Judged,
                reason: None,
                measurements: sum.measurements,
                log: sum.log,
                duration_seconds: sum.seconds,
                fault: false,
            },
            baseline,
            inputs,
        })
    }

    /// Judges all rows, or a segment of them.
    async fn judge_part(
        &self,
        run: &mut Run,
        part: Option<Arc<Segment>>,
        taken: &[ChunkInfo],
        reference: &ReferenceWindow<'_>,
    ) -> Result<(), Stop> {
        let segment = part.as_deref();
        let request = self.request(part.clone());
        let (window, of_listed) = self.current_window(taken, request.clone()).await?;
        run.exact &= of_listed;
        let mut learned = if let Some(known) = baselines::take(&mut run.stored, segment) {
            known
        } else {
            self.learn(run, reference, request.clone()).await?
        };
        run.sum.window(&window, self.plugin).await?;
        let enough = segment.is_none() || window.rows() >= self.monitor.spec.rows_min;
        let Some(baseline) = learned.baseline.clone().filter(|_| enough) else {
            run.sum.too_few(self.plugin, &window, &learned, segment);
            run.learned.push(learned);
            return Ok(());
        };
        let mut result = self.call(&run.detector, &baseline, &window).await;
        if run.is_stored
            && let Err(RunError::Refused(Refusal::UnusableBaseline(_))) = result
        {
            // What was stored is of another making: once more from the reference.
            learned = self.learn(run, reference, request).await?;
            if let Some(baseline) = &learned.baseline {
                result = self.call(&run.detector, baseline, &window).await;
            }
        }
        let (evaluated, seconds) =
            result.map_err(|error| Stop::Verdict(Verdict::of_call(&error)))?;
        run.sum.add(evaluated, seconds, segment);
        run.sum.reference_rows += learned.rows;
        run.learned.push(learned);
        Ok(())
    }

    fn request(&self, segment: Option<Arc<Segment>>) -> WindowRequest {
        request(self.plugin.descriptor(), self.monitor.spec.seed, segment)
    }

    fn chunks_at(&self, positions: &[usize]) -> Vec<ChunkInfo> {
        let chunk = |&at: &usize| self.listed.chunks[at].clone();
        positions.iter().map(chunk).collect()
    }

    /// The level that the tests of each of so many parts have, where it is not the detector's own.
    fn level(&self, parts: usize) -> Option<f64> {
        let whole = match self.spent {
            Some(spent) => Some(spent.level),
            None if parts > 1 => {
                level::configured(self.plugin.descriptor(), &self.monitor.spec.config)
            }
            None => None,
        };
        #[expect(clippy::cast_precision_loss, reason = "a few segments")]
        whole.map(|level| level / parts.max(1) as f64)
    }

    async fn detector_at(&self, level: Option<f64>) -> Result<BatchDetector, Stop> {
        let Some(level) = level else {
            return Ok(self.detector.clone());
        };
        let spec = &self.monitor.spec;
        let (plugin, config, seed) = (
            self.plugin.clone(),
            level::at(&spec.config, level),
            u64::from(spec.seed),
        );
        let work = move || plugin.configure(&config, seed);
        let configured = self.evaluator.blocking(self.plugin, work).await;
        match configured.map_err(Stop::Verdict)?.0 {
            Ok(Detector::Batch(detector)) => Ok(detector),
            Ok(Detector::Stream(_)) => Err(Stop::Verdict(Verdict::failed(
                &"a detector that follows rows has no windows",
            ))),
            Err(error) => Err(Stop::Verdict(Verdict::failed(&error))),
        }
    }

    /// What is stored of this baseline, read.
    async fn stored(
        &self,
        digest: Option<&str>,
        split: bool,
    ) -> Result<Option<Vec<Learned>>, Stop> {
        let Some(digest) = digest else {
            return Ok(None);
        };
        let stored = self
            .evaluator
            .store
            .baseline(self.monitor.no, digest)
            .await?;
        Ok(stored.and_then(|stored| baselines::read(stored, split)))
    }

    /// The segments to judge, and how many more there are.
    async fn segments(
        &self,
        split: &Split,
        stored: Option<&[Learned]>,
        reference: &ReferenceWindow<'_>,
    ) -> Result<(Vec<Option<Arc<Segment>>>, usize), Stop> {
        let (names, left_out) = match (split.names(), stored) {
            (_, Some(stored)) => (baselines::names(stored), 0),
            (Names::Fixed(names), None) => (names, 0),
            (Names::Categories(column), None) => {
                let whole = self
                    .reference(reference, WindowRequest::default())
                    .await?
                    .ok_or_else(no_data_set)?;
                categories(&whole.0, column).map_err(|why| Stop::Verdict(Verdict::failed(&why)))?
            }
        };
        let segment = |name| {
            Some(Arc::new(Segment {
                split: split.clone(),
                name,
            }))
        };
        Ok((names.into_iter().map(segment).collect(), left_out))
    }

    async fn current_window(
        &self,
        taken: &[ChunkInfo],
        request: WindowRequest,
    ) -> Result<(Arc<Window>, bool), Stop> {
        let source = &self.evaluator.source;
        let made = source
            .window(self.model, taken, request, self.listed.label_seq)
            .await;
        let (window, exact) = own_fault(made)?;
        if !exact && !self.listed.anyhow {
            return Err(Stop::Changing);
        }
        if let Some(reason) = lacks_columns(&window, self.plugin.descriptor()) {
            return Err(Stop::TooLittle(Verdict::insufficient(&reason)));
        }
        Ok((window, exact))
    }

    /// The reference window, and whether it is of the chunks as they were listed; none where a data set is gone.
    async fn reference(
        &self,
        reference: &ReferenceWindow<'_>,
        request: WindowRequest,
    ) -> Result<Option<(Arc<Window>, bool)>, Stop> {
        own_fault(reference.window(&*self.evaluator.source, request).await)
    }

    /// What the detector learns from the reference.
    async fn learn(
        &self,
        run: &mut Run,
        reference: &ReferenceWindow<'_>,
        request: WindowRequest,
    ) -> Result<Learned, Stop> {
        run.is_stored = false;
        let segment = request.segment.as_ref().map(|segment| segment.name.clone());
        let (window, exact) = self
            .reference(reference, request)
            .await?
            .ok_or_else(no_data_set)?;
        run.exact &= exact;
        if let Some(reason) = lacks_columns(&window, self.plugin.descriptor()) {
            let reason = format!("in the reference window, {reason}");
            return Err(Stop::Verdict(Verdict::without_numbers(
                Outcome::Insufficient,
                reason,
            )));
        }
        let rows = window.rows();
        if segment.is_some() && rows < self.monitor.spec.rows_min {
            return Ok(Learned {
                segment,
                rows,
                baseline: None,
            });
        }
        let detector = run.detector.clone();
        let work = move |used: &mut Usage| detector.fit_watched(&window, used);
        let called = self.evaluator.guest(self.plugin, work).await;
        let fitted = called.map_err(Stop::Verdict)?.0;
        let baseline = fitted.map_err(|error| Stop::Verdict(Verdict::of_call(&error)))?;
        tracing::debug!(model.id = %self.model.id, monitor = self.monitor.name, rows = baseline.rows(), "learned a baseline");
        Ok(Learned {
            segment,
            rows: baseline.rows(),
            baseline: Some(Arc::new(baseline)),
        })
    }

    async fn call(
        &self,
        detector: &BatchDetector,
        baseline: &Arc<Baseline>,
        window: &Arc<Window>,
    ) -> Result<(Evaluated, f64), RunError> {
        let (detector, baseline, window) = (detector.clone(), baseline.clone(), window.clone());
        let work = move |used: &mut Usage| detector.evaluate_watched(&baseline, &window, used);
        match self.evaluator.guest(self.plugin, work).await {
            Ok((result, seconds)) => result.map(|evaluated| (evaluated, seconds)),
            Err(verdict) => Err(RunError::Boundary(verdict.reason.unwrap_or_default())),
        }
    }

    /// Says of each column that drifted when that began.
    async fn date(
        &self,
        measurements: &mut [Measurement],
        reference: &ReferenceWindow<'_>,
        taken: &[ChunkInfo],
    ) -> Result<(), Stop> {
        if !measurements.iter().any(is_dated) {
            return Ok(());
        }
        let under_test = self.under_test();
        let pieces = began::pieces(&under_test, taken.len());
        let mut from = 0;
        while from < measurements.len() {
            // Measurements of a segment follow one another.
            let segment = measurements[from].segment.clone();
            let same = measurements[from..]
                .iter()
                .take_while(|one| one.segment == segment)
                .count();
            let of_segment = &mut measurements[from..from + same];
            from += same;
            self.date_part(of_segment, segment, reference, &pieces)
                .await?;
        }
        Ok(())
    }

    /// The same of all rows, or of a segment of them.
    async fn date_part(
        &self,
        measurements: &mut [Measurement],
        segment: Option<String>,
        reference: &ReferenceWindow<'_>,
        pieces: &[Vec<ChunkInfo>],
    ) -> Result<(), Stop> {
        let dates = &self.evaluator.dates;
        let monitor = (self.monitor.no, self.monitor.revision);
        let key = |column: &str| began::key(monitor, segment.as_deref(), column, pieces);
        let dated = measurements.iter().filter(|one| is_dated(one));
        let columns: BTreeSet<String> = dated
            .filter_map(|one| one.column.clone())
            .filter(|column| dates.get(key(column)).is_none())
            .collect();
        if !columns.is_empty() {
            let split = spec::split(&self.monitor.spec)?;
            let request = WindowRequest {
                keep_rows: None,
                segment: split
                    .zip(segment.clone())
                    .map(|(split, name)| Arc::new(Segment { split, name })),
            };
            let Some((before, _)) = self.reference(reference, request.clone()).await? else {
                return Ok(());
            };
            let mut windows = Vec::with_capacity(pieces.len());
            for piece in pieces {
                let source = &self.evaluator.source;
                let made = source
                    .window(self.model, piece, request.clone(), self.listed.label_seq)
                    .await;
                let (first, last) = began::span(piece);
                windows.push(Piece {
                    first,
                    last,
                    window: own_fault(made)?.0,
                });
            }
            let found = move || -> Vec<(String, began::Found)> {
                let look = |column: String| {
                    let found = found_began(&column, &before, &windows);
                    (column, found.ok_or(began::NoChange))
                };
                columns.into_iter().map(look).collect()
            };
            for (column, found) in blocking(found).await? {
                dates.put(key(&column), found);
            }
        }
        for one in measurements.iter_mut().filter(|one| is_dated(one)) {
            let column = one.column.as_deref().unwrap_or_default();
            one.began = dates.get(key(column)).and_then(Result::ok);
        }
        Ok(())
    }

    /// The chunks after the reference up to the newest of the current window, in the order of time.
    fn under_test(&self) -> Vec<ChunkInfo> {
        let chunks = self.listed.chunks;
        let newest = self.current.iter().map(|&at| chunks[at].last_time).max();
        let in_reference = |at: &usize| match self.reference {
            Reference::DataSet => false,
            Reference::Training(taken) | Reference::Trailing(taken) => {
                taken.binary_search(at).is_ok()
            }
        };
        let after_training = |chunk: &ChunkInfo| {
            self.model
                .last_training_time
                .is_none_or(|training| chunk.first_time > training)
        };
        (0..chunks.len())
            .filter(|at| !in_reference(at))
            .map(|at| &chunks[at])
            .filter(|chunk| after_training(chunk) && Some(chunk.last_time) <= newest)
            .cloned()
            .collect()
    }
}

/// An evaluation under way.
struct Run {
    detector: BatchDetector,
    /// What is stored of the parts that are still to be judged.
    stored: Vec<Learned>,
    /// Whether all that was learned was stored.
    is_stored: bool,
    /// Whether all was made of the chunks as they were listed.
    exact: bool,
    /// Of the parts that are judged.
    learned: Vec<Learned>,
    sum: Sum,
}

/// What the parts of an evaluation come to together.
#[derive(Default)]
struct Sum {
    measurements: Vec<Measurement>,
    log: Vec<String>,
    seconds: f64,
    reference_rows: u64,
    digests: Vec<String>,
}

impl Sum {
    async fn window(&mut self, window: &Arc<Window>, plugin: &Plugin) -> Result<(), StoreError> {
        self.digests.push(replay::digest_of(window, plugin).await?);
        Ok(())
    }

    fn add(&mut self, evaluated: Evaluated, seconds: f64, segment: Option<&Segment>) {
        let verdict = Verdict::judged(
            evaluated.measurements,
            &evaluated.log,
            evaluated.usage,
            seconds,
        );
        self.seconds += verdict.duration_seconds;
        self.log.extend(verdict.log);
        let of_segment = verdict.measurements.into_iter().map(|one| Measurement {
            segment: segment.map(|segment| segment.name.clone()),
            ..one
        });
        self.measurements.extend(of_segment);
    }

    /// A segment with too few rows in one of its windows is told, and not judged.
    fn too_few(
        &mut self,
        plugin: &Plugin,
        window: &Window,
        learned: &Learned,
        segment: Option<&Segment>,
    ) {
        self.measurements.extend(too_few(
            plugin.descriptor(),
            window.rows(),
            learned.rows,
            segment,
        ));
    }

    /// Digest of what the detector could see of the current window; of segments that of all theirs.
    fn digest(&self) -> String {
        replay::digest_of_parts(&self.digests)
    }
}

/// What is said of a segment with too few rows: the detector's first metric, without a number.
pub(super) fn too_few(
    descriptor: &Descriptor,
    rows: u64,
    reference_rows: u64,
    segment: Option<&Segment>,
) -> Option<Measurement> {
    Some(Measurement {
        metric: descriptor.metrics.first()?.name.clone(),
        column: None,
        value: 0.0,
        effect: None,
        p_value: None,
        p_adjusted: None,
        threshold: None,
        threshold_kind: None,
        reference_rows,
        current_rows: rows,
        missing_share: 0.0,
        unseen_share: 0.0,
        verdict: Judgement::Insufficient,
        row: None,
        detail: None,
        segment: segment.map(|segment| segment.name.clone()),
        began: None,
    })
}

/// What is asked of a window that a detector is handed.
pub(super) fn request(
    descriptor: &Descriptor,
    seed: u32,
    segment: Option<Arc<Segment>>,
) -> WindowRequest {
    WindowRequest {
        keep_rows: (descriptor.needs == Needs::Rows).then_some((KEPT_ROWS_DEFAULT, seed.into())),
        segment,
    }
}

/// The categories of a column with the most rows, and how many more there are.
pub(super) fn categories(reference: &Window, column: &str) -> Result<(Vec<String>, usize), String> {
    let columns = reference.columns();
    let at = columns.iter().position(|one| one.name == column);
    let at = at.and_then(|at| u32::try_from(at).ok());
    let at = at.ok_or_else(|| format!("segment_by: there is no column '{column}'"))?;
    let counted = kernels::category_counts(reference, at).map_err(|error| {
        format!("segment_by: {error}: use bucket({column}, ...) or a condition")
    })?;
    let mut most: Vec<(f64, &str)> = counted.counts.into_iter().zip(counted.names).collect();
    if reference.columns()[at as usize].missing > 0 && most.iter().all(|(_, name)| *name != MISSING)
    {
        #[expect(clippy::cast_precision_loss, reason = "rows, far below 2^53")]
        most.push((reference.columns()[at as usize].missing as f64, MISSING));
    }
    most.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    let left_out = most.len().saturating_sub(SEGMENTS_MAX);
    let names = most.into_iter().take(SEGMENTS_MAX);
    Ok((names.map(|(_, name)| name.to_owned()).collect(), left_out))
}

fn no_data_set() -> Stop {
    Stop::Verdict(Verdict::insufficient(&Reason::NoDataSet))
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
fn own_fault<T>(result: Result<T, StoreError>) -> Result<T, Stop> {
    match result {
        Ok(value) => Ok(value),
        Err(error @ StoreError::Corrupt { .. }) => Err(Stop::Verdict(Verdict::failed(&error))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Batch, ColumnKind, ColumnSpec, ColumnValues, MISSING_CODE, Role, Schema};
    use crate::profile::{ProfileBuilder, ProfileConfig};

    /// A window of so many categories, the first with the most rows, and as many rows without one.
    fn window(names: u32, missing: usize) -> Window {
        let spec = |name: &str, kind| ColumnSpec {
            name: name.into(),
            kind,
            role: Role::Feature,
        };
        let schema = Schema::new(vec![
            spec("plan", ColumnKind::Categorical),
            spec("age", ColumnKind::Numeric),
        ]);
        let mut codes: Vec<u32> = (0..names)
            .flat_map(|code| std::iter::repeat_n(code, (names - code) as usize))
            .collect();
        codes.extend(std::iter::repeat_n(MISSING_CODE, missing));
        let ages = vec![1.0; codes.len()];
        let dictionary = (0..names).map(|name| format!("n{name}")).collect();
        let columns = vec![
            ColumnValues::Categorical { codes, dictionary },
            ColumnValues::Numeric(ages),
        ];
        let mut profile = ProfileBuilder::new(schema.unwrap(), ProfileConfig::service());
        profile.observe(&Batch::new(None, columns)).unwrap();
        Window::new(Arc::new(profile.finish()), None).unwrap()
    }

    #[test]
    fn segments_are_the_categories_with_the_most_rows_up_to_the_limit() {
        let most = u32::try_from(SEGMENTS_MAX).unwrap();
        let (names, left_out) = categories(&window(most, 0), "plan").unwrap();
        assert_eq!((names.len(), left_out), (SEGMENTS_MAX, 0));
        assert_eq!(names[0], "n0");
        let (names, left_out) = categories(&window(most + 1, 0), "plan").unwrap();
        assert_eq!((names.len(), left_out), (SEGMENTS_MAX, 1));
        assert!(!names.contains(&format!("n{most}")));
    }

    #[test]
    fn rows_without_a_value_are_a_segment_and_a_column_of_numbers_is_none() {
        let (names, _) = categories(&window(2, 9), "plan").unwrap();
        assert_eq!(names, [MISSING, "n0", "n1"]);
        let said = categories(&window(2, 0), "age").unwrap_err();
        assert!(said.contains("bucket(age, ...)"), "{said}");
        let said = categories(&window(2, 0), "city").unwrap_err();
        assert!(said.contains("no column 'city'"), "{said}");
    }
}
