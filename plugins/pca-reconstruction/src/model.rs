//! Rows into numbers, and how far they are from the space of the components.

use std::collections::{BTreeMap, BTreeSet};

use leeway_matrix::{Table, Values};
use leeway_sdk::MISSING_CODE;
use leeway_statistics::principal::Principal;
use serde::{Deserialize, Serialize};

/// Columns at most: the eigenvectors of as many take about a second.
pub const DIMENSIONS_MAX: usize = 256;

/// Encodes, standardises and reconstructs rows, all as learned from a reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    columns: Vec<Encoder>,
    /// Mean of each encoded column after standardising: zero but for rounding.
    mean: Vec<f64>,
    /// Unit vectors of the kept components, one after another.
    components: Vec<f64>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Encoder {
    name: String,
    kind: Encoding,
    /// Mean of the encoded column.
    mean: f64,
    /// Its standard deviation (divisor: rows), 1 where it does not vary.
    deviation: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Encoding {
    /// A number, times a power of two that keeps squares inside the range of doubles; the mean where it is missing.
    Number {
        exponent: i32,
        fill: f64,
        low: f64,
        high: f64,
    },
    /// A name becomes its share of the reference, 0 where that never had it; the most frequent one where it is missing.
    Share {
        shares: BTreeMap<String, f64>,
        fill: f64,
    },
}

/// Standardised numbers beyond this are equally far: their squares stay finite.
const FARTHEST: f64 = 1e100;
/// Exponents of columns whose squares are inside the range of doubles.
const PLAIN_EXPONENTS: core::ops::RangeInclusive<i32> = -400..=400;

impl Model {
    /// Learns from a reference. Imputation, shares, standardising and components are as NannyML 0.13.1 has them.
    pub fn fit(reference: &Table, variance: f64) -> Self {
        Self::learn(reference, |rows, width| {
            Principal::fit(rows, width, variance)
        })
    }

    /// The same with so many components, whatever their variance.
    pub fn with(reference: &Table, kept: usize) -> Self {
        Self::learn(reference, |rows, width| Principal::with(rows, width, kept))
    }

    fn learn(reference: &Table, principal: impl Fn(&[f64], usize) -> Principal) -> Self {
        let mut columns: Vec<Encoder> = Vec::new();
        for column in &reference.columns {
            let kind = match &column.values {
                Values::Numbers(numbers) => Encoding::of_numbers(numbers),
                Values::Names { codes, names } => Encoding::of_names(codes, names),
                Values::Vectors { .. } => continue, // Not accepted.
            };
            let encoded = kind.encode(&column.values).unwrap_or_default();
            let (mean, deviation) = standard(&encoded);
            columns.push(Encoder {
                name: column.name.clone(),
                kind,
                mean,
                deviation,
            });
        }
        let mut model = Self {
            mean: vec![0.0; columns.len()],
            columns,
            components: Vec::new(),
        };
        if let Ok(rows) = model.encoded(reference) {
            let principal = principal(&rows, model.columns.len());
            (model.mean, model.components) = (principal.mean, principal.components);
        }
        model
    }

    /// Columns, in their order.
    pub fn names(&self) -> Vec<&str> {
        self.columns
            .iter()
            .map(|column| column.name.as_str())
            .collect()
    }

    /// Number of kept components.
    pub fn components(&self) -> usize {
        self.components.len() / self.columns.len().max(1)
    }

    /// Distance of each row from its reconstruction.
    ///
    /// # Errors
    /// A reason, where a column is not there or of another kind.
    pub fn errors(&self, rows: &Table) -> Result<Vec<f64>, String> {
        let principal = Principal {
            dimensions: self.columns.len(),
            mean: self.mean.clone(),
            components: self.components.clone(),
        };
        Ok(principal.distances(&self.encoded(rows)?))
    }

    /// Row after row of standardised numbers.
    fn encoded(&self, rows: &Table) -> Result<Vec<f64>, String> {
        let width = self.columns.len();
        let mut encoded = vec![0.0; rows.rows * width];
        for (at, encoder) in self.columns.iter().enumerate() {
            let name = &encoder.name;
            let column = rows
                .column(name)
                .ok_or_else(|| format!("column '{name}' is not in this window"))?;
            let values = encoder.kind.encode(&column.values).ok_or_else(|| {
                format!("column '{name}' is of another kind than in the reference")
            })?;
            let places = encoded.iter_mut().skip(at).step_by(width);
            for (place, value) in places.zip(values) {
                let standard = (value - encoder.mean) / encoder.deviation;
                *place = standard.clamp(-FARTHEST, FARTHEST);
            }
        }
        Ok(encoded)
    }

    /// Shares of the values that are missing and that the reference never had.
    pub fn shares(&self, rows: &Table) -> (f64, f64) {
        let (mut cells, mut missing, mut unseen) = (0, 0, 0);
        for encoder in &self.columns {
            let Some(column) = rows.column(&encoder.name) else {
                continue;
            };
            cells += rows.rows;
            missing += (0..rows.rows)
                .filter(|&row| column.values.missing(row))
                .count();
            unseen += match (&encoder.kind, &column.values) {
                (Encoding::Number { low, high, .. }, Values::Numbers(numbers)) => {
                    numbers.iter().filter(|&x| x < low || x > high).count()
                }
                (Encoding::Share { shares, .. }, Values::Names { codes, names }) => {
                    let new: Vec<bool> = names
                        .iter()
                        .map(|name| !shares.contains_key(name))
                        .collect();
                    codes
                        .iter()
                        .filter(|&&code| new.get(code as usize) == Some(&true))
                        .count()
                }
                _ => 0,
            };
        }
        let cells = f64::from(u32::try_from(cells).unwrap_or(u32::MAX)).max(1.0);
        (missing as f64 / cells, unseen as f64 / cells)
    }
}

impl Encoding {
    fn of_numbers(numbers: &[f64]) -> Self {
        let present = || numbers.iter().copied().filter(|x| !x.is_nan());
        let low = present().fold(f64::INFINITY, f64::min);
        let high = present().fold(f64::NEG_INFINITY, f64::max);
        let largest = present().map(f64::abs).fold(0.0, f64::max);
        let exponent = match largest {
            0.0 => 0,
            largest if PLAIN_EXPONENTS.contains(&libm::ilogb(largest)) => 0,
            largest => -libm::ilogb(largest),
        };
        let (mut sum, mut count) = (0.0, 0.0);
        for x in present() {
            sum += libm::scalbn(x, exponent);
            count += 1.0;
        }
        Self::Number {
            exponent,
            fill: if count > 0.0 { sum / count } else { 0.0 },
            low,
            high,
        }
    }

    fn of_names(codes: &[u32], names: &[String]) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut missing = 0;
        for code in codes {
            match names.get(*code as usize) {
                Some(name) => *counts.entry(name).or_default() += 1,
                None => missing += 1,
            }
        }
        // Of equally frequent names the first by its bytes, as scikit-learn's imputer.
        let mut mode: Option<(&str, usize)> = None;
        for (name, count) in &counts {
            if mode.is_none_or(|(_, most)| *count > most) {
                mode = Some((name, *count));
            }
        }
        let rows = codes.len().max(1) as f64;
        let mut shares: BTreeMap<String, f64> = counts
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count as f64 / rows))
            .collect();
        let mut fill = 0.0;
        if let Some((name, count)) = mode {
            // Shares are of the filled column.
            fill = (count + missing) as f64 / rows;
            shares.insert(name.to_owned(), fill);
        }
        Self::Share { shares, fill }
    }

    /// Numbers of a column; `None` for another kind.
    fn encode(&self, values: &Values) -> Option<Vec<f64>> {
        match (self, values) {
            (Self::Number { exponent, fill, .. }, Values::Numbers(numbers)) => {
                let number = |&x: &f64| {
                    if x.is_nan() {
                        *fill
                    } else {
                        libm::scalbn(x, *exponent)
                    }
                };
                Some(numbers.iter().map(number).collect())
            }
            (Self::Share { shares, fill }, Values::Names { codes, names }) => {
                let by_code: Vec<f64> = names
                    .iter()
                    .map(|name| shares.get(name).copied().unwrap_or(0.0))
                    .collect();
                let number = |&code: &u32| {
                    if code == MISSING_CODE {
                        *fill
                    } else {
                        by_code.get(code as usize).copied().unwrap_or(*fill)
                    }
                };
                Some(codes.iter().map(number).collect())
            }
            _ => None,
        }
    }
}

/// Mean and standard deviation (divisor: rows) of a column; 1 where it does not vary.
fn standard(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    let deviation = (squares / count).sqrt();
    let distinct: BTreeSet<u64> = values.iter().take(2).map(|x| x.to_bits()).collect();
    let varies = distinct.len() > 1 || values.windows(2).any(|pair| pair[0] != pair[1]);
    if varies && deviation > 0.0 {
        (mean, deviation)
    } else {
        (mean, 1.0)
    }
}
