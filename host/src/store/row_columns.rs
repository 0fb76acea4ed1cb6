//! Stored rows as columns, in the order in which they were read.

use std::ops::Range;

use super::StoreResult;
use super::copy::TupleReader;

/// The code of a missing category.
const MISSING_CODE: u32 = crate::domain::MISSING_CODE;

/// How many values of each kind stored rows have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Widths {
    /// Numeric columns.
    pub numbers: usize,
    /// Categorical columns.
    pub codes: usize,
    /// Numbers of all vectors of a row together.
    pub embedding: usize,
}

/// Rows of a model as they are stored: numbers and codes by position, vectors one behind the other.
///
/// Invariant: all lists have an entry for each row; `embedding` has `embedding_width` of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowColumns {
    seqs: Vec<i64>,
    times: Vec<i64>,
    names: String,
    /// Where the name of each row ends in `names`.
    ends: Vec<usize>,
    numbers: Vec<Vec<f64>>,
    codes: Vec<Vec<u32>>,
    embedding_width: usize,
    embedding: Vec<f32>,
}

impl RowColumns {
    /// No rows, of so many values each.
    pub fn new(widths: Widths) -> Self {
        Self {
            numbers: vec![Vec::new(); widths.numbers],
            codes: vec![Vec::new(); widths.codes],
            embedding_width: widths.embedding,
            ..Self::default()
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.seqs.len()
    }

    /// Their numbers in the order of arrival.
    pub fn seqs(&self) -> &[i64] {
        &self.seqs
    }

    /// Their prediction times, in microseconds since 1970-01-01T00:00:00Z.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// The record of a row.
    pub fn record_id(&self, row: usize) -> &str {
        let from = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.names[from..self.ends[row]]
    }

    /// Values of the numeric column at a position; NaN is missing.
    pub fn numbers(&self, position: usize) -> &[f64] {
        &self.numbers[position]
    }

    /// Codes of the categorical column at a position.
    pub fn codes(&self, position: usize) -> &[u32] {
        &self.codes[position]
    }

    /// The vector of a row in the embedding column at a position. NaN is missing.
    ///
    /// # Panics
    /// If the columns do not reach so far.
    pub fn vector(&self, row: usize, position: usize, dimension: usize) -> &[f32] {
        let start = row * self.embedding_width;
        &self.embedding[start..start + self.embedding_width][position..position + dimension]
    }

    /// Adds a row without vectors. Values beyond the columns are left out; columns beyond the values are missing.
    pub fn push(
        &mut self,
        seq: i64,
        time: i64,
        record_id: &str,
        numbers: impl Iterator<Item = f64>,
        codes: impl Iterator<Item = i32>,
    ) {
        let row = self.seqs.len();
        self.seqs.push(seq);
        self.times.push(time);
        self.names.push_str(record_id);
        self.ends.push(self.names.len());
        let numbers_of_vectors = self.embedding.len() + self.embedding_width;
        self.embedding.resize(numbers_of_vectors, f32::NAN);
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
        for (column, code) in self.codes.iter_mut().zip(codes) {
            // Null arrives as a negative code.
            column.push(u32::try_from(code).unwrap_or(MISSING_CODE));
        }
        for column in self
            .numbers
            .iter_mut()
            .rev()
            .take_while(|column| column.len() == row)
        {
            column.push(f64::NAN);
        }
        for column in self
            .codes
            .iter_mut()
            .rev()
            .take_while(|column| column.len() == row)
        {
            column.push(MISSING_CODE);
        }
    }

    /// Gives the row that was added last its vectors, as far as there are columns for them.
    pub fn embed(&mut self, embedding: impl Iterator<Item = f32>) {
        let start = self.embedding.len().saturating_sub(self.embedding_width);
        for (place, number) in self.embedding[start..].iter_mut().zip(embedding) {
            *place = number;
        }
    }

    /// Splits the rows by a rule on their time: those for which it holds, and the others.
    pub fn positions_by_time(&self, holds: impl Fn(i64) -> bool) -> (Vec<usize>, Vec<usize>) {
        (0..self.rows()).partition(|&row| holds(self.times[row]))
    }
}

/// Rows as the server sent them: `seq, prediction_time, record_id, numbers, codes` and, of whole rows, `embedding`.
#[derive(Debug, Default)]
pub struct RawRows(pub(super) TupleReader);

impl RawRows {
    /// The rows as columns. Blocks for some milliseconds per ten thousand rows.
    ///
    /// # Errors
    /// If what the server sent is no such row.
    pub fn columns(mut self, widths: Widths) -> StoreResult<RowColumns> {
        let mut rows = RowColumns::new(widths);
        while let Some(mut fields) = self.0.next_tuple()? {
            let (seq, time, record_id) = (fields.int8()?, fields.timestamp()?, fields.text()?);
            let (numbers, codes) = (fields.float8s()?, fields.int4s()?);
            rows.push(seq, time, record_id, numbers, codes);
            if widths.embedding > 0 {
                rows.embed(fields.float4s()?);
            }
        }
        Ok(rows)
    }
}

/// Which part of a row is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All columns, at their positions.
    Whole,
    /// Numeric columns and categorical ones at these positions, numbered anew. No vectors.
    Some {
        /// Positions in `numbers`.
        numbers: Vec<usize>,
        /// Positions in `codes`.
        codes: Vec<usize>,
    },
}

