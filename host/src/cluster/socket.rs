//! A folder for the server's socket, which only its account may enter and whose path is short enough.

use std::hash::BuildHasher;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::account::Account;
use super::error::ClusterError;

/// Most bytes of a socket's path: `sun_path` without its final zero.
const PATH_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// Name of the socket in its folder, which clients work out from the port.
const NAME: &str = ".s.PGSQL.5432";

/// Makes the folder of the socket: inside the cluster's folder, or, where that path is too long, among the temporary files.
pub(super) fn folder(cluster: &Path, account: Account) -> Result<PathBuf, ClusterError> {
    let inside = cluster.join("run");
    let folder = if fits(&inside) {
        inside
    } else {
        let hash = rustc_hash::FxBuildHasher.hash_one(cluster);
        let short = std::env::temp_dir().join(format!("leeway-{hash:016x}"));
        if !fits(&short) {
            return Err(ClusterError::SocketPath {
                path: inside.join(NAME),
                max: PATH_BYTES_MAX,
            });
        }
        short
    };
    make(&folder).map_err(ClusterError::io("cannot make", &folder))?;
    account.give(&folder)?;
    Ok(folder)
}

/// A folder that nobody else may enter. One that is there already must be a folder, not a link to one of somebody else.
fn make(folder: &Path) -> std::io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let about = std::fs::symlink_metadata(folder)?;
    let me = rustix::process::geteuid().as_raw();
    if !about.is_dir() || (me != 0 && about.uid() != me) {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

fn fits(folder: &Path) -> bool {
    folder.join(NAME).as_os_str().len() <= PATH_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_folder_of_its_own() {
        let near = Path::new("/srv/leeway");
        assert!(fits(&near.join("run")));
        let parent = tempfile::tempdir().unwrap();
        let far = parent.path().join("d".repeat(120));
        let short = folder(&far, Account::Own).unwrap();
        assert!(fits(&short));
        assert_ne!(short, far.join("run"));
        assert_eq!(folder(&far, Account::Own).unwrap(), short);
        assert_eq!(
            std::fs::metadata(&short).unwrap().permissions().mode() & 0o777,
            0o700
        );
        std::fs::remove_dir(short).unwrap();
    }

    #[test]
    fn a_link_is_not_taken_for_the_folder() {
        let parent = tempfile::tempdir().unwrap();
        let link = parent.path().join("run");
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        assert!(make(&link).is_err());
    }
}
