//! Arrow arrays, as Parquet and Arrow IPC files hold them, appended to columns.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, OffsetSizeTrait};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit as ArrowTimeUnit};

use super::builder::{ColumnBuilder, Target};
use super::error::one_line;
use super::infer::Verdict;
use super::missing::MissingTexts;
use super::{ValueProblem, times};
use crate::domain::{ColumnKind, MISSING_CODE};

/// A dictionary that has so many times more names than a batch has rows is not walked by name.
const DICTIONARY_PER_ROW_MAX: usize = 4;

/// What an array cannot be appended for.
#[derive(Debug)]
pub(super) enum AppendError {
    /// The value in this row of the array.
    Value(usize, ValueProblem),
    /// The array itself.
    Array(String),
}

impl From<arrow_schema::ArrowError> for AppendError {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::Array(one_line(&error.to_string()))
    }
}

/// What a column of this type holds, and the length of its vectors where the type says so.
pub(super) fn verdict(data_type: &DataType) -> (Verdict, Option<usize>) {
    let holds = |kind| (Verdict::Holds(kind), None);
    match data_type {
        DataType::Null => (Verdict::Nothing, None),
        _ if data_type.is_numeric() || per_second(data_type).is_some() => {
            holds(ColumnKind::Numeric)
        }
        DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            holds(ColumnKind::Categorical)
        }
        DataType::Dictionary(_, values) if is_scalar(values) => holds(ColumnKind::Categorical),
        DataType::RunEndEncoded(_, values) => verdict(values.data_type()),
        DataType::List(item) | DataType::LargeList(item) if item.data_type().is_numeric() => {
            holds(ColumnKind::Embedding)
        }
        DataType::FixedSizeList(item, length) if item.data_type().is_numeric() => {
            let dimension = usize::try_from(*length).ok().filter(|&length| length > 0);
            (Verdict::Holds(ColumnKind::Embedding), dimension)
        }
        _ => (
            Verdict::Unsupported("none of numbers, categories, vectors"),
            None,
        ),
    }
}

/// Whether a column of this type can be read as `target`; its values may still not fit.
pub(super) fn reads_as(data_type: &DataType, target: Target) -> bool {
    let is_text = matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    );
    match (data_type, target) {
        (DataType::Null, _) => true,
        (DataType::Dictionary(_, values), _) => is_scalar(values) && reads_as(values, target),
        (DataType::RunEndEncoded(_, values), _) => reads_as(values.data_type(), target),
        _ if is_text => true,
        (_, Target::Numeric) => data_type.is_numeric() || per_second(data_type).is_some(),
        (_, Target::Categorical) => is_scalar(data_type),
        (_, Target::Time(_)) => {
            let clock = matches!(
                data_type,
                DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_)
            );
            data_type.is_numeric() || (per_second(data_type).is_some() && !clock)
        }
        (_, Target::Embedding(_)) => verdict(data_type).0 == Verdict::Holds(ColumnKind::Embedding),
    }
}

/// One value a row, with a text of its own.
fn is_scalar(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        _ => data_type.is_numeric() || per_second(data_type).is_some(),
    }
}

/// Ticks a second of a type that counts time; days are turned into seconds first.
fn per_second(data_type: &DataType) -> Option<u32> {
    match data_type {
        DataType::Date32 => Some(1),
        DataType::Date64 => Some(1_000),
        DataType::Timestamp(unit, _)
        | DataType::Time32(unit)
        | DataType::Time64(unit)
        | DataType::Duration(unit) => Some(match unit {
            ArrowTimeUnit::Second => 1,
            ArrowTimeUnit::Millisecond => 1_000,
            ArrowTimeUnit::Microsecond => 1_000_000,
            ArrowTimeUnit::Nanosecond => 1_000_000_000,
        }),
        _ => None,
    }
}

