//! The test on means.

use leeway_statistics::power::POWER_QUANTILE;
use leeway_statistics::student::{student_isf, student_sf};

use crate::Test;
use crate::finding::{Finding, Spread, finite, unit};

/// Distance of the means, significant by Welch's test and by Student's: the larger p-value of the two.
///
/// Welch's holds where the spreads differ. With a long tail it is wrong too often, because there a small window with a small mean also
/// has a small spread; Student's takes the spread of both windows together, and has no such fault unless single rows rule it. What was measured
/// is in docs/false-alarms.md.
/// Source: Welch (1947), "The Generalization of Student's Problem when Several Different Population Variances are Involved"; Student
/// (1908). The degrees of Welch's are Satterthwaite's (1946).
pub(crate) fn mean_shift(reference: Spread, current: Spread) -> Finding {
    let value = finite((current.mean - reference.mean).abs());
    let unit = unit(reference, current);
    let errors = [welch(reference, current), student(reference, current)];
    let p_value = errors
        .iter()
        .map(|error| error.p_value(value))
        .fold(0.0, f64::max);
    let widest = errors[0].error.max(errors[1].error);
    Finding {
        test: Some(Test::MeanShift),
        value,
        effect: finite(value / unit),
        p_value,
        critical_value: Box::new(move |level| {
            let critical = errors.iter().map(|error| error.critical_value(level));
            critical.fold(0.0, f64::max)
        }),
        value_at_effect: Box::new(move |effect| finite(effect * unit)),
        detectable: Box::new(move |value| finite((value + POWER_QUANTILE * widest) / unit)),
    }
}

/// Standard error of the difference of two means, and its degrees.
#[derive(Clone, Copy)]
struct Error {
    error: f64,
    degrees: f64,
}

impl Error {
    fn p_value(self, value: f64) -> f64 {
        if self.error > 0.0 {
            (2.0 * student_sf(value / self.error, self.degrees)).min(1.0)
        } else {
            f64::from(u8::from(value == 0.0))
        }
    }

    fn critical_value(self, level: f64) -> f64 {
        finite(student_isf(0.5 * level, self.degrees) * self.error)
    }
}

/// Two single rows tell nothing of any spread, so nothing is too far.
const NOTHING_KNOWN: Error = Error {
    error: f64::MAX,
    degrees: 1.0,
};

fn welch(reference: Spread, current: Spread) -> Error {
    if reference.count.max(current.count) <= 1.0 {
        return NOTHING_KNOWN;
    }
    // One row has no spread of its own: it is taken to have the other window's.
    let variance_of_mean = |own: Spread, other: Spread| {
        if own.count > 1.0 {
            (own.variance / (own.count - 1.0), own.count - 1.0)
        } else {
            (
                other.variance * (other.count / (other.count - 1.0).max(1.0)),
                other.count - 1.0,
            )
        }
    };
    let (a, a_degrees) = variance_of_mean(reference, current);
    let (b, b_degrees) = variance_of_mean(current, reference);
    let share = if a + b > 0.0 && (a + b).is_finite() {
        a / (a + b)
    } else {
        0.5
    };
    let rest = 1.0 - share;
    Error {
        error: finite((a + b).sqrt()),
        degrees: 1.0 / (share * share / a_degrees + rest * rest / b_degrees),
    }
}

fn student(reference: Spread, current: Spread) -> Error {
    let (n, m) = (reference.count, current.count);
    let degrees = n + m - 2.0;
    if degrees < 1.0 || n < 1.0 || m < 1.0 {
        return NOTHING_KNOWN;
    }
    let variance = reference.variance * (n / degrees) + current.variance * (m / degrees);
    Error {
        error: finite((finite(variance) * (1.0 / n + 1.0 / m)).sqrt()),
        degrees,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(count: f64, mean: f64, variance: f64) -> Spread {
        Spread {
            count,
            mean,
            variance,
        }
    }

    #[test]
    fn the_p_value_is_the_larger_of_welch_and_student() {
        // scipy.stats.ttest_ind_from_stats 1.17.1: means 0 and 0.5, unbiased variances 1 and 4, 40 and 20 rows:
        // Welch 0.302396..., Student 0.199905...; with 20 and 40 rows 0.201828... and 0.297583...
        let found = mean_shift(
            spread(40.0, 0.0, 39.0 / 40.0),
            spread(20.0, 0.5, 4.0 * 19.0 / 20.0),
        );
        assert!(
            (found.p_value - 0.302_396_077_315_659_15).abs() < 1e-9,
            "{}",
            found.p_value
        );
        let found = mean_shift(spread(20.0, 0.0, 0.95), spread(40.0, 0.5, 3.9));
        assert!(
            (found.p_value - 0.297_583_113_139_873_35).abs() < 1e-9,
            "{}",
            found.p_value
        );
    }

    #[test]
    fn a_value_at_the_critical_one_has_the_level_as_p_value() {
        let found = mean_shift(spread(100.0, 0.0, 1.0), spread(50.0, 0.0, 2.0));
        let critical = (found.critical_value)(0.05);
        let moved = mean_shift(spread(100.0, 0.0, 1.0), spread(50.0, critical, 2.0));
        assert!((moved.p_value - 0.05).abs() < 1e-9);
    }

    #[test]
    fn single_rows_are_no_evidence_and_constants_are_certain() {
        assert!(mean_shift(spread(1.0, 0.0, 0.0), spread(1.0, 9.0, 0.0)).p_value > 0.9);
        assert_eq!(
            mean_shift(spread(9.0, 0.0, 0.0), spread(9.0, 1.0, 0.0)).p_value,
            0.0
        );
        assert!(mean_shift(spread(9.0, 0.0, f64::MAX), spread(9.0, 1.0, f64::MAX)).p_value > 0.9);
    }
}
