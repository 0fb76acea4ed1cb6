//! Leeway: says when the world has moved away from what a model was trained on.

pub mod api;
pub mod builtin;
pub mod calibrate;
pub mod certify;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod demo;
pub mod domain;
pub mod example;
pub mod ingest;
pub mod input;
pub mod metrics;
pub mod model_api;
pub mod monitor;
pub mod profile;
pub mod runtime;
pub mod serve;
pub mod store;
