//! Rows in memory as a window, and seeded samples of several laws: for tests and simulations of the detectors.

use leeway_sdk::{
    AccessError, Categories, Column, Distribution, MISSING_CODE, Measurement, Moments, Role,
    Verdict, Window,
};
use leeway_statistics::rng::Rng;

use crate::{TableColumn, Values};

/// A window whose rows are all kept. It answers no kernels.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    rows: usize,
    columns: Vec<TableColumn>,
}

impl Rows {
    fn with(mut self, name: &str, rows: usize, values: Values) -> Self {
        assert!(
            self.columns.is_empty() || self.rows == rows,
            "columns of one length"
        );
        self.rows = rows;
        self.columns.push(TableColumn {
            name: name.to_owned(),
            values,
        });
        self
    }

    /// A column of numbers; NaN is missing.
    #[must_use]
    pub fn numbers(self, name: &str, numbers: Vec<f64>) -> Self {
        self.with(name, numbers.len(), Values::Numbers(numbers))
    }

    /// A column of names.
    #[must_use]
    pub fn names(self, name: &str, values: Vec<Option<String>>) -> Self {
        let rows = values.len();
        let mut names: Vec<String> = Vec::new();
        let mut code = |value: Option<String>| match value {
            None => MISSING_CODE,
            Some(value) => {
                let known = names.iter().position(|name| *name == value);
                let at = known.unwrap_or_else(|| {
                    names.push(value);
                    names.len() - 1
                });
                u32::try_from(at).unwrap_or(MISSING_CODE)
            }
        };
        let codes = values.into_iter().map(&mut code).collect();
        self.with(name, rows, Values::Names { codes, names })
    }

    /// A column of vectors.
    #[must_use]
    pub fn vectors(self, name: &str, dimension: usize, values: Vec<f32>) -> Self {
        let rows = values.len() / dimension.max(1);
        self.with(name, rows, Values::Vectors { dimension, values })
    }

    /// Its columns.
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    fn slice<T: Clone>(
        &self,
        values: &[T],
        offset: u32,
        len: u32,
        width: usize,
    ) -> Result<Vec<T>, AccessError> {
        let (start, end) = (offset as usize * width, (offset + len) as usize * width);
        values
            .get(start..end)
            .map(<[T]>::to_vec)
            .ok_or(AccessError::OutOfRange(self.rows as u64))
    }

    fn values(&self, column: u32) -> Result<&Values, AccessError> {
        self.columns
            .get(column as usize)
            .map(|column| &column.values)
            .ok_or(AccessError::NoSuchColumn(column))
    }
}

fn wrong<T>() -> Result<T, AccessError> {
    Err(AccessError::WrongKind("rows in memory".to_owned()))
}

impl Window for Rows {
    fn rows(&self) -> u64 {
        self.rows as u64
    }
    fn columns(&self) -> Vec<Column> {
        let describe = |column: &TableColumn| Column {
            name: column.name.clone(),
            role: Role::Feature,
            kind: column.values.kind(),
            rows: self.rows as u64,
            missing: (0..self.rows)
                .filter(|&row| column.values.missing(row))
                .count() as u64,
            non_finite: 0,
            exact: true,
            rank_error: 0.0,
            dimension: match &column.values {
                Values::Vectors { dimension, .. } => u32::try_from(*dimension).unwrap_or(u32::MAX),
                _ => 0,
            },
        };
        self.columns.iter().map(describe).collect()
    }
    fn span(&self) -> Option<(f64, f64)> {
        None
    }
    fn kept_rows(&self) -> u32 {
        u32::try_from(self.rows).unwrap_or(u32::MAX)
    }
    fn complete(&self) -> bool {
        true
    }
    fn times(&self, _: u32, len: u32) -> Result<Vec<f64>, AccessError> {
        Ok(vec![f64::NAN; len as usize])
    }
    fn numbers(&self, column: u32, offset: u32, len: u32) -> Result<Vec<f64>, AccessError> {
        match self.values(column)? {
            Values::Numbers(numbers) => self.slice(numbers, offset, len, 1),
            _ => wrong(),
        }
    }
    fn codes(&self, column: u32, offset: u32, len: u32) -> Result<Vec<u32>, AccessError> {
        match self.values(column)? {
            Values::Names { codes, .. } => self.slice(codes, offset, len, 1),
            _ => wrong(),
        }
    }
    fn dictionary(&self, column: u32) -> Result<Vec<String>, AccessError> {
        match self.values(column)? {
            Values::Names { names, .. } => Ok(names.clone()),
            _ => wrong(),
        }
    }
    fn embeddings(&self, column: u32, offset: u32, len: u32) -> Result<Vec<f32>, AccessError> {
        match self.values(column)? {
            Values::Vectors { dimension, values } => self.slice(values, offset, len, *dimension),
            _ => wrong(),
        }
    }
    fn sample(&self, count: u32, seed: u64) -> Result<Vec<u32>, AccessError> {
        let mut numbers: Vec<u32> = (0..self.kept_rows()).collect();
        let mut rng = Rng::new(seed);
        let count = (count as usize).min(numbers.len());
        for at in 0..count {
            let left = (numbers.len() - at) as u64;
            let from = at + usize::try_from(rng.below(left)).unwrap_or(0);
            numbers.swap(at, from);
        }
        numbers.truncate(count);
        numbers.sort_unstable();
        Ok(numbers)
    }
    fn quantiles(&self, _: u32, _: &[f64]) -> Result<Vec<f64>, AccessError> {
        wrong()
    }
    fn counts_in_bins(&self, _: u32, _: &[f64]) -> Result<Vec<f64>, AccessError> {
        wrong()
    }
    fn cdf(&self, _: u32, _: &[f64]) -> Result<Vec<f64>, AccessError> {
        wrong()
    }
    fn distinct(&self, _: u32) -> Result<Distribution, AccessError> {
        wrong()
    }
    fn category_counts(&self, _: u32) -> Result<Categories, AccessError> {
        wrong()
    }
    fn moments(&self, _: u32) -> Result<Moments, AccessError> {
        wrong()
    }
}

