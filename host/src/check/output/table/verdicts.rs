//! The table of the whole window's measurements, worst first.

use super::super::Style;
use super::super::grid::{Cell, Column, Fit, Grid, Paint};
use super::super::number::{compact, p_value, percent, short};
use super::super::severity;
use super::super::tally::is_drifted_share;
use super::super::text::{append, wrap};
use super::super::words::{threshold_kind, why_unjudged};
use crate::check::report::Report;
use crate::domain::{DriftKind, Measurement, ThresholdKind, Verdict};

/// A measurement that has a row of its own.
struct Row<'a> {
    kind: DriftKind,
    one: &'a Measurement,
}

/// Rows of one verdict other than drifted that are shown whole.
const CALM_ROWS_MAX: usize = 10;
/// Rows that are shown where there are more.
const CALM_ROWS_SHOWN: usize = 5;
pub(super) fn render(report: &Report, style: &Style) -> String {
    let mut rows: Vec<Row> = Vec::new();
    for evaluation in &report.evaluations {
        let own = evaluation
            .measurements
            .iter()
            .filter(|one| one.row.is_none() && !is_drifted_share(one));
        rows.extend(own.map(|one| Row {
            kind: evaluation.kind,
            one,
        }));
    }
    if rows.is_empty() {
        return String::new();
    }
    rows.sort_by(|a, b| severity::compare(a.one, b.one));
    let hidden = if style.all {
        Vec::new()
    } else {
        hide_calm(&mut rows)
    };

    let mut grid = Grid::new(vec![
        Column::left("verdict", Fit::Fixed),
        Column::left("drift", Fit::Fixed),
        Column::left("column", Fit::Name),
        Column::left("metric", Fit::Name),
        Column::right("value", Fit::Fixed),
        Column::right("effect", Fit::Optional(3)),
        Column::right("p", Fit::Fixed),
        Column::right("threshold", Fit::Fixed),
        Column::right("ref.", Fit::Optional(5)),
        Column::right("cur.", Fit::Optional(4)),
        Column::right("miss.", Fit::Optional(1)),
        Column::right("unseen", Fit::Optional(2)),
    ]);
    for row in &rows {
        grid.push(cells(row));
    }
    let (mut text, dropped) = grid.render(style.width, style.colour);
    for line in hidden {
        append!(text, "{}\n", Paint::Dim.apply(&line, style.colour));
    }
    text.push_str(&legend(&rows, &dropped, style));
    text
}

/// Leaves the nearest to drift of each verdict that has many rows; says how many went.
fn hide_calm(rows: &mut Vec<Row>) -> Vec<String> {
    let mut lines = Vec::new();
    for verdict in [
        Verdict::Failed,
        Verdict::Insufficient,
        Verdict::Stable,
        Verdict::Constant,
    ] {
        let count = rows.iter().filter(|row| row.one.verdict == verdict).count();
        if count > CALM_ROWS_MAX {
            let mut seen = 0;
            rows.retain(|row| {
                seen += usize::from(row.one.verdict == verdict);
                row.one.verdict != verdict || seen <= CALM_ROWS_SHOWN
            });
            lines.push(format!(
                "… and {} more {verdict}; --all shows them",
                count - CALM_ROWS_SHOWN
            ));
        }
    }
    lines
}

fn cells(row: &Row) -> Vec<Cell> {
    let Row { kind, one } = row;
    let rest = if one.verdict == Verdict::Constant {
        Paint::Dim
    } else {
        Paint::Plain
    };
    let cell = |text: &str| Cell::new(text, rest);
    let mut cells = vec![
        Cell::new(&one.verdict.to_string(), paint(one.verdict)),
        cell(&kind.to_string()),
        cell(one.column.as_deref().unwrap_or("(whole window)")),
        cell(&one.metric),
    ];
    if !severity::is_judged(one.verdict) {
        cells.push(cell(&why_unjudged(one)));
        return cells;
    }
    let number =
        |value: Option<f64>, digits| value.map(|value| short(value, digits)).unwrap_or_default();
    let share = |share: f64| {
        if share > 0.0 {
            percent(share)
        } else {
            String::new()
        }
    };
    let rows = |rows: u64| {
        if rows > 0 {
            compact(rows)
        } else {
            String::new()
        }
    };
    let threshold = one
        .threshold
        .map(|threshold| format!("{} {}", short(threshold, 4), marker(one.threshold_kind)));
    cells.extend([
        cell(&short(one.value, 4)),
        cell(&number(one.effect, 3)),
        cell(
            &one.p_adjusted
                .or(one.p_value)
                .map(p_value)
                .unwrap_or_default(),
        ),
        cell(&threshold.unwrap_or_default()),
        cell(&rows(one.reference_rows)),
        cell(&rows(one.current_rows)),
        cell(&share(one.missing_share)),
        cell(&share(one.unseen_share)),
    ]);
    cells
}

fn paint(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Drifted => Paint::Red,
        Verdict::Stable => Paint::Green,
        Verdict::Insufficient | Verdict::Failed => Paint::Yellow,
        Verdict::Constant => Paint::Dim,
    }
}

fn marker(kind: Option<ThresholdKind>) -> char {
    match kind {
        Some(ThresholdKind::Calibrated) => 'c',
        Some(ThresholdKind::Floor) => 'f',
        Some(ThresholdKind::Fixed) => 'x',
        None => '?',
    }
}

/// What the letters mean that stand in the table, and what found no room.
fn legend(rows: &[Row], dropped: &[&str], style: &Style) -> String {
    let has = |kind: ThresholdKind| rows.iter().any(|row| row.one.threshold_kind == Some(kind));
    let kinds = [
        ThresholdKind::Calibrated,
        ThresholdKind::Floor,
        ThresholdKind::Fixed,
    ];
    let used = kinds.into_iter().filter(|kind| has(*kind));
    let parts: Vec<String> = used
        .map(|kind| format!("{} {}", marker(Some(kind)), threshold_kind(kind)))
        .collect();
    let mut text = String::new();
    if !parts.is_empty() {
        text.push_str(&wrap("threshold: ", &parts.join(", "), style.width));
    }
    if !dropped.is_empty() {
        let names = dropped.iter().map(|&name| match name {
            "ref." => "reference rows",
            "cur." => "current rows",
            "miss." => "missing",
            other => other,
        });
        let names: Vec<&str> = names.collect();
        text.push_str(&wrap("no room for: ", &names.join(", "), style.width));
    }
    if text.is_empty() {
        text
    } else {
        format!("{}\n", Paint::Dim.apply(text.trim_end(), style.colour))
    }
}
