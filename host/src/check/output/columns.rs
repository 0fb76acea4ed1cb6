//! Gathers what every detector says of a column, worst column first.

use std::collections::HashMap;

use super::severity;
use crate::check::report::{ColumnPicture, Evaluation, Report};
use crate::domain::{Measurement, Verdict};

/// A column with all that the report knows of it.
pub(super) struct ColumnView<'a> {
    pub(super) name: &'a str,
    /// Absent for a column that only measurements know.
    pub(super) picture: Option<&'a ColumnPicture>,
    /// Over the whole current window, worst first, each with the evaluation it is from.
    pub(super) measurements: Vec<(&'a Evaluation, &'a Measurement)>,
    /// Numbers of the chunks in which it drifted.
    pub(super) chunks: Vec<usize>,
}

impl ColumnView<'_> {
    /// The worst verdict; absent where no detector judged the column.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.measurements.first().map(|(_, one)| one.verdict)
    }

    /// Whether it drifted over the whole window.
    pub(super) fn is_drifted(&self) -> bool {
        self.verdict() == Some(Verdict::Drifted)
    }
}

/// All columns of the report: worst first, then those that drifted in a chunk, then in the schema's order.
pub(super) fn columns(report: &Report) -> Vec<ColumnView<'_>> {
    let mut columns = Columns::default();
    for picture in &report.columns {
        columns.get(&picture.name).picture = Some(picture);
    }
    for evaluation in &report.evaluations {
        for one in &evaluation.measurements {
            if let Some(name) = &one.column {
                columns.get(name).measurements.push((evaluation, one));
            }
        }
    }
    for chunk in &report.chunks {
        for one in chunk
            .evaluations
            .iter()
            .flat_map(|evaluation| &evaluation.measurements)
        {
            if let Some(name) = &one.column
                && one.verdict == Verdict::Drifted
            {
                let chunks = &mut columns.get(name).chunks;
                if chunks.last() != Some(&chunk.number) {
                    chunks.push(chunk.number);
                }
            }
        }
    }
    let mut views = columns.views;
    for view in &mut views {
        view.measurements
            .sort_by(|a, b| severity::compare(a.1, b.1));
    }
    views.sort_by(|a, b| {
        let rank = |view: &ColumnView| view.verdict().map_or(u8::MAX, severity::rank);
        let is_quiet = |view: &ColumnView| !view.is_drifted() && view.chunks.is_empty();
        (is_quiet(a), rank(a))
            .cmp(&(is_quiet(b), rank(b)))
            .then_with(|| match (a.measurements.first(), b.measurements.first()) {
                (Some(a), Some(b)) => severity::compare(a.1, b.1),
                _ => std::cmp::Ordering::Equal,
            })
    });
    views
}

/// Columns by name, in the order in which they were first seen.
#[derive(Default)]
struct Columns<'a> {
    views: Vec<ColumnView<'a>>,
    by_name: HashMap<&'a str, usize>,
}

impl<'a> Columns<'a> {
    fn get(&mut self, name: &'a str) -> &mut ColumnView<'a> {
        let next = self.views.len();
        let at = *self.by_name.entry(name).or_insert(next);
        if at == next {
            let view = ColumnView {
                name,
                picture: None,
                measurements: Vec::new(),
                chunks: Vec::new(),
            };
            self.views.push(view);
        }
        &mut self.views[at]
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_column_has_its_worst_verdict_and_the_worst_column_is_first() {
        let report = sample::report();
        let views = columns(&report);
        let found: Vec<_> = views
            .iter()
            .map(|view| (view.name, view.verdict()))
            .collect();
        assert_eq!(
            found,
            [
                ("temperature", Some(Verdict::Drifted)),
                ("error", Some(Verdict::Drifted)),
                ("precipitation", Some(Verdict::Failed)),
                ("visibility", Some(Verdict::Insufficient)),
                ("origin", Some(Verdict::Stable)),
                ("country", Some(Verdict::Constant)),
            ]
        );
        assert_eq!(views[0].measurements.len(), 2);
    }

    #[test]
    fn drift_in_a_chunk_goes_before_what_is_stable_everywhere() {
        let report = sample::chunked();
        let views = columns(&report);
        let position = |name| views.iter().position(|view| view.name == name).unwrap();
        assert_eq!(views[position("origin")].chunks, [2]);
        assert!(position("origin") < position("precipitation"));
    }
}
