//! Which chunks make the windows: every kind of reference, window and lack of rows.

use proptest::prelude::*;

use super::*;

/// A chunk of an hour: its number, its hour, its rows, its labelled rows.
fn chunk(chunk_no: i64, hour: i64, rows: u64, labelled_rows: u64) -> ChunkInfo {
    let at = |seconds: i64| Timestamp::from_second(hour * 3_600 + seconds).unwrap();
    ChunkInfo {
        chunk_no,
        start: at(0),
        end: at(3_600),
        seq_from: chunk_no * 10_000,
        seq_to: chunk_no * 10_000 + i64::try_from(rows).unwrap(),
        rows,
        labelled_rows,
        label_delay_seconds: 0.0,
        first_time: at(60),
        last_time: at(3_540),
        stale: false,
        revision: 1,
    }
}

/// One chunk an hour, without labels.
fn hours(rows: &[u64]) -> Vec<ChunkInfo> {
    (0..)
        .zip(rows)
        .map(|(hour, &rows)| chunk(hour + 1, hour, rows, 0))
        .collect()
}

fn labelled_hours(rows: &[(u64, u64)]) -> Vec<ChunkInfo> {
    (0..)
        .zip(rows)
        .map(|(hour, &(rows, labelled))| chunk(hour + 1, hour, rows, labelled))
        .collect()
}

fn at_hour(hour: i64) -> Option<Timestamp> {
    Timestamp::from_second(hour * 3_600).ok()
}

fn spec(reference: ReferenceSpec, current: CurrentSpec) -> MonitorSpec {
    MonitorSpec {
        reference,
        current,
        ..MonitorSpec::of("data-drift")
    }
}

fn ask(spec: &MonitorSpec) -> Ask<'_> {
    Ask {
        spec,
        training: None,
        data_set: None,
        labelled: false,
        rows_min: 10,
        chunk_rows: 1_000,
        position: WindowPosition::default(),
    }
}

fn sliding(rows: u64) -> CurrentSpec {
    CurrentSpec::Sliding {
        extent: Extent::Rows(rows),
    }
}
fn sliding_seconds(seconds: u64) -> CurrentSpec {
    CurrentSpec::Sliding {
        extent: Extent::Seconds(seconds),
    }
}
fn tumbling_rows(rows: u64) -> CurrentSpec {
    CurrentSpec::Tumbling {
        extent: Extent::Rows(rows),
    }
}
fn tumbling_seconds(seconds: u64) -> CurrentSpec {
    CurrentSpec::Tumbling {
        extent: Extent::Seconds(seconds),
    }
}

fn judged(selection: Selection) -> (Reference, Vec<usize>) {
    match selection {
        Selection::Judge {
            reference, current, ..
        } => (reference, current),
        other => panic!("{other:?}"),
    }
}

fn lacks(selection: Selection) -> Reason {
    match selection {
        Selection::Insufficient { reason, .. } | Selection::Waiting(reason) => reason,
        Selection::Judge { .. } => panic!("{selection:?}"),
    }
}

#[test]
fn a_sliding_window_is_the_smallest_run_of_chunks_with_its_rows() {
    let chunks = hours(&[100, 100, 100, 100]);
    let training = spec(ReferenceSpec::Training, sliding(150));
    let asked = Ask {
        training: at_hour(1),
        ..ask(&training)
    };
    assert_eq!(
        judged(select(&chunks, &asked)),
        (Reference::Training(vec![0]), vec![2, 3])
    );
    let all = spec(ReferenceSpec::Training, sliding(1_000));
    let asked = Ask {
        training: at_hour(1),
        ..ask(&all)
    };
    assert_eq!(
        judged(select(&chunks, &asked)).1,
        [1, 2, 3],
        "fewer rows are taken as they are"
    );
}

