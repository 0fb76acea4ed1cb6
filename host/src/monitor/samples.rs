//! Rows beside a window's profile, for detectors that read rows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::domain::segment::{Segment, Split};
use crate::domain::{Batch, ColumnKind, ColumnValues, MISSING_CODE, Model, Schema};
use crate::input::{self, ColumnRequest, Format, ReadOptions};
use crate::profile::{KeptRows, KeptRowsBuilder, Profile, ProfileBuilder, ProfileConfig};
use crate::store::{ChunkInfo, RowColumns, RowSet, Store, StoreError, StoreResult};

use super::labelling::{Labels, Truth};
use super::layout::{Answers, Dictionaries, Layout};
use super::merged::Merged;
use super::windows::{blocking, corrupt};

/// Numbers of vectors that a sample holds at most: 32 MiB. The longer a model's vectors, the fewer rows are drawn.
const SAMPLE_NUMBERS_MAX: usize = 1 << 23;

/// What rows are drawn from.
pub(super) struct Drawn<'a> {
    pub(super) chunks: &'a [ChunkInfo],
    /// Their profile; of a segment that of its rows.
    pub(super) profile: &'a Profile,
    /// Only rows of this segment.
    pub(super) segment: Option<&'a Segment>,
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
        segment,
        label_seq,
    } = of;
    let sets: Vec<RowSet> = chunks.iter().map(ChunkInfo::row_set).collect();
    let widths = layout.widths();
    let rows_max = rows_within(rows_max, widths.embedding);
    let raw = store.sample_rows(model.no, &sets, rows_max, seed).await?;
    let rows = blocking(move || raw.columns(widths)).await??;
    let (names, truths) = names_and_truths(store, model, layout, &rows, label_seq).await?;
    let (layout, schema) = (layout.clone(), Arc::clone(profile.shared_schema()));
    let (seen, model_no, segment) = (profile.rows(), model.no, segment.cloned());
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
        if let Some(segment) = &segment {
            batch = in_segment(segment, &layout, &batch)?;
        }
        KeptRows::drawn(schema, seen, &batch).map_err(|error| error.to_string())
    };
    blocking(kept)
        .await?
        .map_err(|reason| corrupt(model_no, reason))
}

/// So many rows at most, or as many as fit with their vectors, of so many numbers a row.
fn rows_within(rows_max: u32, numbers: usize) -> u32 {
    let fit = SAMPLE_NUMBERS_MAX / numbers.max(1);
    rows_max.min(u32::try_from(fit).unwrap_or(u32::MAX))
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

/// The rows of a batch that are in a segment. The batch's columns begin with those of the layout.
fn in_segment(segment: &Segment, layout: &Layout, batch: &Batch) -> Result<Batch, String> {
    let assigned = segment
        .split
        .assign(&layout.schema, batch)
        .map_err(|error| error.to_string())?;
    Ok(batch.take(&assigned.rows_of(&segment.name)))
}

/// What rows of uploaded reference data are drawn from.
pub(super) struct Uploaded<'a> {
    pub(super) version: i32,
    /// Their profile; of a segment that of its rows.
    pub(super) profile: &'a Profile,
    /// Only rows of this segment.
    pub(super) segment: Option<&'a Segment>,
}

/// A sample of the rows of uploaded reference data, read from the upload: so many rows at most, by this seed.
pub(super) async fn of_reference(
    store: &Store,
    model: &Model,
    layout: &Layout,
    of: Uploaded<'_>,
    (rows_max, seed): (u32, u64),
) -> StoreResult<KeptRows> {
    let (schema, seen) = (Arc::clone(of.profile.shared_schema()), of.profile.rows());
    let rows_max = rows_within(rows_max, layout.widths().embedding);
    let segment = of.segment.cloned();
    let draw = move |upload: Upload| {
        let mut kept = KeptRowsBuilder::new(Arc::clone(&schema), rows_max, seed);
        upload.read(&mut |layout, batch| {
            match &segment {
                Some(segment) => kept.observe(&in_segment(segment, layout, &batch)?),
                None => kept.observe(&batch),
            }
            Ok(())
        })?;
        let kept = kept.finish();
        let batch = Batch::new(kept.times().map(<[f64]>::to_vec), kept.columns().to_vec());
        KeptRows::drawn(schema, seen, &batch).map_err(|error| error.to_string())
    };
    upload(store, model, layout, of.version, draw).await
}

