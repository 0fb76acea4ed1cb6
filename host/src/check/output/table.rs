//! The report for a person at a terminal: facts, verdicts with the worst first, the outcome in words.

mod chunks;
mod verdicts;

use super::Style;
use super::grid::Paint;
use super::headline::Headline;
use super::number::{count, short};
use super::span::{Precision, span};
use super::tally::Tally;
use super::text::{append, clean, shorten, shorten_start, width, wrap};
use crate::check::report::{Evaluation, Outcome, Report, WindowSummary};
use crate::domain::Measurement;

/// Changes of a stream that are shown where not all are asked for.
const CHANGES_SHOWN: usize = 10;

pub(super) fn render(report: &Report, style: &Style) -> String {
    let sections = [
        header(report, style),
        verdicts::render(report, style),
        detectors(report, style),
        changes(report, style),
        chunks::render(report, style),
        remarks(report, style),
        outcome(report, style),
    ];
    sections
        .into_iter()
        .filter(|section| !section.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn header(report: &Report, style: &Style) -> String {
    let kind = report
        .model
        .model_type
        .map(|kind| format!(" ({kind})"))
        .unwrap_or_default();
    let by = format!("{kind}, checked by leeway {}", clean(&report.leeway));
    let model = shorten(
        &clean(&report.model.id),
        style.width.saturating_sub(width(&by)).max(8),
    );
    let windows = [
        ("reference", &report.reference),
        ("current", &report.current),
    ];
    let tails = windows.map(|(_, window)| facts(window));
    let room = style
        .width
        .saturating_sub(15 + tails.iter().map(|tail| width(tail)).max().unwrap_or(0))
        .max(12);
    let files = windows.map(|(_, window)| shorten_start(&clean(&window.file), room));
    let file_width = files.iter().map(|file| width(file)).max().unwrap_or(0);
    let mut text = format!("{}{}\n", Paint::Bold.apply(&model, style.colour), by);
    for (((name, _), file), tail) in windows.iter().zip(files).zip(tails) {
        let space = " ".repeat(file_width - width(&file));
        let line = format!("  {name:<9}  {file}{space}  {tail}");
        append!(text, "{}\n", shorten(&line, style.width));
    }
    text
}

/// `27,902 rows  2013-03-01 10:15 – 2013-04-01 03:59 UTC`
fn facts(window: &WindowSummary) -> String {
    let mut facts = match window.rows {
        1 => "     1 row".to_owned(),
        rows => format!("{:>6} rows", count(rows)),
    };
    let span = span(window, Precision::Minute);
    if !span.is_empty() {
        append!(facts, "  {span} UTC");
    }
    facts
}

/// A line for each detector.
fn detectors(report: &Report, style: &Style) -> String {
    let names: Vec<String> = report
        .evaluations
        .iter()
        .map(|evaluation| format!("{}:", clean(&evaluation.detector)))
        .collect();
    let widest = names
        .iter()
        .map(|name| width(name))
        .max()
        .unwrap_or(0)
        .min(32);
    let mut text = String::new();
    for (evaluation, name) in report.evaluations.iter().zip(names) {
        let first = format!("{name}{} ", " ".repeat(widest.saturating_sub(width(&name))));
        text.push_str(&wrap(
            &first,
            &Tally::of(evaluation).sentence(evaluation),
            style.width,
        ));
    }
    text
}

/// What stream detectors found at which row.
fn changes(report: &Report, style: &Style) -> String {
    let mut text = String::new();
    for evaluation in &report.evaluations {
        let all: Vec<(&Measurement, u64)> = evaluation
            .measurements
            .iter()
            .filter_map(|one| Some((one, one.row?)))
            .collect();
        let shown = if style.all { all.len() } else { CHANGES_SHOWN };
        for (one, row) in all.iter().take(shown) {
            let column = one
                .column
                .as_deref()
                .map(|column| format!(" in {column}"))
                .unwrap_or_default();
            let line = format!(
                "{} at row {}{column}: {}",
                one.metric,
                count(*row),
                short(one.value, 4)
            );
            text.push_str(&wrap(
                &format!("{}: ", clean(&evaluation.detector)),
                &line,
                style.width,
            ));
        }
        if all.len() > shown {
            append!(
                text,
                "… and {} more changes; --all shows them\n",
                all.len() - shown
            );
        }
    }
    text
}

/// Why there is no verdict, and notes.
fn remarks(report: &Report, style: &Style) -> String {
    let mut text = String::new();
    for Evaluation {
        detector, error, ..
    } in &report.evaluations
    {
        if let Some(error) = error {
            text.push_str(&remark(
                "error",
                Paint::Yellow,
                &format!("{detector}: {error}"),
                style,
            ));
        }
    }
    for chunk in &report.chunks {
        for Evaluation {
            detector, error, ..
        } in &chunk.evaluations
        {
            if let Some(error) = error {
                text.push_str(&remark(
                    "error",
                    Paint::Yellow,
                    &format!("{detector}, chunk {}: {error}", chunk.number),
                    style,
                ));
            }
        }
    }
    for note in &report.notes {
        text.push_str(&remark("note", Paint::Plain, note, style));
    }
    text
}

fn remark(word: &str, paint: Paint, what: &str, style: &Style) -> String {
    let lines = wrap(&format!("{word}: "), what, style.width);
    match lines.strip_prefix(word) {
        Some(rest) => format!("{}{rest}", paint.apply(word, style.colour)),
        None => lines,
    }
}

fn outcome(report: &Report, style: &Style) -> String {
    let (word, paint) = match report.outcome() {
        Outcome::Stable => ("stable", Paint::Green),
        Outcome::Drifted => ("drifted", Paint::Red),
        Outcome::Error => ("error", Paint::Yellow),
    };
    remark(word, paint, &Headline::of(report).line(), style)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn every_verdict_has_its_row_and_the_outcome_ends_the_report() {
        let expected = "\
flights (classifier), checked by leeway 0.1.0
  reference  2013-03.csv.gz  27,902 rows  2013-03-01 10:15 – 2013-04-01 03:59 UTC
  current    2013-07.csv.gz  28,293 rows  2013-07-01 04:59 – 2013-08-01 02:30 UTC

verdict       drift    column         metric      value  effect       p threshold  cur. miss. unseen
drifted       data     temperature    ks         0.9987   0.999 <1e-300    0.05 f 25.1k   11%
drifted       concept  error          chi_square  41.28  0.0567 1.2e-10    0.05 f 28.3k
drifted       concept  error          detections      1                           28.3k
failed        data     precipitation  ks          the baseline was fitted without what this test ne…
insufficient  data     visibility     ks          too few values: 27,902 reference, 12 current
stable        data     temperature    missing     0.004   0.004    0.06 0.06123 c 28.3k   11%
stable        data     origin         chi_square 0.4214 0.00274    0.81 0.06123 c 28.3k         2.1%
constant      data     country        ks          one value, the same in both windows
threshold: c calibrated to the sizes, f smallest effect that matters
no room for: reference rows

data-drift@0.1.0:    1 of 2 columns drifted, 3 not judged (50%, within the limit of 50%)
concept-drift@0.1.0: 1 of 1 column drifted
adwin@0.1.0:         1 of 1 column drifted, 1 change

adwin@0.1.0: change at row 4,211 in error: 0.3491

note: column 'late' has no positive label in the reference

drifted: 1 of 2 features and the error rate have drifted.
";
        assert_eq!(render(&sample::report(), &Style::default()), expected);
    }

    #[test]
    fn a_wide_terminal_shows_the_sizes() {
        let wide = render(
            &sample::report(),
            &Style {
                width: 120,
                ..Style::default()
            },
        );
        let row = "drifted       data     temperature    ks          0.9987    0.999  <1e-300     0.05 f  27.9k  25.1k    11%";
        assert_eq!(wide.lines().nth(5), Some(row));
        assert!(!wide.contains("no room for"));
    }

    #[test]
    fn chunks_are_a_line_each() {
        let expected = "\
chunk  from – to (UTC)            rows  data-drift  concept-drift  worst column
    1  2013-07-01 – 2013-07-16  14,000         0/2            0/1
    2  2013-07-16 – 2013-08-01  14,293         2/2          error  temperature
";
        assert_eq!(
            chunks::render(&sample::chunked(), &Style::default()),
            expected
        );
    }

    #[test]
    fn of_many_calm_chunks_only_those_with_something_to_say_are_shown() {
        let mut report = sample::chunked();
        let calm = report.chunks[0].clone();
        report
            .chunks
            .extend((3..=100).map(|number| crate::check::report::Chunk {
                number,
                ..calm.clone()
            }));
        let text = chunks::render(&report, &Style::default());
        assert!(
            text.ends_with("… and 99 more chunks without drift; --all shows them\n"),
            "{text}"
        );
        let all = chunks::render(
            &report,
            &Style {
                all: true,
                ..Style::default()
            },
        );
        assert_eq!(all.lines().count(), 101);
    }

    #[test]
    fn many_stable_rows_are_summed_up_unless_all_are_asked_for() {
        let report = sample::wide(100);
        let text = render(&report, &Style::default());
        assert_eq!(text.matches("\ndrifted ").count(), 10);
        assert_eq!(text.matches("\nstable ").count(), 5);
        assert!(
            text.contains("\n… and 85 more stable; --all shows them\n"),
            "{text}"
        );
        let all = render(
            &report,
            &Style {
                all: true,
                ..Style::default()
            },
        );
        assert_eq!(all.matches("\nstable ").count(), 90);
    }

    #[test]
    fn lines_fit_the_terminal_whatever_the_names_are() {
        let mut report = sample::chunked();
        report.columns[0].name = "温".repeat(80);
        for one in &mut report.evaluations[0].measurements {
            one.column = Some("温".repeat(80));
            one.value = -1.234e-300;
            one.threshold = Some(1.234e300);
            one.unseen_share = 0.5;
        }
        report.reference.file = "/a/long/path/".repeat(20);
        report.model.id = "é".repeat(300);
        for report in [report, sample::hostile(), sample::wide(30)] {
            for width_max in [80, 100, 160] {
                let text = render(
                    &report,
                    &Style {
                        width: width_max,
                        ..Style::default()
                    },
                );
                for line in text.lines() {
                    assert!(width(line) <= width_max, "{width_max}: {line}");
                }
                assert!(!text.contains(['\u{1b}', '\u{202e}']));
            }
        }
    }

    #[test]
    fn extreme_numbers_are_short() {
        let mut report = sample::empty();
        let mut one = sample::drifted("a", 1e300, 1e-320);
        one.threshold = Some(1e-320);
        report.evaluations = vec![sample::evaluation("data-drift@0.1.0", vec![one])];
        let text = render(&report, &Style::default());
        assert!(
            text.contains("drifted  data   a       ks      1e300   1e300  <1e-300   1e-320 f"),
            "{text}"
        );
    }

    #[test]
    fn colours_only_where_asked_for() {
        let style = Style {
            colour: true,
            ..Style::default()
        };
        let text = render(&sample::report(), &style);
        assert!(
            text.contains("\u{1b}[31mdrifted\u{1b}[0m       data"),
            "{text:?}"
        );
        assert!(text.contains("\u{1b}[33minsufficient\u{1b}[0m"));
        assert!(text.contains("\u{1b}[2mconstant\u{1b}[0m"));
        assert!(text.ends_with(
            "\u{1b}[31mdrifted\u{1b}[0m: 1 of 2 features and the error rate have drifted.\n"
        ));
        assert!(!render(&sample::report(), &Style::default()).contains('\u{1b}'));
    }

    #[test]
    fn an_empty_report_has_its_facts_and_its_outcome() {
        let text = render(&sample::empty(), &Style::default());
        assert_eq!(text.lines().count(), 5);
        assert!(
            text.ends_with("\n\nstable: Nothing could be judged.\n"),
            "{text}"
        );
    }
}
