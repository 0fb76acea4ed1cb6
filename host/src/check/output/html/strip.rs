//! Drift over the chunks: a row of cells for each column that drifted in any.

use super::super::text::append;
use std::collections::HashMap;

use super::super::headline::has_drifted;
use super::super::number::{count, short};
use super::super::severity;
use super::super::span::{Precision, span};
use super::super::tally::{Tally, is_drifted_share};
use super::escape;
use crate::check::report::{Chunk, Report};
use crate::domain::{Measurement, Verdict};

/// Rows of the strip.
const ROWS_MAX: usize = 60;
/// Cells of the strip: fewer rows where there are many chunks.
const CELLS_MAX: usize = 12_000;
/// Chunks whose cells have room for their effect.
const CHUNKS_WITH_TEXT: usize = 14;
/// Chunks of the table below the strip.
const LIST_MAX: usize = 1_000;
/// Effects from which a drifted cell is darker. Most effects lie on a scale from 0 to 1, or count
/// standard deviations; on both these part small from large.
const SHADES: [f64; 3] = [0.1, 0.25, 0.5];

/// One detector on one column: its worst measurement in each chunk.
struct Strip<'a> {
    detector: &'a str,
    column: &'a str,
    cells: Vec<Option<&'a Measurement>>,
    drifted: usize,
}

impl Strip<'_> {
    /// Sum of the effects where it drifted.
    fn effects(&self) -> f64 {
        let drifted = self
            .cells
            .iter()
            .flatten()
            .filter(|one| one.verdict == Verdict::Drifted);
        drifted.filter_map(|one| one.effect).sum()
    }
}

pub(super) fn section(report: &Report) -> String {
    if report.chunks.is_empty() {
        return String::new();
    }
    let strips = strips(&report.chunks);
    let drifted = report
        .chunks
        .iter()
        .filter(|chunk| has_drifted(chunk))
        .count();
    let mut section = format!(
        "<section aria-labelledby=\"chunks\">\n<h2 id=\"chunks\">Chunks</h2>\n<p>{} of {} chunks drifted.</p>\n",
        count(drifted as u64),
        count(report.chunks.len() as u64)
    );
    if !strips.is_empty() {
        section.push_str(&heat(&report.chunks, &strips));
    }
    section.push_str(&list(&report.chunks));
    section.push_str("</section>\n");
    section
}

/// Those that drifted in any chunk, in the most chunks first.
fn strips(chunks: &[Chunk]) -> Vec<Strip<'_>> {
    let mut strips: Vec<Strip> = Vec::new();
    let mut by_name: HashMap<(&str, &str), usize> = HashMap::new();
    for (number, chunk) in chunks.iter().enumerate() {
        for evaluation in &chunk.evaluations {
            for one in evaluation
                .measurements
                .iter()
                .filter(|one| !is_drifted_share(one))
            {
                let (detector, column) = (
                    evaluation.detector.as_str(),
                    one.column.as_deref().unwrap_or("whole window"),
                );
                let at = *by_name.entry((detector, column)).or_insert(strips.len());
                if at == strips.len() {
                    strips.push(Strip {
                        detector,
                        column,
                        cells: vec![None; chunks.len()],
                        drifted: 0,
                    });
                }
                let cell = &mut strips[at].cells[number];
                if cell.is_none_or(|worst| severity::compare(one, worst).is_lt()) {
                    *cell = Some(one);
                }
            }
        }
    }
    for strip in &mut strips {
        strip.drifted = strip
            .cells
            .iter()
            .flatten()
            .filter(|one| one.verdict == Verdict::Drifted)
            .count();
    }
    strips.retain(|strip| strip.drifted > 0);
    strips.sort_by(|a, b| {
        b.drifted
            .cmp(&a.drifted)
            .then(b.effects().total_cmp(&a.effects()))
    });
    strips
}

