//! Which parts of a column carry its distance: bins, values or categories, ranked by their share of it.

use leeway_statistics::bins::quantile_edges;
use leeway_statistics::carried::{areas, squares};
use leeway_statistics::sample::Sample;
use serde_json::{Map, Value, json};

use crate::Test;

/// Parts that are told, the largest share first.
const PARTS_MAX: usize = 5;
/// Characters of a category's name that are told: five of them, each escaped in six bytes, fit the 4096 bytes of a detail twice over.
const NAME_CHARS_MAX: usize = 64;
/// Quantile bins of the reference to which tests on distribution functions attribute their distance.
const BINS: usize = 10;

/// A part of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Part<'a> {
    /// Values above the first number, if there is one, up to the second.
    Bin(Option<f64>, Option<f64>),
    /// One value of a column with few.
    Value(f64),
    Category(&'a str),
    /// Rows without a value.
    Missing,
    /// Categories beyond the dictionary.
    Other,
}

impl Part<'_> {
    fn fields(self) -> Map<String, Value> {
        let (kind, name) = match self {
            Self::Bin(low, high) => ("bin", interval(low, high)),
            Self::Value(value) => ("value", short(value)),
            Self::Category(name) => ("category", shortened(name)),
            Self::Missing => ("missing", "missing values".to_owned()),
            Self::Other => ("other", "other categories".to_owned()),
        };
        let mut fields =
            Map::from_iter([("kind".into(), kind.into()), ("name".into(), name.into())]);
        if let Self::Bin(low, high) = self {
            fields.insert("above".into(), json!(low));
            fields.insert("to".into(), json!(high));
        }
        fields
    }
}

/// The parts with the largest shares of the distance, as JSON; empty where there is no distance.
///
/// `share` is the part's term of the sum that the distance is, over that sum: `(q - p) ln(q / p)` for `psi`, its terms for
/// `jensen_shannon`, `(sqrt(p) - sqrt(q))^2` for `hellinger`, the part's chi-square for `chi_square`, the area and the squares between the
/// distribution functions for `wasserstein` and `cramer_von_mises`. Largest differences (`ks`, `l_infinity`) are no sums: there it is the
/// part's `|p - q|` over the sum of all.
pub(crate) fn ranked(parts: &[Part], terms: &[f64], windows: (&[f64], &[f64])) -> Vec<Value> {
    let total: f64 = terms.iter().sum();
    if !(total > 0.0 && total.is_finite()) {
        return Vec::new();
    }
    let (n, m): (f64, f64) = (windows.0.iter().sum(), windows.1.iter().sum());
    let mut order: Vec<usize> = (0..terms.len()).filter(|&at| terms[at] > 0.0).collect();
    order.sort_by(|&a, &b| terms[b].total_cmp(&terms[a])); // Stable: of equals the first.
    order
        .into_iter()
        .take(PARTS_MAX)
        .map(|at| {
            let mut fields = parts[at].fields();
            fields.insert("share".into(), json!(rounded(terms[at] / total)));
            fields.insert("reference".into(), json!(rounded(windows.0[at] / n)));
            fields.insert("current".into(), json!(rounded(windows.1[at] / m)));
            Value::Object(fields)
        })
        .collect()
}

/// What each cell adds to the distance of a test on counts.
pub(crate) fn terms(test: Test, reference: &[f64], current: &[f64]) -> Vec<f64> {
    let (n, m): (f64, f64) = (reference.iter().sum(), current.iter().sum());
    let term = |p: f64, q: f64| match test {
        Test::Psi => {
            let (p, q) = (p.max(0.5 / n), q.max(0.5 / m));
            (q - p) * libm::log(q / p)
        }
        Test::JensenShannon => {
            let middle = 0.5 * (p + q);
            let half = |x: f64| {
                if x > 0.0 {
                    x * libm::log(x / middle)
                } else {
                    0.0
                }
            };
            (half(p) + half(q)).max(0.0)
        }
        Test::Hellinger => (p.sqrt() - q.sqrt()) * (p.sqrt() - q.sqrt()),
        Test::ChiSquare => {
            let pooled = (p * n + q * m) / (n + m);
            if pooled > 0.0 {
                (p - q) * (p - q) / pooled
            } else {
                0.0
            }
        }
        _ => (p - q).abs(),
    };
    let both = reference.iter().zip(current);
    both.map(|(p, q)| if p + q > 0.0 { term(p / n, q / m) } else { 0.0 })
        .collect()
}

