//! Follows every column with a detector of changes, and tells the rows at which it found one.

use leeway_sdk::{
    Column, ColumnKind, Descriptor, Direction, DriftKind, Failure, Measurement, Metric, Needs,
    Role, Step, Verdict, Window, detail, measurement,
};
use leeway_statistics::change::ChangeDetector;

use crate::ROWS_AT_ONCE;
use crate::state::{self, ColumnState, State};

/// The metric of one detection.
const CHANGE: &str = "change";
/// The metric of all detections in a window.
const DETECTIONS: &str = "detections";

/// Changes of a column that are told one by one in a window; further ones are counted. The host takes 65,536 measurements.
pub const CHANGES_MAX: u64 = 10_000;

/// What a stream detector says of itself.
pub fn describe(name: &str, summary: &str, config_schema: String) -> Descriptor {
    let metric = |name: &str, help: &str, direction| Metric {
        name: name.to_owned(),
        help: help.to_owned(),
        unit: String::new(),
        direction,
        minimum: None,
        maximum: None,
        default_threshold: None,
    };
    Descriptor {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: summary.to_owned(),
        kind: DriftKind::Concept,
        accepts: vec![ColumnKind::Numeric],
        roles: vec![Role::Error, Role::AbsoluteResidual],
        needs: Needs::Rows,
        rows_min: 1,
        metrics: vec![
            metric(
                CHANGE,
                "Mean of the stream's window at a row where a change was found.",
                Direction::Informational,
            ),
            metric(
                DETECTIONS,
                "Changes found in the window.",
                Direction::HigherIsDrift,
            ),
        ],
        config_schema,
        state_format: u32::from(state::FORMAT),
    }
}

/// Takes in the kept rows of every column of a window; a new column begins with a copy of `fresh`.
///
/// # Errors
/// [`Failure::UnusableBaseline`] for a state of another making, [`Failure::UnusableData`] where rows
/// of the window are missing.
pub fn update<D: ChangeDetector + Clone>(
    state: &[u8],
    rows: &dyn Window,
    fresh: &D,
) -> Result<Step, Failure> {
    state::require_every_row(rows)?;
    let mut state = State::from_bytes(state)?;
    let mut measurements = Vec::new();
    for (index, column) in (0..).zip(rows.columns()) {
        let mut detector = match state.get(&column.name) {
            Some(bytes) => D::from_bytes(bytes)
                .map_err(|error| Failure::UnusableBaseline(error.to_string()))?,
            None => fresh.clone(),
        };
        let found = follow(&mut detector, rows, index, &column, &mut measurements)?;
        measurements.push(found.judged(&detector, &column, rows.kept_rows()));
        state.set(ColumnState {
            column: column.name,
            detector: detector.to_bytes(),
        });
    }
    Ok(Step {
        state: state.to_bytes()?,
        measurements,
    })
}

/// What a detector made of a window.
#[derive(Default)]
struct Found {
    values: u64,
    detections: u64,
    /// Rows that left it in a state of warning.
    warnings: u64,
    /// The first value outside the range it is made for, if any, and how many there are.
    outside: Option<f64>,
    outside_count: u64,
}

fn follow<D: ChangeDetector>(
    detector: &mut D,
    rows: &dyn Window,
    index: u32,
    column: &Column,
    measurements: &mut Vec<Measurement>,
) -> Result<Found, Failure> {
    let end = rows.kept_rows();
    let (mut offset, mut found) = (0, Found::default());
    // Values beyond all ranges are no errors of the data's owner: they are passed over as they always were.
    let bounded = D::RANGE == leeway_statistics::change::UNIT;
    while offset < end {
        let len = (end - offset).min(ROWS_AT_ONCE);
        for (row, value) in (u64::from(offset)..).zip(rows.numbers(index, offset, len)?) {
            if value.is_nan() {
                continue;
            }
            found.values += 1;
            if bounded && !(value >= D::RANGE.0 && value <= D::RANGE.1) {
                found.outside.get_or_insert(value);
                found.outside_count += 1;
                continue;
            }
            if detector.update(value) {
                found.detections += 1;
                if found.detections <= CHANGES_MAX {
                    measurements.push(changed(detector, column, row, found.values));
                }
            }
            found.warnings += u64::from(D::WARNS && detector.warned());
        }
        offset += len;
    }
    Ok(found)
}

/// One detection.
fn changed(detector: &impl ChangeDetector, column: &Column, row: u64, values: u64) -> Measurement {
    let mut change = measurement(CHANGE, Some(&column.name));
    change.value = detector.mean();
    change.current_rows = values;
    change.verdict = Verdict::Drifted;
    change.row = Some(row);
    change
}

impl Found {
    /// The judgement of the whole window.
    fn judged<D: ChangeDetector>(&self, detector: &D, column: &Column, end: u32) -> Measurement {
        let mut all = measurement(DETECTIONS, Some(&column.name));
        all.value = self.detections as f64;
        all.current_rows = self.values;
        all.missing_share = if end > 0 {
            1.0 - self.values as f64 / f64::from(end)
        } else {
            0.0
        };
        all.verdict = match (self.values, self.detections) {
            _ if self.outside.is_some() => Verdict::Failed,
            (0, _) => Verdict::Insufficient,
            (_, 0) if !detector.ready() => Verdict::Insufficient,
            (_, 0) => Verdict::Stable,
            _ => Verdict::Drifted,
        };
        let (mean, rows) = (detector.mean().into(), detector.rows().into());
        all.detail = Some(if let Some(value) = self.outside {
            let (low, high) = D::RANGE;
            let count = self.outside_count;
            let why = format!(
                "{count} values lie outside [{low}, {high}], the first of them {value:e}; the others were taken in"
            );
            detail([("mean", mean), ("rows", rows), ("reason", why.into())])
        } else if D::WARNS {
            let warnings = ("warnings", self.warnings.into());
            detail([("mean", mean), ("rows", rows), warnings])
        } else {
            detail([("mean", mean), ("rows", rows)])
        });
        all
    }
}
