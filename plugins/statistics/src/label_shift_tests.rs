//! Label shift with priors that are known.

use super::*;
use crate::check::close;
use crate::rng::Rng;

/// Two classes, scores normal with means 0 and `apart`: rows of probabilities, and their classes.
fn rows(count: usize, prior: f64, apart: f64, rng: &mut Rng) -> (Vec<Vec<f64>>, Vec<usize>) {
    // The model was trained with half of each, so its probabilities are those of equal shares.
    (0..count)
        .map(|_| {
            let class = usize::from(rng.uniform() < prior);
            let x = rng.normal() + apart * class as f64;
            let q = 1.0 / (1.0 + libm::exp(-(apart * x - 0.5 * apart * apart)));
            (vec![1.0 - q, q], class)
        })
        .unzip()
}

fn counts(rows: &[Vec<f64>]) -> Vec<f64> {
    let positive = rows.iter().filter(|row| row[1] > 0.5).count() as f64;
    vec![rows.len() as f64 - positive, positive]
}

fn confusions(rows: &[Vec<f64>], labels: &[usize]) -> Vec<Vec<f64>> {
    let of = |class| {
        rows.iter()
            .zip(labels)
            .filter(|(_, label)| **label == class)
            .map(|(row, _)| row.clone())
            .collect::<Vec<_>>()
    };
    vec![counts(&of(0)), counts(&of(1))]
}

#[test]
fn a_case_on_paper() {
    // M = [[0.8, 0.4], [0.2, 0.6]]; shares 0.5 and 0.5 are predicted where w = (0.25, 0.75).
    let found = black_box(&[vec![80.0, 20.0], vec![40.0, 60.0]], &[50.0, 50.0]).unwrap();
    close(found.shares[0], 0.25, 1e-12);
    // 1 / 0.4^2 (0.25 / 100 + 0.0625 * 0.16 / 100 + 0.5625 * 0.24 / 100)
    close(
        found.variances[1],
        (0.25 + 0.0625 * 0.16 + 0.5625 * 0.24) / 100.0 / 0.16,
        1e-12,
    );
    close(found.variances[0], found.variances[1], 1e-12);
}

#[test]
fn shares_stay_inside_the_simplex() {
    let found = black_box(&[vec![80.0, 20.0], vec![40.0, 60.0]], &[99.0, 1.0]).unwrap();
    assert_eq!(found.shares, [1.0, 0.0]);
    let three = [
        vec![90.0, 5.0, 5.0],
        vec![10.0, 80.0, 10.0],
        vec![20.0, 10.0, 70.0],
    ];
    let found = black_box(&three, &[800.0, 195.0, 5.0]).unwrap();
    assert!(
        found.shares.iter().all(|share| *share >= 0.0) && found.shares[2] == 0.0,
        "{found:?}"
    );
    close(found.shares.iter().sum(), 1.0, 1e-12);
    // At the least square no shift between classes that are there lowers it.
    let matrix: Vec<Vec<f64>> = (0..3)
        .map(|i| three.iter().map(|row| row[i] / 100.0).collect())
        .collect();
    let square = |w: &[f64]| {
        matrix
            .iter()
            .zip([0.8, 0.195, 0.005])
            .map(|(row, m)| (dot(row, w) - m) * (dot(row, w) - m))
            .sum::<f64>()
    };
    for step in [1e-4, -1e-4] {
        assert!(
            square(&[found.shares[0] + step, found.shares[1] - step, 0.0]) >= square(&found.shares)
        );
    }
}

#[test]
fn classes_that_look_alike_are_refused() {
    let blind = black_box(&[vec![50.0, 50.0], vec![50.0, 50.0]], &[10.0, 10.0]);
    assert!(
        matches!(blind, Err(LabelShiftError::Confused(_))),
        "{blind:?}"
    );
    assert_eq!(
        black_box(&[vec![5.0, 5.0], vec![0.0, 0.0]], &[10.0, 10.0]),
        Err(LabelShiftError::NoRows)
    );
    assert_eq!(black_box(&[], &[]), Err(LabelShiftError::NoRows));
    let mut rng = Rng::new(1);
    let (reference, labels) = rows(1000, 0.5, 0.01, &mut rng);
    let (current, _) = rows(1000, 0.5, 0.01, &mut rng);
    let blind = expectation_maximisation(&reference, &labels, &current, &[500.0, 500.0]);
    assert!(
        matches!(blind, Err(LabelShiftError::Confused(_))),
        "{blind:?}"
    );
    assert_eq!(
        expectation_maximisation(&[], &[], &current, &[500.0, 500.0]),
        Err(LabelShiftError::NoRows)
    );
}

/// Known priors through both estimates: the mean error, and how often the interval of 95% holds the truth.
fn coverage(repeats: u32, n: usize, m: usize, prior: f64) -> [(f64, f64); 2] {
    let mut rng = Rng::new(11);
    let mut found = [(0.0, 0.0); 2];
    for _ in 0..repeats {
        let (reference, labels) = rows(n, 0.5, 2.0, &mut rng);
        let (current, _) = rows(m, prior, 2.0, &mut rng);
        let positive = labels.iter().sum::<usize>() as f64;
        let both = [
            black_box(&confusions(&reference, &labels), &counts(&current)).unwrap(),
            expectation_maximisation(
                &reference,
                &labels,
                &current,
                &[n as f64 - positive, positive],
            )
            .unwrap(),
        ];
        for (found, priors) in found.iter_mut().zip(both) {
            let off = (priors.shares[1] - prior).abs();
            found.0 += off / f64::from(repeats);
            found.1 +=
                f64::from(u8::from(off <= 1.96 * priors.variances[1].sqrt())) / f64::from(repeats);
        }
    }
    found
}

#[test]
fn known_priors_come_back_within_their_intervals() {
    for (off, covered) in coverage(150, 1000, 1000, 0.8) {
        assert!(off < 0.03, "{off}");
        assert!(covered > 0.88, "{covered}");
    }
}

#[test]
#[ignore = "a simulation of a minute: run with --release -- --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "the table is the result")]
fn coverage_of_the_intervals() {
    println!("| reference | current | prior | estimate | mean error | 95% interval holds |");
    for (n, m) in [(300, 300), (1000, 1000), (5000, 1000), (1000, 5000)] {
        for prior in [0.1, 0.3, 0.5, 0.8, 0.95] {
            for (name, (off, covered)) in
                ["black box", "EM"].iter().zip(coverage(1000, n, m, prior))
            {
                println!("| {n} | {m} | {prior} | {name} | {off:.4} | {covered:.3} |");
                assert!(covered > 0.90, "{name} {n} {m} {prior}: {covered}");
            }
        }
    }
}