/// The ranked bins of a test on distribution functions.
pub(crate) fn of_numbers(test: Test, reference: &Sample, current: &Sample) -> Vec<Value> {
    let edges = quantile_edges(reference, BINS);
    let windows = (edges.count(reference), edges.count(current));
    let terms = match test {
        Test::Wasserstein => areas(reference, current, edges.as_slice()),
        Test::CramerVonMises => squares(reference, current, edges.as_slice()),
        _ => terms(test, &windows.0, &windows.1),
    };
    ranked(&bins(edges.as_slice()), &terms, (&windows.0, &windows.1))
}

/// The bins between edges, the two at the ends open.
pub(crate) fn bins(edges: &[f64]) -> Vec<Part<'static>> {
    let lows = [None].into_iter().chain(edges.iter().copied().map(Some));
    let highs = edges.iter().copied().map(Some).chain([None]);
    lows.zip(highs)
        .map(|(low, high)| Part::Bin(low, high))
        .collect()
}

fn interval(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (None, None) => "all".to_owned(),
        (None, Some(high)) => format!("up to {}", short(high)),
        (Some(low), None) => format!("above {}", short(low)),
        (Some(low), Some(high)) => format!("({}, {}]", short(low), short(high)),
    }
}

/// Six digits, as people write them.
fn short(value: f64) -> String {
    let rounded = significant(value);
    if rounded == 0.0 || (1e-4..1e9).contains(&rounded.abs()) {
        format!("{rounded}")
    } else {
        format!("{rounded:e}")
    }
}

/// A number with six significant digits.
pub(crate) fn significant(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// A share with six decimals.
fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(NAME_CHARS_MAX) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…", &name[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_by_their_share_and_the_shares_are_of_the_whole() {
        // In eighths, so that both differences are the same number.
        let (p, q) = ([4.0, 3.0, 1.0], [4.0, 2.0, 2.0]);
        let parts = [Part::Category("a"), Part::Category("b"), Part::Missing];
        let told = ranked(&parts, &terms(Test::LInfinity, &p, &q), (&p, &q));
        assert_eq!(
            told,
            [
                json!({"kind": "category", "name": "b", "share": 0.5, "reference": 0.375, "current": 0.25}),
                json!({"kind": "missing", "name": "missing values", "share": 0.5, "reference": 0.125, "current": 0.25}),
            ]
        );
        assert!(ranked(&parts, &[0.0; 3], (&p, &p)).is_empty());
    }

    #[test]
    fn the_terms_of_a_test_add_up_to_its_value() {
        use leeway_statistics::{chi_square, hellinger, jensen_shannon, psi};
        let (p, q) = ([50.0, 30.0, 20.0], [5.0, 10.0, 4.0]);
        let sum = |test| terms(test, &p, &q).iter().sum::<f64>();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        near(sum(Test::Psi), psi::psi(&p, &q).unwrap());
        near(
            (0.5 * sum(Test::JensenShannon)).sqrt(),
            jensen_shannon::jensen_shannon(&p, &q).unwrap(),
        );
        near(
            (0.5 * sum(Test::Hellinger)).sqrt(),
            hellinger::hellinger(&p, &q).unwrap(),
        );
        // With n m / (n + m) it is the statistic.
        let scale = 100.0 * 19.0 / 119.0;
        near(
            scale * sum(Test::ChiSquare),
            chi_square::chi_square(&p, &q).unwrap().statistic,
        );
    }

    #[test]
    fn five_of_the_longest_names_fit_the_detail() {
        let name = "\u{1}".repeat(5_000);
        let parts = [Part::Category(&name); 9];
        let (p, q) = ([1.0; 9], [2.0; 9]);
        let told = ranked(&parts, &[1.0; 9], (&p, &q));
        let bytes = json!({ "carried_by": told }).to_string().len();
        assert!(told.len() == 5 && bytes < 4_096, "{bytes}");
    }

    #[test]
    fn edges_are_readable() {
        assert_eq!(interval(Some(1.0 / 3.0), Some(2e12)), "(0.333333, 2e12]");
        assert_eq!(interval(None, Some(0.0)), "up to 0");
        assert_eq!(interval(Some(-12.5), None), "above -12.5");
    }
}
