//! Assertions that the unit tests of this crate share.

use core::fmt::Debug;

use proptest::prelude::*;

use crate::always_valid::AlwaysValid;
use crate::change::ChangeDetector;
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

/// A detector that is taken to bytes and back anywhere in a stream goes on as the original.
pub(crate) fn any_cut_goes_on<D: ChangeDetector + Clone + PartialEq + Debug>(
    fresh: &D,
    values: &[impl Into<f64> + Copy],
    cut: usize,
) -> Result<(), TestCaseError> {
    let values: Vec<f64> = values.iter().map(|&value| value.into()).collect();
    let (before, after) = values.split_at(cut.min(values.len()));
    let mut whole = fresh.clone();
    whole.update_all(before);
    let mut restored =
        D::from_bytes(&whole.to_bytes()).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&restored, &whole);
    prop_assert_eq!(restored.update_all(after), whole.update_all(after));
    prop_assert_eq!(restored.to_bytes(), whole.to_bytes());
    Ok(())
}

/// A state with one byte changed is refused, or goes on with finite numbers; one that is cut off or too long is refused.
pub(crate) fn damage_is_refused_or_harmless<D: ChangeDetector + Clone>(
    mut detector: D,
    at: usize,
    byte: u8,
) -> Result<(), TestCaseError> {
    let rows: Vec<f64> = (0_u32..200)
        .map(|row| f64::from(u8::from(row * row % 7 == 1)))
        .collect();
    detector.update_all(&rows);
    let bytes = detector.to_bytes();
    let at = at % bytes.len();
    let mut damaged = bytes.clone();
    damaged[at] = byte;
    if let Ok(mut detector) = D::from_bytes(&damaged) {
        detector.update_all(&rows);
        prop_assert!(detector.mean().is_finite() && detector.rows().is_finite());
    }
    prop_assert!(D::from_bytes(&bytes[..at]).is_err());
    prop_assert!(D::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    Ok(())
}

/// Of errors, `rises` finds rises alone, and `both` finds a rise and its mirror image at the same row.
#[track_caller]
pub(crate) fn falls_mirror_rises<D: ChangeDetector + Clone>(rises: &D, both: &D) {
    let rise: Vec<f64> = (0..400)
        .map(|row| f64::from(u8::from(row >= 200 || row % 10 == 0)))
        .collect();
    let fall: Vec<f64> = rise.iter().map(|x| 1.0 - x).collect();
    let found = rises.clone().update_all(&rise);
    assert!(!found.is_empty());
    assert_eq!(rises.clone().update_all(&fall), [0_usize; 0]);
    assert_eq!(both.clone().update_all(&rise)[0], found[0]);
    assert_eq!(both.clone().update_all(&fall)[0], found[0]);
}

/// As [`any_cut_goes_on`], for monitors.
pub(crate) fn any_cut_of_a_monitor_goes_on<M: AlwaysValid + Clone + PartialEq + Debug>(
    fresh: &M,
    values: &[impl Into<f64> + Copy],
    cut: usize,
) -> Result<(), TestCaseError> {
    let values: Vec<f64> = values.iter().map(|&value| value.into()).collect();
    let (before, after) = values.split_at(cut.min(values.len()));
    let mut whole = fresh.clone();
    for &value in before {
        whole.update(value, 0.05);
    }
    let mut restored =
        M::from_bytes(&whole.to_bytes()).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&restored, &whole);
    for &value in after {
        prop_assert_eq!(restored.update(value, 0.05), whole.update(value, 0.05));
    }
    prop_assert_eq!(restored.to_bytes(), whole.to_bytes());
    prop_assert!(whole.e_value().is_finite() && whole.e_value() >= 0.0);
    Ok(())
}

/// As [`damage_is_refused_or_harmless`], for monitors.
pub(crate) fn damage_of_a_monitor_is_refused_or_harmless<M: AlwaysValid + Clone>(
    mut monitor: M,
    at: usize,
    byte: u8,
) -> Result<(), TestCaseError> {
    let rows: Vec<f64> = (0_u32..200)
        .map(|row| f64::from(u8::from(row * row % 7 == 1)))
        .collect();
    for &row in &rows {
        monitor.update(row, 0.05);
    }
    let bytes = monitor.to_bytes();
    let at = at % bytes.len();
    let mut damaged = bytes.clone();
    damaged[at] = byte;
    if let Ok(mut monitor) = M::from_bytes(&damaged) {
        for &row in &rows {
            monitor.update(row, 0.05);
        }
        let numbers = monitor.numbers(0.05);
        prop_assert!(numbers.iter().all(|(_, number)| number.is_finite()));
        prop_assert!(monitor.e_value().is_finite() && monitor.effect().is_finite());
    }
    prop_assert!(M::from_bytes(&bytes[..at]).is_err());
    prop_assert!(M::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    Ok(())
}
