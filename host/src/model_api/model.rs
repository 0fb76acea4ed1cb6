//! The trained model: from its file, through an instance, to an answer.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::bayes::Bayes;
use super::encoder::{Column, Encoder, Instance, InstanceError, words};

/// Version of the file's form.
const FORMAT: u32 = 1;
/// Parts into which numbers of a table are cut, each with as many rows of the training.
const PARTS: usize = 10;
/// Fewest articles of the training that a learned word stands in.
const ARTICLES_MIN: u32 = 5;
/// The most frequent words of the training, whose rates are features.
const FREQUENT_WORDS: usize = 8;
/// Probabilities are answered in steps of this.
const PROBABILITY_STEPS: f64 = 1_000.0;

/// A model, with all that an answer needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    format: u32,
    /// Its name.
    pub name: String,
    /// What it says, in a sentence.
    pub about: String,
    /// When it was trained.
    pub trained_at: Timestamp,
    /// Instances that it learned from.
    pub trained_on: usize,
    /// The two classes, the positive one last.
    pub classes: [String; 2],
    /// Probability of the positive class from which that class is the prediction.
    pub threshold: f64,
    /// An instance to try.
    pub example: Instance,
    encoder: Encoder,
    bayes: Bayes,
}

/// What a model is made of.
#[derive(Debug)]
pub struct Training {
    /// Name of the model.
    pub name: String,
    /// What it says, in a sentence.
    pub about: String,
    /// When it is trained.
    pub trained_at: Timestamp,
    /// The two classes, the positive one last.
    pub classes: [String; 2],
    /// What the instances are.
    pub input: Input,
    /// Instances, and whether the class of each is the positive one.
    pub instances: Vec<(Instance, bool)>,
}

/// What instances are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Articles.
    Text,
    /// Rows of a table with these columns, and whether each is a number.
    Table(&'static [(&'static str, bool)]),
}

/// What a model says of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Whether the prediction is the positive class.
    pub positive: bool,
    /// Probability of the positive class, in `[0, 1]`, to three digits.
    pub probability: f64,
    /// What the model saw, as a drift service may watch it.
    pub features: Instance,
}

impl Model {
    /// Learns.
    ///
    /// # Errors
    /// If an instance cannot be read, or one of the classes has none.
    pub fn train(training: Training) -> anyhow::Result<Self> {
        let encoder = match training.input {
            Input::Text => Encoder::Text {
                frequent: frequent(&training.instances),
            },
            Input::Table(columns) => Encoder::Table {
                columns: columns
                    .iter()
                    .map(|&(name, numeric)| Column {
                        name: name.to_owned(),
                        cuts: numeric.then(|| cuts(name, &training.instances)),
                    })
                    .collect(),
            },
        };
        let mut documents = Vec::with_capacity(training.instances.len());
        for (instance, positive) in &training.instances {
            documents.push((encoder.bag(instance)?, *positive));
        }
        let documents_min = match training.input {
            Input::Text => ARTICLES_MIN,
            Input::Table(_) => 1,
        };
        let bayes = Bayes::train(&documents, documents_min).with_context(|| {
            format!("a class of {} has no instance", training.classes.join(", "))
        })?;
        let threshold = match training.input {
            Input::Text => 0.5,
            Input::Table(_) => even_threshold(&bayes, &documents),
        };
        let (example, _) = training.instances.first().cloned().unwrap_or_default();
        Ok(Self {
            format: FORMAT,
            name: training.name,
            about: training.about,
            trained_at: training.trained_at,
            trained_on: training.instances.len(),
            classes: training.classes,
            threshold,
            example,
            encoder,
            bayes,
        })
    }

    /// What the model says of an instance.
    ///
    /// # Errors
    /// If the instance is not what the model reads.
    pub fn answer(&self, instance: &Instance) -> Result<Answer, InstanceError> {
        let bag = self.encoder.bag(instance)?;
        let probability = rounded(self.bayes.probability(bag.iter().map(String::as_str)));
        Ok(Answer {
            positive: probability >= self.threshold,
            probability,
            features: self.encoder.features(instance, &bag, &self.bayes),
        })
    }

    /// Names of the features of its answers, and whether each is a number.
    pub fn columns(&self) -> Vec<(String, bool)> {
        self.encoder.columns()
    }

    /// How many words it learned.
    pub fn vocabulary(&self) -> usize {
        self.bayes.len()
    }

