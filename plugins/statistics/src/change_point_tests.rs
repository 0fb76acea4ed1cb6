//! Changes that are known, found again: by hand, by brute force, and as often as the interval says.

#![allow(clippy::print_stdout, reason = "the simulation prints its table")]

use super::*;
use crate::change_point_law::draw as drawn;
use crate::check::close;
use crate::rng::Rng;
use proptest::prelude::*;

/// Log-likelihood of counts under their own shares.
fn likelihood(counts: &[f64]) -> f64 {
    let rows: f64 = counts.iter().sum();
    let terms = counts.iter().filter(|count| **count > 0.0);
    terms.map(|count| count * libm::log(count / rows)).sum()
}

fn summed<'a>(pieces: impl Iterator<Item = &'a Vec<f64>>, bins: usize) -> Vec<f64> {
    let mut sum = vec![0.0; bins];
    pieces.for_each(|piece| add(&mut sum, piece));
    sum
}

/// What the definition says, cut by cut: the ratio where both sides have rows.
fn by_force(reference: &[f64], pieces: &[Vec<f64>]) -> Vec<Option<f64>> {
    let bins = reference.len();
    let all = summed(pieces.iter().chain([&reference.to_vec()]), bins);
    let at = |cut: usize| {
        let left = summed(pieces[..cut].iter().chain([&reference.to_vec()]), bins);
        let right = summed(pieces[cut..].iter(), bins);
        let told = left.iter().sum::<f64>() > 0.0 && right.iter().sum::<f64>() > 0.0;
        told.then(|| likelihood(&left) + likelihood(&right) - likelihood(&all))
    };
    (0..pieces.len()).map(at).collect()
}

fn found(pieces: &[Vec<f64>]) -> ChangePoint {
    change_point(pieces, 0.95).unwrap().unwrap()
}

#[test]
fn a_plain_change_is_where_it_is() {
    // Either side of cut 2 has 8 rows, 6 in one bin; one law would expect 4 in each.
    let pieces = [[3.0, 1.0], [3.0, 1.0], [1.0, 3.0], [1.0, 3.0]];
    let point = change_point(&pieces, 0.95).unwrap().unwrap();
    assert_eq!(point.cut, 2);
    close(
        point.log_likelihood_ratio,
        12.0 * libm::log(1.5) + 4.0 * libm::log(0.5),
        1e-14,
    );
    // Sixteen rows rule nothing out; sixteen thousand do.
    assert_eq!((point.low, point.high), (1, 3));
    let pieces = pieces.map(|piece| piece.map(|count| count * 1000.0));
    let point = change_point(&pieces, 0.95).unwrap().unwrap();
    assert_eq!((point.low, point.cut, point.high), (2, 2, 2));
}

#[test]
fn the_drop_is_that_of_hansen() {
    // Table I of Hansen (2000): 5.94 at 90%, 7.35 at 95%, 10.59 at 99%.
    close(drop_max(0.90), 5.94, 1e-3);
    close(drop_max(0.95), 7.35, 1e-3);
    close(drop_max(0.99), 10.59, 1e-3);
}

#[test]
fn with_a_reference_the_change_may_lie_before_the_first_piece() {
    let reference = [500.0, 500.0];
    let pieces = [[90.0, 10.0], [88.0, 12.0], [91.0, 9.0]];
    let point = change_point_from(&reference, &pieces, 0.95)
        .unwrap()
        .unwrap();
    assert_eq!((point.low, point.cut, point.high), (0, 0, 0));

    let pieces = [[51.0, 49.0], [50.0, 50.0], [91.0, 9.0]];
    let point = change_point_from(&reference, &pieces, 0.95)
        .unwrap()
        .unwrap();
    assert_eq!((point.low, point.cut, point.high), (2, 2, 2));
}

#[test]
fn a_reference_without_rows_leaves_both_sides_unknown() {
    let pieces = [[9.0, 1.0], [8.0, 2.0], [1.0, 9.0]];
    assert_eq!(
        change_point_from(&[0.0, 0.0], &pieces, 0.9),
        change_point(&pieces, 0.9)
    );
}

