//! The report as one file for a browser: no request, no script, readable in print and in the dark.

mod card;
mod escape;
mod strip;
mod verdicts;

pub(super) use escape::escape;

use super::columns::columns;
use super::headline::Headline;
use super::number::count;
use super::span::{Precision, span};
use super::tally::Tally;
use super::text::append;
use crate::check::report::{Evaluation, Outcome, Report, WindowSummary};
use crate::domain::{DriftKind, Verdict};

/// Everything the file looks like.
const STYLE: &str = include_str!("report.css");
/// Lines of a detector's log that are shown.
const LOG_LINES_MAX: usize = 200;

/// Names and texts may be hostile: all are escaped, and the policy forbids whatever is not in the file.
pub(super) fn render(report: &Report) -> String {
    let views = columns(report);
    let model = escape(&report.model.id);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{model}: drift report</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    page.push_str(&head(report));
    page.push_str("<main>\n");
    page.push_str(&detectors(report));
    page.push_str(&notes(report));
    page.push_str(&strip::section(report));
    page.push_str(&verdicts::section(report, &views));
    page.push_str(&card::section(&views, report.chunks.len()));
    page.push_str(&logs(report));
    page.push_str("</main>\n");
    append!(
        page,
        "<footer><p>Written by leeway {}. Times are in UTC.</p></footer>\n</body>\n</html>\n",
        escape(&report.leeway)
    );
    page
}

fn head(report: &Report) -> String {
    let (class, mark) = match report.outcome() {
        Outcome::Stable => ("stable", "Stable"),
        Outcome::Drifted => ("drifted", "Drift"),
        Outcome::Error => ("failed", "Error"),
    };
    let kind = report
        .model
        .model_type
        .map(|kind| format!(" <span class=\"muted\">{kind}</span>"))
        .unwrap_or_default();
    let Headline {
        silent,
        drifted,
        chunks,
    } = Headline::of(report);
    let rest: Vec<String> = silent
        .into_iter()
        .chain(chunks)
        .map(|sentence| escape(&sentence))
        .collect();
    let lead = if rest.is_empty() {
        String::new()
    } else {
        format!("<p class=\"lead\">{}</p>\n", rest.join(" "))
    };
    format!(
        "<header>\n<p class=\"model\"><bdi>{}</bdi>{kind} <span class=\"badge {class}\">{mark}</span></p>\n\
         <h1>{}</h1>\n{lead}\
         <table class=\"windows\"><caption class=\"vh\">The two windows</caption>\n\
         <thead><tr><th scope=\"col\">Window</th><th scope=\"col\">File</th><th scope=\"col\" class=\"n\">Rows</th><th scope=\"col\">First to last row</th></tr></thead>\n\
         <tbody>{}{}</tbody></table>\n</header>\n",
        escape(&report.model.id),
        escape(&drifted),
        window("Reference", &report.reference),
        window("Current", &report.current),
    )
}

fn window(name: &str, window: &WindowSummary) -> String {
    let times = match span(window, Precision::Minute) {
        times if times.is_empty() => "<span class=\"muted\">rows carry no time</span>".to_owned(),
        times => escape(&times),
    };
    format!(
        "<tr><th scope=\"row\">{name}</th><td class=\"file\"><bdi>{}</bdi></td><td class=\"n\">{}</td><td>{times}</td></tr>\n",
        escape(&window.file),
        count(window.rows),
    )
}

