//! A private Postgres and a `leeway serve` on it, both ended with this value.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use leeway::cluster::{Cluster, ClusterOptions};
use leeway::store::Store;
use sqlx::{Connection, Executor, PgConnection};

/// How long anything that is awaited may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the profiles of a load may take to be complete.
const SETTLING: Duration = Duration::from_mins(2);

/// The service under test.
pub(crate) struct Served {
    child: Child,
    cluster: Cluster,
    address: SocketAddr,
    database: String,
    client: reqwest::Client,
    directory: tempfile::TempDir,
}

impl Served {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let options = ClusterOptions {
            folder: directory.path().join("postgres"),
            binaries: None,
            durable: true,
        };
        let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await??;
        Store::create_database(&cluster.url("postgres"), "leeway").await?;
        let database = cluster.url("leeway");
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new(env!("CARGO_BIN_EXE_leeway"))
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(directory.path().join("data"))
            .env("DATABASE_URL", &database)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(
                std::env::temp_dir().join("leeway-bench-service.log"),
            )?)
            .spawn()?;
        let client = reqwest::Client::new();
        let served = Self {
            child,
            cluster,
            address,
            database,
            client,
            directory,
        };
        let until = Instant::now() + PATIENCE;
        while !served
            .client
            .get(format!("http://{address}/health/ready"))
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            if Instant::now() > until {
                bail!("the service is not ready after {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(served)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Rows of a model that are really stored.
    pub(crate) async fn rows_of(&self, model: &str) -> anyhow::Result<u64> {
        let mut connection = PgConnection::connect(&self.database).await?;
        let rows: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM prediction JOIN model USING (model_no) WHERE model_id = $1",
        )
        .bind(model)
        .fetch_one(&mut connection)
        .await?;
        Ok(u64::try_from(rows)?)
    }

    /// Waits until all rows that are stored are counted in profiles; how long that took.
    pub(crate) async fn settle(&self) -> anyhow::Result<Duration> {
        let mut connection = PgConnection::connect(&self.database).await?;
        let start = Instant::now();
        loop {
            let behind: i64 = sqlx::query_scalar(
                "SELECT coalesce(sum(a.last_seq - p.profiled_seq), 0)::int8
                 FROM arrival a JOIN progress p USING (model_no) WHERE a.last_seq > p.profiled_seq",
            )
            .fetch_one(&mut connection)
            .await?;
            if behind == 0 {
                return Ok(start.elapsed());
            }
            if start.elapsed() > SETTLING {
                bail!(
                    "{behind} rows are not profiled after {} s",
                    SETTLING.as_secs()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until /metrics shows an evaluation of at least so many rows of a model.
    pub(crate) async fn wait_for_rows_on_metrics(
        &self,
        model: &str,
        rows: u64,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        let wanted = [
            format!("model_id=\"{model}\""),
            "monitor=\"probe\"".to_owned(),
        ];
        loop {
            let text = self
                .client
                .get(format!("http://{}/metrics", self.address))
                .send()
                .await?
                .text()
                .await?;
            let shown = text
                .lines()
                .filter(|line| {
                    line.starts_with("drift_monitoring_api_model_current_window_rows{")
                        && wanted.iter().all(|label| line.contains(label))
                })
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .fold(0.0, f64::max);
            if shown >= rows as f64 {
                return Ok(());
            }
            if Instant::now() > until {
                bail!(
                    "{shown} of {rows} rows are visible after {} s",
                    PATIENCE.as_secs()
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether commits wait for the disk. Where memory is measured they need not.
    pub(crate) async fn set_durable(&self, durable: bool) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.database).await?;
        let setting = if durable {
            "ALTER SYSTEM RESET synchronous_commit"
        } else {
            "ALTER SYSTEM SET synchronous_commit = off"
        };
        connection.execute(setting).await?;
        connection.execute("SELECT pg_reload_conf()").await?;
        Ok(())
    }

    /// Memory of the server's own process.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1_024)
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        tokio::task::spawn_blocking(move || {
            self.child.wait()?;
            self.cluster.stop();
            anyhow::Ok(())
        })
        .await?
    }
}
