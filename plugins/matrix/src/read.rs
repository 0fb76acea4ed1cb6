//! Kept rows of some columns, read in pieces; a uniform sample where there are more than a bound.

use leeway_sdk::{Column, ColumnKind, Failure, MISSING_CODE, Window};
use serde::{Deserialize, Serialize};

/// Rows of a column that are read at once.
pub const COLUMN_ROWS_CHUNK: u32 = 65_536;

/// Rows of some columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Rows that were read.
    pub rows: usize,
    /// Their values.
    pub columns: Vec<TableColumn>,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Values,
}

/// Values of a column, row by row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Values {
    /// Numbers; NaN is missing, and so is what was infinite.
    Numbers(Vec<f64>),
    /// Codes into names; [`MISSING_CODE`] is missing.
    Names {
        /// Row by row.
        codes: Vec<u32>,
        /// What they stand for.
        names: Vec<String>,
    },
    /// Vectors, one after another; a row with a NaN is missing.
    Vectors {
        /// Length of a vector.
        dimension: usize,
        /// Row after row.
        values: Vec<f32>,
    },
}

impl Values {
    /// Which kind of column it is of.
    pub fn kind(&self) -> ColumnKind {
        match self {
            Self::Numbers(_) => ColumnKind::Numeric,
            Self::Names { .. } => ColumnKind::Categorical,
            Self::Vectors { .. } => ColumnKind::Embedding,
        }
    }

    /// The same in a word.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "numeric",
            Self::Names { .. } => "categorical",
            Self::Vectors { .. } => "embedding",
        }
    }

    /// Whether the row has no value.
    pub fn missing(&self, row: usize) -> bool {
        match self {
            Self::Numbers(numbers) => numbers[row].is_nan(),
            Self::Names { codes, .. } => codes[row] == MISSING_CODE,
            Self::Vectors { dimension, values } => values[row * dimension..(row + 1) * dimension]
                .iter()
                .any(|x| x.is_nan()),
        }
    }
}

