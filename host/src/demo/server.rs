//! A server of the demo's own: a child process, `leeway serve`.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::client::Client;

/// Longest start: a new database takes some seconds, compiling the detectors some more.
const START_MAX: Duration = Duration::from_mins(2);
/// Longest graceful end.
const STOP_MAX: Duration = Duration::from_secs(30);

/// The child. It is killed when this is dropped; [`Server::stop`] is the friendly way.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    base: String,
}

impl Server {
    /// Starts the server on a free port of this machine.
    pub(super) fn start(program: &Path, data_dir: &Path) -> anyhow::Result<Self> {
        let port = free_port().context("a free port")?;
        let child = Command::new(program)
            // What a person should see of it are its errors; the board has the rest of the screen.
            .args(["--log", "error", "serve", "--data-dir"])
            .arg(data_dir)
            .arg("--listen")
            .arg(format!("{}:{port}", Ipv4Addr::LOCALHOST))
            // A database of somebody else is not for examples.
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} serve", program.display()))?;
        Ok(Self {
            child,
            base: format!("http://{}:{port}", Ipv4Addr::LOCALHOST),
        })
    }

    /// Its address.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Returns when it is ready.
    pub(super) async fn ready(&mut self, client: &Client) -> anyhow::Result<()> {
        tokio::select! {
            () = client.ready() => Ok(()),
            status = self.child.wait() => bail!("the server ended before it was ready: {}", status?),
            () = tokio::time::sleep(START_MAX) => {
                bail!("the server was not ready after {} s", START_MAX.as_secs())
            }
        }
    }

    /// Returns when it has ended by itself.
    pub(super) async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.wait().await.context("the server")
    }

    /// Asks it to stop, and waits until it has.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // It may have ended by itself: at a terminal, Ctrl-C reaches it too.
            let _ = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(STOP_MAX, self.child.wait())
            .await
            .is_err()
        {
            self.child.kill().await.context("the server")?;
        }
        Ok(())
    }
}

/// A port that nobody listens on now.
fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
