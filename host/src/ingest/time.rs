//! Times of rows, in microseconds since 1970-01-01T00:00:00Z.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// No time.
pub(super) const NO_TIME: i64 = i64::MIN;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// RFC 3339, or the same without a zone, which counts as UTC. What is finer than a microsecond is cut off.
pub(super) fn parse(text: &str) -> Option<i64> {
    if let Some(micros) = parse_plain(text.as_bytes()) {
        return Some(micros);
    }
    let timestamp = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })?;
    // Downwards, also before 1970: as Postgres and the quick way have it.
    i64::try_from(timestamp.as_nanosecond().div_euclid(1_000)).ok()
}

/// Seconds since 1970-01-01T00:00:00Z, to the nearest microsecond.
pub(super) fn from_seconds(seconds: f64) -> Option<i64> {
    /// Year 9999, beyond which no date-time has four digits.
    const SECONDS_MAX: f64 = 253_402_300_799.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked, and whole microseconds of it fit"
    )]
    (seconds.abs() <= SECONDS_MAX).then(|| (seconds * MICROS_PER_SECOND as f64).round() as i64)
}

/// The form that nearly all clients write, `2026-11-23T10:00:00[.123456]Z`; `+00:00` is the same.
fn parse_plain(text: &[u8]) -> Option<i64> {
    let (date_time, rest) = text.split_first_chunk::<19>()?;
    let digits = |at: usize, count: usize| {
        date_time[at..at + count]
            .iter()
            .try_fold(0_i64, |sum, byte| {
                byte.is_ascii_digit()
                    .then(|| 10 * sum + i64::from(byte - b'0'))
            })
    };
    let signs = [4, 7, 10, 13, 16].map(|at| date_time[at]);
    if signs != *b"--T::" {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 || length > 9 {
                return None;
            }
            let (fraction, zone) = rest.split_at(length);
            let mut micros = 0;
            for at in 0..6 {
                micros = 10 * micros + fraction.get(at).map_or(0, |byte| i64::from(byte - b'0'));
            }
            (micros, zone)
        }
        None => (0, rest),
    };
    if zone != b"Z" && zone != b"+00:00" {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    if !(1..=12).contains(&month) || day < 1 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day > days_of_month {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * MICROS_PER_SECOND + fraction)
}

/// Days since 1970-01-01. Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_way_agrees_with_the_thorough_one() {
        for text in [
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "2000-02-29T23:59:59Z",
            "2024-02-29T12:34:56.7Z",
            "2026-11-23T10:00:00.123456789Z",
            "2026-12-31T23:59:59+00:00",
            "2100-03-01T00:00:00.000001Z",
            "0004-02-29T00:00:00Z",
        ] {
            let timestamp: Timestamp = text.parse().unwrap();
            let micros = i64::try_from(timestamp.as_nanosecond().div_euclid(1_000)).unwrap();
            assert_eq!(parse_plain(text.as_bytes()), Some(micros), "{text}");
            assert_eq!(parse(text), Some(micros));
        }
    }

    #[test]
    fn zones_count_and_a_time_without_one_is_utc() {
        for (text, micros) in [
            ("1970-01-01T01:00:00+01:00", 0),
            ("1970-01-01T00:00:00-00:30", 1_800_000_000),
            ("1970-01-01T00:00:01", 1_000_000),
            ("1970-01-01 00:00:01.5", 1_500_000),
            ("1970-01-02", 86_400_000_000),
        ] {
            assert_eq!(parse(text), Some(micros), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00.Z",
            "12:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_seconds() {
        assert_eq!(from_seconds(1.5), Some(1_500_000));
        assert_eq!(from_seconds(-0.000_001), Some(-1));
        assert_eq!(
            from_seconds(1_709_208_000.123_456),
            Some(1_709_208_000_123_456)
        );
        for seconds in [f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(from_seconds(seconds), None);
        }
    }
}
