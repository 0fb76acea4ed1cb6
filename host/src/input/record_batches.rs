//! Record batches of a file, cut and joined into batches.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Fields};

use super::batches::{BatchBuilder, Batches, Plan};
use super::columnar::{self, AppendError};
use super::damage::guarded;
use super::infer::Verdict;
use super::inspect::{Basis, InspectedColumn, SkippedColumn};
use super::{InputError, Place, column_names};
use crate::domain::{Batch, ColumnKind};

/// A file of record batches.
pub(super) trait RecordBatches: Send {
    /// The next record batch, in the words of its library if there is none to be had. May panic.
    fn next_records(&mut self) -> Result<Option<RecordBatch>, String>;
}

/// Record batches of a file as batches.
pub(super) struct ArrowBatches {
    plan: Plan,
    source: Box<dyn RecordBatches>,
    /// The column of a record batch for each column of the plan.
    positions: Vec<usize>,
    builder: BatchBuilder,
    /// What is left of the last record batch.
    rest: Option<RecordBatch>,
    /// Rows before `rest`.
    rows: u64,
}

impl ArrowBatches {
    /// `positions` as [`projection`] gives it.
    pub(super) fn new(plan: Plan, source: Box<dyn RecordBatches>, positions: Vec<usize>) -> Self {
        let builder = BatchBuilder::new(&plan);
        Self {
            plan,
            source,
            positions,
            builder,
            rest: None,
            rows: 0,
        }
    }

    /// Appends rows of the last record batch, as many as there is room for.
    fn append(&mut self, records: &RecordBatch) -> Result<(), InputError> {
        let room = self.plan.rows_max - self.builder.rows;
        let rows = records.num_rows().min(room);
        for (column, (values, &position)) in self
            .builder
            .columns
            .iter_mut()
            .zip(&self.positions)
            .enumerate()
        {
            let array = records.column(position).slice(0, rows);
            columnar::append(values, &array, &self.plan.missing).map_err(|error| match error {
                AppendError::Value(row, problem) => {
                    let place = Place {
                        row: self.rows + row as u64 + 1,
                        line: None,
                    };
                    self.plan.value_error(place, column, problem)
                }
                AppendError::Array(detail) => {
                    InputError::damaged(&self.plan.file, self.rows, detail)
                }
            })?;
        }
        self.builder.rows += rows;
        self.rows += rows as u64;
        let left = records.num_rows() - rows;
        self.rest = (left > 0).then(|| records.slice(rows, left));
        Ok(())
    }

    fn fill(&mut self) -> Result<(), InputError> {
        while self.builder.rows < self.plan.rows_max {
            let next = match self.rest.take() {
                Some(rest) => Some(rest),
                None => self
                    .source
                    .next_records()
                    .map_err(|detail| InputError::damaged(&self.plan.file, self.rows, detail))?,
            };
            match next {
                Some(records) => self.append(&records)?,
                None => break,
            }
        }
        Ok(())
    }
}

impl Batches for ArrowBatches {
    fn next_batch(&mut self) -> Result<Option<Batch>, InputError> {
        let (file, rows) = (self.plan.file.clone(), self.rows);
        guarded(&file, rows, || self.fill())?;
        Ok(self.builder.take())
    }
}

/// The fields of a file that a plan reads, in the order of the file, without repetition; and for
/// each column of the plan its place among them. Checks that each can be read as it is asked for.
pub(super) fn projection(
    plan: &Plan,
    fields: &Fields,
) -> Result<(Vec<usize>, Vec<usize>), InputError> {
    let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    let in_file = column_names::positions(&plan.file, &plan.names, &names)?;
    for ((name, &position), &target) in plan.names.iter().zip(&in_file).zip(&plan.targets) {
        if names.iter().filter(|other| *other == name).count() > 1 {
            return Err(InputError::ColumnTwice {
                file: plan.file.clone(),
                column: name.clone(),
            });
        }
        let data_type = fields[position].data_type();
        if !columnar::reads_as(data_type, target) {
            return Err(InputError::WrongType {
                file: plan.file.clone(),
                column: name.clone(),
                found: super::error::one_line(&data_type.to_string()),
                wanted: target.word(),
            });
        }
    }
    let mut read = in_file.clone();
    read.sort_unstable();
    read.dedup();
    let place = |position: &usize| read.binary_search(position).unwrap_or_default();
    let positions = in_file.iter().map(place).collect();
    Ok((read, positions))
}

