//! `leeway check`: compares a current file with a reference file.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::check::output::{self, Style};
use crate::check::{
    self, Chunking, DETECTORS_DEFAULT, Outcome, Roles, SEED_DEFAULT, Settings, Source,
};
use crate::domain::{ColumnKind, ModelType};
use crate::input::{Format, ReadOptions, TimeUnit};
use crate::profile::{KEPT_ROWS_DEFAULT, ProfileConfig};

use super::config_file::ConfigFile;

/// Compares a current file with a reference file: what drifted, how much, how sure that is.
///
/// Files are CSV or NDJSON (also gzipped), Parquet or Arrow IPC. Exit code 0: stable, 1: drifted,
/// 2: error.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Rows that define normal
    reference: PathBuf,
    /// Rows under test
    current: PathBuf,

    /// File (TOML) with columns, detectors and their settings; flags go before it
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Name of the watched model [default: model]
    #[arg(long, value_name = "ID", help_heading = "Model")]
    model_id: Option<String>,
    /// What it answers: classifier or regressor [default: what its columns suggest]
    #[arg(long, value_name = "TYPE", value_parser = model_type, help_heading = "Model")]
    model_type: Option<ModelType>,
    /// Column of the truth
    #[arg(long, value_name = "COLUMN", help_heading = "Model")]
    label: Option<String>,
    /// Column of the model's answer
    #[arg(long, value_name = "COLUMN", help_heading = "Model")]
    prediction: Option<String>,
    /// Column of the score behind the answer
    #[arg(long, value_name = "COLUMN", help_heading = "Model")]
    probability: Option<String>,
    /// Class that the probability is of
    #[arg(long, value_name = "CLASS", help_heading = "Model")]
    positive_label: Option<String>,

    /// Column of each row's time: RFC 3339, a date, or a number of --time-unit
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    time: Option<String>,
    /// Unit of numbers in the time column
    #[arg(long, value_name = "UNIT", value_parser = time_unit, default_value = "seconds", help_heading = "Columns")]
    time_unit: TimeUnit,
    /// Columns to leave out
    #[arg(
        long,
        value_name = "COLUMN",
        value_delimiter = ',',
        help_heading = "Columns"
    )]
    ignore: Vec<String>,
    /// Type of a column: numeric, categorical or embedding [default: inferred]
    #[arg(long = "type", value_name = "COLUMN=TYPE", value_parser = column_type, help_heading = "Columns")]
    types: Vec<(String, ColumnKind)>,

    /// Detectors that come with leeway: data-drift, prior-drift, concept-drift, adwin, page-hinkley
    /// [default: data-drift,prior-drift,concept-drift]
    #[arg(
        long = "detector",
        short,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Detectors"
    )]
    detectors: Vec<String>,
    /// Detectors of your own: component files
    #[arg(
        long = "plugin",
        short,
        value_name = "FILE",
        help_heading = "Detectors"
    )]
    plugins: Vec<PathBuf>,
    /// Setting of a detector; the value is JSON or plain text, as in data-drift.level=0.01
    #[arg(long = "set", short, value_name = "DETECTOR.KEY=VALUE", value_parser = setting, help_heading = "Detectors")]
    settings: Vec<(String, String, serde_json::Value)>,
    /// Seed of everything that is drawn [default: 2013]
    #[arg(long, value_name = "NUMBER", help_heading = "Detectors")]
    seed: Option<u64>,

    /// Also judge chunks of so many rows of the current file
    #[arg(long, value_name = "ROWS", conflicts_with = "chunk_time", help_heading = "Chunks", value_parser = clap::value_parser!(u64).range(1..))]
    chunk_rows: Option<u64>,
    /// Also judge chunks of so much time, as in 1d, 12h or 30min
    #[arg(long, value_name = "DURATION", help_heading = "Chunks")]
    chunk_time: Option<String>,

    /// What is printed
    #[arg(
        long,
        short,
        value_enum,
        default_value = "table",
        help_heading = "Output"
    )]
    format: OutputFormat,
    /// Print to a file
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Also write a report to look at, with every distribution drawn
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    html: Option<PathBuf>,
    /// Show every column in the table, stable ones too
    #[arg(long, help_heading = "Output")]
    all: bool,
    /// Colours in the table
    #[arg(long, value_enum, default_value = "auto", help_heading = "Output")]
    color: Colour,
    /// No progress bar
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,

    /// Format of both files [default: what they hold]
    #[arg(long, value_name = "FORMAT", value_parser = input_format, help_heading = "Reading")]
    input_format: Option<Format>,
    /// Character between the fields of a CSV file [default: what the header has]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter, help_heading = "Reading")]
    delimiter: Option<u8>,
    /// Further texts that mean "no value"
    #[arg(long = "missing", value_name = "TEXT", help_heading = "Reading")]
    missing: Vec<String>,
    /// Distinct values up to which a numeric column is kept exactly
    #[arg(long, value_name = "COUNT", help_heading = "Reading", default_value_t = ProfileConfig::default().exact_distinct_max())]
    exact_distinct_max: usize,
    /// Categories that are counted one by one
    #[arg(long, value_name = "COUNT", help_heading = "Reading", default_value_t = ProfileConfig::default().categories_max())]
    categories_max: usize,
    /// Rows kept of each window for detectors that need rows
    #[arg(long, value_name = "ROWS", help_heading = "Reading", default_value_t = KEPT_ROWS_DEFAULT)]
    rows_max: u32,
    /// Directory of compiled detectors [default: leeway in the user's cache directory]
    #[arg(
        long,
        value_name = "DIRECTORY",
        env = "LEEWAY_CACHE_DIR",
        help_heading = "Reading"
    )]
    cache_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OutputFormat {
    Table,
    Json,
    Csv,
    Prometheus,
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

/// Runs the check and prints it; returns the exit code.
pub(super) fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    let settings = settings(args)?;
    let program = std::env::current_exe().context("the program's own file cannot be found")?;
    let runtime = check::runtime(&program, &cache_dir(args)?)?;

    let bar = progress_bar(args.quiet);
    let report = check::run(
        &settings,
        &runtime,
        &mut |bytes| bar.set_length(bytes),
        &mut |bytes| bar.inc(bytes),
    );
    bar.finish_and_clear();
    let report = report?;

    if let Some(path) = &args.html {
        write(
            path,
            &output::render(&report, output::Format::Html, &Style::default()),
        )?;
    }
    let format = match args.format {
        OutputFormat::Table => output::Format::Table,
        OutputFormat::Json => output::Format::Json,
        OutputFormat::Csv => output::Format::Csv,
        OutputFormat::Prometheus => output::Format::Prometheus,
        OutputFormat::Html => output::Format::Html,
    };
    match &args.output {
        Some(path) => write(path, &output::render(&report, format, &style(args, false)))?,
        None => print(&output::render(
            &report,
            format,
            &style(args, std::io::stdout().is_terminal()),
        ))?,
    }
    Ok(match report.outcome() {
        Outcome::Stable => 0,
        Outcome::Drifted => 1,
        Outcome::Error => 2,
    })
}

