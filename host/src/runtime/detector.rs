//! The boundary: the only place where values enter or leave a guest.

use std::collections::HashMap;

use wasmtime::component::{ComponentType, Resource};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap};

use crate::domain::Measurement;
use crate::profile::Window;

use super::bindings::batch::BatchDetectorPre;
use super::bindings::stream::StreamDetectorPre;
use super::bindings::types;
use super::error::{Refusal, RunError};
use super::plugin::{Plugin, Pre};
use super::sandbox::{
    LogLine, OverLimit, PastDeadline, Resource as Limited, Sandbox, TooMuchLog, Usage,
};
use super::text::plain;
use super::verify::{self, Expected, Raw};

/// What a detector learned from a reference window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    bytes: Vec<u8>,
    rows: u64,
}

impl Baseline {
    /// A baseline as it was stored: the detector's bytes, and the rows of its reference window.
    pub fn new(bytes: Vec<u8>, rows: u64) -> Self {
        Self { bytes, rows }
    }

    /// The detector's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Rows of the reference window.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// Where a stream detector stands; `default` is before the first row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    bytes: Vec<u8>,
}

impl State {
    /// A state as it was stored.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The detector's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What one evaluation gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// Checked measurements.
    pub measurements: Vec<Measurement>,
    /// What the detector wrote.
    pub log: Vec<LogLine>,
    /// What it used.
    pub usage: Usage,
}

/// What one update gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    /// To be handed to the next update.
    pub state: State,
    /// Checked measurements.
    pub measurements: Vec<Measurement>,
    /// What the detector wrote.
    pub log: Vec<LogLine>,
    /// What it used.
    pub usage: Usage,
}

/// A plugin with its configuration and seed. Calls block: use a thread that may.
#[derive(Clone)]
pub enum Detector {
    /// Compares windows.
    Batch(BatchDetector),
    /// Follows rows.
    Stream(StreamDetector),
}

impl Detector {
    pub(super) fn new(plugin: Plugin, config: String, seed: u64) -> Self {
        match plugin.sandboxed().pre.clone() {
            Pre::Batch(pre) => Self::Batch(BatchDetector {
                bound: Bound {
                    plugin,
                    config,
                    seed,
                },
                pre,
            }),
            Pre::Stream(pre) => Self::Stream(StreamDetector {
                bound: Bound {
                    plugin,
                    config,
                    seed,
                },
                pre,
            }),
        }
    }

    /// The plugin behind it.
    pub fn plugin(&self) -> &Plugin {
        match self {
            Self::Batch(detector) => &detector.bound.plugin,
            Self::Stream(detector) => &detector.bound.plugin,
        }
    }
}

/// A detector that compares a current window with a reference window.
#[derive(Clone)]
pub struct BatchDetector {
    bound: Bound,
    pre: BatchDetectorPre<Sandbox>,
}

impl BatchDetector {
    /// Learns from the reference window.
    pub fn fit(&self, reference: &Window) -> Result<Baseline, RunError> {
        self.fit_metered(reference).map(|(baseline, _)| baseline)
    }

    /// The same, with what it used.
    pub fn fit_metered(&self, reference: &Window) -> Result<(Baseline, Usage), RunError> {
        let mut used = Usage::default();
        let baseline = self.fit_watched(reference, &mut used)?;
        Ok((baseline, used))
    }

    /// The same; `used` is what it used, also where it failed.
    pub fn fit_watched(&self, reference: &Window, used: &mut Usage) -> Result<Baseline, RunError> {
        let Bound { config, seed, .. } = &self.bound;
        let window = self.bound.visible(reference);
        let rows = window.rows();
        let (bytes, done) = self.bound.run(window, used, |store, window| {
            let guest = self.pre.instantiate(&mut *store)?;
            guest
                .leeway_detector_batch()
                .call_fit(store, window, config, *seed)
        })?;
        *used = done.usage(bytes.len());
        Ok(Baseline { bytes, rows })
    }

    /// Judges the current window.
    pub fn evaluate(&self, baseline: &Baseline, current: &Window) -> Result<Evaluated, RunError> {
        self.evaluate_watched(baseline, current, &mut Usage::default())
    }

    /// The same; `used` is what it used, also where it failed.
    pub fn evaluate_watched(
        &self,
        baseline: &Baseline,
        current: &Window,
        used: &mut Usage,
    ) -> Result<Evaluated, RunError> {
        let Bound { config, seed, .. } = &self.bound;
        let window = self.bound.visible(current);
        let handed = Handed::of(&window, Some(baseline.rows()));
        let (raw, done) = self.bound.run(window, used, |store, window| {
            let guest = self.pre.instantiate(&mut *store)?;
            guest.leeway_detector_batch().call_evaluate(
                store,
                baseline.bytes(),
                window,
                config,
                *seed,
            )
        })?;
        let usage = done.usage(bytes_of(&raw));
        *used = usage;
        Ok(Evaluated {
            measurements: self.bound.checked(raw, &handed)?,
            log: done.sandbox.log.lines,
            usage,
        })
    }
}

/// A detector that follows rows in their order.
#[derive(Clone)]
pub struct StreamDetector {
    bound: Bound,
    pre: StreamDetectorPre<Sandbox>,
}

impl StreamDetector {
    /// Takes in the kept rows of a window, in their order.
    pub fn update(&self, state: &State, rows: &Window) -> Result<Updated, RunError> {
        self.update_watched(state, rows, &mut Usage::default())
    }

