//! Ranks out of a sketch: never further off than it says, and it never says more than was promised.

use proptest::prelude::*;

use super::super::run::Run;
use super::super::sketch::{Sketch, Spare};
use super::random;

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// A sketch that is given the values in their order, `step` at a time.
fn sketch(values: &[f64], capacity: usize, step: usize) -> Sketch {
    let (mut sketch, mut spare) = (Sketch::new(capacity), Spare::default());
    values
        .chunks(step)
        .for_each(|part| sketch.insert_sorted(&sorted(part), &mut spare));
    sketch
}

/// Levels that can have been compacted: `2^l * 2 * capacity` is at most the number of values.
fn levels(total: u64, capacity: usize) -> u64 {
    u64::from(
        (total / (2 * capacity as u64))
            .checked_ilog2()
            .map_or(0, |log| log + 1),
    )
}

/// Holds a sketch to its word, at every value and between all of them.
fn check(sketch: &Sketch, values: &[f64]) {
    let all = sorted(values);
    let (total, capacity) = (all.len() as u64, sketch.capacity);
    assert_eq!(sketch.total(), total);
    assert_eq!(
        (sketch.minimum, sketch.maximum),
        (all[0], all[all.len() - 1])
    );
    // The promise: error / n is at most h / (2 k).
    assert!(sketch.error() * 2 * capacity as u64 <= levels(total, capacity) * total);
    assert!(
        sketch
            .levels
            .iter()
            .all(|level| level.len() < 2 * capacity && level.is_sorted())
    );

    let run = sketch.to_run();
    assert_eq!(run.total(), total);
    let mut laid_out = 0;
    let mut entries = run.values().iter().zip(run.counts()).peekable();
    let mut distinct = all.clone();
    distinct.dedup();
    for point in distinct
        .iter()
        .flat_map(|&value| [value.next_down(), value])
    {
        let truth = all.partition_point(|&value| value <= point) as u64;
        let rank = sketch.rank(point);
        assert!(
            rank.abs_diff(truth) <= sketch.error(),
            "{rank} {truth} {}",
            sketch.error()
        );
        while let Some((_, count)) = entries.next_if(|(value, _)| **value <= point) {
            laid_out += count;
        }
        assert_eq!(rank, laid_out, "the laid-out form has the same ranks");
    }
    let mut passed = 0;
    for (&value, count) in run.values().iter().zip(run.counts()) {
        assert_eq!(
            (sketch.value_at(passed), sketch.value_at(passed + count - 1)),
            (value, value)
        );
        passed += count;
    }
}

#[test]
fn ranks_are_within_the_error_whatever_the_order() {
    let count = 20_000;
    let ascending: Vec<f64> = (0..count).map(f64::from).collect();
    let descending: Vec<f64> = ascending.iter().rev().copied().collect();
    let zoomed_in: Vec<f64> = (0..count)
        .map(|i| {
            if i % 2 == 0 {
                f64::from(i)
            } else {
                f64::from(2 * count - i)
            }
        })
        .collect();
    let zoomed_out: Vec<f64> = (0..count)
        .map(|i| f64::from(if i % 2 == 0 { i } else { -i }))
        .collect();
    let duplicates: Vec<f64> = random(20_000).iter().map(|x| x % 5.0).collect();
    let skewed: Vec<f64> = random(20_000)
        .iter()
        .map(|x| if x % 10.0 < 9.0 { 7.0 } else { *x })
        .collect();
    for values in [
        ascending,
        descending,
        zoomed_in,
        zoomed_out,
        duplicates,
        skewed,
        random(20_000),
    ] {
        for (capacity, step) in [(16, 32), (16, 1_000), (50, 7), (2, 4)] {
            check(&sketch(&values, capacity, step), &values);
        }
    }
}

#[test]
fn errors_of_alternating_compactions_cancel() {
    let values = random(100_000);
    let sketch = sketch(&values, 16, 32);
    let promised = levels(100_000, 16) * 100_000 / 32;
    assert!(
        sketch.error() * 100 < promised * 56,
        "{} of {promised}",
        sketch.error()
    );
}

#[test]
fn counts_of_a_run_enter_without_error() {
    let run = Run::from_parts(vec![-1.0, 2.0, 5.0], vec![1_000_000, 1, 77]);
    let mut sketch = Sketch::new(16);
    sketch.insert_run(&run, &mut Spare::default());
    assert_eq!((sketch.error(), sketch.total()), (0, 1_000_078));
    assert_eq!(
        [-2.0, -1.0, 2.0, 4.9, 5.0].map(|x| sketch.rank(x)),
        [0, 1_000_000, 1_000_001, 1_000_001, 1_000_078]
    );
    assert_eq!(sketch.to_run(), run);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn merged_sketches_keep_their_word(
        parts in prop::collection::vec((1..400_usize, 1..40_usize), 1..8), capacity in 2..9_usize, turn in any::<bool>(),
    ) {
        let values = random(parts.iter().map(|part| part.0).sum());
        let (mut from, mut sketches) = (0, Vec::new());
        for (length, step) in parts {
            sketches.push(sketch(&values[from..from + length], capacity, step));
            from += length;
        }
        let (mut spare, mut all) = (Spare::default(), Sketch::new(capacity));
        if turn {
            sketches.reverse();
        }
        for sketch in &sketches {
            all.merge(sketch, &mut spare);
        }
        check(&all, &values);
    }

    #[test]
    fn runs_of_any_counts_keep_their_word(counts in prop::collection::vec(1..200_u64, 1..120), capacity in 2..9_usize) {
        let numbers = (0..counts.len()).map(|i| i as f64);
        let values: Vec<f64> = numbers.clone().zip(&counts).flat_map(|(x, &n)| (0..n).map(move |_| x)).collect();
        let mut sketch = Sketch::new(capacity);
        sketch.insert_run(&Run::from_parts(numbers.collect(), counts), &mut Spare::default());
        check(&sketch, &values);
    }
}
