//! From findings to verdicts: correction for the number of tests, floors, fixed thresholds.

use leeway_sdk::{Measurement, ThresholdKind, Verdict};
use leeway_statistics::benjamini_hochberg::{adjusted, cutoff};

use crate::config::Config;
use crate::findings::{Draft, Rule};

/// Gives each draft its verdict.
///
/// All tests of a run are one family (Benjamini & Hochberg 1995); columns share rows, so their counts move together, which that allows.
pub(crate) fn judge(drafts: Vec<Draft>, config: &Config) -> Vec<Measurement> {
    let family: Vec<f64> = drafts
        .iter()
        .filter(|draft| !config.thresholds.contains_key(&draft.check))
        .filter_map(|draft| match draft.rule {
            Rule::Test { p_value, .. } => Some(p_value),
            _ => None,
        })
        .collect();
    let level = cutoff(&family, config.level);
    let mut corrected = adjusted(&family).into_iter();
    drafts
        .into_iter()
        .map(|draft| {
            let Draft {
                check,
                mut measurement,
                rule,
            } = draft;
            if let Rule::Test { p_value, .. } = rule {
                measurement.p_value = Some(p_value);
            }
            let fixed = config.thresholds.get(&check).copied();
            match (fixed, rule) {
                (_, Rule::None) => {} // Too few rows for a verdict stay too few.
                (Some(threshold), _) | (None, Rule::Fixed(threshold)) => {
                    by_threshold(&mut measurement, threshold);
                }
                (
                    None,
                    Rule::Test {
                        critical_value,
                        offset,
                        ..
                    },
                ) => {
                    let effect_min = config.effect_min(check);
                    let (critical, floor) = (critical_value(level), offset + effect_min);
                    let largest = if offset <= 1.0 && measurement.metric.ends_with("_share") {
                        1.0
                    } else {
                        f64::MAX
                    };
                    let (threshold, kind) = if floor > critical {
                        (floor.min(largest), ThresholdKind::Floor)
                    } else {
                        (critical, ThresholdKind::Calibrated)
                    };
                    measurement.p_adjusted = corrected.next();
                    measurement.threshold = Some(threshold);
                    measurement.threshold_kind = Some(kind);
                    let significant = measurement.p_adjusted.is_some_and(|p| p <= config.level);
                    let matters = measurement
                        .effect
                        .is_some_and(|effect| effect > 0.0 && effect >= effect_min);
                    measurement.verdict = verdict(significant && matters);
                }
            }
            measurement
        })
        .collect()
}

fn by_threshold(measurement: &mut Measurement, threshold: f64) {
    measurement.threshold = Some(threshold);
    measurement.threshold_kind = Some(ThresholdKind::Fixed);
    measurement.verdict = verdict(measurement.value > threshold);
}

fn verdict(drifted: bool) -> Verdict {
    if drifted {
        Verdict::Drifted
    } else {
        Verdict::Stable
    }
}
