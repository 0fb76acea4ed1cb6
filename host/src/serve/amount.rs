//! Amounts as people write them: `64MiB`, `30`, `0.5`.

use std::time::Duration;

use jiff::SignedDuration;

/// A number of bytes, 1 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) usize);

/// How old something may become; `None` for any age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Age(pub(super) Option<SignedDuration>);

/// A length of time above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

const UNITS: [(&str, usize); 7] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("b", 1),
];
/// Longest span, in seconds: what fits into the timeouts of everything that has one.
const SECONDS_MAX: f64 = 86_400.0;
/// Longest time that anything is kept.
const DAYS_MAX: u32 = 36_500;

/// Reads a number of bytes: whole, with or without a unit.
pub(super) fn bytes(text: &str) -> Result<Bytes, String> {
    let lower = text.trim().to_ascii_lowercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((lower.strip_suffix(name)?, *unit)))
        .unwrap_or((&lower, 1));
    number
        .trim()
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|bytes| *bytes > 0)
        .map(Bytes)
        .ok_or_else(|| "give a whole number of bytes, as in 64MiB or 67108864".to_owned())
}

/// Reads seconds, up to a day.
pub(super) fn seconds(text: &str) -> Result<Span, String> {
    text.trim()
        .parse::<f64>()
        .ok()
        .filter(|seconds| *seconds >= 0.001 && *seconds <= SECONDS_MAX)
        .map(|seconds| Span(Duration::from_secs_f64(seconds)))
        .ok_or_else(|| format!("give seconds, from 0.001 to {SECONDS_MAX}"))
}

/// Reads whole days, or `forever`.
pub(super) fn age(text: &str) -> Result<Age, String> {
    if text.trim() == "forever" {
        return Ok(Age(None));
    }
    text.trim()
        .parse::<u32>()
        .ok()
        .filter(|days| (1..=DAYS_MAX).contains(days))
        .map(|days| Age(Some(SignedDuration::from_hours(24 * i64::from(days)))))
        .ok_or_else(|| format!("give whole days, from 1 to {DAYS_MAX}, or forever"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        assert_eq!(bytes("64MiB"), Ok(Bytes(64 << 20)));
        assert_eq!(bytes(" 2 kb "), Ok(Bytes(2000)));
        assert_eq!(bytes("7"), Ok(Bytes(7)));
        for wrong in [
            "",
            "0",
            "-1",
            "1.5MB",
            "MiB",
            "99999999999999999999",
            "9999999999999GiB",
        ] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn spans_are_above_zero_and_bounded() {
        assert_eq!(seconds("0.5"), Ok(Span(Duration::from_millis(500))));
        assert_eq!(age("2"), Ok(Age(Some(SignedDuration::from_hours(48)))));
        assert_eq!(age("36500").map(|age| age.0.is_some()), Ok(true));
        assert_eq!(age("forever"), Ok(Age(None)));
        for wrong in ["", "0", "-1", "NaN", "inf", "86401", "ten"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0", "0.5", "36501", "always"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
