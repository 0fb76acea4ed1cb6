//! From findings to verdicts: correction for the number of columns, thresholds, the window's share.

use leeway_sdk::{Measurement, ThresholdKind, Verdict, measurement};
use serde_json::{Map, Value};

use crate::Test;
use crate::config::Config;
use crate::explain::significant;
use crate::finding::Finding;
use crate::test::DRIFTED_SHARE;

/// A measurement on its way to a verdict; without a finding it has one already.
pub(crate) struct Draft {
    pub(crate) measurement: Measurement,
    pub(crate) finding: Option<Finding>,
    /// What carries the distance, told if it is drift.
    pub(crate) carried_by: Vec<Value>,
    /// Of a classifier's errors: the posterior of the change of their rate.
    pub(crate) error_difference: Option<Value>,
}

/// Gives each draft its verdict, and adds the window's share of drifted columns.
pub(crate) fn judge(drafts: Vec<Draft>, config: &Config) -> Vec<Measurement> {
    let fixed = |finding: &Finding| {
        finding
            .test
            .and_then(|test| config.thresholds.get(&test).copied())
    };
    let family: Vec<f64> = drafts
        .iter()
        .filter_map(|draft| draft.finding.as_ref())
        .filter(|finding| fixed(finding).is_none())
        .map(|finding| finding.p_value)
        .collect();
    let (corrected, level) = config.correction.apply(family, config.level);
    let mut corrected = corrected.into_iter();

    let mut measurements: Vec<Measurement> = Vec::with_capacity(drafts.len() + 1);
    for Draft {
        mut measurement,
        finding,
        carried_by,
        error_difference,
    } in drafts
    {
        if let Some(finding) = finding {
            measurement.value = finding.value;
            measurement.effect = Some(finding.effect);
            measurement.p_value = Some(finding.p_value);
            match fixed(&finding) {
                Some(threshold) => by_threshold(&mut measurement, threshold),
                None => by_law(&mut measurement, &finding, config, level, corrected.next()),
            }
            measurement.detail = told(&measurement, &finding, carried_by, error_difference);
        }
        measurements.push(measurement);
    }
    if let Some(share) = drifted_share(&measurements, config) {
        measurements.push(share);
    }
    measurements
}

/// What a person wants to see next to the verdict: of drift what carries it, of its absence what would have been seen.
fn told(
    measurement: &Measurement,
    finding: &Finding,
    carried_by: Vec<Value>,
    error_difference: Option<Value>,
) -> Option<String> {
    let mut fields = Map::new();
    match measurement.verdict {
        Verdict::Drifted if !carried_by.is_empty() => {
            fields.insert("carried_by".to_owned(), carried_by.into());
        }
        Verdict::Stable => {
            let seen = (finding.detectable)(measurement.threshold?);
            let possible = seen.is_finite() && seen <= finding.test.map_or(1.0, Test::effect_max);
            let seen = if possible {
                significant(seen).into()
            } else {
                Value::Null
            };
            fields.insert("detectable_effect".to_owned(), seen);
        }
        _ => {}
    }
    if let Some(difference) = error_difference {
        fields.insert("error_difference".to_owned(), difference);
    }
    (!fields.is_empty()).then(|| Value::Object(fields).to_string())
}

/// A fixed threshold stands alone: beyond it is drift, whatever the sizes.
fn by_threshold(measurement: &mut Measurement, threshold: f64) {
    measurement.threshold = Some(threshold);
    measurement.threshold_kind = Some(ThresholdKind::Fixed);
    measurement.verdict = verdict(measurement.value > threshold);
}

/// Drifted: significant after correction, and large enough to matter.
fn by_law(
    measurement: &mut Measurement,
    finding: &Finding,
    config: &Config,
    level: f64,
    p_adjusted: Option<f64>,
) {
    let effect_min = finding
        .test
        .map_or_else(|| finding.effect_min(), |test| config.effect_min(test));
    let (critical, floor) = (
        (finding.critical_value)(level),
        (finding.value_at_effect)(effect_min),
    );
    let (threshold, kind) = if floor > critical {
        (floor, ThresholdKind::Floor)
    } else {
        (critical, ThresholdKind::Calibrated)
    };
    measurement.p_adjusted = p_adjusted;
    measurement.threshold = Some(threshold);
    measurement.threshold_kind = Some(kind);
    let significant = p_adjusted.is_some_and(|p| p <= config.level);
    measurement.verdict = verdict(significant && finding.effect >= effect_min);
}

fn verdict(drifted: bool) -> Verdict {
    if drifted {
        Verdict::Drifted
    } else {
        Verdict::Stable
    }
}

/// Share of the columns with a verdict that drifted by any test; nothing where no column has one.
fn drifted_share(measurements: &[Measurement], config: &Config) -> Option<Measurement> {
    let mut columns: Vec<(&str, bool)> = Vec::new();
    for one in measurements
        .iter()
        .filter(|one| matches!(one.verdict, Verdict::Stable | Verdict::Drifted))
    {
        let (Some(name), drifted) = (one.column.as_deref(), one.verdict == Verdict::Drifted) else {
            continue;
        };
        match columns.last_mut() {
            Some((last, any)) if *last == name => *any |= drifted, // A column's tests follow one another.
            _ => columns.push((name, drifted)),
        }
    }
    if columns.is_empty() {
        return None;
    }
    let drifted = columns.iter().filter(|(_, drifted)| *drifted).count();
    let mut share = measurement(DRIFTED_SHARE, None);
    share.value = drifted as f64 / columns.len() as f64;
    share.effect = Some(share.value);
    share.reference_rows = measurements
        .iter()
        .map(|one| one.reference_rows)
        .max()
        .unwrap_or(0);
    share.current_rows = measurements
        .iter()
        .map(|one| one.current_rows)
        .max()
        .unwrap_or(0);
    by_threshold(&mut share, config.drifted_share_max);
    Some(share)
}
