//! The binary form in which Postgres takes and gives rows in bulk (`COPY ... (FORMAT binary)`).
//!
//! [`Tuples`] gathers rows to be sent; the number of each row is a blank that is filled in later, when the
//! numbers are known. [`TupleReader`] takes apart what the server sends.
//! Source: the PostgreSQL manual, "COPY, Binary Format", and `array_send` of the server.

use super::StoreError;

/// What a stream begins with: signature, flags, length of the extension.
pub(crate) const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What a stream ends with, in place of a number of fields.
pub(crate) const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// Microseconds from 1970-01-01 to 2000-01-01, from which Postgres counts.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

const INT4_OID: i32 = 23;
const FLOAT4_OID: i32 = 700;
const FLOAT8_OID: i32 = 701;
const NULL_LENGTH: i32 = -1;
/// Dimensions, flags, type; then of the one dimension its length and lower bound.
const ARRAY_HEADER_BYTES: usize = 20;
const EMPTY_ARRAY_BYTES: usize = 12;

/// Rows in binary form, without header and trailer. Each has one number that is filled in later.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tuples {
    bytes: Vec<u8>,
    /// Where the numbers of the rows belong.
    blanks: Vec<usize>,
}

impl Tuples {
    /// Room for rows of about so many bytes each.
    pub(crate) fn with_capacity(rows: usize, row_bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(rows * row_bytes),
            blanks: Vec::with_capacity(rows),
        }
    }

    /// The rows, one behind the other.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.blanks.len()
    }

    /// Fills in the numbers: the first row gets `first`, the next one more.
    pub(crate) fn number(&mut self, first: i64) {
        for (&blank, number) in self.blanks.iter().zip(first..) {
            self.bytes[blank..blank + 8].copy_from_slice(&number.to_be_bytes());
        }
    }

    /// Adds the rows to the elements of an array of composites whose fields have these types.
    pub(crate) fn append_composites(&self, types: &[i32], out: &mut Vec<u8>) {
        out.reserve(self.bytes.len() + self.rows() * (6 + 4 * types.len()));
        let mut rest = self.bytes.as_slice();
        while let Some((_, mut fields)) = rest.split_first_chunk::<2>() {
            let start = out.len();
            out.extend_from_slice(&length(0));
            out.extend_from_slice(&length(types.len()));
            for oid in types {
                let Some((bytes, _)) = fields.split_first_chunk::<4>() else {
                    break;
                };
                let bytes = usize::try_from(i32::from_be_bytes(*bytes)).unwrap_or(0);
                let (field, behind) = fields.split_at(4 + bytes);
                out.extend_from_slice(&oid.to_be_bytes());
                out.extend_from_slice(field);
                fields = behind;
            }
            let bytes = length(out.len() - start - 4);
            out[start..start + 4].copy_from_slice(&bytes);
            rest = fields;
        }
    }

    /// Begins a row of so many fields, of which the first is its number.
    pub(crate) fn begin(&mut self, fields: i16) {
        self.bytes.extend_from_slice(&fields.to_be_bytes());
        self.blanks.push(self.bytes.len() + 4);
        self.int8(0);
    }

    /// Begins a row of so many fields, of which the first is this number.
    pub(crate) fn begin_numbered(&mut self, fields: i16, number: i64) {
        self.begin(fields);
        let start = self.bytes.len() - 8;
        self.bytes[start..].copy_from_slice(&number.to_be_bytes());
    }

    /// A field of 8 bytes.
    pub(crate) fn int8(&mut self, value: i64) {
        let mut field = [0; 12];
        field[..4].copy_from_slice(&8_i32.to_be_bytes());
        field[4..].copy_from_slice(&value.to_be_bytes());
        self.bytes.extend_from_slice(&field);
    }

    /// A field of 4 bytes.
    pub(crate) fn int4(&mut self, value: i32) {
        let mut field = [0; 8];
        field[..4].copy_from_slice(&4_i32.to_be_bytes());
        field[4..].copy_from_slice(&value.to_be_bytes());
        self.bytes.extend_from_slice(&field);
    }

    /// A double.
    pub(crate) fn float8(&mut self, value: f64) {
        self.int8(i64::from_be_bytes(value.to_be_bytes()));
    }

    /// A `timestamptz`, from microseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn timestamp(&mut self, micros: i64) {
        self.int8(micros - EPOCH_MICROS);
    }

    /// Text, which must have no NUL.
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(&length(text.len()));
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Bytes.
    pub(crate) fn bytea(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&length(bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    /// A truth value.
    pub(crate) fn bool(&mut self, truth: bool) {
        self.bytea(&[u8::from(truth)]);
    }

    /// No value.
    pub(crate) fn null(&mut self) {
        self.bytes.extend_from_slice(&NULL_LENGTH.to_be_bytes());
    }

    /// A `float8[]`; NaN becomes null, and nulls at the end are left out.
    pub(crate) fn float8s(&mut self, values: &[f64]) {
        let values = &values[..present(values, |value| !value.is_nan())];
        let nulls = values.iter().filter(|value| value.is_nan()).count();
        self.array(FLOAT8_OID, values.len(), nulls, 8);
        if nulls == 0 {
            for value in values {
                let mut element = [0; 12];
                element[..4].copy_from_slice(&8_i32.to_be_bytes());
                element[4..].copy_from_slice(&value.to_be_bytes());
                self.bytes.extend_from_slice(&element);
            }
        } else {
            for value in values {
                if value.is_nan() {
                    self.null();
                } else {
                    self.float8(*value);
                }
            }
        }
    }

    /// An `int4[]`; negative codes become null, and nulls at the end are left out.
    pub(crate) fn int4s(&mut self, values: &[i32]) {
        let values = &values[..present(values, |value| *value >= 0)];
        let nulls = values.iter().filter(|value| **value < 0).count();
        self.array(INT4_OID, values.len(), nulls, 4);
        for &value in values {
            if value < 0 {
                self.null();
            } else {
                self.int4(value);
            }
        }
    }

    /// A `float4[]`; NaN becomes null. Where nothing but nulls would be left there is no value at all.
    pub(crate) fn float4s(&mut self, values: &[f32]) {
        let nulls = values.iter().filter(|value| value.is_nan()).count();
        if nulls == values.len() {
            self.null();
            return;
        }
        self.array(FLOAT4_OID, values.len(), nulls, 4);
        for value in values {
            if value.is_nan() {
                self.null();
            } else {
                self.int4(i32::from_be_bytes(value.to_be_bytes()));
            }
        }
    }

    fn array(&mut self, oid: i32, values: usize, nulls: usize, value_bytes: usize) {
        if values == 0 {
            self.bytes.extend_from_slice(&length(EMPTY_ARRAY_BYTES));
            for word in [0, 0, oid] {
                self.bytes.extend_from_slice(&word.to_be_bytes());
            }
            return;
        }
        let bytes = ARRAY_HEADER_BYTES + 4 * values + value_bytes * (values - nulls);
        self.bytes.reserve(4 + bytes);
        self.bytes.extend_from_slice(&length(bytes));
        for word in [1, i32::from(nulls > 0), oid] {
            self.bytes.extend_from_slice(&word.to_be_bytes());
        }
        self.bytes.extend_from_slice(&length(values));
        self.bytes.extend_from_slice(&1_i32.to_be_bytes());
    }
}

/// Values up to the last one that is there.
fn present<T>(values: &[T], is_there: impl FnMut(&T) -> bool) -> usize {
    values.iter().rposition(is_there).map_or(0, |last| last + 1)
}

fn length(bytes: usize) -> [u8; 4] {
    i32::try_from(bytes)
        .expect("limits keep fields far below 2 GiB")
        .to_be_bytes()
}

/// Takes rows apart that the server sends, however they were cut into messages.
#[derive(Debug, Default)]
pub(crate) struct TupleReader {
    bytes: Vec<u8>,
    at: usize,
    begun: bool,
}

impl TupleReader {
    /// Takes what came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
        } else if self.at > self.bytes.len() / 2 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole row; `None` until more has come, and after the last.
    pub(crate) fn next_tuple(&mut self) -> Result<Option<Fields<'_>>, StoreError> {
        if !self.begun {
            let Some(header) = self.bytes.get(..HEADER.len()) else {
                return Ok(None);
            };
            if header != HEADER {
                return Err(corrupt("does not begin as such a stream does"));
            }
            self.begun = true;
            self.at = HEADER.len();
        }
        let from = self.at;
        let Some(fields) = self.bytes.get(from..from + 2) else {
            return Ok(None);
        };
        let fields = i16::from_be_bytes([fields[0], fields[1]]);
        // The trailer stays where it is, so that it is found again.
        let Ok(fields) = u16::try_from(fields) else {
            return Ok(None);
        };
        let mut to = from + 2;
        for _ in 0..fields {
            let Some(bytes) = self.bytes.get(to..to + 4) else {
                return Ok(None);
            };
            let bytes = i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            to += 4 + usize::try_from(bytes).unwrap_or(0);
        }
        if to > self.bytes.len() {
            return Ok(None);
        }
        self.at = to;
        Ok(Some(Fields {
            bytes: &self.bytes[from + 2..to],
        }))
    }
}

