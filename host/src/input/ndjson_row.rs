//! One JSON object, key by key, without a tree of its values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::DIMENSION_MAX;
use super::vector::narrow;

/// Takes the values of one object, scalar by scalar.
///
/// A method that fails keeps its reason itself: the error that passes through the parser is only a
/// signal to stop.
pub(super) trait RowSink {
    /// The number by which a key's value is handed over; `None` skips the value.
    fn slot(&mut self, key: &str) -> Result<Option<usize>, Stop>;
    fn null(&mut self, slot: usize) -> Result<(), Stop>;
    fn bool(&mut self, slot: usize, value: bool) -> Result<(), Stop>;
    fn unsigned(&mut self, slot: usize, value: u64) -> Result<(), Stop>;
    fn signed(&mut self, slot: usize, value: i64) -> Result<(), Stop>;
    fn number(&mut self, slot: usize, value: f64) -> Result<(), Stop>;
    fn text(&mut self, slot: usize, value: &str) -> Result<(), Stop>;
    /// An array of numbers.
    fn vector(&mut self, slot: usize, values: &[f32]) -> Result<(), Stop>;
    /// Any other array, or an object.
    fn nested(&mut self, slot: usize, what: &'static str) -> Result<(), Stop>;
}

/// The sink has a reason to stop.
#[derive(Debug)]
pub(super) struct Stop;

fn stop<E: Error>(_: Stop) -> E {
    E::custom("stopped")
}

/// Hands the object on `line` over to `sink`. `scratch` spares allocations.
pub(super) fn parse(
    line: &[u8],
    sink: &mut impl RowSink,
    scratch: &mut Vec<f32>,
) -> Result<(), serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_slice(line);
    parser.deserialize_map(ObjectVisitor { sink, scratch })?;
    parser.end()
}

struct ObjectVisitor<'a, S> {
    sink: &'a mut S,
    scratch: &'a mut Vec<f32>,
}

impl<'de, S: RowSink> Visitor<'de> for ObjectVisitor<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(slot) = map.next_key_seed(Key {
            sink: &mut *self.sink,
        })? {
            match slot {
                Some(slot) => {
                    map.next_value_seed(Value {
                        slot,
                        sink: &mut *self.sink,
                        scratch: &mut *self.scratch,
                    })?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Key<'a, S> {
    sink: &'a mut S,
}

impl<'de, S: RowSink> DeserializeSeed<'de> for Key<'_, S> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_str(self)
    }
}

impl<S: RowSink> Visitor<'_> for Key<'_, S> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        self.sink.slot(key).map_err(stop)
    }
}

struct Value<'a, S> {
    slot: usize,
    sink: &'a mut S,
    scratch: &'a mut Vec<f32>,
}

impl<'de, S: RowSink> DeserializeSeed<'de> for Value<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de, S: RowSink> Visitor<'de> for Value<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.sink.null(self.slot).map_err(stop)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.sink.bool(self.slot, value).map_err(stop)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.sink.unsigned(self.slot, value).map_err(stop)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.sink.signed(self.slot, value).map_err(stop)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.sink.number(self.slot, value).map_err(stop)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.sink.text(self.slot, value).map_err(stop)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        self.scratch.clear();
        while let Some(component) = array.next_element_seed(Component)? {
            // One over the limit is enough to fail; the rest would only take memory.
            match component {
                Some(value) if self.scratch.len() <= DIMENSION_MAX => self.scratch.push(value),
                Some(_) => {}
                None => {
                    self.sink.nested(self.slot, "an array").map_err(stop)?;
                    while array.next_element::<IgnoredAny>()?.is_some() {}
                    return Ok(());
                }
            }
        }
        self.sink.vector(self.slot, self.scratch).map_err(stop)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        self.sink.nested(self.slot, "an object").map_err(stop)?;
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// A component of a vector: a number, or `null` or a text such as `NaN` for none. `None` for
/// anything else.
pub(crate) struct Component;

impl<'de> DeserializeSeed<'de> for Component {
    type Value = Option<f32>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Component {
    type Value = Option<f32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Some(f32::NAN))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(narrow(value as f64)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(narrow(value as f64)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(narrow(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(value
            .parse::<f64>()
            .ok()
            .filter(|value| !value.is_finite())
            .map(narrow))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
