//! Puts the parts of the server together: detectors, profiles, monitors, the way in, metrics, HTTP.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::api::{
    Access, App, BodyLimits, Gate, Intake, Parts, Readiness, RequestLimits, StoredTokens, router,
};
use crate::domain::Clock;
use crate::ingest::{Ingest, IngestSettings};
use crate::metrics::{Metrics, Prefix, SERIES_MAX_DEFAULT};
use crate::monitor::{
    Detectors, FollowSettings, Overview, Profiler, StoredWindows, VersionSettings, Versions, Watch,
    WatchParts, Windows,
};
use crate::store::{SqlLimits, SqlReader, Store};

use super::told::{Arrivals, Results};

/// Time between two measurements of what is not counted where it happens.
const MEASURE: Duration = Duration::from_secs(5);

/// How much the parts may do.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// Bodies.
    pub bodies: BodyLimits,
    /// Requests.
    pub requests: RequestLimits,
    /// Rows and labels on their way in.
    pub ingest: IngestSettings,
    /// Profiles and evaluations.
    pub follow: FollowSettings,
    /// Memory for merged profiles, in bytes.
    pub profile_cache_bytes_max: usize,
    /// What the names of results start with.
    pub prefix: Prefix,
    /// Most series of results.
    pub series_max: usize,
    /// Statements of clients.
    pub sql: SqlLimits,
    /// Uploaded detectors.
    pub versions: VersionSettings,
    /// Where the host listens, as the other hosts' people read it.
    pub address: Option<String>,
    /// No other host can be on the database.
    pub only_host: bool,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            bodies: BodyLimits::default(),
            requests: RequestLimits::default(),
            ingest: IngestSettings::default(),
            follow: FollowSettings::default(),
            profile_cache_bytes_max: 256 << 20,
            prefix: Prefix::default(),
            series_max: SERIES_MAX_DEFAULT,
            sql: SqlLimits::default(),
            versions: VersionSettings::default(),
            address: None,
            only_host: false,
        }
    }
}

/// The server without its listener.
pub struct Service {
    /// Profiles and evaluations.
    pub watch: Arc<Watch>,
    /// Versions of uploaded detectors.
    pub versions: Versions,
    /// Rows and labels on their way in.
    pub ingest: Arc<Ingest>,
    /// What Prometheus reads.
    pub metrics: Arc<Metrics>,
    /// Whether requests are taken.
    pub readiness: Readiness,
    app: App,
}

impl Service {
    /// Everything on a database whose schema is there. Nothing runs by itself until [`Service::start`].
    ///
    /// # Errors
    /// If the latest results cannot be read.
    pub async fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        detectors: Detectors,
        sql: SqlReader,
        settings: ServiceSettings,
    ) -> anyhow::Result<Self> {
        let metrics = Metrics::new(
            env!("CARGO_PKG_VERSION"),
            settings.prefix,
            settings.series_max,
        )
        .context("the host's metrics")?;
        let metrics = Arc::new(metrics);
        let detectors = Arc::new(detectors);
        detectors
            .follow(&store)
            .await
            .context("the uploaded detectors")?;
        let windows = Windows::new(store.clone(), settings.profile_cache_bytes_max);
        let source = StoredWindows {
            profiler: Profiler::new(store.clone()).feeding(&windows),
            windows,
        };
        let watch = Arc::new(Watch::new(WatchParts {
            store: store.clone(),
            clock: Arc::clone(&clock),
            source: Arc::new(source),
            detectors: Arc::clone(&detectors),
            sink: Arc::new(Results::new(Arc::clone(&metrics), detectors)),
            settings: settings.follow,
        }));
        let address = settings.address.as_deref();
        watch
            .join(address, settings.only_host)
            .await
            .context("the other hosts, and the latest results")?;
        let versions = Versions::new(Watch::clone(&watch), settings.versions);
        let ingest = Arc::new(Ingest::start(
            store.clone(),
            Arc::clone(&clock),
            settings.ingest,
            Arc::new(Arrivals::new(Arc::clone(&metrics), Arc::clone(&watch))),
        ));
        let readiness = Readiness::default();
        let access = Access::new(StoredTokens {
            store: store.clone(),
            clock: Arc::clone(&clock),
        });
        let app = App::new(Parts {
            ingest: Arc::clone(&ingest),
            watch: Arc::clone(&watch),
            overview: Overview::new(store.clone()),
            versions: versions.clone(),
            store,
            clock,
            exposition: metrics.clone(),
            sql: Arc::new(sql),
            sql_limits: settings.sql,
            readiness: readiness.clone(),
            access,
            intake: Intake::new(settings.bodies),
            gate: Gate::new(settings.requests, metrics.clone(), std::process::id()),
        });
        Ok(Self {
            watch,
            versions,
            ingest,
            metrics,
            readiness,
            app,
        })
    }

    /// All routes.
    pub fn router(&self) -> Router {
        router(self.app.clone())
    }

    /// Follows what arrives, in the background.
    pub fn start(&self) {
        self.watch.start();
        self.versions.start();
    }

    /// Measures what is not counted where it happens, again and again until told to stop.
    pub async fn measure(self: Arc<Self>, stop: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(MEASURE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = ticks.tick() => self.measure_now().await,
            }
        }
    }

    /// Measures once.
    pub async fn measure_now(&self) {
        if let Err(error) = self.watch.tell_versions().await {
            tracing::warn!(error = %error, "versions of detectors could not be read");
        }
        let host = &self.metrics.host;
        host.set_queue_bytes(self.ingest.under_way().0 as u64);
        match self.app.store.totals().await {
            Ok(totals) => {
                host.set_database_up(true);
                host.set_models(totals.models);
                host.set_lag_rows(totals.rows_not_profiled);
                if let Ok((hosts, owned)) = self.watch.share(totals.models).await {
                    host.set_share(hosts as u64, owned);
                }
            }
            Err(error) => {
                host.set_database_up(false);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the database cannot be measured"
                );
            }
        }
    }

    /// Commits what is under way, and finishes the evaluations that run.
    pub async fn stop(&self) {
        self.ingest.stop().await;
        self.versions.stop().await;
        self.watch.stop().await;
    }
}
