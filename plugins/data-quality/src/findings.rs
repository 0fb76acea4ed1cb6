//! What each check finds in the current window.

use std::collections::{BTreeMap, BTreeSet};

use leeway_sdk::{Column, Failure, Measurement, Window, detail, measurement};
use leeway_statistics::exceedance::{exceedance_isf, exceedance_sf};
use leeway_statistics::normal::{normal_isf, normal_sf};
use serde_json::{Value, json};

use crate::baseline::{Baseline, Kind, Known, Values};
use crate::config::Config;
use crate::duplicates;
use crate::metrics::Check;

/// Columns that are told by name.
const NAMES_MAX: usize = 20;
/// Characters of a name that is told.
const NAME_CHARS_MAX: usize = 64;

/// A measurement on its way to a verdict.
pub(crate) struct Draft {
    pub(crate) check: Check,
    pub(crate) measurement: Measurement,
    pub(crate) rule: Rule,
}

/// What decides.
pub(crate) enum Rule {
    /// There are too few rows.
    None,
    /// Above a number.
    Fixed(f64),
    /// A test: its p-value, the value that is exceeded at a level, and the value of an effect.
    Test {
        p_value: f64,
        critical_value: Box<dyn Fn(f64) -> f64>,
        /// What is added to an effect to be a value: the reference's share.
        offset: f64,
    },
}

pub(crate) fn all(
    baseline: &Baseline,
    current: &dyn Window,
    config: &Config,
) -> Result<Vec<Draft>, Failure> {
    let columns: Vec<(u32, Column)> = (0..)
        .zip(current.columns())
        .filter(|(_, column)| !config.ignore.contains(&column.name))
        .collect();
    let here: BTreeMap<&str, &(u32, Column)> = columns
        .iter()
        .map(|both| (both.1.name.as_str(), both))
        .collect();
    let known = || {
        baseline
            .columns
            .iter()
            .filter(|known| !config.ignore.contains(&known.name))
    };
    let mut drafts = Vec::new();
    let (mut lost, mut changed) = (Vec::new(), Vec::new());
    for known in known() {
        match here.get(known.name.as_str()) {
            None => lost.push(told(&known.name)),
            Some((_, column)) if Kind::of(column) != known.kind => changed.push(format!(
                "{}: {}, was {}",
                told(&known.name),
                Kind::of(column).told(),
                known.kind.told()
            )),
            Some((index, column)) => {
                drafts.extend(column_checks(known, current, *index, column, config)?);
            }
        }
    }
    let names: BTreeSet<&str> = known().map(|known| known.name.as_str()).collect();
    let new = here
        .keys()
        .filter(|name| !names.contains(*name))
        .map(|name| told(name))
        .collect();
    for (check, found) in [
        (Check::NewColumns, new),
        (Check::LostColumns, lost),
        (Check::TypeChanges, changed),
    ] {
        drafts.push(listed(check, found, baseline, current));
    }
    drafts.extend(repeated(baseline, current, config)?);
    drafts.extend(volume(baseline, current, config));
    drafts.extend(stale(baseline, current, config));
    Ok(drafts)
}

