//! Files of rows, and how they are read: the flags that commands on files share.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::check::{Roles, SEED_DEFAULT, Settings};
use crate::domain::{ColumnKind, ModelType};
use crate::input::{Format, ReadOptions, TimeUnit};
use crate::profile::{KEPT_ROWS_DEFAULT, ProfileConfig};

use crate::serve::InterpreterArgs;

use super::cache::CacheArgs;
use super::config_file::ConfigFile;

/// Two files, the meaning of their columns, and how they are read.
#[derive(Debug, Args)]
pub(super) struct FilesArgs {
    /// Rows that define normal
    reference: PathBuf,
    /// Rows under test
    current: PathBuf,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

impl FilesArgs {
    /// A check of the two files with default detectors. Flags go before the settings file, that before defaults.
    pub(super) fn settings(&self, file: &ConfigFile) -> anyhow::Result<Settings> {
        let (reference, current) = (self.reference.clone(), self.current.clone());
        self.reading.settings(file, reference, current)
    }
}

/// The meaning of columns, and how files are read.
#[derive(Debug, Args)]
pub(super) struct ReadingArgs {
    /// File (TOML) with columns, detectors and their settings; flags go before it
    #[arg(long, short, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Name of the watched model [default: model]
    #[arg(long, value_name = "ID", help_heading = "Model")]
    pub(super) model_id: Option<String>,
    /// What it answers: classifier or regressor [default: what its columns suggest]
    #[arg(long, value_name = "TYPE", value_parser = model_type, help_heading = "Model")]
    pub(super) model_type: Option<ModelType>,
    /// Column of the truth
    #[arg(long, value_name = "COLUMN", help_heading = "Model")]
    pub(super) label: Option<String>,
    /// Column of the model's answer
    #[arg(long, value_name = "COLUMN", help_heading = "Model")]
    pub(super) prediction: Option<String>,
    /// Column of the score behind the answer
    #[arg(long, value_name = "COLUMN", help_heading = "Model")]
    pub(super) probability: Option<String>,
    /// Class that the probability is of
    #[arg(long, value_name = "CLASS", help_heading = "Model")]
    pub(super) positive_label: Option<String>,

    /// Column of each row's time: RFC 3339, a date, or a number of --time-unit
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub(super) time: Option<String>,
    /// Unit of numbers in the time column
    #[arg(long, value_name = "UNIT", value_parser = time_unit, default_value = "seconds", help_heading = "Columns")]
    pub(super) time_unit: TimeUnit,
    /// Columns to leave out
    #[arg(
        long,
        value_name = "COLUMN",
        value_delimiter = ',',
        help_heading = "Columns"
    )]
    pub(super) ignore: Vec<String>,
    /// Type of a column: numeric, categorical or embedding [default: inferred]
    #[arg(long = "type", value_name = "COLUMN=TYPE", value_parser = column_type, help_heading = "Columns")]
    pub(super) types: Vec<(String, ColumnKind)>,
    /// Seed of everything that is drawn [default: 2013]
    #[arg(long, value_name = "NUMBER", help_heading = "Reading")]
    pub(super) seed: Option<u64>,

    /// No progress bar
    #[arg(long, short, help_heading = "Reading")]
    pub(super) quiet: bool,

    /// Format of the files [default: what they hold]
    #[arg(long, value_name = "FORMAT", value_parser = input_format, help_heading = "Reading")]
    pub(super) input_format: Option<Format>,
    /// Character between the fields of a CSV file [default: what the header has]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter, help_heading = "Reading")]
    pub(super) delimiter: Option<u8>,
    /// Further texts that mean "no value"
    #[arg(long = "missing", value_name = "TEXT", help_heading = "Reading")]
    pub(super) missing: Vec<String>,
    /// Distinct values up to which a numeric column is kept exactly
    #[arg(long, value_name = "COUNT", help_heading = "Reading", default_value_t = ProfileConfig::default().exact_distinct_max())]
    pub(super) exact_distinct_max: usize,
    /// Categories that are counted one by one
    #[arg(long, value_name = "COUNT", help_heading = "Reading", default_value_t = ProfileConfig::default().categories_max())]
    pub(super) categories_max: usize,
    /// Rows kept of each window for detectors that need rows
    #[arg(long, value_name = "ROWS", help_heading = "Reading", default_value_t = KEPT_ROWS_DEFAULT)]
    pub(super) rows_max: u32,
    #[command(flatten)]
    pub(super) cache: CacheArgs,
    #[command(flatten)]
    pub(super) interpreters: InterpreterArgs,
}

impl ReadingArgs {
    /// The settings file, empty where none is named.
    pub(super) fn config_file(&self) -> anyhow::Result<ConfigFile> {
        let file = self.config.as_deref().map(ConfigFile::read).transpose()?;
        Ok(file.unwrap_or_default())
    }

    /// A check of two files with default detectors. Flags go before the settings file, that before defaults.
    pub(super) fn settings(
        &self,
        file: &ConfigFile,
        reference: PathBuf,
        current: PathBuf,
    ) -> anyhow::Result<Settings> {
        let columns = &file.columns;
        let or = |flag: &Option<String>, file: &Option<String>| flag.clone().or(file.clone());
        let mut read = ReadOptions {
            format: self.input_format,
            delimiter: self.delimiter,
            time_unit: self.time_unit,
            ..ReadOptions::default()
        };
        read.time_column = or(&self.time, &columns.time);
        read.overrides = columns.types.clone();
        read.overrides.extend(self.types.iter().cloned());
        let ignored = columns.ignore.iter().chain(&columns.record_id);
        read.ignore = ignored.chain(&self.ignore).cloned().collect();
        read.missing.extend(self.missing.iter().cloned());
        Ok(Settings {
            model_id: or(&self.model_id, &file.model.id).unwrap_or_else(|| "model".to_owned()),
            model_type: self.model_type.or(file.model.model_type),
            roles: Roles {
                label: or(&self.label, &columns.label),
                prediction: or(&self.prediction, &columns.prediction),
                probability: or(&self.probability, &columns.probability),
                positive_label: or(&self.positive_label, &columns.positive_label),
            },
            read,
            profile: ProfileConfig::new(
                self.exact_distinct_max,
                ProfileConfig::default().sketch_capacity(),
                self.categories_max,
            )?,
            kept_rows_max: self.rows_max,
            configs: file.detector.clone(),
            seed: self.seed.or(file.check.seed).unwrap_or(SEED_DEFAULT),
            ..Settings::new(reference, current)
        })
    }

    /// Bytes read, on a terminal.
    pub(super) fn progress_bar(&self) -> ProgressBar {
        self.bar("reading {bar:40} {bytes} of {total_bytes}, {eta} left")
    }

    /// How far something is, on a terminal.
    pub(super) fn bar(&self, template: &str) -> ProgressBar {
        let target = if self.quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        }; // Hidden too if it is no terminal.
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template(template);
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
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