    /// Reads a file that [`Model::save`] wrote.
    ///
    /// # Errors
    /// If it is not there, or not such a file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let at = || path.display().to_string();
        let text = std::fs::read(path).with_context(at)?;
        let model: Self = serde_json::from_slice(&text).with_context(at)?;
        if model.format != FORMAT {
            bail!("{}: format {} is not {FORMAT}", at(), model.format);
        }
        Ok(model)
    }

    /// Writes the model into a file, which appears whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let at = || path.display().to_string();
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = readable_in(folder).with_context(at)?;
        file.write_all(&serde_json::to_vec(self)?)
            .with_context(at)?;
        file.persist(path).with_context(at)?;
        Ok(())
    }
}

/// A file without a name yet, which others may read once it has one: an example is no secret.
pub(crate) fn readable_in(folder: &Path) -> std::io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)
}

fn rounded(probability: f64) -> f64 {
    (probability * PROBABILITY_STEPS).round() / PROBABILITY_STEPS
}

/// The most frequent words, most frequent first.
fn frequent(instances: &[(Instance, bool)]) -> Vec<String> {
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for (instance, _) in instances {
        let text = instance.get(super::TEXT).and_then(Value::as_str);
        for word in words(text.unwrap_or_default()) {
            *counts.entry(word).or_default() += 1;
        }
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    // Stable: words of the same count stay in the order of the alphabet.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(FREQUENT_WORDS);
    counts.into_iter().map(|(word, _)| word).collect()
}

/// Where a column is cut, so that each part has as many values as another, as far as values allow.
fn cuts(column: &str, instances: &[(Instance, bool)]) -> Vec<f64> {
    let mut values: Vec<f64> = instances
        .iter()
        .filter_map(|(instance, _)| instance.get(column)?.as_f64())
        .collect();
    values.sort_by(f64::total_cmp);
    let mut cuts: Vec<f64> = (1..PARTS)
        .filter_map(|part| values.get(values.len() * part / PARTS).copied())
        .collect();
    cuts.dedup();
    cuts
}

/// The threshold at which as many instances of the training are predicted to be positive as are.
fn even_threshold(bayes: &Bayes, documents: &[(Vec<String>, bool)]) -> f64 {
    let mut probabilities: Vec<f64> = documents
        .iter()
        .map(|(bag, _)| rounded(bayes.probability(bag.iter().map(String::as_str))))
        .collect();
    probabilities.sort_by(f64::total_cmp);
    let positive = documents.iter().filter(|(_, positive)| *positive).count();
    probabilities[probabilities.len() - positive]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[(&str, bool)] = &[("colour", false), ("size", true)];

    fn training() -> Training {
        let instances = (0..100).map(|number| {
            let colour = if number % 4 == 0 { "red" } else { "blue" };
            let Value::Object(row) = json!({"colour": colour, "size": number}) else {
                panic!("no object")
            };
            (row, number % 4 == 0)
        });
        Training {
            name: "balls".into(),
            about: "Says what colour a ball has.".into(),
            trained_at: Timestamp::UNIX_EPOCH,
            classes: ["other".into(), "red".into()],
            input: Input::Table(COLUMNS),
            instances: instances.collect(),
        }
    }

    #[test]
    fn it_learns_answers_and_comes_back_from_its_file() {
        let model = Model::train(training()).unwrap();
        let rows = training().instances;
        let right = rows
            .iter()
            .filter(|(row, red)| model.answer(row).unwrap().positive == *red)
            .count();
        assert_eq!(right, 100);
        assert_eq!(
            model.columns(),
            [("colour".into(), false), ("size".into(), true)]
        );
        let answer = model.answer(&rows[0].0).unwrap();
        assert_eq!(answer.features, rows[0].0);
        assert_eq!(answer.probability, rounded(answer.probability));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.json");
        model.save(&path).unwrap();
        assert_eq!(Model::load(&path).unwrap(), model);
    }

    #[test]
    fn another_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.json");
        assert!(
            Model::load(&path)
                .unwrap_err()
                .to_string()
                .contains("model.json")
        );
        let mut model = Model::train(training()).unwrap();
        model.format = 2;
        model.save(&path).unwrap();
        let error = Model::load(&path).unwrap_err();
        assert!(error.to_string().ends_with("format 2 is not 1"), "{error}");
    }

    #[test]
    fn a_class_without_instances_is_refused() {
        let mut training = training();
        training.instances.retain(|(_, positive)| !positive);
        let error = Model::train(training).unwrap_err();
        assert_eq!(error.to_string(), "a class of other, red has no instance");
    }
}
