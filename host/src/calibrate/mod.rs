//! Replays a reference against itself: how often its monitors raise a false alarm on it, and how small a shift they see.
//!
//! Three questions, each answered from rows that are known to be normal:
//!
//! | question | how |
//! | --- | --- |
//! | how often is there a false alarm? | the rows are shuffled and dealt into a reference and windows of several sizes, again and again |
//! | does the reference move by itself? | its windows as they follow each other, each against all other rows |
//! | how small a shift is seen? | one column of shuffled windows is moved, by steps, until most windows tell |
//!
//! Owns no statistics but counting: every judgement is a detector's. Pure: the same rows, monitors and seed give the same report,
//! on any number of threads. No files, no HTTP, no SQL.

mod error;
#[cfg(test)]
mod fake;
mod judge;
mod monitor;
mod movement;
mod ordered;
mod report;
mod rows;
mod settings;
mod shuffled;
mod smallest;
mod suggest;
mod tally;
mod threads;

pub use error::CalibrateError;
pub use judge::{Judge, JudgeError, Learned, alarms};
pub use monitor::Monitor;
pub use movement::Unit;
pub use report::{
    ColumnReport, InOrder, LeftOut, MonitorReport, Order, Passes, Report, Share, SizeAlarms,
    SizeReport, Smallest, Suggestion, Targets,
};
pub use rows::Rows;
pub use settings::{
    COLUMNS_DEFAULT, COLUMNS_RANGE, REPLAYS_DEFAULT, REPLAYS_RANGE, ROWS_DEFAULT, ROWS_RANGE,
    SHARE_DEFAULT, SHIFT_DEFAULT, SIZE_RANGE, SIZES_DEFAULT, SIZES_MAX, Settings, check_rows,
};
pub use threads::{Step, THREADS_MAX, Threads};

use settings::{ALARMS_MAX, PARTS_MIN, POWER, SHIFT_REPLAYS};

/// Calibrates monitors on the rows of their reference.
///
/// # Errors
/// [`CalibrateError`]: settings out of range, too few rows, or somebody who stopped it. A detector that gives no answer is no
/// error: its report says so.
pub fn calibrate(
    rows: &Rows,
    monitors: &[Monitor],
    settings: &Settings,
    threads: &Threads,
) -> Result<Report, CalibrateError> {
    settings.check()?;
    if monitors.is_empty() {
        return Err(CalibrateError::NoMonitors);
    }
    let own: Vec<u32> = monitors
        .iter()
        .filter_map(|monitor| u32::try_from(monitor.window_rows?).ok())
        .filter(|rows| *rows > 0)
        .collect();
    let sizes = settings.sizes(rows.rows(), &own)?;
    let (rows, timed) = rows.by_time();
    let reference = monitor::Reference {
        rows: &rows,
        ordered: timed.unwrap_or(rows.rows()),
        sizes: &sizes,
        settings,
        threads,
    };
    let (mut reports, mut said) = (Vec::new(), Vec::new());
    for monitor in monitors {
        let (report, of_replays) = monitor::calibrate(monitor, &reference)?;
        reports.push(report);
        said.push(of_replays);
    }
    let held = sizes.last().copied().unwrap_or(0);
    Ok(Report {
        rows: rows.rows() as u64,
        rows_seen: rows.seen(),
        order: if timed.is_some() {
            Order::Time
        } else {
            Order::Rows
        },
        reference_rows: rows.rows() as u64 - u64::from(held),
        replays: settings.replays,
        shift_replays: SHIFT_REPLAYS.min(settings.replays),
        power: POWER,
        targets: targets(settings),
        seed: settings.seed,
        model: tally::of_model(&sizes, &said),
        notes: notes(&rows, timed, monitors),
        monitors: reports,
        leeway: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn targets(settings: &Settings) -> Targets {
    Targets {
        false_alarms: ALARMS_MAX,
        shift: settings.shift,
        share: settings.share,
    }
}

fn notes(rows: &Rows, timed: Option<usize>, monitors: &[Monitor]) -> Vec<String> {
    let mut notes = Vec::new();
    let (used, seen) = (rows.rows() as u64, rows.seen());
    if seen > used {
        notes.push(format!(
            "{used} of the reference's {seen} rows were drawn: in order, a window of them spans {:.1} times as many",
            seen as f64 / used as f64
        ));
    }
    if let Some(timed) = timed.filter(|timed| *timed < rows.rows()) {
        notes.push(format!(
            "{} rows have no time: they stand in no window in order",
            rows.rows() - timed
        ));
    }
    for monitor in monitors {
        if let Some(own) = monitor.window_rows
            && own.saturating_mul(PARTS_MIN as u64) > used
        {
            notes.push(format!(
                "the window of '{}' has {own} rows, more than a third of the {used} that were used: it was not tried",
                monitor.name
            ));
        }
    }
    notes
}

#[cfg(test)]
mod tests;
