//! The detector on invented texts: what it must see, what it must not, and odd input.

#![allow(clippy::print_stdout, reason = "the simulation tells its figures")]

use leeway_matrix::simulate::{Rows, alarm_rate};
use leeway_sdk::{BatchDetector, Failure, Measurement, Verdict};
use leeway_statistics::rng::Rng;

use super::TextDrift;

/// Texts of words that are as unequally frequent as those of a language; with a chance `new` a text has a word of its own topic.
fn drawn(rows: usize, length: u64, new: f64, rng: &mut Rng) -> Rows {
    let texts = (0..rows).map(|_| {
        let count = length + rng.below(length);
        let mut words: Vec<String> = (0..count)
            .map(|_| format!("w{}", libm::exp(7.0 * rng.uniform()).floor()))
            .collect();
        if rng.uniform() < new {
            words.push("invoice".to_owned());
        }
        Some(words.join(" "))
    });
    Rows::default().names("text", texts.collect())
}

fn run(reference: &Rows, current: &Rows, config: &str) -> Vec<Measurement> {
    let baseline = TextDrift::fit(reference, config, 1).unwrap();
    TextDrift::evaluate(&baseline, current, config, 1).unwrap()
}

fn of<'a>(found: &'a [Measurement], metric: &str) -> &'a Measurement {
    found.iter().find(|one| one.metric == metric).unwrap()
}

fn rate(rows: usize, length: u64, new: f64, repeats: u32, config: &str) -> f64 {
    alarm_rate(repeats, |repeat| {
        let mut rng = Rng::new(repeat);
        let (reference, current) = (
            drawn(rows, 10, 0.0, &mut rng),
            drawn(rows, length, new, &mut rng),
        );
        run(&reference, &current, config)
    })
}

#[test]
fn a_topic_is_told_by_its_word_and_longer_texts_by_their_length() {
    let mut rng = Rng::new(1);
    let reference = drawn(300, 10, 0.0, &mut rng);
    let topic = run(&reference, &drawn(300, 10, 0.4, &mut rng), "{}");
    let told = of(&topic, "text_auc");
    assert_eq!(told.verdict, Verdict::Drifted);
    assert!(told.detail.as_ref().unwrap().contains("invoice"));
    let longer = run(&reference, &drawn(300, 14, 0.0, &mut rng), "{}");
    assert_eq!(of(&longer, "text_length").verdict, Verdict::Drifted);
}

#[test]
fn false_alarms_are_rare() {
    let rate = rate(100, 10, 0.0, 60, r#"{"effect_min": 0}"#);
    assert!(rate <= 0.15, "{rate}");
}

#[test]
fn columns_of_single_words_are_no_texts_unless_they_are_named() {
    let rows = Rows::default().names(
        "k",
        (0..60).map(|at| Some(format!("word{}", at % 5))).collect(),
    );
    assert!(run(&rows, &rows, "{}").is_empty());
    assert_eq!(run(&rows, &rows, r#"{"text_columns": ["k"]}"#).len(), 3);
    let refused = TextDrift::fit(&rows, r#"{"text_columns": ["t"]}"#, 1);
    assert!(
        matches!(refused, Err(Failure::InvalidConfig(why)) if why.starts_with("text_columns:"))
    );
}

#[test]
fn odd_texts_have_a_verdict() {
    let same = |text: Option<&str>, rows: usize| {
        Rows::default().names("text", vec![text.map(str::to_owned); rows])
    };
    let config = r#"{"text_columns": ["text"]}"#;
    let verdicts = |reference: &Rows, current: &Rows| -> Vec<Verdict> {
        run(reference, current, config)
            .iter()
            .map(|one| one.verdict)
            .collect()
    };
    assert_eq!(
        verdicts(&same(Some("a b c"), 49), &same(Some("a b c"), 60)),
        [Verdict::Insufficient; 3]
    );
    assert_eq!(
        verdicts(&same(None, 60), &same(Some("one two"), 60)),
        [Verdict::Insufficient; 3]
    );
    assert_eq!(
        verdicts(&same(Some("one two"), 60), &same(Some("one two"), 60)),
        [Verdict::Constant; 3]
    );
    assert_eq!(
        verdicts(&same(Some(""), 60), &same(Some("--"), 60)),
        [Verdict::Constant; 3]
    );
    let gone = Rows::default().names("other", vec![None; 60]);
    assert_eq!(
        verdicts(&same(Some("one two"), 60), &gone),
        [Verdict::Insufficient; 3]
    );
}

#[test]
#[ignore = "a simulation: run it in release, with --nocapture"]
fn measured_false_alarms_and_power() {
    for rows in [50, 200, 1000] {
        let repeats = if rows > 500 { 60 } else { 300 };
        let rate = rate(rows, 10, 0.0, repeats, r#"{"effect_min": 0}"#);
        println!("false alarms n=m={rows}: {rate:.3} of {repeats}");
    }
    for new in [0.1, 0.2, 0.4] {
        println!(
            "power, a new word in {new} of the texts, n=m=500: {:.2}",
            rate(500, 10, new, 20, "{}")
        );
    }
    println!(
        "power, texts of 11 to 21 words in place of 10 to 19, n=m=500: {:.2}",
        rate(500, 11, 0.0, 20, "{}")
    );
}
