//! Checks a configuration against the schema that a detector declares.

use serde_json::Value;

use super::text::plain;

/// Bytes of a configuration.
pub(super) const CONFIG_BYTES_MAX: usize = 65_536;

/// Why a configuration is refused. The guest has not seen it, unless it was the guest that refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// It does not fit the schema.
    #[error("the configuration of {detector} is wrong at '{at}': {reason}")]
    Schema {
        detector: String,
        at: String,
        reason: String,
    },
    /// It is larger than a configuration may be.
    #[error("the configuration of {detector} has {bytes} bytes; it may have {CONFIG_BYTES_MAX}")]
    TooLarge { detector: String, bytes: usize },
    /// The detector refused it, or could not be asked.
    #[error("the configuration of {detector} was refused: {source}")]
    Guest {
        detector: String,
        source: super::error::RunError,
    },
}

/// Values inside a schema once every reference is followed, and how deep they lie.
const SCHEMA_VALUES_MAX: usize = 10_000;
const SCHEMA_DEPTH_MAX: usize = 64;
/// Patterns of a schema once every reference is followed, and bytes of each when compiled.
const PATTERNS_MAX: usize = 64;
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Reads a schema (JSON Schema 2020-12) that describes an object and names nothing outside itself.
///
/// The host checks configurations against it natively, where no deadline holds. So it may not grow
/// without end as its references are followed, and its patterns stay small when compiled.
pub(super) fn read_schema(text: &str) -> Result<jsonschema::Validator, String> {
    let schema: Value =
        serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err("its type is not \"object\"".to_owned());
    }
    Survey {
        schema: &schema,
        values: 0,
        patterns: 0,
    }
    .visit(&schema, 0)?;
    jsonschema::draft202012::options()
        .with_pattern_options(jsonschema::PatternOptions::regex().size_limit(PATTERN_BYTES_MAX))
        .build(&schema)
        .map_err(|error| plain(&error.to_string()))
}

/// A walk through a schema that follows its references.
struct Survey<'a> {
    schema: &'a Value,
    values: usize,
    patterns: usize,
}

impl Survey<'_> {
    fn visit(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        self.values += 1;
        if self.values > SCHEMA_VALUES_MAX {
            return Err(format!(
                "it has more than {SCHEMA_VALUES_MAX} values once its references are followed"
            ));
        }
        if depth > SCHEMA_DEPTH_MAX {
            return Err(format!(
                "it is deeper than {SCHEMA_DEPTH_MAX} values, or refers to itself"
            ));
        }
        match value {
            Value::Array(items) => items
                .iter()
                .try_for_each(|item| self.visit(item, depth + 1)),
            Value::Object(fields) => fields
                .iter()
                .try_for_each(|(key, field)| self.keyword(key, field, depth + 1)),
            _ => Ok(()),
        }
    }

    fn keyword(&mut self, key: &str, value: &Value, depth: usize) -> Result<(), String> {
        match (key, value) {
            ("$ref", Value::String(target)) => {
                let found = target
                    .strip_prefix('#')
                    .and_then(|pointer| self.schema.pointer(pointer));
                let found = found.ok_or_else(|| {
                    plain(&format!("it refers to '{target}', which is not in it"))
                })?;
                return self.visit(found, depth);
            }
            // Names that a reference could lead to in more ways than the walk knows.
            (
                "$id" | "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$recursiveAnchor"
                | "$recursiveRef",
                Value::String(_),
            ) => {
                return Err(format!(
                    "it uses '{key}'; the only reference it may have is '$ref' with '#/...'"
                ));
            }
            ("pattern", Value::String(_)) => self.patterns += 1,
            ("patternProperties", Value::Object(patterns)) => self.patterns += patterns.len(),
            _ => {}
        }
        if self.patterns > PATTERNS_MAX {
            return Err(format!(
                "it has more than {PATTERNS_MAX} patterns once its references are followed"
            ));
        }
        self.visit(value, depth)
    }
}

