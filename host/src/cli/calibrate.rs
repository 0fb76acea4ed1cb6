//! `leeway calibrate`: a reference against itself, of a file or of a running server.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::calibrate::{
    Judge, Monitor, ROWS_DEFAULT, Report, Rows, Settings, Step, Threads, calibrate, check_rows,
};
use crate::check;
use crate::runtime::Detector;

use super::calibrated;
use super::detectors::DetectorArgs;
use super::files::ReadingArgs;
use super::screen::{print, write};
use super::server::ServerArgs;

/// Replays a reference against itself: how often its detectors raise a false alarm on it, how small a shift of each column
/// they see, and which size of window to take.
///
/// The file is CSV or NDJSON (also gzipped), Parquet or Arrow IPC. With --model, the monitors of a model in a running server
/// are calibrated on the rows of its reference, and no file is read.
#[derive(Debug, Args)]
pub(super) struct CalibrateArgs {
    /// Rows that define normal
    #[arg(required_unless_present = "model", conflicts_with = "model")]
    reference: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    detectors: DetectorArgs,
    #[command(flatten)]
    thorough: ThoroughArgs,
    /// Rows of the window that the detectors are to judge: tried beside the other sizes
    #[arg(long, value_name = "ROWS", help_heading = "Calibration")]
    window_rows: Option<u64>,

    /// Calibrate the monitors of this model in a running server
    #[arg(long, value_name = "ID", help_heading = "In service")]
    model: Option<String>,
    /// Only this one of them
    #[arg(
        long,
        value_name = "NAME",
        requires = "model",
        help_heading = "In service"
    )]
    monitor: Option<String>,
    #[command(flatten, next_help_heading = "In service")]
    server: ServerArgs,

    /// What is printed
    #[arg(
        long,
        short,
        value_enum,
        default_value = "text",
        help_heading = "Output"
    )]
    format: Format,
    /// Print to a file
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

/// How thorough a calibration is.
#[derive(Debug, Args)]
struct ThoroughArgs {
    /// Shuffled replays [default: 200; in service 100]
    #[arg(long, value_name = "COUNT", help_heading = "Calibration")]
    replays: Option<u32>,
    /// Rows of the reference that are used; of more, a uniform sample [default: 20000; in service 5000]
    #[arg(long, value_name = "COUNT", help_heading = "Calibration")]
    rows: Option<u32>,
    /// Sizes of windows that are tried [default: 50, 100, 200, 500 and so on, up to a third of the rows]
    #[arg(
        long = "size",
        value_name = "ROWS",
        value_delimiter = ',',
        help_heading = "Calibration"
    )]
    sizes: Vec<u32>,
    /// Columns of each detector that are moved to find the smallest shift; 0 leaves that out, which is most of the work
    /// [default: 32; in service 8]
    #[arg(long, value_name = "COUNT", help_heading = "Calibration")]
    columns: Option<u32>,
    /// Shift of a number that a suggested window must show, in standard deviations [default: 0.3]
    #[arg(long, value_name = "SD", help_heading = "Calibration")]
    shift: Option<f64>,
    /// Share of moved values that a suggested window must show, in columns of few values [default: 0.1]
    #[arg(long, value_name = "SHARE", help_heading = "Calibration")]
    share: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs the command; returns the exit code.
pub(super) fn run(args: &CalibrateArgs) -> anyhow::Result<u8> {
    let report = match (&args.model, &args.reference) {
        (Some(model), _) => of_server(args, model)?,
        (None, Some(reference)) => of_file(args, reference)?,
        (None, None) => bail!("neither a file nor a model is named"),
    };
    let text = match args.format {
        Format::Text => calibrated::text(&report),
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
    };
    match &args.output {
        Some(path) => write(path, text)?,
        None => print(&text)?,
    }
    Ok(0)
}

