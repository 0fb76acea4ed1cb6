//! What is deployed names only what exists: files, variables, commands, flags, ports, paths, and rules that are those of `config/`.

mod compose;
mod image;
mod kubernetes;
mod program;

use std::path::Path;

use serde_json::Value;

/// Every document of a YAML file.
fn yaml(path: &Path) -> Vec<Value> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A list of strings.
fn words(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|word| word.as_str().unwrap())
        .collect()
}