/// A row for each detector: what it judges, how much drifted, what makes its answer repeatable.
fn detectors(report: &Report) -> String {
    if report.evaluations.is_empty() {
        return String::new();
    }
    let mut section = "<section aria-labelledby=\"detectors\">\n<h2 id=\"detectors\">Detectors</h2>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"detectors\">\n\
         <table><caption class=\"vh\">What each detector found over the whole current window</caption>\n\
         <thead><tr><th scope=\"col\">Detector</th><th scope=\"col\">Judges</th><th scope=\"col\" colspan=\"2\">Columns drifted</th>\
         <th scope=\"col\">Digest</th><th scope=\"col\" class=\"n\">Seed</th></tr></thead>\n<tbody>\n"
        .to_owned();
    for evaluation in &report.evaluations {
        let Evaluation {
            detector,
            digest,
            kind,
            seed,
            error,
            ..
        } = evaluation;
        let tally = Tally::of(evaluation);
        let said = match error {
            Some(error) => format!(
                "<span class=\"badge failed\">no answer</span> {}",
                escape(error)
            ),
            None => escape(&tally.sentence(evaluation)),
        };
        let bar = if tally.judged > 0 {
            format!(
                "<meter min=\"0\" max=\"{}\" value=\"{}\" aria-hidden=\"true\"></meter>",
                tally.judged, tally.drifted
            )
        } else {
            String::new()
        };
        let start: String = digest.chars().take(12).collect();
        append!(
            section,
            "<tr><th scope=\"row\" class=\"id\"><bdi>{}</bdi></th><td class=\"id\">{}</td><td class=\"bar\">{bar}</td><td class=\"said-wide\">{said}</td><td><code title=\"{}\">{}</code></td><td class=\"n\">{seed}</td></tr>\n",
            escape(detector),
            judges(*kind),
            escape(digest),
            escape(&start),
        );
    }
    section.push_str("</tbody></table></div>\n</section>\n");
    section
}

fn judges(kind: DriftKind) -> &'static str {
    match kind {
        DriftKind::Data => "data drift (features)",
        DriftKind::Prior => "prior drift (predictions, labels)",
        DriftKind::Concept => "concept drift (errors)",
    }
}

fn notes(report: &Report) -> String {
    let failed = report.chunks.iter().flat_map(|chunk| {
        chunk.evaluations.iter().filter_map(move |evaluation| {
            let error = evaluation.error.as_ref()?;
            Some(format!(
                "{} gave no answer for chunk {}: {error}",
                evaluation.detector, chunk.number
            ))
        })
    });
    let items: Vec<String> = report
        .notes
        .iter()
        .cloned()
        .chain(failed)
        .map(|note| format!("<li>{}</li>\n", escape(&note)))
        .collect();
    if items.is_empty() {
        return String::new();
    }
    format!(
        "<section class=\"notes\" aria-labelledby=\"notes\">\n<h2 id=\"notes\">Notes</h2>\n<ul>\n{}</ul>\n</section>\n",
        items.concat()
    )
}

fn logs(report: &Report) -> String {
    let mut section = String::new();
    for Evaluation { detector, log, .. } in report
        .evaluations
        .iter()
        .filter(|evaluation| !evaluation.log.is_empty())
    {
        let lines: Vec<String> = log
            .iter()
            .take(LOG_LINES_MAX)
            .map(|line| escape(line))
            .collect();
        let more = match log.len().saturating_sub(LOG_LINES_MAX) {
            0 => String::new(),
            more => format!("\n… and {more} more lines"),
        };
        append!(
            section,
            "<details class=\"log\"><summary>Log of <bdi>{}</bdi></summary><pre>{}{more}</pre></details>\n",
            escape(detector),
            lines.join("\n")
        );
    }
    if section.is_empty() {
        return section;
    }
    format!("<section aria-labelledby=\"logs\">\n<h2 id=\"logs\">Logs</h2>\n{section}</section>\n")
}

