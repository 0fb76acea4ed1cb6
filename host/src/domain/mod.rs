//! Plain data and its rules: no I/O, no clock, no maths beyond a check.

pub mod batch;
pub mod column;
pub mod descriptor;
pub mod measurement;
pub mod schema;

pub use batch::{Batch, ColumnValues, MISSING_CODE};
pub use column::{ColumnKind, Role};
pub use descriptor::{Descriptor, Direction, DriftKind, Metric, Needs};
pub use measurement::{Measurement, ThresholdKind, Verdict};
pub use schema::{ColumnSpec, ModelType, Schema, SchemaError};
