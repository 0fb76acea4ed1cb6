//! Bytes back into the values of a column, or a refusal.

use super::bytes::{Malformed, Reader};
use super::categories::{CATEGORY_NAME_BYTES_MAX, Categories};
use super::config::{ProfileConfig, ROWS_MAX};
use super::decode::{ensure, read_rows};
use super::distribution::Distribution;
use super::encode::{FIXED, FORM_EXACT, is_fixed};
use super::moments::Moments;
use super::order;
use super::run::Run;
use super::sketch::{LEVEL_MAX, Sketch};

pub(super) fn read_categories(
    reader: &mut Reader<'_>,
    config: &ProfileConfig,
) -> Result<Categories, Malformed> {
    let rest = read_rows(reader)?;
    let count = reader.length(config.categories_max())?;
    let mut entries: Vec<(Box<str>, u64)> = Vec::new();
    let mut total = rest;
    for _ in 0..count {
        let name = reader.text(CATEGORY_NAME_BYTES_MAX)?;
        let rows = read_rows(reader)?;
        total += rows;
        ensure(
            rows > 0 && total <= ROWS_MAX,
            "the rows of a category are out of range",
        )?;
        ensure(
            entries.last().is_none_or(|last| *last.0 < *name),
            "categories are not in order",
        )?;
        entries.push((name.into(), rows));
    }
    Ok(Categories::from_parts(entries, rest))
}

pub(super) fn read_distribution(
    reader: &mut Reader<'_>,
    form: u8,
    config: &ProfileConfig,
) -> Result<Distribution, Malformed> {
    if form == FORM_EXACT {
        read_exact(reader, config)
    } else {
        read_sketched(reader, config)
    }
}

fn read_exact(reader: &mut Reader<'_>, config: &ProfileConfig) -> Result<Distribution, Malformed> {
    let counted = reader.byte()?;
    ensure(counted <= 1, "counts are neither there nor absent")?;
    let values = read_numbers(reader, config.exact_distinct_max())?;
    ensure(values.is_sorted_by(|a, b| a < b), "a number stands twice")?;
    let (mut counts, mut total) = (Vec::new(), 0);
    if counted == 1 {
        for _ in 0..values.len() {
            let count = read_rows(reader)?;
            total += count;
            ensure(count > 0 && total <= ROWS_MAX, "a count is out of range")?;
            counts.push(count);
        }
        ensure(
            total > values.len() as u64,
            "counts of one need not be written",
        )?;
    }
    Ok(Distribution::Exact(Run::from_parts(values, counts)))
}

fn read_sketched(
    reader: &mut Reader<'_>,
    config: &ProfileConfig,
) -> Result<Distribution, Malformed> {
    let (mean, mean_rest, squares) = (reader.double()?, reader.double()?, reader.double()?);
    let (minimum, maximum) = (reader.double()?, reader.double()?);
    let range = minimum..=maximum;
    ensure(
        minimum.is_finite() && maximum.is_finite() && range.contains(&mean),
        "the mean is out of range",
    )?;
    ensure(mean + mean_rest == mean, "the mean is out of range")?;
    let zeros = [minimum, maximum]
        .iter()
        .all(|end| end.to_bits() != (-0.0_f64).to_bits());
    ensure(zeros, "a number is out of range")?;
    ensure(
        squares.is_finite() && squares >= 0.0,
        "the variance is out of range",
    )?;
    let (over, under) = (read_rows(reader)?, read_rows(reader)?);
    let capacity = config.sketch_capacity();
    let count = reader.length(LEVEL_MAX + 1)?;
    let (mut levels, mut total) = (Vec::with_capacity(count), 0_u64);
    for level in 0..count {
        let items = read_numbers(reader, 2 * capacity - 1)?;
        let inside = items
            .first()
            .zip(items.last())
            .is_none_or(|(first, last)| *first >= minimum && *last <= maximum);
        ensure(inside, "an item is out of range")?;
        // At most 2^21 items of weight 2^53 at each of 54 levels: no overflow in 128 bits.
        let weight = (items.len() as u128) << level;
        ensure(
            weight + u128::from(total) <= u128::from(ROWS_MAX),
            "there are too many values",
        )?;
        total += (items.len() as u64) << level;
        levels.push(items);
    }
    ensure(
        total > 0 && over <= total.saturating_mul(LEVEL_MAX as u64),
        "the rank error is out of range",
    )?;
    ensure(
        under <= total.saturating_mul(LEVEL_MAX as u64),
        "the rank error is out of range",
    )?;
    let sketch = Sketch {
        capacity,
        levels,
        over,
        under,
        total,
        minimum,
        maximum,
    };
    Ok(Distribution::Sketched(
        sketch,
        Moments {
            count: total,
            mean,
            mean_rest,
            squares,
            minimum,
            maximum,
        },
    ))
}

/// Ascending finite numbers, equal ones side by side.
fn read_numbers(reader: &mut Reader<'_>, max: usize) -> Result<Vec<f64>, Malformed> {
    let count = usize::try_from(reader.number()?).map_err(|_| "a length is too large")?;
    let shift = reader.byte()?;
    ensure(
        count <= max && count <= reader.remaining(),
        "a length is too large",
    )?;
    if shift == FIXED {
        return read_fixed(reader, count);
    }
    let shift = u32::from(shift);
    ensure(shift < u64::BITS, "a number is out of range")?;
    let (mut numbers, mut key, mut bits) = (Vec::with_capacity(count), 0_u64, 0);
    for _ in 0..count {
        key = key
            .checked_add(reader.number()?)
            .ok_or("a number is out of range")?;
        ensure(key << shift >> shift == key, "a number is out of range")?;
        bits |= key;
        let number = order::value(key << shift);
        ensure(
            number.is_finite() && order::key(number) == key << shift,
            "a number is out of range",
        )?;
        numbers.push(number);
    }
    ensure(
        if count == 0 {
            shift == 0
        } else {
            bits & 1 == 1
        },
        "numbers are longer than they need be",
    )?;
    ensure(!is_fixed(&numbers, shift), "numbers are not in their form")?;
    Ok(numbers)
}

/// The same, written as they are.
fn read_fixed(reader: &mut Reader<'_>, count: usize) -> Result<Vec<f64>, Malformed> {
    let mut numbers = Vec::with_capacity(count.min(reader.remaining() / 8));
    let (mut bits, mut before) = (0, 0);
    for key in reader.words(count)? {
        let number = order::value(key);
        ensure(
            key >= before && number.is_finite() && order::key(number) == key,
            "a number is out of range",
        )?;
        bits |= key;
        before = key;
        numbers.push(number);
    }
    ensure(
        is_fixed(&numbers, bits.trailing_zeros() % u64::BITS),
        "numbers are not in their form",
    )?;
    Ok(numbers)
}
