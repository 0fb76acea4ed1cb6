//! The example data streaming through a server: what drifts, live.
//!
//! A month of flights becomes the reference data of two models, a classifier and a regressor; the months after it are
//! sent as their services would send them, with their own times, and with labels that arrive a day later. Talks to the
//! server over HTTP only.

pub(crate) mod board;
pub(crate) mod client;
pub(crate) mod flights;
pub(crate) mod screen;
mod server;
mod stream;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use client::Client;
use screen::Screen;
use server::Server;
use stream::Stream;

/// The month that is the reference: the models learned in January and February, and March is new to them.
pub const REFERENCE_MONTH_DEFAULT: &str = "2013-03";
/// Rows that are sent a second, of each model: nine months in a minute.
pub const ROWS_PER_SECOND_DEFAULT: u32 = 1_000;
/// Where the example data are, from the root of the repository.
pub const DATA_DEFAULT: &str = "examples/flights";

/// What the demo does.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Directory of the example data.
    pub data: PathBuf,
    /// Such as `2013-03`. The months after it are streamed.
    pub reference_month: String,
    /// Most months that are streamed.
    pub months_max: usize,
    /// Rows a second, of each model, at least 1.
    pub rows_per_second: u32,
    /// The address of a server that runs already; else one is started.
    pub server: Option<String>,
    /// Token for that server, with the scopes ingest, read and admin.
    pub token: Option<String>,
    /// Where a started server keeps its data; else in a directory that is removed in the end.
    pub data_dir: Option<PathBuf>,
    /// Ends when the data do; else goes on serving until Ctrl-C.
    pub exit: bool,
}

/// Runs the demo until its end or Ctrl-C. `program` is `leeway`.
///
/// # Errors
/// If the data cannot be read, or the server cannot be started or refuses something.
pub async fn run(settings: &Settings, program: &Path) -> anyhow::Result<()> {
    let mut screen = Screen::new();
    let Some(base) = &settings.server else {
        let (data_dir, _temporary) = data_dir(settings)?;
        screen.say(&format!("starting a server in {}", data_dir.display()))?;
        let mut server = Server::start(program, &data_dir)?;
        let client = Client::new(server.base(), None)?;
        let done = tokio::select! {
            done = with_server(settings, &client, &mut screen, &mut server) => done,
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        screen.say("stopping the server")?;
        server.stop().await?;
        return done;
    };
    let client = Client::new(base, settings.token.clone())?;
    tokio::select! {
        done = async {
            client.ready().await;
            Stream::new(settings, &client, &mut screen)?.run().await
        } => done,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Where a server keeps its data, and what removes it in the end.
fn data_dir(settings: &Settings) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
    if let Some(directory) = &settings.data_dir {
        return Ok((directory.clone(), None));
    }
    // Postgres runs as another user where the host is root: it must be able to pass through.
    let temporary = tempfile::Builder::new()
        .prefix("leeway-demo-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .context("a directory for the server")?;
    Ok((temporary.path().join("data"), Some(temporary)))
}

async fn with_server(
    settings: &Settings,
    client: &Client,
    screen: &mut Screen,
    server: &mut Server,
) -> anyhow::Result<()> {
    // Before the server is: wrong data are told at once.
    let stream = Stream::new(settings, client, screen)?;
    server.ready(client).await?;
    tokio::select! {
        done = stream.run() => done?,
        status = server.ended() => anyhow::bail!("the server ended: {}", status?),
    }
    if !settings.exit {
        screen.say("the server goes on; Ctrl-C ends it")?;
        server.ended().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
