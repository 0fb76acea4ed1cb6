//! What the measurements of a joint test share: sizes, shares, settings and the verdict.

use std::collections::BTreeSet;

use leeway_sdk::{Measurement, ThresholdKind, Verdict, detail, measurement};
use serde_json::{Value, json};

use crate::{Table, Values};

/// Settings that every detector of many columns has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// False-alarm rate of one evaluation, in (0, 1).
    pub level: f64,
    /// Fewest rows, in each window, for a verdict.
    pub rows_min: u64,
    /// Smallest effect that matters.
    pub effect_min: f64,
}

/// The JSON Schema properties of [`Settings`] and of `ignore`, as an object to add others to.
pub fn settings_schema(default: Settings, effect: &str) -> Value {
    json!({
        "level": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": default.level,
            "description": "False-alarm rate of one evaluation." },
        "rows_min": { "type": "integer", "minimum": 10, "maximum": 1_000_000_000, "default": default.rows_min,
            "description": "Fewest rows, in each window, for a verdict." },
        "effect_min": { "type": "number", "minimum": 0, "maximum": 1e9, "default": default.effect_min,
            "description": effect },
        "ignore": { "type": "array", "items": { "type": "string" }, "uniqueItems": true, "default": [],
            "description": "Columns that are left out." }
    })
}

/// Shares of the current rows' values, over some columns.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Shares {
    /// With no value.
    pub missing: f64,
    /// That the reference never had: another name, a number outside its range.
    pub unseen: f64,
}

impl Shares {
    /// Over the columns that both tables have; vectors are never unseen.
    pub fn of(reference: &Table, current: &Table, columns: &[&str]) -> Self {
        let (mut cells, mut missing, mut unseen) = (0, 0, 0);
        for name in columns {
            let (Some(of), Some(now)) = (reference.column(name), current.column(name)) else {
                continue;
            };
            cells += current.rows;
            missing += (0..current.rows)
                .filter(|&row| now.values.missing(row))
                .count();
            unseen += match (&of.values, &now.values) {
                (Values::Numbers(of), Values::Numbers(now)) => {
                    let present = || of.iter().copied().filter(|x| !x.is_nan());
                    let low = present().fold(f64::INFINITY, f64::min);
                    let high = present().fold(f64::NEG_INFINITY, f64::max);
                    now.iter().filter(|&&x| x < low || x > high).count()
                }
                (Values::Names { names: known, .. }, Values::Names { codes, names }) => {
                    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
                    let new: Vec<bool> = names
                        .iter()
                        .map(|name| !known.contains(name.as_str()))
                        .collect();
                    codes
                        .iter()
                        .filter(|&&code| new.get(code as usize) == Some(&true))
                        .count()
                }
                _ => 0,
            };
        }
        let share = |count: usize| {
            if cells == 0 {
                0.0
            } else {
                count as f64 / cells as f64
            }
        };
        Self {
            missing: share(missing),
            unseen: share(unseen),
        }
    }
}

/// One joint test of both windows' rows.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The metric.
    pub metric: &'a str,
    /// The column it is about; none for all together.
    pub column: Option<&'a str>,
    /// Rows of the reference that take part.
    pub reference_rows: usize,
    /// Rows of the current window that take part.
    pub current_rows: usize,
    /// Missing and unseen values.
    pub shares: Shares,
}

impl Call<'_> {
    /// A measurement without a value yet: `insufficient`.
    pub fn start(&self) -> Measurement {
        let mut one = measurement(self.metric, self.column);
        one.reference_rows = self.reference_rows as u64;
        one.current_rows = self.current_rows as u64;
        one.missing_share = self.shares.missing;
        one.unseen_share = self.shares.unseen;
        one
    }

    /// A verdict without a test, and why.
    pub fn without(&self, verdict: Verdict, why: &str) -> Measurement {
        let mut one = self.start();
        one.verdict = verdict;
        one.detail = Some(detail([("reason", json!(why))]));
        one
    }

    /// Whether there are too few rows; if so, what is measured.
    pub fn too_few(&self, rows_min: u64) -> Option<Measurement> {
        let fewest = self.reference_rows.min(self.current_rows) as u64;
        (fewest < rows_min).then(|| {
            self.without(
                Verdict::Insufficient,
                &format!("{fewest} rows; a verdict needs {rows_min} in each window"),
            )
        })
    }

    /// The verdict of a test whose value grows with drift: beyond its critical value, and of an effect that matters.
    ///
    /// `critical` is the value that is exceeded exactly where the test is significant, `floor` the one at which the effect is
    /// `effect_min`.
    pub fn judged(
        &self,
        value: f64,
        effect: f64,
        p_value: f64,
        critical: f64,
        floor: f64,
    ) -> Measurement {
        let mut one = self.start();
        one.value = value;
        one.effect = Some(effect);
        one.p_value = Some(p_value);
        let (threshold, kind) = if floor > critical {
            (floor, ThresholdKind::Floor)
        } else {
            (critical, ThresholdKind::Calibrated)
        };
        one.threshold = Some(threshold);
        one.threshold_kind = Some(kind);
        one.verdict = if value > threshold {
            Verdict::Drifted
        } else {
            Verdict::Stable
        };
        one
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;
    use crate::simulate::Rows;

    const CALL: Call<'_> = Call {
        metric: "m",
        column: None,
        reference_rows: 30,
        current_rows: 29,
        shares: Shares {
            missing: 0.25,
            unseen: 0.5,
        },
    };

    #[test]
    fn a_verdict_needs_significance_and_effect() {
        let verdict = |value, critical, floor| {
            let one = CALL.judged(value, 0.1, 0.01, critical, floor);
            (one.verdict, one.threshold, one.threshold_kind)
        };
        let (floor, law) = (Some(ThresholdKind::Floor), Some(ThresholdKind::Calibrated));
        assert_eq!(verdict(3.0, 2.0, 1.0), (Verdict::Drifted, Some(2.0), law));
        assert_eq!(verdict(3.0, 2.0, 4.0), (Verdict::Stable, Some(4.0), floor));
        assert_eq!(verdict(3.0, 3.0, 1.0), (Verdict::Stable, Some(3.0), law));
    }

    #[test]
    fn too_few_rows_are_told_on_both_sides_of_the_bound() {
        assert_eq!(CALL.too_few(29), None);
        let few = CALL.too_few(30).unwrap();
        assert_eq!(
            (few.verdict, few.missing_share, few.unseen_share),
            (Verdict::Insufficient, 0.25, 0.5)
        );
        assert!(few.detail.unwrap().contains("29 rows"));
    }

    #[test]
    fn shares_count_cells() {
        let names =
            |list: &[Option<&str>]| list.iter().map(|name| name.map(str::to_owned)).collect();
        let reference = Rows::default()
            .numbers("x", vec![1.0, 2.0])
            .names("k", names(&[Some("a"), None]));
        let current = Rows::default()
            .numbers("x", vec![1.5, 3.0, f64::NAN, 2.0])
            .names("k", names(&[Some("b"), Some("a"), None, None]));
        let table = |rows| read(rows, |_| true, 10, 0).unwrap();
        let shares = Shares::of(&table(&reference), &table(&current), &["x", "k", "gone"]);
        assert_eq!(
            shares,
            Shares {
                missing: 3.0 / 8.0,
                unseen: 2.0 / 8.0
            }
        );
        assert_eq!(
            Shares::of(&table(&reference), &table(&current), &[]),
            Shares::default()
        );
    }
}
