//! Runs a change detector over the rows of a stream: what the stream detectors share.
//!
//! Each column has a detector of its own, and its state travels as bytes. Rows without a value are
//! passed over. However rows are cut into windows, the same rows lead to the same findings.

mod state;

use leeway_sdk::{
    Column, ColumnKind, Descriptor, Direction, DriftKind, Failure, Measurement, Metric, Needs,
    Role, Step, Verdict, Window, detail, measurement,
};
use state::{ColumnState, State};

/// Rows read from the host at a time: 512 KiB of numbers.
const ROWS_AT_ONCE: u32 = 65_536;
/// The metric of one detection.
const CHANGE: &str = "change";
/// The metric of all detections in a window.
const DETECTIONS: &str = "detections";

/// A detector of changes in the mean of a stream of numbers.
pub trait ChangeDetector: Sized {
    /// Takes in the next value; whether it is where a change was found.
    fn update(&mut self, value: f64) -> bool;
    /// The mean it goes by.
    fn mean(&self) -> f64;
    /// Rows it goes by.
    fn rows(&self) -> f64;
    /// Its state.
    fn to_bytes(&self) -> Vec<u8>;
    /// The state again.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String>;
}

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

/// Takes in the kept rows of every column of a window; `start` makes the detector of a new column.
///
/// # Errors
/// [`Failure::UnusableBaseline`] for a state of another making, [`Failure::UnusableData`] where rows
/// of the window are missing.
pub fn update<D: ChangeDetector>(
    state: &[u8],
    rows: &dyn Window,
    start: impl Fn() -> Result<D, Failure>,
) -> Result<Step, Failure> {
    if !rows.complete() {
        return Err(Failure::UnusableData(
            "a stream needs every row, and the window kept a sample of them".to_owned(),
        ));
    }
    let mut state = State::from_bytes(state)?;
    let mut measurements = Vec::new();
    for (index, column) in (0..).zip(rows.columns()) {
        let mut detector = match state.get(&column.name) {
            Some(bytes) => D::from_bytes(bytes).map_err(Failure::UnusableBaseline)?,
            None => start()?,
        };
        follow(&mut detector, rows, index, &column, &mut measurements)?;
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

fn follow<D: ChangeDetector>(
    detector: &mut D,
    rows: &dyn Window,
    index: u32,
    column: &Column,
    measurements: &mut Vec<Measurement>,
) -> Result<(), Failure> {
    let end = rows.kept_rows();
    let (mut offset, mut values, mut detections) = (0, 0_u64, 0_u64);
    while offset < end {
        let len = (end - offset).min(ROWS_AT_ONCE);
        for (row, value) in (u64::from(offset)..).zip(rows.numbers(index, offset, len)?) {
            if value.is_nan() {
                continue;
            }
            values += 1;
            if detector.update(value) {
                detections += 1;
                let mut change = measurement(CHANGE, Some(&column.name));
                change.value = detector.mean();
                change.current_rows = values;
                change.verdict = Verdict::Drifted;
                change.row = Some(row);
                measurements.push(change);
            }
        }
        offset += len;
    }
    let mut all = measurement(DETECTIONS, Some(&column.name));
    all.value = detections as f64;
    all.current_rows = values;
    all.missing_share = if end > 0 {
        1.0 - values as f64 / f64::from(end)
    } else {
        0.0
    };
    all.verdict = match (values, detections) {
        (0, _) => Verdict::Insufficient,
        (_, 0) => Verdict::Stable,
        _ => Verdict::Drifted,
    };
    all.detail = Some(detail([
        ("mean", detector.mean().into()),
        ("rows", detector.rows().into()),
    ]));
    measurements.push(all);
    Ok(())
}
