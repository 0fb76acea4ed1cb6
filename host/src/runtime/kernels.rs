//! The kernels of the contract, answered by `profile`.

use wasmtime::component::Resource;

use crate::profile::{AccessError, Window, kernels as native};

use super::bindings::kernels::{self, Categories, Distribution, Moments};
use super::sandbox::Sandbox;
use super::window::{Answer, answer};

/// Arguments that a kernel takes in one go. Between two goes the deadline is looked at, and what the
/// host needs for them, several times their bytes, is given back.
const ARGUMENTS_AT_ONCE: usize = 65_536;

impl kernels::Host for Sandbox {
    fn quantiles(
        &mut self,
        of: Resource<Window>,
        column: u32,
        probabilities: Vec<f64>,
    ) -> Answer<Vec<f64>> {
        self.point_by_point(&of, column, &probabilities, native::quantiles)
    }
    fn counts_in_bins(
        &mut self,
        of: Resource<Window>,
        column: u32,
        edges: Vec<f64>,
    ) -> Answer<Vec<f64>> {
        self.bin_by_bin(&of, column, &edges)
    }
    fn cdf(&mut self, of: Resource<Window>, column: u32, points: Vec<f64>) -> Answer<Vec<f64>> {
        self.point_by_point(&of, column, &points, native::cdf)
    }
    fn distinct(&mut self, of: Resource<Window>, column: u32) -> Answer<Distribution> {
        let distinct = native::distinct(self.window(&of)?, column);
        answer(distinct.map(|d| Distribution {
            values: d.values.into_owned(),
            counts: d.counts,
        }))
    }
    fn distinct_le(&mut self, of: Resource<Window>, column: u32) -> Answer<Vec<u8>> {
        let distinct = native::distinct(self.window(&of)?, column);
        answer(distinct.map(|d| {
            d.values
                .iter()
                .chain(&d.counts)
                .flat_map(|x| x.to_le_bytes())
                .collect()
        }))
    }
    fn category_counts(&mut self, of: Resource<Window>, column: u32) -> Answer<Categories> {
        let counted = native::category_counts(self.window(&of)?, column);
        answer(counted.map(|counted| Categories {
            names: counted.names.into_iter().map(str::to_owned).collect(),
            counts: counted.counts,
            rest: counted.rest,
        }))
    }
    fn value_moments(&mut self, of: Resource<Window>, column: u32) -> Answer<Moments> {
        let moments = native::value_moments(self.window(&of)?, column);
        answer(moments.map(|m| Moments {
            count: m.count,
            mean: m.mean,
            variance: m.variance,
            minimum: m.minimum,
            maximum: m.maximum,
        }))
    }
}

type Kernel = fn(&Window, u32, &[f64]) -> Result<Vec<f64>, AccessError>;

impl Sandbox {
    /// A kernel whose answers depend on one argument each.
    fn point_by_point(
        &self,
        of: &Resource<Window>,
        column: u32,
        arguments: &[f64],
        kernel: Kernel,
    ) -> Answer<Vec<f64>> {
        let mut answers = Vec::new();
        for some in slices(arguments, 0) {
            match kernel(self.window(of)?, column, some) {
                Ok(more) => answers.extend(more),
                Err(_) => return answer(kernel(self.window(of)?, column, arguments)), // It names the position.
            }
        }
        answer(Ok(answers))
    }

    /// Counts in bins. Slices of the edges share one edge, so that no bin is lost between them.
    fn bin_by_bin(&self, of: &Resource<Window>, column: u32, edges: &[f64]) -> Answer<Vec<f64>> {
        let mut counts: Vec<f64> = Vec::new();
        for some in slices(edges, 1) {
            match native::counts_in_bins(self.window(of)?, column, some) {
                Ok(more) => {
                    // What lies above the edges so far is what these edges divide.
                    let known = usize::from(counts.pop().is_some());
                    counts.extend(more.into_iter().skip(known));
                }
                Err(_) => return answer(native::counts_in_bins(self.window(of)?, column, edges)),
            }
        }
        answer(Ok(counts))
    }
}

/// All arguments in slices of bounded length, each of which repeats the last `shared` of the one before;
/// at least one slice, so that also no arguments at all are asked about.
fn slices(arguments: &[f64], shared: usize) -> impl Iterator<Item = &[f64]> {
    let mut from = 0;
    let mut done = false;
    std::iter::from_fn(move || {
        let to = arguments.len().min(from + ARGUMENTS_AT_ONCE);
        let slice = (!done).then(|| &arguments[from..to]);
        done = to == arguments.len();
        from = to.saturating_sub(shared);
        slice
    })
}
