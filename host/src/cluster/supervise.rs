//! Keeps the server running: starts it, starts it again when it dies, ends it with its host.

use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;

use super::account::Account;
use super::binaries::Binaries;
use super::create::clean;
use super::error::ClusterError;
use super::orphan;

/// How long the server may take until it accepts connections: recovery replays what was written since the last checkpoint.
const START: Duration = Duration::from_mins(2);
/// How long the server may take to end when asked to; it writes a checkpoint.
const STOP_FAST: Duration = Duration::from_secs(20);
/// How long it may take when told to end at once.
const STOP_QUIT: Duration = Duration::from_secs(5);
/// Deaths in a row after which it is left dead; one that lived longer than [`STEADY`] starts the count anew.
const DEATHS_MAX: u32 = 8;
const STEADY: Duration = Duration::from_mins(1);
/// Pause after the first death; each further one doubles it, up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Between looks at a starting or ending server.
const LOOK: Duration = Duration::from_millis(5);
/// A log larger than this is put aside at the next start.
const LOG_BYTES_MAX: u64 = 16 << 20;

/// How the server fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterState {
    /// Not yet accepting connections, or not again.
    Starting,
    /// Accepts connections.
    Up,
    /// Died too often, or could not be started: why.
    Failed(String),
    /// Was told to end.
    Stopped,
}

/// All that starting the server takes.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) binaries: Binaries,
    pub(super) account: Account,
    pub(super) data: PathBuf,
    pub(super) socket_folder: PathBuf,
    pub(super) log: PathBuf,
    pub(super) durable: bool,
}

/// The server's keeper: a thread that lives as long as the server should.
#[derive(Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    state: watch::Sender<ClusterState>,
    process: Mutex<Process>,
}

/// The process to send signals to: none once it is reaped, as its number may go to another.
#[derive(Debug, Default)]
struct Process {
    pid: Option<Pid>,
    stop: bool,
}

impl Keeper {
    /// Starts the server; returns when it accepts connections.
    pub(super) fn start(recipe: Recipe) -> Result<Self, ClusterError> {
        let shared = Arc::new(Shared {
            state: watch::Sender::new(ClusterState::Starting),
            process: Mutex::default(),
        });
        let (report, first) = std::sync::mpsc::channel();
        let keeper = Self {
            shared: Arc::clone(&shared),
            thread: Mutex::new(None),
        };
        // The kernel ends the server when the thread that started it ends, so that thread must be one that stays.
        let thread = std::thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || keep(&recipe, &shared, report))
            .map_err(ClusterError::io("cannot start a thread for", "postgres"))?;
        *lock(&keeper.thread) = Some(thread);
        match first.recv() {
            Ok(Ok(())) => Ok(keeper),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ClusterError::Start {
                what: "has lost its keeper".to_owned(),
                log: PathBuf::new(),
                said: String::new(),
            }),
        }
    }

    /// How the server fares.
    pub(super) fn state(&self) -> watch::Receiver<ClusterState> {
        self.shared.state.subscribe()
    }

    /// Process id of the server while it runs.
    pub(super) fn pid(&self) -> Option<i32> {
        lock(&self.shared.process).pid.map(Pid::as_raw_pid)
    }

    /// Ends the server: connections are cut, committed data are flushed. Blocks until it is gone.
    pub(super) fn stop(&self) {
        let Some(thread) = lock(&self.thread).take() else {
            return;
        };
        lock(&self.shared.process).stop = true;
        thread.thread().unpark();
        for (signal, patience) in [
            (Signal::INT, STOP_FAST),
            (Signal::QUIT, STOP_QUIT),
            (Signal::KILL, STOP_QUIT),
        ] {
            if let Some(pid) = lock(&self.shared.process).pid {
                // It may be gone already: then the wait below is short.
                let _ = kill_process(pid, signal);
            }
            let start = Instant::now();
            while !thread.is_finished() && start.elapsed() < patience {
                std::thread::sleep(LOOK);
            }
            if thread.is_finished() {
                break;
            }
        }
        let _ = thread.join();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The thread: one server after the other, until told to stop or until they die too fast.
fn keep(
    recipe: &Recipe,
    shared: &Shared,
    report: std::sync::mpsc::Sender<Result<(), ClusterError>>,
) {
    let mut report = Some(report);
    let mut deaths = 0;
    loop {
        let started = Instant::now();
        let end = run(recipe, shared, &mut report);
        if lock(&shared.process).stop {
            shared.state.send_replace(ClusterState::Stopped);
            return;
        }
        if let Some(report) = report.take() {
            shared
                .state
                .send_replace(ClusterState::Failed(end.to_string()));
            // Nobody listening means that nobody wants the server any more.
            let _ = report.send(Err(end));
            return;
        }
        deaths = if started.elapsed() > STEADY {
            1
        } else {
            deaths + 1
        };
        if deaths >= DEATHS_MAX {
            tracing::error!(deaths, error = %end, "the database server died too often and is left dead");
            shared
                .state
                .send_replace(ClusterState::Failed(end.to_string()));
            return;
        }
        tracing::error!(deaths, error = %end, "the database server died; starting it again");
        shared.state.send_replace(ClusterState::Starting);
        // `stop` cuts the pause short.
        std::thread::park_timeout(PAUSE.saturating_mul(1 << (deaths - 1)).min(PAUSE_MAX));
    }
}

/// Runs one server to its end; says how it ended. The first time that it accepts connections is reported.
fn run(
    recipe: &Recipe,
    shared: &Shared,
    report: &mut Option<std::sync::mpsc::Sender<Result<(), ClusterError>>>,
) -> ClusterError {
    let mut child = match orphan::end(&recipe.data).and_then(|()| spawn(recipe)) {
        Ok(child) => child,
        Err(error) => return error,
    };
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return recipe.ended("has no process id");
    };
    {
        let mut process = lock(&shared.process);
        process.pid = Some(pid);
        if process.stop {
            let _ = kill_process(pid, Signal::INT);
        }
    }
    let started = Instant::now();
    while !is_ready(&recipe.data, pid) {
        if let Some(status) = shared.reap(&mut child) {
            return recipe.ended(&format!("did not start ({status})"));
        }
        if started.elapsed() > START {
            let _ = kill_process(pid, Signal::QUIT);
            shared.wait(&mut child, pid);
            return recipe.ended(&format!(
                "accepted no connections within {} s",
                START.as_secs()
            ));
        }
        std::thread::sleep(LOOK);
    }
    shared.state.send_replace(ClusterState::Up);
    if let Some(report) = report.take() {
        let _ = report.send(Ok(()));
    }
    match shared.wait(&mut child, pid) {
        Some(status) => recipe.ended(&format!("ended ({status})")),
        None => recipe.ended("ended"),
    }
}

