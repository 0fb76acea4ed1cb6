//! Orders measurements as a person wants to read them: worst first.
//!
//! Drifted, failed, insufficient, stable, constant. Within a verdict the smallest adjusted p-value
//! stands first, because it is the one scale that all metrics share; p-values that a double cannot
//! hold are ties. Then the largest effect, then how far the value lies from its threshold.

use std::cmp::Ordering;

use super::number::P_MIN;
use crate::domain::{Measurement, Verdict};

/// Worst first.
pub(super) fn compare(a: &Measurement, b: &Measurement) -> Ordering {
    let key = |one: &Measurement| {
        (
            rank(one.verdict),
            one.p_adjusted
                .or(one.p_value)
                .map_or(f64::MAX, |p| p.max(P_MIN)),
            -one.effect.unwrap_or(-1.0),
            -excess(one).unwrap_or(-1.0),
        )
    };
    let (a, b) = (key(a), key(b));
    a.0.cmp(&b.0)
        .then(a.1.total_cmp(&b.1))
        .then(a.2.total_cmp(&b.2))
        .then(a.3.total_cmp(&b.3))
}

/// Place of a verdict in the order, from 0 for the worst.
pub(super) fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Drifted => 0,
        Verdict::Failed => 1,
        Verdict::Insufficient => 2,
        Verdict::Stable => 3,
        Verdict::Constant => 4,
    }
}

/// Whether it says something of its column: enough data, and values that can differ.
pub(super) fn is_judged(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Stable | Verdict::Drifted)
}

/// Distance of the value from its threshold, as a multiple of the threshold.
fn excess(one: &Measurement) -> Option<f64> {
    one.threshold
        .map(|threshold| ((one.value - threshold) / threshold).abs())
}

#[cfg(test)]
mod tests {
    use super::super::sample::{drifted, stable, unjudged};
    use super::*;

    #[test]
    fn verdict_then_p_then_effect_then_excess_decide() {
        let mut in_order = vec![
            drifted("large", 0.9, 0.0),
            drifted("larger p of no meaning", 0.8, 1e-310),
            drifted("small p", 0.95, 1e-12),
            Measurement {
                effect: None,
                p_value: None,
                p_adjusted: None,
                value: 9.0,
                ..drifted("far beyond", 0.1, 0.0)
            },
            Measurement {
                effect: None,
                p_value: None,
                p_adjusted: None,
                value: 2.0,
                ..drifted("beyond", 0.1, 0.0)
            },
            unjudged("failed", Verdict::Failed),
            unjudged("insufficient", Verdict::Insufficient),
            stable("nearly", 0.03, 0.06),
            stable("not at all", 0.01, 0.8),
            unjudged("constant", Verdict::Constant),
        ];
        let expected = in_order.clone();
        in_order.reverse();
        in_order.sort_by(compare);
        assert_eq!(in_order, expected);
    }

    #[test]
    fn a_threshold_of_zero_is_far_behind() {
        let zero = Measurement {
            threshold: Some(0.0),
            ..drifted("a", 0.1, 0.0)
        };
        assert_eq!(excess(&zero), Some(f64::INFINITY));
    }
}
