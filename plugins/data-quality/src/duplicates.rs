//! How often rows repeat in every column, where rows can be read at all.

use std::collections::BTreeMap;

use leeway_sdk::{ColumnKind, Failure, Window};
use serde::{Deserialize, Serialize};

/// Rows beyond which repeats are not looked for: 8 MB of marks.
pub(crate) const ROWS_MAX: u32 = 1_000_000;
/// Rows that are read at a time.
const CHUNK: u32 = 65_536;

/// Of how many different rows there are how many copies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Repeats {
    pub(crate) rows: u64,
    /// Copies, and how many different rows have so many; ascending.
    copies: BTreeMap<u64, u64>,
}

/// Counts repeats; nothing where the window holds a sample of its rows, or profiles alone, or more than [`ROWS_MAX`].
pub(crate) fn read(window: &dyn Window) -> Result<Option<Repeats>, Failure> {
    let rows = window.kept_rows();
    if rows == 0 || rows > ROWS_MAX || !window.complete() {
        return Ok(None);
    }
    let mut marks = vec![0_u64; rows as usize];
    for (index, column) in (0..).zip(window.columns()) {
        let mut offset = 0;
        while offset < rows {
            let len = CHUNK.min(rows - offset);
            let chunk = &mut marks[offset as usize..(offset + len) as usize];
            match column.kind {
                ColumnKind::Numeric => {
                    let values = window.numbers(index, offset, len)?;
                    mix(chunk, values.iter().map(|value| bits(*value)));
                }
                ColumnKind::Categorical => {
                    let codes = window.codes(index, offset, len)?;
                    mix(chunk, codes.into_iter().map(u64::from));
                }
                ColumnKind::Embedding => {
                    let parts = window.embeddings(index, offset, len)?;
                    let vectors = parts.chunks(column.dimension.max(1) as usize);
                    let marked = vectors.map(|vector| {
                        vector
                            .iter()
                            .fold(0, |mark, part| mixed(mark, bits(f64::from(*part))))
                    });
                    mix(chunk, marked);
                }
            }
            offset += len;
        }
    }
    marks.sort_unstable();
    let mut copies = BTreeMap::new();
    for same in marks.chunk_by(|a, b| a == b) {
        *copies.entry(same.len() as u64).or_insert(0) += 1;
    }
    Ok(Some(Repeats {
        rows: u64::from(rows),
        copies,
    }))
}

/// Both zeros are one number, and so are all that are missing.
fn bits(value: f64) -> u64 {
    if value.is_nan() {
        u64::MAX
    } else {
        (value + 0.0).to_bits()
    }
}

fn mix(marks: &mut [u64], values: impl Iterator<Item = u64>) {
    for (mark, value) in marks.iter_mut().zip(values) {
        *mark = mixed(*mark, value);
    }
}

/// Two rows that differ have the same mark with a chance of 2^-64: never in a million rows.
fn mixed(mark: u64, value: u64) -> u64 {
    let mut z = (mark.rotate_left(17) ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Repeats {
    /// Expected share of rows that repeat another one among `rows` of these, drawn without replacement.
    ///
    /// A window of more rows has more repeats, so only windows of one size can be compared. A row with `c` copies is not among `s` of `n`
    /// rows with the chance `C(n - c, s) / C(n, s)`. Source: Hurlbert (1971), "The Nonconcept of Species Diversity".
    pub(crate) fn share_of(&self, rows: u64) -> f64 {
        let (n, s) = (self.rows as f64, rows.min(self.rows) as f64);
        if s <= 0.0 {
            return 0.0;
        }
        let different: f64 = self
            .copies
            .iter()
            .map(|(copies, times)| *times as f64 * (1.0 - absent(n, s, *copies)))
            .sum();
        (1.0 - different / s).clamp(0.0, 1.0)
    }
}

/// `C(n - c, s) / C(n, s)`, as the product over the copies of `(n - s - i) / (n - i)`.
fn absent(n: f64, s: f64, copies: u64) -> f64 {
    let mut chance = 1.0;
    for i in 0..copies {
        let i = i as f64;
        chance *= ((n - s - i) / (n - i)).max(0.0);
        if chance < 1e-18 {
            return 0.0;
        }
    }
    chance
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(copies: &[(u64, u64)]) -> Repeats {
        Repeats {
            rows: copies.iter().map(|(copies, times)| copies * times).sum(),
            copies: copies.iter().copied().collect(),
        }
    }

    #[test]
    fn of_all_rows_it_is_the_plain_share() {
        // Five single rows and one of five copies: four of ten repeat.
        assert!((repeats(&[(1, 5), (5, 1)]).share_of(10) - 0.4).abs() < 1e-12);
    }

    #[test]
    fn fewer_rows_repeat_less() {
        // Pairs: two rows of four are a pair with chance 1/3, so a sixth of the rows repeats.
        assert!((repeats(&[(2, 2)]).share_of(2) - 1.0 / 6.0).abs() < 1e-12);
        assert_eq!(repeats(&[(1, 100)]).share_of(50), 0.0);
        assert_eq!(repeats(&[(2, 2)]).share_of(0), 0.0);
    }

    #[test]
    fn zeros_are_one_number_and_missing_is_one_value() {
        assert_eq!(bits(0.0), bits(-0.0));
        assert_eq!(bits(f64::NAN), bits(-f64::NAN));
        assert_ne!(bits(1.0), bits(2.0));
    }
}
