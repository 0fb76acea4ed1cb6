//! Installs what the tests of the page need: a browser, and the rules of accessibility.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::setup::{install, quiet};
use crate::steps::{root, run};

/// The rules, version and all. Mozilla Public License 2.0: for tests only, never part of the repository or the program.
const AXE: &str = "axe-core@4.14.1";
/// SHA-256 of its `axe.min.js`.
const AXE_DIGEST: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";

/// A Chromium, and `target/axe-core/axe.min.js`.
pub(crate) fn setup() -> anyhow::Result<()> {
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let there = std::env::var_os("LEEWAY_CHROMIUM").is_some()
        || browsers
            .iter()
            .any(|browser| quiet(Command::new(browser).arg("--version")));
    if !there {
        install(&["chromium"]).context(
            "no Chromium was found; install one, on Debian with: apt-get install chromium",
        )?;
    }
    rules()
}

fn rules() -> anyhow::Result<()> {
    // Beside the screenshots, whatever the target directory is: the tests look there.
    let folder = root().join("target/axe-core");
    let file = folder.join("axe.min.js");
    if is_right(&file) {
        return Ok(());
    }
    if !quiet(Command::new("npm").arg("--version")) {
        install(&["npm"])
            .context("no npm was found; install one, on Debian with: apt-get install npm")?;
    }
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    run(Command::new("npm")
        .args(["pack", "--silent", AXE, "--pack-destination"])
        .arg(&folder))?;
    let archive = folder.join(AXE.replace('@', "-") + ".tgz");
    run(Command::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(&folder)
        .args(["--strip-components=1", "package/axe.min.js"]))?;
    if !is_right(&file) {
        bail!("{}: not the file of {AXE} that is known", file.display());
    }
    Ok(())
}

fn is_right(file: &Path) -> bool {
    let printed = Command::new("sha256sum")
        .arg(file)
        .stderr(Stdio::null())
        .output();
    printed.is_ok_and(|printed| printed.stdout.starts_with(AXE_DIGEST.as_bytes()))
}
