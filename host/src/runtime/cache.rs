//! Machine code on disk, so that a component is compiled once.
//!
//! Loading machine code is as trusting as loading a library. So only files that this host wrote are
//! loaded: each carries a code (HMAC-SHA-256) under a key that only this directory has, over the
//! digest of the component, the engine and the code itself. Anything else is compiled again.

use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::plugin::Digest;

type Code = Hmac<Sha256>;

const KEY_BYTES: usize = 32;
const MAC_BYTES: usize = 32;
/// Stands in front of what is authenticated, so that the key serves one purpose.
const PURPOSE: &[u8] = b"leeway compiled component v1";

/// A directory of compiled components and its key.
pub struct CodeCache {
    directory: PathBuf,
    key: [u8; KEY_BYTES],
}

impl CodeCache {
    /// Opens the directory; makes it, and its key, where there is none.
    ///
    /// # Errors
    /// Also where others may write into the directory, or read the key: they could make code that this
    /// host would load.
    pub fn open(directory: &Path) -> io::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        keep_from_others(directory, 0o002)?;
        let path = directory.join("key");
        let key = match read_key(&path) {
            Ok(key) => key,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_key(directory, &path)?;
                read_key(&path)?
            }
            Err(error) => return Err(error),
        };
        keep_from_others(&path, 0o006)?;
        Ok(Self {
            directory: directory.to_owned(),
            key,
        })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, digest: &Digest, engine: u64) -> PathBuf {
        self.directory.join(format!("{digest}-{engine:016x}.cwasm"))
    }

    fn code(&self, digest: &Digest, engine: u64, machine_code: &[u8]) -> Code {
        let mut code = Code::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        code.update(PURPOSE);
        code.update(digest.as_bytes());
        code.update(&engine.to_le_bytes());
        code.update(machine_code);
        code
    }

    /// The machine code this host once stored, or nothing: also where the file is damaged or foreign.
    pub(super) fn load(&self, digest: &Digest, engine: u64) -> Option<Vec<u8>> {
        let mut bytes = std::fs::read(self.path(digest, engine)).ok()?;
        let machine_code_bytes = bytes.len().checked_sub(MAC_BYTES)?;
        let (machine_code, mac) = bytes.split_at(machine_code_bytes);
        if let Err(error) = self.code(digest, engine, machine_code).verify_slice(mac) {
            tracing::warn!(component = %digest, %error, "a cached file was not made by this host; compiling again");
            return None;
        }
        bytes.truncate(machine_code_bytes);
        Some(bytes)
    }

    /// Stores machine code; the file appears whole or not at all.
    pub(super) fn store(
        &self,
        digest: &Digest,
        engine: u64,
        machine_code: &[u8],
    ) -> io::Result<()> {
        let mac = self
            .code(digest, engine, machine_code)
            .finalize()
            .into_bytes();
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?; // Readable by the owner alone.
        file.write_all(machine_code)?;
        file.write_all(&mac)?;
        file.persist(self.path(digest, engine))?;
        Ok(())
    }
}

/// An error where any of these rights are given to all users of the machine. A group may have them: it
/// owns the volumes of containers.
fn keep_from_others(path: &Path, rights: u32) -> io::Result<()> {
    if std::fs::metadata(path)?.permissions().mode() & rights == 0 {
        return Ok(());
    }
    let message = format!(
        "'{}' is open to all users; take that away with `chmod o= '{0}'`",
        path.display()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

fn read_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = Vec::new();
    std::fs::File::open(path)?
        .take(KEY_BYTES as u64 + 1)
        .read_to_end(&mut key)?;
    key.try_into().map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} does not hold {KEY_BYTES} bytes", path.display()),
        )
    })
}

/// Writes a new key beside its place and links it there: of two hosts that start at once, one wins.
fn make_key(directory: &Path, path: &Path) -> io::Result<()> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let draft = tempfile::Builder::new().make_in(directory, |draft| {
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(draft)
    })?;
    draft.as_file().write_all(&key)?;
    draft.as_file().sync_all()?;
    match std::fs::hard_link(draft.path(), path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
