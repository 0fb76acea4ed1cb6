//! Leeway: says when the world has moved away from what a model was trained on.

pub mod builtin;
pub mod check;
pub mod cli;
pub mod domain;
pub mod input;
pub mod profile;
pub mod runtime;
