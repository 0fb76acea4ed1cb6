//! Rows of a CSV file.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::batches::{BatchBuilder, Batches, Plan};
use super::format::Detected;
use super::infer::Evidence;
use super::missing::MissingTexts;
use super::source::{Source, estimate};
use super::{InputError, Place, Progress, RECORD_BYTES_MAX, ReadOptions, column_names};
use crate::domain::Batch;

/// Delimiters that a header is searched for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Bytes parsed at a time.
const BUFFER_BYTES: usize = 128 * 1024;
/// Bytes of the file that one record may take: quotes may stand twice, and a buffer is read ahead.
const RAW_RECORD_BYTES_MAX: usize = 2 * RECORD_BYTES_MAX + 2 * BUFFER_BYTES;

/// Rows of a CSV file, one at a time.
#[derive(Debug)]
pub(super) struct CsvRows {
    file: PathBuf,
    reader: csv::Reader<Bounded>,
    record: ByteRecord,
    header: Vec<String>,
    rows: u64,
    /// Whether lines end in a carriage return and a line feed.
    windows: bool,
}

impl CsvRows {
    /// Opens the file and reads its header.
    pub(super) fn open(
        file: &Path,
        detected: &Detected,
        options: &ReadOptions,
    ) -> Result<Self, InputError> {
        let source = Bounded {
            source: Source::open(file, detected.gzip)?,
            left: RAW_RECORD_BYTES_MAX,
            ended: false,
        };
        let (delimiter, windows) = first_line(&detected.head);
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true) // Lengths are checked here, where the place is known.
            .delimiter(options.delimiter.unwrap_or(delimiter))
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(source);
        let (file, record, header) = (file.to_path_buf(), ByteRecord::new(), Vec::new());
        let mut rows = Self {
            file: file.clone(),
            reader,
            record,
            header,
            rows: 0,
            windows,
        };
        if !rows.read_record()? {
            return Err(InputError::Empty { file });
        }
        let name = |field: &[u8]| String::from_utf8(field.trim_ascii().to_vec());
        let header: Result<Vec<String>, _> = rows.record.iter().map(name).collect();
        let not_text = |_| InputError::damaged(&file, 0, "the header is not UTF-8");
        rows.header = header.map_err(not_text)?;
        column_names::check(&file, rows.header.iter().map(String::as_str))?;
        Ok(rows)
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    pub(super) fn progress(&self) -> &Progress {
        self.reader.get_ref().source.progress()
    }

    /// About how many rows the file has, in proportion to those that were read.
    pub(super) fn rows_estimate(&self) -> u64 {
        estimate(
            self.rows,
            self.reader.position().byte(),
            self.reader.get_ref().source.unpacked_total(),
        )
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Where the current row stands.
    pub(super) fn place(&self) -> Place {
        // The parser stops behind the row, behind its line feed too if that is all that ends it, and
        // lines inside of the row are in quotes.
        let past_line = !self.windows && !self.reader.get_ref().ended;
        let inside = self.record.as_slice().split(|&byte| byte == b'\n').count() as u64 - 1;
        let line = self
            .reader
            .position()
            .line()
            .saturating_sub(inside + u64::from(past_line));
        Place {
            row: self.rows,
            line: Some(line.max(1)),
        }
    }

    /// Where the next row stands, if no empty lines are before it.
    fn next_place(&self) -> Place {
        let position = self.reader.position();
        let line = position.line() + u64::from(self.windows && position.byte() > 0);
        Place {
            row: self.rows + 1,
            line: Some(line),
        }
    }

    /// The fields of the current row, as many as the header has.
    pub(super) fn fields(&self) -> &ByteRecord {
        &self.record
    }

    /// Goes to the next row; `false` at the end. Empty lines are no rows.
    pub(super) fn advance(&mut self) -> Result<bool, InputError> {
        if !self.read_record()? {
            return Ok(false);
        }
        self.rows += 1;
        let (found, expected) = (self.record.len(), self.header.len());
        if found == expected {
            return Ok(true);
        }
        Err(InputError::Ragged {
            file: self.file.clone(),
            place: self.place(),
            found,
            expected,
        })
    }

    fn read_record(&mut self) -> Result<bool, InputError> {
        let place = self.next_place();
        self.reader.get_mut().left = RAW_RECORD_BYTES_MAX;
        let found = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|error| {
                let bounded_out = self.reader.get_ref().left == 0;
                match error.into_kind() {
                    ErrorKind::Io(_) if bounded_out => self.too_long(place),
                    ErrorKind::Io(error) => InputError::from_io(&self.file, self.rows, &error),
                    other => InputError::damaged(&self.file, self.rows, format!("{other:?}")),
                }
            })?;
        if found && self.record.as_slice().len() > RECORD_BYTES_MAX {
            return Err(self.too_long(place));
        }
        Ok(found)
    }

