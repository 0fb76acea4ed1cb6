//! A server that outlived its host: it is ended before the next one starts on its data.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::error::ClusterError;

/// How long a server may take to end on its own: it was told to when its host died.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long it may take to end at once.
const QUIT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);

/// Ends the server that still runs on the data, if there is one. The caller holds the folder, so no host is behind it.
pub(super) fn end(data: &Path) -> Result<(), ClusterError> {
    let pid_file = data.join("postmaster.pid");
    let Some(pid) = std::fs::read_to_string(&pid_file)
        .ok()
        .and_then(|text| text.lines().next()?.trim().parse().ok())
        .and_then(Pid::from_raw)
    else {
        return Ok(());
    };
    if !is_server(pid, data) {
        if rustix::process::test_kill_process(pid).is_ok() {
            // The number went to another process, which the next server would take for its rival.
            std::fs::remove_file(&pid_file)
                .map_err(ClusterError::io("cannot remove", &pid_file))?;
        }
        return Ok(());
    }
    tracing::warn!(
        pid = pid.as_raw_pid(),
        "a database server outlived its host; ending it"
    );
    if gone(pid, data, FAREWELL) {
        return Ok(());
    }
    // What is committed is in its log; the next one recovers from there.
    let _ = kill_process(pid, Signal::QUIT);
    if gone(pid, data, QUIT) {
        return Ok(());
    }
    Err(ClusterError::Orphan {
        folder: data.to_owned(),
        pid: pid.as_raw_pid(),
    })
}

fn gone(pid: Pid, data: &Path, within: Duration) -> bool {
    let start = Instant::now();
    while is_server(pid, data) {
        if start.elapsed() > within {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}

/// Whether a process is a live server of these data: its command line names them. A process that is over and not yet
/// reaped has none.
#[cfg(target_os = "linux")]
fn is_server(pid: Pid, data: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).is_ok_and(|line| {
        line.split(|byte| *byte == 0)
            .any(|word| word == data.as_os_str().as_bytes())
    })
}

#[cfg(not(target_os = "linux"))]
fn is_server(pid: Pid, data: &Path) -> bool {
    std::process::Command::new("ps")
        .args(["-o", "command=", "-p", &pid.as_raw_pid().to_string()])
        .output()
        .is_ok_and(|output| {
            String::from_utf8_lossy(&output.stdout).contains(&*data.to_string_lossy())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_went_to_another_process_is_forgotten() {
        let data = tempfile::tempdir().unwrap();
        end(data.path()).unwrap();
        let pid_file = data.path().join("postmaster.pid");
        std::fs::write(&pid_file, format!("{}\n/data\n", std::process::id())).unwrap();
        end(data.path()).unwrap();
        assert!(!pid_file.exists());
    }
}
