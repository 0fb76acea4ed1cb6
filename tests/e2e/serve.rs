//! The program as a server: starts with nothing configured, says how it fares, ends in order, leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use crate::harness::{program, server};

/// A server on a folder, ended when dropped.
struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
    address: SocketAddr,
}

fn leeway(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(words)
        .arg("--data-dir")
        .arg(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .stdin(Stdio::null());
    command
}

/// Starts a server and reads its log up to the address it listens on.
fn start(folder: &Path) -> Running {
    let words = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let mut child = leeway(folder, &words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    let address = loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended: {said}");
        let entry: Value = serde_json::from_str(&line).unwrap();
        if entry["message"] == "listening" {
            break entry["address"].as_str().unwrap().parse().unwrap();
        }
        said.push_str(&line);
    };
    Running {
        child,
        log,
        address,
    }
}

impl Running {
    async fn get(&self, path: &str) -> (u16, Value) {
        let answer = reqwest::get(format!("http://{}{path}", self.address))
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; returns the exit code and the rest of the log.
    fn end(&mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.log, &mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn postmaster(folder: &Path) -> Pid {
    let text = std::fs::read_to_string(pid_file(folder)).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap()
}

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("postgres/data/postmaster.pid")
}

#[tokio::test]
async fn it_starts_with_nothing_configured_and_ends_in_order() {
    let folder = server::folder();
    let mut running = start(&folder);
    assert_eq!(running.get("/health/live").await.0, 200);
    let (status, body) = running.get("/health/ready").await;
    assert_eq!((status, &body["status"]), (200, &Value::from("ready")));

    // Beside the running server, and as somebody who does not know of it.
    let token = leeway(
        &folder,
        &["token", "create", "--name", "me", "--scope", "read,ingest"],
    )
    .output()
    .unwrap();
    assert!(token.status.success(), "{token:?}");
    assert!(token.stdout.starts_with(b"lw_"));
    let list = leeway(&folder, &["token", "list"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(
        list.contains("me    ingest,read") || list.contains("me    read,ingest"),
        "{list}"
    );
    let answer = leeway(
        &folder,
        &[
            "sql",
            "select model_id, 1 + 1 as two from models union select 'x', 2",
            "--format",
            "csv",
        ],
    )
    .output()
    .unwrap();
    assert_eq!(
        String::from_utf8(answer.stdout).unwrap(),
        "model_id,two\nx,2\n"
    );
    let second = leeway(&folder, &["serve", "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(
        said.contains(&format!("in use by process {}", running.child.id())),
        "{said}"
    );

    let postgres = postmaster(&folder);
    running.signal(Signal::TERM);
    let (code, log) = running.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        test_kill_process(postgres).is_err(),
        "the database outlived its host"
    );
    assert!(!pid_file(&folder).exists());

    // What was stored is there without a server too.
    let list = leeway(&folder, &["token", "list"]).output().unwrap();
    assert!(String::from_utf8(list.stdout).unwrap().contains("me "));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_host_that_is_killed_takes_its_database_along_and_the_next_one_starts() {
    let folder = server::folder();
    let mut running = start(&folder);
    let postgres = postmaster(&folder);
    running.signal(Signal::KILL);
    running.end();
    server::soon("the database is gone", || {
        test_kill_process(postgres).is_err()
    });
    let running = start(&folder);
    assert_eq!(running.get("/health/ready").await.0, 200);
    drop(running);
    server::soon("the database is gone", || !pid_file(&folder).exists());
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_database_that_is_killed_comes_back_under_the_running_host() {
    let folder = server::folder();
    let mut running = start(&folder);
    let postgres = postmaster(&folder);
    kill_process(postgres, Signal::KILL).unwrap();
    server::soon("another database runs", || {
        std::fs::read_to_string(pid_file(&folder)).is_ok_and(|text| {
            text.trim_end().ends_with("ready")
                && !text.starts_with(&format!("{}\n", postgres.as_raw_pid()))
        })
    });
    // The host notices a moment after the database says so itself.
    while running.get("/health/ready").await.0 != 200 {}
    running.signal(Signal::INT);
    assert_eq!(running.end().0, Some(0));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_wrong_is_said_before_a_port_opens() {
    let folder = server::folder();
    for (words, part) in [
        (
            &["serve", "--listen", "0.0.0.0:0"][..],
            "leeway token create",
        ),
        (
            &["serve", "--metrics-namespace", "a b"],
            "--metrics-namespace",
        ),
        (&["serve", "--database-url", "mysql://x"], "--database-url"),
        (
            &["serve", "--postgres-bin", "/nowhere"],
            "--postgres-bin /nowhere has no",
        ),
        (&["serve", "--log", "leeway=loud"], "--log"),
        (
            &["token", "create", "--name", "x", "--scope", "root"],
            "\"root\" is no scope",
        ),
        (&["token", "revoke", "0123"], "no valid token"),
        (
            &["sql", "drop table model"],
            "a statement begins with SELECT",
        ),
        (
            &["sql", "select nothing from models"],
            "(at character 8 of the statement)",
        ),
    ] {
        let output = leeway(&folder, words).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(part), "{words:?}: {said}");
        assert!(!said.contains("listening"), "{words:?}: {said}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}