#[test]
fn a_window_by_time_has_every_chunk_with_a_row_in_it() {
    let chunks = hours(&[100, 100, 100, 100]);
    let trailing = ReferenceSpec::Trailing {
        extent: Extent::Seconds(3_600),
    };
    // The newest row is at 3:59, so an hour reaches back to 2:59 and not into chunk 2, which ends at 2:59.
    let one = spec(trailing.clone(), sliding_seconds(3_600));
    assert_eq!(
        judged(select(&chunks, &ask(&one))),
        (Reference::Trailing(vec![2]), vec![3])
    );
    let more = spec(trailing, sliding_seconds(3_601));
    assert_eq!(
        judged(select(&chunks, &ask(&more))),
        (Reference::Trailing(vec![1]), vec![2, 3])
    );
}

#[test]
fn rows_of_the_training_and_chunks_across_its_end_are_never_under_test() {
    let mut chunks = hours(&[100, 100, 100, 100]);
    chunks[1].first_time = chunks[1].start;
    let since = spec(ReferenceSpec::Training, CurrentSpec::SinceTraining);
    let asked = Ask {
        training: Some(Timestamp::from_second(3_700).unwrap()),
        ..ask(&since)
    };
    assert_eq!(
        judged(select(&chunks, &asked)),
        (Reference::Training(vec![0]), vec![2, 3]),
        "chunk 1 has rows of both sides"
    );
    let asked = Ask {
        training: at_hour(9),
        ..ask(&since)
    };
    assert_eq!(lacks(select(&chunks, &asked)), Reason::NoRowsSinceTraining);
}

#[test]
fn a_row_at_the_very_time_of_the_training_belongs_to_it() {
    let chunks = hours(&[100, 100]);
    let since = spec(ReferenceSpec::Training, CurrentSpec::SinceTraining);
    let asked = Ask {
        training: Some(chunks[0].last_time),
        ..ask(&since)
    };
    assert_eq!(
        judged(select(&chunks, &asked)),
        (Reference::Training(vec![0]), vec![1])
    );
    let asked = Ask {
        training: Some(chunks[1].first_time),
        ..ask(&since)
    };
    assert_eq!(lacks(select(&chunks, &asked)), Reason::NoRowsSinceTraining);
}

#[test]
fn auto_takes_the_data_set_then_the_training_then_the_rows_before() {
    let chunks = hours(&[100, 100, 100, 100]);
    let auto = spec(ReferenceSpec::Auto, sliding(100));
    let both = Ask {
        training: at_hour(1),
        data_set: Some((500, 0)),
        ..ask(&auto)
    };
    assert_eq!(judged(select(&chunks, &both)).0, Reference::DataSet);
    let training = Ask {
        data_set: None,
        ..both
    };
    assert_eq!(
        judged(select(&chunks, &training)).0,
        Reference::Training(vec![0])
    );
    let none = Ask {
        training: Some(Timestamp::from_second(-1).unwrap()),
        ..training
    };
    assert_eq!(
        judged(select(&chunks, &none)),
        (Reference::Trailing(vec![2]), vec![3])
    );
}

#[test]
fn auto_halves_what_there_is_until_two_windows_are_full() {
    let auto = spec(ReferenceSpec::Auto, sliding(5_000));
    for (rows, reference, current) in [
        (vec![100, 100], vec![0], vec![1]),
        (vec![100, 100, 100, 100], vec![0, 1], vec![2, 3]),
        (vec![1_000, 10], vec![0], vec![1]),
        (vec![10, 1_000], vec![0], vec![1]),
        (vec![4_000, 4_000, 4_000], vec![0], vec![1, 2]),
    ] {
        assert_eq!(
            judged(select(&hours(&rows), &ask(&auto))),
            (Reference::Trailing(reference), current),
            "{rows:?}"
        );
    }
    let single = select(&hours(&[1_000]), &ask(&auto));
    assert_eq!(
        lacks(single),
        Reason::ReferenceRows {
            rows_min: 10,
            labelled: false
        }
    );
}

#[test]
fn a_named_trailing_reference_never_shrinks_the_current_window() {
    let trailing = spec(
        ReferenceSpec::Trailing {
            extent: Extent::Rows(150),
        },
        sliding(200),
    );
    let chunks = hours(&[100, 100, 100, 100]);
    assert_eq!(
        judged(select(&chunks, &ask(&trailing))),
        (Reference::Trailing(vec![0, 1]), vec![2, 3])
    );
    let short = select(&chunks[..2], &ask(&trailing));
    assert_eq!(
        lacks(short),
        Reason::ReferenceRows {
            rows_min: 10,
            labelled: false
        }
    );
}

