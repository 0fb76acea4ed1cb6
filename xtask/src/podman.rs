//! Podman with nothing but Debian's packages: its settings, the image of the program, and stand-ins for the images of others.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::interpreters::interpreters;
use crate::setup::{install, quiet};
use crate::steps::{root, run, target_dir};

/// What Debian has of it.
const PACKAGES: [&str; 9] = [
    "aardvark-dns",
    "buildah",
    "catatonit",
    "curl",
    "debootstrap",
    "iptables",
    "netavark",
    "podman",
    "runc",
];
/// Brings docker-compose.yml up with podman.
const COMPOSE: &str = "podman-compose==1.6.0";
/// What podman may not do in a container of its own: raise limits, or use the newest control groups.
const CONF: &str = r#"[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
"#;
/// The release that the image stands on.
const DEBIAN: &str = "bookworm";
const BASE_IMAGE: &str = "docker.io/library/debian:bookworm-slim";
const PROGRAM_IMAGE: &str = "localhost/leeway-program:latest";
const IMAGE: &str = "localhost/leeway:0.1.0";
/// Stand-ins, by their file in `xtask/compose`, and what they stand for in docker-compose.yml.
pub(crate) const STAND_INS: [(&str, &str); 3] = [
    ("postgres", "docker.io/library/postgres:15-bookworm"),
    ("prometheus", "docker.io/prom/prometheus:v2.55.1"),
    ("grafana", "docker.io/grafana/grafana:11.4.0"),
];
/// How long something may take to come up.
const PATIENCE: Duration = Duration::from_mins(3);

/// The tools, with the settings that they need here.
pub(crate) struct Podman {
    pub(crate) folder: PathBuf,
    compose: PathBuf,
    /// The program that goes into the image, and that feeds it.
    pub(crate) program: PathBuf,
}

impl Podman {
    pub(crate) fn new() -> anyhow::Result<Self> {
        install(&PACKAGES)?;
        let folder = target_dir()?.join("compose");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("containers.conf"), CONF)?;
        let compose = folder.join("venv/bin/podman-compose");
        if !quiet(Command::new(&compose).arg("--version")) {
            run(Command::new("python3")
                .args(["-m", "venv"])
                .arg(folder.join("venv")))?;
            run(Command::new(folder.join("venv/bin/pip")).args(["install", "--quiet", COMPOSE]))?;
        }
        // The newest that was built; a debug build does.
        let target = target_dir()?;
        let built = ["release/leeway", "debug/leeway"].map(|name| target.join(name));
        let age = |path: &PathBuf| path.metadata().and_then(|about| about.modified()).ok();
        let program = built
            .into_iter()
            .filter(|path| path.is_file())
            .max_by_key(age)
            .context("there is no program yet; build one: cargo build --package leeway")?;
        Ok(Self {
            folder,
            compose,
            program,
        })
    }

    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("CONTAINERS_CONF", self.folder.join("containers.conf"))
            .current_dir(root());
        command
    }

    pub(crate) fn podman(&self, words: &[&str]) -> Command {
        let mut command = self.command(Path::new("podman"));
        command.args(words);
        command
    }

    pub(crate) fn compose(&self, words: &[&str]) -> Command {
        let mut command = self.command(&self.compose);
        command.arg("--no-ansi").args(words);
        command
    }

    /// A base out of Debian's packages, the image on it, and the stand-ins.
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        if !quiet(&mut self.podman(&["image", "exists", BASE_IMAGE])) {
            let base = self.folder.join("base");
            run(Command::new("debootstrap")
                .args(["--variant=minbase", DEBIAN])
                .arg(&base))?;
            self.import(&base, ".", BASE_IMAGE)?;
            std::fs::remove_dir_all(&base)?;
        }
        let alone = tempfile::tempdir_in(&self.folder)?;
        run(Command::new("strip")
            .arg("-o")
            .arg(alone.path().join("leeway"))
            .arg(&self.program))?;
        let interpreters = interpreters(None)?;
        run(Command::new("cp")
            .arg("-r")
            .args([&interpreters, &alone.path().join("interpreters")]))?;
        self.import(alone.path(), ".", PROGRAM_IMAGE)?;
        let with = format!("PROGRAM={PROGRAM_IMAGE}");
        let quiet = ["build", "--quiet", "--network", "host"];
        run(self
            .podman(&quiet)
            .args(["--build-arg", &with, "--tag", IMAGE, "."]))?;
        for (name, tag) in STAND_INS {
            let file = format!("xtask/compose/{name}.Dockerfile");
            run(self
                .podman(&quiet)
                .args(["--file", &file, "--tag", tag, "xtask/compose"]))?;
        }
        Ok(())
    }

    pub(crate) fn import(&self, folder: &Path, what: &str, tag: &str) -> anyhow::Result<()> {
        let packed = self.folder.join("image.tar");
        run(Command::new("tar")
            .arg("-C")
            .arg(folder)
            .arg("-cf")
            .arg(&packed)
            .arg(what))?;
        run(self.podman(&["import", "--quiet"]).arg(&packed).arg(tag))?;
        Ok(std::fs::remove_file(packed)?)
    }

    pub(crate) fn inside(&self, container: &str, script: &str) -> anyhow::Result<Output> {
        Ok(self
            .podman(&["exec", container, "sh", "-c", script])
            .output()?)
    }

    pub(crate) fn logs(&self) {
        for container in ["leeway", "postgres", "prometheus", "model-api"] {
            let container = format!("leeway_{container}_1");
            let _ = run(&mut self.podman(&["logs", "--tail", "30", &container]));
        }
    }
}

/// The body of an answer that is a success.
pub(crate) fn get(address: &str) -> anyhow::Result<String> {
    let answer = Command::new("curl")
        .args([
            "--silent",
            "--fail",
            "--globoff",
            "--max-time",
            "5",
            address,
        ])
        .output()?;
    if !answer.status.success() {
        bail!("GET {address} failed");
    }
    Ok(String::from_utf8(answer.stdout)?)
}

/// Waits until something holds.
pub(crate) fn soon(what: &str, mut holds: impl FnMut() -> bool) -> anyhow::Result<()> {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > PATIENCE {
            bail!("never: {what}");
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    eprintln!("{what}, after {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}
