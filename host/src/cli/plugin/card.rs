//! A report card as text for a terminal.

use std::fmt::Write;

use crate::certify::{Card, Change, Check, Outcome};

/// Columns of the terminal that are used at most.
const WIDTH: usize = 110;

/// The card as a table, with what changed since another one.
pub(super) fn table(card: &Card, changes: Option<&[Change]>) -> String {
    let mut text = format!("{}  sha256:{}\n\n", card.detector, card.digest);
    let widest = card
        .checks
        .iter()
        .map(|check| check.name.chars().count())
        .max();
    for check in &card.checks {
        row(&mut text, check, widest.unwrap_or(0));
    }
    if !card.power.is_empty() {
        text.push_str("\nshift                   seen in\n");
        for power in &card.power {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{:<22}  {}", power.shift, power.seen);
        }
    }
    if let Some(changes) = changes {
        text.push_str(if changes.is_empty() {
            "\nnothing changed\n"
        } else {
            "\nagainst the other card\n"
        });
        for change in changes {
            let mark = if change.worse { "worse " } else { "better" };
            let _ = writeln!(text, "{mark}  {}: {}", change.what, change.says);
        }
    }
    let failed: Vec<&str> = card.failed().map(|check| check.name.as_str()).collect();
    let _ = if card.certified {
        writeln!(
            text,
            "\ncertified, in {:.1} s with seed {}",
            card.seconds, card.seed
        )
    } else {
        writeln!(text, "\nnot certified, because of: {}", failed.join(", "))
    };
    text
}

fn row(text: &mut String, check: &Check, widest: usize) {
    let outcome = match check.outcome {
        Outcome::Passed => "passed",
        Outcome::Noted => "noted",
        Outcome::Failed => "FAILED",
    };
    let head = format!("{outcome:<6}  {:<widest$}  ", check.name);
    let indent = head.chars().count();
    text.push_str(&head);
    let mut at = indent;
    for (number, word) in check.says.split(' ').enumerate() {
        let length = word.chars().count() + 1;
        if number > 0 && at + length > WIDTH {
            let _ = write!(text, "\n{:indent$}", "");
            at = indent;
        } else if number > 0 {
            text.push(' ');
        }
        text.push_str(word);
        at += length;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_to_the_author_go_on_under_themselves() {
        let check = Check {
            name: "no rows".into(),
            outcome: Outcome::Failed,
            says: "word ".repeat(30).trim_end().to_owned(),
        };
        let mut text = String::new();

        row(&mut text, &check, 9);

        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].starts_with("FAILED  no rows    word word"),
            "{text}"
        );
        assert!(lines[1].starts_with("                   word"), "{text}");
        assert!(
            lines.iter().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
    }
}
