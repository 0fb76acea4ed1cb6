//! Monitors on a real database with the detectors that come with the host: what is evaluated, stored and told, and when.

mod backtests;
mod embeddings;
mod evaluations;
mod fixture;
mod schedules;
mod streams;
