//! Installs what a build needs, or names it in one line.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// What detectors are compiled for.
const TARGET: &str = "wasm32-unknown-unknown";

/// The wasm target of the pinned compiler, and a linker.
pub(crate) fn setup() -> anyhow::Result<()> {
    if !quiet(Command::new("cc").arg("--version")) {
        bail!(
            "no C compiler was found, which links programs; install one, on Debian with: apt-get install gcc libc6-dev"
        );
    }
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
