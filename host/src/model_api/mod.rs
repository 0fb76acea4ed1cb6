//! The model that the example watches, as a service of its own: `POST /predict` and its documentation.
//!
//! It stands for the models of users, so it knows nothing of drift, and the example speaks to it over HTTP.

mod bayes;
mod encoder;
mod form;
mod model;
mod service;

pub use encoder::{Instance, InstanceError, OPENING, TEXT};
pub(crate) use model::readable_in;
pub use model::{Answer, Input, Model, Training};
pub use service::{router, serve};

/// Name of a model's file in the directory of the example.
pub const MODEL_FILE: &str = "model.json";
/// Most instances of a request.
pub const INSTANCES_MAX: usize = 1_000;
/// Largest body of a request, in bytes.
pub const BODY_BYTES_MAX: usize = 16 << 20;