/// Laws of a column, the ones whose false alarms are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// Standard normal.
    Normal,
    /// `exp` of a standard normal: a long tail.
    Lognormal,
    /// Student's t with 3 degrees of freedom: heavy tails.
    Student3,
    /// A normal rounded to whole numbers: ties.
    Rounded,
    /// Names out of a few, of unequal frequency.
    Names(u64),
}

impl Law {
    /// Every law, names with a handful and with a thousand categories.
    pub const ALL: [Self; 6] = [
        Self::Normal,
        Self::Lognormal,
        Self::Student3,
        Self::Rounded,
        Self::Names(5),
        Self::Names(1000),
    ];

    /// A number of this law out of a standard normal one; a fresh one for the tails.
    fn number(self, z: f64, rng: &mut Rng) -> f64 {
        match self {
            Self::Normal | Self::Names(_) => z,
            Self::Lognormal => libm::exp(z),
            Self::Student3 => {
                let squares: f64 = (0..3).map(|_| rng.normal()).map(|x| x * x).sum();
                z / (squares / 3.0).sqrt()
            }
            Self::Rounded => z.round(),
        }
    }

    /// Rows of `columns` columns of this law, named `x0`, `x1` ...; numbers are normal ones with correlation `rho` between any two of the
    /// `correlated` first columns, plus `shift` in the first column, through the law.
    pub fn rows(self, draw: Draw, rng: &mut Rng) -> Rows {
        let Draw {
            rows,
            columns,
            rho,
            correlated,
            shift,
        } = draw;
        let mut numbers = vec![Vec::with_capacity(rows); columns];
        let mut names = vec![Vec::with_capacity(rows); columns];
        for _ in 0..rows {
            let common = rng.normal();
            for column in 0..columns {
                if let Self::Names(count) = self {
                    // Squares of uniforms: the first names are frequent, the last are rare.
                    let u = rng.uniform();
                    let moved = if column == 0 { shift } else { 0.0 };
                    let at = (u * u * count as f64 + moved).floor();
                    names[column].push(Some(format!("n{at}")));
                    continue;
                }
                let own = rng.normal();
                let mut z = if column < correlated {
                    rho.sqrt() * common + (1.0 - rho).sqrt() * own
                } else {
                    own
                };
                if column == 0 {
                    z += shift;
                }
                numbers[column].push(self.number(z, rng));
            }
        }
        let mut drawn = Rows::default();
        for column in 0..columns {
            let name = format!("x{column}");
            drawn = if matches!(self, Self::Names(_)) {
                drawn.names(&name, std::mem::take(&mut names[column]))
            } else {
                drawn.numbers(&name, std::mem::take(&mut numbers[column]))
            };
        }
        drawn
    }
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Correlation of the correlated columns before the law.
    pub rho: f64,
    /// How many columns are correlated.
    pub correlated: usize,
    /// Shift of the first column, in its standard deviations before the law.
    pub shift: f64,
}

impl Draw {
    /// Independent columns without a shift.
    pub fn new(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            rho: 0.0,
            correlated: 0,
            shift: 0.0,
        }
    }
}

/// Share of evaluations in which some measurement drifted.
///
/// # Panics
/// If an evaluation measures nothing.
pub fn alarm_rate(repeats: u32, mut evaluate: impl FnMut(u64) -> Vec<Measurement>) -> f64 {
    let alarms = (0..repeats)
        .filter(|&repeat| {
            let found = evaluate(u64::from(repeat));
            assert!(!found.is_empty(), "a verdict each time");
            found.iter().any(|one| one.verdict == Verdict::Drifted)
        })
        .count();
    alarms as f64 / f64::from(repeats)
}
