//! What the demo shows: what drifts, how much, beyond which threshold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::client::{Evaluation, Outcome};
use crate::check::output::grid::{Cell, Column, Fit, Grid, Paint};
use crate::check::output::number::{count, short};
use crate::domain::{DriftKind, Measurement, Verdict};

/// How far a model's stream is, and what its monitors said last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) model: String,
    pub(crate) model_type: String,
    pub(crate) rows: u64,
    pub(crate) rows_total: u64,
    pub(crate) labels: u64,
    pub(crate) rows_per_second: f64,
    pub(crate) newest: Option<Timestamp>,
    pub(crate) evaluations: Vec<Evaluation>,
}

/// How many columns of an evaluation were judged, and which of them drifted, worst first.
#[derive(Debug, PartialEq)]
struct Judged<'a> {
    columns: usize,
    drifted: Vec<&'a Measurement>,
    /// The others, worst first.
    stable: Vec<&'a Measurement>,
}

/// Of each column the measurement that says most: a drifted one, then the one with the largest effect.
fn judged(evaluation: &Evaluation) -> Judged<'_> {
    let mut worst: BTreeMap<&str, &Measurement> = BTreeMap::new();
    let rank = |one: &Measurement| (one.verdict == Verdict::Drifted, one.effect.unwrap_or(0.0));
    for one in &evaluation.measurements {
        let Some(column) = one.column.as_deref() else {
            continue;
        };
        if one.row.is_some() || !matches!(one.verdict, Verdict::Drifted | Verdict::Stable) {
            continue;
        }
        let kept = worst.entry(column).or_insert(one);
        if rank(one) > rank(kept) {
            *kept = one;
        }
    }
    let columns = worst.len();
    let mut all: Vec<&Measurement> = worst.into_values().collect();
    // Stable: columns of the same effect stay in the order of their names.
    all.sort_by(|a, b| {
        rank(b)
            .partial_cmp(&rank(a))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let (drifted, stable) = all
        .into_iter()
        .partition(|one| one.verdict == Verdict::Drifted);
    Judged {
        columns,
        drifted,
        stable,
    }
}

/// `10 of 14 drifted`, or why nothing can be said.
pub(crate) fn tally(evaluation: &Evaluation) -> String {
    match evaluation.outcome {
        Outcome::Judged => {
            let judged = judged(evaluation);
            format!("{} of {} drifted", judged.drifted.len(), judged.columns)
        }
        Outcome::Insufficient => "waits".to_owned(),
        Outcome::Failed => "failed".to_owned(),
    }
}

fn day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).date().to_string()
}

/// Columns of a terminal below which there is no table.
const WIDTH_MIN: usize = 30;

/// The live table: at most `lines_max` lines, each monitor with as many columns as fit.
pub(crate) fn table(seen: &[Seen], width: usize, lines_max: usize, colour: bool) -> Vec<String> {
    if width < WIDTH_MIN {
        return Vec::new();
    }
    let monitors: usize = seen.iter().map(|model| model.evaluations.len()).sum();
    // A header, a line a model and one between them, a line a monitor.
    let fixed = 2 * seen.len() + monitors;
    let each = lines_max.saturating_sub(fixed).checked_div(monitors);
    let mut grid = Grid::new(vec![
        Column::left("", Fit::Name),
        Column::left("", Fit::Fixed),
        Column::left("metric", Fit::Optional(1)),
        Column::right("value", Fit::Fixed),
        Column::right("threshold", Fit::Optional(0)),
        Column::right("effect", Fit::Optional(2)),
    ]);
    for (at, model) in seen.iter().enumerate() {
        if at > 0 {
            grid.push(vec![Cell::from("")]);
        }
        grid.push(vec![Cell::new(&progress(model), Paint::Bold)]);
        for evaluation in &model.evaluations {
            grid.push(vec![
                Cell::from(format!("  {}", evaluation.monitor)),
                Cell::new(&about(evaluation), Paint::Plain),
            ]);
            let judged = judged(evaluation);
            let shown = judged.drifted.iter().chain(&judged.stable);
            for one in shown.take(each.unwrap_or(0)) {
                grid.push(row(one));
            }
        }
    }
    let (text, _) = grid.render(width, colour);
    text.lines().take(lines_max).map(str::to_owned).collect()
}

