//! The golden cases of `tests/cases`, their rows by the recipes that its README states.

use serde_json::Value;

use crate::simulate::Rows;

/// Every case of a file in `tests/cases`.
///
/// # Panics
/// If there is no such file, or it holds no cases.
pub fn cases(file: &str) -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases");
    let text = std::fs::read_to_string(format!("{folder}/{file}.json")).expect("a file of cases");
    let parsed: Value = serde_json::from_str(&text).expect("cases are JSON");
    let cases = parsed["cases"].as_array().expect("a list of cases");
    assert!(!cases.is_empty(), "{file} has cases");
    cases.clone()
}

/// `SplitMix64` (Steele, Lea & Flood 2014), as multiples of 2^-53 in [0, 1).
fn uniforms(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    })
}

fn number(of: &Value, field: &str) -> f64 {
    of[field].as_f64().unwrap_or(0.0)
}

fn count(of: &Value, field: &str) -> usize {
    usize::try_from(of[field].as_u64().unwrap_or(0)).unwrap_or(0)
}

fn generated(of: &Value) -> Vec<f64> {
    let (scale, offset) = (number(of, "scale"), number(of, "offset"));
    let (levels, power) = (of["levels"].as_f64(), of["power"].as_u64());
    let value = |u: f64| {
        let u = levels.map_or(u, |levels| (u * levels).floor() / levels);
        let u = match power {
            Some(2) => u * u,
            Some(3) => u * u * u,
            _ => u,
        };
        offset + scale * u
    };
    uniforms(of["seed"].as_u64().unwrap_or(0))
        .take(count(of, "rows"))
        .map(value)
        .collect()
}

/// Adds `times` a stream to the sums, row by row.
fn add(sums: &mut Vec<f64>, times: f64, stream: impl ExactSizeIterator<Item = f64>) {
    sums.resize(stream.len(), 0.0);
    for (sum, x) in sums.iter_mut().zip(stream) {
        *sum += times * x;
    }
}

fn summed(terms: &[Value]) -> Vec<f64> {
    let mut sums = Vec::new();
    for term in terms {
        let times = number(term, "times");
        if let Some(seed) = term["bell"].as_u64() {
            for k in 0..12 {
                let stream: Vec<f64> = uniforms(seed + 1000 * k)
                    .take(count(term, "rows"))
                    .collect();
                add(&mut sums, times, stream.into_iter().map(|u| -0.5 + u));
            }
        } else {
            add(&mut sums, times, generated(&term["generate"]).into_iter());
        }
    }
    sums
}

/// The window of a table: `{"columns": [..]}`. What a recipe lacks counts as 0.
pub fn rows(table: &Value) -> Rows {
    let mut rows = Rows::default();
    for column in table["columns"].as_array().into_iter().flatten() {
        let name = column["name"].as_str().unwrap_or_default();
        let missing = &column["missing"];
        let mut gaps = uniforms(missing["seed"].as_u64().unwrap_or(0));
        let share = number(missing, "share");
        let mut gap = || gaps.next().is_some_and(|u| u < share);
        rows = if let Some(terms) = column["sum"].as_array() {
            let numbers = summed(terms).into_iter();
            let numbers = numbers.map(|x| if gap() { f64::NAN } else { x });
            rows.numbers(name, numbers.collect())
        } else {
            let names = generated(&column["names_of"]).into_iter();
            let names = names.map(|x| (!gap()).then(|| format!("n{}", x.floor())));
            rows.names(name, names.collect())
        };
    }
    rows
}
