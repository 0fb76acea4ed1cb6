//! A calibration's report as text.

use std::fmt::Write as _;

use crate::calibrate::{
    ColumnReport, InOrder, MonitorReport, Order, Passes, Report, Share, SizeReport, Unit,
};

use super::grid::grid;

/// The report for a terminal.
pub(super) fn text(report: &Report) -> String {
    let order = match report.order {
        Order::Time => "in order of time",
        Order::Rows => "in the order in which they came",
    };
    let mut text = format!(
        "{} rows, {order}. {} shuffled replays: {} rows as reference, the others as windows. Seed {}.\n",
        report.rows, report.replays, report.reference_rows, report.seed
    );
    for monitor in &report.monitors {
        of_monitor(&mut text, monitor, report);
    }
    if report.monitors.len() > 1 {
        text.push_str("\nall monitors together\n");
        let rows: Vec<Vec<String>> = report
            .model
            .iter()
            .map(|size| vec![size.rows.to_string(), rate(&size.false_alarms)])
            .collect();
        text.push_str(&grid(&strings(&["rows", "false alarms"]), &rows));
    }
    if !report.notes.is_empty() {
        text.push('\n');
    }
    for note in &report.notes {
        line(&mut text, &format!("note: {note}"));
    }
    text
}

fn of_monitor(text: &mut String, monitor: &MonitorReport, report: &Report) {
    let name = match monitor.detector.split_once('@') {
        Some((detector, _)) if detector == monitor.monitor => monitor.detector.clone(),
        _ => format!("{}: {}", monitor.monitor, monitor.detector),
    };
    let _ = write!(text, "\n{name}\n");
    let rows: Vec<Vec<String>> = monitor.sizes.iter().map(size).collect();
    let header = [
        "rows",
        "false alarms",
        "in order",
        "median shift",
        "median share",
    ];
    text.push_str(&grid(&strings(&header), &rows));
    if !monitor.columns.is_empty() {
        let _ = writeln!(
            text,
            "smallest shift that {:.0}% of {} windows show, by rows of the window",
            report.power * 100.0,
            report.shift_replays
        );
        text.push_str(&columns(monitor));
    }
    for left in &monitor.left_out {
        line(text, &format!("not moved: '{}', {}", left.column, left.why));
    }
    if let Some(why) = &monitor.failure {
        line(text, &format!("windows without an answer: {why}"));
    }
    if let Some(passes) = &monitor.passes {
        line(text, &passed(passes, report.rows));
    }
    if let Some(moving) = moving(monitor) {
        line(text, &moving);
    }
    if let Some(own) = own(monitor) {
        line(text, &own);
    }
    let why = &monitor.suggestion.why;
    line(
        text,
        &match monitor.suggestion.window_rows {
            Some(rows) => format!("suggestion: windows of {rows} rows: {why}"),
            None => format!("no suggestion: {why}"),
        },
    );
}

fn size(size: &SizeReport) -> Vec<String> {
    let mut alarms = if size.false_alarms.of == 0 {
        "no verdict".to_owned()
    } else {
        rate(&size.false_alarms)
    };
    if size.undecided > 0 && size.false_alarms.of > 0 {
        let _ = write!(alarms, ", {} undecided", size.undecided);
    }
    if size.failed > 0 {
        let _ = write!(alarms, ", {} failed", size.failed);
    }
    vec![
        size.rows.to_string(),
        alarms,
        size.in_order.as_ref().map_or_else(none, in_order),
        size.median_shift
            .map_or_else(none, |shift| format!("{shift} sd")),
        size.median_share.map_or_else(none, percent),
    ]
}

fn in_order(in_order: &InOrder) -> String {
    if in_order.alarms.of == 0 {
        return none();
    }
    let moves = if in_order.moves { ", moves" } else { "" };
    let (share, of) = (percent(in_order.alarms.share), in_order.alarms.of);
    format!("{share} of {of}{moves}")
}

fn columns(monitor: &MonitorReport) -> String {
    let mut header = strings(&["column", "by"]);
    header.extend(monitor.sizes.iter().map(|size| size.rows.to_string()));
    let row = |column: &ColumnReport| {
        let unit = match column.unit {
            Unit::StandardDeviations => "sd",
            Unit::Share => "share",
        };
        let mut row = strings(&[&column.column, unit]);
        row.extend(column.smallest.iter().map(|one| {
            one.shift.map_or_else(none, |shift| match column.unit {
                Unit::StandardDeviations => shift.to_string(),
                Unit::Share => percent(shift),
            })
        }));
        row
    };
    let rows: Vec<Vec<String>> = monitor.columns.iter().map(row).collect();
    grid(&header, &rows)
}

fn passed(passes: &Passes, rows: u64) -> String {
    let in_order = passes
        .in_order_alarms
        .map_or_else(String::new, |alarms| format!("; {alarms} alarms in order"));
    format!(
        "all {rows} rows shuffled: {} passes ever alarm, {:.2} alarms in 10000 rows{in_order}",
        rate(&passes.ever),
        passes.alarms_per_10000_rows
    )
}

/// Says where the reference moves by itself most.
fn moving(monitor: &MonitorReport) -> Option<String> {
    let moving = monitor
        .sizes
        .iter()
        .filter_map(|size| Some((size.rows, size.in_order.filter(|found| found.moves)?)));
    let (rows, found) = moving.max_by(|(_, a), (_, b)| {
        // Of equal shares that of the smaller windows, of which there are more.
        (a.alarms.share.total_cmp(&b.alarms.share)).then(a.alarms.of.cmp(&b.alarms.of))
    })?;
    Some(format!(
        "your reference moves by itself: {} of its own windows of {rows} rows would alarm",
        percent(found.alarms.share)
    ))
}