/// Calibrates detectors on a file.
fn of_file(args: &CalibrateArgs, reference_file: &Path) -> anyhow::Result<Report> {
    let settings = check_settings(args, reference_file)?;
    let usual = Settings::default();
    let thorough = Settings {
        replays: args.thorough.replays.unwrap_or(usual.replays),
        sizes: args.thorough.sizes.clone(),
        columns: args.thorough.columns.unwrap_or(usual.columns),
        shift: args.thorough.shift.unwrap_or(usual.shift),
        share: args.thorough.share.unwrap_or(usual.share),
        seed: settings.seed,
        profile: settings.profile,
    };
    // What is wrong with the numbers is said before a file is read.
    thorough.check()?;
    let program = std::env::current_exe().context("the program's own file cannot be found")?;
    let runtime = check::runtime(
        &program,
        &args.reading.cache.directory()?,
        args.reading.interpreters.folder(),
    )?;
    let bar = args.reading.progress_bar();
    let reference = check::reference(
        &settings,
        &runtime,
        &mut |bytes| bar.set_length(bytes),
        &mut |bytes| bar.inc(bytes),
    );
    bar.finish_and_clear();
    let reference = reference?;
    let monitors: Vec<Monitor> = reference
        .detectors
        .iter()
        .map(|detector| monitor(detector, args.window_rows))
        .collect();

    let bar = args
        .reading
        .bar("calibrating {bar:40} {pos} of {len} tasks so far");
    let told = |step| tell(&bar, step);
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let report = calibrate(
        &Rows::new(&reference.rows),
        &monitors,
        &thorough,
        &Threads::new(threads, &told),
    );
    bar.finish_and_clear();
    let mut report = report.with_context(|| reference_file.display().to_string())?;
    report.notes.splice(0..0, reference.notes);
    Ok(report)
}

/// Calibrates monitors of a running server.
fn of_server(args: &CalibrateArgs, model: &str) -> anyhow::Result<Report> {
    let mut body = serde_json::Map::new();
    let thorough = &args.thorough;
    let mut say = |field: &str, value: Option<Value>| {
        body.extend(value.map(|value| (field.to_owned(), value)));
    };
    say("monitor", args.monitor.clone().map(Value::from));
    say("replays", thorough.replays.map(Value::from));
    say("rows", thorough.rows.map(Value::from));
    say("columns", thorough.columns.map(Value::from));
    say("shift", thorough.shift.map(Value::from));
    say("share", thorough.share.map(Value::from));
    say("seed", args.reading.seed.map(Value::from));
    say(
        "sizes",
        (!thorough.sizes.is_empty()).then(|| thorough.sizes.clone().into()),
    );
    let path = ["v1", "models", model, "calibrate"];
    let answer = args.server.post(&path, Some(&Value::Object(body)))?;
    serde_json::from_value(answer).context("the server answers with another kind of report")
}

fn check_settings(args: &CalibrateArgs, reference_file: &Path) -> anyhow::Result<check::Settings> {
    let file = args.reading.config_file()?;
    // There is no current file: nothing looks at it.
    let (reference, current) = (reference_file.to_owned(), PathBuf::new());
    let settings = args.reading.settings(&file, reference, current)?;
    Ok(check::Settings {
        kept_rows_max: check_rows(args.thorough.rows.unwrap_or(ROWS_DEFAULT))?,
        ..args.detectors.apply(settings, &file.check)?
    })
}

fn monitor(detector: &Detector, window_rows: Option<u64>) -> Monitor<'_> {
    let descriptor = detector.plugin().descriptor();
    Monitor {
        name: descriptor.name.clone(),
        detector: descriptor.full_name(),
        judge: detector,
        // Rows that are followed stand in no window.
        window_rows: window_rows.filter(|_| !detector.follows_rows()),
        rows_min: 0,
    }
}

fn tell(bar: &ProgressBar, step: Step) {
    match step {
        Step::Planned(tasks) => bar.inc_length(tasks as u64),
        Step::Done => bar.inc(1),
    }
}