#[test]
fn nothing_to_tell_is_none() {
    let none: [[f64; 2]; 0] = [];
    assert_eq!(change_point(&none, 0.95), Ok(None));
    assert_eq!(change_point_from(&[3.0, 4.0], &none, 0.95), Ok(None));
    assert_eq!(change_point(&[[0.0; 2]; 5], 0.95), Ok(None));
    assert_eq!(
        change_point_from(&[3.0, 4.0], &[[0.0; 2]; 5], 0.95),
        Ok(None)
    );
    assert_eq!(change_point(&[[1.0, 2.0]], 0.95), Ok(None));
    assert_eq!(
        change_point(&[[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]], 0.95),
        Ok(None)
    );
    assert_eq!(change_point(&[[]; 3] as &[[f64; 0]; 3], 0.95), Ok(None));
    assert_eq!(change_point(&[[5.0], [7.0]], 0.95), Ok(None));
    // Equal shares whose expected counts are no whole numbers: rounding is no change.
    let thirds = [[1.0, 2.0, 4.0], [3.0, 6.0, 12.0], [7e12, 14e12, 28e12]];
    assert_eq!(change_point(&thirds, 0.95), Ok(None));
}

#[test]
fn a_cut_has_rows_behind_it_and_what_no_row_tells_apart_is_inside() {
    let mut pieces = vec![vec![100.0, 0.0], vec![0.0, 0.0], vec![0.0, 0.0]];
    pieces.extend([vec![0.0, 100.0], vec![0.0, 0.0]]);
    let point = found(&pieces);
    assert_eq!((point.low, point.cut, point.high), (1, 3, 3));
}

#[test]
fn what_is_wrong_is_named() {
    let piece = [1.0, 2.0];
    for level in [0.0, 1.0, -1.0, f64::NAN] {
        assert!(matches!(
            change_point(&[piece], level),
            Err(ChangePointError::BadLevel { .. })
        ));
    }
    assert_eq!(
        change_point(&[&piece[..], &piece[..1]], 0.95),
        Err(ChangePointError::BinMismatch {
            piece: 1,
            bins: 1,
            expected: 2
        })
    );
    for bad in [-1.0, f64::NAN, f64::INFINITY, 2.0 * COUNT_MAX] {
        let piece = Some(1);
        assert_eq!(
            change_point(&[[1.0, 2.0], [1.0, bad]], 0.95),
            Err(ChangePointError::BadCount { piece, bin: 1 })
        );
        assert_eq!(
            change_point_from(&[bad, 2.0], &[piece_of(2)], 0.95),
            Err(ChangePointError::BadCount {
                piece: None,
                bin: 0
            })
        );
    }
}

fn piece_of(bins: usize) -> Vec<f64> {
    vec![1.0; bins]
}

#[test]
fn limits_hold_on_both_sides() {
    assert_eq!(change_point(&vec![piece_of(2); PIECES_MAX], 0.95), Ok(None));
    assert_eq!(
        change_point(&vec![piece_of(2); PIECES_MAX + 1], 0.95),
        Err(ChangePointError::TooManyPieces {
            pieces: PIECES_MAX + 1
        })
    );
    assert_eq!(change_point(&vec![piece_of(BINS_MAX); 2], 0.95), Ok(None));
    assert_eq!(
        change_point(&vec![piece_of(BINS_MAX + 1); 2], 0.95),
        Err(ChangePointError::TooManyBins { bins: BINS_MAX + 1 })
    );
    let most = [[COUNT_MAX, 0.0], [0.0, COUNT_MAX]];
    let point = change_point(&most, 0.95).unwrap().unwrap();
    close(
        point.log_likelihood_ratio,
        2.0 * COUNT_MAX * core::f64::consts::LN_2,
        1e-14,
    );
}

/// A stretch of pieces, and how its law changes.
#[derive(Clone, Copy)]
struct Setting {
    bins: u32,
    pieces: usize,
    rows: f64,
    /// Sum of squared differences of shares, each over the share: the chi-squared divergence, times the rows of a piece.
    strength: f64,
    /// Rows of the reference; none where neither law is known.
    reference: f64,
}