/// What the monitor's own window does.
fn own(monitor: &MonitorReport) -> Option<String> {
    let own = monitor.window_rows?;
    let size = monitor
        .sizes
        .iter()
        .find(|size| u64::from(size.rows) == own)?;
    let median = |median: Option<f64>, unit: Unit, shown: &dyn Fn(f64) -> String| {
        let moved = monitor.columns.iter().any(|column| column.unit == unit);
        moved.then(|| median.map_or_else(|| "none that was tried".to_owned(), shown))
    };
    let shift = median(size.median_shift, Unit::StandardDeviations, &|shift| {
        format!("a shift of {shift} sd")
    });
    let share = median(size.median_share, Unit::Share, &|share| {
        format!("a share of {}", percent(share))
    });
    let seen: Vec<String> = shift.into_iter().chain(share).collect();
    let seen = if seen.is_empty() {
        String::new()
    } else {
        format!(", the median column shows {}", seen.join(", "))
    };
    Some(format!(
        "the monitor's own window of {own} rows: {} false alarms{seen}",
        rate(&size.false_alarms)
    ))
}

fn rate(share: &Share) -> String {
    let percent = |share: f64| share * 100.0;
    format!(
        "{:.1}% [{:.1}, {:.1}] of {}",
        percent(share.share),
        percent(share.low),
        percent(share.high),
        share.of
    )
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 1_000.0).round() / 10.0)
}

fn none() -> String {
    "-".to_owned()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// One line, without what would move the cursor: names come from files and from servers.
fn line(text: &mut String, words: &str) {
    text.extend(words.chars().map(|c| if c.is_control() { ' ' } else { c }));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn share(hits: u32, of: u32) -> serde_json::Value {
        let share = f64::from(hits) / f64::from(of);
        json!({"share": share, "hits": hits, "of": of, "low": 0.01, "high": 0.1})
    }

    fn report() -> Report {
        let mut in_order = share(9, 12);
        in_order["moves"] = json!(true);
        let report = json!({
            "rows": 6000, "rows_seen": 6000, "order": "time", "reference_rows": 4000, "replays": 200, "shift_replays": 40,
            "power": 0.8, "targets": {"false_alarms": 0.06, "shift": 0.3, "share": 0.1}, "seed": 7,
            "model": [{"rows": 500, "false_alarms": share(12, 200)}],
            "monitors": [{
                "monitor": "data-drift", "detector": "data-drift@1.0.0", "follows_rows": false, "window_rows": 500,
                "sizes": [{
                    "rows": 500, "false_alarms": share(10, 200), "undecided": 0, "failed": 0, "in_order": in_order,
                    "median_shift": 0.25, "median_share": null,
                }],
                "passes": null,
                "columns": [
                    {"column": "age", "role": "feature", "unit": "standard-deviations", "smallest": [{"rows": 500, "shift": 0.25}]},
                    {"column": "city", "role": "feature", "unit": "share", "smallest": [{"rows": 500, "shift": null}]},
                ],
                "left_out": [{"column": "id\u{1b}", "why": "why"}],
                "suggestion": {"window_rows": 500, "why": "because"}, "failure": null,
            }, {
                "monitor": "errors", "detector": "adwin@1.0.0", "follows_rows": true, "window_rows": null,
                "sizes": [{
                    "rows": 500, "false_alarms": share(2, 100), "undecided": 80, "failed": 20, "in_order": null,
                    "median_shift": null, "median_share": null,
                }],
                "passes": {"ever": share(20, 200), "alarms_per_10000_rows": 0.25, "in_order_alarms": 3},
                "columns": [], "left_out": [], "suggestion": {"window_rows": null, "why": "because"}, "failure": "why",
            }],
            "notes": ["a note"], "leeway": "1.0.0",
        });
        serde_json::from_value(report).unwrap()
    }

    #[test]
    fn a_report_is_told_monitor_by_monitor() {
        let expected = "\
6000 rows, in order of time. 200 shuffled replays: 4000 rows as reference, the others as windows. Seed 7.

data-drift@1.0.0
rows  false alarms              in order          median shift  median share
----  ------------------------  ----------------  ------------  ------------
500   5.0% [1.0, 10.0] of 200   75% of 12, moves  0.25 sd       -
smallest shift that 80% of 40 windows show, by rows of the window
column  by     500
------  -----  ----
age     sd     0.25
city    share  -
not moved: 'id ', why
your reference moves by itself: 75% of its own windows of 500 rows would alarm
the monitor's own window of 500 rows: 5.0% [1.0, 10.0] of 200 false alarms, the median column shows a shift of 0.25 sd, none that was tried
suggestion: windows of 500 rows: because

errors: adwin@1.0.0
rows  false alarms                                     in order  median shift  median share
----  -----------------------------------------------  --------  ------------  ------------
500   2.0% [1.0, 10.0] of 100, 80 undecided, 20 failed  -         -             -
windows without an answer: why
all 6000 rows shuffled: 10.0% [1.0, 10.0] of 200 passes ever alarm, 0.25 alarms in 10000 rows; 3 alarms in order
no suggestion: because

all monitors together
rows  false alarms
----  -----------------------
500   6.0% [1.0, 10.0] of 200

note: a note
";
        let squeezed = |text: &str| text.lines().map(words).collect::<Vec<_>>();
        assert_eq!(squeezed(&text(&report())), squeezed(expected));
    }

    /// How wide columns are is the grid's own test.
    fn words(line: &str) -> String {
        let words = line.split_whitespace().map(|word| word.trim_matches('-'));
        words
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }
}
