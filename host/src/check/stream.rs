//! Feeds stream detectors with the rows of the reference file and then of the current one.

use std::sync::Arc;

use crate::domain::{
    Batch, ColumnKind, ColumnSpec, Measurement, Role, Schema, SchemaError, Verdict,
};
use crate::profile::{KeptRowsBuilder, ProfileBuilder, ProfileConfig, Window};
use crate::runtime::{LogLine, RunError, State, StreamDetector};

use super::error::CheckError;
use super::report::Call;

/// Rows handed to a stream detector at a time: some tens of megabytes of one column.
const ROWS_AT_ONCE: u64 = 1 << 22;

/// Every stream detector of a check.
pub(super) struct Followers {
    followers: Vec<Follower>,
}

/// One stream detector on its way through the rows.
pub(super) struct Follower {
    name: String,
    detector: StreamDetector,
    /// Which columns of a batch it sees.
    columns: Vec<usize>,
    schema: Arc<Schema>,
    profile: ProfileBuilder,
    kept: KeptRowsBuilder,
    state: State,
    /// Rows of this file that were handed over.
    rows: u64,
    measurements: Vec<Measurement>,
    log: Vec<LogLine>,
    calls: Vec<Call>,
    /// Why it follows no longer.
    error: Option<RunError>,
}

/// What a stream detector found in a file.
pub(super) struct Found {
    pub(super) measurements: Vec<Measurement>,
    pub(super) log: Vec<LogLine>,
    pub(super) calls: Vec<Call>,
    pub(super) error: Option<RunError>,
}

impl Follower {
    /// Prepares a detector for rows of a schema: it sees the columns that it takes.
    pub(super) fn new(
        name: String,
        detector: StreamDetector,
        roles: &[Role],
        kinds: &[ColumnKind],
        schema: &Schema,
    ) -> Result<Self, SchemaError> {
        let taken =
            |column: &ColumnSpec| roles.contains(&column.role) && kinds.contains(&column.kind);
        let columns: Vec<usize> = (0..schema.columns().len())
            .filter(|&at| taken(&schema.columns()[at]))
            .collect();
        let schema = Arc::new(Schema::new(
            columns
                .iter()
                .map(|&at| schema.columns()[at].clone())
                .collect(),
        )?);
        let (profile, kept) = builders(&schema);
        let (state, rows, error) = (State::default(), 0, None);
        let (measurements, log, calls) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self {
            name,
            detector,
            columns,
            schema,
            profile,
            kept,
            state,
            rows,
            measurements,
            log,
            calls,
            error,
        })
    }

    fn follow(&mut self, batch: &Batch) -> Result<(), CheckError> {
        if self.columns.is_empty() || self.error.is_some() {
            return Ok(());
        }
        let columns = self
            .columns
            .iter()
            .map(|&at| batch.columns[at].clone())
            .collect();
        let seen = Batch::new(batch.times.clone(), columns);
        self.profile
            .observe(&seen)
            .map_err(|source| CheckError::Observe {
                file: self.name.clone(),
                source,
            })?;
        self.kept.observe(&seen);
        if self.profile.rows() >= ROWS_AT_ONCE {
            self.hand_over()
        } else {
            Ok(())
        }
    }

    fn hand_over(&mut self) -> Result<(), CheckError> {
        let (profile, kept) = builders(&self.schema);
        let profile = std::mem::replace(&mut self.profile, profile).finish();
        let kept = std::mem::replace(&mut self.kept, kept).finish();
        let window = Window::new(Arc::new(profile), Some(Arc::new(kept)))?;
        let updated = match self.detector.update(&self.state, &window) {
            Ok(updated) => updated,
            Err(error) => {
                self.error = Some(error);
                return Ok(());
            }
        };
        self.calls.push(Call {
            function: "update",
            usage: updated.usage,
        });
        self.state = updated.state;
        self.log.extend(updated.log);
        let offset = self.rows;
        self.rows += window.rows();
        for mut found in updated.measurements {
            found.row = found.row.map(|row| row + offset);
            self.add(found);
        }
        Ok(())
    }

    /// A standing, which names no row, takes the place of the one before; drift stays drift.
    fn add(&mut self, found: Measurement) {
        let same = |before: &&mut Measurement| {
            before.row.is_none()
                && found.row.is_none()
                && before.metric == found.metric
                && before.column == found.column
        };
        match self.measurements.iter_mut().find(same) {
            None => self.measurements.push(found),
            Some(before) => {
                let drifted = before.verdict == Verdict::Drifted;
                *before = found;
                if drifted {
                    before.verdict = Verdict::Drifted;
                }
            }
        }
    }
}

/// Rows of at most [`ROWS_AT_ONCE`] and a batch more, all of them kept.
fn builders(schema: &Arc<Schema>) -> (ProfileBuilder, KeptRowsBuilder) {
    (
        ProfileBuilder::new(schema.clone(), ProfileConfig::default()),
        KeptRowsBuilder::new(schema.clone(), u32::MAX, 0),
    )
}

impl Followers {
    pub(super) fn new(followers: Vec<Follower>) -> Self {
        Self { followers }
    }

    /// Takes in the rows of a batch.
    pub(super) fn follow(&mut self, batch: &Batch) -> Result<(), CheckError> {
        self.followers
            .iter_mut()
            .try_for_each(|follower| follower.follow(batch))
    }

    /// Ends a file: what was found in it, detector by detector. The states go on into the next file.
    pub(super) fn end_file(&mut self) -> Result<Vec<Found>, CheckError> {
        let mut all = Vec::with_capacity(self.followers.len());
        for follower in &mut self.followers {
            if follower.profile.rows() > 0 {
                follower.hand_over()?;
            }
            follower.rows = 0;
            all.push(Found {
                measurements: std::mem::take(&mut follower.measurements),
                log: std::mem::take(&mut follower.log),
                calls: std::mem::take(&mut follower.calls),
                error: follower.error.clone(),
            });
        }
        Ok(all)
    }
}
