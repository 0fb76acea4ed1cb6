//! The commands, each a list of others.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::contract::contract;
use crate::deploy::deploy_checks;
use crate::languages::languages;
use crate::setup::quiet;
use crate::tidy;

/// The detectors, which are also checked for the target they are made for.
const GUESTS: [&str; 24] = [
    "beyond-tail",
    "leeway-adwin",
    "leeway-concept-drift",
    "leeway-correlation",
    "leeway-cusum",
    "leeway-data-drift",
    "leeway-data-quality",
    "leeway-ddm",
    "leeway-domain-classifier",
    "leeway-eddm",
    "leeway-error-bets",
    "leeway-hddm-a",
    "leeway-hddm-w",
    "leeway-hostile",
    "leeway-kswin",
    "leeway-label-shift",
    "leeway-mmd",
    "leeway-page-hinkley",
    "leeway-pca-reconstruction",
    "leeway-performance",
    "leeway-prior-drift",
    "leeway-spc",
    "leeway-text-drift",
    "leeway-two-sample-bets",
];

/// A server with the example data streaming through it. Arguments go to `leeway demo`.
pub(crate) fn demo(arguments: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    cargo(&[
        "build",
        "--release",
        "--package",
        "leeway",
        "--bin",
        "leeway",
    ])?;
    let mut demo = Command::new(target_dir()?.join("release/leeway"));
    demo.arg("demo")
        .arg("--data")
        .arg(root().join("examples/flights"))
        .args(arguments);
    eprintln!("+ {}", text(&demo));
    // In the place of this process: Ctrl-C and the exit code are the demo's.
    let failed = demo.exec();
    Err(failed).context(text(&demo))
}

/// Writes the committed copy of the OpenAPI document; a test holds it against the code.
pub(crate) fn openapi() -> anyhow::Result<()> {
    build()?;
    let mut print = Command::new(target_dir()?.join("debug/leeway"));
    print.arg("openapi");
    let output = print.output().with_context(|| text(&print))?;
    if !output.status.success() {
        bail!("{}: {}", text(&print), output.status);
    }
    let path = root().join("docs/openapi.json");
    std::fs::write(&path, output.stdout).with_context(|| path.display().to_string())?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// Builds the program as the tests do: with the features of the program alone its dependencies would be built again.
pub(crate) fn build() -> anyhow::Result<()> {
    cargo(&["test", "--workspace", "--no-run", "--quiet"])
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
    contract()?;
    languages()?;
    deploy_checks()?;
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
        cargo(&["install", "--locked", "cargo-deny@^0.20"])?;
    }
    cargo(&["deny", "check", "bans", "licenses", "sources"])
}

pub(crate) fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    run(Command::new("cargo").args(arguments))
}

pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
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

pub(crate) fn target_dir() -> anyhow::Result<PathBuf> {
    let directory =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    std::path::absolute(directory).context("the target directory")
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
