//! Builds the interpreters that run detectors in source: a component for Python, and one for JavaScript.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::languages::{FOLDER, componentize_py, jco, run};
use crate::steps::{root, target_dir};

/// What goes into them, from the root of the repository, and where it lies in the folder that they are built in.
const INPUTS: [(&str, &str); 12] = [
    ("interpreters/interpreter.wit", "wit/interpreter.wit"),
    ("wit/detector.wit", "wit/deps/detector/detector.wit"),
    ("wit/types.wit", "wit/deps/detector/types.wit"),
    ("wit/windows.wit", "wit/deps/detector/windows.wit"),
    (
        "interpreters/python/interpreter.py",
        "python/interpreter.py",
    ),
    (
        "plugins/templates/python/leeway_sdk.py",
        "python/leeway_sdk.py",
    ),
    (
        "plugins/templates/python/requirements.txt",
        "python/requirements.txt",
    ),
    (
        "interpreters/javascript/interpreter.js",
        "javascript/interpreter.js",
    ),
    ("interpreters/javascript/script.js", "javascript/script.js"),
    (
        "plugins/templates/javascript/leeway-sdk.js",
        "javascript/leeway-sdk.js",
    ),
    (
        "plugins/templates/javascript/package.json",
        "javascript/package.json",
    ),
    // What builds them is an input, too.
    ("xtask/src/interpreters.rs", "interpreters.rs"),
];
/// Names what the interpreters beside it were built from.
const STAMP: &str = "built-from";
const NAMES: [&str; 2] = ["python.wasm", "javascript.wasm"];

/// Builds both into `folder`, unless they are there and nothing they are made of has changed. Where none is named,
/// into the target directory, beside `debug` and `release`, where the programs in there find them.
pub(crate) fn interpreters(folder: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let folder = match folder {
        Some(folder) => std::path::absolute(folder)?,
        None => target_dir()?.join("interpreters"),
    };
    let stamp = stamp()?;
    // Built again, Python's would have another digest: its memory is written down as it was at that moment.
    if std::fs::read_to_string(folder.join(STAMP)).is_ok_and(|built| built == stamp)
        && NAMES.iter().all(|name| folder.join(name).is_file())
    {
        eprintln!("the interpreters in {} are up to date", folder.display());
        return Ok(folder);
    }
    let workshop = target_dir()?.join(FOLDER).join("interpreters");
    if workshop.exists() {
        std::fs::remove_dir_all(&workshop)?;
    }
    for (from, to) in INPUTS {
        let to = workshop.join(to);
        std::fs::create_dir_all(to.parent().context("a file in a folder")?)?;
        std::fs::copy(root().join(from), &to).with_context(|| from.to_owned())?;
    }
    std::fs::create_dir_all(&folder)?;
    python(&workshop.join("python"))?;
    javascript(&workshop.join("javascript"), &workshop.join("wit"))?;
    for (name, from) in NAMES.iter().zip(["python", "javascript"]) {
        let built = workshop.join(from).join(name);
        std::fs::copy(&built, folder.join(name)).with_context(|| built.display().to_string())?;
    }
    std::fs::write(folder.join(STAMP), stamp)?;
    eprintln!("wrote {} to {}", NAMES.join(" and "), folder.display());
    Ok(folder)
}

fn stamp() -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    for (from, _) in INPUTS {
        let bytes = std::fs::read(root().join(from)).with_context(|| from.to_owned())?;
        (from, bytes).hash(&mut hasher);
    }
    Ok(format!("{:016x}\n", hasher.finish()))
}

fn python(project: &Path) -> anyhow::Result<()> {
    let tool = componentize_py(project)?;
    run(Command::new(tool)
        .current_dir(project)
        .args(["-d", "../wit", "-w", "interpreter", "componentize"])
        .args(["--stub-wasi", "interpreter", "-o", NAMES[0]]))
}

fn javascript(project: &Path, contract: &Path) -> anyhow::Result<()> {
    run(Command::new(jco(project)?)
        .current_dir(project)
        .args(["componentize", "interpreter.js", "--wit"])
        .arg(contract)
        .args(["--world-name", "interpreter", "--backend", "quickjs"])
        .args(["--backend-qjs-disable-async", "--backend-qjs-stub-wasi"])
        .args(["--out", NAMES[1]]))
}
