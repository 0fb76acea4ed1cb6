//! Cuts rows into chunks: by stretches of time, at the training time, and by number.

use std::collections::BTreeMap;
use std::ops::Range;

/// Where stretches begin and end. Times are microseconds since 1970-01-01T00:00:00Z.
///
/// Invariant of what is made with it: stretches are equal or do not overlap, and none holds times on both sides of the
/// training time. Cuts at earlier training times stay where chunks have been made of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cuts {
    /// Length of a stretch, aligned to 1970.
    pub(super) stretch_micros: i64,
    /// Last moment of the training, if there is one.
    pub(super) training: Option<i64>,
    /// Rows after which a chunk is followed by another of its stretch.
    pub(super) chunk_rows: u64,
}

/// A chunk that may take rows: the newest of its stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenChunk {
    pub(super) chunk_no: i64,
    pub(super) stretch: Range<i64>,
    pub(super) rows: u64,
}

/// Some rows and the chunk they go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placement {
    /// An open chunk; absent for a new one.
    pub(super) chunk_no: Option<i64>,
    pub(super) stretch: Range<i64>,
    /// Positions of the rows, ascending; never empty.
    pub(super) rows: Vec<usize>,
}

impl Cuts {
    /// The aligned stretch of a time, as if no training cut it.
    pub(super) fn aligned(&self, time: i64) -> Range<i64> {
        let start = time.div_euclid(self.stretch_micros) * self.stretch_micros;
        start..start + self.stretch_micros
    }

    /// The aligned stretches of some times, ascending, each once.
    pub(super) fn aligned_of(&self, times: &[i64]) -> Vec<Range<i64>> {
        let mut starts: Vec<i64> = Vec::new();
        for &time in times {
            let start = self.aligned(time).start;
            // Rows mostly come in the order of time.
            if starts.last() != Some(&start) {
                starts.push(start);
            }
        }
        starts.sort_unstable();
        starts.dedup();
        starts
            .into_iter()
            .map(|start| start..start + self.stretch_micros)
            .collect()
    }

    /// The stretch of a time that no known stretch holds: as much of the aligned one as is free around it.
    fn free(&self, time: i64, known: &BTreeMap<i64, Open>) -> Range<i64> {
        let Range { mut start, mut end } = self.aligned(time);
        if let Some(training) = self.training {
            if time <= training {
                end = end.min(training + 1);
            } else {
                start = start.max(training + 1);
            }
        }
        if let Some((_, before)) = known.range(..=time).next_back() {
            start = start.max(before.end);
        }
        if let Some((&after, _)) = known.range(time + 1..).next() {
            end = end.min(after);
        }
        start..end
    }

    /// Says where rows go, given the newest chunk of every stretch that has one inside their aligned stretches. Rows are
    /// in the order of their seq. Placements of new chunks come in the order in which the chunks are opened.
    pub(super) fn place(&self, times: &[i64], open: &[OpenChunk]) -> Vec<Placement> {
        let mut placements: Vec<Placement> = Vec::new();
        let mut stretches: BTreeMap<i64, Open> = open
            .iter()
            .map(|chunk| {
                let open = Open {
                    end: chunk.stretch.end,
                    chunk_no: Some(chunk.chunk_no),
                    placement: None,
                    room: self.chunk_rows.saturating_sub(chunk.rows),
                };
                (chunk.stretch.start, open)
            })
            .collect();
        for (row, &time) in times.iter().enumerate() {
            let inside = |(&start, open): (&i64, &Open)| (time < open.end).then_some(start);
            let start = stretches.range(..=time).next_back().and_then(inside);
            let start = start.unwrap_or_else(|| {
                let Range { start, end } = self.free(time, &stretches);
                let open = Open {
                    end,
                    chunk_no: None,
                    placement: None,
                    room: 0,
                };
                stretches.insert(start, open);
                start
            });
            let open = stretches.get_mut(&start).expect("found or inserted");
            if open.room == 0 {
                (open.chunk_no, open.placement) = (None, None);
                open.room = self.chunk_rows.max(1);
            }
            let placement = *open.placement.get_or_insert_with(|| {
                placements.push(Placement {
                    chunk_no: open.chunk_no,
                    stretch: start..open.end,
                    rows: Vec::new(),
                });
                placements.len() - 1
            });
            placements[placement].rows.push(row);
            open.room -= 1;
        }
        placements
    }
}

/// A stretch and the chunk of it that takes rows.
#[derive(Debug)]
struct Open {
    end: i64,
    chunk_no: Option<i64>,
    /// Where its rows are gathered.
    placement: Option<usize>,
    room: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cuts(training: Option<i64>) -> Cuts {
        Cuts {
            stretch_micros: 10,
            training,
            chunk_rows: 2,
        }
    }

    fn placement(chunk_no: Option<i64>, stretch: Range<i64>, rows: &[usize]) -> Placement {
        Placement {
            chunk_no,
            stretch,
            rows: rows.to_vec(),
        }
    }

    #[test]
    fn a_chunk_takes_rows_until_it_is_full_and_another_of_its_stretch_follows() {
        let open = OpenChunk {
            chunk_no: 7,
            stretch: 0..10,
            rows: 1,
        };
        let placed = cuts(None).place(&[3, 12, 4, 9, 5, 0], &[open]);
        assert_eq!(
            placed,
            [
                placement(Some(7), 0..10, &[0]),
                placement(None, 10..20, &[1]),
                placement(None, 0..10, &[2, 3]),
                placement(None, 0..10, &[4, 5]),
            ]
        );
    }

    #[test]
    fn rows_up_to_the_training_time_and_after_it_never_share_a_chunk() {
        let placed = cuts(Some(4)).place(&[3, 5, 4, -1], &[]);
        assert_eq!(
            placed,
            [
                placement(None, 0..5, &[0, 2]),
                placement(None, 5..10, &[1]),
                placement(None, -10..0, &[3]),
            ]
        );
    }

    #[test]
    fn a_cut_of_the_past_stays_where_chunks_were_made_of_it() {
        let open = OpenChunk {
            chunk_no: 1,
            stretch: 0..3,
            rows: 0,
        };
        let placed = cuts(Some(6)).place(&[1, 4, 8], &[open]);
        assert_eq!(
            placed,
            [
                placement(Some(1), 0..3, &[0]),
                placement(None, 3..7, &[1]),
                placement(None, 7..10, &[2]),
            ]
        );
    }

    #[test]
    fn aligned_stretches_of_times_stand_once() {
        assert_eq!(
            cuts(None).aligned_of(&[25, -1, 3, 4, 29]),
            [-10..0, 0..10, 20..30]
        );
    }

    proptest! {
        #[test]
        fn every_row_has_one_chunk_that_holds_its_time(times in prop::collection::vec(-40..40_i64, 0..60), training in prop::option::of(-40..40_i64)) {
            let placed = cuts(training).place(&times, &[]);
            let mut seen: Vec<usize> = placed.iter().flat_map(|placement| placement.rows.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..times.len()).collect::<Vec<_>>());
            for placement in &placed {
                prop_assert!((1..=2).contains(&placement.rows.len()));
                prop_assert!(placement.rows.iter().all(|&row| placement.stretch.contains(&times[row])));
                let sides: Vec<bool> = placement.rows.iter().map(|&row| Some(times[row]) <= training).collect();
                prop_assert!(training.is_none() || sides.iter().all(|side| *side == sides[0]));
                for other in &placed {
                    let apart = placement.stretch.end <= other.stretch.start || other.stretch.end <= placement.stretch.start;
                    prop_assert!(apart || placement.stretch == other.stretch);
                }
            }
        }
    }
}
