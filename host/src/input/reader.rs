//! Chosen columns of a data file, batch by batch.

use std::path::Path;

use super::batches::{Batches, Plan};
use super::builder::Target;
use super::csv_file::{CsvBatches, CsvRows};
use super::format::detect;
use super::inspect::inspect;
use super::ipc_file::IpcFile;
use super::ndjson_file::{NdjsonBatches, NdjsonRows};
use super::parquet_file::ParquetFile;
use super::{DIMENSION_MAX, Format, InputError, InspectedColumn, Progress, ReadOptions};
use crate::domain::{Batch, ColumnKind, ColumnSpec};

/// A column that is wanted of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRequest {
    /// Its name.
    pub name: String,
    /// What it is read as.
    pub kind: ColumnKind,
    /// Length of its vectors, where it has some; where absent, that of the first vector.
    pub dimension: Option<usize>,
}

impl ColumnRequest {
    /// A column by name.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        Self {
            name: name.into(),
            kind,
            dimension: None,
        }
    }
}

impl From<&ColumnSpec> for ColumnRequest {
    fn from(column: &ColumnSpec) -> Self {
        Self::new(column.name.clone(), column.kind)
    }
}

impl From<&InspectedColumn> for ColumnRequest {
    fn from(column: &InspectedColumn) -> Self {
        Self {
            name: column.name.clone(),
            kind: column.kind,
            dimension: column.dimension,
        }
    }
}

/// Chosen columns of a data file, batch by batch. After an error nothing follows.
pub struct Reader {
    /// Absent once the end or an error has been reached.
    batches: Option<Box<dyn Batches>>,
    progress: Progress,
    dimensions: Vec<Option<usize>>,
    rows: u64,
}

/// Opens a file to read `columns` in their order, and the time of each row where the options name a
/// time column. The file may have others, in any order.
///
/// # Errors
/// A column that is not there, or whose type in the file cannot be read as asked for. An NDJSON file
/// shows only at its end that a key is in no row.
pub fn open(
    file: &Path,
    columns: &[ColumnRequest],
    options: &ReadOptions,
) -> Result<Reader, InputError> {
    let detected = detect(file, options)?;
    let dimensions = dimensions(file, columns, options)?;
    let target = |(column, dimension): (&ColumnRequest, &Option<usize>)| {
        let no_dimension = || InputError::NoDimension {
            file: file.into(),
            column: column.name.clone(),
        };
        let target = Target::of(column.kind, *dimension).ok_or_else(no_dimension)?;
        Ok((column.name.clone(), target))
    };
    let targets: Vec<_> = columns
        .iter()
        .zip(&dimensions)
        .map(target)
        .collect::<Result<_, InputError>>()?;
    let plan = Plan::new(file.into(), targets, options);
    let (batches, progress): (Box<dyn Batches>, Progress) = match detected.format {
        Format::Csv => {
            let rows = CsvRows::open(file, &detected, options)?;
            let progress = rows.progress().clone();
            (Box::new(CsvBatches::new(rows, plan)?), progress)
        }
        Format::Ndjson => {
            let rows = NdjsonRows::open(file, detected.gzip)?;
            let progress = rows.progress().clone();
            (Box::new(NdjsonBatches::new(rows, plan)), progress)
        }
        Format::Parquet => {
            let parquet = ParquetFile::open(file)?;
            let progress = parquet.progress().clone();
            (Box::new(parquet.batches(plan)?), progress)
        }
        Format::ArrowIpc => {
            let mut ipc = IpcFile::open(file)?;
            let batches = ipc.batches(plan)?;
            (Box::new(batches), ipc.progress().clone())
        }
    };
    Ok(Reader {
        batches: Some(batches),
        progress,
        dimensions,
        rows: 0,
    })
}

