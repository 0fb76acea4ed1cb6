//! One column of a batch while its rows come in.

use super::category::Interner;
use super::error::quote;
use super::missing::MissingTexts;
use super::{TimeUnit, ValueProblem, number, times, vector};
use crate::domain::{ColumnKind, ColumnValues, MISSING_CODE};

/// What the values of a column are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Numeric,
    Categorical,
    /// Vectors of this dimension, at least 1.
    Embedding(usize),
    /// Seconds, out of numbers of this unit or out of text.
    Time(TimeUnit),
}

impl Target {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Categorical => "categorical",
            Self::Embedding(_) => "embedding",
            Self::Time(_) => "time",
        }
    }

    /// Bytes of one value, the name of a category apart.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Numeric | Self::Time(_) => size_of::<f64>(),
            Self::Categorical => size_of::<u32>(),
            Self::Embedding(dimension) => dimension * size_of::<f32>(),
        }
    }

    /// The target of a kind; an embedding without a dimension has none.
    pub(super) fn of(kind: ColumnKind, dimension: Option<usize>) -> Option<Self> {
        match kind {
            ColumnKind::Numeric => Some(Self::Numeric),
            ColumnKind::Categorical => Some(Self::Categorical),
            ColumnKind::Embedding => dimension
                .filter(|&dimension| dimension > 0)
                .map(Self::Embedding),
        }
    }
}

/// One column of a batch while its rows come in.
#[derive(Debug)]
pub(super) enum ColumnBuilder {
    Numeric(Vec<f64>),
    Categorical { codes: Vec<u32>, names: Interner },
    Embedding { dimension: usize, values: Vec<f32> },
    Time { unit: TimeUnit, seconds: Vec<f64> },
}

/// Rows a column starts with room for; longer batches grow into theirs.
const ROWS_RESERVED: usize = 1_024;

impl ColumnBuilder {
    pub(super) fn new(target: Target) -> Self {
        match target {
            Target::Numeric => Self::Numeric(Vec::with_capacity(ROWS_RESERVED)),
            Target::Categorical => Self::Categorical {
                codes: Vec::with_capacity(ROWS_RESERVED),
                names: Interner::default(),
            },
            Target::Embedding(dimension) => Self::Embedding {
                dimension,
                values: Vec::new(),
            },
            Target::Time(unit) => Self::Time {
                unit,
                seconds: Vec::with_capacity(ROWS_RESERVED),
            },
        }
    }

    /// Bytes that the names of its categories take.
    pub(super) fn name_bytes(&self) -> usize {
        match self {
            Self::Categorical { names, .. } => names.bytes(),
            Self::Numeric(_) | Self::Embedding { .. } | Self::Time { .. } => 0,
        }
    }

    pub(super) fn push_missing(&mut self) {
        match self {
            Self::Numeric(values)
            | Self::Time {
                seconds: values, ..
            } => values.push(f64::NAN),
            Self::Categorical { codes, .. } => codes.push(MISSING_CODE),
            Self::Embedding { dimension, values } => {
                values.resize(values.len() + *dimension, f32::NAN);
            }
        }
    }

    /// Appends what a text stands for.
    #[inline]
    pub(super) fn push_text(
        &mut self,
        text: &[u8],
        missing: &MissingTexts,
    ) -> Result<(), ValueProblem> {
        let trimmed = text.trim_ascii();
        if missing.has_text(trimmed) {
            self.push_missing();
            return Ok(());
        }
        match self {
            Self::Numeric(values) => {
                let value = number::parse(trimmed).ok_or_else(|| no_number(text))?;
                values.push(if missing.has_number(value) {
                    f64::NAN
                } else {
                    value
                });
            }
            Self::Categorical { codes, names } => codes.push(names.code(text)?),
            Self::Embedding { dimension, values } => {
                let found = vector::parse_into(trimmed, values)?;
                same_dimension(found, *dimension)?;
            }
            Self::Time { unit, seconds } => {
                let time = times::parse(trimmed, *unit);
                seconds.push(time.ok_or_else(|| ValueProblem::NotATime(quote(text)))?);
            }
        }
        Ok(())
    }

    /// Appends a floating-point number.
    pub(super) fn push_number(
        &mut self,
        value: f64,
        missing: &MissingTexts,
    ) -> Result<(), ValueProblem> {
        if value.is_nan() || missing.has_number(value) {
            self.push_missing();
            return Ok(());
        }
        match self {
            Self::Numeric(values) => values.push(value),
            Self::Categorical { codes, names } => codes.push(names.number_code(value)?),
            Self::Embedding { .. } => return Err(ValueProblem::NotAVector(value.to_string())),
            Self::Time { unit, seconds } if value.is_finite() => {
                seconds.push(times::from_number(value, *unit));
            }
            Self::Time { .. } => return Err(ValueProblem::NotATime(value.to_string())),
        }
        Ok(())
    }

    /// Appends an integer: as a category it keeps digits that `f64` has no room for.
    pub(super) fn push_integer(
        &mut self,
        value: impl std::fmt::Display,
        nearest: f64,
        missing: &MissingTexts,
    ) -> Result<(), ValueProblem> {
        match self {
            Self::Categorical { codes, names } if !missing.has_number(nearest) => {
                codes.push(names.number_code(value)?);
                Ok(())
            }
            _ => self.push_number(nearest, missing),
        }
    }

    /// Appends a truth value: a category, never a number.
    pub(super) fn push_bool(
        &mut self,
        value: bool,
        missing: &MissingTexts,
    ) -> Result<(), ValueProblem> {
        self.push_text(if value { b"true" } else { b"false" }, missing)
    }

    /// Appends the components of one vector.
    pub(super) fn push_vector(&mut self, vector: &[f32]) -> Result<(), ValueProblem> {
        let Self::Embedding { dimension, values } = self else {
            return Err(ValueProblem::Nested("an array"));
        };
        same_dimension(vector.len(), *dimension)?;
        values.extend_from_slice(vector);
        Ok(())
    }

    /// The column so far; starts afresh.
    pub(super) fn take(&mut self) -> ColumnValues {
        match self {
            Self::Numeric(values)
            | Self::Time {
                seconds: values, ..
            } => {
                let fresh = Vec::with_capacity(values.len());
                ColumnValues::Numeric(std::mem::replace(values, fresh))
            }
            Self::Categorical { codes, names } => {
                let fresh = Vec::with_capacity(codes.len());
                let codes = std::mem::replace(codes, fresh);
                ColumnValues::Categorical {
                    codes,
                    dictionary: names.take(),
                }
            }
            Self::Embedding { dimension, values } => ColumnValues::Embedding {
                dimension: *dimension,
                values: std::mem::take(values),
            },
        }
    }
}

fn same_dimension(found: usize, expected: usize) -> Result<(), ValueProblem> {
    if found == expected {
        Ok(())
    } else {
        Err(ValueProblem::Dimension { found, expected })
    }
}

#[cold]
fn no_number(text: &[u8]) -> ValueProblem {
    if std::str::from_utf8(text).is_err() {
        return ValueProblem::NotUtf8;
    }
    ValueProblem::NotANumber(quote(text))
}
