//! Texts as counts of words, and the vocabulary of both windows as tf-idf features.

use std::collections::{BTreeMap, BTreeSet};

/// Words of the vocabulary: the most frequent ones, which keep the features of a call at 64 MiB.
pub const WORDS_MAX: usize = 1_000;
/// Texts of both windows together that a word of the vocabulary is in at least.
const TEXTS_MIN: usize = 3;
/// Shortest word, in characters.
const WORD_CHARS_MIN: usize = 2;

/// Words of a text with their counts. A word is a run of letters and digits, in lower case, of at least two characters.
pub(crate) fn counts(text: &str) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if word.chars().nth(WORD_CHARS_MIN - 1).is_some() {
            *found.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    found
}

/// Texts of a column, row by row; rows without one do not take part.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    /// Words of each different text.
    different: Vec<BTreeMap<String, u32>>,
    /// Number of each row's text.
    rows: Vec<u32>,
}

impl Texts {
    pub(crate) fn new(codes: &[u32], names: &[String]) -> Self {
        Self {
            different: names.iter().map(|name| counts(name)).collect(),
            rows: codes
                .iter()
                .copied()
                .filter(|&code| (code as usize) < names.len())
                .collect(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    fn each(&self) -> impl Iterator<Item = &BTreeMap<String, u32>> {
        self.rows.iter().map(|&row| &self.different[row as usize])
    }

    /// Words of each row.
    pub(crate) fn lengths(&self) -> Vec<f64> {
        self.each()
            .map(|words| words.values().map(|&count| f64::from(count)).sum())
            .collect()
    }

    /// How many rows each word is in.
    fn spread(&self) -> BTreeMap<&str, usize> {
        let mut spread = BTreeMap::new();
        for words in self.each() {
            for word in words.keys() {
                *spread.entry(word.as_str()).or_default() += 1;
            }
        }
        spread
    }
}

/// Share of each row's words that every second row of the reference does not have: for the other rows of the reference, and for the
/// current ones. Neither took part in the vocabulary, so without drift they are alike; a row without words has a share of 0.
pub(crate) fn unknown(reference: &Texts, current: &Texts) -> (Vec<f64>, Vec<f64>) {
    let known: BTreeSet<&str> = reference
        .each()
        .step_by(2)
        .flat_map(|words| words.keys().map(String::as_str))
        .collect();
    let share = |words: &BTreeMap<String, u32>| {
        let new = |word: &str| !known.contains(word);
        let all: u32 = words.values().sum();
        let unknown: u32 = words
            .iter()
            .filter(|(word, _)| new(word))
            .map(|(_, count)| count)
            .sum();
        f64::from(unknown) / f64::from(all.max(1))
    };
    let fresh = reference.each().skip(1).step_by(2);
    (
        fresh.map(share).collect(),
        current.each().map(share).collect(),
    )
}

/// tf-idf features of all rows, reference first.
#[derive(Debug, Clone)]
pub(crate) struct Features {
    /// The vocabulary, ascending.
    pub(crate) words: Vec<String>,
    /// Share of the rows of each window that has each word: reference, current.
    pub(crate) shares: Vec<(f64, f64)>,
    /// Row after row, of length 1 unless a row has no word.
    pub(crate) values: Vec<f64>,
}

impl Features {
    /// The most frequent words of both windows together, at least three rows each, at most half of the rows: what is everywhere says
    /// nothing of the window. Weight of a word in a row: `(1 + ln count) (1 + ln((1 + N) / (1 + rows with it)))`, rows then scaled to length 1.
    ///
    /// Source: Salton & Buckley (1988), "Term-Weighting Approaches in Automatic Text Retrieval"; as scikit-learn's `TfidfVectorizer`
    /// with `sublinear_tf`.
    pub(crate) fn new(reference: &Texts, current: &Texts) -> Self {
        let rows = reference.rows() + current.rows();
        let (before, now) = (reference.spread(), current.spread());
        let of =
            |spread: &BTreeMap<&str, usize>, word: &str| spread.get(word).copied().unwrap_or(0);
        let all: BTreeSet<&str> = before.keys().chain(now.keys()).copied().collect();
        let mut frequent: Vec<(&str, usize)> = all
            .into_iter()
            .map(|word| (word, of(&before, word) + of(&now, word)))
            .filter(|(_, with)| *with >= TEXTS_MIN && 2 * with <= rows)
            .collect();
        frequent.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        frequent.truncate(WORDS_MAX);
        frequent.sort_unstable_by_key(|(word, _)| *word);
        let idf: Vec<f64> = frequent
            .iter()
            .map(|(_, with)| 1.0 + libm::log((1.0 + rows as f64) / (1.0 + *with as f64)))
            .collect();
        let place: BTreeMap<&str, usize> = frequent
            .iter()
            .enumerate()
            .map(|(at, (word, _))| (*word, at))
            .collect();
        let mut values = vec![0.0; rows * frequent.len()];
        if !frequent.is_empty() {
            let texts = reference.each().chain(current.each());
            for (row, words) in values.chunks_exact_mut(frequent.len()).zip(texts) {
                for (word, &count) in words {
                    if let Some(&at) = place.get(word.as_str()) {
                        row[at] = (1.0 + libm::log(f64::from(count))) * idf[at];
                    }
                }
                let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                if length > 0.0 {
                    for x in row {
                        *x /= length;
                    }
                }
            }
        }
        let share = |texts: &Texts, with: usize| with as f64 / texts.rows().max(1) as f64;
        Self {
            shares: frequent
                .iter()
                .map(|(word, _)| {
                    (
                        share(reference, of(&before, word)),
                        share(current, of(&now, word)),
                    )
                })
                .collect(),
            words: frequent
                .into_iter()
                .map(|(word, _)| word.to_owned())
                .collect(),
            values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Texts {
        let names: Vec<String> = list.iter().map(|text| (*text).to_owned()).collect();
        Texts::new(
            &(0..u32::try_from(list.len()).unwrap()).collect::<Vec<u32>>(),
            &names,
        )
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        let found: Vec<(String, u32)> = counts("Don't: a B2B-deal, deal \u{c9}T\u{c9}!")
            .into_iter()
            .collect();
        let want = [("b2b", 1), ("deal", 2), ("don", 1), ("\u{e9}t\u{e9}", 1)];
        assert_eq!(found, want.map(|(word, count)| (word.to_owned(), count)));
        assert!(counts("").is_empty());
    }

    #[test]
    fn one_half_of_the_reference_is_the_vocabulary_of_the_other_and_of_what_is_current() {
        let (reference, current) = unknown(
            &texts(&["red green", "red blue"]),
            &texts(&["red green", "pink", ""]),
        );
        assert_eq!(reference, [0.5]);
        assert_eq!(current, [0.0, 1.0, 0.0]);
    }

    #[test]
    fn features_are_of_length_one_and_leave_out_what_is_rare_or_everywhere() {
        let reference = texts(&["the sun shines", "the sun", "the rain", "the rain rain"]);
        let current = texts(&["the sun", "the rain", "the fog", "the"]);
        let features = Features::new(&reference, &current);
        assert_eq!(features.words, ["rain", "sun"]);
        assert_eq!(features.shares, [(0.5, 0.25), (0.5, 0.25)]);
        assert_eq!(features.values[..4], [0.0, 1.0, 0.0, 1.0]);
        assert_eq!(features.values[12..], [0.0; 4]);
    }

    #[test]
    fn the_vocabulary_holds_up_to_its_bound() {
        let many: Vec<String> = (0..=WORDS_MAX).map(|at| format!("w{at}")).collect();
        let text = many.join(" ");
        let features = Features::new(&texts(&[&text, &text, &text, "", "", ""]), &texts(&[""]));
        assert_eq!(features.words.len(), WORDS_MAX);
    }
}
