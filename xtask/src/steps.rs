//! The commands, each a list of others.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::setup::quiet;
use crate::tidy;

/// The detectors, which are also checked for the target they are made for.
const GUESTS: [&str; 7] = [
    "beyond-tail",
    "leeway-adwin",
    "leeway-concept-drift",
    "leeway-data-drift",
    "leeway-hostile",
    "leeway-page-hinkley",
    "leeway-prior-drift",
];

/// March against July of the example data: drift of every kind.
pub(crate) fn demo() -> anyhow::Result<()> {
    cargo(&[
        "build",
        "--release",
        "--package",
        "leeway",
        "--bin",
        "leeway",
    ])?;
    let program = target_dir()?.join("release/leeway");
    let flights = root().join("examples/flights");
    let report = root().join("leeway-report.html");
    let mut check = Command::new(program);
    check
        .arg("check")
        .arg("--config")
        .arg(flights.join("leeway.toml"))
        .arg("--html")
        .arg(&report);
    check
        .arg(flights.join("2013-03.csv.gz"))
        .arg(flights.join("2013-07.csv.gz"));
    eprintln!("+ {}", text(&check));
    let status = check.status()?;
    match status.code() {
        Some(0 | 1) => {
            eprintln!("the distributions, drawn: {}", report.display());
            Ok(())
        }
        _ => bail!("the check ended with {status}"),
    }
}

/// Every test of the workspace.
pub(crate) fn test() -> anyhow::Result<()> {
    cargo(&["test", "--workspace"])
}

/// Everything a change must pass. The tests come from the same command that people run.
pub(crate) fn ci() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    tidy::tidy()?;
    deny()?;
    test()?;
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ])?;
    let mut guests = vec!["clippy", "--target", "wasm32-unknown-unknown"];
    let packages: Vec<String> = GUESTS
        .iter()
        .map(|name| format!("--package={name}"))
        .collect();
    guests.extend(packages.iter().map(String::as_str));
    guests.extend(["--", "--deny", "warnings"]);
    cargo(&guests)?;
    run(Command::new("cargo")
        .args(["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "--deny warnings"))
}

/// Licences and sources of dependencies. Installs the tool where it is missing.
fn deny() -> anyhow::Result<()> {
    if !quiet(Command::new("cargo").args(["deny", "--version"])) {
        cargo(&["install", "--locked", "cargo-deny@0.20"])?;
    }
    cargo(&["deny", "check", "bans", "licenses", "sources"])
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    run(Command::new("cargo").args(arguments))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let text = text(command);
    eprintln!("+ {text}");
    let status = command
        .current_dir(root())
        .status()
        .with_context(|| text.clone())?;
    if status.success() {
        Ok(())
    } else {
        bail!("{text}: {status}")
    }
}

fn text(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(std::ffi::OsStr::to_string_lossy)
        .collect();
    words.join(" ")
}

fn target_dir() -> anyhow::Result<PathBuf> {
    let directory =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    std::path::absolute(directory).context("the target directory")
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