#[test]
fn what_is_missing_is_said_in_words() {
    let auto = spec(ReferenceSpec::Auto, sliding(5_000));
    assert_eq!(
        lacks(select(&[], &ask(&auto))).to_string(),
        "the model has no rows yet"
    );
    let set = spec(ReferenceSpec::DataSet, sliding(100));
    let chunks = hours(&[100]);
    assert_eq!(
        lacks(select(&chunks, &ask(&set))).to_string(),
        "no reference data set is active"
    );
    let small = Ask {
        data_set: Some((9, 9)),
        ..ask(&set)
    };
    assert_eq!(
        lacks(select(&chunks, &small)).to_string(),
        "the reference window has fewer than 10 rows"
    );
    let enough = Ask {
        data_set: Some((10, 0)),
        ..ask(&set)
    };
    assert_eq!(judged(select(&chunks, &enough)).0, Reference::DataSet);
    let training = spec(ReferenceSpec::Training, sliding(100));
    assert_eq!(
        lacks(select(&chunks, &ask(&training))),
        Reason::NoTrainingTime
    );
    let early = Ask {
        training: Some(Timestamp::from_second(-1).unwrap()),
        ..ask(&training)
    };
    assert_eq!(lacks(select(&chunks, &early)), Reason::NoTrainingRows);
    let few = Ask {
        rows_min: 101,
        ..enough
    };
    assert_eq!(
        lacks(select(&chunks, &few)).to_string(),
        "the current window has fewer than 101 rows"
    );
}

#[test]
fn windows_of_labels_are_counted_in_labelled_rows() {
    let chunks = labelled_hours(&[(100, 100), (100, 50), (100, 50), (100, 0)]);
    let auto = spec(ReferenceSpec::Auto, sliding(100));
    let asked = Ask {
        labelled: true,
        ..ask(&auto)
    };
    assert_eq!(
        judged(select(&chunks, &asked)),
        (Reference::Trailing(vec![0]), vec![1, 2, 3])
    );
    let none = labelled_hours(&[(100, 0), (100, 0)]);
    assert_eq!(
        lacks(select(&none, &asked)).to_string(),
        "the current window has fewer than 10 labelled rows"
    );
}

#[test]
fn labels_are_waited_for() {
    let chunks = labelled_hours(&[(100, 100), (100, 100), (100, 40), (100, 0)]);
    let mut monitor = spec(
        ReferenceSpec::Trailing {
            extent: Extent::Rows(100),
        },
        sliding(40),
    );
    monitor.labelled_share_min = 0.4;
    let asked = Ask {
        labelled: true,
        ..ask(&monitor)
    };
    let waits = lacks(select(&chunks, &asked));
    assert_eq!(
        waits.to_string(),
        "fewer than 40% of the current window's rows have a label"
    );
    monitor.label_maturity_seconds = 3_600;
    let asked = Ask {
        labelled: true,
        ..ask(&monitor)
    };
    assert_eq!(
        judged(select(&chunks, &asked)),
        (Reference::Trailing(vec![1]), vec![2]),
        "the newest hour is not ripe"
    );
    monitor.label_maturity_seconds = 36_000;
    let asked = Ask {
        labelled: true,
        ..ask(&monitor)
    };
    assert_eq!(
        lacks(select(&chunks, &asked)),
        Reason::NoMatureRows { seconds: 36_000 }
    );
    let features = Ask {
        labelled: false,
        ..asked
    };
    assert_eq!(
        judged(select(&chunks, &features)).1,
        [3],
        "what needs no labels waits for none"
    );
}