impl Shared {
    /// Takes note of a process that is over.
    fn reap(&self, child: &mut Child) -> Option<ExitStatus> {
        let mut process = lock(&self.process);
        let status = child.try_wait().ok().flatten()?;
        process.pid = None;
        Some(status)
    }

    /// Waits for the end of the process. Its number stays its own until it is reaped under the lock.
    fn wait(&self, child: &mut Child, pid: Pid) -> Option<ExitStatus> {
        let over = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(pid), over), Err(rustix::io::Errno::INTR)) {}
        self.reap(child)
    }
}

impl Recipe {
    /// How the server ended, with what it wrote last.
    fn ended(&self, what: &str) -> ClusterError {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(5).collect();
        ClusterError::Start {
            what: what.to_owned(),
            log: self.log.clone(),
            said: lines.into_iter().rev().collect::<Vec<_>>().join(" | "),
        }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let on = if self.durable { "on" } else { "off" };
        // A folder with a comma would read as two.
        let folder = self.socket_folder.to_string_lossy().replace('"', "\"\"");
        [
            ("listen_addresses", ""),
            ("port", "5432"),
            ("unix_socket_directories", &format!("\"{folder}\"")),
            ("unix_socket_permissions", "0700"),
            ("max_connections", "100"),
            ("shared_buffers", "128MB"),
            ("effective_cache_size", "512MB"),
            ("wal_compression", "on"),
            ("min_wal_size", "128MB"),
            ("max_wal_size", "2GB"),
            ("checkpoint_timeout", "10min"),
            // A hundred connections share one machine with the host.
            ("max_parallel_workers_per_gather", "1"),
            ("jit", "off"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("logging_collector", "off"),
            ("log_checkpoints", "off"),
            ("fsync", on),
            ("full_page_writes", on),
            ("synchronous_commit", on),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }
}

fn spawn(recipe: &Recipe) -> Result<Child, ClusterError> {
    let program = recipe.binaries.program("postgres");
    let log = open_log(&recipe.log).map_err(ClusterError::io("cannot open", &recipe.log))?;
    let mut command = Command::new(&program);
    clean(&mut command);
    command.arg("-D").arg(&recipe.data);
    for (name, value) in recipe.settings() {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    if let Some(folder) = recipe.data.parent() {
        command.current_dir(folder);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        // An interrupt from the keyboard is for the host, which still needs its database while it ends.
        .process_group(0);
    recipe.account.apply(&mut command);
    end_with_host(&mut command);
    command
        .spawn()
        .map_err(ClusterError::io("cannot run", program))
}

/// Has the kernel tell the server to end when the thread that starts it is gone, however that came.
#[cfg(target_os = "linux")]
fn end_with_host(command: &mut Command) {
    #[expect(
        unsafe_code,
        reason = "runs between fork and exec: it makes one system call"
    )]
    // SAFETY: allocates nothing, takes no lock.
    unsafe {
        command.pre_exec(|| {
            Ok(rustix::process::set_parent_process_death_signal(Some(
                Signal::INT,
            ))?)
        });
    }
}

/// Elsewhere a server that outlives its host is ended by the next one.
#[cfg(not(target_os = "linux"))]
fn end_with_host(_command: &mut Command) {}

fn open_log(path: &Path) -> std::io::Result<File> {
    if std::fs::metadata(path).is_ok_and(|about| about.len() > LOG_BYTES_MAX) {
        std::fs::rename(path, path.with_extension("log.old"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// Whether the server says in its file that it accepts connections: process id on the first line, state on the eighth.
fn is_ready(data: &Path, pid: Pid) -> bool {
    std::fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| {
        let mut lines = text.lines().map(str::trim);
        lines.next() == Some(pid.as_raw_pid().to_string().as_str()) && lines.nth(6) == Some("ready")
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is two plain fields: valid whoever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
