//! A database of its own for every test, on one private server that lives as long as the test run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use leeway::cluster::{Cluster, ClusterOptions};
use leeway::store::{PoolSettings, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The migrated database that those of the tests are copies of.
const TEMPLATE: &str = "template_leeway";
/// Databases of earlier tests that stay, in case they are still in use.
const KEPT: u64 = 16;

/// A fresh, migrated database.
pub async fn database() -> Store {
    let url = database_url().await;
    Store::connect(&url, &PoolSettings::default())
        .await
        .unwrap()
}

/// The address of a fresh, migrated database: for tests that start the program.
pub async fn database_url() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let server = server();
    let mut admin = PgConnection::connect(&server.url("postgres"))
        .await
        .unwrap();
    if let Some(old) = number.checked_sub(KEPT) {
        let drop = format!("DROP DATABASE IF EXISTS test_{old}");
        // One that is still in use is left alone.
        let _ = sqlx::query(AssertSqlSafe(drop)).execute(&mut admin).await;
    }
    let create = format!("CREATE DATABASE test_{number} TEMPLATE {TEMPLATE}");
    sqlx::query(AssertSqlSafe(create))
        .execute(&mut admin)
        .await
        .unwrap();
    admin.close().await.unwrap();
    server.url(&format!("test_{number}"))
}

/// The server of this test run, started by whichever test is first.
pub fn server() -> &'static Cluster {
    struct Run {
        cluster: Cluster,
        _sweeper: Child,
    }
    static RUN: OnceLock<Run> = OnceLock::new();
    let run = RUN.get_or_init(|| {
        // On a thread of its own: the tests are inside runtimes, where no other runtime may block.
        std::thread::spawn(|| {
            let folder = folder();
            let sweeper = sweep_at_the_end(&folder);
            let cluster = Cluster::start(&ClusterOptions {
                folder: folder.join("postgres"),
                binaries: None,
                durable: false,
            })
            .unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(make_template(&cluster));
            Run {
                cluster,
                _sweeper: sweeper,
            }
        })
        .join()
        .unwrap()
    });
    &run.cluster
}

async fn make_template(cluster: &Cluster) {
    Store::create_database(&cluster.url("postgres"), TEMPLATE)
        .await
        .unwrap();
    let store = Store::connect(&cluster.url(TEMPLATE), &PoolSettings::default())
        .await
        .unwrap();
    store.migrate().await.unwrap();
    // Nobody may be connected to a database that is copied.
    store.close().await;
}

/// A folder that every user may enter, as the server may run as another than the tests.
pub fn folder() -> PathBuf {
    let folder = tempfile::Builder::new()
        .prefix("leeway-test-")
        .tempdir()
        .unwrap()
        .keep();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Waits until something holds, which it must do soon.
pub fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::yield_now();
    }
}

/// Nothing is dropped at the end of a test run: a child whose input ends with this process removes the folder, once
/// the server, which ends then too, is gone.
fn sweep_at_the_end(folder: &Path) -> Child {
    const SWEEP: &str = r#"cat; while [ -e "$1/postgres/data/postmaster.pid" ] && [ $((i += 1)) -lt 200 ]; do sleep 0.05; done; rm -rf "$1""#;
    Command::new("sh")
        .args(["-c", SWEEP, "sweep"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
