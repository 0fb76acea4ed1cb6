//! Arrow IPC messages, walked before they are decoded: what their lengths promise must be there.
//!
//! The decoder reserves memory for what a message says it unpacks to, and a process that cannot have
//! it ends. So no number reaches the decoder before it is held against the file and the limits.

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use arrow_ipc::{Message, MessageHeader, RecordBatch, root_as_footer, root_as_message};

use super::source::CountedFile;
use super::{IPC_BUFFER_BYTES_MAX, InputError};

/// The two ways in which messages are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// With a footer that says where each message is.
    File,
    /// One message after the other.
    Stream,
}

const MAGIC: &[u8; 6] = b"ARROW1";
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Length of the footer, and the magic again.
const TAIL_BYTES: u64 = 10;

/// How the messages of a file are laid out, and how many rows they hold.
pub(super) fn walk(file: &Path) -> Result<(Layout, u64), InputError> {
    let counted = CountedFile::open(file)?;
    let bytes = counted.progress().bytes_total();
    let mut walk = Walk {
        reader: BufReader::new(counted),
        bytes,
        buffer_bytes_max: IPC_BUFFER_BYTES_MAX,
    };
    let mut start = Vec::new();
    let read = (&mut walk.reader)
        .take(MAGIC.len() as u64)
        .read_to_end(&mut start);
    read.map_err(|error| InputError::from_io(file, 0, &error))?;
    let layout = Layout::of(&start);
    walk.rows(layout)
        .map(|rows| (layout, rows))
        .map_err(|detail| InputError::damaged(file, 0, detail))
}

/// The same of bytes in memory; no buffer may unpack to more than `buffer_bytes_max`.
pub(super) fn walk_bytes(bytes: &[u8], buffer_bytes_max: u64) -> Result<(Layout, u64), String> {
    let mut walk = Walk {
        reader: BufReader::new(Cursor::new(bytes)),
        bytes: bytes.len() as u64,
        buffer_bytes_max,
    };
    let layout = Layout::of(bytes);
    walk.rows(layout).map(|rows| (layout, rows))
}

impl Layout {
    fn of(start: &[u8]) -> Self {
        if start.starts_with(MAGIC) {
            Self::File
        } else {
            Self::Stream
        }
    }
}

struct Walk<R> {
    reader: BufReader<R>,
    bytes: u64,
    buffer_bytes_max: u64,
}

/// A message and where its body is.
struct Found {
    rows: u64,
    end: u64,
}

const PAST_THE_END: &str = "a message reaches past its end";

impl<R: Read + Seek> Walk<R> {
    fn rows(&mut self, layout: Layout) -> Result<u64, String> {
        match layout {
            Layout::File => self.file(),
            Layout::Stream => self.stream(),
        }
    }

    /// Rows of a file with a footer.
    fn file(&mut self) -> Result<u64, String> {
        let no_footer = || "it has no footer, so its end is missing".to_owned();
        let tail_at = self.bytes.checked_sub(TAIL_BYTES).ok_or_else(no_footer)?;
        let tail = self.read(tail_at, TAIL_BYTES)?;
        let (length, magic) = tail.split_at(4);
        if magic != MAGIC {
            return Err(no_footer());
        }
        let length = u32::from_le_bytes(length.try_into().map_err(|_| no_footer())?);
        let footer_at = tail_at
            .checked_sub(u64::from(length))
            .ok_or_else(no_footer)?;
        let footer = self.read(footer_at, u64::from(length))?;
        let footer = root_as_footer(&footer).map_err(|error| error.to_string())?;
        let dictionaries = footer.dictionaries();
        for block in dictionaries.iter().flatten() {
            self.block(block.offset(), block.metaDataLength(), block.bodyLength())?;
        }
        let mut rows = 0_u64;
        for block in footer.recordBatches().iter().flatten() {
            let found = self.block(block.offset(), block.metaDataLength(), block.bodyLength())?;
            rows = rows.saturating_add(found);
        }
        Ok(rows)
    }

