//! Objects inside of bodies. Serde reads a list as the fields of a struct in their order, which nobody means.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A value that is written as an object, and as nothing else.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// An object.
pub(super) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Object::deserialize(deserializer)?.0)
}

/// An object, or null for nothing.
pub(super) fn object_or_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// A list of objects.
pub(super) fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|object| object.0).collect())
}

#[cfg(test)]
mod tests {
    use super::super::{ModelForm, ModelPatch, MonitorForm};

    #[test]
    fn a_list_is_no_object_however_deep_it_stands() {
        let settings = r#"{"chunk_seconds": 60, "chunk_rows": 100}"#;
        let column = r#"{"name": "x", "kind": "numeric"}"#;
        let good = format!(r#"{{"model_id": "m", "settings": {settings}, "columns": [{column}]}}"#);
        let form: ModelForm = serde_json::from_str(&good).unwrap();
        assert_eq!(
            (form.settings.unwrap().chunk_rows, form.columns.len()),
            (100, 1)
        );
        let patch: ModelPatch = serde_json::from_str(r#"{"settings": null}"#).unwrap();
        assert!(patch.settings.is_none() && patch.columns.is_empty());
        for bad in [
            r#"{"model_id": "m", "settings": [60, 100]}"#,
            r#"{"model_id": "m", "columns": [["x", "numeric"]]}"#,
        ] {
            let error = serde_json::from_str::<ModelForm>(bad)
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("invalid type: sequence, expected an object"),
                "{error}"
            );
        }
        let monitor = |spec: &str| {
            serde_json::from_str::<MonitorForm>(&format!(r#"{{"name": "n", "spec": {spec}}}"#))
        };
        monitor(r#"{"detector": "d", "current": {"of": "sliding", "extent": {"rows": 10}}}"#)
            .unwrap();
        for bad in [
            r#"["d"]"#,
            r#"{"detector": "d", "reference": ["auto"]}"#,
            r#"{"detector": "d", "current": ["sliding", {"rows": 10}]}"#,
            r#"{"detector": "d", "cadence": ["schedule", 5]}"#,
        ] {
            let error = monitor(bad).unwrap_err().to_string();
            assert!(
                error.starts_with("invalid type: sequence, expected an object"),
                "{error}"
            );
        }
    }
}
