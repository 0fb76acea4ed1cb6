//! One file for each part of the whole.

mod access;
mod api;
mod check;
mod cluster;
mod components;
mod crash;
mod degenerate;
mod deploy;
mod detectors;
mod example;
mod fuzz;
mod golden;
mod hostile;
mod ingest;
mod isolation;
mod monitors;
mod owners;
mod plugin;
mod profiling;
mod seen;
mod serve;
mod smoke;
mod source;
mod sql;
mod ui;
mod verdicts;