/// How many of `repeats` changes at any piece lie inside the interval, and how many pieces it holds on average.
fn coverage(setting: Setting, repeats: u32, seed: u64) -> (u32, f64) {
    let Setting {
        bins, pieces, rows, ..
    } = setting;
    let mut rng = Rng::new(seed);
    let before: Vec<f64> = vec![1.0 / f64::from(bins); bins as usize];
    let lean = (setting.strength / rows).sqrt();
    // Every other bin gains what its neighbour loses; an odd one out stays.
    let after: Vec<f64> = before
        .iter()
        .enumerate()
        .map(|(bin, share)| match bin {
            _ if bin + 1 == bins as usize && bin % 2 == 0 => *share,
            _ if bin % 2 == 0 => share * (1.0 + lean),
            _ => share * (1.0 - lean),
        })
        .collect();
    let (mut inside, mut width) = (0, 0);
    for _ in 0..repeats {
        let first = usize::from(setting.reference == 0.0);
        let truth = first + usize::try_from(rng.below((pieces - first) as u64)).unwrap();
        let sequence: Vec<Vec<f64>> = (0..pieces)
            .map(|piece| drawn(if piece < truth { &before } else { &after }, rows, &mut rng))
            .collect();
        let reference = drawn(&before, setting.reference, &mut rng);
        let point = change_point_from(&reference, &sequence, 0.95)
            .unwrap()
            .unwrap();
        inside += u32::from(point.low <= truth && truth <= point.high);
        width += point.high - point.low + 1;
    }
    (inside, width as f64 / f64::from(repeats))
}

#[test]
fn the_interval_holds_the_change_as_often_as_it_says() {
    for (reference, strength) in [(0.0, 3.0), (1000.0, 3.0), (1000.0, 9.0)] {
        let setting = Setting {
            bins: 10,
            pieces: 12,
            rows: 100.0,
            strength,
            reference,
        };
        let (inside, _) = coverage(setting, 300, 7);
        assert!(inside >= 270, "{reference} {strength}: {inside}");
    }
}

#[test]
#[ignore = "a simulation of many minutes: run with --release -- --ignored --nocapture"]
fn coverage_over_sizes_and_strengths() {
    println!("  bins pieces   rows  reference strength  inside  pieces in the interval");
    for (bins, pieces, rows) in [
        (2, 8, 50.0),
        (2, 40, 200.0),
        (10, 8, 50.0),
        (10, 40, 200.0),
        (10, 400, 50.0),
        (30, 8, 200.0),
        (30, 40, 50.0),
        (30, 40, 1000.0),
    ] {
        for reference in [0.0, 10.0 * rows] {
            for strength in [0.3, 1.0, 3.0, 10.0, 30.0] {
                let setting = Setting {
                    bins,
                    pieces,
                    rows,
                    strength,
                    reference,
                };
                let (inside, width) = coverage(setting, 400, 1);
                println!(
                    "{bins:6} {pieces:6} {rows:6} {reference:10} {strength:8} {:6.1}% {width:8.1}",
                    f64::from(inside) / 4.0
                );
            }
        }
    }
}

#[test]
fn a_long_sequence_is_simulated_in_blocks() {
    let mut rng = Rng::new(3);
    let (before, after) = (vec![0.05; 20], [0.049, 0.051].repeat(10));
    let pieces: Vec<Vec<f64>> = (0..PIECES_MAX)
        .map(|piece| drawn(if piece < 1500 { &before } else { &after }, 200.0, &mut rng))
        .collect();
    let point = found(&pieces);
    assert!(point.low <= 1500 && 1500 <= point.high, "{point:?}");
    assert!(point.high - point.low < PIECES_MAX / 2, "{point:?}");
}

fn sequences() -> impl Strategy<Value = (Vec<f64>, Vec<Vec<f64>>)> {
    let counts = |bins| prop::collection::vec((0_u8..40).prop_map(f64::from), bins);
    (1_usize..6).prop_flat_map(move |bins| {
        let pieces = prop::collection::vec(
            prop_oneof![3 => counts(bins), 1 => Just(vec![0.0; bins])],
            0..12,
        );
        (counts(bins), pieces)
    })
}

