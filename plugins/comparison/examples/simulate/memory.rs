//! A window in memory, with what detectors that need profiles alone ask of it.

use std::collections::BTreeMap;

use leeway_sdk::{
    AccessError, Categories, Column, ColumnKind, Distribution, Moments, Role, Window,
};
use leeway_statistics::sample::SampleBuf;

/// One column's rows; missing numbers are NaN.
pub(crate) enum Rows {
    Numbers(Vec<f64>),
    Names(Vec<Option<String>>),
}

/// Named columns of one role, each of its own length.
#[derive(Default)]
pub(crate) struct Memory {
    columns: Vec<(Column, Profile)>,
    pub(crate) span: Option<(f64, f64)>,
}

enum Profile {
    Numbers(Option<SampleBuf>),
    Names(BTreeMap<String, f64>),
}

impl Memory {
    /// With one more column.
    pub(crate) fn with(mut self, name: &str, role: Role, rows: Rows) -> Self {
        let count = match &rows {
            Rows::Numbers(values) => values.len(),
            Rows::Names(names) => names.len(),
        };
        let mut column = Column {
            name: name.to_owned(),
            role,
            kind: ColumnKind::Numeric,
            rows: count as u64,
            missing: 0,
            non_finite: 0,
            exact: true,
            rank_error: 0.0,
            dimension: 0,
        };
        let profile = match rows {
            Rows::Numbers(values) => {
                column.missing = values.iter().filter(|x| x.is_nan()).count() as u64;
                column.non_finite = values.iter().filter(|x| x.is_infinite()).count() as u64;
                let finite: Vec<f64> = values.into_iter().filter(|x| x.is_finite()).collect();
                Profile::Numbers(SampleBuf::from_unsorted(&finite).ok())
            }
            Rows::Names(names) => {
                column.kind = ColumnKind::Categorical;
                let mut counts = BTreeMap::new();
                for name in names {
                    match name {
                        Some(name) => *counts.entry(name).or_insert(0.0) += 1.0,
                        None => column.missing += 1,
                    }
                }
                Profile::Names(counts)
            }
        };
        self.columns.push((column, profile));
        self
    }

    fn sample(&self, column: u32) -> Result<Option<&SampleBuf>, AccessError> {
        match self.columns.get(column as usize) {
            Some((_, Profile::Numbers(sample))) => Ok(sample.as_ref()),
            Some(_) => Err(AccessError::WrongKind("categorical".to_owned())),
            None => Err(AccessError::NoSuchColumn(column)),
        }
    }
}

impl Window for Memory {
    fn rows(&self) -> u64 {
        self.columns
            .iter()
            .map(|(column, _)| column.rows)
            .max()
            .unwrap_or(0)
    }
    fn columns(&self) -> Vec<Column> {
        self.columns
            .iter()
            .map(|(column, _)| column.clone())
            .collect()
    }
    fn span(&self) -> Option<(f64, f64)> {
        self.span
    }
    fn kept_rows(&self) -> u32 {
        0
    }
    fn complete(&self) -> bool {
        false
    }
    fn times(&self, _: u32, _: u32) -> Result<Vec<f64>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn numbers(&self, _: u32, _: u32, _: u32) -> Result<Vec<f64>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn codes(&self, _: u32, _: u32, _: u32) -> Result<Vec<u32>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn dictionary(&self, _: u32) -> Result<Vec<String>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn embeddings(&self, _: u32, _: u32, _: u32) -> Result<Vec<f32>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn sample(&self, _: u32, _: u64) -> Result<Vec<u32>, AccessError> {
        Err(AccessError::NoRows)
    }
    fn quantiles(&self, column: u32, probabilities: &[f64]) -> Result<Vec<f64>, AccessError> {
        let sample = self.sample(column)?;
        Ok(sample.map_or_else(Vec::new, |sample| {
            probabilities
                .iter()
                .map(|p| sample.as_sample().quantile(*p))
                .collect()
        }))
    }
    fn counts_in_bins(&self, column: u32, edges: &[f64]) -> Result<Vec<f64>, AccessError> {
        let cdf = self.cdf(column, edges)?;
        let rows = self
            .sample(column)?
            .map_or(0.0, |sample| sample.as_sample().rows());
        let mut below = 0.0;
        let mut counts = Vec::with_capacity(edges.len() + 1);
        for share in cdf {
            let up_to = (share * rows).round();
            counts.push(up_to - below);
            below = up_to;
        }
        counts.push(rows - below);
        Ok(counts)
    }
    fn cdf(&self, column: u32, points: &[f64]) -> Result<Vec<f64>, AccessError> {
        let sample = self.sample(column)?;
        let share = |x: &f64| sample.map_or(0.0, |sample| sample.as_sample().share_up_to(*x));
        Ok(points.iter().map(share).collect())
    }
    fn distinct(&self, column: u32) -> Result<Distribution, AccessError> {
        let sample = self.sample(column)?.map(SampleBuf::as_sample);
        Ok(Distribution {
            values: sample.map_or_else(Vec::new, |sample| sample.values().to_vec()),
            counts: sample.map_or_else(Vec::new, |sample| sample.counts().to_vec()),
        })
    }
    fn category_counts(&self, column: u32) -> Result<Categories, AccessError> {
        match self.columns.get(column as usize) {
            Some((_, Profile::Names(counts))) => Ok(Categories {
                names: counts.keys().cloned().collect(),
                counts: counts.values().copied().collect(),
                rest: 0.0,
            }),
            Some(_) => Err(AccessError::WrongKind("numeric".to_owned())),
            None => Err(AccessError::NoSuchColumn(column)),
        }
    }
    fn moments(&self, column: u32) -> Result<Moments, AccessError> {
        let zero = Moments {
            count: 0.0,
            mean: 0.0,
            variance: 0.0,
            minimum: 0.0,
            maximum: 0.0,
        };
        Ok(self.sample(column)?.map_or(zero, |sample| {
            let sample = sample.as_sample();
            Moments {
                count: sample.rows(),
                mean: sample.mean(),
                variance: sample.variance(),
                minimum: sample.minimum(),
                maximum: sample.maximum(),
            }
        }))
    }
}
