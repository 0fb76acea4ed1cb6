//! The latest result of every monitor as Prometheus series, bounded in number.
//!
//! What a monitor shows is rendered once, when it was evaluated; a page copies it. The text takes some 200 bytes a
//! series: 10 MB for 50,000.
//!
//! **At most `series_max` series.** Monitors keep their place in the order in which they first appeared, and those that
//! appeared last are left out, each as a whole. One that was left out comes in with its next evaluation, if there is
//! room by then; one whose series still fit stays, though an older one did not. A monitor with more series than a page
//! may have is cut to what its elders leave: it keeps success, windows and values, then what stands around them, column
//! by column. Of a model the summary (`drifted`, labels) counts as appearing just before its first monitor.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::exposition::{Block, BlockBuilder, Families};
use super::names::{self, MEASUREMENT_LABELS, Name, Prefix};
use super::series::{add_around, add_legacy, add_value};
use crate::domain::{DriftKind, Measurement, Role, Verdict};

/// Series of results where nothing else is said.
pub const SERIES_MAX_DEFAULT: usize = 50_000;

/// The latest evaluation of a monitor.
#[derive(Debug, Clone)]
pub struct Latest<'a> {
    /// The model.
    pub model_id: &'a str,
    /// The monitor's name, one of its kind a model.
    pub monitor: &'a str,
    /// Detector as `name@version`.
    pub detector: &'a str,
    /// Kind of drift that it judges.
    pub kind: DriftKind,
    /// What it came to.
    pub outcome: Answer,
    /// When it ran.
    pub evaluated_at: Timestamp,
    /// Rows of the reference window.
    pub reference_rows: u64,
    /// Rows of the current window.
    pub current_rows: u64,
    /// Labelled rows of the current window.
    pub labelled_rows: u64,
    /// What the model's columns mean, derived ones included. A column that is not here has no series under the names
    /// of the Python service.
    pub roles: &'a [(&'a str, Role)],
    /// What it measured.
    pub measurements: &'a [Measurement],
    /// What its metrics are, by name, in the detector's words.
    pub helps: &'a [(&'a str, &'a str)],
    /// Whether the detector ran beside the one in use: its series have names and a label of their own.
    pub shadow: bool,
}

/// Whether a detector answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It did, or was not asked because there was too little to judge.
    Given,
    /// It failed.
    Failed,
}

/// Results of all monitors.
#[derive(Debug)]
pub struct Results {
    prefix: Prefix,
    /// Of series of shadows.
    shadow_prefix: Prefix,
    series_max: usize,
    families: Families,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    models: HashMap<Box<str>, ModelState>,
    /// What is on the page, by order of first appearance.
    exposed: BTreeMap<u64, Arc<Block>>,
    series: usize,
    dropped: u64,
    /// Monitors and models that appeared so far.
    appeared: u64,
}