impl Part {
    /// The arrays as SQL.
    pub(super) fn select(&self) -> String {
        match self {
            Self::Whole => "p.numbers, p.codes, p.embedding".into(),
            Self::Some { numbers, codes } => {
                let list = |array: &str, positions: &[usize]| {
                    let items: Vec<String> = positions
                        .iter()
                        .map(|position| format!("p.{array}[{}]", position + 1))
                        .collect();
                    items.join(", ")
                };
                format!(
                    "ARRAY[{}]::float8[] AS numbers, ARRAY[{}]::int4[] AS codes",
                    list("numbers", numbers),
                    list("codes", codes)
                )
            }
        }
    }
}

/// A half-open range of prediction times, in microseconds since 1970-01-01T00:00:00Z.
pub type MicrosRange = Range<i64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_rows_are_missing_at_the_end_and_long_ones_are_cut() {
        let mut rows = RowColumns::new(Widths {
            numbers: 2,
            codes: 1,
            embedding: 3,
        });
        rows.push(7, 70, "a", [1.0].into_iter(), [].into_iter());
        rows.push(8, 80, "bc", [2.0, 3.0, 4.0].into_iter(), [5, 6].into_iter());
        rows.embed([1.0, 2.0, 3.0, 4.0].into_iter());
        rows.push(9, 90, "", [].into_iter(), [-1].into_iter());
        rows.embed([5.0].into_iter());
        assert_eq!(
            (rows.rows(), rows.seqs(), rows.times()),
            (3, &[7, 8, 9][..], &[70, 80, 90][..])
        );
        assert_eq!([0, 1, 2].map(|row| rows.record_id(row)), ["a", "bc", ""]);
        assert_eq!(format!("{:?}", rows.numbers(0)), "[1.0, 2.0, NaN]");
        assert_eq!(format!("{:?}", rows.numbers(1)), "[NaN, 3.0, NaN]");
        assert_eq!(rows.codes(0), [MISSING_CODE, 5, MISSING_CODE]);
        let vectors = [0, 1, 2].map(|row| format!("{:?}", rows.vector(row, 0, 2)));
        assert_eq!(vectors, ["[NaN, NaN]", "[1.0, 2.0]", "[5.0, NaN]"]);
        assert_eq!(rows.vector(1, 2, 1), [3.0]);
    }

    #[test]
    fn a_part_is_selected_by_position() {
        let part = Part::Some {
            numbers: vec![20, 3],
            codes: vec![],
        };
        assert_eq!(
            part.select(),
            "ARRAY[p.numbers[21], p.numbers[4]]::float8[] AS numbers, ARRAY[]::int4[] AS codes"
        );
    }
}
