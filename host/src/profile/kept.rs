//! Rows that are kept beside a profile, for detectors that read rows.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::domain::{Batch, ColumnValues, MISSING_CODE, Schema};

use super::builder::ProfileBuilder;
use super::config::ProfileConfig;
use super::observe_error::ObserveError;
use super::random::Random;

/// Rows that are kept where nothing else is said: 4 MB for 25 numeric columns.
pub const KEPT_ROWS_DEFAULT: u32 = 20_000;

/// Rows of a model as columns: all of them, or a uniform sample. Does not change.
///
/// Invariant: every column has `rows` rows, in the order in which they came; codes are below the
/// length of their dictionary or [`MISSING_CODE`]; dictionaries hold the names of kept rows alone, in
/// order of their first row.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRows {
    pub(super) schema: Arc<Schema>,
    pub(super) rows: u32,
    pub(super) seen: u64,
    pub(super) times: Option<Vec<f64>>,
    pub(super) columns: Vec<ColumnValues>,
}

impl KeptRows {
    /// Rows that were drawn elsewhere, uniformly out of `seen` rows, in the order in which they came.
    ///
    /// # Errors
    /// [`ObserveError`] if the batch has other columns than the schema.
    pub fn drawn(
        schema: impl Into<Arc<Schema>>,
        seen: u64,
        batch: &Batch,
    ) -> Result<Self, ObserveError> {
        let schema = schema.into();
        // The builder knows what fits a schema.
        ProfileBuilder::new(Arc::clone(&schema), ProfileConfig::service()).check(batch)?;
        let rows_max =
            u32::try_from(batch.rows).map_err(|_| ObserveError::TooManyRows(batch.rows as u64))?;
        let mut builder = KeptRowsBuilder::new(schema, rows_max, 0);
        builder.observe(batch);
        Ok(Self {
            seen: seen.max(rows_max.into()),
            ..builder.finish()
        })
    }

    /// Number of rows that were kept.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Number of rows that they were drawn from.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether all rows were kept.
    pub fn complete(&self) -> bool {
        u64::from(self.rows) == self.seen
    }

    /// The columns they are of.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Seconds since 1970-01-01T00:00:00Z, NaN where a row has none; absent where no row has one.
    pub fn times(&self) -> Option<&[f64]> {
        self.times.as_deref()
    }

    /// The values, in the schema's order.
    pub fn columns(&self) -> &[ColumnValues] {
        &self.columns
    }
}

/// Keeps rows of batches up to a number, and from there on a uniform sample of that many.
///
/// Vitter (1985), "Random sampling with a reservoir", algorithm R: the row after `n` others takes a
/// random place out of `n + 1`, and is kept if there is such a place. The same seed and the same rows
/// give the same sample, however they were cut into batches.
#[derive(Debug)]
pub struct KeptRowsBuilder {
    schema: Arc<Schema>,
    rows_max: u32,
    random: Random,
    seen: u64,
    /// Number of the row that stands at each place, counted over all batches.
    numbers: Vec<u64>,
    /// Empty until a batch has times.
    times: Vec<f64>,
    columns: Vec<Reservoir>,
}

#[derive(Debug)]
enum Reservoir {
    Numeric(Vec<f64>),
    Categorical {
        codes: Vec<u32>,
        names: FxHashMap<Box<str>, u32>,
    },
    Embedding {
        dimension: usize,
        values: Vec<f32>,
    },
}

impl KeptRowsBuilder {
    /// A builder that has seen no rows and keeps up to `rows_max`.
    pub fn new(schema: impl Into<Arc<Schema>>, rows_max: u32, seed: u64) -> Self {
        use crate::domain::ColumnKind::{Categorical, Embedding, Numeric};
        let schema = schema.into();
        let reservoir = |kind| match kind {
            Numeric => Reservoir::Numeric(Vec::new()),
            Categorical => Reservoir::Categorical {
                codes: Vec::new(),
                names: FxHashMap::default(),
            },
            Embedding => Reservoir::Embedding {
                dimension: 0,
                values: Vec::new(),
            },
        };
        let columns = schema
            .columns()
            .iter()
            .map(|spec| reservoir(spec.kind))
            .collect();
        let (numbers, times) = (Vec::new(), Vec::new());
        Self {
            schema,
            rows_max,
            random: Random::new(seed),
            seen: 0,
            numbers,
            times,
            columns,
        }
    }

    /// Looks at the rows of a batch.
    ///
    /// # Panics
    /// If the batch is not one that [`ProfileBuilder::observe`](super::ProfileBuilder::observe) of
    /// this schema takes: it goes there first.
    pub fn observe(&mut self, batch: &Batch) {
        let taken = self.draw(batch.rows);
        if let Some(times) = &batch.times {
            // Rows of earlier batches have none.
            self.times
                .resize(self.times.len().max(self.numbers.len()), f64::NAN);
            for &(place, row) in &taken {
                self.times[place] = times[row];
            }
        } else if !self.times.is_empty() {
            self.times.resize(self.numbers.len(), f64::NAN);
            for &(place, _) in &taken {
                self.times[place] = f64::NAN;
            }
        }
        for (reservoir, values) in self.columns.iter_mut().zip(&batch.columns) {
            reservoir.place(values, &taken, self.numbers.len());
        }
    }

