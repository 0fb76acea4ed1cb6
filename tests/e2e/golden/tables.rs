//! Tests on counts, over categories: chi-square, PSI, Jensen-Shannon, Hellinger, L-infinity.

use leeway::domain::{Role, Verdict};
use leeway_statistics::chi_square::chi_square;
use leeway_statistics::counts::CountsError;
use leeway_statistics::hellinger::hellinger;
use leeway_statistics::jensen_shannon::jensen_shannon;
use leeway_statistics::l_infinity::l_infinity;
use leeway_statistics::pool_sparse::pool_sparse;
use leeway_statistics::psi::psi;
use leeway_statistics::two_proportions::two_proportions;
use serde_json::json;

use super::twin::{of, twin};
use super::windows::{of_names, of_repeated};
use crate::harness::WindowBuilder;
use crate::harness::cases::{Case, cases};

const TESTS: [&str; 5] = [
    "psi",
    "jensen_shannon",
    "hellinger",
    "l_infinity",
    "chi_square",
];

type Pure = fn(&[f64], &[f64]) -> Result<f64, CountsError>;

/// Runs a file; `unit`: the case's number for a value of 1.
fn run(file: &str, test: &str, unit: f64, pure: Pure) -> usize {
    let config = json!({ "rows_min": 1, "categorical": TESTS, "correction": "none" });
    let cases = cases(file);
    for case in &cases {
        let table = case.table();
        let (p, q) = table.cells();
        let value = pure(&p, &q).unwrap();
        case.check("value", value * unit);

        for (detector, role) in [
            ("data-drift", Role::Feature),
            ("prior-drift", Role::Prediction),
        ] {
            let reference = of_names(role, &table.names, &table.reference);
            let current = of_names(role, &table.names, &table.current);
            let measurements = twin(detector).compare(&config, &reference, &current);
            let found = of(&measurements, "x", test);
            assert_eq!(found.value.to_bits(), value.to_bits(), "{}", case.of);
            if test == "chi_square" {
                p_value_of_chi_square(case, found, &p, &q);
            }
        }
    }
    cases.len()
}

/// Where every cell expects five rows and more it is that of the reference. Else sparse cells are put
/// together; what is still too rare then gets Fisher's exact test, and a fifth of the level.
fn p_value_of_chi_square(case: &Case, found: &leeway::domain::Measurement, p: &[f64], q: &[f64]) {
    let plain = chi_square(p, q).unwrap();
    case.check("p_value", plain.p_value);
    case.check("cramers_v", plain.cramers_v);
    assert_eq!(
        case.expected("dof").unwrap_or(plain.degrees),
        plain.degrees,
        "{}",
        case.of
    );
    if p.len() == 1 {
        assert_eq!(
            (found.verdict, found.p_value),
            (Verdict::Constant, None),
            "{}",
            case.of
        );
        return;
    }
    if plain.expected_min >= 5.0 {
        case.check("p_value", found.p_value.unwrap());
        case.check("cramers_v", found.effect.unwrap());
        return;
    }
    let (n, m): (f64, f64) = (p.iter().sum(), q.iter().sum());
    let pooled = pool_sparse(p, q, 5.0).unwrap();
    let law = chi_square(&pooled.reference, &pooled.current)
        .unwrap()
        .p_value;
    let exact = pooled
        .rare
        .map(|rare| two_proportions((rare.0, n), (rare.1, m)).p_value);
    let expected = match (pooled.reference.len(), exact) {
        (1, None) => None,
        (1, Some(_)) if pooled.sparse == p.len() => None, // Not one dense cell.
        (1, Some(exact)) => Some(exact),
        (_, None) => Some(law),
        (_, Some(exact)) => Some((law / 0.8).min(exact / 0.2).min(1.0)),
    };
    assert_eq!(found.p_value, expected, "{}", case.of);
    assert_eq!(
        found.verdict == Verdict::Insufficient,
        expected.is_none(),
        "{}",
        case.of
    );
}

#[test]
fn chi_square_equals_scipy() {
    assert_eq!(
        run("chi_square", "chi_square", 1.0, |p, q| Ok(chi_square(
            p, q
        )?
        .statistic)),
        37
    );
}

#[test]
fn psi_equals_its_closed_form() {
    assert_eq!(run("psi", "psi", 1.0, psi), 37);
}

#[test]
fn jensen_shannon_equals_scipy() {
    assert_eq!(
        run("jensen_shannon", "jensen_shannon", 1.0, jensen_shannon),
        37
    );
}

#[test]
fn hellinger_equals_numpy() {
    assert_eq!(run("hellinger", "hellinger", 1.0, hellinger), 37);
}