/// What the types of a file say of its columns.
pub(super) fn inspect_fields(fields: &Fields) -> (Vec<InspectedColumn>, Vec<SkippedColumn>) {
    let (mut columns, mut skipped) = (Vec::new(), Vec::new());
    for field in fields.iter().filter(|field| !field.name().is_empty()) {
        let name = field.name().clone();
        let (verdict, dimension) = columnar::verdict(field.data_type());
        match verdict {
            Verdict::Holds(kind) => {
                columns.push(InspectedColumn {
                    name,
                    kind,
                    dimension,
                    basis: Basis::Declared,
                });
            }
            Verdict::Nothing => {
                let kind = ColumnKind::Numeric;
                columns.push(InspectedColumn {
                    name,
                    kind,
                    dimension,
                    basis: Basis::Nothing,
                });
            }
            Verdict::Unsupported(_) => {
                let holds = super::error::one_line(&field.data_type().to_string());
                skipped.push(SkippedColumn { name, holds });
            }
        }
    }
    (columns, skipped)
}

/// Fields whose vectors have a length that only the values tell.
pub(super) fn open_dimensions(fields: &Fields) -> Vec<usize> {
    let open = |data_type: &DataType| {
        let (verdict, dimension) = columnar::verdict(data_type);
        verdict == Verdict::Holds(ColumnKind::Embedding) && dimension.is_none()
    };
    (0..fields.len())
        .filter(|&at| open(fields[at].data_type()))
        .collect()
}

