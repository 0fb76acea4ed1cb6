//! What a monitor may be asked to do: every number has a limit, every error names its field.

use crate::domain::monitor::{
    Cadence, CurrentSpec, Extent, MONITOR_NAME_BYTES_MAX, MonitorSpec, ReferenceSpec,
};

use crate::domain::segment::Split;
use crate::runtime::{Plugin, PluginKind};

use super::level;
use super::watch::WatchError;

/// Most rows that a window may be asked to have.
pub const EXTENT_ROWS_MAX: u64 = 1_000_000_000;
/// Longest stretch of time that a window may be asked to cover, in seconds: ten years of 365 days.
pub const EXTENT_SECONDS_MAX: u64 = 315_360_000;
/// Most rows that a verdict may be made to wait for.
pub const ROWS_MIN_MAX: u64 = 1_000_000_000;
/// Longest time that labels may be waited for, in seconds: ten years of 365 days.
pub const LABEL_MATURITY_SECONDS_MAX: u64 = 315_360_000;
/// Longest period over which false alarms are bounded, in seconds: ten years of 365 days.
pub const FALSE_ALARMS_SECONDS_MAX: u64 = 315_360_000;
/// Longest time between two evaluations, in seconds: 366 days.
pub const CADENCE_SECONDS_MAX: u32 = 31_622_400;

/// Checks a monitor's name: 1 to [`MONITOR_NAME_BYTES_MAX`] letters, digits, `.`, `_` and `-`, a letter or digit first.
pub(super) fn check_name(name: &str) -> Result<(), WatchError> {
    if name.is_empty() || name.len() > MONITOR_NAME_BYTES_MAX {
        return Err(wrong(
            "name",
            format!(
                "it has {} bytes; it must have 1 to {MONITOR_NAME_BYTES_MAX}",
                name.len()
            ),
        ));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !name.bytes().all(fits) || !name.as_bytes()[0].is_ascii_alphanumeric() {
        return Err(wrong(
            "name",
            "it has letters, digits, '.', '_' and '-' only, and starts with a letter or digit"
                .into(),
        ));
    }
    Ok(())
}

/// Checks everything but the detector and its configuration.
pub(super) fn check(spec: &MonitorSpec) -> Result<(), WatchError> {
    match &spec.reference {
        ReferenceSpec::Trailing { extent: size } => extent("reference.extent", *size)?,
        ReferenceSpec::Auto | ReferenceSpec::DataSet | ReferenceSpec::Training => {}
    }
    match &spec.current {
        CurrentSpec::Sliding { extent: size } | CurrentSpec::Tumbling { extent: size } => {
            extent("current.extent", *size)?;
        }
        CurrentSpec::SinceTraining => {}
    }
    match spec.cadence {
        Cadence::NewData { seconds_min } => within(
            "cadence.seconds_min",
            seconds_min.into(),
            0,
            CADENCE_SECONDS_MAX.into(),
        )?,
        Cadence::Schedule { every_seconds } => within(
            "cadence.every_seconds",
            every_seconds.into(),
            1,
            CADENCE_SECONDS_MAX.into(),
        )?,
        Cadence::Request => {}
    }
    within("rows_min", spec.rows_min, 1, ROWS_MIN_MAX)?;
    if !(0.0..=1.0).contains(&spec.labelled_share_min) {
        return Err(wrong(
            "labelled_share_min",
            format!("it is {}; it must be 0 to 1", spec.labelled_share_min),
        ));
    }
    within(
        "label_maturity_seconds",
        spec.label_maturity_seconds,
        0,
        LABEL_MATURITY_SECONDS_MAX,
    )?;
    if let Some(bound) = spec.false_alarms {
        if !(bound.at_most > 0.0 && bound.at_most < 1.0) {
            return Err(wrong(
                "false_alarms.at_most",
                format!("it is {}; it must be above 0 and below 1", bound.at_most),
            ));
        }
        within(
            "false_alarms.per_seconds",
            bound.per_seconds,
            1,
            FALSE_ALARMS_SECONDS_MAX,
        )?;
    }
    split(spec)?;
    if !spec.config.is_object() {
        return Err(wrong("config", "it must be a JSON object".into()));
    }
    Ok(())
}

/// How the monitor splits its rows, if it does.
pub(super) fn split(spec: &MonitorSpec) -> Result<Option<Split>, WatchError> {
    let parsed = spec.segment_by.as_deref().map(Split::parse).transpose();
    parsed.map_err(|error| wrong("segment_by", error.to_string()))
}

/// Checks what only some detectors can do.
pub(super) fn check_fits(spec: &MonitorSpec, plugin: &Plugin) -> Result<(), WatchError> {
    let descriptor = plugin.descriptor();
    let follows_rows = plugin.kind() == PluginKind::Stream;
    if spec.segment_by.is_some() && follows_rows {
        return Err(wrong(
            "segment_by",
            format!(
                "{} follows rows: only detectors that compare windows can be split",
                descriptor.name
            ),
        ));
    }
    if spec.false_alarms.is_some() && (follows_rows || level::default_of(descriptor).is_none()) {
        return Err(wrong(
            "false_alarms",
            format!(
                "{} has no test whose level could be spent: its configuration has no 'level', or it follows rows",
                descriptor.name
            ),
        ));
    }
    Ok(())
}

fn extent(field: &'static str, extent: Extent) -> Result<(), WatchError> {
    match extent {
        Extent::Rows(rows) => within(field, rows, 1, EXTENT_ROWS_MAX),
        Extent::Seconds(seconds) => within(field, seconds, 1, EXTENT_SECONDS_MAX),
    }
}

fn within(field: &'static str, value: u64, least: u64, most: u64) -> Result<(), WatchError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(wrong(
            field,
            format!("it is {value}; it must be {least} to {most}"),
        ))
    }
}

