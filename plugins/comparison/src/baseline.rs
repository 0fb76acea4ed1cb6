//! What is kept of the reference window, as bytes.

use leeway_sdk::Failure;
use leeway_statistics::sample::{Sample, SampleBuf};
use serde::{Deserialize, Serialize};

use crate::Test;

/// First byte of a baseline; raised when its layout changes.
pub(crate) const FORMAT: u8 = 1;

/// The reference window, as far as the configured tests need it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    pub(crate) columns: Vec<Reference>,
}

/// One column of the reference window.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) tests: Vec<Test>,
    /// All rows.
    pub(crate) rows: u64,
    /// Rows without a usable value: missing or infinite.
    pub(crate) missing: u64,
    pub(crate) summary: Summary,
}

/// The values of a column.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Summary {
    /// Numbers, or the norms of vectors.
    Numbers(Numbers),
    /// Names with their rows, ascending, and the rows beyond the dictionary.
    Categories {
        names: Vec<String>,
        counts: Vec<f64>,
        rest: f64,
    },
}

/// Numbers, as far as the tests need them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) count: f64,
    pub(crate) mean: f64,
    pub(crate) variance: f64,
    pub(crate) minimum: f64,
    pub(crate) maximum: f64,
    /// Largest error of the distribution function, as a share.
    pub(crate) rank_error: f64,
    /// For the tests on distribution functions.
    pub(crate) distribution: Option<Weighted>,
    /// For the tests on counts.
    pub(crate) cells: Option<Cells>,
    /// The law of the Wasserstein distance without drift.
    pub(crate) wasserstein_null: Option<Vec<f64>>,
}

/// Sorted distinct values with counts. Most columns of many values have each once.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weighted {
    pub(crate) values: Vec<f64>,
    /// Empty: every count is 1.
    counts: Vec<u64>,
}

/// Where the counts of a numeric column are taken.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Cells {
    /// Between edges: `(-inf, e0], (e0, e1], ... , (ek, inf)`.
    Bins { edges: Vec<f64>, counts: Vec<f64> },
    /// At each distinct value.
    Values { values: Vec<f64>, counts: Vec<f64> },
}

impl Weighted {
    pub(crate) fn new(sample: &Sample) -> Self {
        let single = sample.counts().iter().all(|&count| count == 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts are whole numbers below 2^53"
        )]
        let counts = if single {
            Vec::new()
        } else {
            sample.counts().iter().map(|&count| count as u64).collect()
        };
        Self {
            values: sample.values().to_vec(),
            counts,
        }
    }

    /// The sample again.
    ///
    /// # Errors
    /// [`Failure::UnusableBaseline`] if values and counts are none of a sample.
    pub(crate) fn into_sample(self) -> Result<SampleBuf, Failure> {
        let counts = if self.counts.is_empty() {
            vec![1.0; self.values.len()]
        } else {
            self.counts.iter().map(|&count| count as f64).collect()
        };
        SampleBuf::new(self.values, counts)
            .map_err(|error| Failure::UnusableBaseline(error.to_string()))
    }
}

impl Baseline {
    /// Byte form: the format, a checksum of the fields, the fields.
    ///
    /// # Errors
    /// [`Failure::Internal`] if the fields cannot be written.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![FORMAT; FIELDS_AT];
        bytes = postcard::to_extend(self, bytes)
            .map_err(|error| Failure::Internal(error.to_string()))?;
        let checksum = checksum(&bytes[FIELDS_AT..]).to_le_bytes();
        bytes[1..FIELDS_AT].copy_from_slice(&checksum);
        Ok(bytes)
    }

    /// Reads what [`Baseline::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Failure::UnusableBaseline`] for another format or damaged bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let unusable = |why: &str| Failure::UnusableBaseline(why.to_owned());
        match bytes.split_first() {
            Some((&FORMAT, rest)) => {
                let (sum, fields) = rest
                    .split_first_chunk::<8>()
                    .ok_or_else(|| unusable("it is cut off"))?;
                if u64::from_le_bytes(*sum) != checksum(fields) {
                    return Err(unusable("it is damaged: its checksum does not fit"));
                }
                postcard::from_bytes(fields).map_err(|error| unusable(&error.to_string()))
            }
            Some((other, _)) => Err(Failure::UnusableBaseline(format!(
                "its format is {other}, this version reads {FORMAT}"
            ))),
            None => Err(unusable("it is empty")),
        }
    }
}

/// Where the fields begin: after the format and the checksum.
const FIELDS_AT: usize = 9;

/// Tells a damaged baseline from a sound one, so that damage never becomes a wrong verdict: every step
/// is one-to-one in the sum so far, so a change of one word always shows. No guard against malice.
fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    words
        .iter()
        .chain([&last])
        .fold(bytes.len() as u64, |sum, word| {
            let mixed = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15); // The golden ratio, odd.
            mixed ^ (mixed >> 29)
        })
}
