//! A detector under test: hands it rows, whichever kind it is, and keeps what each call used.

use std::sync::Arc;

use crate::domain::{Measurement, Needs};
use crate::profile::{KeptRowsBuilder, Profile, ProfileBuilder, ProfileConfig, Window};
use crate::runtime::{
    BatchDetector, Detector, Refusal, RunError, State, StreamDetector, Usage, Violation,
};

use super::scene::Rows;

/// What a detector made of two windows.
pub(super) struct Judged {
    /// What it said of the current rows.
    pub(super) measurements: Vec<Measurement>,
    /// The baseline, or the state after the last row.
    pub(super) left: Vec<u8>,
    /// What the call on the reference rows used, and the one on the current rows.
    pub(super) used: [Usage; 2],
}

impl Judged {
    /// Everything it answered as text: equal exactly where every bit is.
    pub(super) fn bits(&self) -> String {
        let measurements = serde_json::to_string(&self.measurements);
        format!("{:?} {}", self.left, measurements.unwrap_or_default())
    }
}

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Followed {
    pub(super) state: State,
    pub(super) found: Vec<Finding>,
}

/// What a finding of a stream is, whatever batch it stands in. Rows count from the first batch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    metric: String,
    column: Option<String>,
    row: u64,
    value: f64,
}

/// How windows are made of rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Making {
    /// Rows of each chunk that is profiled on its own; all of them where absent.
    pub(super) chunk_rows: Option<usize>,
    /// Rows that are kept at most.
    pub(super) kept_rows_max: u32,
    /// How much a profile remembers.
    pub(super) profile: ProfileConfig,
}

impl Default for Making {
    fn default() -> Self {
        Self {
            chunk_rows: None,
            kept_rows_max: u32::MAX,
            profile: ProfileConfig::default(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Fault {
    /// The detector's fault.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The host could not make the window.
    #[error("the window could not be made: {0}")]
    Window(String),
}

impl Fault {
    /// Whether the detector declined in the way that it may.
    pub(super) fn declined(&self) -> bool {
        matches!(
            self,
            Self::Run(RunError::Refused(
                Refusal::UnusableData(_) | Refusal::InvalidConfig(_)
            ))
        )
    }

    /// What its author should do about it.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Run(RunError::Untrusted(Violation::UndeclaredMetric(_))) => {
                "; declare it in `describe`"
            }
            Self::Run(RunError::Untrusted(Violation::NotFinite { .. })) => {
                "; where there is no number, report the verdict `insufficient` or `constant` with the value 0"
            }
            Self::Run(RunError::Panicked { .. } | RunError::Trapped { .. }) => {
                "; a window that cannot be judged is declined as `unusable-data`, and a column has its verdict"
            }
            _ => "",
        }
    }
}

/// A configured detector, fed with rows.
pub(super) struct Subject {
    detector: Detector,
    keep: bool,
}

impl Subject {
    pub(super) fn new(detector: Detector) -> Self {
        let keep = detector.plugin().descriptor().needs == Needs::Rows;
        Self { detector, keep }
    }

    pub(super) fn follows_rows(&self) -> bool {
        matches!(self.detector, Detector::Stream(_))
    }

    /// Whether it reads rows rather than profiles.
    pub(super) fn reads_rows(&self) -> bool {
        self.keep
    }

    /// Fit and evaluate; or for a stream the reference rows and then the current ones.
    pub(super) fn judge(&self, reference: &Rows, current: &Rows) -> Result<Judged, Fault> {
        self.judge_made(Making::default(), reference, current)
    }

    /// The same with windows made in a certain way.
    pub(super) fn judge_made(
        &self,
        making: Making,
        reference: &Rows,
        current: &Rows,
    ) -> Result<Judged, Fault> {
        let (reference, current) = (
            self.window(making, reference)?,
            self.window(making, current)?,
        );
        match &self.detector {
            Detector::Batch(batch) => compare(batch, &reference, &current),
            Detector::Stream(stream) => follow(stream, &reference, &current),
        }
    }

    /// Where a stream stands after these batches, one after another. A batch detector stands nowhere.
    pub(super) fn follow(&self, batches: &[Rows]) -> Result<Followed, Fault> {
        let mut followed = Followed::default();
        let Detector::Stream(stream) = &self.detector else {
            return Ok(followed);
        };
        let mut rows = 0;
        for batch in batches {
            let window = self.window(Making::default(), batch)?;
            let updated = stream.update(&followed.state, &window)?;
            followed.state = updated.state;
            followed
                .found
                .extend(updated.measurements.iter().filter_map(|one| {
                    Some(Finding {
                        metric: one.metric.clone(),
                        column: one.column.clone(),
                        row: one.row? + rows,
                        value: one.value,
                    })
                }));
            rows += window.rows();
        }
        Ok(followed)
    }

    fn window(&self, making: Making, rows: &Rows) -> Result<Window, Fault> {
        window(making, rows, self.keep).map_err(Fault::Window)
    }
}

fn compare(
    detector: &BatchDetector,
    reference: &Window,
    current: &Window,
) -> Result<Judged, Fault> {
    let (baseline, fit) = detector.fit_metered(reference)?;
    let evaluated = detector.evaluate(&baseline, current)?;
    Ok(Judged {
        measurements: evaluated.measurements,
        left: baseline.bytes().to_vec(),
        used: [fit, evaluated.usage],
    })
}

fn follow(
    detector: &StreamDetector,
    reference: &Window,
    current: &Window,
) -> Result<Judged, Fault> {
    let before = detector.update(&State::default(), reference)?;
    let after = detector.update(&before.state, current)?;
    Ok(Judged {
        measurements: after.measurements,
        left: after.state.bytes().to_vec(),
        used: [before.usage, after.usage],
    })
}

fn window(making: Making, rows: &Rows, keep: bool) -> Result<Window, String> {
    let Rows { schema, batch } = rows;
    let chunk_rows = making.chunk_rows.unwrap_or(batch.rows).max(1);
    let mut profiles = Vec::new();
    for start in (0..batch.rows.max(1)).step_by(chunk_rows) {
        let end = batch.rows.min(start + chunk_rows);
        let mut builder = ProfileBuilder::new(schema.clone(), making.profile);
        let chunk = batch.slice(start..end);
        builder.observe(&chunk).map_err(|error| error.to_string())?;
        profiles.push(builder.finish());
    }
    let profile = match <[Profile; 1]>::try_from(profiles) {
        Ok([profile]) => profile,
        Err(many) => Profile::merge_all(&many.iter().collect::<Vec<_>>())
            .map_err(|error| error.to_string())?,
    };
    let kept = keep.then(|| {
        let mut kept = KeptRowsBuilder::new(schema.clone(), making.kept_rows_max, 0);
        kept.observe(batch);
        Arc::new(kept.finish())
    });
    Window::new(Arc::new(profile), kept).map_err(|error| error.to_string())
}
