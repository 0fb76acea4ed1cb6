//! Holds the running service against what it says of itself: schemathesis reads its OpenAPI document, promtool its metrics.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::setup::{promtool, quiet};
use crate::steps::{build, root, run, target_dir};

/// What tries the API.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// Cases for each operation.
const EXAMPLES: &str = "20";
/// How long the service may take to start.
const START: Duration = Duration::from_mins(1);

/// Starts the service on data of its own, feeds it the example, and lets both tools try it.
pub(crate) fn contract() -> anyhow::Result<()> {
    let schemathesis = schemathesis()?;
    let promtool = promtool()?;
    build()?;
    let program = target_dir()?.join("debug/leeway");
    let service = Service::start(&program)?;
    // With a token in use, operations that forget to ask for it are found.
    let token = service.token(&program)?;
    let contract = root().join("xtask/contract");
    run(Command::new(schemathesis)
        .arg("--config-file")
        .arg(contract.join("schemathesis.toml"))
        .arg("run")
        .arg(format!("http://{}/openapi.json", service.address))
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        // One worker: with more, the parser of Python 3.11 fails at times (SystemError).
        .args(["--max-examples", EXAMPLES, "--seed", "1", "--workers", "1"])
        .args(["--generation-database", "none", "--continue-on-failure"])
        .args(["--request-timeout", "30"])
        // All checks but one: what comes in is read more widely than it is documented (`partial=true` answers 200 and lists what it
        // refused, rows have more spellings than one), so that not all that the document does not list is refused.
        .args(["--exclude-checks", "negative_data_rejection"])
        .env("SCHEMATHESIS_HOOKS", contract.join("hooks.py"))
        .current_dir(target_dir()?))?;
    let metrics = service.get("/metrics", Some(&token))?;
    let path = target_dir()?.join("metrics.txt");
    std::fs::write(&path, metrics)?;
    eprintln!(
        "+ {} check metrics < {}",
        promtool.display(),
        path.display()
    );
    let checked = Command::new(&promtool)
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(&path)?)
        .status()?;
    if !checked.success() {
        bail!(
            "promtool does not like the metrics of the service: {}",
            path.display()
        );
    }
    Ok(())
}

/// The program, in a virtual environment beside the build.
fn schemathesis() -> anyhow::Result<PathBuf> {
    let environment = target_dir()?.join("schemathesis");
    let program = environment.join("bin/st");
    if !quiet(Command::new(&program).arg("--version")) {
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment))?;
        run(Command::new(environment.join("bin/pip")).args(["install", "--quiet", SCHEMATHESIS]))?;
    }
    Ok(program)
}

/// A running `leeway serve` with a directory of its own; ends with this value.
struct Service {
    child: Child,
    address: String,
    directory: tempfile::TempDir,
}

impl Service {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let log = std::fs::File::create(target_dir()?.join("contract-service.log"))?;
        let child = Command::new(program)
            .args(["serve", "--listen", &address, "--data-dir"])
            .arg(directory.path())
            .current_dir(root())
            .env_remove("DATABASE_URL")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| program.display().to_string())?;
        let mut service = Self {
            child,
            address,
            directory,
        };
        let until = Instant::now() + START;
        while service.get("/health/ready", None).is_err() {
            if let Some(status) = service.child.try_wait()? {
                bail!("the service ended with {status}; its log is target/contract-service.log");
            }
            if Instant::now() > until {
                bail!(
                    "the service was not ready within {} s; its log is target/contract-service.log",
                    START.as_secs()
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(service)
    }

    /// Makes a token that may do everything. From then on nobody may do anything without.
    fn token(&self, program: &Path) -> anyhow::Result<String> {
        let words = ["token", "create", "--name", "contract", "--scope", "admin"];
        let made = Command::new(program)
            .args(words)
            .arg("--data-dir")
            .arg(self.directory.path())
            .env_remove("DATABASE_URL")
            .output()?;
        if !made.status.success() {
            bail!("no token: {}", String::from_utf8_lossy(&made.stderr));
        }
        Ok(String::from_utf8(made.stdout)?.trim().to_owned())
    }

    fn get(&self, path: &str, token: Option<&str>) -> anyhow::Result<String> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--max-time", "20"]);
        if let Some(token) = token {
            curl.args(["--oauth2-bearer", token]);
        }
        let answer = curl
            .arg(format!("http://{}{path}", self.address))
            .output()
            .context("curl")?;
        if !answer.status.success() {
            bail!("GET {path} failed");
        }
        Ok(String::from_utf8(answer.stdout)?)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Gently: the service stops its database.
        let _ = quiet(Command::new("kill").args(["-TERM", &self.child.id().to_string()]));
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
