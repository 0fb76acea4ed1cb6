//! A card for each column: verdict, findings in words, both distributions.

use super::super::text::append;
use std::collections::HashMap;

use super::super::columns::ColumnView;
use super::super::number::{count, percent, short};
use super::super::svg;
use super::super::words::in_words;
use super::{badge, escape};
use crate::check::report::{ColumnPicture, Evaluation, Shape};
use crate::domain::{ColumnKind, Measurement, Verdict};

/// Cards of columns that drifted. A file of a thousand drifted columns stays below 5 MB.
const OPEN_MAX: usize = 300;
/// Cards of all other columns, folded.
const FOLDED_MAX: usize = 60;
/// Findings in one card; a stream may have thousands of changes.
const FINDINGS_MAX: usize = 12;
/// Entries of a measurement's detail.
const DETAILS_MAX: usize = 6;
/// Characters of a detail's text.
const DETAIL_CHARS_MAX: usize = 120;

/// Whether a column is worth an open card.
fn is_open(view: &ColumnView) -> bool {
    view.is_drifted() || !view.chunks.is_empty()
}

/// The columns that have cards, with the number of each.
pub(super) fn shown<'a>(views: &[ColumnView<'a>]) -> HashMap<&'a str, usize> {
    let (mut open, mut folded) = (0, 0);
    let mut shown = HashMap::new();
    for (number, view) in views.iter().enumerate() {
        let (taken, limit) = if is_open(view) {
            (&mut open, OPEN_MAX)
        } else {
            (&mut folded, FOLDED_MAX)
        };
        if *taken < limit {
            *taken += 1;
            shown.insert(view.name, number);
        }
    }
    shown
}

