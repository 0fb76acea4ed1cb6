//! Renders a report: for people, for programs, for a scrape.

mod columns;
mod csv;
pub(crate) mod grid;
mod headline;
mod html;
mod json;
pub(crate) mod number;
mod prometheus;
mod severity;
mod span;
mod svg;
mod table;
mod tally;
mod text;
mod words;

#[cfg(test)]
mod sample;

pub use prometheus::exposition;

use super::report::Report;
use crate::metrics::Prefix;

/// Columns of a terminal whose width is not known.
pub const WIDTH_DEFAULT: usize = 100;

/// What a report is rendered as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text for a terminal.
    Table,
    /// Everything, as one JSON document.
    Json,
    /// One line for each measurement, chunks included.
    Csv,
    /// Text exposition format 0.0.4, without the chunks, named as by [`Prefix::default`].
    Prometheus,
    /// One file for a browser, which needs nothing else.
    Html,
}

/// How [`Format::Table`] looks; the other formats do not depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// Whether the terminal shows ANSI colours.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Show every row, however many are stable.
    pub all: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            colour: false,
            width: WIDTH_DEFAULT,
            all: false,
        }
    }
}

/// The report as text that ends in a newline. Same report, same text.
pub fn render(report: &Report, format: Format, style: &Style) -> String {
    match format {
        Format::Table => table::render(report, style),
        Format::Json => json::render(report),
        Format::Csv => csv::render(report),
        Format::Prometheus => exposition(report, &Prefix::default()),
        Format::Html => html::render(report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_takes_every_report_and_ends_in_a_newline() {
        let reports = [
            sample::report(),
            sample::chunked(),
            sample::hostile(),
            sample::wide(50),
        ];
        for report in reports {
            for format in [
                Format::Table,
                Format::Json,
                Format::Csv,
                Format::Prometheus,
                Format::Html,
            ] {
                let text = render(&report, format, &Style::default());
                assert!(text.ends_with('\n'), "{format:?}");
                assert_eq!(
                    render(&report, format, &Style::default()),
                    text,
                    "{format:?}"
                );
            }
        }
    }
}
