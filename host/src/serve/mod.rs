//! The server as a process: what starts in which order, what ends in which order.
//!
//! Owns settings, signals, tasks and health. Refuses to know what the tasks do: they are handed in.

mod amount;
mod args;
mod config;
mod database;
mod interpreters;
mod memory;
mod service;
mod signals;
mod tasks;
mod told;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::api::{Phase, Readiness};
use crate::cluster::ClusterState;
use crate::domain::{Clock, SystemClock};
use crate::monitor::{Detectors, Loader};
use crate::runtime::{CodeCache, CompileLimits, Compiler, Engine, Limits, Runtime};
use crate::store::SqlReader;

pub use args::{DatabaseArgs, ServeArgs};
pub use config::{Config, ConfigError, DatabaseConfig, Place};
pub use database::Database;
pub use interpreters::InterpreterArgs;
pub use service::{Service, ServiceSettings};
pub use tasks::Tasks;

use signals::Signals;

/// Exit code of a server that was told to end.
const DONE: u8 = 0;
/// Exit code of one that was told so a second time, and did not finish what it had.
const CUT_OFF: u8 = 130;

/// Runs the server until it is told to end, or until a part of it fails.
///
/// # Errors
/// What kept it from starting, or which part failed.
pub async fn run(config: Config) -> anyhow::Result<u8> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let database = tokio::select! {
        database = Database::open(&config.database, &config.pool, config.database_wait) => database?,
        name = signals.next() => {
            tracing::info!(signal = name, "told to end before the database was there");
            return Ok(DONE);
        }
    };
    // Whatever comes of it, the database is closed in an orderly way.
    let outcome = with_database(&config, &database, &mut signals).await;
    tokio::select! {
        () = database.close() => outcome,
        _ = signals.next() => Ok(CUT_OFF),
    }
}

async fn with_database(
    config: &Config,
    database: &Database,
    signals: &mut Signals,
) -> anyhow::Result<u8> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    refuse_strangers(config, database, clock.as_ref()).await?;
    // Made before the port opens, so that what is wrong with it is known at the start.
    let sql = SqlReader::open(&database.store, &database.sql).await?;

    let mut tasks = Tasks::new();
    if let Some(cluster) = &database.cluster {
        let state = cluster.state();
        tasks.start("embedded database", |stop| watch_cluster(state, stop));
    }
    let detectors = detectors(config.cache_dir.clone(), config.interpreters.clone()).await?;
    let service = Arc::new(
        Service::new(
            database.store.clone(),
            clock,
            detectors,
            sql,
            config.service()?,
        )
        .await?,
    );

    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    service.start();
    tasks.start("measurements", |stop| Arc::clone(&service).measure(stop));
    let outcome = serve(
        config,
        listener,
        service.router(),
        &service.readiness,
        tasks,
        signals,
        address,
    )
    .await;
    let stopped = tokio::select! {
        done = tokio::time::timeout(config.shutdown_grace, service.stop()) => done.is_ok(),
        _ = signals.next() => return Ok(CUT_OFF),
    };
    if !stopped {
        tracing::warn!(
            "evaluations were still running at the end; they run again at the next start"
        );
    }
    outcome
}

/// The detectors that come with the host, compiled or out of the cache.
async fn detectors(cache: PathBuf, interpreters: PathBuf) -> anyhow::Result<Detectors> {
    let load = move || {
        let program = std::env::current_exe().context("this program cannot be found")?;
        let opened = CodeCache::open(&cache).with_context(|| {
            format!(
                "--cache-dir: compiled detectors cannot be kept in {}",
                cache.display()
            )
        })?;
        let metered_cache = CodeCache::open(&cache)?;
        let compiler = Compiler::new(program, CompileLimits::default());
        let sandbox =
            |error: wasmtime::Error| anyhow::anyhow!("the sandbox cannot be started: {error:#}");
        let engine = Engine::start().map_err(sandbox)?;
        let runtime = Runtime::new(engine, compiler.clone(), opened)
            .map_err(sandbox)?
            .with_interpreters(interpreters.clone());
        // Report cards count fuel; in service that would cost a tenth of the speed.
        let metered = Engine::start_with_fuel()
            .and_then(|engine| Runtime::new(engine, compiler, metered_cache))
            .map_err(sandbox)?
            .with_interpreters(interpreters);
        let builtin = Detectors::builtin(&runtime)?;
        let loader = Loader::new(Arc::new(runtime), Some(Arc::new(metered)));
        // Compiled now and not with the first upload of source, which would wait for it.
        let interpreters = loader.clone();
        std::thread::Builder::new()
            .name("interpreters".into())
            .spawn(move || interpreters.warm_up())?;
        Ok(builtin.with_uploads(loader, Limits::default()))
    };
    tokio::task::spawn_blocking(load).await?
}

/// Serves until told to end; then in this order: no longer ready, no new connections, open requests answered, tasks ended.
async fn serve(
    config: &Config,
    listener: TcpListener,
    router: Router,
    readiness: &Readiness,
    mut tasks: Tasks,
    signals: &mut Signals,
    address: SocketAddr,
) -> anyhow::Result<u8> {
    let drain = CancellationToken::new();
    let server = axum::serve(listener, router)
        .with_graceful_shutdown(drain.clone().cancelled_owned())
        .into_future();
    let mut server = tokio::spawn(server);
    readiness.set(Phase::Ready);
    tracing::info!(%address, "listening");

    let cause = tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, "told to end");
            None
        }
        error = tasks.early_end() => Some(error),
        end = &mut server => Some(match end {
            Ok(Ok(())) => anyhow::anyhow!("the listener ended early"),
            Ok(Err(error)) => error.into(),
            Err(error) => error.into(),
        }),
    };
    readiness.set(Phase::Stopping);
    drain.cancel();
    let orderly = async {
        if !server.is_finished()
            && tokio::time::timeout(config.shutdown_grace, &mut server)
                .await
                .is_err()
        {
            tracing::warn!("requests were still open at the end");
            server.abort();
        }
        tasks.finish(config.shutdown_grace).await
    };
    let finished = tokio::select! {
        finished = orderly => finished,
        name = signals.next() => {
            tracing::warn!(signal = name, "told to end at once");
            return Ok(CUT_OFF);
        }
    };
    match cause {
        Some(error) => Err(error),
        None => finished.map(|()| {
            tracing::info!("ended");
            DONE
        }),
    }
}

/// Without a token anyone may do everything, which is for this machine alone unless somebody says otherwise.
async fn refuse_strangers(
    config: &Config,
    database: &Database,
    clock: &dyn Clock,
) -> anyhow::Result<()> {
    if config.listen.ip().is_loopback() || config.allow_anonymous_network {
        return Ok(());
    }
    if database.store.any_token(clock.now()).await? {
        return Ok(());
    }
    bail!(
        "--listen: {} is reachable from other machines, and there is no token, so anyone could do everything. Make one \
         (leeway token create --name me --scope admin), or say --allow-anonymous-network",
        config.listen
    );
}

/// Ends the process when the embedded database is given up.
async fn watch_cluster(
    mut state: tokio::sync::watch::Receiver<ClusterState>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        if let ClusterState::Failed(reason) = state.borrow_and_update().clone() {
            bail!("{reason}");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = state.changed() => changed.context("nobody looks after the embedded database")?,
        }
    }
}
