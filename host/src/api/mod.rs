//! All of HTTP: routes, bodies, errors, tokens, and the document that describes them.
//!
//! Owns what clients see. Refuses decisions: every handler reads a request, asks a use case, and shows the answer.
//! Invariant: nothing outside of this module knows HTTP, and every error answer is a problem document.

mod app;
mod auth;
mod body;
mod calibrate;
mod detectors;
mod distributions;
mod error;
mod extract;
mod formats;
mod gate;
mod labels;
mod legacy;
mod measurements;
mod models;
mod monitors;
mod openapi;
mod overview;
mod page;
mod predictions;
mod problem;
mod reference;
mod replay;
mod router;
mod service;
mod sql;
mod ui;
pub mod views;

pub use app::{App, Exposition, Parts, Phase, Readiness};
pub use auth::{Access, Lookup, NoTokens, StoredTokens, Tokens};
pub use body::{BODIES_BYTES_MAX, BodyLimits, Intake};
pub use error::{ApiError, ApiResult};
pub use gate::{Gate, NoObserver, Observer, RequestLimits};
pub use problem::{InputProblem, Problem, ProblemKind};
pub use router::{openapi_json, router};
