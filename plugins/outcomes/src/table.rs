//! A window out of plain columns, for tests of detectors without a host: all rows are kept, and there are no kernels.

use leeway_sdk::{
    AccessError, Categories, Column, ColumnKind, Distribution, MISSING_CODE, Moments, Role, Window,
};

/// Columns of equal length.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<(Column, Values)>,
    times: Vec<f64>,
}

#[derive(Debug, Clone)]
enum Values {
    Numbers(Vec<f64>),
    Names(Vec<u32>, Vec<String>),
}

impl Table {
    /// A column of numbers; NaN is missing.
    #[must_use]
    pub fn numbers(self, name: &str, role: Role, values: &[f64]) -> Self {
        let missing = values.iter().filter(|value| value.is_nan()).count();
        self.with(
            name,
            role,
            ColumnKind::Numeric,
            missing,
            values.len(),
            Values::Numbers(values.to_vec()),
        )
    }

    /// A column of names; an empty one is missing.
    #[must_use]
    pub fn names(self, name: &str, role: Role, values: &[&str]) -> Self {
        let mut dictionary: Vec<String> = values
            .iter()
            .filter(|value| !value.is_empty())
            .map(|&value| value.to_owned())
            .collect();
        dictionary.sort_unstable();
        dictionary.dedup();
        let code = |value: &&str| {
            dictionary
                .iter()
                .position(|name| name == value)
                .map_or(MISSING_CODE, |at| u32::try_from(at).unwrap_or(MISSING_CODE))
        };
        let codes: Vec<u32> = values.iter().map(code).collect();
        let missing = codes.iter().filter(|code| **code == MISSING_CODE).count();
        self.with(
            name,
            role,
            ColumnKind::Categorical,
            missing,
            values.len(),
            Values::Names(codes, dictionary),
        )
    }

    /// Times of the rows.
    #[must_use]
    pub fn at(mut self, times: &[f64]) -> Self {
        times.clone_into(&mut self.times);
        self
    }

    fn with(
        mut self,
        name: &str,
        role: Role,
        kind: ColumnKind,
        missing: usize,
        rows: usize,
        values: Values,
    ) -> Self {
        let column = Column {
            name: name.to_owned(),
            role,
            kind,
            rows: rows as u64,
            missing: missing as u64,
            non_finite: 0,
            exact: true,
            rank_error: 0.0,
            dimension: 0,
        };
        self.columns.push((column, values));
        self
    }

    fn column(&self, at: u32) -> Result<&Values, AccessError> {
        self.columns
            .get(at as usize)
            .map(|(_, values)| values)
            .ok_or(AccessError::NoSuchColumn(at))
    }
}

fn piece<T: Copy>(values: &[T], offset: u32, len: u32) -> Result<Vec<T>, AccessError> {
    let (from, to) = (offset as usize, offset as usize + len as usize);
    values
        .get(from..to)
        .map(<[T]>::to_vec)
        .ok_or(AccessError::OutOfRange(values.len() as u64))
}

fn no_kernels<T>() -> Result<T, AccessError> {
    Err(AccessError::InvalidArgument(
        "a table has no kernels".to_owned(),
    ))
}

impl Window for Table {
    fn rows(&self) -> u64 {
        self.columns.first().map_or(0, |(column, _)| column.rows)
    }
    fn columns(&self) -> Vec<Column> {
        self.columns
            .iter()
            .map(|(column, _)| column.clone())
            .collect()
    }
    fn span(&self) -> Option<(f64, f64)> {
        None
    }
    fn kept_rows(&self) -> u32 {
        u32::try_from(self.rows()).unwrap_or(u32::MAX)
    }
    fn complete(&self) -> bool {
        true
    }
    fn times(&self, offset: u32, len: u32) -> Result<Vec<f64>, AccessError> {
        if self.times.is_empty() {
            Ok(vec![f64::NAN; len as usize])
        } else {
            piece(&self.times, offset, len)
        }
    }
    fn numbers(&self, column: u32, offset: u32, len: u32) -> Result<Vec<f64>, AccessError> {
        match self.column(column)? {
            Values::Numbers(values) => piece(values, offset, len),
            Values::Names(..) => Err(AccessError::WrongKind("names".to_owned())),
        }
    }
    fn codes(&self, column: u32, offset: u32, len: u32) -> Result<Vec<u32>, AccessError> {
        match self.column(column)? {
            Values::Names(codes, _) => piece(codes, offset, len),
            Values::Numbers(_) => Err(AccessError::WrongKind("numbers".to_owned())),
        }
    }
    fn dictionary(&self, column: u32) -> Result<Vec<String>, AccessError> {
        match self.column(column)? {
            Values::Names(_, dictionary) => Ok(dictionary.clone()),
            Values::Numbers(_) => Err(AccessError::WrongKind("numbers".to_owned())),
        }
    }
    fn embeddings(&self, _: u32, _: u32, _: u32) -> Result<Vec<f32>, AccessError> {
        Err(AccessError::WrongKind("no vectors".to_owned()))
    }
    fn sample(&self, count: u32, seed: u64) -> Result<Vec<u32>, AccessError> {
        // Every k-th row from a start that the seed decides: enough for a test.
        let rows = self.kept_rows();
        let step = rows.div_ceil(count.max(1)).max(1);
        Ok((0..rows)
            .skip(usize::try_from(seed % u64::from(step)).unwrap_or(0))
            .step_by(step as usize)
            .collect())
    }
    fn quantiles(&self, _: u32, _: &[f64]) -> Result<Vec<f64>, AccessError> {
        no_kernels()
    }
    fn counts_in_bins(&self, _: u32, _: &[f64]) -> Result<Vec<f64>, AccessError> {
        no_kernels()
    }
    fn cdf(&self, _: u32, _: &[f64]) -> Result<Vec<f64>, AccessError> {
        no_kernels()
    }
    fn distinct(&self, _: u32) -> Result<Distribution, AccessError> {
        no_kernels()
    }
    fn category_counts(&self, _: u32) -> Result<Categories, AccessError> {
        no_kernels()
    }
    fn moments(&self, _: u32) -> Result<Moments, AccessError> {
        no_kernels()
    }
}
