//! Compiles components in a child process, since compiling is work on hostile input.
//!
//! Three megabytes can keep a compiler busy for a minute, and it cannot be interrupted in process.
//! The child is this same program: one thread, with limits on processor time, memory and output.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getrlimit, kill_process_group, setrlimit,
    waitid,
};

use super::engine::{Engine, Fuel};
use super::text::plain;

/// What one compilation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Processor time, in whole seconds; parts of one count as one.
    pub cpu: Duration,
    /// Wall time.
    pub wall: Duration,
    /// Address space of the child, in bytes.
    pub memory_bytes_max: u64,
    /// Bytes of machine code.
    pub output_bytes_max: usize,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(30),
            wall: Duration::from_mins(2),
            memory_bytes_max: 2 << 30,
            output_bytes_max: 128 << 20,
        }
    }
}

/// Why a component was not compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The compiler says what is wrong with the component.
    #[error("{0}")]
    Invalid(String),
    /// It took too much processor time or wall time.
    #[error("compiling took longer than {0:?}: is it a compile bomb?")]
    TooSlow(Duration),
    /// It took too much memory.
    #[error("compiling took more than {0} bytes of memory: is it a compile bomb?")]
    TooMuchMemory(u64),
    /// It made too much machine code.
    #[error("compiling made more than {0} bytes of machine code")]
    TooMuchCode(usize),
    /// The child could not be started, or died of something else.
    #[error("the compiling process {0}")]
    Process(String),
}

/// Starts compile children.
#[derive(Debug, Clone)]
pub struct Compiler {
    program: PathBuf,
    limits: CompileLimits,
    fuel: Fuel,
}

/// The hidden subcommand of the program that runs [`compile_in_this_process`].
const SUBCOMMAND: &str = "compile-component";
/// Its flag for code that counts its fuel.
const COUNT_FUEL: &str = "--count-fuel";
/// Exit code of a child that could not do its work, and none of that is the component's fault.
const EXIT_FAILED: u8 = 1;
/// Exit code of a child whose input the compiler refused; the reason is on its standard error.
const EXIT_INVALID: u8 = 3;
/// Exit code of a child that had no more memory and could still say so.
const EXIT_MEMORY: u8 = 4;
/// Bytes kept of what a child says.
const MESSAGE_BYTES_MAX: u64 = 8_192;

impl Compiler {
    /// Children are runs of `program`, a `leeway` binary.
    pub fn new(program: PathBuf, limits: CompileLimits) -> Self {
        let fuel = Fuel::default();
        Self {
            program,
            limits,
            fuel,
        }
    }

    /// The same, within other limits.
    #[must_use]
    pub(super) fn within(&self, limits: CompileLimits) -> Self {
        Self {
            limits,
            ..self.clone()
        }
    }

    /// The same, for an engine that counts fuel or does not.
    #[must_use]
    pub(super) fn with_fuel(self, fuel: Fuel) -> Self {
        Self { fuel, ..self }
    }

