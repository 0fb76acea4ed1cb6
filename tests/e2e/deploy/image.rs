//! The Dockerfile copies what is there, ignores nothing that the build reads, and sets what the program knows.

use super::program;
use crate::harness::repository;

/// The instructions, each on one line.
fn instructions() -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("Dockerfile")).unwrap();
    let joined = text.replace("\\\n", " ");
    joined
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// What stands behind every instruction of a name.
fn all<'i>(instructions: &'i [String], name: &str) -> Vec<&'i str> {
    let rest = instructions.iter().filter_map(|one| one.strip_prefix(name));
    rest.map(str::trim).collect()
}

#[test]
fn the_image_is_made_of_what_is_there_and_runs_as_nobody_in_particular() {
    let instructions = instructions();
    assert_eq!(all(&instructions, "USER "), ["10001:10001"]);
    assert_eq!(all(&instructions, "EXPOSE "), ["5000 8000"]);
    assert_eq!(all(&instructions, "CMD "), ["[\"serve\"]"]);
    for copied in all(&instructions, "COPY ") {
        if copied.starts_with("--from") || copied.starts_with('.') {
            continue;
        }
        let source = copied.split(' ').next().unwrap();
        let folder = source.strip_suffix("/*.csv.gz").unwrap();
        assert!(repository().join(folder).join("2013-03.csv.gz").is_file());
    }
    let known = program::variables();
    for pairs in all(&instructions, "ENV ") {
        for pair in pairs.split(' ') {
            let name = pair.split('=').next().unwrap();
            assert!(known.contains(name) || name == "RUSTUP_TOOLCHAIN", "{name}");
        }
    }
    let toolchain = std::fs::read_to_string(repository().join("rust-toolchain.toml")).unwrap();
    let version = toolchain.split("channel = \"").nth(1).unwrap();
    let version = version.split('"').next().unwrap();
    assert!(all(&instructions, "ENV ").contains(&format!("RUSTUP_TOOLCHAIN={version}").as_str()));
    assert!(
        all(&instructions, "ARG ")
            .contains(&format!("BUILDER_IMAGE=rust:{version}-slim-bookworm").as_str())
    );
}

#[test]
fn the_build_sees_every_member_of_the_workspace_and_no_more_than_it_needs() {
    let ignored = std::fs::read_to_string(repository().join(".dockerignore")).unwrap();
    let kept: Vec<&str> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    assert!(ignored.lines().any(|line| line == "*"));
    for path in &kept {
        assert!(repository().join(path).exists(), "{path}");
    }
    let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let members = manifest.split("members = [").nth(1).unwrap();
    let members = members.split(']').next().unwrap();
    for member in members
        .split('"')
        .filter(|word| word.contains(char::is_alphabetic))
    {
        let top = member.split('/').next().unwrap();
        assert!(kept.contains(&top), "{member} is ignored");
    }
    for read in [
        "wit",
        "interpreters",
        "migrations",
        "Cargo.lock",
        "rust-toolchain.toml",
    ] {
        assert!(kept.contains(&read), "{read}");
    }
}
