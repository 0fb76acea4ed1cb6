//! Checks what a component imports, exports, and says of itself.

use crate::domain::{Descriptor, Metric, Needs};

use super::error::LoadError;
use super::limits::{METRICS_MAX, NAME_BYTES_MAX, SCHEMA_BYTES_MAX, SENTENCE_BYTES_MAX};
use super::plugin::PluginKind;
use super::text::{plain, plain_up_to};

/// The contract this host serves.
pub const CONTRACT: &str = "leeway:detector@1.0.0";

const IMPORTS: [&str; 4] = [
    "leeway:detector/types@1.0.0",
    "leeway:detector/windows@1.0.0",
    "leeway:detector/kernels@1.0.0",
    "leeway:detector/logging@1.0.0",
];
const BATCH: &str = "leeway:detector/batch@1.0.0";
const STREAM: &str = "leeway:detector/stream@1.0.0";
/// Kinds of column and roles that the contract knows.
const KINDS: usize = 3;
const ROLES: usize = 8;

/// What is wrong with a descriptor.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DescriptorError {
    /// A name breaks its rules.
    #[error("the {what} '{name}' must be 1 to {NAME_BYTES_MAX} {letters}, a letter first")]
    Name {
        what: &'static str,
        name: String,
        letters: &'static str,
    },
    /// The version is not three numbers.
    #[error("the version '{0}' is not MAJOR.MINOR.PATCH")]
    Version(String),
    /// A text is too long.
    #[error("the {what} has {bytes} bytes; it may have {limit}")]
    TooLong {
        what: &'static str,
        bytes: usize,
        limit: usize,
    },
    /// No metrics, or too many.
    #[error("{0} metrics are declared; there must be 1 to {METRICS_MAX}")]
    MetricCount(usize),
    /// A metric stands twice.
    #[error("the metric '{0}' is declared twice")]
    MetricTwice(String),
    /// A range is empty or not a range, or a threshold is no number.
    #[error("the metric '{0}' has a range or threshold that is not one")]
    MetricRange(String),
    /// Nothing is accepted.
    #[error("no {0} are accepted, so there is nothing to judge")]
    AcceptsNothing(&'static str),
    /// More are accepted than there are, so some stand twice.
    #[error("{count} {what} are accepted; there are {limit}")]
    AcceptsTooMany {
        what: &'static str,
        count: usize,
        limit: usize,
    },
    /// Stream detectors read rows.
    #[error("a stream detector must need rows, not profiles")]
    StreamOfProfiles,
    /// The configuration's schema is no schema.
    #[error("the configuration's schema cannot be used: {0}")]
    Schema(String),
}

/// Which of the two worlds a component fits, by name.
pub(super) fn kind(
    imports: impl Iterator<Item = String>,
    exports: impl Iterator<Item = String>,
) -> Result<PluginKind, LoadError> {
    for import in imports {
        if !IMPORTS.contains(&import.as_str()) {
            return Err(LoadError::ForbiddenImport(plain(&import)));
        }
    }
    let exports: Vec<String> = exports.collect();
    let has = |name: &str| exports.iter().any(|export| export == name);
    match (has(BATCH), has(STREAM)) {
        (true, _) => Ok(PluginKind::Batch),
        (false, true) => Ok(PluginKind::Stream),
        (false, false) if exports.is_empty() => Err(LoadError::MissingExport {
            found: "nothing".into(),
        }),
        (false, false) => Err(LoadError::MissingExport {
            found: plain(&format!("'{}'", exports.join("', '"))),
        }),
    }
}

