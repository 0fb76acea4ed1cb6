//! Rows on their way into a profile, held as columns.

use std::ops::Range;

/// The code of a missing category.
pub const MISSING_CODE: u32 = u32::MAX;

/// The values of one column of a batch, one entry a row.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnValues {
    /// Numbers; NaN is missing, infinities are allowed.
    Numeric(Vec<f64>),
    /// Codes into `dictionary`; [`MISSING_CODE`] is missing. Names in the dictionary are distinct;
    /// not each needs a row.
    Categorical {
        codes: Vec<u32>,
        dictionary: Vec<String>,
    },
    /// `dimension` components a row, row after row; a missing vector is all NaN.
    Embedding { dimension: usize, values: Vec<f32> },
}

impl ColumnValues {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Numeric(values) => values.len(),
            Self::Categorical { codes, .. } => codes.len(),
            Self::Embedding { dimension, values } => {
                values.len().checked_div(*dimension).unwrap_or(0)
            }
        }
    }
}

/// Some rows of a model: one entry of `columns` for each column of the schema, in its order.
///
/// Invariant: every column has `rows` rows, and so have the times where there are any.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Number of rows.
    pub rows: usize,
    /// Seconds since 1970-01-01T00:00:00Z, NaN where a row has none; absent where no row has one.
    pub times: Option<Vec<f64>>,
    /// The values, column by column.
    pub columns: Vec<ColumnValues>,
}

impl Batch {
    /// Puts columns of equal length together.
    ///
    /// # Panics
    /// If the lengths differ: whoever builds a batch checks its rows first.
    pub fn new(times: Option<Vec<f64>>, columns: Vec<ColumnValues>) -> Self {
        let rows = columns
            .first()
            .map_or_else(|| times.as_ref().map_or(0, Vec::len), ColumnValues::rows);
        assert!(
            columns.iter().all(|column| column.rows() == rows),
            "columns of one batch have equal lengths"
        );
        assert!(
            times.as_ref().is_none_or(|times| times.len() == rows),
            "one time a row"
        );
        Self {
            rows,
            times,
            columns,
        }
    }

    /// The rows of a range.
    ///
    /// # Panics
    /// If the range reaches past the end.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let columns = self.columns.iter().map(|column| match column {
            ColumnValues::Numeric(values) => ColumnValues::Numeric(values[range.clone()].to_vec()),
            ColumnValues::Categorical { codes, dictionary } => ColumnValues::Categorical {
                codes: codes[range.clone()].to_vec(),
                dictionary: dictionary.clone(),
            },
            ColumnValues::Embedding { dimension, values } => {
                let values = values[range.start * dimension..range.end * dimension].to_vec();
                ColumnValues::Embedding {
                    dimension: *dimension,
                    values,
                }
            }
        });
        let columns = columns.collect();
        Self {
            rows: range.len(),
            times: self
                .times
                .as_ref()
                .map(|times| times[range.clone()].to_vec()),
            columns,
        }
    }

    /// Some rows, in the order given.
    ///
    /// # Panics
    /// If a row is past the end.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        let columns = self.columns.iter().map(|column| match column {
            ColumnValues::Numeric(values) => {
                ColumnValues::Numeric(rows.iter().map(|&row| values[row]).collect())
            }
            ColumnValues::Categorical { codes, dictionary } => {
                let codes = rows.iter().map(|&row| codes[row]).collect();
                ColumnValues::Categorical {
                    codes,
                    dictionary: dictionary.clone(),
                }
            }
            ColumnValues::Embedding { dimension, values } => {
                let vector = |&row: &usize| &values[row * dimension..(row + 1) * dimension];
                ColumnValues::Embedding {
                    dimension: *dimension,
                    values: rows.iter().flat_map(vector).copied().collect(),
                }
            }
        });
        let columns = columns.collect();
        let times = self
            .times
            .as_ref()
            .map(|times| rows.iter().map(|&row| times[row]).collect());
        Self {
            rows: rows.len(),
            times,
            columns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_and_a_choice_of_rows_take_every_column_along() {
        let batch = Batch::new(
            Some(vec![10.0, 20.0, 30.0]),
            vec![
                ColumnValues::Numeric(vec![1.0, 2.0, 3.0]),
                ColumnValues::Categorical {
                    codes: vec![0, MISSING_CODE, 1],
                    dictionary: vec!["a".into(), "b".into()],
                },
                ColumnValues::Embedding {
                    dimension: 2,
                    values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
                },
            ],
        );

        let (sliced, taken) = (batch.slice(1..3), batch.take(&[1, 2]));

        assert_eq!(sliced, taken);
        assert_eq!(taken.times, Some(vec![20.0, 30.0]));
        assert_eq!(
            taken.columns[2],
            ColumnValues::Embedding {
                dimension: 2,
                values: vec![3.0, 4.0, 5.0, 6.0]
            }
        );
        assert_eq!(batch.take(&[]).rows, 0);
    }
}