/// Fills in the dimensions of columns whose first vectors are among `records`.
pub(super) fn see_dimensions(columns: &mut [InspectedColumn], records: &RecordBatch) {
    for (field, array) in records.schema_ref().fields().iter().zip(records.columns()) {
        let column = columns
            .iter_mut()
            .find(|column| column.name == *field.name());
        if let Some(column) = column.filter(|column| column.dimension.is_none()) {
            column.dimension = columnar::first_dimension(array);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow_array::types::{Float32Type, Int8Type};
    use arrow_array::{
        ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
        Int8Array, Int64Array, ListArray, NullArray, RecordBatch, StringArray, StructArray,
        TimestampSecondArray, UInt64Array,
    };
    use arrow_ipc::CompressionType;
    use arrow_schema::{DataType, Field};

    use super::super::testing::{Files, categorical, embedding, error, numeric, read, timed};
    use super::super::{ReadOptions, RowCount, inspect};
    use super::*;
    use crate::domain::{ColumnValues, MISSING_CODE};

    fn records(rows: usize) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(
            (0..rows)
                .map(|row| (row % 11 != 0).then_some(row as f64 / 8.0))
                .collect::<Float64Array>(),
        );
        let integers: ArrayRef = Arc::new(
            (0..rows)
                .map(|row| Some((row * row) as u64))
                .collect::<UInt64Array>(),
        );
        let names: ArrayRef = Arc::new(
            (0..rows)
                .map(|row| (row % 7 != 0).then(|| format!("name {}", row % 13)))
                .collect::<StringArray>(),
        );
        let vectors = (0..rows).map(|row| Some(vec![Some(row as f32), Some(1.0)]));
        let vectors: ArrayRef =
            Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(vectors));
        let columns = [
            ("number", numbers),
            ("integer", integers),
            ("name", names),
            ("vector", vectors),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    /// Reads a file that may be damaged; all that counts is that it ends, in a word of one line.
    fn survives(file: &Path) -> bool {
        let vector = super::super::ColumnRequest {
            dimension: Some(2),
            ..embedding("vector")
        };
        let columns = [
            numeric("number"),
            categorical("integer"),
            categorical("name"),
            vector,
        ];
        let inspected = inspect(file, &ReadOptions::default());
        let result = read(file, &columns, &ReadOptions::default());
        for message in [
            inspected.err(),
            result
                .as_ref()
                .err()
                .map(|_| read(file, &columns, &ReadOptions::default()).unwrap_err()),
        ]
        .into_iter()
        .flatten()
        {
            let message = message.to_string();
            assert!(
                message.starts_with(&file.display().to_string()) && message.lines().count() == 1,
                "{message}"
            );
        }
        result.is_ok()
    }

    fn damaged_in_every_way(files: &Files, name: &str, whole: &[u8], steps: usize) {
        let step = (whole.len() / steps).max(1);
        for length in (1..whole.len()).step_by(step) {
            let file = files.write(name, &whole[..length]);
            let message = error(&file, &[numeric("number")], &ReadOptions::default());
            assert!(
                message.contains("damaged or truncated") || message.contains("not known"),
                "{length}: {message}"
            );
        }
        // A fixed walk over places and bits: same damage, same result.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..steps * 4 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let mut bytes = whole.to_vec();
            let at = usize::try_from(state >> 33).unwrap() % bytes.len();
            bytes[at] ^= 1 << (state >> 30 & 7);
            survives(&files.write(name, bytes));
        }
    }

    #[test]
    fn truncated_and_flipped_parquet_files_end_in_one_line() {
        let files = Files::new();
        let whole = std::fs::read(files.parquet("whole.parquet", &records(300))).unwrap();
        assert!(survives(&files.write("a.parquet", &whole)));
        damaged_in_every_way(&files, "a.parquet", &whole, 50);
    }

    #[test]
    fn truncated_and_flipped_arrow_files_end_in_one_line() {
        let files = Files::new();
        for packing in [
            None,
            Some(CompressionType::LZ4_FRAME),
            Some(CompressionType::ZSTD),
        ] {
            let whole =
                std::fs::read(files.arrow("whole.arrow", &records(100), 50, packing)).unwrap();
            assert!(survives(&files.write("a.arrow", &whole)));
            damaged_in_every_way(&files, "a.arrow", &whole, 50);
        }
    }

    #[test]
    fn truncated_and_flipped_arrow_streams_end_in_one_line() {
        let files = Files::new();
        let whole = std::fs::read(files.arrow_stream("whole.arrows", &records(100), 100)).unwrap();
        assert!(survives(&files.write("a.arrows", &whole)));
        damaged_in_every_way(&files, "a.arrows", &whole[..whole.len() - 8], 50);
    }

    #[test]
    fn types_of_the_file_are_told_and_what_cannot_be_read_is_set_aside() {
        let fields = vec![Arc::new(Field::new("x", DataType::Int64, true))];
        let nested = StructArray::new(
            fields.into(),
            vec![Arc::new(Int64Array::from(vec![1]))],
            None,
        );
        let columns: [(&str, ArrayRef); 6] = [
            ("nested", Arc::new(nested)),
            (
                "vector",
                Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>([Some(
                    vec![Some(1.0); 3],
                )])),
            ),
            ("name", Arc::new(StringArray::from(vec!["x"]))),
            ("day", Arc::new(Date32Array::from(vec![1]))),
            ("none", Arc::new(NullArray::new(1))),
            (
                "zoned",
                Arc::new(TimestampSecondArray::from(vec![60]).with_timezone("Europe/Berlin")),
            ),
        ];
        let records = RecordBatch::try_from_iter_with_nullable(
            columns.map(|(name, array)| (name, array, true)),
        )
        .unwrap();
        let files = Files::new();
        for file in [
            files.parquet("a.parquet", &records),
            files.arrow("a.arrow", &records, 1, None),
        ] {
            let options = ReadOptions {
                overrides: [("day".into(), ColumnKind::Categorical)].into(),
                ignore: ["name".into()].into(),
                ..ReadOptions::default()
            };
            let inspection = inspect(&file, &options).unwrap();
            assert_eq!(inspection.rows, RowCount::Exactly(1));
            assert_eq!(inspection.bytes, std::fs::metadata(&file).unwrap().len());
            let column = |name: &str, kind, dimension, basis| InspectedColumn {
                name: name.into(),
                kind,
                dimension,
                basis,
            };
            let expected = [
                column("vector", ColumnKind::Embedding, Some(3), Basis::Declared),
                column("day", ColumnKind::Categorical, None, Basis::Override),
                column("none", ColumnKind::Numeric, None, Basis::Nothing),
                column("zoned", ColumnKind::Numeric, None, Basis::Declared),
            ];
            assert_eq!(inspection.columns, expected);
            assert_eq!(inspection.skipped[0].name, "nested");
            assert_eq!(inspect(&file, &timed("day")).unwrap().columns.len(), 4);
            let batch = &read(&file, &[categorical("zoned")], &timed("zoned")).unwrap()[0];
            assert_eq!(batch.times, Some(vec![60.0]));
            let dictionary = vec!["1970-01-01T00:01:00".into()];
            assert_eq!(
                batch.columns[0],
                ColumnValues::Categorical {
                    codes: vec![0],
                    dictionary
                }
            );

            let name = file.file_name().unwrap().to_str().unwrap();
            let message = error(&file, &[numeric("nested")], &ReadOptions::default());
            assert_eq!(
                message,
                format!(
                    "{name}: column 'nested' holds Struct(\"x\": Int64), which cannot be read as numeric"
                )
            );
            let message = error(&file, &[categorical("vector")], &ReadOptions::default());
            assert!(
                message.ends_with("which cannot be read as categorical"),
                "{message}"
            );
            let batch = &read(&file, &[numeric("day"), numeric("none")], &timed("day")).unwrap()[0];
            assert_eq!(batch.times, Some(vec![86_400.0]));
            assert_eq!(batch.columns[0], ColumnValues::Numeric(vec![86_400.0]));
        }
    }

    #[test]
    fn numbers_of_every_type_name_the_same_category() {
        let float: ArrayRef = Arc::new(Float64Array::from(vec![
            Some(2.0),
            Some(-0.0),
            None,
            Some(0.1),
        ]));
        let narrow: ArrayRef = Arc::new(Float32Array::from(vec![
            Some(2.0),
            Some(0.0),
            None,
            Some(0.1),
        ]));
        let decimal = Decimal128Array::from(vec![Some(200), Some(0), None, Some(10)]);
        let decimal: ArrayRef = Arc::new(decimal.with_precision_and_scale(10, 2).unwrap());
        let text: ArrayRef = Arc::new(StringArray::from(vec![
            Some("2.0"),
            Some("0"),
            None,
            Some("0.1"),
        ]));
        let integer: ArrayRef = Arc::new(Int8Array::from(vec![Some(2), Some(0), None, None]));
        let dictionary: ArrayRef = Arc::new(
            [Some("2"), Some("0"), None, None]
                .into_iter()
                .collect::<DictionaryArray<Int8Type>>(),
        );
        let columns = [
            ("float", float),
            ("narrow", narrow),
            ("text", text),
            ("decimal", decimal),
            ("integer", integer),
            ("dictionary", dictionary),
        ];
        let names = columns.clone().map(|(name, _)| name);
        let files = Files::new();
        let file = files.parquet("n.parquet", &RecordBatch::try_from_iter(columns).unwrap());
        let batch = &read(&file, &names.map(categorical), &ReadOptions::default()).unwrap()[0];
        let expected = |codes: Vec<u32>, names: &[&str]| ColumnValues::Categorical {
            codes,
            dictionary: names.iter().map(|&name| name.into()).collect(),
        };
        for column in &batch.columns[..3] {
            assert_eq!(
                *column,
                expected(vec![0, 1, MISSING_CODE, 2], &["2", "0", "0.1"])
            );
        }
        for column in &batch.columns[4..] {
            assert_eq!(
                *column,
                expected(vec![0, 1, MISSING_CODE, MISSING_CODE], &["2", "0"])
            );
        }
        let numbers = &read(&file, &names.map(numeric), &ReadOptions::default()).unwrap()[0];
        for column in &numbers.columns {
            let ColumnValues::Numeric(values) = column else {
                panic!()
            };
            assert!(values[0] == 2.0 && values[1] == 0.0 && values[2].is_nan());
        }
    }

    #[test]
    fn a_buffer_that_would_unpack_past_its_limit_is_refused_before_memory_is_reserved() {
        let files = Files::new();
        let whole = std::fs::read(files.arrow(
            "w.arrow",
            &records(100),
            100,
            Some(CompressionType::LZ4_FRAME),
        ))
        .unwrap();
        // The length of the unpacked values, before the frame's own magic.
        let frame = whole
            .windows(4)
            .position(|bytes| bytes == [0x04, 0x22, 0x4d, 0x18])
            .unwrap();
        let mut bytes = whole;
        bytes[frame - 8..frame].copy_from_slice(&(1_i64 << 50).to_le_bytes());
        let message = error(
            &files.write("a.arrow", bytes),
            &[numeric("number")],
            &ReadOptions::default(),
        );
        let expected = "a.arrow: is damaged or truncated: a buffer would unpack to 1125899906842624 bytes; it may have 4294967296";
        assert_eq!(message, expected);
    }
}
