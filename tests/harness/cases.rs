//! The golden cases of `tests/cases`: inputs, and the numbers that a named library gives for them.
#![allow(clippy::unwrap_used, reason = "a test fails where it is")]

use std::collections::BTreeSet;

use serde_json::Value;

use super::repository;

/// Every case of a file such as `ks`.
pub fn cases(file: &str) -> Vec<Case> {
    let path = repository().join(format!("tests/cases/{file}.json"));
    let parsed: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let case = |body: &Value| Case {
        of: format!("{file}: {}", body["name"].as_str().unwrap()),
        body: body.clone(),
    };
    parsed["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(case)
        .collect()
}

/// One case.
pub struct Case {
    /// Its file and its name.
    pub of: String,
    body: Value,
}

impl Case {
    /// A sample's numbers row by row; NaN where one is missing.
    pub fn rows(&self, sample: &str) -> Vec<f64> {
        let sample = &self.body[sample];
        if let Some(values) = sample["values"].as_array() {
            values
                .iter()
                .map(|value| value.as_f64().unwrap_or(f64::NAN))
                .collect()
        } else if let Some(segments) = sample["stream"].as_array() {
            segments.iter().flat_map(segment).collect()
        } else {
            generated(&sample["generate"])
        }
    }

    /// A sample's numbers without missing ones.
    pub fn numbers(&self, sample: &str) -> Vec<f64> {
        self.rows(sample)
            .into_iter()
            .filter(|value| !value.is_nan())
            .collect()
    }

    /// A sample's categories row by row, where it has any.
    pub fn names(&self, sample: &str) -> Option<Vec<Option<String>>> {
        let rows = self.body[sample]["categories"].as_array()?;
        Some(
            rows.iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect(),
        )
    }

    /// The counts of both windows; rows that are missing are dropped.
    pub fn table(&self) -> Table {
        let (reference, current) = (&self.body["reference"], &self.body["current"]);
        if let (Some(p), Some(q)) = (reference["counts"].as_array(), current["counts"].as_array()) {
            let counts =
                |counts: &[Value]| counts.iter().map(|count| count.as_u64().unwrap()).collect();
            let names = match self.body["categories"].as_array() {
                Some(names) => names
                    .iter()
                    .map(|name| name.as_str().unwrap().to_owned())
                    .collect(),
                None => (0..p.len())
                    .map(|position| format!("category {position:04}"))
                    .collect(),
            };
            return Table {
                names,
                reference: counts(p),
                current: counts(q),
            };
        }
        let rows = |sample: &Value| -> Vec<String> {
            sample["categories"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        let (p, q) = (rows(reference), rows(current));
        let names: BTreeSet<String> = p.iter().chain(&q).cloned().collect();
        let count = |rows: &[String]| {
            names
                .iter()
                .map(|name| rows.iter().filter(|row| *row == name).count() as u64)
                .collect()
        };
        let (reference, current) = (count(&p), count(&q));
        Table {
            names: names.into_iter().collect(),
            reference,
            current,
        }
    }

    /// An input, or a parameter, by name.
    pub fn input(&self, name: &str) -> &Value {
        let inputs = &self.body["inputs"];
        if inputs.is_null() {
            &self.body[name]
        } else {
            &inputs[name]
        }
    }

    /// What is expected of a field, if anything.
    pub fn expected(&self, field: &str) -> Option<f64> {
        self.body["expected"][field].as_f64()
    }

    /// What is expected of a field with several numbers.
    pub fn expected_all(&self, field: &str) -> Vec<f64> {
        self.body["expected"][field]
            .as_array()
            .unwrap()
            .iter()
            .map(|number| number.as_f64().unwrap())
            .collect()
    }

    /// Holds a number against the expected one; a field that is not expected passes.
    #[track_caller]
    pub fn check(&self, field: &str, found: f64) {
        if let Some(expected) = self.expected(field) {
            self.close(field, found, expected);
        }
    }

    /// Holds several numbers against the expected ones.
    #[track_caller]
    pub fn check_all(&self, field: &str, found: &[f64]) {
        let expected = self.expected_all(field);
        assert_eq!(found.len(), expected.len(), "{}: {field}", self.of);
        found
            .iter()
            .zip(expected)
            .for_each(|(&found, expected)| self.close(field, found, expected));
    }

    #[track_caller]
    fn close(&self, field: &str, found: f64, expected: f64) {
        let relative = self.body["tolerance"][field].as_f64().unwrap();
        let absolute = self.body["absolute"][field].as_f64().unwrap_or(0.0);
        let off = (found - expected).abs();
        assert!(
            off <= (relative * expected.abs()).max(absolute),
            "{}: {field} is {found:e}, expected {expected:e}",
            self.of
        );
    }
}

/// Rows per category in both windows.
pub struct Table {
    pub names: Vec<String>,
    pub reference: Vec<u64>,
    pub current: Vec<u64>,
}

impl Table {
    /// Both rows of counts as a detector forms them: categories of the reference first, those that are
    /// new after them, empty ones left out.
    pub fn cells(&self) -> (Vec<f64>, Vec<f64>) {
        let pairs = || {
            self.reference
                .iter()
                .zip(&self.current)
                .map(|(&p, &q)| (p as f64, q as f64))
        };
        let known = pairs().filter(|pair| pair.0 > 0.0);
        known
            .chain(pairs().filter(|pair| pair.0 == 0.0 && pair.1 > 0.0))
            .unzip()
    }
}

/// `SplitMix64` (Steele, Lea & Flood 2014), as multiples of 2^-53 in [0, 1).
pub fn uniforms(seed: u64) -> impl Iterator<Item = f64> {
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

fn rows_of(part: &Value) -> impl Iterator<Item = f64> {
    uniforms(part["seed"].as_u64().unwrap())
        .take(usize::try_from(part["rows"].as_u64().unwrap()).unwrap())
}

fn generated(sample: &Value) -> Vec<f64> {
    let (scale, offset) = (
        sample["scale"].as_f64().unwrap(),
        sample["offset"].as_f64().unwrap(),
    );
    let (levels, power) = (sample["levels"].as_f64(), sample["power"].as_u64().unwrap());
    let value = |u: f64| {
        let u = levels.map_or(u, |levels| (u * levels).floor() / levels);
        let u = match power {
            2 => u * u,
            3 => u * u * u,
            _ => u,
        };
        offset + scale * u
    };
    rows_of(sample).map(value).collect()
}

fn segment(part: &Value) -> Vec<f64> {
    if let Some(probability) = part["probability"].as_f64() {
        return rows_of(part)
            .map(|u| f64::from(u8::from(u < probability)))
            .collect();
    }
    let (scale, offset) = (
        part["scale"].as_f64().unwrap(),
        part["offset"].as_f64().unwrap(),
    );
    rows_of(part).map(|u| offset + scale * u).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(tolerance: f64) -> Case {
        let body = serde_json::json!({ "expected": { "value": 2.0 }, "tolerance": { "value": tolerance } });
        Case {
            of: "a case".to_owned(),
            body,
        }
    }

    #[test]
    fn a_number_inside_the_tolerance_passes() {
        case(1e-9).check("value", 2.0 + 1e-9);
        case(0.0).check("value", 2.0);
        case(0.0).check("not expected", 7.0);
    }

    #[test]
    #[should_panic(expected = "a case: value is 2.00000001e0, expected 2e0")]
    fn a_number_outside_it_does_not() {
        case(1e-9).check("value", 2.000_000_01);
    }

    #[test]
    #[should_panic(expected = "a case: value is NaN, expected 2e0")]
    fn nor_does_one_that_is_none() {
        case(1e-9).check("value", f64::NAN);
    }
}
