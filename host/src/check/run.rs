//! Runs a check: reads both files, fits every detector on the reference, judges the current window.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use crate::builtin;
use crate::domain::{Language, Needs};
use crate::profile::Window;
use crate::profile::began::{Piece, date};
use crate::runtime::{
    Baseline, BatchDetector, CodeCache, CompileLimits, Compiler, Detector, Engine, Limits, LogLine,
    Plugin, RunError, Runtime, Usage,
};

use super::error::CheckError;
use super::gather::{Gathered, OnProgress, gather};
use super::picture::pictures;
use super::plan::Plan;
use super::report::{Call, Chunk, Evaluation, ModelSummary, Report, WindowSummary};
use super::settings::{Chunking, Settings, Source};
use super::stream::{Follower, Followers, Found};

/// The sandbox of a check: compile children are runs of `program`; compiled code is kept in `cache`, and what runs
/// detectors in source is in `interpreters`.
pub fn runtime(program: &Path, cache: &Path, interpreters: PathBuf) -> Result<Runtime, CheckError> {
    let engine = Engine::start().map_err(|error| CheckError::Sandbox(format!("{error:#}")))?;
    let cache = CodeCache::open(cache).map_err(|source| CheckError::Cache {
        path: cache.to_owned(),
        source,
    })?;
    Runtime::new(
        engine,
        Compiler::new(program.to_owned(), CompileLimits::default()),
        cache,
    )
    .map(|runtime| runtime.with_interpreters(interpreters))
    .map_err(|error| CheckError::Sandbox(format!("{error:#}")))
}

/// Runs a check. `progress` is told the bytes of both files as they are read; `start` their sum.
pub fn run(
    settings: &Settings,
    runtime: &Runtime,
    start: &mut dyn FnMut(u64),
    progress: &mut OnProgress,
) -> Result<Report, CheckError> {
    let plan = Plan::new(settings)?;
    let detectors = detectors(settings, runtime)?;
    check_times(settings)?;
    start(plan.bytes);

    let mut followers = Vec::new();
    let mut judges = Vec::new();
    for detector in &detectors {
        match detector {
            Detector::Batch(batch) => judges.push((detector.plugin(), batch)),
            Detector::Stream(stream) => followers.push(follower(detector.plugin(), stream, &plan)?),
        }
    }
    let keep_rows = judges
        .iter()
        .any(|(plugin, _)| plugin.descriptor().needs == Needs::Rows);
    let mut followers = Followers::new(followers);
    let reference = gather(
        &settings.reference,
        &plan,
        settings,
        Chunking::Whole,
        keep_rows,
        &mut followers,
        progress,
    )?;
    followers.end_file()?; // What was found in the reference is the past.
    let current = gather(
        &settings.current,
        &plan,
        settings,
        settings.chunking,
        keep_rows,
        &mut followers,
        progress,
    )?;
    let found = followers.end_file()?;

    let fitted: Vec<Fitted> = judges
        .into_iter()
        .map(|(plugin, detector)| Fitted {
            plugin,
            detector,
            baseline: detector.fit_metered(&reference.whole),
        })
        .collect();
    let judge = |window: &Window| {
        fitted
            .iter()
            .map(|fitted| fitted.judge(window, settings.seed))
            .collect::<Vec<_>>()
    };
    let streams = detectors
        .iter()
        .filter(|detector| matches!(detector, Detector::Stream(_)));
    let mut evaluations = judge(&current.whole);
    let pieces: Vec<Piece> = current.chunks.iter().filter_map(piece).collect();
    for evaluation in &mut evaluations {
        date(&mut evaluation.measurements, &reference.whole, &pieces);
    }
    evaluations.extend(
        streams
            .zip(found)
            .map(|(detector, found)| of_stream(detector.plugin(), found, settings.seed)),
    );
    let chunk = |(number, window): (usize, &Window)| Chunk {
        number,
        window: summary(&settings.current, window),
        evaluations: judge(window),
    };
    Ok(Report {
        model: ModelSummary {
            id: settings.model_id.clone(),
            model_type: plan.model_type,
        },
        reference: summary(&settings.reference, &reference.whole),
        current: summary(&settings.current, &current.whole),
        evaluations,
        chunks: (1..).zip(&current.chunks).map(chunk).collect(),
        columns: pictures(&reference.whole, &current.whole)
            .map_err(|error| CheckError::Picture(error.to_string()))?,
        notes: notes(plan, &current),
        leeway: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Loads every detector and binds its configuration.
pub(super) fn detectors(
    settings: &Settings,
    runtime: &Runtime,
) -> Result<Vec<Detector>, CheckError> {
    let mut plugins: Vec<Plugin> = Vec::new();
    for source in &settings.detectors {
        let plugin = load(source, runtime)?;
        let name = &plugin.descriptor().name;
        if plugins.iter().any(|other| other.descriptor().name == *name) {
            return Err(CheckError::DetectorTwice(name.clone()));
        }
        plugins.push(plugin);
    }
    let names = || {
        plugins
            .iter()
            .map(|plugin| plugin.descriptor().name.as_str())
            .collect::<Vec<_>>()
    };
    if let Some(name) = settings
        .configs
        .keys()
        .find(|name| !names().contains(&name.as_str()))
    {
        return Err(CheckError::ConfigWithoutDetector {
            name: name.clone(),
            there: names().join(", "),
        });
    }
    let configured = plugins.iter().map(|plugin| {
        let config = settings
            .configs
            .get(&plugin.descriptor().name)
            .cloned()
            .unwrap_or_else(|| json!({}));
        Ok(plugin.configure(&config, settings.seed)?)
    });
    configured.collect()
}

fn load(source: &Source, runtime: &Runtime) -> Result<Plugin, CheckError> {
    let (name, language, bytes) = match source {
        Source::Builtin(name) => {
            let there = || builtin::ALL.map(|builtin| builtin.name).join(", ");
            let found = builtin::find(name).ok_or_else(|| CheckError::NoDetector {
                name: name.clone(),
                there: there(),
            })?;
            (name.clone(), None, found.component.to_vec())
        }
        Source::File(path) => {
            let read = std::fs::read(path).map_err(|source| CheckError::ReadPlugin {
                path: path.clone(),
                source,
            })?;
            (path.display().to_string(), Language::of_file(path), read)
        }
    };
    runtime
        .load_as(language, &bytes, Limits::default())
        .map_err(|source| CheckError::Load { name, source })
}

fn check_times(settings: &Settings) -> Result<(), CheckError> {
    match settings.chunking {
        Chunking::Seconds(_) if settings.read.time_column.is_none() => {
            Err(CheckError::NoTimeColumn)
        }
        _ => Ok(()),
    }
}

fn follower(
    plugin: &Plugin,
    detector: &crate::runtime::StreamDetector,
    plan: &Plan,
) -> Result<Follower, CheckError> {
    let descriptor = plugin.descriptor();
    Follower::new(
        descriptor.full_name(),
        detector.clone(),
        &descriptor.roles,
        &descriptor.accepts,
        &plan.schema,
    )
    .map_err(|source| CheckError::Schema {
        file: descriptor.full_name(),
        source,
    })
}

/// A detector with what it learned from the reference.
struct Fitted<'a> {
    plugin: &'a Plugin,
    detector: &'a BatchDetector,
    baseline: Result<(Baseline, Usage), RunError>,
}

impl Fitted<'_> {
    fn judge(&self, window: &Window, seed: u64) -> Evaluation {
        let mut evaluation = blank(self.plugin, seed);
        let evaluated = self
            .baseline
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|(baseline, fit)| {
                evaluation.calls.push(call("fit", *fit));
                self.detector.evaluate(baseline, window)
            });
        match evaluated {
            Ok(evaluated) => {
                evaluation.calls.push(call("evaluate", evaluated.usage));
                evaluation.measurements = evaluated.measurements;
                evaluation.log = lines(&evaluated.log, evaluated.usage.log_dropped);
            }
            Err(error) => evaluation.error = Some(error.to_string()),
        }
        evaluation
    }
}

