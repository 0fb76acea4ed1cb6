//! From stored rows to verdicts: profiles of chunks, windows, evaluations, and when they run.
//!
//! Owns the order of things: which rows are profiled, which chunks make a window, which monitor is due. Refuses
//! statistics, which are the detectors', and SQL, which is the store's.

mod backtest;
mod baselines;
mod began;
mod calibrate;
mod chunk_list;
mod chunk_rows;
mod chunk_work;
mod comparison;
mod defaults;
mod detectors;
mod distributions;
mod evaluate;
mod follow;
mod hosting;
mod judge;
mod labelling;
mod later;
mod layout;
mod level;
mod loading;
mod log_budget;
mod manifest;
mod memory;
mod merged;
mod metric_names;
mod overview;
mod owners;
mod places;
mod profiler;
mod quarantine;
mod queue;
mod rebuild;
mod reference_window;
mod replay;
mod samples;
mod schedule;
mod selection;
mod shadow;
mod sink;
mod slices;
mod source;
mod spec;
mod step;
mod stream;
mod stretch;
mod version_error;
mod versions;
mod watch;
mod windows;

pub use crate::domain::record::{
    BacktestRecord, BacktestState, Cause, EvaluationRecord, MonitorRecord, Outcome,
};
pub use crate::profile::{BINS_MAX, Bin, Category, Numbers, Pair, Parts, Side};
pub use backtest::BACKTEST_WINDOWS_MAX;
pub use calibrate::{
    CALIBRATION_COLUMNS_DEFAULT, CALIBRATION_COLUMNS_MAX, CALIBRATION_REPLAYS_DEFAULT,
    CALIBRATION_REPLAYS_MAX, CALIBRATION_ROWS_DEFAULT, CALIBRATION_ROWS_MAX, CalibrationAsk,
    CalibrationError,
};
pub use detectors::{Detectors, Unavailable};
pub use distributions::Distributions;
pub use follow::{DETECTOR_MEMORY_BYTES_MAX, FollowSettings, HOST_TIMEOUT_MIN};
pub use loading::Loader;
pub use log_budget::LOG_BYTES_PER_HOUR_MAX;
pub use manifest::{BadLimit, Manifest};
pub use metric_names::MetricTaken;
pub use overview::{KindStanding, Overview, OverviewRow, Snapshot};
pub use profiler::{
    Advance, CHUNKS_CUT_AT_ONCE, CHUNKS_RELABELLED_AT_ONCE, LABELS_AT_ONCE, ProfileError, Profiler,
    ROWS_AT_ONCE, VALUES_AT_ONCE,
};
pub use quarantine::QUARANTINE_AFTER;
pub use rebuild::Source;
pub use replay::{BaselineSource, Difference, ReplayError, Replayed};
pub use sink::{Called, NoSink, ResultSink};
pub use source::{StoredWindows, WindowSource};
pub use spec::{
    CADENCE_SECONDS_MAX, EXTENT_ROWS_MAX, EXTENT_SECONDS_MAX, FALSE_ALARMS_SECONDS_MAX,
    LABEL_MATURITY_SECONDS_MAX, ROWS_MIN_MAX,
};
pub use version_error::{Step, VersionError};
pub use versions::{VersionSettings, Versions};
pub use watch::{Watch, WatchError, WatchParts};
pub use windows::{ChunkInfo, WindowRequest, Windows};
