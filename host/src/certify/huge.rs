//! Many rows, many columns, many categories: what they cost, against each limit.

use std::time::Duration;

use crate::domain::{ColumnKind, ColumnSpec, ColumnValues, Descriptor, Role};
use crate::runtime::{Limits, Usage};

use super::card::{Check, Cost, Outcome};
use super::draws::Draws;
use super::scene::{Rows, Scene, spec};
use super::subject::{Judged, Subject};

/// Rows of the windows whose cost is measured.
const ROWS: usize = 100_000;
/// Columns of these windows, where the detector takes features; else as many as its model has.
const COLUMNS: usize = 20;
/// Times that the calls on them are repeated; the median of their times counts.
const REPEATS: usize = 3;
/// Features of the widest windows, and their rows.
const WIDE: usize = 1_000;
const WIDE_ROWS: usize = 100;
/// Names of a category with many of them, and its rows.
const NAMES: usize = 20_000;
const NAMES_ROWS: usize = 50_000;
/// Beyond this share of a limit a figure is noted.
const NOTED_SHARE: f64 = 0.5;

/// What many rows cost, and the checks about it.
pub(super) fn rows(
    scene: &Scene,
    descriptor: &Descriptor,
    subject: &Subject,
    metered: Option<&Subject>,
    limits: &Limits,
    seed: u64,
) -> (Vec<Check>, Option<Cost>) {
    const NAME: &str = "many rows";
    let mut draws = Draws::new(seed, 5);
    let reference = wide(
        scene.rows(ROWS, None, &mut draws),
        descriptor,
        COLUMNS,
        &mut draws,
    );
    let current = wide(
        scene.rows(ROWS, None, &mut draws),
        descriptor,
        COLUMNS,
        &mut draws,
    );
    let judged: Result<Vec<Judged>, _> = (0..REPEATS)
        .map(|_| subject.judge(&reference, &current))
        .collect();
    let judged = match judged {
        Ok(judged) => judged,
        Err(error) => {
            let says = format!("windows of {ROWS} rows: {error}");
            return (vec![Check::new(NAME, Outcome::Failed, says)], None);
        }
    };
    // A stop by a limit is the same in the metered engine, and its fuel then nobody's concern.
    let fuel = metered
        .and_then(|metered| metered.judge(&reference, &current).ok())
        .map(|judged| judged.used.map(|usage| usage.fuel));
    let most = |of: &dyn Fn(&Usage) -> usize| {
        judged
            .iter()
            .flat_map(|judged| &judged.used)
            .map(of)
            .max()
            .unwrap_or(0)
    };
    let cost = Cost {
        rows: ROWS as u64,
        columns: reference.batch.columns.len() as u64,
        fit_seconds: median(judged.iter().map(|judged| judged.used[0].elapsed)),
        evaluate_seconds: median(judged.iter().map(|judged| judged.used[1].elapsed)),
        fit_fuel: fuel.and_then(|fuel| fuel[0]),
        evaluate_fuel: fuel.and_then(|fuel| fuel[1]),
        memory_bytes_peak: most(&|usage| usage.memory_bytes_peak) as u64,
        output_bytes: most(&|usage| usage.output_bytes) as u64,
    };
    let seen = format!("windows of {ROWS} rows and {} columns judged", cost.columns);
    let mut checks = vec![Check::new(NAME, Outcome::Passed, seen)];
    checks.extend(against_limits(&cost, limits));
    (checks, Some(cost))
}

/// A check for each limit.
fn against_limits(cost: &Cost, limits: &Limits) -> [Check; 3] {
    let check = |name, share: f64, says: String| {
        let noted = share > NOTED_SHARE;
        let outcome = if noted {
            Outcome::Noted
        } else {
            Outcome::Passed
        };
        Check::new(name, outcome, says)
    };
    let slowest = cost.fit_seconds.max(cost.evaluate_seconds);
    let nanoseconds = cost.evaluate_seconds * 1e9 / cost.rows as f64;
    let fuel = cost.evaluate_fuel.map_or_else(String::new, |fuel| {
        format!(", {:.1} fuel", fuel as f64 / cost.rows as f64)
    });
    let of = |bytes: u64, limit: usize| bytes as f64 / limit as f64;
    let megabytes = |bytes: f64| bytes / f64::from(1 << 20);
    [
        check(
            "time",
            slowest / limits.deadline.as_secs_f64(),
            format!(
                "{nanoseconds:.0} ns{fuel} a row; the longest call took {:.1} ms of {:.0} s",
                slowest * 1e3,
                limits.deadline.as_secs_f64()
            ),
        ),
        check(
            "memory",
            of(cost.memory_bytes_peak, limits.memory_bytes_max),
            format!(
                "{:.1} of {:.0} MiB",
                megabytes(cost.memory_bytes_peak as f64),
                megabytes(limits.memory_bytes_max as f64)
            ),
        ),
        check(
            "output",
            of(cost.output_bytes, limits.output_bytes_max),
            format!(
                "{:.3} of {:.0} MiB",
                megabytes(cost.output_bytes as f64),
                megabytes(limits.output_bytes_max as f64)
            ),
        ),
    ]
}