/// How far a model is.
fn progress(model: &Seen) -> String {
    let newest = model.newest.map_or_else(|| "not begun".to_owned(), day);
    format!(
        "{} ({})  {newest}  {} of {} rows  {} labels  {} rows/s",
        model.model,
        model.model_type,
        count(model.rows),
        count(model.rows_total),
        count(model.labels),
        short(model.rows_per_second, 3),
    )
}

/// What an evaluation compared, and what came of it.
fn about(evaluation: &Evaluation) -> String {
    let mut text = tally(evaluation);
    if let Some(reason) = &evaluation.reason {
        text = format!("{text}: {reason}");
    }
    if let (Some(from), Some(to)) = (evaluation.window_from, evaluation.window_to) {
        text = format!("{text}; {} to {}", day(from), day(to));
    }
    format!(
        "{text}; {} rows against {}",
        count(evaluation.current_rows),
        count(evaluation.reference_rows)
    )
}

fn row(one: &Measurement) -> Vec<Cell> {
    let paint = if one.verdict == Verdict::Drifted {
        Paint::Red
    } else {
        Paint::Green
    };
    let number = |value: Option<f64>| value.map(|value| short(value, 4)).unwrap_or_default();
    vec![
        Cell::from(format!("    {}", one.column.as_deref().unwrap_or(""))),
        Cell::new(&one.verdict.to_string(), paint),
        Cell::from(one.metric.as_str()),
        Cell::from(number(Some(one.value))),
        Cell::from(number(one.threshold)),
        Cell::from(number(one.effect)),
    ]
}

/// One line for each model at the end of a month, where there is no terminal.
pub(crate) fn line(month: &str, model: &Seen) -> String {
    let parts: Vec<String> = model
        .evaluations
        .iter()
        .map(|evaluation| {
            let worst = judged(evaluation)
                .drifted
                .first()
                .map(|one| format!(" ({})", worst(one)))
                .unwrap_or_default();
            format!("{} {}{worst}", evaluation.monitor, tally(evaluation))
        })
        .collect();
    format!(
        "{month}  {}: {} rows, {} labels, {} rows/s; {}",
        model.model,
        count(model.rows),
        count(model.labels),
        short(model.rows_per_second, 3),
        parts.join(", ")
    )
}

/// `temperature: ks 0.9857, threshold 0.05`.
fn worst(one: &Measurement) -> String {
    let threshold = one
        .threshold
        .map(|threshold| format!(", threshold {}", short(threshold, 4)))
        .unwrap_or_default();
    format!(
        "{}: {} {}{threshold}",
        one.column.as_deref().unwrap_or(""),
        one.metric,
        short(one.value, 4)
    )
}

/// What a model's monitors said at the end of a month: kind of drift, and in how many words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MonthEnd {
    month: String,
    model: String,
    tallies: [String; 3],
}

impl MonthEnd {
    /// What a model's monitors say now.
    pub(crate) fn new(month: &str, model: &Seen) -> Self {
        let of = |kind: DriftKind| {
            let tallies: Vec<String> = model
                .evaluations
                .iter()
                .filter(|evaluation| evaluation.kind == kind)
                .map(tally)
                .collect();
            tallies.join(", ")
        };
        Self {
            month: month.to_owned(),
            model: model.model.clone(),
            tallies: [DriftKind::Data, DriftKind::Prior, DriftKind::Concept].map(of),
        }
    }
}