    fn too_long(&self, place: Place) -> InputError {
        let hint = " (is a quote left open?)";
        InputError::RecordTooLong {
            file: self.file.clone(),
            place,
            hint,
        }
    }

    /// What the first rows show of each column; whether they were all.
    pub(super) fn evidence(
        &mut self,
        options: &ReadOptions,
    ) -> Result<(Vec<Evidence>, bool), InputError> {
        let missing = MissingTexts::new(&options.missing);
        let mut evidence = vec![Evidence::default(); self.header.len()];
        while self.rows < options.inference_rows as u64 {
            if !self.advance()? {
                return Ok((evidence, true));
            }
            for (column, field) in evidence.iter_mut().zip(self.fields()) {
                column.see_untyped(field, &missing);
            }
        }
        Ok((evidence, false))
    }
}

/// The delimiter that the first line has most of, quoted ones apart, a comma where it has none; and
/// whether a carriage return ends the line.
fn first_line(head: &[u8]) -> (u8, bool) {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    let mut end = None;
    for &byte in head {
        if byte == b'"' {
            quoted = !quoted;
        } else if quoted {
            // Part of a name, whatever it is.
        } else if byte == b'\n' || byte == b'\r' {
            end = Some(byte);
            break;
        } else if let Some(at) = DELIMITERS.iter().position(|&it| it == byte) {
            counts[at] += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let delimiter = counts
        .iter()
        .position(|&count| count == most)
        .map_or(b',', |at| DELIMITERS[at]);
    (delimiter, end == Some(b'\r'))
}

/// Bytes up to a bound that each new record sets again.
#[derive(Debug)]
struct Bounded {
    source: Source,
    left: usize,
    /// Whether the end has been seen.
    ended: bool,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let room = buffer.len().min(self.left);
        let bytes = self.source.read(&mut buffer[..room])?;
        self.left -= bytes;
        self.ended = bytes == 0;
        Ok(bytes)
    }
}

/// A CSV file as batches.
pub(super) struct CsvBatches {
    rows: CsvRows,
    plan: Plan,
    /// The field of each column.
    fields: Vec<usize>,
    builder: BatchBuilder,
}

impl CsvBatches {
    pub(super) fn new(rows: CsvRows, plan: Plan) -> Result<Self, InputError> {
        let fields = column_names::positions(&plan.file, &plan.names, rows.header())?;
        let builder = BatchBuilder::new(&plan);
        Ok(Self {
            rows,
            plan,
            fields,
            builder,
        })
    }
}

impl Batches for CsvBatches {
    fn next_batch(&mut self) -> Result<Option<Batch>, InputError> {
        let Self {
            rows,
            plan,
            fields,
            builder,
        } = self;
        while !builder.is_full(plan) && rows.advance()? {
            let record = rows.fields();
            for (column, (values, &field)) in builder.columns.iter_mut().zip(&*fields).enumerate() {
                if let Err(problem) = values.push_text(&record[field], &plan.missing) {
                    return Err(plan.value_error(rows.place(), column, problem));
                }
            }
            builder.rows += 1;
        }
        Ok(builder.take())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, categorical, error, numeric, read};
    use super::super::{ColumnRequest, inspect};
    use super::*;
    use crate::domain::ColumnValues;
    use crate::domain::schema::COLUMNS_MAX;

    fn message(text: impl AsRef<[u8]>, columns: &[ColumnRequest]) -> String {
        error(
            &Files::new().write("a.csv", text),
            columns,
            &ReadOptions::default(),
        )
    }

    fn values(text: impl AsRef<[u8]>, column: ColumnRequest) -> ColumnValues {
        let file = Files::new();
        let file = file.write("a.csv", text);
        read(&file, &[column], &ReadOptions::default())
            .unwrap()
            .remove(0)
            .columns
            .remove(0)
    }

    #[test]
    fn a_value_that_is_no_number_is_quoted_in_short() {
        let expected = "a.csv: row 2 (line 3), column 'b': 'abc' is not a number (set its type with --type b=categorical)";
        assert_eq!(message("a,b\n1,2\n3,abc\n", &[numeric("b")]), expected);
        let long = format!("b\n{}\n", "xy\t".repeat(1_000));
        let quoted = "xy ".repeat(14)[..40].to_owned();
        let expected = format!(
            "a.csv: row 1 (line 2), column 'b': '{quoted}…' is not a number (set its type with --type b=categorical)"
        );
        assert_eq!(message(long, &[numeric("b")]), expected);
    }

    #[test]
    fn lines_are_counted_through_quotes_empty_lines_and_both_line_ends() {
        let text = "a,b\n\"x\ny\",1\n\n\nz,2\n\"l\nm\",n";
        let expected = "row 3 (line 7), column 'b': 'n' is not a number";
        assert!(
            message(text, &[numeric("b")]).contains(expected),
            "{}",
            message(text, &[numeric("b")])
        );
        let ended = format!("{text}\n");
        assert!(message(&ended, &[numeric("b")]).contains(expected));
        let windows = text.replace('\n', "\r\n");
        assert!(message(windows, &[numeric("b")]).contains(expected));
    }

    #[test]
    fn a_ragged_row_is_named() {
        let shorter = message("a,b\n1,2\n3\n", &[numeric("b")]);
        assert_eq!(
            shorter,
            "a.csv: row 2 (line 3) has 1 fields, the header has 2"
        );
        let longer = message("a,b\n1,2,3\n", &[numeric("b")]);
        assert_eq!(
            longer,
            "a.csv: row 1 (line 2) has 3 fields, the header has 2"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_named() {
        let bytes = b"a,b\n1,ok\n2,\xff\xfe\n";
        let expected = "a.csv: row 2 (line 3), column 'b': the text is not UTF-8";
        assert_eq!(message(bytes, &[categorical("b")]), expected);
        assert_eq!(
            message(bytes, &[numeric("a"), numeric("b")]).replace("'ok'", ""),
            message(b"a,b\n1,ok\n", &[numeric("b")]).replace("'ok'", "")
        );
        assert_eq!(
            message(b"b\n\xff\n", &[numeric("b")]),
            "a.csv: row 1 (line 2), column 'b': the text is not UTF-8"
        );
        assert_eq!(
            message(b"\xff,b\n1,2\n", &[numeric("b")]),
            "a.csv: is damaged or truncated: the header is not UTF-8"
        );
    }

    #[test]
    fn headers_must_tell_columns_apart_and_may_leave_one_without_a_name() {
        assert_eq!(
            message("a,b, a\n", &[numeric("b")]),
            "a.csv: column 'a' stands twice"
        );
        let odd = message("\"a\nb\",\"a\nb\"\n", &[numeric("b")]);
        assert_eq!(odd, "a.csv: column 'a b' stands twice");
        let odd = message("\"a\nb\"\n1\n", &[numeric("ab")]);
        assert_eq!(
            odd,
            "a.csv: has no column 'ab' (did you mean 'a b'?); it has a b"
        );
        assert_eq!(
            values(",b,\n0,1,2\n", numeric("b")),
            ColumnValues::Numeric(vec![1.0])
        );
    }

    #[test]
    fn an_empty_file_is_an_error_and_a_header_alone_is_not() {
        assert_eq!(message("", &[numeric("a")]), "a.csv: is empty");
        assert_eq!(message("\n\n", &[numeric("a")]), "a.csv: is empty");
        let files = Files::new();
        let file = files.write("a.csv", "a,b\n");
        assert_eq!(
            read(&file, &[numeric("a")], &ReadOptions::default()).unwrap(),
            []
        );
        let inspection = inspect(&file, &ReadOptions::default()).unwrap();
        assert_eq!(inspection.rows, super::super::RowCount::Exactly(0));
    }

    #[test]
    fn the_delimiter_is_the_one_that_the_header_has_most_of() {
        for delimiter in [",", ";", "\t", "|"] {
            let text = "a,\"b,;\t|,,,\"\n1,2\n".replace("a,", &format!("a{delimiter}"));
            let text = text.replace("1,2", &format!("1{delimiter}2"));
            assert_eq!(values(text, numeric("a")), ColumnValues::Numeric(vec![1.0]));
        }
        assert_eq!(
            values("a\n5\n", numeric("a")),
            ColumnValues::Numeric(vec![5.0])
        );
        let files = Files::new();
        let options = ReadOptions {
            delimiter: Some(b':'),
            ..ReadOptions::default()
        };
        let batches = read(
            &files.write("c.csv", "a:b\n1:2\n"),
            &[numeric("b")],
            &options,
        )
        .unwrap();
        assert_eq!(batches[0].columns, [ColumnValues::Numeric(vec![2.0])]);
    }

    #[test]
    fn spaces_around_numbers_and_missing_texts_do_not_count() {
        let ColumnValues::Numeric(read) = values("a\n 1.5\n\"\"\n NA \nnan\n-inf\n", numeric("a"))
        else {
            panic!()
        };
        assert!(read[0] == 1.5 && read[1].is_nan() && read[2].is_nan() && read[3].is_nan());
        assert_eq!(read[4], f64::NEG_INFINITY);
    }

    #[test]
    fn a_record_may_be_as_long_as_the_limit_and_no_longer() {
        let text = |bytes: usize| format!("a,b\n1,2\n1,\"{}\"\n", "\n".repeat(bytes - 1));
        let files = Files::new();
        let file = files.write("l.csv", text(RECORD_BYTES_MAX));
        assert_eq!(
            read(&file, &[numeric("a")], &ReadOptions::default()).unwrap()[0].rows,
            2
        );
        let expected =
            "a.csv: row 2 (line 3) is longer than 16777216 bytes (is a quote left open?)";
        assert_eq!(
            message(text(RECORD_BYTES_MAX + 1), &[numeric("a")]),
            expected
        );
        let open = format!("a,b\n1,2\n1,\"{}", "x\n".repeat(2 * RECORD_BYTES_MAX));
        assert_eq!(message(open, &[numeric("a")]), expected);
    }

    #[test]
    fn a_category_over_its_limit_is_named() {
        let expected =
            "a.csv: row 1 (line 2), column 'a': a category of 1025 bytes; it may have 1024";
        assert_eq!(
            message(format!("a\n{}\n", "x".repeat(1_025)), &[categorical("a")]),
            expected
        );
        values(format!("a\n{}\n", "x".repeat(1_024)), categorical("a"));
    }

    #[test]
    fn more_columns_than_the_limit_are_refused() {
        let header = |columns: usize| {
            (0..columns)
                .map(|at| format!("c{at}"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_eq!(
            values(
                format!("{0}\n{0}\n", header(COLUMNS_MAX)).replace("\nc0", "\n1"),
                numeric("c0")
            ),
            ColumnValues::Numeric(vec![1.0])
        );
        assert_eq!(
            message(header(COLUMNS_MAX + 1), &[numeric("c0")]),
            "a.csv: has 4097 columns; it may have 4096"
        );
    }

    #[test]
    fn bad_times_are_named() {
        let files = Files::new();
        let file = files.write("a.csv", "a,t\n1,2024-01-01\n2,soon\n");
        let options = super::super::testing::timed("t");
        let expected = "a.csv: row 2 (line 3), column 't': 'soon' is not a time (RFC 3339, an ISO 8601 date, or a number)";
        assert_eq!(error(&file, &[numeric("a")], &options), expected);
    }

    #[test]
    fn a_cut_gzip_is_damage_after_the_rows_that_are_whole() {
        let files = Files::new();
        let rows: Vec<String> = (0..50_000)
            .map(|row| (row * 7_919 % 10_007).to_string())
            .collect();
        let rows = rows.join("\n");
        let whole = std::fs::read(files.gzip("w.csv.gz", &["a\n", &rows])).unwrap();
        let cut = files.write("cut.csv.gz", &whole[..whole.len() / 2]);
        let message = error(&cut, &[numeric("a")], &ReadOptions::default());
        assert!(
            message.starts_with("cut.csv.gz: becomes damaged or truncated after row "),
            "{message}"
        );
    }
}