/// A verdict as a coloured word.
fn badge(verdict: Verdict) -> String {
    format!("<span class=\"badge {verdict}\">{verdict}</span>")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// Every element that the report is made of.
    const ELEMENTS: [&str; 43] = [
        "!doctype",
        "a",
        "article",
        "b",
        "bdi",
        "body",
        "caption",
        "code",
        "details",
        "div",
        "figcaption",
        "figure",
        "footer",
        "g",
        "h1",
        "h2",
        "h3",
        "head",
        "header",
        "html",
        "li",
        "main",
        "meta",
        "meter",
        "p",
        "path",
        "pre",
        "rect",
        "section",
        "small",
        "span",
        "style",
        "summary",
        "svg",
        "table",
        "tbody",
        "td",
        "text",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
    ];

    /// Checks that elements are known and close in order, as a browser would have to guess otherwise.
    fn assert_well_formed(page: &str) {
        let start = page.find("</style>").unwrap();
        let mut open: Vec<&str> = vec!["html", "head"];
        for tag in page[start + "</style>".len()..].split('<').skip(1) {
            let (inside, _) = tag
                .split_once('>')
                .unwrap_or_else(|| panic!("'{tag}' does not end"));
            let name = inside
                .trim_start_matches('/')
                .split([' ', '/'])
                .next()
                .unwrap();
            assert!(
                ELEMENTS.contains(&name),
                "unknown element {name} in {inside}"
            );
            assert_eq!(
                inside.matches('"').count() % 2,
                0,
                "a quote is open in {inside}"
            );
            if inside.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "{inside}");
            } else if !inside.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn the_page_says_the_outcome_and_shows_every_column() {
        let page = render(&sample::chunked());
        assert_well_formed(&page);
        assert!(page.contains("<h1>1 of 2 features and the error rate have drifted.</h1>"));
        assert!(page.contains("No answer from concept-drift@0.1.0."));
        for column in [
            "temperature",
            "error",
            "precipitation",
            "visibility",
            "origin",
            "country",
        ] {
            assert!(
                page.contains(&format!("<h3><bdi>{column}</bdi></h3>")),
                "{column}"
            );
        }
        let positions = ["temperature", "error", "origin", "country"]
            .map(|name| page.find(&format!("<h3><bdi>{name}")));
        assert!(positions.is_sorted(), "worst first");
    }

    #[test]
    fn nothing_is_fetched_and_nothing_runs() {
        let page = render(&sample::chunked());
        for word in [
            "http:",
            "https:",
            "url(",
            "src=",
            "@import",
            "<script",
            "<link",
            "javascript:",
        ] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn hostile_names_are_text() {
        let page = render(&sample::hostile());
        assert_well_formed(&page);
        assert!(
            !page.contains("<script")
                && !page.contains("alert(\"")
                && !page.contains('\u{202e}')
                && !page.contains('\u{1b}')
        );
        assert!(
            page.contains("temperature&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;")
        );
    }

    #[test]
    fn a_report_without_anything_is_a_page() {
        let page = render(&sample::empty());
        assert_well_formed(&page);
        assert!(
            page.contains("Nothing could be judged.")
                && page.contains("There are no measurements.")
        );
    }

    #[test]
    fn a_thousand_columns_stay_below_five_megabytes() {
        let mut report = sample::wide(1_000);
        let page = render(&report);
        assert_well_formed(&page);
        assert!(page.len() < 5_000_000, "{} bytes", page.len());
        assert!(
            page.contains("840 more other columns have no card here"),
            "900 stable, 60 cards"
        );
        for one in &mut report.evaluations[0].measurements {
            one.verdict = Verdict::Drifted;
        }
        let page = render(&report);
        assert!(page.len() < 5_000_000, "{} bytes", page.len());
        assert!(page.contains("700 more drifted columns have no card here"));
    }

    #[test]
    fn many_columns_over_many_chunks_stay_below_five_megabytes() {
        let mut report = sample::wide(300);
        let chunk = |number| crate::check::report::Chunk {
            number,
            window: report.current.clone(),
            evaluations: report.evaluations.clone(),
        };
        report.chunks = (1..=365).map(chunk).collect();
        let page = render(&report);
        assert_well_formed(&page);
        assert!(page.len() < 5_000_000, "{} bytes", page.len());
    }
}
