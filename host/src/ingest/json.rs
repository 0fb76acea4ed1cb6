//! JSON and NDJSON, straight into columns.
//!
//! A body is one row, a list of rows, an object with `predictions` (of labels: `labels`), or an object of
//! columns, whose fields are lists, of embeddings lists of lists. Features are looked up by name in the order of the row before, which
//! nearly always is the same.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::domain::model::EMBEDDING_DIMENSION_MAX;
use crate::input::VectorComponent;

use super::builder::{Field, Purpose, RowsBuilder};
use super::error::IngestError;
use super::rows::Rows;
use super::time;

/// Decodes a JSON body.
pub(super) fn decode(mut builder: RowsBuilder, body: &[u8], now: i64) -> Result<Rows, IngestError> {
    let mut decoded = whole(&mut builder, body);
    if builder.mixed {
        // Perhaps its lists are the vectors of one row, and stood before what tells that it is one.
        let mut again = builder.afresh();
        again.one_row = true;
        if let Ok(rows) = whole(&mut again, body) {
            (builder, decoded) = (again, Ok(rows));
        }
    }
    match decoded {
        Ok(rows) => builder.finish(rows, now),
        Err(_) if builder.rows_over.is_some() => builder.finish(0, now),
        Err(error) => Err(IngestError::Body {
            format: "JSON",
            reason: error.to_string(),
        }),
    }
}

/// Decodes a body as a whole; gives the number of rows.
fn whole(builder: &mut RowsBuilder, body: &[u8]) -> serde_json::Result<usize> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    Top(builder)
        .deserialize(&mut deserializer)
        .and_then(|rows| deserializer.end().map(|()| rows))
}

/// Decodes rows, each on a line of its own. A line that is no row is a problem of that row alone.
pub(super) fn decode_lines(
    mut builder: RowsBuilder,
    body: &[u8],
    now: i64,
) -> Result<Rows, IngestError> {
    let mut rows = 0;
    for line in body.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if !builder.begin(rows) {
            break;
        }
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        let decoded = Row {
            builder: &mut builder,
            row: rows,
        }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
        if let Err(error) = decoded {
            builder
                .problems
                .add(rows, None, format!("is no row: {error}"));
        }
        rows += 1;
    }
    builder.finish(rows, now)
}

/// The whole body; gives the number of rows.
struct Top<'b>(&'b mut RowsBuilder);

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row, a list of rows, or an object of columns")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
        let mut row = 0;
        loop {
            // The bound is checked before the row that would pass it is kept.
            let fits = self.0.begin(row);
            let next = if fits {
                let builder = &mut *self.0;
                list.next_element_seed(Row { builder, row })?.is_some()
            } else {
                let more = list.next_element::<IgnoredAny>()?.is_some();
                if more {
                    return Err(A::Error::custom("too many rows"));
                }
                self.0.rows_over = None;
                false
            };
            if !next {
                return Ok(row);
            }
            row += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        let builder = self.0;
        builder.begin(0);
        let mut rows = None;
        let mut shape = Shape::default();
        while let Some(key) = map.next_key_seed(TopKey(builder))? {
            match key {
                TopField::Rows => rows = Some(map.next_value_seed(RowList(builder))?),
                TopField::ModelId => builder.said.model_id = map.next_value()?,
                TopField::ModelType => {
                    builder.said.model_type = map.next_value()?;
                    builder.say_type(builder.said.model_type);
                }
                TopField::TrainingTime => {
                    let said: Option<TimeSaid> = map.next_value()?;
                    let time = said.map(TimeSaid::timestamp).transpose();
                    builder.said.last_training_time = time.map_err(A::Error::custom)?;
                }
                TopField::Field(field) => {
                    let value = Value {
                        builder,
                        field,
                        row: 0,
                        top: true,
                    };
                    shape.see(map.next_value_seed(value)?);
                    builder.one_row |= shape.single && shape.length.is_none();
                }
            }
        }
        builder.mixed = rows.is_none() && shape.single && shape.length.is_some();
        match (rows, shape) {
            (Some(rows), shape) if shape == Shape::default() => Ok(rows),
            (Some(_), _) => Err(A::Error::custom(
                "a list of rows beside fields of a row: write one or the other",
            )),
            (
                None,
                Shape {
                    uneven: Some((one, other)),
                    ..
                },
            ) => Err(A::Error::custom(format!(
                "a column has {one} values where another has {other}"
            ))),
            (
                None,
                Shape {
                    single: true,
                    length: Some(_),
                    ..
                },
            ) => Err(A::Error::custom(MIXED)),
            (
                None,
                Shape {
                    length: Some(rows), ..
                },
            ) => Ok(rows),
            (None, Shape { single: true, .. }) => Ok(1),
            (None, _) => Err(A::Error::custom("no rows")),
        }
    }
}

const MIXED: &str = "single values beside lists of values: write one or the other";

/// Whether an object is a row or holds columns.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Shape {
    single: bool,
    length: Option<usize>,
    uneven: Option<(usize, usize)>,
}

impl Shape {
    fn see(&mut self, seen: Shape) {
        self.single |= seen.single;
        match (self.length, seen.length) {
            (Some(one), Some(other)) if one != other => self.uneven = Some((other, one)),
            (None, Some(length)) => self.length = Some(length),
            _ => {}
        }
        self.uneven = self.uneven.or(seen.uneven);
    }
}

/// A time outside of rows.
#[derive(Deserialize)]
#[serde(untagged)]
enum TimeSaid {
    Text(String),
    Seconds(f64),
}

