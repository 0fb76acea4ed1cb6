//! Naive Bayes over bags of words: two classes, one weight a word.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A trained classifier of two classes, of which one is the positive one.
///
/// Source: `McCallum` & Nigam (1998), "A comparison of event models for naive Bayes text classification", the multinomial
/// model, with one count added to every word (Laplace).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Bayes {
    /// Log odds of the positive class before any word is seen.
    bias: f64,
    /// What one occurrence of a word adds to the log odds.
    weights: BTreeMap<String, f64>,
}

/// How often a word was seen in documents of either class, negative and positive.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    occurrences: [u32; 2],
    documents: u32,
}

impl Bayes {
    /// Learns from documents, each a bag of words and whether its class is the positive one. Words of fewer than
    /// `documents_min` documents are left out. None if one of the classes has no document.
    pub(super) fn train(documents: &[(Vec<String>, bool)], documents_min: u32) -> Option<Self> {
        let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
        let mut of_class = [0_u32; 2];
        for (words, positive) in documents {
            of_class[usize::from(*positive)] += 1;
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            words.sort_unstable();
            for same in words.chunk_by(|a, b| a == b) {
                let entry = seen.entry(same[0]).or_default();
                entry.occurrences[usize::from(*positive)] +=
                    u32::try_from(same.len()).unwrap_or(u32::MAX);
                entry.documents += 1;
            }
        }
        if of_class.contains(&0) {
            return None;
        }
        seen.retain(|_, word| word.documents >= documents_min);
        let total = |class: usize| -> f64 {
            let counted = seen.values().map(|word| word.occurrences[class] + 1);
            counted.map(f64::from).sum()
        };
        let totals = [total(0), total(1)];
        let weight = |word: &Seen| {
            let share = |class: usize| f64::from(word.occurrences[class] + 1) / totals[class];
            libm::log(share(1) / share(0))
        };
        Some(Self {
            bias: libm::log(f64::from(of_class[1]) / f64::from(of_class[0])),
            weights: seen
                .iter()
                .map(|(word, seen)| ((*word).to_owned(), weight(seen)))
                .collect(),
        })
    }

    /// Whether a word was learned.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.weights.contains_key(word)
    }

    /// How many words were learned.
    pub(super) fn len(&self) -> usize {
        self.weights.len()
    }

    /// The probability of the positive class, in `[0, 1]`. Words that were not learned say nothing.
    pub(super) fn probability<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> f64 {
        let weights = words.into_iter().filter_map(|word| self.weights.get(word));
        let odds: f64 = self.bias + weights.sum::<f64>();
        1.0 / (1.0 + libm::exp(-odds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(texts: &[(&str, bool)]) -> Vec<(Vec<String>, bool)> {
        let bag = |text: &str| text.split(' ').map(str::to_owned).collect();
        texts
            .iter()
            .map(|(text, positive)| (bag(text), *positive))
            .collect()
    }

    #[test]
    fn the_odds_are_those_done_on_paper() {
        let documents = documents(&[("orbit moon moon", true), ("faith moon", false)]);

        let bayes = Bayes::train(&documents, 1).unwrap();

        // Counts with one added: orbit 2, moon 3, faith 1 of 6; orbit 1, moon 2, faith 2 of 5.
        let odds = (2.0 / 6.0 / (1.0 / 5.0)) * (3.0 / 6.0 / (2.0 / 5.0));
        let probability = bayes.probability(["orbit", "moon", "unheard-of"]);
        assert!((probability - odds / (1.0 + odds)).abs() < 1e-12);
        assert!((bayes.probability([]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn rare_words_are_left_out_and_shares_of_the_classes_count() {
        let documents = documents(&[("a b", true), ("a", true), ("a c", true), ("a", false)]);

        let bayes = Bayes::train(&documents, 2).unwrap();

        assert!(bayes.knows("a") && !bayes.knows("b"));
        assert_eq!(bayes.len(), 1);
        assert!((bayes.probability([]) - 0.75).abs() < 1e-12);
        assert!(Bayes::train(&documents[..3], 1).is_none());
    }
}