    /// Rows of a message whose place the footer gives.
    fn block(&mut self, at: i64, metadata: i32, body: i64) -> Result<u64, String> {
        let impossible = |_| "the footer gives an impossible place".to_owned();
        let at = u64::try_from(at).map_err(impossible)?;
        let metadata = u64::try_from(metadata).map_err(impossible)?;
        let body = u64::try_from(body).map_err(impossible)?;
        let body_at = at.checked_add(metadata).ok_or(PAST_THE_END)?;
        if body_at.checked_add(body).is_none_or(|end| end > self.bytes) {
            return Err(PAST_THE_END.into());
        }
        let prefixed = self.read(at, metadata)?;
        let message = match prefixed.strip_prefix(&CONTINUATION) {
            Some(rest) => rest.get(4..),
            None => prefixed.get(4..),
        };
        let message =
            root_as_message(message.unwrap_or_default()).map_err(|error| error.to_string())?;
        Ok(self.message(&message, body_at)?.rows)
    }

    /// Rows of messages up to the end of a stream.
    fn stream(&mut self) -> Result<u64, String> {
        let (mut at, mut rows) = (0_u64, 0_u64);
        // A stream may also end without its end mark.
        while at < self.bytes {
            let mut word = self.read(at, 4)?;
            at += 4;
            if word == CONTINUATION {
                word = self.read(at, 4)?;
                at += 4;
            }
            let length: [u8; 4] = word.try_into().map_err(|_| PAST_THE_END)?;
            let length = u64::from(u32::from_le_bytes(length));
            if length == 0 {
                break;
            }
            let metadata = self.read(at, length)?;
            let message = root_as_message(&metadata).map_err(|error| error.to_string())?;
            let found = self.message(&message, at + length)?;
            rows = rows.saturating_add(found.rows);
            at = found.end;
        }
        Ok(rows)
    }

    /// Checks what a message says of its body.
    fn message(&mut self, message: &Message<'_>, body_at: u64) -> Result<Found, String> {
        let length =
            u64::try_from(message.bodyLength()).map_err(|_| "a message has a negative length")?;
        let end = body_at
            .checked_add(length)
            .filter(|&end| end <= self.bytes)
            .ok_or(PAST_THE_END)?;
        let rows = match message.header_type() {
            MessageHeader::RecordBatch => message.header_as_record_batch(),
            MessageHeader::DictionaryBatch => {
                let dictionary = message.header_as_dictionary_batch();
                if let Some(values) = dictionary.and_then(|it| it.data()) {
                    self.records(&values, body_at, length)?;
                }
                None
            }
            _ => None,
        };
        let rows = rows.map_or(Ok(0), |records| self.records(&records, body_at, length))?;
        Ok(Found { rows, end })
    }

    /// Checks the buffers of a record batch; gives its rows.
    fn records(
        &mut self,
        records: &RecordBatch<'_>,
        body_at: u64,
        length: u64,
    ) -> Result<u64, String> {
        let rows =
            u64::try_from(records.length()).map_err(|_| "a batch has a negative number of rows")?;
        if records.compression().is_none() {
            return Ok(rows);
        }
        for buffer in records.buffers().iter().flatten() {
            let at = u64::try_from(buffer.offset()).map_err(|_| PAST_THE_END)?;
            let bytes = u64::try_from(buffer.length()).map_err(|_| PAST_THE_END)?;
            if at.checked_add(bytes).is_none_or(|end| end > length) {
                return Err(PAST_THE_END.into());
            }
            // A packed buffer starts with the length it unpacks to; -1 says that it is not packed.
            if bytes >= 8 {
                let prefix = self.read(body_at + at, 8)?;
                let prefix = prefix.try_into().map_or(-1, i64::from_le_bytes);
                if u64::try_from(prefix).is_ok_and(|unpacked| unpacked > self.buffer_bytes_max) {
                    let limit = self.buffer_bytes_max;
                    return Err(format!(
                        "a buffer would unpack to {prefix} bytes; it may have {limit}"
                    ));
                }
            }
        }
        Ok(rows)
    }

    fn read(&mut self, at: u64, length: u64) -> Result<Vec<u8>, String> {
        if at.checked_add(length).is_none_or(|end| end > self.bytes) {
            return Err(PAST_THE_END.into());
        }
        let seek = match self.reader.stream_position() {
            Ok(here) if at >= here => self.reader.seek_relative((at - here).cast_signed()),
            _ => self.reader.seek(SeekFrom::Start(at)).map(|_| ()),
        };
        let mut bytes = Vec::new();
        let read = seek.and_then(|()| (&mut self.reader).take(length).read_to_end(&mut bytes));
        match read {
            Ok(read) if read as u64 == length => Ok(bytes),
            Ok(_) => Err(PAST_THE_END.into()),
            Err(error) => Err(error.to_string()),
        }
    }
}
