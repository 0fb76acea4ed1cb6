//! How much memory this machine, or this container, has.

use std::path::Path;

/// Limits of the container, in both versions of cgroups.
const CONTAINER: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// Memory of the machine, or what the container may have of it, in bytes; none where the system does not say.
pub(super) fn bytes() -> Option<usize> {
    let machine = machine(&std::fs::read_to_string("/proc/meminfo").ok()?);
    let containers = CONTAINER.map(|path| limit(Path::new(path)));
    containers.into_iter().flatten().chain(machine).min()
}

fn machine(meminfo: &str) -> Option<usize> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The number in a file; none where there is no file, or it says `max`.
fn limit(path: &Path) -> Option<usize> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_how_much_it_has() {
        assert_eq!(
            machine("MemTotal:       16265628 kB\nMemFree: 1 kB\n"),
            Some(16_265_628 << 10)
        );
        assert_eq!(machine("MemFree: 1 kB\n"), None);
        assert!(bytes().unwrap() > 1 << 20);
    }

    #[test]
    fn a_limit_is_a_number_and_max_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.max");
        assert_eq!(limit(&path), None);
        for (text, bytes) in [("1048576\n", Some(1 << 20)), ("max\n", None)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(limit(&path), bytes);
        }
    }
}
