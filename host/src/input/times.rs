//! Times as seconds since 1970-01-01T00:00:00Z.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{TimeUnit, number};

/// Seconds of a date-time with an offset (RFC 3339), of one without or a date (both UTC), or of a
/// number of `unit`s; digits alone are a number. `None` for anything else. The text has no spaces around it.
pub(super) fn parse(text: &[u8], unit: TimeUnit) -> Option<f64> {
    if let Some(number) = number::parse(text) {
        return number.is_finite().then(|| from_number(number, unit));
    }
    let text = std::str::from_utf8(text).ok()?;
    let timestamp = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    });
    timestamp.map(from_timestamp)
}

/// Seconds of a number of units.
pub(super) fn from_number(number: f64, unit: TimeUnit) -> f64 {
    number / f64::from(unit.per_second())
}

/// Seconds of a whole number of ticks: whole seconds and their fraction apart, so that no digit is
/// lost before the last rounding.
pub(super) fn from_ticks(ticks: i64, per_second: u32) -> f64 {
    let per_second = i64::from(per_second);
    let (seconds, rest) = (ticks.div_euclid(per_second), ticks.rem_euclid(per_second));
    seconds as f64 + rest as f64 / per_second as f64
}

fn from_timestamp(timestamp: Timestamp) -> f64 {
    let (seconds, nanoseconds) = (timestamp.as_second(), timestamp.subsec_nanosecond());
    // Before 1970 both are negative; `from_ticks` counts the fraction upwards, and so must this.
    if nanoseconds < 0 {
        (seconds - 1) as f64 + f64::from(nanoseconds + 1_000_000_000) / 1e9
    } else {
        seconds as f64 + f64::from(nanoseconds) / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_offsets_and_numbers_read_as_seconds() {
        let cases = [
            ("1970-01-01T00:00:00Z", 0.0),
            ("1970-01-01", 0.0),
            ("1970-01-02 00:00:01", 86_401.0),
            ("1970-01-01T01:00:00+01:00", 0.0),
            ("1970-01-01 00:00:00.250-00:30", 1_800.25),
            ("1969-12-31T23:59:59.5Z", -0.5),
            ("2024-02-29T12:00", 1_709_208_000.0),
            ("20240229T120000Z", 1_709_208_000.0),
            ("1709208000", 1_709_208_000.0),
            ("-1.5", -1.5),
        ];
        for (text, seconds) in cases {
            assert_eq!(
                parse(text.as_bytes(), TimeUnit::Seconds),
                Some(seconds),
                "{text}"
            );
        }
        assert_eq!(parse(b"1500", TimeUnit::Milliseconds), Some(1.5));
        assert_eq!(
            parse(b"2024-02-29", TimeUnit::Nanoseconds),
            Some(1_709_164_800.0)
        );
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "yesterday",
            "2024-13-01",
            "2023-02-29",
            "01/02/2024",
            "inf",
            "nan",
            "12:00",
        ] {
            assert_eq!(parse(text.as_bytes(), TimeUnit::Seconds), None, "{text}");
        }
    }

    #[test]
    fn ticks_and_text_of_one_instant_agree_to_the_last_bit() {
        for nanoseconds in [
            1_709_208_000_123_456_789_i64,
            -1,
            -1_500_000_000,
            999_999_999,
        ] {
            let text = Timestamp::from_nanosecond(i128::from(nanoseconds))
                .unwrap()
                .to_string();
            let parsed = parse(text.as_bytes(), TimeUnit::Seconds);
            assert_eq!(
                parsed,
                Some(from_ticks(nanoseconds, 1_000_000_000)),
                "{text}"
            );
        }
    }
}