/// The fields of one row, to be taken in their order.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<&'a [u8]>, StoreError> {
        let (length, rest) = self
            .bytes
            .split_first_chunk()
            .ok_or_else(|| corrupt("has fewer fields than were asked for"))?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.bytes = rest;
            return Ok(None);
        };
        let (field, rest) = rest
            .split_at_checked(length)
            .ok_or_else(|| corrupt("ends inside a field"))?;
        self.bytes = rest;
        Ok(Some(field))
    }

    fn fixed<const N: usize>(&mut self) -> Result<Option<[u8; N]>, StoreError> {
        self.next()?
            .map(|field| {
                field
                    .try_into()
                    .map_err(|_| corrupt("has a field of another size than its type has"))
            })
            .transpose()
    }

    /// An `int8`.
    pub(crate) fn int8(&mut self) -> Result<i64, StoreError> {
        self.fixed()?.map(i64::from_be_bytes).ok_or_else(null)
    }

    /// A `timestamptz` as microseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn timestamp(&mut self) -> Result<i64, StoreError> {
        self.int8()?
            .checked_add(EPOCH_MICROS)
            .ok_or_else(|| corrupt("has an infinite time"))
    }

    /// A `text`.
    pub(crate) fn text(&mut self) -> Result<&'a str, StoreError> {
        let field = self.next()?.ok_or_else(null)?;
        std::str::from_utf8(field).map_err(|_| corrupt("has text that is not UTF-8"))
    }

    /// The values of a `float8[]`, NaN for null.
    pub(crate) fn float8s(
        &mut self,
    ) -> Result<impl ExactSizeIterator<Item = f64> + use<'a>, StoreError> {
        let elements: Elements<'a, 8> = self.array(FLOAT8_OID)?;
        Ok(elements.map(|element| element.map_or(f64::NAN, f64::from_be_bytes)))
    }

    /// The values of an `int4[]`, -1 for null.
    pub(crate) fn int4s(
        &mut self,
    ) -> Result<impl ExactSizeIterator<Item = i32> + use<'a>, StoreError> {
        let elements: Elements<'a, 4> = self.array(INT4_OID)?;
        Ok(elements.map(|element| element.map_or(-1, i32::from_be_bytes)))
    }

    /// The values of a `float4[]`, NaN for null; none where the whole is null.
    pub(crate) fn float4s(
        &mut self,
    ) -> Result<impl ExactSizeIterator<Item = f32> + use<'a>, StoreError> {
        let elements: Elements<'a, 4> = match self.next()? {
            Some(field) => elements(field, FLOAT4_OID)?,
            None => Elements::NONE,
        };
        Ok(elements.map(|element| element.map_or(f32::NAN, f32::from_be_bytes)))
    }

    fn array<const N: usize>(&mut self, oid: i32) -> Result<Elements<'a, N>, StoreError> {
        elements(self.next()?.ok_or_else(null)?, oid)
    }
}