fn of_stream(plugin: &Plugin, found: Found, seed: u64) -> Evaluation {
    let error = found.error.map(|error| error.to_string());
    Evaluation {
        measurements: found.measurements,
        log: lines(&found.log, 0),
        error,
        calls: found.calls,
        ..blank(plugin, seed)
    }
}

fn blank(plugin: &Plugin, seed: u64) -> Evaluation {
    let descriptor = plugin.descriptor();
    Evaluation {
        detector: descriptor.full_name(),
        digest: plugin.digest().to_string(),
        kind: descriptor.kind,
        seed,
        measurements: Vec::new(),
        error: None,
        log: Vec::new(),
        calls: Vec::new(),
    }
}

fn call(function: &'static str, usage: Usage) -> Call {
    Call { function, usage }
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

fn summary(file: &Path, window: &Window) -> WindowSummary {
    let span = window.span();
    WindowSummary {
        file: file.display().to_string(),
        rows: window.rows(),
        from: span.and_then(|(first, _)| rfc_3339(first)),
        to: span.and_then(|(_, last)| rfc_3339(last)),
    }
}

/// A chunk along which the beginning of a drift is looked for; nothing where its rows have no times.
fn piece(chunk: &Window) -> Option<Piece> {
    let (first, last) = chunk.span()?;
    Some(Piece {
        first: timestamp(first)?,
        last: timestamp(last)?,
        window: Arc::new(chunk.clone()),
    })
}

/// A time as people write it; nothing for one beyond the calendar.
fn rfc_3339(seconds: f64) -> Option<String> {
    timestamp(seconds).map(|time| time.to_string())
}

fn timestamp(seconds: f64) -> Option<jiff::Timestamp> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and the calendar refuses what is out of range"
    )]
    let milliseconds = (seconds * 1e3).round() as i64;
    jiff::Timestamp::from_millisecond(milliseconds).ok()
}

fn notes(plan: Plan, current: &Gathered) -> Vec<String> {
    let mut notes = plan.notes;
    if current.rows_without_time > 0 {
        notes.push(format!(
            "{} rows of the current window have no time: they stand in no chunk",
            current.rows_without_time
        ));
    }
    let sketched = current
        .whole
        .columns()
        .iter()
        .filter(|column| !column.exact)
        .count();
    if sketched > 0 {
        notes.push(format!("columns with too many distinct values to be kept exactly: {sketched}; the error of their ranks is bounded and accounted for"));
    }
    notes
}
