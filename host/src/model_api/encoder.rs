//! What a model reads: an instance as a bag of words, and the features of it that are worth watching.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::bayes::Bayes;

/// One thing to be classified: fields by name.
pub type Instance = Map<String, Value>;

/// Field of an article's text.
pub const TEXT: &str = "text";
/// Feature that holds the first words of an article.
pub const OPENING: &str = "opening";

/// Words of an opening.
const OPENING_WORDS: usize = 60;
/// Bytes of an opening: a drift service takes categories of 1,024.
const OPENING_BYTES_MAX: usize = 1_000;

/// How instances are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub(super) enum Encoder {
    /// Articles: one field, [`TEXT`].
    Text {
        /// The most frequent words, whose rates are features.
        frequent: Vec<String>,
    },
    /// Rows of a table: a field a column.
    Table {
        /// The columns.
        columns: Vec<Column>,
    },
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    /// Where a numeric column is cut into words; none of a column of names.
    pub(super) cuts: Option<Vec<f64>>,
}

/// Why an instance cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// An article without text.
    #[error("there is no field '{TEXT}' with an article's text")]
    NoText,
    /// A field that the model does not know.
    #[error("the model has no field '{0}'")]
    UnknownField(String),
    /// A number was needed.
    #[error("field '{0}' must be a number or null")]
    NotANumber(String),
    /// A name was needed.
    #[error("field '{0}' must be a text or null")]
    NotAName(String),
}

/// The words of a text: runs of ASCII letters in lower case. All else separates.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|character: char| !character.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect()
}

impl Encoder {
    /// The bag of words of an instance.
    pub(super) fn bag(&self, instance: &Instance) -> Result<Vec<String>, InstanceError> {
        match self {
            Self::Text { .. } => Ok(words(text(instance)?)),
            Self::Table { columns } => {
                let unknown = |name: &&String| columns.iter().all(|column| column.name != **name);
                if let Some(name) = instance.keys().find(unknown) {
                    return Err(InstanceError::UnknownField(name.clone()));
                }
                columns
                    .iter()
                    .map(|column| column.word(instance.get(&column.name)))
                    .collect()
            }
        }
    }

    /// The features of an instance whose bag is `bag`. One that is missing is left out.
    pub(super) fn features(&self, instance: &Instance, bag: &[String], known: &Bayes) -> Instance {
        match self {
            Self::Text { frequent } => text_features(bag, frequent, known),
            Self::Table { .. } => {
                let there = instance.iter().filter(|(_, value)| !value.is_null());
                there
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            }
        }
    }

    /// Names of the features, and whether each is a number.
    pub(super) fn columns(&self) -> Vec<(String, bool)> {
        match self {
            Self::Text { frequent } => {
                let fixed = ["words", "word_length", "known_words"].map(str::to_owned);
                let rates = frequent.iter().map(|word| rate(word));
                fixed
                    .into_iter()
                    .chain(rates)
                    .map(|name| (name, true))
                    .chain([(OPENING.to_owned(), false)])
                    .collect()
            }
            Self::Table { columns } => columns
                .iter()
                .map(|column| (column.name.clone(), column.cuts.is_some()))
                .collect(),
        }
    }
}

fn text(instance: &Instance) -> Result<&str, InstanceError> {
    if let Some(name) = instance.keys().find(|name| *name != TEXT) {
        return Err(InstanceError::UnknownField(name.clone()));
    }
    instance
        .get(TEXT)
        .and_then(Value::as_str)
        .ok_or(InstanceError::NoText)
}

/// Name of the feature that says how often a word stands in a hundred.
fn rate(word: &str) -> String {
    format!("{word}_per_100")
}

