//! Rows of a file with one JSON object a line.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::batches::{BatchBuilder, Batches, Plan};
use super::format::BYTE_ORDER_MARK;
use super::infer::Evidence;
use super::missing::MissingTexts;
use super::ndjson_row::{self, RowSink, Stop};
use super::source::{Source, estimate};
use super::{
    InputError, Place, Progress, RECORD_BYTES_MAX, ReadOptions, ValueProblem, column_names,
};
use crate::domain::Batch;
use crate::domain::schema::COLUMNS_MAX;

/// Lines of a file that hold something, one at a time.
#[derive(Debug)]
pub(super) struct NdjsonRows {
    file: PathBuf,
    gzip: bool,
    reader: BufReader<Source>,
    line: Vec<u8>,
    lines: u64,
    rows: u64,
    consumed: u64,
    scratch: Vec<f32>,
}

impl NdjsonRows {
    pub(super) fn open(file: &Path, gzip: bool) -> Result<Self, InputError> {
        let reader = Source::open(file, gzip)?.buffered();
        let (line, scratch) = (Vec::new(), Vec::new());
        Ok(Self {
            file: file.into(),
            gzip,
            reader,
            line,
            lines: 0,
            rows: 0,
            consumed: 0,
            scratch,
        })
    }

    pub(super) fn progress(&self) -> &Progress {
        self.reader.get_ref().progress()
    }

    /// About how many rows the file has, in proportion to those that were read.
    pub(super) fn rows_estimate(&self) -> u64 {
        estimate(
            self.rows,
            self.consumed,
            self.reader.get_ref().unpacked_total(),
        )
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Where the current row stands.
    fn place(&self) -> Place {
        Place {
            row: self.rows,
            line: Some(self.lines),
        }
    }

    /// Goes to the next line that is not blank; `false` at the end.
    fn advance(&mut self) -> Result<bool, InputError> {
        loop {
            self.line.clear();
            // Room for the limit and a line end, and one byte more to tell that it is passed.
            let mut bounded = (&mut self.reader).take(RECORD_BYTES_MAX as u64 + 3);
            let read = bounded.read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| InputError::from_io(&self.file, self.rows, &error))?;
            if read == 0 {
                return Ok(false);
            }
            self.consumed += read as u64;
            self.lines += 1;
            if self.lines == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
                self.line.drain(..BYTE_ORDER_MARK.len());
            }
            let length = self.line.trim_ascii_end().len();
            self.line.truncate(length);
            if length == 0 && read <= RECORD_BYTES_MAX {
                continue;
            }
            self.rows += 1;
            if length > RECORD_BYTES_MAX || read > RECORD_BYTES_MAX + 2 {
                return Err(InputError::RecordTooLong {
                    file: self.file.clone(),
                    place: self.place(),
                    hint: "",
                });
            }
            return Ok(true);
        }
    }

    /// Hands the current row over; what the sink stopped at is an error of `column`.
    fn parse<S: RowSink + Stopped>(&mut self, sink: &mut S) -> Result<(), InputError> {
        let Err(error) = ndjson_row::parse(&self.line, sink, &mut self.scratch) else {
            return Ok(());
        };
        let (file, place) = (&self.file, self.place());
        Err(match sink.stopped() {
            Some(Reason::Value { column, problem }) => {
                InputError::value(file, place, &column, problem)
            }
            Some(Reason::TooManyKeys) => InputError::TooManyColumns {
                file: file.clone(),
                columns: COLUMNS_MAX + 1,
            },
            None => {
                let detail = super::error::one_line(&detail(&error));
                InputError::NotAnObject {
                    file: file.clone(),
                    place,
                    detail,
                }
            }
        })
    }

    /// What the first rows show of each key, in the order of first appearance; whether they were all.
    pub(super) fn evidence(
        &mut self,
        options: &ReadOptions,
    ) -> Result<(Vec<(String, Evidence)>, bool), InputError> {
        let mut sink = EvidenceSink {
            missing: MissingTexts::new(&options.missing),
            keys: FxHashMap::default(),
            columns: Vec::new(),
            last_rows: Vec::new(),
            row: 0,
            reason: None,
        };
        let mut all = false;
        while self.rows < options.inference_rows as u64 {
            if !self.advance()? {
                all = true;
                break;
            }
            sink.row = self.rows;
            self.parse(&mut sink)?;
        }
        if all && self.rows == 0 {
            return Err(InputError::Empty {
                file: self.file.clone(),
            });
        }
        column_names::check(
            &self.file,
            sink.columns.iter().map(|(name, _)| name.as_str()),
        )?;
        Ok((sink.columns, all))
    }
}

/// The parser's words, without the line number that it counts within one line.
fn detail(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(words, _)| words);
    format!("{words}, at character {}", error.column())
}

