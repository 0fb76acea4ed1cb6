//! The table of all measurements, worst first.

use super::super::text::append;
use std::collections::HashMap;

use super::super::columns::ColumnView;
use super::super::number::{count, p_value, percent, short};
use super::super::severity;
use super::super::tally::is_drifted_share;
use super::super::words::{threshold_kind, why_unjudged};
use super::{badge, card, escape};
use crate::check::report::{Evaluation, Report};
use crate::domain::{Measurement, Verdict};

/// Rows of one table; what is left out is counted below it.
const ROWS_MAX: usize = 2_000;
/// How to read the tables.
const LEGEND: &str = "<p class=\"muted\">Worst first. Effects do not grow with the number of rows; p is corrected for the columns judged together. \
    Thresholds are calibrated to the sizes of both windows, or lie where the effect reaches its floor, the smallest that matters, or are fixed.</p>\n";
/// Columns of the table between the metric and the end.
const NUMBERS: usize = 8;

pub(super) fn section(report: &Report, views: &[ColumnView]) -> String {
    let mut all: Vec<(&Evaluation, &Measurement)> = Vec::new();
    for evaluation in &report.evaluations {
        let own = evaluation
            .measurements
            .iter()
            .filter(|one| one.row.is_none() && !is_drifted_share(one));
        all.extend(own.map(|one| (evaluation, one)));
    }
    all.sort_by(|a, b| severity::compare(a.1, b.1));
    let is_calm = |one: &Measurement| matches!(one.verdict, Verdict::Stable | Verdict::Constant);
    let (calm, worse): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, one)| is_calm(one));

    let cards = card::shown(views);
    let mut section =
        "<section aria-labelledby=\"verdicts\">\n<h2 id=\"verdicts\">Verdicts</h2>\n".to_owned();
    if !worse.is_empty() || !calm.is_empty() {
        section.push_str(LEGEND);
    }
    if !worse.is_empty() {
        section.push_str(&table(
            "Measurements that drifted or could not be judged, worst first",
            &worse,
            &cards,
        ));
    } else if !calm.is_empty() {
        section.push_str("<p>Nothing drifted over the whole window.</p>\n");
    } else {
        section.push_str("<p>There are no measurements.</p>\n");
    }
    if !calm.is_empty() {
        let stable = calm
            .iter()
            .filter(|(_, one)| one.verdict == Verdict::Stable)
            .count();
        let title = match calm.len() - stable {
            0 => format!("{} stable", count(stable as u64)),
            constant => format!(
                "{} stable and {} constant",
                count(stable as u64),
                count(constant as u64)
            ),
        };
        let inner = table("Measurements that are stable or constant", &calm, &cards);
        append!(
            section,
            "<details class=\"calm\"><summary>{title}</summary>\n{inner}</details>\n"
        );
    }
    section.push_str("</section>\n");
    section
}

fn table(
    caption: &str,
    rows: &[(&Evaluation, &Measurement)],
    cards: &HashMap<&str, usize>,
) -> String {
    let mut table = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n<table class=\"verdicts\"><caption class=\"vh\">{caption}</caption>\n\
         <thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\">Drift</th><th scope=\"col\">Column</th><th scope=\"col\">Metric</th>\
         <th scope=\"col\" class=\"n\">Value</th><th scope=\"col\" class=\"n\">Effect</th><th scope=\"col\" class=\"n\">p</th>\
         <th scope=\"col\" class=\"n\">Threshold</th><th scope=\"col\" class=\"n\">Reference rows</th><th scope=\"col\" class=\"n\">Current rows</th>\
         <th scope=\"col\" class=\"n\">Missing</th><th scope=\"col\" class=\"n\">Unseen</th></tr></thead>\n<tbody>\n"
    );
    for (evaluation, one) in rows.iter().take(ROWS_MAX) {
        table.push_str(&row(evaluation, one, cards));
    }
    table.push_str("</tbody></table></div>\n");
    if rows.len() > ROWS_MAX {
        let more = count((rows.len() - ROWS_MAX) as u64);
        append!(
            table,
            "<p class=\"muted\">{more} more rows are left out here; the CSV and JSON outputs have all.</p>\n"
        );
    }
    table
}

fn row(evaluation: &Evaluation, one: &Measurement, cards: &HashMap<&str, usize>) -> String {
    let column = match &one.column {
        None => "<td class=\"muted\">whole window</td>".to_owned(),
        Some(name) => match cards.get(name.as_str()) {
            Some(number) => format!(
                "<td class=\"name\"><a href=\"#c{number}\"><bdi>{}</bdi></a></td>",
                escape(name)
            ),
            None => format!("<td class=\"name\"><bdi>{}</bdi></td>", escape(name)),
        },
    };
    let numbers = if severity::is_judged(one.verdict) {
        numbers(one)
    } else {
        format!(
            "<td colspan=\"{NUMBERS}\">{}</td>",
            escape(&why_unjudged(one))
        )
    };
    format!(
        "<tr><td>{}</td><td>{}</td>{column}<td title=\"{}\">{}</td>{numbers}</tr>\n",
        badge(one.verdict),
        evaluation.kind,
        escape(&evaluation.detector),
        escape(&one.metric),
    )
}

fn numbers(one: &Measurement) -> String {
    let threshold = one.threshold.map(|threshold| match one.threshold_kind {
        Some(kind) => format!(
            "{} <small title=\"{}\">{kind}</small>",
            short(threshold, 4),
            threshold_kind(kind)
        ),
        None => short(threshold, 4),
    });
    let rows = |rows: u64| if rows > 0 { count(rows) } else { String::new() };
    let share = |share: f64| {
        if share > 0.0 {
            percent(share)
        } else {
            String::new()
        }
    };
    let cells: [String; NUMBERS] = [
        short(one.value, 4),
        one.effect
            .map(|effect| short(effect, 3))
            .unwrap_or_default(),
        one.p_adjusted
            .or(one.p_value)
            .map(|p| escape(&p_value(p)))
            .unwrap_or_default(),
        threshold.unwrap_or_default(),
        rows(one.reference_rows),
        rows(one.current_rows),
        share(one.missing_share),
        share(one.unseen_share),
    ];
    cells
        .map(|cell| format!("<td class=\"n\">{cell}</td>"))
        .concat()
}
