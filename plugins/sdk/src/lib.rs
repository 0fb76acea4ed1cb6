//! What a detector is written with: windows, measurements, and the glue to the host.
//!
//! Implement [`BatchDetector`] or [`StreamDetector`] for a type, export it with
//! [`export_batch_detector!`] or [`export_stream_detector!`], and build for
//! `wasm32-unknown-unknown`. The traits take `&dyn Window`, so the same code runs natively in a test.

mod bindings;
mod config;
mod detector;
mod export;
#[cfg(any(test, target_arch = "wasm32"))]
mod heap;
mod host_window;
mod measurement;
mod simple;
mod window;

pub use bindings::batch::leeway::detector::kernels::{Categories, Distribution, Moments};
pub use bindings::batch::leeway::detector::logging::{Level, log};
pub use bindings::batch::leeway::detector::types::{
    Column, ColumnKind, Descriptor, Direction, DriftKind, Failure, Measurement, Metric, Needs,
    Role, ThresholdKind, Verdict,
};
pub use bindings::batch::leeway::detector::windows::AccessError;
pub use bindings::stream::exports::leeway::detector::stream::Step;
pub use config::parse_config;
pub use detector::{BatchDetector, StreamDetector};
pub use measurement::{detail, measurement};
pub use simple::{compare, describe, from_baseline, judge, metric, remember, to_baseline};
pub use window::{MISSING_CODE, Window, unusable};

#[doc(hidden)]
pub mod glue {
    //! What the export macros name; not for use by hand.
    pub use crate::bindings::{batch, stream};
    pub use crate::export::{BatchGuest, StreamGuest};
}