/// Checks and writes out a configuration.
pub(super) fn check(
    detector: &str,
    schema: &jsonschema::Validator,
    config: &Value,
) -> Result<String, ConfigError> {
    let text = config.to_string();
    if text.len() > CONFIG_BYTES_MAX {
        return Err(ConfigError::TooLarge {
            detector: detector.to_owned(),
            bytes: text.len(),
        });
    }
    if let Some(error) = schema.iter_errors(config).next() {
        let at = error.instance_path().to_string();
        let at = if at.is_empty() {
            "/".to_owned()
        } else {
            plain(&at)
        };
        return Err(ConfigError::Schema {
            detector: detector.to_owned(),
            at,
            reason: plain(&error.to_string()),
        });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(schema: &Value) -> String {
        match read_schema(&schema.to_string()) {
            Ok(_) => panic!("{schema} was taken"),
            Err(why) => why,
        }
    }

    #[test]
    fn a_schema_may_refer_to_its_own_parts() {
        let share = json!({ "type": "number", "minimum": 0, "maximum": 1 });
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
            "properties": { "alpha": { "$ref": "#/$defs/share" }, "name": { "pattern": "^[a-z]{1,8}$" } },
            "$defs": { "share": share },
        });
        let schema = read_schema(&schema.to_string()).unwrap();
        assert_eq!(
            check("d@1", &schema, &json!({ "alpha": 0.5, "name": "abc" })).unwrap(),
            r#"{"alpha":0.5,"name":"abc"}"#
        );
        let at = |config| match check("d@1", &schema, &config) {
            Err(ConfigError::Schema { at, .. }) => at,
            other => panic!("{other:?}"),
        };
        assert_eq!(at(json!({ "alpha": 2 })), "/alpha");
        assert_eq!(at(json!({ "name": "ABC" })), "/name");
        assert_eq!(at(json!({ "beta": 2 })), "/");
        assert_eq!(at(json!([])), "/");
    }

    #[test]
    fn a_schema_that_is_none_says_why() {
        let why = |text: &str| read_schema(text).err().unwrap();
        assert!(why("").starts_with("it is not JSON: "));
        assert!(why(&"[".repeat(60_000)).starts_with("it is not JSON: recursion limit"));
        assert_eq!(why("{}"), "its type is not \"object\"");
        assert_eq!(why("[]"), "its type is not \"object\"");
        assert!(!refused(&json!({ "type": "object", "properties": 5 })).is_empty());
        assert!(
            !refused(&json!({ "type": "object", "properties": { "a": { "pattern": "(" } } }))
                .is_empty()
        );
        assert!(
            !refused(&json!({ "type": "object", "properties": { "a": { "multipleOf": 0 } } }))
                .is_empty()
        );
    }

    #[test]
    fn a_schema_refers_to_nothing_outside_itself() {
        for target in [
            "https://example.org/schema",
            "file:///etc/passwd",
            "other.json",
            "#/$defs/none",
            "#name",
        ] {
            let why =
                refused(&json!({ "type": "object", "properties": { "a": { "$ref": target } } }));
            assert_eq!(why, format!("it refers to '{target}', which is not in it"));
        }
        for key in ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor"] {
            let why = refused(&json!({ "type": "object", key: "#a" }));
            assert_eq!(
                why,
                format!("it uses '{key}'; the only reference it may have is '$ref' with '#/...'")
            );
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_would_never_be_checked() {
        let endless = "it is deeper than 64 values, or refers to itself";
        assert_eq!(refused(&json!({ "type": "object", "$ref": "#" })), endless);
        assert_eq!(
            refused(
                &json!({ "type": "object", "allOf": [{ "$ref": "#/$defs/a" }], "$defs": { "a": { "$ref": "#/$defs/a" } } })
            ),
            endless
        );
    }

    /// Each of 40 parts asks for the next one twice: 2^40 checks of one value.
    #[test]
    fn a_schema_that_doubles_at_every_step_is_too_large() {
        let mut parts = serde_json::Map::new();
        for at in 0..40 {
            let next = json!({ "$ref": format!("#/$defs/p{}", at + 1) });
            parts.insert(format!("p{at}"), json!({ "allOf": [next, next] }));
        }
        parts.insert("p40".into(), json!(true));
        let why = refused(&json!({ "type": "object", "$ref": "#/$defs/p0", "$defs": parts }));
        assert!(
            why == "it has more than 10000 values once its references are followed"
                || why.contains("refers to itself"),
            "{why}"
        );
    }

    /// One such pattern takes megabytes when compiled, and thousands fit into a schema.
    #[test]
    fn patterns_are_few_and_small() {
        let with = |count: usize, pattern: &str| {
            let properties: serde_json::Map<_, _> = (0..count)
                .map(|at| (format!("p{at}"), json!({ "pattern": pattern })))
                .collect();
            json!({ "type": "object", "properties": properties })
        };
        assert!(read_schema(&with(PATTERNS_MAX, "^[a-z]+$").to_string()).is_ok());
        assert_eq!(
            refused(&with(PATTERNS_MAX + 1, "^[a-z]+$")),
            "it has more than 64 patterns once its references are followed"
        );
        assert!(!refused(&with(1, r"(.{500}){500}")).is_empty());
    }

    #[test]
    fn a_configuration_is_measured_before_it_is_checked() {
        let schema =
            read_schema(r#"{"type":"object","properties":{"a":{"type":"number"}}}"#).unwrap();
        let most = json!({ "b": "x".repeat(CONFIG_BYTES_MAX - 8) });
        assert_eq!(
            check("d@1", &schema, &most).unwrap().len(),
            CONFIG_BYTES_MAX
        );
        let more = json!({ "a": "x".repeat(CONFIG_BYTES_MAX - 7) });
        assert_eq!(
            check("d@1", &schema, &more),
            Err(ConfigError::TooLarge {
                detector: "d@1".into(),
                bytes: CONFIG_BYTES_MAX + 1
            })
        );
    }

    #[test]
    fn what_a_schema_says_of_a_configuration_is_made_plain() {
        let schema =
            read_schema(r#"{"type":"object","properties":{"a":{"const":"\u001b[2J"}}}"#).unwrap();
        let Err(ConfigError::Schema { reason, .. }) =
            check("d@1", &schema, &json!({ "a": "\u{9b}x" }))
        else {
            panic!()
        };
        assert!(!reason.contains(char::is_control), "{reason:?}");
    }
}
