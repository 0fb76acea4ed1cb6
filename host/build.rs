//! Builds the detectors that come with the host as WebAssembly components, to be embedded in it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";
const DETECTORS: [&str; 22] = [
    "data-drift",
    "prior-drift",
    "concept-drift",
    "data-quality",
    "performance",
    "label-shift",
    "pca-reconstruction",
    "correlation",
    "mmd",
    "domain-classifier",
    "text-drift",
    "adwin",
    "page-hinkley",
    "hddm-a",
    "hddm-w",
    "cusum",
    "spc",
    "ddm",
    "eddm",
    "kswin",
    "error-bets",
    "two-sample-bets",
];
/// Only for tests: one that misbehaves as its configuration says, and the example of an own detector.
const FOR_TESTS: [&str; 2] = ["hostile", "beyond-tail"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?)
        .parent()
        .ok_or("the host is in a workspace")?
        .to_owned();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    for watched in [
        "plugins",
        "examples/beyond-tail",
        "wit",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let components = build(&root, &out)?;
    for name in DETECTORS.iter().chain(&FOR_TESTS) {
        let file = format!("{}.wasm", package(name).replace('-', "_"));
        std::fs::copy(components.join(file), out.join(format!("{name}.wasm")))?;
    }
    Ok(())
}

/// The package of a detector.
fn package(name: &str) -> String {
    if name == "beyond-tail" {
        name.to_owned()
    } else {
        format!("leeway-{name}")
    }
}

/// Builds components, in a target directory of their own: this build holds the lock of the outer one.
fn build(root: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target_dir = out
        .ancestors()
        .nth(4)
        .ok_or("OUT_DIR lies in a target directory")?
        .join("guests");
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| home + "/.cargo"))?;
    let flags = [
        "-Ctarget-feature=+simd128".to_owned(),
        // The same bytes wherever they are built, so that the same detector has the same digest.
        format!("--remap-path-prefix={}=leeway", root.display()),
        format!("--remap-path-prefix={home}=cargo"),
    ];
    let mut cargo = Command::new(std::env::var("CARGO")?);
    cargo
        .current_dir(root)
        .args([
            "build",
            "--profile",
            "guest",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(&target_dir);
    for name in DETECTORS.iter().chain(&FOR_TESTS) {
        cargo.args(["--package", &package(name)]);
    }
    // The outer build's wrappers and flags are for the host's code.
    for variable in [
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "CLIPPY_ARGS",
    ] {
        cargo.env_remove(variable);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    // Part of the toolchain; makes a component of the module and its bindings.
    cargo.env(
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
        "wasm-component-ld",
    );
    let output = cargo.output()?;
    if output.status.success() {
        return Ok(target_dir.join(TARGET).join("guest"));
    }
    let message = String::from_utf8_lossy(&output.stderr);
    if message.contains("target may not be installed") {
        return Err(format!(
            "the compile target {TARGET} is missing; install it with: rustup target add {TARGET}"
        )
        .into());
    }
    Err(format!("the detectors could not be built:\n{message}").into())
}
