//! The embedded database: a private PostgreSQL server in a folder of its own, which lives and dies with the host.
//!
//! Owns its files, its process and its socket. Refuses to know what is stored: whoever wants that gets a URL.

mod account;
mod binaries;
mod create;
mod error;
mod lock;
mod orphan;
mod socket;
mod supervise;

use std::path::{Path, PathBuf};

use tokio::sync::watch;

use account::Account;
use lock::FolderLock;
use supervise::{Keeper, Recipe};

pub use binaries::Binaries;
pub use error::ClusterError;
pub use supervise::ClusterState;

/// What a private server is started with.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Folder of its own; made if it is not there.
    pub folder: PathBuf,
    /// Folder that has `postgres` and `initdb`; looked for if not given.
    pub binaries: Option<PathBuf>,
    /// Whether a commit is on the disk before it is answered. Off only where data may be lost: in tests.
    pub durable: bool,
}

/// A private server that accepts connections. Ends when dropped, and with the process that started it.
#[derive(Debug)]
pub struct Cluster {
    // In this order: the server is gone before the folder is free.
    keeper: Keeper,
    socket_folder: PathBuf,
    binaries: Binaries,
    folder: PathBuf,
    _lock: FolderLock,
}

impl Cluster {
    /// Starts a server on the folder, whose data are made if there are none. Blocks until it accepts connections.
    ///
    /// Only the first start may take long: it runs `initdb`.
    ///
    /// # Errors
    /// [`ClusterError`]: no server on this machine, the folder is in use, its data are of another version.
    pub fn start(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let folder = prepare(&options.folder)?;
        let lock = FolderLock::take(&folder)?;
        let data = folder.join("data");
        let made_by = create::made_by(&data)?;
        let path = std::env::var_os("PATH");
        let binaries = Binaries::find(
            options.binaries.as_deref(),
            path.as_deref(),
            made_by.map(|major| (major, data.as_path())),
        )?;
        // A server that outlived its host would be in the way of what follows.
        orphan::end(&data)?;
        let account = Account::choose(&folder, &binaries)?;
        if made_by.is_none() {
            create::create(&data, &binaries, account)?;
        }
        let socket_folder = socket::folder(&folder, account)?;
        let keeper = Keeper::start(Recipe {
            binaries: binaries.clone(),
            account,
            data,
            socket_folder: socket_folder.clone(),
            log: folder.join("postgres.log"),
            durable: options.durable,
        })?;
        lock.write(&socket_folder.to_string_lossy())
            .map_err(ClusterError::io("cannot write the lock of", &folder))?;
        tracing::info!(
            version = binaries.version,
            binaries = %binaries.folder.display(),
            folder = %folder.display(),
            socket = %socket_folder.display(),
            "the embedded database runs"
        );
        Ok(Self {
            keeper,
            socket_folder,
            binaries,
            folder,
            _lock: lock,
        })
    }

    /// Address of a database of the server, as its superuser.
    pub fn url(&self, database: &str) -> String {
        url(&self.socket_folder.to_string_lossy(), database)
    }

    /// How the server fares. It is started again when it dies, until it dies too often.
    pub fn state(&self) -> watch::Receiver<ClusterState> {
        self.keeper.state()
    }

    /// Process id of the server while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.keeper.pid()
    }

    /// The server's programs.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Folder of the data, the socket and the log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends the server; returns when it is gone. Blocks for some 20 s at most.
    pub fn stop(&self) {
        self.keeper.stop();
    }
}

/// Address of a database of the server that another process runs on a folder; none if there is none.
pub fn running_url(folder: &Path, database: &str) -> Option<String> {
    let holder = FolderLock::holder(folder)?;
    holder
        .socket_folder
        .map(|socket_folder| url(&socket_folder, database))
}

fn url(socket_folder: &str, database: &str) -> String {
    format!(
        "postgres://postgres@localhost/{}?host={}",
        escape(database),
        escape(socket_folder)
    )
}

/// Percent-encodes what has a meaning of its own in a URL.
fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = std::fmt::Write::write_fmt(&mut url, format_args!("%{byte:02X}"));
        }
        url
    })
}

/// The folder, closed to others, by its full name.
fn prepare(folder: &Path) -> Result<PathBuf, ClusterError> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(folder).map_err(ClusterError::io("cannot make", folder))?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
        .map_err(ClusterError::io("cannot close to others", folder))?;
    std::fs::canonicalize(folder).map_err(ClusterError::io("cannot find", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_odd_names() {
        assert_eq!(
            url("/srv/a b", "x?y"),
            "postgres://postgres@localhost/x%3Fy?host=/srv/a%20b"
        );
    }
}
