//! When a distribution began to be another one: against the G statistics of `SciPy`, cut by cut.

use leeway_statistics::change_point::{change_point, change_point_from};
use serde_json::Value;

use crate::harness::cases::cases;

fn counts(of: &Value) -> Vec<f64> {
    let numbers = of.as_array().unwrap().iter();
    numbers.map(|count| count.as_f64().unwrap()).collect()
}

#[test]
fn change_points_equal_the_profile_of_scipy() {
    let cases = cases("change_point");
    for case in &cases {
        let reference = counts(case.input("reference"));
        let pieces: Vec<Vec<f64>> = case
            .input("pieces")
            .as_array()
            .unwrap()
            .iter()
            .map(counts)
            .collect();
        let found = change_point_from(&reference, &pieces, 0.95)
            .unwrap()
            .unwrap();
        case.check("cut", found.cut as f64);
        case.check("log_likelihood_ratio", found.log_likelihood_ratio);
        let (low, high) = (
            case.expected("limit_low").unwrap(),
            case.expected("limit_high").unwrap(),
        );
        if reference.len() == 2 {
            assert_eq!(
                (found.low as f64, found.high as f64),
                (low, high),
                "{}",
                case.of
            );
        }
        assert!(
            found.low as f64 <= low && high <= found.high as f64,
            "{}",
            case.of
        );
        if reference.iter().all(|count| *count == 0.0) {
            assert_eq!(
                change_point(&pieces, 0.95).unwrap(),
                Some(found),
                "{}",
                case.of
            );
        }
    }
    assert_eq!(cases.len(), 18);
}