pub(super) fn section(views: &[ColumnView], chunks: usize) -> String {
    if views.is_empty() {
        return String::new();
    }
    let shown = shown(views);
    let mut section =
        "<section aria-labelledby=\"columns\">\n<h2 id=\"columns\">Columns</h2>\n".to_owned();
    for (open, what) in [(true, "drifted"), (false, "other")] {
        let of_kind = || {
            views
                .iter()
                .enumerate()
                .filter(move |(_, view)| is_open(view) == open)
        };
        let mut left_out = 0_u64;
        for (number, view) in of_kind() {
            if shown.contains_key(view.name) {
                section.push_str(&card(view, number, open, chunks));
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            let columns = if left_out == 1 {
                "column has"
            } else {
                "columns have"
            };
            append!(
                section,
                "<p class=\"muted\">{} more {what} {columns} no card here, to keep this file small.</p>\n",
                count(left_out)
            );
        }
    }
    section.push_str("</section>\n");
    section
}

fn card(view: &ColumnView, number: usize, open: bool, chunks: usize) -> String {
    let title = title(view, chunks);
    let body = body(view);
    if open {
        format!(
            "<article class=\"card\" id=\"c{number}\">\n<div class=\"title\">{title}</div>\n{body}</article>\n"
        )
    } else {
        format!(
            "<details class=\"card\" id=\"c{number}\">\n<summary class=\"title\">{title}</summary>\n{body}</details>\n"
        )
    }
}

fn title(view: &ColumnView, chunks: usize) -> String {
    let mut title = format!("<h3><bdi>{}</bdi></h3>", escape(view.name));
    if let Some(picture) = view.picture {
        append!(
            title,
            " <span class=\"muted\">{}, {}</span>",
            picture.role.to_string().replace('-', " "),
            picture.kind
        );
    }
    match view.verdict() {
        Some(verdict) => append!(title, " {}", badge(verdict)),
        None => title.push_str(" <span class=\"muted\">not judged over the whole window</span>"),
    }
    if !view.chunks.is_empty() {
        append!(
            title,
            " <span class=\"badge drifted\">in {} of {chunks} chunks</span>",
            view.chunks.len()
        );
    }
    title
}

fn body(view: &ColumnView) -> String {
    let mut said = String::new();
    for (evaluation, one) in view.measurements.iter().take(FINDINGS_MAX) {
        said.push_str(&finding(evaluation, one));
    }
    if view.measurements.len() > FINDINGS_MAX {
        append!(
            said,
            "<li class=\"muted\">and {} more</li>\n",
            view.measurements.len() - FINDINGS_MAX
        );
    }
    let said = if said.is_empty() {
        String::new()
    } else {
        format!("<ul class=\"findings\">\n{said}</ul>\n")
    };
    let facts = view.picture.map(facts).unwrap_or_default();
    let figure = match view.picture {
        Some(picture) => match svg::draw(picture) {
            Some(drawing) => format!("<figure>{drawing}{}</figure>\n", caption(picture)),
            None => "<p class=\"muted\">Too few different values to draw.</p>\n".to_owned(),
        },
        None => String::new(),
    };
    format!("<div class=\"body\"><div class=\"said\">\n{said}{facts}</div>\n{figure}</div>\n")
}

fn finding(evaluation: &Evaluation, one: &Measurement) -> String {
    format!(
        "<li class=\"{}\"><b>{}</b> {}{} <span class=\"by\">{} drift, <bdi>{}</bdi></span></li>\n",
        one.verdict,
        escape(&one.metric),
        escape(&in_words(one)),
        detail(one),
        evaluation.kind,
        escape(&evaluation.detector),
    )
}

/// What a detector adds, as far as it is flat and no reason already given.
fn detail(one: &Measurement) -> String {
    let Some(object) = one.detail.as_ref().and_then(serde_json::Value::as_object) else {
        return String::new();
    };
    let given = |key: &str| key == "reason" && one.verdict == Verdict::Failed;
    let entries = object
        .iter()
        .filter(|(key, _)| !given(key))
        .filter_map(|(key, value)| {
            let text = match value {
                serde_json::Value::Number(number) => short(number.as_f64()?, 4),
                serde_json::Value::String(text) => text.chars().take(DETAIL_CHARS_MAX).collect(),
                serde_json::Value::Bool(yes) => yes.to_string(),
                _ => return None,
            };
            Some(format!("{} {}", escape(key), escape(&text)))
        });
    let entries: Vec<String> = entries.take(DETAILS_MAX).collect();
    if entries.is_empty() {
        String::new()
    } else {
        format!(" <span class=\"muted\">({})</span>", entries.join(", "))
    }
}

/// Sizes, moments and missing values of both windows.
fn facts(picture: &ColumnPicture) -> String {
    let share = |part: u64, whole: u64| {
        if whole > 0 {
            percent(part as f64 / whole as f64)
        } else {
            "–".to_owned()
        }
    };
    let mut rows = vec![(
        "rows",
        count(picture.reference_rows),
        count(picture.current_rows),
    )];
    if let Shape::Histogram {
        moments: [reference, current],
        ..
    } = &picture.shape
    {
        let of = if picture.kind == ColumnKind::Embedding {
            ["mean norm", "sd of norms"]
        } else {
            ["mean", "sd"]
        };
        rows.push((of[0], short(reference[0], 4), short(current[0], 4)));
        rows.push((of[1], short(reference[1], 4), short(current[1], 4)));
    }
    if picture.reference_missing + picture.current_missing > 0 {
        let reference = share(picture.reference_missing, picture.reference_rows);
        rows.push((
            "missing",
            reference,
            share(picture.current_missing, picture.current_rows),
        ));
    }
    let rows: Vec<String> = rows
        .iter()
        .map(|(name, reference, current)| format!("<tr><th scope=\"row\">{name}</th><td class=\"n\">{reference}</td><td class=\"n\">{current}</td></tr>"))
        .collect();
    format!(
        "<table class=\"facts\"><thead><tr><td></td><th scope=\"col\" class=\"n\">reference</th><th scope=\"col\" class=\"n\">current</th></tr></thead><tbody>{}</tbody></table>\n",
        rows.concat()
    )
}

/// What the drawing leaves out.
fn caption(picture: &ColumnPicture) -> String {
    let Shape::Histogram {
        reference,
        current,
        outside,
        ..
    } = &picture.shape
    else {
        return String::new();
    };
    let share = |counts: &[f64], outside: [f64; 2]| {
        let outside = outside[0] + outside[1];
        let total = counts.iter().sum::<f64>() + outside;
        if total > 0.0 { outside / total } else { 0.0 }
    };
    let [reference, current] = [share(reference, outside[0]), share(current, outside[1])];
    if reference + current == 0.0 {
        return String::new();
    }
    let (reference, current) = (escape(&percent(reference)), escape(&percent(current)));
    format!(
        "<figcaption>Far tails not drawn: {reference} of the reference values, {current} of the current ones.</figcaption>"
    )
}