/// Flags before the file, the file before defaults.
fn settings(args: &CheckArgs) -> anyhow::Result<Settings> {
    let file = args
        .config
        .as_deref()
        .map(ConfigFile::read)
        .transpose()?
        .unwrap_or_default();
    let columns = file.columns;
    let or = |flag: &Option<String>, file: Option<String>| flag.clone().or(file);

    let mut read = ReadOptions {
        format: args.input_format,
        delimiter: args.delimiter,
        time_unit: args.time_unit,
        ..ReadOptions::default()
    };
    read.time_column = or(&args.time, columns.time);
    read.overrides = columns.types;
    read.overrides.extend(args.types.iter().cloned());
    read.ignore = columns
        .ignore
        .into_iter()
        .chain(columns.record_id)
        .chain(args.ignore.iter().cloned())
        .collect();
    read.missing.extend(args.missing.iter().cloned());

    let named = if args.detectors.is_empty() {
        file.check.detectors
    } else {
        Some(args.detectors.clone())
    };
    let builtin = named.unwrap_or_else(|| DETECTORS_DEFAULT.map(str::to_owned).into());
    let plugins = file
        .check
        .plugins
        .into_iter()
        .chain(args.plugins.iter().cloned());
    let mut configs = file.detector;
    for (detector, key, value) in &args.settings {
        let config = configs
            .entry(detector.clone())
            .or_insert_with(|| serde_json::json!({}));
        let Some(fields) = config.as_object_mut() else {
            bail!("[detector.{detector}] is not a table")
        };
        fields.insert(key.clone(), value.clone());
    }

    Ok(Settings {
        model_id: or(&args.model_id, file.model.id).unwrap_or_else(|| "model".to_owned()),
        model_type: args.model_type.or(file.model.model_type),
        roles: Roles {
            label: or(&args.label, columns.label),
            prediction: or(&args.prediction, columns.prediction),
            probability: or(&args.probability, columns.probability),
            positive_label: or(&args.positive_label, columns.positive_label),
        },
        read,
        profile: ProfileConfig::new(
            args.exact_distinct_max,
            ProfileConfig::default().sketch_capacity(),
            args.categories_max,
        )?,
        kept_rows_max: args.rows_max,
        detectors: builtin
            .into_iter()
            .map(Source::Builtin)
            .chain(plugins.map(Source::File))
            .collect(),
        configs,
        chunking: chunking(args, file.check.chunk_rows, file.check.chunk_time)?,
        seed: args.seed.or(file.check.seed).unwrap_or(SEED_DEFAULT),
        ..Settings::new(args.reference.clone(), args.current.clone())
    })
}

