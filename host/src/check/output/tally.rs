//! Counts what one evaluation says of its columns.

use super::text::append;
use std::collections::HashMap;

use super::severity::is_judged;
use crate::check::report::Evaluation;
use crate::domain::{Measurement, Verdict};

/// Name of the metric that tells which share of the columns drifted.
const DRIFTED_SHARE: &str = "drifted_share";

/// How many columns an evaluation says what of. A column counts once, however many measurements it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Columns with a verdict, stable or drifted.
    pub(super) judged: usize,
    /// Those of them that drifted by any metric.
    pub(super) drifted: usize,
    /// Columns without such a verdict.
    pub(super) unjudged: usize,
    /// Changes that a stream detector found at rows.
    pub(super) changes: usize,
}

impl Tally {
    pub(super) fn of(evaluation: &Evaluation) -> Self {
        let mut columns: HashMap<&str, (bool, bool)> = HashMap::new();
        let mut changes = 0;
        for one in &evaluation.measurements {
            changes += usize::from(one.row.is_some());
            if let Some(name) = &one.column {
                let (judged, drifted) = columns.entry(name).or_default();
                *judged |= is_judged(one.verdict);
                *drifted |= one.verdict == Verdict::Drifted;
            }
        }
        let judged = columns.values().filter(|column| column.0).count();
        Self {
            judged,
            drifted: columns.values().filter(|column| column.1).count(),
            unjudged: columns.len() - judged,
            changes,
        }
    }

    /// `9 of 14 columns drifted`, with what else there is to say.
    pub(super) fn sentence(self, evaluation: &Evaluation) -> String {
        if evaluation.error.is_some() && evaluation.measurements.is_empty() {
            return "no answer".to_owned();
        }
        let mut sentence = match self {
            Self {
                judged: 0,
                unjudged: 0,
                ..
            } => whole_window(evaluation),
            Self { judged: 0, .. } => "no column could be judged".to_owned(),
            Self {
                judged: 1, drifted, ..
            } => format!("{drifted} of 1 column drifted"),
            Self {
                judged, drifted, ..
            } => format!("{drifted} of {judged} columns drifted"),
        };
        if self.judged > 0 && self.unjudged > 0 {
            append!(sentence, ", {} not judged", self.unjudged);
        }
        match self.changes {
            0 => {}
            1 => sentence.push_str(", 1 change"),
            changes => append!(sentence, ", {changes} changes"),
        }
        if let Some(share) = drifted_share(evaluation)
            && let Some(limit) = share.threshold
        {
            let verdict = if share.verdict == Verdict::Drifted {
                "over"
            } else {
                "within"
            };
            let (value, limit) = (
                super::number::percent(share.value),
                super::number::percent(limit),
            );
            append!(sentence, " ({value}, {verdict} the limit of {limit})");
        }
        sentence
    }
}

/// What an evaluation without columns says of the window as a whole.
fn whole_window(evaluation: &Evaluation) -> String {
    let judged = evaluation
        .measurements
        .iter()
        .filter(|one| one.column.is_none() && is_judged(one.verdict));
    let drifted = judged
        .clone()
        .filter(|one| one.verdict == Verdict::Drifted)
        .count();
    match judged.count() {
        0 => "found no column to judge".to_owned(),
        1 => format!("{drifted} of 1 metric of the whole window drifted"),
        judged => format!("{drifted} of {judged} metrics of the whole window drifted"),
    }
}

/// The measurement of the share of columns that drifted, where the detector gives one.
pub(super) fn drifted_share(evaluation: &Evaluation) -> Option<&Measurement> {
    evaluation
        .measurements
        .iter()
        .find(|one| is_drifted_share(one))
}

/// Whether a measurement is summed up by the tally and needs no row of its own.
pub(super) fn is_drifted_share(one: &Measurement) -> bool {
    one.column.is_none() && one.metric == DRIFTED_SHARE
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_column_counts_once_and_drifts_by_any_metric() {
        let evaluation = sample::evaluation(
            "data-drift@0.1.0",
            vec![
                sample::stable("a", 0.01, 0.5),
                sample::drifted("a", 0.5, 0.0),
                sample::stable("b", 0.01, 0.5),
                sample::unjudged("c", Verdict::Constant),
                sample::share(0.5),
            ],
        );
        let tally = Tally::of(&evaluation);
        assert_eq!(
            tally,
            Tally {
                judged: 2,
                drifted: 1,
                unjudged: 1,
                changes: 0
            }
        );
        assert_eq!(
            tally.sentence(&evaluation),
            "1 of 2 columns drifted, 1 not judged (50%, within the limit of 50%)"
        );
    }

    #[test]
    fn without_columns_metrics_of_the_whole_window_are_counted() {
        let of_window = |verdict| Measurement {
            column: None,
            ..sample::unjudged("", verdict)
        };
        let one = sample::evaluation("mmd@0.1.0", vec![of_window(Verdict::Drifted)]);
        assert_eq!(
            Tally::of(&one).sentence(&one),
            "1 of 1 metric of the whole window drifted"
        );
        let verdicts = [Verdict::Drifted, Verdict::Stable, Verdict::Insufficient];
        let several = sample::evaluation("performance@0.1.0", verdicts.map(of_window).to_vec());
        assert_eq!(
            Tally::of(&several).sentence(&several),
            "1 of 2 metrics of the whole window drifted"
        );
    }

    #[test]
    fn nothing_judged_is_said_in_words() {
        let nothing = sample::evaluation("a@1.0.0", Vec::new());
        assert_eq!(
            Tally::of(&nothing).sentence(&nothing),
            "found no column to judge"
        );
        let constant =
            sample::evaluation("a@1.0.0", vec![sample::unjudged("c", Verdict::Constant)]);
        assert_eq!(
            Tally::of(&constant).sentence(&constant),
            "no column could be judged"
        );
        let failed = Evaluation {
            error: Some("trapped".into()),
            ..nothing
        };
        assert_eq!(Tally::of(&failed).sentence(&failed), "no answer");
    }
}