/// The first words with single spaces between them, as many as there is room for.
fn opening(bag: &[String]) -> String {
    let mut text = String::new();
    for word in bag.iter().take(OPENING_WORDS) {
        if text.len() + 1 + word.len() > OPENING_BYTES_MAX {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

/// `words`: how many; `word_length`: letters of the mean word; `known_words`: percent that the model learned; rates; and
/// the opening.
fn text_features(bag: &[String], frequent: &[String], known: &Bayes) -> Instance {
    let mut features = Instance::new();
    features.insert("words".into(), json!(bag.len()));
    if bag.is_empty() {
        return features;
    }
    let words = bag.len() as f64;
    let letters: usize = bag.iter().map(String::len).sum();
    let learned = bag.iter().filter(|word| known.knows(word)).count();
    features.insert("word_length".into(), json!(letters as f64 / words));
    features.insert("known_words".into(), json!(100.0 * learned as f64 / words));
    for word in frequent {
        let found = bag.iter().filter(|other| *other == word).count();
        features.insert(rate(word), json!(100.0 * found as f64 / words));
    }
    features.insert(OPENING.into(), json!(opening(bag)));
    features
}

impl Column {
    /// The word of a value: `carrier=AA`, `distance~3` for the fourth stretch between cuts, `pressure=` for a missing one.
    fn word(&self, value: Option<&Value>) -> Result<String, InstanceError> {
        let name = &self.name;
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Ok(format!("{name}="));
        };
        match &self.cuts {
            None => match value.as_str() {
                Some(category) => Ok(format!("{name}={category}")),
                None => Err(InstanceError::NotAName(name.clone())),
            },
            Some(cuts) => match value.as_f64() {
                Some(number) => {
                    let below = cuts.partition_point(|cut| *cut <= number);
                    Ok(format!("{name}~{below}"))
                }
                None => Err(InstanceError::NotANumber(name.clone())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(value: Value) -> Instance {
        match value {
            Value::Object(fields) => fields,
            _ => panic!("no object"),
        }
    }

    fn table() -> Encoder {
        let column = |name: &str, cuts: Option<Vec<f64>>| Column {
            name: name.into(),
            cuts,
        };
        Encoder::Table {
            columns: vec![
                column("carrier", None),
                column("distance", Some(vec![100.0, 200.0])),
            ],
        }
    }

    #[test]
    fn an_opening_ends_behind_a_whole_word() {
        let words = |length: usize, count: usize| vec!["x".repeat(length); count];
        assert_eq!(
            opening(&words(1, OPENING_WORDS + 1)).len(),
            2 * OPENING_WORDS - 1
        );
        assert_eq!(opening(&words(99, OPENING_WORDS)).len(), 999);
        assert_eq!(
            opening(&words(OPENING_BYTES_MAX - 1, 2)).len(),
            OPENING_BYTES_MAX - 1
        );
        assert_eq!(opening(&words(OPENING_BYTES_MAX, 1)), "");
    }

    #[test]
    fn words_are_letters_in_lower_case() {
        assert_eq!(words("Re: NASA's 3 probes"), ["re", "nasa", "s", "probes"]);
        assert!(words("1993-04-06").is_empty());
    }

    #[test]
    fn a_row_becomes_a_word_a_column() {
        let row = instance(json!({"carrier": "AA", "distance": 100}));
        assert_eq!(table().bag(&row).unwrap(), ["carrier=AA", "distance~1"]);
        assert_eq!(
            table().bag(&Instance::new()).unwrap(),
            ["carrier=", "distance="]
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refused = |encoder: &Encoder, value| encoder.bag(&instance(value)).unwrap_err();
        assert_eq!(
            refused(&table(), json!({"wings": 2})),
            InstanceError::UnknownField("wings".into())
        );
        assert_eq!(
            refused(&table(), json!({"distance": "far"})),
            InstanceError::NotANumber("distance".into())
        );
        assert_eq!(
            refused(&table(), json!({"carrier": 7})),
            InstanceError::NotAName("carrier".into())
        );
        let articles = Encoder::Text { frequent: vec![] };
        assert_eq!(refused(&articles, json!({})), InstanceError::NoText);
        assert_eq!(
            refused(&articles, json!({"text": "a", "title": "b"})),
            InstanceError::UnknownField("title".into())
        );
    }

    #[test]
    fn an_article_has_length_known_words_and_rates() {
        let documents = [
            (vec!["the".into(), "moon".into()], true),
            (vec!["the".into()], false),
        ];
        let bayes = Bayes::train(&documents, 1).unwrap();
        let articles = Encoder::Text {
            frequent: vec!["the".into()],
        };
        let article = instance(json!({"text": "The moon, the puck"}));
        let bag = articles.bag(&article).unwrap();

        let features = articles.features(&article, &bag, &bayes);

        assert_eq!(
            Value::Object(features),
            json!({"words": 4, "word_length": 3.5, "known_words": 75.0, "the_per_100": 50.0, "opening": "the moon the puck"})
        );
        assert_eq!(articles.columns().len(), 5);
        assert_eq!(articles.columns()[4], (OPENING.to_owned(), false));
        let empty = articles.features(&article, &[], &bayes);
        assert_eq!(Value::Object(empty), json!({"words": 0}));
    }
}
