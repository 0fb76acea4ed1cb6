//! What the system says of this process.

use rustix::time::{ClockId, clock_gettime};

/// User and system time so far, in seconds.
pub(super) fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Resident memory in bytes, where the system tells.
pub(super) fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages as f64 * rustix::param::page_size() as f64)
}

/// Open file descriptors, where the system tells.
pub(super) fn open_fds() -> Option<f64> {
    // One of them reads the directory.
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(count.saturating_sub(1) as f64)
}

/// When the process started, in seconds since 1970, where the system tells.
pub(super) fn start_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name stands in parentheses and may hold anything. Behind it the start is the 20th field.
    let ticks: u64 = stat
        .rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(19)?
        .parse()
        .ok()?;
    let system = std::fs::read_to_string("/proc/stat").ok()?;
    let booted: u64 = system
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()?;
    let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
    Some(booted as f64 + ticks as f64 / ticks_per_second)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells() {
        assert!(cpu_seconds() > 0.0);
        assert!(resident_bytes().unwrap() > 1e5);
        assert!(open_fds().unwrap() >= 3.0);
        let now = jiff::Timestamp::now().as_second() as f64;
        let age = now - start_seconds().unwrap();
        // The time of boot is known to the second.
        assert!((-2.0..86_400.0).contains(&age), "{age}");
    }
}