/// The profiles of uploaded reference data by segment, read from the upload. Only segments that have rows.
pub(super) async fn split_reference(
    store: &Store,
    model: &Model,
    layout: &Layout,
    version: i32,
    split: &Split,
) -> StoreResult<BTreeMap<String, Merged>> {
    let split = split.clone();
    let made = move |upload: Upload| {
        let mut builders: BTreeMap<String, SliceBuilder> = BTreeMap::new();
        upload.read(&mut |layout, batch| {
            let assigned = split
                .assign(&layout.schema, &batch)
                .map_err(|error| error.to_string())?;
            let mut rows: Vec<Vec<usize>> = vec![Vec::new(); assigned.names.len()];
            for (row, &segment) in assigned.of_rows.iter().enumerate() {
                rows[segment].push(row);
            }
            for (name, rows) in assigned.names.into_iter().zip(rows) {
                if !rows.is_empty() {
                    let builder = builders
                        .entry(name)
                        .or_insert_with(|| SliceBuilder::new(layout));
                    builder.observe(&batch, &rows)?;
                }
            }
            Ok(())
        })?;
        let finished = builders
            .into_iter()
            .map(|(name, builder)| (name, builder.finish()));
        Ok(finished.collect())
    };
    upload(store, model, layout, version, made).await
}

/// The profiles of one segment of reference data while its rows come.
struct SliceBuilder {
    /// Columns of all rows.
    columns: usize,
    all: ProfileBuilder,
    labelled: Option<ProfileBuilder>,
}

impl SliceBuilder {
    fn new(layout: &Layout) -> Self {
        let builder = |schema: &Arc<Schema>| {
            ProfileBuilder::new(Arc::clone(schema), ProfileConfig::service())
        };
        Self {
            columns: layout.schema.columns().len(),
            all: builder(&layout.schema),
            labelled: layout
                .answers
                .as_ref()
                .map(|answers| builder(&answers.schema)),
        }
    }

    /// `batch`: columns of the layout, then label and derived columns.
    fn observe(&mut self, batch: &Batch, rows: &[usize]) -> Result<(), String> {
        let mut batch = batch.take(rows);
        let answers = batch.columns.split_off(self.columns);
        let wrong = |error: crate::profile::ObserveError| error.to_string();
        self.all.observe(&batch).map_err(wrong)?;
        if let (Some(builder), Some(label)) = (&mut self.labelled, answers.first()) {
            let labelled: Vec<usize> = (0..batch.rows)
                .filter(|&row| match label {
                    ColumnValues::Numeric(values) => !values[row].is_nan(),
                    ColumnValues::Categorical { codes, .. } => codes[row] != MISSING_CODE,
                    ColumnValues::Embedding { .. } => false,
                })
                .collect();
            let answers = Batch::new(batch.times, answers).take(&labelled);
            builder.observe(&answers).map_err(wrong)?;
        }
        Ok(())
    }

    fn finish(self) -> Merged {
        let labelled = self.labelled.map(ProfileBuilder::finish);
        let labelled = labelled.filter(|profile| profile.rows() > 0).map(Arc::new);
        Merged::new(Arc::new(self.all.finish()), labelled)
    }
}

/// An upload as a file, with what its columns mean.
struct Upload {
    file: tempfile::NamedTempFile,
    format: String,
    layout: Layout,
}

