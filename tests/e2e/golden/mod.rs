//! Every golden case through the pure function, the component, and the same detector compiled natively.
//!
//! Function against case: within the case's tolerance. Component against the native detector: every
//! number to the last bit. No case is left out: windows of up to 1e12 rows are merged from profiles.
#![allow(clippy::unwrap_used, reason = "a test fails where it is")]
#![allow(clippy::print_stdout, reason = "what was left out is told")]

mod change;
mod detectors;
mod flights;
mod judgement;
mod kernels;
mod laws;
mod many;
mod numbers;
mod streams;
mod tables;
pub mod twin;
mod unlabelled;
pub mod windows;