fn told(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

/// A count of columns, with their names: any is too many.
fn listed(
    check: Check,
    mut found: Vec<String>,
    baseline: &Baseline,
    current: &dyn Window,
) -> Draft {
    let mut measurement = measurement(check.name(), None);
    (measurement.reference_rows, measurement.current_rows) = (baseline.rows, current.rows());
    measurement.value = found.len() as f64;
    measurement.effect = Some(measurement.value);
    found.truncate(NAMES_MAX);
    if !found.is_empty() {
        measurement.detail = Some(detail([("columns", found.into())]));
    }
    Draft {
        check,
        measurement,
        rule: Rule::Fixed(0.0),
    }
}

/// The checks on one column.
fn column_checks(
    known: &Known,
    current: &dyn Window,
    index: u32,
    column: &Column,
    config: &Config,
) -> Result<Vec<Draft>, Failure> {
    let (n, m) = (known.rows as f64, column.rows as f64);
    let base = |check: Check| {
        let mut measurement = measurement(check.name(), Some(&known.name));
        (measurement.reference_rows, measurement.current_rows) = (known.rows, column.rows);
        measurement.missing_share = share(column.missing as f64, m);
        measurement
    };
    // A kind of row that some of the reference were of: the law of its share is that of so many of its rows, and one.
    let counted = |check: Check, before: u64, now: u64| {
        let (a, b) = (before as f64 + 1.0, n - before as f64);
        let counts = [
            ("count", json!(now)),
            ("reference_share", json!(share(before as f64, n))),
        ];
        tested(
            check,
            base(check),
            now as f64,
            m,
            share(before as f64, n),
            (a, b),
            counts,
            config,
        )
    };
    let mut drafts = vec![counted(Check::MissingShare, known.missing, column.missing)];
    match &known.values {
        Values::Range(range) => {
            drafts.push(counted(
                Check::NonFiniteShare,
                known.non_finite,
                column.non_finite,
            ));
            if let Some((minimum, maximum)) = range {
                let (below, above) = outside(current, index, *minimum, *maximum)?;
                let values = (known.rows - known.missing - known.non_finite) as f64;
                let counts = [("below", json!(below)), ("above", json!(above))];
                let check = Check::OutOfRangeShare;
                // Of a continuous law two parts of n + 1 lie outside the range of n values, on average.
                drafts.push(tested(
                    check,
                    base(check),
                    below + above,
                    m,
                    0.0,
                    (2.0, values - 1.0),
                    counts,
                    config,
                ));
            }
        }
        Values::Names { more: true, .. } => {
            // What the dictionary does not hold cannot be told from what was never there.
            let mut measurement = base(Check::UnseenShare);
            measurement.detail = Some(detail([(
                "reason",
                "the reference has more categories than a dictionary holds".into(),
            )]));
            drafts.push(Draft {
                check: Check::UnseenShare,
                measurement,
                rule: Rule::None,
            });
        }
        Values::Names { names, once, .. } => {
            let counted = current.category_counts(index)?;
            let mut unseen: Vec<(f64, &str)> = counted
                .names
                .iter()
                .zip(&counted.counts)
                .filter(|(name, _)| names.binary_search(name).is_err())
                .map(|(name, count)| (*count, name.as_str()))
                .collect();
            unseen.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
            // Beyond the dictionary there are rare names alone; they may or may not be known.
            let count: f64 = unseen.iter().map(|(count, _)| count).sum();
            let first: Vec<Value> = unseen
                .iter()
                .take(5)
                .map(|(_, name)| told(name).into())
                .collect();
            let details = [("count", json!(count)), ("categories", json!(first))];
            let values = (known.rows - known.missing) as f64;
            let law = (*once as f64 + 1.0, values - *once as f64);
            let check = Check::UnseenShare;
            let mut draft = tested(check, base(check), count, m, 0.0, law, details, config);
            draft.measurement.unseen_share = share(count, m - column.missing as f64);
            drafts.push(draft);
        }
    }
    Ok(drafts)
}

/// A share of rows, with the law of how many there would be without a change.
#[expect(
    clippy::too_many_arguments,
    reason = "one call, four callers, all of it needed"
)]
fn tested<const N: usize>(
    check: Check,
    mut measurement: Measurement,
    count: f64,
    rows: f64,
    reference_share: f64,
    law: (f64, f64),
    counts: [(&str, Value); N],
    config: &Config,
) -> Draft {
    measurement.value = share(count, rows);
    measurement.effect = Some((measurement.value - reference_share).max(0.0));
    measurement.detail = Some(detail(counts));
    if measurement.reference_rows.min(measurement.current_rows) < config.rows_min {
        return Draft {
            check,
            measurement,
            rule: Rule::None,
        };
    }
    let (a, b) = law;
    // Half a row below the first count that is rare enough, so that no rounding of a share decides.
    let critical_value =
        move |level: f64| ((exceedance_isf(level, rows, a, b) - 0.5) / rows).min(1.0);
    Draft {
        check,
        rule: Rule::Test {
            p_value: exceedance_sf(count, rows, a, b),
            critical_value: Box::new(critical_value),
            offset: reference_share,
        },
        measurement,
    }
}

/// Values below and above a range.
fn outside(
    current: &dyn Window,
    index: u32,
    minimum: f64,
    maximum: f64,
) -> Result<(f64, f64), Failure> {
    let distinct = current.distinct(index)?;
    let below = distinct.values.partition_point(|value| *value < minimum);
    let above = distinct.values.partition_point(|value| *value <= maximum);
    let sum = |counts: &[f64]| counts.iter().sum::<f64>() + 0.0;
    Ok((
        sum(&distinct.counts[..below]),
        sum(&distinct.counts[above..]),
    ))
}

