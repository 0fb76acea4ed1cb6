//! The verdicts that a joint test of many columns has on windows as no model has them: for tests of the detectors.

use leeway_sdk::Verdict;

use crate::simulate::Rows;

/// Holds the verdicts of a detector that needs `rows_min` rows in each window, as it has them without settings; `verdict` takes the
/// reference and the current window.
///
/// # Panics
/// If a verdict is another one.
#[track_caller]
pub fn odd_windows_have_a_verdict(
    rows_min: usize,
    mut verdict: impl FnMut(&Rows, &Rows) -> Verdict,
) {
    let numbers = |x: f64, rows: usize| Rows::default().numbers("x", vec![x; rows]);
    let enough = |x: f64| numbers(x, rows_min);
    let names = Rows::default().names("x", vec![Some("a".to_owned()); rows_min]);
    let renamed = Rows::default().numbers("y", vec![1.0; rows_min]);
    for (reference, current, want) in [
        (Rows::default(), Rows::default(), Verdict::Failed),
        (
            numbers(1.0, rows_min - 1),
            enough(1.0),
            Verdict::Insufficient,
        ),
        (enough(1.0), enough(1.0), Verdict::Constant),
        (enough(f64::NAN), enough(f64::INFINITY), Verdict::Constant),
        (enough(1.0), enough(2.0), Verdict::Drifted),
        (enough(f64::MAX), enough(-f64::MAX), Verdict::Drifted),
        (enough(1.0), enough(f64::NAN), Verdict::Drifted),
        (enough(1.0), names, Verdict::Failed),
        (enough(1.0), renamed, Verdict::Failed),
    ] {
        let found = verdict(&reference, &current);
        assert_eq!(found, want, "{reference:?} then {current:?}");
    }
}
