//! The window behind a handle of the host.

use crate::bindings::batch::leeway::detector::{kernels, windows};
use crate::{AccessError, Categories, Column, Distribution, Moments, Window};

impl Window for windows::Window {
    fn rows(&self) -> u64 {
        self.rows()
    }
    fn columns(&self) -> Vec<Column> {
        self.columns()
    }
    fn span(&self) -> Option<(f64, f64)> {
        self.span()
    }
    fn kept_rows(&self) -> u32 {
        self.kept_rows()
    }
    fn complete(&self) -> bool {
        self.complete()
    }
    fn times(&self, offset: u32, len: u32) -> Result<Vec<f64>, AccessError> {
        self.times(offset, len)
    }
    fn numbers(&self, column: u32, offset: u32, len: u32) -> Result<Vec<f64>, AccessError> {
        self.numbers(column, offset, len)
    }
    fn codes(&self, column: u32, offset: u32, len: u32) -> Result<Vec<u32>, AccessError> {
        self.codes(column, offset, len)
    }
    fn dictionary(&self, column: u32) -> Result<Vec<String>, AccessError> {
        let size = self.dictionary_size(column)?;
        self.dictionary(column, 0, size)
    }
    fn embeddings(&self, column: u32, offset: u32, len: u32) -> Result<Vec<f32>, AccessError> {
        self.embeddings(column, offset, len)
    }
    fn sample(&self, count: u32, seed: u64) -> Result<Vec<u32>, AccessError> {
        self.sample(count, seed)
    }
    fn quantiles(&self, column: u32, probabilities: &[f64]) -> Result<Vec<f64>, AccessError> {
        kernels::quantiles(self, column, probabilities)
    }
    fn counts_in_bins(&self, column: u32, edges: &[f64]) -> Result<Vec<f64>, AccessError> {
        kernels::counts_in_bins(self, column, edges)
    }
    fn cdf(&self, column: u32, points: &[f64]) -> Result<Vec<f64>, AccessError> {
        kernels::cdf(self, column, points)
    }
    fn distinct(&self, column: u32) -> Result<Distribution, AccessError> {
        kernels::distinct(self, column)
    }
    fn category_counts(&self, column: u32) -> Result<Categories, AccessError> {
        kernels::category_counts(self, column)
    }
    fn moments(&self, column: u32) -> Result<Moments, AccessError> {
        kernels::value_moments(self, column)
    }
}