fn chunking(args: &CheckArgs, rows: Option<u64>, time: Option<String>) -> anyhow::Result<Chunking> {
    let flagged = args.chunk_rows.is_some() || args.chunk_time.is_some();
    let (rows, time) = if flagged {
        (args.chunk_rows, args.chunk_time.clone())
    } else {
        (rows, time)
    };
    match (rows, time) {
        (None, None) => Ok(Chunking::Whole),
        (Some(_), Some(_)) => bail!("chunks are either of rows or of time, not both"),
        (Some(0), None) => bail!("a chunk has at least one row"),
        (Some(rows), None) => Ok(Chunking::Rows(rows)),
        (None, Some(text)) => {
            let span: jiff::Span = text
                .parse()
                .with_context(|| format!("'{text}' is not a duration such as 1d, 12h or 30min"))?;
            let seconds = span
                .total((
                    jiff::Unit::Second,
                    jiff::SpanRelativeTo::days_are_24_hours(),
                ))
                .with_context(|| format!("'{text}' is not of fixed length"))?;
            if seconds < 1.0 {
                bail!("'{text}' is less than a second, the shortest chunk");
            }
            Ok(Chunking::Seconds(seconds))
        }
    }
}

fn cache_dir(args: &CheckArgs) -> anyhow::Result<PathBuf> {
    let of_user = || {
        let from = |variable: &str| {
            std::env::var_os(variable)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        from("XDG_CACHE_HOME")
            .or_else(|| from("HOME").map(|home| home.join(".cache")))
            .map(|cache| cache.join("leeway"))
    };
    args.cache_dir
        .clone()
        .or_else(of_user)
        .context("there is no HOME; name a directory with --cache-dir")
}

fn progress_bar(quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    }; // Hidden too if it is no terminal.
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let style =
        ProgressStyle::with_template("reading {bar:40} {bytes} of {total_bytes}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn style(args: &CheckArgs, terminal: bool) -> Style {
    let colour = match args.color {
        Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none(),
        Colour::Always => true,
        Colour::Never => false,
    };
    Style {
        colour,
        all: args.all,
        ..Style::default()
    }
}

fn write(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// A reader that has seen enough, such as `head`, is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn model_type(text: &str) -> Result<ModelType, String> {
    match text {
        "classifier" => Ok(ModelType::Classifier),
        "regressor" => Ok(ModelType::Regressor),
        _ => Err("a model is a classifier or a regressor".to_owned()),
    }
}

fn kind(text: &str) -> Result<ColumnKind, String> {
    match text {
        "numeric" => Ok(ColumnKind::Numeric),
        "categorical" => Ok(ColumnKind::Categorical),
        "embedding" => Ok(ColumnKind::Embedding),
        _ => Err(format!(
            "'{text}' is no type; there are numeric, categorical and embedding"
        )),
    }
}

fn column_type(text: &str) -> Result<(String, ColumnKind), String> {
    let (column, name) = text.rsplit_once('=').ok_or("it has the form COLUMN=TYPE")?;
    Ok((column.to_owned(), kind(name)?))
}

fn setting(text: &str) -> Result<(String, String, serde_json::Value), String> {
    let form = "it has the form DETECTOR.KEY=VALUE";
    let (path, value) = text.split_once('=').ok_or(form)?;
    let (detector, key) = path.split_once('.').ok_or(form)?;
    let value =
        serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.to_owned()));
    Ok((detector.to_owned(), key.to_owned(), value))
}

fn input_format(text: &str) -> Result<Format, String> {
    let names = || Format::ALL.map(Format::name).join(", ");
    Format::ALL
        .into_iter()
        .find(|format| format.name() == text)
        .ok_or_else(|| format!("there are {}", names()))
}

fn time_unit(text: &str) -> Result<TimeUnit, String> {
    match text {
        "seconds" => Ok(TimeUnit::Seconds),
        "milliseconds" => Ok(TimeUnit::Milliseconds),
        "microseconds" => Ok(TimeUnit::Microseconds),
        "nanoseconds" => Ok(TimeUnit::Nanoseconds),
        _ => Err("a unit is seconds, milliseconds, microseconds or nanoseconds".to_owned()),
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        b"\\t" => Ok(b'\t'),
        _ => Err("a delimiter is one character of ASCII".to_owned()),
    }
}
