//! Makes the data folder: whole, or not at all.

use std::path::Path;
use std::process::{Command, Stdio};

use super::account::Account;
use super::binaries::Binaries;
use super::error::ClusterError;

/// Major version of the server that made the data; none if there are none.
pub(super) fn made_by(data: &Path) -> Result<Option<u32>, ClusterError> {
    let path = data.join("PG_VERSION");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| ClusterError::Io {
            what: "no version is in",
            path,
            source: std::io::ErrorKind::InvalidData.into(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ClusterError::io("cannot read", path)(error)),
    }
}

/// Makes the data folder beside its final place, then moves it there: what a crash leaves behind is made anew.
///
/// Everybody who reaches the socket is trusted: it is in a folder that only the account may enter.
pub(super) fn create(
    data: &Path,
    binaries: &Binaries,
    account: Account,
) -> Result<(), ClusterError> {
    let half = data.with_extension("tmp");
    if half.exists() {
        std::fs::remove_dir_all(&half).map_err(ClusterError::io("cannot remove", &half))?;
    }
    let mut command = Command::new(binaries.program("initdb"));
    command
        .args(["--username=postgres", "--encoding=UTF8", "--no-locale"])
        .args([
            "--data-checksums",
            "--auth-local=trust",
            "--auth-host=reject",
        ])
        .arg("--pgdata")
        .arg(&half);
    if let Some(folder) = data.parent() {
        command.current_dir(folder);
    }
    clean(&mut command);
    account.apply(&mut command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(ClusterError::io("cannot run", binaries.program("initdb")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(ClusterError::Create { said });
    }
    std::fs::rename(&half, data).map_err(ClusterError::io("cannot move", &half))
}

/// Keeps settings of clients (`PGOPTIONS`, `PGDATA`, ...) and of languages away from the server.
pub(super) fn clean(command: &mut Command) {
    let path = std::env::var_os("PATH");
    command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
    if let Some(path) = path {
        command.env("PATH", path);
    }
}
