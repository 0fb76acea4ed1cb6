//! The database behind a command: a server that somebody runs, or the private one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::cluster::{self, Cluster, ClusterOptions};
use crate::store::{PoolSettings, SqlOptions, Store};

use super::config::{DatabaseConfig, Place};

/// Name of the database in the private server.
const DATABASE: &str = "leeway";
/// Database that every server has.
const MAINTENANCE: &str = "postgres";
/// Between attempts to reach a server.
const PAUSE: Duration = Duration::from_millis(500);

/// An open database, its schema up to date.
#[derive(Debug)]
pub struct Database {
    /// The store.
    pub store: Store,
    /// The private server, if this process runs it.
    pub cluster: Option<Arc<Cluster>>,
    /// How statements of strangers are run here.
    pub sql: SqlOptions,
}

impl Database {
    /// Opens the database for a server: it holds the private server for itself.
    pub(super) async fn open(
        config: &DatabaseConfig,
        pool: &PoolSettings,
        wait: Duration,
    ) -> anyhow::Result<Self> {
        let (url, cluster) = match &config.place {
            Place::Url(url) => (url.clone(), None),
            Place::Embedded { .. } => {
                let cluster = start(config).await?;
                (cluster.url(DATABASE), Some(cluster))
            }
        };
        Self::connect(config, &url, cluster, pool, wait).await
    }

    /// Opens the database for a command: the private server of a running host is used as it is, else one is started.
    pub async fn open_beside(config: &DatabaseConfig) -> anyhow::Result<Self> {
        let pool = PoolSettings {
            connections_max: 2,
            ..PoolSettings::default()
        };
        if let Place::Embedded { folder, .. } = &config.place
            && let Some(url) = cluster::running_url(folder, DATABASE)
        {
            return Self::connect(config, &url, None, &pool, Duration::ZERO).await;
        }
        Self::open(config, &pool, Duration::ZERO).await
    }

    async fn connect(
        config: &DatabaseConfig,
        url: &str,
        cluster: Option<Arc<Cluster>>,
        pool: &PoolSettings,
        wait: Duration,
    ) -> anyhow::Result<Self> {
        let store = patiently(url, pool, wait).await?;
        store.migrate().await?;
        Ok(Self {
            store,
            cluster,
            sql: SqlOptions {
                url: config.sql_url.clone(),
                private: matches!(config.place, Place::Embedded { .. }),
            },
        })
    }

    /// Closes connections, then ends the private server.
    pub async fn close(self) {
        self.store.close().await;
        if let Some(cluster) = self.cluster {
            // It blocks. A panic in there is the end of the process anyway.
            let _ = tokio::task::spawn_blocking(move || cluster.stop()).await;
        }
    }
}

async fn start(config: &DatabaseConfig) -> anyhow::Result<Arc<Cluster>> {
    let Place::Embedded { folder, binaries } = &config.place else {
        anyhow::bail!("only a private server is started");
    };
    let options = ClusterOptions {
        folder: folder.clone(),
        binaries: binaries.clone(),
        durable: true,
    };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options))
        .await?
        .context("the embedded database does not start")?;
    Store::create_database(&cluster.url(MAINTENANCE), DATABASE).await?;
    Ok(Arc::new(cluster))
}

/// Connects; tries again for a while where that may help, as a server may start later than its clients.
async fn patiently(url: &str, pool: &PoolSettings, wait: Duration) -> anyhow::Result<Store> {
    let start = std::time::Instant::now();
    loop {
        match Store::connect(url, pool).await {
            Ok(store) => return Ok(store),
            Err(error) if error.is_transient() && start.elapsed() < wait => {
                tracing::warn!(%error, "the database does not answer yet");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error).context("no connection to the database"),
        }
    }
}
