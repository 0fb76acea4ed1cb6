//! Verdicts that a statistician would sign: false alarms, power, thresholds, settings.
#![allow(clippy::unwrap_used, reason = "a test fails where it is")]
#![allow(clippy::print_stdout, reason = "rates that were measured are told")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small whole numbers"
)]

mod baselines;
mod calibration;
mod defaults;
mod settings;
mod simulated;
mod thresholds;