/// The length of the vectors of each column that has some, looked up where it is not given.
fn dimensions(
    file: &Path,
    columns: &[ColumnRequest],
    options: &ReadOptions,
) -> Result<Vec<Option<usize>>, InputError> {
    let embedding = |column: &&ColumnRequest| column.kind == ColumnKind::Embedding;
    let unknown = columns
        .iter()
        .filter(embedding)
        .any(|column| column.dimension.is_none());
    let inspection = if unknown {
        // Text is a vector where the caller says so, whatever it looks like.
        let overrides = columns
            .iter()
            .filter(embedding)
            .map(|column| (column.name.clone(), column.kind));
        let time_column = None;
        let ignore = std::collections::BTreeSet::new();
        let options = ReadOptions {
            overrides: overrides.collect(),
            time_column,
            ignore,
            ..options.clone()
        };
        Some(inspect(file, &options)?)
    } else {
        None
    };
    let dimension = |column: &ColumnRequest| {
        if column.kind != ColumnKind::Embedding {
            return Ok(None);
        }
        let seen = || inspection.as_ref()?.column(&column.name)?.dimension;
        let Some(dimension) = column.dimension.or_else(seen) else {
            return Ok(None);
        };
        if dimension > DIMENSION_MAX {
            let (file, column) = (file.into(), column.name.clone());
            return Err(InputError::DimensionTooLarge {
                file,
                column,
                dimension,
            });
        }
        Ok(Some(dimension))
    };
    columns.iter().map(dimension).collect()
}

impl Reader {
    /// Rows handed out so far.
    pub fn rows_read(&self) -> u64 {
        self.rows
    }

    /// Bytes of the file read so far.
    pub fn bytes_read(&self) -> u64 {
        self.progress.bytes_read()
    }

    /// Size of the file.
    pub fn bytes_total(&self) -> u64 {
        self.progress.bytes_total()
    }

    /// How far the reader has come, to be followed from elsewhere.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Length of the vectors of each column that has some.
    pub fn dimensions(&self) -> &[Option<usize>] {
        &self.dimensions
    }
}

impl Iterator for Reader {
    type Item = Result<Batch, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.batches.as_mut()?.next_batch();
        match &next {
            Ok(Some(batch)) => self.rows += batch.rows as u64,
            Ok(None) | Err(_) => self.batches = None,
        }
        next.transpose()
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("rows", &self.rows)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::{Float32Type, Int32Type};
    use arrow_array::{
        ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, ListArray, RecordBatch,
        StringArray, TimestampMillisecondArray,
    };
    use arrow_ipc::CompressionType;

    use super::super::testing::{Files, categorical, embedding, error, numeric, read, timed};
    use super::*;
    use crate::domain::{ColumnValues, MISSING_CODE};

    const CSV: &str = "\
distance,carrier,active,code,vector,at,note
1.5,AA,True,7,\"[1, 2]\",1970-01-01T00:00:01Z,x
,\"U,A\",False,7.0,\"[3.5, 4]\",1970-01-01 00:00:02,x
-2e3,,,8,,1970-01-01T01:00:03.5+01:00,x
4,AA,true,007,\"[5, null]\",,x
";
    const NDJSON: &str = r#"
{"distance": 1.5, "carrier": "AA", "active": true, "code": 7, "vector": [1, 2], "at": "1970-01-01T00:00:01Z"}
{"distance": null, "carrier": "U,A", "active": false, "code": 7.0, "vector": [3.5, 4.0], "at": 2}

{"at": "1970-01-01T00:00:03.5", "code": 8, "distance": -2000, "extra": {"a": [1]}}
{"distance": 4, "carrier": "\u0041A", "active": "true", "code": "007", "vector": [5, null]}
"#;

    fn records() -> RecordBatch {
        let vectors = [
            Some(vec![Some(1.0), Some(2.0)]),
            Some(vec![Some(3.5), Some(4.0)]),
            None,
            Some(vec![Some(5.0), None]),
        ];
        let carriers = [Some("AA"), Some("U,A"), None, Some("AA")];
        let columns: [(&str, ArrayRef); 7] = [
            ("note", Arc::new(StringArray::from(vec!["x"; 4]))),
            (
                "at",
                Arc::new(TimestampMillisecondArray::from(vec![
                    Some(1_000),
                    Some(2_000),
                    Some(3_500),
                    None,
                ])),
            ),
            (
                "vector",
                Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(vectors)),
            ),
            (
                "code",
                Arc::new(StringArray::from(vec!["7", "7", "8.0", "007"])),
            ),
            (
                "active",
                Arc::new(BooleanArray::from(vec![
                    Some(true),
                    Some(false),
                    None,
                    Some(true),
                ])),
            ),
            (
                "carrier",
                Arc::new(carriers.into_iter().collect::<DictionaryArray<Int32Type>>()),
            ),
            (
                "distance",
                Arc::new(Float64Array::from(vec![
                    Some(1.5),
                    None,
                    Some(-2e3),
                    Some(4.0),
                ])),
            ),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
            .unwrap()
    }