/// Checks an array as a whole, so that taking its elements cannot fail.
fn elements<const N: usize>(field: &[u8], oid: i32) -> Result<Elements<'_, N>, StoreError> {
    let word = |at: usize| {
        field
            .get(4 * at..4 * at + 4)
            .map(|word| i32::from_be_bytes([word[0], word[1], word[2], word[3]]))
            .ok_or_else(|| corrupt("ends inside an array"))
    };
    if word(2)? != oid {
        return Err(corrupt("has an array of another type"));
    }
    if word(0)? == 0 {
        return Ok(Elements::NONE);
    }
    let left = usize::try_from(word(3)?).unwrap_or(0);
    if word(0)? != 1 || word(4)? != 1 {
        return Err(corrupt("has an array that is not a list"));
    }
    let bytes = &field[ARRAY_HEADER_BYTES..];
    let (whole, null) = (
        u32::try_from(N).unwrap_or_default().to_be_bytes(),
        NULL_LENGTH.to_be_bytes(),
    );
    let mut rest = bytes;
    for _ in 0..left {
        let skip = match rest.first_chunk::<4>() {
            Some(length) if *length == whole => 4 + N,
            Some(length) if *length == null => 4,
            _ => return Err(corrupt("has an array with elements of another size")),
        };
        rest = rest
            .get(skip..)
            .ok_or_else(|| corrupt("ends inside an array"))?;
    }
    let bytes = &bytes[..bytes.len() - rest.len()];
    Ok(Elements { bytes, left })
}

