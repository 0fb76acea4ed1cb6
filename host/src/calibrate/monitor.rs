//! Calibrates one monitor on the rows that its detector sees.

use crate::domain::ColumnSpec;

use super::error::CalibrateError;
use super::judge::{Judge, Said, answered};
use super::movement::{Movement, Unit};
use super::report::{ColumnReport, LeftOut, MonitorReport, Passes, Share, SizeReport, Smallest};
use super::rows::{Making, Rows};
use super::settings::Settings;
use super::shuffled::{Base, Deal, Replay};
use super::smallest::Trial;
use super::suggest::{Moved, suggest};
use super::threads::Threads;
use super::{ordered, tally, targets};

/// A monitor that is to be calibrated.
pub struct Monitor<'a> {
    /// Its name.
    pub name: String,
    /// Its detector, `name@version`.
    pub detector: String,
    /// The detector with the monitor's configuration and seed.
    pub judge: &'a dyn Judge,
    /// Rows of its window, where it has a number of them.
    pub window_rows: Option<u64>,
    /// Fewest rows of a window for a verdict.
    pub rows_min: u64,
}

/// Everything that all monitors share.
pub(super) struct Reference<'a> {
    /// All columns, by time.
    pub(super) rows: &'a Rows,
    /// Rows whose order means something.
    pub(super) ordered: usize,
    pub(super) sizes: &'a [u32],
    pub(super) settings: &'a Settings,
    pub(super) threads: &'a Threads<'a>,
}

/// The report of a monitor, and what each size came to in each replay.
pub(super) fn calibrate(
    monitor: &Monitor,
    reference: &Reference,
) -> Result<(MonitorReport, Vec<Vec<Said>>), CalibrateError> {
    let Reference {
        sizes, settings, ..
    } = *reference;
    let judge = monitor.judge;
    let making = Making {
        profile: settings.profile,
        keep_rows: judge.reads_rows(),
    };
    let timed = reference.rows.seen_by(judge.roles(), judge.kinds());
    let rows = timed.without_times();
    let deal = Deal {
        judge,
        rows: &rows,
        making,
        sizes,
        rows_min: monitor.rows_min,
        seed: settings.seed,
    };
    let replays = deal.replays(settings.replays, reference.threads)?;
    let said = by_size(sizes, &replays);
    let in_order = if judge.follows_rows() {
        vec![Vec::new(); sizes.len()]
    } else {
        let how = (sizes, monitor.rows_min);
        let (ordered, threads) = (reference.ordered, reference.threads);
        ordered::windows(judge, &timed, making, how, ordered, threads)?
    };
    let passes = judge
        .follows_rows()
        .then(|| passes(judge, &timed, making, &replays))
        .transpose()?;

    let (movements, left_out) = movements(&rows, settings.columns as usize);
    let smallest = search(reference, &deal, &said, &movements, &replays)?;

    let of_unit = |unit: Unit, size: usize| {
        let columns = movements.iter().zip(&smallest);
        let of = columns.filter(move |((_, movement), _)| movement.unit() == unit);
        tally::median(of.map(move |(_, smallest)| smallest[size]))
    };
    let size_reports: Vec<SizeReport> = sizes
        .iter()
        .enumerate()
        .map(|(at, &rows)| {
            let false_alarms = tally::share(&said[at]);
            SizeReport {
                rows,
                false_alarms,
                undecided: tally::undecided(&said[at]),
                failed: tally::failed(&said[at]),
                in_order: (!judge.follows_rows())
                    .then(|| ordered::compared(&in_order[at], &false_alarms)),
                median_shift: of_unit(Unit::StandardDeviations, at),
                median_share: of_unit(Unit::Share, at),
            }
        })
        .collect();
    let moved = |unit| {
        movements
            .iter()
            .any(|(_, movement)| movement.unit() == unit)
    };
    let suggestion = suggest(
        &size_reports,
        &targets(settings),
        Moved {
            shift: moved(Unit::StandardDeviations),
            share: moved(Unit::Share),
        },
    );
    let failure = tally::failure(said.iter().chain(&in_order).flatten());
    let report = MonitorReport {
        monitor: monitor.name.clone(),
        detector: monitor.detector.clone(),
        follows_rows: judge.follows_rows(),
        window_rows: monitor.window_rows,
        columns: column_reports(rows.columns(), sizes, &movements, &smallest),
        sizes: size_reports,
        passes,
        left_out,
        suggestion,
        failure,
    };
    Ok((report, said))
}