/// Appends an array. Its type must be one that [`reads_as`] allows for the column's target.
pub(super) fn append(
    column: &mut ColumnBuilder,
    array: &ArrayRef,
    missing: &MissingTexts,
) -> Result<(), AppendError> {
    match (array.data_type(), &mut *column) {
        (DataType::Null, _) => {
            (0..array.len()).for_each(|_| column.push_missing());
            Ok(())
        }
        (DataType::Dictionary(_, _), ColumnBuilder::Categorical { .. }) => {
            append_dictionary(column, array, missing)
        }
        (DataType::Dictionary(_, values), _) => append(column, &cast(array, values)?, missing),
        (DataType::RunEndEncoded(_, values), _) => {
            append(column, &cast(array, values.data_type())?, missing)
        }
        (DataType::Utf8, _) => append_texts(column, array.as_string::<i32>().iter(), missing),
        (DataType::LargeUtf8, _) => append_texts(column, array.as_string::<i64>().iter(), missing),
        (DataType::Utf8View, _) => append_texts(column, array.as_string_view().iter(), missing),
        (DataType::Boolean, _) => append_bools(column, array.as_boolean(), missing),
        (DataType::FixedSizeList(_, _), _) => {
            let list = array.as_fixed_size_list();
            let length = usize::try_from(list.value_length()).unwrap_or(0);
            append_vectors(column, array, list.values(), |row| {
                // Offsets of the slice are applied to `values` already.
                row * length..(row + 1) * length
            })
        }
        (DataType::List(_), _) => append_list::<i32>(column, array),
        (DataType::LargeList(_), _) => append_list::<i64>(column, array),
        (data_type, ColumnBuilder::Categorical { .. }) if per_second(data_type).is_some() => {
            let texts = cast(&without_zone(array)?, &DataType::Utf8)?;
            append_texts(column, texts.as_string::<i32>().iter(), missing)
        }
        (data_type, _) if per_second(data_type).is_some() => append_ticks(column, array, missing),
        (_, ColumnBuilder::Categorical { .. } | ColumnBuilder::Time { .. }) => {
            append_numbers_one_by_one(column, array, missing)
        }
        _ => append_numbers(column, array, missing),
    }
}

fn append_texts<'a>(
    column: &mut ColumnBuilder,
    texts: impl Iterator<Item = Option<&'a str>>,
    missing: &MissingTexts,
) -> Result<(), AppendError> {
    for (row, text) in texts.enumerate() {
        match text {
            Some(text) => {
                column
                    .push_text(text.as_bytes(), missing)
                    .map_err(|problem| AppendError::Value(row, problem))?;
            }
            None => column.push_missing(),
        }
    }
    Ok(())
}

fn append_bools(
    column: &mut ColumnBuilder,
    bools: &BooleanArray,
    missing: &MissingTexts,
) -> Result<(), AppendError> {
    for (row, value) in bools.iter().enumerate() {
        match value {
            Some(value) => column
                .push_bool(value, missing)
                .map_err(|problem| AppendError::Value(row, problem))?,
            None => column.push_missing(),
        }
    }
    Ok(())
}