/// Elements of an array that was checked.
struct Elements<'a, const N: usize> {
    bytes: &'a [u8],
    left: usize,
}

impl<const N: usize> Elements<'_, N> {
    const NONE: Self = Self {
        bytes: &[],
        left: 0,
    };
}

impl<const N: usize> Iterator for Elements<'_, N> {
    type Item = Option<[u8; N]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.bytes.split_first_chunk::<4>()?;
        self.left -= 1;
        if i32::from_be_bytes(*length) < 0 {
            self.bytes = rest;
            return Some(None);
        }
        let (element, rest) = rest.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(Some(*element))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<const N: usize> ExactSizeIterator for Elements<'_, N> {}

fn null() -> StoreError {
    corrupt("has no value where one must be")
}

fn corrupt(reason: &str) -> StoreError {
    StoreError::Corrupt {
        table: "row",
        key: "of a bulk read".into(),
        reason: format!("it {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int4(fields: &mut Fields<'_>) -> Result<i32, StoreError> {
        fields.fixed()?.map(i32::from_be_bytes).ok_or_else(null)
    }

    fn optional_float8(fields: &mut Fields<'_>) -> Result<Option<f64>, StoreError> {
        Ok(fields.fixed()?.map(f64::from_be_bytes))
    }

    fn rows() -> Tuples {
        let mut tuples = Tuples::with_capacity(2, 100);
        tuples.begin(7);
        tuples.int4(-7);
        tuples.timestamp(EPOCH_MICROS + 5);
        tuples.text("naïve");
        tuples.float8s(&[1.5, f64::NAN, f64::INFINITY, f64::NAN]);
        tuples.int4s(&[-1, 3, -1]);
        tuples.null();
        tuples.begin(7);
        tuples.int4(8);
        tuples.timestamp(0);
        tuples.text("");
        tuples.float8s(&[f64::NAN]);
        tuples.int4s(&[]);
        tuples.float8(0.25);
        tuples.number(41);
        tuples
    }

    fn stream() -> Vec<u8> {
        [&HEADER[..], rows().bytes(), &TRAILER[..]].concat()
    }

    type Row = (
        i64,
        i32,
        i64,
        String,
        Vec<Option<f64>>,
        Vec<i32>,
        Option<f64>,
    );

    fn take(mut fields: Fields<'_>) -> Row {
        let row = (
            fields.int8().unwrap(),
            int4(&mut fields).unwrap(),
            fields.timestamp().unwrap(),
            fields.text().unwrap().to_owned(),
            fields
                .float8s()
                .unwrap()
                .map(|value| (!value.is_nan()).then_some(value))
                .collect(),
            fields.int4s().unwrap().collect(),
            optional_float8(&mut fields).unwrap(),
        );
        assert!(int4(&mut fields).is_err(), "there is no further field");
        row
    }

    #[test]
    fn what_is_written_is_read_however_it_is_cut() {
        let expected: [Row; 2] = [
            (
                41,
                -7,
                EPOCH_MICROS + 5,
                "naïve".into(),
                vec![Some(1.5), None, Some(f64::INFINITY)],
                vec![-1, 3],
                None,
            ),
            (42, 8, 0, String::new(), vec![], vec![], Some(0.25)),
        ];
        let stream = stream();
        for size in [1, 2, 3, 7, 64, stream.len()] {
            let mut reader = TupleReader::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                reader.push(piece);
                while let Some(fields) = reader.next_tuple().unwrap() {
                    found.push(take(fields));
                }
            }
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn vectors_come_back_as_they_were_and_nothing_as_no_value() {
        let lists: [&[f32]; 4] = [
            &[1.5, f32::NAN, f32::NEG_INFINITY],
            &[],
            &[f32::NAN, f32::NAN],
            &[-0.0],
        ];
        let mut tuples = Tuples::default();
        for list in lists {
            tuples.begin(2);
            tuples.float4s(list);
        }
        let stream = [&HEADER[..], tuples.bytes(), &TRAILER[..]].concat();
        let mut reader = TupleReader::default();
        reader.push(&stream);
        let mut found = Vec::new();
        while let Some(mut fields) = reader.next_tuple().unwrap() {
            fields.int8().unwrap();
            found.push(fields.float4s().unwrap().collect::<Vec<_>>());
        }
        assert_eq!(format!("{found:?}"), "[[1.5, NaN, -inf], [], [], [-0.0]]");
    }

    #[test]
    fn a_number_stands_where_the_server_expects_it() {
        let mut tuples = Tuples::default();
        tuples.begin(1);
        tuples.number(0x0102);
        assert_eq!(tuples.bytes(), [0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(tuples.rows(), 1);
    }

    #[test]
    fn a_row_becomes_a_composite_with_the_type_of_each_field() {
        let mut tuples = Tuples::default();
        for id in ["a", ""] {
            tuples.begin(3);
            tuples.text(id);
            tuples.null();
        }
        tuples.number(7);

        let mut elements = Vec::new();
        tuples.append_composites(&[20, 25, 701], &mut elements);

        let element = |id: &str, number: u8| {
            let number = [[0; 7].as_slice(), &[number]].concat();
            let length = |bytes: usize| u8::try_from(bytes).unwrap();
            let head = [[0, 0, 0, length(4 + 16 + 8 + id.len() + 8)], [0, 0, 0, 3]].concat();
            let fields = [
                [&[0, 0, 0, 20, 0, 0, 0, 8], number.as_slice()].concat(),
                [&[0, 0, 0, 25, 0, 0, 0, length(id.len())], id.as_bytes()].concat(),
                vec![0, 0, 2, 189, 255, 255, 255, 255],
            ];
            [head, fields.concat()].concat()
        };
        assert_eq!(elements, [element("a", 7), element("", 8)].concat());
    }

    #[test]
    fn bytes_that_are_no_rows_are_an_error_and_no_panic() {
        let mut reader = TupleReader::default();
        reader.push(&[0; 30]);
        assert!(reader.next_tuple().is_err());
        let stream = stream();
        for at in HEADER.len()..stream.len() {
            let mut damaged = stream.clone();
            damaged[at] ^= 0x40;
            let mut reader = TupleReader::default();
            reader.push(&damaged);
            while let Ok(Some(mut fields)) = reader.next_tuple() {
                let _ = fields.int8();
                let _ = int4(&mut fields);
                let _ = fields.timestamp();
                let _ = fields.text();
                let _ = fields.float8s().map(Iterator::count);
                let _ = fields.int4s().map(Iterator::count);
            }
        }
    }
}
