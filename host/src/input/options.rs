//! How a data file is to be read.

use std::collections::{BTreeMap, BTreeSet};

use super::Format;
use super::limits::{BATCH_ROWS, INFERENCE_ROWS};
use crate::domain::ColumnKind;

/// What a number in the time column counts, since 1970-01-01T00:00:00Z. Never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeUnit {
    /// Seconds.
    #[default]
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Millionths of a second.
    Microseconds,
    /// Billionths of a second.
    Nanoseconds,
}

impl TimeUnit {
    /// How many make a second.
    pub fn per_second(self) -> u32 {
        match self {
            Self::Seconds => 1,
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1_000_000,
            Self::Nanoseconds => 1_000_000_000,
        }
    }
}

impl std::fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::Nanoseconds => "nanoseconds",
        })
    }
}

/// How a data file is to be read. The default suits most files.
///
/// Text becomes a value in these steps, the same in every format:
/// 1. Text that is in `missing`, spaces around it apart, is no value.
/// 2. In a numeric column the rest must be a decimal number, spaces around it apart; `inf` is one.
///    `true` is none.
/// 3. In a categorical column the rest is taken to the letter, but for two spellings that programs
///    mix up: `7.0` reads as `7`, and `True` or `TRUE` as `true`. So whole numbers agree whether
///    they were stored as integers, as floats or as text. `007` stays `007`.
/// 4. In an embedding column the rest is a list such as `[0.5, 1, -2e3]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// The format, where the file should not be asked.
    pub format: Option<Format>,
    /// Rows of a batch; [`BATCH_BYTES_MAX`](super::BATCH_BYTES_MAX) bounds it for wide rows.
    pub batch_rows: usize,
    /// Between the fields of a CSV file; where absent, the one of comma, semicolon, tab and bar that
    /// the header has most of.
    pub delimiter: Option<u8>,
    /// Kinds of columns that are not inferred.
    pub overrides: BTreeMap<String, ColumnKind>,
    /// Texts for "no value". One that is a number, such as `-999`, also counts for numbers.
    pub missing: BTreeSet<String>,
    /// First rows that decide the types of a CSV or NDJSON file.
    pub inference_rows: usize,
    /// The column with the time of each row.
    pub time_column: Option<String>,
    /// What a number in the time column counts.
    pub time_unit: TimeUnit,
    /// Columns that [`inspect`](super::inspect()) leaves out.
    pub ignore: BTreeSet<String>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        let missing = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"];
        Self {
            format: None,
            batch_rows: BATCH_ROWS,
            delimiter: None,
            overrides: BTreeMap::new(),
            missing: missing.map(String::from).into(),
            inference_rows: INFERENCE_ROWS,
            time_column: None,
            time_unit: TimeUnit::default(),
            ignore: BTreeSet::new(),
        }
    }
}
