//! From stored rows to verdicts: profiles of chunks, windows, evaluations, and when they run.
//!
//! Owns the order of things: which rows are profiled, which chunks make a window, which monitor is due. Refuses
//! statistics, which are the detectors', and SQL, which is the store's.

mod backtest;
mod chunk_work;
mod defaults;
mod detectors;
mod evaluate;
mod follow;
mod labelling;
mod layout;
mod memory;
mod merged;
mod profiler;
mod queue;
mod samples;
mod schedule;
mod selection;
mod sink;
mod source;
mod spec;
mod step;
mod stream;
mod stretch;
mod watch;
mod windows;

pub use crate::domain::record::{
    BacktestRecord, BacktestState, Cause, EvaluationRecord, MonitorRecord, Outcome,
};
pub use backtest::BACKTEST_WINDOWS_MAX;
pub use detectors::Detectors;
pub use follow::FollowSettings;
pub use profiler::{
    Advance, CHUNKS_RELABELLED_AT_ONCE, LABELS_AT_ONCE, ProfileError, Profiler, ROWS_AT_ONCE,
    VALUES_AT_ONCE,
};
pub use sink::{NoSink, ResultSink};
pub use source::{StoredWindows, WindowSource};
pub use spec::{
    CADENCE_SECONDS_MAX, EXTENT_ROWS_MAX, EXTENT_SECONDS_MAX, LABEL_MATURITY_SECONDS_MAX,
    ROWS_MIN_MAX,
};
pub use watch::{Watch, WatchError, WatchParts};
pub use windows::{ChunkInfo, WindowRequest, Windows};
