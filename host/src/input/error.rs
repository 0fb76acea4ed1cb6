//! What can be wrong with a data file, each in one line for a person.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::limits::{CATEGORY_BYTES_MAX, DIMENSION_MAX, RECORD_BYTES_MAX};
use crate::domain::ColumnKind;
use crate::domain::schema::{COLUMN_NAME_BYTES_MAX, COLUMNS_MAX};

/// Characters of a value that a message quotes.
const QUOTE_CHARS_MAX: usize = 40;
/// Characters of a name, or of another library's words, that a message repeats.
const DETAIL_CHARS_MAX: usize = 200;
/// Columns that a message lists.
const LISTED_COLUMNS_MAX: usize = 20;

/// What is wrong with a data file. Every message is one line that starts with the file.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "fields are what their names say")]
pub enum InputError {
    /// The system does not let us have it.
    #[error("{}: cannot be read: {reason}", file.display())]
    Unreadable { file: PathBuf, reason: String },
    /// Nothing tells what it is.
    #[error("{}: is not known as CSV, NDJSON, Parquet or Arrow IPC (set the format with --format)", file.display())]
    UnknownFormat { file: PathBuf },
    /// Known, and not read.
    #[error("{}: {what}", file.display())]
    Unsupported { file: PathBuf, what: &'static str },
    /// Not even a header.
    #[error("{}: is empty", file.display())]
    Empty { file: PathBuf },
    /// Columns cannot be told apart.
    #[error("{}: column '{}' stands twice", file.display(), one_line(column))]
    ColumnTwice { file: PathBuf, column: String },
    /// A name of a column is over its limit.
    #[error("{}: the name of column {position} has {bytes} bytes; it may have {COLUMN_NAME_BYTES_MAX}", file.display())]
    ColumnNameTooLong {
        file: PathBuf,
        position: usize,
        bytes: usize,
    },
    /// More columns than the limit.
    #[error("{}: has {columns} columns; it may have {COLUMNS_MAX}", file.display())]
    TooManyColumns { file: PathBuf, columns: usize },
    /// A column that was asked for is not there.
    #[error("{}: has no column '{}'{}", file.display(), one_line(column), alternatives(closest.as_deref(), present))]
    MissingColumn {
        file: PathBuf,
        column: String,
        closest: Option<String>,
        present: Vec<String>,
    },
    /// The file's own type for a column does not fit.
    #[error("{}: column '{}' holds {found}, which cannot be read as {wanted}", file.display(), one_line(column))]
    WrongType {
        file: PathBuf,
        column: String,
        found: String,
        wanted: &'static str,
    },
    /// The length of its vectors is nowhere to be seen.
    #[error("{}: column '{}' has no vector in its first rows that would tell its dimension", file.display(), one_line(column))]
    NoDimension { file: PathBuf, column: String },
    /// Vectors over their limit.
    #[error("{}: column '{}' has vectors of {dimension} components; they may have {DIMENSION_MAX}", file.display(), one_line(column))]
    DimensionTooLarge {
        file: PathBuf,
        column: String,
        dimension: usize,
    },
    /// A row whose fields are not those of the header.
    #[error("{}: {place} has {found} fields, the header has {expected}", file.display())]
    Ragged {
        file: PathBuf,
        place: Place,
        found: usize,
        expected: usize,
    },
    /// A row over its limit.
    #[error("{}: {place} is longer than {RECORD_BYTES_MAX} bytes{hint}", file.display())]
    RecordTooLong {
        file: PathBuf,
        place: Place,
        hint: &'static str,
    },
    /// A line that is not one JSON object.
    #[error("{}: {place} is not a JSON object: {detail}", file.display())]
    NotAnObject {
        file: PathBuf,
        place: Place,
        detail: String,
    },
    /// A value that its column cannot hold.
    #[error(transparent)]
    Value(Box<ValueError>),
    /// The bytes are not what their format asks for.
    #[error("{}: {} damaged or truncated{}: {detail}", file.display(), if *rows == 0 { "is" } else { "becomes" }, after(*rows))]
    Damaged {
        file: PathBuf,
        rows: u64,
        detail: String,
    },
}

/// A value that its column cannot hold.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueError {
    /// As the caller named it.
    pub file: PathBuf,
    /// Where.
    pub place: Place,
    /// Name of the column.
    pub column: String,
    /// What is wrong.
    pub problem: ValueProblem,
}

/// Where a row stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Data rows from 1: neither the header nor an empty line is one.
    pub row: u64,
    /// Lines from 1, where the file has lines: that on which the row starts.
    pub line: Option<u64>,
}

/// Why a value does not fit its column. Texts are shortened, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are what their names say")]
pub enum ValueProblem {
    /// Text in a numeric column.
    NotANumber(String),
    /// Text in the time column.
    NotATime(String),
    /// Something else in an embedding column.
    NotAVector(String),
    /// Bytes that are no text.
    NotUtf8,
    /// A category over its limit.
    CategoryTooLong(usize),
    /// Vectors of one column have one length.
    Dimension { found: usize, expected: usize },
    /// An array or an object where one value belongs.
    Nested(&'static str),
    /// The same key again in one object.
    KeyTwice,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "row {} (line {line})", self.row),
            None => write!(f, "row {}", self.row),
        }
    }
}