/// Reads an upload back, and hands it over to work that blocks.
async fn upload<T: Send + 'static>(
    store: &Store,
    model: &Model,
    layout: &Layout,
    version: i32,
    work: impl FnOnce(Upload) -> Result<T, String> + Send + 'static,
) -> StoreResult<T> {
    let io = |error| StoreError::Database(sqlx::Error::Io(error));
    let stored = store.reference_profiles(model.no, version).await?;
    let format = stored.map(|stored| stored.format).unwrap_or_default();
    let mut file = tempfile::NamedTempFile::new().map_err(io)?;
    store
        .reference_upload(model.no, version, |piece| file.write_all(piece))
        .await?;
    file.flush().map_err(io)?;
    let (model_id, layout) = (model.id.clone(), layout.clone());
    let upload = Upload {
        file,
        format,
        layout,
    };
    blocking(move || work(upload))
        .await?
        .map_err(|reason| StoreError::Corrupt {
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

impl Upload {
    /// Hands over its rows, batch by batch: columns of the layout, then label and derived columns.
    fn read(
        &self,
        each: &mut dyn FnMut(&Layout, Batch) -> Result<(), String>,
    ) -> Result<(), String> {
        let Self {
            file,
            format,
            layout,
        } = self;
        let mut options = ReadOptions {
            format: match format.as_str() {
                "csv" => Some(Format::Csv),
                "ndjson" => Some(Format::Ndjson),
                "parquet" => Some(Format::Parquet),
                "arrow" => Some(Format::ArrowIpc),
                other => return Err(format!("its format is '{other}'")),
            },
            ..ReadOptions::default()
        };
        let there = input::inspect(file.path(), &options).map_err(|error| error.to_string())?;
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
        // A label is no embedding.
        let dimensions = || layout.dimensions().chain(std::iter::repeat(0));
        let requests: Vec<ColumnRequest> = given
            .iter()
            .zip(dimensions())
            .filter_map(|(spec, dimension)| {
                let name = found.get(spec.name.as_str())?;
                Some(ColumnRequest {
                    dimension: (dimension > 0).then_some(dimension),
                    ..ColumnRequest::new(name, spec.kind)
                })
            })
            .collect();
        let mut reader =
            input::open(file.path(), &requests, &options).map_err(|error| error.to_string())?;
        for batch in &mut reader {
            let batch = batch.map_err(|error| error.to_string())?;
            let (rows, mut read) = (batch.rows, batch.columns.into_iter());
            let mut columns = Vec::with_capacity(given.len() + 1);
            for (spec, dimension) in given.iter().zip(dimensions()) {
                let values = found.get(spec.name.as_str()).and_then(|_| read.next());
                columns.push(values.unwrap_or_else(|| nothing(spec.kind, dimension, rows)));
            }
            if let Some(answers) = &layout.answers {
                let label = columns
                    .pop()
                    .unwrap_or_else(|| nothing(ColumnKind::Numeric, 0, rows));
                let labelled = answers
                    .columns_of_values(&layout.schema, &columns, label)
                    .map_err(|error| error.to_string())?;
                columns.extend(labelled);
            }
            each(layout, Batch::new(batch.times, columns))?;
        }
        Ok(())
    }
}

/// A column that no row has; the dimension is that of an embedding.
fn nothing(kind: ColumnKind, dimension: usize, rows: usize) -> ColumnValues {
    match kind {
        ColumnKind::Categorical => ColumnValues::Categorical {
            codes: vec![MISSING_CODE; rows],
            dictionary: Vec::new(),
        },
        ColumnKind::Numeric => ColumnValues::Numeric(vec![f64::NAN; rows]),
        ColumnKind::Embedding => ColumnValues::Embedding {
            dimension,
            values: vec![f32::NAN; dimension * rows],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_the_vectors_the_fewer_rows_are_drawn() {
        assert_eq!(rows_within(20_000, 0), 20_000);
        assert_eq!(rows_within(20_000, SAMPLE_NUMBERS_MAX / 20_000), 20_000);
        assert_eq!(rows_within(20_000, 768), 10_922);
        assert_eq!(rows_within(20_000, 16_384), 512);
    }
}
