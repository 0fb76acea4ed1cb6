//! Says the outcome in words.

use super::columns::{ColumnView, columns};
use super::severity::is_judged;
use super::tally::is_drifted_share;
use crate::check::report::{Chunk, Evaluation, Report};
use crate::domain::{Role, Verdict};

/// The outcome in sentences.
pub(super) struct Headline {
    /// Who gave no answer.
    pub(super) silent: Option<String>,
    /// What drifted over the whole window.
    pub(super) drifted: String,
    /// How many chunks drifted.
    pub(super) chunks: Option<String>,
}

impl Headline {
    pub(super) fn of(report: &Report) -> Self {
        let views = columns(report);
        let silent = silent(report);
        let (subjects, several) = subjects(report, &views);
        let drifted = if !subjects.is_empty() {
            let verb = if several || subjects.len() > 1 {
                "have"
            } else {
                "has"
            };
            capital(&format!("{} {verb} drifted.", listed(&subjects)))
        } else if report.chunks.is_empty() {
            nothing(&views)
        } else {
            "Nothing has drifted over the whole window.".to_owned()
        };
        let count = report
            .chunks
            .iter()
            .filter(|chunk| has_drifted(chunk))
            .count();
        let verb = if count == 1 { "has" } else { "have" };
        Self {
            silent: (!silent.is_empty()).then(|| format!("No answer from {}.", listed(&silent))),
            drifted,
            chunks: (count > 0)
                .then(|| format!("{count} of {} chunks {verb} drifted.", report.chunks.len())),
        }
    }

    /// All of it in one line.
    pub(super) fn line(self) -> String {
        let sentences = [self.silent, Some(self.drifted), self.chunks];
        sentences
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Whether anything drifted in a chunk.
pub(super) fn has_drifted(chunk: &Chunk) -> bool {
    let mut all = chunk
        .evaluations
        .iter()
        .flat_map(|evaluation| &evaluation.measurements);
    all.any(|one| one.verdict == Verdict::Drifted)
}

/// Detectors that gave no answer, for the whole window or for any chunk.
fn silent(report: &Report) -> Vec<String> {
    let chunks = report.chunks.iter().flat_map(|chunk| &chunk.evaluations);
    let mut silent: Vec<String> = Vec::new();
    for Evaluation {
        detector, error, ..
    } in report.evaluations.iter().chain(chunks)
    {
        if error.is_some() && !silent.contains(detector) {
            silent.push(detector.clone());
        }
    }
    silent
}

/// What drifted, features as a count, and whether a single subject is a plural.
fn subjects(report: &Report, views: &[ColumnView]) -> (Vec<String>, bool) {
    let is_feature = |view: &&ColumnView| {
        view.picture
            .is_none_or(|picture| picture.role == Role::Feature)
    };
    let judged = |view: &&ColumnView| {
        view.measurements
            .iter()
            .any(|(_, one)| is_judged(one.verdict))
    };
    let features = views.iter().filter(is_feature).filter(judged).count();
    let drifted: Vec<&ColumnView> = views.iter().filter(|view| view.is_drifted()).collect();
    let drifted_features = drifted
        .iter()
        .copied()
        .filter(|view| is_feature(view))
        .count();

    let mut subjects = Vec::new();
    let mut several = false;
    match (drifted_features, features) {
        (0, _) => {}
        (1, 1) => subjects.push("the one feature".to_owned()),
        (1, _) => subjects.push(format!("1 of {features} features")),
        (some, _) => {
            several = true;
            let of = if some == features {
                format!("all {some}")
            } else {
                format!("{some} of {features}")
            };
            subjects.push(format!("{of} features"));
        }
    }
    let mut roles: Vec<Role> = drifted
        .iter()
        .filter_map(|view| view.picture.map(|picture| picture.role))
        .collect();
    roles.sort_unstable();
    for role in roles.into_iter().filter(|role| *role != Role::Feature) {
        let (words, plural) = in_words(role);
        several |= plural;
        subjects.push(words.to_owned());
    }
    let whole = report
        .evaluations
        .iter()
        .flat_map(|evaluation| &evaluation.measurements);
    let mut whole = whole.filter(|one| one.column.is_none() && !is_drifted_share(one));
    if whole.any(|one| one.verdict == Verdict::Drifted) {
        subjects.push("the window as a whole".to_owned());
    }
    (subjects, several)
}

/// What a role is called in a sentence, and whether that is a plural.
fn in_words(role: Role) -> (&'static str, bool) {
    match role {
        Role::Feature => ("the features", true),
        Role::Prediction => ("the predictions", true),
        Role::Probability => ("the predicted probabilities", true),
        Role::Label => ("the labels", true),
        Role::Error => ("the error rate", false),
        Role::Residual => ("the residuals", true),
        Role::AbsoluteResidual => ("the absolute residuals", true),
        Role::Brier => ("the Brier score", false),
    }
}

/// Nothing drifted: how much was judged at all.
fn nothing(views: &[ColumnView]) -> String {
    let judged = views
        .iter()
        .filter(|view| {
            view.measurements
                .iter()
                .any(|(_, one)| is_judged(one.verdict))
        })
        .count();
    match judged {
        0 => "Nothing could be judged.".to_owned(),
        1 => "Nothing has drifted: the one column that could be judged is stable.".to_owned(),
        _ => format!("Nothing has drifted: all {judged} columns that could be judged are stable."),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn line(report: &Report) -> String {
        Headline::of(report).line()
    }

    #[test]
    fn features_are_counted_and_other_roles_are_named() {
        assert_eq!(
            line(&sample::report()),
            "1 of 2 features and the error rate have drifted."
        );
    }

    #[test]
    fn chunks_and_missing_answers_have_sentences_of_their_own() {
        assert_eq!(
            line(&sample::chunked()),
            "No answer from concept-drift@0.1.0. 1 of 2 features and the error rate have drifted. 1 of 2 chunks has drifted."
        );
    }

    #[test]
    fn nothing_to_say_is_said() {
        assert_eq!(line(&sample::empty()), "Nothing could be judged.");
        let mut report = sample::empty();
        report.evaluations = vec![sample::evaluation(
            "a@1.0.0",
            vec![sample::stable("a", 0.01, 0.9)],
        )];
        assert_eq!(
            line(&report),
            "Nothing has drifted: the one column that could be judged is stable."
        );
        report.evaluations[0].measurements = vec![sample::drifted("a", 0.5, 0.0)];
        assert_eq!(line(&report), "The one feature has drifted.");
    }
}