impl ValueProblem {
    /// What is wrong, where no file or option needs to be named.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::NotANumber(text) => format!("'{text}' is not a number"),
            Self::NotATime(text) => format!("'{text}' is not a time"),
            Self::NotAVector(text) => format!("'{text}' is not a list of numbers"),
            Self::NotUtf8 => "the text is not UTF-8".into(),
            Self::CategoryTooLong(bytes) => {
                format!("a category of {bytes} bytes; it may have {CATEGORY_BYTES_MAX}")
            }
            Self::Dimension { found, expected } => {
                format!("a vector of {found} components; the column has {expected}")
            }
            Self::Nested(what) => format!("{what} where one value belongs"),
            Self::KeyTwice => "the key stands twice".into(),
        }
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            place,
            problem,
            ..
        } = self;
        let column = one_line(&self.column);
        write!(f, "{}: {place}, column '{column}': ", file.display())?;
        match problem {
            ValueProblem::NotANumber(text) => {
                let kind = ColumnKind::Categorical;
                let argument = for_a_shell(&format!("{column}={kind}"));
                write!(
                    f,
                    "'{text}' is not a number (set its type with --type {argument})"
                )
            }
            ValueProblem::NotATime(text) => {
                write!(
                    f,
                    "'{text}' is not a time (RFC 3339, an ISO 8601 date, or a number)"
                )
            }
            ValueProblem::NotAVector(text) => write!(f, "'{text}' is not a list of numbers"),
            ValueProblem::NotUtf8 => write!(f, "the text is not UTF-8"),
            ValueProblem::CategoryTooLong(bytes) => {
                write!(
                    f,
                    "a category of {bytes} bytes; it may have {CATEGORY_BYTES_MAX}"
                )
            }
            ValueProblem::Dimension { found, expected } => {
                write!(
                    f,
                    "a vector of {found} components; the column has {expected}"
                )
            }
            ValueProblem::Nested(what) => write!(f, "{what} where one value belongs"),
            ValueProblem::KeyTwice => write!(f, "the key stands twice"),
        }
    }
}

impl std::error::Error for ValueError {}

impl InputError {
    /// An error of the system, or damage that shows as one.
    pub(super) fn from_io(file: &Path, rows: u64, error: &io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match error.kind() {
            InvalidData | InvalidInput | UnexpectedEof => Self::damaged(file, rows, error),
            _ => Self::Unreadable {
                file: file.into(),
                reason: one_line(&error.to_string()),
            },
        }
    }

    pub(super) fn damaged(file: &Path, rows: u64, detail: impl fmt::Display) -> Self {
        Self::Damaged {
            file: file.into(),
            rows,
            detail: one_line(&detail.to_string()),
        }
    }

    pub(super) fn value(file: &Path, place: Place, column: &str, problem: ValueProblem) -> Self {
        let (file, column) = (file.into(), column.into());
        Self::Value(Box::new(ValueError {
            file,
            place,
            column,
            problem,
        }))
    }
}

/// A value as a message quotes it: printable, on one line, not longer than a few words.
pub(super) fn quote(text: &[u8]) -> String {
    // No character has more than four bytes, so this is enough for the quote and its ellipsis.
    let start = &text[..text.len().min(4 * (QUOTE_CHARS_MAX + 1))];
    shorten(&String::from_utf8_lossy(start), QUOTE_CHARS_MAX)
}

/// A name, or another library's words, on one line.
pub(super) fn one_line(text: &str) -> String {
    shorten(text, DETAIL_CHARS_MAX)
}

fn shorten(text: &str, chars_max: usize) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(chars_max).map(printable).collect();
    if text.chars().nth(chars_max).is_some() {
        short.push('…');
    }
    short
}

/// A word as a shell takes it for one.
fn for_a_shell(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-=.:/@%+".contains(c);
    if word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn alternatives(closest: Option<&str>, present: &[String]) -> String {
    let closest = closest
        .map(|name| format!(" (did you mean '{}'?)", one_line(name)))
        .unwrap_or_default();
    if present.is_empty() {
        return format!("{closest}; it has none");
    }
    let listed = &present[..present.len().min(LISTED_COLUMNS_MAX)];
    let more = match present.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{closest}; it has {}{more}", one_line_each(listed))
}

fn one_line_each(names: &[String]) -> String {
    names
        .iter()
        .map(|name| one_line(name))
        .collect::<Vec<_>>()
        .join(", ")
}

fn after(rows: u64) -> String {
    if rows == 0 {
        String::new()
    } else {
        format!(" after row {rows}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_however_odd_the_words() {
        let problem = ValueProblem::NotANumber(quote("a\nb\t\u{1b}[31m\u{ff}".as_bytes()));
        let error = InputError::value(
            Path::new("f"),
            Place { row: 1, line: None },
            "a's b",
            problem,
        );
        let expected = r"f: row 1, column 'a's b': 'a b  [31mÿ' is not a number (set its type with --type 'a'\''s b=categorical')";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_quote_is_cut_between_characters() {
        let long = "é".repeat(QUOTE_CHARS_MAX);
        assert_eq!(quote(long.as_bytes()), long);
        assert_eq!(quote(format!("{long}é").as_bytes()), format!("{long}…"));
        assert_eq!(
            quote(&vec![b'x'; 100_000]),
            format!("{}…", "x".repeat(QUOTE_CHARS_MAX))
        );
    }
}
