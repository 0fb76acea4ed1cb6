//! Says in words what a single measurement found.

use super::number::{count, p_equation, percent, short};
use super::severity::is_judged;
use super::text::append;
use crate::domain::{Measurement, ThresholdKind, Verdict};

/// A clause about one measurement: `0.641 is beyond the threshold of 0.05 (smallest effect that matters), p < 1e-300`.
pub(super) fn in_words(one: &Measurement) -> String {
    if !is_judged(one.verdict) {
        return why_unjudged(one);
    }
    let value = short(one.value, 4);
    let mut words = match one.row {
        Some(row) => format!("{value} at row {}", count(row)),
        None => value,
    };
    if let Some(threshold) = one.threshold {
        let place = if one.verdict == Verdict::Drifted {
            "beyond"
        } else {
            "within"
        };
        append!(
            words,
            " is {place} the threshold of {}",
            short(threshold, 4)
        );
        if let Some(kind) = one.threshold_kind {
            append!(words, " ({})", threshold_kind(kind));
        }
    }
    if let Some(effect) = one.effect.filter(|effect| *effect != one.value) {
        append!(words, ", effect {}", short(effect, 3));
    }
    match (one.p_adjusted, one.p_value) {
        (Some(p), _) => append!(words, ", {} after correction", p_equation(p)),
        (None, Some(p)) => append!(words, ", {}", p_equation(p)),
        (None, None) => {}
    }
    if let Some(began) = one.began {
        append!(words, ", began about {}", began.at);
    }
    if one.unseen_share > 0.0 {
        append!(
            words,
            ", {} of the values are new",
            percent(one.unseen_share)
        );
    }
    words
}

/// Why a measurement says neither stable nor drifted.
pub(super) fn why_unjudged(one: &Measurement) -> String {
    match one.verdict {
        Verdict::Insufficient => {
            format!(
                "too few values: {} reference, {} current",
                count(one.reference_rows),
                count(one.current_rows)
            )
        }
        Verdict::Constant => "one value, the same in both windows".to_owned(),
        _ => {
            let reason = one
                .detail
                .as_ref()
                .and_then(|detail| detail.get("reason")?.as_str());
            reason.unwrap_or("could not be judged").to_owned()
        }
    }
}

/// What a threshold is, in a few words.
pub(super) fn threshold_kind(kind: ThresholdKind) -> &'static str {
    match kind {
        ThresholdKind::Calibrated => "calibrated to the sizes",
        ThresholdKind::Floor => "smallest effect that matters",
        ThresholdKind::Fixed => "fixed",
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_measurement_reads_as_a_clause() {
        let drifted = sample::drifted("a", 0.641, 0.0);
        assert_eq!(
            in_words(&drifted),
            "0.641 is beyond the threshold of 0.05 (smallest effect that matters), p < 1e-300 after correction"
        );
        let stable = Measurement {
            effect: Some(0.2),
            p_adjusted: None,
            unseen_share: 0.5,
            ..sample::stable("a", 0.01, 0.3)
        };
        assert_eq!(
            in_words(&stable),
            "0.01 is within the threshold of 0.06123 (calibrated to the sizes), effect 0.2, p = 0.3, 50% of the values are new"
        );
        let at = jiff::Timestamp::from_second(1_767_225_600).unwrap();
        let dated = Measurement {
            began: Some(crate::domain::Began {
                at,
                earliest: None,
                latest: at,
            }),
            ..drifted.clone()
        };
        assert!(in_words(&dated).ends_with(", began about 2026-01-01T00:00:00Z"));
        let change = Measurement {
            row: Some(4_211),
            threshold: None,
            effect: None,
            p_value: None,
            p_adjusted: None,
            ..drifted
        };
        assert_eq!(in_words(&change), "0.641 at row 4,211");
    }

    #[test]
    fn what_could_not_be_judged_says_why() {
        assert_eq!(
            in_words(&sample::unjudged("a", Verdict::Failed)),
            "could not be judged"
        );
        assert_eq!(
            in_words(&sample::unjudged("a", Verdict::Constant)),
            "one value, the same in both windows"
        );
        let few = Measurement {
            current_rows: 12,
            ..sample::unjudged("a", Verdict::Insufficient)
        };
        assert_eq!(
            in_words(&few),
            "too few values: 27,902 reference, 12 current"
        );
    }
}
