//! CSV with a header: every column that is no field of a row is a feature.
//!
//! A column that the model does not have yet is numeric if all of its values are numbers, an embedding if all are lists of
//! numbers such as `[0.5, 1]`, else categorical.

use csv::{ByteRecord, ReaderBuilder};

use crate::domain::{ColumnKind, ColumnValues, MISSING_CODE};
use crate::input::{Interner, parse_number, vector_dimension};

use super::builder::{Field, MISSING, Purpose, RowsBuilder, too_long};
use super::error::IngestError;
use super::problems::quote;
use super::rows::{Rows, Texts};

/// Between the fields: the one that the header has most of.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Decodes a CSV body.
pub(super) fn decode(mut builder: RowsBuilder, body: &[u8], now: i64) -> Result<Rows, IngestError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(body))
        .from_reader(body);
    let broken = |error: csv::Error| IngestError::Body {
        format: "CSV",
        reason: error.to_string(),
    };
    let header = reader.byte_headers().map_err(broken)?.clone();
    let mut columns = columns(&mut builder, &header)?;
    let mut record = ByteRecord::new();
    let mut row = 0;
    while reader.read_byte_record(&mut record).map_err(broken)? {
        if !builder.begin(row) {
            break;
        }
        for (column, value) in columns.iter_mut().zip(&record) {
            column.push(&mut builder, row, value);
        }
        row += 1;
    }
    for column in columns {
        column.finish(&mut builder, row);
    }
    builder.finish(row, now)
}

fn delimiter(body: &[u8]) -> u8 {
    let header = body.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| header.split(|&byte| byte == delimiter).count();
    let most = DELIMITERS.map(count).into_iter().max().unwrap_or(0);
    DELIMITERS
        .into_iter()
        .find(|&delimiter| count(delimiter) == most)
        .unwrap_or(b',')
}

/// What becomes of the values of a column.
enum Column {
    /// They are looked at one by one.
    Known {
        field: Field,
        kind: Option<ColumnKind>,
    },
    /// They are kept until all are there, because they decide what the column is.
    Open { slot: usize, texts: Texts },
}

fn columns(builder: &mut RowsBuilder, header: &ByteRecord) -> Result<Vec<Column>, IngestError> {
    let mut columns = Vec::with_capacity(header.len());
    let mut seen = Vec::with_capacity(header.len());
    let flat = builder.purpose() != Purpose::Labels;
    for name in header {
        let name = std::str::from_utf8(name.trim_ascii()).map_err(|_| IngestError::Body {
            format: "CSV",
            reason: "a column's name is not UTF-8".into(),
        })?;
        let field = builder.field(name, 0, flat);
        if seen.contains(&field) && field != Field::Nowhere {
            builder.problems.add_to_all(name, "the column stands twice");
        }
        if field == Field::Nowhere {
            builder
                .problems
                .add_to_all(name, "the column cannot be taken");
        }
        seen.push(field);
        columns.push(match field {
            Field::Column(slot) => match builder.kind(slot) {
                None => Column::Open {
                    slot,
                    texts: Texts::default(),
                },
                kind => Column::Known { field, kind },
            },
            field => Column::Known { field, kind: None },
        });
    }
    Ok(columns)
}

impl Column {
    fn push(&mut self, builder: &mut RowsBuilder, row: usize, value: &[u8]) {
        let Ok(text) = std::str::from_utf8(value) else {
            builder
                .problems
                .add(row, None, "has text that is not UTF-8");
            return;
        };
        let trimmed = text.trim_ascii();
        match self {
            Self::Open { texts, .. } => {
                texts.pad(row);
                texts.push(text);
            }
            Self::Known {
                field: Field::RecordId,
                ..
            } => builder.text(Field::RecordId, row, text),
            _ if MISSING.has_text(trimmed.as_bytes()) => {}
            Self::Known { field, kind } => match (field, kind) {
                (field, Some(ColumnKind::Numeric)) => match parse_number(trimmed.as_bytes()) {
                    Some(number) => builder.number(*field, row, number),
                    None => builder.text(*field, row, text),
                },
                (Field::Time, _) => match parse_number(trimmed.as_bytes()) {
                    Some(seconds) => builder.number(Field::Time, row, seconds),
                    None => builder.text(Field::Time, row, trimmed),
                },
                (field, _) => builder.text(*field, row, text),
            },
        }
    }

    /// Decides on a column that was open.
    fn finish(self, builder: &mut RowsBuilder, rows: usize) {
        let Self::Open { slot, mut texts } = self else {
            return;
        };
        texts.pad(rows);
        // Prediction and label are of one kind; the other may have been decided meanwhile.
        let kind = builder.kind(slot);
        let is_missing = |text: &str| MISSING.has_text(text.trim_ascii().as_bytes());
        let number = |text: &str| parse_number(text.trim_ascii().as_bytes());
        let all = |test: &dyn Fn(&str) -> bool| (0..rows).map(|row| texts.get(row)).all(test);
        if all(&is_missing) {
            return;
        }
        let numeric = all(&|text| is_missing(text) || number(text).is_some());
        let name = builder.name(slot).to_owned();
        if kind == Some(ColumnKind::Numeric) || (kind.is_none() && numeric) {
            let mut numbers = Vec::with_capacity(rows);
            for row in 0..rows {
                let text = texts.get(row);
                let value = if is_missing(text) {
                    Some(f64::NAN)
                } else {
                    number(text)
                };
                if value.is_none() {
                    let reason = format!("'{}' is text, and the column is numeric", quote(text));
                    builder.problems.add(row, Some(&name), reason);
                }
                numbers.push(value.unwrap_or(f64::NAN));
            }
            builder.put_values(slot, ColumnValues::Numeric(numbers));
            return;
        }
        let vector = |text: &str| vector_dimension(text.trim_ascii().as_bytes()).is_some();
        let feature = Field::Column(slot);
        if builder.takes_vectors(feature) && all(&|text| is_missing(text) || vector(text)) {
            builder.begin_vectors(slot);
            for row in 0..rows {
                builder.text(feature, row, texts.get(row));
            }
            return;
        }
        let mut names = Interner::default();
        let mut codes = Vec::with_capacity(rows);
        for row in 0..rows {
            let text = texts.get(row);
            if is_missing(text) {
                codes.push(MISSING_CODE);
                continue;
            }
            if text.contains('\0') {
                builder
                    .problems
                    .add(row, Some(&name), "has a NUL character, which is not stored");
            }
            if let Ok(code) = names.code(text.as_bytes()) {
                codes.push(code);
            } else {
                builder.problems.add(row, Some(&name), too_long(text));
                codes.push(MISSING_CODE);
            }
        }
        let dictionary = names.take();
        builder.put_values(slot, ColumnValues::Categorical { codes, dictionary });
    }
}
