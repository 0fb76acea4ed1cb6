//! Segments: rows of a model grouped by a column or an expression.
//!
//! ```text
//! split      := column | bucket | condition
//! bucket     := 'bucket' '(' column (',' number)+ ')'            numbers ascend
//! condition  := condition ('and' | 'or') condition | 'not' condition | '(' condition ')'
//!             | column ('=' | '!=' | '<' | '<=' | '>' | '>=') (number | text)
//!             | column ['not'] 'in' '(' (number | text) (',' (number | text))* ')'
//!             | column 'is' ['not'] 'missing'
//! column     := letters, digits, '_', '.', no digit first | '`' any name '`'
//! text       := '"' anything '"' | "'" anything "'"
//! ```
//!
//! `not` binds closest, then `and`, then `or`. A comparison with a missing value is neither true nor false, and what
//! depends on it stands in the segment [`MISSING`].

mod assign;
mod parse;

use super::column::ColumnKind;

/// Longest text of a split, in bytes.
pub const SPLIT_BYTES_MAX: usize = 1_000;
/// Deepest nesting of a condition.
pub const DEPTH_MAX: usize = 32;
/// Most numbers at which a column is cut.
pub const CUTS_MAX: usize = 32;
/// Most segments of a monitor: those with the most rows in the reference window.
pub const SEGMENTS_MAX: usize = 50;
/// The segment of rows without a value.
pub const MISSING: &str = "(missing)";

/// How rows are grouped.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    text: String,
    by: By,
}

#[derive(Debug, Clone, PartialEq)]
enum By {
    /// One segment a category.
    Column(String),
    /// One segment between two neighbouring cuts.
    Bucket { column: String, cuts: Vec<f64> },
    /// Rows for which it is true, and rows for which it is false.
    Condition(Condition),
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        column: String,
        operator: Operator,
        with: Literal,
    },
    In {
        column: String,
        list: Vec<Literal>,
    },
    IsMissing(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Number(f64),
    Text(String),
}

/// Why a text is no split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// It is empty or too long.
    #[error("it has {0} bytes; it must have 1 to {SPLIT_BYTES_MAX}")]
    Length(usize),
    /// Something else was expected.
    #[error("at byte {at}: expected {expected}, found {found}")]
    Unexpected {
        /// Where, from 0.
        at: usize,
        /// What could stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A text that does not end.
    #[error("at byte {0}: a quotation mark without its end")]
    Unended(usize),
    /// Too deep.
    #[error("it is nested deeper than {DEPTH_MAX}")]
    Depth,
    /// Cuts that do not cut.
    #[error("the numbers of bucket must ascend, and there may be {CUTS_MAX}")]
    Cuts,
}

/// Why rows cannot be grouped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssignError {
    /// There is no such column.
    #[error(
        "segment_by: there is no column '{0}'; features, prediction and probability can be named"
    )]
    NoColumn(String),
    /// A column is not what it is used as.
    #[error("segment_by: column '{column}' is {kind}, and is used as {used}")]
    Kind {
        /// Its name.
        column: String,
        /// What it is.
        kind: ColumnKind,
        /// What it should be.
        used: &'static str,
    },
}

/// Rows with their segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// Names of segments; not each needs a row.
    pub names: Vec<String>,
    /// Of each row, the position of its segment's name.
    pub of_rows: Vec<usize>,
}

impl Assigned {
    /// Positions of the rows of a segment, ascending.
    pub fn rows_of(&self, segment: &str) -> Vec<usize> {
        let Some(at) = self.names.iter().position(|name| name == segment) else {
            return Vec::new();
        };
        (0..self.of_rows.len())
            .filter(|&row| self.of_rows[row] == at)
            .collect()
    }
}

/// Which segments there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names<'a> {
    /// These.
    Fixed(Vec<String>),
    /// The categories of a column, and [`MISSING`].
    Categories(&'a str),
}

impl Split {
    /// Reads a split.
    ///
    /// # Errors
    /// [`SplitError`], with the place.
    pub fn parse(text: &str) -> Result<Self, SplitError> {
        if text.is_empty() || text.len() > SPLIT_BYTES_MAX {
            return Err(SplitError::Length(text.len()));
        }
        Ok(Self {
            text: text.to_owned(),
            by: parse::split(text)?,
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Which segments there may be.
    pub fn names(&self) -> Names<'_> {
        match &self.by {
            By::Column(column) => Names::Categories(column),
            By::Bucket { cuts, .. } => Names::Fixed(buckets(cuts)),
            By::Condition(_) => Names::Fixed(["true", "false", MISSING].map(str::to_owned).into()),
        }
    }
}

/// Names of the segments between cuts, from the lowest, and [`MISSING`].
fn buckets(cuts: &[f64]) -> Vec<String> {
    let mut names: Vec<String> = cuts.iter().take(1).map(|cut| format!("< {cut}")).collect();
    names.extend(
        cuts.windows(2)
            .map(|pair| format!("{} to < {}", pair[0], pair[1])),
    );
    names.extend(cuts.last().map(|cut| format!(">= {cut}")));
    names.push(MISSING.to_owned());
    names
}

/// A group of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// How rows are grouped.
    pub split: Split,
    /// Which group.
    pub name: String,
}
