//! Writes when rows were: times as short as they can be read.

use jiff::Timestamp;

use super::text::clean;
use crate::check::report::WindowSummary;

/// Spans shorter than this are written with the time of day.
const DAY_SECONDS: i64 = 86_400;

/// How exactly times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// `2013-03-01 05:15`
    Minute,
    /// `2013-03-01`
    Day,
}

impl Precision {
    /// Days if each of the windows is about as long as one.
    pub(super) fn of<'a>(windows: impl IntoIterator<Item = &'a WindowSummary>) -> Self {
        let is_day_long = |window: &WindowSummary| match (
            parsed(window.from.as_deref()),
            parsed(window.to.as_deref()),
        ) {
            (Some(from), Some(to)) => to.as_second() - from.as_second() >= DAY_SECONDS * 9 / 10,
            _ => true,
        };
        if windows.into_iter().all(is_day_long) {
            Self::Day
        } else {
            Self::Minute
        }
    }
}

/// `2013-03-01 05:15 – 2013-03-31 23:59`, in UTC; empty where rows carry no time. Times of another
/// form than RFC 3339 are written as they are.
pub(super) fn span(window: &WindowSummary, precision: Precision) -> String {
    let format = match precision {
        Precision::Minute => "%Y-%m-%d %H:%M",
        Precision::Day => "%Y-%m-%d",
    };
    let written = |time: &str| {
        parsed(Some(time)).map_or_else(|| clean(time), |time| time.strftime(format).to_string())
    };
    match (&window.from, &window.to) {
        (Some(from), Some(to)) => {
            let (from, to) = (written(from), written(to));
            if from == to {
                from
            } else {
                format!("{from} – {to}")
            }
        }
        (Some(from), None) => format!("from {}", written(from)),
        (None, Some(to)) => format!("to {}", written(to)),
        (None, None) => String::new(),
    }
}

fn parsed(time: Option<&str>) -> Option<Timestamp> {
    time?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: Option<&str>, to: Option<&str>) -> WindowSummary {
        WindowSummary {
            file: "a.csv".into(),
            rows: 1,
            from: from.map(Into::into),
            to: to.map(Into::into),
        }
    }

    #[test]
    fn times_are_in_utc_and_as_short_as_asked() {
        let month = window(
            Some("2013-03-01T05:15:00-05:00"),
            Some("2013-03-31T23:59:59.5Z"),
        );
        assert_eq!(
            span(&month, Precision::Minute),
            "2013-03-01 10:15 – 2013-03-31 23:59"
        );
        assert_eq!(span(&month, Precision::Day), "2013-03-01 – 2013-03-31");
        assert_eq!(Precision::of([&month]), Precision::Day);
        let hour = window(Some("2013-03-01T05:00:00Z"), Some("2013-03-01T06:00:00Z"));
        assert_eq!(Precision::of([&month, &hour]), Precision::Minute);
        assert_eq!(span(&hour, Precision::Day), "2013-03-01");
    }

    #[test]
    fn absent_and_odd_times_do_no_harm() {
        assert_eq!(span(&window(None, None), Precision::Minute), "");
        assert_eq!(
            span(&window(Some("row 1"), Some("row\u{1b}9")), Precision::Day),
            "row 1 – row\u{fffd}9"
        );
    }
}