#[test]
fn distances_of_categories_equal_nannyml() {
    assert_eq!(run("l_infinity", "l_infinity", 1.0, l_infinity), 34);
    assert_eq!(run("nannyml_hellinger", "hellinger", 1.0, hellinger), 34);
    // NannyML takes logarithms to the base 2.
    let bits = 1.0 / core::f64::consts::LN_2.sqrt();
    assert_eq!(
        run(
            "nannyml_jensen_shannon",
            "jensen_shannon",
            bits,
            jensen_shannon
        ),
        34
    );
}

#[test]
fn error_rates_equal_scipy() {
    let cases = cases("two_proportions");
    for case in &cases {
        let table = case.table();
        let pair = |counts: &[u64]| (counts[0] as f64, (counts[0] + counts[1]) as f64);
        let (p, q) = (pair(&table.reference), pair(&table.current));
        let pure = two_proportions(p, q);
        case.check("value", pure.statistic);
        case.check("difference", pure.difference);
        if !pure.exact {
            case.check("p_value", pure.p_value);
        }

        // Wrong answers of a classifier: 1 and 0.
        let window = |counts: &[u64]| of_repeated(Role::Error, &[1.0, 0.0], counts);
        let (reference, current) = (window(&table.reference), window(&table.current));
        let config = json!({ "rows_min": 1, "correction": "none" });
        let measurements = twin("concept-drift").compare(&config, &reference, &current);
        let found = of(&measurements, "x", "chi_square");
        if found.verdict == Verdict::Constant {
            assert_eq!(case.expected("value"), Some(0.0), "{}", case.of);
            continue;
        }
        case.check("value", found.value);
        if found.verdict == Verdict::Insufficient {
            assert!(p.1.min(q.1) < 10.0, "{}", case.of);
        } else if pure.exact {
            let p_value = found.p_value.unwrap();
            assert!(
                (p_value - pure.p_value).abs() <= 1e-9 * pure.p_value,
                "{}: {p_value:e}, not {:e}",
                case.of,
                pure.p_value
            );
        } else {
            case.check("p_value", found.p_value.unwrap());
        }
    }
    assert_eq!(cases.len(), 24);
}

#[test]
fn shares_of_missing_values_equal_scipy() {
    let mut run = 0;
    for case in cases("two_proportions") {
        let table = case.table();
        if table.reference.iter().chain(&table.current).sum::<u64>() > 1_000_000 {
            continue; // Missing rows do not merge into values: these windows are built row by row.
        }
        let window = |counts: &[u64]| {
            let missing = vec![f64::NAN; usize::try_from(counts[0]).unwrap()];
            let there = (0..counts[1]).map(|row| row as f64);
            WindowBuilder::default()
                .numbers(
                    "x",
                    Role::Feature,
                    &missing.into_iter().chain(there).collect::<Vec<_>>(),
                )
                .build()
        };
        let (reference, current) = (window(&table.reference), window(&table.current));
        if table.reference[0] + table.current[0] == 0 {
            continue;
        }
        let config = json!({ "rows_min": 1, "numeric": ["mean_shift"], "distinct_min": 0, "correction": "none" });
        let measurements = twin("data-drift").compare(&config, &reference, &current);
        let found = of(&measurements, "x", "missing");
        let difference = case.expected("difference").unwrap();
        assert!(
            (found.value - difference.abs()).abs() <= 1e-12,
            "{}",
            case.of
        );
        run += 1;
    }
    println!("3 of 24 cases were left out: their windows have a million rows and more");
    assert_eq!(run, 21);
}

#[test]
fn missing_rows_are_a_category_of_their_own() {
    let config = json!({ "rows_min": 1, "categorical": TESTS, "correction": "none" });
    let window = |a: usize, b: usize, missing: usize| {
        let names = [Some("a")]
            .repeat(a)
            .into_iter()
            .chain([Some("b")].repeat(b))
            .chain([None].repeat(missing))
            .collect::<Vec<_>>();
        WindowBuilder::default()
            .names("x", Role::Feature, &names)
            .build()
    };

    let measurements =
        twin("data-drift").compare(&config, &window(50, 40, 10), &window(30, 40, 30));

    let (p, q) = ([50.0, 40.0, 10.0], [30.0, 40.0, 30.0]);
    assert_eq!(of(&measurements, "x", "psi").value, psi(&p, &q).unwrap());
    assert_eq!(
        of(&measurements, "x", "chi_square").p_value,
        Some(chi_square(&p, &q).unwrap().p_value)
    );
}
