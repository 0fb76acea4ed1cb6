//! Detectors in four languages, from `leeway plugin new` to their report cards, and as source.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::bindings::bindings;
use crate::interpreters::interpreters;
use crate::setup::{install, quiet};
use crate::steps::{root, target_dir};

/// What Debian needs for a detector in C.
const PACKAGES: [&str; 4] = [
    "clang-19",
    "lld-19",
    "wasi-libc",
    "libclang-rt-19-dev-wasm32",
];
/// Where things are installed and built; what is there is used again.
pub(crate) const FOLDER: &str = "languages";

/// A language: its project, how it is built, and the component that comes out.
struct Language {
    name: &'static str,
    component: &'static str,
    build: fn(&Path) -> anyhow::Result<()>,
    /// A detector that takes the columns row by row, and the file of the project whose place it takes.
    rows: Option<(&'static str, &'static str)>,
}

const LANGUAGES: [Language; 4] = [
    Language {
        name: "c",
        component: "trimmed-mean.wasm",
        build: c,
        rows: Some(("rows.c", "detector.c")),
    },
    Language {
        name: "javascript",
        component: "trimmed-mean.wasm",
        build: javascript,
        rows: Some(("rows.js", "detector.js")),
    },
    Language {
        name: "rust",
        component: "target/wasm32-unknown-unknown/release/trimmed_mean.wasm",
        build: rust,
        // The detectors of this repository do it in their own tests.
        rows: None,
    },
    Language {
        name: "python",
        component: "trimmed-mean.wasm",
        build: python,
        rows: Some(("rows.py", "detector.py")),
    },
];

/// Trials of a report card: enough to run everything.
const TRIALS: &str = "20";
/// An interpreter of 19 MB takes a compiler that was built for debugging long, also where that was optimised.
const COMPILE_SECONDS: &str = "300";

/// Writes, builds and tests detectors in every language: one that asks the host, and one that takes the columns. Then
/// runs the tests of source, and sees that the bindings for C are those of the contract.
pub(crate) fn languages() -> anyhow::Result<()> {
    // As the tests build it: with the features of the program alone its dependencies would be built again.
    crate::steps::cargo(&["test", "--workspace", "--no-run", "--quiet"])?;
    let folder = target_dir()?.join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    let interpreters = interpreters(None)?;
    for language in &LANGUAGES {
        let start = Instant::now();
        let project = folder.join(language.name);
        if project.exists() {
            std::fs::remove_dir_all(&project)?;
        }
        run(leeway(&folder)?
            .args(["new", "--lang", language.name, "trimmed-mean", "--path"])
            .arg(&project))?;
        (language.build)(&project)?;
        test(&project, language.component)?;
        let kept = folder.join("components");
        std::fs::create_dir_all(&kept)?;
        std::fs::copy(
            project.join(language.component),
            kept.join(language.name).with_extension("wasm"),
        )?; // For the benches.
        if let Some((rows, place)) = language.rows {
            same_as_text(&project, language.component, place, &interpreters)?;
            let from = root().join("xtask/languages").join(rows);
            std::fs::copy(&from, project.join(place)).with_context(|| rows.to_owned())?;
            (language.build)(&project)?;
            test(&project, language.component)?;
        }
        eprintln!(
            "{}: built and tested in {:.0} s",
            language.name,
            start.elapsed().as_secs_f64()
        );
    }
    source(&interpreters)?;
    bindings()
}

/// The report card of what was built, and a run on files of rows.
fn test(project: &Path, component: &str) -> anyhow::Result<()> {
    run(leeway(project)?
        .args(["test", component, "--trials", TRIALS, "--no-fuel"])
        .args(["--compile-seconds", COMPILE_SECONDS]))?;
    // March against itself: whatever they compare, they find nothing, and the exit code says so.
    run(&mut flights(project, component, "2013-03.csv.gz")?)
}

/// A run of a detector on March and another month of the example.
fn flights(project: &Path, detector: &str, current: &str) -> anyhow::Result<Command> {
    let folder = root().join("examples/flights").canonicalize()?;
    let mut command = leeway(project)?;
    command
        .args(["run", detector, "--quiet", "--no-fuel"])
        .args(["--compile-seconds", COMPILE_SECONDS])
        .args(["2013-03.csv.gz", current].map(|file| folder.join(file)))
        .arg("--config")
        .arg(folder.join("leeway.toml"));
    Ok(command)
}

