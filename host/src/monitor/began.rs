//! When drifts began: the chunks along which that is looked for, and what was found.

use std::hash::{Hash, Hasher};

use jiff::Timestamp;
use rustc_hash::FxHasher;

use crate::domain::Began;
use crate::store::ChunkInfo;

use super::memory::Memory;

/// Pieces in which a change is looked for. Neighbouring chunks are put together so that there are at most twice as many.
pub(super) const PIECES_MAX: usize = 64;
/// Chunks that are looked at, the newest: the current window's, and as many before them. Of a larger window only its own.
pub(super) const CHUNKS_MAX: usize = 256;

/// Memory for what was found, in bytes: about 10,000 columns.
const KNOWN_BYTES_MAX: usize = 1 << 20;
/// What one of them takes.
const KNOWN_BYTES: usize = 100;

/// What was found. A drift is dated anew once a new piece has begun, not with each row: the estimate is one of pieces.
pub(super) struct Dates {
    known: Memory<u64, Found>,
}

/// What was found of a column; nothing where no change can be told.
pub(super) type Found = Result<Began, NoChange>;

/// No change can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoChange;

impl Default for Dates {
    fn default() -> Self {
        Self {
            known: Memory::new(KNOWN_BYTES_MAX),
        }
    }
}

impl Dates {
    /// What was found under a key; nothing where nobody has looked.
    pub(super) fn get(&self, key: u64) -> Option<Found> {
        self.known.get(&key)
    }

    /// Remembers what was found.
    pub(super) fn put(&self, key: u64, found: Found) {
        self.known.put(key, found, KNOWN_BYTES);
    }
}

/// Stands for a column (of a segment) that drifts in a monitor, and the pieces that are there.
pub(super) fn key(
    (monitor_no, revision): (i64, i32),
    segment: Option<&str>,
    column: &str,
    pieces: &[Vec<ChunkInfo>],
) -> u64 {
    let mut hasher = FxHasher::default();
    (monitor_no, revision, segment, column).hash(&mut hasher);
    for piece in pieces {
        span(piece).0.hash(&mut hasher);
    }
    hasher.finish()
}

/// Chunks in which the change is looked for, by pieces in the order of time. Where a piece ends depends on the numbers of its
/// chunks alone, so that the pieces of the next evaluation are mostly those of this one.
///
/// `under_test`: the chunks after the reference, ordered by time. `current`: how many of them, the newest, are the window.
pub(super) fn pieces(under_test: &[ChunkInfo], current: usize) -> Vec<Vec<ChunkInfo>> {
    let looked_at = (2 * current).min(CHUNKS_MAX.max(current));
    let newest = &under_test[under_test.len().saturating_sub(looked_at)..];
    let size = newest.len().div_ceil(PIECES_MAX).next_power_of_two();
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let mut pieces: Vec<Vec<ChunkInfo>> = Vec::new();
    for chunk in newest {
        let of = |chunk: &ChunkInfo| chunk.chunk_no.div_euclid(size);
        match pieces.last_mut() {
            Some(last) if last.last().is_some_and(|before| of(before) == of(chunk)) => {
                last.push(chunk.clone());
            }
            _ => pieces.push(vec![chunk.clone()]),
        }
    }
    pieces
}

/// Time of the first and of the last row of a piece.
pub(super) fn span(piece: &[ChunkInfo]) -> (Timestamp, Timestamp) {
    let first = piece.iter().map(|chunk| chunk.first_time).min();
    let last = piece.iter().map(|chunk| chunk.last_time).max();
    (
        first.unwrap_or(Timestamp::MIN),
        last.unwrap_or(Timestamp::MAX),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(numbers: std::ops::Range<i64>) -> Vec<ChunkInfo> {
        let at = |hour: i64| Timestamp::from_second(3_600 * hour).unwrap();
        let chunk = |chunk_no: i64| ChunkInfo {
            chunk_no,
            start: at(chunk_no),
            end: at(chunk_no + 1),
            seq_from: chunk_no,
            seq_to: chunk_no,
            rows: 1,
            labelled_rows: 0,
            label_delay_seconds: 0.0,
            first_time: at(chunk_no),
            last_time: at(chunk_no + 1),
            revision: 1,
            stale: false,
        };
        numbers.map(chunk).collect()
    }

    #[test]
    fn a_column_is_dated_anew_once_a_new_piece_has_begun() {
        let dates = Dates::default();
        let all = chunks(1..4);
        let key = |pieces: usize, column: &str| {
            super::key((1, 1), None, column, &super::pieces(&all[..pieces], pieces))
        };
        dates.put(key(2, "x"), Err(NoChange));
        assert_eq!(dates.get(key(2, "x")), Some(Err(NoChange)));
        assert_eq!(dates.get(key(3, "x")), None);
        assert_eq!(dates.get(key(2, "y")), None);
    }

    #[test]
    fn as_many_chunks_are_looked_at_before_the_window_as_it_has() {
        let all = chunks(1..101);
        let found = pieces(&all, 10);
        assert_eq!(found.len(), 20);
        assert_eq!(span(&found[0]), span(&all[80..81]));
        assert_eq!(pieces(&all[..5], 5).len(), 5);
        assert!(pieces(&[], 0).is_empty());
    }

    #[test]
    fn neighbours_go_together_by_their_numbers_and_few_pieces_are_left() {
        let all = chunks(1..2_001);
        let before = pieces(&all[..1_990], 500);
        assert!((PIECES_MAX / 2..=2 * PIECES_MAX).contains(&before.len()));
        let (first, last) = span(&before[1]);
        let again = pieces(&all[..1_991], 500);
        assert!(again.iter().any(|piece| span(piece) == (first, last)));
        let looked_at: usize = again.iter().map(Vec::len).sum();
        assert_eq!(
            looked_at, 500,
            "a window of more than {CHUNKS_MAX} chunks is looked at whole"
        );
        let looked_at: usize = pieces(&all, 200).iter().map(Vec::len).sum();
        assert_eq!(looked_at, CHUNKS_MAX);
    }
}
