//! One file for each part of the whole.

mod access;
mod api;
mod check;
mod cluster;
mod components;
mod crash;
mod degenerate;
mod golden;
mod hostile;
mod ingest;
mod monitors;
mod plugin;
mod profiling;
mod serve;
mod smoke;
mod sql;
mod verdicts;
