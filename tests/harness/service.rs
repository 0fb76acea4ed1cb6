//! `leeway serve` as a process of its own, for tests that kill it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::program;

/// How long the service may take to start, on a machine that does other things too.
const START: Duration = Duration::from_mins(2);

/// A running service on a data directory.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    pub client: reqwest::Client,
}

impl Service {
    /// Starts it and waits until it is ready.
    pub async fn start(directory: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(directory.join("service.log"))
            .unwrap();
        let child = Command::new(program())
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(directory.join("data"))
            .env_remove("DATABASE_URL")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut service = Self {
            child,
            address,
            client: reqwest::Client::new(),
        };
        service.wait_until_ready(directory).await;
        service
    }

    async fn wait_until_ready(&mut self, directory: &Path) {
        let until = Instant::now() + START;
        loop {
            let ready = self.client.get(self.url("/health/ready")).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < until,
                "the service is not ready ({ended:?}): {}",
                std::fs::read_to_string(directory.join("service.log")).unwrap_or_default()
            );
            // The only wait on a clock: a process of its own cannot be awaited otherwise.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends it as a power cut would: no signal handler runs.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as its owner would; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }

    /// Process number of the private Postgres.
    pub fn postgres(directory: &Path) -> u32 {
        let pid_file = find(&directory.join("data"), "postmaster.pid").expect("the cluster runs");
        let text = std::fs::read_to_string(pid_file).unwrap();
        text.lines().next().unwrap().trim().parse().unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
        self.client.post(self.url(path)).json(body).send().await
    }

    /// The rows of a statement.
    pub async fn sql(&self, statement: &str) -> Vec<Vec<Value>> {
        let answer = self
            .post("/v1/sql", &json!({ "sql": statement }))
            .await
            .unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{statement}: {body}");
        serde_json::from_value(body["rows"].clone()).unwrap()
    }
}

fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(directory)
        .ok()?
        .flatten()
        .find_map(|entry| {
            let path = entry.path();
            if path.file_name().is_some_and(|found| found == name) {
                Some(path)
            } else {
                find(&path, name)
            }
        })
}
