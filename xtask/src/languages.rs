//! Detectors in four languages, from `leeway plugin new` to their report cards.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::setup::quiet;
use crate::steps::{cargo, target_dir};

/// What Debian needs for a detector in C.
const PACKAGES: [&str; 4] = [
    "clang-19",
    "lld-19",
    "wasi-libc",
    "libclang-rt-19-dev-wasm32",
];
/// Where things are installed and built; what is there is used again.
const FOLDER: &str = "languages";

/// A language: its project, how it is built, and the component that comes out.
struct Language {
    name: &'static str,
    component: &'static str,
    build: fn(&Path) -> anyhow::Result<()>,
    /// Further arguments of its test.
    test: &'static [&'static str],
}

const LANGUAGES: [Language; 4] = [
    Language {
        name: "c",
        component: "trimmed-mean.wasm",
        build: c,
        test: &[],
    },
    Language {
        name: "javascript",
        component: "trimmed-mean.wasm",
        build: javascript,
        test: &[],
    },
    Language {
        name: "rust",
        component: "target/wasm32-unknown-unknown/release/trimmed_mean.wasm",
        build: rust,
        test: &[],
    },
    Language {
        name: "python",
        component: "trimmed-mean.wasm",
        build: python,
        // An interpreter of 19 MB takes long to compile, and a second time to count its fuel.
        test: &["--no-fuel", "--compile-seconds", "200"],
    },
];

/// Writes, builds and tests a detector in every language, and says how long each took.
pub(crate) fn languages() -> anyhow::Result<()> {
    cargo(&["build", "--package", "leeway", "--bin", "leeway"])?;
    let folder = target_dir()?.join(FOLDER);
    std::fs::create_dir_all(&folder)?;
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
        let (built, testing) = (start.elapsed(), Instant::now());
        run(leeway(&project)?
            .args(["test", language.component, "--trials", "40"])
            .args(language.test))?;
        eprintln!(
            "{}: built in {:.0} s, tested in {:.0} s",
            language.name,
            built.as_secs_f64(),
            testing.elapsed().as_secs_f64()
        );
    }
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

/// Into a virtual environment that outlives the project.
fn python(project: &Path) -> anyhow::Result<()> {
    let environment = target_dir()?.join(FOLDER).join("venv");
    let tool = environment.join("bin/componentize-py");
    if !tool.is_file() {
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment))?;
        run(Command::new(environment.join("bin/pip"))
            .args(["install", "--quiet", "--requirement"])
            .arg(project.join("requirements.txt")))?;
    }
    run(Command::new(tool).current_dir(project).args([
        "-d",
        "wit",
        "-w",
        "batch-detector",
        "componentize",
        "--stub-wasi",
        "detector",
        "-o",
        "trimmed-mean.wasm",
    ]))
}

fn javascript(project: &Path) -> anyhow::Result<()> {
    let kept = target_dir()?.join(FOLDER).join("node_modules");
    if kept.is_dir() {
        std::os::unix::fs::symlink(&kept, project.join("node_modules"))?;
    } else {
        run(npm(project).args(["install", "--no-fund", "--no-audit"]))?;
        std::fs::rename(project.join("node_modules"), &kept)?;
        std::os::unix::fs::symlink(&kept, project.join("node_modules"))?;
    }
    run(npm(project).args(["run", "build"]))
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
        eprintln!("installing {}", PACKAGES.join(", "));
        run(Command::new("apt-get").args(["update", "--quiet"]))?;
        run(Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(PACKAGES))?;
    }
    let program = format!("LEEWAY={}", program()?.display());
    run(Command::new("make").current_dir(project).arg(program))
}

/// In its own directory, unlike a step of the repository.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let text = format!("{command:?}");
    eprintln!("+ {text}");
    let status = command.status().with_context(|| text.clone())?;
    if status.success() {
        Ok(())
    } else {
        bail!("{text}: {status}")
    }
}
