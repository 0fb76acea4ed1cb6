//! `leeway plugin run`: a check of two files by one detector, and what that used.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::check::output::{self, Style};
use crate::check::{self, Outcome, Report, Settings, Source};
use crate::cli::files::FilesArgs;
use crate::cli::screen::print;
use crate::runtime::{Fuel, Limits, Runtime};

use super::CompileTime;

/// Judges a current file against a reference file with one detector, and shows what that used.
///
/// Exit code 0: stable, 1: drifted, 2: error.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    /// The detector: a component (.wasm), or source in Python (.py) or JavaScript (.js)
    component: PathBuf,
    #[command(flatten)]
    files: FilesArgs,
    #[command(flatten)]
    time: CompileTime,
    /// Setting of the detector; the value is JSON or plain text, as in level=0.01
    #[arg(long = "set", short, value_name = "KEY=VALUE", value_parser = super::certify::setting)]
    settings: Vec<(String, Value)>,
    /// Do not count fuel, which needs a second compilation and run
    #[arg(long)]
    no_fuel: bool,
    /// What is printed
    #[arg(long, short, value_enum, default_value = "table")]
    format: Format,
    /// Show every column in the table, stable ones too
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// Runs the check and prints it; returns the exit code.
pub(super) fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let runtime = runtime_of(args, Fuel::Uncounted)?;
    let component = super::read(&args.component)?;
    let plugin = super::load(&runtime, &args.component, &component)?;
    let settings = settings(args, &plugin.descriptor().name)?;

    let bar = args.files.reading.progress_bar();
    let report = check::run(
        &settings,
        &runtime,
        &mut |bytes| bar.set_length(bytes),
        &mut |bytes| bar.inc(bytes),
    );
    bar.finish_and_clear();
    let report = report?;
    let metered = if args.no_fuel {
        None
    } else {
        Some(quietly(&settings, &runtime_of(args, Fuel::Counted)?)?)
    };

    let limits = Limits::default();
    let text = match args.format {
        Format::Table => {
            let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let style = Style {
                colour,
                all: args.all,
                ..Style::default()
            };
            let found = output::render(&report, output::Format::Table, &style);
            format!(
                "{found}\n{}",
                super::used::table(&report, metered.as_ref(), &limits)
            )
        }
        Format::Json => {
            let found = output::render(&report, output::Format::Json, &Style::default());
            let mut value: Value = serde_json::from_str(&found)?;
            if let Value::Object(fields) = &mut value {
                let used = super::used::json_of(&report, metered.as_ref(), &limits);
                fields.insert("used".to_owned(), used);
            }
            format!("{value:#}\n")
        }
    };
    print(&text)?;
    Ok(match report.outcome() {
        Outcome::Stable => 0,
        Outcome::Drifted => 1,
        Outcome::Error => 2,
    })
}

fn runtime_of(args: &RunArgs, fuel: Fuel) -> anyhow::Result<Runtime> {
    let files = &args.files.reading;
    super::runtime(&files.cache, &files.interpreters, &args.time, fuel)
}

fn quietly(settings: &Settings, runtime: &Runtime) -> anyhow::Result<Report> {
    Ok(check::run(settings, runtime, &mut |_| (), &mut |_| ())?)
}

/// The settings file's columns and the component's own table of it; its detectors are not run.
fn settings(args: &RunArgs, name: &str) -> anyhow::Result<Settings> {
    let file = args.files.reading.config_file()?;
    let mut settings = args.files.settings(&file)?;
    settings.detectors = vec![Source::File(args.component.clone())];
    settings.configs.retain(|detector, _| detector == name);
    if !args.settings.is_empty() {
        let config = settings
            .configs
            .entry(name.to_owned())
            .or_insert_with(|| serde_json::json!({}));
        let Some(fields) = config.as_object_mut() else {
            bail!("[detector.{name}] is not a table")
        };
        fields.extend(args.settings.iter().cloned());
    }
    Ok(settings)
}