/// Why a sink stopped.
#[derive(Debug)]
enum Reason {
    Value {
        column: String,
        problem: ValueProblem,
    },
    TooManyKeys,
}

trait Stopped {
    fn stopped(&mut self) -> Option<Reason>;
}

/// Gathers what the keys of a file hold.
struct EvidenceSink {
    missing: MissingTexts,
    keys: FxHashMap<String, usize>,
    columns: Vec<(String, Evidence)>,
    /// The row in which each key was last seen, from 1.
    last_rows: Vec<u64>,
    row: u64,
    reason: Option<Reason>,
}

impl Stopped for EvidenceSink {
    fn stopped(&mut self) -> Option<Reason> {
        self.reason.take()
    }
}

impl EvidenceSink {
    fn evidence(&mut self, slot: usize) -> &mut Evidence {
        &mut self.columns[slot].1
    }
}

impl RowSink for EvidenceSink {
    fn slot(&mut self, key: &str) -> Result<Option<usize>, Stop> {
        let slot = match self.keys.get(key) {
            Some(&slot) => slot,
            None if self.columns.len() == COLUMNS_MAX => {
                self.reason = Some(Reason::TooManyKeys);
                return Err(Stop);
            }
            None => {
                let slot = self.columns.len();
                self.keys.insert(key.into(), slot);
                self.columns.push((key.into(), Evidence::default()));
                self.last_rows.push(0);
                slot
            }
        };
        if std::mem::replace(&mut self.last_rows[slot], self.row) == self.row {
            self.reason = Some(Reason::Value {
                column: key.into(),
                problem: ValueProblem::KeyTwice,
            });
            return Err(Stop);
        }
        Ok(Some(slot))
    }

    fn null(&mut self, _: usize) -> Result<(), Stop> {
        Ok(())
    }

    fn bool(&mut self, slot: usize, _: bool) -> Result<(), Stop> {
        self.evidence(slot).see_bool();
        Ok(())
    }

    fn unsigned(&mut self, slot: usize, value: u64) -> Result<(), Stop> {
        self.number(slot, value as f64)
    }

    fn signed(&mut self, slot: usize, value: i64) -> Result<(), Stop> {
        self.number(slot, value as f64)
    }

    fn number(&mut self, slot: usize, value: f64) -> Result<(), Stop> {
        if !self.missing.has_number(value) {
            self.evidence(slot).see_number();
        }
        Ok(())
    }

    fn text(&mut self, slot: usize, value: &str) -> Result<(), Stop> {
        self.columns[slot]
            .1
            .see_text(value.as_bytes(), &self.missing);
        Ok(())
    }

    fn vector(&mut self, slot: usize, values: &[f32]) -> Result<(), Stop> {
        self.evidence(slot).see_vector(values.len());
        Ok(())
    }

    fn nested(&mut self, slot: usize, what: &'static str) -> Result<(), Stop> {
        self.evidence(slot).see_nested(what);
        Ok(())
    }
}

/// A file of JSON objects as batches.
pub(super) struct NdjsonBatches {
    rows: NdjsonRows,
    plan: Plan,
    sink: BatchSink,
    done: bool,
}

/// Puts the values of one object into the columns that ask for them.
struct BatchSink {
    builder: BatchBuilder,
    missing: MissingTexts,
    keys: FxHashMap<String, usize>,
    /// By key: the columns that it fills. More than one where the time is also a feature.
    columns: Vec<Vec<usize>>,
    /// By key: the row in which it was last seen, from 1.
    last_rows: Vec<u64>,
    row: u64,
    reason: Option<(usize, ValueProblem)>,
    names: Vec<String>,
}

impl NdjsonBatches {
    pub(super) fn new(rows: NdjsonRows, plan: Plan) -> Self {
        let mut keys: FxHashMap<String, usize> = FxHashMap::default();
        let mut columns: Vec<Vec<usize>> = Vec::new();
        for (column, name) in plan.names.iter().enumerate() {
            let slot = *keys.entry(name.clone()).or_insert(columns.len());
            if slot == columns.len() {
                columns.push(Vec::new());
            }
            columns[slot].push(column);
        }
        let sink = BatchSink {
            builder: BatchBuilder::new(&plan),
            missing: plan.missing.clone(),
            last_rows: vec![0; columns.len()],
            keys,
            columns,
            row: 0,
            reason: None,
            names: plan.names.clone(),
        };
        Self {
            rows,
            plan,
            sink,
            done: false,
        }
    }

    /// The end of the file: a key that no row had is a missing column.
    fn finish(&mut self) -> Result<(), InputError> {
        self.done = true;
        let file = &self.plan.file;
        if self.rows.rows == 0 {
            return Err(InputError::Empty { file: file.clone() });
        }
        let Some(slot) = self.sink.last_rows.iter().position(|&row| row == 0) else {
            return Ok(());
        };
        let absent = &self.plan.names[self.sink.columns[slot][0]];
        let mut again = NdjsonRows::open(file, self.rows.gzip)?;
        let (present, _) = again.evidence(&ReadOptions::default())?;
        let present: Vec<String> = present.into_iter().map(|(name, _)| name).collect();
        Err(column_names::missing(file, absent, &present))
    }
}