impl Table {
    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Rows that fit into `values_max` numbers once they are encoded, at most `rows_max` and at least one: fewer the wider they are.
///
/// A number is one wide, and one more where some are missing; names are as wide as there are frequent ones, a vector as its components.
///
/// # Errors
/// [`Failure::UnusableData`] where the host cannot answer.
pub fn rows_within(
    window: &dyn Window,
    wanted: impl Fn(&Column) -> bool,
    rows_max: u32,
    values_max: usize,
) -> Result<u32, Failure> {
    let mut width = 0;
    for (index, column) in (0..).zip(window.columns()) {
        if !wanted(&column) {
            continue;
        }
        let gaps = usize::from(column.missing + column.non_finite > 0);
        width += gaps
            + match column.kind {
                ColumnKind::Numeric => 1,
                // The rare ones are one more.
                ColumnKind::Categorical if window.kept_rows() == 0 => 1,
                ColumnKind::Categorical => {
                    window.dictionary(index)?.len().min(crate::CATEGORIES_MAX) + 1
                }
                ColumnKind::Embedding => column.dimension as usize,
            };
    }
    Ok(u32::try_from(values_max / width.max(1)).map_or(rows_max, |rows| rows.clamp(1, rows_max)))
}

/// A seed for one of several uses of the call's seed.
pub fn seeded(seed: u64, salt: u64) -> u64 {
    (seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(17)
}

/// Reads the columns that `wanted` names: all kept rows, or `rows_max` of them drawn with the seed.
///
/// # Errors
/// [`Failure::UnusableData`] where the host cannot answer.
pub fn read(
    window: &dyn Window,
    wanted: impl Fn(&Column) -> bool,
    rows_max: u32,
    seed: u64,
) -> Result<Table, Failure> {
    let kept = window.kept_rows();
    let sample = if kept > rows_max {
        Some(window.sample(rows_max, seed)?)
    } else {
        None
    };
    let rows = sample.as_ref().map_or(kept as usize, Vec::len);
    let mut columns = Vec::new();
    for (index, column) in (0..).zip(window.columns()) {
        if !wanted(&column) {
            continue;
        }
        let sample = sample.as_deref();
        let values = match column.kind {
            ColumnKind::Numeric => {
                let mut numbers = pieces(kept, sample, 1, |offset, len| {
                    window.numbers(index, offset, len)
                })?;
                for number in &mut numbers {
                    if number.is_infinite() {
                        *number = f64::NAN;
                    }
                }
                Values::Numbers(numbers)
            }
            ColumnKind::Categorical => {
                let codes = pieces(kept, sample, 1, |offset, len| {
                    window.codes(index, offset, len)
                })?;
                used(codes, &window.dictionary(index)?)
            }
            ColumnKind::Embedding => {
                let dimension = column.dimension as usize;
                let mut values = pieces(kept, sample, dimension, |offset, len| {
                    window.embeddings(index, offset, len)
                })?;
                for value in &mut values {
                    if value.is_infinite() {
                        *value = f32::NAN;
                    }
                }
                Values::Vectors { dimension, values }
            }
        };
        columns.push(TableColumn {
            name: column.name,
            values,
        });
    }
    Ok(Table { rows, columns })
}

/// Values of all kept rows, or of those in `sample`, which ascend.
fn pieces<T: Copy>(
    kept: u32,
    sample: Option<&[u32]>,
    width: usize,
    get: impl Fn(u32, u32) -> Result<Vec<T>, leeway_sdk::AccessError>,
) -> Result<Vec<T>, Failure> {
    let mut all = Vec::with_capacity(sample.map_or(kept as usize, <[u32]>::len) * width);
    // A wide column is read in shorter pieces: as many values at once as of any other.
    let rows = (COLUMN_ROWS_CHUNK / u32::try_from(width.max(1)).unwrap_or(u32::MAX)).max(1);
    let (mut offset, mut next) = (0, 0);
    while offset < kept {
        let len = rows.min(kept - offset);
        match sample {
            None => all.extend(get(offset, len)?),
            Some(sample) => {
                let end = next + sample[next..].partition_point(|&row| row < offset + len);
                if end > next {
                    let piece = get(offset, len)?;
                    for &row in &sample[next..end] {
                        let start = (row - offset) as usize * width;
                        all.extend_from_slice(&piece[start..start + width]);
                    }
                }
                next = end;
            }
        }
        offset += len;
    }
    Ok(all)
}

/// Codes into the names that occur alone, in the order of their first row.
fn used(mut codes: Vec<u32>, dictionary: &[String]) -> Values {
    let mut numbers: Vec<Option<u32>> = vec![None; dictionary.len()];
    let mut names: Vec<String> = Vec::new();
    for code in &mut codes {
        let Some(number) = numbers.get_mut(*code as usize) else {
            *code = MISSING_CODE;
            continue;
        };
        *code = *number.get_or_insert_with(|| {
            names.push(dictionary[*code as usize].clone());
            u32::try_from(names.len() - 1).unwrap_or(MISSING_CODE)
        });
    }
    Values::Names { codes, names }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Rows;

    fn rows(count: u32) -> Rows {
        let numbers = (0..count).map(f64::from).collect();
        let names = (0..count).map(|row| (row % 3 != 0).then(|| format!("n{}", row % 5)));
        let vectors =
            (0..count).flat_map(|row| [row as f32, if row == 5 { f32::INFINITY } else { 1.0 }]);
        Rows::default()
            .numbers("x", numbers)
            .names("k", names.collect())
            .vectors("v", 2, vectors.collect())
    }

    #[test]
    fn all_rows_are_read_across_pieces() {
        let table = read(&rows(70_000), |_| true, 100_000, 1).unwrap();
        assert_eq!(table.rows, 70_000);
        let Values::Numbers(numbers) = &table.columns[0].values else {
            panic!("numbers")
        };
        assert!(numbers.iter().enumerate().all(|(row, &x)| x == row as f64));
        let Values::Names { codes, names } = &table.columns[1].values else {
            panic!("names")
        };
        assert_eq!(
            (codes[0], names[codes[4] as usize].as_str()),
            (MISSING_CODE, "n4")
        );
        let vectors = &table.columns[2].values;
        assert!(vectors.missing(5) && vectors.kind() == ColumnKind::Embedding);
    }

    #[test]
    fn a_sample_has_the_same_rows_in_every_column() {
        let table = read(&rows(70_000), |_| true, 100, 9).unwrap();
        let (Values::Numbers(numbers), Values::Vectors { values, .. }) =
            (&table.columns[0].values, &table.columns[2].values)
        else {
            panic!("kinds")
        };
        assert_eq!((table.rows, numbers.len()), (100, 100));
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            numbers
                .iter()
                .zip(values.chunks(2))
                .all(|(x, v)| *x == f64::from(v[0]))
        );
        assert_eq!(read(&rows(70_000), |_| true, 100, 9).unwrap(), table);
        assert_ne!(read(&rows(70_000), |_| true, 100, 8).unwrap(), table);
    }

    #[test]
    fn wide_windows_take_part_with_fewer_rows() {
        let within = |rows: &Rows| rows_within(rows, |_| true, 1000, 8000).unwrap();
        let vectors = |width: usize| Rows::default().vectors("v", width, vec![0.0; width]);
        assert_eq!((within(&vectors(8)), within(&vectors(9))), (1000, 888));
        assert_eq!(within(&vectors(8001)), 1);
        let names = |count: usize| (0..count).map(|at| Some(at.to_string())).collect();
        assert_eq!(within(&Rows::default().names("k", names(15))), 500);
        assert_eq!(within(&Rows::default().names("k", names(100))), 242);
        assert_eq!(within(&Rows::default().numbers("x", vec![f64::NAN])), 1000);
        assert_eq!(within(&Rows::default()), 1000);
    }

    #[test]
    fn the_bound_itself_is_no_sample_and_no_rows_are_an_empty_table() {
        assert_eq!(read(&rows(100), |_| true, 100, 9).unwrap().rows, 100);
        assert_eq!(read(&rows(101), |_| true, 100, 9).unwrap().rows, 100);
        assert_eq!(read(&rows(0), |_| true, 100, 9).unwrap().rows, 0);
    }
}
