//! The rows of a body, decoded into columns.

use crate::domain::{ColumnValues, MISSING_CODE, ModelType, Role};

use jiff::Timestamp;

use super::error::RowProblem;

/// Texts, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Adds a text.
    pub(super) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    /// Number of texts.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Adds empty texts until there are so many.
    pub(super) fn pad(&mut self, texts: usize) {
        self.ends.resize(texts, self.bytes.len());
    }

    /// The text at a place.
    pub(super) fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }
}

/// A column that has a value somewhere.
#[derive(Debug)]
pub(super) struct RowsColumn {
    /// Its name in the model.
    pub(super) name: String,
    /// What it means.
    pub(super) role: Role,
    /// Numbers, categories or vectors, one a row.
    pub(super) values: ColumnValues,
}

/// What a body says beside its rows.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Said {
    /// `model_id`.
    pub(super) model_id: Option<String>,
    /// `model_type`.
    pub(super) model_type: Option<ModelType>,
    /// `last_training_time`.
    pub(super) last_training_time: Option<Timestamp>,
}

/// The rows of a body.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// How many.
    pub(super) count: usize,
    /// Their records; empty where a row has none.
    pub(super) ids: Texts,
    /// Their times in microseconds since 1970, [`super::time::NO_TIME`] where a row has none.
    pub(super) times: Vec<i64>,
    /// Columns that have a value somewhere.
    pub(super) columns: Vec<RowsColumn>,
    /// What the body says beside its rows.
    pub(super) said: Said,
    /// Rows that cannot be taken, ascending.
    pub(super) bad: Vec<usize>,
    /// What is wrong with the first of them.
    pub(super) problems: Vec<RowProblem>,
}

impl Rows {
    /// The column of a role other than feature.
    pub(super) fn column_of(&self, role: Role) -> Option<&RowsColumn> {
        self.columns.iter().find(|column| column.role == role)
    }

    /// Leaves the bad rows out. Columns and categories that only they had are gone too.
    pub(super) fn drop_bad(&mut self) {
        if self.bad.is_empty() {
            return;
        }
        let mut bad = self.bad.iter().copied().peekable();
        let good: Vec<usize> = (0..self.count)
            .filter(|row| bad.next_if_eq(row).is_none())
            .collect();
        let mut ids = Texts::default();
        for &row in &good {
            ids.push(self.ids.get(row));
        }
        self.ids = ids;
        self.times = good.iter().map(|&row| self.times[row]).collect();
        for column in &mut self.columns {
            match &mut column.values {
                ColumnValues::Numeric(values) => {
                    *values = good.iter().map(|&row| values[row]).collect();
                }
                ColumnValues::Categorical { codes, dictionary } => {
                    *codes = good.iter().map(|&row| codes[row]).collect();
                    keep_used(codes, dictionary);
                }
                ColumnValues::Embedding { dimension, values } => {
                    let of = |&row: &usize| &values[row * *dimension..(row + 1) * *dimension];
                    *values = good.iter().flat_map(of).copied().collect();
                }
            }
        }
        self.columns.retain(|column| has_value(&column.values));
        self.count = good.len();
        self.bad.clear();
    }
}

/// Whether some row has a value.
pub(super) fn has_value(values: &ColumnValues) -> bool {
    match values {
        ColumnValues::Numeric(values) => values.iter().any(|value| !value.is_nan()),
        ColumnValues::Categorical { codes, .. } => codes.iter().any(|&code| code != MISSING_CODE),
        ColumnValues::Embedding { values, .. } => values.iter().any(|value| !value.is_nan()),
    }
}

/// Drops names that no row has.
fn keep_used(codes: &mut [u32], dictionary: &mut Vec<String>) {
    let mut places = vec![MISSING_CODE; dictionary.len()];
    let mut kept = Vec::new();
    for code in codes.iter_mut().filter(|code| **code != MISSING_CODE) {
        let place = &mut places[*code as usize];
        if *place == MISSING_CODE {
            *place = u32::try_from(kept.len()).unwrap_or(MISSING_CODE);
            kept.push(std::mem::take(&mut dictionary[*code as usize]));
        }
        *code = *place;
    }
    *dictionary = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_rows_take_what_only_they_had_with_them() {
        let mut ids = Texts::default();
        for id in ["a", "", "c"] {
            ids.push(id);
        }
        let column = |name: &str, values| RowsColumn {
            name: name.into(),
            role: Role::Feature,
            values,
        };
        let vectors = |values: &[f32]| ColumnValues::Embedding {
            dimension: 2,
            values: values.to_vec(),
        };
        let mut rows = Rows {
            count: 3,
            ids,
            times: vec![1, 2, 3],
            columns: vec![
                column("x", ColumnValues::Numeric(vec![f64::NAN, 5.0, f64::NAN])),
                column("v", vectors(&[1.0, 2.0, 3.0, 4.0, f32::INFINITY, 6.0])),
                column(
                    "w",
                    vectors(&[f32::NAN, f32::NAN, 3.0, 4.0, f32::NAN, f32::NAN]),
                ),
                column(
                    "y",
                    ColumnValues::Categorical {
                        codes: vec![2, 0, MISSING_CODE],
                        dictionary: ["p", "q", "r"].map(String::from).to_vec(),
                    },
                ),
            ],
            bad: vec![1],
            ..Rows::default()
        };

        rows.drop_bad();

        assert_eq!((rows.count, rows.times.as_slice()), (2, &[1, 3][..]));
        assert_eq!([rows.ids.get(0), rows.ids.get(1)], ["a", "c"]);
        assert_eq!(rows.columns.len(), 2);
        let expected = vectors(&[1.0, 2.0, f32::INFINITY, 6.0]);
        assert_eq!(rows.columns[0].values, expected);
        let expected = ColumnValues::Categorical {
            codes: vec![0, MISSING_CODE],
            dictionary: vec!["r".into()],
        };
        assert_eq!(rows.columns[1].values, expected);
    }
}
