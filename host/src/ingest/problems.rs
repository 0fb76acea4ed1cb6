//! What is wrong with the rows of a body: which rows, and the first problems in words.

use super::error::{PROBLEMS_MAX, RowProblem};

/// Characters of a value or name that a message quotes.
const QUOTE_CHARS_MAX: usize = 80;

/// Problems of a body.
#[derive(Debug, Default)]
pub(super) struct Problems {
    listed: Vec<RowProblem>,
    bad: Vec<usize>,
    /// Something is wrong with a column, so with all rows.
    all: bool,
}

impl Problems {
    /// Takes note of a row that cannot be taken.
    #[cold]
    pub(super) fn add(&mut self, row: usize, field: Option<&str>, reason: impl Into<String>) {
        if self.listed.len() < PROBLEMS_MAX {
            self.listed.push(RowProblem {
                row: row as u64,
                field: field.map(quote),
                reason: reason.into(),
            });
        }
        if self.bad.last() != Some(&row) {
            self.bad.push(row);
        }
    }

    /// Takes note of a column that no row can be taken with.
    #[cold]
    pub(super) fn add_to_all(&mut self, field: &str, reason: impl Into<String>) {
        self.add(0, Some(field), reason);
        self.all = true;
    }

    /// Whether no further one is listed.
    pub(super) fn is_full(&self) -> bool {
        self.listed.len() >= PROBLEMS_MAX
    }

    /// Whether something was found in this row, of those looked at last.
    pub(super) fn has_last(&self, row: usize) -> bool {
        self.all || self.bad.last() == Some(&row)
    }

    /// The bad ones of so many rows in their order, and what is wrong with the first.
    pub(super) fn finish(mut self, rows: usize) -> (Vec<usize>, Vec<RowProblem>) {
        if self.all {
            self.bad = (0..rows).collect();
        }
        self.bad.sort_unstable();
        self.bad.dedup();
        self.listed.sort_by_key(|problem| problem.row);
        (self.bad, self.listed)
    }
}

/// Text of a client as a message repeats it: on one line, and not all of it.
pub(super) fn quote(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(QUOTE_CHARS_MAX).map(printable).collect();
    if text.chars().nth(QUOTE_CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}
