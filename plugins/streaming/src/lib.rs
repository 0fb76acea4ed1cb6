//! Runs detectors over the rows of a stream: what the stream detectors share.
//!
//! Each column has a detector of its own, and its state travels as bytes. Rows without a value are
//! passed over. However rows are cut into windows, the same rows lead to the same findings.

mod bets;
mod change;
mod settings;
mod state;

pub use bets::{Watch, describe_bets, watch};
pub use change::{CHANGES_MAX, describe, update};
pub use leeway_statistics::change::ChangeDetector;
pub use settings::{direction, flag, invalid, level, number, schema, whole};

/// Rows read from the host at a time: 512 KiB of numbers.
const ROWS_AT_ONCE: u32 = 65_536;
