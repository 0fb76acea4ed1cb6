//! What handlers are given: the use cases, and the few things that belong to HTTP alone.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::extract::FromRef;

use crate::domain::Clock;
use crate::ingest::Ingest;
use crate::metrics::Metrics;
use crate::monitor::{Overview, Versions, Watch};
use crate::store::{SqlLimits, SqlReader, Store};

use super::auth::Access;
use super::body::Intake;
use super::gate::{Gate, Observer};

/// Writes the series of the host and of all results.
pub trait Exposition: Send + Sync {
    /// The page, in the exposition format 0.0.4.
    ///
    /// # Errors
    /// If it cannot be written, which is a fault of the server.
    fn page(&self) -> Result<String, Box<dyn std::error::Error + Send + Sync>>;
}

impl Exposition for Metrics {
    fn page(&self) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self::page(self)?)
    }
}

impl Observer for Metrics {
    fn started(&self) -> Box<dyn Send> {
        Box::new(self.host.request_started())
    }

    fn answered(&self, method: &str, path: &str, status: u16, duration: Duration) {
        self.host
            .request_answered(method, path, status, duration.as_secs_f64());
    }
}

/// Whether the server takes requests.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicU8>);

/// Where a server is between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not all of it is there yet.
    Starting,
    /// It serves.
    Ready,
    /// It finishes what it has.
    Stopping,
}

impl Readiness {
    /// Says where the server is.
    pub fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Release);
    }

    /// Where the server is.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Stopping,
        }
    }
}

/// Everything that handlers need. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// Rows, labels, reference data, models.
    pub ingest: Arc<Ingest>,
    /// Monitors and evaluations.
    pub watch: Arc<Watch>,
    /// How all models stand.
    pub overview: Overview,
    /// Versions of uploaded detectors.
    pub versions: Versions,
    /// What is only read.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The series of `/metrics`.
    pub exposition: Arc<dyn Exposition>,
    /// Reading statements of clients.
    pub sql: Arc<SqlReader>,
    /// What such a statement may take.
    pub sql_limits: SqlLimits,
    /// Whether the server takes requests.
    pub readiness: Readiness,
    /// Who may do what.
    pub access: Access,
    /// Takes bodies in.
    pub intake: Intake,
    /// Surrounds every request.
    pub gate: Gate,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<App> for Intake {
    fn from_ref(app: &App) -> Self {
        app.intake.clone()
    }
}