proptest! {
    // Each case simulates.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_search_is_its_definition((reference, pieces) in sequences(), known: bool) {
        let reference = if known { reference } else { vec![0.0; reference.len()] };
        let profile = by_force(&reference, &pieces);
        let highest = profile.iter().flatten().fold(0.0, |most: f64, &one| most.max(one));
        match change_point_from(&reference, &pieces, 0.95).unwrap() {
            None => prop_assert!(highest < 1e-6),
            Some(point) => {
                let near = 1e-9 * (1.0 + highest) + 1e-9;
                prop_assert!((point.log_likelihood_ratio - highest).abs() <= near);
                prop_assert!((profile[point.cut].unwrap() - highest).abs() <= near);
                prop_assert!(pieces[point.cut].iter().any(|count| *count > 0.0));
                prop_assert!(point.low <= point.cut && point.cut <= point.high);
                for (cut, one) in profile.iter().enumerate() {
                    let inside = point.low <= cut && cut <= point.high;
                    if let Some(l) = one && 2.0 * (highest - l) <= drop_max(0.95) - 1e-6 {
                        prop_assert!(inside, "{} is outside", cut);
                    }
                }
                let widest = drop_max(0.95) + BEYOND_LIMIT * reference.len() as f64;
                for end in [point.low, point.high] {
                    prop_assert!(2.0 * (highest - profile[end].unwrap()) <= widest);
                }
            }
        }
    }

    #[test]
    fn the_order_of_bins_does_not_matter((reference, pieces) in sequences()) {
        let turned = |counts: &Vec<f64>| counts.iter().rev().copied().collect::<Vec<f64>>();
        let here = change_point_from(&reference, &pieces, 0.95).unwrap();
        let there = change_point_from(&turned(&reference), &pieces.iter().map(turned).collect::<Vec<_>>(), 0.95).unwrap();
        prop_assert_eq!(here.is_some(), there.is_some());
        if let (Some(here), Some(there)) = (here, there) {
            prop_assert!((here.log_likelihood_ratio - there.log_likelihood_ratio).abs() <= 1e-12 * here.log_likelihood_ratio);
            prop_assert_eq!((here.low, here.high), (there.low, there.high));
        }
    }

    #[test]
    fn a_sequence_backwards_changes_at_the_mirrored_cut((_, pieces) in sequences()) {
        let backwards: Vec<Vec<f64>> = pieces.iter().rev().cloned().collect();
        let here = change_point(&pieces, 0.95).unwrap();
        let there = change_point(&backwards, 0.95).unwrap();
        prop_assert_eq!(here.is_some(), there.is_some());
        if let (Some(here), Some(there)) = (here, there) {
            prop_assert!((here.log_likelihood_ratio - there.log_likelihood_ratio).abs() <= 1e-12 * here.log_likelihood_ratio);
            // With more bins the drop is simulated, from a stream of chance that has a direction.
            if pieces[0].len() <= 2 {
                prop_assert_eq!((here.low, here.high), (pieces.len() - there.high, pieces.len() - there.low));
            }
        }
    }

    #[test]
    fn pieces_without_rows_move_nothing((reference, pieces) in sequences()) {
        let kept: Vec<usize> = (0..pieces.len()).filter(|&piece| pieces[piece].iter().any(|count| *count > 0.0)).collect();
        let dense: Vec<Vec<f64>> = kept.iter().map(|&piece| pieces[piece].clone()).collect();
        let here = change_point_from(&reference, &pieces, 0.95).unwrap();
        let there = change_point_from(&reference, &dense, 0.95).unwrap();
        prop_assert_eq!(here.map(|one| one.log_likelihood_ratio), there.map(|one| one.log_likelihood_ratio));
        if let (Some(here), Some(there)) = (here, there) {
            // A change before a piece with rows may lie anywhere since the rows before it.
            let since = |piece: usize| if piece == 0 { 0 } else { kept[piece - 1] + 1 };
            prop_assert_eq!((here.low, here.cut, here.high), (since(there.low), kept[there.cut], kept[there.high]));
        }
    }
}