    fn all_formats(files: &Files) -> Vec<std::path::PathBuf> {
        let records = records();
        vec![
            files.write("a.csv", CSV),
            files.write(
                "windows.csv",
                format!("\u{feff}{}", CSV.replace('\n', "\r\n")),
            ),
            files.gzip("a.csv.gz", &[&CSV[..60], &CSV[60..]]),
            files.write("a.ndjson", NDJSON),
            files.gzip("a.jsonl.gz", &[NDJSON]),
            files.parquet("a.parquet", &records),
            files.arrow("a.arrow", &records, 4, None),
            files.arrow("lz4.arrow", &records, 3, Some(CompressionType::LZ4_FRAME)),
            files.arrow("zstd.feather", &records, 1, Some(CompressionType::ZSTD)),
            files.arrow_stream("a.arrows", &records, 3),
        ]
    }

    #[test]
    fn the_same_data_gives_the_same_batches_in_every_format() {
        let files = Files::new();
        let columns = ["carrier", "distance", "code", "active"].map(|name| match name {
            "distance" => numeric(name),
            name => categorical(name),
        });
        let columns = [&columns[..], &[embedding("vector")]].concat();
        for rows in [1, 3, 65_536] {
            let options = ReadOptions {
                batch_rows: rows,
                ..timed("at")
            };
            let mut first = None;
            for file in all_formats(&files) {
                let batches = read(&file, &columns, &options).unwrap();
                let text = format!("{batches:?}");
                let first = first.get_or_insert_with(|| text.clone());
                assert_eq!(*first, text, "{}", file.display());
            }
        }
    }

    #[test]
    fn values_land_in_the_requested_order_and_kinds() {
        let files = Files::new();
        let columns = [
            categorical("code"),
            numeric("distance"),
            embedding("vector"),
            categorical("carrier"),
        ];
        for file in all_formats(&files) {
            let mut reader = open(&file, &columns, &timed("at")).unwrap();
            assert_eq!(reader.dimensions(), [None, None, Some(2), None]);
            let batch = reader.next().unwrap().unwrap();
            assert!(reader.next().is_none());

            assert_eq!(batch.rows, 4);
            assert_eq!(reader.rows_read(), 4);
            assert_eq!(
                reader.bytes_read(),
                reader.bytes_total(),
                "{}",
                file.display()
            );
            let times = batch.times.unwrap();
            assert_eq!(times[..3], [1.0, 2.0, 3.5]);
            assert!(times[3].is_nan());
            let names = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
            let codes = ColumnValues::Categorical {
                codes: vec![0, 0, 1, 2],
                dictionary: names(&["7", "8", "007"]),
            };
            assert_eq!(batch.columns[0], codes);
            let ColumnValues::Numeric(distance) = &batch.columns[1] else {
                panic!()
            };
            assert_eq!([distance[0], distance[2], distance[3]], [1.5, -2e3, 4.0]);
            assert!(distance[1].is_nan());
            let ColumnValues::Embedding {
                dimension: 2,
                values,
            } = &batch.columns[2]
            else {
                panic!()
            };
            assert_eq!(values[..4], [1.0, 2.0, 3.5, 4.0]);
            assert!(
                values[4].is_nan() && values[5].is_nan() && values[6] == 5.0 && values[7].is_nan()
            );
            let codes = vec![0, 1, MISSING_CODE, 0];
            let carriers = ColumnValues::Categorical {
                codes,
                dictionary: names(&["AA", "U,A"]),
            };
            assert_eq!(batch.columns[3], carriers);
        }
    }

