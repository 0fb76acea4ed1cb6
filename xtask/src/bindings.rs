//! Sees that the bindings for C are what the generator makes of the contract.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::languages::FOLDER;
use crate::setup::quiet;
use crate::steps::{root, run, target_dir};

/// The generator. Only its part for C is built.
const VERSION: &str = "0.63.0";
/// Where the generated files are kept, from the root of the repository.
const KEPT: &str = "plugins/templates/c/leeway";
const FILES: [&str; 3] = [
    "batch_detector.c",
    "batch_detector.h",
    "batch_detector_component_type.o",
];

/// Generates them again, and compares.
pub(crate) fn bindings() -> anyhow::Result<()> {
    let tools = target_dir()?.join(FOLDER).join("tools");
    let program = tools.join("bin/wit-bindgen");
    if !quiet(Command::new(&program).arg("--version")) {
        run(Command::new("cargo")
            .args(["install", "--locked", "--quiet", "wit-bindgen-cli"])
            .args(["--version", VERSION])
            .args(["--no-default-features", "--features", "c", "--root"])
            .arg(&tools))?;
    }
    let made = tempfile::tempdir()?;
    run(Command::new(&program)
        .args(["c", "wit", "--world", "batch-detector", "--out-dir"])
        .arg(made.path()))?;
    for file in FILES {
        let read =
            |folder: &Path| std::fs::read(folder.join(file)).with_context(|| file.to_owned());
        if read(made.path())? != read(&root().join(KEPT))? {
            bail!(
                "{KEPT}/{file} is not what the contract says; {KEPT}/../../README.md says how to generate it"
            );
        }
    }
    eprintln!("the bindings for C are those of the contract");
    Ok(())
}
