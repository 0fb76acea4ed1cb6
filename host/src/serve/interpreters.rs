//! Where the interpreters of detectors in source are found.

use std::path::{Path, PathBuf};

use clap::Args;

/// The folder of interpreters: shared by every command that runs detectors.
#[derive(Debug, Clone, Args)]
pub struct InterpreterArgs {
    /// Folder of `python.wasm` and `javascript.wasm`, which run detectors in source; `cargo xtask interpreters` builds
    /// them [default: interpreters or share/leeway/interpreters beside the program's folder, or leeway/interpreters
    /// below `$XDG_DATA_HOME` or `~/.local/share`]
    #[arg(
        long,
        env = "LEEWAY_INTERPRETERS",
        value_name = "DIRECTORY",
        help_heading = "Detectors"
    )]
    interpreters: Option<PathBuf>,
}

impl InterpreterArgs {
    /// The folder. It need not be there: who has no detectors in source needs no interpreters.
    pub fn folder(&self) -> PathBuf {
        if let Some(named) = &self.interpreters {
            return named.clone();
        }
        let program = std::env::current_exe().ok();
        let beside = program
            .as_deref()
            .and_then(Path::parent)
            .and_then(Path::parent);
        let absolute = |variable: &str| {
            std::env::var_os(variable)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let of_user = absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
        first(beside, of_user.as_deref())
    }
}

/// The first of the usual places that is there, else the last of them.
fn first(beside: Option<&Path>, of_user: Option<&Path>) -> PathBuf {
    let places = [
        beside.map(|folder| folder.join("interpreters")),
        beside.map(|folder| folder.join("share/leeway/interpreters")),
        of_user.map(|folder| folder.join("leeway/interpreters")),
    ];
    let places: Vec<PathBuf> = places.into_iter().flatten().collect();
    let there = places.iter().find(|place| place.is_dir());
    there
        .or(places.last())
        .cloned()
        .unwrap_or_else(|| PathBuf::from("interpreters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beside_the_program_goes_before_what_the_user_has() {
        let folder = tempfile::tempdir().unwrap();
        let (beside, user) = (folder.path().join("usr"), folder.path().join("home"));
        let found = || first(Some(&beside), Some(&user));

        // Nothing is there yet: the message names where to put it.
        assert_eq!(found(), user.join("leeway/interpreters"));

        for place in [
            user.join("leeway/interpreters"),
            beside.join("share/leeway/interpreters"),
            beside.join("interpreters"),
        ] {
            std::fs::create_dir_all(&place).unwrap();
            assert_eq!(found(), place);
        }
        assert_eq!(first(None, None), PathBuf::from("interpreters"));
    }

    #[test]
    fn a_folder_that_is_named_is_taken_as_it_is() {
        let named = PathBuf::from("nowhere/at/all");
        let args = InterpreterArgs {
            interpreters: Some(named.clone()),
        };
        assert_eq!(args.folder(), named);
    }
}
