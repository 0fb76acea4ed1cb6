//! Two cards of one detector: what became dearer, and what became worse.

use serde::{Deserialize, Serialize};

use super::card::{Card, Outcome};
use super::rate::Rate;

/// A difference between two cards that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which figure or check.
    pub what: String,
    /// Whether the new version is the worse one.
    pub worse: bool,
    /// The difference in words.
    pub says: String,
}

/// Times vary from run to run: below this factor nothing is said.
const TIME_FACTOR: f64 = 2.0;
/// Fuel, memory and output do not.
const EXACT_FACTOR: f64 = 1.2;
/// Times below this are the sandbox's own.
const SECONDS_MIN: f64 = 1e-4;
/// Bytes below this are nobody's concern.
const BYTES_MIN: f64 = 65_536.0;
/// A rate changed by less is not said, however sure it is.
const RATE_FACTOR: f64 = 1.25;

/// What changed from one card to the next. Nothing where the two are alike.
///
/// A time is said from twice on, fuel, memory and output from a fifth more or less on, a rate where the
/// other card's share lies outside the interval and differs by a quarter. Checks are said where their outcome changed.
pub fn compare(old: &Card, new: &Card) -> Vec<Change> {
    let mut changes = Vec::new();
    for check in &new.checks {
        let before = old.checks.iter().find(|before| before.name == check.name);
        if let Some(before) = before.filter(|before| before.outcome != check.outcome) {
            changes.push(Change {
                what: check.name.clone(),
                worse: check.outcome == Outcome::Failed || before.outcome == Outcome::Passed,
                says: format!(
                    "was {}, is {}: {}",
                    before.outcome, check.outcome, check.says
                ),
            });
        }
    }
    if let (Some(old), Some(new)) = (&old.cost, &new.cost) {
        let fuel = |fuel: Option<u64>| fuel.unwrap_or_default() as f64;
        let bytes = |bytes: u64| bytes as f64;
        let figures = [
            (
                "time of fit",
                old.fit_seconds,
                new.fit_seconds,
                TIME_FACTOR,
                SECONDS_MIN,
            ),
            (
                "time of evaluate",
                old.evaluate_seconds,
                new.evaluate_seconds,
                TIME_FACTOR,
                SECONDS_MIN,
            ),
            (
                "fuel of fit",
                fuel(old.fit_fuel),
                fuel(new.fit_fuel),
                EXACT_FACTOR,
                1.0,
            ),
            (
                "fuel of evaluate",
                fuel(old.evaluate_fuel),
                fuel(new.evaluate_fuel),
                EXACT_FACTOR,
                1.0,
            ),
            (
                "memory",
                bytes(old.memory_bytes_peak),
                bytes(new.memory_bytes_peak),
                EXACT_FACTOR,
                BYTES_MIN,
            ),
            (
                "output",
                bytes(old.output_bytes),
                bytes(new.output_bytes),
                EXACT_FACTOR,
                BYTES_MIN,
            ),
        ];
        for (what, old, new, factor, least) in figures {
            changes.extend(figure(what, old, new, factor, least));
        }
    }
    if let (Some(old), Some(new)) = (&old.false_alarms, &new.false_alarms) {
        changes.extend(rate("false alarms", old, new, true));
    }
    for power in &new.power {
        if let Some(before) = old.power.iter().find(|before| before.shift == power.shift) {
            let what = format!("power: {}", power.shift);
            changes.extend(rate(&what, &before.seen, &power.seen, false));
        }
    }
    changes
}

fn figure(what: &str, old: f64, new: f64, factor: f64, least: f64) -> Option<Change> {
    if old.min(new) <= 0.0 || old.max(new) < least {
        return None; // Not measured on one of the two, or too little to matter.
    }
    let (times, worse) = if new > old {
        (new / old, true)
    } else {
        (old / new, false)
    };
    (times >= factor).then(|| Change {
        what: what.to_owned(),
        worse,
        says: format!(
            "{times:.1} times {}",
            if worse { "dearer" } else { "cheaper" }
        ),
    })
}

fn rate(what: &str, old: &Rate, new: &Rate, more_is_worse: bool) -> Option<Change> {
    let (before, now) = (old.share(), new.share());
    let apart = (now > old.high && before < new.low) || (now < old.low && before > new.high);
    let (less, more) = (before.min(now), before.max(now));
    (apart && more >= less * RATE_FACTOR).then(|| Change {
        what: what.to_owned(),
        worse: (now > before) == more_is_worse,
        says: format!("was {old}, is {new}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::card::{Check, Cost, Power};

    fn card() -> Card {
        Card {
            leeway: "0.1.0".into(),
            contract: "leeway:detector@1.0.0".into(),
            detector: "any@1.0.0".into(),
            digest: String::new(),
            seed: 1,
            certified: true,
            seconds: 1.0,
            checks: vec![Check::new("row order", Outcome::Passed, "nothing")],
            cost: Some(Cost {
                rows: 100_000,
                columns: 20,
                fit_seconds: 0.01,
                evaluate_seconds: 0.01,
                fit_fuel: Some(1_000_000),
                evaluate_fuel: Some(1_000_000),
                memory_bytes_peak: 1 << 20,
                output_bytes: 1_000,
            }),
            false_alarms: Some(Rate::new(20, 400)),
            power: vec![Power {
                shift: "mean +0.5 sd".into(),
                seen: Rate::new(95, 100),
            }],
        }
    }

    #[test]
    fn equal_cards_and_the_noise_of_a_clock_say_nothing() {
        let mut new = card();
        assert_eq!(compare(&card(), &new), []);
        new.cost.as_mut().unwrap().evaluate_seconds = 0.018;
        new.false_alarms = Some(Rate::new(24, 400));
        assert_eq!(compare(&card(), &new), []);
    }

    #[test]
    fn three_times_dearer_and_twice_as_alarm_prone_are_said() {
        let mut new = card();
        let cost = new.cost.as_mut().unwrap();
        cost.evaluate_seconds = 0.03;
        cost.evaluate_fuel = Some(3_000_000);
        new.false_alarms = Some(Rate::new(40, 400));

        let changes = compare(&card(), &new);

        let said: Vec<(&str, bool, &str)> = changes
            .iter()
            .map(|change| (change.what.as_str(), change.worse, change.says.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                ("time of evaluate", true, "3.0 times dearer"),
                ("fuel of evaluate", true, "3.0 times dearer"),
                (
                    "false alarms",
                    true,
                    "was 5.0% [3.1, 7.6] of 400, is 10.0% [7.2, 13.4] of 400"
                ),
            ]
        );
    }

    #[test]
    fn the_other_way_round_it_is_better() {
        let mut old = card();
        old.cost.as_mut().unwrap().fit_fuel = Some(2_000_000);
        old.power[0].seen = Rate::new(40, 100);
        old.checks[0].outcome = Outcome::Noted;

        let changes = compare(&old, &card());

        assert_eq!(changes.len(), 3, "{changes:?}");
        assert!(changes.iter().all(|change| !change.worse), "{changes:?}");
        assert_eq!(changes[1].says, "2.0 times cheaper");
    }

    #[test]
    fn a_card_survives_being_stored() {
        let text = serde_json::to_string(&card()).unwrap();
        assert_eq!(serde_json::from_str::<Card>(&text).unwrap(), card());
    }
}
