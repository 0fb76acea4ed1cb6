//! Plays what was prepared: every client by itself, and one place where it is shown.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use reqwest::Method;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::client::{Courier, Shared};
use super::plan::Plan;
use super::position::Position;
use super::show::Show;
use crate::check::output::number::count;
use crate::demo::client::Client;
use crate::demo::screen::Screen;
use crate::domain::Clock;

/// Time between two drawings of the table.
const DRAW_INTERVAL: Duration = Duration::from_millis(250);
/// Held by a run.
const LOCK_FILE: &str = "run.lock";
/// After so long it is said that a service is waited for.
const WAIT: Duration = Duration::from_secs(2);

/// How a run goes.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Directory of what was prepared.
    pub folder: PathBuf,
    /// Address of the drift service.
    pub url: String,
    /// Address of the model API.
    pub model_url: String,
    /// Token for the drift service, with the scopes ingest, read and admin.
    pub token: Option<String>,
    /// Time between two batches of a client.
    pub interval: Duration,
    /// Rows of a batch, 1 to 1,000.
    pub batch_rows: usize,
    /// Forgets where the run before was stopped.
    pub restart: bool,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What the model API says of itself.
#[derive(Debug, Deserialize)]
struct Served {
    name: String,
    trained_at: Timestamp,
}

/// Sends all rows that are left, and shows on the screen what drifts. Ends early, in order, once told to stop.
///
/// # Errors
/// If nothing is prepared, or one of the services refuses something.
pub async fn run(settings: &RunSettings, stop: CancellationToken) -> anyhow::Result<()> {
    play(settings, stop, Screen::new()).await
}

/// The same, and what is shown are lines into `out`.
///
/// # Errors
/// As of [`run`].
pub async fn run_into(
    settings: &RunSettings,
    stop: CancellationToken,
    out: impl Write + Send + 'static,
) -> anyhow::Result<()> {
    play(settings, stop, Screen::plain(out)).await
}

async fn play(
    settings: &RunSettings,
    stop: CancellationToken,
    screen: Screen,
) -> anyhow::Result<()> {
    let (plan, rows) = Plan::load(&settings.folder)?;
    // Until the end of this run: two of them would write over each other's positions.
    let _alone = alone(&settings.folder)?;
    let mut show = Show::new(plan.clients.len(), screen);
    let shared = Arc::new(Shared {
        plan,
        rows,
        service: Client::new(&settings.url, settings.token.clone())?,
        model_api: Client::new(&settings.model_url, None)?,
        interval: settings.interval,
        batch_rows: settings.batch_rows,
        clock: Arc::clone(&settings.clock),
        stop: stop.clone(),
    });
    tokio::select! {
        reached = reach(&shared, &mut show) => reached?,
        () = stop.cancelled() => return Ok(()),
    }
    let positions = positions(settings, &shared.plan);
    told(&shared, &positions, &mut show)?;

    let (news, mut heard) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    for (number, position) in positions.into_iter().enumerate() {
        let (shared, news) = (Arc::clone(&shared), news.clone());
        let folder = settings.folder.clone();
        tasks.spawn(async move {
            let courier = Courier::new(&shared, number, &folder, position, &news);
            let id = &shared.plan.clients[number].model_id;
            courier.run().await.with_context(|| id.clone())
        });
    }
    drop(news);
    let mut ticks = tokio::time::interval(DRAW_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            Some((client, seen)) = heard.recv() => show.hear(client, seen)?,
            ended = tasks.join_next() => match ended {
                // Dropping the others gives them up: each has its position on disk.
                Some(ended) => ended??,
                None => break,
            },
            _ = ticks.tick() => show.draw()?,
        }
    }
    while let Some((client, seen)) = heard.recv().await {
        show.hear(client, seen)?;
    }
    show.end()?;
    if stop.is_cancelled() {
        return show.say("stopped; the next run goes on from here");
    }
    let id = &shared.plan.clients[0].model_id;
    for (what, path) in [
        ("results", format!("/v1/models/{id}/results")),
        ("history", format!("/v1/measurements?model_id={id}")),
        ("metrics", "/metrics".to_owned()),
    ] {
        show.say(&format!("{what:<10} {}", shared.service.address(&path)))?;
    }
    Ok(())
}

/// Holds the directory for one run.
fn alone(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK_FILE);
    let at = || path.display().to_string();
    let file = File::create(&path).with_context(at)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => bail!("another run is at work in {}", folder.display()),
        Err(error) => Err(error).with_context(at),
    }
}

/// Waits for both services, and makes sure that the model is the one that was prepared.
async fn reach(shared: &Shared, show: &mut Show) -> anyhow::Result<()> {
    for (client, what) in [
        (&shared.service, "the drift service (leeway serve)"),
        (&shared.model_api, "the model API (leeway model-api)"),
    ] {
        if tokio::time::timeout(WAIT, client.ready()).await.is_err() {
            show.say(&format!("waiting for {what} at {}", client.address("")))?;
            client.ready().await;
        }
    }
    let api = &shared.model_api;
    let answer = api
        .send(Method::GET, "/model", "application/json", Vec::new(), &[])
        .await?;
    let served: Served = serde_json::from_slice(&answer).context("the answer to GET /model")?;
    let plan = &shared.plan;
    if (&served.name, served.trained_at) != (&plan.model, plan.prepared_at) {
        bail!(
            "{} serves '{}' trained at {}, but '{}' of {} was prepared: start the model API again, on the same directory",
            api.address(""),
            served.name,
            served.trained_at,
            plan.model,
            plan.prepared_at
        );
    }
    Ok(())
}

/// Where each client begins.
fn positions(settings: &RunSettings, plan: &Plan) -> Vec<Position> {
    let load = |client: usize| {
        let start = Position::start(plan.prepared_at, &settings.url);
        if settings.restart {
            start
        } else {
            Position::load(&settings.folder, client, start)
        }
    };
    (0..plan.clients.len()).map(load).collect()
}

fn told(shared: &Shared, positions: &[Position], show: &mut Show) -> anyhow::Result<()> {
    let clients = &shared.plan.clients;
    let rows: usize = clients.iter().map(|client| client.production.len()).sum();
    let sent: usize = positions.iter().map(|position| position.rows).sum();
    show.say(&format!("Swagger    {}", shared.service.address("/docs")))?;
    show.say(&format!("model API  {}", shared.model_api.address("/docs")))?;
    let of_clients = match clients.as_slice() {
        [only] => format!("{} ({})", only.model_id, only.drift.name()),
        all => format!("{} clients", all.len()),
    };
    let rows = count(rows as u64);
    let so_far = match sent {
        0 => String::new(),
        sent => format!(", {} of them sent before", count(sent as u64)),
    };
    show.say(&format!("stream     {of_clients}: {rows} rows{so_far}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_at_a_time_has_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let first = alone(folder.path()).unwrap();
        let error = alone(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("another run is at work in "), "{error}");
        drop(first);
        alone(folder.path()).unwrap();
    }
}
