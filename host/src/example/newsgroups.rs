//! The articles as an example: about space or about religion.

use std::path::Path;

use anyhow::bail;
use serde_json::{Value, json};

use super::articles::{self, Article};
use super::data_set::{DataSet, Row};
use crate::model_api::{Input, Instance, OPENING, TEXT};
use crate::profile::Random;

/// Groups of the two classes, the positive one last.
const CLASSES: [&str; 2] = ["soc.religion.christian", "sci.space"];
/// A group of neither class.
const SHIFTED: &str = "rec.sport.hockey";
/// Articles of each class that the model learns from.
const TRAINING: usize = 300;
/// Fewest articles of each group: the set has nearly a thousand.
const GROUP_MIN: usize = 800;
/// Shorter articles, in words, are left out: there is nothing in them to tell a subject by.
const WORDS_MIN: usize = 20;
/// How far an area must be from a half: a small change of the subjects is what prior drift brings, and has monitors of its own.
const TEXT_EFFECT_MIN: f64 = 0.1;
/// Shortest time between two evaluations, in seconds: of columns as everywhere, of texts, which take a second, longer.
const PAUSE_SECONDS: u32 = 1;
const TEXT_PAUSE_SECONDS: u32 = 10;

/// Reads the articles of a file or directory. Which of them are trained on is drawn with a seed.
pub(super) fn read(path: &Path, seed: u64) -> anyhow::Result<DataSet> {
    let articles = articles::read(path, &[CLASSES[0], CLASSES[1], SHIFTED])?;
    of_articles(&articles, seed)
}

fn of_articles(articles: &[Article], seed: u64) -> anyhow::Result<DataSet> {
    let mut random = Random::new(seed);
    let (mut training, mut normal) = (Vec::new(), Vec::new());
    for (class, group) in CLASSES.iter().enumerate() {
        let mut rows = rows(articles, group, class == 1)?;
        shuffle(&mut rows, &mut random);
        normal.push(rows.split_off(TRAINING));
        training.append(&mut rows);
    }
    // As many of one class as of the other.
    let even = normal.iter().map(Vec::len).min().unwrap_or(0);
    let normal = normal
        .into_iter()
        .flat_map(|rows| rows.into_iter().take(even));
    Ok(DataSet {
        name: "newsgroups",
        about: "Says whether an article is about space or about religion.",
        classes: ["religion", "space"],
        input: Input::Text,
        training,
        normal: normal.collect(),
        shifted: rows(articles, SHIFTED, false)?,
        shifted_labels_open: true,
        prior_share: 0.7,
        text: Some(OPENING),
        monitors: monitors(),
        shifts: [
            "half of the articles are about hockey, labelled as if about space or religion; of them come those that leave answers and errors as they were",
            "70% of the articles are about space, not 50%; of them come those that leave words and errors as they were",
            "labels are exchanged so that the model is wrong 25 percentage points more often; as many articles are of each class as before",
        ],
    })
}

/// Texts are compared as texts, and not as names.
fn monitors() -> Vec<(&'static str, Value)> {
    let names = json!({"columns": {OPENING: {"ignore": true}}});
    let texts = json!({"text_columns": [OPENING], "effect_min": TEXT_EFFECT_MIN});
    let monitor = |detector, config, seconds: u32| {
        let cadence = json!({"on": "new-data", "seconds_min": seconds});
        let spec = json!({"detector": detector, "config": config, "cadence": cadence});
        (detector, spec)
    };
    vec![
        monitor("data-drift", names, PAUSE_SECONDS),
        monitor("text-drift", texts, TEXT_PAUSE_SECONDS),
    ]
}

fn rows(articles: &[Article], group: &str, label: bool) -> anyhow::Result<Vec<Row>> {
    let rows: Vec<Row> = articles
        .iter()
        .filter(|article| article.group == group)
        .filter(|article| article.text.split(' ').count() >= WORDS_MIN)
        .map(|article| Row {
            instance: Instance::from_iter([(TEXT.to_owned(), json!(article.text))]),
            label,
        })
        .collect();
    if rows.len() < GROUP_MIN {
        bail!(
            "there are {} articles of {group}, fewer than {GROUP_MIN}: this is not the whole set",
            rows.len()
        );
    }
    Ok(rows)
}

/// Fisher and Yates.
fn shuffle(rows: &mut [Row], random: &mut Random) {
    for last in (1..rows.len()).rev() {
        let other = usize::try_from(random.below(last as u64 + 1)).unwrap_or(last);
        rows.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::example::DriftType;
    use crate::example::streams::World;
    use crate::model_api::{Model, Training};

    fn articles(of_each: usize) -> Vec<Article> {
        let groups = CLASSES.iter().chain([&SHIFTED, &"sci.med"]);
        groups
            .flat_map(|group| {
                (0..of_each).map(|number| Article {
                    group: (*group).to_owned(),
                    text: "word ".repeat(WORDS_MIN - 1) + &"x".repeat(number % 7 + 1),
                })
            })
            .collect()
    }

    #[test]
    fn each_class_is_half_of_training_and_of_what_is_normal() {
        let data = of_articles(&articles(GROUP_MIN), 1).unwrap();
        for (rows, size) in [(&data.training, 600), (&data.normal, 1_000)] {
            let space = rows.iter().filter(|row| row.label).count();
            assert_eq!((rows.len(), space), (size, size / 2));
        }
        assert_eq!(data.shifted.len(), GROUP_MIN);
    }

    #[test]
    fn no_text_of_the_reference_comes_in_production() {
        let data = of_articles(&articles(GROUP_MIN), 1).unwrap();
        let instances = data.training.iter();
        let model = Model::train(Training {
            name: data.name.into(),
            about: data.about.into(),
            trained_at: Timestamp::UNIX_EPOCH,
            classes: data.classes.map(str::to_owned),
            input: data.input,
            instances: instances
                .map(|row| (row.instance.clone(), row.label))
                .collect(),
        })
        .unwrap();
        let world = World::new(&data, &model).unwrap();
        for drift in DriftType::ALL {
            let mut random = Random::new(2);
            let reference = world.reference(&mut random);
            assert_eq!(reference.len(), data.normal.len() / 2);
            let production = world.production(drift, &reference, 1_000, &mut random);
            assert_eq!(production.len(), 1_000);
            let known = production
                .iter()
                .filter(|coming| reference.contains(&coming.row));
            assert_eq!(known.count(), 0, "{drift:?}");
        }
    }

    #[test]
    fn half_a_set_is_refused() {
        let error = of_articles(&articles(GROUP_MIN - 1), 1).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("there are 799 articles of soc.")
        );
    }

    #[test]
    fn short_articles_are_left_out() {
        let mut articles = articles(GROUP_MIN);
        articles[0].text = "word ".repeat(WORDS_MIN - 1).trim_end().to_owned();
        assert!(of_articles(&articles, 1).is_err());
    }
}
