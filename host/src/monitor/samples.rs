//! Rows beside a window's profile, for detectors that read rows.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::domain::{Batch, ColumnKind, ColumnValues, MISSING_CODE, Model, Schema};
use crate::input::{self, ColumnRequest, Format, ReadOptions};
use crate::profile::{KeptRows, KeptRowsBuilder, Profile};
use crate::store::{ChunkInfo, RowColumns, RowSet, Store, StoreError, StoreResult};

use super::labelling::{Labels, Truth};
use super::layout::{Answers, Dictionaries, Layout};
use super::windows::{blocking, corrupt};

/// What rows are drawn from.
pub(super) struct Drawn<'a> {
    pub(super) chunks: &'a [ChunkInfo],
    /// Their profile.
    pub(super) profile: &'a Profile,
    /// Labels up to this seq count; without it those that are profiled by now.
    pub(super) label_seq: Option<i64>,
}

/// A sample of the rows of chunks, with the labels that are counted: so many rows at most, by this seed.
pub(super) async fn of_chunks(
    store: &Store,
    model: &Model,
    layout: &Layout,
    of: Drawn<'_>,
    (rows_max, seed): (u32, u64),
) -> StoreResult<KeptRows> {
    let Drawn {
        chunks,
        profile,
        label_seq,
    } = of;
    let sets: Vec<RowSet> = chunks.iter().map(ChunkInfo::row_set).collect();
    let raw = store.sample_rows(model.no, &sets, rows_max, seed).await?;
    let (numeric, categorical) = layout.widths();
    let rows = blocking(move || raw.columns(numeric, categorical)).await??;
    let (names, truths) = names_and_truths(store, model, layout, &rows, label_seq).await?;
    let (layout, schema) = (layout.clone(), Arc::clone(profile.shared_schema()));
    let (seen, model_no) = (profile.rows(), model.no);
    let kept = move || -> Result<KeptRows, String> {
        let all: Vec<usize> = (0..rows.rows()).collect();
        let mut batch = layout
            .batch(&rows, &all, &names)
            .map_err(|error| error.to_string())?;
        if let Some(answers) = &layout.answers {
            let columns = answers
                .columns_of_all(&layout, &rows, &truths, &names)
                .map_err(|error| error.to_string())?;
            batch.columns.extend(columns);
        }
        KeptRows::drawn(schema, seen, &batch).map_err(|error| error.to_string())
    };
    blocking(kept)
        .await?
        .map_err(|reason| corrupt(model_no, reason))
}

/// Names for the codes of rows, and the truth about each row where the model has labels.
pub(super) async fn names_and_truths(
    store: &Store,
    model: &Model,
    layout: &Layout,
    rows: &RowColumns,
    label_seq: Option<i64>,
) -> StoreResult<(Dictionaries, Vec<Option<Truth>>)> {
    let mut names = Dictionaries::default();
    for column_no in layout.unknown(rows, &names) {
        let categories = store.categories(model.no, column_no).await?;
        names.insert(column_no, Arc::new(categories));
    }
    let mut truths: Vec<Option<Truth>> = Vec::new();
    if let Some(answers) = &layout.answers {
        let label_seq = match label_seq {
            Some(seq) => seq,
            None => store.progress(model.no).await?.profiled_label_seq,
        };
        let records: BTreeSet<&str> = (0..rows.rows()).map(|row| rows.record_id(row)).collect();
        let records: Vec<&str> = records.into_iter().collect();
        let stored = store.labels_of(model.no, &records, label_seq).await?;
        let labels = Labels::new(&stored);
        truths.extend((0..rows.rows()).map(|row| labels.truth(rows.record_id(row), label_seq)));
        if let Some(column_no) = answers.categorical_label() {
            let categories = store.categories(model.no, column_no).await?;
            names.insert(column_no, Arc::new(categories));
        }
    }
    Ok((names, truths))
}