/// Checks a descriptor, and reads its schema.
pub(super) fn check(
    descriptor: &Descriptor,
    kind: PluginKind,
) -> Result<jsonschema::Validator, DescriptorError> {
    name("name", &descriptor.name, '-')?;
    let numbers: Vec<&str> = descriptor.version.split('.').collect();
    let is_number = |text: &&str| {
        (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if numbers.len() != 3 || !numbers.iter().all(is_number) {
        return Err(DescriptorError::Version(plain_up_to(
            NAME_BYTES_MAX,
            &descriptor.version,
        )));
    }
    length("summary", &descriptor.summary, SENTENCE_BYTES_MAX)?;
    if descriptor.metrics.is_empty() || descriptor.metrics.len() > METRICS_MAX {
        return Err(DescriptorError::MetricCount(descriptor.metrics.len()));
    }
    let mut names = std::collections::HashSet::new();
    for metric in &descriptor.metrics {
        check_metric(metric)?;
        if !names.insert(&metric.name) {
            return Err(DescriptorError::MetricTwice(metric.name.clone()));
        }
    }
    accepted("kinds of column", descriptor.accepts.len(), KINDS)?;
    accepted("roles", descriptor.roles.len(), ROLES)?;
    if kind == PluginKind::Stream && descriptor.needs != Needs::Rows {
        return Err(DescriptorError::StreamOfProfiles);
    }
    length(
        "configuration's schema",
        &descriptor.config_schema,
        SCHEMA_BYTES_MAX,
    )?;
    super::config::read_schema(&descriptor.config_schema).map_err(DescriptorError::Schema)
}

fn accepted(what: &'static str, count: usize, limit: usize) -> Result<(), DescriptorError> {
    match count {
        0 => Err(DescriptorError::AcceptsNothing(what)),
        _ if count > limit => Err(DescriptorError::AcceptsTooMany { what, count, limit }),
        _ => Ok(()),
    }
}

fn check_metric(metric: &Metric) -> Result<(), DescriptorError> {
    name("metric", &metric.name, '_')?;
    length("help of a metric", &metric.help, SENTENCE_BYTES_MAX)?;
    length("unit of a metric", &metric.unit, NAME_BYTES_MAX)?;
    let bounds = (
        metric.minimum.unwrap_or(f64::NEG_INFINITY),
        metric.maximum.unwrap_or(f64::INFINITY),
    );
    let finite = [metric.minimum, metric.maximum, metric.default_threshold]
        .iter()
        .flatten()
        .all(|x| x.is_finite());
    if finite && bounds.0 < bounds.1 {
        Ok(())
    } else {
        Err(DescriptorError::MetricRange(metric.name.clone()))
    }
}

fn name(what: &'static str, name: &str, joint: char) -> Result<(), DescriptorError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint;
    let good = name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(allowed);
    if good {
        return Ok(());
    }
    let letters = if joint == '-' {
        "lower-case letters, digits or hyphens"
    } else {
        "lower-case letters, digits or underscores"
    };
    Err(DescriptorError::Name {
        what,
        name: plain_up_to(NAME_BYTES_MAX, name),
        letters,
    })
}

fn length(what: &'static str, text: &str, limit: usize) -> Result<(), DescriptorError> {
    if text.len() > limit {
        Err(DescriptorError::TooLong {
            what,
            bytes: text.len(),
            limit,
        })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ColumnKind, Direction, DriftKind, Role};

    const HYPHENS: &str = "lower-case letters, digits or hyphens";
    const UNDERSCORES: &str = "lower-case letters, digits or underscores";

    fn metric(name: &str) -> Metric {
        Metric {
            name: name.to_owned(),
            help: String::new(),
            unit: String::new(),
            direction: Direction::HigherIsDrift,
            minimum: None,
            maximum: None,
            default_threshold: None,
        }
    }

    fn verdict_on(change: impl FnOnce(&mut Descriptor)) -> Result<(), DescriptorError> {
        verdict_as(PluginKind::Batch, change)
    }

    fn verdict_as(
        kind: PluginKind,
        change: impl FnOnce(&mut Descriptor),
    ) -> Result<(), DescriptorError> {
        let mut descriptor = Descriptor {
            name: "test".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            kind: DriftKind::Data,
            accepts: vec![ColumnKind::Numeric],
            roles: vec![Role::Feature],
            needs: Needs::Profiles,
            rows_min: 1,
            metrics: vec![metric("share")],
            config_schema: r#"{"type":"object"}"#.into(),
            state_format: 1,
        };
        change(&mut descriptor);
        check(&descriptor, kind).map(|_| ())
    }

    fn wrong_name(
        what: &'static str,
        name: &str,
        letters: &'static str,
    ) -> Result<(), DescriptorError> {
        Err(DescriptorError::Name {
            what,
            name: name.to_owned(),
            letters,
        })
    }

    #[test]
    fn names_have_letters_of_their_own() {
        let longest = "a".repeat(NAME_BYTES_MAX);
        for good in ["a", "a-1", "psi2", longest.as_str()] {
            assert_eq!(verdict_on(|d| d.name = good.into()), Ok(()), "{good}");
        }
        for bad in ["", "1a", "-a", "A", "a_b", "a b", "ä", "a\0"] {
            let shown = bad.replace('\0', "\u{fffd}");
            assert_eq!(
                verdict_on(|d| d.name = bad.into()),
                wrong_name("name", &shown, HYPHENS),
                "{bad:?}"
            );
        }
        assert_eq!(
            verdict_on(|d| d.name = longest.clone() + "a"),
            wrong_name("name", &(longest.clone() + "…"), HYPHENS)
        );
        assert_eq!(verdict_on(|d| d.metrics[0].name = longest.clone()), Ok(()));
        for bad in ["", "1a", "_a", "A", "a-b"] {
            assert_eq!(
                verdict_on(|d| d.metrics[0].name = bad.into()),
                wrong_name("metric", bad, UNDERSCORES),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_version_is_three_numbers() {
        for good in ["0.0.0", "1.20.300", "999999999.0.1"] {
            assert_eq!(verdict_on(|d| d.version = good.into()), Ok(()), "{good}");
        }
        for bad in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "1.0.x",
            "1..0",
            "-1.0.0",
            "1.0.0-rc1",
            "1000000000.0.0",
            "1.0.٣",
        ] {
            assert_eq!(
                verdict_on(|d| d.version = bad.into()),
                Err(DescriptorError::Version(bad.into())),
                "{bad}"
            );
        }
        let shown = format!("{}…", "1".repeat(NAME_BYTES_MAX));
        assert_eq!(
            verdict_on(|d| d.version = "1".repeat(60 << 20)),
            Err(DescriptorError::Version(shown))
        );
    }

    #[test]
    fn texts_are_bounded() {
        let long = |what, bytes, limit| Err(DescriptorError::TooLong { what, bytes, limit });
        let text = |bytes: usize| "x".repeat(bytes);
        let schema = |bytes: usize| format!(r#"{{"type":"object"{}}}"#, " ".repeat(bytes - 17));
        let sentence = SENTENCE_BYTES_MAX;

        assert_eq!(verdict_on(|d| d.summary = text(sentence)), Ok(()));
        assert_eq!(
            verdict_on(|d| d.summary = text(sentence + 1)),
            long("summary", sentence + 1, sentence)
        );
        assert_eq!(verdict_on(|d| d.metrics[0].help = text(sentence)), Ok(()));
        assert_eq!(
            verdict_on(|d| d.metrics[0].help = text(sentence + 1)),
            long("help of a metric", sentence + 1, sentence)
        );
        assert_eq!(
            verdict_on(|d| d.metrics[0].unit = text(NAME_BYTES_MAX)),
            Ok(())
        );
        assert_eq!(
            verdict_on(|d| d.metrics[0].unit = text(NAME_BYTES_MAX + 1)),
            long("unit of a metric", NAME_BYTES_MAX + 1, NAME_BYTES_MAX)
        );
        assert_eq!(
            verdict_on(|d| d.config_schema = schema(SCHEMA_BYTES_MAX)),
            Ok(())
        );
        let over = SCHEMA_BYTES_MAX + 1;
        assert_eq!(
            verdict_on(|d| d.config_schema = schema(over)),
            long("configuration's schema", over, SCHEMA_BYTES_MAX)
        );
    }

    #[test]
    fn metrics_are_some_and_not_too_many_and_each_of_them_once() {
        let many = |count: usize| {
            (0..count)
                .map(|at| metric(&format!("m{at}")))
                .collect::<Vec<_>>()
        };
        assert_eq!(verdict_on(|d| d.metrics = many(METRICS_MAX)), Ok(()));
        for count in [0, METRICS_MAX + 1] {
            assert_eq!(
                verdict_on(|d| d.metrics = many(count)),
                Err(DescriptorError::MetricCount(count))
            );
        }
        assert_eq!(
            verdict_on(|d| d.metrics.push(metric("share"))),
            Err(DescriptorError::MetricTwice("share".into()))
        );
    }

    #[test]
    fn ranges_are_ranges_of_numbers() {
        let range = |minimum, maximum, threshold| {
            verdict_on(|d| {
                let metric = &mut d.metrics[0];
                (metric.minimum, metric.maximum, metric.default_threshold) =
                    (minimum, maximum, threshold);
            })
        };
        let wrong = Err(DescriptorError::MetricRange("share".into()));
        assert_eq!(range(Some(0.0), Some(1.0), Some(0.5)), Ok(()));
        assert_eq!(range(None, Some(f64::MIN), None), Ok(()));
        for (minimum, maximum, threshold) in [
            (Some(1.0), Some(1.0), None),
            (Some(2.0), Some(1.0), None),
            (Some(f64::NAN), None, None),
            (None, Some(f64::INFINITY), None),
            (Some(f64::NEG_INFINITY), None, None),
            (None, None, Some(f64::NAN)),
        ] {
            assert_eq!(
                range(minimum, maximum, threshold),
                wrong,
                "{minimum:?} {maximum:?} {threshold:?}"
            );
        }
    }

    #[test]
    fn a_detector_accepts_something_and_no_more_than_there_is() {
        assert_eq!(
            verdict_on(|d| d.accepts.clear()),
            Err(DescriptorError::AcceptsNothing("kinds of column"))
        );
        assert_eq!(
            verdict_on(|d| d.roles.clear()),
            Err(DescriptorError::AcceptsNothing("roles"))
        );
        assert_eq!(
            verdict_on(|d| d.accepts = vec![ColumnKind::Numeric; KINDS]),
            Ok(())
        );
        let kinds = DescriptorError::AcceptsTooMany {
            what: "kinds of column",
            count: KINDS + 1,
            limit: KINDS,
        };
        assert_eq!(
            verdict_on(|d| d.accepts = vec![ColumnKind::Numeric; KINDS + 1]),
            Err(kinds)
        );
        let roles = DescriptorError::AcceptsTooMany {
            what: "roles",
            count: 1_000_000,
            limit: ROLES,
        };
        assert_eq!(
            verdict_on(|d| d.roles = vec![Role::Label; 1_000_000]),
            Err(roles)
        );
    }

    #[test]
    fn a_stream_detector_needs_rows() {
        assert_eq!(
            verdict_as(PluginKind::Stream, |_| ()),
            Err(DescriptorError::StreamOfProfiles)
        );
        assert_eq!(
            verdict_as(PluginKind::Stream, |d| d.needs = Needs::Rows),
            Ok(())
        );
    }

    #[test]
    fn a_schema_is_a_schema_of_an_object() {
        let schema = |text: &str| verdict_on(|d| d.config_schema = text.into());
        assert_eq!(
            schema("{}"),
            Err(DescriptorError::Schema("its type is not \"object\"".into()))
        );
        assert!(matches!(schema("{"), Err(DescriptorError::Schema(_))));
        let endless = "it is deeper than 64 values, or refers to itself";
        assert_eq!(
            schema(r##"{"type":"object","$ref":"#"}"##),
            Err(DescriptorError::Schema(endless.into()))
        );
    }

    #[test]
    fn imports_and_exports_are_looked_up_by_name() {
        let kind_of = |imports: &[&str], exports: &[&str]| {
            let owned = |names: &[&str]| {
                names
                    .iter()
                    .map(|&name| name.to_owned())
                    .collect::<Vec<_>>()
                    .into_iter()
            };
            kind(owned(imports), owned(exports)).map_err(|error| error.to_string())
        };
        assert_eq!(kind_of(&IMPORTS, &[BATCH]), Ok(PluginKind::Batch));
        assert_eq!(kind_of(&[], &[STREAM]), Ok(PluginKind::Stream));
        assert_eq!(
            kind_of(&[], &["init", STREAM, BATCH]),
            Ok(PluginKind::Batch)
        );
        for import in [
            "wasi:cli/environment@0.2.6",
            "leeway:detector/windows@2.0.0",
            "leeway:detector/windows",
            "leeway:detector/clock@1.0.0",
        ] {
            assert!(
                kind_of(&[IMPORTS[1], import], &[BATCH])
                    .unwrap_err()
                    .contains(&format!("imports '{import}'")),
                "{import}"
            );
        }
        assert!(
            kind_of(&[], &[])
                .unwrap_err()
                .starts_with("the component exports nothing;")
        );
        assert!(
            kind_of(&[], &["a", "b"])
                .unwrap_err()
                .starts_with("the component exports 'a', 'b';")
        );
        let many = vec!["an-export"; 100_000];
        assert!(kind_of(&[], &many).unwrap_err().len() < 2_000);
    }
}
