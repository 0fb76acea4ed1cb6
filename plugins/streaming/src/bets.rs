//! Follows every column with an always-valid monitor, all columns together at one level of false alarms for ever.

use leeway_sdk::{
    Column, ColumnKind, Descriptor, Direction, DriftKind, Failure, MISSING_CODE, Measurement,
    Metric, Needs, Role, Step, ThresholdKind, Verdict, Window, measurement,
};
use leeway_statistics::always_valid::{AlwaysValid, Phase};

use crate::ROWS_AT_ONCE;
use crate::state::{self, ColumnState, State};

/// The metric of a column's evidence.
const E_VALUE: &str = "e_value";
/// The metric of an alarm.
const ALARM: &str = "alarm";

/// What an always-valid monitor says of itself. Change what differs.
pub fn describe_bets(name: &str, summary: &str, config_schema: String) -> Descriptor {
    let metric = |name: &str, help: &str, direction| Metric {
        name: name.to_owned(),
        help: help.to_owned(),
        unit: String::new(),
        direction,
        minimum: Some(0.0),
        maximum: None,
        default_threshold: None,
    };
    Descriptor {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: summary.to_owned(),
        kind: DriftKind::Concept,
        accepts: vec![ColumnKind::Numeric],
        roles: vec![Role::Error],
        needs: Needs::Rows,
        rows_min: 1,
        metrics: vec![
            metric(
                E_VALUE,
                "What bets against no change have made of 1: rarely ever large without a change.",
                Direction::HigherIsDrift,
            ),
            metric(
                ALARM,
                "The e-value at the row where the alarm was raised.",
                Direction::Informational,
            ),
        ],
        config_schema,
        state_format: u32::from(state::FORMAT),
    }
}

/// How the columns of a stream are watched.
pub struct Watch<S, P> {
    /// Chance of any false alarm in any column of the stream, in `(0, 1)`: each column has its equal share (Bonferroni).
    pub level: f64,
    /// From which each column has a seed of its own.
    pub seed: u64,
    /// Makes the monitor of a new column, given its seed.
    pub start: S,
    /// The value that is bet on, or why it cannot be.
    pub prepare: P,
}

/// Takes in the kept rows of every column of a window.
///
/// The level holds for the columns of the first window; one that comes later adds its share to it.
///
/// # Errors
/// [`Failure::UnusableBaseline`] for a state of another making, [`Failure::UnusableData`] where rows
/// of the window are missing.
pub fn watch<M: AlwaysValid>(
    state: &[u8],
    rows: &dyn Window,
    how: &Watch<
        impl Fn(&Column, u64) -> Result<M, Failure>,
        impl Fn(&Column, f64) -> Result<f64, &'static str>,
    >,
) -> Result<Step, Failure> {
    state::require_every_row(rows)?;
    let mut state = State::from_bytes(state)?;
    let mut measurements = Vec::new();
    let columns = rows.columns();
    let level = how.level / columns.len().max(1) as f64;
    for (index, column) in (0..).zip(&columns) {
        let mut monitor = match state.get(&column.name) {
            Some(bytes) => M::from_bytes(bytes)
                .map_err(|error| Failure::UnusableBaseline(error.to_string()))?,
            None => (how.start)(column, how.seed ^ fingerprint(&column.name))?,
        };
        let mut seen = Seen::default();
        each_value(rows, index, column, |row, value| {
            seen.values += 1;
            match (how.prepare)(column, value) {
                Err(why) => {
                    seen.outside.get_or_insert((value, why));
                }
                Ok(value) if monitor.update(value, level) => {
                    seen.alarms += 1;
                    measurements.push(seen.alarm(&monitor, column, row, level));
                }
                Ok(_) => {}
            }
        })?;
        let mut judged = seen.judged(&monitor, column, level);
        judged.p_adjusted = judged.p_value.map(|p| (p * columns.len() as f64).min(1.0));
        if rows.kept_rows() > 0 {
            judged.missing_share = 1.0 - seen.values as f64 / f64::from(rows.kept_rows());
        }
        measurements.push(judged);
        state.set(ColumnState {
            column: column.name.clone(),
            detector: monitor.to_bytes(),
        });
    }
    Ok(Step {
        state: state.to_bytes()?,
        measurements,
    })
}

