//! One file for each part of the whole.

mod check;
mod components;
mod degenerate;
mod golden;
mod hostile;
mod smoke;
mod verdicts;
