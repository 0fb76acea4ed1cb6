//! Assertions that the unit tests of this crate share.

use crate::sample::SampleBuf;

/// Panics unless `got` is within `tolerance` of `want`, relative to `want`.
#[track_caller]
pub(crate) fn close(got: f64, want: f64, tolerance: f64) {
    let error = (got - want).abs();
    assert!(
        error <= tolerance * want.abs(),
        "got {got:e}, want {want:e}, relative error {:e}",
        error / want.abs()
    );
}

/// A sample of values that are known to be finite and not empty.
#[track_caller]
pub(crate) fn sample(values: &[f64]) -> SampleBuf {
    SampleBuf::from_unsorted(values).expect("values of a test are finite")
}
