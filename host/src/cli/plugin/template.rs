//! The files of a new detector, by language; all of them are in the program.

use clap::ValueEnum;

/// What a detector is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Language {
    Rust,
    Python,
    #[value(alias = "js")]
    Javascript,
    C,
}

/// A file of a project: its path in there, and what it holds. `NAME` and `UNDERSCORED` stand for the detector's name.
pub(super) struct File {
    pub(super) path: &'static str,
    pub(super) content: &'static [u8],
}

macro_rules! files {
    ($folder:literal: $($path:literal = $source:literal),+ $(,)?) => {
        &[$(File {
            path: $path,
            content: include_bytes!(concat!("../../../../", $folder, "/", $source)),
        }),+]
    };
}

const CONTRACT: &[File] = files!("wit":
    "wit/detector.wit" = "detector.wit",
    "wit/types.wit" = "types.wit",
    "wit/windows.wit" = "windows.wit",
);
const RUST: &[File] = files!("plugins/templates/rust":
    "Cargo.toml" = "Cargo.toml",
    ".cargo/config.toml" = "cargo-config.toml",
    "src/lib.rs" = "src/lib.rs",
    "sdk/Cargo.toml" = "sdk-Cargo.toml",
    "README.md" = "README.md",
);
const RUST_SDK: &[File] = files!("plugins/sdk/src":
    "sdk/src/bindings.rs" = "bindings.rs",
    "sdk/src/config.rs" = "config.rs",
    "sdk/src/detector.rs" = "detector.rs",
    "sdk/src/export.rs" = "export.rs",
    "sdk/src/heap.rs" = "heap.rs",
    "sdk/src/host_window.rs" = "host_window.rs",
    "sdk/src/lib.rs" = "lib.rs",
    "sdk/src/measurement.rs" = "measurement.rs",
    "sdk/src/simple.rs" = "simple.rs",
    "sdk/src/window.rs" = "window.rs",
);
const PYTHON: &[File] = files!("plugins/templates/python":
    "detector.py" = "detector.py",
    "leeway_sdk.py" = "leeway_sdk.py",
    "requirements.txt" = "requirements.txt",
    "README.md" = "README.md",
);
const JAVASCRIPT: &[File] = files!("plugins/templates/javascript":
    "detector.js" = "detector.js",
    "leeway-sdk.js" = "leeway-sdk.js",
    "package.json" = "package.json",
    "README.md" = "README.md",
);
const C: &[File] = files!("plugins/templates/c":
    "detector.c" = "detector.c",
    "Makefile" = "Makefile",
    "leeway/leeway.h" = "leeway/leeway.h",
    "leeway/leeway.c" = "leeway/leeway.c",
    "leeway/batch_detector.h" = "leeway/batch_detector.h",
    "leeway/batch_detector.c" = "leeway/batch_detector.c",
    "leeway/batch_detector_component_type.o" = "leeway/batch_detector_component_type.o",
    "README.md" = "README.md",
);

impl Language {
    /// Every file of a project.
    pub(super) fn files(self) -> impl Iterator<Item = &'static File> {
        let parts: &[&[File]] = match self {
            Self::Rust => &[RUST, RUST_SDK, CONTRACT],
            Self::Python => &[PYTHON, CONTRACT],
            Self::Javascript => &[JAVASCRIPT, CONTRACT],
            Self::C => &[C],
        };
        parts.iter().copied().flatten()
    }
}

/// A file's content for a detector of this name. What is not text stays as it is.
pub(super) fn fill(file: &File, name: &str) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(file.content) else {
        return file.content.to_vec();
    };
    // Templates are written with these words; the contract, the SDK and generated files are not.
    if file.path.starts_with("wit/") || file.path.starts_with("leeway/") {
        return text.as_bytes().to_vec();
    }
    if file.path.starts_with("sdk/") {
        // In a project the contract lies beside the SDK.
        return text.replace("../../wit", "../wit").into_bytes();
    }
    text.replace("UNDERSCORED", &name.replace('-', "_"))
        .replace("NAME", name)
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGES: [Language; 4] = [
        Language::Rust,
        Language::Python,
        Language::Javascript,
        Language::C,
    ];

    #[test]
    fn the_name_stands_wherever_the_templates_leave_room_for_it() {
        for language in LANGUAGES {
            let mut named = 0;
            for file in language.files() {
                let filled = fill(file, "my-own");
                let text = String::from_utf8_lossy(&filled);
                assert!(
                    !text.contains("NAME.wasm") && !text.contains("\"NAME\""),
                    "{}",
                    file.path
                );
                assert!(!text.contains("UNDERSCORED"), "{}", file.path);
                named += usize::from(text.contains("my-own"));
            }
            assert!(named >= 2, "{language:?}");
        }
    }

    #[test]
    fn the_sdk_in_a_project_finds_the_contract() {
        let bindings = Language::Rust
            .files()
            .find(|file| file.path.ends_with("bindings.rs"));
        let text = String::from_utf8(fill(bindings.unwrap(), "any")).unwrap();
        assert_eq!(text.matches("path: \"../wit\"").count(), 2);
    }

    #[test]
    fn every_file_of_the_contract_and_of_the_sdk_is_in_a_project() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (folder, inside) in [("wit", "wit"), ("plugins/sdk/src", "sdk/src")] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let path = format!("{inside}/{name}");
                assert!(
                    Language::Rust.files().any(|file| file.path == path),
                    "{path} is missing"
                );
            }
        }
    }
}
