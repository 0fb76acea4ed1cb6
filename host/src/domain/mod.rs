//! Plain data and its rules: no I/O, no maths beyond a check; the time comes from a [`Clock`] that is handed in.

pub mod access;
pub mod batch;
pub mod clock;
pub mod column;
pub mod descriptor;
pub mod inputs;
pub mod language;
pub mod measurement;
pub mod model;
pub mod monitor;
pub mod record;
pub mod schema;
pub mod segment;
pub mod version;

pub use access::{Caller, Scope};
pub use batch::{Batch, ColumnValues, MISSING_CODE};
pub use clock::{Clock, ManualClock, SystemClock};
pub use column::{ColumnKind, Role};
pub use descriptor::{Descriptor, Direction, DriftKind, Metric, Needs};
pub use language::Language;
pub use measurement::{Began, Measurement, ThresholdKind, Verdict};
pub use model::{Model, ModelColumn, ModelId, ModelSettings};
pub use monitor::MonitorSpec;
pub use schema::{ColumnSpec, ModelType, Schema, SchemaError};