impl Batches for NdjsonBatches {
    fn next_batch(&mut self) -> Result<Option<Batch>, InputError> {
        while !self.done && !self.sink.builder.is_full(&self.plan) {
            if !self.rows.advance()? {
                self.finish()?;
                break;
            }
            self.sink.row = self.rows.rows;
            self.rows.parse(&mut self.sink)?;
            self.sink.end_row();
        }
        Ok(self.sink.builder.take())
    }
}

impl Stopped for BatchSink {
    fn stopped(&mut self) -> Option<Reason> {
        let (column, problem) = self.reason.take()?;
        Some(Reason::Value {
            column: self.names[column].clone(),
            problem,
        })
    }
}

impl BatchSink {
    /// Fills the columns whose keys the object did not have.
    fn end_row(&mut self) {
        for (columns, &last_row) in self.columns.iter().zip(&self.last_rows) {
            if last_row != self.row {
                for &column in columns {
                    self.builder.columns[column].push_missing();
                }
            }
        }
        self.builder.rows += 1;
    }

    fn push(
        &mut self,
        slot: usize,
        value: impl Fn(&mut super::builder::ColumnBuilder, &MissingTexts) -> Result<(), ValueProblem>,
    ) -> Result<(), Stop> {
        for &column in &self.columns[slot] {
            if let Err(problem) = value(&mut self.builder.columns[column], &self.missing) {
                self.reason = Some((column, problem));
                return Err(Stop);
            }
        }
        Ok(())
    }
}

impl RowSink for BatchSink {
    fn slot(&mut self, key: &str) -> Result<Option<usize>, Stop> {
        let Some(&slot) = self.keys.get(key) else {
            return Ok(None);
        };
        if std::mem::replace(&mut self.last_rows[slot], self.row) == self.row {
            self.reason = Some((self.columns[slot][0], ValueProblem::KeyTwice));
            return Err(Stop);
        }
        Ok(Some(slot))
    }

    fn null(&mut self, slot: usize) -> Result<(), Stop> {
        self.push(slot, |column, _| {
            column.push_missing();
            Ok(())
        })
    }

    fn bool(&mut self, slot: usize, value: bool) -> Result<(), Stop> {
        self.push(slot, |column, missing| column.push_bool(value, missing))
    }

    fn unsigned(&mut self, slot: usize, value: u64) -> Result<(), Stop> {
        self.push(slot, |column, missing| {
            column.push_integer(value, value as f64, missing)
        })
    }

    fn signed(&mut self, slot: usize, value: i64) -> Result<(), Stop> {
        self.push(slot, |column, missing| {
            column.push_integer(value, value as f64, missing)
        })
    }

    fn number(&mut self, slot: usize, value: f64) -> Result<(), Stop> {
        self.push(slot, |column, missing| column.push_number(value, missing))
    }

    fn text(&mut self, slot: usize, value: &str) -> Result<(), Stop> {
        self.push(slot, |column, missing| {
            column.push_text(value.as_bytes(), missing)
        })
    }

    fn vector(&mut self, slot: usize, values: &[f32]) -> Result<(), Stop> {
        self.push(slot, |column, _| column.push_vector(values))
    }