/// As text the same file finds the same numbers, to the last digit, where its language has an interpreter.
fn same_as_text(
    project: &Path,
    component: &str,
    text: &str,
    interpreters: &Path,
) -> anyhow::Result<()> {
    if Path::new(text).extension().is_some_and(|it| it == "c") {
        return Ok(());
    }
    let found = |detector: &str| -> anyhow::Result<Vec<String>> {
        let mut command = flights(project, detector, "2013-07.csv.gz")?;
        command
            .args(["--format", "json"])
            .env("LEEWAY_INTERPRETERS", interpreters);
        let output = command.output()?;
        if output.status.code() == Some(2) {
            bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let numbers = ["\"column\"", "\"value\"", "\"threshold\"", "\"verdict\""];
        let lines = String::from_utf8(output.stdout)?;
        let lines = lines.lines().map(str::trim);
        Ok(lines
            .filter(|line| numbers.iter().any(|name| line.starts_with(name)))
            .map(str::to_owned)
            .collect())
    };
    let (built, read) = (found(component)?, found(text)?);
    if built.is_empty() || built != read {
        bail!("{component} and {text} do not find the same:\n{built:#?}\n{read:#?}");
    }
    Ok(())
}

/// The tests that need interpreters.
fn source(interpreters: &Path) -> anyhow::Result<()> {
    let start = Instant::now();
    crate::steps::run(
        Command::new("cargo")
            .args(["test", "--workspace", "--test", "e2e", "source::"])
            .args(["--", "--ignored"])
            .env("LEEWAY_INTERPRETERS", interpreters)
            // Where the tests keep what they compiled: the server that one of them starts finds it there.
            .env("LEEWAY_CACHE_DIR", target_dir()?.join("tmp/components")),
    )?;
    eprintln!("source: tested in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// `leeway plugin` in a directory.
fn leeway(directory: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(program()?);
    command.arg("plugin").current_dir(directory);
    Ok(command)
}

fn program() -> anyhow::Result<PathBuf> {
    Ok(target_dir()?.join("debug/leeway"))
}

fn rust(project: &Path) -> anyhow::Result<()> {
    // Its own target directory, as at an author's; dependencies stay there from run to run.
    let target = project.join("target");
    let kept = target_dir()?.join(FOLDER).join("rust-target");
    std::fs::create_dir_all(&kept)?;
    std::os::unix::fs::symlink(&kept, target)?;
    let mut build = Command::new("cargo");
    for variable in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        build.env_remove(variable);
    }
    run(build.current_dir(project).args(["build", "--release"]))
}

fn python(project: &Path) -> anyhow::Result<()> {
    run(Command::new(componentize_py(project)?)
        .current_dir(project)
        .args(["-d", "wit", "-w", "batch-detector", "componentize"])
        .args(["--stub-wasi", "detector", "-o", "trimmed-mean.wasm"]))
}

/// The tool that makes components of Python: what `requirements.txt` names, in an environment that outlives the project.
pub(crate) fn componentize_py(project: &Path) -> anyhow::Result<PathBuf> {
    let environment = target_dir()?.join(FOLDER).join("venv");
    let tool = environment.join("bin/componentize-py");
    if !tool.is_file() {
        let made = || {
            quiet(
                Command::new("python3")
                    .args(["-m", "venv"])
                    .arg(&environment),
            )
        };
        if !made() {
            install(&["python3", "python3-venv"])?;
            if !made() {
                bail!("python3 makes no environment in {}", environment.display());
            }
        }
        run(Command::new(environment.join("bin/pip"))
            .args(["install", "--quiet", "--requirement"])
            .arg(project.join("requirements.txt")))?;
    }
    Ok(tool)
}

fn javascript(project: &Path) -> anyhow::Result<()> {
    jco(project)?;
    run(npm(project).args(["run", "build"]))
}

/// The tool that makes components of JavaScript, in packages that outlive the project and are linked into it.
pub(crate) fn jco(project: &Path) -> anyhow::Result<PathBuf> {
    let kept = target_dir()?.join(FOLDER).join("node_modules");
    let linked = project.join("node_modules");
    if !kept.is_dir() {
        if !quiet(Command::new("npm").arg("--version")) {
            install(&["nodejs", "npm"])?;
        }
        run(npm(project).args(["install", "--no-fund", "--no-audit"]))?;
        std::fs::rename(&linked, &kept)?;
    }
    if !linked.exists() {
        std::os::unix::fs::symlink(&kept, &linked)?;
    }
    Ok(linked.join(".bin/jco"))
}

fn npm(project: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(project);
    npm
}

fn c(project: &Path) -> anyhow::Result<()> {
    if !quiet(Command::new("clang-19").arg("--version"))
        || !Path::new("/usr/include/wasm32-wasi").is_dir()
    {
        install(&PACKAGES)?;
    }
    let program = format!("LEEWAY={}", program()?.display());
    run(Command::new("make").current_dir(project).arg(program))
}

/// In its own directory, unlike a step of the repository.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let text = format!("{command:?}");
    eprintln!("+ {text}");
    let status = command.status().with_context(|| text.clone())?;
    if status.success() {
        Ok(())
    } else {
        bail!("{text}: {status}")
    }
}
