//! Detectors without a sandbox: the same code, compiled for this machine.

use leeway::domain;
use leeway::profile::{self, kernels};
use leeway_sdk::{
    AccessError, Categories, Column, ColumnKind, Distribution, Moments, Role, Window,
};

/// A window of the host as a natively compiled detector sees it: the columns of some roles.
pub struct NativeWindow(pub profile::Window);

impl NativeWindow {
    /// What the host would hand to a detector that takes these roles and every kind of column.
    pub fn new(window: &profile::Window, roles: &[domain::Role]) -> Self {
        use domain::ColumnKind::{Categorical, Embedding, Numeric};
        Self(window.select(roles, &[Numeric, Categorical, Embedding]))
    }
}

fn error(error: profile::AccessError) -> AccessError {
    match error {
        profile::AccessError::NoSuchColumn(column) => AccessError::NoSuchColumn(column),
        profile::AccessError::WrongKind(what) => AccessError::WrongKind(what),
        profile::AccessError::OutOfRange(end) => AccessError::OutOfRange(end),
        profile::AccessError::NoRows => AccessError::NoRows,
        profile::AccessError::InvalidArgument(what) => AccessError::InvalidArgument(what),
    }
}

fn role(role: domain::Role) -> Role {
    match role {
        domain::Role::Feature => Role::Feature,
        domain::Role::Prediction => Role::Prediction,
        domain::Role::Probability => Role::Probability,
        domain::Role::Label => Role::Label,
        domain::Role::Error => Role::Error,
        domain::Role::Residual => Role::Residual,
        domain::Role::AbsoluteResidual => Role::AbsoluteResidual,
        domain::Role::Brier => Role::Brier,
    }
}

fn kind(kind: domain::ColumnKind) -> ColumnKind {
    match kind {
        domain::ColumnKind::Numeric => ColumnKind::Numeric,
        domain::ColumnKind::Categorical => ColumnKind::Categorical,
        domain::ColumnKind::Embedding => ColumnKind::Embedding,
    }
}

impl Window for NativeWindow {
    fn rows(&self) -> u64 {
        self.0.rows()
    }
    fn columns(&self) -> Vec<Column> {
        let column = |column: profile::WindowColumn| Column {
            name: column.name,
            role: role(column.role),
            kind: kind(column.kind),
            rows: column.rows,
            missing: column.missing,
            non_finite: column.non_finite,
            exact: column.exact,
            rank_error: column.rank_error,
            dimension: column.dimension,
        };
        self.0.columns().into_iter().map(column).collect()
    }
    fn span(&self) -> Option<(f64, f64)> {
        self.0.span()
    }
    fn kept_rows(&self) -> u32 {
        self.0.kept_rows()
    }
    fn complete(&self) -> bool {
        self.0.complete()
    }
    fn times(&self, offset: u32, len: u32) -> Result<Vec<f64>, AccessError> {
        self.0
            .times(offset, len)
            .map(|times| times.to_vec())
            .map_err(error)
    }
    fn numbers(&self, column: u32, offset: u32, len: u32) -> Result<Vec<f64>, AccessError> {
        self.0
            .numbers(column, offset, len)
            .map(<[f64]>::to_vec)
            .map_err(error)
    }
    fn codes(&self, column: u32, offset: u32, len: u32) -> Result<Vec<u32>, AccessError> {
        self.0
            .codes(column, offset, len)
            .map(<[u32]>::to_vec)
            .map_err(error)
    }
    fn dictionary(&self, column: u32) -> Result<Vec<String>, AccessError> {
        let size = self.0.dictionary_size(column).map_err(error)?;
        self.0
            .dictionary(column, 0, size)
            .map(<[String]>::to_vec)
            .map_err(error)
    }
    fn embeddings(&self, column: u32, offset: u32, len: u32) -> Result<Vec<f32>, AccessError> {
        self.0
            .embeddings(column, offset, len)
            .map(<[f32]>::to_vec)
            .map_err(error)
    }
    fn sample(&self, count: u32, seed: u64) -> Result<Vec<u32>, AccessError> {
        self.0.sample(count, seed).map_err(error)
    }
    fn quantiles(&self, column: u32, probabilities: &[f64]) -> Result<Vec<f64>, AccessError> {
        kernels::quantiles(&self.0, column, probabilities).map_err(error)
    }
    fn counts_in_bins(&self, column: u32, edges: &[f64]) -> Result<Vec<f64>, AccessError> {
        kernels::counts_in_bins(&self.0, column, edges).map_err(error)
    }
    fn cdf(&self, column: u32, points: &[f64]) -> Result<Vec<f64>, AccessError> {
        kernels::cdf(&self.0, column, points).map_err(error)
    }
    fn distinct(&self, column: u32) -> Result<Distribution, AccessError> {
        let distinct = kernels::distinct(&self.0, column).map_err(error)?;
        Ok(Distribution {
            values: distinct.values.into_owned(),
            counts: distinct.counts,
        })
    }
    fn category_counts(&self, column: u32) -> Result<Categories, AccessError> {
        let counted = kernels::category_counts(&self.0, column).map_err(error)?;
        let names = counted.names.into_iter().map(str::to_owned).collect();
        Ok(Categories {
            names,
            counts: counted.counts,
            rest: counted.rest,
        })
    }
    fn moments(&self, column: u32) -> Result<Moments, AccessError> {
        let moments = kernels::value_moments(&self.0, column).map_err(error)?;
        let profile::kernels::ValueMoments {
            count,
            mean,
            variance,
            minimum,
            maximum,
        } = moments;
        Ok(Moments {
            count,
            mean,
            variance,
            minimum,
            maximum,
        })
    }
}