/// A sample of the rows of uploaded reference data, read from the upload.
pub(super) async fn of_reference(
    store: &Store,
    model: &Model,
    layout: &Layout,
    version: i32,
    profile: &Profile,
    rows_max: u32,
    seed: u64,
) -> StoreResult<KeptRows> {
    let io = |error| StoreError::Database(sqlx::Error::Io(error));
    let stored = store.reference_profiles(model.no, version).await?;
    let format = stored.map(|stored| stored.format).unwrap_or_default();
    let mut file = tempfile::NamedTempFile::new().map_err(io)?;
    store
        .reference_upload(model.no, version, |piece| file.write_all(piece))
        .await?;
    file.flush().map_err(io)?;
    let (layout, schema) = (layout.clone(), Arc::clone(profile.shared_schema()));
    let (seen, model_id) = (profile.rows(), model.id.clone());
    let read = move || draw(file.path(), &format, &layout, &schema, seen, rows_max, seed);
    blocking(read).await?.map_err(|reason| StoreError::Corrupt {
        table: "reference",
        key: format!("model '{model_id}', version {version}"),
        reason,
    })
}

/// Names under which a column may stand in an upload.
fn spellings(name: &str) -> &'static [&'static str] {
    match name {
        "probability" => &["probability", "prediction_probability"],
        "label" => &["label", "ground_truth_label"],
        _ => &[],
    }
}

/// Name of the column of times in an upload.
const TIME_COLUMN: &str = "prediction_time";

fn draw(
    file: &Path,
    format: &str,
    layout: &Layout,
    schema: &Arc<Schema>,
    seen: u64,
    rows_max: u32,
    seed: u64,
) -> Result<KeptRows, String> {
    let mut options = ReadOptions {
        format: match format {
            "csv" => Some(Format::Csv),
            "ndjson" => Some(Format::Ndjson),
            "parquet" => Some(Format::Parquet),
            "arrow" => Some(Format::ArrowIpc),
            other => return Err(format!("its format is '{other}'")),
        },
        ..ReadOptions::default()
    };
    let there = input::inspect(file, &options).map_err(|error| error.to_string())?;
    if there
        .columns
        .iter()
        .any(|column| column.name == TIME_COLUMN)
        || there
            .skipped
            .iter()
            .any(|column| column.name == TIME_COLUMN)
    {
        options.time_column = Some(TIME_COLUMN.to_owned());
    }
    let named = |name: &str| {
        let column = |spelling: &str| there.column(spelling).map(|column| column.name.clone());
        column(name).or_else(|| spellings(name).iter().find_map(|spelling| column(spelling)))
    };
    let given: Vec<_> = layout
        .schema
        .columns()
        .iter()
        .chain(layout.answers.iter().map(Answers::label))
        .collect();
    let found: FxHashMap<&str, String> = given
        .iter()
        .filter_map(|spec| Some((spec.name.as_str(), named(&spec.name)?)))
        .collect();
    let requests: Vec<ColumnRequest> = given
        .iter()
        .filter_map(|spec| {
            Some(ColumnRequest::new(
                found.get(spec.name.as_str())?,
                spec.kind,
            ))
        })
        .collect();
    let mut reader = input::open(file, &requests, &options).map_err(|error| error.to_string())?;
    let mut kept = KeptRowsBuilder::new(Arc::clone(schema), rows_max, seed);
    for batch in &mut reader {
        let batch = batch.map_err(|error| error.to_string())?;
        let (rows, mut read) = (batch.rows, batch.columns.into_iter());
        let mut columns = Vec::with_capacity(schema.columns().len());
        for spec in &given {
            let values = found.get(spec.name.as_str()).and_then(|_| read.next());
            columns.push(values.unwrap_or_else(|| nothing(spec.kind, rows)));
        }
        if let Some(answers) = &layout.answers {
            let label = columns
                .pop()
                .unwrap_or_else(|| nothing(ColumnKind::Numeric, rows));
            let labelled = answers
                .columns_of_values(&layout.schema, &columns, label)
                .map_err(|error| error.to_string())?;
            columns.extend(labelled);
        }
        kept.observe(&Batch::new(batch.times, columns));
    }
    let kept = kept.finish();
    let batch = Batch::new(kept.times().map(<[f64]>::to_vec), kept.columns().to_vec());
    KeptRows::drawn(Arc::clone(schema), seen, &batch).map_err(|error| error.to_string())
}

/// A column that no row has.
fn nothing(kind: ColumnKind, rows: usize) -> ColumnValues {
    match kind {
        ColumnKind::Categorical => ColumnValues::Categorical {
            codes: vec![MISSING_CODE; rows],
            dictionary: Vec::new(),
        },
        _ => ColumnValues::Numeric(vec![f64::NAN; rows]),
    }
}
