//! One host a folder: a file lock, which ends with the process that holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::error::ClusterError;

/// The right to the folder, until dropped.
#[derive(Debug)]
pub(super) struct FolderLock {
    file: File,
}

/// What the holder of a lock wrote into it: its process id, then, once its server runs, the folder of the socket.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) pid: Option<u32>,
    pub(super) socket_folder: Option<String>,
}

impl FolderLock {
    /// Takes the folder.
    pub(super) fn take(folder: &Path) -> Result<Self, ClusterError> {
        let path = folder.join("lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(ClusterError::io("cannot open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = read(&file).pid;
                return Err(ClusterError::Held {
                    folder: folder.to_owned(),
                    holder: holder.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string()),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(ClusterError::io("cannot lock", &path)(error));
            }
        }
        let lock = Self { file };
        lock.write("")
            .map_err(ClusterError::io("cannot write", &path))?;
        Ok(lock)
    }

    /// Says where the socket is.
    pub(super) fn write(&self, socket_folder: &str) -> std::io::Result<()> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}\n{socket_folder}", std::process::id())
    }

    /// Who holds the folder; none if nobody does.
    pub(super) fn holder(folder: &Path) -> Option<Holder> {
        let file = File::open(folder.join("lock")).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read(&file)),
            _ => None,
        }
    }
}

fn read(mut file: &File) -> Holder {
    let mut text = String::new();
    // A holder that cannot be read is named "unknown".
    if file
        .rewind()
        .and_then(|()| file.read_to_string(&mut text))
        .is_err()
    {
        return Holder::default();
    }
    let mut lines = text.lines();
    Holder {
        pid: lines.next().and_then(|line| line.parse().ok()),
        socket_folder: lines
            .next()
            .filter(|line| !line.is_empty())
            .map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(FolderLock::holder(folder.path()), None);
        let lock = FolderLock::take(folder.path()).unwrap();
        let error = FolderLock::take(folder.path()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("in use by process {}", std::process::id())),
            "{error}"
        );
        lock.write("/run/x").unwrap();
        assert_eq!(
            FolderLock::holder(folder.path()),
            Some(Holder {
                pid: Some(std::process::id()),
                socket_folder: Some("/run/x".to_owned())
            })
        );
        drop(lock);
        FolderLock::take(folder.path()).unwrap();
    }
}
