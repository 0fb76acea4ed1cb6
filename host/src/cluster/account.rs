//! Whom the server runs as: it refuses root.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::binaries::Binaries;
use super::error::ClusterError;

/// Whom the server runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// The user that runs the host.
    Own,
    /// An unprivileged user of the machine.
    Other {
        /// User id.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// Root, under another user's id inside a user namespace: its files stay root's, whatever is above them.
    Namespace {
        /// User id inside.
        uid: u32,
        /// Group id inside.
        gid: u32,
    },
}

impl Account {
    /// The account that can run the server on a folder, which is given to it. Each way is tried by running the server's
    /// program there. For root first the user `postgres`, then a namespace, and last `nobody`, whom strangers may share.
    pub(super) fn choose(folder: &Path, binaries: &Binaries) -> Result<Self, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let postgres = user(&users, "postgres");
        let nobody = user(&users, "nobody");
        let mut ways = Vec::new();
        ways.extend(postgres.map(|(uid, gid)| ("postgres", Self::Other { uid, gid })));
        ways.extend(
            nobody
                .or(postgres)
                .map(|(uid, gid)| ("namespace", Self::Namespace { uid, gid })),
        );
        ways.extend(nobody.map(|(uid, gid)| ("nobody", Self::Other { uid, gid })));
        let mut reasons = Vec::new();
        for (name, account) in ways {
            account.give(folder)?;
            match account.probe(folder, binaries) {
                Ok(()) => return Ok(account),
                Err(reason) => reasons.push(format!("{name}: {reason}")),
            }
        }
        Err(ClusterError::Root {
            folder: folder.to_owned(),
            reasons: reasons.join("; "),
        })
    }

    /// Makes the account the owner of a folder and all that is in it.
    pub(super) fn give(self, folder: &Path) -> Result<(), ClusterError> {
        let (uid, gid) = match self {
            Self::Own => return Ok(()),
            Self::Other { uid, gid } => (uid, gid),
            Self::Namespace { .. } => (0, 0),
        };
        let failed = ClusterError::io("cannot change the owner of", folder);
        give_all(folder, uid, gid).map_err(failed)
    }

    /// Has a command run as the account.
    pub(super) fn apply(self, command: &mut Command) {
        match self {
            Self::Own => {}
            Self::Other { uid, gid } => {
                command.uid(uid).gid(gid);
            }
            Self::Namespace { uid, gid } => namespace(command, uid, gid),
        }
    }

    /// Whether the server's program can be run in a folder.
    fn probe(self, folder: &Path, binaries: &Binaries) -> Result<(), String> {
        let mut command = Command::new(binaries.program("postgres"));
        command
            .arg("--version")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.apply(&mut command);
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(status.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Ids of a user in the text of `/etc/passwd`.
fn user(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    (uid != 0).then_some((uid, gid))
}

fn give_all(path: &Path, uid: u32, gid: u32) -> std::io::Result<()> {
    let about = std::fs::symlink_metadata(path)?;
    if (about.uid(), about.gid()) != (uid, gid) {
        std::os::unix::fs::lchown(path, Some(uid), Some(gid))?;
    }
    if about.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give_all(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}

/// Has a command start in a user namespace of its own, where root's id reads as another.
#[cfg(target_os = "linux")]
fn namespace(command: &mut Command, uid: u32, gid: u32) {
    let uid_map = format!("{uid} 0 1\n");
    let gid_map = format!("{gid} 0 1\n");
    let enter = move || {
        #[expect(
            unsafe_code,
            reason = "a new user namespace leaves memory and open files as they are"
        )]
        // SAFETY: no other thread is in this process, and its files are not unshared.
        unsafe {
            rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWUSER)?;
        }
        // Who maps only its own group gives up changing groups.
        write(c"/proc/self/setgroups", b"deny")?;
        write(c"/proc/self/uid_map", uid_map.as_bytes())?;
        write(c"/proc/self/gid_map", gid_map.as_bytes())?;
        Ok(())
    };
    #[expect(
        unsafe_code,
        reason = "runs between fork and exec: nothing in it allocates or takes a lock"
    )]
    // SAFETY: only system calls on memory that was made before the fork.
    unsafe {
        command.pre_exec(enter);
    }
}

#[cfg(target_os = "linux")]
fn write(path: &std::ffi::CStr, bytes: &[u8]) -> std::io::Result<()> {
    let file = rustix::fs::open(path, rustix::fs::OFlags::WRONLY, rustix::fs::Mode::empty())?;
    rustix::io::write(&file, bytes)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn namespace(command: &mut Command, _uid: u32, _gid: u32) {
    #[expect(unsafe_code, reason = "runs between fork and exec: it only fails")]
    // SAFETY: makes an error out of a number.
    unsafe {
        command.pre_exec(|| Err(std::io::ErrorKind::Unsupported.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_the_list_of_users() {
        let users = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/bin/sh\n";
        assert_eq!(user(users, "nobody"), Some((65534, 65533)));
        assert_eq!(user(users, "postgres"), None);
        assert_eq!(user(users, "root"), None);
    }
}
