//! A profile as bytes.
//!
//! ```text
//! "LWPF"  version: u16  checksum: u64                  all little-endian; the checksum is over all else
//! exact_distinct_max  sketch_capacity  categories_max  numbers are LEB128 from here on
//! columns, then of each: kind: u8  role: u8  name
//! rows  spanned: u8  (first: f64  last: f64)?
//! of each column: rows  missing  non_finite  form: u8, then
//!   0 exact       (dimension, if an embedding)  counted: u8  numbers  counts?
//!   1 sketched    (dimension, if an embedding)  mean  mean_rest  squares  minimum  maximum: f64  over  under  levels, of each: numbers
//!   2 categories  rest  entries, then of each: name  count
//! numbers: length  then either  shift: u8 below 64  first key  differences, all without their `shift` lowest bits
//!                        or      64: u8  keys: u64
//! ```
//! A text is its length and its UTF-8 bytes. Numbers are keys of the same order, of which those of
//! round numbers end in zeros. They are written as differences where that takes less than six bytes a number: continuous
//! values gain little by it, and are read and written several times as fast as they are. Equal profiles give equal bytes.

use xxhash_rust::xxh3::Xxh3;

use crate::domain::{ColumnKind, Role};

use super::bytes::Writer;
use super::column::{ColumnProfile, Summary};
use super::distribution::Distribution;
use super::order;
use super::summary::Profile;

/// First bytes of every profile.
pub(super) const MAGIC: [u8; 4] = *b"LWPF";
/// The layout that is written, and the only one that is read.
pub(super) const VERSION: u16 = 2;
/// Bytes before the payload: magic, version, checksum.
pub(super) const HEADER_BYTES: usize = 14;

pub(super) const FORM_EXACT: u8 = 0;
pub(super) const FORM_SKETCHED: u8 = 1;
pub(super) const FORM_CATEGORIES: u8 = 2;

/// Kinds by their code.
pub(super) const KINDS: [ColumnKind; 3] = [
    ColumnKind::Numeric,
    ColumnKind::Categorical,
    ColumnKind::Embedding,
];
/// Roles by their code.
pub(super) const ROLES: [Role; 8] = [
    Role::Feature,
    Role::Prediction,
    Role::Probability,
    Role::Label,
    Role::Error,
    Role::Residual,
    Role::AbsoluteResidual,
    Role::Brier,
];

impl Profile {
    /// The profile as bytes, which [`Profile::from_bytes`] reads. Equal profiles give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        for setting in [
            self.config.exact_distinct_max(),
            self.config.sketch_capacity(),
            self.config.categories_max(),
        ] {
            writer.number(setting as u64);
        }
        writer.number(self.columns.len() as u64);
        for spec in self.schema.columns() {
            writer.byte(code(&KINDS, spec.kind));
            writer.byte(code(&ROLES, spec.role));
            writer.text(&spec.name);
        }
        writer.number(self.rows);
        writer.byte(u8::from(self.span.is_some()));
        if let Some((first, last)) = self.span {
            writer.double(first);
            writer.double(last);
        }
        self.columns
            .iter()
            .for_each(|column| write_column(column, &mut writer));

        let payload = writer.into_bytes();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(checksum(VERSION, &payload).to_le_bytes());
        bytes.extend(payload);
        bytes
    }
}

/// XXH3-64 of all but the checksum itself.
pub(super) fn checksum(version: u16, payload: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&MAGIC);
    hash.update(&version.to_le_bytes());
    hash.update(payload);
    hash.digest()
}

fn code<T: PartialEq + Copy>(all: &[T], one: T) -> u8 {
    let at = all
        .iter()
        .position(|other| *other == one)
        .expect("every variant has a code");
    u8::try_from(at).expect("few variants")
}

fn write_column(column: &ColumnProfile, writer: &mut Writer) {
    writer.number(column.rows);
    writer.number(column.missing);
    writer.number(column.non_finite);
    match &column.summary {
        Summary::Numbers(distribution) => write_distribution(distribution, None, writer),
        Summary::Norms { dimension, norms } => write_distribution(norms, Some(*dimension), writer),
        Summary::Categories(categories) => {
            writer.byte(FORM_CATEGORIES);
            writer.number(categories.rest());
            writer.number(categories.entries().len() as u64);
            for (name, count) in categories.entries() {
                writer.text(name);
                writer.number(count);
            }
        }
    }
}

fn write_distribution(distribution: &Distribution, dimension: Option<u32>, writer: &mut Writer) {
    writer.byte(if distribution.is_exact() {
        FORM_EXACT
    } else {
        FORM_SKETCHED
    });
    if let Some(dimension) = dimension {
        writer.number(dimension.into());
    }
    match distribution {
        Distribution::Exact(run) => {
            writer.byte(u8::from(!run.explicit_counts().is_empty()));
            write_numbers(run.values(), writer);
            run.explicit_counts()
                .iter()
                .for_each(|&count| writer.number(count));
        }
        Distribution::Sketched(sketch, moments) => {
            for double in [
                moments.mean,
                moments.mean_rest,
                moments.squares,
                sketch.minimum,
                sketch.maximum,
            ] {
                writer.double(double);
            }
            writer.number(sketch.over);
            writer.number(sketch.under);
            writer.number(sketch.levels.len() as u64);
            sketch
                .levels
                .iter()
                .for_each(|level| write_numbers(level, writer));
        }
    }
}

/// In place of a shift: keys follow as they are.
pub(super) const FIXED: u8 = 64;
/// Bytes a number from which on differences are not worth their time.
const DIFFERENCE_BYTES: usize = 6;

/// Ascending numbers: their keys, or the differences of them.
fn write_numbers(numbers: &[f64], writer: &mut Writer) {
    let bits = numbers
        .iter()
        .fold(0, |bits, &number| bits | order::key(number));
    let shift = bits.trailing_zeros() % u64::BITS;
    writer.number(numbers.len() as u64);
    if is_fixed(numbers, shift) {
        writer.byte(FIXED);
        writer.words(numbers.iter().map(|&number| order::key(number)));
        return;
    }
    writer.byte(u8::try_from(shift).expect("below 64"));
    let mut before = 0;
    for &number in numbers {
        let key = order::key(number) >> shift;
        writer.number(key - before);
        before = key;
    }
}

/// Whether ascending numbers are written as they are.
pub(super) fn is_fixed(numbers: &[f64], shift: u32) -> bool {
    let (mut bytes, mut before) = (0, 0);
    for &number in numbers {
        let key = order::key(number) >> shift;
        // A byte for each seven bits, and one for zero.
        let bits = u64::BITS - ((key - before) | 1).leading_zeros();
        bytes += (bits as usize).div_ceil(7);
        before = key;
    }
    bytes >= DIFFERENCE_BYTES * numbers.len().max(1)
}