impl TimeSaid {
    fn timestamp(self) -> Result<Timestamp, &'static str> {
        let micros = match self {
            Self::Text(text) => time::parse(&text),
            Self::Seconds(seconds) => time::from_seconds(seconds),
        };
        micros
            .and_then(|micros| Timestamp::from_microsecond(micros).ok())
            .ok_or("last_training_time is no time: RFC 3339, or seconds since 1970")
    }
}

enum TopField {
    Rows,
    ModelId,
    ModelType,
    TrainingTime,
    Field(Field),
}

struct TopKey<'b>(&'b mut RowsBuilder);

impl<'de> DeserializeSeed<'de> for TopKey<'_> {
    type Value = TopField;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<TopField, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for TopKey<'_> {
    type Value = TopField;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<TopField, E> {
        Ok(match key {
            "predictions" | "rows" if self.0.purpose() != Purpose::Labels => TopField::Rows,
            "labels" if self.0.purpose() == Purpose::Labels => TopField::Rows,
            "model_id" => TopField::ModelId,
            "model_type" => TopField::ModelType,
            "last_training_time" => TopField::TrainingTime,
            _ => TopField::Field(self.0.field(key, 0, false)),
        })
    }
}

/// A list of rows inside of the body.
struct RowList<'b>(&'b mut RowsBuilder);

impl<'de> DeserializeSeed<'de> for RowList<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_seq(Top(self.0))
    }
}

/// One row.
struct Row<'b> {
    builder: &'b mut RowsBuilder,
    row: usize,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { builder, row } = self;
        while let Some(field) = map.next_key_seed(Key {
            builder,
            row,
            features: false,
        })? {
            map.next_value_seed(Value {
                builder,
                field,
                row,
                top: false,
            })?;
        }
        Ok(())
    }
}

/// A key of a row, or of its features.
struct Key<'b> {
    builder: &'b mut RowsBuilder,
    row: usize,
    features: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    #[inline]
    fn visit_str<E>(self, key: &str) -> Result<Field, E> {
        Ok(if self.features {
            self.builder.feature(key, self.row)
        } else {
            self.builder.field(key, self.row, false)
        })
    }
}

/// A value, on its way to where it belongs. At the top of a body it may be a list, one value a row.
struct Value<'b> {
    builder: &'b mut RowsBuilder,
    field: Field,
    row: usize,
    top: bool,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Shape;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

const SINGLE: Shape = Shape {
    single: true,
    length: None,
    uneven: None,
};

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Shape, E> {
        self.builder.truth(self.field, self.row, truth);
        Ok(SINGLE)
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Shape, E> {
        self.builder.integer(self.field, self.row, integer.into());
        Ok(SINGLE)
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Shape, E> {
        self.builder.integer(self.field, self.row, integer.into());
        Ok(SINGLE)
    }

    #[inline]
    fn visit_f64<E>(self, number: f64) -> Result<Shape, E> {
        self.builder.number(self.field, self.row, number);
        Ok(SINGLE)
    }

    #[inline]
    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        self.builder.text(self.field, self.row, text);
        Ok(SINGLE)
    }

    /// No value: that of one row, or of all.
    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let Self {
            builder,
            field,
            row,
            top,
        } = self;
        if !top || field == Field::Features {
            list_of_one_row(builder, field, row, list)?;
            return Ok(SINGLE);
        }
        if builder.one_row {
            if !builder.takes_vectors(field) {
                return Err(A::Error::custom(MIXED));
            }
            list_of_one_row(builder, field, row, list)?;
            return Ok(SINGLE);
        }
        let mut row = 0;
        loop {
            // Its own key must not count as one that stands twice in a row.
            if !builder.begin_value(row) {
                if list.next_element::<IgnoredAny>()?.is_some() {
                    return Err(A::Error::custom("too many rows"));
                }
                builder.rows_over = None;
                break;
            }
            let value = Value {
                builder,
                field,
                row,
                top: false,
            };
            if list.next_element_seed(value)?.is_none() {
                break;
            }
            row += 1;
        }
        Ok(Shape {
            single: false,
            length: Some(row),
            uneven: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let Self {
            builder,
            field,
            row,
            top,
        } = self;
        if field != Field::Features {
            builder.nested(field, row, "an object");
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(SINGLE);
        }
        let mut shape = Shape::default();
        while let Some(field) = map.next_key_seed(Key {
            builder,
            row,
            features: true,
        })? {
            shape.see(map.next_value_seed(Value {
                builder,
                field,
                row,
                top,
            })?);
        }
        Ok(shape)
    }
}

/// A list as the value of one row: a vector, or what is no value at all.
fn list_of_one_row<'de, A: SeqAccess<'de>>(
    builder: &mut RowsBuilder,
    field: Field,
    row: usize,
    mut list: A,
) -> Result<(), A::Error> {
    if !builder.takes_vectors(field) {
        builder.nested(field, row, "a list");
        while list.next_element::<IgnoredAny>()?.is_some() {}
        return Ok(());
    }
    let (mut numbers, mut length) = (builder.begin_vector(), 0);
    while let Some(component) = list.next_element_seed(VectorComponent)? {
        let Some(number) = component else {
            if builder.has_vectors(field) {
                builder.no_vector(field, row);
            } else {
                builder.nested(field, row, "a list");
            }
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        length += 1;
        // Of one that is too long no more is kept than any may have.
        if length <= EMBEDDING_DIMENSION_MAX {
            numbers.push(number);
        }
    }
    builder.vector(field, row, length, numbers);
    Ok(())
}
