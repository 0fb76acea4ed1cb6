//! What Prometheus reads: the host's own metrics, and the results of the monitors.
//!
//! Names live in [`names`]. The host's metrics are counted where things happen ([`Host`]); results are handed over
//! after each evaluation ([`Results`]). [`Metrics`] puts both on one page.

pub(crate) mod exposition;
mod host;
pub mod names;
mod process;
mod results;
pub(crate) mod series;

pub use host::{Call, DETECTORS_MAX, FailureReason, Host, IngestResult, RequestInFlight};
pub use names::{Prefix, PrefixError};
pub use results::{Answer, Latest, Results, SERIES_MAX_DEFAULT};

/// The content type of the page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that `GET /metrics` shows.
#[derive(Debug)]
pub struct Metrics {
    /// The host's own.
    pub host: Host,
    /// Of the monitors.
    pub results: Results,
}

impl Metrics {
    /// Nothing counted yet. `version`: of the host. `series_max`: most series of results.
    ///
    /// # Errors
    /// If a metric of the host cannot be registered, which only a change of [`names`] can cause.
    pub fn new(
        version: &str,
        prefix: Prefix,
        series_max: usize,
    ) -> Result<Self, prometheus::Error> {
        Ok(Self {
            host: Host::new(version)?,
            results: Results::new(prefix, series_max),
        })
    }

    /// The page.
    ///
    /// # Errors
    /// If the host's metrics cannot be written.
    pub fn page(&self) -> Result<String, prometheus::Error> {
        let mut page = String::new();
        self.host
            .set_series(self.results.exposed(), self.results.dropped());
        self.host.write(&mut page)?;
        self.results.write(&mut page);
        Ok(page)
    }
}
