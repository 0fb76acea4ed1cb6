//! What no component reports by itself: the Kolmogorov law, and the correction for many columns.

use leeway_statistics::benjamini_hochberg::{adjusted, cutoff};
use leeway_statistics::kolmogorov::kolmogorov_sf;

use crate::harness::cases::{cases, uniforms};

#[test]
fn the_kolmogorov_law_equals_scipy() {
    let cases = cases("ks_law");
    for case in &cases {
        let (n, d) = (
            case.input("n").as_u64().unwrap(),
            case.input("d").as_f64().unwrap(),
        );
        case.check("p_value", kolmogorov_sf(n, d));
    }
    assert_eq!(cases.len(), 60);
}

#[test]
fn adjusted_p_values_equal_scipy() {
    let cases = cases("benjamini_hochberg");
    for case in &cases {
        let p_values: Vec<f64> = case
            .input("p_values")
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_f64().unwrap())
            .collect();
        let found = adjusted(&p_values);
        case.check_all("adjusted", &found);
        for level in [0.01, 0.05, 0.2] {
            let line = cutoff(&p_values, level);
            for (p, q) in p_values.iter().zip(&found) {
                let tie = (q / level - 1.0).abs() < 1e-12;
                assert!(
                    tie || (*p <= line) == (*q <= level),
                    "{} at {level}: {p} {q} {line}",
                    case.of
                );
            }
        }
    }
    assert_eq!(cases.len(), 19);
}

#[test]
fn the_generator_gives_the_numbers_that_its_description_states() {
    let first = |seed| uniforms(seed).take(3).collect::<Vec<_>>();
    assert_eq!(
        first(1),
        [
            0.566_561_575_172_280_9,
            0.745_781_757_262_701_1,
            0.971_002_753_586_796_2
        ]
    );
    assert_eq!(
        first(42),
        [
            0.741_564_878_771_823_3,
            0.159_910_392_876_920_1,
            0.278_601_130_255_138_66
        ]
    );
    assert_eq!(
        first(u64::MAX),
        [
            0.893_942_920_283_184_5,
            0.912_597_203_594_453_2,
            0.219_481_962_895_267_56
        ]
    );
}