#[test]
fn tumbling_windows_by_rows_follow_one_another() {
    let mut chunks = hours(&[60, 60, 60, 60, 60]);
    let monitor = spec(ReferenceSpec::DataSet, tumbling_rows(100));
    let mut asked = Ask {
        data_set: Some((100, 0)),
        ..ask(&monitor)
    };
    let mut windows = Vec::new();
    while let Selection::Judge {
        current, position, ..
    } = select(&chunks, &asked)
    {
        windows.push(current);
        asked.position = position;
    }
    assert_eq!(windows, [[0, 1], [2, 3]]);
    // A late chunk of the first hour is in the next window, beside the fifth hour once that is over.
    chunks.insert(1, chunk(6, 0, 60, 0));
    assert_eq!(
        select(&chunks, &asked),
        Selection::Waiting(Reason::NoWindow),
        "the fifth hour still takes rows"
    );
    chunks.push(chunk(7, 5, 1, 0));
    assert_eq!(judged(select(&chunks, &asked)).1, [1, 5]);
}

#[test]
fn a_full_chunk_is_settled_before_its_hour_is_over() {
    let chunks = hours(&[999]);
    let monitor = spec(ReferenceSpec::DataSet, tumbling_rows(500));
    let asked = Ask {
        data_set: Some((100, 0)),
        ..ask(&monitor)
    };
    assert_eq!(
        select(&chunks, &asked),
        Selection::Waiting(Reason::NoWindow)
    );
    assert_eq!(judged(select(&hours(&[1_000]), &asked)).1, [0]);
}

#[test]
fn tumbling_windows_by_time_are_aligned_and_skip_empty_ones() {
    let mut chunks = vec![
        chunk(1, 3, 100, 0),
        chunk(2, 4, 100, 0),
        chunk(3, 9, 100, 0),
    ];
    let monitor = spec(ReferenceSpec::DataSet, tumbling_seconds(2 * 3_600));
    let mut asked = Ask {
        data_set: Some((100, 0)),
        ..ask(&monitor)
    };
    let mut windows = Vec::new();
    while let Selection::Judge {
        current, position, ..
    } = select(&chunks, &asked)
    {
        windows.push((current, position.to.unwrap().as_second() / 3_600));
        asked.position = position;
    }
    assert_eq!(
        windows,
        [(vec![0], 4), (vec![1], 6)],
        "hours 2 to 4 and 4 to 6; 8 to 10 is not over"
    );
    chunks.push(chunk(4, 10, 1, 0));
    assert_eq!(judged(select(&chunks, &asked)).1, [2]);
}

#[test]
fn a_tumbling_window_with_too_few_rows_is_passed_by() {
    let chunks = hours(&[5, 100, 1]);
    let monitor = spec(ReferenceSpec::DataSet, tumbling_seconds(3_600));
    let asked = Ask {
        data_set: Some((100, 0)),
        ..ask(&monitor)
    };
    let Selection::Insufficient {
        reason,
        current,
        position,
    } = select(&chunks, &asked)
    else {
        panic!("five rows are too few");
    };
    assert_eq!(
        (reason, current),
        (
            Reason::CurrentRows {
                rows_min: 10,
                labelled: false
            },
            vec![0]
        )
    );
    assert_eq!(judged(select(&chunks, &Ask { position, ..asked })).1, [1]);
}

#[test]
fn a_tumbling_window_waits_for_its_labels_until_a_later_one_has_them() {
    let monitor = spec(ReferenceSpec::DataSet, tumbling_seconds(3_600));
    let asked = Ask {
        data_set: Some((100, 100)),
        labelled: true,
        ..ask(&monitor)
    };
    let waits = select(&labelled_hours(&[(100, 0), (100, 0), (1, 0)]), &asked);
    assert_eq!(waits, Selection::Waiting(Reason::NoLabelledWindow));
    let first = select(&labelled_hours(&[(100, 50), (100, 0), (1, 0)]), &asked);
    assert_eq!(judged(first).1, [0]);
    let second = select(&labelled_hours(&[(100, 0), (100, 50), (1, 0)]), &asked);
    assert_eq!(judged(second).1, [1]);
}

fn any_extent() -> impl Strategy<Value = Extent> {
    prop_oneof![
        (1..500_u64).prop_map(Extent::Rows),
        (1..20_000_u64).prop_map(Extent::Seconds)
    ]
}

fn any_reference() -> impl Strategy<Value = ReferenceSpec> {
    prop_oneof![
        Just(ReferenceSpec::Auto),
        Just(ReferenceSpec::DataSet),
        Just(ReferenceSpec::Training),
        any_extent().prop_map(|extent| ReferenceSpec::Trailing { extent }),
    ]
}

