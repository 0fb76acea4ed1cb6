//! Verdicts that a statistician would sign: false alarms, power, thresholds, settings.

mod baselines;
mod calibration;
mod settings;
mod simulated;
mod thresholds;