/// Windows of very many columns and of very many categories, where the detector takes such features.
pub(super) fn shapes(
    scene: &Scene,
    descriptor: &Descriptor,
    subject: &Subject,
    seed: u64,
) -> Vec<Check> {
    let mut draws = Draws::new(seed, 6);
    let mut checks = Vec::new();
    let mut check = |name: &str, what: String, rows: &Rows| {
        let (outcome, says) = match subject.judge(rows, rows) {
            Ok(_) => (Outcome::Passed, format!("{what} judged")),
            Err(error) if error.declined() => (Outcome::Noted, format!("{what}: {error}")),
            Err(error) => (
                Outcome::Failed,
                format!("{what}: {error}{}", error.advice()),
            ),
        };
        checks.push(Check::new(name, outcome, says));
    };
    if descriptor.roles.contains(&Role::Feature) {
        let rows = wide(
            scene.rows(WIDE_ROWS, None, &mut draws),
            descriptor,
            WIDE,
            &mut draws,
        );
        check("many columns", format!("windows of {WIDE} columns"), &rows);
    }
    let categorical = scene.shows("channel") || scene.shows("label");
    if categorical && descriptor.accepts.contains(&ColumnKind::Categorical) {
        let rows = many_names(&scene.rows(NAMES_ROWS, None, &mut draws));
        check(
            "many categories",
            format!("columns of {NAMES} names"),
            &rows,
        );
    }
    checks
}

/// The rows with further features of the kinds that the detector takes, up to so many columns.
fn wide(rows: Rows, descriptor: &Descriptor, columns: usize, draws: &mut Draws) -> Rows {
    if !descriptor.roles.contains(&Role::Feature) {
        return rows;
    }
    let count = rows.batch.rows;
    let mut all = rows.columns();
    let kinds: Vec<ColumnKind> = descriptor.accepts.clone();
    for (number, &kind) in (all.len()..columns).zip(kinds.iter().cycle()) {
        all.push((
            spec(&format!("feature_{number}"), kind, Role::Feature),
            values(kind, count, draws),
        ));
    }
    Rows::of(all)
}

fn values(kind: ColumnKind, rows: usize, draws: &mut Draws) -> ColumnValues {
    match kind {
        ColumnKind::Numeric => ColumnValues::Numeric((0..rows).map(|_| draws.normal()).collect()),
        ColumnKind::Categorical => ColumnValues::Categorical {
            codes: (0..rows).map(|_| draws.below(8)).collect(),
            dictionary: (0..8).map(|name| format!("name {name}")).collect(),
        },
        ColumnKind::Embedding => ColumnValues::Embedding {
            dimension: 2,
            #[expect(clippy::cast_possible_truncation, reason = "vectors are of floats")]
            values: (0..rows * 2).map(|_| draws.share() as f32).collect(),
        },
    }
}

/// Every categorical column with very many names.
fn many_names(rows: &Rows) -> Rows {
    let mut columns: Vec<(ColumnSpec, ColumnValues)> = rows.columns();
    for (_, values) in &mut columns {
        if let ColumnValues::Categorical { codes, dictionary } = values {
            *dictionary = (0..NAMES).map(|name| format!("name {name}")).collect();
            for (code, name) in codes.iter_mut().zip((0..NAMES).cycle()) {
                *code = u32::try_from(name).unwrap_or_default();
            }
        }
    }
    Rows::of(columns)
}

fn median(times: impl Iterator<Item = Duration>) -> f64 {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .map_or(0.0, Duration::as_secs_f64)
}
