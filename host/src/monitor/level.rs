//! The level of one evaluation's tests: what time it may spend (Lan and `DeMets` 1983), shared out between its segments.

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::Descriptor;
use crate::domain::monitor::FalseAlarms;

/// The property of a configuration that holds the level of a detector's tests.
const PROPERTY: &str = "level";

/// What an evaluation spends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spent {
    /// Its level.
    pub(super) level: f64,
    /// The level is spent for rows up to this time.
    pub(super) to: Timestamp,
}

/// The level that a detector's tests have where nothing is configured; none where its configuration has none.
pub(super) fn default_of(descriptor: &Descriptor) -> Option<f64> {
    let schema: Value = serde_json::from_str(&descriptor.config_schema).ok()?;
    schema
        .get("properties")?
        .get(PROPERTY)?
        .get("default")?
        .as_f64()
}

/// The level that a configuration says, or leaves to the detector.
pub(super) fn configured(descriptor: &Descriptor, config: &Value) -> Option<f64> {
    let default = default_of(descriptor)?;
    Some(
        config
            .get(PROPERTY)
            .and_then(Value::as_f64)
            .unwrap_or(default),
    )
}

/// The configuration with another level.
pub(super) fn at(config: &Value, level: f64) -> Value {
    let mut config = config.clone();
    config[PROPERTY] = level.into();
    config
}

/// What a window may spend: the part of the level that belongs to the stretch of time which no earlier evaluation has seen, from
/// the window's first row or from where was spent up to, whichever is later, to its last row. Nothing where it saw no new time.
///
/// The parts of stretches that do not overlap add up to no more than the level in any period, so the probability of a false alarm
/// within it is at most the level, whatever windows overlap (Bonferroni).
pub(super) fn spend(
    bound: FalseAlarms,
    spent_to: Option<Timestamp>,
    (from, to): (Timestamp, Timestamp),
) -> Option<Spent> {
    let start = spent_to.map_or(from, |spent| spent.max(from));
    #[expect(clippy::cast_precision_loss, reason = "a part of a period, to 53 bits")]
    let (new, period) = (
        to.as_microsecond().saturating_sub(start.as_microsecond()) as f64,
        bound.per_seconds as f64 * 1e6,
    );
    let level = bound.at_most * (new / period).min(1.0);
    (level > 0.0).then_some(Spent { level, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const BOUND: FalseAlarms = FalseAlarms {
        at_most: 0.05,
        per_seconds: 1_000,
    };

    #[test]
    fn windows_that_follow_one_another_spend_their_own_time() {
        let first = spend(BOUND, None, (at_second(0), at_second(100))).unwrap();
        assert!((first.level - 0.005).abs() < 1e-15);
        let second = spend(BOUND, Some(first.to), (at_second(100), at_second(300))).unwrap();
        assert!((second.level - 0.01).abs() < 1e-15);
        assert_eq!(second.to, at_second(300));
    }

    #[test]
    fn however_windows_overlap_a_period_spends_the_level_once() {
        let mut spent_to = None;
        let mut total = 0.0;
        for step in 0..=50_i64 {
            let window = (at_second(20 * step - 500), at_second(20 * step));
            if let Some(spent) = spend(BOUND, spent_to, window) {
                total += spent.level;
                spent_to = Some(spent.to);
            }
        }
        // 1,500 seconds were seen: one period and a half.
        assert!((total - 0.075).abs() < 1e-12, "{total}");
    }

    #[test]
    fn what_saw_no_new_time_spends_nothing_and_a_long_stretch_no_more_than_all() {
        let seen = Some(at_second(100));
        assert_eq!(spend(BOUND, seen, (at_second(0), at_second(100))), None);
        assert_eq!(spend(BOUND, seen, (at_second(0), at_second(50))), None);
        assert_eq!(spend(BOUND, None, (at_second(7), at_second(7))), None);
        let long = spend(BOUND, None, (at_second(0), at_second(9_999))).unwrap();
        assert_eq!(long.level.to_bits(), 0.05_f64.to_bits());
    }

    #[test]
    fn the_level_is_found_and_replaced_in_a_configuration() {
        let config = serde_json::json!({"tests": ["ks"], "level": 0.01});
        let lowered = at(&config, 0.001);
        assert_eq!(
            lowered,
            serde_json::json!({"tests": ["ks"], "level": 0.001})
        );
        assert_eq!(
            at(&serde_json::json!({}), 0.5),
            serde_json::json!({"level": 0.5})
        );
    }
}