    fn nested(&mut self, slot: usize, what: &'static str) -> Result<(), Stop> {
        self.push(slot, |_, _| Err(ValueProblem::Nested(what)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, categorical, error, numeric, read};
    use super::super::{ColumnRequest, inspect};
    use super::*;
    use crate::domain::{ColumnKind, ColumnValues};

    fn message(text: impl AsRef<[u8]>, columns: &[ColumnRequest]) -> String {
        error(
            &Files::new().write("a.ndjson", text),
            columns,
            &ReadOptions::default(),
        )
    }

    #[test]
    fn what_is_no_object_is_named_with_its_line() {
        let tell = |line: &str| message(format!("{{\"a\":1}}\n\n{line}\n"), &[numeric("a")]);
        let start = "a.ndjson: row 2 (line 3) is not a JSON object: ";
        assert_eq!(
            tell("5"),
            format!("{start}invalid type: integer `5`, expected an object, at character 1")
        );
        assert_eq!(
            tell("{\"a\":1"),
            format!("{start}EOF while parsing an object, at character 6")
        );
        assert_eq!(
            tell("{\"a\":1}{}"),
            format!("{start}trailing characters, at character 8")
        );
        assert_eq!(
            tell("{\"a\":NaN}"),
            format!("{start}expected value, at character 6")
        );
        assert_eq!(
            tell("{\"a\":1e999}"),
            format!("{start}number out of range, at character 10")
        );
        assert!(
            message(b"{\"a\":\"\xff\"}", &[categorical("a")])
                .contains("row 1 (line 1) is not a JSON object")
        );
    }

    #[test]
    fn values_that_do_not_fit_are_named() {
        let tell = |value: &str, column| message(format!("{{\"a\":{value}}}\n"), &[column]);
        let start = "a.ndjson: row 1 (line 1), column 'a': ";
        let hint = " is not a number (set its type with --type a=categorical)";
        assert_eq!(tell("\"abc\"", numeric("a")), format!("{start}'abc'{hint}"));
        assert_eq!(tell("true", numeric("a")), format!("{start}'true'{hint}"));
        assert_eq!(
            tell("[1]", numeric("a")),
            format!("{start}an array where one value belongs")
        );
        assert_eq!(
            tell("[\"x\"]", categorical("a")),
            format!("{start}an array where one value belongs")
        );
        assert_eq!(
            tell("{}", categorical("a")),
            format!("{start}an object where one value belongs")
        );
        assert_eq!(
            tell("1,\"a\":2", numeric("a")),
            format!("{start}the key stands twice")
        );
    }

    #[test]
    fn numbers_are_exact_and_texts_for_them_are_read() {
        let files = Files::new();
        let text = "{\"a\":0.1}\n{\"a\":\"-Infinity\"}\n{\"a\":123456789012345680}\n{\"a\":2.2250738585072014e-308}\n";
        let file = files.write("n.ndjson", text);
        assert_eq!(
            inspect(&file, &ReadOptions::default()).unwrap().columns[0].kind,
            ColumnKind::Numeric
        );
        let batches = read(&file, &[numeric("a")], &ReadOptions::default()).unwrap();
        let expected = vec![
            0.1,
            f64::NEG_INFINITY,
            123_456_789_012_345_680.0,
            f64::MIN_POSITIVE,
        ];
        assert_eq!(batches[0].columns, [ColumnValues::Numeric(expected)]);

        let file = files.write(
            "i.ndjson",
            "{\"a\":9007199254740993}\n{\"a\":18446744073709551615}\n{\"a\":-1}\n",
        );
        let batches = read(&file, &[categorical("a")], &ReadOptions::default()).unwrap();
        let dictionary = ["9007199254740993", "18446744073709551615", "-1"]
            .map(String::from)
            .into();
        assert_eq!(
            batches[0].columns,
            [ColumnValues::Categorical {
                codes: vec![0, 1, 2],
                dictionary
            }]
        );
    }

    #[test]
    fn a_key_in_no_row_is_a_missing_column_and_one_in_some_is_not() {
        let text = "{\"alpha\":1}\n{\"beta\":2}\n";
        let expected = "a.ndjson: has no column 'gamma'; it has alpha, beta";
        assert_eq!(
            message(text, &[numeric("alpha"), numeric("gamma")]),
            expected
        );
        let files = Files::new();
        let batches = read(
            &files.write("a.json", text),
            &[numeric("beta")],
            &ReadOptions::default(),
        )
        .unwrap();
        let ColumnValues::Numeric(values) = &batches[0].columns[0] else {
            panic!()
        };
        assert!(values[0].is_nan() && values[1] == 2.0);
    }

    #[test]
    fn a_file_without_a_row_is_empty() {
        assert_eq!(message("", &[numeric("a")]), "a.ndjson: is empty");
        assert_eq!(message("\n \n", &[numeric("a")]), "a.ndjson: is empty");
        let file = Files::new();
        let file = file.write("a.ndjson", "\n\n");
        assert!(inspect(&file, &ReadOptions::default()).is_err());
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
        let line = |bytes: usize| format!("{{\"a\":1,\"b\":\"{}\"}}\r\n", "x".repeat(bytes - 14));
        let files = Files::new();
        let file = files.write("l.ndjson", line(RECORD_BYTES_MAX));
        assert_eq!(
            read(&file, &[numeric("a")], &ReadOptions::default()).unwrap()[0].rows,
            1
        );
        let expected = "a.ndjson: row 1 (line 1) is longer than 16777216 bytes";
        assert_eq!(
            message(line(RECORD_BYTES_MAX + 1), &[numeric("a")]),
            expected
        );
    }

    #[test]
    fn deep_nesting_in_a_key_that_is_not_asked_for_is_passed_over() {
        let deep = format!(
            "{{\"x\":{}{},\"a\":1}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let files = Files::new();
        let file = files.write("d.ndjson", deep);
        assert_eq!(
            read(&file, &[numeric("a")], &ReadOptions::default()).unwrap()[0].rows,
            1
        );
        // Inspection looks at every key.
        let _ = inspect(&file, &ReadOptions::default());
    }
}
