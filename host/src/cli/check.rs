//! `leeway check`: compares a current file with a reference file.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::check::output::{self, Style};
use crate::check::{self, Chunking, Outcome, Settings};

use super::detectors::DetectorArgs;
use super::files::FilesArgs;
use super::screen::{print, write};

/// Compares a current file with a reference file: what drifted, how much, how sure that is.
///
/// Files are CSV or NDJSON (also gzipped), Parquet or Arrow IPC. Exit code 0: stable, 1: drifted,
/// 2: error.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    files: FilesArgs,

    #[command(flatten)]
    detectors: DetectorArgs,
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
    let runtime = check::runtime(
        &program,
        &args.files.reading.cache.directory()?,
        args.files.reading.interpreters.folder(),
    )?;

    let bar = args.files.reading.progress_bar();
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
            output::render(&report, output::Format::Html, &Style::default()),
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
        Some(path) => write(path, output::render(&report, format, &style(args, false)))?,
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
    let file = args.files.reading.config_file()?;
    let settings = args
        .detectors
        .apply(args.files.settings(&file)?, &file.check)?;
    Ok(Settings {
        chunking: chunking(args, file.check.chunk_rows, file.check.chunk_time)?,
        ..settings
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
