//! A real Prometheus as a process of its own, with the configuration that ships: other addresses, and at a quicker pace.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::repository;

/// How often it scrapes and evaluates rules.
const PACE: &str = "1s";
/// How long it may take to start, and to see what a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Prometheus; ends when dropped.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    client: reqwest::Client,
    directory: TempDir,
}

impl Prometheus {
    /// Starts it on a service.
    pub async fn start(service: SocketAddr) -> Self {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let shipped = repository().join("config");
        let config = std::fs::read_to_string(shipped.join("prometheus.yml")).unwrap();
        let mut ours = config.clone();
        for (theirs, here) in [
            ("leeway:5000", service.to_string()),
            ("localhost:9090", address.to_string()),
            ("15s", PACE.to_owned()),
        ] {
            assert!(ours.contains(theirs), "{theirs}: {config}");
            ours = ours.replace(theirs, &here);
        }
        std::fs::write(directory.path().join("prometheus.yml"), ours).unwrap();
        for rules in ["recording.rules.yml", "alert.rules.yml"] {
            std::fs::copy(shipped.join(rules), directory.path().join(rules)).unwrap();
        }
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let child = Command::new("prometheus")
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={address}"))
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Prometheus is not installed; `cargo xtask test` installs it");
        let mut prometheus = Self {
            child,
            address,
            client: reqwest::Client::new(),
            directory,
        };
        prometheus.until("it is ready", "vector(1)").await;
        prometheus
    }

    /// Waits until an expression has a result. The one place where real time must pass: Prometheus has no other clock.
    pub async fn until(&mut self, what: &str, expression: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.instant(expression).await;
            if found.as_ref().is_ok_and(|result| !result.is_empty()) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < end,
                "never: {what} ({expression}): {found:?}, {ended:?}: {}",
                std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The result of an expression now.
    pub async fn instant(&self, expression: &str) -> Result<Vec<Value>, String> {
        self.ask("query", &[("query", expression)]).await
    }

    /// The result of an expression over the last seconds, as a graph asks for it.
    pub async fn range(&self, expression: &str, seconds: i64) -> Result<Vec<Value>, String> {
        let now = jiff::Timestamp::now().as_second();
        let (start, end) = ((now - seconds).to_string(), now.to_string());
        let words = [
            ("query", expression),
            ("start", &start),
            ("end", &end),
            ("step", "1"),
        ];
        self.ask("query_range", &words).await
    }

    /// Every rule, with how its last evaluation went.
    pub async fn rules(&self) -> Vec<Value> {
        let data = self.get("rules", &[]).await.unwrap();
        let groups = data["groups"].as_array().unwrap();
        let rules = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap());
        rules.cloned().collect()
    }

    async fn ask(&self, what: &str, words: &[(&str, &str)]) -> Result<Vec<Value>, String> {
        let data = self.get(what, words).await?;
        Ok(data["result"].as_array().cloned().unwrap_or_default())
    }

    async fn get(&self, what: &str, words: &[(&str, &str)]) -> Result<Value, String> {
        let base = format!("http://{}/api/v1/{what}", self.address);
        let url = reqwest::Url::parse_with_params(&base, words).unwrap();
        let answer = self.client.get(url).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        let mut body: Value = answer.json().await.map_err(|error| error.to_string())?;
        if body["status"] == "success" {
            Ok(body["data"].take())
        } else {
            Err(body["error"].to_string())
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