    /// Machine code of a component, for an engine with the settings of [`Engine`].
    ///
    /// # Panics
    /// Where a thread that only reads a pipe did.
    pub fn compile(&self, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        let died =
            |what: &str, error: &std::io::Error| CompileError::Process(format!("{what}: {error}"));
        let mut child = self
            .spawn()
            .map_err(|error| died("did not start", &error))?;
        let (mut stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let limits = self.limits;

        let (code, message) = std::thread::scope(|scope| {
            scope.spawn(move || {
                // A child that was stopped takes no more; its exit status tells why.
                let _ = stdin.as_mut().map(|stdin| stdin.write_all(component));
            });
            let code =
                scope.spawn(move || read_at_most(stdout, limits.output_bytes_max as u64 + 1));
            let message = scope.spawn(move || read_at_most(stderr, MESSAGE_BYTES_MAX));
            let status = wait(&mut child, Instant::now() + limits.wall);
            let code = code.join().expect("reads only");
            let message = message.join().expect("reads only");
            (status.map(|status| (status, code)), message)
        });
        let message = String::from_utf8_lossy(&message).trim().to_owned();
        let (status, code) = code.map_err(|error| died("could not be waited for", &error))?;
        self.judge(status, code, &message)
    }

    fn spawn(&self) -> std::io::Result<Child> {
        use std::os::unix::process::CommandExt;
        Command::new(&self.program)
            .arg(SUBCOMMAND)
            .arg(
                self.limits
                    .cpu
                    .as_millis()
                    .div_ceil(1_000)
                    .max(1)
                    .to_string(),
            )
            .arg(self.limits.memory_bytes_max.to_string())
            .args((self.fuel == Fuel::Counted).then_some(COUNT_FUEL))
            .env_clear()
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// What became of the child. `None`: it was killed at the wall time.
    fn judge(
        &self,
        status: Option<ExitStatus>,
        code: Vec<u8>,
        message: &str,
    ) -> Result<Vec<u8>, CompileError> {
        use std::os::unix::process::ExitStatusExt;
        if code.len() > self.limits.output_bytes_max {
            return Err(CompileError::TooMuchCode(self.limits.output_bytes_max));
        }
        let Some(status) = status else {
            return Err(CompileError::TooSlow(self.limits.wall));
        };
        match (
            status.code(),
            status.signal().and_then(Signal::from_named_raw),
        ) {
            (Some(0), _) => Ok(code),
            (Some(code), _) if code == i32::from(EXIT_INVALID) => {
                Err(CompileError::Invalid(plain(message)))
            }
            (Some(code), _) if code == i32::from(EXIT_MEMORY) => {
                Err(CompileError::TooMuchMemory(self.limits.memory_bytes_max))
            }
            (_, Some(Signal::XCPU)) => Err(CompileError::TooSlow(self.limits.cpu)),
            (_, Some(Signal::ABORT)) if message.contains("memory allocation") => {
                Err(CompileError::TooMuchMemory(self.limits.memory_bytes_max))
            }
            _ if message.is_empty() => Err(CompileError::Process(format!("died ({status})"))),
            _ => Err(CompileError::Process(plain(&format!(
                "died ({status}): {message}"
            )))),
        }
    }
}

/// Reads up to `limit` bytes. Dropping the pipe then ends a child that would write more.
fn read_at_most(pipe: Option<impl Read>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What cannot be read is missing, and the exit status tells why.
        let _ = pipe.take(limit).read_to_end(&mut bytes);
    }
    bytes
}

/// The exit status; `None` if the child had not ended at `deadline`. Nothing of its group lives on.
fn wait(child: &mut Child, deadline: Instant) -> std::io::Result<Option<ExitStatus>> {
    let group = Pid::from_child(child);
    // The child is not reaped yet when it is seen to have ended: until then its number, which is also its
    // group's, is nobody else's.
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let mut pause = Duration::from_micros(500);
    let ended = loop {
        match waitid(WaitId::Pid(group), look) {
            Ok(None) if Instant::now() < deadline => {}
            seen => break matches!(seen, Ok(Some(_))),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    // Also after its end: whom it left behind would hold its output open.
    let _ = kill_process_group(group, Signal::KILL);
    let status = child.wait()?;
    Ok(ended.then_some(status))
}

/// Stack of the thread that compiles. It is there before memory is bounded: the first thread's stack
/// grows on demand, and to run out of memory in there looks like a wild pointer.
const STACK_BYTES: usize = 64 << 20;

/// The child's side: limits itself, reads a component from standard input, and writes its machine
/// code to standard output. Returns the exit code of the process.
///
/// `cpu_seconds` and `memory_bytes_max` bound this whole process from here on.
pub fn compile_in_this_process(cpu_seconds: u64, memory_bytes_max: u64, fuel: Fuel) -> u8 {
    let work = move || match limit_this_process(cpu_seconds, memory_bytes_max) {
        Ok(()) => compile_standard_input(fuel),
        Err(error) => Err((EXIT_FAILED, format!("could not limit itself: {error}"))),
    };
    let done = match std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(work)
    {
        Ok(thread) => thread
            .join()
            .unwrap_or_else(|_| Err((EXIT_FAILED, "gave up".to_owned()))),
        Err(error) => Err((EXIT_FAILED, format!("has no memory for its stack: {error}"))),
    };
    match done {
        Ok(()) => 0,
        Err((code, message)) => {
            // The parent reads it; there is nobody else to tell.
            let _ = writeln!(std::io::stderr(), "{message}");
            code
        }
    }
}

fn limit_this_process(cpu_seconds: u64, memory_bytes_max: u64) -> std::io::Result<()> {
    // What already bounds this process is never widened: that may not be allowed.
    let bound = |resource, soft: u64, hard: u64| {
        let ceiling = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        setrlimit(
            resource,
            Rlimit {
                current: Some(soft.min(ceiling)),
                maximum: Some(hard.min(ceiling)),
            },
        )
    };
    // A second between the two, or the kernel would kill at once and not say that it was for the time.
    bound(Resource::Cpu, cpu_seconds, cpu_seconds.saturating_add(1))?;
    bound(Resource::As, memory_bytes_max, memory_bytes_max)?;
    bound(Resource::Core, 0, 0)?;
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}

fn compile_standard_input(fuel: Fuel) -> Result<(), (u8, String)> {
    let failed = |error: std::io::Error| (exit_code(&error, EXIT_FAILED), error.to_string());
    let mut component = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut component)
        .map_err(failed)?;
    let refused = |code| {
        move |error: wasmtime::Error| (exit_code(error.as_ref(), code), format!("{error:#}"))
    };
    let engine = Engine::for_compiling(fuel).map_err(refused(EXIT_FAILED))?;
    let code = engine
        .precompile_component(&component)
        .map_err(refused(EXIT_INVALID))?;
    std::io::stdout().lock().write_all(&code).map_err(failed)
}

/// `otherwise`, unless the reason is that there was no memory.
fn exit_code(error: &(dyn std::error::Error + 'static), otherwise: u8) -> u8 {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let no_memory = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<wasmtime::OutOfMemory>()
            || cause.downcast_ref::<rustix::io::Errno>() == Some(&rustix::io::Errno::NOMEM)
            || cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == std::io::ErrorKind::OutOfMemory)
    };
    if causes.any(no_memory) {
        EXIT_MEMORY
    } else {
        otherwise
    }
}
