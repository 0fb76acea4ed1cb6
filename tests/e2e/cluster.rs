//! The embedded database: starts, keeps what it was given, comes back after a kill, ends with its host.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use leeway::cluster::{Binaries, Cluster, ClusterError, ClusterOptions, ClusterState};
use rustix::process::{Pid, Signal};
use sqlx::{Connection, PgConnection};

use crate::harness::server;

fn options(folder: &Path) -> ClusterOptions {
    ClusterOptions {
        folder: folder.join("postgres"),
        binaries: None,
        durable: true,
    }
}

async fn number(url: &str, statement: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let number = sqlx::query_scalar(statement)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    number
}

#[tokio::test]
async fn each_test_has_a_migrated_database_of_its_own() {
    let (one, two) = (server::database().await, server::database().await);
    sqlx::query("CREATE TABLE mine ()")
        .execute(one.pool())
        .await
        .unwrap();
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE tablename IN ('mine', 'model')")
            .fetch_one(two.pool())
            .await
            .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn data_stay_through_a_restart_and_a_kill_and_a_second_host_is_refused() {
    let folder = server::folder();
    let options = options(&folder);
    let cluster = Cluster::start(&options).unwrap();
    let url = cluster.url("postgres");
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for statement in [
        "CREATE TABLE kept (n int8)",
        "INSERT INTO kept VALUES (41), (1)",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let sum = "SELECT sum(n)::int8 FROM kept";

    let refused = Cluster::start(&options).unwrap_err();
    let holder = std::process::id().to_string();
    assert!(
        matches!(&refused, ClusterError::Held { holder: by, .. } if *by == holder),
        "{refused}"
    );
    assert_eq!(
        leeway::cluster::running_url(&options.folder, "postgres").as_deref(),
        Some(url.as_str())
    );

    let killed = cluster.pid().unwrap();
    let state = cluster.state();
    kill(killed, Signal::KILL);
    server::soon("another server is up", || {
        cluster.pid().is_some_and(|pid| pid != killed) && *state.borrow() == ClusterState::Up
    });
    assert_eq!(number(&url, sum).await, 42);

    cluster.stop();
    assert_eq!(*state.borrow(), ClusterState::Stopped);
    assert_eq!(cluster.pid(), None);
    drop(cluster);
    assert_eq!(
        leeway::cluster::running_url(&options.folder, "postgres"),
        None
    );
    let cluster = Cluster::start(&options).unwrap();
    assert_eq!(number(&cluster.url("postgres"), sum).await, 42);
    let checksums = number(
        &cluster.url("postgres"),
        "SELECT count(*) FROM pg_settings WHERE (name, setting) IN (('data_checksums', 'on'), ('fsync', 'on'), ('listen_addresses', ''))",
    )
    .await;
    assert_eq!(checksums, 3);
    drop(cluster);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_folder_below_one_that_only_its_owner_may_enter_is_good_enough() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let cluster = Cluster::start(&options(home.path())).unwrap();
    assert_eq!(number(&cluster.url("postgres"), "SELECT 1::int8").await, 1);
}

#[test]
fn a_server_that_outlived_its_host_makes_room_for_the_next() {
    let folder = server::folder();
    let options = options(&folder);
    drop(Cluster::start(&options).unwrap());
    // Started by hand on the same data: no host is behind it.
    let mut hand = by_hand(&options.folder);
    let data = options.folder.join("data");
    server::soon("the server by hand is up", || {
        std::fs::read_to_string(data.join("postmaster.pid"))
            .is_ok_and(|text| text.trim_end().ends_with("ready"))
    });
    let reaper = std::thread::spawn(move || hand.wait().unwrap());
    let cluster = Cluster::start(&options).unwrap();
    reaper.join().unwrap();
    drop(cluster);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn data_of_another_version_are_left_alone() {
    let folder = server::folder();
    let options = options(&folder);
    drop(Cluster::start(&options).unwrap());
    std::fs::write(options.folder.join("data/PG_VERSION"), "13\n").unwrap();
    let error = Cluster::start(&options).unwrap_err().to_string();
    assert!(error.contains("was made by PostgreSQL 13"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let folder = server::folder();
    let options = options(&folder);
    drop(Cluster::start(&options).unwrap());
    let settings = options.folder.join("data/postgresql.conf");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{text}\nno_such_setting = 1\n")).unwrap();
    let error = Cluster::start(&options).unwrap_err().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// A server on the data of a cluster, run by their owner.
fn by_hand(folder: &Path) -> std::process::Child {
    let data = folder.join("data");
    let owner = std::fs::metadata(&data).unwrap();
    let postgres = Binaries::find_on_this_machine()
        .unwrap()
        .folder
        .join("postgres");
    Command::new(postgres)
        .arg("-D")
        .arg(&data)
        .args(["-c", "listen_addresses=", "-k"])
        .arg(folder.join("run"))
        .current_dir(folder)
        .uid(owner.uid())
        .gid(owner.gid())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn kill(pid: i32, signal: Signal) {
    rustix::process::kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}