/// Appends the names of a dictionary without a look at the text of each row. A name that no row has
/// is not held against any limit.
fn append_dictionary(
    column: &mut ColumnBuilder,
    array: &ArrayRef,
    missing: &MissingTexts,
) -> Result<(), AppendError> {
    let dictionary = array.as_any_dictionary();
    let (keys, names) = (dictionary.keys(), dictionary.values());
    let is_text = matches!(
        names.data_type(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    );
    let ColumnBuilder::Categorical {
        codes,
        names: interner,
    } = column
    else {
        return append(column, &cast(array, names.data_type())?, missing);
    };
    if !is_text || names.len() / DICTIONARY_PER_ROW_MAX > keys.len() {
        return append(column, &cast(array, names.data_type())?, missing);
    }
    if names.is_empty() {
        codes.resize(codes.len() + keys.len(), MISSING_CODE);
        return Ok(());
    }
    let texts = cast(names, &DataType::Utf8View)?;
    let texts = texts.as_string_view();
    let mut code = |key: usize| match texts.is_valid(key).then(|| texts.value(key).as_bytes()) {
        Some(text) if !missing.has_text(text.trim_ascii()) => interner.code(text),
        _ => Ok(MISSING_CODE),
    };
    let mut known: Vec<Option<u32>> = vec![None; names.len()];
    for (row, key) in dictionary.normalized_keys().into_iter().enumerate() {
        codes.push(match known[key] {
            _ if keys.is_null(row) => MISSING_CODE,
            Some(code) => code,
            None => {
                let code = code(key).map_err(|problem| AppendError::Value(row, problem))?;
                known[key] = Some(code);
                code
            }
        });
    }
    Ok(())
}

fn append_list<O: OffsetSizeTrait>(
    column: &mut ColumnBuilder,
    array: &ArrayRef,
) -> Result<(), AppendError> {
    let list = array.as_list::<O>();
    let offsets = list.value_offsets();
    append_vectors(column, array, list.values(), |row| {
        offsets[row].as_usize()..offsets[row + 1].as_usize()
    })
}

fn append_vectors(
    column: &mut ColumnBuilder,
    array: &ArrayRef,
    components: &ArrayRef,
    range: impl Fn(usize) -> std::ops::Range<usize>,
) -> Result<(), AppendError> {
    // Only the components of these rows, in single precision, with NaN for null.
    let start = if array.is_empty() { 0 } else { range(0).start };
    let end = if array.is_empty() {
        0
    } else {
        range(array.len() - 1).end
    };
    let components = components.slice(start, end - start);
    let components = cast(&components, &DataType::Float32)?;
    let components = components.as_primitive::<Float32Type>();
    let with_nan: Vec<f32>;
    let values: &[f32] = if components.null_count() == 0 {
        components.values()
    } else {
        with_nan = components
            .iter()
            .map(|value| value.unwrap_or(f32::NAN))
            .collect();
        &with_nan
    };
    for row in 0..array.len() {
        if array.is_null(row) {
            column.push_missing();
            continue;
        }
        let range = range(row);
        column
            .push_vector(&values[range.start - start..range.end - start])
            .map_err(|problem| AppendError::Value(row, problem))?;
    }
    Ok(())
}

/// The same instants as UTC: text of a named zone would need the zone's rules.
fn without_zone(array: &ArrayRef) -> Result<ArrayRef, AppendError> {
    let DataType::Timestamp(unit, Some(_)) = array.data_type() else {
        return Ok(array.clone());
    };
    let ticks = cast(array, &DataType::Int64)?;
    Ok(cast(&ticks, &DataType::Timestamp(*unit, None))?)
}

/// Appends times as seconds, to a numeric column or as times.
fn append_ticks(
    column: &mut ColumnBuilder,
    array: &ArrayRef,
    missing: &MissingTexts,
) -> Result<(), AppendError> {
    let per_second = per_second(array.data_type()).unwrap_or(1);
    let scale = if array.data_type() == &DataType::Date32 {
        86_400
    } else {
        1
    };
    let small = matches!(array.data_type(), DataType::Date32 | DataType::Time32(_));
    let ticks = if small {
        cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?
    } else {
        cast(array, &DataType::Int64)?
    };
    let seconds = |ticks: i64| times::from_ticks(ticks.saturating_mul(scale), per_second);
    for (row, ticks) in ticks.as_primitive::<Int64Type>().iter().enumerate() {
        match (ticks.map(seconds), &mut *column) {
            (None, _) => column.push_missing(),
            // Already seconds, whatever the unit of plain numbers.
            (Some(value), ColumnBuilder::Time { seconds, .. }) => seconds.push(value),
            (Some(value), _) => {
                column
                    .push_number(value, missing)
                    .map_err(|problem| AppendError::Value(row, problem))?;
            }
        }
    }
    Ok(())
}

/// Appends numbers to a numeric column, a whole array at a time.
fn append_numbers(
    column: &mut ColumnBuilder,
    array: &ArrayRef,
    missing: &MissingTexts,
) -> Result<(), AppendError> {
    let ColumnBuilder::Numeric(values) = column else {
        return Err(AppendError::Array(format!(
            "{} is no list of numbers",
            array.data_type()
        )));
    };
    let start = values.len();
    match array.data_type() {
        DataType::Float64 => extend::<Float64Type>(values, array, |value| value),
        DataType::Float32 => extend::<Float32Type>(values, array, f64::from),
        DataType::Int64 => extend::<Int64Type>(values, array, |value| value as f64),
        DataType::Int32 => extend::<Int32Type>(values, array, f64::from),
        DataType::UInt64 => extend::<UInt64Type>(values, array, |value| value as f64),
        DataType::UInt32 => extend::<UInt32Type>(values, array, f64::from),
        _ => extend::<Float64Type>(values, &cast(array, &DataType::Float64)?, |value| value),
    }
    if missing.has_numbers() {
        for value in &mut values[start..] {
            if missing.has_number(*value) {
                *value = f64::NAN;
            }
        }
    }
    Ok(())
}

fn extend<T: ArrowPrimitiveType>(
    values: &mut Vec<f64>,
    array: &dyn Array,
    number: impl Fn(T::Native) -> f64,
) {
    let array = array.as_primitive::<T>();
    let start = values.len();
    values.extend(array.values().iter().map(|&value| number(value)));
    if array.null_count() > 0 {
        for row in (0..array.len()).filter(|&row| array.is_null(row)) {
            values[start + row] = f64::NAN;
        }
    }
}

/// Appends numbers as categories or as times.
fn append_numbers_one_by_one(
    column: &mut ColumnBuilder,
    array: &ArrayRef,
    missing: &MissingTexts,
) -> Result<(), AppendError> {
    match array.data_type() {
        DataType::UInt64 => each::<UInt64Type>(array, column, |column, value| {
            column.push_integer(value, value as f64, missing)
        }),
        data_type if data_type.is_integer() => {
            each::<Int64Type>(&cast(array, &DataType::Int64)?, column, |column, value| {
                column.push_integer(value, value as f64, missing)
            })
        }
        // The shortest text of a narrow float is not that of the same number in `f64`.
        DataType::Float32 if matches!(column, ColumnBuilder::Categorical { .. }) => {
            each::<Float32Type>(array, column, |column, value| match column {
                ColumnBuilder::Categorical { codes, names }
                    if !value.is_nan() && !missing.has_number(f64::from(value)) =>
                {
                    codes.push(names.number_code(value)?);
                    Ok(())
                }
                _ => column.push_number(f64::from(value), missing),
            })
        }
        DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _)
            if matches!(column, ColumnBuilder::Categorical { .. }) =>
        {
            append_texts(
                column,
                cast(array, &DataType::Utf8)?.as_string::<i32>().iter(),
                missing,
            )
        }
        _ => each::<Float64Type>(
            &cast(array, &DataType::Float64)?,
            column,
            |column, value| column.push_number(value, missing),
        ),
    }
}

fn each<T: ArrowPrimitiveType>(
    array: &dyn Array,
    column: &mut ColumnBuilder,
    mut push: impl FnMut(&mut ColumnBuilder, T::Native) -> Result<(), ValueProblem>,
) -> Result<(), AppendError> {
    for (row, value) in array.as_primitive::<T>().iter().enumerate() {
        match value {
            Some(value) => {
                push(column, value).map_err(|problem| AppendError::Value(row, problem))?;
            }
            None => column.push_missing(),
        }
    }
    Ok(())
}

/// Length of the first vector of a list that has one.
pub(super) fn first_dimension(array: &ArrayRef) -> Option<usize> {
    fn first<O: OffsetSizeTrait>(array: &ArrayRef) -> Option<usize> {
        let list = array.as_list::<O>();
        let length = |row: usize| list.value_length(row).as_usize();
        (0..list.len())
            .filter(|&row| list.is_valid(row))
            .map(length)
            .find(|&length| length > 0)
    }
    match array.data_type() {
        DataType::List(_) => first::<i32>(array),
        DataType::LargeList(_) => first::<i64>(array),
        _ => None,
    }
}
