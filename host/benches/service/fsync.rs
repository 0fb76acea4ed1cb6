//! How long the disk takes to make a write durable.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Median of 200 writes of 8 KiB, each followed by fdatasync.
pub(crate) fn median(directory: &Path) -> std::io::Result<Duration> {
    let mut file = tempfile::tempfile_in(directory)?;
    let mut taken = Vec::with_capacity(200);
    for _ in 0..200 {
        let start = Instant::now();
        file.write_all(&[7; 8_192])?;
        file.sync_data()?;
        taken.push(start.elapsed());
    }
    taken.sort();
    Ok(taken[100])
}
