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

/// The process, which ends with this value if it did not before.
struct Server(Child);

impl Server {
    fn start(database: &str, address: SocketAddr, data: &Path) -> anyhow::Result<Self> {
        let child = Command::new(env!("CARGO_BIN_EXE_leeway"))
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(data)
            .env("DATABASE_URL", database)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(
                std::env::temp_dir().join("leeway-bench-service.log"),
            )?)
            .spawn()?;
        Ok(Self(child))
    }

    /// Tells it to end, and waits until it has.
    fn stop(&mut self) -> anyhow::Result<()> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, or nobody needs to know how it ends.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The service under test.
pub(crate) struct Served {
    child: Server,
    cluster: Cluster,
    address: SocketAddr,
    database: String,
    client: reqwest::Client,
    directory: tempfile::TempDir,
}

/// CPU seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    pub(crate) server: f64,
    pub(crate) postgres: f64,
    pub(crate) client: f64,
}

/// Where Postgres says its number, inside of its folder.
const POSTMASTER: &str = "data/postmaster.pid";

/// CPU time of a process in ticks, with that of children that have ended if asked.
fn ticks(pid: u32, with_children: bool) -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let fields = fields.split_whitespace().skip(11);
    let own = if with_children { 4 } else { 2 };
    fields
        .take(own)
        .map(|field| Ok(field.parse::<u64>()?))
        .sum()
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
        let data = directory.path().join("data");
        let child = Server::start(&database, address, &data)?;
        let client = reqwest::Client::new();
        let served = Self {
            child,
            cluster,
            address,
            database,
            client,
            directory,
        };
        served.ready().await?;
        Ok(served)
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        let url = format!("http://{}/health/ready", self.address);
        let is_ready = async || {
            let answer = self.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        while !is_ready().await {
            if Instant::now() > until {
                bail!("the service is not ready after {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Ends the server and starts it again on the same data; how long the start took until it was ready.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<Duration> {
        tokio::task::block_in_place(|| self.child.stop())?;
        let start = Instant::now();
        let data = self.directory.path().join("data");
        self.child = Server::start(&self.database, self.address, &data)?;
        self.ready().await?;
        Ok(start.elapsed())
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

    /// CPU seconds that the parts have used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Cpu> {
        let postmaster =
            std::fs::read_to_string(self.directory().join("postgres").join(POSTMASTER))?;
        let postmaster: u32 = postmaster
            .lines()
            .next()
            .context("no pid")?
            .trim()
            .parse()?;
        let mut postgres = ticks(postmaster, true)?;
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        for child in std::fs::read_to_string(children)?.split_whitespace() {
            // One that has ended since is counted by its parent.
            postgres += ticks(child.parse()?, true).unwrap_or(0);
        }
        let seconds = |ticks: u64| ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        Ok(Cpu {
            server: seconds(ticks(self.child.0.id(), false)?),
            postgres: seconds(postgres),
            client: seconds(ticks(std::process::id(), false)?),
        })
    }

    /// Memory of the server's own process.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1_024)
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        tokio::task::spawn_blocking(move || {
            self.child.stop()?;
            self.cluster.stop();
            anyhow::Ok(())
        })
        .await?
    }
}
