//! Lists of chunks as they stood, as few bytes: which chunks, at which revision, with which rows.

use jiff::Timestamp;

use crate::store::ChunkInfo;

/// Longest list that is kept with an evaluation, in bytes: some 8,000 chunks. An evaluation over more cannot be made again.
pub(super) const LIST_BYTES_MAX: usize = 64 << 10;
/// First byte of a list: its layout.
const VERSION: u8 = 1;

/// A list that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a list of chunks is damaged")]
pub(super) struct Damaged;

/// The list as bytes, each number as its difference from what is likely.
pub(super) fn write(chunks: &[ChunkInfo]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 * chunks.len() + 4);
    bytes.push(VERSION);
    put(&mut bytes, i64::try_from(chunks.len()).unwrap_or(i64::MAX));
    let mut before = Before::default();
    for chunk in chunks {
        for number in before.differences(chunk) {
            put(&mut bytes, number);
        }
    }
    bytes
}

/// The chunks of a list. What is not in it, such as how many rows have a label, is nothing.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<ChunkInfo>, Damaged> {
    let (&version, mut rest) = bytes.split_first().ok_or(Damaged)?;
    if version != VERSION {
        return Err(Damaged);
    }
    let count = usize::try_from(take(&mut rest)?).map_err(|_| Damaged)?;
    let mut before = Before::default();
    let mut chunks = Vec::new();
    for _ in 0..count {
        let mut numbers = [0; FIELDS];
        for number in &mut numbers {
            *number = take(&mut rest)?;
        }
        chunks.push(before.chunk(numbers)?);
    }
    if rest.is_empty() {
        Ok(chunks)
    } else {
        Err(Damaged)
    }
}

const FIELDS: usize = 7;

/// The chunk before, from which the next one is told.
#[derive(Default)]
struct Before {
    chunk_no: i64,
    revision: i64,
    seq_to: i64,
    end: i64,
    length: i64,
}

impl Before {
    fn differences(&mut self, chunk: &ChunkInfo) -> [i64; FIELDS] {
        let (start, end) = (chunk.start.as_microsecond(), chunk.end.as_microsecond());
        let span = chunk.seq_to.wrapping_sub(chunk.seq_from);
        let rows = i64::try_from(chunk.rows).unwrap_or(i64::MAX);
        let length = end.wrapping_sub(start);
        let numbers = [
            chunk.chunk_no.wrapping_sub(self.chunk_no),
            chunk.revision.wrapping_sub(self.revision),
            chunk.seq_from.wrapping_sub(self.seq_to),
            span,
            span.wrapping_sub(rows),
            start.wrapping_sub(self.end),
            length.wrapping_sub(self.length),
        ];
        *self = Self {
            chunk_no: chunk.chunk_no,
            revision: chunk.revision,
            seq_to: chunk.seq_to,
            end,
            length,
        };
        numbers
    }

    fn chunk(&mut self, numbers: [i64; FIELDS]) -> Result<ChunkInfo, Damaged> {
        let [chunk_no, revision, seq_from, span, gaps, start, length] = numbers;
        let seq_from = self.seq_to.wrapping_add(seq_from);
        let start = self.end.wrapping_add(start);
        let length = self.length.wrapping_add(length);
        *self = Self {
            chunk_no: self.chunk_no.wrapping_add(chunk_no),
            revision: self.revision.wrapping_add(revision),
            seq_to: seq_from.wrapping_add(span),
            end: start.wrapping_add(length),
            length,
        };
        let time = |micros| Timestamp::from_microsecond(micros).map_err(|_| Damaged);
        let (start, end) = (time(start)?, time(self.end)?);
        Ok(ChunkInfo {
            chunk_no: self.chunk_no,
            start,
            end,
            seq_from,
            seq_to: self.seq_to,
            rows: u64::try_from(span.wrapping_sub(gaps)).map_err(|_| Damaged)?,
            labelled_rows: 0,
            label_delay_seconds: 0.0,
            first_time: start,
            last_time: end,
            revision: self.revision,
            stale: false,
        })
    }
}

/// Seven bits a byte, the sign last: small numbers of either sign are one byte.
fn put(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = (number.wrapping_shl(1) ^ (number >> 63)).cast_unsigned();
    loop {
        let low = rest.to_le_bytes()[0] & 0x7f;
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn take(bytes: &mut &[u8]) -> Result<i64, Damaged> {
    let mut number = 0_u64;
    for place in 0..10 {
        let (&byte, rest) = bytes.split_first().ok_or(Damaged)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).wrapping_shl(7 * place);
        if byte & 0x80 == 0 {
            let sign = (number & 1).cast_signed().wrapping_neg();
            return Ok((number >> 1).cast_signed() ^ sign);
        }
    }
    Err(Damaged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(chunk_no: i64, revision: i64, seq: i64, rows: u64, hour: i64) -> ChunkInfo {
        let (start, end) = [hour, hour + 1]
            .map(|hour| Timestamp::from_second(1_700_000_000 + hour * 3_600).unwrap())
            .into();
        ChunkInfo {
            chunk_no,
            start,
            end,
            seq_from: seq,
            seq_to: seq + i64::try_from(rows).unwrap() - 1,
            rows,
            labelled_rows: 0,
            label_delay_seconds: 0.0,
            first_time: start,
            last_time: end,
            revision,
            stale: false,
        }
    }

    #[test]
    fn a_window_of_a_thousand_chunks_takes_eight_bytes_each() {
        let chunks: Vec<ChunkInfo> = (0..1_000)
            .map(|at| chunk(at + 1, 3 + at % 5, at * 1_000, 1_000, at))
            .collect();
        let bytes = write(&chunks);
        assert!(bytes.len() <= 8_100, "{}", bytes.len());
        assert_eq!(read(&bytes), Ok(chunks));
        assert_eq!(read(&write(&[])), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(numbers in prop::collection::vec((any::<i32>(), any::<u32>(), any::<i32>(), 0..1_000_000_u64, 0..300_000_i64), 0..20)) {
            let chunks: Vec<ChunkInfo> = numbers
                .iter()
                .map(|&(no, revision, seq, rows, hour)| chunk(no.into(), revision.into(), seq.into(), rows, hour))
                .collect();
            prop_assert_eq!(read(&write(&chunks)), Ok(chunks));
        }

        #[test]
        fn other_bytes_are_refused_or_a_list(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(chunks) = read(&bytes) {
                prop_assert!(chunks.len() <= bytes.len());
            }
        }

        #[test]
        fn numbers_come_back(number in any::<i64>()) {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            prop_assert_eq!(take(&mut &bytes[..]), Ok(number));
        }
    }

    #[test]
    fn a_cut_list_is_refused() {
        let bytes = write(&[chunk(1, 1, 1, 10, 0), chunk(2, 1, 11, 10, 0)]);
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), Err(Damaged), "{length}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(read(&longer), Err(Damaged));
    }
}
