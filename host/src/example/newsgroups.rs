//! The articles as an example: about space or about religion.

use std::path::Path;

use anyhow::bail;
use serde_json::json;

use super::articles::{self, Article};
use super::data_set::{DataSet, Row};
use crate::model_api::{Input, Instance, TEXT};
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
        shifts: [
            "half of the articles are about hockey, labelled as if about space or religion; of them come those that leave answers and errors as they were",
            "70% of the articles are about space, not 50%; of them come those that leave words and errors as they were",
            "labels are exchanged so that the model is wrong 25 percentage points more often; as many articles are of each class as before",
        ],
    })
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
    use super::*;

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
