//! The chunks as a matrix: a line each, with how many columns drifted by which detector.

use super::super::Style;
use super::super::grid::{Cell, Column, Fit, Grid, Paint};
use super::super::headline::has_drifted;
use super::super::number::count;
use super::super::severity;
use super::super::span::{Precision, span};
use super::super::tally::{Tally, is_drifted_share};
use super::super::text::append;
use crate::check::report::{Chunk, Evaluation, Report};
use crate::domain::Verdict;

/// Chunks that are all shown; of more, those that drifted or have no answer.
const CHUNKS_SHOWN: usize = 60;

pub(super) fn render(report: &Report, style: &Style) -> String {
    if report.chunks.is_empty() {
        return String::new();
    }
    let detectors = detectors(&report.chunks);
    let mut columns = vec![
        Column::right("chunk", Fit::Fixed),
        Column::left("from – to (UTC)", Fit::Optional(1)),
        Column::right("rows", Fit::Optional(2)),
    ];
    columns.extend(
        detectors
            .iter()
            .map(|name| Column::right(short_name(name, &detectors), Fit::Fixed)),
    );
    columns.push(Column::left("worst column", Fit::Name));
    let mut grid = Grid::new(columns);

    let precision = Precision::of(report.chunks.iter().map(|chunk| &chunk.window));
    let is_shown = |chunk: &Chunk| {
        style.all || report.chunks.len() <= CHUNKS_SHOWN || has_drifted(chunk) || has_failed(chunk)
    };
    let mut hidden = 0;
    for chunk in &report.chunks {
        if !is_shown(chunk) {
            hidden += 1;
            continue;
        }
        let mut row = vec![
            chunk.number.to_string().into(),
            span(&chunk.window, precision).into(),
            count(chunk.window.rows).into(),
        ];
        row.extend(detectors.iter().map(|name| {
            match chunk.evaluations.iter().find(|one| one.detector == *name) {
                Some(evaluation) => drifted_of_judged(evaluation),
                None => "".into(),
            }
        }));
        row.push(worst(chunk).into());
        grid.push(row);
    }
    let (mut text, dropped) = grid.render(style.width, style.colour);
    if hidden > 0 {
        append!(
            text,
            "… and {hidden} more chunks without drift; --all shows them\n"
        );
    }
    if !dropped.is_empty() {
        append!(text, "no room for: {}\n", dropped.join(", "));
    }
    text
}

/// Detectors in the order in which the chunks have them.
fn detectors(chunks: &[Chunk]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for evaluation in chunks.iter().flat_map(|chunk| &chunk.evaluations) {
        if !names.contains(&evaluation.detector.as_str()) {
            names.push(&evaluation.detector);
        }
    }
    names
}

/// Without the version, unless two detectors differ in nothing else.
fn short_name<'a>(name: &'a str, all: &[&str]) -> &'a str {
    let base = |name: &'a str| name.split_once('@').map_or(name, |(base, _)| base);
    let same = all
        .iter()
        .filter(|other| other.split_once('@').map_or(**other, |(base, _)| base) == base(name));
    if same.count() > 1 { name } else { base(name) }
}

fn has_failed(chunk: &Chunk) -> bool {
    chunk
        .evaluations
        .iter()
        .any(|evaluation| evaluation.error.is_some())
}

/// `9/14`, `error`, or a dash where nothing was judged.
fn drifted_of_judged(evaluation: &Evaluation) -> Cell {
    if evaluation.error.is_some() {
        return Cell::new("error", Paint::Yellow);
    }
    match Tally::of(evaluation) {
        Tally { judged: 0, .. } => Cell::new("–", Paint::Dim),
        Tally {
            judged, drifted: 0, ..
        } => Cell::new(&format!("0/{judged}"), Paint::Green),
        Tally {
            judged, drifted, ..
        } => Cell::new(&format!("{drifted}/{judged}"), Paint::Red),
    }
}

/// The worst drifted column, or nothing.
fn worst(chunk: &Chunk) -> String {
    let all = chunk
        .evaluations
        .iter()
        .flat_map(|evaluation| &evaluation.measurements);
    let drifted = all.filter(|one| one.verdict == Verdict::Drifted && !is_drifted_share(one));
    drifted
        .min_by(|a, b| severity::compare(a, b))
        .and_then(|one| one.column.clone())
        .unwrap_or_default()
}