fn by_size(sizes: &[u32], replays: &[Replay]) -> Vec<Vec<Said>> {
    let of = |at: usize| replays.iter().map(move |replay| replay.said[at].clone());
    (0..sizes.len()).map(|at| of(at).collect()).collect()
}

/// The smallest movement that is seen, by column and size; none of sizes without a verdict.
fn search(
    reference: &Reference,
    deal: &Deal,
    said: &[Vec<Said>],
    movements: &[(usize, Movement)],
    replays: &[Replay],
) -> Result<Vec<Vec<Option<f64>>>, CalibrateError> {
    let sizes = deal.sizes;
    let judged: Vec<bool> = said.iter().map(|said| tally::share(said).of > 0).collect();
    let bases: Vec<&Base> = replays.iter().filter_map(|one| one.base.as_ref()).collect();
    let tries: Vec<(usize, usize)> = (0..movements.len())
        .flat_map(|column| (0..sizes.len()).map(move |size| (column, size)))
        .filter(|(_, size)| judged[*size])
        .collect();
    let found = reference.threads.each(tries.len(), |task| {
        let (column, size) = tries[task];
        let (position, movement) = &movements[column];
        let trial = Trial {
            judge: deal.judge,
            rows: deal.rows,
            making: deal.making,
            bases: &bases,
            seed: deal.seed,
            column: *position,
            movement,
        };
        trial.smallest(sizes[size])
    })?;
    let mut smallest = vec![vec![None; sizes.len()]; movements.len()];
    for ((column, size), found) in tries.into_iter().zip(found) {
        smallest[column][size] = found;
    }
    Ok(smallest)
}

/// Which columns are moved and how, and which are not.
fn movements(rows: &Rows, columns_max: usize) -> (Vec<(usize, Movement)>, Vec<LeftOut>) {
    let (mut movements, mut left_out) = (Vec::new(), Vec::new());
    for (position, spec) in rows.columns().iter().enumerate() {
        let why = if movements.len() >= columns_max {
            format!("only the first {columns_max} columns are moved")
        } else {
            match Movement::of(&rows.batch().columns[position], spec.role) {
                Ok(movement) => {
                    movements.push((position, movement));
                    continue;
                }
                Err(why) => why.to_owned(),
            }
        };
        left_out.push(LeftOut {
            column: spec.name.clone(),
            why,
        });
    }
    (movements, left_out)
}

/// All rows through a detector that follows rows: shuffled, and in order.
fn passes(
    judge: &dyn Judge,
    rows: &Rows,
    making: Making,
    replays: &[Replay],
) -> Result<Passes, CalibrateError> {
    let done: Vec<&Replay> = replays
        .iter()
        .filter(|replay| !matches!(replay.said.last(), None | Some(Said::Failed(_))))
        .collect();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let ever = done.iter().filter(|replay| replay.alarms > 0).count();
    let alarms: u64 = done.iter().map(|replay| replay.alarms).sum();
    let followed = done.len() as f64 * rows.rows() as f64;
    let all: Vec<usize> = (0..rows.rows()).collect();
    let in_order = answered(judge.learn(&rows.window(&all, making)?))?;
    Ok(Passes {
        ever: Share::new(count(ever), count(done.len())),
        alarms_per_10000_rows: if followed > 0.0 {
            alarms as f64 / followed * 10_000.0
        } else {
            0.0
        },
        in_order_alarms: in_order.ok().map(|learned| learned.alarms()),
    })
}

fn column_reports(
    specs: &[ColumnSpec],
    sizes: &[u32],
    movements: &[(usize, Movement)],
    smallest: &[Vec<Option<f64>>],
) -> Vec<ColumnReport> {
    let report = |((position, movement), smallest): (&(usize, Movement), &Vec<Option<f64>>)| {
        let found = sizes.iter().zip(smallest);
        ColumnReport {
            column: specs[*position].name.clone(),
            role: specs[*position].role,
            unit: movement.unit(),
            smallest: found
                .map(|(&rows, &shift)| Smallest { rows, shift })
                .collect(),
        }
    };
    movements.iter().zip(smallest).map(report).collect()
}