fn any_current() -> impl Strategy<Value = CurrentSpec> {
    prop_oneof![
        Just(CurrentSpec::SinceTraining),
        any_extent().prop_map(|extent| CurrentSpec::Sliding { extent }),
        any_extent().prop_map(|extent| CurrentSpec::Tumbling { extent }),
    ]
}

fn any_chunks() -> impl Strategy<Value = Vec<ChunkInfo>> {
    proptest::collection::vec((0..30_i64, 1..200_u64, 0.0..=1.0_f64), 0..25).prop_map(|drawn| {
        let mut chunks: Vec<ChunkInfo> = (1..)
            .zip(drawn)
            .map(|(no, (hour, rows, share))| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a share of a small count"
                )]
                let labelled = (rows as f64 * share) as u64;
                chunk(no, hour, rows, labelled)
            })
            .collect();
        chunks.sort_by_key(|chunk| (chunk.start, chunk.seq_from));
        chunks
    })
}

proptest! {
    /// Whatever is asked of whatever chunks: windows do not overlap, are ascending, hold enough rows, keep to their side of the
    /// training, and tumbling ones move on.
    #[test]
    fn windows_keep_their_promises(
        chunks in any_chunks(), reference in any_reference(), current in any_current(), training in proptest::option::of(-1..32_i64),
        data_set in proptest::option::of((0..200_u64, 0..200_u64)), labelled: bool, share_min in 0.0..=1.0_f64, maturity in 0..40_000_u64,
    ) {
        let monitor = MonitorSpec { labelled_share_min: share_min, label_maturity_seconds: maturity, ..spec(reference, current) };
        let mut asked = Ask { training: training.and_then(at_hour), data_set, labelled, ..ask(&monitor) };
        let mut rounds = 0;
        let mut seen = std::collections::HashSet::new();
        loop {
            let selection = select(&chunks, &asked);
            prop_assert_eq!(&selection, &select(&chunks, &asked));
            let (current, position) = match selection {
                Selection::Waiting(_) => break,
                Selection::Insufficient { current, position, .. } => (current, position),
                Selection::Judge { reference, current, position } => {
                    let counted = |of: &[usize]| count(&chunks, of, labelled);
                    prop_assert!(counted(&current) >= asked.rows_min);
                    match reference {
                        Reference::DataSet => prop_assert!(data_set.is_some()),
                        Reference::Training(taken) => {
                            prop_assert!(taken.iter().all(|&at| Some(chunks[at].last_time) <= asked.training));
                            prop_assert!(counted(&taken) >= asked.rows_min);
                        }
                        Reference::Trailing(taken) => {
                            prop_assert!(taken.is_sorted());
                            prop_assert!(taken.last() < current.first());
                            prop_assert!(counted(&taken) >= asked.rows_min);
                        }
                    }
                    (current, position)
                }
            };
            prop_assert!(current.is_sorted());
            for &at in &current {
                prop_assert!(asked.training.is_none_or(|training| chunks[at].first_time > training));
            }
            if !matches!(monitor.current, CurrentSpec::Tumbling { .. }) || current.is_empty() {
                break;
            }
            for &at in &current {
                prop_assert!(seen.insert(at), "chunk {} is in two tumbling windows", at);
            }
            prop_assert_ne!(position, asked.position);
            asked.position = position;
            rounds += 1;
            prop_assert!(rounds <= chunks.len());
        }
    }

    /// A sliding window without its first chunk is too small: it is the smallest.
    #[test]
    fn a_sliding_window_is_the_smallest(chunks in any_chunks(), rows in 1..2_000_u64) {
        let monitor = spec(ReferenceSpec::DataSet, sliding(rows));
        let asked = Ask { data_set: Some((100, 0)), ..ask(&monitor) };
        if let Selection::Judge { current, .. } = select(&chunks, &asked) {
            prop_assert!(count(&chunks, &current[1..], false) < rows);
            prop_assert_eq!(current.last().copied(), chunks.len().checked_sub(1));
        }
    }
}