fn heat(chunks: &[Chunk], strips: &[Strip]) -> String {
    let rows = ROWS_MAX.min(CELLS_MAX / chunks.len()).max(1);
    let with_text = chunks.len() <= CHUNKS_WITH_TEXT;
    let every = match chunks.len() {
        0..=31 => 1,
        32..=120 => 5,
        _ => 10,
    };
    let numbers: Vec<String> = chunks
        .iter()
        .map(|chunk| {
            let hidden = if chunk.number == 1 || chunk.number.is_multiple_of(every) {
                ""
            } else {
                " class=\"vh\""
            };
            format!(
                "<th scope=\"col\"><span{hidden}>{}</span></th>",
                chunk.number
            )
        })
        .collect();
    let class = if with_text { "heat" } else { "heat narrow" };
    let mut heat = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"chunks\">\n<table class=\"{class}\">\
         <caption class=\"vh\">Verdict of each column that drifted, chunk by chunk</caption>\n\
         <thead><tr><th scope=\"col\">Column</th><th scope=\"col\">Detector</th>{}</tr></thead>\n<tbody>\n",
        numbers.concat()
    );
    for strip in strips.iter().take(rows) {
        let cells: String = strip
            .cells
            .iter()
            .map(|cell| cell_of(*cell, with_text))
            .collect();
        append!(
            heat,
            "<tr><th scope=\"row\"><bdi>{}</bdi></th><td class=\"muted\"><bdi>{}</bdi></td>{cells}</tr>\n",
            escape(strip.column),
            escape(strip.detector)
        );
    }
    heat.push_str("</tbody></table></div>\n");
    heat.push_str(
        "<p class=\"key muted\"><span class=\"swatch s1\"></span><span class=\"swatch s2\"></span><span class=\"swatch s3\"></span><span class=\"swatch s4\"></span> drifted, \
         stronger from an effect of 0.1, 0.25 and 0.5 <span class=\"swatch stable\"></span> stable <span class=\"swatch insufficient\"></span> not judged <span class=\"swatch\"></span> no answer</p>\n",
    );
    if strips.len() > rows {
        append!(
            heat,
            "<p class=\"muted\">{} more columns that drifted in some chunk are left out here.</p>\n",
            count((strips.len() - rows) as u64)
        );
    }
    heat
}

fn cell_of(cell: Option<&Measurement>, with_text: bool) -> String {
    let Some(one) = cell else {
        return "<td><span class=\"vh\">no answer</span></td>".to_owned();
    };
    let class = match one.verdict {
        Verdict::Drifted => format!("s{}", shade(one)),
        verdict => verdict.to_string(),
    };
    let effect = one
        .effect
        .map(|effect| short(effect, 2))
        .unwrap_or_default();
    let drifted = one.verdict == Verdict::Drifted;
    let text = match (drifted, with_text) {
        (true, true) => format!("<span class=\"vh\">drifted </span>{effect}"),
        (true, false) => format!("<span class=\"vh\">drifted {effect}</span>"),
        (false, _) => format!("<span class=\"vh\">{}</span>", one.verdict),
    };
    format!(
        "<td class=\"{class}\" title=\"{} {effect}\">{text}</td>",
        escape(&one.metric)
    )
}

/// 1 to 4, by the effect.
fn shade(one: &Measurement) -> usize {
    1 + SHADES
        .iter()
        .filter(|limit| one.effect.unwrap_or(0.0) >= **limit)
        .count()
}

/// Times, rows and counts of the chunks.
fn list(chunks: &[Chunk]) -> String {
    let precision = Precision::of(chunks.iter().map(|chunk| &chunk.window));
    let mut list = "<details class=\"calm\"><summary>Times and rows of the chunks</summary>\n<table><caption class=\"vh\">The chunks</caption>\n\
         <thead><tr><th scope=\"col\" class=\"n\">Chunk</th><th scope=\"col\">First to last row</th><th scope=\"col\" class=\"n\">Rows</th><th scope=\"col\">Found</th></tr></thead>\n<tbody>\n"
        .to_owned();
    for chunk in chunks.iter().take(LIST_MAX) {
        let found = chunk.evaluations.iter().map(|evaluation| {
            let tally = Tally::of(evaluation);
            let said = if evaluation.error.is_some() {
                "no answer".to_owned()
            } else {
                format!("{} of {}", tally.drifted, tally.judged)
            };
            format!("<bdi>{}</bdi>: {said}", escape(&evaluation.detector))
        });
        append!(
            list,
            "<tr><th scope=\"row\" class=\"n\">{}</th><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
            chunk.number,
            escape(&span(&chunk.window, precision)),
            count(chunk.window.rows),
            found.collect::<Vec<_>>().join(", "),
        );
    }
    list.push_str("</tbody></table>\n");
    if chunks.len() > LIST_MAX {
        append!(
            list,
            "<p class=\"muted\">{} more are left out here.</p>\n",
            count((chunks.len() - LIST_MAX) as u64)
        );
    }
    list.push_str("</details>\n");
    list
}