/// Rows that repeat others, as far as all rows of both windows can be read; windows are compared at the size of the smaller.
fn repeated(
    baseline: &Baseline,
    current: &dyn Window,
    config: &Config,
) -> Result<Option<Draft>, Failure> {
    let check = Check::DuplicateShare;
    let (Some(before), Some(now)) = (&baseline.repeats, duplicates::read(current)?) else {
        return Ok(None);
    };
    let rows = before.rows.min(now.rows);
    let (p, q) = (before.share_of(rows), now.share_of(rows));
    let mut measurement = measurement(check.name(), None);
    (measurement.reference_rows, measurement.current_rows) = (before.rows, now.rows);
    (measurement.value, measurement.effect) = (q, Some((q - p).max(0.0)));
    measurement.detail = Some(detail([
        ("reference_share", json!(p)),
        ("compared_rows", json!(rows)),
    ]));
    if rows < config.rows_min {
        return Ok(Some(Draft {
            check,
            measurement,
            rule: Rule::None,
        }));
    }
    let s = rows as f64;
    let middle = 0.5 * (p + q);
    // A copy may come with its own copies: twice the variance of single rows.
    let error = (4.0 * (middle * (1.0 - middle)).max(1.0 / s) / s).sqrt();
    Ok(Some(Draft {
        check,
        measurement,
        rule: Rule::Test {
            p_value: normal_sf((q - p) / error),
            critical_value: Box::new(move |level| (p + normal_isf(level) * error).clamp(0.0, 1.0)),
            offset: p,
        },
    }))
}

/// Rows a second against the reference's: the binomial test of two Poisson rates, by its normal law.
///
/// Source: Przyborowski & Wilenski (1940), "Homogeneity of Results in Testing Samples from Poisson Series". Traffic comes in bursts and
/// by the hour, which no such law knows: what decides in practice is the floor, half or twice as many.
fn volume(baseline: &Baseline, current: &dyn Window, config: &Config) -> Option<Draft> {
    let check = Check::VolumeChange;
    let length =
        |span: Option<(f64, f64)>| span.map(|(first, last)| last - first).filter(|x| *x > 0.0);
    let (before, now) = (length(baseline.span)?, length(current.span())?);
    // The first row starts the clock.
    let (n, m) = (baseline.rows as f64 - 1.0, current.rows() as f64 - 1.0);
    let mut measurement = measurement(check.name(), None);
    (measurement.reference_rows, measurement.current_rows) = (baseline.rows, current.rows());
    let rates = json!({ "reference": n / before, "current": m / now });
    measurement.detail = Some(detail([("rows_per_second", rates)]));
    if baseline.rows.min(current.rows()) < config.rows_min.max(2) || !(n / before * now).is_finite()
    {
        return Some(Draft {
            check,
            measurement,
            rule: Rule::None,
        });
    }
    let doublings = (libm::log2(m / n) - libm::log2(now / before)).abs();
    (measurement.value, measurement.effect) = (doublings, Some(doublings));
    // The logarithm of a Poisson count has about the variance one over it.
    let error = (1.0 / n + 1.0 / m).sqrt() / core::f64::consts::LN_2;
    Some(Draft {
        check,
        measurement,
        rule: Rule::Test {
            p_value: (2.0 * normal_sf(doublings / error)).min(1.0),
            critical_value: Box::new(move |level| normal_isf(0.5 * level) * error),
            offset: 0.0,
        },
    })
}

/// How much older the window is than the reference, where a threshold says how old it may be. Without a clock no more can be said.
fn stale(baseline: &Baseline, current: &dyn Window, config: &Config) -> Option<Draft> {
    let check = Check::StaleSeconds;
    let allowed = *config.thresholds.get(&check)?;
    let ((_, before), (_, now)) = (baseline.span?, current.span()?);
    let mut measurement = measurement(check.name(), None);
    (measurement.reference_rows, measurement.current_rows) = (baseline.rows, current.rows());
    measurement.value = (before - now).clamp(0.0, f64::MAX);
    measurement.effect = Some(measurement.value);
    Some(Draft {
        check,
        measurement,
        rule: Rule::Fixed(allowed),
    })
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        (part / whole).clamp(0.0, 1.0) + 0.0
    } else {
        0.0
    }
}
