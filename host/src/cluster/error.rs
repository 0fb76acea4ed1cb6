//! Why the private database could not be had, and how to mend it.

use std::path::PathBuf;

use super::binaries::MAJOR_MIN;

/// Why the private database could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is no PostgreSQL server on this machine.
    #[error(
        "no PostgreSQL server was found, which the embedded database needs (looked in {}). Install one (Debian, Ubuntu: \
         apt-get install postgresql), name the folder that has `postgres` and `initdb` with --postgres-bin, or use a \
         server of your own with DATABASE_URL",
        list(searched)
    )]
    NoBinaries {
        /// Folders and patterns.
        searched: Vec<String>,
    },
    /// The folder that was named has no server.
    #[error("--postgres-bin {} has no `postgres` and `initdb`", folder.display())]
    NotBinaries {
        /// The folder.
        folder: PathBuf,
    },
    /// The binaries do not run.
    #[error("{} does not run: {reason}", program.display())]
    BadBinary {
        /// The program.
        program: PathBuf,
        /// What it said.
        reason: String,
    },
    /// Too old to use.
    #[error("PostgreSQL {major} in {} is too old: leeway needs {MAJOR_MIN} or newer", folder.display())]
    TooOld {
        /// Where it is.
        folder: PathBuf,
        /// Its major version.
        major: u32,
    },
    /// The data are of another major version.
    #[error(
        "{} was made by PostgreSQL {made_by}, and only {found} was found. Install PostgreSQL {made_by} again, or move the data \
         with pg_dump or pg_upgrade",
        folder.display()
    )]
    OtherVersion {
        /// The data.
        folder: PathBuf,
        /// Version that made them.
        made_by: u32,
        /// Versions that were found.
        found: String,
    },
    /// Another live process has the folder.
    #[error("{} is in use by process {holder}: stop that one first, or choose another --data-dir", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// Its process id, or `unknown`.
        holder: String,
    },
    /// A server from before still runs and does not end.
    #[error("PostgreSQL (process {pid}) still runs on {} and does not end: stop it by hand", folder.display())]
    Orphan {
        /// The data.
        folder: PathBuf,
        /// The process.
        pid: i32,
    },
    /// Started as root, and no way was found to run the server as somebody else.
    #[error(
        "PostgreSQL does not run as root, and {} can be used neither by the user postgres nor in a user namespace nor by the \
         user nobody ({reasons}). Start leeway as another user, or put --data-dir where every folder above it may be entered \
         by others (chmod o+x)",
        folder.display()
    )]
    Root {
        /// The folder.
        folder: PathBuf,
        /// What was tried.
        reasons: String,
    },
    /// A file operation failed.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The data folder could not be made.
    #[error("initdb failed: {said}")]
    Create {
        /// What it said.
        said: String,
    },
    /// The server ended, or does not accept connections.
    #[error("PostgreSQL {what}; the end of {}: {said}", log.display())]
    Start {
        /// What became of it.
        what: String,
        /// Its log.
        log: PathBuf,
        /// Last lines of the log.
        said: String,
    },
    /// There is no folder for the socket whose path is short enough.
    #[error("the path of the socket, {}, is longer than the {max} bytes that the system allows: choose a shorter --data-dir", path.display())]
    SocketPath {
        /// The path.
        path: PathBuf,
        /// Most bytes.
        max: usize,
    },
}

impl ClusterError {
    /// A file operation that failed.
    pub(super) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}

fn list(searched: &[String]) -> String {
    searched.join(", ")
}