/// Every month of every model.
pub(crate) fn summary(months: &[MonthEnd], width: usize, colour: bool) -> String {
    let mut grid = Grid::new(vec![
        Column::left("month", Fit::Fixed),
        Column::left("model", Fit::Name),
        Column::left("data drift", Fit::Fixed),
        Column::left("prior drift", Fit::Fixed),
        Column::left("concept drift", Fit::Fixed),
    ]);
    for end in months {
        let mut cells = vec![Cell::from(&end.month), Cell::from(&end.model)];
        cells.extend(end.tallies.iter().map(Cell::from));
        grid.push(cells);
    }
    grid.render(width, colour).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ThresholdKind;

    fn measurement(column: Option<&str>, effect: f64, verdict: Verdict) -> Measurement {
        Measurement {
            metric: "ks".into(),
            column: column.map(Into::into),
            value: effect,
            effect: Some(effect),
            p_value: Some(0.0),
            p_adjusted: Some(0.0),
            threshold: Some(0.05),
            threshold_kind: Some(ThresholdKind::Floor),
            reference_rows: 6_000,
            current_rows: 5_000,
            missing_share: 0.0,
            unseen_share: 0.0,
            verdict,
            row: None,
            detail: None,
            segment: None,
            began: None,
        }
    }

    fn evaluation(monitor: &str, kind: DriftKind, measurements: Vec<Measurement>) -> Evaluation {
        Evaluation {
            monitor: monitor.into(),
            kind,
            outcome: Outcome::Judged,
            reason: None,
            window_from: Some("2013-06-20T10:00:00Z".parse().unwrap()),
            window_to: Some("2013-07-14T23:00:00Z".parse().unwrap()),
            reference_rows: 6_000,
            current_rows: 5_000,
            measurements,
        }
    }

    fn seen() -> Seen {
        let data = vec![
            measurement(Some("origin"), 0.01, Verdict::Stable),
            measurement(Some("humidity"), 0.2, Verdict::Drifted),
            measurement(Some("temperature"), 0.9857, Verdict::Drifted),
            measurement(Some("temperature"), 0.99, Verdict::Stable),
            measurement(Some("flat"), 0.0, Verdict::Constant),
            measurement(None, 1.0, Verdict::Drifted),
        ];
        let waiting = Evaluation {
            outcome: Outcome::Insufficient,
            reason: Some("80 of 100 rows".into()),
            window_from: None,
            current_rows: 80,
            ..evaluation("concept-drift", DriftKind::Concept, Vec::new())
        };
        Seen {
            model: "flights".into(),
            model_type: "classifier".into(),
            rows: 20_800,
            rows_total: 54_000,
            labels: 18_600,
            rows_per_second: 1_003.4,
            newest: Some("2013-07-14T23:00:00Z".parse().unwrap()),
            evaluations: vec![evaluation("data-drift", DriftKind::Data, data), waiting],
        }
    }

    #[test]
    fn the_table_says_what_drifts_how_much_and_beyond_what() {
        let lines = table(&[seen()], 100, 40, false);
        assert_eq!(
            lines.join("\n"),
            "                          metric   value  threshold  effect
flights (classifier)  2013-07-14  20,800 of 54,000 rows  18,600 labels  1003 rows/s
  data-drift     2 of 3 drifted; 2013-06-20 to 2013-07-14; 5,000 rows against 6,000
    temperature  drifted  ks      0.9857       0.05  0.9857
    humidity     drifted  ks         0.2       0.05     0.2
    origin       stable   ks        0.01       0.05    0.01
  concept-drift  waits: 80 of 100 rows; 80 rows against 6,000"
        );
    }

    #[test]
    fn the_table_fits_its_window() {
        let models = [seen(), seen()];
        for lines_max in 0..20 {
            for width in [WIDTH_MIN - 1, WIDTH_MIN, 40, 80] {
                let lines = table(&models, width, lines_max, false);
                assert!(
                    lines.len() <= lines_max,
                    "{lines_max}: {}",
                    lines.join("\n")
                );
                assert!(lines.iter().all(|line| line.chars().count() <= width));
            }
        }
        // With 12 lines: 8 are fixed, the other four are one for each monitor.
        let lines = table(&models, 100, 12, false).join("\n");
        assert!(
            lines.contains("temperature") && !lines.contains("humidity"),
            "{lines}"
        );
        assert!(table(&[], 80, 10, false).len() <= 1);
    }

    #[test]
    fn colours_come_only_when_asked() {
        let plain = table(&[seen()], 100, 40, false).join("\n");
        let coloured = table(&[seen()], 100, 40, true).join("\n");
        assert!(!plain.contains('\u{1b}'));
        assert!(coloured.contains("\u{1b}[31mdrifted"));
    }

    #[test]
    fn a_month_is_one_line_without_a_terminal() {
        assert_eq!(
            line("2013-07", &seen()),
            "2013-07  flights: 20,800 rows, 18,600 labels, 1003 rows/s; data-drift 2 of 3 drifted \
             (temperature: ks 0.9857, threshold 0.05), concept-drift waits"
        );
    }

    #[test]
    fn the_summary_has_a_line_a_month_and_model() {
        let text = summary(&[MonthEnd::new("2013-07", &seen())], 100, false);
        assert_eq!(
            text,
            "month    model    data drift      concept drift\n2013-07  flights  2 of 3 drifted  waits\n"
        );
    }

    #[test]
    fn names_of_others_cannot_steer_the_terminal() {
        let mut model = seen();
        model.evaluations[0].monitor = "\u{1b}[2Jx".into();
        assert!(!table(&[model], 100, 40, false).join("").contains('\u{1b}'));
    }
}
