//! Compares a current window with a reference window, column by column.
//!
//! What the data, prior and concept drift detectors share: which test judges a column, what is kept
//! of the reference, how a test becomes a finding, and how findings become verdicts. A detector adds
//! a [`Plan`]: its name, the roles it looks at, and the tests it prefers.

mod baseline;
mod cells;
mod config;
mod evaluate;
mod explain;
mod finding;
mod fit;
mod judge;
mod mean;
mod on_counts;
mod plan;
mod test;

pub use config::Config;
pub use plan::Plan;
pub use test::Test;