/// Every value of a column that is there, with its row. A category is a number of its own: a fingerprint of its name, in `[0, 1)`.
fn each_value(
    rows: &dyn Window,
    index: u32,
    column: &Column,
    mut take: impl FnMut(u64, f64),
) -> Result<(), Failure> {
    let names: Vec<f64> = match column.kind {
        ColumnKind::Categorical => rows
            .dictionary(index)?
            .iter()
            .map(|name| (fingerprint(name) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64))
            .collect(),
        _ => Vec::new(),
    };
    let (mut offset, end) = (0, rows.kept_rows());
    while offset < end {
        let len = (end - offset).min(ROWS_AT_ONCE);
        let values = if column.kind == ColumnKind::Categorical {
            let number = |code: u32| match names.get(code as usize) {
                Some(number) if code != MISSING_CODE => *number,
                _ => f64::NAN,
            };
            rows.codes(index, offset, len)?
                .into_iter()
                .map(number)
                .collect()
        } else {
            rows.numbers(index, offset, len)?
        };
        for (row, value) in (u64::from(offset)..).zip(values) {
            if !value.is_nan() {
                take(row, value);
            }
        }
        offset += len;
    }
    Ok(())
}

/// FNV-1a: the same for the same name wherever it comes.
fn fingerprint(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What a monitor made of a window.
#[derive(Default)]
struct Seen {
    values: u64,
    alarms: u64,
    /// The first value that could not be bet on, and why.
    outside: Option<(f64, &'static str)>,
}

impl Seen {
    fn alarm(
        &self,
        monitor: &impl AlwaysValid,
        column: &Column,
        row: u64,
        level: f64,
    ) -> Measurement {
        let mut alarm = self.standing(ALARM, monitor, column, level);
        alarm.row = Some(row);
        alarm.verdict = Verdict::Drifted;
        alarm
    }

    /// The judgement of the whole window.
    fn judged(&self, monitor: &impl AlwaysValid, column: &Column, level: f64) -> Measurement {
        let mut judged = self.standing(E_VALUE, monitor, column, level);
        judged.verdict = match (self.outside, monitor.phase()) {
            (Some(_), _) => Verdict::Failed,
            _ if self.alarms > 0 => Verdict::Drifted,
            (_, Phase::Alarmed) => Verdict::Drifted,
            (_, Phase::Learning) => Verdict::Insufficient,
            _ if self.values == 0 => Verdict::Insufficient,
            (_, Phase::Constant) => Verdict::Constant,
            (_, Phase::Watching) => Verdict::Stable,
        };
        let (_, watched) = monitor.rows();
        let mut numbers: serde_json::Map<String, serde_json::Value> = monitor
            .numbers(level)
            .into_iter()
            .map(|(name, number)| (name.to_owned(), number.into()))
            .collect();
        numbers.insert("watched_rows".to_owned(), watched.into());
        numbers.insert("largest_e_value".to_owned(), monitor.largest().into());
        if let Some((value, why)) = self.outside {
            numbers.insert("reason".to_owned(), format!("{why}: {value:e}").into());
        }
        judged.detail = Some(serde_json::Value::Object(numbers).to_string());
        judged
    }

    fn standing(
        &self,
        metric: &str,
        monitor: &impl AlwaysValid,
        column: &Column,
        level: f64,
    ) -> Measurement {
        let mut standing = measurement(metric, Some(&column.name));
        standing.value = monitor.e_value();
        standing.effect = Some(monitor.effect());
        standing.p_value = monitor.p_value();
        standing.threshold = Some(1.0 / level);
        standing.threshold_kind = Some(ThresholdKind::Calibrated);
        let (learned, _) = monitor.rows();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of rows"
        )]
        let learned = learned as u64;
        standing.reference_rows = learned;
        standing.current_rows = self.values;
        standing
    }
}