#[derive(Debug)]
struct ModelState {
    order: u64,
    labels: Option<Labels>,
    monitors: Vec<MonitorState>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Labels {
    share: f64,
    mean_delay_seconds: Option<f64>,
}

#[derive(Debug)]
struct MonitorState {
    name: Box<str>,
    shadow: bool,
    order: u64,
    kind: DriftKind,
    evaluated_at: Timestamp,
    /// Absent where nothing could be judged.
    drifted: Option<bool>,
}

impl Results {
    /// No results yet. `series_max`: most series of a page, 0 for none at all.
    pub fn new(prefix: Prefix, series_max: usize) -> Self {
        Self {
            shadow_prefix: prefix.of_shadows(),
            prefix,
            series_max,
            families: Families::default(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way; if it did, a page with a line too few is better than none.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows an evaluation in place of everything that its monitor showed before.
    pub fn set(&self, latest: &Latest<'_>) {
        let mut collected = Some(self.collect(latest));
        // Rendered before anybody has to wait, unless it has to be cut to the room that there is.
        let rendered = collected
            .take_if(|builder| builder.len() <= self.series_max)
            .map(|builder| builder.finish(self.series_max));
        let mut state = self.state();
        let order = self.take_in(&mut state, latest);
        if let Some(builder) = collected {
            let elders = state
                .exposed
                .range(..order)
                .map(|(_, elder)| elder.series());
            let room = self.series_max.saturating_sub(elders.sum());
            state.dropped += builder.len().saturating_sub(room) as u64;
            state.admit(order, builder.finish(room), self.series_max);
        } else if let Some(block) = rendered {
            state.admit(order, block, self.series_max);
        }
    }

    /// The same, unless something newer is shown of the monitor.
    pub fn restore(&self, latest: &Latest<'_>) {
        let newer = {
            let state = self.state();
            let model = state.models.get(latest.model_id);
            let mut monitors = model.iter().flat_map(|model| &model.monitors);
            monitors
                .any(|one| *one.name == *latest.monitor && one.evaluated_at > latest.evaluated_at)
        };
        if !newer {
            self.set(latest);
        }
    }

    /// Removes what is shown of models, and of their monitors, where `kept` does not say that it stays. It is asked for a
    /// model alone, and then for each of its monitors.
    pub fn keep(&self, kept: &dyn Fn(&str, Option<&str>) -> bool) {
        let (mut models, mut monitors) = (Vec::new(), Vec::new());
        for (id, model) in &self.state().models {
            if kept(id, None) {
                let gone = |one: &&MonitorState| !kept(id, Some(&one.name));
                let gone = model.monitors.iter().filter(gone);
                monitors.extend(gone.map(|one| (id.clone(), one.name.clone())));
            } else {
                models.push(id.clone());
            }
        }
        for id in models {
            self.remove_model(&id);
        }
        for (id, monitor) in monitors {
            self.remove_monitor(&id, &monitor);
        }
    }

    /// Notes what a monitor says, and shows it in the summary of its model; the monitor's place.
    fn take_in(&self, state: &mut State, latest: &Latest<'_>) -> u64 {
        let State {
            models, appeared, ..
        } = &mut *state;
        let model = model_of(models, appeared, latest.model_id);
        // What a shadow says is no result of its model.
        let drifted = drifted(latest.measurements).filter(|_| !latest.shadow);
        let kind = latest.kind;
        let found = model
            .monitors
            .iter_mut()
            .find(|one| *one.name == *latest.monitor && one.shadow == latest.shadow);
        let (order, changed) = if let Some(monitor) = found {
            let changed = (monitor.kind, monitor.drifted) != (kind, drifted);
            (monitor.kind, monitor.drifted) = (kind, drifted);
            monitor.evaluated_at = latest.evaluated_at;
            (monitor.order, changed)
        } else {
            *appeared += 1;
            model.monitors.push(MonitorState {
                name: latest.monitor.into(),
                shadow: latest.shadow,
                order: *appeared,
                kind,
                evaluated_at: latest.evaluated_at,
                drifted,
            });
            (*appeared, true)
        };
        if changed {
            self.summarise(state, latest.model_id);
        }
        order
    }

    /// Shows how many of a model's newest rows are labelled, in [0, 1], and how long their labels took.
    pub fn set_labels(&self, model_id: &str, share: f64, mean_delay_seconds: Option<f64>) {
        let mut state = self.state();
        let State {
            models, appeared, ..
        } = &mut *state;
        let labels = Some(Labels {
            share,
            mean_delay_seconds,
        });
        let model = model_of(models, appeared, model_id);
        if model.labels != labels {
            model.labels = labels;
            self.summarise(&mut state, model_id);
        }
    }

    /// Removes what a monitor shows, and its shadow.
    pub fn remove_monitor(&self, model_id: &str, monitor: &str) {
        self.remove(model_id, |one| *one.name == *monitor);
    }

    /// Removes what the shadow of a monitor shows.
    pub fn remove_shadow(&self, model_id: &str, monitor: &str) {
        self.remove(model_id, |one| one.shadow && *one.name == *monitor);
    }

    fn remove(&self, model_id: &str, which: impl Fn(&MonitorState) -> bool) {
        let mut state = self.state();
        let Some(model) = state.models.get_mut(model_id) else {
            return;
        };
        let mut gone = Vec::new();
        model.monitors.retain(|one| {
            let goes = which(one);
            gone.extend(goes.then_some(one.order));
            !goes
        });
        for &order in &gone {
            state.hide(order);
        }
        if !gone.is_empty() {
            self.summarise(&mut state, model_id);
        }
    }

    /// Removes what a model and its monitors show.
    pub fn remove_model(&self, model_id: &str) {
        let mut state = self.state();
        if let Some(model) = state.models.remove(model_id) {
            state.hide(model.order);
            for monitor in model.monitors {
                state.hide(monitor.order);
            }
        }
    }

    /// Series on the page.
    pub fn exposed(&self) -> usize {
        self.state().series
    }

    /// Series that were left out because the page was full, counted anew at each evaluation.
    pub fn dropped(&self) -> u64 {
        self.state().dropped
    }

    /// Appends the page: text exposition format 0.0.4. Evaluations wait only while the blocks are listed, which takes
    /// some 20 ns a monitor; the text is put together afterwards.
    pub fn write(&self, page: &mut String) {
        let blocks: Vec<Arc<Block>> = self.state().exposed.values().cloned().collect();
        self.families.write(&blocks, page);
    }

    fn collect(&self, latest: &Latest<'_>) -> BlockBuilder<'_> {
        let mut builder = BlockBuilder::new(&self.families);
        let mut whole = vec![
            ("model_id", latest.model_id),
            ("monitor", latest.monitor),
            ("detector", latest.detector),
        ];
        let mut prefix = &self.prefix;
        if latest.shadow {
            whole.push((names::SHADOW, latest.detector));
            prefix = &self.shadow_prefix;
        }
        let of_monitor = [
            (
                names::EVALUATION_SUCCESS,
                f64::from(u8::from(latest.outcome == Answer::Given)),
            ),
            (
                names::EVALUATED_TIMESTAMP,
                latest.evaluated_at.as_millisecond() as f64 / 1e3,
            ),
            (names::REFERENCE_WINDOW_ROWS, latest.reference_rows as f64),
            (names::CURRENT_WINDOW_ROWS, latest.current_rows as f64),
            (
                names::CURRENT_WINDOW_LABELLED_ROWS,
                latest.labelled_rows as f64,
            ),
        ];
        for (name, value) in of_monitor {
            self.add(&mut builder, prefix, name, &whole, value);
        }
        let roles: FxHashMap<&str, Role> = latest.roles.iter().copied().collect();
        let measurements = latest.measurements;
        for one in measurements {
            add_value(
                &mut builder,
                prefix,
                latest.kind,
                &labels(&whole, one),
                one,
                latest.helps,
            );
        }
        for one in measurements {
            add_around(&mut builder, prefix, latest.kind, &labels(&whole, one), one);
        }
        if latest.shadow {
            return builder;
        }
        add_legacy(
            &mut builder,
            &self.prefix,
            measurements,
            |column| roles.get(column).copied(),
            |one| labels(&whole, one),
        );
        builder
    }

    /// Renders the summary of a model anew.
    fn summarise(&self, state: &mut State, model_id: &str) {
        let Some(model) = state.models.get(model_id) else {
            return;
        };
        let mut builder = BlockBuilder::new(&self.families);
        for kind in [DriftKind::Data, DriftKind::Prior, DriftKind::Concept] {
            let judged = model
                .monitors
                .iter()
                .filter(|monitor| monitor.kind == kind)
                .filter_map(|monitor| monitor.drifted);
            if let Some(drifted) = judged.reduce(|any, drifted| any || drifted) {
                let labels = [("model_id", model_id), ("kind", &kind.to_string())];
                let value = f64::from(u8::from(drifted));
                self.add(
                    &mut builder,
                    &self.prefix,
                    names::MODEL_DRIFTED,
                    &labels,
                    value,
                );
            }
        }
        if let Some(labels) = model.labels {
            let of_model = [("model_id", model_id)];
            self.add(
                &mut builder,
                &self.prefix,
                names::LABELLED_SHARE,
                &of_model,
                labels.share,
            );
            if let Some(seconds) = labels.mean_delay_seconds {
                self.add(
                    &mut builder,
                    &self.prefix,
                    names::LABEL_DELAY,
                    &of_model,
                    seconds,
                );
            }
        }
        let order = model.order;
        state.admit(order, builder.finish(usize::MAX), self.series_max);
    }

    #[expect(clippy::unused_self, reason = "beside what uses it")]
    fn add(
        &self,
        builder: &mut BlockBuilder<'_>,
        prefix: &Prefix,
        name: Name,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        let labels = builder.labels(labels);
        let family = format!("{}_{}", prefix.as_str(), name.name);
        builder.add(&family, || name.help.to_owned(), labels, value);
    }
}

impl State {
    /// Puts a block in its place if there is room; takes out younger ones if that makes room.
    fn admit(&mut self, order: u64, block: Block, series_max: usize) {
        self.hide(order);
        if block.series() == 0 {
            return;
        }
        let mut lacking = (self.series + block.series()).saturating_sub(series_max);
        let mut out = Vec::new();
        for (&younger, other) in self.exposed.range(order + 1..).rev() {
            if lacking == 0 {
                break;
            }
            lacking = lacking.saturating_sub(other.series());
            out.push(younger);
        }
        if lacking > 0 {
            self.dropped += block.series() as u64;
            return;
        }
        for younger in out {
            self.dropped += self.hide(younger) as u64;
        }
        self.series += block.series();
        self.exposed.insert(order, Arc::new(block));
    }

    /// Takes a block from the page; how many series it had there.
    fn hide(&mut self, order: u64) -> usize {
        let series = self.exposed.remove(&order).map_or(0, |old| old.series());
        self.series -= series;
        series
    }
}

/// The model, which appears now if it has not yet.
fn model_of<'s>(
    models: &'s mut HashMap<Box<str>, ModelState>,
    appeared: &mut u64,
    model_id: &str,
) -> &'s mut ModelState {
    models.entry(model_id.into()).or_insert_with(|| {
        *appeared += 1;
        ModelState {
            order: *appeared,
            labels: None,
            monitors: Vec::new(),
        }
    })
}

/// Labels of a measurement's series: [`MEASUREMENT_LABELS`].
fn labels<'m>(whole: &[(&'m str, &'m str)], one: &'m Measurement) -> Vec<(&'m str, &'m str)> {
    let column = one
        .column
        .as_deref()
        .map(|column| (MEASUREMENT_LABELS[3], column));
    let segment = one
        .segment
        .as_deref()
        .map(|segment| (MEASUREMENT_LABELS[4], segment));
    whole.iter().copied().chain(column).chain(segment).collect()
}

/// What the measurements together say.
fn drifted(measurements: &[Measurement]) -> Option<bool> {
    measurements
        .iter()
        .filter_map(|one| match one.verdict {
            Verdict::Drifted => Some(true),
            Verdict::Stable => Some(false),
            Verdict::Insufficient | Verdict::Constant | Verdict::Failed => None,
        })
        .reduce(|any, drifted| any || drifted)
}

#[cfg(test)]
mod tests;
