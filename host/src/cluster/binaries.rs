//! Finds the PostgreSQL server of this machine.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::ClusterError;

/// Oldest major version whose servers are used: the oldest that is still maintained.
pub(super) const MAJOR_MIN: u32 = 14;

/// Where packagers put the server, newest version first where `*` stands for one.
const PLACES: [&str; 7] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/// A PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// Folder of `postgres` and `initdb`.
    pub folder: PathBuf,
    /// Major version.
    pub major: u32,
    /// The version in full, as the server says it.
    pub version: String,
}

impl Binaries {
    /// Finds a server: in `setting` if there is one, else on `path`, else where packagers put it. With data of a major
    /// version `made_by` only a server of that version will do.
    pub(super) fn find(
        setting: Option<&Path>,
        path: Option<&OsStr>,
        made_by: Option<(u32, &Path)>,
    ) -> Result<Self, ClusterError> {
        let folders = match setting {
            Some(folder) if has_server(folder) => vec![folder.to_owned()],
            Some(folder) => {
                return Err(ClusterError::NotBinaries {
                    folder: folder.to_owned(),
                });
            }
            None => candidates(path, Path::new("/")),
        };
        let mut found = Vec::new();
        let mut last = None;
        for folder in folders {
            match Self::of(&folder) {
                Ok(server) if made_by.is_none_or(|(major, _)| major == server.major) => {
                    return Ok(server);
                }
                Ok(server) => found.push(server.major.to_string()),
                Err(error) => last = Some(error),
            }
        }
        match (made_by, last) {
            (Some((major, data)), _) if !found.is_empty() => Err(ClusterError::OtherVersion {
                folder: data.to_owned(),
                made_by: major,
                found: found.join(", "),
            }),
            (_, Some(error)) => Err(error),
            (_, None) => Err(ClusterError::NoBinaries {
                searched: std::iter::once("PATH".to_owned())
                    .chain(PLACES.map(str::to_owned))
                    .collect(),
            }),
        }
    }

    /// The server that a new cluster would be made with.
    pub fn find_on_this_machine() -> Result<Self, ClusterError> {
        Self::find(None, std::env::var_os("PATH").as_deref(), None)
    }

    /// The server in a folder.
    fn of(folder: &Path) -> Result<Self, ClusterError> {
        let program = folder.join("postgres");
        let bad = |reason: String| ClusterError::BadBinary {
            program: program.clone(),
            reason,
        };
        let output = Command::new(&program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| bad(error.to_string()))?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major = major(&said).ok_or_else(|| bad(format!("it calls itself {said:?}")))?;
        if major < MAJOR_MIN {
            return Err(ClusterError::TooOld {
                folder: folder.to_owned(),
                major,
            });
        }
        Ok(Self {
            folder: folder.to_owned(),
            major,
            version: said,
        })
    }

    /// A program of the server.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Folders that have a server, in the order in which they are tried.
fn candidates(path: Option<&OsStr>, root: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = path.map_or_else(Vec::new, |path| {
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .collect()
    });
    for place in PLACES {
        folders.extend(matching(root, place));
    }
    folders.retain(|folder| has_server(folder));
    folders
}

/// Folders that a place stands for, the highest version first.
fn matching(root: &Path, place: &str) -> Vec<PathBuf> {
    let place = place.trim_start_matches('/');
    let Some((before, after)) = place.split_once('*') else {
        return vec![root.join(place)];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let after = after.trim_start_matches('/');
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(root.join(parent))
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(after)))
        })
        .collect();
    found.sort_by_key(|(version, _)| Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn has_server(folder: &Path) -> bool {
    folder.join("postgres").is_file() && folder.join("initdb").is_file()
}

/// The major version in the line that `postgres --version` prints.
fn major(said: &str) -> Option<u32> {
    let (_, version) = said.split_once("(PostgreSQL) ")?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(folder: &Path, version: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(folder).unwrap();
        for name in ["postgres", "initdb"] {
            let path = folder.join(name);
            std::fs::write(
                &path,
                format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"),
            )
            .unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn the_major_version_is_read_from_what_packagers_print() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("pg 15"), None);
    }

    #[test]
    fn a_folder_on_the_path_goes_first_then_the_newest_version() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "14", "17"] {
            server(
                &root
                    .path()
                    .join(format!("usr/lib/postgresql/{version}/bin")),
                version,
            );
        }
        server(&root.path().join("own"), "16.1");
        let path = std::env::join_paths([root.path().join("none"), root.path().join("own")]);
        let found = candidates(Some(path.unwrap().as_os_str()), root.path());
        let names: Vec<_> = found
            .iter()
            .map(|folder| folder.strip_prefix(root.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "own",
                "usr/lib/postgresql/17/bin",
                "usr/lib/postgresql/14/bin",
                "usr/lib/postgresql/9/bin"
            ]
        );
    }

    #[test]
    fn data_of_another_version_and_old_servers_are_refused() {
        let root = tempfile::tempdir().unwrap();
        server(root.path(), "16.1");
        let find = |made_by| Binaries::find(Some(root.path()), None, made_by);
        assert_eq!(find(None).unwrap().major, 16);
        let error = find(Some((15, Path::new("/data")))).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/data was made by PostgreSQL 15, and only 16 was found"),
            "{error}"
        );
        server(root.path(), "9.6.24");
        assert!(matches!(
            find(None),
            Err(ClusterError::TooOld { major: 9, .. })
        ));
    }

    #[test]
    fn a_named_folder_without_a_server_is_refused() {
        let error = Binaries::find(Some(Path::new("/nowhere")), None, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--postgres-bin /nowhere has no `postgres` and `initdb`"
        );
    }
}