    /// The same; `used` is what it used, also where it failed.
    pub fn update_watched(
        &self,
        state: &State,
        rows: &Window,
        used: &mut Usage,
    ) -> Result<Updated, RunError> {
        let Bound { config, seed, .. } = &self.bound;
        let window = self.bound.visible(rows);
        let handed = Handed::of(&window, None);
        let (step, done) = self.bound.run(window, used, |store, window| {
            let guest = self.pre.instantiate(&mut *store)?;
            guest
                .leeway_detector_stream()
                .call_update(store, state.bytes(), window, config, *seed)
        })?;
        let usage = done.usage(step.state.len() + bytes_of(&step.measurements));
        *used = usage;
        Ok(Updated {
            state: State::new(step.state),
            measurements: self.bound.checked(step.measurements, &handed)?,
            log: done.sandbox.log.lines,
            usage,
        })
    }
}

/// What both kinds share: who is called, and with what.
#[derive(Clone)]
struct Bound {
    plugin: Plugin,
    config: String,
    seed: u64,
}

impl Bound {
    /// The columns that the detector said it takes.
    fn visible(&self, window: &Window) -> Window {
        let descriptor = self.plugin.descriptor();
        window.select(&descriptor.roles, &descriptor.accepts)
    }

    /// One call in a store of its own: hands the window over, and names what went wrong. `used` is what a call that failed used.
    fn run<T>(
        &self,
        window: Window,
        used: &mut Usage,
        call: impl FnOnce(
            &mut Store<Sandbox>,
            Resource<Window>,
        ) -> wasmtime::Result<Result<T, types::Failure>>,
    ) -> Result<(T, Done), RunError> {
        let mut store = self.plugin.sandboxed().store();
        let handed = store
            .data_mut()
            .table
            .push(window)
            .map_err(|error| RunError::DoesNotFit(error.to_string()))?;
        let answer = call(&mut store, handed);
        let fuel = self.plugin.sandboxed().fuel_used(&store);
        *used = Usage {
            fuel,
            ..store.data().usage()
        };
        match answer {
            Ok(Ok(value)) => {
                let sandbox = store.into_data(); // The rest of the store dies here.
                Ok((value, Done { sandbox, fuel }))
            }
            Ok(Err(failure)) => Err(RunError::Refused(Refusal::from(failure))), // The detector declined.
            Err(error) => Err(classify(&error, &store)), // The sandbox stopped it.
        }
    }

    fn checked(
        &self,
        raw: Vec<types::Measurement>,
        handed: &Handed,
    ) -> Result<Vec<Measurement>, RunError> {
        let expected = Expected {
            descriptor: self.plugin.descriptor(),
            columns: &handed.columns,
            current_rows: handed.rows,
            reference_rows: handed.reference_rows,
            measurements_max: self.plugin.sandboxed().limits.measurements_max,
        };
        Ok(verify::check(raw.into_iter().map(Raw::from), &expected)?)
    }
}

/// What is left of a call that gave an answer.
struct Done {
    sandbox: Sandbox,
    fuel: Option<u64>,
}

impl Done {
    fn usage(&self, output_bytes: usize) -> Usage {
        Usage {
            output_bytes,
            fuel: self.fuel,
            ..self.sandbox.usage()
        }
    }
}

/// Bytes that measurements take as they cross the boundary.
fn bytes_of(raw: &[types::Measurement]) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let texts = raw
        .iter()
        .map(|one| one.metric.len() + text(&one.column) + text(&one.detail));
    raw.len() * types::Measurement::SIZE32 + texts.sum::<usize>()
}

/// What a guest was handed: its answer is held against it.
struct Handed {
    columns: HashMap<String, u64>,
    rows: u64,
    reference_rows: Option<u64>,
}

impl Handed {
    fn of(window: &Window, reference_rows: Option<u64>) -> Self {
        let columns = window
            .columns()
            .into_iter()
            .map(|column| (column.name, column.rows))
            .collect();
        Self {
            columns,
            rows: window.rows(),
            reference_rows,
        }
    }
}

/// Says in one word what ended a guest.
pub(super) fn classify(error: &wasmtime::Error, store: &Store<Sandbox>) -> RunError {
    let limits = *store.data().limits();
    if let Some(over) = error.downcast_ref::<OverLimit>() {
        return match over.what {
            Limited::Memory => RunError::Memory {
                wanted: over.wanted,
                limit: over.limit,
            },
            Limited::Tables => RunError::Tables {
                wanted: over.wanted,
                limit: over.limit,
            },
        };
    }
    if error.is::<PastDeadline>() {
        return RunError::Deadline {
            limit: limits.deadline,
        };
    }
    if error.is::<TooMuchLog>() {
        return RunError::LogFlood {
            limit: limits.log_calls_max,
        };
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return RunError::Busy;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => {
            return RunError::Deadline {
                limit: limits.deadline,
            };
        }
        Some(Trap::StackOverflow) => return RunError::StackOverflow,
        Some(Trap::UnreachableCodeReached) if store.data().log.last_error.is_some() => {
            let message = store.data().log.last_error.clone().unwrap_or_default();
            return RunError::Panicked { message };
        }
        Some(trap) => {
            return RunError::Trapped {
                trap: trap.to_string(),
            };
        }
        None => {}
    }
    // The last cause alone: those around it name places in the guest, in the guest's own words.
    let text = plain(&error.root_cause().to_string());
    // The types behind these two are private to wasmtime; a hostile guest in the tests keeps each text honest.
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        return RunError::OutputTooLarge {
            limit: limits.output_bytes_max,
        };
    }
    if text.contains("resource limit exceeded") {
        return RunError::DoesNotFit(text);
    }
    RunError::Boundary(text)
}