    /// The rows that were kept, in the order in which they came.
    pub fn finish(self) -> KeptRows {
        let Self {
            schema,
            rows_max,
            seen,
            numbers,
            times,
            columns,
            ..
        } = self;
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_unstable_by_key(|&place| numbers[place]);
        let times = (!times.is_empty()).then(|| order.iter().map(|&place| times[place]).collect());
        let columns = columns
            .into_iter()
            .map(|column| column.finish(&order))
            .collect();
        let rows = u32::try_from(order.len()).unwrap_or(rows_max);
        KeptRows {
            schema,
            rows,
            seen,
            times,
            columns,
        }
    }

    /// Places in the reservoir and the rows of the batch that end there.
    fn draw(&mut self, rows: usize) -> Vec<(usize, usize)> {
        let mut taken: FxHashMap<usize, usize> = FxHashMap::default();
        let mut appended = Vec::new();
        for row in 0..rows {
            let number = self.seen;
            self.seen += 1;
            if self.numbers.len() < self.rows_max as usize {
                appended.push((self.numbers.len(), row));
                self.numbers.push(number);
                continue;
            }
            let place = self.random.below(number + 1);
            if place < u64::from(self.rows_max) {
                let place = usize::try_from(place).expect("below rows_max");
                self.numbers[place] = number;
                taken.insert(place, row);
            }
        }
        appended.retain(|(place, _)| !taken.contains_key(place));
        appended.extend(taken);
        appended.sort_unstable();
        appended
    }
}

impl Reservoir {
    /// Puts rows of a batch at their places out of `places`.
    fn place(&mut self, values: &ColumnValues, taken: &[(usize, usize)], places: usize) {
        match (self, values) {
            (Self::Numeric(kept), ColumnValues::Numeric(numbers)) => {
                kept.resize(places, f64::NAN);
                for &(place, row) in taken {
                    kept[place] = numbers[row];
                }
            }
            (
                Self::Categorical { codes: kept, names },
                ColumnValues::Categorical { codes, dictionary },
            ) => {
                kept.resize(places, MISSING_CODE);
                let mut known = vec![MISSING_CODE; dictionary.len()];
                for &(place, row) in taken {
                    kept[place] = match codes[row] {
                        MISSING_CODE => MISSING_CODE,
                        code => {
                            let known = &mut known[code as usize];
                            if *known == MISSING_CODE {
                                *known = code_of(&dictionary[code as usize], names);
                            }
                            *known
                        }
                    };
                }
            }
            (
                Self::Embedding {
                    dimension,
                    values: kept,
                },
                ColumnValues::Embedding {
                    dimension: length,
                    values,
                },
            ) => {
                *dimension = if values.is_empty() {
                    *dimension
                } else {
                    *length
                };
                kept.resize(places * *dimension, f32::NAN);
                for &(place, row) in taken {
                    let (to, from) = (place * *dimension, row * *dimension);
                    kept[to..to + *dimension].copy_from_slice(&values[from..from + *dimension]);
                }
            }
            _ => panic!("the batch has columns of other kinds than the schema"),
        }
    }

    fn finish(self, order: &[usize]) -> ColumnValues {
        match self {
            Self::Numeric(kept) => {
                ColumnValues::Numeric(order.iter().map(|&place| kept[place]).collect())
            }
            Self::Categorical { codes, names } => {
                let mut by_code = vec![""; names.len()];
                for (name, &code) in &names {
                    by_code[code as usize] = name;
                }
                let (mut renumbered, mut dictionary) =
                    (vec![MISSING_CODE; by_code.len()], Vec::new());
                let mut recode = |code: u32| {
                    if code != MISSING_CODE && renumbered[code as usize] == MISSING_CODE {
                        renumbered[code as usize] =
                            u32::try_from(dictionary.len()).expect("fewer names than codes");
                        dictionary.push(by_code[code as usize].to_owned());
                    }
                    if code == MISSING_CODE {
                        MISSING_CODE
                    } else {
                        renumbered[code as usize]
                    }
                };
                let codes = order.iter().map(|&place| recode(codes[place])).collect();
                ColumnValues::Categorical { codes, dictionary }
            }
            Self::Embedding { dimension, values } => {
                let vectors = order
                    .iter()
                    .map(|&place| &values[place * dimension..(place + 1) * dimension]);
                ColumnValues::Embedding {
                    dimension,
                    values: vectors.flatten().copied().collect(),
                }
            }
        }
    }
}

fn code_of(name: &str, names: &mut FxHashMap<Box<str>, u32>) -> u32 {
    if let Some(&code) = names.get(name) {
        return code;
    }
    let code = u32::try_from(names.len()).expect("fewer names than rows");
    names.insert(name.into(), code);
    code
}
