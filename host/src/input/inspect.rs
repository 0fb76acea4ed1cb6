//! What a data file holds, from its types or its first rows.

use std::path::Path;

use arrow_schema::Fields;

use super::csv_file::CsvRows;
use super::damage::guarded;
use super::format::detect;
use super::infer::{Evidence, Verdict};
use super::ipc_file::IpcFile;
use super::ndjson_file::NdjsonRows;
use super::parquet_file::ParquetFile;
use super::record_batches::{RecordBatches, inspect_fields, open_dimensions, see_dimensions};
use super::{Format, InputError, ReadOptions, column_names};
use crate::domain::ColumnKind;

/// What a data file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// Its format.
    pub format: Format,
    /// Whether it is gzipped.
    pub gzip: bool,
    /// Its size on disk.
    pub bytes: u64,
    /// How many rows it has.
    pub rows: RowCount,
    /// Columns that can be read, in the order of the file; neither the time column nor ignored ones.
    pub columns: Vec<InspectedColumn>,
    /// Columns that cannot be read.
    pub skipped: Vec<SkippedColumn>,
}

/// How many rows a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowCount {
    /// So many.
    Exactly(u64),
    /// About so many, in proportion to the rows that were read.
    About(u64),
}

/// A column that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Length of its vectors, where it has some.
    pub dimension: Option<usize>,
    /// How its kind is known.
    pub basis: Basis,
}

/// How a kind is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The options say so.
    Override,
    /// The file says so.
    Declared,
    /// All of the first values are of this kind.
    Values,
    /// Not at all: there is no value among the first rows. The kind is numeric, for want of a better
    /// one; another file may tell.
    Nothing,
}

/// A column that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub holds: String,
}

impl Inspection {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&InspectedColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Looks at a file: its format, columns, kinds and size. Reads at most the first
/// [`inference_rows`](ReadOptions::inference_rows) rows.
///
/// # Errors
/// An override or a time column that is not there; anything wrong in the first rows.
pub fn inspect(file: &Path, options: &ReadOptions) -> Result<Inspection, InputError> {
    let detected = detect(file, options)?;
    let (mut columns, mut skipped, rows, bytes) = match detected.format {
        Format::Csv => {
            let mut rows = CsvRows::open(file, &detected, options)?;
            let (evidence, all) = rows.evidence(options)?;
            let (columns, skipped) = from_evidence(rows.header().iter().cloned().zip(evidence));
            (
                columns,
                skipped,
                count(all, rows.rows(), rows.rows_estimate()),
                rows.progress().bytes_total(),
            )
        }
        Format::Ndjson => {
            let mut rows = NdjsonRows::open(file, detected.gzip)?;
            let (evidence, all) = rows.evidence(options)?;
            let (columns, skipped) = from_evidence(evidence.into_iter());
            (
                columns,
                skipped,
                count(all, rows.rows(), rows.rows_estimate()),
                rows.progress().bytes_total(),
            )
        }
        Format::Parquet => {
            let parquet = ParquetFile::open(file)?;
            let (rows, bytes) = (
                RowCount::Exactly(parquet.rows()),
                parquet.progress().bytes_total(),
            );
            let fields = parquet.fields().clone();
            check_names(file, &fields)?;
            let (mut columns, skipped) = inspect_fields(&fields);
            let open = open_dimensions(&fields);
            if !open.is_empty() {
                let mut records = parquet.records(file, &open, DIMENSION_ROWS)?;
                find_dimensions(file, &mut columns, &mut records, options)?;
            }
            (columns, skipped, rows, bytes)
        }
        Format::ArrowIpc => {
            let ipc = IpcFile::open(file)?;
            check_names(file, ipc.fields())?;
            let (mut columns, skipped) = inspect_fields(ipc.fields());
            let open = open_dimensions(ipc.fields());
            if !open.is_empty() {
                let (mut records, _) = ipc.records(file, &open)?;
                find_dimensions(file, &mut columns, &mut records, options)?;
            }
            (
                columns,
                skipped,
                RowCount::Exactly(ipc.rows()),
                ipc.progress().bytes_total(),
            )
        }
    };
    apply(file, &mut columns, &mut skipped, options)?;
    Ok(Inspection {
        format: detected.format,
        gzip: detected.gzip,
        bytes,
        rows,
        columns,
        skipped,
    })
}

/// Rows read at a time where only the length of a vector is wanted.
const DIMENSION_ROWS: usize = 1_024;

fn count(all: bool, rows: u64, estimate: u64) -> RowCount {
    if all {
        RowCount::Exactly(rows)
    } else {
        RowCount::About(estimate.max(rows))
    }
}

fn check_names(file: &Path, fields: &Fields) -> Result<(), InputError> {
    column_names::check(file, fields.iter().map(|field| field.name().as_str()))
}

fn from_evidence(
    seen: impl Iterator<Item = (String, Evidence)>,
) -> (Vec<InspectedColumn>, Vec<SkippedColumn>) {
    let (mut columns, mut skipped) = (Vec::new(), Vec::new());
    for (name, evidence) in seen.filter(|(name, _)| !name.is_empty()) {
        let (kind, basis) = match evidence.verdict() {
            Verdict::Holds(kind) => (kind, Basis::Values),
            Verdict::Nothing => (ColumnKind::Numeric, Basis::Nothing),
            Verdict::Unsupported(what) => {
                skipped.push(SkippedColumn {
                    name,
                    holds: what.into(),
                });
                continue;
            }
        };
        columns.push(InspectedColumn {
            name,
            kind,
            dimension: evidence.dimension(),
            basis,
        });
    }
    (columns, skipped)
}

/// Reads on until each list has shown its length, or enough rows have passed.
fn find_dimensions(
    file: &Path,
    columns: &mut [InspectedColumn],
    records: &mut impl RecordBatches,
    options: &ReadOptions,
) -> Result<(), InputError> {
    let mut rows = 0;
    let unknown = |columns: &[InspectedColumn]| {
        columns
            .iter()
            .any(|column| column.kind == ColumnKind::Embedding && column.dimension.is_none())
    };
    while rows < options.inference_rows && unknown(columns) {
        let next = guarded(file, rows as u64, || {
            records
                .next_records()
                .map_err(|detail| InputError::damaged(file, rows as u64, detail))
        })?;
        let Some(next) = next else { break };
        rows += next.num_rows();
        see_dimensions(columns, &next);
    }
    Ok(())
}

/// Does what the options say of single columns.
fn apply(
    file: &Path,
    columns: &mut Vec<InspectedColumn>,
    skipped: &mut Vec<SkippedColumn>,
    options: &ReadOptions,
) -> Result<(), InputError> {
    let names = columns
        .iter()
        .map(|column| &column.name)
        .chain(skipped.iter().map(|column| &column.name));
    let names: Vec<String> = names.cloned().collect();
    for name in options.overrides.keys().chain(&options.time_column) {
        if !names.contains(name) {
            return Err(column_names::missing(file, name, &names));
        }
    }
    let left_out =
        |name: &String| options.ignore.contains(name) || options.time_column.as_ref() == Some(name);
    columns.retain(|column| !left_out(&column.name));
    skipped.retain(|column| !left_out(&column.name));
    for column in columns {
        if let Some(&kind) = options.overrides.get(&column.name) {
            (column.kind, column.basis) = (kind, Basis::Override);
        }
        if column.kind != ColumnKind::Embedding {
            column.dimension = None;
        }
    }
    Ok(())
}