pub(super) fn wrong(field: &'static str, reason: String) -> WatchError {
    WatchError::Spec { field, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::monitor::FalseAlarms;

    fn field(change: impl FnOnce(&mut MonitorSpec)) -> &'static str {
        let mut spec = MonitorSpec::of("none");
        change(&mut spec);
        match check(&spec) {
            Ok(()) => TAKEN,
            Err(WatchError::Spec { field, .. }) => field,
            Err(other) => panic!("{other:?}"),
        }
    }

    /// Every number is inside its range.
    const TAKEN: &str = "";

    fn sliding(extent: Extent) -> CurrentSpec {
        CurrentSpec::Sliding { extent }
    }

    #[test]
    fn every_number_holds_up_to_its_limits_and_not_beyond() {
        for (rows, expected) in [
            (0, "current.extent"),
            (1, TAKEN),
            (EXTENT_ROWS_MAX, TAKEN),
            (EXTENT_ROWS_MAX + 1, "current.extent"),
        ] {
            assert_eq!(
                field(|spec| spec.current = sliding(Extent::Rows(rows))),
                expected
            );
        }
        for (seconds, expected) in [
            (0, "reference.extent"),
            (1, TAKEN),
            (EXTENT_SECONDS_MAX, TAKEN),
            (EXTENT_SECONDS_MAX + 1, "reference.extent"),
        ] {
            let extent = Extent::Seconds(seconds);
            assert_eq!(
                field(|spec| spec.reference = ReferenceSpec::Trailing { extent }),
                expected
            );
        }
        for (rows, expected) in [
            (0, "rows_min"),
            (1, TAKEN),
            (ROWS_MIN_MAX, TAKEN),
            (ROWS_MIN_MAX + 1, "rows_min"),
        ] {
            assert_eq!(field(|spec| spec.rows_min = rows), expected);
        }
        for (share, expected) in [
            (-0.1, "labelled_share_min"),
            (0.0, TAKEN),
            (1.0, TAKEN),
            (1.1, "labelled_share_min"),
            (f64::NAN, "labelled_share_min"),
        ] {
            assert_eq!(field(|spec| spec.labelled_share_min = share), expected);
        }
        for (seconds, expected) in [
            (LABEL_MATURITY_SECONDS_MAX, TAKEN),
            (LABEL_MATURITY_SECONDS_MAX + 1, "label_maturity_seconds"),
        ] {
            assert_eq!(
                field(|spec| spec.label_maturity_seconds = seconds),
                expected
            );
        }
        for (every_seconds, expected) in [
            (0, "cadence.every_seconds"),
            (1, TAKEN),
            (CADENCE_SECONDS_MAX, TAKEN),
            (CADENCE_SECONDS_MAX + 1, "cadence.every_seconds"),
        ] {
            let cadence = Cadence::Schedule { every_seconds };
            assert_eq!(field(|spec| spec.cadence = cadence), expected);
        }
        for (seconds_min, expected) in [
            (0, TAKEN),
            (CADENCE_SECONDS_MAX, TAKEN),
            (CADENCE_SECONDS_MAX + 1, "cadence.seconds_min"),
        ] {
            let cadence = Cadence::NewData { seconds_min };
            assert_eq!(field(|spec| spec.cadence = cadence), expected);
        }
        assert_eq!(field(|spec| spec.config = serde_json::json!([])), "config");
        for (at_most, per_seconds, expected) in [
            (0.0, 60, "false_alarms.at_most"),
            (1.0, 60, "false_alarms.at_most"),
            (f64::NAN, 60, "false_alarms.at_most"),
            (0.5, 0, "false_alarms.per_seconds"),
            (0.5, 1, TAKEN),
            (0.5, FALSE_ALARMS_SECONDS_MAX, TAKEN),
            (
                0.5,
                FALSE_ALARMS_SECONDS_MAX + 1,
                "false_alarms.per_seconds",
            ),
        ] {
            let bound = FalseAlarms {
                at_most,
                per_seconds,
            };
            assert_eq!(field(|spec| spec.false_alarms = Some(bound)), expected);
        }
        for (split, expected) in [("region", TAKEN), ("a = ", "segment_by")] {
            assert_eq!(
                field(|spec| spec.segment_by = Some(split.to_owned())),
                expected
            );
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        let longest = "x".repeat(MONITOR_NAME_BYTES_MAX);
        for name in ["a", "data-drift", "v1.2_b", "0", &longest] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let longer = "x".repeat(MONITOR_NAME_BYTES_MAX + 1);
        for name in ["", "-a", ".", "a b", "a/b", "ä", "a\n", &longer] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
