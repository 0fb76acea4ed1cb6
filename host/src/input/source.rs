//! The bytes of a file, unpacked and counted.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::{InputError, Progress};

/// Bytes taken from the system at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file whose progress can be followed.
#[derive(Debug)]
pub(super) struct CountedFile {
    file: File,
    progress: Progress,
}

impl CountedFile {
    pub(super) fn open(path: &Path) -> Result<Self, InputError> {
        let unreadable = |error: io::Error| InputError::Unreadable {
            file: path.into(),
            reason: super::error::one_line(&error.to_string()),
        };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        // A file is opened more than once: what a pipe gave is gone.
        if !metadata.is_file() {
            let what = "is not a regular file; store its content first";
            return Err(InputError::Unsupported {
                file: path.into(),
                what,
            });
        }
        Ok(Self {
            file,
            progress: Progress::new(metadata.len()),
        })
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The file itself, for readers that find their own way in it.
    pub(super) fn into_inner(self) -> File {
        self.file
    }
}

impl Read for CountedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read(buffer)?;
        self.progress.add(bytes);
        Ok(bytes)
    }
}

impl Seek for CountedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// The text of a file, unpacked where it is gzipped.
#[derive(Debug)]
pub(super) struct Source {
    packing: Packing,
    progress: Progress,
    /// Bytes of text handed out.
    unpacked: u64,
}

#[derive(Debug)]
enum Packing {
    Plain(CountedFile),
    Gzip(Box<MultiGzDecoder<BufReader<CountedFile>>>),
}

impl Source {
    pub(super) fn open(path: &Path, gzip: bool) -> Result<Self, InputError> {
        let file = CountedFile::open(path)?;
        let progress = file.progress().clone();
        let packing = if gzip {
            let buffered = BufReader::with_capacity(BUFFER_BYTES, file);
            Packing::Gzip(Box::new(MultiGzDecoder::new(buffered)))
        } else {
            Packing::Plain(file)
        };
        Ok(Self {
            packing,
            progress,
            unpacked: 0,
        })
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(super) fn buffered(self) -> BufReader<Self> {
        BufReader::with_capacity(BUFFER_BYTES, self)
    }

    /// About how many bytes of text the file has, in proportion to what has been unpacked.
    pub(super) fn unpacked_total(&self) -> f64 {
        let total = self.progress.bytes_total() as f64;
        match &self.packing {
            Packing::Plain(_) => total,
            Packing::Gzip(decoder) => {
                let ahead = decoder.get_ref().buffer().len() as u64;
                let packed = self.progress.bytes_read().saturating_sub(ahead).max(1);
                total * self.unpacked as f64 / packed as f64
            }
        }
    }
}

/// Rows in `total` bytes, if there are `rows` in the first `consumed`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, never negative"
)]
pub(super) fn estimate(rows: u64, consumed: u64, total: f64) -> u64 {
    (rows as f64 * total / consumed.max(1) as f64).round() as u64
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = match &mut self.packing {
            Packing::Plain(file) => file.read(buffer)?,
            Packing::Gzip(decoder) => decoder.read(buffer)?,
        };
        self.unpacked += bytes as u64;
        Ok(bytes)
    }
}