    #[test]
    fn a_column_that_is_not_there_is_named_in_every_format() {
        let files = Files::new();
        for file in all_formats(&files) {
            let name = file.file_name().unwrap().to_str().unwrap();
            let message = error(&file, &[numeric("distnce")], &ReadOptions::default());
            let start =
                format!("{name}: has no column 'distnce' (did you mean 'distance'?); it has ");
            assert!(
                message.starts_with(&start) && message.contains("carrier"),
                "{message}"
            );
            let message = error(&file, &[numeric("distance")], &timed("when"));
            assert!(
                message.starts_with(&format!("{name}: has no column 'when'; it has ")),
                "{message}"
            );
        }
    }

    #[test]
    fn text_in_a_numeric_column_is_named_with_its_row_in_every_format() {
        let files = Files::new();
        for file in all_formats(&files) {
            let name = file.file_name().unwrap().to_str().unwrap();
            let place = match name {
                name if name.contains("csv") => "row 2 (line 3)",
                name if name.contains("json") => "row 2 (line 3)",
                _ => "row 2",
            };
            let options = ReadOptions {
                missing: ["", "AA"].map(String::from).into(),
                ..ReadOptions::default()
            };
            let message = error(&file, &[numeric("carrier")], &options);
            let expected = format!(
                "{name}: {place}, column 'carrier': 'U,A' is not a number (set its type with --type carrier=categorical)"
            );
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn the_time_may_also_be_a_feature_and_the_only_thing_read() {
        let files = Files::new();
        let csv = files.write("t.csv", "at\n1500\n2500\n");
        let json = files.write("t.ndjson", "{\"at\":1500}\n{\"at\":2500}\n");
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1_500, 2_500]));
        let records = RecordBatch::try_from_iter([("at", column)]).unwrap();
        let parquet = files.parquet("t.parquet", &records);
        let options = ReadOptions {
            time_unit: super::super::TimeUnit::Milliseconds,
            ..timed("at")
        };
        let arrow = files.arrow("t.arrow", &records, 1, None);
        for file in [csv, json, parquet, arrow] {
            let batches = read(&file, &[numeric("at")], &options).unwrap();
            assert_eq!(batches[0].times, Some(vec![1.5, 2.5]));
            assert_eq!(
                batches[0].columns,
                [ColumnValues::Numeric(vec![1_500.0, 2_500.0])]
            );
            assert_eq!(
                read(&file, &[], &options).unwrap()[0].times,
                Some(vec![1.5, 2.5])
            );
            assert_eq!(
                read(&file, &[], &ReadOptions::default()).unwrap()[0].rows,
                2
            );
        }
    }

    #[test]
    fn a_number_that_is_listed_as_missing_is_missing_in_every_format() {
        let files = Files::new();
        let csv = files.write("m.csv", "a\n-999\n-999.0\n1\n");
        let json = files.write("m.ndjson", "{\"a\":-999}\n{\"a\":-999.0}\n{\"a\":\"1\"}\n");
        let column: ArrayRef = Arc::new(Int64Array::from(vec![-999, -999, 1]));
        let parquet = files.parquet(
            "m.parquet",
            &RecordBatch::try_from_iter([("a", column)]).unwrap(),
        );
        let options = ReadOptions {
            missing: ["-999".into()].into(),
            ..ReadOptions::default()
        };
        for file in [csv, json, parquet] {
            let batches = read(&file, &[numeric("a")], &options).unwrap();
            let ColumnValues::Numeric(values) = &batches[0].columns[0] else {
                panic!()
            };
            assert!(
                values[0].is_nan() && values[1].is_nan() && values[2] == 1.0,
                "{}",
                file.display()
            );
        }
    }

    #[test]
    fn wide_rows_come_in_batches_of_bounded_bytes() {
        let options = ReadOptions::default();
        let wide = |dimension| [(String::from("v"), Target::Embedding(dimension))];
        assert_eq!(Plan::new("f".into(), wide(16), &options).rows_max, 65_536);
        assert_eq!(
            Plan::new("f".into(), wide(DIMENSION_MAX), &options).rows_max,
            1_024
        );
        let none = ReadOptions {
            batch_rows: 0,
            ..options
        };
        assert_eq!(Plan::new("f".into(), wide(1), &none).rows_max, 1);
    }

    #[test]
    fn a_long_file_comes_in_batches_of_the_asked_size_and_moves_the_progress() {
        let files = Files::new();
        let rows: Vec<String> = (0..100_000)
            .map(|row| format!("{row},{}\n", row % 7))
            .collect();
        let text = format!("a,b\n{}", rows.concat());
        let file = files.write("long.csv", text);
        let options = ReadOptions {
            batch_rows: 1_000,
            ..ReadOptions::default()
        };
        let mut reader = open(&file, &[numeric("a"), categorical("b")], &options).unwrap();
        let progress = reader.progress().clone();
        let mut last = 0;
        for (number, batch) in reader.by_ref().enumerate() {
            let batch = batch.unwrap();
            assert_eq!(batch.rows, 1_000);
            let ColumnValues::Numeric(values) = &batch.columns[0] else {
                panic!()
            };
            assert_eq!(values[0], 1_000.0 * number as f64);
            assert!(progress.bytes_read() >= last);
            last = progress.bytes_read();
            assert!(number > 10 || last < progress.bytes_total());
        }
        assert_eq!(
            (reader.rows_read(), last),
            (100_000, progress.bytes_total())
        );
    }

    #[test]
    fn the_length_of_vectors_must_be_known_and_within_its_limit() {
        let files = Files::new();
        let empty = files.write("e.ndjson", "{\"v\":null}\n");
        let message = error(&empty, &[embedding("v")], &ReadOptions::default());
        assert_eq!(
            message,
            "e.ndjson: column 'v' has no vector in its first rows that would tell its dimension"
        );
        let given = ColumnRequest {
            dimension: Some(3),
            ..embedding("v")
        };
        let ColumnValues::Embedding { dimension, values } =
            read(&empty, &[given], &ReadOptions::default()).unwrap()[0].columns[0].clone()
        else {
            panic!()
        };
        assert!(dimension == 3 && values.iter().all(|value| value.is_nan()) && values.len() == 3);

        let vector = |length: usize| format!("{{\"v\":[{}]}}\n", vec!["0"; length].join(","));
        let most = files.write("m.ndjson", vector(DIMENSION_MAX));
        assert_eq!(
            read(&most, &[embedding("v")], &ReadOptions::default()).unwrap()[0].rows,
            1
        );
        let over = files.write("o.ndjson", vector(DIMENSION_MAX + 1));
        let message = error(&over, &[embedding("v")], &ReadOptions::default());
        assert_eq!(
            message,
            "o.ndjson: column 'v' has vectors of 65537 components; they may have 65536"
        );
    }

    #[test]
    fn vectors_of_another_length_are_named_with_their_row() {
        let files = Files::new();
        let json = files.write("v.ndjson", "{\"v\":[1,2]}\n{\"v\":[1,2,3]}\n");
        let csv = files.write("v.csv", "v\n[1 2]\n[1 2 3]\n");
        let vectors = [
            Some(vec![Some(1.0), Some(2.0)]),
            Some(vec![Some(1.0), Some(2.0), Some(3.0)]),
        ];
        let column: ArrayRef =
            Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(vectors));
        let parquet = files.parquet(
            "v.parquet",
            &RecordBatch::try_from_iter([("v", column)]).unwrap(),
        );
        let tell = |file| error(file, &[embedding("v")], &ReadOptions::default());
        let problem = "column 'v': a vector of 3 components; the column has 2";
        assert_eq!(tell(&json), format!("v.ndjson: row 2 (line 2), {problem}"));
        assert_eq!(tell(&csv), format!("v.csv: row 2 (line 3), {problem}"));
        assert_eq!(tell(&parquet), format!("v.parquet: row 2, {problem}"));
    }

    #[test]
    fn after_an_error_nothing_follows() {
        let files = Files::new();
        let file = files.write("a.csv", "a\n1\nx\n3\n");
        let options = ReadOptions {
            batch_rows: 1,
            ..ReadOptions::default()
        };
        let mut reader = open(&file, &[numeric("a")], &options).unwrap();
        assert!(
            reader.next().unwrap().is_ok()
                && reader.next().unwrap().is_err()
                && reader.next().is_none()
        );
    }
}
