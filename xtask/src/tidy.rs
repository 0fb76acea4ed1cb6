//! Holds the architecture: which module may use which, and that every file says its idea.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::steps::root;

/// What each module of the host may use of the others. A module that is not listed may be used by none.
const ARROWS: [(&str, &[&str]); 19] = [
    (
        "cli",
        &[
            "serve",
            "demo",
            "example",
            "model_api",
            "api",
            "calibrate",
            "certify",
            "check",
            "cluster",
            "store",
            "runtime",
            "metrics",
            "input",
            "profile",
            "domain",
        ],
    ),
    (
        "serve",
        &[
            "api", "ingest", "monitor", "cluster", "store", "runtime", "metrics", "builtin",
            "profile", "domain",
        ],
    ),
    // Speaks to the server over HTTP only.
    ("demo", &["check", "domain"]),
    // Speaks to the server and to the model API over HTTP only; what it trains is the model API's.
    (
        "example",
        &["demo", "model_api", "check", "profile", "domain"],
    ),
    ("model_api", &[]),
    (
        "api",
        &[
            "ingest",
            "monitor",
            "calibrate",
            "certify",
            "store",
            "runtime",
            "metrics",
            "builtin",
            "domain",
        ],
    ),
    (
        "monitor",
        &[
            "calibrate",
            "certify",
            "store",
            "runtime",
            "metrics",
            "builtin",
            "input",
            "profile",
            "domain",
        ],
    ),
    ("ingest", &["store", "input", "profile", "domain"]),
    ("certify", &["runtime", "profile", "domain"]),
    ("calibrate", &["certify", "runtime", "profile", "domain"]),
    (
        "check",
        &[
            "builtin", "runtime", "metrics", "input", "profile", "domain",
        ],
    ),
    ("cluster", &[]),
    ("store", &["profile", "domain"]),
    ("builtin", &[]),
    ("metrics", &["domain"]),
    ("runtime", &["profile", "domain"]),
    ("input", &["domain"]),
    ("profile", &["domain"]),
    ("domain", &[]),
];
/// Names that say nothing.
const EMPTY_NAMES: [&str; 5] = [
    "utils.rs",
    "util.rs",
    "common.rs",
    "helpers.rs",
    "manager.rs",
];
/// Folders whose Rust files are read.
const FOLDERS: [&str; 5] = ["examples", "host", "plugins", "tests", "xtask"];

/// Reads every source file; lists all that is wrong.
pub(crate) fn tidy() -> anyhow::Result<()> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut files)?;
    }
    let mut wrong = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file)?;
        let name = file
            .strip_prefix(root())
            .unwrap_or(file)
            .display()
            .to_string();
        if !text.starts_with("//! ") {
            wrong.push(format!(
                "{name}: the first line does not say the idea (`//! ...`)"
            ));
        }
        if EMPTY_NAMES
            .iter()
            .any(|empty| name.ends_with(&format!("/{empty}")))
        {
            wrong.push(format!("{name}: the name says nothing"));
        }
        if let Some(module) = module_of(file) {
            wrong.extend(
                arrows(&module, &text)
                    .into_iter()
                    .map(|used| format!("{name}: `{module}` may not use `{used}`")),
            );
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{} things are untidy:\n{}", wrong.len(), wrong.join("\n"))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

/// The module of the host that a file belongs to; none for files outside of it, and for its two roots.
fn module_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join("host/src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (!["lib", "main"].contains(&module)).then(|| module.to_owned())
}

/// Modules that a text uses and may not.
fn arrows(module: &str, text: &str) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else {
        return vec!["anything: it is not in the list of arrows".to_owned()];
    };
    let mut wrong: Vec<String> = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let used: String = text[at + "crate::".len()..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let known = ARROWS.iter().any(|(name, _)| *name == used);
        if known && used != module && !allowed.contains(&used.as_str()) && !wrong.contains(&used) {
            wrong.push(used);
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_against_the_order_is_found() {
        assert_eq!(
            arrows(
                "profile",
                "use crate::domain::Batch;\nuse crate::runtime::Plugin;"
            ),
            ["runtime"]
        );
        assert!(
            arrows(
                "runtime",
                "use crate::profile::Window; crate::runtime::Plugin"
            )
            .is_empty()
        );
        assert_eq!(arrows("news", "").len(), 1);
    }

    #[test]
    fn the_project_is_tidy() {
        tidy().unwrap();
    }
}
